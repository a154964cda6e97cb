"""The tasks of `prepare --interactions`, and the files that hand rows from one to the next.

    WORK/plan.json                  what is being prepared; another plan makes the rest worthless
    WORK/read/00003.rows.arrow      file 3: events that passed the row rules, record batches by learner
    WORK/read/00003.keys.arrow      file 3: fingerprint, place and learner bucket of each, by event
    WORK/read/00003.rows.npy, ….keys.npy    file 3: which bucket each record batch is of
    WORK/again/00007.npy            bucket 7 of events: learner bucket and place of duplicates, sorted
    WORK/settled/00007.arrow        bucket 7 of learners: without duplicates and repeats, sorted
    WORK/times/00007.parquet        bucket 7 of learners: how long they took on which item, a histogram
    WORK/limits.parquet             of all buckets: how long is too long on which item
    WORK/done/interactions/00007.parquet, WORK/done/rejected/….parquet
    WORK/*/00003.json               written last: the task's account; a rerun skips it

A bucket is chosen by a hash, so each has about as many rows and a task needs as much memory for the last
billion rows as for the first million. One learner's events are never parted: a learner with more of them
than a process can hold is the limit. A task runs on any machine that sees WORK and the input.
"""

import contextlib
import ctypes
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from learnloop.collect import tables as read_tables
from learnloop.prepare import dwell, scale
from learnloop.prepare.local_times import Clock, refuse_ambiguous
from learnloop.schemas import Accounting, RawChunk
from learnloop.store.pseudonyms import pseudonyms
from learnloop.workflow.whole import write_json, write_whole

CHUNK_ROWS = 1 << 17  # read at a time: some 150 MB in the making
FIRST_ROWS = 1_000  # of a file, that tell whether its dates can be read in one way only
EVENT = pa.schema(
    {
        **dict.fromkeys(("event_id", "learner_id", "item_id", "verb"), pa.string()),
        "correct": pa.bool_(),
        "score": pa.float64(),
        "duration_s": pa.float64(),
        "occurred_at": pa.timestamp("us", "UTC"),
        **dict.fromkeys(("source", "imputed"), pa.string()),
    }
)
ROWS = EVENT.append(pa.field("place", pa.int64())).append(pa.field("repairs", pa.uint32()))
KEYS = pa.schema(
    {"upper": pa.uint64(), "lower": pa.uint64(), "place": pa.int64(), "learner_bucket": pa.int32()}
)
REJECTED = pa.schema({"file": pa.string(), "line": pa.int64(), "reason": pa.string(), "record": pa.string()})
TIMES = pa.schema({"item_id": pa.string(), "bin": pa.int64(), "n": pa.int64()})
LIMITS = pa.schema({"item_id": pa.string(), "limit_s": pa.float64()})  # item_id NA: any other item
TYPES = {
    pa.string(): pd.StringDtype(na_value=float("nan")),
    pa.float64(): pd.Float64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
FOLDERS = ("read", "again", "settled", "times", "finished", "done/interactions", "done/rejected")


@dataclass(frozen=True)
class Plan:
    """What is prepared, and where. `key` makes pseudonyms; it is never written or shown."""

    work: Path
    files: tuple[Path, ...]
    source: str
    now: pd.Timestamp
    buckets: int
    items: Path | None = None  # a Parquet file with item_id and kind of what is known
    form: read_tables.Form = field(default_factory=read_tables.Form)
    clock: Clock = field(default_factory=Clock)
    key: bytes = field(default=b"", repr=False)

    def context(self) -> scale.Context:
        kinds = self.kinds()
        known = None if self.items is None else kinds.keys()
        return scale.Context(
            self.source,
            self.now,
            lambda ids: pseudonyms(self.key, self.source, ids),
            known,
            kinds,
            self.born(),
            self.clock,
        )

    def born(self) -> dict[str, pd.Timestamp]:
        """When the known items came to be, by item_id, where that is told."""
        if self.items is None:
            return {}
        items = pd.read_parquet(self.items).dropna(subset="born")
        return dict(zip(items["item_id"], items["born"].dt.as_unit("us"), strict=True))

    def kinds(self) -> dict[str, str]:
        """Kinds of the known items, by item_id."""
        if self.items is None:
            return {}
        items = pd.read_parquet(self.items)
        return dict(zip(items["item_id"], items["kind"], strict=True))

    @property
    def names(self) -> list[str]:
        return [path.name for path in self.files]


Report = dict[str, Any]


def read_file(plan: Plan, order: int) -> Report:
    """The row rules on file number `order`; its events go to the buckets of their learners and ids."""
    folder, name = plan.work / "read", f"{order:05d}"
    return _once(folder / f"{name}.json", lambda: _read_file(plan, order, folder / name))


def find_duplicates(plan: Plan, bucket: int) -> Report:
    """Of the events in one bucket of fingerprints: which came before."""
    path = plan.work / "again" / f"{bucket:05d}.npy"
    return _once(path.with_suffix(".json"), lambda: _find_duplicates(plan, bucket, path))


def settle_bucket(plan: Plan, bucket: int) -> Report:
    """One bucket of learners: duplicates out, sorted, repeats out."""
    path = plan.work / "settled" / f"{bucket:05d}.arrow"
    return _once(path.with_suffix(".json"), lambda: _settle_bucket(plan, bucket, path))


def finish_bucket(plan: Plan, bucket: int, rules: tuple[str, ...]) -> Report:
    """One bucket of learners: the rules that needed all, the contract, and the file that stays."""
    path = plan.work / "done" / "interactions" / f"{bucket:05d}.parquet"
    mark = plan.work / "finished" / path.with_suffix(".json").name
    report = _once(mark, lambda: _finish_bucket(plan, bucket, rules, path))
    (plan.work / "settled" / f"{bucket:05d}.arrow").unlink(missing_ok=True)
    return report


def set_limits(plan: Plan) -> None:
    """How long is too long on each item, of all buckets' times: DuckDB adds them up in constant memory."""
    with duckdb.connect(config={"memory_limit": "500MB", "temp_directory": str(plan.work)}) as connection:
        told = connection.execute(
            "SELECT item_id, bin, sum(n)::BIGINT AS n FROM read_parquet(?) GROUP BY ALL ORDER BY ALL",
            [str(plan.work / "times" / "*.parquet")],
        ).df()
    limits = dwell.dwell_limits(told.astype({"item_id": "str"}), plan.kinds())
    rows = [*limits.by_item.items(), (None, limits.default_s)]
    _write_parquet(plan.work / "limits.parquet", pd.DataFrame(rows, columns=LIMITS.names), LIMITS)


def _limits(plan: Plan) -> dwell.Limits:
    rows = pd.read_parquet(plan.work / "limits.parquet")
    named = rows["item_id"].notna()
    by_item = dict(zip(rows["item_id"][named], rows["limit_s"][named], strict=True))
    return dwell.Limits(by_item, float(rows["limit_s"][~named].iloc[0]))


def _read_file(plan: Plan, order: int, stem: Path) -> Report:
    context, accounting = plan.context(), Accounting()
    rules: tuple[str, ...] = ()
    rejected = plan.work / "done" / "rejected" / f"read-{stem.name}.parquet"
    rows, keys = _Batches(ROWS), _Batches(KEYS)

    def write(rows_path: Path, keys_path: Path, rejected_path: Path) -> None:
        nonlocal rules
        with (
            rows.open(rows_path),
            keys.open(keys_path),
            pq.ParquetWriter(rejected_path, REJECTED, compression="zstd") as refused,
        ):
            for chunk in _chunks(plan, order):
                part = scale.read_rows(chunk, order, context)
                accounting.add(part.accounting)
                rules = part.rules
                prints = scale.fingerprints(part.events["event_id"])
                learners = _buckets(part.events["learner_id"], plan.buckets)
                rows.add(_table(part.events, ROWS), learners)
                columns = [prints[:, 0], prints[:, 1], part.events["place"].to_numpy(), learners]
                events = (prints[:, 1] % np.uint64(plan.buckets)).astype(np.int32)
                keys.add(pa.table(columns, schema=KEYS), events)
                if len(part.rejected):
                    refused.write_table(_table(part.rejected, REJECTED))

    one, two = (stem.with_name(f"{stem.name}.{kind}.arrow") for kind in ("rows", "keys"))
    write_whole(one, lambda a: write_whole(two, lambda b: write_whole(rejected, lambda c: write(a, b, c))))
    for path, batches in ((one, rows), (two, keys)):
        _save(path.with_suffix(".npy"), np.array(batches.buckets, dtype=np.int32))
    return {"account": accounting.to_dict(), "rules": list(rules)}


def _chunks(plan: Plan, order: int) -> Iterator[RawChunk]:
    """File number `order`. Raises BadInput where its dates may be read in two ways."""
    for n, chunk in enumerate(read_tables.read(None, plan.files[order], plan.source, CHUNK_ROWS, plan.form)):
        if n == 0:
            refuse_ambiguous(chunk.frame.head(FIRST_ROWS), chunk.file, plan.clock)
        yield chunk


def _find_duplicates(plan: Plan, bucket: int, path: Path) -> Report:
    table = _gather(plan, "keys", bucket, KEYS)
    keys = np.column_stack([table["upper"].to_numpy(), table["lower"].to_numpy()])
    place = table["place"].to_numpy()
    again = scale.duplicates(keys, place)
    learners = table["learner_bucket"].to_numpy()[again]
    order = np.lexsort((place[again], learners))
    _save(path, np.stack([learners[order].astype(np.int64), place[again][order]]))
    return {}


def _settle_bucket(plan: Plan, bucket: int, path: Path) -> Report:
    dropped = _dropped(plan, bucket)
    # the events are in no variable here, so that `settle` can let go of them
    settled, rejected = scale.settle(
        _gather(plan, "rows", bucket, ROWS).to_pandas(types_mapper=TYPES.get), dropped, plan.names
    )
    _write_parquet(plan.work / "done" / "rejected" / f"settle-{path.stem}.parquet", rejected, REJECTED)
    account = Accounting()
    scale.take_back(account, rejected)
    times = plan.work / "times" / f"{path.stem}.parquet"
    _write_parquet(times, dwell.statistics(settled), TIMES)
    write_whole(path, lambda beside: _write_arrow(beside, settled))
    return {"account": account.to_dict()}


def _finish_bucket(plan: Plan, bucket: int, rules: tuple[str, ...], path: Path) -> Report:
    interactions, repaired = scale.finish(_settled(plan, bucket), rules, _limits(plan))
    _write_parquet(path, interactions, EVENT)
    return {"account": Accounting(repaired=repaired).to_dict()}


def _settled(plan: Plan, bucket: int) -> pd.DataFrame:
    path = plan.work / "settled" / f"{bucket:05d}.arrow"
    with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
        return reader.read_all().to_pandas(types_mapper=TYPES.get)


class _Batches:
    """An Arrow file whose record batches each hold rows of one bucket; `buckets` says of which."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.buckets: list[int] = []

    def open(self, path: Path) -> pa.ipc.RecordBatchFileWriter:
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self.writer = pa.ipc.new_file(str(path), self.schema, options=options)
        return self.writer

    def add(self, table: pa.Table, bucket: np.ndarray) -> None:
        if len(bucket) == 0:  # every row of the chunk was refused
            return
        order = np.argsort(bucket, kind="stable")
        table = table.take(pa.array(order)).combine_chunks()
        present, starts = np.unique(bucket[order], return_index=True)
        for number, start, end in zip(present, starts, [*starts[1:], len(order)], strict=True):
            for batch in table.slice(start, end - start).to_batches():
                self.writer.write_batch(batch)
                self.buckets.append(int(number))


def _gather(plan: Plan, kind: str, bucket: int, schema: pa.Schema) -> pa.Table:
    """One bucket's rows of all files, in the order of files and lines."""
    batches = []
    for order in range(len(plan.files)):
        path = plan.work / "read" / f"{order:05d}.{kind}.arrow"
        where = np.flatnonzero(np.load(path.with_suffix(".npy")) == bucket)
        if len(where):
            # not memory-mapped: a page of a mapped file counts as this process's memory
            with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
                batches += [reader.get_batch(int(number)) for number in where]
    return pa.Table.from_batches(batches, schema).combine_chunks()


def _dropped(plan: Plan, bucket: int) -> np.ndarray:
    """Sorted places of the duplicates among one bucket's learners."""
    found = []
    for number in range(plan.buckets):
        learners, places = np.load(plan.work / "again" / f"{number:05d}.npy")
        start, end = np.searchsorted(learners, [bucket, bucket + 1])
        found.append(places[start:end].copy())
    return np.sort(np.concatenate(found))


def _buckets(learners: pd.Series, count: int) -> np.ndarray:
    codes, names = pd.factorize(learners)
    return (scale.fingerprints(pd.Series(names, dtype="str"))[:, 1] % np.uint64(count)).astype(np.int32)[
        codes
    ]


def _once(mark: Path, work: Callable[[], Report]) -> Report:
    """The report of work that was done before, or is done now."""
    if mark.is_file():
        return json.loads(mark.read_text(encoding="utf-8"))
    report = work()
    write_json(mark, report)
    _give_back()
    return report


def _give_back() -> None:
    """Freed memory to the system: a worker keeps what its largest task took, and the tasks differ."""
    pa.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Times go over without their zone, which is UTC: Arrow asks pandas for them in a way it deprecates."""
    if "occurred_at" not in frame:
        return pa.Table.from_pandas(frame, schema, preserve_index=False)
    at = schema.get_field_index("occurred_at")
    plain = schema.set(at, pa.field("occurred_at", pa.timestamp("us")))
    frame = frame.assign(occurred_at=frame["occurred_at"].dt.tz_convert(None))
    return pa.Table.from_pandas(frame, plain, preserve_index=False).cast(schema)


def _write_parquet(path: Path, frame: pd.DataFrame, schema: pa.Schema) -> None:
    table = _table(frame, schema)
    write_whole(path, lambda beside: pq.write_table(table, beside, compression="zstd", compression_level=1))


def _write_arrow(path: Path, frame: pd.DataFrame) -> None:
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(str(path), ROWS, options=options) as writer:
        writer.write_table(_table(frame, ROWS))


def _save(path: Path, values: np.ndarray) -> None:
    def write(beside: Path) -> None:
        with open(beside, "wb") as file:
            np.save(file, values, allow_pickle=False)

    write_whole(path, write)
