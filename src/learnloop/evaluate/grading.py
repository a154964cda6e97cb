"""How well a grader grades: F1 of both marks, calibration, and what is gained by asking the teacher.

y [1, 0, 1, …], probability [.9, .4, .5, …], right [1, 0, 1, …] -> {"macro_f1": .71, …, "abstention": […]}
"""

from typing import Any

import numpy as np

from learnloop.evaluate.calibration import reliability, tracing_metrics

Array = np.ndarray[Any, Any]
STEPS = 10


def f1_scores(right: Array, y: Array) -> dict[str, float]:
    """macro_f1: mean of the F1 of both marks; weighted_f1: by how often each is true.

    As SemEval-2013 task 7 has them (Dzikovska et al. 2013). right, y: (n,) bool.
    """
    each, weights = [], []
    for mark in (True, False):
        hits = ((right == mark) & (y == mark)).sum()
        total = (right == mark).sum() + (y == mark).sum()
        each.append(2 * hits / total if total else 0.0)
        weights.append((y == mark).sum())
    return {
        "macro_f1": float(np.mean(each)),
        "weighted_f1": float(np.average(each, weights=weights)),
        "f1_right": float(each[0]),
        "f1_wrong": float(each[1]),
    }


def grading_metrics(
    y: Array,
    probability: Array,
    right: Array,
    sure: Array,
    question_ids: Array,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> dict[str, Any]:
    """All of it for (n,) answers: y and right bool, probability in [0, 1], sure bool.

    Intervals are over questions: answers to one question are not independent. `majority` is the F1 of whoever
    gives everybody the commoner mark. `abstention`: the surest share first, {coverage, accuracy, macro_f1}.
    """
    questions = np.asarray(question_ids)
    measured = tracing_metrics(y.astype(float), probability, questions, n_bootstrap, seed)
    common = np.full(len(y), y.mean() >= 0.5)
    confidence = np.where(right, probability, 1 - probability)
    order = np.argsort(-confidence, kind="stable")
    curve = []
    for step in range(1, STEPS + 1):
        part = order[: max(1, round(len(y) * step / STEPS))]
        curve.append(
            {
                "coverage": len(part) / len(y),
                "accuracy": float((right == y)[part].mean()),
                "macro_f1": f1_scores(right[part], y[part])["macro_f1"],
            }
        )
    return {
        "answers": len(y),
        "questions": len(np.unique(questions)),
        "share_right": float(y.mean()),
        **f1_scores(right, y),
        "macro_f1_interval": _interval(right, y, questions, n_bootstrap, seed),
        "accuracy": float((right == y).mean()),
        "auc": dict(measured["auc"]),
        "brier": dict(measured["brier"]),
        "ece": dict(measured["ece"]),
        "majority": f1_scores(common, y)["macro_f1"],
        "sure": float(sure.mean()),
        "accuracy_where_sure": float((right == y)[sure].mean()) if sure.any() else None,
        "abstention": curve,
        "reliability": reliability(y.astype(float), probability).to_dict("records"),
    }


def _interval(right: Array, y: Array, questions: Array, n_bootstrap: int, seed: int) -> list[float]:
    """95% percentile interval of macro-F1 over resampled questions."""
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(questions == one) for one in np.unique(questions)]
    found = []
    for _ in range(n_bootstrap):
        drawn = generator.integers(0, len(members), len(members))
        rows = np.concatenate([members[one] for one in drawn])
        found.append(f1_scores(right[rows], y[rows])["macro_f1"])
    return [float(one) for one in np.percentile(found, [2.5, 97.5])] if found else []
