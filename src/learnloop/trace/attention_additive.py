"""The part of the attention tracer that needs no network: easiness of items and concepts, and practice.

    z = b + easiness_item + mean(easiness_concepts) + slopes . features

A convex problem. What the network learns from is cross-fitted: a learner's answers stand beside weights
that come from other learners alone. With weights that had seen those very answers the network learns to
trust easiness too much: on EdNet-small, with seven answers an item, the log-loss on new learners went from
.624 to .673 within two epochs while that on the training learners went down.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from learnloop.trace.attention_rows import Rows

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Additive:
    """Weights in logits. The items' tables hold the items, the average item of each concept, and at the end
    one 0 for the unseen (code -1), as the concepts' does."""

    intercept: float
    slopes: np.ndarray  # (n_features,)
    items: np.ndarray  # (n_items + n_concepts + 1,) easiness
    concepts: np.ndarray  # (n_concepts + 1,)
    support: np.ndarray  # (n_items + n_concepts + 1,) log(1 + answers that the item's easiness rests on)

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: np.atleast_1d(value) for name, value in vars(self).items()}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> "Additive":
        return cls(**{**arrays, "intercept": float(arrays["intercept"][0])})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Inputs:
    """What the network is told of n answers beside the rows themselves."""

    logits: np.ndarray  # (n,) of the additive part
    easiness: np.ndarray  # (n,) of the item, in logits
    features: np.ndarray  # (n, n_features + 1) the rows' features and the item's support


def fit(rows: Rows, own: np.ndarray, variance: float) -> Additive:
    """The posterior mode from the rows `own` (possibly none); weights have the prior N(0, variance).

    b rests on half a right and half a wrong pseudo-answer, so that one-sided data has an answer too.
    """
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    n_items, k = rows.n_items, rows.features.shape[1]
    matrix = sparse.vstack([_design(rows, own), sparse.csr_array((2, k + n_items + rows.n_concepts))])
    solver = LogisticRegression(C=variance, solver="newton-cg", tol=TOLERANCE, max_iter=200)
    weights = np.append(np.ones(len(own)), [0.5, 0.5])
    solver.fit(matrix.tocsr(), np.append(rows.correct[own], [0.0, 1.0]), sample_weight=weights)
    slopes, items, concepts = np.split(solver.coef_[0], [k, k + n_items])
    tries = np.bincount(rows.items[own], minlength=n_items)
    average = averages(rows, own)
    return Additive(
        intercept=float(solver.intercept_[0]),
        slopes=slopes,
        items=extended(items, average),
        concepts=np.append(concepts, 0.0),
        support=extended(np.log1p(tries), average),
    )


def averages(rows: Rows, own: np.ndarray) -> Any:
    """(n_concepts, n_items) sparse: each item's share of the answers on a concept; 0 where there are none."""
    from scipy import sparse

    which, slots = np.nonzero(rows.concepts[own] >= 0)
    places = (rows.concepts[own][which, slots], rows.items[own][which])
    counts = sparse.csr_array((np.ones(len(which)), places), shape=(rows.n_concepts, rows.n_items))
    totals = np.maximum(counts.sum(axis=1), 1)
    return sparse.diags_array(1 / totals) @ counts


def extended(table: np.ndarray, average: Any) -> np.ndarray:
    """table (n_items, ...) with the average item of each concept and a 0 for the unseen behind it."""
    return np.concatenate([table, average @ table, np.zeros_like(table[:1])])


def _design(rows: Rows, own: np.ndarray) -> Any:
    """Sparse: the features, one 1 for the item, shares for the concepts."""
    from scipy import sparse

    n = len(own)
    items = sparse.csr_array((np.ones(n), (np.arange(n), rows.items[own])), shape=(n, rows.n_items))
    which, slots = np.nonzero(rows.concepts[own] >= 0)
    shares = (rows.shares[own][which, slots], (which, rows.concepts[own][which, slots]))
    concepts = sparse.csr_array(shares, shape=(n, rows.n_concepts))
    return sparse.hstack([sparse.csr_array(rows.features[own]), items, concepts])


def inputs(model: Additive, rows: Rows, items: np.ndarray, concepts: np.ndarray) -> Inputs:
    """items (n,) and concepts (n, most): codes of the model, -1 for the unseen."""
    easiness = model.items[items]
    logits = model.intercept + easiness + (model.concepts[concepts] * rows.shares).sum(axis=1)
    logits = logits + (rows.features * model.slopes).sum(axis=1)
    return Inputs(logits, easiness, np.column_stack([rows.features, model.support[items]]))


def cross_fitted(rows: Rows, folds: np.ndarray, variance: float) -> tuple[Additive, Inputs]:
    """(the weights from everybody, the inputs of each row from the weights of the other folds).

    folds: (n_learners,) the fold of each learner.
    """
    whole = fit(rows, np.arange(len(rows)), variance)
    by_row = np.repeat(folds, np.diff(rows.starts))
    logits, easiness = np.zeros(len(rows)), np.zeros(len(rows))
    features = np.zeros((len(rows), rows.features.shape[1] + 1))
    for fold in range(int(folds.max(initial=0)) + 1):
        mine = by_row == fold
        others = fit(rows, np.flatnonzero(~mine), variance)
        told = inputs(others, rows, rows.items, rows.concepts)
        logits[mine], easiness[mine], features[mine] = (
            told.logits[mine],
            told.easiness[mine],
            told.features[mine],
        )
    return whole, Inputs(logits, easiness, features)
