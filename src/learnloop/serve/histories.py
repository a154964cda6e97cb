"""What each learner has done, in memory: read from the database at first use, kept current by each event.

Bounded by the number of events kept, the least recently used learner leaving first. An entry is read
again after `FRESH_SECONDS`, because other processes (a second replica, an import, an erasure) write too.
"""

import time
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

FRESH_SECONDS = 60.0
KEPT_EVENTS = 500_000  # about 150 MB
# In events: what a learner takes in memory beside them. The memo of one who has just been advised has 22 kB,
# half of it a frame of two answers; with 50 candidates about 40.
LEARNER_WEIGHT = 100


class Event(NamedTuple):
    """Ordered by time, then event_id, as the store orders interactions."""

    occurred_at: datetime
    event_id: str
    item_id: str
    verb: str
    correct: bool | None


@dataclass
class History:
    """One learner's events in order. `memo` holds what was computed from them, until the next event.

    hidden: what the learner does not want to see, None until it is asked for; `wishes` counts its changes.
    """

    events: list[Event]
    read_at: float
    hidden: frozenset[str] | None = None
    wishes: int = 0
    memo: dict[str, Any] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        place = bisect_left(self.events, event[:2], key=lambda kept: kept[:2])
        if place == len(self.events) or self.events[place].event_id != event.event_id:
            self.events.insert(place, event)
            self.memo.clear()
        elif self.events[place] != event:  # a teacher has put the grade right
            self.events[place] = event
            self.memo.clear()

    @property
    def done(self) -> list[str]:
        """Items in the order done, as often as done. Signing up for something is not doing it."""
        return [event.item_id for event in self.events if event.verb != "registered"]

    @property
    def answers(self) -> list[Event]:
        return [event for event in self.events if event.verb == "answered" and event.correct is not None]


class _Reading:
    """A reading under way; stale once an event is committed that it may not have seen."""

    stale = False


class Histories:
    """All of it happens in the event loop's thread, so there are no locks; only `read` runs elsewhere."""

    def __init__(
        self,
        read: Callable[[str], Awaitable[list[Event]]],
        kept_events: int = KEPT_EVENTS,
        fresh_seconds: float = FRESH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._clock = read, clock
        self._kept_events, self._fresh_seconds = kept_events, fresh_seconds
        self._learners: OrderedDict[str, History] = OrderedDict()
        self._underway: dict[str, set[_Reading]] = {}
        self.events = 0

    @property
    def _weight(self) -> int:
        return self.events + LEARNER_WEIGHT * len(self._learners)

    def __len__(self) -> int:
        return len(self._learners)

    async def get(self, learner_id: str) -> History:
        kept = self._learners.get(learner_id)
        if kept is not None and self._clock() - kept.read_at < self._fresh_seconds:
            self._learners.move_to_end(learner_id)
            return kept
        reading = _Reading()
        self._underway.setdefault(learner_id, set()).add(reading)
        try:
            while True:
                reading.stale, read_at = False, self._clock()
                history = History(await self._read(learner_id), read_at)
                if not reading.stale:
                    break
        finally:
            self._underway[learner_id].discard(reading)
            if not self._underway[learner_id]:
                del self._underway[learner_id]
        self._keep(learner_id, history)
        return history

    def apply(self, learner_id: str, events: Iterable[Event]) -> None:
        """After their commit. A learner who is not in memory is read with them at the next use."""
        for reading in self._underway.get(learner_id, ()):
            reading.stale = True
        history = self._learners.get(learner_id)
        if history is not None:
            before = len(history.events)
            for event in events:
                history.add(event)
            self.events += len(history.events) - before
            self._shrink()

    def _keep(self, learner_id: str, history: History) -> None:
        former = self._learners.pop(learner_id, None)
        self.events += len(history.events) - (len(former.events) if former else 0)
        self._learners[learner_id] = history
        self._shrink()

    def _shrink(self) -> None:
        # One learner may exceed the bound, but alone.
        while len(self._learners) > 1 and self._weight > self._kept_events:
            _, dropped = self._learners.popitem(last=False)
            self.events -= len(dropped.events)
