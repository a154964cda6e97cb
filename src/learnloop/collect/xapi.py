"""xAPI statements, as a learning record store exports them: JSON, JSON lines, packed or not.

    {"id": "3b1c…", "actor": {"account": {"homePage": "https://lms.example", "name": "u-17…"}},
     "verb": {"id": "https://w3id.org/xapi/video/verbs/played"}, "object": {"id": "https://lms.example/v/7"},
     "timestamp": "2024-03-01T10:00:00Z"}

A statement may be voided by a later one, of the same file or of another. `voided` reads ahead for those,
so that no chunk holds a statement that a later chunk takes back.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from learnloop.collect import json_records
from learnloop.collect.inputs import Advance, Inspected
from learnloop.collect.json_records import size as size  # the same for every file of JSON
from learnloop.schemas import RawChunk

SOURCE = "xapi"
VOIDED = "http://adlnet.gov/expapi/verbs/voided"


def inspect(path: Path, advance: Advance | None = None) -> list[Inspected]:
    """The files read through before any is imported. Raises BadInput."""
    return json_records.inspect(path, advance)


def read(path: Path, source: str = SOURCE, chunk_rows: int = 20_000) -> Iterator[RawChunk]:
    """Statements in chunks, kind `statements`. Raises BadInput."""
    return json_records.read(path, source, "statements", chunk_rows)


def voided(path: Path) -> frozenset[str]:
    """The ids of the statements that the statements of `path` void, in lower case. Raises BadInput."""
    found = set()
    for chunk in read(path):
        for record in chunk.frame["record"].dropna():
            if VOIDED in record:
                try:
                    statement = json.loads(record)
                except (ValueError, RecursionError):
                    continue  # prepare says so
                target = _voids(statement)
                if target:
                    found.add(target)
    return frozenset(found)


def _voids(statement: object) -> str:
    """The id that a voiding statement names, else ""."""
    if not isinstance(statement, dict):
        return ""
    verb, named = statement.get("verb"), statement.get("object")
    if not (isinstance(verb, dict) and verb.get("id") == VOIDED and isinstance(named, dict)):
        return ""
    target = named.get("id")
    return target.lower() if named.get("objectType") == "StatementRef" and isinstance(target, str) else ""
