"""Item neighbours against plain loops, and planted orders and groups."""

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.recommend import neighbours
from learnloop.recommend.neighbours import FAINT, ItemNeighbours
from learnloop.recommend.ranking import recommend


def some_signals(seed: int = 0, moments: int = 1000) -> pd.DataFrame:
    """moments: how many times there are; few make many items of one moment."""
    rng = np.random.default_rng(seed)
    pairs = sorted({(f"l{rng.integers(20):02d}", f"s:{rng.integers(15):02d}") for _ in range(160)})
    frame = pd.DataFrame(pairs, columns=["learner_id", "item_id"]).astype(str)
    return frame.assign(weight=1.0, at=rng.integers(0, moments, len(frame)).astype(float))


def plain_pairs(signals: pd.DataFrame, order: str, decay: float) -> np.ndarray:
    """C_ij by loops over the learners' lists."""
    names = sorted(signals["item_id"].unique())
    C = np.zeros((len(names), len(names)))
    for _, done in signals.sort_values(["at", "item_id"]).groupby("learner_id"):
        rows = [(names.index(item), at) for item, at in zip(done["item_id"], done["at"], strict=True)]
        for p, (i, at_i) in enumerate(rows):
            for q, (j, at_j) in enumerate(rows):
                if order == "any" and p != q:
                    C[i, j] += 1
                elif order == "after" and p != q and at_i <= at_j:
                    weight = decay ** (abs(q - p) - 1)
                    C[i, j] += (weight if at_i < at_j else weight / 2) if weight >= FAINT else 0
    return C


def plain_similarities(
    signals: pd.DataFrame, k: int, shrinkage: float, normalisation: float, C: np.ndarray
) -> np.ndarray:
    n = signals.groupby("item_id").size().sort_index().to_numpy(float)
    S = C / (n[:, None] ** (1 - normalisation) * n[None, :] ** normalisation + shrinkage)
    for j in range(len(S)):
        order = np.lexsort((np.arange(len(S)), -S[:, j].astype(np.float32)))
        S[order[k:], j] = 0
    return S


@pytest.mark.parametrize("sparse", [0, 20])  # sorted as they are, or laid out
@pytest.mark.parametrize("pairs", [1, 60, 10**6])  # at a time
@pytest.mark.parametrize("moments", [4, 1000])
@pytest.mark.parametrize(("order", "decay"), [("any", 0.8), ("after", 0.4), ("after", 0.9), ("after", 1.0)])
def test_similarities_equal_plain_loops(
    order: str, decay: float, moments: int, pairs: int, sparse: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "PAIRS", pairs)
    monkeypatch.setattr(neighbours, "SPARSE", sparse)
    signals = some_signals(1, moments)
    model = ItemNeighbours(6, 3.0, 0.3, order, decay).fit(signals)
    plain = plain_similarities(signals, 6, 3.0, 0.3, plain_pairs(signals, order, decay))
    np.testing.assert_allclose(model.similarities.toarray(), plain, rtol=1e-5, atol=1e-7)


def test_with_half_normalisation_and_no_shrinkage_it_is_the_cosine() -> None:
    signals = some_signals()
    X = signals.pivot_table(index="learner_id", columns="item_id", values="weight", fill_value=0).to_numpy()
    unit = X / np.linalg.norm(X, axis=0)
    cosine = unit.T @ unit
    np.fill_diagonal(cosine, 0)
    model = ItemNeighbours(neighbours=99, shrinkage=0.0, normalisation=0.5, order="any").fit(signals)
    np.testing.assert_allclose(model.similarities.toarray(), cosine, rtol=1e-5, atol=1e-7)


def test_scores_add_up_what_was_done_weighed_by_how_often_or_how_lately() -> None:
    signals = some_signals()
    history = ["s:01", "s:04", "s:01", "s:09"]
    for order, weights in (("any", {1: 1 + np.log(2), 4: 1, 9: 1}), ("after", {9: 1, 1: 0.5, 4: 0.25})):
        model = ItemNeighbours(order=order, decay=0.5).fit(signals)
        S = model.similarities.toarray()
        plain = sum(weight * S[item] for item, weight in weights.items())
        for histories in ([history], [history, []]):
            np.testing.assert_allclose(model.scores(histories)[0], plain, rtol=1e-4, atol=2e-6)


def test_the_next_lesson_of_a_planted_course_is_found_only_in_order() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for learner in range(200):  # everybody goes through the course in order and stops somewhere
        start, end = sorted(rng.choice(21, 2, replace=False))
        rows += [(f"l{learner:03d}", f"s:{lesson:02d}", float(lesson)) for lesson in range(start, end)]
    signals = pd.DataFrame(rows, columns=["learner_id", "item_id", "at"]).assign(weight=1.0)
    histories = [[f"s:{lesson:02d}" for lesson in range(end - 4, end)] for end in range(6, 18)]
    right = {}
    for order in ("any", "after"):
        ranked = recommend(ItemNeighbours(order=order, decay=0.5).fit(signals), histories, 1)
        right[order] = np.mean(
            [row[0][0] == f"s:{end:02d}" for row, end in zip(ranked, range(6, 18), strict=True)]
        )
    assert right["after"] > 0.9
    assert right["any"] < 0.7


def test_at_most_so_many_neighbours_an_item() -> None:
    model = ItemNeighbours(neighbours=3).fit(some_signals())
    assert (model.similarities.getnnz(axis=0) <= 3).all()
    assert model.similarities.nnz > 15


def test_what_no_neighbour_reaches_comes_last_by_popularity() -> None:
    rows = [("a", "s:1"), ("a", "s:2"), ("b", "s:3"), ("c", "s:3"), ("c", "s:4"), ("d", "s:3"), ("e", "s:5")]
    signals = pd.DataFrame(rows, columns=["learner_id", "item_id"]).assign(weight=1.0)
    model = ItemNeighbours().fit(signals)
    (found,) = recommend(model, [["s:1"]], 10)
    assert [item for item, _ in found] == ["s:2", "s:3", "s:4", "s:5"]
    (new,) = recommend(model, [[]], 1)
    assert new[0][0] == "s:3"


def test_the_parts_of_an_explanation_add_up_to_the_score() -> None:
    history = ["s:02", "s:06", "s:02", "s:11", "s:unknown"]
    for order in ("any", "after"):
        model = ItemNeighbours(order=order).fit(some_signals())
        parts = model.contributions(history, "s:10")
        assert sum(parts.values()) == pytest.approx(model.scores([history])[0, 10], abs=2e-6)


@pytest.mark.parametrize(
    "wrong", [{"order": "before"}, {"neighbours": 0}, {"normalisation": 1.5}, {"decay": 0.0}]
)
def test_settings_out_of_range_are_bad_input(wrong: dict) -> None:
    with pytest.raises(BadInput):
        ItemNeighbours(**wrong)
