"""EASE against the closed form in NumPy, its constraint, and a planted structure."""

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.recommend import ease
from learnloop.recommend.ease import EASE
from learnloop.recommend.ranking import recommend
from learnloop.recommend.signals import matrix

N_GROUPS, N_ITEMS = 4, 40


def planted(seed: int = 0, n_learners: int = 300) -> pd.DataFrame:
    """Learners of a group do items of the group; item number % N_GROUPS is the group."""
    rng = np.random.default_rng(seed)
    rows = []
    for learner in range(n_learners):
        group = learner % N_GROUPS
        own = group + N_GROUPS * rng.choice(N_ITEMS // N_GROUPS, 5, replace=False)
        rows += [(f"l{learner:03d}", f"s:{item:02d}") for item in {*own, int(rng.integers(N_ITEMS))}]
    frame = pd.DataFrame(rows, columns=["learner_id", "item_id"]).astype(str)
    return frame.assign(weight=1 + np.log(rng.integers(1, 5, len(frame))))


def plain_weights(signals: pd.DataFrame, regularization: float, dropout: float, weighted: bool) -> np.ndarray:
    """B = I - P diag(1 / diag(P)), as the papers write it."""
    X = matrix(signals)[0].toarray()
    X = X if weighted else (X > 0).astype(float)
    G = X.T @ X
    P = np.linalg.inv(G + regularization * np.eye(len(G)) + dropout / (1 - dropout) * np.diag(np.diag(G)))
    return np.eye(len(P)) - P @ np.diag(1 / np.diag(P))


@pytest.mark.parametrize("single", [0, np.inf])  # up to which condition in float32
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("regularization", "dropout"), [(1.0, 0.0), (50.0, 0.0), (10.0, 0.4)])
def test_weights_equal_the_closed_form(
    regularization: float, dropout: float, weighted: bool, single: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ease, "MIRROR", 7)  # several blocks
    monkeypatch.setattr(ease, "SINGLE", single)
    signals = planted()
    model = EASE(regularization, dropout, weighted).fit(signals)
    plain = plain_weights(signals, regularization, dropout, weighted)
    np.testing.assert_allclose(model.weights, plain, rtol=1e-4, atol=5e-6 if single else 1e-7)
    assert not np.diagonal(model.weights).any()
    history = ["s:03", "s:07", "s:07", "s:20"]
    x = np.zeros(N_ITEMS)
    x[[3, 7, 20]] = (1, 1 + np.log(2), 1) if weighted else 1
    np.testing.assert_allclose(model.scores([history])[0], x @ plain, rtol=1e-3, atol=1e-5)


def test_no_other_weights_fit_better() -> None:
    signals = planted()
    X = (matrix(signals)[0].toarray() > 0).astype(float)
    B = EASE(20.0).fit(signals).weights.astype(float)

    def loss(B: np.ndarray) -> float:
        return float(((X - X @ B) ** 2).sum() + 20.0 * (B**2).sum())

    rng = np.random.default_rng(1)
    for _ in range(20):
        step = rng.standard_normal(B.shape) * 0.01
        np.fill_diagonal(step, 0)
        assert loss(B + step) > loss(B)


def test_planted_groups_are_found() -> None:
    model = EASE(10.0, weighted=False).fit(planted())  # the weights are noise there
    for group in range(N_GROUPS):
        (row,) = recommend(model, [[f"s:{group:02d}", f"s:{group + N_GROUPS:02d}"]], 6)
        assert {int(item[2:]) % N_GROUPS for item, _ in row} == {group}


def test_items_beyond_the_most_done_ones_come_last_by_popularity() -> None:
    signals = planted()
    counts = signals.groupby("item_id").size()
    model = EASE(10.0, max_items=30).fit(signals)
    order = sorted(counts.index, key=lambda item: (-counts[item], item))
    heads, tail = order[:30], order[30:]
    for history in ([], ["s:01", "s:05"], tail[:2]):
        (row,) = recommend(model, [history], N_ITEMS, hide_seen=False)
        found = [item for item, _ in row]
        assert set(found[:30]) == set(heads)
        assert found[30:] == tail
    kept = signals[signals["item_id"].isin(heads)]
    alone = EASE(10.0).fit(kept)
    places = np.searchsorted(model.item_ids.astype(str), alone.item_ids.astype(str))
    np.testing.assert_allclose(
        model.scores([["s:01", "s:05"]])[0, places], alone.scores([["s:01", "s:05"]])[0], atol=1e-5
    )
    assert model.contributions(["s:01"], tail[0]) == {}


def test_a_new_learner_gets_what_is_popular() -> None:
    signals = planted()
    counts = signals.groupby("item_id").size()
    (row,) = recommend(EASE().fit(signals), [[]], N_ITEMS)
    assert [item for item, _ in row] == sorted(counts.index, key=lambda item: (-counts[item], item))


def test_the_parts_of_an_explanation_add_up_to_the_score() -> None:
    model = EASE(10.0, weighted=True).fit(planted())
    history = ["s:02", "s:02", "s:06", "s:11", "s:unknown"]
    parts = model.contributions(history, "s:10")
    assert set(parts) == {"s:02", "s:06", "s:11"}
    assert sum(parts.values()) == pytest.approx(model.scores([history])[0, 10], abs=1e-5)
    assert model.explain(["s:02", "s:11"], "s:10") == "s:02"


@pytest.mark.parametrize(
    "wrong", [{"regularization": 0.0}, {"dropout": 1.0}, {"dropout": -0.1}, {"max_items": 0}]
)
def test_settings_out_of_range_are_bad_input(wrong: dict) -> None:
    with pytest.raises(BadInput, match=next(iter(wrong))):
        EASE(**wrong)
