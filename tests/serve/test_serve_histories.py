"""Learners in memory: read once, kept current, bounded, and right when an event and a reading cross."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnloop.serve.histories import LEARNER_WEIGHT, Event, Histories

MOMENT = datetime(2026, 3, 2, tzinfo=UTC)


def done(number: int, minute: int | None = None) -> Event:
    at = MOMENT + timedelta(minutes=number if minute is None else minute)
    return Event(at, f"e{number:04}", f"school:item-{number}", "answered", True)


class Database:
    """What is committed; a reading takes as long as the test wants."""

    def __init__(self) -> None:
        self.events: dict[str, list[Event]] = {}
        self.readings = 0
        self.gate: asyncio.Event | None = None

    def commit(self, learner_id: str, event: Event) -> None:
        self.events[learner_id] = sorted([*self.events.get(learner_id, []), event])

    async def read(self, learner_id: str) -> list[Event]:
        self.readings += 1
        found = list(self.events.get(learner_id, []))
        if self.gate is not None:
            await self.gate.wait()
        return found


def test_read_once_then_kept_current() -> None:
    async def story() -> None:
        database = Database()
        histories = Histories(database.read)
        database.commit("ana", done(1))
        assert (await histories.get("ana")).events == [done(1)]
        database.commit("ana", done(2))
        histories.apply("ana", [done(2)])
        histories.apply("ana", [done(2)])  # told twice
        histories.apply("bea", [done(3)])  # not in memory: read when it is asked for
        assert (await histories.get("ana")).events == [done(1), done(2)]
        assert (database.readings, histories.events, len(histories)) == (1, 2, 1)

    asyncio.run(story())


def test_a_grade_that_is_put_right_takes_the_place_of_the_former() -> None:
    async def story() -> None:
        database = Database()
        histories = Histories(database.read)
        for number in (1, 2):
            database.commit("ana", done(number))
        history = await histories.get("ana")
        history.memo["mastery"] = 0.9
        wrong = done(1)._replace(correct=False)
        histories.apply("ana", [wrong])
        assert history.events == [wrong, done(2)]
        assert (history.memo, histories.events) == ({}, 2)

    asyncio.run(story())


def test_an_event_committed_while_its_learner_is_read_is_not_lost() -> None:
    async def story() -> None:
        database = Database()
        histories = Histories(database.read)
        database.gate = asyncio.Event()
        reading = asyncio.create_task(histories.get("ana"))
        await asyncio.sleep(0)  # the reading has taken its snapshot, and waits
        database.commit("ana", done(1))
        histories.apply("ana", [done(1)])
        database.gate.set()
        assert (await reading).events == [done(1)]
        assert (await histories.get("ana")).events == [done(1)]

    asyncio.run(story())


def test_other_processes_are_seen_after_a_while() -> None:
    async def story() -> None:
        now = 0.0
        database = Database()
        histories = Histories(database.read, fresh_seconds=60, clock=lambda: now)
        await histories.get("ana")
        database.commit("ana", done(1))
        now = 59.0
        assert (await histories.get("ana")).events == []
        now = 61.0
        assert (await histories.get("ana")).events == [done(1)]

    asyncio.run(story())


def test_memory_is_bounded_and_the_least_used_leave_first() -> None:
    async def story() -> None:
        database = Database()
        for learner_id in ("ana", "bea", "carla"):
            for number in range(10):
                database.commit(learner_id, done(number))
        histories = Histories(database.read, kept_events=2 * (10 + LEARNER_WEIGHT))
        for learner_id in ("ana", "bea", "ana", "carla"):
            await histories.get(learner_id)
        assert (histories.events, len(histories), database.readings) == (20, 2, 3)
        await histories.get("ana")
        assert database.readings == 3, "the most recently used left"
        await histories.get("bea")
        assert database.readings == 4
        for number in range(2000):
            await histories.get(f"empty-{number}")
        assert len(histories) <= 3, "learners without events are free"

    asyncio.run(story())


def test_one_learner_may_exceed_the_bound_but_alone() -> None:
    async def story() -> None:
        database = Database()
        for number in range(10):
            database.commit("ana", done(number))
        histories = Histories(database.read, kept_events=5)
        for _ in range(2):
            assert len((await histories.get("ana")).events) == 10
        assert (database.readings, len(histories)) == (1, 1)
        await histories.get("bea")
        assert (len(histories), histories.events) == (1, 0), "the long history left for the newer one"

    asyncio.run(story())


def test_a_reading_that_fails_leaves_nothing_behind() -> None:
    async def story() -> None:
        async def fail(learner_id: str) -> list[Event]:
            raise ConnectionError

        histories = Histories(fail)
        for _ in range(2):
            with pytest.raises(ConnectionError):
                await histories.get("ana")
        assert (len(histories), histories.events, histories._underway) == (0, 0, {})

    asyncio.run(story())


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["commit", "get"]), st.sampled_from("ab")), max_size=40
    )
)
def test_whatever_the_order_memory_equals_the_database(story: list[tuple[int, str, str]]) -> None:
    async def play() -> None:
        database = Database()
        histories = Histories(database.read, kept_events=35)
        known: set[int] = set()
        for number, action, learner_id in story:
            if action == "commit" and number not in known:
                known.add(number)
                event = done(number, minute=number * 7 % 5)  # times that tie and go back
                database.commit(learner_id, event)
                histories.apply(learner_id, [event])
            found = await histories.get(learner_id)
            assert found.events == database.events.get(learner_id, [])
            assert histories.events == sum(len(kept.events) for kept in histories._learners.values())

    asyncio.run(play())
