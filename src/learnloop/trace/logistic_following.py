"""What the logistic tracer believes of many learners at once, kept up answer by answer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from learnloop.trace.logits import squashed

if TYPE_CHECKING:
    from learnloop.trace.logistic import LogisticTracer


class LogisticFollowing:
    """n learners: how often each was right, and tried, overall, on each concept and on each item."""

    def __init__(
        self,
        tracer: "LogisticTracer",
        item_ids: Sequence[str],
        concepts_of: Sequence[Sequence[str]],
        concept_ids: Sequence[str],
        n_learners: int,
    ) -> None:
        """See schemas.Following. Concepts of items that are not in concept_ids are followed too."""
        self.tracer, self.n_concepts = tracer, len(concept_ids)
        lists = [list(dict.fromkeys(concepts)) for concepts in concepts_of]
        followed = list(dict.fromkeys([*concept_ids, *(c for concepts in lists for c in concepts)]))
        place = {c: k for k, c in enumerate(followed)}
        self.codes = np.array([tracer.concepts.get(c, -1) for c in followed], dtype=np.int64)
        self.shares = _shares([[place[c] for c in concepts] for concepts in lists], len(followed))
        items = np.array([tracer.items.get(i, -1) for i in item_ids], dtype=np.int64)
        # (n_items,) what does not depend on the learner
        self.easiness = tracer.item_weights[items] + self.shares @ tracer.concept_weights[self.codes]
        self.overall = np.zeros((n_learners, 2))
        self.by_concept = np.zeros((2, n_learners, len(followed)))
        self.by_item = np.zeros((2, n_learners, len(item_ids)))

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        """(m,) learners, each at most once; item codes; outcomes; seconds since 1970 (they do not matter)."""
        taught = self.shares[items].tocoo()
        for kind, amount in enumerate((np.asarray(correct, dtype=float), np.ones(len(learners)))):
            self.overall[learners, kind] += amount
            self.by_item[kind, learners, items] += amount
            self.by_concept[kind, learners[taught.row], taught.col] += amount[taught.row]

    def p_correct(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_items) P(correct) if each learner answered each item."""
        slopes = self.tracer.slopes
        concepts = np.log1p(self.by_concept[:, learners])
        of_concepts = slopes[2] * concepts[0] + slopes[3] * concepts[1]
        items = np.log1p(self.by_item[:, learners])
        logits = self.tracer.intercept + (np.log1p(self.overall[learners]) @ slopes[:2])[:, None]
        logits = logits + self.easiness + (self.shares @ of_concepts.T).T
        return squashed(logits + slopes[4] * items[0] + slopes[5] * items[1])

    def mastery(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, n_concepts) P(correct) on an average item of each concept, and its standard deviation."""
        k, m = self.n_concepts, len(learners)
        counts = self.by_concept[:, learners, :k]
        practice = np.zeros((m, k, 6))
        practice[..., 0:2] = np.log1p(self.overall[learners])[:, None]
        practice[..., 2:4] = np.moveaxis(np.log1p(counts), 0, -1)
        codes = np.tile(self.codes[:k], m)
        p, sd = self.tracer.mastery_of(practice.reshape(m * k, 6), codes, counts[1].ravel())
        return p.reshape(m, k), sd.reshape(m, k)


def _shares(lists: Sequence[Sequence[int]], n_concepts: int) -> Any:
    """Sparse (n_items, n_concepts): 1 / (number of concepts) where the item teaches the concept."""
    from scipy import sparse

    lengths = np.array([len(codes) for codes in lists], dtype=np.int64)
    rows = np.repeat(np.arange(len(lists)), lengths)
    flat = np.array([code for codes in lists for code in codes], dtype=np.int64)
    return sparse.csr_array((1.0 / lengths[rows], (rows, flat)), shape=(len(lists), n_concepts))
