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

FEW = 30  # learners; a step of all costs about what it costs to follow so many one by one


def abilities(
    learners: np.ndarray,
    moments: np.ndarray,
    easiness: np.ndarray,
    correct: np.ndarray,
    variance: float,
    drift: float,
) -> np.ndarray:
    """(n, 2) mean and variance of each row's learner before the row. All arguments but the last two: (n,).

    All learners' next moments are one step, as long as many are left; the few who go on for longest (one
    learner of a log may have a tenth of it) are then followed one by one.
    """
    laid = Moments.of(learners, moments)
    means, variances = np.zeros(len(laid.starts)), np.full(len(laid.starts), float(variance))
    easy, right = easiness[laid.order], correct[laid.order]
    begun = np.flatnonzero(laid.first)
    lengths = np.diff(np.r_[begun, len(means)])  # moments of each learner
    by_length = np.argsort(-lengths, kind="stable")
    begun, lengths = begun[by_length], lengths[by_length]
    known = int(lengths[FEW]) if len(lengths) > FEW else 1  # moments before which the step is everybody's
    left = np.searchsorted(-lengths, -np.arange(known), side="left")  # learners with more moments than that
    for rank, n_left in enumerate(left[1:].tolist()):
        told = begun[:n_left] + rank
        mean, variance_ = means[told], variances[told]
        surprise, weight = _told(laid, told, easy, right, mean)
        means[told + 1], variances[told + 1] = moved(mean, variance_, surprise, weight, drift)
    is_last = np.r_[begins(laid.of_row)[1:], True]
    for first, length in zip(begun[:FEW].tolist(), lengths[:FEW].tolist(), strict=True):
        here, end = first + known - 1, first + length - 1
        if here < end:
            rows = slice(laid.starts[here], laid.starts[end])
            answers = easy[rows].tolist(), right[rows].tolist(), is_last[rows].tolist()
            later = _followed(*answers, float(means[here]), float(variances[here]), drift)
            means[here + 1 : end + 1], variances[here + 1 : end + 1] = zip(*later, strict=True)
    return laid.spread(np.stack([means, variances], axis=1))


def _told(
    laid: Moments, told: np.ndarray, easy: np.ndarray, right: np.ndarray, means: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(m,) sum of (correct - p) and of p (1 - p) of the moments `told` (m,), by what was believed before."""
    if len(laid.starts) == len(laid.order):  # no two answers at once
        return answered(easy[told] + means, right[told])
    sizes = laid.sizes[told]
    ends = np.cumsum(sizes)
    firsts = ends - sizes
    rows = np.arange(ends[-1]) + np.repeat(laid.starts[told] - firsts, sizes)
    surprise, weight = answered(easy[rows] + np.repeat(means, sizes), right[rows])
    return np.add.reduceat(surprise, firsts), np.add.reduceat(weight, firsts)


def ability_after(
    moments: np.ndarray, easiness: np.ndarray, correct: np.ndarray, variance: float, drift: float
) -> tuple[float, float]:
    """(mean, variance) of one learner after all of these answers: `abilities`, for one."""
    if not len(moments):
        return 0.0, variance
    order = np.argsort(moments, kind="stable")
    is_last = np.r_[begins(moments[order])[1:], True]
    answers = easiness[order].tolist(), correct[order].tolist(), is_last.tolist()
    return _followed(*answers, 0.0, variance, drift)[-1]


def _followed(
    easiness: list[float],
    correct: list[float],
    is_last: list[bool],
    mean: float,
    variance: float,
    drift: float,
) -> list[tuple[float, float]]:
    """(mean, variance) of one learner after each moment; is_last: whether an answer is its moment's last."""
    found, surprise, weight = [], 0.0, 0.0
    for easy, right, last in zip(easiness, correct, is_last, strict=True):
        logit = easy + mean
        p = 1.0 / (1.0 + exp(-logit)) if -BOUND < logit < BOUND else (1.0 - LOWEST if logit > 0 else LOWEST)
        surprise += right - p
        weight += p * (1.0 - p)
        if last:
            after = 1.0 / (1.0 / variance + weight)
            mean, variance = mean + after * surprise, after + drift
            found.append((mean, variance))
            surprise = weight = 0.0
    return found


def answered(logits: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(correct - p, p (1 - p)) of each answer."""
    p = squashed(logits)
    return correct - p, p * (1.0 - p)


def moved(
    mean: np.ndarray, variance: np.ndarray, surprise: np.ndarray, weight: np.ndarray, drift: float
) -> tuple[np.ndarray, np.ndarray]:
    """(m,) mean and variance of the next belief: surprise sum of (correct - p), weight sum of p (1 - p)."""
    after = 1.0 / (1.0 / variance + weight)
    return mean + after * surprise, after + drift


def of_belief(beliefs: np.ndarray) -> np.ndarray:
    """(m, b, 2) of b drifts -> (m, b + 1) features: each mean, and the variance of the first.

    The first drifts by 0, so each answer lowers its variance.
    """
    return np.hstack([beliefs[..., 0], beliefs[:, :1, 1]])
