"""Figures of `evaluate trace`, drawn from its result; the page and MLflow show the same ones.

A part of the result that is missing gives no figure. The chosen model has the accent's colour everywhere.
"""

from collections.abc import Callable, Mapping
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

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
    legend,
    line,
    rows_of,
    short,
)
from learnloop.evaluate.ranking_html import bounds, decimal, number

Result = Mapping[str, Any]
MOST_LINES = 6  # models beside each other where each is a line or a column
FEWEST_DRAWN = 30  # answers in a group; fewer say nothing
BASELINE = "rate"


def auc(model: Mapping[str, Any]) -> float | None:
    """On the test."""
    return number((model.get("metrics") or {}).get("auc"))


def measured(result: Result) -> dict[str, Mapping[str, Any]]:
    """The models that were measured, the best AUC on the test first; others have an error."""
    found = {name: model for name, model in (result.get("models") or {}).items() if model.get("metrics")}
    return dict(sorted(found.items(), key=lambda one: (-(auc(one[1]) or 0.0), one[0])))


def leading(result: Result) -> list[str]:
    """The models worth a line each: the chosen one, the best others, and the baseline."""
    names, best = list(measured(result)), result.get("best")
    kept = sorted(names, key=lambda name: name != best)[:MOST_LINES]
    if BASELINE in names and BASELINE not in kept:
        kept[-1] = BASELINE
    return kept


def figures(result: Result) -> dict[str, Figure]:
    """Name (the stem of a file) -> figure. result: as `learnloop evaluate trace --json` prints it."""
    drawn: dict[str, Callable[[], Figure | None]] = {
        "auc_by_model": lambda: auc_by_model(result),
        "honest_and_leaky": lambda: honest_and_leaky(result),
        "reliability": lambda: reliability(result),
        "history": lambda: by_history(result),
        "validation_and_test": lambda: validation_and_test(result),
    }
    with rc_context(STYLE):
        made = {name: draw() for name, draw in drawn.items()}
    return {name: figure for name, figure in made.items() if figure is not None}


def auc_by_model(result: Result) -> Figure | None:
    """A row a model: AUC with its interval, the best on top; a stroke at .5 is chance."""
    models = measured(result)
    if not models:
        return None
    figure, axes = rows_of(list(models), "AUC on the test (95% interval)", "AUC by model")
    for place, (name, model) in enumerate(reversed(list(models.items()))):
        value = model["metrics"]["auc"]
        found, within = number(value), bounds(value)
        if found is None:
            continue
        colour = ACCENT if name == result.get("best") else PALE
        if within:
            axes.plot(within, [place, place], color=colour, linewidth=2.5)
        axes.plot(found, place, "o", color=colour, markersize=7)
        spot = (within[1] if within else found, place)
        axes.annotate(decimal(value), spot, (6, 0), textcoords="offset points", va="center", color=INK)
    axes.axvline(0.5, color=QUIET, linestyle=":", linewidth=1)
    left, right = axes.get_xlim()
    axes.set_xlim(left, right + 0.12 * (right - left))  # with room for the last number
    return figure


def honest_and_leaky(result: Result) -> Figure | None:
    """A row a model: the honest AUC and the leaky one of the same answers, joined. None where none leaks."""
    rows = {
        name: (number(told.get("honest_auc")), number(told.get("auc")))
        for name, model in measured(result).items()
        if (told := model.get("leaky")) and told["rows"] > told["answers"]
    }
    if not rows:
        return None
    figure, axes = rows_of(list(rows), "AUC", "Honest and leaky")
    for place, (honest, leaky) in enumerate(reversed(list(rows.values()))):
        if honest is None or leaky is None:
            continue
        axes.plot([honest, leaky], [place, place], color=QUIET, linewidth=2, zorder=1)
        axes.plot(leaky, place, "X", color=WARNING, markersize=8, label="leaky, not comparable")
        axes.plot(honest, place, "o", color=ACCENT, markersize=7, label="honest")
    legend(axes)
    return figure


def reliability(result: Result) -> Figure | None:
    """A line a model: what it said, and how often that was right, in ten bins."""
    names, models = leading(result), measured(result)
    if not names:
        return None
    figure, axes = canvas("Predicted and observed", "Predicted", "Share right", (WIDTH, 4.4))
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1)
    for nth, name in enumerate(names):
        bins = [one for one in models[name].get("reliability") or () if one["n"] >= FEWEST_DRAWN]
        axes.plot(
            [one["predicted"] for one in bins],
            [one["observed"] for one in bins],
            marker=MARKERS[nth % len(MARKERS)],
            markersize=5,
            linewidth=1.4,
            color=COLOURS[nth % len(COLOURS)],
            label=short(name),
        )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    legend(axes)
    return figure


def by_history(result: Result) -> Figure | None:
    """A line a model over bands of how many answers the learner had given before."""
    names, models = leading(result), measured(result)
    bands = history_bands(result)
    if len(bands) < 2:
        return None
    figure, axes = canvas("By length of history", "Answers before this one", "AUC", (WIDTH, 3.8))
    for nth, name in enumerate(names):
        told = models[name]["groups"].get("history") or {}
        shift = 0.07 * (nth - (len(names) - 1) / 2)
        points = [
            (place + shift, told[band]["auc"])
            for place, band in enumerate(bands)
            if band in told and number(told[band]["auc"]) is not None
        ]
        line(axes, points, nth, name)
    axes.set_xticks(range(len(bands)), bands)
    axes.grid(axis="y", color="#eeeeee", zorder=0)
    axes.set_axisbelow(True)
    legend(axes)
    return figure


def history_bands(result: Result) -> list[str]:
    """Those with enough answers, the shortest history first."""
    sizes: dict[str, int] = {}
    for model in measured(result).values():
        for band, told in (model.get("groups") or {}).get("history", {}).items():
            sizes[band] = told["n"]
    bands = [band for band, n in sizes.items() if n >= FEWEST_DRAWN]
    return sorted(bands, key=lambda band: int(band.rstrip("+").split("-")[0]))


def validation_and_test(result: Result) -> Figure | None:
    """A row a model: AUC on training, validation and test learners of the same folds."""
    rows = {
        name: (
            number(valid.get("auc")),
            number(model.get("gap")),
            number((model.get("train") or {}).get("auc")),
        )
        for name, model in measured(result).items()
        if (valid := model.get("validation"))
    }
    if not rows:
        return None
    figure, axes = rows_of(list(rows), "AUC", "Training, validation and test")
    for place, (valid, gap, train) in enumerate(reversed(list(rows.values()))):
        if valid is None or gap is None:
            continue
        test = valid - gap
        axes.plot([valid, test], [place, place], color=QUIET, linewidth=2, zorder=1)
        if train is not None:
            axes.plot(train, place, "|", color=WARNING, markersize=11, markeredgewidth=2, label="training")
        axes.plot(test, place, "o", color=ACCENT, markersize=7, label="test")
        axes.plot(valid, place, "o", color="white", markeredgecolor=ACCENT, markersize=7, label="validation")
    legend(axes)
    return figure
