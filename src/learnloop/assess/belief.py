"""What is believed of a learner while the answers come: weighted states of the whole graph (particles).

The concepts hang together, so n_levels^n_concepts states would have to be weighed. A sample of them is, by
iterated batch importance sampling (Chopin 2002): drawn from the prior, reweighted by each answer, and where
few are left that matter, drawn anew by weight and moved by a Gibbs sampler that leaves the posterior as it
is.
"""

from dataclasses import dataclass

import numpy as np

from learnloop.assess.bank import ABILITIES, ABILITY_SHARES, Bank

PARTICLES = 1_000
LEAST_SHARE = 0.5  # effective particles: below this share they are drawn anew and moved
SWEEPS = 2


@dataclass
class Belief:
    """levels: (n, n_concepts) level numbers; theta: (n,) numbers of ABILITIES; log_weights (n,); answered:
    (2, n_items) how often each item was answered wrong and right; p: (n, n_items) P(correct) in each
    state."""

    bank: Bank
    levels: np.ndarray
    theta: np.ndarray
    log_weights: np.ndarray
    answered: np.ndarray
    p: np.ndarray

    @classmethod
    def prior(cls, bank: Bank, rng: np.random.Generator, n: int = PARTICLES) -> "Belief":
        levels, theta = draw(bank, n, rng)
        nothing = np.zeros((2, len(bank.item_ids)), dtype=np.int64)
        return cls(bank, levels, theta, np.zeros(n), nothing, p_correct(bank, levels))

    @property
    def weights(self) -> np.ndarray:
        """(n,), summing to 1."""
        w = np.exp(self.log_weights - self.log_weights.max())
        return w / w.sum()

    def observe(self, item: int, correct: bool, rng: np.random.Generator) -> None:
        """One answer; `item` is its number in the bank."""
        self.answered[int(correct), item] += 1
        p = self.p[:, item]
        self.log_weights = self.log_weights + np.log(p if correct else 1 - p)
        w = self.weights
        if 1 / (w @ w) < LEAST_SHARE * len(w):
            self._renew(w, rng)

    def _renew(self, w: np.ndarray, rng: np.random.Generator) -> None:
        n = len(w)
        # systematic resampling: each particle comes n w times, rounded up or down
        at = np.searchsorted(np.cumsum(w), (np.arange(n) + rng.random()) / n).clip(max=n - 1)
        self.levels, self.theta = self.levels[at].copy(), self.theta[at]
        self.log_weights = np.zeros(n)
        counts = self.answered[:, None, :].astype(float)
        for _ in range(SWEEPS):
            sweep(self.bank, self.levels, self.theta, counts, rng)
            self.theta = draw_ability(self.bank, self.levels, rng)
        self.p = p_correct(self.bank, self.levels)

    @property
    def mastered(self) -> np.ndarray:
        """(n, n_concepts) float, 0 or 1."""
        return (self.levels >= self.bank.top).astype(float)

    def p_mastered(self) -> np.ndarray:
        """(n_concepts,), strictly between 0 and 1: a sample of n says no more than that."""
        n = len(self.theta)
        return np.clip(self.weights @ self.mastered, 0.5 / n, 1 - 0.5 / n)

    def mastery(self) -> tuple[np.ndarray, np.ndarray]:
        """(n_concepts,) expected P(correct) on an average question, and its standard deviation."""
        of = self.bank.levels[self.levels]
        mean = self.weights @ of
        return mean, np.sqrt(np.maximum(self.weights @ (of - mean) ** 2, 0.0))


def p_correct(bank: Bank, levels: np.ndarray) -> np.ndarray:
    """(n, n_items) P(correct) of learners whose levels are (n, n_concepts)."""
    found = np.empty((len(levels), len(bank.item_ids)))
    alone = np.flatnonzero(~bank.several)
    found[:, alone] = bank.curves[alone, levels[:, bank.teaches[alone].argmax(axis=1)]]
    for item in np.flatnonzero(bank.several):
        found[:, item] = bank.curves[item, bank.weakest(levels, bank.concepts_of[item])]
    return found


def draw(bank: Bank, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """((n, n_concepts), (n,)): level and ability numbers of n learners, from the prior."""
    theta = rng.choice(len(ABILITIES), size=n, p=ABILITY_SHARES)
    levels = np.zeros((n, len(bank.concept_ids)), dtype=np.int64)
    for concept in bank.order:
        band = bank.bands[bank.weakest(levels, bank.parents[concept])]
        levels[:, concept] = _drawn(bank.log_prior[concept, band, theta], rng)
    return levels, theta


def sweep(
    bank: Bank, levels: np.ndarray, theta: np.ndarray, counts: np.ndarray, rng: np.random.Generator
) -> None:
    """Every concept of every row drawn anew, given the others (Gibbs); changes `levels` in place.

    counts: (2, 1 or n, n_items) how often the row's learner answered each item wrong and right.
    """
    every = np.arange(len(bank.levels))
    asked = counts.any(axis=(0, 1))
    for concept in rng.permutation(len(bank.concept_ids)):
        band = bank.bands[bank.weakest(levels, bank.parents[concept])]
        log_p = bank.log_prior[concept, band, theta]
        for child in bank.children[concept]:
            # the level says which levels of the child were to be expected
            others = bank.parents[child][bank.parents[child] != concept]
            weakest = np.minimum(bank.weakest(levels, others)[:, None], every)
            log_p = (
                log_p + bank.log_prior[child, bank.bands[weakest], theta[:, None], levels[:, child][:, None]]
            )
        here = bank.teaches[:, concept] & asked
        alone = np.flatnonzero(here & ~bank.several)
        if len(alone):
            log_p = log_p + sum(counts[k][:, alone] @ bank.log_curves[k, alone] for k in (0, 1))
        for item in np.flatnonzero(here & bank.several):
            others = bank.concepts_of[item][bank.concepts_of[item] != concept]
            weakest = np.minimum(bank.weakest(levels, others)[:, None], every)
            log_p = log_p + sum(
                counts[k][:, item][:, None] * bank.log_curves[k, item][weakest] for k in (0, 1)
            )
        levels[:, concept] = _drawn(log_p, rng)


def draw_ability(bank: Bank, levels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) number of the ability of each row given its levels."""
    log_p = np.tile(np.log(ABILITY_SHARES), (len(levels), 1))
    for concept in range(len(bank.concept_ids)):
        band = bank.bands[bank.weakest(levels, bank.parents[concept])]
        log_p += bank.log_prior[concept, band, :, levels[:, concept]]
    return _drawn(log_p, rng)


def _drawn(log_p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) a column of each row of (n, k), with chances in proportion to exp(log_p)."""
    p = np.exp(log_p - log_p.max(axis=1, keepdims=True)).cumsum(axis=1)
    return (p < rng.random((len(p), 1)) * p[:, -1:]).sum(axis=1)
