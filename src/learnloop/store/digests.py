"""Who an event is and what it says, as numbers: the row of `event_keys` for each event.

    event_id   school:88121          event_key  md5 of its UTF-8, as a uuid: 128 bits
    the rest   learner_id … occurred_at   content    the first 64 bits of the md5 of their bytes, signed

The bytes are those of PostgreSQL's binary COPY: a length (4 bytes, -1 for NULL) before each value. So the
client computes them while it writes a row, the API by `struct`, and SQL by `textsend` and its sisters
(migration 0002). md5 is enough: who wants to be taken for another event must know its id anyway, and then
need not forge anything. By chance two of a billion ids meet with a probability of 1e-21.
"""

import hashlib
import struct
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

# What makes two events with one event_id the same event, in the order of the table's columns.
CONTENT = ("learner_id", "item_id", "verb", "correct", "score", "duration_s", "occurred_at")
POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
NULL = b"\xff\xff\xff\xff"
MANY = 100_000  # from here on DuckDB, which takes 30 ms to start, is faster than hashlib


def event_key(event_id: str) -> uuid.UUID:
    return uuid.UUID(bytes=_md5(event_id.encode()))


def content(event: Mapping[str, Any]) -> int:
    """The digest of an event's CONTENT; None is NULL, occurred_at an aware datetime."""
    digest = _md5(b"".join(_field(event[name]) for name in CONTENT))
    return int(struct.unpack(">q", digest[:8])[0])


def md5s(values: pa.Array) -> np.ndarray:
    """values: (n,) large_binary without nulls; (n, 16) uint8."""
    if len(values) < MANY:
        joined = b"".join([_md5(value) for value in values.to_pylist()])
        return np.frombuffer(joined, np.uint8).reshape(-1, 16)
    import duckdb

    with duckdb.connect() as connection:  # md5 without Python's lock: the other thread copies meanwhile
        connection.execute("SET threads = 1")
        connection.register("block", pa.table({"value": values}))
        found = connection.sql("SELECT unhex(md5(value)) AS digest FROM block").to_arrow_table()
    column = found.column("digest").combine_chunks().cast(pa.binary(16))
    return np.frombuffer(column.buffers()[1], np.uint8)[: len(values) * 16].reshape(-1, 16)


def _md5(value: bytes) -> bytes:
    return hashlib.md5(value, usedforsecurity=False).digest()


def _field(value: Any) -> bytes:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return struct.pack(">i?", 1, value)
    if isinstance(value, int | float):
        return struct.pack(">id", 8, float(value) + 0.0)  # -0.0 is 0.0
    if isinstance(value, datetime):
        return struct.pack(">iq", 8, (value - POSTGRES_EPOCH) // timedelta(microseconds=1))
    encoded = str(value).encode()
    return struct.pack(">i", len(encoded)) + encoded
