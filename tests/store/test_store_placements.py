"""Placements: an answer and the event that it is are stored together, once, whoever sends it."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from learnloop.errors import BadInput, UnknownThing
from learnloop.store import placements, reading

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
SCOPE = {"course": "demo:courses/python-basics"}


def session(asked: str | None, *answers: tuple[str, bool]) -> dict[str, Any]:
    return {"asked": asked, "answers": [list(one) for one in answers]}


def begun(engine: sa.Engine, learner_id: str) -> dict[str, Any]:
    return placements.begin(engine, uuid4(), learner_id, SCOPE, session("demo:q1"), {"item_ids": []}, NOW)


def events(engine: sa.Engine, learner_id: str) -> int:
    return len(reading.learner_interactions(engine, learner_id))


def test_nobody_has_two_unfinished_ones_of_the_same(engine: sa.Engine) -> None:
    first = begun(engine, "a" * 32)
    assert begun(engine, "a" * 32)["placement_id"] == first["placement_id"]
    assert begun(engine, "b" * 32)["placement_id"] != first["placement_id"]
    assert placements.answer(engine, first, session(None, ("demo:q1", True)), NOW, "api") is not None
    assert placements.unfinished(engine, "a" * 32, SCOPE) is None
    assert begun(engine, "a" * 32)["placement_id"] != first["placement_id"]


def test_of_two_answers_to_one_question_the_first_counts(engine: sa.Engine) -> None:
    """Two replicas read the same row, and each has an answer."""
    row = begun(engine, "c" * 32)
    event = placements.answer(engine, row, session("demo:q2", ("demo:q1", True)), NOW, "api")
    assert event is not None
    assert (event["verb"], event["correct"], event["item_id"]) == ("answered", True, "demo:q1")
    assert placements.answer(engine, row, session("demo:q3", ("demo:q1", False)), NOW, "api") is None
    kept = placements.get(engine, row["placement_id"])
    assert (kept["answered"], kept["session"]["asked"]) == (1, "demo:q2")
    assert events(engine, "c" * 32) == 1


def test_an_answer_whose_event_cannot_be_kept_is_not_kept(engine: sa.Engine) -> None:
    row = begun(engine, "d" * 32)
    placements.answer(engine, row, session("demo:q2", ("demo:q1", True)), NOW, "api")
    with engine.begin() as connection:  # as if the first answer had never been written to the placement
        back = {"session": session("demo:q1"), "answered": 0}
        own = placements.placements.c.placement_id == row["placement_id"]
        connection.execute(sa.update(placements.placements).where(own).values(back))
    with pytest.raises(BadInput, match="is taken"):
        placements.answer(engine, row, session("demo:q2", ("demo:q1", False)), NOW, "api")
    assert placements.get(engine, row["placement_id"])["answered"] == 0
    assert events(engine, "d" * 32) == 1


def test_a_placement_nobody_knows(engine: sa.Engine) -> None:
    with pytest.raises(UnknownThing, match="there is no placement"):
        placements.get(engine, uuid4())
