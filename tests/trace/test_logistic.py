"""The logistic tracer against plain references, planted weights and simulated minds."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from learnloop.evaluate.calibration import tracing_metrics
from learnloop.schemas import ANSWERS, empty
from learnloop.simulate.catalogues import made_up_catalogue
from learnloop.simulate.learners import Simulation, simulate
from learnloop.simulate.planted import Planted, planted_answers
from learnloop.trace.histories import encode
from learnloop.trace.logistic import LogisticTracer, laid_out
from learnloop.trace.rate import RateTracer
from learnloop.trace.uncertainty import laplace, rate_precision


@pytest.fixture(scope="module")
def planted() -> Planted:
    return planted_answers(seed=3)


@pytest.fixture(scope="module")
def fitted(planted: Planted) -> LogisticTracer:
    return LogisticTracer().fit(planted.answers)


@pytest.fixture(scope="module")
def simulated() -> tuple[Simulation, pd.DataFrame]:
    """Learners of the BKT simulator, and their answers."""
    made = made_up_catalogue()
    simulation = simulate(
        made.items,
        made.item_concepts,
        made.prerequisites,
        n_learners=450,
        seed=1,
        start=datetime(2026, 1, 5, tzinfo=UTC),
    )
    events = simulation.events
    answered = events[events["verb"] == "answered"]
    concepts = made.item_concepts.groupby("item_id")["concept_id"].agg(tuple)
    answers = pd.DataFrame(
        {
            "learner_id": answered["learner_id"],
            "item_id": answered["item_id"],
            "concept_ids": answered["item_id"].map(concepts),
            "correct": answered["correct"] == "true",
            "occurred_at": pd.to_datetime(answered["occurred_at"]),
        }
    )
    return simulation, answers


def test_planted_weights_are_found(planted: Planted, fitted: LogisticTracer) -> None:
    both = fitted.difficulties().merge(planted.items, on="item_id", suffixes=("", "_true"))
    assert len(both) == len(planted.items)
    assert both["difficulty"].corr(both["difficulty_true"]) > 0.97
    assert np.abs(fitted.predict(planted.answers) - planted.probabilities).mean() < 0.03


def test_on_learners_it_has_not_seen_it_is_close_to_the_truth(fitted: LogisticTracer) -> None:
    """The slopes of the truth are not its own, but what follows from them is."""
    again = planted_answers(seed=3)
    train = again.answers["learner_id"] < "l00200"
    tracer = LogisticTracer().fit(again.answers[train])
    error = tracer.predict(again.answers[~train]) - again.probabilities[~train]
    assert np.abs(error).mean() < 0.045
    assert abs(error.mean()) < 0.02


def test_covariance_equals_the_inverse_of_the_whole_hessian() -> None:
    answers = planted_answers(n_learners=25, n_items=9, n_concepts=4, answers_per_learner=15, seed=8).answers
    data = encode(answers)
    rng = np.random.default_rng(0)
    x, p = rng.normal(size=(len(data), 6)), rng.uniform(0.2, 0.9, len(data))
    weights = rng.normal(size=9)
    order, design = laid_out(data)
    found = laplace(x[order], design, p[order], weights, prior_variance=0.5)
    items, concepts = np.eye(9)[data.items], np.zeros((len(data), len(data.concept_ids)))
    concepts[data.pair_rows, data.pair_concepts] = data.pair_shares
    X = np.hstack([np.ones((len(data), 1)), x, items, concepts])
    prior = np.full(X.shape[1], 1 / 0.5)
    prior[0] = 0.25
    S = np.linalg.inv(X.T @ (X * (p * (1 - p))[:, None]) + np.diag(prior))
    practice = rng.random((concepts.shape[1], 6)) * 3
    shares = (items.T @ concepts) / concepts.sum(axis=0)  # (n_items, n_concepts)
    z = np.hstack([np.ones((len(practice), 1)), practice, shares.T, np.eye(len(practice))])
    expected = np.einsum("ij,jk,ik->i", z, S, z)
    np.testing.assert_allclose(found.logit_variance(practice, np.arange(len(practice))), expected, rtol=1e-6)
    np.testing.assert_allclose(found.average_items[:-1], shares.T @ weights)
    # an unseen concept: no item, and its own weight as the prior has it
    unseen = np.r_[1.0, practice[0], np.zeros(X.shape[1] - 1 - practice.shape[1])]
    variance = found.logit_variance(practice[:1], np.array([-1]))
    np.testing.assert_allclose(variance, unseen @ S @ unseen + 0.5, rtol=1e-6)


def test_rows_are_laid_out_by_item_and_concepts() -> None:
    """Of changing concepts, of none, of several in any order; each row finds its own."""
    rng = np.random.default_rng(6)
    lists = [(), ("a",), ("b",), ("a", "b"), ("b", "a"), ("a", "b", "c")]
    chosen = rng.integers(0, len(lists), 80)
    items = rng.integers(0, 7, 80)
    answers = pd.DataFrame(
        {
            "learner_id": "l",
            "item_id": [f"i:{k}" for k in items],
            "concept_ids": [lists[k] for k in chosen],
            "correct": rng.random(80) < 0.5,
            "occurred_at": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(80), "h"),
        }
    )
    data = encode(answers)
    order, design = laid_out(data)
    assert sorted(order) == list(range(80))
    assert len(design.sizes) < 80
    rows = np.repeat(np.arange(len(design.sizes)), design.sizes)
    concepts, of_item = design.concepts.toarray()[rows], design.by_item.toarray().T[rows]
    for row, here in enumerate(order):
        names = data.concept_ids[concepts[row] > 0]
        assert set(names) == set(lists[chosen[here]])
        assert concepts[row].sum() == pytest.approx(1.0 if len(names) else 0.0)
        assert data.item_ids[of_item[row].argmax()] == f"i:{items[here]}"


@pytest.mark.parametrize("precision", [3.0, 20.0])
def test_the_spread_between_learners_is_found(precision: float) -> None:
    """Rates drawn from Beta(m k, (1 - m) k) for each learner and concept."""
    rng = np.random.default_rng(4)
    n_learners, n_concepts, n_each, m = 400, 4, 12, 0.6
    rates = rng.beta(m * precision, (1 - m) * precision, (n_learners, n_concepts))
    learner, concept = (grid.ravel() for grid in np.mgrid[:n_learners, : n_concepts * n_each])
    concept %= n_concepts
    answers = pd.DataFrame(
        {
            "learner_id": [f"l{i:03d}" for i in learner],
            # eight alike items a concept, so that what is known of a concept is not known of one item alone
            "item_id": [f"c:{c}-{k}" for c, k in zip(concept, rng.integers(0, 8, len(concept)), strict=True)],
            "concept_ids": [(f"c:{c}",) for c in concept],
            "correct": rng.random(len(concept)) < rates[learner, concept],
            "occurred_at": pd.Timestamp("2026-01-01", tz="UTC")
            + pd.to_timedelta(np.arange(len(concept)), "min"),
        }
    )
    assert rate_precision(encode(answers)) == pytest.approx(precision, rel=0.2)
    # the stated sd is the size of the real error: mean squared z near 1
    tracer = LogisticTracer().fit(answers)
    mastery = tracer.mastery_many(answers, [f"c:{c}" for c in range(n_concepts)])
    z = (mastery["mastery"].to_numpy() - rates.ravel()) / mastery["sd"].to_numpy()
    assert 0.8 < np.mean(z**2) < 1.25


def test_sd_shrinks_with_evidence_and_with_training(fitted: LogisticTracer, planted: Planted) -> None:
    learner = planted.answers[planted.answers["learner_id"] == "l00000"]
    concept = planted.concepts["concept_id"].tolist()
    sds = [fitted.mastery(learner.iloc[:n], concept)["sd"].mean() for n in (0, 20, 80)]
    assert sds[0] > sds[1] > sds[2]
    small = LogisticTracer().fit(planted.answers.iloc[:400])

    def variance(tracer: LogisticTracer) -> float:
        of_nothing = np.zeros((1, tracer.n_features))
        return float(
            tracer.uncertainty.logit_variance(of_nothing, np.array([tracer.concepts[concept[0]]]))[0]
        )

    assert variance(small) > 2 * variance(fitted)


def test_mastery_rises_with_right_answers_and_falls_with_wrong(fitted: LogisticTracer) -> None:
    def after(outcomes: list[bool]) -> float:
        if not outcomes:
            return float(fitted.mastery(empty(ANSWERS), ["planted:c001"])["mastery"].iloc[0])
        rows = pd.DataFrame({"correct": outcomes}).assign(learner_id="l", item_id="planted:i0001")
        rows["concept_ids"] = [("planted:c001",)] * len(rows)
        rows["occurred_at"] = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(rows.index, "min")
        return float(fitted.mastery(rows, ["planted:c001"])["mastery"].iloc[0])

    for outcomes in ([], [True], [False], [True, False, False], [False] * 10, [True] * 10):
        assert after([*outcomes, False]) < after(outcomes) < after([*outcomes, True])


def test_mastery_of_many_is_mastery_of_each(fitted: LogisticTracer, planted: Planted) -> None:
    some = planted.answers[planted.answers["learner_id"] < "l00005"].sample(frac=1, random_state=0)
    concepts = planted.concepts["concept_id"].tolist()
    many = fitted.mastery_many(some, concepts)
    assert len(many) == 5 * len(concepts)
    for learner_id, rows in many.groupby("learner_id"):
        one = fitted.mastery(some[some["learner_id"] == learner_id], concepts)
        pd.testing.assert_frame_equal(rows.drop(columns="learner_id").reset_index(drop=True), one)
    assert len(fitted.mastery_many(empty(ANSWERS), concepts)) == 0


def test_on_simulated_minds_it_beats_the_rate_and_tracks_what_they_know(
    simulated: tuple[Simulation, pd.DataFrame],
) -> None:
    simulation, answers = simulated
    train = answers["learner_id"] < "sim-0300"
    test = answers[~train]
    auc = {}
    for tracer in (LogisticTracer().fit(answers[train]), RateTracer().fit(answers[train])):
        metrics = tracing_metrics(test["correct"], tracer.predict(test), test["learner_id"])
        auc[tracer.name] = metrics["auc"]
        if isinstance(tracer, LogisticTracer):
            assert metrics["ece"]["value"] < 0.05
            mastery = tracer.mastery_many(test, simulation.truth.concepts["concept_id"].tolist())
    assert auc["logistic"]["low"] > auc["rate"]["high"]
    known = mastery.merge(simulation.truth.knowledge, on=["learner_id", "concept_id"])
    tried = known[known["attempts"] > 0]
    assert known["mastery"].corr(known["known"].astype(float)) > 0.45
    assert tried["mastery"].corr(tried["known"].astype(float)) > 0.5


def test_durations_of_past_answers_count_and_are_followed(planted: Planted) -> None:
    """Learners differ in speed, and the fast ones are right more often."""
    rng = np.random.default_rng(2)
    n_learners, n_each = 120, 25
    learner = np.repeat(np.arange(n_learners), n_each)
    slowness = rng.normal(0, 1, n_learners)
    answers = pd.DataFrame(
        {
            "learner_id": [f"l{k:03d}" for k in learner],
            "item_id": [f"i:{k}" for k in rng.integers(0, 8, len(learner))],
            "concept_ids": [("c:a",)] * len(learner),
            "correct": rng.random(len(learner)) < 1 / (1 + np.exp(2 * slowness[learner])),
            "duration_s": np.exp(3 + slowness[learner] + rng.normal(0, 0.3, len(learner))),
            "occurred_at": pd.Timestamp("2026-01-01", tz="UTC")
            + pd.to_timedelta(np.cumsum(rng.exponential(50, len(learner))), "s"),
        }
    )
    answers.loc[rng.random(len(answers)) < 0.2, "duration_s"] = np.nan
    train = answers["learner_id"] < "l080"
    tracer = LogisticTracer().fit(answers[train])
    one = answers[answers["learner_id"] == "l100"].iloc[:1]
    slow, fast = (
        tracer.predict_next(one.assign(duration_s=seconds), ["i:1"], [("c:a",)]) for seconds in (200.0, 2.0)
    )
    assert fast > slow + 0.02
    history = answers[answers["learner_id"] == "l101"]
    following = tracer.follow(["i:1", "i:2"], [("c:a",), ("c:a",)], ["c:a"], 1)
    for row in history[history["item_id"].isin(["i:1", "i:2"])].itertuples():
        following.observe(
            np.array([0]), np.array([int(row.item_id == "i:2")]), np.array([row.correct]),
            np.array([row.occurred_at.timestamp()]), np.array([row.duration_s]),
        )  # fmt: skip
    some = history[history["item_id"].isin(["i:1", "i:2"])]
    now = some["occurred_at"].max() + pd.Timedelta(hours=1)
    np.testing.assert_allclose(
        following.p_correct(np.array([0]), np.array([now.timestamp()]))[0],
        tracer.predict_next(some, ["i:1", "i:2"], [("c:a",)] * 2, now),
        rtol=1e-9,
    )


def test_a_history_read_once_is_asked_as_often_as_one_likes(fitted: LogisticTracer, planted: Planted) -> None:
    history = planted.answers[planted.answers["learner_id"] == "l00001"]
    now = history["occurred_at"].max() + pd.Timedelta(days=3)
    past = fitted.read(history, now)
    concepts = [*planted.concepts["concept_id"], "unheard-of"]
    items = planted.items.head(9)
    for _ in range(2):
        pd.testing.assert_frame_equal(past.mastery(concepts), fitted.mastery(history, concepts, now))
        np.testing.assert_array_equal(
            past.predict_next(items["item_id"], items["concept_ids"]),
            fitted.predict_next(history, items["item_id"], items["concept_ids"], now),
        )
