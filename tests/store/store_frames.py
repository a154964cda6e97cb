"""One row of every table that `load` takes, to vary in the tests."""

from typing import Any

import pandas as pd

from learnloop import schemas

ROWS: dict[str, dict[str, Any]] = {
    "items": {
        "item_id": "demo:lesson/1",
        "source": "demo",
        "kind": "lesson",
        "parent_id": "demo:course",
        "position": 3,
        "title": "Loops",
        "text": "A loop repeats.",
        "abstract": None,
        "language": "en",
        "subject": None,
        "level": "beginner",
        "duration_s": 90.5,
        "licence": "CC-BY-4.0",
        "url": "http://127.0.0.1/loops.html",
        "answer": None,
        "attributes": {"hints": ["a", "b"], "due": 3},
    },
    "concepts": {"concept_id": "demo:loops", "title": "Loops", "language": "en"},
    "item_concepts": {"item_id": "demo:lesson/1", "concept_id": "demo:loops"},
    "prerequisites": {
        "concept_id": "demo:loops",
        "requires_id": "demo:variables",
        "origin": "authored",
        "confidence": 0.75,
    },
    "learners": {"learner_id": "9f86d081", "source": "demo", "attributes": {"age_band": "0-35"}},
    "enrolments": {
        "learner_id": "9f86d081",
        "item_id": "demo:course",
        "registered_at": pd.Timestamp("2024-01-01T10:00:00.000001Z"),
        "unregistered_at": pd.NaT,
        "result": None,
        "attributes": {},
    },
    "questions": {
        "question_id": "demo:q1",
        "item_id": "demo:lesson/1",
        "kind": "multiple_choice",
        "stem": "What repeats?",
        "key": "a loop",
        "options": ["a loop", "a name"],
        "quote": "A loop repeats.",
        "span_start": 0,
        "span_end": 6,
        "source_sha256": "00" * 32,
        "language": "en",
        "origin": "generated",
        "provenance": {"seed": 7, "checks": {"verbatim": True}},
    },
    "summaries": {
        "item_id": "demo:lesson/1",
        "text": "Loops repeat.",
        "source_sha256": "00" * 32,
        "provenance": {"model": "none"},
    },
    "interactions": {
        "event_id": "demo:1",
        "learner_id": "9f86d081",
        "item_id": "demo:lesson/1",
        "verb": "answered",
        "correct": True,
        "score": 0.5,
        "duration_s": None,
        "occurred_at": pd.Timestamp("2024-01-01T10:00:00.123456Z"),
        "source": "demo",
    },
    "raw_pages": {
        "url": "http://127.0.0.1/loops.html",
        "sha256": "ab" * 32,
        "source": "demo",
        "status": 200,
        "content_type": "text/html",
        "headers": {"ETag": '"1"'},
        "body": b"<p>\x00\xff\\.\n</p>",
        "fetched_at": pd.Timestamp("2024-01-01T10:00:00Z"),
    },
}


def rows(table: str, *changes: dict[str, Any]) -> pd.DataFrame:
    """A frame for `table`: the row above with each of `changes` in turn."""
    made = [{**ROWS[table], **change} for change in changes or ({},)]
    return pd.DataFrame({name: pd.Series([row[name] for row in made], dtype=object) for name in ROWS[table]})


def events(first: int, count: int, learners: int = 50) -> pd.DataFrame:
    """`count` interactions from number `first` on, one a second."""
    numbers = pd.RangeIndex(first, first + count)
    frame = pd.DataFrame(
        {
            "event_id": [f"demo:{number * 7919 % 1_000_003:08d}" for number in numbers],
            "learner_id": [f"{number % learners:032x}" for number in numbers],
            "item_id": [f"demo:item{number % 90}" for number in numbers],
            "verb": "answered",
            "correct": pd.array([number % 3 == 0 for number in numbers], dtype="boolean"),
            "score": pd.array([None] * count, dtype="Float64"),
            "duration_s": pd.array([number % 100 / 2 for number in numbers], dtype="Float64"),
            "occurred_at": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(numbers, unit="s"),
            "source": "demo",
        }
    )
    return schemas.check(frame, schemas.INTERACTIONS, "events")


def cleaned(frames: dict[str, pd.DataFrame], rejected: list[dict[str, Any]] | None = None) -> schemas.Cleaned:
    """A chunk as an importer hands it over."""
    refused = pd.DataFrame(rejected or [], columns=["file", "line", "reason", "record"], dtype=object)
    kept = sum(map(len, frames.values()))
    return schemas.Cleaned(frames, refused, schemas.Accounting(read=kept, kept=kept))
