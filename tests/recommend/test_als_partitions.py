"""Half steps in blocks: the same factors as `implicit` in one piece, and the least squares they approach."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from learnloop.recommend import als_partitions
from learnloop.recommend.als import IALS, confidence_matrix
from learnloop.recommend.signals import matrix
from learnloop.workflow.als_dask import fit_partitioned
from learnloop.workflow.cluster import here


def some_signals(seed: int = 0, n_learners: int = 120, n_items: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    liked = rng.gamma(1.0, size=n_items)
    rows = []
    for learner in range(n_learners):
        items = rng.choice(n_items, rng.integers(1, 15), replace=False, p=liked / liked.sum())
        rows += [(f"l{learner:03d}", f"s:{item:02d}") for item in items]
    frame = pd.DataFrame(rows, columns=["learner_id", "item_id"]).astype(str)
    return frame.assign(weight=1 + np.log(rng.integers(1, 5, len(frame))))


@pytest.mark.parametrize("blocks", [1, 5])
def test_factors_equal_those_of_one_process(blocks: int, tmp_path: Path) -> None:
    signals = some_signals()
    settings = {"factors": 8, "iterations": 4, "seed": 4, "regularization": 2.0}
    whole = IALS(**settings).fit(signals)
    parts = fit_partitioned(signals, here, blocks, tmp_path, **settings)
    np.testing.assert_allclose(parts.item_factors, whole.item_factors, atol=1e-4)
    np.testing.assert_allclose(parts.user_factors, whole.user_factors, atol=1e-4)
    np.testing.assert_allclose(parts.scores([["s:01"], []]), whole.scores([["s:01"], []]), atol=1e-4)
    assert not list(tmp_path.iterdir())


def test_two_workers_give_the_factors_of_one_process(tmp_path: Path) -> None:
    from distributed import Client, LocalCluster

    from learnloop.workflow.cluster import _over

    signals = some_signals(1)
    settings = {"factors": 8, "iterations": 2}
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=str(tmp_path / "dask"),
        ) as cluster,
        Client(cluster) as client,
    ):
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        parts = fit_partitioned(signals, lambda *call: _over(client, *call), 3, scratch, **settings)
    whole = IALS(**settings).fit(signals)
    np.testing.assert_allclose(parts.item_factors, whole.item_factors, atol=1e-4)
    np.testing.assert_allclose(parts.user_factors, whole.user_factors, atol=1e-4)


def test_half_steps_go_towards_the_least_squares_solution() -> None:
    confidences = confidence_matrix(matrix(some_signals())[0], 4.0)
    users, items = als_partitions.start(*confidences.shape, 8, seed=0)
    for _ in range(30):  # with the items held still the solver goes on from where it was
        users = als_partitions.half_step(confidences, users, items, 1.0)
    Y = items.astype(float)
    for row, c in zip(users, confidences.toarray().astype(float), strict=True):
        C, p = np.diag(np.where(c > 0, c, 1)), (c > 0).astype(float)
        plain = np.linalg.solve(Y.T @ C @ Y + np.eye(8), Y.T @ C @ p)
        np.testing.assert_allclose(row, plain, rtol=1e-3, atol=1e-4 * np.abs(plain).max())


def test_half_steps_leave_what_they_were_given() -> None:
    confidences = confidence_matrix(matrix(some_signals())[0], 4.0)
    users, items = als_partitions.start(*confidences.shape, 8, seed=0)
    before = users.copy(), items.copy(), confidences.copy()
    als_partitions.half_step(confidences, users, items, 1.0)
    np.testing.assert_array_equal(users, before[0])
    np.testing.assert_array_equal(items, before[1])
    assert (confidences != before[2]).nnz == 0


def test_blocks_hold_every_row_once_and_about_as_many_entries() -> None:
    rng = np.random.default_rng(0)
    dense = rng.random((200, 50)) < np.linspace(0.02, 0.5, 200)[:, None]
    confidences = csr_matrix(dense.astype(np.float32))
    found = list(als_partitions.rows(confidences, 4))
    assert [first for first, _ in found] == np.cumsum([0, *(part.shape[0] for _, part in found)])[
        :-1
    ].tolist()
    assert sum(part.shape[0] for _, part in found) == 200
    assert max(part.nnz for _, part in found) < 1.1 * confidences.nnz / 4


def test_there_are_no_more_blocks_than_rows() -> None:
    confidences = csr_matrix(np.eye(3, dtype=np.float32))
    assert als_partitions.edges(confidences, 1000).tolist() == [0, 1, 2, 3]
    assert als_partitions.edges(confidences, 1).tolist() == [0, 3]
    assert als_partitions.edges(confidences, 0).tolist() == [0, 3]
