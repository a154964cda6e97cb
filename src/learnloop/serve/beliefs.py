"""What is believed of one learner now: mastery, P(correct), recall, and the steps since; no I/O, no clock.

Kept in the history's memo until the learner does something, the content or the release changes, or `STALE`
has passed: what is forgotten meanwhile is little, and pages are reloaded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from learnloop.recommend.merits import LEARNT, SERVED
from learnloop.schemas import Tracer
from learnloop.serve.histories import History
from learnloop.serve.state import Serving
from learnloop.trace.logistic import LogisticTracer
from learnloop.trace.logistic_past import LogisticPast

AIMS = SERVED
THRESHOLD = AIMS.threshold  # of mastery; the line in the dashboard's chart
STALE = timedelta(minutes=10)


class Practised(NamedTuple):
    """recall in (0, 1] now; half_life_days; due_at: when recall falls to the target."""

    recall: float
    half_life_days: float
    due_at: datetime


def moment(history: History, now: datetime) -> pd.Timestamp:
    """The moment that beliefs are about: `now`, or up to STALE before; never before the last event."""
    kept = history.memo.get("moment")
    if kept is None or not kept <= now < kept + STALE:
        kept = max(now, history.events[-1].occurred_at) if history.events else now
        history.memo["moment"] = kept
    return pd.Timestamp(kept)


def _remembered(serving: Serving, history: History, name: str, at: object, find: Callable[[], Any]) -> Any:
    """`find()`, once for each release, content and moment."""
    key = (serving.mark, at)
    kept = history.memo.get(name)
    if kept is None or kept[0] != key:
        kept = history.memo[name] = (key, find())
    return kept[1]


def answers(serving: Serving, history: History) -> pd.DataFrame:
    """The learner's ANSWERS, as the tracer reads them; made once for each new event."""
    return _remembered(serving, history, "answers", None, lambda: _answers(serving, history))


def _answers(serving: Serving, history: History) -> pd.DataFrame:
    rows = history.answers
    taught = np.empty(len(rows), dtype=object)
    taught[:] = [serving.content.taught.get(event.item_id, ()) for event in rows]
    return pd.DataFrame(
        {
            "learner_id": pd.array(["learner"] * len(rows), dtype="str"),
            "item_id": pd.array([event.item_id for event in rows], dtype="str"),
            "concept_ids": taught,
            "correct": np.array([bool(event.correct) for event in rows], dtype=bool),
            "occurred_at": pd.to_datetime([event.occurred_at for event in rows], utc=True).as_unit("us"),
        },
        copy=False,
    )


def done(serving: Serving, history: History) -> list[str]:
    """The items a learner is sent to for what was done, in that order, as often as done."""
    rolls_up = serving.content.rolls_up
    return [rolls_up[item_id] for item_id in history.done if item_id in rolls_up]


def met(serving: Serving, history: History) -> list[str]:
    """The concepts of what was done or answered, sorted. Nobody masters what they have never met: an estimate
    that rests on other learners alone opens no door."""
    teaches = serving.shelf().catalogue.concepts
    found = {concept for item_id in done(serving, history) for concept in teaches.get(item_id, ())}
    found |= {c for event in history.answers for c in serving.content.taught.get(event.item_id, ())}
    return sorted(found)


def known(serving: Serving, history: History, at: pd.Timestamp) -> dict[str, float]:
    """Mastery of what was met. Having done what teaches it stands for mastery where there is no tracer, and
    where nobody can answer on it: an expectation that no answer can raise would shut doors for ever."""

    def find() -> dict[str, float]:
        teaches = serving.shelf().catalogue.concepts
        finished = {one for item_id in done(serving, history) for one in teaches.get(item_id, ())}
        if serving.released.tracer is None:
            return dict.fromkeys(finished, 1.0)
        unasked = dict.fromkeys(finished - serving.content.asked, 1.0)
        concepts = [one for one in met(serving, history) if one not in unasked]
        return {**unasked, **expected(serving, history, concepts, at)}

    return _remembered(serving, history, "known", at, find)


@dataclass(frozen=True)
class _Unread:
    """What a tracer is asked that reads the history anew for each question."""

    tracer: Tracer
    history: pd.DataFrame
    at: pd.Timestamp

    def predict_next(self, item_ids: Sequence[str], concept_ids: Sequence[Sequence[str]]) -> np.ndarray:
        return self.tracer.predict_next(self.history, item_ids, concept_ids, self.at)

    def mastery(self, concept_ids: Sequence[str]) -> pd.DataFrame:
        return self.tracer.mastery(self.history, concept_ids, self.at)


def _past(serving: Serving, tracer: Tracer, history: History, at: pd.Timestamp) -> _Unread | LogisticPast:
    """The learner's answers as the tracer reads them, once for all that is asked of a moment."""

    def find() -> _Unread | LogisticPast:
        rows = answers(serving, history)
        return tracer.read(rows, at) if isinstance(tracer, LogisticTracer) else _Unread(tracer, rows, at)

    found: _Unread | LogisticPast = _remembered(serving, history, "past", at, find)
    return found


def expected(
    serving: Serving, history: History, concepts: Sequence[str], at: pd.Timestamp
) -> dict[str, float]:
    """The tracer's mastery, of concepts never met too; {} without a tracer."""
    tracer = serving.released.tracer
    if tracer is None or not concepts:
        return {}
    found = _past(serving, tracer, history, at).mastery(concepts)
    return dict(zip(found["concept_id"].tolist(), found["mastery"].tolist(), strict=True))


def chances(
    serving: Serving, history: History, item_ids: Sequence[str], at: pd.Timestamp
) -> dict[str, float]:
    """P(correct) of the next answer on each item at `at`; {} without a tracer."""
    tracer = serving.released.tracer
    if tracer is None or not item_ids:
        return {}
    teaches = serving.shelf().catalogue.concepts
    taught = [teaches.get(item_id, ()) for item_id in item_ids]
    p = _past(serving, tracer, history, at).predict_next(item_ids, taught)
    return {item_id: float(one) for item_id, one in zip(item_ids, p, strict=True)}


def gains(
    serving: Serving,
    history: History,
    item_ids: Sequence[str],
    mastery: Mapping[str, float],
    at: pd.Timestamp,
) -> dict[str, float]:
    """LEARNT times what is not mastered, summed over the item's concepts; mastery: of those met."""
    teaches = serving.shelf().catalogue.concepts
    concepts = {concept for item_id in item_ids for concept in teaches.get(item_id, ())}
    strange = expected(serving, history, sorted(concepts - mastery.keys()), at)
    return {
        item_id: LEARNT * sum(1 - mastery.get(c, strange.get(c, 0.0)) for c in teaches.get(item_id, ()))
        for item_id in item_ids
    }


def recall(
    serving: Serving, history: History, at: pd.Timestamp, target: float = AIMS.recall_target
) -> dict[str, Practised]:
    """Of each concept answered on; {} where the release has no memory."""

    def find() -> dict[str, Practised]:
        memory = serving.released.memory
        answered = {c for event in history.answers for c in serving.content.taught.get(event.item_id, ())}
        if memory is None or not answered:
            return {}
        found = memory.recall(answers(serving, history), sorted(answered), at, target)
        columns = (found[name].tolist() for name in ("concept_id", "recall", "half_life_days", "due_at"))
        return {
            concept: Practised(share, half_life, due.to_pydatetime(warn=False))
            for concept, share, half_life, due in zip(*columns, strict=True)
            if not np.isnan(share)
        }

    return _remembered(serving, history, "recall", (at, target), find)


def since(serving: Serving, history: History) -> tuple[dict[str, int], dict[str, int]]:
    """(by item, by concept) the learner's steps since it was last done; 0 for the last step of all."""

    def find() -> tuple[dict[str, int], dict[str, int]]:
        teaches = serving.shelf().catalogue.concepts
        items: dict[str, int] = {}
        concepts: dict[str, int] = {}
        for ago, item_id in enumerate(reversed(done(serving, history))):
            items.setdefault(item_id, ago)
            for concept in teaches.get(item_id, ()):
                concepts.setdefault(concept, ago)
        return items, concepts

    return _remembered(serving, history, "since", None, find)
