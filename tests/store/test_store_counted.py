"""Counts made in the database, against rows that were put there."""

import math

import pandas as pd
import pytest
import sqlalchemy as sa
from store_frames import rows

from learnloop.store import counted, loading


@pytest.fixture(scope="module", autouse=True)
def _filled(engine: sa.Engine) -> None:
    items = [
        {"item_id": "demo:a", "duration_s": 600.0, "attributes": {"imputed": ["language", "title"]}},
        {"item_id": "demo:b", "duration_s": None, "attributes": {"imputed": ["language"]}, "text": ""},
        {"item_id": "demo:c", "language": "und", "kind": "course", "parent_id": None, "attributes": {}},
        {
            "item_id": "x:a",
            "source": "x",
            "language": "es",
            "attributes": {"imputed": "odd"},
            "duration_s": 0.0,
        },
    ]
    loading.load(engine, "items", rows("items", *items))
    events = [
        {"event_id": "1", "item_id": "demo:a", "duration_s": 100.0, "imputed": None},
        {"event_id": "2", "item_id": "demo:a", "duration_s": 101.0, "imputed": None},
        {"event_id": "3", "item_id": "demo:a", "duration_s": None, "correct": None, "imputed": "verb"},
        {"event_id": "4", "item_id": "x:gone", "duration_s": 0.0, "source": "x", "learner_id": "zz"},
    ]
    frames = [rows("interactions", event).assign(imputed=event.get("imputed")) for event in events]
    for frame in frames:
        loading.load(engine, "interactions", frame.astype({"imputed": "str"}).replace({"None": pd.NA}))
    loading.load(engine, "enrolments", rows("enrolments", {}, {"learner_id": "zz"}))


def told(frame: pd.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return list(frame[list(columns)].itertuples(index=False, name=None))


def test_items_lack(engine: sa.Engine) -> None:
    frame = counted.items(engine)
    assert told(frame, "source", "kind", "n", "no_text", "no_language", "no_duration_s", "no_parent_id") == [
        ("demo", "course", 1, 0, 1, 0, 1),
        ("demo", "lesson", 2, 1, 0, 1, 0),
        ("x", "lesson", 1, 0, 0, 0, 0),
    ]


def test_languages_and_lengths(engine: sa.Engine) -> None:
    assert told(counted.languages(engine), "source", "language", "n") == [
        ("demo", "en", 2),
        ("demo", "und", 1),
        ("x", "es", 1),
    ]
    lengths = counted.item_lengths(engine)  # a length of nothing is in no bin
    assert told(lengths, "source", "bin", "n") == [
        ("demo", math.floor(4 * math.log2(90.5)), 1),
        ("demo", math.floor(4 * math.log2(600)), 1),
    ]


def test_what_was_filled_in(engine: sa.Engine) -> None:
    assert told(counted.filled_in(engine), "source", "field", "n") == [
        ("demo", "language", 2),
        ("demo", "title", 1),
    ]


def test_events(engine: sa.Engine) -> None:
    frame = counted.interactions(engine)
    assert told(frame[frame["source"] == "demo"], "n", "no_correct", "no_duration_s") == [
        (1, 1, 1),
        (2, 0, 0),
    ]
    assert frame["imputed"].isna().sum() == 2
    assert str(frame["first_at"].iloc[0]).startswith("2024-01-01 10:00:00.123456")
    assert told(counted.learners_of_events(engine), "source", "learner_id", "n") == [
        ("demo", "9f86d081", 3),
        ("x", "zz", 1),
    ]
    assert told(counted.enrolments(engine), "item_id", "n") == [("demo:course", 2)]


def test_times_lie_in_the_bins_that_prepare_has(engine: sa.Engine) -> None:
    times = counted.times_spent(engine, 16)
    known = times[times["bin"].notna()]
    bins = {math.floor(16 * math.log2(seconds)) for seconds in (100.0, 101.0)}
    assert set(known["bin"]) == bins
    assert known["n"].sum() == 2
    assert told(times[times["bin"].isna()], "source", "item_id", "n") == [
        ("demo", "demo:a", 1),
        ("x", "x:gone", 1),
    ]


def test_who_is_under_whom(engine: sa.Engine) -> None:
    parents = counted.parents(engine).set_index("item_id")
    assert parents.loc["demo:a", "parent_id"] == "demo:course"
    assert pd.isna(parents.loc["demo:c", "parent_id"])
    assert counted.learner_ids(engine).empty
