"""Logistic regression on some numbers, one item and some concepts a row: the posterior mode, by Newton.

    logit = b + x · slopes + beta_item + mean(delta_concepts)

Each row has exactly one item, so the items' block of the Hessian is diagonal: a step is solved exactly by a
Schur complement over b, slopes and concepts, whatever the number of items. On half a million answers a dozen
steps take seconds, where newton-cg and lbfgs need hundreds of passes.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from learnloop.trace.logits import squashed

STEPS = 50


@dataclass
class Weights:
    """b, and what is added to it."""

    intercept: float
    slopes: np.ndarray  # (k,)
    items: np.ndarray  # (n_items,)
    concepts: np.ndarray  # (n_concepts,)

    def logits(self, x: np.ndarray, items: np.ndarray, concept_matrix: Any) -> np.ndarray:
        """(n,)"""
        return self.intercept + x @ self.slopes + self.items[items] + concept_matrix @ self.concepts

    def plus(self, other: "Weights", share: float) -> "Weights":
        return Weights(
            self.intercept + share * other.intercept,
            self.slopes + share * other.slopes,
            self.items + share * other.items,
            self.concepts + share * other.concepts,
        )

    @property
    def size(self) -> float:
        parts = (self.slopes, self.items, self.concepts)
        return max(abs(self.intercept), *(float(np.abs(part).max(initial=0.0)) for part in parts))

    def squares(self) -> float:
        return float((self.slopes**2).sum() + (self.items**2).sum() + (self.concepts**2).sum())


def mode(
    x: np.ndarray,
    items: np.ndarray,
    n_items: int,
    concept_matrix: Any,
    correct: np.ndarray,
    prior_variance: float,
    tolerance: float = 1e-8,
) -> Weights:
    """The weights of highest posterior, with the prior N(0, prior_variance) on all but b.

    x (n, k); items (n,) codes; concept_matrix sparse (n, n_concepts), 1 / (concepts of the row) each;
    correct (n,) 0 or 1. b rests on half a right and half a wrong pseudo-answer, so one-sided data is finite.
    """
    found = Weights(0.0, np.zeros(x.shape[1]), np.zeros(n_items), np.zeros(concept_matrix.shape[1]))

    def loss(weights: Weights) -> float:
        logits = np.append(weights.logits(x, items, concept_matrix), [weights.intercept] * 2)
        signed = np.where(np.append(correct, [0.0, 1.0]) > 0, -logits, logits)
        each = np.logaddexp(0.0, signed)
        each[-2:] *= 0.5
        return float(each.sum()) + weights.squares() / (2 * prior_variance)

    now = loss(found)
    for _ in range(STEPS):
        step = _step(found, x, items, concept_matrix, correct, prior_variance)
        share = 1.0
        while (then := loss(trial := found.plus(step, share))) > now + 1e-9 * abs(now) and share > 1e-4:
            share /= 2
        found, now = trial, then
        if step.size * share < tolerance:
            break
    return found


def _step(
    found: Weights,
    x: np.ndarray,
    items: np.ndarray,
    concept_matrix: Any,
    correct: np.ndarray,
    prior_variance: float,
) -> Weights:
    from scipy import linalg, sparse

    n, k = x.shape
    n_items = len(found.items)
    p = squashed(found.logits(x, items, concept_matrix))
    w, rest = p * (1 - p), correct - p
    base = float(squashed(np.array(found.intercept)))
    weighted = x * w[:, None]
    by_concept = concept_matrix.T.tocsr()
    by_item = sparse.csr_array((np.ones(n), (items, np.arange(n))), shape=(n_items, n))
    scaled = by_concept.multiply(w[None, :]).tocsr()

    ends = [0, 1, 1 + k, 1 + k + concept_matrix.shape[1]]
    one, mid, con = (slice(a, b) for a, b in pairwise(ends))
    hessian = np.zeros((ends[-1], ends[-1]))
    hessian[one, one] = w.sum() + base * (1 - base)
    hessian[one, mid] = weighted.sum(axis=0)
    hessian[one, con] = by_concept @ w
    hessian[mid, mid] = weighted.T @ x
    hessian[mid, con] = (by_concept @ weighted).T
    hessian[con, con] = (scaled @ concept_matrix).toarray()
    hessian = np.triu(hessian) + np.triu(hessian, 1).T
    inner = np.arange(1, ends[-1])
    hessian[inner, inner] += 1 / prior_variance
    gradient = np.r_[rest.sum() + 0.5 - base, x.T @ rest, by_concept @ rest]
    gradient[1:] -= np.r_[found.slopes, found.concepts] / prior_variance

    diagonal = np.bincount(items, w, n_items) + 1 / prior_variance
    of_items = np.bincount(items, rest, n_items) - found.items / prior_variance
    # (n_items, o): what an item shares with the others; its concepts' part is sparse
    cross = np.hstack([np.bincount(items, w, n_items)[:, None], by_item @ weighted])
    cross_con = (by_item @ scaled.T).tocsr()
    ready = cross / diagonal[:, None]
    ready_con = cross_con.multiply(1 / diagonal[:, None]).tocsr()
    dense = slice(0, 1 + k)
    hessian[dense, dense] -= cross.T @ ready
    both = (cross_con.T @ ready).T
    hessian[dense, con] -= both
    hessian[con, dense] -= both.T
    hessian[con, con] -= (cross_con.T @ ready_con).toarray()
    gradient -= np.r_[ready.T @ of_items, ready_con.T @ of_items]
    others = linalg.solve(hessian, gradient, assume_a="pos")
    own = (of_items - cross @ others[dense] - cross_con @ others[con]) / diagonal
    return Weights(float(others[0]), others[mid], own, others[con])
