"""How good predicted probabilities are: ranking, loss, calibration, with intervals over learners.

Answers of one learner are not independent, so the bootstrap draws learners, never answers.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from learnloop.errors import BadInput

TRACING_METRICS = ("auc", "accuracy", "log_loss", "brier", "ece")
BINS = 10
BLOCK = 64  # resamples at a time
MOST_STEPS = 4096  # of predictions, in a resample's AUC
_TINY = 1e-15  # log-loss of a certain and wrong prediction stays finite


def tracing_metrics(
    correct: np.ndarray,
    predicted: np.ndarray,
    learner_ids: np.ndarray,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> Mapping[str, Mapping[str, float]]:
    """{auc, accuracy, log_loss, brier, ece} -> {value, low, high}: 95% percentile interval over learners.

    correct (n,) of 0 and 1, predicted (n,) in [0, 1], learner_ids (n,). AUC is the chance that a right
    answer was given more than a wrong one, ties half (Hanley & McNeil 1982), NaN where all answers are
    right or all wrong. Accuracy is the share of answers on the right side of .5, which itself says right.
    ECE is the mean over 10 equal bins of |mean predicted - mean correct|, weighted by answers (Naeini et
    al. 2015). Raises BadInput for no rows, other shapes or values.
    """
    y, p = _checked(correct, predicted)
    codes, learners = pd.factorize(pd.Series(np.asarray(learner_ids)))
    if len(codes) != len(y):
        raise BadInput(f"{len(y)} answers but {len(codes)} learner_ids", field="learner_ids")
    samples = tracing_samples(y, p, codes, drawn_learners(len(learners), n_bootstrap, seed))
    return {name: sampled_interval(values) for name, values in samples.items()}


def drawn_learners(n_learners: int, n_bootstrap: int, seed: int = 0) -> np.ndarray:
    """(1 + n_bootstrap, n_learners): how often each resample draws each learner; the first is the data."""
    even = np.full(n_learners, 1 / n_learners)
    drawn = np.ones((1 + n_bootstrap, n_learners), dtype=np.uint16)
    drawn[1:] = np.random.default_rng(seed).multinomial(n_learners, even, size=n_bootstrap)
    return drawn


def tracing_samples(
    correct: np.ndarray, predicted: np.ndarray, codes: np.ndarray, drawn: np.ndarray
) -> dict[str, np.ndarray]:
    """{auc, accuracy, log_loss, brier, ece} -> (1 + B,): of the data, and of each resample of learners.

    codes: (n,) learners of the answers, columns of `drawn` (1 + B, n_learners), as of `drawn_learners`.
    NaN where a resample has no answer, or for the AUC no right or no wrong one. Two models measured on the
    same `drawn` can be compared resample by resample. Raises BadInput for no rows, other shapes or values.
    """
    y, p = _checked(correct, predicted)
    n_learners = drawn.shape[1]
    q = np.clip(p, _TINY, 1 - _TINY)
    cell = codes * BINS + _bin(p, BINS)
    each = (np.ones(len(y)), (p >= 0.5) == (y > 0), -np.where(y > 0, np.log(q), np.log1p(-q)), (p - y) ** 2)
    sums = np.column_stack([np.bincount(codes, weights=v, minlength=n_learners) for v in each])
    gaps = np.bincount(cell, weights=p - y, minlength=n_learners * BINS).reshape(n_learners, BINS)
    ranked = _Ranked(y, p, codes, n_learners)
    found = np.empty((len(drawn), 5))
    for start in range(0, len(drawn), BLOCK):
        block = drawn[start : start + BLOCK].astype(float)
        n, right, loss, brier = (block @ sums).T
        with np.errstate(invalid="ignore", divide="ignore"):
            ece = np.abs(block @ gaps).sum(axis=1) / n
            found[start : start + BLOCK] = np.column_stack(
                [ranked.aucs(block), right / n, loss / n, brier / n, ece]
            )
    found[:, 0] += ranked.exact() - found[0, 0]
    return dict(zip(TRACING_METRICS, found.T, strict=True))


def reliability(correct: np.ndarray, predicted: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """One row a non-empty bin of equal width: low, high, n, predicted (mean), observed (share right)."""
    y, p = _checked(correct, predicted)
    codes = _bin(p, bins)
    n = np.bincount(codes, minlength=bins)
    some = n > 0
    edges = np.arange(bins + 1) / bins
    return pd.DataFrame(
        {
            "low": edges[:-1][some],
            "high": edges[1:][some],
            "n": n[some],
            "predicted": np.bincount(codes, weights=p, minlength=bins)[some] / n[some],
            "observed": np.bincount(codes, weights=y, minlength=bins)[some] / n[some],
        }
    )


class _Ranked:
    """The answers in order of prediction, once, so that a block of reweightings costs one product.

    Above MOST_STEPS different predictions a resample's AUC is of as many steps of equally many answers;
    what that shifts the data's own AUC by is taken off every resample.
    """

    def __init__(self, y: np.ndarray, p: np.ndarray, codes: np.ndarray, n_learners: int) -> None:
        from scipy.sparse import csr_array

        order = np.argsort(p, kind="stable")
        ranked = p[order]
        tie = np.empty(len(p), dtype=np.int64)
        tie[order] = np.r_[0, np.cumsum(ranked[1:] != ranked[:-1])]
        self.y, self.tie = y, tie
        steps = tie
        if tie.max() >= MOST_STEPS:
            first = np.searchsorted(tie[order], np.arange(tie.max() + 1))
            steps = first[tie] * MOST_STEPS // len(p)
        shape = (n_learners, int(steps.max()) + 1)
        self.right, self.wrong = (
            csr_array((weights, (codes, steps)), shape=shape).T.tocsr() for weights in (y, 1 - y)
        )

    def aucs(self, weights: np.ndarray) -> np.ndarray:
        """(b,) for weights (b, n_learners)."""
        return _auc((self.right @ weights.T).T, (self.wrong @ weights.T).T)

    def exact(self) -> float:
        """Of the answers as they are."""
        right, wrong = np.bincount(self.tie, weights=self.y), np.bincount(self.tie, weights=1 - self.y)
        return float(_auc(right[None], wrong[None])[0])


def _auc(right: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """(b,) for right and wrong answers (b, steps) by predicted step, from low to high."""
    pairs = right.sum(axis=1) * wrong.sum(axis=1)
    # each right answer beats the wrong ones below it, and half of those it ties with
    beaten = np.cumsum(wrong, axis=1) - wrong / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, (right * beaten).sum(axis=1) / pairs, np.nan)


def sampled_interval(samples: np.ndarray) -> dict[str, float]:
    """{value, low, high} of (1 + B,) samples, the first of which is the data's own."""
    value, drawn = float(samples[0]), samples[1:]
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return {"value": value, "low": float("nan"), "high": float("nan")}
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"value": value, "low": float(low), "high": float(high)}


def _bin(p: np.ndarray, bins: int) -> np.ndarray:
    return np.minimum((p * bins).astype(np.int64), bins - 1)


def _checked(correct: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, p = np.asarray(correct, dtype=float), np.asarray(predicted, dtype=float)
    if not len(y) or y.shape != p.shape or y.ndim != 1:
        raise BadInput(f"answers {y.shape} and predictions {p.shape} do not pair up", field="predicted")
    if not np.isin(y, (0.0, 1.0)).all():
        raise BadInput("an answer is neither right nor wrong", field="correct")
    if not ((p >= 0) & (p <= 1)).all():
        raise BadInput("a prediction is not in [0, 1]", field="predicted")
    return y, p
