"""top_k against sorting everything."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnloop.errors import BadInput
from learnloop.recommend import ranking
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.ranking import recommend, top_k


@given(data=st.data(), n_items=st.integers(0, 12), n_rows=st.integers(0, 5), k=st.integers(0, 15))
def test_top_k_equals_sorting_all(data: st.DataObject, n_items: int, n_rows: int, k: int) -> None:
    ids = data.draw(st.permutations([f"s:{number}" for number in range(n_items)]))
    few = st.sampled_from([-1.0, 0.0, 0.5, 2.0])  # few values, so that there are many ties
    scores = np.array([[data.draw(few) for _ in ids] for _ in range(n_rows)]).reshape(n_rows, n_items)
    hidden = [data.draw(st.sets(st.sampled_from([*ids, "s:unknown"]))) for _ in range(n_rows)]
    expected = [
        sorted(
            [(item, score) for item, score in zip(ids, row, strict=True) if item not in gone],
            key=lambda pair: (-pair[1], pair[0]),
        )[:k]
        for row, gone in zip(scores.tolist(), hidden, strict=True)
    ]
    assert top_k(scores, ids, k, hidden) == expected


def test_rows_over_several_blocks_keep_their_own_hidden_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "BLOCK", 2)
    scores = np.arange(15.0).reshape(5, 3)
    found = top_k(scores, ["s:a", "s:b", "s:c"], 1, [["s:c"], [], ["s:c", "s:b"], ["s:a"], ["s:b", "s:c"]])
    assert found == [[("s:b", 1.0)], [("s:c", 5.0)], [("s:a", 6.0)], [("s:c", 11.0)], [("s:a", 12.0)]]


def test_the_given_scores_are_left_as_they_were() -> None:
    scores = np.ones((1, 2))
    top_k(scores, ["s:a", "s:b"], 1, [["s:a"]])
    np.testing.assert_array_equal(scores, np.ones((1, 2)))


@pytest.mark.parametrize(
    ("scores", "ids", "hidden"),
    [
        (np.array([[np.nan]]), ["s:a"], None),
        (np.array([[np.inf]]), ["s:a"], None),
        (np.ones((1, 2)), ["s:a"], None),
        (np.ones(1), ["s:a"], None),
        (np.ones((2, 1)), ["s:a"], [[]]),
    ],
)
def test_what_does_not_fit_is_bad_input(scores: np.ndarray, ids: list[str], hidden: list | None) -> None:
    with pytest.raises(BadInput):
        top_k(scores, ids, 1, hidden)


def test_only_allowed_items_are_recommended_each_learner_their_own() -> None:
    rows = [("a", "s:1"), ("a", "s:2"), ("b", "s:2"), ("b", "s:3")]
    signals = pd.DataFrame(rows, columns=["learner_id", "item_id"]).assign(weight=1.0)
    model = Popularity().fit(signals)
    allowed = [{"s:1", "s:3"}, set(), {"s:2", "s:unknown"}]
    found = recommend(model, [["s:3"], [], []], 5, allowed=allowed, block=2)
    assert [[item for item, _ in row] for row in found] == [["s:1"], [], ["s:2"]]
    with pytest.raises(BadInput, match="allowed"):
        recommend(model, [[], []], 5, allowed=[set()])
