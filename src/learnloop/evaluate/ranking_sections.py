"""The parts of the report that have a figure and a table each, and a sentence on how to read them.

`drawn` holds the figures by name, as text of SVG; a part without anything to show is "".
"""

from collections.abc import Mapping
from html import escape
from statistics import fmean, stdev
from typing import Any

from learnloop.evaluate import ranking_result as found_in
from learnloop.evaluate import ranking_words as words
from learnloop.evaluate.plots import short
from learnloop.evaluate.ranking_html import (
    count,
    decimal,
    known,
    number,
    paragraph,
    table,
    two_lines,
)
from learnloop.evaluate.ranking_result import Result

Drawn = Mapping[str, str]
_FEW = f" Groups of fewer than {found_in.FEWEST_DRAWN} are in the table alone."
MOST_FOLDS = 8  # with a column of their own


def named(name: str, result: Result) -> str:
    return f"{short(name, 40)} (chosen)" if name == result.get("best") else short(name, 40)


def place(models: Mapping[str, Any], result: Result) -> int | None:
    return list(models).index(result["best"]) if result.get("best") in models else None


def figure(drawn: Drawn, name: str) -> str:
    return f"<figure>{drawn[name]}</figure>" if name in drawn else ""


def gap(result: Result, drawn: Drawn) -> str:
    models = found_in.measured(result)
    rows = []
    for name, model in models.items():
        valid, test = (model.get("validation") or {}).get("ndcg"), found_in.ndcg(model)
        if number(valid) is not None:
            gap = number(model.get("gap"))
            train = (model.get("train") or {}).get("ndcg")
            rows.append([named(name, result), decimal(train), decimal(valid), decimal(test), decimal(gap)])
    if not rows:
        reasons = dict.fromkeys(str(one["unvalidated"]) for one in models.values() if one.get("unvalidated"))
        why = f" ({'; '.join(reasons)})" if reasons else ""
        return paragraph(f"No validation was done{why}, so nothing can be said about overfitting.")
    return (
        paragraph(
            "Models are chosen and tuned on validation, a part of the training data that is split as the test"
            " is. The hollow point should lie near the full one. Far above it, the model was fitted to the"
            " validation; all models shifted alike, the test is simply harder or easier (more new learners,"
            " new items). A stroke for training far to the right of both is what memorising looks like."
        )
        + figure(drawn, "validation_and_test")
        + table(["model", "*training", "*validation", "*test", "*validation − test"], rows)
    )


def popularity(result: Result, drawn: Drawn) -> str:
    models = found_in.measured(result)
    present = [name for name in words.BEYOND if any(name in (m.get("beyond") or {}) for m in models.values())]
    if not present:
        return ""
    rows = [
        [named(name, result), *(_beyond((model.get("beyond") or {}).get(one), one) for one in present)]
        for name, model in models.items()
    ]
    lead = (
        "Up is more accurate, right is more of what everybody does anyway. Of two models that are equally"
        " high prefer the one further left: it shows learners more of the catalogue."
        if "accuracy_against_popularity" in drawn
        else "What the lists are like, beside being right."
    )
    return (
        paragraph(lead)
        + figure(drawn, "accuracy_against_popularity")
        + table(["model", *(f"*{words.BEYOND[one][0]}" for one in present)], rows, place(models, result))
    )


def _beyond(value: Any, name: str) -> str:
    if name == "average_popularity":
        found = number(value)
        return "–" if found is None else f"{found:,.0f}" if found >= 100 else f"{found:.1f}"
    return decimal(value, 2 if name in ("novelty", "popularity_lift") else 3)


def history(result: Result, drawn: Drawn) -> str:
    kind = next((kind for kind in found_in.group_kinds(result) if found_in.is_history(kind)), None)
    if kind is None:
        return ""
    new = (
        "The leftmost band is learners nobody knew before: there a model can only guess what is popular, and"
        " all models should meet. "
        if "0" in found_in.drawn_values(result, kind)
        else ""
    )
    return (
        paragraph(
            f"{new}A good model climbs as it learns more of a learner. A line that falls is a model that long"
            " histories confuse, or learners who have little left to find; compare it with the other lines."
        )
        + figure(drawn, "history_length")
        + _group_table(result, kind)
    )


def groups(result: Result, drawn: Drawn) -> str:
    kinds = [kind for kind in found_in.group_kinds(result) if not found_in.is_history(kind)]
    if not kinds:
        return ""
    parts = [
        paragraph(
            "How many are in a group stands in brackets. A group whose stroke lies wholly left of the others"
            " is served worse: find out whether it is small, new, or simply harder before you release. Wide"
            " strokes are small groups and say little."
        )
    ]
    stems = found_in.stems(result)
    for kind in kinds:
        parts.append(f"<h3>{escape(words.GROUPS.get(kind, kind.replace('_', ' ')))}</h3>")
        parts.append(figure(drawn, f"groups_{stems[kind]}"))
        parts.append(_group_table(result, kind))
    return "".join(parts)


def _group_table(result: Result, kind: str) -> str:
    models, names = found_in.measured(result), found_in.leading(result)
    metric = found_in.group_metric(result, kind)
    rows = []
    for value in found_in.group_values(result, kind):
        told = [found_in.group(models[name], kind, value) for name in names]
        n = next((count(one.get("n")) for one in told if one.get("n") is not None), None)
        rows.append([value, n, *(two_lines(one.get(metric)) for one in told)])
    heads = ["group", "*n", *(f"*{short(name)}" for name in names)]
    few = "" if found_in.drawn_values(result, kind) == found_in.group_values(result, kind) else _FEW
    label = escape(found_in.at_k(words.METRICS[metric], result))
    note = f'<p class="note">{label} by model.{few}</p>'
    return table(heads, rows) + note


def folds(result: Result, drawn: Drawn) -> str:
    if "folds" not in drawn:
        return ""
    models = found_in.measured(result)
    values = {
        name: {str(one.get("fold")): one.get("ndcg") for one in model.get("per_fold") or ()}
        for name, model in models.items()
    }
    shown = list(dict.fromkeys(fold for told in values.values() for fold in told))[:MOST_FOLDS]
    rows = []
    for name, told in values.items():
        found = known(told.values())
        if found:
            spread = stdev(found) if len(found) > 1 else None
            folds = (decimal(told.get(fold)) for fold in shown)
            rows.append([named(name, result), decimal(fmean(found)), decimal(spread), *folds])
    return (
        paragraph(
            "A point is one fold. If the order of the models is the same in every fold, trust it; if the"
            " points of two models mix, the data of another month could turn them round. The mean here counts"
            " folds alike; above, it counts learners alike."
        )
        + figure(drawn, "folds")
        + table(
            ["model", "*mean of folds", "*standard deviation", *(f"*{short(fold)}" for fold in shown)], rows
        )
    )


def curve(result: Result, drawn: Drawn) -> str:
    if "learning_curve" not in drawn:
        return ""
    return paragraph(
        "The same test, with fewer and fewer learners to train on. A line that still rises at its right end"
        " would gain from more learners; a flat one needs another model, or other data, not more of the same."
    ) + figure(drawn, "learning_curve")


def calibration(result: Result, drawn: Drawn) -> str:
    if "calibration" not in drawn:
        return ""
    of = f" The mix here is of {result['calibrated_on']}." if result.get("calibrated_on") else ""
    return paragraph(
        "A learner who did two thirds statistics and one third biology should find both in the list, in about"
        " those shares. The distance (Steck 2018) is 0 where the list has the learner's own mix. Less is"
        f" nearer, and nearer is not always better: a list that only repeats the past opens nothing new.{of}"
    ) + figure(drawn, "calibration")
