"""Logistic regression on some numbers, one item and some concepts a row: the posterior mode, by Newton.

    logit = b + x · slopes + beta_item + mean(delta_concepts)

Each row has exactly one item, so the items' block of the Hessian is diagonal: a step is solved exactly by
Schur complements, first over the concepts, then over b and slopes, whatever the number of items. Of many
concepts (in a log without any, each item is its own) the block is nearly diagonal, and is factored as what
it is, sparse. On half a million answers a dozen steps take seconds, where newton-cg and lbfgs need hundreds
of passes.

Slopes may be held to a sign. A step is then the exact minimum of the quadratic under those bounds: all that
is free is eliminated (a Schur complement again), and what is left is a non-negative least squares problem
(Lawson & Hanson 1974).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from learnloop.trace.logits import squashed

STEPS = 50
DENSE = 1000  # concepts, up to which their block is factored as a dense one


@dataclass
class Weights:
    """b, and what is added to it."""

    intercept: float
    slopes: np.ndarray  # (k,)
    items: np.ndarray  # (n_items,)
    concepts: np.ndarray  # (n_concepts,)

    def logits(self, x: np.ndarray, items: np.ndarray, concept_matrix: Any) -> np.ndarray:
        """(n,)"""
        own = self.items[items] if len(self.items) else 0.0
        return self.intercept + x @ self.slopes + own + concept_matrix @ self.concepts

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
    correct (n,) 0 or 1; n_items 0: no row has one. b rests on half a right and half a wrong pseudo-answer, so
    one-sided data is finite.
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

    from scipy import sparse

    rows = np.arange(len(x)) if n_items else np.zeros(0, dtype=np.int64)
    by_item = sparse.csr_array((np.ones(len(rows)), (items[rows], rows)), shape=(n_items, len(x)))
    by_concept = concept_matrix.T.tocsr()
    now = loss(found)
    for _ in range(STEPS):
        p = squashed(found.logits(x, items, concept_matrix))
        step = _step(found, x, by_item, by_concept, p, correct - p, prior_variance, signs)
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
    by_item: Any,
    by_concept: Any,
    p: np.ndarray,
    rest: np.ndarray,
    prior_variance: float,
    signs: np.ndarray,
) -> Weights:
    """by_item (n_items, n), by_concept (n_concepts, n) sparse; p (n,) at `found`; rest (n,) correct - p."""
    from scipy import sparse

    w, precision = p * (1 - p), 1 / prior_variance
    base = float(squashed(np.array(found.intercept)))
    # d: b and slopes, c: concepts, i: items
    weighted = np.column_stack([w, x * w[:, None]])
    h_dd = np.vstack([weighted.sum(axis=0), x.T @ weighted])
    h_dd[np.diag_indices_from(h_dd)] += np.r_[base * (1 - base), np.full(x.shape[1], precision)]
    h_cd = by_concept @ weighted
    scaled = sparse.csr_array(
        (by_concept.data * w[by_concept.indices], by_concept.indices, by_concept.indptr),
        shape=by_concept.shape,
    )
    h_cc = scaled @ by_concept.T + precision * sparse.eye_array(len(found.concepts))
    h_ii = by_item @ w + precision
    h_id, h_ic = by_item @ weighted, (by_item @ scaled.T).tocsr()
    g_d = np.r_[rest.sum() + 0.5 - base, x.T @ rest - precision * found.slopes]
    g_c = by_concept @ rest - precision * found.concepts
    g_i = by_item @ rest - precision * found.items
    # without the items
    ready_d, ready_c = h_id / h_ii[:, None], h_ic.multiply(1 / h_ii[:, None]).tocsr()
    h_dd, h_cd, h_cc = h_dd - h_id.T @ ready_d, h_cd - h_ic.T @ ready_d, h_cc - h_ic.T @ ready_c
    g_d, g_c = g_d - ready_d.T @ g_i, g_c - ready_c.T @ g_i
    # without the concepts
    solved = solver(h_cc)
    away = solved(h_cd)
    start = np.r_[0.0, found.slopes]
    step_d = _bounded(h_dd - h_cd.T @ away, g_d - away.T @ g_c, start, np.r_[0.0, signs])
    step_c = solved(g_c - h_cd @ step_d)
    step_i = (g_i - h_id @ step_d - h_ic @ step_c) / h_ii
    return Weights(float(step_d[0]), step_d[1:], step_i, step_c)


def solver(matrix: Any) -> Callable[[np.ndarray], np.ndarray]:
    """b -> matrix^-1 b for a sparse positive definite (m, m) matrix; b (m,) or (m, k)."""
    from scipy import linalg
    from scipy.sparse.linalg import splu

    if not matrix.shape[0]:
        return lambda b: b
    if matrix.shape[0] <= DENSE:
        factor = linalg.cho_factor(matrix.toarray())
        return lambda b: np.asarray(linalg.cho_solve(factor, b))
    # positive definite: no pivoting is needed, and none keeps the factor as sparse as its order allows
    options = {"SymmetricMode": True}
    found = splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)
    return lambda b: np.asarray(found.solve(b))


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
