"""Frames into PostgreSQL: COPY into a staging table, then one upsert that touches only what differs.
Interactions go another way, that of `learnloop.store.events`.

    INSERT INTO items (…) SELECT … FROM staging ORDER BY item_id
    ON CONFLICT (item_id) DO UPDATE SET … WHERE (items.…) IS DISTINCT FROM (excluded.…)

A second load of the same frame changes 0 rows.
"""

import hashlib
import json
import math
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import sqlalchemy as sa
from pyarrow import csv
from sqlalchemy.dialects import postgresql

from learnloop import schemas
from learnloop.errors import BadInput, DatabaseUnavailable
from learnloop.store import events, imports, months, question_loading, tables

COPY_ROWS = 50_000  # a block of text at a time, so that a large frame is not held twice
# In JSON text a NUL is a backslash, u0000, with an even number of backslashes before it.
_JSON_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_NOT_UTF8 = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class Loaded:
    """What one load did: rows new, rows changed, rows that were there already.

    conflict: events whose event_id is taken by an event that says something else. They are not loaded.
    """

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    conflict: int = 0

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.conflict + other.conflict,
        )


def load(target: sa.Engine | sa.Connection, table: str, frame: pd.DataFrame) -> Loaded:
    """Upserts `frame` into `table` by its primary key, all rows or none.

    An engine gets a transaction of its own; a connection's transaction is the caller's to commit.
    interactions and raw_pages are append-only: a key that is there already changes nothing. Raises
    BadInput where the frame breaks its contract or holds what PostgreSQL cannot (NUL characters).
    Interactions may be many: they are checked, digested and sent in blocks (`store.events`).
    """
    if table not in tables.CONTRACTS:
        raise BadInput(f"no table {table!r} to load into; there are {', '.join(tables.CONTRACTS)}")
    if table == "interactions":
        return _append(target, frame)
    checked = _checked(frame, table)
    with _errors_translated():
        if isinstance(target, sa.Connection):
            return _upsert(target, table, checked)
        with target.begin() as connection:
            return _upsert(connection, table, checked)


def _append(target: sa.Engine | sa.Connection, frame: pd.DataFrame) -> Loaded:
    with _errors_translated():
        _months_made(target, frame)
        if isinstance(target, sa.Connection):
            new, same, other = events.append(target, frame, _checked_events)
        else:
            with target.begin() as connection:
                new, same, other = events.append(connection, frame, _checked_events, alone=True)
    return Loaded(inserted=new, unchanged=same, conflict=other)


def _checked_events(block: pd.DataFrame) -> pd.DataFrame:
    return _checked(block, "interactions")


def _months_made(bind: sa.Engine | sa.Connection, frame: pd.DataFrame) -> None:
    """Makes the months of `frame` before its transaction holds anything (see `store.months`)."""
    times = frame.get("occurred_at")
    if times is not None and isinstance(times.dtype, pd.DatetimeTZDtype):
        utc = times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[M]").astype("int64")
        known = np.unique(utc[times.notna().to_numpy()])
        months.ensure(bind, ((1970 + int(month) // 12, int(month) % 12 + 1) for month in known))


def load_cleaned(
    engine: sa.Engine, cleaned: schemas.Cleaned, source: str, import_id: str = ""
) -> dict[str, Loaded]:
    """One chunk, its frames and its rejected rows, in one transaction: all of it or nothing.

    import_id: of the import (`store.imports`) whose rejected rows these are.
    """
    unknown = sorted(set(cleaned.frames) - set(tables.CONTRACTS))
    if unknown:
        raise BadInput(f"no table {unknown[0]!r} to load into; there are {', '.join(tables.CONTRACTS)}")
    checked = {
        table: _checked(cleaned.frames[table], table) for table in tables.CONTRACTS if table in cleaned.frames
    }
    rejected = _rejected(cleaned.rejected, source)
    with _errors_translated():
        _months_made(engine, checked.get("interactions", pd.DataFrame()))
    with _errors_translated(), engine.begin() as connection:
        loaded = {table: _upsert(connection, table, frame) for table, frame in checked.items()}
        loaded["rejected_rows"] = _upsert(connection, "rejected_rows", rejected)
        if import_id:
            imports.link(connection, import_id, rejected["row_sha256"].tolist())
    return loaded


def _checked(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    try:
        return schemas.check(frame, tables.CONTRACTS[table], table)
    except UnicodeEncodeError as error:
        raise BadInput(f"{table}: half a character (a lone surrogate) in {error.object!r:.80}") from error


def _rejected(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Rejected rows ready to keep. They are the garbage itself, so what cannot be stored is replaced."""
    if frame.empty:
        rows = pd.DataFrame({name: [] for name in ("source", "file", "line", "reason", "record")})
        return rows.assign(row_sha256=pd.Series([], dtype=str))
    texts = {
        name: [_NOT_UTF8.sub("\ufffd", str(value)) for value in frame[name]]
        for name in ("file", "reason", "record")
    }
    rows = pd.DataFrame({**texts, "line": frame["line"].to_numpy(), "source": source})
    rows = schemas.check(rows, tables.REJECTED_ROWS, "rejected_rows")
    rows["row_sha256"] = [
        hashlib.sha256(json.dumps([source, file, int(line), reason, record]).encode()).hexdigest()
        for file, line, reason, record in zip(
            rows["file"], rows["line"], rows["reason"], rows["record"], strict=True
        )
    ]
    return rows.drop_duplicates("row_sha256")


def _upsert(connection: sa.Connection, table_name: str, frame: pd.DataFrame) -> Loaded:
    if frame.empty:
        return Loaded()
    if table_name == "interactions":
        new, same, other = events.append(connection, frame)
        return Loaded(inserted=new, unchanged=same, conflict=other)
    table = tables.metadata.tables[table_name]
    columns = [column.name for column in table.columns if column.server_default is None]
    staging = f"staging_{table_name}_{secrets.token_hex(4)}"
    names = ", ".join(f'"{name}"' for name in columns)
    connection.exec_driver_sql(
        f'CREATE TEMP TABLE "{staging}" ON COMMIT DROP AS SELECT {names} FROM "{table_name}" WITH NO DATA'  # noqa: S608 - our own names
    )
    _copy(connection, staging, columns, table, frame)
    if table is tables.questions:
        inserted, updated = question_loading.merge(connection, staging, columns)
    else:
        inserted, updated = connection.exec_driver_sql(_merge_sql(table, staging, columns)).one()
    if table is tables.items and (inserted or updated):
        question_loading.sources_changed(connection, staging)
    connection.exec_driver_sql(f'DROP TABLE "{staging}"')
    return Loaded(inserted, updated, len(frame) - inserted - updated)


def _merge_sql(table: sa.Table, staging: str, columns: list[str]) -> str:
    keys = [f'"{column.name}"' for column in table.primary_key]
    names = [f'"{name}"' for name in columns]
    rest = [name for name in names if name not in keys]
    # Key order: two loaders that share rows then lock them in the same order, and cannot deadlock.
    source = f'SELECT {", ".join(names)} FROM "{staging}" ORDER BY {", ".join(keys)}'  # noqa: S608
    if table.name in tables.APPEND_ONLY or not rest:
        action = "NOTHING"
    else:
        sets = [f"{name} = excluded.{name}" for name in rest]
        old = ", ".join(f'"{table.name}".{name}' for name in rest)
        new = ", ".join(f"excluded.{name}" for name in rest)
        action = f"UPDATE SET {', '.join(sets)} WHERE ({old}) IS DISTINCT FROM ({new})"
    # xmax is 0 on a row version that was inserted and never locked: an update leaves the locker's number.
    return (
        f'WITH merged AS (INSERT INTO "{table.name}" ({", ".join(names)}) {source}'  # noqa: S608
        f" ON CONFLICT ({', '.join(keys)}) DO {action} RETURNING (xmax = 0) AS fresh)"
        " SELECT count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE NOT fresh) FROM merged"
    )


def _copy(
    connection: sa.Connection, staging: str, columns: list[str], table: sa.Table, frame: pd.DataFrame
) -> None:
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise DatabaseUnavailable("loading needs the psycopg driver", "connect with learnloop.store.database")
    names = ", ".join(f'"{name}"' for name in columns)
    # Arrow quotes every text and no missing value, which is how COPY's CSV tells "" from NULL.
    options = csv.WriteOptions(include_header=False)
    with (
        driver.cursor() as cursor,
        cursor.copy(f'COPY "{staging}" ({names}) FROM STDIN (FORMAT csv)') as copy,
    ):
        for start in range(0, len(frame), COPY_ROWS):
            block = frame.iloc[start : start + COPY_ROWS]
            arrow = pa.table({name: _arrow(block[name], table.c[name]) for name in columns})
            sink = pa.BufferOutputStream()
            csv.write_csv(arrow, sink, options)
            text = sink.getvalue().to_pybytes()
            if b"\0" in text:
                _refuse_nul(block, table)
            copy.write(text)


def _arrow(values: pd.Series, column: "sa.Column[Any]") -> pa.Array:
    if isinstance(column.type, postgresql.JSONB):
        where = f"{column.table.name}.{column.name}"
        missing = [column.nullable and _is_missing(value) for value in values]
        texts = [None if gone else _json(value, where) for value, gone in zip(values, missing, strict=True)]
        return pa.array(texts, pa.large_string())
    if isinstance(column.type, sa.LargeBinary):
        return pa.array(["\\x" + bytes(value).hex() for value in values], pa.large_string())
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        naive = values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]")
        return pa.array(naive, pa.timestamp("us", "UTC"), from_pandas=True)
    return pa.array(values, from_pandas=True)


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _json(value: object, where: str) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
        text.encode()
    except (TypeError, ValueError) as error:  # UnicodeEncodeError is a ValueError
        raise BadInput(f"{where}: {str(value)[:80]!a} is not JSON ({error})", field=where) from error
    if _JSON_NUL.search(text):
        raise BadInput(f"{where}: a NUL character in {text[:80]}", field=where)
    return text


def _plain(value: object) -> object:
    """NumPy's and pandas' values as JSON has them."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, datetime):
        return value.isoformat()
    if value is pd.NA:
        return None
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _refuse_nul(block: pd.DataFrame, table: sa.Table) -> None:
    for column in table.columns:
        if isinstance(column.type, sa.Text) and column.name in block:
            found = block[column.name].str.contains("\0", regex=False).fillna(False).to_numpy(bool)
            if found.any():
                key = next(iter(table.primary_key)).name
                raise BadInput(
                    f"{table.name}: a NUL character in {column.name} of {block[key][found].iloc[0]!a}",
                    field=column.name,
                )
    raise BadInput(f"{table.name}: a NUL character in the text")


@contextmanager
def _errors_translated() -> Iterator[None]:
    """The driver's errors as ours: a value the database refuses, or a database that went away."""
    try:
        yield
    except (sa.exc.DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        told = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
        if isinstance(cause, psycopg.errors.DiskFull):
            raise DatabaseUnavailable(
                f"the disk of the database is full, and nothing was loaded ({told})",
                "free space there, then run it again",
            ) from error
        if isinstance(cause, psycopg.errors.LockNotAvailable):
            raise DatabaseUnavailable(
                f"somebody keeps a table of the database locked ({told})", "run it again after them"
            ) from error
        if isinstance(cause, psycopg.errors.DataError | psycopg.errors.ProgramLimitExceeded):
            raise BadInput(f"the database refuses a value: {told}") from error
        if isinstance(cause, psycopg.OperationalError):
            raise DatabaseUnavailable(f"the database went away: {told}", "learnloop doctor") from error
        raise
