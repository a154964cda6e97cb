"""The result of `evaluate trace` in, one page of HTML out that a stranger can read; nothing is fetched.

Names of models, files, groups and columns came with the data and are escaped.
"""

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from learnloop.evaluate.plots import short, svg
from learnloop.evaluate.ranking_html import (
    Html,
    bounds,
    chance,
    code,
    count,
    decimal,
    many,
    number,
    paragraph,
    percent,
    signed,
    size,
    table,
    two_lines,
    with_interval,
)
from learnloop.evaluate.ranking_words import parameters
from learnloop.evaluate.tracing_plots import BASELINE, figures, history_bands, leading, measured

MARK = 'name="generator" content="learnloop tracing report"'  # in every page of ours
MARK_WITHIN = 1_000  # bytes from the start of a report
Result = Mapping[str, Any]
Drawn = Mapping[str, str]
METRICS = {"auc": "AUC", "accuracy": "accuracy", "log_loss": "log-loss", "brier": "Brier", "ece": "ECE"}
KINDS = {
    "attempt_on_item": "First and later attempts at an item",
    "attempt_on_concept": "First and later answers on a concept",
    "learner": "New learners",
    "item": "New items",
    "history": "By length of history",
}
DESCRIBED = {
    "auc_by_model": "AUC of each model on the test with its interval",
    "honest_and_leaky": "Honest and leaky AUC of each model",
    "reliability": "Share of right answers against what each model predicted",
    "history": "AUC of each model by length of history",
    "validation_and_test": "AUC of each model on training, validation and test learners",
}
FAR = 0.02  # validation above test by this much AUC
MEANINGS = (
    ("AUC", "The chance that a right answer was given more than a wrong one; .5 is guessing."),
    ("Accuracy", "The share of answers on the right side of .5."),
    ("Log-loss", "The mean of −log of the probability given to what came; less is better."),
    ("Brier", "The mean of (probability − what came)²; less is better."),
    ("ECE", "The mean distance between what was said and how often it came, over ten bins; less is better."),
    ("Interval", "Where the number lies with 95% certainty (bootstrap over learners: the answers of one"
     " learner hang together)."),
    ("New item", "One that no learner of the training has answered."),
    ("Leaky", "An answer on several concepts is written once for each, and each is predicted and scored: the"
     " second has seen the first, which is itself."),
)  # fmt: skip


def is_report(head: bytes) -> bool:
    """Whether a file that begins with `head` (MARK_WITHIN bytes or more) is a report that may be replaced."""
    return MARK.encode() in head[:MARK_WITHIN]


def report_page(result: Result) -> str:
    """A whole document. result: as `learnloop evaluate trace --json` prints it."""
    drawn = {}
    for name, figure in figures(result).items():
        figure.axes[0].set_title("", loc="left")  # the page has headings
        drawn[name] = svg(figure, DESCRIBED[name])
    listed = [
        ("models", "Which model predicts best", _models(result, drawn)),
        ("comparisons", "Is the difference more than chance?", _comparisons(result)),
        ("leak", "Honest and leaky", _leak(result, drawn)),
        ("reliability", "Does 70% mean 70%?", _reliability(drawn)),
        ("history", "By length of history", _history(result, drawn)),
        ("groups", "Group by group", _groups(result)),
        ("gap", "Training, validation and test", _gap(result, drawn)),
        ("settings", "Settings and costs", _settings(result)),
        ("data", "What was read", _data(result)),
        ("words", "What the words mean", _glossary()),
    ]
    told = [(name, title, body) for name, title, body in listed if body]
    links = "".join(f'<a href="#{name}">{escape(title)}</a> ' for name, title, _ in told)
    body = "".join(
        f'<section id="{name}"><h2>{escape(title)}</h2>{inner}</section>' for name, title, inner in told
    )
    page = Template(_template()).substitute(
        heading="How well the models foresee answers",
        made=_made(result),
        body=_headline(result) + _tiles(result) + f"<nav>{links}</nav>" + body,
    )
    return page.encode("utf-8", "replace").decode("utf-8")  # a file's name may hold what is no letter


def _template() -> str:
    """The style of the ranking report, under our own name."""
    text = files("learnloop.evaluate").joinpath("ranking.html").read_text(encoding="utf-8")
    return text.replace("learnloop ranking report", "learnloop tracing report", 1).replace(
        "<title>Ranking report</title>", "<title>Tracing report</title>", 1
    )


def _figure(drawn: Drawn, name: str) -> str:
    return f"<figure>{drawn[name]}</figure>" if name in drawn else ""


def _named(name: str, result: Result) -> str:
    return f"{short(name, 40)} (chosen)" if name == result.get("best") else short(name, 40)


def _made(result: Result) -> str:
    data = result["data"]
    told = [f"Made from {code(str(data['file']))}", f"sha256 {code(str(data['sha256'])[:12])}"]
    if result["split"] == "given":
        told.append(f"asked of {code(str(data['test_file']))}")
    else:
        parts = result["folds"]
        held = "a fifth of the learners held back whole" if parts == 1 else f"{parts} folds of whole learners"
        told.append(held)
    told += ["each answer predicted once, from what came before it", f"seed {escape(str(result['seed']))}"]
    return "; ".join(told) + "."


def _headline(result: Result) -> str:
    models, best = measured(result), str(result.get("best"))
    if not models:
        return '<p class="verdict">No model could be evaluated. The reasons are below.</p>'
    if best in models:
        told = f"{code(best)} was chosen on validation learners: AUC"
    else:
        best = next(iter(models))
        told = f"No model was chosen, for there was no validation. Highest on the test is {code(best)}: AUC"
    told = f"{told} {with_interval(models[best]['metrics']['auc'])} on the test."
    if BASELINE in models and best != BASELINE:
        told += f" Each item's own rate, whoever answers, has {decimal(models[BASELINE]['metrics']['auc'])}."
    care = [*result["data"].get("notes", ()), *_cautions(result, best)]
    listed = "".join(f"<li>{escape(one)}</li>" for one in care)
    warned = f'<p><b>Be careful:</b></p><ul class="care">{listed}</ul>' if care else ""
    return f'<p class="verdict">{told}</p>{warned}'


def _cautions(result: Result, best: str) -> list[str]:
    found, models = [], measured(result)
    learners = result["test"]["learners"]
    if learners < 100:
        found.append(f"The test has {many(learners, 'learner')}: wide intervals say little.")
    gap = number(models[best].get("gap"))
    if gap is not None and abs(gap) > FAR:
        where = "lower" if gap > 0 else "higher"
        found.append(f"The chosen model's AUC is {decimal(abs(gap))} {where} on the test than on validation.")
    on_test = result.get("best_on_test")
    if result.get("best") and on_test != result["best"]:
        found.append(f"On the test {short(on_test)} is higher; a choice made by it would not be honest.")
    return found


def _tiles(result: Result) -> str:
    test = result["test"]
    tiles = [
        (count(test["answers"]), "answers asked"),
        (count(test["learners"]), "learners"),
        (percent(test["correct_share"]), "of the answers are right"),
        (percent(test["first_attempts"], test["answers"]), "are first attempts at an item"),
        (percent(test["on_new_items"], test["answers"]), "are on items that training lacks"),
        (percent(test["several_concepts"], test["answers"]), "have several concepts"),
    ]
    cells = "".join(f'<div class="tile"><b>{value}</b><span>{told}</span></div>' for value, told in tiles)
    return f'<div class="tiles">{cells}</div>'


def _models(result: Result, drawn: Drawn) -> str:
    models = measured(result)
    parts = list[str]()
    if models:
        rows = [
            [_named(name, result), *(two_lines(model["metrics"][one]) for one in METRICS)]
            for name, model in models.items()
        ]
        marked = list(models).index(result["best"]) if result.get("best") in models else None
        parts += [
            paragraph(
                "A stroke is where the AUC lies with 95% certainty. Where two strokes overlap, look at the"
                " next section: it compares the models on the same learners. Of AUC and accuracy more is"
                " better, of the others less."
            ),
            _figure(drawn, "auc_by_model"),
            table(["model", *(f"*{title}" for title in METRICS.values())], rows, marked),
        ]
    for name, model in (result.get("models") or {}).items():
        if name not in models:
            error = str(model.get("error") or "it was not measured")[:400]
            parts.append(paragraph(Html(f"{code(name)} could not be evaluated: {escape(error)}"), "warning"))
    return "".join(parts)


def _comparisons(result: Result) -> str:
    rows = []
    for pair in result.get("comparisons") or ():
        within, holm = bounds(pair), number(pair.get("p_holm"))
        sure = within is not None and (within[0] > 0 or within[1] < 0) and holm is not None and holm < 0.05
        told = Html(f'<span class="one">{escape(short(pair["a"]))} − {escape(short(pair["b"]))}</span>')
        verdict = "more than chance" if sure else "may be chance"
        rows.append(
            (
                told,
                METRICS[pair["metric"]],
                with_interval(pair, sign=True),
                chance(pair["p_value"]),
                chance(holm),
                Html(f'<span class="one">{verdict}</span>'),
            )
        )
    if not rows:
        return ""
    return paragraph(
        "Both models on the same resamples of learners, one minus the other, so what makes a learner easy or"
        " hard for both cancels. Holm's p allows for how many pairs are looked at. More AUC is better, less"
        " log-loss is better."
    ) + table(["pair", "metric", "*difference", "*p", "*p (Holm)", ""], rows)


def _leak(result: Result, drawn: Drawn) -> str:
    models = {name: told for name, model in measured(result).items() if (told := model.get("leaky"))}
    if not models:
        return ""
    if "honest_and_leaky" not in drawn:
        return paragraph("No answer has several concepts: expanding rows by concept changes nothing here.")
    rows = []
    for name, told in models.items():
        more = (number(told["auc"]) or 0.0) - (number(told["honest_auc"]) or 0.0)
        rows.append([_named(name, result), decimal(told["honest_auc"]), decimal(told["auc"]), signed(more)])
    first = next(iter(models.values()))
    return (
        paragraph(
            "Many papers write an answer on several concepts once for each concept, and score every row. The"
            " second row then knows the outcome of the first, which is its own. The leaky number is told so"
            " that it can be held against those papers; nothing is chosen by it, and it says nothing of what"
            " a model is good for."
        )
        + _figure(drawn, "honest_and_leaky")
        + table(["model", "*honest AUC", "*leaky AUC (not comparable)", "*the leak"], rows)
        + paragraph(f"{first['answers']:,} answers, {first['rows']:,} expanded rows.", "note")
    )


def _reliability(drawn: Drawn) -> str:
    if "reliability" not in drawn:
        return ""
    return paragraph(
        "Of the answers that were given 70%, 70% should be right: the nearer the dashed line, the better."
        " Below it a model is too hopeful, above it too gloomy. Bins of fewer than 30 answers are not drawn."
    ) + _figure(drawn, "reliability")


def _history(result: Result, drawn: Drawn) -> str:
    if "history" not in drawn:
        return ""
    return (
        paragraph(
            "A model that learns about a learner climbs from the left. The item's rate knows nothing of the"
            " learner and shows how hard the answers themselves are to foresee."
        )
        + _figure(drawn, "history")
        + _group_table(result, "history", history_bands(result))
    )


def _groups(result: Result) -> str:
    models = measured(result)
    kinds = list(dict.fromkeys(kind for model in models.values() for kind in model.get("groups") or {}))
    parts = []
    for kind in kinds:
        if kind == "history":
            continue
        values = list(dict.fromkeys(v for m in models.values() for v in (m["groups"].get(kind) or {})))
        parts.append(f"<h3>{escape(KINDS.get(kind, kind.replace('_', ' ')))}</h3>")
        parts.append(_group_table(result, kind, values))
    lead = paragraph("AUC by model. Wide intervals are small groups and say little.") if parts else ""
    return lead + "".join(parts)


def _group_table(result: Result, kind: str, values: list[str]) -> str:
    names, models = leading(result), measured(result)
    rows = []
    for value in values:
        told = [(models[name]["groups"].get(kind) or {}).get(value) or {} for name in names]
        n = next((one["n"] for one in told if one), None)
        rows.append([value, count(n), *(two_lines(one.get("auc")) for one in told)])
    return table(["group", "*answers", *(f"*{short(name)}" for name in names)], rows)


def _gap(result: Result, drawn: Drawn) -> str:
    rows = []
    for name, model in measured(result).items():
        valid, gap = model.get("validation"), number(model.get("gap"))
        if valid and gap is not None:
            test, train = number(valid["auc"] or 0.0) or 0.0, (model.get("train") or {}).get("auc")
            rows.append(
                [_named(name, result), decimal(train), decimal(test), decimal(test - gap), signed(gap)]
            )
    if not rows:
        return paragraph("No validation was done, so nothing can be said about overfitting.")
    return (
        paragraph(
            "Models are chosen on validation: training learners who were held out. The hollow point should"
            " lie near the full one. A stroke for training far to the right of both is what memorising looks"
            " like."
        )
        + _figure(drawn, "validation_and_test")
        + table(["model", "*training", "*validation", "*test", "*validation − test"], rows)
    )


def _settings(result: Result) -> str:
    rows = []
    for name, model in measured(result).items():
        seconds, trials = model.get("seconds") or {}, (model.get("tuning") or {}).get("trials")
        rows.append(
            [
                _named(name, result),
                parameters(model.get("params")),
                "no" if not model.get("tuning") else many(trials, "trial") if trials else "yes",
                decimal(seconds.get("fit"), 1),
                decimal(seconds.get("predict"), 1),
                size(model.get("peak_bytes")),
            ]
        )
    heads = ["model", "settings", "tuned", "*seconds to train", "*seconds to predict", "*peak memory"]
    return paragraph(
        "With these settings and the same data and seed the same numbers come out. Seconds are of one fold,"
        " on the machine it ran on, beside whatever else it did; peak memory is what training and predicting"
        " took beyond what was in use before."
    ) + table(heads, rows)


def _data(result: Result) -> str:
    data = result["data"]
    told: list[tuple[str, Any]] = [
        (name.replace("_", " "), count(value) if isinstance(value, int) else str(value))
        for name, value in data.items()
        if name not in ("notes", "refused", "times", "correct_share") and value is not None
    ]
    told.append(("times", "given" if data.get("times") else "none: order of rows"))
    for reason, n in (data.get("refused") or {}).items():
        told.append((f"rows left out: {reason}", count(n)))
    return table(["", ""], told)


def _glossary() -> str:
    found = "".join(f"<dt>{escape(name)}</dt><dd>{escape(told)}</dd>" for name, told in MEANINGS)
    return f"<dl>{found}</dl>"
