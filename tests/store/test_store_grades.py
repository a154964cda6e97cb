"""People's grades: of one answer and of all that are the same; put right; told to the learner until seen."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from store_frames import rows

from learnloop.errors import BadInput, UnknownThing
from learnloop.store import digests, grades, loading, practice_answers, questions, reading
from learnloop.store.practice_answers import Taken
from learnloop.store.question_tables import question_answers
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
    (queued,) = grades.listed(engine, "waiting", None, 10)
    assert (queued["event_id"], queued["kind"]) == ("answer:1", questions.get(engine, "demo:q1")["kind"])
    assert grades.listed(engine, "waiting", None, 10, after="answer:1") == []
    assert [row["event_id"] for row in grades.listed(engine, "all", "demo:q1", 1, "answer:1")] == ["answer:2"]
    for score, comment in ((1.01, ""), (-0.01, ""), (0.5, "x" * 2001)):
        with pytest.raises(BadInput):
            grades.mark(engine, "answer:1", score, "key", AT, comment)
    row, fresh, others, begun = grades.mark(engine, "answer:1", 0.5, "key", AT, "and why?")
    assert (row["correct"], row["score"], row["comment"], fresh, others) == (False, 0.5, "and why?", True, [])
    assert begun == {"answer:1"}
    assert grades.mark(engine, "answer:1", 0.5, "other", AT).fresh is False
    for again in ((1.0, ""), (0.5, "another word")):
        with pytest.raises(Taken):
            grades.mark(engine, "answer:1", again[0], "key", AT, again[1])
    with pytest.raises(UnknownThing):
        grades.mark(engine, "answer:9", 1.0, "key", AT)
    kept = reading.interactions(engine).set_index("event_id").loc["answer:1"]
    assert (kept["score"], kept["correct"], kept["occurred_at"]) == (0.5, False, AT)
    assert grades.marked(engine, "demo:q1", 1) == [("a loop", 0.5)]


def of_another_version(engine: sa.Engine, event_id: str, **change: Any) -> None:
    """The same words, to what the question was before."""
    waits(engine, event_id, **change)
    own = question_answers.c.event_id == event_id
    with engine.begin() as connection:
        connection.execute(sa.update(question_answers).where(own).values(version=7))


def test_who_waits_with_the_same_words_is_graded_along(engine: sa.Engine) -> None:
    waits(engine, "answer:1")
    waits(engine, "answer:2", learner_id=BEN)
    waits(engine, "answer:3", picked="a  loop")
    waits(engine, "answer:4", question_id="demo:q2")
    waits(engine, "answer:5", correct=False, score=0.0)
    of_another_version(engine, "answer:6")
    assert grades.alike(engine, "answer:2") == 1
    row, _, others, begun = grades.mark(engine, "answer:2", 1.0, "key", AT, "well said")
    assert begun == {"answer:1", "answer:2"}
    assert row["learner_id"] == BEN
    assert [(one["event_id"], one["comment"]) for one in others] == [("answer:1", "well said")]
    assert {one["event_id"] for one in grades.listed(engine, "waiting", None, 10)} == {
        *("answer:3", "answer:4", "answer:6")
    }
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


def test_two_who_wait_for_the_same_row_do_not_lock_each_other_up(engine: sa.Engine) -> None:
    """Both come to rows that a third one holds: who reads without claiming rows could not write later."""
    waits(engine, "answer:1")
    waits(engine, "answer:2", learner_id=BEN)
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with ThreadPoolExecutor(2) as pool:
        with engine.begin() as third:
            third.execute(sa.text("SELECT FROM question_answers FOR SHARE"))
            asked = [pool.submit(grades.mark, engine, f"answer:{n}", 1.0, "key", AT) for n in (1, 2)]
            until = time.monotonic() + 60
            while third.scalar(waiting) < 2:
                assert time.monotonic() < until, "nobody waits"
                third.execute(sa.text("SELECT pg_stat_clear_snapshot(), pg_sleep(0.02)"))
        assert sorted(one.result().fresh for one in asked) == [False, True]


def test_who_got_the_grade_along_is_put_right_along(engine: sa.Engine) -> None:
    for number in range(3):
        waits(
            engine,
            f"answer:{number}",
            learner_id=f"{number:032d}",
            answered_at=AT + timedelta(days=40 * number),
        )
    assert len(grades.mark(engine, "answer:0", 0.0, "key", AT).others) == 2
    machine = {"correct": False, "score": 0.0}
    waits(engine, "later", learner_id=BEN, **machine)  # by what the teacher has said of these words
    waits(engine, "apart", learner_id=BEN, correct=True, score=1.0)
    assert grades.mark(engine, "apart", 0.0, "key", LATER - timedelta(hours=1), was=1.0).others == []
    waits(engine, "otherwise", learner_id=BEN, correct=True, score=1.0)
    waits(engine, "waits", learner_id=BEN)
    others_word = grades.mark(engine, "waits", 0.0, "another", LATER)
    assert others_word.others == []
    waits(engine, "words", picked="a loop?", **machine)
    waits(engine, "question", question_id="demo:q2", **machine)
    of_another_version(engine, "version", **machine)
    waits(engine, "new")
    untouched = {"apart": 0.0, "otherwise": 1.0, "waits": 0.0, "words": 0.0, "question": 0.0, "version": 0.0}
    for number in range(3):
        grades.see(engine, f"{number:032d}", AT, AT)
    assert grades.alike(engine, "answer:2") == 4
    row, fresh, others, begun = grades.mark(engine, "answer:2", 1.0, "key", LATER, "My slip.", was=0.0)
    assert (row["score"], fresh, begun) == (1.0, True, {"new"})
    assert {one["event_id"] for one in others} == {"answer:0", "answer:1", "later", "new"}
    done = reading.interactions(engine).set_index("event_id")
    for event_id in ("answer:0", "answer:1", "answer:2", "later", "new"):
        kept = practice_answers.get(engine, event_id)
        assert kept is not None
        assert (kept["correct"], kept["score"], kept["graded_by"]) == (True, 1.0, "key")
        assert (kept["comment"], kept["seen_at"], kept["graded_at"]) == ("My slip.", None, LATER)
        assert (done.loc[event_id, "correct"], done.loc[event_id, "score"]) == (True, 1.0)
        with engine.connect() as connection:
            of_key = event_keys.c.event_key == digests.event_key(event_id)
            content = connection.scalar(sa.select(event_keys.c.content).where(of_key))
        assert content == digests.content(practice_answers.event_of(kept))
    for event_id, score in untouched.items():
        assert done.loc[event_id, "score"] == score, event_id
    assert grades.counted(engine, f"{1:032d}") == {"waiting": 0, "new": 1}, "told again"
    # They stay together: a second correction, of another one of them, reaches all again.
    again = grades.mark(engine, "later", 0.5, "key", LATER + timedelta(days=1), was=1.0)
    assert {one["event_id"] for one in again.others} == {
        *(f"answer:{n}" for n in range(3)),
        "new",
        "otherwise",
    }


def test_a_word_to_one_learner_is_no_grade_for_those_a_machine_graded(engine: sa.Engine) -> None:
    waits(engine, "answer:1", correct=False, score=0.0)
    waits(engine, "answer:2", learner_id=BEN, correct=False, score=0.0)
    said = grades.mark(engine, "answer:1", 0.0, "key", AT, "Look again.", was=0.0)
    assert (said.fresh, said.others) == (True, [])
    assert grades.counted(engine, BEN) == {"waiting": 0, "new": 0}
    confirmed = grades.mark(engine, "answer:2", 0.0, "key", AT, was=0.0)
    assert (confirmed.fresh, confirmed.row["graded_by"]) == (True, "key"), "from now on a person's word"


def test_any_grade_is_found(engine: sa.Engine) -> None:
    for number, words in enumerate(("a loop", "50% of A_Loop", "neither")):
        waits(engine, f"answer:{number}", picked=words, answered_at=AT + timedelta(minutes=number))
    waits(
        engine, "answer:3", picked=["b", "a"], correct=False, score=0.0, answered_at=AT + timedelta(minutes=3)
    )
    waits(engine, "answer:4", question_id="demo:q2", picked=True, correct=True, score=1.0, answered_at=AT)
    grades.mark(engine, "answer:0", 1.0, "key", LATER)

    def found(which: str, question: str | None = None, **more: Any) -> list[str]:
        rows = grades.listed(engine, which, question, more.pop("limit", 10), **more)
        return [row["event_id"].removeprefix("answer:") for row in rows]

    assert found("all") == ["0", "4", "1", "2", "3"]
    assert found("waiting") == ["1", "2"]
    assert found("graded") == ["3", "4", "0"], "the last answered first"
    assert (found("teacher"), found("machine")) == (["0"], ["3", "4"])
    assert found("graded", "demo:q2") == ["4"]
    assert found("graded", limit=1) == ["3"]
    assert found("graded", after="answer:4") == ["0"]
    assert found("all", words="A LOOP") == ["0"]
    assert found("all", words="%") == ["1"], "a sign, and no pattern"
    assert found("all", words="a_l") == ["1"]
    assert (found("all", words="true"), found("all", words='"b"')) == (["4"], ["3"])
    with pytest.raises(BadInput, match="'answer:9'") as refused:
        found("graded", after="answer:9")
    assert refused.value.field == "after"
    counts = [
        (one["question_id"], one["waiting"], one["teacher"], one["machine"])
        for one in grades.of_questions(engine)
    ]
    assert counts == [("demo:q1", 2, 1, 1), ("demo:q2", 0, 0, 1)]
    assert grades.of_questions(engine)[0]["stem"] == questions.get(engine, "demo:q1")["stem"]


def test_a_grade_is_put_right_in_the_interaction_too(engine: sa.Engine) -> None:
    waits(engine, "answer:1", correct=False, score=0.0)  # a machine's
    with pytest.raises(Taken):
        grades.mark(engine, "answer:1", 1.0, "key", AT)
    with pytest.raises(Taken):
        grades.mark(engine, "answer:1", 1.0, "key", AT, was=0.5)
    assert grades.mark(engine, "answer:1", 1.0, "key", AT, was=0.0).fresh
    assert grades.see(engine, ANA, AT, AT) == 1
    row, fresh, _, begun = grades.mark(engine, "answer:1", 0.5, "other", LATER, "on second thought", was=1.0)
    assert (row["correct"], row["graded_by"], fresh, begun) == (False, "other", True, frozenset())
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
    grades.mark(engine, "answer:ben", 1.0, "key", AT, "x" * grades.LONGEST)
    assert [words for words, _ in grades.marked(engine, "demo:q1", 1)] == ["one", "two", "four"]
    assert grades.marked(engine, "demo:q1", 1, limit=1) == [("one", 1.0)], "the newest"
    assert grades.marked(engine, "demo:q1", 2) == []

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
