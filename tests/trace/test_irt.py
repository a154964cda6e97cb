"""Item response theory: planted items and abilities are found."""

import numpy as np
import pandas as pd
import pytest

from learnloop.trace import irt
from learnloop.trace.histories import encode
from learnloop.trace.irt import GRID, IRT, LOG_PRIOR

N_LEARNERS, N_ITEMS = 800, 30


def answered(d: np.ndarray, a: np.ndarray, theta: np.ndarray, seed: int) -> pd.DataFrame:
    """Every learner answers every item once, in an order of their own."""
    rng = np.random.default_rng(seed)
    learner = np.repeat(np.arange(len(theta)), len(d))
    item = np.concatenate([rng.permutation(len(d)) for _ in theta])
    chance = 1 / (1 + np.exp(-(d[item] + a[item] * theta[learner])))
    return pd.DataFrame(
        {
            "learner_id": [f"l{k:04d}" for k in learner],
            "item_id": [f"i:{k:02d}" for k in item],
            "concept_ids": [(f"c:{k % 3}",) for k in item],
            "correct": rng.random(len(item)) < chance,
            "occurred_at": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(len(item)), "s"),
        }
    )


@pytest.mark.parametrize("discriminating", [False, True])
def test_planted_items_are_found(discriminating: bool) -> None:
    rng = np.random.default_rng(1)
    d = rng.normal(0.3, 1.0, N_ITEMS)
    a = np.exp(rng.normal(0.1, 0.35, N_ITEMS)) if discriminating else np.full(N_ITEMS, 1.2)
    theta = rng.normal(size=N_LEARNERS)
    answers = answered(d, a, theta, seed=2)
    tracer = IRT(discriminating=discriminating, a_variance=0.1).fit(answers)
    order = [tracer.items[f"i:{k:02d}"] for k in range(N_ITEMS)]
    found_d, found_a = tracer.easiness[order], tracer.discrimination[order]
    assert np.corrcoef(found_d, d)[0, 1] > 0.98
    assert np.abs(found_d - d).mean() < 0.15
    if discriminating:
        assert np.corrcoef(found_a, a)[0, 1] > 0.85
        assert np.abs(found_a - a).mean() < 0.2
    else:
        np.testing.assert_allclose(found_a, 1.2 * theta.std(), atol=0.08)
    table = tracer.difficulties()
    assert table["difficulty"].corr(pd.Series(-tracer.easiness[:-1] / tracer.discrimination[:-1])) > 0.999


def test_a_new_learner_is_believed_as_bayes_has_it() -> None:
    """The posterior by a plain product; mastery is as far from the truth as its sd says."""
    rng = np.random.default_rng(5)
    d, a = rng.normal(size=N_ITEMS), np.full(N_ITEMS, 1.0)
    tracer = IRT(discriminating=False).fit(answered(d, a, rng.normal(size=N_LEARNERS), seed=6))
    theta = rng.normal(size=150)
    new = answered(d, a, theta, seed=7)
    one = new[new["learner_id"] == "l0003"]
    weight = np.exp(LOG_PRIOR)
    for row in one.itertuples():
        k = tracer.items[row.item_id]
        p = 1 / (1 + np.exp(-(tracer.easiness[k] + tracer.discrimination[k] * GRID)))
        weight = weight * (p if row.correct else 1 - p)
    np.testing.assert_allclose(tracer._belief(encode(one)), weight / weight.sum(), rtol=1e-9)
    of_concept = np.array([d[k::3].mean() for k in range(3)])
    z = []
    for learner, history in new.groupby("learner_id"):
        found = tracer.mastery(history, ["c:0", "c:1", "c:2"])
        truth = 1 / (1 + np.exp(-(of_concept + theta[int(learner[1:])])))
        z.append((found["mastery"].to_numpy() - truth) / found["sd"].to_numpy())
    assert 0.7 < np.mean(np.square(z)) < 1.4


def test_an_unseen_item_is_like_the_average_of_its_concept() -> None:
    rng = np.random.default_rng(8)
    d = np.where(np.arange(N_ITEMS) % 3 == 0, 2.0, -1.0)
    tracer = IRT().fit(answered(d, np.ones(N_ITEMS), rng.normal(size=200), seed=9))
    easy, hard, unknown = tracer.follow(["x", "y", "z"], [("c:0",), ("c:1",), ("c:9",)], [], 1).p_correct(
        np.array([0]), np.array([0.0])
    )[0]
    assert hard < 0.35 < unknown < 0.65 < easy


def test_a_long_log_is_predicted_learner_by_learner(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(10)
    answers = answered(rng.normal(size=N_ITEMS), np.ones(N_ITEMS), rng.normal(size=40), seed=11)
    answers = answers.sample(frac=1, random_state=12)
    tracer = IRT().fit(answers)
    at_once = tracer.predict(answers)
    monkeypatch.setattr(irt, "BLOCK", 70)
    np.testing.assert_allclose(tracer.predict(answers), at_once, rtol=1e-12)
