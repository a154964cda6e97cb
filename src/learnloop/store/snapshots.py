"""Training snapshots: interactions frozen as Parquet, named by their hash.

The rows come in a total order and in row groups of a fixed size, so the same interactions written by
the same version of Arrow give the same bytes, and a model can name exactly what it was trained on.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from pyarrow import parquet
from sqlalchemy.dialects.postgresql import insert

from learnloop import schemas
from learnloop.errors import BadInput, NothingToDo, UnknownThing
from learnloop.store import copying, months, reading, tables

ROW_GROUP = 131_072


@dataclass(frozen=True)
class Snapshot:
    """An immutable file of interactions; first_at and last_at are the times of its first and last row."""

    sha256: str
    path: Path
    rows: int
    first_at: datetime
    last_at: datetime


def export(engine: sa.Engine, folder: Path) -> Snapshot:
    """All interactions as `folder/interactions-<sha256>.parquet`, noted in table snapshots.

    The file appears whole or not at all; the same data gives the same file. Raises NothingToDo where
    there are no interactions.
    """
    folder.mkdir(parents=True, exist_ok=True)
    writing = folder / f".writing-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        with engine.connect() as connection:
            rows, first_at, last_at = _write(connection, writing)
        if first_at is None or last_at is None:
            raise NothingToDo(
                "no interactions to take a snapshot of", "learnloop import csv --interactions FILE"
            )
        sha256 = _sha256(writing)
        path = folder / f"interactions-{sha256}.parquet"
        writing.replace(path)
        _sync(folder)
    finally:
        writing.unlink(missing_ok=True)
    snapshot = Snapshot(sha256, path, rows, first_at, last_at)
    row = {
        "sha256": sha256,
        "path": str(path),
        "rows": rows,
        "first_at": first_at,
        "last_at": last_at,
    }
    with engine.begin() as connection:
        statement = insert(tables.snapshots).values(row)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["sha256"], set_={"path": str(path)})
        )
    return snapshot


def read(path: Path, sha256: str | None = None) -> pd.DataFrame:
    """INTERACTIONS of a snapshot, by occurred_at, event_id.

    Raises UnknownThing where the file is missing, BadInput where its bytes do not have the hash
    `sha256`, or are not a snapshot.
    """
    if not path.is_file():
        raise UnknownThing(f"there is no snapshot {path}", "learnloop train")
    if sha256 is not None and _sha256(path) != sha256:
        raise BadInput(f"the snapshot {path} is not the file it was: its hash differs", "learnloop train")
    try:
        table = parquet.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{path} is not a snapshot: {error}", "learnloop train") from error
    return schemas.check(
        table.to_pandas(types_mapper=copying.PANDAS_TYPES.get), schemas.INTERACTIONS, str(path)
    )


def _write(connection: sa.Connection, path: Path) -> tuple[int, datetime | None, datetime | None]:
    rows, first_at, last_at = 0, None, None
    with open(path, "wb") as file, ExitStack() as stack:
        writer: parquet.ParquetWriter | None = None
        for group in _row_groups(_month_by_month(connection)):
            if writer is None:
                made = parquet.ParquetWriter(file, group.schema, compression="zstd")
                writer = stack.enter_context(made)
            writer.write_table(group, row_group_size=ROW_GROUP)
            times = group.column("occurred_at")
            first_at = first_at or times[0].as_py()
            last_at = times[-1].as_py()
            rows += len(group)
        stack.close()
        file.flush()
        os.fsync(file.fileno())
    return rows, first_at, last_at


def _month_by_month(connection: sa.Connection) -> Iterator[pa.RecordBatch]:
    """All interactions in their order: sorting a month at a time needs room for one month alone.

    One reading, although it takes many statements: the transaction sees what was there at its start.
    """
    connection.execution_options(isolation_level="REPEATABLE READ")
    for since, until in months.spans(connection):
        with copying.batches(connection, reading.interactions_query(since, until)) as reader:
            yield from reader


def _row_groups(reader: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Tables of exactly ROW_GROUP rows (the last has the rest), however the stream was cut."""
    waiting: list[pa.RecordBatch] = []
    for batch in reader:
        waiting.append(batch)
        while sum(map(len, waiting)) >= ROW_GROUP:
            table = pa.Table.from_batches(waiting).combine_chunks()
            yield table.slice(0, ROW_GROUP)
            waiting = table.slice(ROW_GROUP).to_batches()
    if sum(map(len, waiting)):
        yield pa.Table.from_batches(waiting).combine_chunks()


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    """Makes the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
