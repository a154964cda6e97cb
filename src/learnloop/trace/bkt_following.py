"""What Bayesian knowledge tracing believes of many learners at once, kept up answer by answer."""

from collections.abc import Sequence

import numpy as np

from learnloop.trace.bkt_em import CERTAIN, Parameters, first_chances, logit, sigmoid
from learnloop.trace.chains import DAY
from learnloop.trace.pairs import ItemPairs

LOWEST = 1e-6


class BKTFollowing:
    """n learners x k concepts: P(known), what it rests on, and when it was last seen."""

    def __init__(
        self,
        parameters: Parameters,
        effects: np.ndarray,
        slopes: np.ndarray,
        concepts_of: Sequence[Sequence[int]],
        n_concepts: int,
        n_learners: int,
        *,
        by_day: bool,
    ) -> None:
        """parameters: (k,) each, of the concepts followed, the first n_concepts those to report; effects:
        (n_items,); slopes: (2,), as in `Estimate`; concepts_of: places of each item's concepts among those
        followed; by_day: forgetting goes by time."""
        self.p = parameters
        self.n_concepts = n_concepts
        self.by_day = by_day
        self.pairs = ItemPairs.of(concepts_of)
        shift = effects[self.pairs.items]
        self.right_if_known = sigmoid(parameters.known[self.pairs.concepts] + shift)  # (m,) of the pairs
        self.right_if_not = sigmoid(parameters.unknown[self.pairs.concepts] + shift)
        self.slopes, self.init = slopes, logit(parameters.p_init)
        self.done = np.zeros((n_learners, 2))  # right and wrong answers, on anything
        self.known = np.tile(parameters.p_init, (n_learners, 1))  # once practised
        self.worth = np.zeros(self.known.shape)
        self.seen = np.full(self.known.shape, np.inf)  # seconds since 1970; never: nothing to forget

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        """(m,) learners, each at most once; item codes; outcomes; seconds since 1970."""
        rows, pairs = self.pairs.of_items(items)
        who, what, when = learners[rows], self.pairs.concepts[pairs], at[rows]
        kept = np.exp(-self.p.forget[what] * self._days(self.seen[who, what], when))
        first = first_chances(self.init[what], self.slopes, np.log1p(self.done[who]))
        before = np.where(np.isinf(self.seen[who, what]), first, self.known[who, what] * kept)
        before = np.clip(before, CERTAIN, 1.0 - CERTAIN)
        if_known, if_not = self.right_if_known[pairs], self.right_if_not[pairs]
        right = correct[rows].astype(bool)
        yes = before * np.where(right, if_known, 1.0 - if_known)
        no = (1.0 - before) * np.where(right, if_not, 1.0 - if_not)
        after = yes / (yes + no)
        after += (1.0 - after) * self.p.p_learn[what]
        worth = self.worth[who, what] * kept + 1.0
        step = 1.0 if self.by_day else np.exp(-self.p.forget[what])  # forgotten at once, time or no time
        self.known[who, what], self.worth[who, what] = after * step, worth * step
        self.seen[who, what] = when
        self.done[learners, 1 - correct.astype(int)] += 1

    def _days(self, seen: np.ndarray, at: np.ndarray) -> np.ndarray:
        return np.maximum(at - seen, 0.0) / DAY if self.by_day else np.zeros(seen.shape)

    def _kept(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, k) what is left of each state at `at`."""
        return np.exp(-self.p.forget * self._days(self.seen[learners], at[:, None]))

    def _known(self, learners: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """(m, k) P(known) of each learner and concept."""
        first = sigmoid(self.init + (np.log1p(self.done[learners]) @ self.slopes)[:, None])
        return np.where(np.isinf(self.seen[learners]), first, self.known[learners] * kept)

    def p_correct(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_items) P(correct) if each learner answered each item at `at` (m,)."""
        known = self._known(learners, self._kept(learners, at))[:, self.pairs.concepts]
        chance = self.right_if_not + known * (self.right_if_known - self.right_if_not)
        return np.clip(self.pairs.mean(chance), LOWEST, 1.0 - LOWEST)

    def mastery(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, n_concepts) P(known), and its standard deviation, as in `BKT.mastery`."""
        kept, n = self._kept(learners, at), self.n_concepts
        known = np.clip(self._known(learners, kept)[:, :n], LOWEST, 1.0 - LOWEST)
        worth = (self.worth[learners] * kept)[:, :n]
        return known, np.sqrt(known * (1.0 - known) / (worth + 2.0))

    def recall(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_concepts) what forgetting has left since the last practice; NaN where there was none."""
        kept = self._kept(learners, at)[:, : self.n_concepts]
        return np.where(np.isinf(self.seen[learners, : self.n_concepts]), np.nan, kept)

    def gain(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_items) expected rise of the sum of P(known) over an item's concepts by practising it once.

        An answer moves P(known) up or down, by its outcome; over the outcomes the expected posterior is the
        prior, so what an answer tells adds nothing. What is left is what practice teaches:
        sum over the concepts of p_learn (1 - P(known)).
        """
        known = self._known(learners, self._kept(learners, at))
        return self.pairs.sum(((1.0 - known) * self.p.p_learn)[:, self.pairs.concepts])
