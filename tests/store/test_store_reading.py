"""Reading: which rows, in which order, and what an answer's item teaches."""

from datetime import datetime

import pandas as pd
import pytest
import sqlalchemy as sa
from store_frames import cleaned, events, rows

from learnloop import schemas
from learnloop.errors import BadInput
from learnloop.store import loading, reading


@pytest.fixture(scope="module", autouse=True)
def _filled(engine: sa.Engine) -> None:
    """course > lesson > exercise; the exercise teaches nothing itself, its sibling does."""
    kinds = [
        ("demo:course", "course", None),
        ("demo:lesson", "lesson", "demo:course"),
        ("demo:plain", "exercise", "demo:lesson"),
        ("demo:own", "exercise", "demo:lesson"),
        ("demo:step", "question", "demo:plain"),
        ("demo:ring1", "exercise", "demo:ring2"),
        ("demo:ring2", "exercise", "demo:ring1"),
        ("demo:orphan", "exercise", "demo:never_imported"),
        ("other:lesson", "lesson", None),
    ]
    items = rows(
        "items",
        *(
            {"item_id": i, "kind": kind, "parent_id": parent, "source": i.split(":")[0]}
            for i, kind, parent in kinds
        ),
    )
    pairs = [("demo:lesson", "demo:z"), ("demo:lesson", "demo:a"), ("demo:own", "demo:own_concept")]
    pairs += [("demo:unlisted", "demo:u")]  # teaches, though the item itself is not there yet
    teaches = rows("item_concepts", *({"item_id": i, "concept_id": c} for i, c in pairs))
    answered = ["plain", "own", "step", "ring1", "orphan", "unlisted", "nowhere"]
    interactions = rows(
        "interactions",
        *(
            {
                "event_id": f"demo:{number}",
                "item_id": f"demo:{name}",
                "occurred_at": pd.Timestamp(f"2024-01-0{number + 1}", tz="UTC"),
                "correct": number % 2 == 0,
            }
            for number, name in enumerate(answered)
        ),
        {"event_id": "demo:unmarked", "correct": None},
        {"event_id": "demo:read", "verb": "experienced"},
        {"event_id": "other:1", "source": "other", "learner_id": "0000", "item_id": "other:lesson"},
    )
    learners = rows("learners", {"learner_id": "b"}, {"learner_id": "a"}, {"learner_id": "9f86d081"})
    questions = rows(
        "questions",
        {"question_id": "demo:q2", "language": "es"},
        {"question_id": "demo:q1"},
        {"question_id": "demo:q3", "item_id": "demo:lesson"},
    )
    frames = {"items": items, "item_concepts": teaches, "interactions": interactions, "learners": learners}
    loading.load_cleaned(engine, cleaned({**frames, "questions": questions}), "demo")


def test_items_by_kind_and_source(engine: sa.Engine) -> None:
    assert reading.items(engine, kinds=["lesson", "course"])["item_id"].tolist() == [
        "demo:course",
        "demo:lesson",
        "other:lesson",
    ]
    assert reading.items(engine, kinds=["lesson"], source="other")["item_id"].tolist() == ["other:lesson"]
    assert reading.items(engine, kinds=[]).empty
    assert len(reading.items(engine)) == 9
    without = ["text", "attributes", "answer"]
    pd.testing.assert_frame_equal(
        reading.items(engine, without=without), reading.items(engine).drop(columns=without)
    )


def test_interactions_by_time_source_and_learner(engine: sa.Engine) -> None:
    since, until = pd.Timestamp("2024-01-06", tz="UTC"), pd.Timestamp("2024-01-07", tz="UTC")
    assert reading.interactions(engine, since=since)["event_id"].tolist() == ["demo:5", "demo:6"]
    assert reading.interactions(engine, since=since, until=until)["event_id"].tolist() == ["demo:5"]
    assert reading.interactions(engine, source="other")["event_id"].tolist() == ["other:1"]
    assert reading.learner_interactions(engine, "0000")["event_id"].tolist() == ["other:1"]
    assert reading.learner_interactions(engine, "nobody").empty
    # Equal times are ordered by event_id.
    early = reading.interactions(engine, until=pd.Timestamp("2024-01-01T11:00", tz="UTC"))
    assert early["event_id"].tolist() == ["demo:0", "demo:read", "demo:unmarked", "other:1"]


def test_a_time_without_a_zone_is_refused(engine: sa.Engine) -> None:
    with pytest.raises(BadInput, match="since has no time zone"):
        reading.interactions(engine, since=datetime(2024, 1, 1))


def test_learners_of_a_list(engine: sa.Engine) -> None:
    assert reading.learners(engine)["learner_id"].tolist() == ["9f86d081", "a", "b"]
    assert reading.learners(engine, ["b", "9f86d081", "unheard"])["learner_id"].tolist() == ["9f86d081", "b"]


def test_questions_by_item_language_limit_and_status(engine: sa.Engine) -> None:
    assert reading.questions(engine)["question_id"].tolist() == ["demo:q1", "demo:q2", "demo:q3"]
    assert reading.questions(engine, item_id="demo:lesson")["question_id"].tolist() == ["demo:q3"]
    assert reading.questions(engine, language="es")["question_id"].tolist() == ["demo:q2"]
    assert reading.questions(engine, limit=2)["question_id"].tolist() == ["demo:q1", "demo:q2"]
    assert reading.questions(engine, status="approved").empty
    assert reading.questions(engine, status="draft")["created_at"].dtype == schemas.UTC


def test_counts_name_every_table(engine: sa.Engine) -> None:
    counts = reading.counts(engine)
    assert {name: counts[name] for name in ("items", "interactions", "learners", "api_keys", "imports")} == {
        "items": 9, "interactions": 10, "learners": 3, "api_keys": 0, "imports": 0
    }  # fmt: skip


def test_pages_come_one_at_a_time_and_by_source(engine: sa.Engine) -> None:
    pages = rows(
        "raw_pages", {}, {"url": "http://a/", "source": "other"}, {"sha256": "cd" * 32, "body": b"2"}
    )
    loading.load(engine, "raw_pages", pages)
    found = list(reading.raw_pages(engine))
    assert [page.url for page in found] == ["http://127.0.0.1/loops.html"] * 2 + ["http://a/"]
    assert [page.source for page in found] == ["demo", "demo", "other"]
    assert [page.body for page in reading.raw_pages(engine, source="demo")] == [ROW_BODY, b"2"]
    assert found[0].fetched_at.utcoffset() is not None


ROW_BODY = b"<p>\x00\xff\\.\n</p>"


def test_many_rows_stream_through_several_blocks(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows cut at every place by small blocks are the same rows."""
    from learnloop.store import copying

    loading.load(engine, "interactions", events(0, 3_000))
    whole = reading.interactions(engine)
    monkeypatch.setattr(copying, "BLOCK_BYTES", 4_099)
    pd.testing.assert_frame_equal(reading.interactions(engine), whole)
