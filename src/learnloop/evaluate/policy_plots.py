"""Figures of `evaluate policy`, drawn from its result."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from learnloop.evaluate.plots import ACCENT, COLOURS, INK, STYLE, WIDTH, canvas, legend, rows_of
from learnloop.evaluate.ranking_html import bounds, number

OURS, ORACLE = "next step", "oracle"
DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))  # lines differ without colour, too


def mastered_by(family: Mapping[str, Any], title: str, values: str = "reached") -> Figure:
    """A line a policy over the answers given: share of learners who mastered every concept (`reached`), or
    the mean number of concepts mastered (`mastered`). family: one of the result's `families`."""
    label = "Learners who mastered all" if values == "reached" else "Concepts mastered, on average"
    with rc_context(STYLE):
        figure, axes = canvas(title, "Answers", label, (WIDTH, 3.9))
        for place, (name, policy) in enumerate(in_order(family).items()):
            curve = policy["curve"]
            axes.plot(
                curve["steps"],
                curve[values],
                color=INK if name == ORACLE else COLOURS[place % len(COLOURS)],
                linestyle=DASHES[place % len(DASHES)],
                linewidth=2.4 if name == OURS else 1.5,
                label=name,
            )
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        if values == "reached":
            axes.set_ylim(0, 1.02)
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.grid(axis="y", color="#eeeeee")
        legend(axes)
    return figure


def savings(families: Mapping[str, Any], goal: float) -> Figure:
    """A row a family: the share of steps saved against its best simple policy, with its interval."""
    with rc_context(STYLE):
        labels = [f"{name} ({one['best_simple']})" for name, one in families.items()]
        figure, axes = rows_of(labels, "Fewer steps than the best simple policy", "Saved")
        for place, one in enumerate(reversed(list(families.values()))):
            within = bounds(one["saving"])
            if within:
                axes.plot(within, [place, place], color=ACCENT, linewidth=2.5)
            axes.plot(number(one["saving"]) or 0.0, place, "o", color=ACCENT, markersize=7)
        axes.axvline(goal, color=INK, linestyle="--", linewidth=1, label=f"goal: {goal:.0%}")
        axes.set_xlim(min(0.0, axes.get_xlim()[0]), max(0.6, axes.get_xlim()[1]))
        axes.set_xticks(np.arange(0.0, axes.get_xlim()[1] + 0.01, 0.1))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        legend(axes)
    return figure


def in_order(family: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The policies: ours, the others by their steps, the oracle last."""
    policies = family["policies"]

    def key(name: str) -> tuple[int, float]:
        return (0 if name == OURS else 2 if name == ORACLE else 1), number(policies[name]["steps"]) or 0.0

    return {name: policies[name] for name in sorted(policies, key=key)}
