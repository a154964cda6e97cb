"""iALS: the fold-in against plain references, explanations, and a planted structure it must find."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from learnloop.errors import UnknownThing
from learnloop.recommend import als
from learnloop.recommend.als import IALS
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.ranking import recommend
from learnloop.recommend.signals import weighed

N_GROUPS, N_ITEMS = 5, 60


def planted(seed: int, n_learners: int = 400) -> tuple[pd.DataFrame, dict[str, int]]:
    """Learners of a group do mostly the items of the group; within it some items are more liked."""
    rng = np.random.default_rng(seed)
    item_group = np.arange(N_ITEMS) % N_GROUPS
    liked = rng.gamma(2.0, size=N_ITEMS) + 1.0
    frames, group_of = [], {}
    for learner in range(n_learners):
        group_of[f"l{learner:03d}"] = group = int(rng.integers(N_GROUPS))
        chance = liked * np.where(item_group == group, 1.0, 0.02)
        items = rng.choice(N_ITEMS, 6, replace=False, p=chance / chance.sum())
        counts = np.ones(6) if learner < 20 else rng.integers(1, 4, 6)  # a few who did nothing twice
        done = {"item_id": [f"s:item{item:02d}" for item in items], "weight": 1 + np.log(counts)}
        frames.append(pd.DataFrame(done).assign(learner_id=f"l{learner:03d}"))
    return pd.concat(frames, ignore_index=True), group_of


@pytest.fixture(scope="module")
def signals() -> pd.DataFrame:
    return planted(0)[0]


@pytest.fixture(scope="module")
def model(signals: pd.DataFrame) -> IALS:
    return IALS().fit(signals)


def plain_fold_in(model: IALS, history: list[str]) -> np.ndarray:
    """x_u = (Yt C_u Y + reg I)^-1 Yt C_u p_u with the whole of C_u, as the paper writes it."""
    Y = model.item_factors.astype(float)
    count = np.array([history.count(item) for item in model.item_ids])
    p = (count > 0).astype(float)
    C = np.diag(1 + model.alpha * np.where(count > 0, 1 + np.log(np.maximum(count, 1)), 0))
    return np.linalg.inv(Y.T @ C @ Y + model.regularization * np.eye(model.factors)) @ Y.T @ C @ p


@settings(deadline=None, max_examples=40)
@given(history=st.lists(st.sampled_from([f"s:item{item:02d}" for item in range(N_ITEMS)]), min_size=1))
def test_fold_in_equals_the_plain_formula(model: IALS, history: list[str]) -> None:
    plain = plain_fold_in(model, history)
    np.testing.assert_allclose(model.fold_in(history), plain, rtol=1e-5, atol=1e-6 * np.abs(plain).max())


@pytest.mark.parametrize("factors", [4, 16])  # histories longer than the factors are solved another way
def test_many_fold_in_as_the_plain_formula_whatever_their_lengths(
    signals: pd.DataFrame, factors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(als, "BATCH", 7)
    monkeypatch.setattr(als, "FOLDED", 200)
    model = IALS(factors=factors, iterations=3).fit(signals)
    rng = np.random.default_rng(5)
    histories = [rng.choice(model.item_ids, size).tolist() for size in rng.integers(0, 40, 30)]
    folded = model.fold_in_all(weighed(histories, {item: n for n, item in enumerate(model.item_ids)}))
    for row, history in zip(folded, histories, strict=True):
        plain = plain_fold_in(model, history) if history else model.user_factors.mean(axis=0)
        np.testing.assert_allclose(row, plain, rtol=1e-4, atol=1e-5 * np.abs(plain).max())


def test_one_thread_and_many_give_equal_factors(
    signals: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for least in (0, 10**9):
        monkeypatch.setattr(als, "WORTH_THREADS", least)
        found.append(IALS(iterations=5).fit(signals))
    np.testing.assert_array_equal(found[0].item_factors, found[1].item_factors)
    np.testing.assert_array_equal(found[0].user_factors, found[1].user_factors)


def test_fold_in_equals_the_library_that_trained(model: IALS) -> None:
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    history = ["s:item03", "s:item08", "s:item08", "s:item31"]
    row = np.zeros((1, N_ITEMS), dtype=np.float32)
    row[0, [3, 8, 31]] = 1 + model.alpha * (1 + np.log([1, 2, 1]))
    with threadpool_limits(1, "blas"):
        library = AlternatingLeastSquares(
            factors=model.factors, regularization=model.regularization, num_threads=1
        )
        library.item_factors = np.ascontiguousarray(model.item_factors)
        theirs = library.recalculate_user(0, csr_matrix(row))
    np.testing.assert_allclose(model.fold_in(history), theirs, rtol=1e-3, atol=1e-4)


def test_folding_in_a_training_learner_ranks_like_the_trained_factors(
    model: IALS, signals: pd.DataFrame
) -> None:
    past = signals.groupby("learner_id")["item_id"].agg(list)
    once = past.index[:20].tolist()  # whose weights are all 1, as their histories say
    rows = np.searchsorted(model.learner_ids.astype(str), once)
    trained = model.user_factors[rows] @ model.item_factors.T
    folded = model.scores(past[once].tolist())
    agreement = [spearmanr(a, b).statistic for a, b in zip(trained, folded, strict=True)]
    assert min(agreement) > 0.95


def test_planted_groups_are_found_where_popularity_cannot() -> None:
    train, _ = planted(1)
    test, group_of = planted(2)
    model, popular = IALS().fit(train), Popularity().fit(train)
    past = test.groupby("learner_id")["item_id"].agg(list)
    # Learners of another draw, so that every one of them is new to the model.
    right = {}
    for fitted in (model, popular):
        ranked = recommend(fitted, [history[:3] for history in past], 5)
        same = [
            int(item[-2:]) % N_GROUPS == group_of[learner]
            for learner, row in zip(past.index, ranked, strict=True)
            for item, _ in row
        ]
        right[fitted.name] = np.mean(same)
    assert right["popularity"] < 0.3
    assert right["ials"] > 0.8


def test_similar_items_are_of_the_same_group(model: IALS) -> None:
    nearest = model.similar("s:item07", 5)
    assert nearest["score"].is_monotonic_decreasing
    assert "s:item07" not in set(nearest["item_id"])
    assert [int(item[-2:]) % N_GROUPS for item in nearest["item_id"]] == [7 % N_GROUPS] * 5


def test_similar_is_the_cosine(model: IALS) -> None:
    a, b = model.item_factors[[7, 12]].astype(float)
    score = model.similar("s:item07", N_ITEMS).set_index("item_id")["score"]["s:item12"]
    assert score == pytest.approx(a @ b / np.sqrt((a @ a) * (b @ b)), rel=1e-4)
    with pytest.raises(UnknownThing, match="s:nothing"):
        model.similar("s:nothing")


def test_the_parts_of_an_explanation_add_up_to_the_score(model: IALS) -> None:
    history = ["s:item02", "s:item02", "s:item07", "s:item11", "s:unknown"]
    parts = model.contributions(history, "s:item12")
    assert set(parts) == {"s:item02", "s:item07", "s:item11"}
    column = model.item_ids.tolist().index("s:item12")
    assert sum(parts.values()) == pytest.approx(model.scores([history])[0, column], rel=1e-4)


def test_the_explanation_is_the_history_item_of_the_same_group(model: IALS) -> None:
    for item in range(10, 20):
        group = item % N_GROUPS
        others = [f"s:item{(item + step):02d}" for step in (31, 32, 33)]
        history = [*others, f"s:item{group:02d}"]
        assert model.explain(history, f"s:item{item:02d}") == f"s:item{group:02d}"


def test_there_is_no_explanation_without_a_history_or_of_an_unknown_item(model: IALS) -> None:
    assert model.explain([], "s:item01") is None
    assert model.explain(["s:unknown"], "s:item01") is None
    assert model.explain(["s:item01"], "s:unknown") is None
    assert model.explain(["s:item01"], "s:item01") is None


def test_a_learner_without_history_gets_about_what_is_popular(model: IALS, signals: pd.DataFrame) -> None:
    popular = Popularity().fit(signals).scores([[]])[0]
    assert spearmanr(model.scores([[]])[0], popular).statistic > 0.8
