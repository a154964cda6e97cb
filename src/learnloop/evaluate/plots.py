"""Figures of an evaluation. matplotlib's objects only: no pyplot, so no state shared between threads."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, ACCENT, QUIET = "#333333", "#1f6f8b", "#b8b8b8"
SIZE = (6.0, 3.8)  # inches


def _canvas(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE, dpi=120, layout="constrained")
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
    figure, axes = _canvas(title or f"{metric} by model", f"{metric} (95% interval)", "")
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
    figure, axes = _canvas(title, "Predicted probability", "Observed share correct")
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
    figure, axes = _canvas(title or f"{metric} by history length", "Items in the history", f"Mean {metric}")
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
