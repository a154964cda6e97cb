"""Values in, pieces of HTML out, for the report's page: all text is escaped but what is `Html` already.

table(["source", "*rows"], [("demo", 1204)])   <table>… <td>demo</td><td class="n">1,204</td> …
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import pandas as pd

MOST_ROWS = 40  # of a table; how many more there are is said
_UNITS = ((604_800, "week"), (86_400, "day"), (3_600, "h"), (60, "min"))


class Html(str):
    """Text that is HTML already; every other text is escaped where it is put into the page."""

    __slots__ = ()


def table(heads: Sequence[str], rows: Sequence[Iterable[Any]], most: int = MOST_ROWS) -> str:
    """heads: with * where the column holds numbers."""
    numeric = [head.startswith("*") for head in heads]
    first = "".join(
        f'<th class="n">{escape(head[1:])}</th>' if number else f"<th>{escape(head)}</th>"
        for head, number in zip(heads, numeric, strict=True)
    )
    body = []
    for row in rows[:most]:
        cells = "".join(
            f'<td class="n">{cell(value)}</td>' if number else f"<td>{cell(value)}</td>"
            for value, number in zip(row, numeric, strict=True)
        )
        body.append(f"<tr>{cells}</tr>")
    rest = f'<p class="note">and {len(rows) - most:,} more</p>' if len(rows) > most else ""
    dense = ' class="dense"' if len(heads) > 10 else ""
    return f'<div class="scroll"><table{dense}><tr>{first}</tr>{"".join(body)}</table></div>{rest}'


def cell(value: Any) -> str:
    if isinstance(value, Html):
        return value
    if value is None or value is pd.NA or value != value:
        return "–"
    return escape(value) if isinstance(value, str) else f"{value:,}"


def shown(text: str) -> Html:
    """As code, what cannot be seen by its name."""
    plain = escape(text[:120] + ("…" if len(text) > 120 else ""))
    return Html(f"<code>{plain.replace(chr(0xAD), '<i>soft hyphen</i>')}</code>")


def prose(docstring: str) -> str:
    """A line of a docstring for a reader of the page: its backquotes are code."""
    parts = escape(docstring).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def paragraph(text: str) -> str:
    return f"<p>{text if isinstance(text, Html) else escape(text)}</p>"


def figure(drawn: str) -> str:
    return f"<figure>{drawn}</figure>"


def percent(part: float, whole: float) -> str:
    """Never 0% or 100% of what is neither.

    >>> percent(1, 100_000), percent(99_999, 100_000), percent(1, 3), percent(0, 0)
    ('<0.1%', '>99.9%', '33.3%', '–')
    """
    if not whole:
        return "–"
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "<0.1%"
    if 99.9 < share < 100:
        return ">99.9%"
    return f"{share:.1f}%".replace(".0%", "%")


def many(n: int, thing: str) -> str:
    return f"{n:,} {thing}" if n == 1 else f"{n:,} {thing}s"


def seconds(value: float | None) -> str | None:
    """A length in words: 90 -> "1 min 30 s"."""
    if value is None or pd.isna(value):
        return None
    left, told = round(float(value), 1 if value < 10 else 0), list[str]()
    for unit, name in _UNITS:
        if left >= unit and len(told) < 2:
            n, left = divmod(left, unit)
            told.append(many(int(n), name) if unit > 3_600 else f"{int(n)} {name}")
    if left and len(told) < 2:
        told.append(f"{left:g} s")
    return " ".join(told) or "0 s"


def lack(missing: int, n: int, sensible: bool) -> Any:
    """A cell, the darker the more is missing."""
    if not sensible:
        return Html('<span class="sub">–</span>')
    share = missing / n if n else 0.0
    ink = f"background: rgba(193, 87, 60, {0.42 * share:.2f}); padding: .1em .35em; border-radius: 4px"
    return Html(f'<span style="{ink}">{percent(missing, n)}</span>')
