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

from learnloop.errors import BadInput
from learnloop.schemas import RawChunk

LONGEST_FIELD = 1 << 20  # characters; an open quote must not swallow a file
SNIFFED = 1 << 20  # bytes looked at before reading, to know a wrong encoding from a wrong row

Row = tuple[int, list[str] | None, str, str]  # line, fields or None, damage, raw text


@dataclass(frozen=True)
class Layout:
    """What a file must look like: required columns, and whether a quoted field may hold a newline."""

    columns: tuple[str, ...]
    multiline: bool = True


def read_delimited(
    path: Path, source: str, kind: str, layout: Layout, chunk_rows: int, before: int = 0
) -> Iterator[RawChunk]:
    """The records of `path` in chunks of `chunk_rows`; the final one has last=True (it may be empty).

    Blank lines are no records. `before`: bytes of the input read before this file.
    Raises BadInput for what damns the whole file: missing, empty, not UTF-8, header wrong.
    """
    if chunk_rows < 1:
        raise BadInput(f"chunks of {chunk_rows} rows", "use chunk_rows of 1 or more", "chunk_rows")
    _refuse_other_encodings(path)
    with path.open("rb") as file, _text(file) as lines:
        feed = _Feed(lines)
        header = _header(path, feed, layout)
        rows: list[Row] = []
        for row in _records(feed, len(header), layout.multiline):
            if len(rows) == chunk_rows:
                position = before + file.tell()
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


def _records(feed: _Feed, width: int, multiline: bool) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(feed, strict=True)
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
            row = _judge(line, _alone(line), number, width)
            if row:
                yield row


def _alone(line: str) -> list[str] | None:
    try:
        return next(csv.reader([line], strict=True), [])
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
        damage = "quotes do not match"
    elif len(fields) < width:
        damage = "too few fields"
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


def _header(path: Path, feed: _Feed, layout: Layout) -> list[str]:
    first = next(feed, "")
    feed.take()
    if not first.strip():
        raise BadInput(f"{path.name} is empty: line 1 should name its columns", f"look at {path}")
    if not _utf8(first) or "\0" in first:
        raise BadInput(f"{path.name} line 1 is not UTF-8 text", _recode(path))
    names = [name.strip() for name in _alone(first) or []]
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
        if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
            hint = "save it with commas between the fields"
        raise BadInput(
            f"{path.name} line 1 {'lacks' if missing else 'uses our name for'} column {column!r}",
            hint,
            column,
        )
    return names


def _refuse_other_encodings(path: Path) -> None:
    """One bad row is rejected on its own; a file in another encoding is refused before it is read."""
    if not path.is_file():
        raise BadInput(f"there is no file {path}", "check the path")
    with path.open("rb") as file:
        head = file.read(SNIFFED)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput(f"{path.name} line 1: this is UTF-16, not UTF-8", _recode(path, "utf-16"))
    lines = head.split(b"\n")
    if len(head) == SNIFFED:
        lines.pop()  # its end may lie in the middle of a letter
    foreign = [(number, line) for number, line in enumerate(lines, 1) if not line.isascii()]
    wrong = [number for number, line in foreign if not _decodes(line)]
    if len(wrong) >= 3 and 2 * len(wrong) > len(foreign):
        raise BadInput(f"{path.name} line {wrong[0]} and {len(wrong) - 1} more are not UTF-8", _recode(path))


def _decodes(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _recode(path: Path, encoding: str = "latin1") -> str:
    return f"iconv -f {encoding} -t utf-8 {path.name} > utf8.csv, and import that"
