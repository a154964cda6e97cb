"""Figures of the data quality report, drawn from its tables; `svg` makes text of them for a page.

matplotlib's objects only: no pyplot, so no state shared between threads.
"""

import io
import re
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from learnloop.prepare.quality_tables import FATES

INK, ACCENT, QUIET, WARNING = "#333333", "#1f6f8b", "#d9d9d9", "#c1573c"
PALE = "#8dbccb"
FATE_COLOURS = dict(zip(FATES, (ACCENT, PALE, "#e3a93c", WARNING, QUIET), strict=True))
FATE_NAMES = {
    "given": "as the page gives it",
    "mended": "given, and put in order",
    "filled": "filled in by us, and marked so",
    "emptied": "given, of no use: left empty",
    "untold": "never told: left empty",
}
LANGUAGE_COLOURS = ("#1f6f8b", "#e3a93c", "#7a9e4f", "#8c6bb1", "#c1573c", "#5f7f99")
WIDTH = 8.2  # inches
MOST_BARS = 18
MOST_LANGUAGES = 6
_STYLE = {
    "svg.fonttype": "none",  # letters stay letters: they can be read aloud, searched and copied
    "svg.hashsalt": "learnloop",
    "text.parse_math": False,  # a name of somebody's data may hold a $
    "font.size": 9.5,
    "font.family": "sans-serif",
}
_PROLOGUE = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>", re.DOTALL)


def svg(draw: Callable[[], Figure], described: str) -> str:
    """The figure that `draw` makes as an <svg> element; the same figure gives the same text."""
    with rc_context(_STYLE), warnings.catch_warnings():  # type: ignore[arg-type]
        # measuring lacks the letters of some scripts; the reader's browser, which draws, has fonts for them
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure = draw()
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None}, transparent=True)
    text = _PROLOGUE.sub("", file.getvalue()).strip()
    label = described.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    # its viewBox remains, so the page decides how wide it is
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def _canvas(bars: int, x: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, 1.0 + 0.34 * max(bars, 1)), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.set_xlabel(x, color=INK)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(colors=INK, length=0)
    axes.tick_params(axis="x", length=3)
    return figure, axes


def kept_by_source(accounts: pd.DataFrame) -> Figure:
    """accounts: ACCOUNTS. Shares of what was read, kept and refused, a bar a source."""
    summed = accounts.groupby("source")[["read", "kept", "refused"]].sum().sort_index(ascending=False)
    figure, axes = _canvas(len(summed), "share of the records read")
    read = summed["read"].clip(lower=1)
    kept = summed["kept"] / read
    axes.barh(range(len(summed)), kept, color=ACCENT, height=0.6, label="kept")
    axes.barh(
        range(len(summed)), summed["refused"] / read, left=kept, color=WARNING, height=0.6, label="refused"
    )
    for place, row in enumerate(summed.itertuples()):
        axes.text(1.01, place, f"{row.kept:,} of {row.read:,}", va="center", color=INK)
    axes.set_yticks(range(len(summed)), [_short(str(name)) for name in summed.index])
    _percent(axes)
    axes.set_xlim(0, 1.22)
    axes.spines["bottom"].set_bounds(0, 1)
    _legend(axes)
    return figure


def counts_by_name(
    counts: Mapping[str, int], x: str, colour: str = ACCENT, paler: Collection[str] = ()
) -> Figure:
    """Bars of how often each, the most frequent on top; on a logarithmic scale where they differ a lot."""
    largest = sorted(((n, name) for name, n in counts.items() if n), reverse=True)[:MOST_BARS]
    numbers, names = [n for n, _ in largest][::-1], [name for _, name in largest][::-1]
    if sum(map(bool, counts.values())) > MOST_BARS:
        x = f"{x}: the {MOST_BARS} most frequent"
    far = bool(numbers) and max(numbers) > 50 * min(numbers)
    figure, axes = _canvas(len(names), f"{x} (on a logarithmic scale)" if far else x)
    colours = [PALE if name in paler else colour for name in names]
    axes.barh(range(len(names)), numbers, color=colours, height=0.6)
    if far:
        axes.set_xscale("log")
        axes.set_xlim(0.8, max(numbers) * 4)
        axes.minorticks_off()
    else:
        axes.set_xlim(0, max(numbers, default=1) * 1.12)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for place, n in enumerate(numbers):
        axes.annotate(f"{n:,}", (n, place), xytext=(4, 0), textcoords="offset points", va="center", color=INK)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_yticks(range(len(names)), [_short(name) for name in names])
    return figure


def fields_before_and_after(fields: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """fields: FIELDS. What became of each field of the pages, as shares; names: what a person calls it."""
    summed = fields.groupby("field")[list(FATES)].sum()
    summed = summed.reindex([name for name in reversed(list(names)) if name in summed.index])
    shares = summed.div(summed.sum(axis=1), axis=0)
    figure, axes = _canvas(len(shares), "share of the pages")
    left = np.zeros(len(shares))
    for fate in FATES:
        axes.barh(
            range(len(shares)),
            shares[fate],
            left=left,
            color=FATE_COLOURS[fate],
            height=0.66,
            label=FATE_NAMES[fate],
        )
        for place, (share, start, n) in enumerate(zip(shares[fate], left, summed[fate], strict=True)):
            if share > 0.045:
                dark = fate in ("given", "emptied")
                axes.text(
                    start + share / 2,
                    place,
                    f"{n:,}",
                    ha="center",
                    va="center",
                    color="white" if dark else INK,
                    fontsize=8.5,
                )
        left = left + shares[fate].to_numpy()
    axes.set_yticks(range(len(shares)), [names[name] for name in shares.index])
    _percent(axes)
    _legend(axes, columns=3)
    return figure


def languages_by_source(languages: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """languages: source, language, n. Shares of each source's items; rare languages are one."""
    total = languages.groupby("language")["n"].sum().sort_values(ascending=False)
    order = [code for code in total.index if code != "und"]
    shown = order[: MOST_LANGUAGES - 1] if len(order) > MOST_LANGUAGES else order
    grouped = languages.assign(
        shown=languages["language"].where(languages["language"].isin([*shown, "und"]), "others")
    )
    wide = grouped.pivot_table(index="source", columns="shown", values="n", aggfunc="sum", fill_value=0)
    wide = wide.sort_index(ascending=False)
    shares = wide.div(wide.sum(axis=1), axis=0)
    figure, axes = _canvas(len(shares), "share of the items")
    left = np.zeros(len(shares))
    listed = [*shown, *(["others"] if "others" in wide else []), *(["und"] if "und" in wide else [])]
    for i, code in enumerate(listed):
        colour = QUIET if code == "und" else LANGUAGE_COLOURS[i % len(LANGUAGE_COLOURS)]
        axes.barh(
            range(len(shares)),
            shares[code],
            left=left,
            color=colour,
            height=0.6,
            label=_short(names.get(code, code)),
        )
        left = left + shares[code].to_numpy()
    axes.set_yticks(range(len(shares)), [_short(str(name)) for name in shares.index])
    _percent(axes)
    _legend(axes, columns=4)
    return figure


def lengths(binned: pd.DataFrame, parts: Sequence[tuple[str, str, str]], x: str, y: str) -> Figure:
    """Histogram over time on a logarithmic axis. binned: bin (floor(4 log2 seconds)) and counts.

    parts: (column, colour, label) of the counts that are stacked.
    """
    figure, axes = _canvas(5, x)
    axes.spines["left"].set_visible(True)
    bottom = np.zeros(len(binned))
    for column, colour, label in parts:
        if binned[column].sum():
            axes.bar(
                binned["bin"],
                binned[column],
                bottom=bottom,
                width=0.92,
                align="edge",
                color=colour,
                label=label,
            )
        bottom = bottom + binned[column].to_numpy(dtype=float)
    low, high = (int(binned["bin"].min()), int(binned["bin"].max()) + 1) if len(binned) else (0, 40)
    places: list[float] = []
    for at in (4 * float(np.log2(s)) for s in _MARKS):
        if low - 1 <= at <= high + 1 and (not places or at - places[-1] >= (high - low) / 9):
            places.append(at)
    told = {4 * float(np.log2(s)): name for s, name in _MARKS.items()}
    axes.set_xticks(places, [told[at] for at in places])
    axes.set_ylabel(y, color=INK)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if len(parts) > 1:
        _legend(axes)
    return figure


_MARKS = {
    **{1: "1 s", 2: "2 s", 5: "5 s", 10: "10 s", 20: "20 s", 30: "30 s", 60: "1 min", 120: "2 min"},
    **{180: "3 min", 300: "5 min", 420: "7 min", 600: "10 min", 900: "15 min", 1200: "20 min"},
    **{1800: "30 min", 2700: "45 min", 3600: "1 h", 7200: "2 h", 14400: "4 h", 28800: "8 h"},
    **{86400: "1 day", 172800: "2 days", 604800: "1 week", 1209600: "2 weeks", 2419200: "4 weeks"},
    **{7257600: "12 weeks", 15724800: "26 weeks", 31449600: "1 year"},
}


def _percent(axes: Axes) -> None:
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])


def _legend(axes: Axes, columns: int = 2) -> None:
    axes.legend(
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        handlelength=1.1,
        handleheight=1.0,
        columnspacing=1.4,
        labelcolor=INK,
    )


def _short(text: str, most: int = 58) -> str:
    """One line that fits beside a bar; of a character no font or page should draw, nothing."""
    line = "".join(c for c in " ".join(text.split()) if c.isprintable())
    return line if len(line) <= most else f"{line[: most - 1]}…"
