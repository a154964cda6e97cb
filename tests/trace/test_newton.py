"""Newton's steps against a plain solution of the whole problem."""

import numpy as np
import pytest
from scipy import optimize, sparse

from learnloop.trace.newton import DENSE, Design, Weights, mode, solver


def each_its_own(items: np.ndarray, n_items: int, shares: sparse.csr_array) -> Design:
    """Every row a kind."""
    return Design.of(np.ones(len(items), dtype=np.int64), items, n_items, shares)


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
    found = mode(x, each_its_own(items, n_items, sparse.csr_array(shares)), correct, 0.7)
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
    design = each_its_own(items, size, shares)
    found = mode(x, design, correct, 0.7, signs=np.array([1, 1]))
    rest = correct - 1 / (1 + np.exp(-design.logits(x, found)))
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
    diagonal = sparse.diags_array(rng.random(size) + 0.1).tocsr()
    np.testing.assert_allclose(diagonal @ solver(diagonal)(b), b)
    np.testing.assert_allclose(diagonal @ solver(diagonal)(b[:, 0]), b[:, 0])


def parts(weights: Weights) -> np.ndarray:
    return np.r_[weights.intercept, weights.slopes, weights.items, weights.concepts]


@pytest.mark.parametrize("signs", [None, np.array([1.0, -1.0, 0.0])])
def test_kinds_rows_left_out_and_a_start_change_nothing(signs: np.ndarray | None) -> None:
    rng = np.random.default_rng(4)
    n_items, n_concepts, n = 9, 4, 400
    of_kind = np.array([0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 8])  # two items whose concepts were changed
    shares = rng.random((len(of_kind), n_concepts)) < 0.5
    shares = sparse.csr_array(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1))
    kinds = np.sort(rng.integers(0, len(of_kind), n))
    x, correct = rng.normal(size=(n, 3)), (rng.random(n) < 0.6).astype(float)
    plain = mode(x, each_its_own(of_kind[kinds], n_items, shares[kinds]), correct, 0.5, signs=signs)
    design = Design.of(np.bincount(kinds), of_kind, n_items, shares)
    by_kind = mode(x, design, correct, 0.5, signs=signs)
    np.testing.assert_allclose(parts(by_kind), parts(plain), atol=1e-7)

    some = rng.random(n) < 0.7
    some[kinds == 5] = False
    fewer = each_its_own(of_kind[kinds[some]], n_items, shares[kinds[some]])
    expected = mode(x[some], fewer, correct[some], 0.5, signs=signs)
    found = mode(x[some], design.only(some), correct[some], 0.5, signs=signs, start=by_kind)
    np.testing.assert_allclose(parts(found), parts(expected), atol=1e-7)


def test_it_is_as_near_as_it_says_where_the_data_is_hard() -> None:
    """Nearly separable, nearly collinear, rare items: short steps near the mode still lead all the way."""
    rng = np.random.default_rng(5)
    n, n_items = 600, 150
    x = rng.normal(size=(n, 4)) * [1, 1, 1, 30]
    x[:, 1] = x[:, 0] + 1e-3 * x[:, 1]
    items = np.sort(np.minimum(rng.geometric(0.02, n) - 1, n_items - 1))
    correct = (x[:, 0] + 0.7 * rng.normal(size=n) > 0).astype(float)
    design = each_its_own(items, n_items, sparse.csr_array((n, 0)))
    found = mode(x, design, correct, 3.0)
    exact = mode(x, design, correct, 3.0, tolerance=1e-13)
    np.testing.assert_allclose(parts(found), parts(exact), atol=1e-7)
    rest = correct - 1 / (1 + np.exp(-design.logits(x, exact)))
    np.testing.assert_allclose(x.T @ rest, exact.slopes / 3.0, atol=1e-6)
