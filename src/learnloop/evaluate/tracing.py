"""How good tracers are: the honest number, and the leaky one that many papers report, never mixed.

Honest: each answer is predicted once, from what came before it. Leaky: an answer on k concepts is written k
times, once a concept, and each of the k is predicted and scored; the second sees the outcome of the first,
which is its own. The two have types of their own, and `choose` takes the honest one alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from learnloop.evaluate.calibration import (
    drawn_learners,
    sampled_interval,
    tracing_samples,
)
from learnloop.evaluate.ranking import holm

LEADING = "auc"  # chooses
COMPARED = ("auc", "log_loss")
LEAK = "leaky, not comparable: rows expanded by concept, every expanded row scored"


@dataclass(frozen=True)
class Honest:
    """n answers, each predicted once. learners: (n,) codes; correct: (n,) bool; predicted: (n,) in [0, 1]."""

    learners: np.ndarray
    correct: np.ndarray
    predicted: np.ndarray

    def within(self, rows: np.ndarray) -> "Honest":
        """Of the answers `rows`, a mask or places."""
        return Honest(self.learners[rows], self.correct[rows], self.predicted[rows])


@dataclass(frozen=True)
class Leaky:
    """The same of m >= n expanded rows, an answer coming once for each of its concepts."""

    learners: np.ndarray
    correct: np.ndarray
    predicted: np.ndarray


def expanded(answers: pd.DataFrame, timed: bool = True) -> tuple[pd.DataFrame, np.ndarray]:
    """(a row for each answer and concept, one after the other; (m,) the answer's place in `answers`).

    answers: ANSWERS by learner and time. timed: whether times say more than the order; rows of one answer
    are then a microsecond apart, otherwise all are a second apart. An answer without concepts stays a row.
    """
    lengths = np.maximum([len(concepts) for concepts in answers["concept_ids"]], 1).astype(np.int64)
    places = np.repeat(np.arange(len(answers)), lengths)
    rows = answers.iloc[places].reset_index(drop=True)
    flat = [(c,) for concepts in answers["concept_ids"] for c in concepts or ("",)]
    rows["concept_ids"] = pd.Series([one if one[0] else () for one in flat], dtype=object)
    codes, _ = pd.factorize(rows["learner_id"])
    place = np.arange(len(rows))
    if timed:
        micro = pd.DatetimeIndex(rows["occurred_at"]).as_unit("us").asi8
        micro = pd.Series(micro - place).groupby(codes).cummax().to_numpy() + place
    else:
        micro = 1_000_000 * pd.Series(codes).groupby(codes).cumcount().to_numpy()
    rows["occurred_at"] = pd.DatetimeIndex(micro.astype("datetime64[us]")).tz_localize("UTC")
    return rows, places


def plain(scored: Honest | Leaky) -> dict[str, float | None]:
    """{auc, accuracy, log_loss, brier, ece} without intervals; None where one is not defined."""
    everybody = np.ones((1, int(scored.learners.max()) + 1))
    samples = tracing_samples(scored.correct, scored.predicted, scored.learners, everybody)
    return {name: _finite(float(values[0])) for name, values in samples.items()}


class Intervals:
    """One set of resamples of the learners for all models and groups, so that differences are paired."""

    def __init__(self, n_learners: int, n_bootstrap: int, seed: int) -> None:
        self.drawn = drawn_learners(n_learners, n_bootstrap, seed)

    def samples(self, honest: Honest) -> dict[str, np.ndarray]:
        """Metric -> (1 + B,), the first of the data itself."""
        return tracing_samples(honest.correct, honest.predicted, honest.learners, self.drawn)

    def metrics(self, honest: Honest) -> dict[str, dict[str, float | None]]:
        """Metric -> {value, low, high}."""
        return told(self.samples(honest))

    def by_group(
        self, honest: Honest, labels: Mapping[str, np.ndarray]
    ) -> dict[str, dict[str, dict[str, Any]]]:
        """Kind -> label -> n, learners and each metric. labels: kind -> (n,) of str, "" for no group."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for kind, label in labels.items():
            codes, names = pd.factorize(label.astype(object))
            for code, name in sorted(enumerate(names), key=lambda one: _in_order(str(one[1]))):
                if name == "":
                    continue
                part = honest.within(codes == code)
                learners = len(np.unique(part.learners))
                entry = {"n": len(part.correct), "learners": learners, **self.metrics(part)}
                found.setdefault(kind, {})[str(name)] = entry
        return found


def told(samples: Mapping[str, np.ndarray]) -> dict[str, dict[str, float | None]]:
    """Metric -> {value, low, high}, None where one is not defined."""
    return {
        name: {part: _finite(value) for part, value in sampled_interval(values).items()}
        for name, values in samples.items()
    }


def choose(validated: Mapping[str, Sequence[Honest]]) -> str | None:
    """The model of the highest AUC on validation learners, the mean over folds; None where there is none.

    Of equals the first. Takes honest scores alone: raises TypeError on anything else.
    """
    found: dict[str, float] = {}
    for name, folds in validated.items():
        if not all(isinstance(fold, Honest) for fold in folds):
            raise TypeError(f"{name}: a model is chosen by honest scores alone")
        known = [value for fold in folds if (value := plain(fold)[LEADING]) is not None]
        if known and len(known) == len(folds):
            found[name] = float(np.mean(known))
    return max(found, key=lambda name: found[name]) if found else None


def compared(samples: Mapping[str, Mapping[str, np.ndarray]], a: str) -> list[dict[str, Any]]:
    """`a` less each other model: {a, b, metric, value, low, high, p_value, p_holm}, of AUC and log-loss.

    samples: model -> metric -> (1 + B,) of the same resamples (`Intervals.samples`). p is two-sided, from
    how often a resample's difference is on the other side of 0: 2 (1 + #) / (1 + B), at most 1; Holm (1979)
    corrects it within a metric.
    """
    found: list[dict[str, Any]] = []
    for metric in COMPARED:
        rows: list[dict[str, Any]] = []
        for name, values in samples.items():
            if name == a:
                continue
            difference = samples[a][metric] - values[metric]
            drawn = difference[1:][np.isfinite(difference[1:])]
            if not len(drawn) or not np.isfinite(difference[0]):
                continue
            beyond = min((drawn <= 0).sum(), (drawn >= 0).sum())
            p_value = min(1.0, 2 * (1 + int(beyond)) / (1 + len(drawn)))
            within = sampled_interval(difference)
            rows.append({"a": a, "b": name, "metric": metric, **within, "p_value": p_value})
        raised = holm([row["p_value"] for row in rows])
        found += [{**row, "p_holm": p} for row, p in zip(rows, raised, strict=True)]
    return found


def _in_order(label: str) -> tuple[float, str]:
    """Bands by their first number, names by the alphabet."""
    digits = re.match(r"\d+", label)
    return (float(digits[0]) if digits else np.inf, label)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
