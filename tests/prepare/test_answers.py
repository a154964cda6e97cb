"""Answers name what their item teaches, its own concepts or inherited ones."""

import pandas as pd

from learnloop import schemas
from learnloop.prepare.answers import to_answers

PARENTS = {
    "d:lesson": None,
    "d:plain": "d:lesson",
    "d:own": "d:lesson",
    "d:step": "d:plain",
    "d:ring1": "d:ring2",
    "d:ring2": "d:ring1",
}
TAUGHT = [("d:lesson", "d:z"), ("d:lesson", "d:a"), ("d:own", "d:b"), ("d:unlisted", "d:u")]


def events(*rows: dict[str, object]) -> pd.DataFrame:
    common = {
        "learner_id": "l1",
        "verb": "answered",
        "correct": True,
        "score": None,
        "duration_s": None,
        "source": "d",
        "occurred_at": pd.Timestamp("2026-01-01", tz="UTC"),
    }
    made = [{"event_id": f"e{n}", **common, **row} for n, row in enumerate(rows)]
    return schemas.check(pd.DataFrame(made), schemas.INTERACTIONS, "test")


def answers(*rows: dict[str, object]) -> pd.DataFrame:
    items = pd.DataFrame({"item_id": list(PARENTS), "parent_id": list(PARENTS.values())})
    return to_answers(events(*rows), items, pd.DataFrame(TAUGHT, columns=["item_id", "concept_id"]))


def test_concepts_are_the_items_own_or_the_nearest_ancestors() -> None:
    asked = ["d:plain", "d:own", "d:step", "d:ring1", "d:unlisted", "d:nowhere"]
    found = answers(*({"item_id": item_id} for item_id in asked))
    assert dict(zip(found["item_id"], found["concept_ids"], strict=True)) == {
        "d:plain": ("d:a", "d:z"),  # its lesson's, sorted
        "d:own": ("d:b",),  # its own, not its lesson's
        "d:step": ("d:a", "d:z"),  # its grandparent's
        "d:ring1": (),  # parents in a ring end the climb
        "d:unlisted": ("d:u",),
        "d:nowhere": (),
    }


def test_only_what_was_answered_and_marked_counts() -> None:
    found = answers(
        {"item_id": "d:plain", "correct": None},
        {"item_id": "d:plain", "verb": "completed"},
        {"item_id": "d:plain", "correct": False},
    )
    assert found["correct"].tolist() == [False]


def test_rows_come_by_learner_and_time() -> None:
    later = pd.Timestamp("2026-01-02", tz="UTC")
    found = answers(
        {"item_id": "d:own", "occurred_at": later},
        {"item_id": "d:step", "learner_id": "l0", "occurred_at": later},
        {"item_id": "d:plain"},
    )
    assert found["item_id"].tolist() == ["d:step", "d:plain", "d:own"]
