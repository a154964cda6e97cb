"""Open edX tracking logs: a JSON record a line, a file a day, mostly packed by gzip.

    {"event_type": "problem_check", "event_source": "server", "username": "ana",
     "time": "2024-03-01T10:00:00.431355+00:00", "context": {"user_id": 8, "course_id": "course-v1:X+Y+Z"},
     "event": {"problem_id": "block-v1:X+Y+Z+type@problem+block@a0ef", "success": "correct", "grade": 3,
               "max_grade": 3, "attempts": 1}}

A folder is read file by file in the order of names, which is that of days.
"""

from collections.abc import Iterator
from pathlib import Path

from learnloop.collect import json_records
from learnloop.collect.inputs import Advance, Inspected
from learnloop.collect.json_records import size as size  # the same for every file of JSON
from learnloop.schemas import RawChunk

SOURCE = "openedx"


def inspect(path: Path, advance: Advance | None = None) -> list[Inspected]:
    """The files read through before any is imported. Raises BadInput."""
    return json_records.inspect(path, advance)


def read(path: Path, source: str = SOURCE, chunk_rows: int = 20_000) -> Iterator[RawChunk]:
    """Events in chunks, kind `events`. Raises BadInput."""
    return json_records.read(path, source, "events", chunk_rows)
