"""Ranking metrics against ten plain lines, and intervals and p-values against what is known of them."""

import json
import os
import subprocess
import sys
from math import log2

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.ranking import (
    METRICS,
    Relevance,
    coverage,
    holm,
    mean_popularity,
    means,
    metrics,
    paired_difference,
    paired_differences,
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


def drawn(seed: int, n: int = 50, m: int = 30, k: int = 10) -> tuple[np.ndarray, list[set[str]], list[str]]:
    rng = np.random.default_rng(seed)
    item_ids = [f"s:{number:02d}" for number in range(m)]
    columns = np.array([rng.permutation(m)[:k] for _ in range(n)])
    relevant = [{item_ids[place] for place in rng.permutation(m)[: rng.integers(1, 15)]} for _ in range(n)]
    return columns, relevant, item_ids


THEIRS = """
import json, sys
from ranx import Qrels, Run, evaluate
relevant, lists, names = json.load(sys.stdin)
qrels = Qrels({str(row): dict.fromkeys(items, 1) for row, items in enumerate(relevant)})
scores = [{item: 1 / (place + 1) for place, item in enumerate(items)} for items in lists]
run = Run({str(row): scored for row, scored in enumerate(scores)})
print(json.dumps({name: float(value) for name, value in evaluate(qrels, run, names).items()}))
"""


def test_metrics_equal_ranx() -> None:
    columns, relevant, item_ids = drawn(1)
    asked = Relevance.of(relevant, item_ids)
    ours = metrics(asked.hits(columns), asked.sizes, 10)
    lists = [[item_ids[column] for column in row] for row in columns]
    names = {"precision": "precision", "recall": "recall", "ndcg": "ndcg", "hit": "hit_rate", "mrr": "mrr"}
    wanted = [f"{name}@10" for name in (*names.values(), "map")]
    # In a process of its own, without numba's compiler: that would take minutes, and warns.
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", THEIRS],
        input=json.dumps([[sorted(items) for items in relevant], lists, wanted]),
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(told.stdout.splitlines()[-1])
    for name, other in names.items():
        assert ours[name].mean() == pytest.approx(theirs[f"{other}@10"]), name
    # Theirs is over |T|, ours over min(k, |T|), with which 1 can be reached.
    over_all = ours["map"] * np.minimum(asked.sizes, 10) / asked.sizes
    assert (asked.sizes > 10).any()
    assert over_all.mean() == pytest.approx(theirs["map@10"])


def test_a_worked_example_of_map_and_mrr() -> None:
    found = ranking_metrics({"a": ["s:9", "s:1", "s:2"]}, {"a": {"s:1", "s:2", "s:3"}}, 10, k=3)
    assert found.loc["a", "mrr"] == 1 / 2
    assert found.loc["a", "map"] == pytest.approx((1 / 2 + 2 / 3) / 3)


def test_what_the_catalogue_lacks_is_missed_and_fillers_hit_nothing() -> None:
    asked = Relevance.of([{"s:1", "gone"}, {"gone"}, {"s:0"}], ["s:0", "s:1"])
    assert asked.sizes.tolist() == [2, 1, 1]
    assert asked.reachable.tolist() == [1, 0, 1]
    hits = asked.hits(np.array([[1, -1], [-1, 0], [-1, -1]]))
    assert hits.tolist() == [[True, False], [False, False], [False, False]]
    assert metrics(hits, asked.sizes, 2)["recall"].tolist() == [0.5, 0, 0]
    cold = asked.within(np.array([True, False]), outside=True)
    assert cold.sizes.tolist() == [1, 1, 1]
    assert cold.reachable.tolist() == [0, 0, 1]


def test_means_leave_out_what_does_not_apply() -> None:
    values = np.random.default_rng(4).random(300)
    frame = pd.DataFrame({"all": values, "some": np.where(values > 0.5, 1.0, np.nan), "none": np.nan})
    found = means(frame, 400)
    assert found.keys() == {"all", "some"}
    assert found["some"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["all"] == pytest.approx(means(frame[["all"]], 400)["all"])


def test_many_pairs_at_once_are_each_as_alone() -> None:
    rng = np.random.default_rng(6)
    a, b, c = (per_learner(rng.random(60))["ndcg"] for _ in range(3))
    together = paired_differences(a, {"b": b, "c": c.sample(frac=1, random_state=0)}, 300)
    assert together["b"] == pytest.approx(paired_difference(a, b, 300))
    assert together["c"] == pytest.approx(paired_difference(a, c, 300))


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
