"""Files that a command is given or told to write: read whole, or one sentence on why not and what to do.

learner_id,question_id,picked      ->      a frame of str, "" where a cell is empty
ana,demo:9f86,Lyon
"""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.errors import BadInput

MOST_BYTES = 5_000_000  # of a text or one JSON document that a person names
MOST_BYTES_OF_A_TABLE = 1 << 30
HEAD = 4_000  # bytes: a report says within fewer that it is one
THERE = "name a file that is there"


def table(path: Path, needed: Sequence[str], field: str) -> pd.DataFrame:
    """A CSV file in UTF-8 with at least the columns `needed`, as text.

    The sign between cells is the one its first line has most of: spreadsheets of Europe write ;. field: the
    option that named it. Raises BadInput, which names what is wrong, a lacking column among it.
    """
    wanted = f"give a CSV file with the columns {','.join(needed)}"
    whole = text(path, field, MOST_BYTES_OF_A_TABLE)
    sign = max(",;\t|", key=whole.partition("\n")[0].count)
    try:
        found = pd.read_csv(io.StringIO(whole), dtype=str, keep_default_na=False, sep=sign)
    except ValueError as error:  # pandas' own are all of this kind
        raise BadInput(f"{path} is no CSV file: {_said(error)}", wanted, field) from None
    for name in needed:
        if name not in found.columns:
            raise BadInput(f"{path} has no column {name!r}", wanted, name)
    return found


def content(path: Path, field: str, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file, `most` of them at most. Raises BadInput."""
    _refuse_missing(path, field)
    try:
        with path.open("rb") as file:
            found = file.read(most + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", THERE, field) from None
    if len(found) > most:
        raise BadInput(f"{path} has more than {most:,} bytes", "give a part of it", field)
    return found


def text(path: Path, field: str, most: int = MOST_BYTES) -> str:
    """A text in UTF-8, without its mark. Raises BadInput."""
    try:
        return content(path, field, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"{path} is no text in UTF-8 (byte {error.start:,})"
        raise BadInput(problem, "save it as UTF-8", field) from None


def document(path: Path, field: str, most: int = MOST_BYTES) -> Any:
    """One JSON document. Raises BadInput."""
    whole = text(path, field, most)
    try:
        return json.loads(whole)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is no JSON file: {_said(error)}", "give one JSON document", field) from None


def may_write(path: Path, field: str) -> None:
    """Before long work, whether its result can be written there. Raises BadInput."""
    if path.is_dir() or not path.parent.is_dir():
        raise BadInput(f"{path} cannot be written", f"--{field} a file in a folder that is there", field)


def may_replace(report: Path, is_report: Callable[[bytes], bool]) -> None:
    """Before long work: only a report of ours is written over. Raises BadInput.

    is_report: whether a file that begins so (its first HEAD bytes) is one.
    """
    if report.is_dir() or not report.parent.is_dir():
        raise BadInput(f"{report} cannot be written", "--report FILE.html in a folder that exists", "report")
    if report.exists():
        with report.open("rb") as file:
            head = file.read(HEAD)
        if head and not is_report(head):
            raise BadInput(f"{report} is there and is no such report", "--report OTHER.html", "report")


def _refuse_missing(path: Path, field: str) -> None:
    if not path.exists():
        raise BadInput(f"there is no file {path}", THERE, field)
    if path.is_dir():
        raise BadInput(f"{path} is a folder, not a file", "name the file in it", field)


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
