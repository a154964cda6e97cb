"""How steeply P(right) of each question rises with the rest score, in units of the bank's typical slope.

    P(right) = c + (1 - c) / (1 + exp(-(a z - d))),   c about 1 / options, z the standardised rest score

A correlation is small for a very easy or very hard question, however good; the slope a is not. Its likelihood
is laid out over a grid, c and d profiled out (a very hard question whose key is guessed a little more often
than 1 in 4 is not flat); the interval and the test are those of the likelihood ratio (signed root). For the
scores, learners of the whole bank are put into BINS bins of equal size.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from learnloop.assess.intervals import LEVEL, Array

BINS = 15
SLOPES = np.linspace(-1.0, 4.0, 101)  # logits a standard deviation
SHIFTS = np.linspace(-6.0, 6.0, 61)
GUESSED = (0.5, 1.0, 1.5)  # c, of a fair guess
LEAST = 30  # answers of a question that the bank's typical slope counts
BLOCK = 64  # questions laid out at once


@dataclass(frozen=True)
class Slopes:
    """(n_questions,) each: slope / typical, its interval, p_flat; NaN without an answer. typical: a."""

    slope: Array
    low: Array
    high: Array
    p_flat: Array
    typical: float


def profile(codes: np.ndarray, correct: Array, score: Array, chances: Array, flat: float) -> Slopes:
    """codes: (n,) 0 .. n_questions - 1; correct: (n,) 0 or 1; score: (n,); chances: of a question.

    p_flat: of one side, how likely so flat a question is where its slope is `flat` of the typical one.
    """
    n_questions = len(chances)
    likelihood = np.zeros((n_questions, len(SLOPES)))
    if len(score):
        z = (score - score.mean()) / max(float(score.std()), 1e-9)
        edges = np.unique(np.quantile(z, np.linspace(0, 1, BINS + 1)[1:-1]))
        bins = np.searchsorted(edges, z, side="right")
        n_bins = len(edges) + 1
        middles = np.bincount(bins, z, n_bins) / np.maximum(np.bincount(bins, minlength=n_bins), 1)
        cells = codes * n_bins + bins
        total = np.bincount(cells, minlength=n_questions * n_bins).reshape(n_questions, n_bins).astype(float)
        right = np.bincount(cells, correct, n_questions * n_bins).reshape(n_questions, n_bins).astype(float)
        likelihood = _likelihood(right, total - right, middles, chances)
    n = np.bincount(codes, minlength=n_questions)
    best = likelihood.argmax(axis=1)
    slope = np.where(n > 0, SLOPES[best], np.nan)
    counted = slope[n >= LEAST]
    typical = max(float(np.median(counted)) if len(counted) else 1.0, 0.1)
    drop = 2 * (likelihood.max(axis=1, keepdims=True) - likelihood)
    within = drop <= stats.chi2.ppf(LEVEL, 1)
    low = SLOPES[within.argmax(axis=1)]
    high = SLOPES[len(SLOPES) - 1 - within[:, ::-1].argmax(axis=1)]
    bound = flat * typical
    at = np.array([np.interp(bound, SLOPES, row) for row in drop]) if n_questions else np.zeros(0)
    root = np.sign(slope - bound) * np.sqrt(np.maximum(at, 0))
    known = n > 0
    return Slopes(
        slope / typical,
        np.where(known, low / typical, np.nan),
        np.where(known, high / typical, np.nan),
        np.where(known, stats.norm.cdf(root), np.nan),
        typical,
    )


def _likelihood(right: Array, wrong: Array, middles: Array, chances: Array) -> Array:
    """(n_questions, slopes): the log-likelihood at the best guess and shift."""
    x = 1 / (1 + np.exp(-(SLOPES[:, None, None] * middles - SHIFTS[:, None])))  # (slopes, shifts, bins)
    found = np.full((len(right), len(SLOPES)), -np.inf)
    tried = {(chance, chance * part) for chance in np.unique(chances) for part in GUESSED}
    for chance, c in sorted(tried):
        p = np.clip(c + (1 - c) * x, 1e-9, 1 - 1e-9).reshape(-1, len(middles))
        log_right, log_wrong = np.log(p).T, np.log1p(-p).T
        places = np.flatnonzero(chances == chance)
        for start in range(0, len(places), BLOCK):
            block = places[start : start + BLOCK]
            both = right[block] @ log_right + wrong[block] @ log_wrong
            best = both.reshape(len(block), len(SLOPES), len(SHIFTS)).max(axis=2)
            found[block] = np.maximum(found[block], best)
    return found
