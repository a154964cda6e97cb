"""What lists are like, against plain loops and hand-computed examples."""

from itertools import combinations
from math import log, log2

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from learnloop.evaluate import beyond_accuracy as beyond


def some(seed: int = 0, n: int = 40, m: int = 15, k: int = 5) -> tuple[np.ndarray, csr_matrix]:
    rng = np.random.default_rng(seed)
    columns = np.array([rng.permutation(m)[:k] for _ in range(n)])
    columns[0] = -1
    columns[1, 1:] = -1
    columns[2, 2:] = -1
    return columns, csr_matrix((rng.random((30, m)) < 0.3).astype(np.float32))


def test_diversity_equals_plain_pairs_however_small_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    columns, trained = some()
    dense = trained.toarray()
    expected = []
    for row in columns:
        cosines = [
            dense[:, a] @ dense[:, b] / np.sqrt((dense[:, a] ** 2).sum() * (dense[:, b] ** 2).sum())
            for a, b in combinations(row[row >= 0], 2)
        ]
        expected.append(1 - np.mean(cosines) if cosines else np.nan)
    vectors = beyond.co_occurrence_vectors(trained)
    np.testing.assert_allclose(beyond.intra_list_diversity(columns, vectors), expected, rtol=1e-6)
    monkeypatch.setattr(beyond, "CELLS", 1)
    np.testing.assert_allclose(beyond.intra_list_diversity(columns, vectors), expected, rtol=1e-6)
    np.testing.assert_allclose(beyond.intra_list_diversity(columns, vectors.toarray()), expected, rtol=1e-6)
    monkeypatch.setattr(beyond, "PAIRS", 200)  # 10 pairs a list: every second learner
    part = beyond.intra_list_diversity(columns, vectors)
    np.testing.assert_allclose(part[::2], expected[::2], rtol=1e-6)
    assert np.isnan(part[1::2]).all()


def test_a_worked_example_of_lists() -> None:
    counts = np.array([8, 4, 1, 2])
    columns = np.array([[0, 1], [2, -1], [-1, -1]])
    done = csr_matrix(np.array([[1, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]], dtype=float))
    found = beyond.of_lists(columns, counts, 8, done, csr_matrix(np.eye(4)))
    assert found["novelty"].tolist() == pytest.approx(
        [(-log2(1) - log2(1 / 2)) / 2, -log2(1 / 8), np.nan], nan_ok=True
    )
    assert found["average_popularity"].tolist() == pytest.approx([6, 1, np.nan], nan_ok=True)
    # histories are 5 and 4 on average popular, 4.5 in the mean
    assert found["popularity_lift"].tolist() == pytest.approx([(6 - 5) / 4.5, np.nan, np.nan], nan_ok=True)
    own, listed = np.array([0.5, 0, 0, 0.5]), np.array([0.5, 0.5, 0, 0])
    smoothed = 0.99 * listed + 0.01 * own
    expected = 0.5 * log(0.5 / smoothed[0]) + 0.5 * log(0.5 / smoothed[3])
    assert found["calibration_kl"].tolist() == pytest.approx([expected, np.nan, np.nan], nan_ok=True)


def test_a_list_of_the_learner_s_own_mix_is_calibrated() -> None:
    own = np.array([[0.25, 0.75], [1.0, 0.0]])
    assert beyond.calibration_kl(own, own).tolist() == pytest.approx([0, 0])
    assert (beyond.calibration_kl(own, own[::-1]) > 0.5).all()


def test_gini_and_shares() -> None:
    assert beyond.gini(np.array([3, 3, 3, 3])) == pytest.approx(0)
    assert beyond.gini(np.array([0, 0, 0, 8])) == pytest.approx(3 / 4)
    x = np.random.default_rng(1).random(50)
    assert beyond.gini(x) == pytest.approx(np.abs(x[:, None] - x).mean() / (2 * x.mean()))
    assert beyond.gini(np.zeros(3)) == 0
    assert beyond.exposure(np.array([[0, 2], [2, -1]]), 4).tolist() == [1, 0, 2, 0]
    assert beyond.head_share(np.array([1, 0, 3]), np.array([5, 9, 7])) == 0
    assert beyond.head_share(np.array([1, 1, 2]), np.array([5, 7, 9])) == 0.5


def test_of_many_products_every_nth_learner_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    _, trained = some()
    work = float((np.diff(trained.indptr) ** 2).sum())
    monkeypatch.setattr(beyond, "PRODUCTS", work / 2)
    vectors = beyond.co_occurrence_vectors(trained)
    assert vectors.shape == (15, 15)
    lengths = np.sqrt(vectors.multiply(vectors).sum(axis=1)).ravel()
    assert set(np.round(lengths, 6).tolist()[0] if lengths.ndim > 1 else np.round(lengths, 6)) <= {0.0, 1.0}
