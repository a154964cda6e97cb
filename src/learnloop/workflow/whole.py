"""Files that appear whole or not at all: written beside their place, flushed, then renamed into it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from learnloop.errors import BadInput


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write` with a name beside `path`, and renames what it wrote. A kill leaves no half file.

    Two processes that write the same path each write their own file; the last rename holds. Raises BadInput
    where the system refuses: no such folder, no right to write there, a full disk.
    """
    try:
        _write_beside(path, write)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise BadInput(f"{path} cannot be written: {why}", "name a file in a folder that is there") from error


def _write_beside(path: Path, write: Callable[[Path], object]) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.writing")
    try:
        write(beside)
        with open(beside, "rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_whole(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def forget_unfinished(folder: Path) -> None:
    """Removes what a killed writer left beside its files. Nobody may be writing there."""
    for path in folder.rglob(".*.writing"):
        path.unlink(missing_ok=True)
