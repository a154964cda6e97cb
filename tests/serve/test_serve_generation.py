"""Questions as a job: made in a process of its own, drafts all at once, taken up again after a kill -9."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from serve_school import School, lesson
from starlette.testclient import TestClient

from learnloop.generate import sanitise
from learnloop.serve import generation
from learnloop.serve.app import create_app
from learnloop.serve.generation_worker import _settings, as_json, item_of
from learnloop.settings import Settings
from learnloop.store import generations, question_tables, questions, tables
from learnloop.store.questions import Wanted

TEXT = """
A mitochondrion is an organelle that makes most of the energy of a cell. The nucleus is an organelle that
holds the DNA of the cell. A ribosome is a particle that builds proteins from amino acids. The membrane is a
thin layer that separates the inside of the cell from its surroundings. Chloroplasts are organelles that turn
light into sugar in the cells of plants. A vacuole is a space that stores water and waste in the cell. Human
cells have 46 chromosomes, and each one is a long thread of DNA. A typical bacterium is 2 micrometres long.
"""
MINE = item_of(sanitise.clean(TEXT).text)
MOST_SECONDS = 240.0


@pytest.fixture
def maker(school: School) -> Iterator[TestClient]:
    """An API without a language model, whose watcher looks often."""
    settings = replace(school.settings, llm="none")
    app = create_app(settings, school.database_url, poll_seconds=0.2)
    with TestClient(app, headers=school.headers("service"), raise_server_exceptions=False) as client:
        yield client
    with school.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM generations"))
        for table in ("questions", "question_statuses"):
            mine = "(SELECT question_id FROM questions WHERE item_id LIKE 'text:%')"
            connection.execute(sa.text(f"DELETE FROM {table} WHERE question_id IN {mine}"))  # noqa: S608


@pytest.fixture
def still(school: School) -> Iterator[TestClient]:
    """An API that does no job: another process is at one."""
    busy = generations.begin(school.engine, uuid4(), {"item_ids": [], "count": 1}, "test")
    assert generations.claim(school.engine, uuid4()) is not None
    with school.client(poll_seconds=3600) as client:
        yield client
    assert generations.get(school.engine, busy["generation_id"])["state"] == "running"
    with school.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM generations"))


def start(client: TestClient, **body: Any) -> str:
    answer = client.post("/v1/generations", json={"text": TEXT, "count": 3, "language": "en", **body})
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/v1/generations/{answer.json()['job_id']}"
    return str(answer.json()["job_id"])


def job(client: TestClient, job_id: str) -> generation.JobReply:
    return generation.JobReply.model_validate(client.get(f"/v1/generations/{job_id}").json())


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MOST_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)


def pid(client: TestClient) -> int | None:
    process = client.app.state.jobs.process  # type: ignore[attr-defined]
    return process and process.pid


def test_a_process_killed_at_work_and_the_drafts_of_the_next(maker: TestClient, school: School) -> None:
    job_id = start(maker, kinds=["cloze", "true_false"])
    until(lambda: pid(maker) is not None)
    killed = pid(maker)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert questions.listed(school.engine, Wanted(item_id=MINE)) == (0, [])
    until(lambda: job(maker, job_id).state not in ("queued", "running"))
    found = job(maker, job_id)
    assert (found.state, found.attempts, found.progress, found.error) == ("done", 2, 1.0, None)
    total, rows = questions.listed(school.engine, Wanted(item_id=MINE))
    assert found.accepted == total > 0
    assert found.requested == 3
    assert found.rejected is not None
    assert [row["question_id"] for row in rows] == sorted(found.question_ids or [])
    assert {row["status"] for row in rows} == {"draft"}
    assert {row["kind"] for row in rows} <= {"cloze", "true_false"}
    assert TEXT not in str(found.request), "a text is long, and the asker has it"
    assert all(row["key"] in TEXT or row["kind"] != "cloze" for row in rows)


def test_what_cannot_be_done_says_so_in_words(maker: TestClient) -> None:
    job_id = start(maker, text="Ni.", language=None)
    until(lambda: job(maker, job_id).state not in ("queued", "running"))
    found = job(maker, job_id)
    assert (found.state, found.accepted, found.question_ids) == ("failed", None, None)
    told = "the text is in none of en, es, fr, de, as far as one can see. Try: say its language"
    assert found.error == told


def test_cancelled_at_work(maker: TestClient, school: School) -> None:
    job_id = start(maker)
    until(lambda: pid(maker) is not None)
    at_work = pid(maker)
    assert at_work is not None
    assert maker.delete(f"/v1/generations/{job_id}").json()["state"] == "cancelled"
    until(lambda: pid(maker) != at_work)
    with pytest.raises(ProcessLookupError):
        os.kill(at_work, 0)
    assert job(maker, job_id).state == "cancelled"
    assert questions.listed(school.engine, Wanted(item_id=MINE)) == (0, [])


def test_an_api_that_ends_leaves_its_job_to_the_next(maker: TestClient, school: School) -> None:
    job_id = start(maker)
    until(lambda: pid(maker) is not None)
    at_work = pid(maker)
    maker.__exit__(None, None, None)
    try:
        row = generations.get(school.engine, UUID(job_id))
        assert (row["state"], row["attempts"]) == ("queued", 0)
        assert at_work is not None
        with pytest.raises(ProcessLookupError):
            os.kill(at_work, 0)
    finally:
        generations.cancel(school.engine, UUID(job_id))
        maker.__enter__()


def test_lessons_that_questions_can_be_made_of(still: TestClient, school: School) -> None:
    def found(**wanted: Any) -> list[str]:
        reply = still.get("/v1/generations/lessons", params=wanted)
        return [one.item_id for one in generation.Lessons.model_validate(reply.json()).lessons]

    cooking = [lesson("cocina", number) for number in (0, 2, 1, 3)]  # Cortar, Freír, Hervir, Hornear
    assert found(language="es") == cooking
    assert found(language="es", limit=2) == cooking[:2]
    assert found(words="MIT") == [lesson("cells", 2)]
    assert found(words="%") == []
    assert len(found()) == 14, "no course, no exercise"
    with school.engine.connect() as connection:
        for change in ({"text": ""}, {"language": "ja"}):
            own = tables.items.c.item_id == lesson("cells", 0)
            kept = connection.execute(sa.select(tables.items).where(own)).mappings().one()
            connection.execute(sa.update(tables.items).where(own).values(**change))
            connection.commit()
            assert lesson("cells", 0) not in found()
            connection.execute(sa.update(tables.items).where(own).values(**kept))
            connection.commit()


def test_jobs_wait_are_listed_and_cancelled(still: TestClient) -> None:
    first, second = start(still), start(still, text=None, item_ids=[lesson("cells", 0)])
    found = job(still, second)
    assert (found.state, found.progress, found.attempts, found.counts) == ("queued", 0.0, 0, None)
    assert found.request["item_ids"] == [lesson("cells", 0)]
    assert (found.lessons, job(still, first).lessons) == (["Membranes"], [])
    listed = generation.JobsReply.model_validate(still.get("/v1/generations").json()).jobs
    assert [str(one.job_id) for one in listed[:2]] == [second, first]
    for _ in range(2):  # a second time is no error
        assert still.delete(f"/v1/generations/{first}").json()["state"] == "cancelled"
    assert still.get(f"/v1/generations/{uuid4()}").status_code == 404
    assert still.delete(f"/v1/generations/{uuid4()}").status_code == 404


def test_a_job_that_ended_early_says_why(still: TestClient, school: School) -> None:
    job_id, why = start(still), "the language model's token budget would be passed"
    counts = {"requested": 3, "accepted": 1, "rejected": {}, "stopped": why}
    with school.engine.begin() as connection:
        own = question_tables.generations.c.generation_id == UUID(job_id)
        told = {"state": "done", "counts": counts, "question_ids": ["a"]}
        connection.execute(sa.update(question_tables.generations).where(own).values(told))
    found = job(still, job_id)
    assert (found.accepted, found.stopped, found.error) == (1, why, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"text": "A.", "item_ids": [lesson("cells", 0)]}, ""),
        ({"item_ids": ["school:nothing"]}, "item_ids"),
        ({"text": "A.", "language": "tlh"}, "language"),
        ({"text": "A.", "count": 0}, "count"),
        ({"text": "A.", "count": 51}, "count"),
        ({"text": "A.", "kinds": ["riddle"]}, "kinds[0]"),
        ({"text": "a\x00b"}, "text"),
        ({"item_ids": []}, "item_ids"),
    ],
)
def test_what_is_refused_at_once(still: TestClient, body: dict[str, Any], field: str) -> None:
    answer = still.post("/v1/generations", json=body)
    assert answer.status_code == 422
    if field:
        assert answer.json()["errors"][0]["field"] == field


def test_not_for_learners(still: TestClient, school: School) -> None:
    ana = school.learner("ana")
    job_id = start(still)
    for method, path in (
        ("POST", "/v1/generations"),
        ("GET", "/v1/generations"),
        ("GET", f"/v1/generations/{job_id}"),
        ("DELETE", f"/v1/generations/{job_id}"),
    ):
        body = {"text": TEXT} if method == "POST" else None
        assert still.request(method, path, json=body, headers=ana).status_code == 403


def test_too_many_wait(still: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "MOST_WAITING", 1)
    start(still)
    answer = still.post("/v1/generations", json={"text": TEXT})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")


def test_settings_go_to_the_process_and_arrive_as_they_were(school: School) -> None:
    given = replace(school.settings, llm="none", language="es")
    assert _settings(as_json(given)) == given
    assert isinstance(_settings(as_json(given)), Settings)
