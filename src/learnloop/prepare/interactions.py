"""The one door for events: importers, the simulator and the API's batches all pass here.

A raw event, every field text, "" where empty:

    learner_id,item_id,occurred_at,verb,correct,score,duration_s,event_id
    l-3f2a…,demo:courses/python-basics/loops-1,2025-02-03T10:00:00Z,answered,true,,12.5,

`clean_interactions` reads the text, then `admit` applies the row rules. An importer that knows its
columns' types (OULAD) calls `admit` alone. `learner_id` is a pseudonym before it comes here.
"""

import re
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from learnloop.errors import BadInput
from learnloop.prepare.repeats import REPEAT, Repeats
from learnloop.prepare.verdicts import Occurrences, Verdicts, digests
from learnloop.schemas import INTERACTIONS, LEARNERS, UTC, VERBS, Cleaned, check

OPTIONAL = ("occurred_at", "verb", "correct", "score", "duration_s", "event_id")
TRUE, FALSE = ("true", "1", "yes", "t", "1.0"), ("false", "0", "no", "f", "0.0")
SLACK = pd.Timedelta(days=1)  # a clock elsewhere may run ahead of ours, by a time zone at most
EARLIEST = pd.Timestamp("1970-01-02", tz="UTC")  # before it lie default dates, not events
LONGEST_ID = 200
DEEPEST = 20  # steps from an item to the top of its course
BEFORE_BIRTH = "time before the item came to be"
ITEM_ID = re.compile(r"[a-z0-9_]+:\S.*$")


def clean_interactions(
    raw: pd.DataFrame,
    known_items: Collection[str] | None,
    now: pd.Timestamp,
    source: str,
    *,
    file: str = "",
    seen: Occurrences | None = None,
    fill_time: bool = False,
    repeats: Repeats | None = None,
    born: Mapping[str, pd.Timestamp] | None = None,
) -> Cleaned:
    """Text columns to INTERACTIONS: read = kept + rejected, in row order.

    raw: learner_id and item_id; OPTIONAL columns where there are any; `line`, `damage`, `raw` from a
    reader. known_items: None admits every item. now: UTC, bounds the future. seen: what former chunks
    held; an event identical to a former one, or with its event_id, is a duplicate. fill_time: events
    without a time happened `now` (an API's live events); else they are refused. repeats: refuses an event
    alike one a moment before; None where times are too coarse to tell. born: see `judge`.
    An event_id that is not given is a digest of the event's content, so that a second import finds it.
    Raises BadInput where a column is missing.
    """
    events, verdicts = read_events(raw, now, source, file=file, fill_time=fill_time)
    admitted = admit(events, verdicts, known_items, now, seen, repeats=repeats, born=born)
    return verdicts.cleaned({"interactions": admitted}, file)


def read_events(
    raw: pd.DataFrame, now: pd.Timestamp, source: str, *, file: str = "", fill_time: bool = False
) -> tuple[pd.DataFrame, Verdicts]:
    """Text columns to typed ones, a row at a time: the first half of `clean_interactions`.

    The events have the columns of INTERACTIONS and one row for each of `raw`, which may be any part of
    a file: no row's outcome depends on another.
    """
    for name in ("learner_id", "item_id"):
        if name not in raw:
            raise BadInput(f"{file or 'the events'}: column {name!r} is missing", field=name)
    raw = raw.reset_index(drop=True)
    text = raw.reindex(columns=["learner_id", "item_id", *OPTIONAL]).astype("str")
    text = text.apply(lambda column: column.str.strip()).fillna("")
    if "line" not in raw:
        raw["line"] = raw.index + 2
    verdicts = Verdicts(raw)
    for name in ("learner_id", "item_id", "event_id"):
        verdicts.refuse(text[name].str.contains("\0", regex=False), "NUL character")
    events = pd.DataFrame(
        {
            "learner_id": text["learner_id"],
            "item_id": text["item_id"],
            "correct": _flags(text["correct"], verdicts),
            "score": _numbers(text["score"]),
            "duration_s": _numbers(text["duration_s"]),
            "occurred_at": _times(text["occurred_at"], verdicts, now if fill_time else None),
        }
    )
    verdicts.refuse((text["score"] != "") & events["score"].isna(), "score is not a number")
    duration_wrong = (text["duration_s"] != "") & ~(events["duration_s"] >= 0).fillna(False)
    events["duration_s"] = events["duration_s"].mask(duration_wrong)
    verdicts.repair(duration_wrong, "duration that is no number of seconds left empty")
    verb = text["verb"].str.lower()
    scored = events["correct"].notna() | events["score"].notna()
    events["verb"] = verb.mask(verb == "", scored.map({True: "answered", False: "experienced"}))
    verdicts.repair(verb == "", "verb filled in: answered with a result, else experienced")
    events["source"] = source
    late = text["occurred_at"].eq("") & fill_time
    events["imputed"] = filled_in({"verb": verb == "", "occurred_at": late})
    nameless = text["event_id"] == ""
    events["event_id"] = text["event_id"].mask(nameless, source + ":" + _content(events[nameless]))
    return events, verdicts


def admit(
    events: pd.DataFrame,
    verdicts: Verdicts,
    known_items: Collection[str] | None,
    now: pd.Timestamp,
    seen: Occurrences | None = None,
    *,
    repeats: Repeats | None = None,
    detail: pd.Series | None = None,
    born: Mapping[str, pd.Timestamp] | None = None,
) -> pd.DataFrame:
    """The kept of typed events, which share their index with `verdicts`: row rules, duplicates, repeats.

    detail: what two events must share beside their columns to be repeats (a position in a video).
    """
    judge(events, verdicts, known_items, now, born)
    sound = events[verdicts.sound]
    ordinal = (seen or Occurrences()).number(digests([sound["event_id"]]))
    verdicts.refuse((ordinal > 0).reindex(events.index, fill_value=False), "duplicate event")
    if repeats is not None:
        first = verdicts.sound
        again = repeats.mark(events[first], None if detail is None else detail[first])
        verdicts.refuse(again.reindex(events.index, fill_value=False), REPEAT)
    kept = events[verdicts.sound].reset_index(drop=True)
    return check(kept, INTERACTIONS, "interactions")


def judge(
    events: pd.DataFrame,
    verdicts: Verdicts,
    known_items: Collection[str] | None,
    now: pd.Timestamp,
    born: Mapping[str, pd.Timestamp] | None = None,
) -> None:
    """The row rules alone: what one event, whatever the others are, is refused for.

    born: when items came to be (UTC), where known; nobody did an item before, give or take a day.
    """
    verdicts.refuse(events["learner_id"].fillna("") == "", "no learner")
    verdicts.refuse(events["item_id"].fillna("") == "", "no item")
    if known_items is not None:
        verdicts.refuse(~events["item_id"].isin(known_items), "unknown item")
    odd = [item_id for item_id in events["item_id"].dropna().unique() if not ITEM_ID.match(item_id)]
    verdicts.refuse(events["item_id"].isin(odd), "item id is not source:key")
    verdicts.refuse(~events["verb"].isin(VERBS), "unknown verb")
    verdicts.refuse(events["occurred_at"].isna(), "no time")
    verdicts.refuse(events["occurred_at"] > now + SLACK, "time in the future")
    verdicts.refuse(events["occurred_at"] < EARLIEST, "time before 1970")
    if born:
        birth = events["item_id"].map(pd.Series(dict(born), dtype=UTC))
        verdicts.refuse(events["occurred_at"] < birth - SLACK, BEFORE_BIRTH)
    score = events["score"]
    verdicts.refuse(score.notna() & ~score.between(0.0, 1.0).fillna(False), "score outside 0 to 1")
    verdicts.refuse(events["event_id"].str.len() > LONGEST_ID, f"event id longer than {LONGEST_ID}")


def births(items: pd.DataFrame) -> dict[str, pd.Timestamp]:
    """When items came to be, by item_id: `attributes["created_at"]` (ISO 8601), or that of the item above.

    items: ITEMS. A presentation's start is none: its pages are read before it. A date that
    cannot be read is left out.
    """
    told = [one.get("created_at") if isinstance(one, dict) else None for one in items["attributes"]]
    given = pd.Series(pd.array(told, dtype="str"), index=items["item_id"])
    born = pd.to_datetime(given, format="ISO8601", utc=True, errors="coerce")
    found = {str(item_id): when for item_id, when in born.dropna().items()}
    if not found:
        return {}
    above = items.set_index("item_id")["parent_id"].dropna().to_dict()
    for item_id, parent in above.items():
        for _ in range(DEEPEST):
            if item_id in found or parent is None:
                break
            if parent in found:
                found[item_id] = found[parent]
            parent = above.get(parent)
    return found


def learners_without_attributes(learner_id: pd.Series, source: str) -> pd.DataFrame:
    """LEARNERS rows for pseudonyms, each once, of whom nothing but the events is known."""
    frame = pd.DataFrame({"learner_id": learner_id.drop_duplicates().sort_values(ignore_index=True)})
    frame["source"] = source
    frame["attributes"] = pd.Series([{} for _ in frame.index], dtype=object)
    return check(frame, LEARNERS, "learners")


def _content(events: pd.DataFrame) -> pd.Series:
    """A digest of who did what, when and how well; never of an outside id."""
    names = ("learner_id", "item_id", "verb", "correct", "score", "duration_s")
    return digests([*(events[name] for name in names), events["occurred_at"].dt.strftime("%Y%m%dT%H%M%S.%f")])


def filled_in(filled: Mapping[str, pd.Series]) -> pd.Series:
    """Names of the fields that were filled in, a row, for `imputed`; NA where all are as told.

    filled: masks by name, on one index.

    >>> filled_in({"verb": pd.Series([True, False]), "occurred_at": pd.Series([True, False])}).tolist()
    ['verb occurred_at', nan]
    """
    code = sum(rows.to_numpy(dtype=np.int64) << bit for bit, rows in enumerate(filled.values()))
    texts = [
        " ".join(name for bit, name in enumerate(filled) if which >> bit & 1) or None
        for which in range(1 << len(filled))
    ]
    return pd.Series(pd.array(texts, dtype="str")[code], index=next(iter(filled.values())).index)


def _numbers(text: pd.Series) -> pd.Series:
    values = pd.to_numeric(text.mask(text == ""), errors="coerce").astype("Float64")
    return values.mask(values.isin([float("inf"), float("-inf")]))


def _flags(text: pd.Series, verdicts: Verdicts) -> pd.Series:
    lower = text.str.lower()
    flags = pd.Series(pd.NA, index=text.index, dtype="boolean")
    flags = flags.mask(lower.isin(TRUE), True).mask(lower.isin(FALSE), False)
    verdicts.refuse((text != "") & flags.isna(), "correct is neither true nor false")
    return flags


def _times(text: pd.Series, verdicts: Verdicts, fill: pd.Timestamp | None) -> pd.Series:
    """ISO 8601, or seconds (10 digits) or milliseconds (13) since 1970; without a zone it is UTC."""
    seconds, millis = text.str.fullmatch(r"\d{9,10}"), text.str.fullmatch(r"\d{12,13}")
    iso = text.mask(seconds | millis | (text == ""))
    times = pd.to_datetime(iso, format="ISO8601", utc=True, errors="coerce").dt.as_unit("us")
    for rows, unit in ((seconds, "s"), (millis, "ms")):
        if rows.any():
            stamps = pd.to_datetime(text[rows].astype("int64"), unit=unit, utc=True).dt.as_unit("us")
            times = times.where(~rows, stamps.reindex(text.index))
    verdicts.repair(seconds | millis, "time read as seconds since 1970")
    zoneless = iso.notna() & ~iso.str.contains(r"(?:[zZ]|[+-]\d{2}:?\d{2}|[+-]\d{2})$", na=False)
    zoneless |= iso.str.fullmatch(r"\d{4}-\d{2}(?:-\d{2})?", na=False)  # its last -DD is no zone
    verdicts.repair(zoneless, "time without a zone taken as UTC")
    verdicts.refuse((text != "") & times.isna(), "time is not ISO 8601")
    if fill is not None:
        times = times.mask(text == "", fill)
        verdicts.repair(text == "", "time filled in: that of arrival")
    return times
