"""Interactions of any number: the same functions on one frame and on the partitions of a cluster.

What moves between the steps, one event (place: file 3, line 17; repairs: bit 1, "time without a zone …"):

    event_id     learner_id  item_id       verb      occurred_at           …  place          repairs
    school:e7    4a08b2156…  school:loops  answered  2025-02-03T10:00:00Z     3298534883345        2

Four steps, so that no partition needs to know another:

    read_rows    a part of a file    the rules of one row: typed, judged, repaired (pandas, any partition)
    duplicates   of fingerprints     the places of events that came before (partitions by event)
    settle       whole learners      by learner and time, repeats refused (partitions by learner)
    finish       whole learners      the rule that needs a statistic of all (dwell times), and the contract

`whole` is all of it on one frame. The outcome depends on the files' names and lines, and on nothing else:
not on how rows are cut into partitions, nor on the order in which those are worked on.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from learnloop.errors import BadInput
from learnloop.prepare.dwell import OUTLIER, Limits, drop_outliers, dwell_limits, statistics
from learnloop.prepare.interactions import judge, read_events
from learnloop.prepare.local_times import RULES, Clock, to_iso
from learnloop.prepare.masking import mask_rejected
from learnloop.prepare.repeats import REPEAT, debounce
from learnloop.prepare.tables import HIDDEN, own_rows
from learnloop.prepare.verdicts import Pseudonymise, no_rejects, rejects, row_text
from learnloop.schemas import INTERACTIONS, Accounting, Cleaned, RawChunk, check

LINES = 1 << 40  # of one file, at most
RECORD = ("learner_id", "item_id", "occurred_at", "verb", "correct", "score", "duration_s", "event_id")
DUPLICATE = "duplicate event"


@dataclass
class Rows:
    """Events that passed the row rules, with `place` (int64) and `repairs` (uint32), and the others.

    rules: the names of the bits of `repairs`; the same for every part. accounting: `kept` counts `events`,
    and `repaired` is empty, because a later step may still refuse a repaired row.
    """

    events: pd.DataFrame
    rejected: pd.DataFrame
    accounting: Accounting
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Context:
    """What every part needs: known_items None admits any item; now (UTC) bounds the future."""

    source: str
    now: pd.Timestamp
    pseudonymise: Pseudonymise = field(repr=False)
    known_items: Collection[str] | None = field(default=None, repr=False)
    kinds: Mapping[str, str] = field(default_factory=dict, repr=False)  # of items, where known
    born: Mapping[str, pd.Timestamp] = field(default_factory=dict, repr=False)  # when they came to be
    clock: Clock = field(default_factory=Clock)  # how the files write their times


def read_rows(chunk: RawChunk, order: int, context: Context) -> Rows:
    """The rules of one row on some rows of file number `order` (from 0, by name).

    chunk: as collect's readers give it, of kind interactions.
    """
    frame, placed = chunk.frame.reset_index(drop=True), dict[str, pd.Series]()
    if context.clock != Clock() and "occurred_at" in frame:
        times, placed = to_iso(frame["occurred_at"], context.clock)
        frame = frame.assign(occurred_at=times)
    raw, hidden = own_rows(frame, context.source, context.known_items, context.pseudonymise)
    events, verdicts = read_events(raw, context.now, context.source, file=chunk.file)
    # every rule, met or not: a bit means the same in all parts
    unmet = pd.Series(False, index=raw.index)
    for rule, rows in {HIDDEN: hidden, **dict.fromkeys(RULES, unmet), **placed}.items():
        verdicts.repair(rows, rule)
    judge(events, verdicts, context.known_items, context.now, context.born)
    rules, bits = verdicts.repair_bits()
    sound = verdicts.sound.to_numpy()
    kept = events[sound].reset_index(drop=True)
    kept["place"] = order * LINES + raw["line"].to_numpy(dtype=np.int64)[sound]
    kept["repairs"] = bits[sound]
    accounting = verdicts.accounting()
    accounting.repaired = {}
    rejected = mask_rejected(verdicts.rejected(chunk.file), raw, context.known_items)
    return Rows(kept, rejected, accounting, rules)


def fingerprints(values: pd.Series) -> np.ndarray:
    """(n, 2) uint64: 128 bits of MD5 of each text, so that two of 10^12 texts collide once in 10^14 runs.

    By DuckDB, in a quarter of the time of hashlib. Equal on every machine and version.
    """
    texts = pa.table({"text": pa.array(values, type=pa.string())})  # noqa: F841 - DuckDB finds it by name
    with duckdb.connect(config={"threads": 1}) as connection:
        halves = connection.sql(
            """SELECT (number >> 64)::UBIGINT AS upper, (number & 18446744073709551615)::UBIGINT AS lower
               FROM (SELECT md5_number(text)::UHUGEINT AS number FROM texts)"""
        ).to_arrow_table()
    return np.column_stack([halves["upper"].to_numpy(), halves["lower"].to_numpy()])


def duplicates(keys: np.ndarray, place: np.ndarray) -> np.ndarray:
    """keys: (n, 2) uint64; place: (n,). True for every row but the first (by place) of its key, (n,) bool."""
    if len(keys) == 0:
        return np.zeros(0, dtype=bool)
    order = np.argsort(keys[:, 0])
    # A key can come twice only where its first half does: few rows are sorted by all of it.
    same = keys[order[1:], 0] == keys[order[:-1], 0]
    few = order[np.append(same, False) | np.insert(same, 0, False)]
    few = few[np.lexsort((place[few], keys[few, 1], keys[few, 0]))]
    inner = (keys[few[1:]] == keys[few[:-1]]).all(axis=1)
    again = np.zeros(len(keys), dtype=bool)
    again[few[1:][inner]] = True
    return again


def settle(events: pd.DataFrame, dropped: np.ndarray, files: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(events by learner, time and place, without duplicates and repeats; the rows refused here).

    events: all of their learners'. dropped: places of duplicates, sorted, of any events. files: by order.
    """
    by_time, again = ordered(events, dropped)
    rejected = [refused(events[again], DUPLICATE, files)]
    del events  # each copy is a fifth of what a partition takes
    kept, repeated = debounce(by_time)
    rejected.append(refused(by_time[repeated], REPEAT, files))
    return kept.reset_index(drop=True), pd.concat(rejected, ignore_index=True)


def ordered(events: pd.DataFrame, dropped: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """(events by learner, time and place but those at the places `dropped`; which of `events` those are).

    Numbers are sorted, not texts: a third of the time of `sort_values`.
    """
    place = events["place"].to_numpy()
    again = np.zeros(len(events), dtype=bool)
    if len(dropped):
        at = np.minimum(np.searchsorted(dropped, place), len(dropped) - 1)
        again = dropped[at] == place
    rest = np.flatnonzero(~again)
    learner, _ = pd.factorize(events["learner_id"], sort=True)
    times = events["occurred_at"].to_numpy(dtype="datetime64[us]").view(np.int64)
    return events.take(rest[np.lexsort((place[rest], times[rest], learner[rest]))]), again


def finish(
    events: pd.DataFrame, rules: tuple[str, ...], limits: Limits
) -> tuple[pd.DataFrame, dict[str, int]]:
    """(INTERACTIONS, how often each rule repaired a row that was kept). limits: from all settled events."""
    bits = events["repairs"].to_numpy()
    repaired = {rule: int((bits >> n & 1).sum()) for n, rule in enumerate(rules)}
    events, beyond = drop_outliers(events, limits)
    repaired[OUTLIER] = int(beyond.sum())
    interactions = check(events, INTERACTIONS, "interactions")[list(INTERACTIONS.columns)]
    return interactions, {rule: n for rule, n in repaired.items() if n}


def whole(chunks: Iterable[tuple[int, RawChunk]], context: Context) -> Cleaned:
    """All steps on one frame: the plain form of what a cluster does. chunks: (the file's order, its rows)."""
    accounting, parts, rejected = Accounting(), [], []
    rules: tuple[str, ...] = ()
    files: dict[int, str] = {}
    for order, chunk in chunks:
        rows = read_rows(chunk, order, context)
        accounting.add(rows.accounting)
        parts.append(rows.events)
        rejected.append(rows.rejected)
        rules, files[order] = rows.rules, chunk.file
    if not parts:
        raise BadInput("no interactions to prepare", "learnloop simulate --interactions 1000000 --out DIR")
    events = pd.concat(parts, ignore_index=True)
    place = events["place"].to_numpy()
    dropped = np.sort(place[duplicates(fingerprints(events["event_id"]), place)])
    names = [files.get(order, "") for order in range(max(files) + 1)]
    events, refused_rows = settle(events, dropped, names)
    rejected.append(refused_rows)
    take_back(accounting, refused_rows)
    limits = dwell_limits(statistics(events), context.kinds)
    interactions, accounting.repaired = finish(events, rules, limits)
    return Cleaned({"interactions": interactions}, pd.concat(rejected, ignore_index=True), accounting)


def take_back(accounting: Accounting, rejected: pd.DataFrame) -> None:
    """Rows that a later step refused were counted as kept before."""
    accounting.kept -= len(rejected)
    for reason, count in rejected["reason"].value_counts().items():
        accounting.rejected[str(reason)] = accounting.rejected.get(str(reason), 0) + int(count)


def refused(events: pd.DataFrame, reason: str, files: list[str]) -> pd.DataFrame:
    """Cleaned events as rows of REJECTED_COLUMNS, by file and line."""
    if events.empty:
        return no_rejects()
    events = events.sort_values("place")
    fields = events[list(RECORD)].astype("str").fillna("")
    return rejects(
        (files[place // LINES], place % LINES, reason, row_text(row))
        for place, row in zip(events["place"].tolist(), fields.itertuples(index=False), strict=True)
    )
