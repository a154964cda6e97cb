"""The tracing metrics against scikit-learn's, and their intervals against known truth."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from learnloop.errors import BadInput
from learnloop.evaluate import calibration
from learnloop.evaluate.calibration import reliability, tracing_metrics


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 300), digits=st.integers(1, 8))
def test_values_are_scikit_learns(seed: int, n: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.r_[0, 1, rng.integers(0, 2, n - 2)]
    p = np.round(rng.random(n), digits)  # one digit: ties, and predictions of exactly 0 and 1
    found = tracing_metrics(y, p, rng.integers(0, 9, n), n_bootstrap=3)
    assert found["auc"]["value"] == pytest.approx(roc_auc_score(y, p))
    assert found["log_loss"]["value"] == pytest.approx(log_loss(y, np.clip(p, 1e-15, 1 - 1e-15)))
    assert found["brier"]["value"] == pytest.approx(brier_score_loss(y, p))
    assert found["accuracy"]["value"] == pytest.approx(np.mean((p >= 0.5) == y))


def test_every_draw_equals_its_expanded_answers() -> None:
    """The weighted shortcut of a draw is what one gets by really repeating the drawn learners' rows."""
    rng = np.random.default_rng(2)
    n, n_learners, n_bootstrap = 200, 12, 25
    y, p, learners = rng.integers(0, 2, n), np.round(rng.random(n), 1), rng.integers(0, n_learners, n)
    learners[:n_learners] = np.arange(n_learners)
    found = tracing_metrics(y, p, learners, n_bootstrap=n_bootstrap, seed=6)
    draws = np.random.default_rng(6).multinomial(n_learners, np.full(n_learners, 1 / n_learners), n_bootstrap)
    own = [np.flatnonzero(learners == i) for i in range(n_learners)]
    rows = [np.concatenate([own[i] for i in np.repeat(np.arange(n_learners), drawn)]) for drawn in draws]
    samples = {
        "auc": [roc_auc_score(y[r], p[r]) for r in rows],
        "brier": [brier_score_loss(y[r], p[r]) for r in rows],
    }
    for name, values in samples.items():
        expected = np.quantile(values, [0.025, 0.975])
        np.testing.assert_allclose([found[name]["low"], found[name]["high"]], expected)


def test_many_steps_of_prediction_are_as_good_as_all(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    p, learners = rng.random(6000), rng.integers(0, 50, 6000)
    y = rng.random(6000) < p
    exact = tracing_metrics(y, p, learners, n_bootstrap=40)["auc"]
    monkeypatch.setattr(calibration, "MOST_STEPS", 500)
    stepped = tracing_metrics(y, p, learners, n_bootstrap=40)["auc"]
    assert stepped["value"] == exact["value"] == pytest.approx(roc_auc_score(y, p))
    assert [stepped["low"], stepped["high"]] == pytest.approx([exact["low"], exact["high"]], abs=1e-4)


def test_ece_is_the_weighted_gap_of_the_reliability_table() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(5000)
    y = rng.random(5000) < p**2
    table = reliability(y, p)
    assert table["n"].sum() == 5000
    assert table["low"].tolist() == pytest.approx(np.arange(10) / 10)
    assert ((table["predicted"] >= table["low"]) & (table["predicted"] < table["high"])).all()
    gap = (table["n"] * (table["predicted"] - table["observed"]).abs()).sum() / 5000
    assert tracing_metrics(y, p, np.arange(5000), n_bootstrap=2)["ece"]["value"] == pytest.approx(gap)
    # E|p - p^2| for uniform p is 1/6
    assert gap == pytest.approx(1 / 6, abs=0.02)


def test_a_calibrated_forecast_has_almost_no_ece() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    found = tracing_metrics(rng.random(20_000) < p, p, np.arange(20_000) // 20, n_bootstrap=50)
    assert found["ece"]["value"] < 0.015


def test_intervals_know_that_answers_of_a_learner_hang_together() -> None:
    """Each learner is right always or never: 2,000 answers are worth 40."""
    rng = np.random.default_rng(1)
    learners = np.repeat(np.arange(40), 50)
    y = np.repeat(rng.integers(0, 2, 40), 50)
    p = np.full(2000, 0.3)
    by_learner = tracing_metrics(y, p, learners, seed=1)["brier"]
    by_answer = tracing_metrics(y, p, np.arange(2000), seed=1)["brier"]
    width = by_learner["high"] - by_learner["low"]
    assert width > 4 * (by_answer["high"] - by_answer["low"])
    # sd of a mean of 40 draws of 0.09 or 0.49
    sd = 0.4 * np.sqrt(y.mean() * (1 - y.mean()) / 40)
    assert width == pytest.approx(2 * 1.96 * sd, rel=0.25)


def test_same_seed_same_interval() -> None:
    y, p = np.array([0, 1, 1, 0, 1]), np.array([0.2, 0.7, 0.4, 0.5, 0.9])
    learners = np.array(["a", "a", "b", "b", "c"])
    assert tracing_metrics(y, p, learners, seed=4) == tracing_metrics(y, p, learners, seed=4)


def test_one_sided_answers_have_no_auc_but_a_loss() -> None:
    found = tracing_metrics(np.ones(4), np.full(4, 0.8), np.arange(4))
    assert np.isnan(found["auc"]["value"])
    assert np.isnan(found["auc"]["low"])
    assert found["log_loss"]["value"] == pytest.approx(-np.log(0.8))


def test_edges_of_the_bins() -> None:
    table = reliability(np.array([0, 1, 1]), np.array([0.0, 1.0, 0.5]), bins=2)
    expected = pd.DataFrame(
        {"low": [0.0, 0.5], "high": [0.5, 1.0], "n": [1, 2], "predicted": [0.0, 0.75], "observed": [0.0, 1.0]}
    )
    pd.testing.assert_frame_equal(table, expected)


@pytest.mark.parametrize(
    ("y", "p", "learners", "field"),
    [
        ([], [], [], "predicted"),
        ([1, 0], [0.5], [1, 2], "predicted"),
        ([1, 2], [0.5, 0.5], [1, 2], "correct"),
        ([1, np.nan], [0.5, 0.5], [1, 2], "correct"),
        ([1, 0], [0.5, 1.2], [1, 2], "predicted"),
        ([1, 0], [0.5, np.nan], [1, 2], "predicted"),
        ([1, 0], [0.5, 0.5], [1], "learner_ids"),
    ],
)
def test_bad_input_is_named(y: list[float], p: list[float], learners: list[int], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        tracing_metrics(np.array(y), np.array(p), np.array(learners))
    assert caught.value.field == field
