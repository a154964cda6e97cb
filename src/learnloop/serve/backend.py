"""What the routes share: models and content, the learners' histories, and a way to the database."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import anyio
import sqlalchemy as sa
from fastapi import Request

from learnloop import settings as configuration
from learnloop.monitor.metrics import Metrics
from learnloop.serve import queries
from learnloop.serve.decision_log import DecisionLog, Made
from learnloop.serve.histories import Event, Histories, History
from learnloop.serve.state import Keeper, Serving
from learnloop.settings import Settings
from learnloop.store import curation, decisions

log = logging.getLogger("learnloop.serve")

T = TypeVar("T")
SLOW_SECONDS, KEPT_SECONDS = 0.5, 60.0
DATABASE_THREADS = 12  # fewer than the pool's 15 connections, so that no thread waits for one


def now() -> datetime:
    return datetime.now(UTC)


class Totals:
    """Answers that count whole tables, one at a time: what took long is kept for a while.

    Ten million interactions take seconds to count, and several readers at once would keep the threads from
    the events; a small table is counted anew each time.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._kept: dict[tuple[object, ...], tuple[float, object]] = {}
        self._turn = asyncio.Lock()

    async def get(self, key: tuple[object, ...], count: Callable[[], Awaitable[T]]) -> T:
        async with self._turn:
            until, found = self._kept.get(key, (0.0, None))
            started = self._clock()
            if started < until:
                return found  # type: ignore[return-value]
            self._kept = {other: kept for other, kept in self._kept.items() if started < kept[0]}
            counted = await count()
            ended = self._clock()
            if ended - started > SLOW_SECONDS:
                self._kept[key] = (ended + KEPT_SECONDS, counted)
            return counted


class Backend:
    """clock: says what time it is, in UTC."""

    def __init__(self, settings: Settings, database_url: str, clock: Callable[[], datetime] = now) -> None:
        self.settings, self.clock = settings, clock
        self.keeper = Keeper(settings, database_url)
        self.metrics = Metrics()
        self.histories = Histories(self._read_history)
        self.totals = Totals()
        self.decisions = DecisionLog(self._write_decisions, self._count_decisions)
        self._threads = anyio.CapacityLimiter(DATABASE_THREADS)
        self._maker = anyio.CapacityLimiter(1)

    @property
    def engine(self) -> sa.Engine:
        return self.keeper.engine

    @property
    def serving(self) -> Serving:
        return self.keeper.current

    @property
    def pseudonym_key(self) -> bytes:
        return configuration.pseudonym_key(self.settings)

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """`function(*arguments)` in a thread, for whatever waits for the database."""
        return await anyio.to_thread.run_sync(function, *arguments, limiter=self._threads)

    async def make(self, function: Callable[..., object], *arguments: object) -> None:
        """As `run`, for what computes long: one at a time, and never in the threads of the database."""
        await anyio.to_thread.run_sync(function, *arguments, limiter=self._maker)

    async def history(self, learner_id: str) -> History:
        """The learner's events, and what is hidden from them by their own wish."""
        history = await self.histories.get(learner_id)
        while history.hidden is None:
            before = history.wishes
            found = await self.run(curation.hidden, self.engine, learner_id)
            if history.wishes == before:  # else it was read before a wish that has been committed since
                history.hidden = frozenset(found)
        return history

    async def wished(self, learner_id: str) -> None:
        """After the commit of a wish: what is hidden is read again."""
        history = await self.histories.get(learner_id)
        history.wishes += 1
        history.hidden = None

    async def refresh(self) -> None:
        await asyncio.to_thread(self.keeper.refresh)
        models = self.keeper.serving.models if self.keeper.serving else None
        self.metrics.release.set(models.version if models else 0)

    async def watch(self, seconds: float) -> None:
        """Refreshes for ever."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.refresh()
            except Exception:
                log.exception("the refresh failed; what is in memory keeps serving")

    def _write_decisions(self, made: Sequence[Made]) -> None:
        decisions.append(self.engine, [one.row() for one in made])

    def prune_decisions(self, before: datetime, most: int) -> int:
        return decisions.prune(self.engine, before, most)

    def _count_decisions(self, outcome: str, count: int) -> None:
        self.metrics.decisions.labels(outcome).inc(count)

    async def _read_history(self, learner_id: str) -> list[Event]:
        return await self.run(queries.history, self.engine, learner_id)


def backend(request: Request) -> Backend:
    found: Backend = request.app.state.backend
    return found
