"""Answers in; one chain of practice for each learner and concept out, laid out for vectorised passes.

A chain is what one learner did on one concept, in time order; a moment of it is an event. Answers of one
moment are one event: they are one occasion to learn, they do not see each other, and no result depends on
the order of the rows. An answer with several concepts is in several chains; it stays one row.

The events lie step by step: first the first event of every chain, then every second one, and so on, the
longest chain first in each. A pass over time is then one NumPy operation a step on whole slices.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from learnloop.schemas import ANSWERS, check
from learnloop.trace.histories import EPOCH, counts_before, distinct, encode_history, in_time

DAY = 86_400.0
NAMELESS = ""  # the concept of answers that name none


@dataclass(frozen=True)
class Practice:
    """n answers as arrays, in the input's row order; m (row, concept) pairs, in the rows' order."""

    learners: np.ndarray  # (n,) codes
    items: np.ndarray  # (n,) codes into item_ids
    item_ids: list[str]
    correct: np.ndarray  # (n,) float, 0 or 1
    at: np.ndarray  # (n,) seconds since 1970
    pair_rows: np.ndarray  # (m,)
    pair_concepts: np.ndarray  # (m,) codes into concept_ids
    concept_ids: list[str]

    def __len__(self) -> int:
        return len(self.correct)

    def mean_by_row(self, values: np.ndarray) -> np.ndarray:
        """(m,) values of the pairs -> (n,) their mean over each row's concepts."""
        counts = np.bincount(self.pair_rows, minlength=len(self))
        return np.bincount(self.pair_rows, weights=values, minlength=len(self)) / counts


def read(answers: pd.DataFrame) -> Practice:
    """Arrays of an ANSWERS frame, any row order. Raises BadInput where it breaks the contract."""
    return _arrays(check(answers, ANSWERS, "answers"))


def read_history(history: pd.DataFrame, now: pd.Timestamp | None = None) -> Practice:
    """Arrays of one learner's ANSWERS, possibly none; without times as of `in_time`. Raises BadInput for
    several learners."""
    data = encode_history(history, now)
    if np.bincount(data.pair_rows, minlength=len(data)).min(initial=1) == 0:
        return _arrays(in_time(history, now))  # an item without concepts has the nameless one
    return Practice(
        learners=data.learners,
        items=data.items,
        item_ids=data.item_ids.tolist(),
        correct=data.correct,
        at=data.seconds,
        pair_rows=data.pair_rows,
        pair_concepts=data.pair_concepts,
        concept_ids=data.concept_ids.tolist(),
    )


def seconds(moment: pd.Timestamp) -> float:
    """Seconds since 1970."""
    return float((moment - EPOCH).total_seconds())


def named(concepts: Sequence[str]) -> tuple[str, ...]:
    """The concepts of one item, each once; an item without any has the nameless one."""
    return distinct(concepts) or (NAMELESS,)


def log_counts(keys: np.ndarray, at: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """(2, n) log(1 + right), log(1 + wrong) answers of the same key at strictly earlier moments."""
    right, all_ = counts_before(keys, at, correct)
    return np.log1p(np.stack([right, all_ - right]))


def _arrays(answers: pd.DataFrame) -> Practice:
    concept_lists = [named(concepts) for concepts in answers["concept_ids"]]
    lengths = np.fromiter(map(len, concept_lists), dtype=np.int64, count=len(concept_lists))
    learners, _ = pd.factorize(answers["learner_id"])
    items, item_ids = pd.factorize(answers["item_id"])
    flat = pd.Series([c for concepts in concept_lists for c in concepts], dtype="str")
    concepts, concept_ids = pd.factorize(flat)
    at = (answers["occurred_at"] - EPOCH) / pd.Timedelta(seconds=1)
    return Practice(
        learners=learners,
        items=items,
        item_ids=list(item_ids),
        correct=answers["correct"].to_numpy(dtype=float),
        at=at.to_numpy(dtype=float),
        pair_rows=np.repeat(np.arange(len(answers)), lengths),
        pair_concepts=concepts,
        concept_ids=list(concept_ids),
    )


@dataclass(frozen=True)
class Chains:
    """E events of n chains; event e of step t is at starts[t] <= e < starts[t + 1]."""

    pair_events: np.ndarray  # (m,) the event of each pair
    concepts: np.ndarray  # (E,) codes into Practice.concept_ids
    at: np.ndarray  # (E,) seconds since 1970
    before: np.ndarray  # (E - n,) the event before, of each event from n on: those of the later steps
    starts: np.ndarray  # (steps + 1,)

    @property
    def n(self) -> int:
        return int(self.starts[1]) if len(self.starts) > 1 else 0

    @property
    def gaps(self) -> np.ndarray:
        """(E - n,) seconds since the event before."""
        return self.at[self.n :] - self.at[self.before]

    @property
    def last(self) -> np.ndarray:
        """(n,) the last event of each chain, in no special order."""
        ends = np.ones(len(self.at), dtype=bool)
        ends[self.before] = False
        return np.flatnonzero(ends)

    def first_of_step(self, t: int) -> tuple[slice, slice]:
        """The events of step t >= 1, and the events right before them."""
        begin, end = self.starts[t], self.starts[t + 1]
        earlier = self.starts[t - 1]
        return slice(begin, end), slice(earlier, earlier + end - begin)


def chains(practice: Practice) -> Chains:
    """The chains of all answers of `practice`."""
    rows, size = practice.pair_rows, max(len(practice.concept_ids), 1)
    if not len(rows):
        none = np.zeros(0, dtype=np.int64)
        return Chains(none, none, np.zeros(0), none, np.zeros(1, dtype=np.int64))
    key = practice.learners[rows] * size + practice.pair_concepts
    at = practice.at[rows]
    order = np.lexsort((at, key))
    key, at = key[order], at[order]
    new_chain = np.r_[True, key[1:] != key[:-1]]
    new_event = new_chain | np.r_[True, at[1:] != at[:-1]]
    event_of_pair = np.cumsum(new_event) - 1  # by chain and time
    heads = np.flatnonzero(new_event)
    chain = np.cumsum(new_chain)[heads] - 1
    lengths = np.bincount(chain)
    first = np.cumsum(lengths) - lengths
    step = np.arange(len(heads)) - first[chain]
    rank = np.empty(len(lengths), dtype=np.int64)
    rank[np.argsort(-lengths, kind="stable")] = np.arange(len(lengths))
    starts = np.r_[0, np.cumsum(np.bincount(step))]
    place = starts[step] + rank[chain]  # of each event in the final layout
    pair_events = np.empty(len(rows), dtype=np.int64)
    pair_events[order] = place[event_of_pair]
    concepts = np.empty(len(heads), dtype=np.int64)
    times = np.empty(len(heads))
    concepts[place], times[place] = key[heads] % size, at[heads]
    steps = np.empty(len(heads), dtype=np.int64)
    steps[place] = step
    n = len(lengths)
    before = starts[steps[n:] - 1] + np.arange(n, len(heads)) - starts[steps[n:]]
    return Chains(pair_events, concepts, times, before, starts)
