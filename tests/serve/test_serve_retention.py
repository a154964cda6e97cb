"""Old decisions go: once a day by the API, at once by the command; younger ones stay."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from serve_school import School, learner_id
from test_serve_decisions import logged, made

from learnloop.errors import DatabaseUnavailable
from learnloop.serve import retention
from learnloop.store import decisions
from learnloop.workflow import monitor
from learnloop.workflow.context import Loop

WHO = learner_id("of long ago")


@pytest.fixture(scope="module")
def school(school: School, database_url: str, engine: sa.Engine) -> School:
    """A database of its own: an API of the school may still be writing the decisions of the last test."""
    return replace(
        school,
        settings=replace(school.settings, database_url=database_url, decisions_days=180),
        database_url=database_url,
        engine=engine,
    )


def aged(school: School, *days: float) -> None:
    now = datetime.now(UTC)
    rows = [replace(made(), learner_id=WHO, made_at=now - timedelta(days=age)).row() for age in days]
    decisions.append(school.engine, rows)


def kept(school: School) -> list[int]:
    """Ages in days, the oldest first."""
    ages = datetime.now(UTC) - logged(school, WHO).drop_duplicates("decision_id")["made_at"]
    return [round(age.total_seconds() / 86_400) for age in ages]


@pytest.fixture(autouse=True)
def clean(school: School) -> None:
    with school.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM decisions"))


def test_the_oldest_go_first_and_no_more_than_asked_for(school: School) -> None:
    aged(school, 10, 400, 200, 300, 190)
    before = datetime.now(UTC) - timedelta(days=180)
    assert decisions.prune(school.engine, before, most=3) == 3
    assert kept(school) == [190, 10]
    assert [decisions.prune(school.engine, before, most=3) for _ in range(2)] == [1, 0]
    assert kept(school) == [10]


def test_two_at_once_neither_wait_nor_delete_twice(school: School) -> None:
    aged(school, 201, 202, 203)
    before = datetime.now(UTC) - timedelta(days=180)
    with school.engine.connect() as other:
        taken = sa.text("SELECT 1 FROM decisions ORDER BY made_at LIMIT 2 FOR UPDATE")
        other.execute(taken)
        assert decisions.prune(school.engine, before) == 1
        other.rollback()
    assert decisions.prune(school.engine, before) == 2


@pytest.mark.parametrize(("days", "left"), [(None, [30]), (20, []), (0, [300, 30])])
def test_the_command_deletes_at_once(school: School, days: int | None, left: list[int]) -> None:
    aged(school, 300, 30)
    loop = Loop(school.settings)
    try:
        told = monitor.prune(loop, days=days)
    finally:
        loop.close()
    assert kept(school) == left
    assert told["deleted"] == 2 - len(left)
    assert told["days"] == (180 if days is None else days)


def until(condition: Callable[[], bool]) -> None:
    async def waiting() -> None:
        while not condition():
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(waiting(), 60))


def test_the_api_deletes_them_and_stops_with_it(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE_SECONDS", 0.0)
    aged(school, *range(190, 200), 20)
    real = retention.watch
    monkeypatch.setattr(retention, "watch", lambda *given: real(*given, first_seconds=0.0, at_once=3))
    with school.client(poll_seconds=3600) as client:
        until(lambda: kept(school) == [20])
        assert client.get("/health/live").status_code == 200


def test_what_fails_is_tried_again_and_0_keeps_all() -> None:
    asked: list[datetime] = []

    def prune(before: datetime, most: int) -> int:
        asked.append(before)
        if len(asked) == 1:
            raise DatabaseUnavailable("away")
        return 7 if len(asked) == 2 else 0

    async def while_it_runs() -> None:
        task = asyncio.create_task(retention.watch(prune, 90, first_seconds=0.0, every_seconds=0.0))
        while len(asked) < 5:
            await asyncio.sleep(0.001)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    begun = datetime.now(UTC)
    asyncio.run(asyncio.wait_for(while_it_runs(), 60))
    for before in asked:
        assert begun <= before + timedelta(days=90) <= datetime.now(UTC)
    asyncio.run(asyncio.wait_for(retention.watch(prune, 0), 60))
