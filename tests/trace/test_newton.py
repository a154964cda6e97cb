"""Newton's steps against a plain solution of the whole problem."""

import numpy as np
import pytest
from scipy import optimize, sparse

from learnloop.trace.newton import mode


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
