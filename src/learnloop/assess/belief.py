"""What is believed of a learner while the answers come: weighted states of the whole graph (particles).

The concepts hang together, so 2^n_concepts states would have to be weighed. A sample of them is, by iterated
batch importance sampling (Chopin 2002): drawn from the prior, reweighted by each answer, and where few are
left that matter, drawn anew by weight and moved by sweeps of a Gibbs sampler that leave the posterior as it is.
"""

from dataclasses import dataclass, field

import numpy as np

from learnloop.assess.bank import ABILITIES, ABILITY_SHARES, Bank

PARTICLES = 2_000
LEAST_SHARE = 0.5  # effective particles: below this share they are drawn anew and moved
SWEEPS = 2
_FIRM = 35.0  # logits: exp stays finite


@dataclass
class Belief:
    """mastered: (n, n_concepts) bool; theta: (n,) ability; log_weights (n,). answered: (2, n_items) how often
    each item was answered wrong and right."""

    bank: Bank
    mastered: np.ndarray
    theta: np.ndarray
    log_weights: np.ndarray
    answered: np.ndarray
    able: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))

    @classmethod
    def prior(cls, bank: Bank, rng: np.random.Generator, n: int = PARTICLES) -> "Belief":
        mastered, theta = draw(bank, n, rng)
        nothing = np.zeros((2, len(bank.item_ids)), dtype=np.int64)
        return cls(bank, mastered, theta, np.zeros(n), nothing, bank.able(mastered))

    @property
    def weights(self) -> np.ndarray:
        """(n,), summing to 1."""
        w = np.exp(self.log_weights - self.log_weights.max())
        return w / w.sum()

    def observe(self, item: int, correct: bool, rng: np.random.Generator) -> None:
        """One answer; `item` is its number in the bank."""
        self.answered[int(correct), item] += 1
        self.log_weights = self.log_weights + self.bank.log_odds[int(correct), item] * self.able[:, item]
        w = self.weights
        if 1 / (w @ w) < LEAST_SHARE * len(w):
            self._renew(w, rng)

    def _renew(self, w: np.ndarray, rng: np.random.Generator) -> None:
        n = len(w)
        # systematic resampling: each particle comes n w times, rounded up or down
        at = np.searchsorted(np.cumsum(w), (np.arange(n) + rng.random()) / n).clip(max=n - 1)
        self.mastered, self.theta = self.mastered[at].copy(), self.theta[at]
        self.log_weights = np.zeros(n)
        odds = (self.answered * self.bank.log_odds).sum(axis=0)[None, :]
        for _ in range(SWEEPS):
            sweep(self.bank, self.mastered, self.theta, odds, rng)
            self.theta = draw_ability(self.bank, self.mastered, rng)
        self.able = self.bank.able(self.mastered)

    def mastery(self) -> np.ndarray:
        """(n_concepts,) P(mastered), strictly between 0 and 1: a sample of n says no more than that."""
        n = len(self.theta)
        return np.clip(self.weights @ self.mastered, 0.5 / n, 1 - 0.5 / n)

    def p_correct(self) -> np.ndarray:
        """(n_items,) P(correct) on each item."""
        able = self.weights @ self.able
        return self.bank.guess + (1 - self.bank.slip - self.bank.guess) * able


def draw(bank: Bank, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """((n, n_concepts) bool, (n,)): states and abilities of n learners, from the prior."""
    theta = ABILITIES[rng.choice(len(ABILITIES), size=n, p=ABILITY_SHARES)]
    mastered = np.zeros((n, len(bank.concept_ids)), dtype=bool)
    for concept in bank.order:
        chance = 1 / (1 + np.exp(-(bank.base[concept] + bank.loading * theta)))
        chance = np.where(bank.ready(mastered, concept), chance, bank.leak)
        mastered[:, concept] = rng.random(n) < chance
    return mastered, theta


def sweep(
    bank: Bank, mastered: np.ndarray, theta: np.ndarray, odds: np.ndarray, rng: np.random.Generator
) -> None:
    """Every concept of every row drawn anew, given the others (Gibbs); changes `mastered` in place.

    odds: (1 or n, n_items) the log likelihood ratio of the row's answers to each item, able against not.
    """
    n = len(theta)
    log_leak = np.log(bank.leak), np.log1p(-bank.leak)
    for concept in rng.permutation(len(bank.concept_ids)):
        x = bank.base[concept] + bank.loading * theta  # log odds of the prior where ready
        gain = np.where(bank.ready(mastered, concept), x, log_leak[0] - log_leak[1])
        for child in bank.children[concept]:
            # mastered or not, the concept decides whether the child was to be expected
            others = bank.parents[child][bank.parents[child] != concept]
            open_ = mastered[:, others].all(axis=1)
            z = bank.base[child] + bank.loading * theta
            has = mastered[:, child]
            expected = np.where(has, -np.logaddexp(0, -z), -np.logaddexp(0, z))
            gain = gain + open_ * (expected - np.where(has, *log_leak))
        items = np.flatnonzero(bank.teaches[:, concept])
        items = items[(odds[:, items] != 0).any(axis=0)]
        if len(items):
            lacking = (~mastered).astype(np.float32) @ bank.teaches[items].T.astype(np.float32)
            lacking -= (~mastered[:, concept])[:, None]
            gain = gain + (odds[:, items] * (lacking < 0.5)).sum(axis=1)
        mastered[:, concept] = rng.random(n) < 1 / (1 + np.exp(-np.clip(gain, -_FIRM, _FIRM)))


def draw_ability(bank: Bank, mastered: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) theta of each row given its state, on the grid ABILITIES."""
    ready = np.stack([bank.ready(mastered, c) for c in range(len(bank.concept_ids))], axis=1)
    x = bank.base[:, None] + bank.loading * ABILITIES  # (n_concepts, n_abilities)
    yes, no = -np.logaddexp(0, -x), -np.logaddexp(0, x)
    log_p = np.log(ABILITY_SHARES) + (ready & mastered) @ yes + (ready & ~mastered) @ no
    p = np.exp(log_p - log_p.max(axis=1, keepdims=True)).cumsum(axis=1)
    return ABILITIES[(p < rng.random(len(p))[:, None] * p[:, -1:]).sum(axis=1)]
