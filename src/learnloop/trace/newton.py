"""Logistic regression on some numbers, one item and some concepts a row: the posterior mode, by Newton.

    logit = b + x · slopes + beta_item + mean(delta_concepts)

Rows of the same item and the same concepts are one kind: whatever is not about x is summed over the rows of a
kind first. Each row has at most one item, so the items' block of the Hessian is diagonal: a step is solved
exactly by Schur complements, first over the concepts, then over b and slopes, whatever the number of items.
Of many concepts (in a log without any, each item is its own) the block is nearly diagonal, and is factored as
a sparse one. Near the mode the curvature hardly changes, so the last one is kept and a step costs a gradient
alone (the chord method). A fit is some ten passes over the rows, where newton-cg and lbfgs need hundreds.

Slopes may be held to a sign. A step is then the exact minimum of the quadratic under those bounds: all that
is free is eliminated (a Schur complement again), and what is left is a non-negative least squares problem
(Lawson & Hanson 1974).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from learnloop.trace.logits import squashed

STEPS = 60
NEAR = 0.02  # logits; a shorter step than that changes the curvature by as little
DENSE = 1000  # concepts, up to which their block is factored as a dense one
BLOCK = 2048  # rows, so many that they stay in a core's cache


@dataclass
class Weights:
    """b, and what is added to it."""

    intercept: float
    slopes: np.ndarray  # (k,)
    items: np.ndarray  # (n_items,)
    concepts: np.ndarray  # (n_concepts,)

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


@dataclass(frozen=True)
class Design:
    """What n rows are of: those of one item with the same concepts are a kind, and stand together."""

    sizes: np.ndarray  # (g,) rows of each kind, possibly none
    by_item: Any  # sparse (n_items, g), 1 where the kind is of the item; no items: (0, g)
    concepts: Any  # sparse (g, n_concepts), 1 / (concepts of the kind) each

    @classmethod
    def of(cls, sizes: np.ndarray, items: np.ndarray, n_items: int, concepts: Any) -> Self:
        """items: (g,) codes; with n_items 0, rows have none."""
        from scipy import sparse

        kinds = np.arange(len(sizes) if n_items else 0)
        by_item = sparse.csr_array((np.ones(len(kinds)), (items[kinds], kinds)), shape=(n_items, len(sizes)))
        return cls(sizes, by_item, concepts.tocsr())

    @cached_property
    def starts(self) -> np.ndarray:
        """(g + 1,) the first row of each kind, and where the last one ends."""
        return np.r_[0, np.cumsum(self.sizes)]

    @cached_property
    def by_concept(self) -> Any:
        return self.concepts.T.tocsr()

    def only(self, rows: np.ndarray) -> "Design":
        """The rows that are True, (n,)."""
        return Design(
            (self.sums(rows * 1.0) @ np.ones(len(rows))).astype(np.int64), self.by_item, self.concepts
        )

    def sums(self, values: np.ndarray) -> Any:
        """Sparse (g, n): times a matrix of rows, the sums over each kind's, weighted with `values`."""
        from scipy import sparse

        n = int(self.starts[-1])
        return sparse.csr_array((values, np.arange(n), self.starts), shape=(len(self.sizes), n))

    def summed(self, x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(g, 1 + k) sums of [1, x] over each kind, (1 + k, 1 + k) of products over all; w (n,): weights."""
        sums = self.sums(w)
        of_kind = np.column_stack([sums @ np.ones(len(w)), sums @ x])
        products = np.zeros((of_kind.shape[1],) * 2)
        root = np.sqrt(w)[:, None]
        for start in range(0, len(x), BLOCK):
            some = x[start : start + BLOCK] * root[start : start + BLOCK]
            products[1:, 1:] += some.T @ some
        products[0] = products[:, 0] = of_kind.sum(axis=0)
        return of_kind, products

    def logits(self, x: np.ndarray, weights: Weights) -> np.ndarray:
        """(n,)"""
        return x @ weights.slopes + np.repeat(self.of_kinds(weights), self.sizes)

    def of_kinds(self, weights: Weights) -> np.ndarray:
        """(g,) the logit of each kind where x is 0."""
        return weights.intercept + self.by_item.T @ weights.items + self.concepts @ weights.concepts

    def scaled(self, weights: np.ndarray) -> Any:
        """Sparse (g, n_concepts): the concepts of each kind times its weight."""
        from scipy import sparse

        concepts = self.concepts
        data = concepts.data * np.repeat(weights, np.diff(concepts.indptr))
        return sparse.csr_array((data, concepts.indices, concepts.indptr), shape=concepts.shape)


@dataclass(frozen=True)
class Curvature:
    """Minus the second derivative of the log posterior, as a step needs it; d: b and slopes, i: items."""

    items: np.ndarray  # (n_items,) the diagonal of their block
    items_d: np.ndarray  # (n_items, 1 + k)
    items_concepts: Any  # sparse (n_items, n_concepts)
    without_concepts: np.ndarray  # (1 + k, 1 + k) of d, items and concepts eliminated
    concepts_d: np.ndarray  # (n_concepts, 1 + k), items eliminated
    solved: Callable[[np.ndarray], np.ndarray]  # the inverse of the concepts' block, items eliminated, times

    @classmethod
    def of(cls, x: np.ndarray, design: Design, w: np.ndarray, base: float, prior_variance: float) -> Self:
        """w: (n,) p (1 - p) of the rows; base: that of the intercept alone, of the pseudo-answers."""
        from scipy import sparse

        precision = 1 / prior_variance
        of_kind, d = design.summed(x, w)
        d[np.diag_indices_from(d)] += np.r_[base, np.full(x.shape[1], precision)]
        scaled = design.scaled(of_kind[:, 0])
        items = design.by_item @ of_kind[:, 0] + precision
        items_d, items_concepts = design.by_item @ of_kind, design.by_item @ scaled
        concepts = design.by_concept @ scaled + precision * sparse.eye_array(scaled.shape[1])
        concepts_d = design.by_concept @ of_kind
        # without the items, H - (D^-1/2 H_i)' D^-1/2 H_i, and then without the concepts
        root = np.sqrt(items)
        ready, ready_concepts = items_d / root[:, None], items_concepts.T.tocsr()
        ready_concepts.data /= root[ready_concepts.indices]
        d -= ready.T @ ready
        concepts_d -= ready_concepts @ ready
        solved = solver(concepts - ready_concepts @ ready_concepts.T)
        return cls(items, items_d, items_concepts, d - concepts_d.T @ solved(concepts_d), concepts_d, solved)

    def step(
        self,
        of_d: np.ndarray,
        of_items: np.ndarray,
        of_concepts: np.ndarray,
        start: np.ndarray,
        signs: np.ndarray,
    ) -> Weights:
        """From the gradient; start (1 + k,): b and slopes so far, signs (1 + k,) which they may have."""
        ready = of_items / self.items
        of_concepts = of_concepts - self.items_concepts.T @ ready
        of_d = of_d - self.items_d.T @ ready - self.concepts_d.T @ self.solved(of_concepts)
        d = _bounded(self.without_concepts, of_d, start, signs)
        concepts = self.solved(of_concepts - self.concepts_d @ d)
        items = (of_items - self.items_d @ d - self.items_concepts @ concepts) / self.items
        return Weights(float(d[0]), d[1:], items, concepts)


@dataclass(frozen=True)
class Posterior:
    """Of what the weights are the mode; rows as in `design`."""

    x: np.ndarray  # (n, k)
    design: Design
    correct: np.ndarray  # (n,) 0 or 1
    prior_variance: float

    def loss(self, weights: Weights, logits: np.ndarray) -> float:
        """Minus its log, but for a constant. -log p = log(1 + exp(logit)) - correct · logit"""
        b = weights.intercept
        rows = float(_softplus(logits).sum() - self.correct @ logits)
        pseudo = float(_softplus(np.array(b))) - b / 2
        return rows + pseudo + weights.squares() / (2 * self.prior_variance)

    def gradient(self, weights: Weights, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the log, by b and slopes, by items and by concepts; p (n,) at the weights."""
        rest = self.correct - p
        of_kind = self.design.sums(rest) @ np.ones(len(rest))
        base = float(squashed(np.array(weights.intercept)))
        return (
            np.r_[of_kind.sum() + 0.5 - base, rest @ self.x - weights.slopes / self.prior_variance],
            self.design.by_item @ of_kind - weights.items / self.prior_variance,
            self.design.by_concept @ of_kind - weights.concepts / self.prior_variance,
        )

    def curvature(self, weights: Weights, p: np.ndarray) -> Curvature:
        base = float(squashed(np.array(weights.intercept)))
        return Curvature.of(self.x, self.design, p * (1 - p), base * (1 - base), self.prior_variance)


def mode(
    x: np.ndarray,
    design: Design,
    correct: np.ndarray,
    prior_variance: float,
    tolerance: float = 1e-8,
    signs: np.ndarray | None = None,
    start: Weights | None = None,
) -> Weights:
    """The weights of highest posterior, with the prior N(0, prior_variance) on all but b.

    x (n, k); correct (n,) 0 or 1; rows as in `design`. b rests on half a right and half a wrong
    pseudo-answer, so one-sided data is finite. tolerance: about how far a weight may stay from the mode.
    signs (k,): 1 where a slope must not be negative, -1 where not positive, 0 where it is free.
    start: weights to begin from.
    """
    k, n_items, n_concepts = x.shape[1], design.by_item.shape[0], design.concepts.shape[1]
    signs = np.r_[0.0, np.zeros(k) if signs is None else signs]
    posterior = Posterior(x, design, correct, prior_variance)
    found = start or Weights(0.0, np.zeros(k), np.zeros(n_items), np.zeros(n_concepts))
    logits = design.logits(x, found)
    now, size = posterior.loss(found, logits), np.inf
    curvature: Curvature | None = None
    for _ in range(STEPS):
        p = squashed(logits)
        curvature = curvature or posterior.curvature(found, p)
        step = curvature.step(*posterior.gradient(found, p), np.r_[0.0, found.slopes], signs)
        share = 2.0
        while share > 1e-4:
            share /= 2
            logits = design.logits(x, trial := found.plus(step, share))
            if (then := posterior.loss(trial, logits)) <= now + 1e-9 * abs(now):
                break
        found, now = trial, then
        last, size = size, step.size * share
        shorter = size / last if size < last < np.inf else 1.0  # than the last one; so will be the next
        if size * shorter < tolerance:
            break
        if size > NEAR or shorter > 0.25:
            curvature = None
    return found


def _softplus(logits: np.ndarray) -> np.ndarray:
    """log(1 + exp(x))"""
    return np.maximum(logits, 0.0) + np.log1p(np.exp(-np.abs(logits)))


def solver(matrix: Any) -> Callable[[np.ndarray], np.ndarray]:
    """b -> matrix^-1 b for a sparse positive definite (m, m) matrix; b (m,) or (m, j)."""
    from scipy import linalg
    from scipy.sparse.linalg import splu

    diagonal = matrix.diagonal()
    if matrix.count_nonzero() == len(diagonal):  # none shares an item with another
        return lambda b: b / (diagonal if b.ndim == 1 else diagonal[:, None])
    if matrix.shape[0] <= DENSE:
        factor = linalg.cho_factor(matrix.toarray())
        return lambda b: np.asarray(linalg.cho_solve(factor, b))
    # positive definite: no pivoting is needed, and without it the order keeps the factor sparse
    found = splu(
        matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
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
