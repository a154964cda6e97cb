"""Interactions as PostgreSQL's binary COPY reads them, made by Arrow and NumPy a block at a time.

    two bytes     the number of columns
    each column   its length in four bytes (-1 for NULL), then its value: text as UTF-8, numbers and
                  times (microseconds since 2000) with the highest byte first

Half the work of CSV for both sides (docs/decisions.md has the figures). The bytes from learner_id to
occurred_at are also what an event's `content` is the digest of.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from learnloop.errors import BadInput
from learnloop.store import digests

HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TAIL = b"\xff\xff"
COLUMNS = ("event_id", *digests.CONTENT, "source", "imputed")
_EPOCH_US = 946_684_800_000_000  # 2000-01-01, in microseconds since 1970
_KEY_ROW = np.dtype([("columns", ">i2"), ("n1", ">i4"), ("key", "V16"), ("n2", ">i4"), ("content", "V8")])
_FIXED = {"correct": "u1", "score": ">f8", "duration_s": ">f8", "occurred_at": ">i8"}


@dataclass(frozen=True)
class Block:
    """Some rows of INTERACTIONS, ready to be sent, in an order that suits the indexes."""

    rows: memoryview  # the bytes of all rows, without HEAD and TAIL
    keys: np.ndarray  # (n, 16) uint8, in the order of the frame
    contents: np.ndarray  # (n, 8) uint8, the same
    months: frozenset[tuple[int, int]]  # (year, month) of the rows


def block(frame: pd.DataFrame) -> Block:
    """frame: INTERACTIONS, checked. Raises BadInput where a text holds a NUL character."""
    table = {name: _array(frame[name], name) for name in COLUMNS}
    fields = {name: _field(table[name], name) for name in COLUMNS}
    said = _join([part for name in digests.CONTENT for part in fields[name]])
    count = len(COLUMNS).to_bytes(2, "big")
    parts = [*fields["event_id"], said, *fields["source"], *fields["imputed"]]
    rows = _join([pa.scalar(count, pa.large_binary()), *parts])
    month = table["occurred_at"].to_numpy(zero_copy_only=False).astype("datetime64[M]").astype(np.int64)
    rows = rows.take(pa.array(_order(table["learner_id"], month)))
    return Block(
        memoryview(rows.buffers()[2])[: rows.nbytes and _end(rows)],
        digests.md5s(table["event_id"].cast(pa.large_binary())),
        digests.md5s(said)[:, :8],
        frozenset((1970 + int(m) // 12, int(m) % 12 + 1) for m in np.unique(month)),
    )


def key_rows(keys: np.ndarray, contents: np.ndarray, first: int | None = None) -> bytes:
    """Rows of event_keys (event_key, content), or numbered from `first` on in a third column."""
    numbered = first is not None
    kind = np.dtype([*_KEY_ROW.descr, ("n3", ">i4"), ("number", ">i4")]) if numbered else _KEY_ROW
    made = np.empty(len(keys), kind)
    made["columns"], made["n1"], made["n2"] = 2 + numbered, 16, 8
    made["key"] = np.ascontiguousarray(keys).view("V16").ravel()
    made["content"] = np.ascontiguousarray(contents).view("V8").ravel()
    if first is not None:
        made["n3"], made["number"] = 4, np.arange(first, first + len(keys))
    return made.tobytes()


def by_key(keys: np.ndarray) -> np.ndarray:
    """(n,) positions that sort keys (n, 16) as PostgreSQL sorts uuids: byte by byte."""
    halves = np.ascontiguousarray(keys).view(">u8").astype(np.uint64).reshape(-1, 2)
    order = np.argsort(halves[:, 0])
    high = halves[order, 0]
    if (high[1:] == high[:-1]).any():  # the same key twice, or a chance of 1 in 2^64
        order = np.lexsort((halves[:, 1], halves[:, 0]))
    return order


def _order(learner_id: pa.Array, month: np.ndarray) -> np.ndarray:
    """By month, then by learner: each index is then written from left to right, and what is read
    together, the events of one learner, lies together."""
    coded = learner_id.dictionary_encode()
    rank = np.empty(len(coded.dictionary), np.int32)
    rank[pc.sort_indices(coded.dictionary).to_numpy()] = np.arange(len(rank), dtype=np.int32)
    return np.argsort((month - month.min()) * len(rank) + rank[coded.indices.to_numpy()])


def _array(values: pd.Series, name: str) -> pa.Array:
    if name == "occurred_at":
        naive = values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]")
        return pa.array(naive)
    kind = {"correct": pa.bool_(), "score": pa.float64(), "duration_s": pa.float64()}
    made = pa.array(values, kind.get(name, pa.large_string()), from_pandas=True)
    return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made


def _field(values: pa.Array, name: str) -> list[pa.Array]:
    """One column as arrays of bytes to be put side by side: lengths, then values; or both in one."""
    if name not in _FIXED:
        return _text(values, name)
    size = np.dtype(_FIXED[name]).itemsize
    made = np.empty(len(values), np.dtype([("n", ">i4"), ("value", _FIXED[name])]))
    filled = values.fill_null(pa.scalar(0).cast(values.type)) if values.null_count else values
    plain = filled.to_numpy(zero_copy_only=False)
    if name == "occurred_at":
        plain = plain.astype(np.int64) - _EPOCH_US
    # -0.0 is 0.0
    made["n"], made["value"] = size, plain if plain.dtype == bool else plain + 0
    offsets = np.arange(len(values) + 1, dtype=np.int64) * (4 + size)
    stream = made.view(np.uint8)
    if values.null_count:
        there = values.is_valid().to_numpy(zero_copy_only=False)
        made["n"][~there] = -1
        keep = np.ones((len(values), 4 + size), bool)
        keep[~there, 4:] = False
        stream = stream[keep.ravel()]
        offsets[1:] = np.cumsum(np.where(there, 4 + size, 4))
    return [_binary(len(values), offsets, stream)]


def _text(values: pa.Array, name: str) -> list[pa.Array]:
    raw = values.cast(pa.large_binary())
    lengths = pc.binary_length(raw).fill_null(-1).to_numpy(zero_copy_only=False).astype(">i4")
    _refuse_nul(values, name)
    offsets = np.arange(len(values) + 1, dtype=np.int64) * 4
    counted = _binary(len(values), offsets, lengths.view(np.uint8))
    return [counted, raw.fill_null(b"") if raw.null_count else raw]


def _refuse_nul(values: pa.Array, name: str) -> None:
    """A text with the one character that PostgreSQL cannot store."""
    held = values.buffers()[2]
    if held is None or not len(values):
        return
    # A block of a large frame shares the buffer of all of it: only what is the block's.
    ends = np.frombuffer(values.buffers()[1], np.int64)[[values.offset, values.offset + len(values)]]
    if np.frombuffer(held, np.uint8)[ends[0] : ends[1]].all():
        return
    found = pc.match_substring(values, "\0").fill_null(False).to_numpy(zero_copy_only=False)
    if found.any():
        told = values[int(np.argmax(found))].as_py()
        raise BadInput(f"interactions: a NUL character in {name} {told!a:.80}", field=name)


def _binary(count: int, offsets: np.ndarray, stream: np.ndarray) -> pa.Array:
    return pa.Array.from_buffers(
        pa.large_binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(stream))]
    )


def _join(parts: list[pa.Array]) -> pa.Array:
    return pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.large_binary()))


def _end(rows: pa.Array) -> int:
    return int(np.frombuffer(rows.buffers()[1], np.int64)[rows.offset + len(rows)])
