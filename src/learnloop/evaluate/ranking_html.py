"""Values in, pieces of HTML out, for the report of an evaluation; all text but `Html` is escaped.

table(["model", "*NDCG"], [("ease", ".312")])   <table>… <td>ease</td><td class="n">.312</td> …
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import isfinite
from typing import Any

MOST_ROWS = 60  # of a table; how many more there are is said


class Html(str):
    """Text that is HTML already; every other text is escaped where it is put into the page."""

    __slots__ = ()


def table(heads: Sequence[str], rows: Sequence[Iterable[Any]], marked: int | None = None) -> str:
    """heads: with * where the column holds numbers. marked: the row that stands out."""
    numeric = [head.startswith("*") for head in heads]
    first = "".join(
        f'<th class="n">{escape(head[1:])}</th>' if number else f"<th>{escape(head)}</th>"
        for head, number in zip(heads, numeric, strict=True)
    )
    body = []
    for place, row in enumerate(rows[:MOST_ROWS]):
        cells = "".join(
            f'<td class="n">{cell(value)}</td>' if number else f"<td>{cell(value)}</td>"
            for value, number in zip(row, numeric, strict=True)
        )
        body.append(f'<tr class="chosen">{cells}</tr>' if place == marked else f"<tr>{cells}</tr>")
    rest = f'<p class="note">and {len(rows) - MOST_ROWS:,} more</p>' if len(rows) > MOST_ROWS else ""
    top = f"<tr>{first}</tr>" if any(heads) else ""
    return f'<div class="scroll"><table>{top}{"".join(body)}</table></div>{rest}'


def cell(value: Any) -> str:
    """One of a table; a dash for what is not known."""
    if isinstance(value, Html):
        return value
    if value is None or value != value:
        return "–"
    return escape(value) if isinstance(value, str) else f"{value:,}"


def paragraph(text: str, kind: str = "") -> str:
    told = text if isinstance(text, Html) else escape(text)
    return f'<p class="{kind}">{told}</p>' if kind else f"<p>{told}</p>"


def code(text: str, most: int = 80) -> Html:
    """Somebody's name, as it stands, shortened."""
    return Html(f"<code>{escape(text[:most] + ('…' if len(text) > most else ''))}</code>")


def number(value: Any) -> float | None:
    """The number in a plain value or in {value, low, high}; None where there is none.

    >>> number(0.25), number({"value": 2}), number(None), number(float("nan"))
    (0.25, 2.0, None, None)
    """
    found = value.get("value") if isinstance(value, Mapping) else value
    if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found):
        return None
    return float(found)


def known(values: Iterable[Any]) -> list[float]:
    """The numbers among `values`.

    >>> known([0.5, None, {"value": 2}])
    [0.5, 2.0]
    """
    return [found for found in map(number, values) if found is not None]


def bounds(value: Any) -> tuple[float, float] | None:
    """(low, high) of {value, low, high}, if it has both."""
    if not isinstance(value, Mapping):
        return None
    low, high = number(value.get("low")), number(value.get("high"))
    return None if low is None or high is None else (low, high)


def decimal(value: Any, digits: int = 3) -> str:
    """Three places and no leading zero.

    >>> decimal(0.3125), decimal(-0.02), decimal(1), decimal(12.5, 1), decimal(None)
    ('.312', '−.020', '1.000', '12.5', '–')
    """
    found = number(value)
    if found is None:
        return "–"
    text = f"{abs(found):.{digits}f}"
    sign = "−" if found < 0 and float(text) else ""
    return sign + (text[1:] if text.startswith("0.") else text)


def signed(value: Any) -> str:
    """With its sign, for differences."""
    found = number(value)
    return f"+{decimal(found)}" if found is not None and found > 0 else decimal(found)


def with_interval(value: Any, digits: int = 3, sign: bool = False) -> str:
    """The value and its interval.

    >>> with_interval({"value": 0.5, "low": 0.25, "high": 0.75}), with_interval(0.5)
    ('.500 [.250, .750]', '.500')
    """
    told, within = signed(value) if sign else decimal(value, digits), bounds(value)
    return f"{told} [{decimal(within[0], digits)}, {decimal(within[1], digits)}]" if within else told


def two_lines(value: Any) -> Html:
    """For a cell: the value, its interval small below it."""
    within = bounds(value)
    below = f'<span class="within">[{decimal(within[0])}, {decimal(within[1])}]</span>' if within else ""
    return Html(decimal(value) + below)


def chance(p: Any) -> str:
    """A p-value.

    >>> chance(0.0004), chance(0.0312), chance(0.5), chance(None)
    ('< .001', '.031', '.50', '–')
    """
    found = number(p)
    if found is None:
        return "–"
    return "< .001" if found < 0.001 else decimal(found, 3 if found < 0.1 else 2)


def percent(part: float, whole: float = 1.0) -> str:
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


def size(nbytes: Any) -> str:
    """Bytes for a person.

    >>> size(800), size(2_500_000), size(None)
    ('800 B', '2.5 MB', '–')
    """
    found = number(nbytes)
    if found is None:
        return "–"
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if found >= least:
            return f"{found / least:.1f} {unit}"
    return f"{found:.0f} B"


def count(value: Any) -> str | None:
    """A whole number with its thousands marked.

    >>> count(12345), count(None)
    ('12,345', None)
    """
    found = number(value)
    return None if found is None else f"{found:,.0f}"
