"""Jobs that make questions: one at a time, taken up again after a death, landed once or not at all."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from store_frames import rows

from learnloop.errors import BadInput, UnknownThing
from learnloop.store import generations, loading, questions
from learnloop.store.generations import MOST_ATTEMPTS

REQUEST: dict[str, Any] = {"item_ids": ["demo:lesson/1"], "count": 2}
COUNTS = {"requested": 2, "accepted": 1, "rejected": {"length_cue": 3}}


@pytest.fixture(autouse=True)
def _empty(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE generations, questions, question_versions, question_statuses")


def begin(engine: sa.Engine) -> UUID:
    return UUID(str(generations.begin(engine, uuid4(), REQUEST, "4c1d")["generation_id"]))


def claimed(engine: sa.Engine, stale_seconds: float = 30) -> tuple[UUID | None, UUID]:
    worker = uuid4()
    row = generations.claim(engine, worker, stale_seconds)
    return (None if row is None else row["generation_id"]), worker


def test_one_at_a_time_the_oldest_first(engine: sa.Engine) -> None:
    first, second = begin(engine), begin(engine)
    assert generations.waiting(engine) == 2
    with ThreadPoolExecutor(4) as pool:
        found = [job for job, _ in pool.map(lambda _: claimed(engine), range(8))]
    assert sorted(map(str, found)) == sorted([str(first), *["None"] * 7])
    row = generations.get(engine, first)
    assert (row["state"], row["attempts"], row["progress"]) == ("running", 1, 0.0)
    assert generations.fail(engine, first, row["worker"], "no such model")
    assert claimed(engine)[0] == second
    assert [one["generation_id"] for one in generations.newest(engine, 5)] == [second, first]


def test_drafts_land_with_the_end_of_the_job(engine: sa.Engine) -> None:
    begin(engine)
    job, worker = claimed(engine)
    assert job is not None
    assert generations.beat(engine, job, worker, 0.5)
    assert generations.get(engine, job)["progress"] == 0.5
    assert generations.finish(engine, job, worker, rows("questions"), COUNTS)
    row = generations.get(engine, job)
    assert (row["state"], row["progress"], row["question_ids"]) == ("done", 1.0, ["demo:q1"])
    assert row["counts"]["rejected"] == {"length_cue": 3}
    assert row["counts"]["changes"]["inserted"] == 1
    assert questions.get(engine, "demo:q1")["status"] == "draft"


def test_what_cannot_land_ends_nothing(engine: sa.Engine) -> None:
    begin(engine)
    job, worker = claimed(engine)
    assert job is not None
    with pytest.raises(BadInput):
        generations.finish(engine, job, worker, rows("questions", {"stem": "a\0b"}), COUNTS)
    assert generations.get(engine, job)["state"] == "running"
    assert questions.listed(engine) == (0, [])


def test_a_silent_process_is_dead_and_lands_nothing_any_more(engine: sa.Engine) -> None:
    begin(engine)
    job, first = claimed(engine)
    assert job is not None
    assert claimed(engine)[0] is None, "it beats"
    again, second = claimed(engine, stale_seconds=0)
    assert again == job
    assert generations.get(engine, job)["attempts"] == 2
    assert not generations.beat(engine, job, first, 0.9)
    assert not generations.finish(engine, job, first, rows("questions"), COUNTS)
    assert questions.listed(engine) == (0, [])
    assert generations.finish(engine, job, second, rows("questions"), COUNTS)


def test_a_job_that_kills_its_processes_fails(engine: sa.Engine) -> None:
    begin(engine)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        job, worker = claimed(engine)
        assert job is not None
        assert generations.get(engine, job)["attempts"] == attempt
        assert generations.put_back(engine, job, worker, "its process was killed by signal 9")
    row = generations.get(engine, job)
    assert (row["state"], row["error"]) == ("failed", "its process was killed by signal 9")
    assert claimed(engine)[0] is None


def test_told_to_end_is_no_attempt(engine: sa.Engine) -> None:
    begin(engine)
    for _ in range(MOST_ATTEMPTS + 1):
        job, worker = claimed(engine)
        assert job is not None
        assert generations.release(engine, job, worker)
    row = generations.get(engine, job)
    assert (row["state"], row["attempts"]) == ("queued", 0)


def test_cancelled_while_it_waits_while_it_runs_and_too_late(engine: sa.Engine) -> None:
    waiting = begin(engine)
    assert generations.cancel(engine, waiting)["state"] == "cancelled"
    begin(engine)
    job, worker = claimed(engine)
    assert job is not None
    assert generations.cancel(engine, job)["state"] == "cancelled"
    assert not generations.beat(engine, job, worker, 0.1)
    assert not generations.finish(engine, job, worker, rows("questions"), COUNTS)
    begin(engine)
    job, worker = claimed(engine)
    assert job is not None
    generations.finish(engine, job, worker, rows("questions"), COUNTS)
    assert generations.cancel(engine, job)["state"] == "done", "what has landed stays"
    with pytest.raises(UnknownThing):
        generations.cancel(engine, uuid4())


def test_what_lands_again_changes_nothing(engine: sa.Engine) -> None:
    loading.load(engine, "questions", rows("questions"))
    questions.set_status(engine, ["demo:q1"], "approved", by="cli")
    begin(engine)
    job, worker = claimed(engine)
    assert job is not None
    generations.finish(engine, job, worker, rows("questions"), COUNTS)
    assert questions.get(engine, "demo:q1")["status"] == "approved"
    assert generations.get(engine, job)["counts"]["changes"]["unchanged"] == 1
