"""People's grades: of one answer and of all that are the same; put right; told to the learner until seen."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from store_frames import rows

from learnloop.errors import BadInput, UnknownThing
from learnloop.store import digests, grades, loading, practice_answers, questions, reading
from learnloop.store.practice_answers import Taken
from learnloop.store.tables import event_keys

AT = datetime(2031, 5, 3, 10, tzinfo=UTC)
LATER = AT + timedelta(days=1)
ANA, BEN = "a" * 32, "b" * 32


@pytest.fixture(autouse=True)
def _bank(engine: sa.Engine) -> None:
    names = "items, questions, question_versions, question_statuses, question_answers, interactions"
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}, event_keys, learners"))
    loading.load(engine, "items", rows("items", {"item_id": "demo:lesson/loops", "kind": "lesson"}))
    mine = {"item_id": "demo:lesson/loops", "origin": "imported"}
    bank = rows("questions", {**mine, "question_id": "demo:q1"}, {**mine, "question_id": "demo:q2"})
    loading.load(engine, "questions", bank)
    questions.set_status(engine, ["demo:q1", "demo:q2"], "approved", by="cli")


def waits(engine: sa.Engine, event_id: str, **change: Any) -> None:
    made = {
        "event_id": event_id,
        "question_id": "demo:q1",
        "version": 1,
        "learner_id": ANA,
        "picked": "a loop",
        "correct": None,
        "score": None,
        "seconds": 4.5,
        "answered_at": AT,
        "grade": {"how": "abstained", "confidence": 0.0, "feedback": []},
        "graded_by": None,
    }
    practice_answers.append(engine, {**made, **change}, "api")


def test_a_teacher_grades_what_waits(engine: sa.Engine) -> None:
    waits(engine, "answer:1")
    waits(engine, "answer:2", correct=True, score=1.0)
    assert reading.interactions(engine)["event_id"].tolist() == ["answer:2"]
    (queued,) = grades.listed(engine, True, None, 10)
    assert (queued["event_id"], queued["kind"]) == ("answer:1", questions.get(engine, "demo:q1")["kind"])
    assert grades.listed(engine, True, None, 10, after="answer:1") == []
    assert [row["event_id"] for row in grades.listed(engine, False, "demo:q1", 1, "answer:1")] == ["answer:2"]
    for score, comment in ((1.5, ""), (-0.1, ""), (0.5, "x" * 2001)):
        with pytest.raises(BadInput):
            grades.mark(engine, "answer:1", score, "key", AT, comment)
    row, fresh, others = grades.mark(engine, "answer:1", 0.5, "key", AT, "and why?")
    assert (row["correct"], row["score"], row["comment"], fresh, others) == (False, 0.5, "and why?", True, [])
    assert grades.mark(engine, "answer:1", 0.5, "other", AT).fresh is False
    for again in ((1.0, ""), (0.5, "another word")):
        with pytest.raises(Taken):
            grades.mark(engine, "answer:1", again[0], "key", AT, again[1])
    with pytest.raises(UnknownThing):
        grades.mark(engine, "answer:9", 1.0, "key", AT)
    kept = reading.interactions(engine).set_index("event_id").loc["answer:1"]
    assert (kept["score"], kept["correct"], kept["occurred_at"]) == (0.5, False, AT)
    assert grades.marked(engine, "demo:q1", 1) == [("a loop", 0.5)]


def test_who_waits_with_the_same_words_is_graded_along(engine: sa.Engine) -> None:
    waits(engine, "answer:1")
    waits(engine, "answer:2", learner_id=BEN)
    waits(engine, "answer:3", picked="a  loop")
    waits(engine, "answer:4", question_id="demo:q2")
    waits(engine, "answer:5", correct=False, score=0.0)
    assert grades.alike(engine, "answer:2") == 1
    row, _, others = grades.mark(engine, "answer:2", 1.0, "key", AT, "well said")
    assert row["learner_id"] == BEN
    assert [(one["event_id"], one["comment"]) for one in others] == [("answer:1", "well said")]
    assert {one["event_id"] for one in grades.listed(engine, True, None, 10)} == {"answer:3", "answer:4"}
    assert sorted(reading.interactions(engine)["event_id"]) == ["answer:1", "answer:2", "answer:5"]


def test_two_teachers_at_the_same_words_at_once(engine: sa.Engine) -> None:
    for number in range(8):
        waits(engine, f"answer:{number}", learner_id=f"{number:032d}")
    with ThreadPoolExecutor(4) as pool:
        asked = [f"answer:{number}" for number in (7, 0, 5, 2, 6, 1, 4, 3)]
        found = list(pool.map(lambda one: grades.mark(engine, one, 1.0, "key", AT), asked))
    assert sum(one.fresh for one in found) == 1
    assert sum(len(one.others) for one in found) == 7
    assert len(reading.interactions(engine)) == 8


def test_a_grade_is_put_right_in_the_interaction_too(engine: sa.Engine) -> None:
    waits(engine, "answer:1", correct=False, score=0.0)  # a machine's
    with pytest.raises(Taken):
        grades.mark(engine, "answer:1", 1.0, "key", AT)
    with pytest.raises(Taken):
        grades.mark(engine, "answer:1", 1.0, "key", AT, was=0.5)
    assert grades.mark(engine, "answer:1", 1.0, "key", AT, was=0.0).fresh
    assert grades.see(engine, ANA, AT, AT) == 1
    row, fresh, _ = grades.mark(engine, "answer:1", 0.5, "other", LATER, "on second thought", was=1.0)
    assert (row["correct"], row["graded_by"], fresh) == (False, "other", True)
    assert grades.counted(engine, ANA) == {"waiting": 0, "new": 1}, "the learner is told again"
    (kept,) = reading.interactions(engine).to_dict("records")
    assert (kept["score"], kept["correct"]) == (0.5, False)
    with engine.connect() as connection:
        content = connection.scalar(sa.select(event_keys.c.content))
    assert content == digests.content(practice_answers.event_of(row)), "the same event comes in unchanged"
    assert not grades.mark(engine, "answer:1", 0.5, "key", LATER, "on second thought", was=1.0).fresh
    waits(engine, "answer:2", question_id="demo:q2")
    with pytest.raises(Taken, match="not graded yet"):
        grades.mark(engine, "answer:2", 0.5, "key", AT, was=1.0)


def test_what_is_new_to_a_learner_until_it_is_seen(engine: sa.Engine) -> None:
    for number, words in enumerate(("one", "two", "three")):
        waits(engine, f"answer:{number}", picked=words, answered_at=AT + timedelta(minutes=number))
    waits(engine, "answer:ben", learner_id=BEN, picked="four")
    for number in (1, 0):
        grades.mark(engine, f"answer:{number}", 1.0, "key", LATER - timedelta(minutes=number))
    grades.mark(engine, "answer:ben", 1.0, "key", AT)

    def found(which: str, limit: int = 10) -> list[str]:
        return [row["event_id"] for row in grades.of_learner(engine, ANA, which, limit)]

    assert found("new") == ["answer:1", "answer:0"]
    assert found("graded") == ["answer:0", "answer:1"]
    assert found("waiting") == ["answer:2"]
    assert found("all", 2) == ["answer:2", "answer:1"]
    assert grades.counted(engine, ANA) == {"waiting": 1, "new": 2}
    assert grades.see(engine, ANA, LATER - timedelta(minutes=1), LATER) == 1
    assert found("new") == ["answer:0"], "what was graded later has not been seen"
    assert grades.see(engine, ANA, LATER, LATER) == 1
    assert grades.counted(engine, ANA) == {"waiting": 1, "new": 0}
    assert grades.counted(engine, BEN) == {"waiting": 0, "new": 1}, "another's"
    assert grades.see(engine, ANA, LATER, LATER) == 0
