"""JSON records one by one out of a file of any size: lines, or one document that holds them all.

    {"actor": …}\\n{"actor": …}\\n             JSON lines: a line is a record; a broken one costs one row
    [{"actor": …}, {"actor": …}]              one array, on one line or on many
    {"statements": [{"actor": …}], "more": "/xapi/statements?…"}      what a learning record store answers
    {"actor": …}                              one record, on one line or on many

Each may be packed (gzip, zip). A record's text is handed on as it stands: whether it means anything is
not for a reader to say. In a document a fault has no end, so there a fault damns the file: `inspect` says
so before anything is written. Memory: a window, the longest record and one chunk.
"""

import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from learnloop.collect import inputs
from learnloop.collect.inputs import LONGEST_LINE, Advance, Inspected, Opened
from learnloop.errors import BadInput
from learnloop.schemas import RawChunk

WINDOW = 1 << 20  # characters read at a time from a document
AHEAD = 1 << 13  # characters looked at to know an answer of a record store
CHUNK_CHARACTERS = 32 << 20  # of the records of one chunk, however few they are
LOG_ENDINGS = (".json", ".jsonl", ".ndjson", ".log", ".gz", ".zip")

Row = tuple[int, str, str, str, str]  # line, number in the array or "", record, damage, raw text
_SPACE = re.compile(r"[ \t\r\n]*")
_ANSWER = re.compile(r'\{\s*(?:"more"\s*:\s*"[^"]*"\s*,\s*)?"statements"\s*:\s*\[')
_ANSWER_END = re.compile(r'\s*(?:,\s*"more"\s*:\s*"[^"]*"\s*)?\}')


def files(path: Path) -> list[Path]:
    """`path` itself, or the JSON and log files of a folder by name. Raises BadInput."""
    if not path.is_dir():
        return [path]
    found = sorted(
        each for each in path.iterdir() if each.is_file() and each.name.lower().endswith(LOG_ENDINGS)
    )
    if not found:
        raise BadInput(f"{path} holds no file ending in {', '.join(LOG_ENDINGS)}", "name the file itself")
    return found


def size(path: Path) -> int:
    """Bytes to read, the end of the scale of RawChunk.consumed."""
    return sum(each.stat().st_size for each in files(path) if each.is_file())


def inspect(path: Path, advance: Advance | None = None) -> list[Inspected]:
    """Every file read through before any is imported. Raises BadInput for what damns a whole file."""
    found = []
    for each in files(path):
        inputs.sniff(each)
        if _is_lines(each):
            found.append(inputs.inspect(each, complete=_is_json, advance=advance))
            continue
        lines = 0
        for line, _, _ in document_records(each):
            lines = line
        found.append(replace(inputs.inspect(each, text=False, advance=advance), lines=lines))
    return found


def read(path: Path, source: str, kind: str, chunk_rows: int = 20_000) -> Iterator[RawChunk]:
    """The records of a file, or of a folder's files, in chunks of at most `chunk_rows`. Raises BadInput.

    The chunks' frames have the columns `record` (text), `number` (its place in the array, from 1, or "")
    and the reader's own: line, damage, raw.
    """
    if chunk_rows < 1:
        raise BadInput(f"chunks of {chunk_rows} rows", "use chunk_rows of 1 or more", "chunk_rows")
    before = 0
    for each in files(path):
        yield from _chunks(each, source, kind, chunk_rows, before)
        before += each.stat().st_size


def _chunks(path: Path, source: str, kind: str, chunk_rows: int, before: int) -> Iterator[RawChunk]:
    inputs.sniff(path)
    consumed = 0

    def advance(position: int) -> None:
        nonlocal consumed
        consumed = position

    rows: list[Row] = []
    characters = 0
    reader = _line_rows if _is_lines(path) else _document_rows
    for row in reader(path, advance):
        if len(rows) == chunk_rows or characters > CHUNK_CHARACTERS:
            yield RawChunk(source, path.name, kind, _frame(rows), False, before + consumed)
            rows, characters = [], 0
        rows.append(row)
        characters += len(row[2])
    yield RawChunk(source, path.name, kind, _frame(rows), True, before + path.stat().st_size)


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    lines, numbers, records, damages, raws = zip(*rows, strict=True) if rows else ((),) * 5
    return pd.DataFrame(
        {
            "record": pd.Series([record or None for record in records], dtype="str"),
            "number": pd.Series(numbers, dtype="str"),
            "line": pd.Series(lines, dtype="int64"),
            "damage": pd.Series([damage or None for damage in damages], dtype="str"),
            "raw": pd.Series([raw or None for raw in raws], dtype="str"),
        }
    )


def _is_lines(path: Path) -> bool:
    """Is a line a record? Else the file is one document. Raises BadInput where it is no JSON at all."""
    with inputs.open_bytes(path) as file:
        first = b""
        while not first.strip(b"\xef\xbb\xbf \t\r\n"):
            first = file.readline(LONGEST_LINE + 1)
            if not first:
                raise BadInput(f"{path.name} is empty", f"look at {path}")
        text = first.decode("utf-8-sig", "replace").strip()
        if text.startswith("[") or _ANSWER.match(text):
            return False
        if _is_json(text):
            return True
        if text.startswith("{"):
            # the first line of something written over several, unless it is a record that broke
            return not (text == "{" or text.endswith(("{", "[", ",", ":")))
        following = [file.readline(LONGEST_LINE + 1) for _ in range(10)]
        if any(line.lstrip().startswith(b"{") for line in following):
            return True
    raise BadInput(f"{path.name} line 1 is no JSON", "give JSON or JSON lines, packed or not")


def _is_json(text: str) -> bool:
    try:
        json.loads(text.replace("\ufeff", "", 1))
    except (ValueError, RecursionError):
        return False
    return True


def _line_rows(path: Path, advance: Callable[[int], None]) -> Iterator[Row]:
    number = 0
    with inputs.open_bytes(path) as file:
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise _too_long(path, number)
            advance(file.consumed)
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            try:
                text = line.decode("utf-8").strip("\r\n")
            except UnicodeDecodeError:
                yield number, "", "", "not UTF-8", line.decode("utf-8", "backslashreplace").strip("\r\n")
                continue
            if "\0" in text:
                yield number, "", "", "NUL byte", text.replace("\0", "\\0")
            else:
                yield number, "", text, "", ""


def _document_rows(path: Path, advance: Callable[[int], None]) -> Iterator[Row]:
    for line, number, record in document_records(path, advance):
        yield line, number, record, "", ""


def document_records(
    path: Path, advance: Callable[[int], None] | None = None
) -> Iterator[tuple[int, str, str]]:
    """(line, number in its array or "", text) of each record of a document. Raises BadInput at a fault."""
    with inputs.open_bytes(path) as file:
        window = _Window(path, file)
        while window.peek():
            if window.take(_ANSWER):
                yield from _elements(window, advance)
                if not window.take(_ANSWER_END):
                    raise window.fault("what follows the statements is neither 'more' nor a closing brace")
            elif window.take(re.compile(r"\[")):
                yield from _elements(window, advance)
            else:
                line, text = window.value()
                yield line, "", text


def _elements(window: "_Window", advance: Callable[[int], None] | None) -> Iterator[tuple[int, str, str]]:
    """The elements of an array whose bracket is behind us, up to and with the closing one."""
    if window.peek() == "]":
        window.skip(1)
        return
    number = 0
    while True:
        line, text = window.value()
        number += 1
        if advance:
            advance(window.file.consumed)
        yield line, str(number), text
        mark = window.peek()
        if mark not in (",", "]"):
            raise window.fault("a comma or a closing bracket is missing")
        window.skip(1)
        if mark == "]":
            return
        window.peek()


class _Window:
    """A part of a document's text that moves on, with the line it has come to."""

    def __init__(self, path: Path, file: Opened) -> None:
        self.path, self.file = path, file
        self.stream = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        self.text, self.at, self.line, self.ended = "", 0, 1, False
        self.decode = json.JSONDecoder().raw_decode

    def more(self) -> bool:
        """Reads on; False at the end of the file."""
        if self.ended:
            return False
        try:
            new = self.stream.read(max(WINDOW, len(self.text) - self.at))  # what is long is read again seldom
        except UnicodeDecodeError as error:
            raise BadInput(
                f"{self.path.name} line {self.line} or below is not UTF-8", inputs.recode(self.path.name)
            ) from error
        self.text, self.at = self.text[self.at :] + new, 0
        self.ended = not new
        return not self.ended

    def peek(self) -> str:
        """The next character that is no space, which is then where we are; "" at the end."""
        while True:
            match = _SPACE.match(self.text, self.at)
            self.skip((match.end() if match else self.at) - self.at)
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def skip(self, characters: int) -> None:
        self.line += self.text.count("\n", self.at, self.at + characters)
        self.at += characters

    def take(self, pattern: re.Pattern[str]) -> bool:
        while len(self.text) - self.at < AHEAD and self.more():  # so that no match is cut
            pass
        match = pattern.match(self.text, self.at)
        if match:
            self.skip(match.end() - self.at)
        return match is not None

    def value(self) -> tuple[int, str]:
        """(line, text) of the value that starts here."""
        self.peek()
        while True:
            try:
                _, end = self.decode(self.text, self.at)
            except (ValueError, RecursionError) as error:
                if len(self.text) - self.at > LONGEST_LINE:
                    raise _too_long(self.path, self.line) from error
                if not self.more():
                    raise self.fault(f"{error}") from error
                continue
            if end == len(self.text) and self.more():
                continue  # a number may go on
            if end - self.at > LONGEST_LINE:
                raise _too_long(self.path, self.line)
            line, text = self.line, self.text[self.at : end]
            self.skip(end - self.at)
            return line, text

    def fault(self, what: str) -> BadInput:
        if self.ended and not self.text[self.at :].strip():
            return BadInput(
                f"{self.path.name} is cut: it ends in the middle of its JSON, at line {self.line}",
                "fetch the file again",
            )
        what = re.sub(r": line \d+ column \d+ \(char \d+\)$", "", what)
        return BadInput(
            f"{self.path.name} is cut, or no JSON, from line {self.line} on: {what}",
            "fetch the file again, or export it as JSON lines, where a broken record costs one row",
        )


def _too_long(path: Path, line: int) -> BadInput:
    return BadInput(
        f"{path.name} line {line}: a record is longer than {LONGEST_LINE >> 20} MiB",
        f"look at it: sed -n {line}p {path.name} | head -c 500",
    )
