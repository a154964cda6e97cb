"""Decisions on their way to the table `decisions`: never in the way of an answer.

A request leaves its decision in a bounded queue and goes on. One thread writes them in batches; while the
database is away it tries the same batch again, the queue fills, and what finds it full is dropped and
counted.
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from learnloop.errors import DatabaseUnavailable
from learnloop.recommend.decisions import Decision

log = logging.getLogger("learnloop.serve")

CAPACITY = 10_000  # about 60 MB with 50 candidates each
BATCH = 500
GATHER_SECONDS = 0.2  # from the first of a batch to its writing
RETRY_SECONDS = 1.0
CLOSE_SECONDS = 5.0


@dataclass(frozen=True)
class Made:
    """One decision and what was asked; `row` is for the table, and made by the writing thread."""

    decision_id: UUID
    learner_id: str
    made_at: datetime
    release: int
    policy: str
    temperature: float
    diversity: float
    request: dict[str, Any]
    decision: Decision

    def row(self) -> dict[str, Any]:
        places = {number: place for place, number in enumerate(self.decision.shown)}
        candidates = [
            {
                "item_id": step.item_id,
                "score": step.score,
                "first": self.decision.first[number],
                "position": places[number] + 1 if number in places else None,
                "probability": self.decision.probabilities[places[number]] if number in places else None,
            }
            for number, step in enumerate(self.decision.candidates)
        ]
        facts = {name: value for name, value in vars(self).items() if name != "decision"}
        return {**facts, "candidates": candidates}


class DecisionLog:
    """write: takes a batch, from a thread of its own. count(outcome, n): `logged` or `dropped`."""

    def __init__(
        self,
        write: Callable[[Sequence[Made]], None],
        count: Callable[[str, int], None],
        capacity: int = CAPACITY,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._write, self._count, self._retry_seconds = write, count, retry_seconds
        self._waiting: queue.Queue[Made] = queue.Queue(capacity)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="decisions", daemon=True)
        self._thread.start()

    def offer(self, made: Made) -> None:
        """At once, whatever the database does."""
        try:
            self._waiting.put_nowait(made)
        except queue.Full:
            self._count("dropped", 1)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Writes what waits, for at most so long; the rest is dropped and counted."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(seconds)
        while batch := self._batch(0.0):
            self._count("dropped", len(batch))

    def _run(self) -> None:
        while True:
            batch = self._batch(GATHER_SECONDS)
            if batch:
                self._write_out(batch)
            elif self._closing.is_set():
                return

    def _batch(self, seconds: float) -> list[Made]:
        """What is there, once something is or `seconds` have passed; a busy moment makes one batch."""
        try:
            batch = [self._waiting.get(timeout=seconds) if seconds else self._waiting.get_nowait()]
        except queue.Empty:
            return []
        self._closing.wait(seconds)
        while len(batch) < BATCH:
            try:
                batch.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return batch

    def _write_out(self, batch: Sequence[Made]) -> None:
        told = False
        while True:
            last = self._closing.is_set()
            try:
                self._write(batch)
            except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, DatabaseUnavailable):
                if not told:
                    log.warning("decisions wait: the database does not answer")
                    told = True
                if last:
                    return self._count("dropped", len(batch))
                self._closing.wait(self._retry_seconds)
            except Exception as error:
                # No message: it may hold learners' data.
                log.error("%d decisions cannot be written (%s)", len(batch), type(error).__name__)
                return self._count("dropped", len(batch))
            else:
                return self._count("logged", len(batch))
