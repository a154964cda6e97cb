"""Figures of a search for hyper-parameters, in the style of `evaluate.plots`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from learnloop.evaluate.plots import ACCENT, INK, QUIET, canvas


def history(model: str, trials: Sequence[Mapping[str, Any]], metric: str) -> Figure:
    """trials: the `history` of `tuning_study.summary`, the first one the defaults. A trial that was given up
    stands at its last rung's value, which is on fewer learners and so not to be compared."""
    figure, axes = canvas(f"{model}: trials", "Trial", f"{metric}, validation")
    measured = [(one["trial"], one["value"]) for one in trials if one["value"] is not None]
    given_up = [(one["trial"], one["rungs"][-1]) for one in trials if one["state"] == "pruned"]
    if given_up:
        axes.scatter(*zip(*given_up, strict=True), marker="x", color=QUIET, label="given up")
    if measured:
        numbers, values = (np.array(column) for column in zip(*measured, strict=True))
        axes.scatter(numbers, values, color=ACCENT, s=18, label="measured")
        best = np.maximum.accumulate(values)
        axes.step(numbers, best, where="post", color=ACCENT, linewidth=1, label="best so far")
        axes.axhline(values[0], color=INK, linestyle="--", linewidth=1, label="defaults")
    axes.legend(frameon=False, fontsize=9)
    return figure


def importance(model: str, shares: Mapping[str, float]) -> Figure:
    """shares: hyper-parameter -> its share of the variance, in [0, 1]; the largest on top."""
    figure, axes = canvas(f"{model}: what matters", "Share of the variance (fANOVA)", "")
    names = sorted(shares, key=lambda name: shares[name])
    axes.barh(names, [shares[name] for name in names], color=ACCENT)
    axes.set_xlim(0, 1)
    return figure
