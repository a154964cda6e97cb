"""Delimited text, record by record, each accounted for: sound, or damaged with its reason.

`csv.reader` in its strict form splits the fields; round it stands what it does not do: line numbers
that stay right over quoted newlines, NUL bytes, bytes that are not UTF-8, too few and too many fields,
and a quote that is never closed, which would swallow the records after it. A damaged record that spans
several lines is read again line by line, so that one cut line costs one row.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from learnloop.collect import inputs
from learnloop.collect.inputs import Advance, Inspected
from learnloop.errors import BadInput
from learnloop.schemas import RawChunk

LONGEST_FIELD = 1 << 20  # characters; an open quote must not swallow a file
DELIMITERS = (",", ";", "\t", "|")

QUOTES, TOO_FEW = "quotes do not match", "too few fields"
CUT = (QUOTES, TOO_FEW)  # what a record looks like whose end is missing

Row = tuple[int, list[str] | None, str, str]  # line, fields or None, damage, raw text


@dataclass(frozen=True)
class Layout:
    """What a file must look like: required columns, and whether a quoted field may hold a newline.

    delimiter: "" for whichever of DELIMITERS gives line 1 the most of the required columns.
    """

    columns: tuple[str, ...]
    multiline: bool = True
    delimiter: str = ","


def inspect_delimited(path: Path, layout: Layout, advance: Advance | None = None) -> Inspected:
    """Reads `path` through, as `inputs.inspect` does, and its header. Raises BadInput.

    A last line that no newline ends and that is no whole record means that the file was cut.
    """
    unended: list[str] = []

    def look_later(last: str) -> bool:  # the header, which says how many fields a record has, comes first
        unended.append(last)
        return True

    found = inputs.inspect(path, complete=look_later, advance=advance)
    names, delimiter = read_header(path, layout)
    if unended and found.lines > 1:
        row = _judge(unended[0], _alone(unended[0], delimiter), found.lines, len(names))
        if row and row[2] in CUT and layout.multiline:  # it may be the end of a sound record of several lines
            row = _last_record(path, layout)
        if row and row[2] in CUT:
            raise inputs.cut(path.name, found.lines)
    return found


def read_header(path: Path, layout: Layout) -> tuple[list[str], str]:
    """The columns that line 1 of `path` names, and the delimiter between them. Raises BadInput."""
    with inputs.open_bytes(path) as file, _text(file) as lines:
        return _header(path, _Feed(lines), layout)


def read_delimited(
    path: Path, source: str, kind: str, layout: Layout, chunk_rows: int, before: int = 0
) -> Iterator[RawChunk]:
    """The records of `path` in chunks of `chunk_rows`; the final one has last=True (it may be empty).

    Blank lines are no records. `before`: bytes of the input read before this file.
    Raises BadInput for what damns the whole file: missing, empty, not UTF-8, header wrong.
    """
    if chunk_rows < 1:
        raise BadInput(f"chunks of {chunk_rows} rows", "use chunk_rows of 1 or more", "chunk_rows")
    inputs.sniff(path)
    with inputs.open_bytes(path) as file, _text(file) as lines:
        feed = _Feed(lines)
        header, delimiter = _header(path, feed, layout)
        rows: list[Row] = []
        for row in _records(feed, len(header), layout.multiline, delimiter):
            if len(rows) == chunk_rows:
                position = before + file.consumed
                yield RawChunk(source, path.name, kind, _frame(rows, header), False, position)
                rows = []
            rows.append(row)
        yield RawChunk(source, path.name, kind, _frame(rows, header), True, before + path.stat().st_size)


def _text(file: BinaryIO) -> io.TextIOWrapper:
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")


class _Feed:
    """Lines with their number, and the lines of the record being read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.number = 0  # of the last line handed out
        self.held: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.number += 1
        self.held.append(line)
        return line

    def take(self) -> list[str]:
        held, self.held = self.held, []
        return held


def _last_record(path: Path, layout: Layout) -> Row | None:
    row = None
    with inputs.open_bytes(path) as file, _text(file) as lines:
        feed = _Feed(lines)
        header, delimiter = _header(path, feed, layout)
        for row in _records(feed, len(header), layout.multiline, delimiter):  # noqa: B007 - the last one is wanted
            pass
    return row


def _records(feed: _Feed, width: int, multiline: bool, delimiter: str = ",") -> Iterator[Row]:
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(feed, strict=True, delimiter=delimiter)
    while True:
        fields: list[str] | None
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            fields = None  # the reader starts afresh with the next line
        held = feed.take()
        first = feed.number - len(held) + 1
        if len(held) == 1 or (multiline and fields is not None and len(fields) == width):
            row = _judge("".join(held), fields, first, width)
            if row:
                yield row
            continue
        for number, line in enumerate(held, first):
            row = _judge(line, _alone(line, delimiter), number, width)
            if row:
                yield row


def _alone(line: str, delimiter: str = ",") -> list[str] | None:
    try:
        return next(csv.reader([line], strict=True, delimiter=delimiter), [])
    except csv.Error:
        return None


def _judge(text: str, fields: list[str] | None, line: int, width: int) -> Row | None:
    """None for a blank line."""
    if fields is not None and len(fields) <= 1 and not text.strip():
        return None
    damage = ""
    if "\0" in text:
        damage = "NUL byte"
    elif not text.isascii() and not _utf8(text):
        damage = "not UTF-8"
    elif fields is None:
        damage = QUOTES
    elif len(fields) < width:
        damage = TOO_FEW
    elif len(fields) > width:
        damage = "too many fields"
    if not damage:
        return line, fields, "", ""
    printable = text.rstrip("\r\n").replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
    return line, None, damage, printable


def _utf8(text: str) -> bool:
    try:
        text.encode("utf-8")  # an undecodable byte stands as a surrogate, which cannot be encoded
    except UnicodeEncodeError:
        return False
    return True


def _frame(rows: Sequence[Row], header: Sequence[str]) -> pd.DataFrame:
    missing: list[str | None] = [None] * len(header)
    columns = (
        zip(*(fields or missing for _, fields, _, _ in rows), strict=True) if rows else [()] * len(header)
    )
    frame = pd.DataFrame(
        {name: pd.Series(values, dtype="str") for name, values in zip(header, columns, strict=True)}
    )
    frame["line"] = pd.Series([line for line, _, _, _ in rows], dtype="int64")
    frame["damage"] = pd.Series([damage or None for _, _, damage, _ in rows], dtype="str")
    frame["raw"] = pd.Series([raw or None for _, _, _, raw in rows], dtype="str")
    return frame


def _header(path: Path, feed: _Feed, layout: Layout) -> tuple[list[str], str]:
    first = next(feed, "")
    feed.take()
    if not first.strip():
        raise BadInput(f"{path.name} is empty: line 1 should name its columns", f"look at {path}")
    if not _utf8(first) or "\0" in first:
        raise BadInput(f"{path.name} line 1 is not UTF-8 text", inputs.recode(path.name))
    delimiter = layout.delimiter or _delimiter(first, layout.columns)
    names = _names(first, delimiter)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise BadInput(
            f"{path.name} line 1 names column {repeated[0]!r} twice",
            "rename or remove one of the two columns",
            repeated[0],
        )
    reserved = {"line", "damage", "raw"} & set(names)
    missing = [name for name in layout.columns if name not in names]
    if missing or reserved:
        column = missing[0] if missing else sorted(reserved)[0]
        hint = "rename it" if reserved else f"its first line must name {', '.join(layout.columns)}"
        if len(names) == 1 and any(mark in names[0] for mark in DELIMITERS):
            hint = "save it with commas between the fields"
        raise BadInput(
            f"{path.name} line 1 {'lacks' if missing else 'uses our name for'} column {column!r}",
            hint,
            column,
        )
    return names, delimiter


def _names(line: str, delimiter: str) -> list[str]:
    return [name.strip() for name in _alone(line, delimiter) or []]


def _delimiter(line: str, wanted: Sequence[str]) -> str:
    """The mark that parts line 1 into the most of the wanted columns, then into the most columns at all."""

    def found(delimiter: str) -> tuple[int, int]:
        names = _names(line, delimiter)
        return len(set(wanted) & set(names)), len(names)

    return max(DELIMITERS, key=found)
