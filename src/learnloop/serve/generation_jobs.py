"""Who does the jobs of `store.generations`: one process beside the API at a time, watched until it ends."""

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from learnloop.errors import LearnloopError
from learnloop.serve.generation_worker import as_json
from learnloop.settings import Settings
from learnloop.store import generations

log = logging.getLogger("learnloop.serve")

PATIENCE_SECONDS = 5.0  # for a process that was told to end
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


class Jobs:
    """Takes up what waits, here or after another replica's death. engine: of the database, when asked."""

    def __init__(self, settings: Settings, database_url: str, engine: Callable[[], sa.Engine]) -> None:
        self._settings, self._database_url, self._engine = settings, database_url, engine
        self._news = asyncio.Event()
        self.job: UUID | None = None  # the one that `process` is at
        self.process: asyncio.subprocess.Process | None = None

    def wake(self) -> None:
        """There is a new job."""
        self._news.set()

    def stop(self, job: UUID) -> None:
        """Ends the process of a job that was cancelled, where it is ours."""
        if self.job == job and self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()

    async def watch(self, seconds: float) -> None:
        """For ever: does what waits, looking every so many seconds and whenever it is woken."""
        while True:
            self._news.clear()
            try:
                row = await asyncio.to_thread(self._claim)
                if row is not None:
                    await self._work(row)
                    continue
            except (LearnloopError, sa.exc.SQLAlchemyError) as error:  # the database is away for a while
                log.debug("no look at the generations that wait (%s)", type(error).__name__)
            except Exception:
                log.exception("a generation could not be taken up; the next look tries again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), seconds)

    def _claim(self) -> dict[str, Any] | None:
        return generations.claim(self._engine(), uuid4())

    async def _work(self, row: Mapping[str, Any]) -> None:
        job, worker = row["generation_id"], row["worker"]
        told = {"settings": as_json(self._settings), "database_url": self._database_url}
        told |= {"generation_id": str(job), "worker": str(worker)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "learnloop.serve.generation_worker"),
            stdin=asyncio.subprocess.PIPE,
            env={**os.environ, **ONE_THREAD},
        )
        self.job, self.process = job, process
        try:
            with contextlib.suppress(ConnectionError):  # it is dead already; its exit code says so
                await process.communicate(json.dumps(told).encode())
            code = await process.wait()
        except asyncio.CancelledError:  # the API ends: whoever comes next does the job
            await _ended(process)
            await asyncio.to_thread(generations.release, self._engine(), job, worker)
            raise
        finally:
            self.job = self.process = None
        if code:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            if await asyncio.to_thread(
                generations.put_back, self._engine(), job, worker, f"its process {how}"
            ):
                log.warning("generation %s: its process %s", job, how)


async def _ended(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
