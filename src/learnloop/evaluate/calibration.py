"""How good predicted probabilities are: ranking, loss, calibration, with intervals over learners.

Answers of one learner are not independent, so the bootstrap draws learners, never answers.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from learnloop.errors import BadInput

BINS = 10
_TINY = 1e-15  # log-loss of a certain and wrong prediction stays finite


def tracing_metrics(
    correct: np.ndarray,
    predicted: np.ndarray,
    learner_ids: np.ndarray,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> Mapping[str, Mapping[str, float]]:
    """{auc, log_loss, brier, ece} -> {value, low, high}: 95% percentile interval over learners.

    correct (n,) of 0 and 1, predicted (n,) in [0, 1], learner_ids (n,). AUC is the chance that a right
    answer was given more than a wrong one, ties half (Hanley & McNeil 1982), NaN where all answers are
    right or all wrong. ECE is the mean over 10 equal bins of |mean predicted - mean correct|, weighted by
    answers (Naeini et al. 2015). Raises BadInput for no rows, other shapes or values.
    """
    y, p = _checked(correct, predicted)
    codes, learners = pd.factorize(pd.Series(np.asarray(learner_ids)))
    if len(codes) != len(y):
        raise BadInput(f"{len(y)} answers but {len(codes)} learner_ids", field="learner_ids")
    ranked = _Ranked(y, p)
    n_learners = len(learners)
    times_drawn = np.ones((1 + n_bootstrap, n_learners))  # the first row is the data itself
    even = np.full(n_learners, 1 / n_learners)
    times_drawn[1:] = np.random.default_rng(seed).multinomial(n_learners, even, size=n_bootstrap)

    def per_learner(values: np.ndarray) -> np.ndarray:
        return times_drawn @ np.bincount(codes, weights=values, minlength=n_learners)

    n = per_learner(np.ones(len(y)))
    q = np.clip(p, _TINY, 1 - _TINY)
    cell = codes * BINS + _bin(p, BINS)
    gaps = np.bincount(cell, weights=p - y, minlength=n_learners * BINS).reshape(n_learners, BINS)
    samples = {
        "auc": np.array([ranked.auc(drawn[codes]) for drawn in times_drawn]),
        "log_loss": per_learner(-np.where(y > 0, np.log(q), np.log1p(-q))) / n,
        "brier": per_learner((p - y) ** 2) / n,
        "ece": np.abs(times_drawn @ gaps).sum(axis=1) / n,
    }
    return {name: _interval(values) for name, values in samples.items()}


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
    """The answers in order of prediction, once, so that each reweighting costs one pass."""

    def __init__(self, y: np.ndarray, p: np.ndarray) -> None:
        self.order = np.argsort(p, kind="stable")
        self.y = y[self.order]
        ranked = p[self.order]
        self.tie = np.r_[0, np.cumsum(ranked[1:] != ranked[:-1])]

    def auc(self, weights: np.ndarray) -> float:
        w = weights[self.order]
        right = np.bincount(self.tie, weights=w * self.y)
        wrong = np.bincount(self.tie, weights=w * (1 - self.y))
        pairs = right.sum() * wrong.sum()
        # each right answer beats the wrong ones below it, and half of those it ties with
        beaten = np.cumsum(wrong) - wrong / 2
        return float(right @ beaten / pairs) if pairs > 0 else float("nan")


def _interval(samples: np.ndarray) -> dict[str, float]:
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
