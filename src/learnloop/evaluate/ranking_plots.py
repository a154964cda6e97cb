"""Figures of `evaluate recommend`, drawn from its result; the page and MLflow show the same ones.

A part of the result that is missing gives no figure. The chosen model has the accent's colour everywhere.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from learnloop.evaluate.plots import (
    ACCENT,
    COLOURS,
    INK,
    MARKERS,
    PALE,
    QUIET,
    STYLE,
    WARNING,
    WIDTH,
    canvas,
    label_points,
    legend,
    line,
    rows_of,
    short,
)
from learnloop.evaluate.ranking_html import bounds, decimal, known, number
from learnloop.evaluate.ranking_result import (
    MOST_LINES,
    Result,
    at_k,
    drawn_values,
    group,
    group_kinds,
    group_metric,
    is_history,
    leading,
    measured,
    ndcg,
    stems,
    validated,
)

_ACROSS = {  # the first that every model has
    "Learners who did an item recommended, on average": "average_popularity",
    "Gini coefficient of exposure": "gini",
}


def figures(result: Result) -> dict[str, Figure]:
    """Name (the stem of a file) -> figure. result: as `learnloop evaluate recommend --json` prints it."""
    drawn: dict[str, Callable[[], Figure | None]] = {
        "metric_by_model": lambda: metric_by_model(result),
        "accuracy_against_popularity": lambda: accuracy_against_popularity(result),
        "history_length": lambda: by_history_length(result),
        "validation_and_test": lambda: validation_and_test(result),
        "folds": lambda: by_fold(result),
        "learning_curve": lambda: learning_curve(result),
        "calibration": lambda: calibration(result),
    }
    for kind, stem in stems(result).items():
        if not is_history(kind):
            drawn[f"groups_{stem}"] = lambda kind=kind: by_group(result, kind)  # type: ignore[misc]
    with rc_context(STYLE):
        made = {name: draw() for name, draw in drawn.items()}
    return {name: figure for name, figure in made.items() if figure is not None}


def metric_by_model(result: Result) -> Figure | None:
    """NDCG on the test with its interval, the best on top, the chosen model in the accent's colour."""
    models = measured(result)
    values = {name: model["metrics"]["ndcg"] for name, model in models.items()}
    return _dots(values, f"{at_k('NDCG', result)} on the test", "By model", result.get("best"))


def calibration(result: Result) -> Figure | None:
    """How far the mix of a list is from the learner's own: small is near."""
    found = {
        name: (model.get("beyond") or {}).get("calibration_kl") for name, model in measured(result).items()
    }
    values = {name: value for name, value in found.items() if number(value) is not None}
    order = sorted(values, key=lambda name: number(values[name]) or 0.0)
    label = "Distance from the learner's own mix (KL divergence; less is nearer)"
    return _dots({name: values[name] for name in order}, label, "Calibration", result.get("best"))


def accuracy_against_popularity(result: Result) -> Figure | None:
    """A labelled point a model: NDCG over how often done the recommended items are."""
    models = measured(result)
    x, points = "", dict[str, tuple[float, float]]()
    for label, key in _ACROSS.items():
        across = {name: number((model.get("beyond") or {}).get(key)) for name, model in models.items()}
        points = {name: (at, ndcg(models[name]) or 0.0) for name, at in across.items() if at is not None}
        x = label
        if len(points) == len(models):
            break
    if not points:
        return None
    figure, axes = canvas("Accuracy against popularity", x, at_k("NDCG", result), (WIDTH, 3.9))
    for name, (right, up) in points.items():
        chosen = name == result.get("best")
        axes.plot(right, up, "o", color=ACCENT if chosen else QUIET, markersize=9 if chosen else 7)
    axes.margins(0.16, 0.14)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    label_points(figure, axes, [(short(name, 18), *spot) for name, spot in points.items()])
    return figure


def by_history_length(result: Result) -> Figure | None:
    """A line a model over bands of how much a learner had done before."""
    kind = next((kind for kind in group_kinds(result) if is_history(kind)), None)
    if kind is None:
        return None
    bands, models = drawn_values(result, kind), measured(result)
    metric = group_metric(result, kind)
    label = at_k({"ndcg": "NDCG", "recall": "Recall"}[metric], result)
    figure, axes = canvas("By length of history", "Items the learner had done before", label, (WIDTH, 3.9))
    names = leading(result)
    for place, name in enumerate(names):
        found = [(i, group(models[name], kind, band).get(metric)) for i, band in enumerate(bands)]
        shift = 0.09 * (place - (len(names) - 1) / 2)
        line(axes, [(i + shift, value) for i, value in found if number(value) is not None], place, name)
    axes.set_xticks(range(len(bands)), [short(band, 12) for band in bands])
    axes.set_ylim(bottom=0)
    legend(axes)
    return figure


def learning_curve(result: Result) -> Figure | None:
    """NDCG over the number of learners trained on."""
    curves = {str(name): points for name, points in (result.get("curve") or {}).items() if points}
    if not curves:
        return None
    figure, axes = canvas("Learning curve", "Learners trained on", at_k("NDCG", result), (WIDTH, 3.7))
    order = sorted(curves, key=lambda name: (name != result.get("best"), name))[:MOST_LINES]
    for place, name in enumerate(order):
        points = sorted(curves[name], key=lambda point: number(point.get("learners")) or 0.0)
        found = [
            (number(point.get("learners")) or 0.0, {**point, "value": point.get("ndcg")}) for point in points
        ]
        line(axes, [(x, value) for x, value in found if number(value) is not None], place, name)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    legend(axes)
    return figure


def by_fold(result: Result) -> Figure | None:
    """A point a fold and model, the mean as a stroke; nothing where there is one fold."""
    rows = {}
    for name, model in measured(result).items():
        rows[name] = known(fold.get("ndcg") for fold in model.get("per_fold") or ())
    if max(map(len, rows.values()), default=0) < 2:
        return None
    figure, axes = rows_of(list(rows), f"{at_k('NDCG', result)}, a point a fold", "By fold")
    for place, (name, values) in enumerate(reversed(list(rows.items()))):
        colour = ACCENT if name == result.get("best") else INK
        axes.plot(values, [place] * len(values), "o", color=colour, alpha=0.55, markersize=6)
        if values:
            axes.plot([np.mean(values)] * 2, [place - 0.28, place + 0.28], color=colour, linewidth=2)
    return figure


def validation_and_test(result: Result) -> Figure | None:
    """A row a model: NDCG on validation and on the test, joined; on training too, where it was measured."""
    rows = {}
    for name, model in measured(result).items():
        told = validated(model)
        if told is not None:
            rows[name] = (told, ndcg(model) or 0.0, number((model.get("train") or {}).get("ndcg")))
    if not rows:
        return None
    figure, axes = rows_of(list(rows), at_k("NDCG", result), "Validation and test")
    for place, (valid, test, train) in enumerate(reversed(list(rows.values()))):
        axes.plot([valid, test], [place, place], color=QUIET, linewidth=2, zorder=1)
        if train is not None:
            axes.plot(train, place, "|", color=WARNING, markersize=11, markeredgewidth=2, label="training")
        axes.plot(valid, place, "o", color="white", markeredgecolor=ACCENT, markersize=7, label="validation")
        axes.plot(test, place, "o", color=ACCENT, markersize=7, label="test")
    legend(axes)
    return figure


def by_group(result: Result, kind: str) -> Figure | None:
    """A row a group: the chosen model, and the best other one, with intervals."""
    models, values = measured(result), drawn_values(result, kind)
    metric = group_metric(result, kind)
    names = leading(result)[:2]
    if not values or not names:
        return None
    label = at_k({"ndcg": "NDCG", "recall": "Recall"}[metric], result)
    sizes = [number(group(models[names[0]], kind, value).get("n")) for value in values]
    labels = [f"{short(value, 20)} ({n or 0:,.0f})" for value, n in zip(values, sizes, strict=True)]
    figure, axes = rows_of(labels, label, f"By {short(kind.replace('_', ' '))}")
    for nth, name in enumerate(names):
        for place, value in enumerate(reversed(values)):
            told = group(models[name], kind, value).get(metric)
            found, within = number(told), bounds(told)
            at = place + 0.14 - 0.28 * nth
            if within:
                axes.plot(within, [at, at], color=COLOURS[nth], linewidth=2)
            if found is not None:
                axes.plot(found, at, MARKERS[nth], color=COLOURS[nth], label=short(name))
    axes.set_xlim(left=0)
    legend(axes)
    return figure


def _dots(values: Mapping[str, Any], x: str, title: str, chosen: Any) -> Figure | None:
    """A row a model with value and interval, the first on top."""
    if not values:
        return None
    figure, axes = rows_of(list(values), x, title)
    for place, (name, value) in enumerate(reversed(list(values.items()))):
        colour, found, within = ACCENT if name == chosen else PALE, number(value) or 0.0, bounds(value)
        if within:
            axes.plot(within, [place, place], color=colour, linewidth=2.5)
        axes.plot(found, place, "o", color=colour, markersize=7)
        text = (within[1] if within else found, place)
        axes.annotate(
            decimal(value), text, (6, 0), textcoords="offset points", va="center", color=INK, fontsize=9
        )
    axes.set_xlim(0, 1.1 * axes.get_xlim()[1])  # with room for the last number
    return figure
