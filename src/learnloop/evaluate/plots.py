"""Figures of an evaluation. matplotlib's objects only: no pyplot, so no state shared between threads."""

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from learnloop.evaluate.ranking_html import bounds, number

INK, ACCENT, QUIET = "#333333", "#1f6f8b", "#b8b8b8"
WARNING, PALE = "#c1573c", "#8dbccb"
COLOURS = (ACCENT, WARNING, "#e3a93c", "#7a9e4f", "#8c6bb1", "#5f7f99")  # the chosen model's comes first
MARKERS = "osD^vP"
SIZE = (6.0, 3.8)  # inches
WIDTH = 5.6  # inches, in a page: letters stay legible on a telephone
STYLE: Any = {  # while a figure is drawn, and while it is written
    "svg.fonttype": "none",  # letters stay letters: they can be read aloud, searched and copied
    "svg.hashsalt": "learnloop",
    "text.parse_math": False,  # a name of somebody's data may hold a $
    "font.size": 9.5,
    "font.family": "sans-serif",
}
_PROLOGUE = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>", re.DOTALL)


def svg(figure: Figure, described: str) -> str:
    """The figure as an <svg> element for a page, which decides how wide it is; equal figures, equal text."""
    with rc_context(STYLE), warnings.catch_warnings():
        # measuring lacks the letters of some scripts; the reader's browser, which draws, has fonts for them
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None}, transparent=True)
    text = _PROLOGUE.sub("", file.getvalue()).strip()
    label = described.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def short(text: object, most: int = 28) -> str:
    """One line that fits beside a bar; of a character no font or page should draw, nothing."""
    line = "".join(c for c in " ".join(str(text).split()) if c.isprintable())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def canvas(title: str, x: str, y: str, size: tuple[float, float] = SIZE) -> tuple[Figure, Axes]:
    """An empty figure in the house's look; size in inches."""
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", color=INK, fontsize=11)
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
    return figure, axes


def metric_by_model(
    summaries: Mapping[str, Mapping[str, Mapping[str, float]]], metric: str, title: str = ""
) -> Figure:
    """summaries: model -> metric -> {value, low, high}, as `ranking.summary` makes them; best on top."""
    order = sorted(summaries, key=lambda model: summaries[model][metric]["value"])
    figure, axes = canvas(title or f"{metric} by model", f"{metric} (95% interval)", "")
    for place, model in enumerate(order):
        found = summaries[model][metric]
        axes.plot([found["low"], found["high"]], [place, place], color=ACCENT, linewidth=2)
        axes.plot(found["value"], place, "o", color=ACCENT)
        axes.annotate(
            f"{found['value']:.3f}",
            (found["value"], place),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            color=INK,
            fontsize=9,
        )
    axes.set_yticks(range(len(order)), order)
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.set_xlim(left=min([0.0, *(summaries[model][metric]["low"] for model in order)]))
    return figure


def reliability_curve(bins: pd.DataFrame, title: str = "Predicted and observed") -> Figure:
    """bins: predicted (mean), observed (share right), n, as `calibration.reliability` makes them."""
    figure, axes = canvas(title, "Predicted probability", "Observed share correct")
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1, label="perfect")
    axes.plot(bins["predicted"], bins["observed"], color=ACCENT, linewidth=1, label="model")
    area = 15 + 185 * bins["n"] / max(float(bins["n"].max()), 1.0) if len(bins) else 15
    axes.scatter(bins["predicted"], bins["observed"], s=area, color=ACCENT, label="answers in the bin")
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    axes.legend(frameon=False, loc="upper left", fontsize=9, markerscale=0.6)
    return figure


def score_by_history_length(
    per_learner: Mapping[str, pd.DataFrame],
    history_lengths: Mapping[str, int],
    metric: str = "ndcg",
    edges: Sequence[int] = (0, 1, 3, 6, 11, 21),
    title: str = "",
) -> Figure:
    """per_learner: model -> frame of `ranking_metrics`; bands of history length [edge, next edge).

    Bars are the mean plus and minus 1.96 standard errors; a band without learners is left out.
    """
    figure, axes = canvas(title or f"{metric} by history length", "Items in the history", f"Mean {metric}")
    bands = [f"{low}" if high == low + 1 else f"{low}-{high - 1}" for low, high in pairwise(edges)]
    bands.append(f"{edges[-1]}+")
    for shift, (model, frame) in enumerate(per_learner.items()):
        lengths = np.array([history_lengths.get(learner, 0) for learner in frame.index])
        band = np.searchsorted(np.asarray(edges), lengths, side="right") - 1
        grouped = frame[metric].groupby(band)
        means, errors = grouped.mean(), 1.96 * grouped.sem().fillna(0.0)
        places = means.index.to_numpy() + 0.08 * (shift - (len(per_learner) - 1) / 2)
        axes.errorbar(places, means, yerr=errors, fmt="o-", capsize=3, linewidth=1, label=model)
    axes.set_xticks(range(len(bands)), bands)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=9)
    return figure


def rows_of(names: Sequence[str], x: str, title: str) -> tuple[Figure, Axes]:
    """A figure with a line for each name, the first on top."""
    figure, axes = canvas(title, x, "", (WIDTH, 1.1 + 0.36 * max(len(names), 1)))
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_yticks(range(len(names)), [short(name) for name in reversed(names)])
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.grid(axis="y", color="#eeeeee", zorder=0)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    return figure, axes


def line(axes: Axes, points: Sequence[tuple[float, Any]], place: int, name: str) -> None:
    """points: (x, value or {value, low, high})."""
    colour, values = COLOURS[place % len(COLOURS)], [number(value) or 0.0 for _, value in points]
    for x, value in points:
        within = bounds(value)
        if within:
            axes.plot([x, x], within, color=colour, linewidth=1.2, alpha=0.6)
    axes.plot(
        [x for x, _ in points],
        values,
        marker=MARKERS[place % len(MARKERS)],
        markersize=5,
        linewidth=1.6,
        color=colour,
        label=short(name),
    )


def legend(axes: Axes) -> None:
    """Each label once, above the axes, so that it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    if not once:
        return
    figure = axes.figure
    figure.legend(
        once.values(),
        once.keys(),
        loc="outside upper left",
        ncols=3,
        frameon=False,
        fontsize=9,
        labelcolor=INK,
    )


def label_points(figure: Figure, axes: Axes, spots: Sequence[tuple[str, float, float]]) -> None:
    """Names beside points, each at the first place around it where it covers no other name or point."""
    figure.draw_without_rendering()  # the layout decides where the points are
    places = [axes.transData.transform((x, y)) for _, x, y in spots]
    taken = [_box(across, up, 14, 14) for across, up in places]
    frame = axes.get_window_extent()
    dot = figure.dpi / 72
    for (text, x, y), (across, up) in zip(spots, places, strict=True):
        width, height = 5.4 * len(text) * dot, 11 * dot
        for right, above in _around(width / dot, height / dot):
            box = _box(across + right * dot, up + above * dot, width, height)
            inside = frame.x0 <= box[0] and box[2] <= frame.x1 and box[3] <= frame.y1
            if inside and not any(_overlap(box, other) for other in taken):
                break
        else:
            right, above = 0.0, 11.0
            box = _box(across, up + above * dot, width, height)
        taken.append(box)
        axes.annotate(
            text,
            (x, y),
            (right, above),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9,
            color=INK,
            arrowprops={"arrowstyle": "-", "color": QUIET, "linewidth": 0.6} if abs(above) > 14 else None,
        )


def _around(width: float, height: float) -> Iterator[tuple[float, float]]:
    """Offsets of a name's middle from its point, in points: beside, above and below it, then farther."""
    for rise in (0.0, 12.0, -12.0, 22.0, -22.0, 34.0, -34.0, 46.0, -46.0):
        yield width / 2 + 9, rise
        yield -width / 2 - 9, rise
        if abs(rise) >= 12:
            yield 0.0, rise


def _box(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
