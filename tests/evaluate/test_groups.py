"""Groups part the learners and the relevant items as they say."""

import numpy as np
import pandas as pd
import pytest

from learnloop.evaluate import groups
from learnloop.evaluate.learning_curve import subsets
from learnloop.evaluate.ranking import Relevance, metrics


def test_bands_begin_where_they_say() -> None:
    lengths = np.array([0, 1, 2, 3, 5, 6, 10, 11, 20, 21, 50, 51, 900])
    assert groups.history_bands(lengths).tolist() == (
        ["0", "1-2", "1-2", "3-5", "3-5", "6-10", "6-10", "11-20", "11-20", "21-50", "21-50", "51+", "51+"]
    )


def test_thirds_hold_a_third_of_the_events_each() -> None:
    counts = np.array([1, 30, 1, 10, 20, 10, 1, 1, 16])  # 90
    assert groups.popularity_thirds(counts).tolist() == [2, 0, 2, 2, 1, 2, 2, 2, 1]
    assert groups.popularity_classes(counts).sum(axis=1).tolist() == [[1]] * 9


def test_recall_by_popularity_of_the_item() -> None:
    counts = np.array([60, 50, 50, 3])  # head, middle, tail, cold
    relevant = Relevance.of([{"a", "d", "new"}, {"b"}], ["a", "b", "c", "d"])
    found = groups.by_item_popularity(np.array([[0, 3], [0, 1]]), relevant, counts, 2)
    assert found["head"]["recall"].tolist() == pytest.approx([1, np.nan], nan_ok=True)
    assert found["middle"]["recall"].tolist() == pytest.approx([np.nan, 1], nan_ok=True)
    assert found["tail"]["recall"].isna().all()
    # d is found, the item that nobody has trained on is not
    assert found["cold"]["recall"].tolist() == pytest.approx([0.5, np.nan], nan_ok=True)


def test_learners_of_a_group_keep_their_numbers_and_others_have_none() -> None:
    table = metrics(np.array([[1, 0], [0, 0], [1, 1]], dtype=bool), np.array([1, 1, 2]), 2)
    found = groups.by_learner(table, np.array(["es", "", "en"], dtype=object))
    assert list(found) == ["en", "es"]
    assert found["es"]["recall"].tolist() == pytest.approx([1, np.nan, np.nan], nan_ok=True)
    assert found["en"]["ndcg"].tolist() == pytest.approx([np.nan, np.nan, 1], nan_ok=True)


def test_the_rarest_groups_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST_GROUPS", 1)
    table = pd.DataFrame({"ndcg": [0.1, 0.2, 0.3, 0.4], "recall": 1.0})
    found = groups.by_learner(table, np.array(["a", "a", "b", "c"], dtype=object))
    assert {name: part["ndcg"].notna().tolist() for name, part in found.items()} == {
        "a": [True, True, False, False],
        "other": [False, False, True, True],
    }


def test_main_values() -> None:
    values = {"x": "en", "y": "es", "z": "es"}
    histories, after = [["x", "x", "y", "z"], [], ["q"], ["x", "y"]], [{"x"}, {"y"}, {"x"}, {"z"}]
    assert groups.main_value(values, histories, after).tolist() == ["es", "es", "", "en"]
    own = groups.own_value(pd.Series(["a", "a", "a", "b", "c"]), pd.Series(["f", "m", "m", "f", None]))
    assert own == {"a": "m", "b": "f"}


def test_classes_of_several_values_share() -> None:
    found = groups.classes(np.array(["x", "y", "z"]), {"x": "a|b", "y": "b"}).toarray()
    assert found.tolist() == [[0.5, 0.5], [0, 1], [0, 0]]


def test_subsets_hold_whole_learners_and_each_other() -> None:
    learners = pd.Series(np.random.default_rng(0).integers(0, 40, 500).astype(str))
    found = subsets(learners, (0.125, 0.5, 1.0), seed=3)
    inside = [set(learners[rows]) for rows in found.values()]
    assert [len(part) for part in inside] == [5, 20, 40]
    assert inside[0] < inside[1] < inside[2]
    for rows, part in zip(found.values(), inside, strict=True):
        assert (learners.isin(part).to_numpy() == rows).all()
