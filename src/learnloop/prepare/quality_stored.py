"""Sections of the quality report that tell what is stored: lengths, times spent, and what is missing."""

from typing import Any

import pandas as pd

from learnloop.prepare import quality_plots as plots
from learnloop.prepare import quality_words as words
from learnloop.prepare.quality_html import figure, lack, paragraph, seconds, shown, table
from learnloop.prepare.quality_tables import Quality, top_forms

_ASKED = ("exercise", "question")


def lengths(quality: Quality) -> str:
    lengths, forms = quality.stored.lengths, top_forms(quality.run.forms)
    if lengths.empty and forms.empty:
        return paragraph("No item says how long it is.")
    parts = [
        paragraph(
            "Durations come as people and standards write them, and are stored in seconds. What has more"
            " than one reading (“1:30”, “10–15 min”) is left empty and counted."
        )
    ]
    if len(lengths):
        binned = lengths.groupby("bin", as_index=False)["n"].sum()
        bars = [("n", plots.ACCENT, "items")]
        drawn = plots.svg(
            lambda: plots.lengths(binned, bars, "duration (on a logarithmic scale)", "items"),
            "Durations of items",
        )
        parts.append(figure(drawn))
    if len(forms):
        rows = [(shown(r.form), shown(r.example), seconds(r.seconds), r.n) for r in forms.itertuples()]
        parts.append("<h3>Before and after</h3>")
        parts.append(table(["written as", "an example", "stored as", "*pages"], rows))
    return "".join(parts)


def times(quality: Quality) -> str:
    told, histogram = quality.stored.spent, quality.stored.times
    if not int(told["timed"].sum() if len(told) else 0):
        return paragraph("No stored event says how long it took.")
    bars = [
        ("within", plots.ACCENT, "usual for the item"),
        ("beyond", plots.WARNING, "beyond what anybody spends on it"),
    ]
    drawn = plots.svg(
        lambda: plots.lengths(histogram, bars, "time spent (on a logarithmic scale)", "events"), "Times spent"
    )
    rows = [
        (r.source, r.timed, r.untimed, seconds(r.median_s), seconds(r.p90_s), r.beyond)
        for r in told.itertuples()
    ]
    heads = ["source", "*events with a time", "*without", "*median", "*nine in ten below", "*beyond"]
    return (
        paragraph(
            "A time far beyond what others need for the same item is a page left open, not learning. The"
            " limit is each item's own (its median, and how much its times vary), and never below a minute;"
            " where too few times are known, 30 minutes or more. The events themselves are kept."
        )
        + figure(drawn)
        + table(heads, rows)
    )


def missing(quality: Quality) -> str:
    items, events, filled = quality.stored.items, quality.stored.events, quality.stored.filled
    parts = [
        paragraph(
            "Of what is stored, the share with nothing in a field; a dash where that field makes no sense."
        )
    ]
    if len(items):
        rows = [
            (
                row["source"],
                row["kind"],
                int(row["n"]),
                *(lack(row[f"no_{name}"], row["n"], _sensible(name, row["kind"])) for name in words.STORED),
            )
            for row in items.to_dict("records")
        ]
        heads = ["source", "kind", "*items", *(f"*{name}" for name in words.STORED.values())]
        parts.append(table(heads, rows))
    if len(events):
        summed = events.groupby(["source", "verb"], as_index=False)[
            ["n", "no_correct", "no_score", "no_duration_s"]
        ].sum()
        rows = [
            (
                row["source"],
                row["verb"],
                int(row["n"]),
                lack(row["no_correct"], row["n"], row["verb"] == "answered"),
                lack(row["no_score"], row["n"], row["verb"] in ("answered", "scored", "rated")),
                lack(row["no_duration_s"], row["n"], True),
            )
            for row in summed.to_dict("records")
        ]
        parts.append("<h3>Events of learners</h3>")
        parts.append(
            table(["source", "what they did", "*events", "*right or wrong", "*score", "*time"], rows)
        )
    marked = _filled(filled, events)
    if marked:
        parts.append("<h3>Filled in by us, and marked so</h3>")
        parts.append(table(["source", "field", "*records"], marked))
    return "".join(parts)


def _filled(items: pd.DataFrame, events: pd.DataFrame) -> list[tuple[Any, ...]]:
    """(source, field, n) of items' and events' fields whose values we filled in."""
    counts: dict[tuple[str, str], int] = {}
    for row in items.itertuples():
        name = words.FIELDS.get(str(row.field), str(row.field))
        counts[str(row.source), name] = counts.get((str(row.source), name), 0) + int(row.n)
    for row in events.dropna(subset="imputed").itertuples():
        for name in str(row.imputed).split():
            key = (str(row.source), f"{name} of an event")
            counts[key] = counts.get(key, 0) + int(row.n)
    return [(source, name, n) for (source, name), n in sorted(counts.items())]


def _sensible(column: str, kind: str) -> bool:
    if column == "answer":
        return kind in _ASKED
    if column in ("parent_id", "position"):
        return kind != "course"
    return column != "abstract" or kind == "lesson"
