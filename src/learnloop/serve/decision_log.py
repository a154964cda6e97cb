"""Decisions on their way to the table `decisions`: never in the way of an answer.

A request leaves its decision in a bounded queue and goes on. One thread writes them in batches; while the
database is away it tries the same batch again, the queue fills, and what finds it full is dropped and
counted. A batch that is refused is written row by row, so that a bad row is lost alone.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
DIGITS = 6
BY_CANDIDATE = ("decision", "components", "p_correct")  # what a row has in its candidates
AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, DatabaseUnavailable)


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
    components: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # by item_id
    p_correct: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, Any] = field(default_factory=dict)  # what the beliefs came from

    def row(self) -> dict[str, Any]:
        places = {number: place for place, number in enumerate(self.decision.shown)}
        candidates = [
            {
                "item_id": step.item_id,
                "score": step.score,
                "first": self.decision.first[number],
                "position": places[number] + 1 if number in places else None,
                "probability": self.decision.probabilities[places[number]] if number in places else None,
                "components": {
                    name: round(value, DIGITS)
                    for name, value in self.components.get(step.item_id, {}).items()
                },
                "p_correct": self.p_correct.get(step.item_id),
            }
            for number, step in enumerate(self.decision.candidates)
        ]
        facts = {name: value for name, value in vars(self).items() if name not in BY_CANDIDATE}
        return {**facts, "models": dict(self.models), "candidates": candidates}


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
        self._turn = threading.Lock()
        self._in_flight = 0  # of the batch in hand, those nobody has counted yet
        self._given_up = False

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
        """Writes what waits and what is in hand, for at most so long; the rest is dropped and counted.

        What is being written when the time is over counts as dropped, too, though it may still arrive.
        """
        self._closing.set()
        if self._thread is not None:
            self._thread.join(seconds)
        with self._turn:
            lost, self._in_flight, self._given_up = self._in_flight, 0, True
        while batch := self._batch(0.0):
            lost += len(batch)
        if lost:
            log.warning("%d decisions were not written before the end", lost)
            self._count("dropped", lost)

    def _run(self) -> None:
        while not self._given_up:
            batch = self._batch(GATHER_SECONDS)
            if batch:
                with self._turn:
                    self._in_flight = len(batch)
                    late = self._given_up
                if late:
                    return self._settle(len(batch), DatabaseUnavailable("too slow for the end"))
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
        """The batch as a whole, or where that is refused each row for itself."""
        error = self._written(batch)
        if error is None or len(batch) == 1 or isinstance(error, AWAY):
            return self._settle(len(batch), error)
        refused: list[Exception] = []
        for number, one in enumerate(batch):
            found = self._written([one])
            if isinstance(found, AWAY):
                self._settle(len(batch) - number, found)
                break
            if found is None:
                self._settle(1)
            else:
                refused.append(found)
        if refused:
            self._settle(len(refused), refused[0])

    def _written(self, batch: Sequence[Made]) -> Exception | None:
        """None, or what is wrong with it: bad rows, or a database that is away while we close."""
        told = False
        while True:
            last = self._closing.is_set()
            try:
                self._write(batch)
            except AWAY as error:
                if not told:
                    log.warning("decisions wait: the database does not answer")
                    told = True
                if last:
                    return error
                self._closing.wait(self._retry_seconds)
            except Exception as error:
                return error
            else:
                return None

    def _settle(self, count: int, error: Exception | None = None) -> None:
        """Counts what became of so many in hand, once: what `close` has given up is counted already."""
        with self._turn:
            count = min(count, self._in_flight)
            self._in_flight -= count
        if error is not None:
            # No message: it may hold learners' data.
            log.error("%d decisions cannot be written (%s)", count, type(error).__name__)
        if count:
            self._count("logged" if error is None else "dropped", count)
