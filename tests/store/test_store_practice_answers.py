"""Answers to questions: kept once, with their interaction or not at all; items of versions."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from store_frames import rows

from learnloop.errors import UnknownThing
from learnloop.prepare.answers import to_answers
from learnloop.store import loading, practice_answers, question_answers, questions, reading
from learnloop.store.practice_answers import Changed, Taken

AT = datetime(2031, 5, 3, 10, tzinfo=UTC)
LESSON = "demo:lesson/loops"


@pytest.fixture(autouse=True)
def _bank(engine: sa.Engine) -> None:
    names = (
        "items, concepts, item_concepts, questions, question_versions, question_statuses, question_answers,"
        " interactions, event_keys, learners"
    )
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))
    step = {"item_id": "demo:step", "kind": "question", "parent_id": LESSON}
    loading.load(engine, "items", rows("items", {"item_id": LESSON, "kind": "lesson"}, step))
    concepts = ({"concept_id": "demo:loops"}, {"concept_id": "demo:other"})
    loading.load(engine, "concepts", rows("concepts", *concepts))
    taught = {"item_id": LESSON, "concept_id": "demo:other"}
    loading.load(engine, "item_concepts", rows("item_concepts", taught))
    mine = {"item_id": LESSON, "origin": "imported"}
    bank = rows(
        "questions",
        {**mine, "question_id": "demo:q1"},
        {**mine, "question_id": "demo:q2", "item_id": "demo:step"},
        {**mine, "question_id": "demo:q3", "item_id": "text:0123456789abcdef"},
        {**mine, "question_id": "demo:q4"},
    )
    own = ["demo:loops", "demo:unheard"]
    loading.load(engine, "questions", bank.assign(concept_ids=[own, own, own, None]))
    questions.set_status(engine, [f"demo:q{n}" for n in range(1, 5)], "approved", by="cli")


def answer(**change: Any) -> dict[str, Any]:
    made = {
        "event_id": "answer:1",
        "question_id": "demo:q1",
        "version": 1,
        "learner_id": "a" * 32,
        "picked": "a loop",
        "correct": True,
        "score": 1.0,
        "seconds": 4.5,
        "answered_at": AT,
        "grade": {"how": "exact", "confidence": 1.0, "feedback": []},
        "graded_by": None,
    }
    return {**made, **change}


def test_an_approved_question_is_an_item_of_its_lesson_with_its_own_concepts(engine: sa.Engine) -> None:
    items = reading.items(engine).set_index("item_id")
    assert list(items.index) == [LESSON, "demo:step", "question:demo:q1@1", "question:demo:q4@1"]
    made = items.loc["question:demo:q1@1"]
    assert (made["kind"], made["parent_id"], made["source"]) == ("question", LESSON, "question")
    pairs = reading.item_concepts(engine).to_dict("records")
    assert {"item_id": "question:demo:q1@1", "concept_id": "demo:loops"} in pairs
    assert len(pairs) == 2, "an unknown concept is none; without one it has its lesson's"


def test_an_answer_is_an_interaction_that_a_tracer_reads(engine: sa.Engine) -> None:
    for number, (question_id, item_id, concepts) in enumerate(
        [
            ("demo:q1", "question:demo:q1@1", ("demo:loops",)),
            ("demo:q2", "demo:step", ("demo:other",)),
            ("demo:q3", "question:demo:q3@1", ()),
            ("demo:q4", "question:demo:q4@1", ("demo:other",)),
        ]
    ):
        right = number % 2 == 0
        given = answer(
            question_id=question_id, event_id=f"answer:{number}", correct=right, score=float(right)
        )
        kept, fresh = practice_answers.append(engine, given, "api")
        assert (kept["item_id"], fresh) == (item_id, True)
        found = reading.interactions(engine).set_index("event_id").loc[f"answer:{number}"]
        assert (found["verb"], found["correct"], found["duration_s"]) == ("answered", number % 2 == 0, 4.5)
        traced = to_answers(
            reading.interactions(engine), reading.items(engine), reading.item_concepts(engine)
        )
        assert traced.set_index("item_id").loc[item_id, "concept_ids"] == concepts
    frame = practice_answers.read(engine)
    assert list(frame.columns) == list(practice_answers.COLUMNS)
    assert frame["picked"].tolist() == ["a loop"] * 4
    assert frame["correct"].tolist() == [True, False, True, False]


def test_an_answer_is_kept_once(engine: sa.Engine) -> None:
    given = answer(picked=["b", "a"])
    assert practice_answers.append(engine, given, "api")[1]
    again, fresh = practice_answers.append(engine, {**given, "seconds": 9.0, "answered_at": AT}, "api")
    assert (again["seconds"], fresh) == (4.5, False)
    with pytest.raises(Taken):
        practice_answers.append(engine, {**given, "picked": ["a", "b"]}, "api")
    with ThreadPoolExecutor(4) as pool:
        raced = answer(event_id="answer:race")
        fresh_ones = [
            one[1] for one in pool.map(lambda _: practice_answers.append(engine, raced, "api"), range(8))
        ]
    assert sum(fresh_ones) == 1
    assert len(reading.interactions(engine)) == 2


def test_an_event_id_that_an_event_has_taken_leaves_nothing_behind(engine: sa.Engine) -> None:
    other = {"event_id": "answer:1", "learner_id": "b" * 32}
    loading.load(engine, "interactions", rows("interactions", other))
    with pytest.raises(Taken):
        practice_answers.append(engine, answer(), "api")
    assert practice_answers.read(engine).empty


def test_a_question_that_changed_meanwhile_takes_no_answer(engine: sa.Engine) -> None:
    for change in ({"version": 2}, {"question_id": "demo:q4"}):
        if "question_id" in change:
            questions.set_status(engine, ["demo:q4"], "suspended", by="cli")
        with pytest.raises(Changed):
            practice_answers.append(engine, answer(**change), "api")
    with pytest.raises(UnknownThing):
        practice_answers.append(engine, answer(question_id="demo:none"), "api")
    assert practice_answers.read(engine).empty


def test_an_answer_waits_for_whoever_takes_the_question_away(engine: sa.Engine) -> None:
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as other:
            other.execute(sa.text("UPDATE questions SET status = 'suspended' WHERE question_id = 'demo:q1'"))
            asked = pool.submit(practice_answers.append, engine, answer(), "api")
            while other.scalar(waiting) < 1:
                assert not asked.done(), "it did not wait"
                other.execute(sa.text("SELECT pg_stat_clear_snapshot(), pg_sleep(0.02)"))
        with pytest.raises(Changed):
            asked.result()
    assert practice_answers.read(engine).empty


def test_the_first_answer_makes_the_item_of_what_came_approved(engine: sa.Engine) -> None:
    loading.load(engine, "questions", rows("questions", {"question_id": "demo:own", "item_id": LESSON}))
    with engine.begin() as connection:  # as one that was in the bank before there were such items
        connection.execute(sa.text("UPDATE questions SET status = 'approved' WHERE question_id = 'demo:own'"))
    assert "question:demo:own@1" not in reading.items(engine)["item_id"].tolist()
    practice_answers.append(engine, answer(question_id="demo:own"), "api")
    made = reading.items(engine).set_index("item_id").loc["question:demo:own@1"]
    assert (made["kind"], made["parent_id"]) == ("question", LESSON)


def test_statistics_read_what_was_picked_and_each_answer_once(engine: sa.Engine) -> None:
    ben = {"learner_id": "b" * 32}
    given = [
        answer(event_id="answer:1", picked="a name", correct=False, score=0.0),
        answer(event_id="answer:2"),  # a second attempt
        answer(event_id="answer:3", picked=True, **ben),
        answer(event_id="answer:4", question_id="demo:q2", picked=["a", "b"], seconds=None),
        answer(event_id="answer:5", question_id="demo:q4", correct=None, score=None),
    ]
    for number, one in enumerate(given):
        practice_answers.append(engine, {**one, "answered_at": AT.replace(minute=number)}, "api")
    assert len(question_answers.first_answers(engine)) == 3
    imported = {"event_id": "demo:old", "item_id": "demo:q1", "verb": "answered", "correct": True}
    loading.load(engine, "interactions", rows("interactions", {**imported, "learner_id": "c" * 32}))
    found = question_answers.first_answers(engine)
    assert found[["question_id", "learner_id", "picked", "correct"]].to_numpy().tolist() == [
        ["demo:q1", "a" * 32, "a name", False],
        ["demo:q1", "b" * 32, "true", True],
        ["demo:q1", "c" * 32, None, True],
        ["demo:q2", "a" * 32, None, True],
    ]
    assert found["version"].tolist() == [1] * 4
    assert found["seconds"].isna().iloc[[0, 1, 3]].tolist() == [False, False, True]
