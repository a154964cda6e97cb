"""The hybrid: its ridge against plain references, and cold items of a planted taste."""

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.recommend.als import IALS
from learnloop.recommend.hybrid import PENALTIES, Hybrid, ridge
from learnloop.recommend.ranking import recommend
from learnloop.schemas import ItemFeatures

N_TOPICS, N_ITEMS = 6, 90


def planted(seed: int, n_learners: int = 400) -> tuple[pd.DataFrame, ItemFeatures, dict[str, set[str]]]:
    """(signals of the warm items, features of all, what each learner would do of the cold ones).

    An item's features are its topic in noise; learners do items of one topic, mostly. A sixth is cold.
    """
    rng = np.random.default_rng(seed)
    topic = np.arange(N_ITEMS) % N_TOPICS
    item_ids = np.array([f"s:item{number:02d}" for number in range(N_ITEMS)], dtype=object)
    cold = np.arange(N_ITEMS) >= N_ITEMS * 5 // 6
    directions = rng.standard_normal((N_TOPICS, 20))
    rows = directions[topic] + 0.8 * rng.standard_normal((N_ITEMS, 20))
    matrix = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    liked, done, would = rng.gamma(2.0, size=N_ITEMS) + 0.5, [], {}
    for learner in range(n_learners):
        chance = liked * np.where(topic == rng.integers(N_TOPICS), 1.0, 0.03)
        items = rng.choice(N_ITEMS, 9, replace=False, p=chance / chance.sum())
        would[f"l{learner:03d}"] = set(item_ids[items[cold[items]]])
        done += [(f"l{learner:03d}", item_ids[item]) for item in items[~cold[items]]]
    signals = pd.DataFrame(done, columns=["learner_id", "item_id"]).assign(weight=1.0)
    return signals, ItemFeatures(item_ids, matrix, "planted"), would


def histories_of(signals: pd.DataFrame, learners: list[str]) -> list[list[str]]:
    by_learner = signals.groupby("learner_id")["item_id"].agg(list)
    return [by_learner[learner] for learner in learners]


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, ItemFeatures, dict[str, set[str]]]:
    return planted(0)


@pytest.fixture(scope="module")
def model(data: tuple[pd.DataFrame, ItemFeatures, dict[str, set[str]]]) -> Hybrid:
    return Hybrid(factors=16).fit(data[0], data[1])


def auc(scores: np.ndarray, right: np.ndarray) -> float:
    """P(a right item scores above another)."""
    return float(np.mean(scores[right][:, None] > scores[~right][None, :]))


def test_cold_items_are_ranked_by_what_a_learner_likes(
    model: Hybrid, data: tuple[pd.DataFrame, ItemFeatures, dict[str, set[str]]]
) -> None:
    signals, _, would = data
    cold = np.flatnonzero(~np.isin(model.item_ids, signals["item_id"].unique()))
    assert len(cold) == N_ITEMS // 6
    learners = [learner for learner in sorted(would) if would[learner]]
    scores = model.scores(histories_of(signals, learners))[:, cold]
    found = [
        auc(row, np.isin(model.item_ids[cold], list(would[learner])))
        for row, learner in zip(scores, learners, strict=True)
        if len(would[learner]) < len(cold)
    ]
    assert np.mean(found) > 0.85  # chance is 0.5


def test_cold_items_come_among_the_warm_ones(
    model: Hybrid, data: tuple[pd.DataFrame, ItemFeatures, dict[str, set[str]]]
) -> None:
    signals, _, would = data
    learners = [learner for learner in sorted(would) if would[learner]]
    ranked = recommend(model, histories_of(signals, learners), 10)
    hits = [
        len({item for item, _ in row} & would[learner]) / len(would[learner])
        for row, learner in zip(ranked, learners, strict=True)
    ]
    assert np.mean(hits) > 0.4  # ten drawn of the 82 unseen would hold 0.12 of them


def test_warm_items_are_ranked_as_well_as_without_features(
    data: tuple[pd.DataFrame, ItemFeatures, dict[str, set[str]]],
) -> None:
    signals, features, _ = data
    last = ~signals.duplicated("learner_id", keep="last")
    past, held = signals[~last], signals[last].set_index("learner_id")["item_id"]
    learners = sorted(set(past["learner_id"]) & set(held.index))
    found = {}
    for name, fitted in (
        ("hybrid", Hybrid(factors=16).fit(past, features)),
        ("ials", IALS(factors=16).fit(past)),
    ):
        warm = set(past["item_id"])
        ranked = recommend(fitted, histories_of(past, learners), 10, allowed=[warm for _ in learners])
        found[name] = np.mean(
            [held[one] in {item for item, _ in row} for row, one in zip(ranked, learners, strict=True)]
        )
    assert found["hybrid"] >= found["ials"] - 0.02


def test_without_features_it_is_ials(data: tuple[pd.DataFrame, ItemFeatures, dict[str, set[str]]]) -> None:
    histories = [["s:item03", "s:item09"], []]
    plain = IALS(factors=16).fit(data[0])
    hybrid = Hybrid(factors=16).fit(data[0])
    np.testing.assert_array_equal(hybrid.scores(histories), plain.scores(histories))
    assert hybrid.item_ids.tolist() == plain.item_ids.tolist()


def test_what_many_have_done_keeps_its_own_factors(
    data: tuple[pd.DataFrame, ItemFeatures, dict[str, set[str]]],
) -> None:
    signals, features, _ = data
    own = IALS(factors=16).fit(signals)
    counts = signals["item_id"].value_counts().reindex(own.item_ids).to_numpy(float)

    def moved(prior_learners: float) -> np.ndarray:
        hybrid = Hybrid(factors=16, prior_learners=prior_learners).fit(signals, features)
        places = np.searchsorted(hybrid.item_ids.astype(str), own.item_ids.astype(str))
        return np.linalg.norm(hybrid.item_factors[places] - own.item_factors, axis=1)

    assert moved(1e-9).max() < 1e-6
    some, more = moved(1.0), moved(30.0)
    assert (more > some).all()
    # (1 - c) of the way to the promise; the promise itself hardly hangs on prior_learners
    often = counts >= np.median(counts)
    assert (some / more)[often].mean() < (some / more)[~often].mean()


def test_a_history_of_cold_items_says_what_is_liked(
    model: Hybrid, data: tuple[pd.DataFrame, ItemFeatures, dict[str, set[str]]]
) -> None:
    signals, _, _ = data
    cold = [item for item in model.item_ids if item not in set(signals["item_id"])]
    same = []
    for item in cold:
        ((first, _), *_) = recommend(model, [[item]], 1)[0]
        same.append(int(first[-2:]) % N_TOPICS == int(item[-2:]) % N_TOPICS)
    assert np.mean(same) > 0.6  # chance is 1 in 6
    assert model.similar(cold[0], 3)["score"].between(-1, 1).all()


def test_features_of_nothing_known_are_no_error() -> None:
    signals, features, _ = planted(1, 60)
    blank = ItemFeatures(features.item_ids, np.zeros_like(features.matrix), "")
    histories = [["s:item03"], []]
    np.testing.assert_array_equal(
        Hybrid(factors=8).fit(signals, blank).scores(histories),
        Hybrid(factors=8).fit(signals).scores(histories),
    )
    partly = features.matrix.copy()
    partly[::2] = 0
    fitted = Hybrid(factors=8).fit(signals, ItemFeatures(features.item_ids, partly, ""))
    assert np.isfinite(fitted.scores(histories)).all()


def test_the_ridge_equals_plain_weighted_least_squares() -> None:
    rng = np.random.default_rng(2)
    Z, Y, c = rng.standard_normal((30, 5)), rng.standard_normal((30, 3)), rng.random(30) + 0.1
    Y += Z @ rng.standard_normal((5, 3))
    mapping, offset = ridge(Z, Y, c)

    def plain(rows: np.ndarray, penalty: float) -> np.ndarray:
        """(1 + f, d): offset and map, the offset not penalised."""
        A = np.hstack([np.ones((len(rows), 1)), Z[rows]])
        L = penalty * np.diag([0, 1, 1, 1, 1, 1])
        C = np.diag(c[rows])
        return np.linalg.inv(A.T @ C @ A + L) @ A.T @ C @ Y[rows]

    errors = []
    for penalty in PENALTIES:
        left_out = [
            c[row] * ((Y[row] - np.r_[1, Z[row]] @ plain(np.delete(np.arange(30), row), penalty)) ** 2).sum()
            for row in range(30)
        ]
        errors.append(sum(left_out))
    best = plain(np.arange(30), PENALTIES[int(np.argmin(errors))])
    np.testing.assert_allclose(np.vstack([offset, mapping]), best, rtol=1e-8)


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_prior_that_is_not_positive_is_bad_input(value: float) -> None:
    with pytest.raises(BadInput, match="prior_learners"):
        Hybrid(prior_learners=value)


def test_features_that_are_not_finite_are_bad_input() -> None:
    signals, features, _ = planted(1, 30)
    broken = features.matrix.copy()
    broken[0, 0] = np.nan
    with pytest.raises(BadInput, match="features"):
        Hybrid(factors=4).fit(signals, ItemFeatures(features.item_ids, broken, ""))
