"""Ranking metrics against ten plain lines, and intervals and p-values against what is known of them."""

from math import log2

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.ranking import (
    METRICS,
    coverage,
    mean_popularity,
    paired_difference,
    ranking_metrics,
    summary,
)

items = st.integers(0, 14).map(lambda number: f"s:{number}")


def plain(recommended: list[str], relevant: set[str], k: int) -> dict[str, float]:
    gain = ideal = hits = precisions = first = 0.0
    for rank in range(1, k + 1):
        if rank <= len(recommended) and recommended[rank - 1] in relevant:
            hits += 1
            gain += 1 / log2(rank + 1)
            precisions += hits / rank
            first = first or 1 / rank
        if rank <= len(relevant):
            ideal += 1 / log2(rank + 1)
    return {
        "precision": hits / k,
        "recall": hits / len(relevant),
        "ndcg": gain / ideal,
        "hit": float(hits > 0),
        "map": precisions / min(k, len(relevant)),
        "mrr": first,
    }


@settings(max_examples=60, deadline=None)
@given(
    recommended=st.lists(items, unique=True, max_size=15),
    relevant=st.sets(items, min_size=1, max_size=15),
    k=st.integers(1, 15),
)
def test_metrics_equal_the_plain_reference(recommended: list[str], relevant: set[str], k: int) -> None:
    (row,) = ranking_metrics({"a": recommended}, {"a": relevant}, 15, k).to_dict("records")
    expected = plain(recommended, relevant, k)
    assert {name: row[name] for name in METRICS} == pytest.approx(expected)
    assert row["n_relevant"] == len(relevant)
    assert all(0 <= row[name] <= 1 + 1e-12 for name in METRICS)


def test_a_worked_example() -> None:
    found = ranking_metrics(
        {"b": ["s:1", "s:2", "s:3"], "a": ["s:9"]}, {"b": {"s:3", "s:7"}, "a": {"s:9"}, "c": set()}, 10, k=3
    )
    assert found.index.tolist() == ["a", "b"]
    assert found.loc["a", "ndcg"] == 1.0
    assert found.loc["a", "precision"] == pytest.approx(1 / 3)
    assert found.loc["b", "ndcg"] == pytest.approx((1 / 2) / (1 + 1 / log2(3)))
    assert found.loc["b", "recall"] == 0.5


def test_a_learner_who_got_nothing_scores_nothing() -> None:
    found = ranking_metrics({}, {"a": {"s:1"}}, 5)
    assert found[list(METRICS)].to_numpy().tolist() == [[0.0] * len(METRICS)]


def test_k_is_at_most_the_catalogue() -> None:
    assert (
        ranking_metrics({"a": ["s:1", "s:2"]}, {"a": {"s:1", "s:2"}}, n_items=2, k=10)["precision"]["a"]
        == 1.0
    )


def test_bad_lists_are_refused() -> None:
    with pytest.raises(BadInput, match="repeats"):
        ranking_metrics({"a": ["s:1", "s:1"]}, {"a": {"s:1"}}, 5)
    with pytest.raises(BadInput, match="at least 1"):
        ranking_metrics({"a": ["s:1"]}, {"a": {"s:1"}}, 5, k=0)
    with pytest.raises(NothingToDo):
        ranking_metrics({"a": ["s:1"]}, {"a": set()}, 5)


def per_learner(values: np.ndarray) -> pd.DataFrame:
    index = pd.Index([f"l{number:05d}" for number in range(len(values))], name="learner_id")
    return pd.DataFrame({"ndcg": values, "hit": (values > 0.5).astype(float)}, index=index)


def test_intervals_hold_the_true_mean_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for seed in range(200):
        found = summary(per_learner(rng.beta(2, 5, size=80)), n_bootstrap=300, seed=seed)["ndcg"]
        held += found["low"] <= 2 / 7 <= found["high"]
    assert 0.88 <= held / 200 <= 0.99


def test_an_interval_is_as_wide_as_the_standard_error_says() -> None:
    values = np.random.default_rng(1).beta(2, 5, size=400)
    found = summary(per_learner(values), n_bootstrap=2000)["ndcg"]
    assert found["value"] == pytest.approx(values.mean())
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_a_summary_is_determined_by_its_seed() -> None:
    frame = per_learner(np.random.default_rng(1).random(50))
    assert summary(frame, seed=3) == summary(frame, seed=3)
    assert summary(frame, seed=3) != summary(frame, seed=4)
    with pytest.raises(NothingToDo):
        summary(frame.iloc[:0])


def test_a_planted_difference_is_found_whatever_the_order_of_the_learners() -> None:
    rng = np.random.default_rng(2)
    base = per_learner(rng.normal(0.4, 0.2, 300))["ndcg"]
    better = base + rng.normal(0.03, 0.05, 300)  # far smaller than the spread between learners
    found = paired_difference(better.sample(frac=1, random_state=1), base)
    assert found["low"] < 0.03 < found["high"]
    assert found["low"] > 0
    assert found["p_value"] < 0.01
    assert paired_difference(base, better)["value"] == pytest.approx(-found["value"])


def test_without_a_difference_p_values_are_uniform() -> None:
    rng = np.random.default_rng(3)
    p_values = []
    for seed in range(200):
        a, b = (per_learner(rng.random(40))["ndcg"] for _ in range(2))
        p_values.append(paired_difference(a, b, n_resamples=200, seed=seed)["p_value"])
    assert 0.01 <= np.mean(np.array(p_values) <= 0.05) <= 0.10
    assert 0.4 <= np.mean(p_values) <= 0.6


def test_equal_models_do_not_differ() -> None:
    same = per_learner(np.random.default_rng(3).random(30))["ndcg"]
    assert paired_difference(same, same) == {"value": 0.0, "low": 0.0, "high": 0.0, "p_value": 1.0}


def test_models_measured_on_other_learners_are_not_compared() -> None:
    series = per_learner(np.ones(4))["ndcg"]
    with pytest.raises(BadInput, match="same learners"):
        paired_difference(series, series.iloc[:3])
    with pytest.raises(BadInput, match="same learners"):
        paired_difference(series, series.rename(index={"l00000": "other"}))
    with pytest.raises(NothingToDo):
        paired_difference(series.iloc[:0], series.iloc[:0])


def test_coverage_and_popularity_count_what_is_shown() -> None:
    shown = {"a": ["s:1", "s:2", "s:3"], "b": ["s:1", "s:4"]}
    assert coverage(shown, n_items=8, k=2) == 3 / 8
    assert coverage({}, n_items=8) == coverage({}, n_items=0) == 0.0
    assert mean_popularity(shown, {"s:1": 10, "s:2": 4}, k=2) == (10 + 4 + 10 + 0) / 4
    assert mean_popularity({}, {}) == 0.0
