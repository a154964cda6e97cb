"""Durations and dates as people and standards write them in, seconds and UTC out.

What cannot be read for certain is NA and counted: "10-15 min", "1:30", "P1M" and 03/04/2024 have more
than one reading, and a number without a unit has too many.
"""

import re
import unicodedata
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

import pandas as pd

from learnloop import schemas
from learnloop.prepare.numbers import figures_for_words

LONGEST = 100  # characters: nobody writes more of a duration, a date or a price, and patterns look at each
_NUMBER = r"(\d+(?:[.,]\d+)?)"
_ISO = re.compile(
    rf"^P(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?$",
    re.IGNORECASE,
)
_ISO_SECONDS = (7 * 86400, 86400, 3600, 60, 1)
# English, Spanish, French, German; accents are removed before.
_UNITS: dict[int, str] = {
    7 * 86400: "w|weeks?|semanas?|semaines?|wochen?",
    86400: "d|days?|dias?|jours?|tage?n?",
    3600: "h|hrs?|hours?|horas?|heures?|std|stunden?",
    60: "min|mins|minutes?|minutos?|minuten?|mn|'|′",
    1: "s|secs?|seconds?|segundos?|secondes?|sek|sekunden?|''|″|\"",
}
_PART = re.compile(rf"{_NUMBER}\s*({'|'.join(_UNITS.values())})\.?(?![a-z])", re.IGNORECASE)
_GLUE = re.compile(r"^(?:\s|,|\band\b|\by\b|\bet\b|\bund\b)*$")
_H_MM = re.compile(r"^(\d+)\s*(?:h|hrs?|std)\.?\s*(\d{1,2})$", re.IGNORECASE)
_H_MM_SS = re.compile(r"^(\d+):([0-5]\d):([0-5]\d)$")


def seconds(text: str) -> float | None:
    """Length in seconds of an ISO 8601 duration or of words; None where it is not certain.

    >>> seconds("PT1H30M"), seconds("45 minutos"), seconds("doce semanas"), seconds("about an hour")
    (5400.0, 2700.0, 7257600.0, None)
    """
    if len(text) > LONGEST:
        return None
    told, text = text, without_accents(text).strip()
    if (match := _ISO.match(text)) and any(match.groups()):
        return sum(
            _number(value) * unit for value, unit in zip(match.groups(), _ISO_SECONDS, strict=True) if value
        )
    if match := _H_MM_SS.match(text):
        hours, minutes, rest = map(int, match.groups())
        return float(hours * 3600 + minutes * 60 + rest)
    if (match := _H_MM.match(text)) and int(match[2]) < 60:
        return float(int(match[1]) * 3600 + int(match[2]) * 60)
    found = _spoken(text)
    return _spoken(without_accents(figures_for_words(told)).strip()) if found is None else found


def _spoken(text: str) -> float | None:
    """`1 hour and 30 minutes`: units from large to small, each once, nothing unread in between."""
    total, end, last = 0.0, 0, float("inf")
    for match in _PART.finditer(text):
        unit = next(s for s, names in _UNITS.items() if re.fullmatch(names, match[2], re.IGNORECASE))
        if not _GLUE.match(text[end : match.start()]) or unit >= last:
            return None
        total, end, last = total + _number(match[1]) * unit, match.end(), unit
    return total if end and not text[end:].strip() else None


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def without_accents(text: str) -> str:
    """'Días' -> 'Dias': accents off, so that one spelling of a word is enough to know it."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def iso_duration(length_s: int) -> str:
    """ISO 8601 of whole seconds; `seconds` reads it back.

    >>> iso_duration(5400)
    'PT1H30M'
    """
    parts = ((length_s // 3600, "H"), (length_s // 60 % 60, "M"), (length_s % 60, "S"))
    return "PT" + ("".join(f"{n}{unit}" for n, unit in parts if n) or "0S")


_MONTHS = {
    name: number
    for names in (
        "january february march april may june july august september october november december",
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
        "januar februar marz april mai juni juli august september oktober november dezember",
    )
    for number, name in enumerate(names.split(), start=1)
}
_MONTHS["setiembre"] = 9
_DAY_MONTH_YEAR = re.compile(
    r"^(\d{1,2})(?:st|nd|rd|th|er|\.|º)?\s+(?:de\s+|of\s+)?([a-z]+)\.?,?\s+(?:de\s+)?(\d{4})$"
)
_MONTH_DAY_YEAR = re.compile(r"^([a-z]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})$")
_NUMBERS = re.compile(r"^(\d{1,2})([./-])(\d{1,2})\2(\d{4})$")
_ISO_DATE = re.compile(r"^\d{4}-?\d{2}-?\d{2}")


def utc_time(text: str) -> datetime | None:
    """A moment in UTC; a time without a zone is taken as UTC, a date as its midnight; None if uncertain.

    >>> utc_time("3 de marzo de 2024") == utc_time("2024-03-03T01:00:00+01:00") == utc_time("03.03.2024")
    True
    """
    text = " ".join(text.split())
    if len(text) > LONGEST:
        return None
    found = _iso_time(text) or _mail_time(text) or _spelled(without_accents(text).lower())
    if found is None:
        return None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        return None


def _iso_time(text: str) -> datetime | None:
    if not _ISO_DATE.match(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _mail_time(text: str) -> datetime | None:
    """RFC 5322, as in HTTP headers: `Sun, 03 Mar 2024 00:00:00 GMT`."""
    if ":" not in text:
        return None
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None


def _spelled(text: str) -> datetime | None:
    if match := _DAY_MONTH_YEAR.match(text):
        day, month, year = int(match[1]), _MONTHS.get(match[2], 0), int(match[3])
    elif match := _MONTH_DAY_YEAR.match(text):
        day, month, year = int(match[2]), _MONTHS.get(match[1], 0), int(match[3])
    elif match := _NUMBERS.match(text):
        first, mark, second, year = int(match[1]), match[2], int(match[3]), int(match[4])
        # with points the day comes first wherever it is written so; else only what has one reading
        if mark != "." and first != second and first <= 12 and second <= 12:
            return None
        day, month = (second, first) if mark != "." and second > 12 else (first, second)
    else:
        return None
    try:
        return datetime.combine(date(year, month, day), datetime.min.time())
    except ValueError:
        return None


def durations(texts: pd.Series) -> tuple[pd.Series, dict[str, int]]:
    """(Float64 seconds, repairs): NA stays NA, what cannot be read becomes NA and is counted."""
    found = [
        seconds(text) if isinstance(text, str) and text.strip() else None for text in texts.astype(object)
    ]
    values = pd.Series(found, index=texts.index, dtype="Float64", name=texts.name)
    return values, _unread(texts, values, "duration unreadable: NA")


def utc_times(texts: pd.Series) -> tuple[pd.Series, dict[str, int]]:
    """(UTC times in microseconds, repairs): NA stays NA, what cannot be read becomes NA and is counted."""
    found = [
        utc_time(text) if isinstance(text, str) and text.strip() else None for text in texts.astype(object)
    ]
    values = pd.Series(pd.array(found, dtype=schemas.UTC), index=texts.index, name=texts.name)
    return values, _unread(texts, values, "date unreadable: NA")


def _unread(texts: pd.Series, values: pd.Series, rule: str) -> dict[str, int]:
    lost = values.isna() & texts.astype("str").str.strip().fillna("").ne("")
    return {rule: int(lost.sum())} if lost.any() else {}
