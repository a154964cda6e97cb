"""The result of `evaluate recommend` in, one page of HTML out that a stranger can read; nothing is fetched.

Names of models, files, groups and columns came with the data and are escaped. The page forbids scripts
besides. What the result lacks is left out, or said to be missing.
"""

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from learnloop.evaluate import ranking_plots as plots
from learnloop.evaluate import ranking_result as found_in
from learnloop.evaluate import ranking_sections as sections
from learnloop.evaluate import ranking_words as words
from learnloop.evaluate.plots import short, svg
from learnloop.evaluate.ranking_html import (
    Html,
    bounds,
    chance,
    code,
    count,
    number,
    paragraph,
    percent,
    size,
    table,
    two_lines,
    with_interval,
)
from learnloop.evaluate.ranking_result import Result

MARK = 'name="generator" content="learnloop ranking report"'  # in every page of ours
MARK_WITHIN = 1_000  # bytes from the start of a report


def is_report(head: bytes) -> bool:
    """Whether a file that begins with `head` (MARK_WITHIN bytes or more) is a report that may be replaced."""
    return MARK.encode() in head[:MARK_WITHIN]


def report_page(result: Result) -> str:
    """A whole document. result: as `learnloop evaluate recommend --json` prints it; parts may be missing."""
    return document(
        result, {name: svg(figure, words.DESCRIBED.get(name, name)) for name, figure in _untitled(result)}
    )


def document(result: Result, drawn: Mapping[str, str]) -> str:
    """The page around figures that are drawn already: name, as of `ranking_plots.figures` -> <svg>."""
    listed = [
        ("audit", "What the audit found", _audit(result)),
        ("models", "Which model ranks best", _models(result, drawn)),
        ("comparisons", "Is the difference more than chance?", _comparisons(result)),
        ("gap", "Validation against test", sections.gap(result, drawn)),
        ("popularity", "Accuracy against popularity", sections.popularity(result, drawn)),
        ("history", "By length of history", sections.history(result, drawn)),
        ("groups", "Group by group", sections.groups(result, drawn)),
        ("folds", "From fold to fold", sections.folds(result, drawn)),
        ("curve", "Would more learners help?", sections.curve(result, drawn)),
        ("calibration", "Does a list look like its learner?", sections.calibration(result, drawn)),
        ("settings", "Settings and costs", _settings(result)),
        ("data", "What was read", _data(result)),
        ("words", "What the words mean", _glossary(result)),
    ]
    told = [(name, title, body) for name, title, body in listed if body]
    links = "".join(f'<a href="#{name}">{escape(title)}</a> ' for name, title, _ in told)
    body = "".join(
        f'<section id="{name}"><h2>{escape(title)}</h2>{inner}</section>' for name, title, inner in told
    )
    template = files("learnloop.evaluate").joinpath("ranking.html").read_text(encoding="utf-8")
    page = Template(template).substitute(
        heading="How well the models recommend",
        made=_made(result),
        body=words.headline(result) + _tiles(result) + f"<nav>{links}</nav>" + body,
    )
    return page.encode("utf-8", "replace").decode("utf-8")  # a file's name may hold what is no letter


def _untitled(result: Result) -> list[tuple[str, Any]]:
    """The figures without their titles: the page has headings."""
    found = plots.figures(result)
    for figure in found.values():
        figure.axes[0].set_title("", loc="left")
    return list(found.items())


def _made(result: Result) -> str:
    data, told = result.get("data") or {}, []
    if data.get("file"):
        told.append(f"Made from {code(str(data['file']))}")
    if data.get("sha256"):
        told.append(f"sha256 {code(str(data['sha256'])[:12])}")
    split = str(result.get("split") or "")
    if split:
        told.append(escape(words.SPLITS.get(split, f"split: {split}")))
    folds = found_in.n_folds(result)
    if folds > 1:
        told.append(f"{folds} folds, the numbers are over all of them")
    seen = "are hidden" if result.get("hide_seen", True) else "may come again"
    told.append(
        "every list ranks the whole catalogue, no sample of it; items the learner has done before " + seen
    )
    if result.get("seed") is not None:
        told.append(f"seed {escape(str(result['seed']))}")
    return "; ".join(told) + "."


def _tiles(result: Result) -> str:
    data, test = result.get("data") or {}, result.get("test") or {}
    reachable = number(test.get("reachable_share"))
    tiles = [
        (count(data.get("rows")), "interactions read"),
        (count(data.get("learners")), "learners"),
        (count(data.get("items")), "items in the catalogue"),
        (count(test.get("learners")), "learners asked in the test"),
        (count(test.get("new_learners")), "of them new: nothing known before"),
        (None if reachable is None else percent(reachable), "of what they did is in training"),
    ]
    cells = "".join(
        f'<div class="tile"><b>{value}</b><span>{told}</span></div>' for value, told in tiles if value
    )
    return f'<div class="tiles">{cells}</div>' if cells else ""


def _audit(result: Result) -> str:
    findings = result.get("audit")
    if findings is None:
        return paragraph(
            "The data were not audited. With --audit the command looks for leaks (test rows in training,"
            " training rows from after the test began, columns that give the answer away) and for bias."
        )
    if not findings:
        # The order of rows is no time: without times nobody looked for rows from after the test began.
        timed = (result.get("data") or {}).get("times") is True
        return paragraph(
            "Nothing. No test row is in training"
            + (", no training row is from after the test began, and" if timed else ", and")
            + " no model is better than it can be."
            + ("" if timed else " Whether training holds rows from after the test began was not checked:")
            + ("" if timed else " the log has no times.")
        )
    parts = [paragraph("The most serious first. A leak makes every number below it worthless.")]
    for one in sorted(findings, key=lambda one: words.severity(one.get("severity"))):
        rank = ("high", "middle", "low")[words.severity(one.get("severity"))]
        check = str(one.get("check") or "check")
        name = escape(check.replace("_", " "))
        told = f"<p>{words.CHECKS[check]}</p>" if check in words.CHECKS else ""
        evidence, advice = words.evidence(one.get("evidence")), one.get("advice")
        parts.append(
            f'<div class="finding {rank}"><p><b>{name}</b> <span class="severity">'
            f"{escape(str(one.get('severity') or ''))}</span></p>{told}<p>{escape(evidence)}</p>"
            + (paragraph(f"What to do: {advice}") if advice else "")
            + "</div>"
        )
    return "".join(parts)


def _models(result: Result, drawn: Mapping[str, str]) -> str:
    models = found_in.measured(result)
    failed = [name for name in result.get("models") or {} if name not in models]
    parts = list[str]()
    if models:
        present = [
            name for name in words.METRICS if any((m.get("metrics") or {}).get(name) for m in models.values())
        ]
        rows = [
            [sections.named(name, result), *(two_lines(model["metrics"].get(one)) for one in present)]
            for name, model in models.items()
        ]
        heads = ["model", *(f"*{found_in.at_k(words.METRICS[one], result)}" for one in present)]
        parts += [
            paragraph(
                "Read the length of the strokes before the order of the points: a stroke is where the mean"
                " over learners lies with 95% certainty (bootstrap over learners). Where two strokes overlap"
                " a lot, look at the next section before you call one model better."
            ),
            sections.figure(drawn, "metric_by_model"),
            table(heads, rows, sections.place(models, result)),
        ]
    for name, model in models.items():
        if model.get("predictions"):
            parts.append(paragraph(Html(f"{code(name)} is another tool's: {words.listed(model)}"), "note"))
    for name in failed:
        error = str((result["models"][name] or {}).get("error") or "it was not measured")
        parts.append(
            paragraph(Html(f"{code(name)} could not be evaluated: {escape(error[:400])}"), "warning")
        )
    return "".join(parts)


def _comparisons(result: Result) -> str:
    pairs = result.get("comparisons") or []
    if not pairs:
        return ""
    rows = []
    for pair in pairs:
        within = bounds(pair)
        sure = within is not None and (within[0] > 0 or within[1] < 0)
        holm = number(pair.get("p_holm"))
        verdict = "more than chance" if sure and (holm is None or holm < 0.05) else "may be chance"
        metric = words.METRICS.get(str(pair.get("metric")), str(pair.get("metric") or ""))
        told = Html(
            f'<span class="one">{escape(short(pair.get("a")))} − {escape(short(pair.get("b")))}</span>'
        )
        rows.append(
            (
                told,
                found_in.at_k(metric, result),
                with_interval(pair, sign=True),
                chance(pair.get("p_value")),
                chance(holm),
                Html(f'<span class="one">{verdict}</span>'),
            )
        )
    return paragraph(
        "The same learners, one model minus the other, so what makes a learner easy or hard for both cancels."
        " p is how often a difference this large would come about if the two models were equal (sign-flip"
        " test); the more pairs are looked at, the more often that happens, and Holm's p allows for it."
    ) + table(["pair", "metric", "*difference", "*p", "*p (Holm)", ""], rows)


def _settings(result: Result) -> str:
    rows = []
    for name, model in found_in.measured(result).items():
        seconds = model.get("seconds") or {}
        rows.append(
            [
                sections.named(name, result),
                words.parameters(model.get("params")),
                words.tuning(model.get("tuning")),
                _seconds(seconds.get("fit")),
                _seconds(seconds.get("recommend")),
                size(model.get("nbytes") or None),
            ]
        )
    if not rows:
        return ""
    heads = ["model", "settings", "tuned", "*seconds to train", "*seconds to rank all", "*memory"]
    return paragraph(
        "With these settings and the same data and seed the same numbers come out. Seconds are of the machine"
        " it ran on, beside whatever else it did."
    ) + table(heads, rows)


def _seconds(value: Any) -> str | None:
    found = number(value)
    return None if found is None else f"{found:,.1f}" if found < 100 else f"{found:,.0f}"


def _data(result: Result) -> str:
    data, test = result.get("data") or {}, result.get("test") or {}
    told: list[tuple[str, Any]] = [
        ("file", str(data["file"]) if data.get("file") else None),
        ("sha256", str(data["sha256"]) if data.get("sha256") else None),
        ("interactions", count(data.get("rows"))),
        ("learners", count(data.get("learners"))),
        ("items", count(data.get("items"))),
        ("times", None if data.get("times") is None else "given" if data["times"] else "none: order of rows"),
        ("learners in the test", count(test.get("learners"))),
        ("of them new", count(test.get("new_learners"))),
        ("items they did, to be found", count(test.get("relevant"))),
    ]
    for reason, n in (data.get("refused") or {}).items():
        told.append((f"rows left out: {str(reason).replace('_', ' ')}", count(n)))
    rows = [one for one in told if one[1] is not None]
    return table(["", ""], rows) if rows else ""


def _glossary(result: Result) -> str:
    k = str(result.get("k") or "k")
    found = "".join(
        f"<dt>{escape(name.replace('{k}', k))}</dt><dd>{escape(told.replace('{k}', k))}</dd>"
        for name, told in words.MEANINGS
    )
    return f"<dl>{found}</dl>"
