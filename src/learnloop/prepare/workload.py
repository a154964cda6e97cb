"""What a course asks for a week, as pages say it, in; seconds a week out.

3-4 hours a week · dos horas por semana      (10800, 14400) · (7200, 7200)
"""

import re

from learnloop.prepare.numbers import number
from learnloop.prepare.units import LONGEST, seconds, without_accents

_TO = r"\s*(?:-|–|—|\bto\b|\bor\b|\ba\b|\bo\b|\bà\b|\bou\b|\bbis\b|\boder\b)\s*"
_RANGE = re.compile(rf"^(\w+(?:[.,]\d+)?){_TO}(\w+(?:[.,]\d+)?)\s+(.+)$")
_WEEK = r"(?:weeks?|wk|semana|semaine|woche)"
_PER_WEEK = re.compile(
    rf"\s*(?:/\s*{_WEEK}|(?:a|per|each|every|por|a la|par|pro|in der|je)\s+{_WEEK}|weekly)\s*\.?$"
)


def weekly_workload(text: str) -> tuple[float, float] | None:
    """(least, most) seconds a week; None where `text` says no workload a week.

    >>> weekly_workload("3-4 hours a week"), weekly_workload("dos horas por semana")
    ((10800.0, 14400.0), (7200.0, 7200.0))
    """
    if len(text) > LONGEST:
        return None
    plain = without_accents(text).strip().casefold()
    match = _PER_WEEK.search(plain)
    if not match:
        return None
    stated = plain[: match.start()].strip()
    if ranged := _RANGE.match(stated):
        ends = [number(end) for end in (ranged[1], ranged[2])]
        both = [seconds(f"{end:g} {ranged[3]}") if end is not None else None for end in ends]
        if both[0] is None or both[1] is None or both[0] > both[1]:
            return None
        return both[0], both[1]
    length = seconds(stated)
    return None if length is None else (length, length)
