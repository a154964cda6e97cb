"""Answers in; every learner's answers in time order, as arrays for the attention network, out.

"Before" means at a strictly earlier moment, as everywhere in this room: answers of one moment do not see
each other, and their order says nothing.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from learnloop.schemas import ANSWERS, check
from learnloop.trace.histories import counts_before, distinct

FEATURES = (
    "log_wins_overall",
    "log_tries_overall",
    "log_wins_concepts",
    "log_tries_concepts",
    "log_wins_item",
    "log_tries_item",
    "log_minutes_since_last",
)


@dataclass(frozen=True)
class Rows:
    """n answers, learner by learner, each learner's in time order."""

    order: np.ndarray  # (n,) the row of the input
    starts: np.ndarray  # (n_learners + 1,) a learner's rows are starts[l] .. starts[l + 1]
    items: np.ndarray  # (n,) codes into item_ids
    concepts: np.ndarray  # (n, most) codes into concept_ids, -1 where an item has fewer
    shares: np.ndarray  # (n, most) 1 / (number of concepts), 0 where an item has fewer
    correct: np.ndarray  # (n,) float, 0 or 1
    before: np.ndarray  # (n,) the learner's answers at strictly earlier moments
    seconds: np.ndarray  # (n,) float64 since 1970; never falls within a learner
    features: np.ndarray  # (n, len(FEATURES))
    item_ids: np.ndarray  # sorted
    concept_ids: np.ndarray  # sorted
    learner_ids: np.ndarray  # sorted

    def __len__(self) -> int:
        return len(self.order)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    @property
    def n_concepts(self) -> int:
        return len(self.concept_ids)

    def of(self, learners: np.ndarray) -> np.ndarray:
        """The rows of these learners, in order."""
        chosen = np.zeros(len(self.starts) - 1, dtype=bool)
        chosen[learners] = True
        return np.flatnonzero(np.repeat(chosen, np.diff(self.starts)))


def arranged(answers: pd.DataFrame, timed: bool | None = None) -> Rows:
    """Rows of an ANSWERS frame in any row order. Raises BadInput where it breaks the contract.

    timed: whether the times say more than the order; None: as `has_times` finds.
    """
    answers = check(answers, ANSWERS, "answers")
    lists = [distinct(concepts) for concepts in answers["concept_ids"]]
    learners, learner_ids = pd.factorize(answers["learner_id"], sort=True)
    items, item_ids = pd.factorize(answers["item_id"], sort=True)
    moments, _ = pd.factorize(answers["occurred_at"], sort=True)
    seconds = ((answers["occurred_at"] - pd.Timestamp(0, tz="UTC")) / pd.Timedelta("1s")).to_numpy(float)
    correct = answers["correct"].to_numpy(dtype=float)
    order = np.lexsort((correct, items, moments, learners))
    learners, items, moments = learners[order], items[order], moments[order]
    lengths = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
    codes, concept_ids = pd.factorize(
        pd.Series([c for concepts in lists for c in concepts], dtype="str"), sort=True
    )
    concepts = np.full((len(lists), max(lengths.max(initial=0), 1)), -1, dtype=np.int64)
    inside = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    concepts[np.repeat(np.arange(len(lists)), lengths), inside] = codes
    concepts = np.sort(concepts, axis=1)[:, ::-1][order]  # so that their order says nothing
    correct = correct[order]
    starts = np.r_[0, np.cumsum(np.bincount(learners, minlength=len(learner_ids)))].astype(np.int64)
    shares = np.where(concepts >= 0, 1.0 / np.maximum(lengths[order], 1)[:, None], 0.0)
    before = counts_before(learners, moments, correct)[1].astype(np.int64)
    if timed is None:
        timed = has_times(seconds[order], starts)
    seconds = seconds[order] if timed else np.zeros(len(order))
    return Rows(
        order=order,
        starts=starts,
        items=items,
        concepts=concepts,
        shares=shares,
        correct=correct,
        before=before,
        seconds=seconds,
        features=_features(learners, items, concepts, shares, correct, moments, before, seconds, starts),
        item_ids=np.asarray(item_ids, dtype=object),
        concept_ids=np.asarray(concept_ids, dtype=object),
        learner_ids=np.asarray(learner_ids, dtype=object),
    )


def has_times(seconds: np.ndarray, starts: np.ndarray) -> bool:
    """False where all answers of a learner are one and the same step apart: a mere numbering of rows."""
    steps = np.delete(np.diff(seconds), starts[1:-1] - 1) if len(seconds) else seconds
    return bool(len(steps) and not np.allclose(steps, steps[0]))


def _features(
    learners: np.ndarray,
    items: np.ndarray,
    concepts: np.ndarray,
    shares: np.ndarray,
    correct: np.ndarray,
    moments: np.ndarray,
    before: np.ndarray,
    seconds: np.ndarray,
    starts: np.ndarray,
) -> np.ndarray:
    table = np.zeros((len(learners), len(FEATURES)))
    table[:, 0:2] = np.log1p(counts_before(learners, moments, correct)).T
    rows, slots = np.nonzero(concepts >= 0)
    key = learners[rows] * (concepts.max(initial=0) + 1) + concepts[rows, slots]
    counts = np.log1p(counts_before(key, moments[rows], correct[rows])) * shares[rows, slots]
    for column, values in zip((2, 3), counts, strict=True):
        table[:, column] = np.bincount(rows, weights=values, minlength=len(table))
    key = learners * (items.max(initial=0) + 1) + items
    table[:, 4:6] = np.log1p(counts_before(key, moments, correct)).T
    # the last answer of a strictly earlier moment stands `before` rows from the learner's first
    last = np.maximum(starts[learners] + before - 1, 0)
    table[:, 6] = np.where(before > 0, np.log1p(np.maximum(seconds - seconds[last], 0) / 60), 0.0)
    return table
