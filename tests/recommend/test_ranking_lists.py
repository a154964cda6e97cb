"""top_k against sorting everything."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnloop.errors import BadInput
from learnloop.recommend import ranking
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.ranking import NOTHING, best_columns, places, recommend, top_k


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


def plain_best(scores: np.ndarray, k: int) -> list[list[int]]:
    """The k best columns of each row, ties by column, -inf left out."""
    rows = []
    for row in scores.tolist():
        order = sorted(range(len(row)), key=lambda column: (-row[column], column))
        rows.append([column for column in order[:k] if row[column] > -np.inf])
    return rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 10, 50])
@pytest.mark.parametrize("values", [2, 40, 10**6])  # few different values: many ties at the edge
def test_best_columns_of_many_items_equal_sorting_all(dtype: type, k: int, values: int) -> None:
    rng = np.random.default_rng(values + k)
    scores = (rng.integers(0, values, (9, 1003)) / values).astype(dtype)
    scores[1, 5:] = -np.inf  # nearly all hidden
    scores[2] = -np.inf
    scores[3] = np.sort(scores[3])
    scores[4] = 0
    columns, found = best_columns(scores, k)
    assert [[column for column in row if column != NOTHING] for row in columns.tolist()] == plain_best(
        scores, k
    )
    np.testing.assert_array_equal(
        found, np.take_along_axis(scores, np.argsort(-scores, axis=1, kind="stable")[:, :k], axis=1)
    )


def test_best_columns_of_scores_that_do_not_lie_row_by_row() -> None:
    scores = np.random.default_rng(0).random((6, 2000))
    for laid in (np.asfortranarray(scores), np.repeat(scores, 2, axis=1)[:, ::2], scores[::1]):
        np.testing.assert_array_equal(best_columns(laid, 5)[0], best_columns(scores.copy(), 5)[0])


def test_a_model_fitted_again_is_ranked_by_its_new_items() -> None:
    first = pd.DataFrame({"learner_id": ["a", "b"], "item_id": ["s:1", "s:2"], "weight": 1.0})
    model = Popularity().fit(first)
    assert places(model) == {"s:1": 0, "s:2": 1}
    assert places(model) is places(model)
    model.fit(first.assign(item_id=["s:0", "s:1"]))
    assert recommend(model, [["s:0"]], 5) == [[("s:1", 0.5)]]


def test_what_is_known_of_an_array_of_ids_goes_with_it() -> None:
    ids = np.array(["s:c", "s:a", "s:b"], dtype=object)
    before = set(ranking._ORDERED)
    for _ in range(2):
        assert top_k(np.array([[1.0, 1.0, 2.0]]), ids, 2, [["s:b"]]) == [[("s:a", 1.0), ("s:c", 1.0)]]
    assert set(ranking._ORDERED) - before == {id(ids)}
    del ids
    assert set(ranking._ORDERED) <= before


def test_rows_over_several_blocks_keep_their_own_hidden_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "BLOCK", 2)
    scores = np.arange(15.0).reshape(5, 3)
    found = top_k(scores, ["s:a", "s:b", "s:c"], 1, [["s:c"], [], ["s:c", "s:b"], ["s:a"], ["s:b", "s:c"]])
    assert found == [[("s:b", 1.0)], [("s:c", 5.0)], [("s:a", 6.0)], [("s:c", 11.0)], [("s:a", 12.0)]]


def test_many_items_are_scored_for_fewer_learners_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    signals = pd.DataFrame({"learner_id": list("abcde"), "item_id": list("vwxyz"), "weight": 1.0})
    sizes: list[int] = []

    class Counted(Popularity):
        def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
            sizes.append(len(histories))
            return super().scores(histories)

    model, histories = Counted().fit(signals), [["v"], [], ["w"], ["x"], ["y"]]
    whole = recommend(model, histories, 3)
    monkeypatch.setattr(ranking, "CELLS", 11)  # two rows of five items
    assert recommend(model, histories, 3) == whole
    monkeypatch.setattr(ranking, "CELLS", 3)  # not even one
    assert recommend(model, histories, 3) == whole
    assert sizes == [5, 2, 2, 1, 1, 1, 1, 1, 1]


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
