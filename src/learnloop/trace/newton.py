"""Logistic regression on some numbers, one item and some concepts a row: the posterior mode, by Newton.

    logit = b + x · slopes + beta_item + mean(delta_concepts)

Each row has exactly one item, so the items' block of the Hessian is diagonal: a step is solved exactly by a
Schur complement over b, slopes and concepts, whatever the number of items. On half a million answers a dozen
steps take seconds, where newton-cg and lbfgs need hundreds of passes.

Slopes may be held to a sign. A step is then the exact minimum of the quadratic under those bounds: all that
is free is eliminated (a Schur complement again), and what is left is a non-negative least squares problem
(Lawson & Hanson 1974).
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
    signs: np.ndarray | None = None,
) -> Weights:
    """The weights of highest posterior, with the prior N(0, prior_variance) on all but b.

    x (n, k); items (n,) codes; concept_matrix sparse (n, n_concepts), 1 / (concepts of the row) each;
    correct (n,) 0 or 1. b rests on half a right and half a wrong pseudo-answer, so one-sided data is finite.
    signs (k,): 1 where a slope must not be negative, -1 where not positive, 0 where it is free.
    """
    signs = np.zeros(x.shape[1]) if signs is None else signs
    found = Weights(0.0, np.zeros(x.shape[1]), np.zeros(n_items), np.zeros(concept_matrix.shape[1]))

    def loss(weights: Weights) -> float:
        logits = np.append(weights.logits(x, items, concept_matrix), [weights.intercept] * 2)
        signed = np.where(np.append(correct, [0.0, 1.0]) > 0, -logits, logits)
        each = np.logaddexp(0.0, signed)
        each[-2:] *= 0.5
        return float(each.sum()) + weights.squares() / (2 * prior_variance)

    now = loss(found)
    for _ in range(STEPS):
        step = _step(found, x, items, concept_matrix, correct, prior_variance, signs)
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
    signs: np.ndarray,
) -> Weights:
    from scipy import sparse

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
    others = _bounded(hessian, gradient, np.r_[0.0, found.slopes, found.concepts], np.r_[0.0, signs])
    own = (of_items - cross @ others[dense] - cross_con @ others[con]) / diagonal
    return Weights(float(others[0]), others[mid], own, others[con])


def _bounded(hessian: np.ndarray, gradient: np.ndarray, start: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """(o,) the step s of least s'Hs / 2 - gradient's where signs * (start + s) >= 0 (those there are)."""
    from scipy import linalg, optimize

    held = np.flatnonzero(signs)
    if not len(held):
        return np.asarray(linalg.solve(hessian, gradient, assume_a="pos"))
    free = np.setdiff1d(np.arange(len(gradient)), held)
    factor = linalg.cho_factor(hessian[np.ix_(free, free)])
    cross = hessian[np.ix_(free, held)]
    inner = hessian[np.ix_(held, held)] - cross.T @ linalg.cho_solve(factor, cross)
    pull = gradient[held] - cross.T @ linalg.cho_solve(factor, gradient[free]) + inner @ start[held]
    # |R b - R^-T pull|^2 / 2 with inner = R'R, over b = start + s of the signs asked for
    root = linalg.cholesky(inner)
    target = linalg.solve_triangular(root, pull, trans="T")
    size, _ = optimize.nnls(root * signs[held], target, maxiter=100 * len(held))
    step = np.empty(len(gradient))
    step[held] = size * signs[held] - start[held]
    step[free] = linalg.cho_solve(factor, gradient[free] - cross @ step[held])
    return step
