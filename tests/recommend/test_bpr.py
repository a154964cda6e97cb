"""BPR: planted groups, the fold-in map against plain ridge regression, one thread."""

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.recommend.bpr import BPR, RIDGE, _inputs, _map
from learnloop.recommend.ranking import recommend
from learnloop.recommend.signals import matrix

N_GROUPS, N_ITEMS = 4, 40


def planted(seed: int = 0, n_learners: int = 300) -> pd.DataFrame:
    """Learners of a group do items of the group; item number % N_GROUPS is the group."""
    rng = np.random.default_rng(seed)
    rows = []
    for learner in range(n_learners):
        own = learner % N_GROUPS + N_GROUPS * rng.choice(N_ITEMS // N_GROUPS, 5, replace=False)
        rows += [(f"l{learner:03d}", f"s:{item:02d}") for item in {*own, int(rng.integers(N_ITEMS))}]
    frame = pd.DataFrame(rows, columns=["learner_id", "item_id"]).astype(str)
    return frame.assign(weight=1 + np.log(rng.integers(1, 5, len(frame))))


@pytest.fixture(scope="module")
def model() -> BPR:
    return BPR(factors=16).fit(planted())


def test_planted_groups_are_found_for_learners_who_were_not_in_training(model: BPR) -> None:
    test = planted(1).groupby("learner_id")["item_id"].agg(list)
    ranked = recommend(model, [history[:3] for history in test], 5)
    same = [
        int(item[2:]) % N_GROUPS == int(learner[1:]) % N_GROUPS
        for learner, row in zip(test.index, ranked, strict=True)
        for item, _ in row
    ]
    assert np.mean(same) > 0.8  # a quarter by chance


def test_the_map_is_the_ridge_regression_of_the_trained_factors() -> None:
    rng = np.random.default_rng(2)
    done, _, _ = matrix(planted())
    factors, users = rng.standard_normal((N_ITEMS, 6)), rng.standard_normal((done.shape[0], 6))
    M = np.array(
        [row @ factors / np.sqrt(row.sum()) for row in done.toarray()]  # m_u, learner by learner
    )
    np.testing.assert_allclose(_inputs(done, factors), M)
    ridge = RIDGE * (M**2).sum() / 6
    stacked = np.linalg.lstsq(
        np.vstack([M, np.sqrt(ridge) * np.eye(6)]), np.vstack([users, np.zeros((6, 6))]), rcond=None
    )[0]
    np.testing.assert_allclose(_map(M, users), stacked, rtol=1e-6, atol=1e-10)


def test_a_planted_map_is_recovered() -> None:
    rng = np.random.default_rng(3)
    inputs, turn = rng.standard_normal((500, 6)), rng.standard_normal((6, 6))
    np.testing.assert_allclose(_map(inputs, inputs @ turn), turn, rtol=0.05, atol=0.01)


def test_the_parts_of_an_explanation_and_the_bias_add_up_to_the_score(model: BPR) -> None:
    history = ["s:02", "s:02", "s:06", "s:11", "s:unknown"]
    parts = model.contributions(history, "s:10")
    assert set(parts) == {"s:02", "s:06", "s:11"}
    score = model.scores([history])[0, 10]
    assert sum(parts.values()) + model.item_biases[10] == pytest.approx(score, rel=1e-4, abs=1e-5)
    assert model.explain(["s:02", "s:11"], "s:10") == "s:02"


@pytest.mark.parametrize("wrong", [{"factors": 0}, {"iterations": 0}, {"learning_rate": 0.0}])
def test_settings_out_of_range_are_bad_input(wrong: dict) -> None:
    with pytest.raises(BadInput):
        BPR(**wrong)
