"""How good an at-risk estimate is, for whom, and how early; intervals draw learners, never enrolments.

Fairness looks at decisions (the flag) and at probabilities: selection rate, true and false positive rate
(Hardt, Price & Srebro 2016), and whether predicted and observed agree in each group (Kleinberg, Mullainathan
& Raghavan 2017, who show that not all of them can be equal where the base rates are not).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from learnloop.evaluate.calibration import (
    drawn_learners,
    reliability,
    sampled_interval,
    tracing_metrics,
    tracing_samples,
)

FLAGGED = 0.2  # a tutor's time is enough for so many
DIFFERENCE = 0.05  # a gap that is worth a look, if it is not chance
LEAST = 50  # learners of a group, for a verdict


def scores(
    at_risk: np.ndarray, predicted: np.ndarray, learner_ids: np.ndarray, n_bootstrap: int, seed: int
) -> dict[str, Any]:
    """auc, log_loss, brier, ece and, of the FLAGGED share with the highest estimates, precision and recall;
    each {value, low, high}; and the reliability table."""
    flagged = flags(predicted)
    told: dict[str, Any] = dict(tracing_metrics(at_risk, predicted, learner_ids, n_bootstrap, seed))
    told.update(decisions(at_risk, flagged, learner_ids, n_bootstrap, seed))
    told["reliability"] = reliability(at_risk, predicted).to_dict("records")
    return told


def decisions(
    at_risk: np.ndarray, flagged: np.ndarray, learner_ids: np.ndarray, n_bootstrap: int, seed: int
) -> dict[str, Any]:
    """precision, recall, selection of a flag; precision is NaN where nobody is flagged."""
    y, f = np.asarray(at_risk, dtype=float), np.asarray(flagged, dtype=float)
    drawn = draws(learner_ids, n_bootstrap, seed)
    hits, all_flagged, all_risk = drawn @ (y * f), drawn @ f, drawn @ y
    return {
        "precision": interval(_ratio(hits, all_flagged)),
        "recall": interval(_ratio(hits, all_risk)),
        "selection": interval(all_flagged / drawn.sum(axis=1)),
    }


def flags(predicted: np.ndarray, share: float = FLAGGED) -> np.ndarray:
    """(n,) bool: the `share` with the highest estimates; among equals those that come first."""
    n = round(share * len(predicted))
    chosen = np.zeros(len(predicted), dtype=bool)
    chosen[np.argsort(-predicted, kind="stable")[:n]] = True
    return chosen


def fairness(
    rows: pd.DataFrame,
    predicted: np.ndarray,
    columns: Sequence[str],
    n_bootstrap: int,
    seed: int,
) -> list[dict[str, Any]]:
    """A row a group of each of `columns`: n, base_rate, selection, tpr, fpr, bias (mean predicted minus share
    observed), each {value, low, high}, and `differs`: those in which the group differs from all others by
    more than DIFFERENCE with an interval that leaves out 0; for `bias`, from 0. Groups below LEAST get
    none."""
    y, f = rows["at_risk"].to_numpy(dtype=float), flags(predicted).astype(float)
    drawn = draws(rows["learner_id"].to_numpy(), n_bootstrap, seed)
    told = []
    for column in columns:
        labels = rows[column].to_numpy(dtype=str)
        for label in np.unique(labels):
            inside = (labels == label).astype(float)
            own, rest = (_rates(drawn, y, f, predicted, part) for part in (inside, 1 - inside))
            n = int(inside.sum())
            differs = [
                name
                for name in ("selection", "tpr", "fpr", "bias")
                if n >= LEAST and _apart(own[name] - (0.0 if name == "bias" else rest[name]))
            ]
            found = {name: interval(values) for name, values in own.items()}
            gaps = {name: interval(own[name] - rest[name]) for name in ("selection", "tpr", "fpr")}
            told.append(
                {"column": column, "group": str(label), "n": n, **found, "gap": gaps, "differs": differs}
            )
    return told


def _rates(
    drawn: np.ndarray, y: np.ndarray, f: np.ndarray, p: np.ndarray, part: np.ndarray
) -> dict[str, np.ndarray]:
    n, yes = drawn @ part, drawn @ (part * y)
    return {
        "base_rate": _ratio(yes, n),
        "selection": _ratio(drawn @ (part * f), n),
        "tpr": _ratio(drawn @ (part * f * y), yes),
        "fpr": _ratio(drawn @ (part * f * (1 - y)), n - yes),
        "bias": _ratio(drawn @ (part * (p - y)), n),
    }


def _apart(differences: np.ndarray) -> bool:
    found = interval(differences)
    return abs(found["value"]) > DIFFERENCE and (found["low"] > 0 or found["high"] < 0)


def lead_time(ends: pd.Series, first_flag: np.ndarray, days: Sequence[int]) -> dict[str, Any]:
    """ends: (n,) the day an at-risk learner withdrew, or was last seen; first_flag: (n,) the day of the first
    flag, NaN for none. Days from flag to end, of those who were there on the first of `days`."""
    lead = ends.to_numpy(dtype=float) - first_flag
    there = np.isfinite(lead)
    found = lead[there]
    if not len(found):
        return {"n": len(ends), "flagged": 0, "share": 0.0, "median": None, "quartiles": None}
    low, middle, high = np.quantile(found, [0.25, 0.5, 0.75])
    return {
        "n": len(ends),
        "flagged": int(there.sum()),
        "share": float(there.mean()),
        "median": float(middle),
        "quartiles": [float(low), float(high)],
        "first_flag": {str(day): int((first_flag == day).sum()) for day in days},
    }


def draws(learner_ids: np.ndarray, n_bootstrap: int, seed: int) -> np.ndarray:
    """(1 + n_bootstrap, n) how often each row is drawn; the first row is the data itself."""
    codes, names = pd.factorize(pd.Series(np.asarray(learner_ids)))
    even = np.full(len(names), 1 / len(names))
    counts = np.random.default_rng(seed).multinomial(len(names), even, size=n_bootstrap)
    return np.vstack([np.ones(len(codes), dtype=float), counts[:, codes]])


def interval(samples: np.ndarray) -> dict[str, float]:
    """{value, low, high} of samples whose first is the value; NaN where there is none."""
    drawn = samples[1:][np.isfinite(samples[1:])]
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
    return {"value": float(samples[0]), "low": float(low), "high": float(high)}


def difference(
    at_risk: np.ndarray,
    one: np.ndarray,
    other: np.ndarray,
    learner_ids: np.ndarray,
    n_bootstrap: int,
    seed: int,
) -> dict[str, Mapping[str, float]]:
    """AUC and Brier of `one` minus those of `other` on the same learners."""
    y = np.asarray(at_risk, dtype=float)
    codes, learners = pd.factorize(pd.Series(np.asarray(learner_ids)))
    drawn = drawn_learners(len(learners), n_bootstrap, seed)
    of_one, of_other = (tracing_samples(y, p, codes, drawn) for p in (one, other))
    return {name: sampled_interval(of_one[name] - of_other[name]) for name in ("auc", "brier")}


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
