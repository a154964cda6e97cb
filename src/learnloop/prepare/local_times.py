"""Times as a school's own system writes them, made ISO 8601 in UTC.

    03/02/2025 18:04    --date-format "%d/%m/%Y %H:%M" --timezone Europe/Madrid    2025-02-03T17:04:00Z

Whether 03/02 is a day in February or in March is never guessed: the format has to be given. A zone counts
for the times that name none. An hour that the clocks repeat in autumn is taken as the first of the two, one
that they skip in spring as the moment they go on; both are counted.
"""

import difflib
import re
import zoneinfo
from dataclasses import dataclass
from functools import cache

import pandas as pd

from learnloop.errors import BadInput

NUMERIC = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)(.*)")
ZONELESS = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)?"
BY_FORMAT = "time read by the date format given"
IN_ZONE = "time without a zone taken as of the zone given"
REPEATED = "hour that the clocks repeated taken as the first"
SKIPPED = "hour that the clocks skipped moved to its end"
RULES = (BY_FORMAT, IN_ZONE, REPEATED, SKIPPED)


@dataclass(frozen=True)
class Clock:
    """formats: of strptime, tried in their order before ISO 8601. timezone: an IANA name, "" for UTC."""

    formats: tuple[str, ...] = ()
    timezone: str = ""

    @classmethod
    def of(cls, formats: tuple[str, ...] = (), timezone: str = "") -> "Clock":
        """From the options of the command line. Raises BadInput."""
        for written in formats:
            parts = set(re.findall(r"%[-]?([a-zA-Z])", written))
            if not (parts & set("cDxs") or (parts & set("yY") and parts & set("mbB") and "d" in parts)):
                raise BadInput(
                    f"--date-format {written!r} names no day, month and year",
                    '--date-format "%d/%m/%Y %H:%M"',
                    "date_format",
                )
        if timezone and timezone not in _zones():
            near = difflib.get_close_matches(timezone, _zones(), n=1, cutoff=0.0)
            raise BadInput(f"there is no time zone {timezone!r}", f"--timezone {near[0]}", "timezone")
        return cls(formats, timezone)


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def refuse_ambiguous(frame: pd.DataFrame, file: str, clock: Clock) -> None:
    """Raises BadInput for dates such as 03/02/2025 where no format says which number is the day.

    frame: occurred_at and line of some rows.
    """
    if clock.formats or "occurred_at" not in frame:
        return
    found = [
        (int(line), match)
        for line, text in zip(frame["line"], frame["occurred_at"].fillna(""), strict=True)
        if (match := NUMERIC.fullmatch(text.strip()))
    ]
    if not found:
        return
    line, match = found[0]
    for place, name in ((1, "%d{0}%m{0}"), (3, "%m{0}%d{0}")):
        telling = next(((n, m) for n, m in found if int(m.group(place)) > 12), None)
        if telling:
            line, match = telling
            hint = name.format(match.group(2)) + _rest(match)
            raise BadInput(
                f"{file} line {line}: the date {match.group()!r} is not ISO 8601",
                f'--date-format "{hint}"',
                "occurred_at",
            )
    mark = match.group(2)
    raise BadInput(
        f"{file} line {line}: {match.group()!r} may begin with the day or with the month",
        f'--date-format "%d{mark}%m{mark}{_rest(match)}" or "%m{mark}%d{mark}{_rest(match)}"',
        "occurred_at",
    )


def _rest(match: re.Match[str]) -> str:
    """The format of the year and of the time behind it."""
    clock = re.fullmatch(r"([ T]+)\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?", match.group(5))
    year = "%Y" if len(match.group(4)) == 4 else "%y"
    if clock is None:
        return year
    hours = "%I:%M" if clock.group(3) else "%H:%M"
    half = f"{' ' if clock.group(3).startswith(' ') else ''}%p" if clock.group(3) else ""
    return f"{year}{clock.group(1)}{hours}{':%S' if clock.group(2) else ''}{half}"


def to_iso(text: pd.Series, clock: Clock) -> tuple[pd.Series, dict[str, pd.Series]]:
    """`text` with what `clock` can read made ISO 8601 in UTC, and the rows that each rule touched.

    >>> to_iso(pd.Series(["03/02/2025 18:04"]), Clock(("%d/%m/%Y %H:%M",), "Europe/Madrid"))[0][0]
    '2025-02-03T17:04:00.000000Z'
    """
    text = text.fillna("").str.strip()
    utc = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us, UTC]")
    touched = {rule: pd.Series(False, index=text.index) for rule in RULES}
    for written in clock.formats:
        open_rows = utc.isna() & (text != "")
        if "%z" in written.lower():
            moments = pd.to_datetime(text[open_rows], format=written, errors="coerce", utc=True)
            utc = utc.fillna(moments.dt.as_unit("us").reindex(text.index))
        else:
            naive = pd.to_datetime(text[open_rows], format=written, errors="coerce").dropna()
            utc = utc.fillna(_placed(naive, clock.timezone, touched).reindex(text.index))
    touched[BY_FORMAT] |= utc.notna()
    if clock.timezone:
        zoneless = utc.isna() & text.str.fullmatch(ZONELESS)
        naive = pd.to_datetime(text[zoneless], format="ISO8601", errors="coerce").dropna()
        utc = utc.fillna(_placed(naive, clock.timezone, touched).reindex(text.index))
    iso = utc.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ").astype("str")
    return text.mask(utc.notna(), iso), {rule: rows for rule, rows in touched.items() if rows.any()}


def _placed(naive: pd.Series, timezone: str, touched: dict[str, pd.Series]) -> pd.Series:
    """Local times as UTC; marks the rows of the rules that were needed."""
    naive = naive.astype("datetime64[us]")
    if not timezone:
        return naive.dt.tz_localize("UTC")
    touched[IN_ZONE].loc[naive.index] = True
    twice = naive.dt.tz_localize(timezone, ambiguous="NaT", nonexistent="shift_forward").isna()
    never = naive.dt.tz_localize(timezone, ambiguous=True, nonexistent="NaT").isna()
    touched[REPEATED].loc[naive.index] = twice
    touched[SKIPPED].loc[naive.index] = never
    first = [True] * len(naive)  # the first of two equal hours is summer time
    local = naive.dt.tz_localize(
        timezone, ambiguous=pd.array(first).to_numpy(bool), nonexistent="shift_forward"
    )
    return local.dt.tz_convert("UTC").dt.as_unit("us")
