"""Answers and what each would be for an average learner in; each learner's ability, as believed then, out.

    P(correct) = sigmoid(easiness + theta),   theta ~ N(0, variance)

The belief in theta is a normal (mean, variance), moved by each moment's answers (a Laplace step from the
mean before them, as in the extended Kalman filter; Glickman 1999 does the same for chess players):

    w = p (1 - p),   1 / v' = 1 / v + sum w,   mean' = mean + v' sum (correct - p)

and v' + drift at the next moment, because abilities change.
"""

from math import exp

import numpy as np

from learnloop.trace.fading import Moments, begins
from learnloop.trace.logits import BOUND, LOWEST, squashed


def abilities(
    learners: np.ndarray,
    moments: np.ndarray,
    easiness: np.ndarray,
    correct: np.ndarray,
    variance: float,
    drift: float,
) -> np.ndarray:
    """(n, 2) mean and variance of each row's learner before the row. All arguments but the last two: (n,)."""
    belief = np.tile([0.0, variance], (len(learners), 1))
    if not len(learners):
        return belief
    laid = Moments.of(learners, moments)
    found = np.tile([0.0, variance], (len(laid.starts), 1))
    rows_easiness, rows_correct = easiness[laid.order], correct[laid.order]
    for now in laid.rounds[1:]:
        told = now - 1
        sizes = laid.sizes[told]
        ends = np.cumsum(sizes)
        rows = np.arange(ends[-1]) + np.repeat(laid.starts[told] - ends + sizes, sizes)
        logits = rows_easiness[rows] + np.repeat(found[told, 0], sizes)
        surprise, weight = answered(logits, rows_correct[rows])
        firsts = ends - sizes
        found[now] = moved(
            found[told], np.add.reduceat(surprise, firsts), np.add.reduceat(weight, firsts), drift
        )
    return laid.spread(found)


def ability_after(
    moments: np.ndarray, easiness: np.ndarray, correct: np.ndarray, variance: float, drift: float
) -> tuple[float, float]:
    """(mean, variance) of one learner after all of these answers: `abilities`, for one."""
    mean, surprise, weight = 0.0, 0.0, 0.0
    order = np.argsort(moments, kind="stable")
    ends = [*begins(moments[order])[1:].tolist(), True]  # of moments
    rows = easiness[order].tolist(), correct[order].tolist(), ends[: len(order)]
    for easy, right, is_last in zip(*rows, strict=True):
        logit = easy + mean
        p = 1.0 / (1.0 + exp(-logit)) if -BOUND < logit < BOUND else (1.0 - LOWEST if logit > 0 else LOWEST)
        surprise += right - p
        weight += p * (1.0 - p)
        if is_last:
            after = 1.0 / (1.0 / variance + weight)
            mean, variance = mean + after * surprise, after + drift
            surprise = weight = 0.0
    return mean, variance


def answered(logits: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(correct - p, p (1 - p)) of each answer."""
    p = squashed(logits)
    return correct - p, p * (1.0 - p)


def moved(belief: np.ndarray, surprise: np.ndarray, weight: np.ndarray, drift: float) -> np.ndarray:
    """(m, 2) the next belief: surprise (m,) sum of (correct - p), weight (m,) sum of p (1 - p)."""
    mean, variance = belief[:, 0], belief[:, 1]
    after = 1.0 / (1.0 / variance + weight)
    return np.stack([mean + after * surprise, after + drift], axis=1)


def of_belief(beliefs: np.ndarray) -> np.ndarray:
    """(m, b, 2) of b drifts -> (m, b + 1) features: each mean, and the variance of the first.

    The first drifts by 0, so each answer lowers its variance.
    """
    return np.hstack([beliefs[..., 0], beliefs[:, :1, 1]])
