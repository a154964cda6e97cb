"""Tables of answers as the knowledge tracing field exchanges them (EdNet, ASSISTments, Gervet et al. 2020).

    user_id item_id timestamp  correct skill_id      parted by tabs, or by , ; |
    3021    27      1499059021 1       0             skills 0~14 or 0_14 where an item needs several

`timestamp` is in seconds or milliseconds since 1970, or in seconds since a start that the file does not
tell; the cleaner has to be told that.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from learnloop.collect import mapping
from learnloop.collect.delimited import Layout, inspect_delimited, read_delimited, read_header
from learnloop.collect.inputs import Advance, Inspected
from learnloop.schemas import RawChunk

SOURCE = "responses"
LAYOUT = Layout(("user_id", "item_id", "timestamp", "correct"), multiline=False, delimiter="")


def size(path: Path) -> int:
    """Bytes to read, the end of the scale of RawChunk.consumed."""
    return path.stat().st_size if path.is_file() else 0


def inspect(path: Path, advance: Advance | None = None) -> list[Inspected]:
    """The file read through before any of it is imported. Raises BadInput."""
    found = inspect_delimited(path, replace(LAYOUT, columns=()), advance)
    names, _ = read_header(path, replace(LAYOUT, columns=()))
    for column in LAYOUT.columns:
        if column not in names:
            raise mapping.lacking(path.name, column, names, "rename the column to")
    return [found]


def read(path: Path, source: str = SOURCE, chunk_rows: int = 50_000) -> Iterator[RawChunk]:
    """Kind `responses`, in chunks of `chunk_rows`. Raises BadInput."""
    yield from read_delimited(path, source, "responses", LAYOUT, chunk_rows)
