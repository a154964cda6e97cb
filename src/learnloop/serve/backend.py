"""What the routes share: models and content, the learners' histories, and a way to the database."""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

import anyio
import sqlalchemy as sa
from fastapi import Request

from learnloop import settings as configuration
from learnloop.monitor.metrics import Metrics
from learnloop.serve import queries
from learnloop.serve.histories import Event, Histories
from learnloop.serve.state import Keeper, Serving
from learnloop.settings import Settings

log = logging.getLogger("learnloop.serve")

T = TypeVar("T")
DATABASE_THREADS = 12  # fewer than the pool's 15 connections, so that no thread waits for one


class Backend:
    def __init__(self, settings: Settings, database_url: str) -> None:
        self.settings = settings
        self.keeper = Keeper(settings, database_url)
        self.metrics = Metrics()
        self.histories = Histories(self._read_history)
        self._threads = anyio.CapacityLimiter(DATABASE_THREADS)

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

    async def _read_history(self, learner_id: str) -> list[Event]:
        return await self.run(queries.history, self.engine, learner_id)


def backend(request: Request) -> Backend:
    found: Backend = request.app.state.backend
    return found
