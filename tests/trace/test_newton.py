"""Newton's steps against a plain solution of the whole problem."""

import numpy as np
import pytest
from scipy import optimize, sparse

from learnloop.trace.newton import DENSE, mode, solver


@pytest.mark.parametrize("one_sided", [False, True])
def test_it_is_the_mode(one_sided: bool) -> None:
    rng = np.random.default_rng(0)
    n, n_items, n_concepts = 300, 12, 5
    x, items = rng.normal(size=(n, 3)), rng.integers(0, n_items, n)
    concepts = rng.random((n, n_concepts)) < 0.4
    shares = concepts / np.maximum(concepts.sum(axis=1, keepdims=True), 1)
    truth = rng.normal(size=3)
    correct = (rng.random(n) < 1 / (1 + np.exp(-x @ truth - 0.5))).astype(float)
    if one_sided:
        correct[:] = 1.0
    design = np.hstack([np.ones((n, 1)), x, np.eye(n_items)[items], shares])

    def loss(weights: np.ndarray) -> float:
        logits = design @ weights
        rows = np.logaddexp(0, np.where(correct > 0, -logits, logits)).sum()
        pseudo = 0.5 * (np.logaddexp(0, weights[0]) + np.logaddexp(0, -weights[0]))
        return float(rows + pseudo + (weights[1:] ** 2).sum() / (2 * 0.7))

    expected = optimize.minimize(loss, np.zeros(design.shape[1]), method="BFGS", options={"gtol": 1e-6})
    found = mode(x, items, n_items, sparse.csr_array(shares), correct, 0.7)
    weights = np.r_[found.intercept, found.slopes, found.items, found.concepts]
    np.testing.assert_allclose(weights, expected.x, atol=2e-3)
    assert loss(weights) <= expected.fun + 1e-9


def test_more_concepts_than_a_dense_block_is_made_of() -> None:
    rng = np.random.default_rng(1)
    n, size = 3 * DENSE, DENSE + 10
    x, concepts = rng.normal(size=(n, 2)), rng.integers(0, size, n)
    items = np.where(rng.random(n) < 0.9, concepts, rng.integers(0, size, n))
    shares = sparse.csr_array((np.ones(n), (np.arange(n), concepts)), shape=(n, size))
    correct = (rng.random(n) < 1 / (1 + np.exp(-x @ [0.5, -1.0]))).astype(float)
    found = mode(x, items, size, shares, correct, 0.7, signs=np.array([1, 1]))
    rest = correct - 1 / (1 + np.exp(-found.logits(x, items, shares)))
    # the slope of the posterior is 0 in each direction that is not held
    np.testing.assert_allclose(shares.T @ rest, found.concepts / 0.7, atol=1e-6)
    np.testing.assert_allclose(np.bincount(items, rest, size), found.items / 0.7, atol=1e-6)
    np.testing.assert_allclose(x[:, 0] @ rest, found.slopes[0] / 0.7, atol=1e-6)
    assert found.slopes[1] == 0
    assert x[:, 1] @ rest < 0


@pytest.mark.parametrize("size", [0, 5, DENSE + 1])
def test_a_sparse_system_is_solved(size: int) -> None:
    rng = np.random.default_rng(2)
    half = sparse.random_array((size, size), density=min(1.0, 3 / max(size, 1)), rng=rng)
    matrix = (half @ half.T + sparse.eye_array(size)).tocsr()
    b = rng.normal(size=(size, 3))
    np.testing.assert_allclose(matrix @ solver(matrix)(b), b, atol=1e-8)
