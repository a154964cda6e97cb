"""The report's sentences: what was chosen, what to be careful about, and what the words mean."""

from collections.abc import Mapping
from html import escape
from typing import Any

from learnloop.evaluate.ranking_html import (
    Html,
    bounds,
    chance,
    code,
    decimal,
    known,
    many,
    number,
    percent,
    with_interval,
)
from learnloop.evaluate.ranking_result import Result, at_k, measured, n_folds, ndcg, validated

METRICS = {
    "ndcg": "NDCG",
    "recall": "Recall",
    "precision": "Precision",
    "hit": "Hit rate",
    "map": "MAP",
    "mrr": "MRR",
}
BEYOND = {  # name: (as a heading, places after the point)
    "coverage": ("coverage", 3),
    "average_popularity": ("average popularity", 1),
    "popularity_lift": ("popularity lift", 2),
    "gini": ("Gini", 3),
    "novelty": ("novelty", 2),
    "intra_list_diversity": ("diversity", 3),
    "calibration_kl": ("calibration", 3),
}
SPLITS = {
    "time": "split at an instant: nothing from after it is in training",
    "leave-last-out": "the last new item of each learner was held back",
    "learners": "some learners were held back whole, and the last fifth of their items is asked for",
    "given": "the test file was given",
}
GROUPS = {
    "language": "Language",
    "level": "Level",
    "items": "Items: popular, middling, rare, and cold (hardly or never seen in training)",
}
DESCRIBED = {
    "metric_by_model": "NDCG of each model on the test with its interval",
    "accuracy_against_popularity": "NDCG of each model against the average popularity of what it shows",
    "history_length": "Accuracy of each model by length of history",
    "validation_and_test": "NDCG of each model on training, validation and test",
    "folds": "NDCG of each model in each fold",
    "learning_curve": "NDCG by the number of learners trained on",
    "calibration": "Distance of each model's lists from the learners' own mix",
}
MEANINGS = (
    (
        "NDCG@{k}",
        "How good the first {k} places are; a hit counts less the lower it stands (divided by the logarithm"
        " of its place), and 1 is the best list possible. The models are compared by it.",
    ),
    ("Recall@{k}", "Of what a learner went on to do, the share that was among the first {k}."),
    ("Precision@{k}", "Of the first {k}, the share that the learner went on to do."),
    ("Hit rate@{k}", "The share of learners for whom at least one of the first {k} was right."),
    ("MAP@{k}", "The mean of the precisions at the places of the hits, over what could be hit."),
    ("MRR@{k}", "One over the place of the first hit, on average; 0 where there is none."),
    ("Coverage", "The share of the catalogue that is shown to at least one learner."),
    ("Average popularity", "How many learners of the training did an item shown, on average."),
    (
        "Popularity lift",
        "How much more popular the list is than what the learner did before: 0 is no more, 1 is twice as"
        " much.",
    ),
    ("Gini", "How unequally items are shown: 0 is all alike, 1 is one item for everybody."),
    (
        "Novelty",
        "How surprising an item shown is, in bits: 1 bit is done by half of the learners, 10 by 1 in 1,000.",
    ),
    ("Diversity", "1 minus the mean similarity of the items in a list."),
    ("Calibration", "How far the mix of a list is from the learner's own (KL divergence); 0 is the same."),
    (
        "Interval",
        "The middle 95% of what the mean would be had other learners like these come (bootstrap over"
        " learners, Efron & Tibshirani 1993).",
    ),
)
CHECKS = {  # what `evaluate.audit` may find
    "test_rows_in_training": "Rows of the test stand in training, too: a model may have seen the answers.",
    "future_in_training": "Training holds events from after the test began.",
    "learners_under_several_names": "Some learners stand in the file under several spellings.",
    "items_under_several_names": "Some items stand in the file under several spellings.",
    "test_above_validation": "A model is far better on the test than on validation, and the others are not.",
    "test_above_all_others": "A ranking from outside is far better than every model of ours.",
    "control_above_chance": "A model does well even where each learner is given another one's answers.",
    "item_column_knows_the_test": "A column of the items knows how popular they become in the test.",
    "log_column_names_the_next_item": "A column of the log names what the learner did next.",
    "popularity_bias": "A model shows the most popular items far more often than learners do them.",
    "position_bias": "A model puts one and the same item first for most learners.",
}
_SEVERE = {"high", "critical", "error", "severe", "leak", "fail", "failed"}
_MIDDLE = {"medium", "middle", "warning", "moderate", "warn"}
_COUNTED = {
    "rows": "rows read",
    "of_other_learners": "of learners who are not asked, left out",
    "repeated": "repeated in a list, left out",
    "seen": "already done by the learner, left out",
    "unknown_items": "not in training, right or wrong as any other",
    "short_lists": "lists shorter than the others",
    "learners_without": "learners without a list, who score 0",
}
FEW_LEARNERS = 100
FAR = 0.2  # validation above test by this share of it


def headline(result: Result) -> str:
    """What was chosen, how much better it is than the next, and what to be careful about."""
    models, best = measured(result), result.get("best")
    if not models:
        return '<p class="verdict">No model could be evaluated. The reasons are below.</p>'
    parts = [f'<p class="verdict">{_chosen(result, models)} {_next(result, models)}</p>']
    care = cautions(result, models)
    if care:
        told = "".join(f"<li>{one if isinstance(one, Html) else escape(one)}</li>" for one in care)
        parts.append(f'<p><b>Be careful:</b></p><ul class="care">{told}</ul>')
    elif best in models and not result.get("audit"):
        parts.append("<p>Nothing in these data calls for special care.</p>")
    return "".join(parts)


def _chosen(result: Result, models: Mapping[str, Any]) -> str:
    best = str(result.get("best"))
    learners = number((result.get("test") or {}).get("learners"))
    asked = f" over {many(int(learners), 'learner')}" if learners else ""
    if best not in models:
        first = next(iter(models))
        score = with_interval(models[first]["metrics"]["ndcg"])
        return (
            f"No model was chosen, for there was no validation{_why(models[first])}. Highest on the test is"
            f" {code(first)}:"
            f" {escape(at_k('NDCG', result))} {score}{asked}. That it is highest there is no proof that it"
            " would be again."
        )
    score = with_interval(models[best]["metrics"]["ndcg"])
    told = validated(models[best])
    on = f" ({escape(at_k('NDCG', result))} {decimal(told)} there)" if told is not None else ""
    return (
        f"<b>{code(best)} was chosen</b>: of {many(len(models), 'model')} it is the best on validation{on}."
        f" On the test, which had no say in the choice, it reaches {escape(at_k('NDCG', result))}"
        f" <b>{score}</b>{asked}."
    )


def _why(model: Mapping[str, Any]) -> str:
    """Why a model has no validation, to go on a sentence with."""
    reason = str(model.get("unvalidated") or "")
    return f" ({escape(reason)})" if reason else ""


def _next(result: Result, models: Mapping[str, Any]) -> str:
    """The chosen model against the best other one on the test."""
    best = str(result.get("best"))
    others = [name for name in models if name != best]
    if best not in models or not others:
        return ""
    other = others[0]
    found = against(result, best, other)
    if not found:
        gap = (ndcg(models[best]) or 0.0) - (ndcg(models[other]) or 0.0)
        side = "above" if gap >= 0 else "below"
        return f"That is {decimal(abs(gap))} {side} the best other one, {code(other)}."
    value, (low, high) = number(found) or 0.0, bounds(found) or (0.0, 0.0)
    holm = found.get("p_holm", found.get("p_value"))
    p = "" if number(holm) is None else f", p {_equals(chance(holm))}"
    if low > 0:
        if (number(holm) or 0.0) >= 0.05:
            p += " after Holm's correction, so it may be chance"
        return f"That is {decimal(value)} [{decimal(low)}, {decimal(high)}] above the next, {code(other)}{p}."
    if high < 0:
        return (
            f"On the test {code(other)} is above it by {decimal(-value)} [{decimal(-high)}, {decimal(-low)}]"
            f"{p}. The choice stands all the same: a model picked by the test would owe its number to chance."
        )
    return (
        f"The next, {code(other)}, cannot be told from it: the difference is"
        f" {with_interval(found, sign=True)}{p}. Take the simpler or the faster of the two."
    )


def _equals(p: str) -> str:
    return p if p.startswith("<") else f"= {p}"


def against(result: Result, best: str, other: str) -> dict[str, Any]:
    """The comparison of NDCG, best minus other, whichever way round it was made; {} where there is none."""
    for pair in result.get("comparisons") or ():
        if pair.get("metric", "ndcg") != "ndcg" or bounds(pair) is None:
            continue
        if (pair.get("a"), pair.get("b")) == (best, other):
            return dict(pair)
        if (pair.get("a"), pair.get("b")) == (other, best):
            low, high = bounds(pair) or (0.0, 0.0)
            return {**pair, "value": -(number(pair) or 0.0), "low": -high, "high": -low}
    return {}


def cautions(result: Result, models: Mapping[str, Any]) -> list[str]:
    """What a reader should know before believing the headline, the weightiest first."""
    found = [*_about_data(result), *_about_model(result, models)]
    failed = [name for name in result.get("models") or {} if name not in models]
    if failed:
        names = ", ".join(code(str(name)) for name in failed)
        found.append(Html(f"{names} could not be evaluated and may have been better."))
    return found


def _about_data(result: Result) -> list[str]:
    found, test, data = list[str](), result.get("test") or {}, result.get("data") or {}
    serious = [one for one in result.get("audit") or () if severity(one.get("severity")) == 0]
    if serious:
        names = ", ".join(str(one.get("check") or "check").replace("_", " ") for one in serious)
        found.append(
            f"The audit found something serious ({names}). Until it is mended, believe no number here."
        )
    learners, new = number(test.get("learners")), number(test.get("new_learners"))
    if learners is not None and learners < FEW_LEARNERS:
        found.append(
            f"Only {many(int(learners), 'learner')} in the test: the intervals are wide for a reason."
        )
    if learners and new is not None and new > learners / 4:
        found.append(
            f"{percent(new, learners)} of the learners in the test are new, and to a new learner every model"
            " can offer little more than what is popular. Judge by the learners with a history, below."
        )
    reachable = number(test.get("reachable_share"))
    if reachable is not None and reachable < 0.9:
        found.append(
            f"{percent(1 - reachable)} of what learners went on to do is not in the training's catalogue:"
            " no model could have hit it, and all values are lower for it."
        )
    if result.get("split") == "leave-last-out":
        found.append(
            "With the last item held back, training holds what other learners did later. Real use does not:"
            " check with --split time, which reorders models."
        )
    if data.get("times") is False:
        found.append("The file has no times: the order of its rows was taken for the order of events.")
    if result.get("hide_seen") is False:
        found.append(
            "Items the learner had done before count as hits, which flatters models that repeat the past."
        )
    return found


def _about_model(result: Result, models: Mapping[str, Any]) -> list[str]:
    found, best = list[str](), result.get("best")
    model = models.get(str(best))
    if model is None:
        return found
    told, test = validated(model), ndcg(model)
    if told is not None and test is not None and told - test > FAR * max(told, 1e-12):
        found.append(
            f"The chosen model is {decimal(told - test)} lower on the test than on validation"
            f" ({decimal(told)} to {decimal(test)}): the test is harder, or tuning fitted the validation."
            " See whether the others fell as far."
        )
    if told is not None and test is not None and test - told > FAR * max(test, 1e-12):
        found.append(
            f"The chosen model is {decimal(test - told)} higher on the test than on validation"
            f" ({decimal(told)} to {decimal(test)}): the two ask different things (more new learners, shorter"
            " windows), and what was best on the one need not be on the other."
        )
    lift = number((model.get("beyond") or {}).get("popularity_lift"))
    if lift is not None and lift > 0.5:
        found.append(
            f"It shows learners items {lift:.0%} more popular than what they did before: rare items, and"
            " those who like them, come off badly."
        )
    covered = number((model.get("beyond") or {}).get("coverage"))
    if covered is not None and covered < 0.1:
        found.append(f"It shows {percent(covered)} of the catalogue; the rest is never seen.")
    values = known(one.get("ndcg") for one in model.get("per_fold") or ())
    if n_folds(result) > 1 and len(values) > 1 and max(values) > 1.5 * max(min(values), 1e-12):
        found.append(f"Its folds differ a lot: from {decimal(min(values))} to {decimal(max(values))}.")
    return found


def severity(told: Any) -> int:
    """0 is serious, 1 worth a look, 2 the rest."""
    word = str(told or "").lower()
    return 0 if word in _SEVERE else 1 if word in _MIDDLE else 2


def evidence(told: Any) -> str:
    """A sentence as it is; numbers by their names."""
    if isinstance(told, Mapping):
        named = {str(name).replace("_s_", "'s ").replace("_", " "): value for name, value in told.items()}
        return "; ".join(f"{name}: {_plain(value)}" for name, value in named.items())
    return "" if told is None else _plain(told)


def parameters(params: Any) -> Html | str:
    """Names and values of a model's settings."""
    if not isinstance(params, Mapping) or not params:
        return "the defaults"
    told = " ".join(str(code(f"{name}={_plain(value)}", 120)) for name, value in params.items())
    return Html(f'<div class="wide">{told}</div>')


def listed(model: Mapping[str, Any]) -> str:
    """What became of a ranking that came as a file, in words that are HTML."""
    counted = {name: int(number(n) or 0) for name, n in (model.get("predictions") or {}).items()}
    told = [
        f"{n:,} {_COUNTED.get(name, escape(str(name).replace('_', ' ')))}" for name, n in counted.items() if n
    ]
    return "; ".join(told) + "." if told else "nothing was left out."


def tuning(told: Any) -> str:
    if not isinstance(told, Mapping) or not told:
        return "no"
    if told.get("left_out"):
        return "no, for want of a validation"
    trials = number(told.get("trials"))
    return "yes" if trials is None else many(int(trials), "trial")


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        more = f" and {len(value) - 5} more" if len(value) > 5 else ""
        return ", ".join(_plain(one) for one in value[:5]) + more
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_plain(one)}" for name, one in value.items()) + "}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
