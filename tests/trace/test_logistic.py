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
from learnloop.trace.histories import encode, features
from learnloop.trace.logistic import LogisticTracer, design
from learnloop.trace.rate import RateTracer
from learnloop.trace.uncertainty import rate_precision


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


def plain_features(answers: pd.DataFrame) -> np.ndarray:
    """Row by row, by looking back: what the vectorised counts must equal."""
    rows = []
    for row in answers.itertuples():
        before = answers[
            (answers["learner_id"] == row.learner_id) & (answers["occurred_at"] < row.occurred_at)
        ]
        on_item = before[before["item_id"] == row.item_id]
        by_concept = [
            before[np.array([c in have for have in before["concept_ids"]], dtype=bool)]
            for c in row.concept_ids
        ]
        wins = [np.log1p(frame["correct"].sum()) for frame in by_concept]
        tries = [np.log1p(len(frame)) for frame in by_concept]
        rows.append(
            [
                np.log1p(before["correct"].sum()),
                np.log1p(len(before)),
                np.mean(wins) if wins else 0.0,
                np.mean(tries) if tries else 0.0,
                np.log1p(on_item["correct"].sum()),
                np.log1p(len(on_item)),
            ]
        )
    return np.array(rows)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_features_equal_looking_back_row_by_row(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 120
    pool = ["c:a", "c:b", "c:c", "c:d"]
    answers = pd.DataFrame(
        {
            "learner_id": rng.choice(["l1", "l2", "l3"], n),
            "item_id": rng.choice(["i:1", "i:2", "i:3", "i:4", "i:5"], n),
            "concept_ids": [
                tuple(rng.choice(pool, rng.integers(0, 4), replace=False).tolist()) for _ in range(n)
            ],
            "correct": rng.random(n) < 0.6,
            # few distinct moments, so many ties; in no order
            "occurred_at": pd.Timestamp("2026-01-01", tz="UTC")
            + pd.to_timedelta(rng.integers(0, 25, n), "h"),
        }
    )
    np.testing.assert_allclose(features(encode(answers)), plain_features(answers), atol=1e-12)


def test_planted_weights_are_found(planted: Planted, fitted: LogisticTracer) -> None:
    both = fitted.difficulties().merge(planted.items, on="item_id", suffixes=("", "_true"))
    assert len(both) == len(planted.items)
    assert both["difficulty"].corr(both["difficulty_true"]) > 0.97
    assert np.abs(fitted.slopes - planted.slopes).max() < 0.2
    assert np.abs(fitted.predict(planted.answers) - planted.probabilities).mean() < 0.03


def test_covariance_equals_the_inverse_of_the_whole_hessian() -> None:
    answers = planted_answers(n_learners=25, n_items=9, n_concepts=4, answers_per_learner=15, seed=8).answers
    tracer = LogisticTracer().fit(answers)
    data = encode(answers)
    items, concepts = (matrix.toarray() for matrix in design(data))
    history = features(data)
    X = np.hstack([np.ones((len(data), 1)), history, items, concepts])
    p = tracer.predict(answers)
    prior = np.full(X.shape[1], 1 / tracer.prior_variance)
    prior[0] = 0.25
    S = np.linalg.inv(X.T @ (X * (p * (1 - p))[:, None]) + np.diag(prior))
    practice = np.random.default_rng(0).random((concepts.shape[1], history.shape[1])) * 3
    shares = (items.T @ concepts) / concepts.sum(axis=0)  # (n_items, n_concepts)
    z = np.hstack([np.ones((len(practice), 1)), practice, shares.T, np.eye(len(practice))])
    expected = np.einsum("ij,jk,ik->i", z, S, z)
    found = tracer.uncertainty.logit_variance(practice, np.arange(len(practice)))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # an unseen concept: no item, and its own weight as the prior has it
    unseen = np.r_[1.0, practice[0], np.zeros(X.shape[1] - 1 - practice.shape[1])]
    expected_unseen = unseen @ S @ unseen + tracer.prior_variance
    np.testing.assert_allclose(
        tracer.uncertainty.logit_variance(practice[:1], np.array([-1])), expected_unseen, rtol=1e-6
    )


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
    assert 0.7 < np.mean(z**2) < 1.6


def test_sd_shrinks_with_evidence_and_with_training(fitted: LogisticTracer, planted: Planted) -> None:
    learner = planted.answers[planted.answers["learner_id"] == "l00000"]
    concept = planted.concepts["concept_id"].tolist()
    sds = [fitted.mastery(learner.iloc[:n], concept)["sd"].mean() for n in (0, 20, 80)]
    assert sds[0] > sds[1] > sds[2]
    small = LogisticTracer().fit(planted.answers.iloc[:400])
    practice = np.zeros((1, 6))
    code = np.array([fitted.concepts["planted:c000"]])
    few = small.uncertainty.logit_variance(practice, np.array([small.concepts["planted:c000"]]))
    assert few > 2 * fitted.uncertainty.logit_variance(practice, code)


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
