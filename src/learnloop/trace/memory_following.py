"""What the memory model believes of many learners at once, kept up answer by answer."""

from collections.abc import Sequence

import numpy as np

from learnloop.trace.bkt_em import sigmoid
from learnloop.trace.chains import DAY
from learnloop.trace.memory_fit import Weights, recall_after
from learnloop.trace.pairs import ItemPairs

LOWEST = 1e-6


class MemoryFollowing:
    """Counts of right and wrong answers of n learners: overall (2, n), by concept (2, n, k), by item
    (2, n, n_items); and when each concept was first and last practised, seconds since 1970, NaN for never."""

    def __init__(
        self,
        weights: Weights,
        decay: float,
        items: np.ndarray,
        concepts: np.ndarray,
        concepts_of: Sequence[Sequence[int]],
        n_concepts: int,
        n_learners: int,
    ) -> None:
        """items (n_items,) and concepts (k,): codes of the weights, -1 for the unseen; concepts_of: places
        in `concepts` of each item's concepts; the first n_concepts are those to report."""
        self.w, self.decay = weights, decay
        self.items, self.concepts, self.n_concepts = items, concepts, n_concepts
        self.pairs = ItemPairs.of(concepts_of)
        self.overall = np.zeros((2, n_learners))
        self.by_concept = np.zeros((2, n_learners, len(concepts)))
        self.by_item = np.zeros((2, n_learners, len(items)))
        self.first = np.full((n_learners, len(concepts)), np.nan)
        self.last = self.first.copy()
        self.own = np.tile(weights.items[items], (n_learners, 1))  # (n, n_items) logits of the item alone

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        """(m,) learners, each at most once; item codes; outcomes; seconds since 1970."""
        wrong = 1 - correct.astype(int)
        self.overall[wrong, learners] += 1
        self.by_item[wrong, learners, items] += 1
        self.own[learners, items] = self._own(self.by_item[:, learners, items], items)
        rows, pairs = self.pairs.of_items(items)
        who, what, when = learners[rows], self.pairs.concepts[pairs], at[rows]
        self.by_concept[wrong[rows], who, what] += 1
        self.first[who, what] = np.fmin(self.first[who, what], when)
        self.last[who, what] = when

    def remember_items(self, counts: np.ndarray) -> None:
        """(2, n_items) right and wrong answers of the first learner, in place of what was counted."""
        self.by_item[:, 0] = counts
        self.own[0] = self._own(counts, np.arange(len(self.items)))

    def _own(self, counts: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Logits of `items` from the learner's right and wrong answers on each, (2, …)."""
        s, (right, wrong), tries = self.w.slopes, np.log1p(counts), np.log1p(counts.sum(axis=0))
        return np.asarray(self.w.items[self.items[items]] + s[4] * right + s[5] * wrong + s[7] * tries)

    def recall(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_concepts) what is left of each memory; NaN where the concept was never practised."""
        n = self.n_concepts
        kept = self._recall(learners, at)[:, :n]
        return np.where(np.isnan(self.last[learners, :n]), np.nan, kept)

    def half_lives(self, learners: np.ndarray) -> np.ndarray:
        """(m, k) days."""
        counts = self.by_concept[:, learners]
        logs, tries = np.log1p(counts), np.log1p(counts.sum(axis=0))
        spread = np.nan_to_num(self.last[learners] - self.first[learners]) / DAY
        s = self.w.life_slopes
        life = s[0] + s[1] * logs[0] + s[2] * logs[1] + s[3] * np.log1p(spread) + s[4] * tries
        return np.asarray(np.exp(np.clip(life + self.w.lives[self.concepts], -20.0, 20.0)))

    def _recall(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        days = np.maximum(np.nan_to_num(at[:, None] - self.last[learners]), 0.0) / DAY
        return recall_after(days, self.half_lives(learners), self.decay)

    def _strength(self, learners: np.ndarray) -> np.ndarray:
        """(m, k) logits, of an item of weight 0 that is new to the learner."""
        s = self.w.slopes
        counts = self.by_concept[:, learners]
        overall, logs, tries = np.log1p(self.overall[:, learners]), np.log1p(counts), counts.sum(axis=0)
        by_concept = s[2] * logs[0] + s[3] * logs[1] + s[6] * np.isnan(self.last[learners])
        by_concept += s[8] * np.log1p(tries)
        by_learner = self.w.rates[0] + s[0] * overall[0] + s[1] * overall[1]
        return np.asarray(by_learner[:, None] + by_concept + self.w.concepts[self.concepts])

    def p_correct(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_items) P(correct) if each learner answered each item at `at` (m,)."""
        logits = self._strength(learners)[:, self.pairs.concepts] + self.own[learners][:, self.pairs.items]
        alive = sigmoid(logits) * self._recall(learners, at)[:, self.pairs.concepts]
        return np.clip(self.w.guess + self.w.range * self.pairs.mean(alive), LOWEST, 1.0 - LOWEST)

    def mastery(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, n_concepts) strength times recall, and its standard deviation, as in `Memory.mastery`."""
        n = self.n_concepts
        kept = self._recall(learners, at)
        alive = sigmoid(self._strength(learners) + self.w.average_items[self.concepts]) * kept
        alive = np.clip(alive[:, :n], LOWEST, 1.0 - LOWEST)
        worth = self.by_concept[:, learners].sum(axis=0)[:, :n] * kept[:, :n]
        return alive, np.sqrt(alive * (1.0 - alive) / (worth + 2.0))
