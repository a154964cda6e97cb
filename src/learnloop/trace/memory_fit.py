"""Practice in; how strong a memory is, how long it lasts, and what that says of an answer, out.

For a learner's answer on item i, concept c, `days` after the last practice of c:

    strength  = sigmoid(bias + item_i + concept_c + slopes · x)
    half_life = exp(life_slopes · z + life_c), days
    recall    = (1 + (2^(1/decay) - 1) days / half_life)^(-decay), 1 where c was never practised
    P(correct)= p_guess + (1 - p_slip - p_guess) mean over the concepts of strength recall

The curve is a power of time, as forgetting is (Wixted & Ebbesen 1991; FSRS), written so that its half-life
is what it says; a large `decay` makes it the exponential of half-life regression (Settles & Meeder 2016).
"""

from dataclasses import dataclass

import numpy as np

from learnloop.trace.bkt_em import logit, sigmoid
from learnloop.trace.chains import DAY, Practice, chains, log_counts

# log(1 + count) of right and wrong answers: overall, on the concept, on the item; never practised; and of
# all answers on the item and on the concept, since practice may teach whatever comes of it
FEATURES = (
    *("wins", "losses", "concept_wins", "concept_losses", "item_wins", "item_losses", "new"),
    *("item_tries", "concept_tries"),
)
# log(1 + days between the first and the last practice): spaced practice lasts (Cepeda et al. 2006)
LIFE_FEATURES = ("one", "concept_wins", "concept_losses", "spread", "concept_tries")
GUESS, SLIP = 0.15, 0.05  # where p_guess and p_slip are drawn to
HALF_LIFE = 30.0  # days, a first practice's
# at this bias a right and a wrong answer are as likely, so one-sided data leans to its side
# What a slope may be: 1 not negative, -1 not positive, 0 anything. So a right answer never leaves less than a
# wrong one, nor less than there was, whenever one asks.
SIGNS = (1, -1, 1, -1, 1, -1, -1, 0, 1)
LIFE_SIGNS = (0, 1, -1, 1, 1)
MOST = 0.49  # p_guess and p_slip: above .5 each, more strength would mean fewer right answers
BIAS = float(logit(np.array((0.5 - GUESS) / (1.0 - SLIP - GUESS))))


@dataclass
class Weights:
    """The last entry of items, concepts, lives and average_items, 0, is for the unseen."""

    slopes: np.ndarray  # (len(FEATURES),)
    life_slopes: np.ndarray  # (len(LIFE_FEATURES),)
    items: np.ndarray  # (n_items + 1,)
    concepts: np.ndarray  # (n_concepts + 1,)
    lives: np.ndarray  # (n_concepts + 1,) log of a factor on the half-life
    average_items: np.ndarray  # (n_concepts + 1,) mean of the concept's items, by training answers
    rates: np.ndarray  # (3,) bias, logit(p_guess), logit(p_slip)

    @classmethod
    def prior(cls, n_items: int = 0, n_concepts: int = 0) -> "Weights":
        start = np.array([np.log(HALF_LIFE), 0.0, 0.0, 0.0, 0.0])
        rates = np.array([BIAS, *logit(np.array([GUESS, SLIP]))])
        none, items = np.zeros(n_concepts + 1), np.zeros(n_items + 1)
        return cls(np.zeros(len(FEATURES)), start, items, none, none.copy(), none.copy(), rates)

    def widened(self) -> "Weights":
        """With a slope of 0 for each feature that there was not yet when they were fitted."""
        for name, features in (("slopes", FEATURES), ("life_slopes", LIFE_FEATURES)):
            old = getattr(self, name)
            setattr(self, name, np.append(old, np.zeros(len(features) - len(old))))
        return self

    @property
    def guess(self) -> float:
        return float(sigmoid(self.rates[1]))

    @property
    def range(self) -> float:
        """1 - p_slip - p_guess"""
        return float(1.0 - sigmoid(self.rates[2]) - sigmoid(self.rates[1]))


def recall_after(days: np.ndarray, half_life: np.ndarray, decay: float) -> np.ndarray:
    """What is left of a memory `days` after its last practice; .5 at the half-life."""
    return np.asarray((1.0 + (2.0 ** (1.0 / decay) - 1.0) * days / half_life) ** -decay)


def days_until(threshold: float, half_life: np.ndarray, decay: float) -> np.ndarray:
    """The days after which recall is `threshold`: the inverse of `recall_after`."""
    return np.asarray((threshold ** (-1.0 / decay) - 1.0) / (2.0 ** (1.0 / decay) - 1.0) * half_life)


@dataclass(frozen=True)
class Design:
    """What is known of each of m (row, concept) pairs before its answer."""

    features: np.ndarray  # (m, len(FEATURES))
    life: np.ndarray  # (m, len(LIFE_FEATURES))
    days: np.ndarray  # (m,) since the last practice of the concept; 0 where there was none


def design(practice: Practice) -> Design:
    """From strictly earlier moments of the same learner."""
    a, rows = practice, practice.pair_rows
    overall = log_counts(a.learners, a.at, a.correct)
    by_item = log_counts(a.learners * max(len(a.item_ids), 1) + a.items, a.at, a.correct)
    key = a.learners[rows] * max(len(a.concept_ids), 1) + a.pair_concepts
    by_concept = log_counts(key, a.at[rows], a.correct[rows])
    found = chains(practice)
    event = found.pair_events
    step = np.searchsorted(found.starts, np.arange(len(found.at)), side="right") - 1
    first = np.arange(len(found.at)) - found.starts[step]  # the first event of each event's chain
    last = np.arange(len(found.at))
    last[found.n :] = found.before
    new = (step == 0)[event].astype(float)
    item_tries, concept_tries = (np.log1p(np.expm1(one).sum(axis=0)) for one in (by_item, by_concept))
    known = [*overall[:, rows], *by_concept, *by_item[:, rows], new, item_tries[rows], concept_tries]
    features = np.stack(known, axis=1)
    spread = np.log1p((found.at[last] - found.at[first]) / DAY)[event] * (1.0 - new)
    life = np.stack([np.ones(len(rows)), *by_concept, spread, concept_tries], axis=1)
    return Design(features, life, (found.at - found.at[last])[event] / DAY)


def chances(w: Weights, d: Design, items: np.ndarray, concepts: np.ndarray, decay: float) -> np.ndarray:
    """(m,) P(correct) of pairs as if each were a whole answer."""
    strength = sigmoid(w.rates[0] + w.items[items] + w.concepts[concepts] + d.features @ w.slopes)
    half_life = np.exp(np.clip(d.life @ w.life_slopes + w.lives[concepts], -20.0, 20.0))
    return np.asarray(w.guess + w.range * strength * recall_after(d.days, half_life, decay))


def fit(practice: Practice, decay: float, item_variance: float, iterations: int) -> Weights:
    """The posterior mode under SIGNS and LIFE_SIGNS, by L-BFGS-B. Priors: items N(0, item_variance), concepts
    and log half-lives N(0, .25), slopes N(0, 1), log half-life of a first practice N(log 30 days, 4)."""
    from scipy.optimize import minimize

    d, n_items, n_concepts = design(practice), len(practice.item_ids), len(practice.concept_ids)
    prior = Weights.prior(n_items, n_concepts)
    centre = _flat(prior)
    spread = [np.ones(len(FEATURES)), np.array([4.0, 1.0, 1.0, 1.0, 1.0]), np.full(n_items, item_variance)]
    spread += [np.full(2 * n_concepts, 0.25), np.array([4.0, 0.25, 0.25])]
    precision = 1.0 / np.concatenate(spread)
    cuts = np.cumsum([len(FEATURES), len(LIFE_FEATURES), n_items, n_concepts, n_concepts])

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _log_likelihood(x, cuts, d, practice, decay)
        away = x - centre
        return 0.5 * float(away @ (precision * away)) - value, precision * away - slope

    # each direction by its own curvature, about: sum of x^2 p (1 - p), with p (1 - p) near .2
    shares = np.bincount(practice.pair_rows, minlength=len(practice))
    weight = 0.2 / shares[practice.pair_rows]
    size = weight.sum()
    bends = [weight @ d.features**2, weight @ d.life**2]
    bends += [np.bincount(practice.items[practice.pair_rows], weight, n_items)]
    bends += [np.bincount(practice.pair_concepts, weight, n_concepts)] * 2 + [np.full(3, size)]
    scale = 1.0 / np.sqrt(precision + np.concatenate(bends))

    def scaled(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = loss(centre + scale * x)
        return value, scale * slope

    found = minimize(
        scaled,
        np.zeros(len(centre)),
        jac=True,
        method="L-BFGS-B",
        bounds=_bounds(n_items + 2 * n_concepts, (float(logit(np.array(MOST))) - centre[-2:]) / scale[-2:]),
        options={"maxiter": iterations, "maxcor": 20},
    )
    slopes, life, items, concepts, lives, rates = np.split(centre + scale * found.x, cuts)
    tries = np.bincount(practice.pair_concepts, minlength=n_concepts)
    of_pairs = items[practice.items[practice.pair_rows]]
    average = np.bincount(practice.pair_concepts, weights=of_pairs, minlength=n_concepts) / tries
    items, concepts, lives, average = (np.append(v, 0.0) for v in (items, concepts, lives, average))
    return Weights(slopes, life, items, concepts, lives, average, rates)


def _bounds(free: int, most: np.ndarray) -> list[tuple[float | None, float | None]]:
    """Of the scaled differences from the prior, which is 0 for what has a sign. most: (2,) of the rates."""
    of_sign = {1: (0.0, None), -1: (None, 0.0), 0: (None, None)}
    signed = [of_sign[sign] for sign in (*SIGNS, *LIFE_SIGNS)]
    return [*signed, *[of_sign[0]] * (free + 1), *((None, float(one)) for one in most)]


def _flat(w: Weights) -> np.ndarray:
    return np.concatenate([w.slopes, w.life_slopes, w.items[:-1], w.concepts[:-1], w.lives[:-1], w.rates])


def _log_likelihood(
    x: np.ndarray, cuts: np.ndarray, d: Design, practice: Practice, decay: float
) -> tuple[float, np.ndarray]:
    """Of all answers, and its gradient."""
    slopes, life_slopes, item_weights, concept_weights, lives, rates = np.split(x, cuts)
    rows, concepts, items = practice.pair_rows, practice.pair_concepts, practice.items[practice.pair_rows]
    strength = sigmoid(rates[0] + item_weights[items] + concept_weights[concepts] + d.features @ slopes)
    half_life = np.exp(np.clip(d.life @ life_slopes + lives[concepts], -20.0, 20.0))
    passed = (2.0 ** (1.0 / decay) - 1.0) * d.days / half_life
    kept = (1.0 + passed) ** -decay
    guess, slip = sigmoid(rates[1]), sigmoid(rates[2])
    width, alive = 1.0 - slip - guess, strength * kept
    by_row = practice.mean_by_row(alive)
    p = np.clip(guess + width * by_row, 1e-9, 1.0 - 1e-9)
    y = practice.correct
    value = float((y * np.log(p) + (1.0 - y) * np.log1p(-p)).sum())
    outer = (y - p) / (p * (1.0 - p))  # d value / d p
    to_pair = (outer / np.bincount(rows, minlength=len(y)))[rows] * width
    to_logit = to_pair * alive * (1.0 - strength)
    to_life = to_pair * alive * decay * passed / (1.0 + passed)  # d log recall / d log half_life
    slope = np.concatenate(
        [
            to_logit @ d.features,
            to_life @ d.life,
            np.bincount(items, to_logit, len(item_weights)),
            np.bincount(concepts, to_logit, len(concept_weights)),
            np.bincount(concepts, to_life, len(lives)),
            [
                to_logit.sum(),
                (outer * (1.0 - by_row)).sum() * guess * (1.0 - guess),
                -(outer * by_row).sum() * slip * (1.0 - slip),
            ],
        ]
    )
    return value, slope
