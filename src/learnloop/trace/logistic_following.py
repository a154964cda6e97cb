"""What the logistic tracer believes of many learners at once, kept up answer by answer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from learnloop.trace.ability import answered, moved, of_belief
from learnloop.trace.fading import NEVER, State
from learnloop.trace.logits import squashed
from learnloop.trace.practice_features import ITEM_RATES, PLAIN

if TYPE_CHECKING:
    from learnloop.trace.logistic import LogisticTracer


class LogisticFollowing:
    """n learners: what they have behind them overall, on each concept, on each item; and their abilities."""

    def __init__(
        self,
        tracer: "LogisticTracer",
        beliefs: Sequence[tuple[float, float]],
        item_ids: Sequence[str],
        concepts_of: Sequence[Sequence[str]],
        concept_ids: Sequence[str],
        n_learners: int,
    ) -> None:
        """See schemas.Following. Concepts of items that are not in concept_ids are followed too."""
        self.tracer, self.groups, self.n_concepts = tracer, tracer.groups, len(concept_ids)
        lists = [list(dict.fromkeys(concepts)) for concepts in concepts_of]
        followed = list(dict.fromkeys([*concept_ids, *(c for concepts in lists for c in concepts)]))
        place = {c: k for k, c in enumerate(followed)}
        items, self.codes = tracer.codes_of(item_ids, followed)
        self.shares = _shares([[place[c] for c in concepts] for concepts in lists], len(followed))
        # (n_items,) what does not depend on the learner, in the logit and for the ability
        self.own = tracer.item_weights[items] + self.shares @ tracer.concept_weights[self.codes]
        easy = tracer.easy_items[items] + self.shares @ tracer.easy_concepts[self.codes]
        self.easiness = tracer.easy_intercept + easy
        slopes = tracer.slopes / tracer.scale
        self.slopes = np.split(slopes, np.cumsum(self.groups.widths))
        rates = self.groups.rates
        self.overall = State((n_learners,), self.groups.n_values, rates)
        self.by_concept = State((n_learners, len(followed)), 2, rates)
        self.since = State((n_learners, len(followed)), 0, PLAIN)  # its clock is the learner's answers
        self.by_item = State((n_learners, len(item_ids)), 2, ITEM_RATES)
        self.drifts = [drift for _, drift in beliefs]
        self.beliefs = np.tile([[variance, drift] for variance, drift in beliefs], (n_learners, 1, 1))
        self.beliefs[..., 1] = self.beliefs[..., 0]
        self.beliefs[..., 0] = 0.0  # (n, b, 2) mean and variance

    def observe(
        self,
        learners: np.ndarray,
        items: np.ndarray,
        correct: np.ndarray,
        at: np.ndarray,
        durations: np.ndarray | None = None,
    ) -> None:
        """(m,) learners, each at most once; item codes; outcomes; seconds since 1970; seconds it took."""
        right, at = np.asarray(correct, dtype=float), np.asarray(at, dtype=float)
        values = self.groups.values(right, durations)
        for kind, drift in enumerate(self.drifts):
            belief = self.beliefs[learners, kind]
            surprise, weight = answered(self.easiness[items] + belief[:, 0], right)
            now = moved(belief[:, 0], belief[:, 1], surprise, weight, drift)
            self.beliefs[learners, kind] = np.stack(now, axis=1)
        taught = self.shares[items].tocoo()
        who, rows = learners[taught.row], taught.row
        so_far = self.overall.counts[learners, 1, self.groups.rates.plain]
        self.by_concept.add((who, taught.col), at[rows], values[rows, :2])
        self.since.add((who, taught.col), so_far[rows], values[rows, :0])
        self.by_item.add((learners, items), at, values[:, :2])
        self.overall.add((learners,), at, values)

    def _of_learner(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, widths[0]) and (m, b + 1)"""
        features = self.groups.overall(*self.overall.at((learners,), at))
        return features, of_belief(self.beliefs[learners])

    def _of_concepts(self, learners: np.ndarray, at: np.ndarray, first: int) -> np.ndarray:
        """(m, first, widths[1]) of the first of the concepts."""
        where = learners[:, None], np.arange(first)
        so_far = self.overall.counts[learners, 1, self.groups.rates.plain]
        _, since = self.since.at(where, so_far[:, None])
        return self.groups.concept(*self.by_concept.at(where, at[:, None]), since)

    def _of_items(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_items) logits of what was done on each item; most were never tried, and look the same."""
        logits = np.full((len(learners), len(self.own)), self._untried @ self.slopes[2])
        rows, items = np.nonzero(~np.isnan(self.by_item.last[learners]))
        tried = self.by_item.at((learners[rows], items), at[rows])
        logits[rows, items] = self.groups.item(*tried) @ self.slopes[2]
        return logits

    @property
    def _untried(self) -> np.ndarray:
        """(widths[2],)"""
        return self.groups.item(np.zeros((2, len(ITEM_RATES))), np.array(NEVER))

    def p_correct(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_items) P(correct) if each learner answered each item at `at` (m,)."""
        practice, belief = self._of_learner(learners, at)
        of_learner = practice @ self.slopes[0] + belief @ self.slopes[3]
        concepts = self._of_concepts(learners, at, len(self.codes)) @ self.slopes[1]
        logits = self.tracer.intercept + of_learner[:, None] + self.own
        return squashed(logits + (self.shares @ concepts.T).T + self._of_items(learners, at))

    def mastery(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, n_concepts) P(correct) on an average item of each concept, and its standard deviation."""
        m, k = len(learners), self.n_concepts
        practice, belief = self._of_learner(learners, at)
        concepts = self._of_concepts(learners, at, k).reshape(m * k, -1)
        untried = np.tile(self._untried, (m * k, 1))
        x = np.hstack([practice.repeat(k, axis=0), concepts, untried, belief.repeat(k, axis=0)])
        attempts = self.by_concept.counts[learners, :k, 1, self.groups.rates.plain]
        p, sd = self.tracer.mastery_of(x, np.tile(self.codes[:k], m), attempts.ravel())
        return p.reshape(m, k), sd.reshape(m, k)


def _shares(lists: Sequence[Sequence[int]], n_concepts: int) -> Any:
    """Sparse (n_items, n_concepts): 1 / (number of concepts) where the item teaches the concept."""
    from scipy import sparse

    lengths = np.array([len(codes) for codes in lists], dtype=np.int64)
    rows = np.repeat(np.arange(len(lists)), lengths)
    flat = np.array([code for codes in lists for code in codes], dtype=np.int64)
    return sparse.csr_array((1.0 / lengths[rows], (rows, flat)), shape=(len(lists), n_concepts))
