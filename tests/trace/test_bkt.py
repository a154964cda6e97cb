"""Bayesian knowledge tracing against a plain reference, all paths of the hidden state, and planted truth."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.schemas import ANSWERS, empty
from learnloop.trace.bkt import BKT
from learnloop.trace.bkt_em import MOST_ERROR, Data, Estimate, Parameters, Prior, forward, maximise, smooth
from learnloop.trace.chains import chains, read

START = pd.Timestamp("2026-03-01T10:00:00Z")
TRUTH = {"p_init": 0.35, "p_learn": 0.15, "p_guess": 0.2, "p_slip": 0.1}


def simulated(
    n_learners: int, *, seed: int, forget: float = 0.0, spread: float = 0.0, steps: int = 30
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Answers on 3 concepts of 10 items each, `forget` a day; who knew (n,); the items' effects (30,)."""
    rng = np.random.default_rng(seed)
    everyone, effects = np.arange(n_learners), rng.normal(0.0, spread, 30)
    known = rng.random((n_learners, 3)) < TRUTH["p_init"]
    item = rng.integers(0, 30, (n_learners, steps))
    days = rng.choice([0.01, 1.0, 8.0], (n_learners, steps)).cumsum(axis=1)
    last = np.full(known.shape, np.inf)  # the day of the last practice
    correct, knew = np.zeros((2, n_learners, steps), dtype=bool)
    for t in range(steps):
        concept = item[:, t] // 10
        kept = np.exp(-forget * np.maximum(days[:, t] - last[everyone, concept], 0))
        known[everyone, concept] &= rng.random(n_learners) < kept
        last[everyone, concept] = days[:, t]
        knew[:, t] = known[everyone, concept]
        odds = np.where(knew[:, t], 1 / TRUTH["p_slip"] - 1, TRUTH["p_guess"] / (1 - TRUTH["p_guess"]))
        odds = odds * np.exp(effects[item[:, t]])
        correct[:, t] = rng.random(n_learners) < odds / (1 + odds)
        known[everyone, concept] |= rng.random(n_learners) < TRUTH["p_learn"]
    answers = pd.DataFrame(
        {
            "learner_id": np.repeat([f"l{i:04d}" for i in everyone], steps),
            "item_id": [f"i{i}" for i in item.ravel()],
            "concept_ids": [(f"c{i // 10}",) for i in item.ravel()],
            "correct": correct.ravel(),
            "occurred_at": START + pd.to_timedelta(days.ravel(), unit="D"),
        }
    )
    return answers, knew.ravel(), effects


@pytest.fixture(scope="module")
def several() -> pd.DataFrame:
    """A few learners; ties of one moment; items of one, two and no concepts."""
    answers, _, _ = simulated(25, seed=2, steps=20)
    answers["occurred_at"] = answers["occurred_at"].dt.floor("3D")
    pairs = {"i3": ("c0", "c2"), "i14": ("c1", "c0"), "i25": ()}
    answers["concept_ids"] = [pairs.get(i, c) for i, c in answers[["item_id", "concept_ids"]].to_numpy()]
    return answers


def plain(tracer: BKT, answers: pd.DataFrame) -> np.ndarray:
    """P(correct) row by row, each from the whole past."""
    found = []
    p = tracer.parameters().set_index("concept_id")
    for row in answers.itertuples():
        past = answers[(answers["learner_id"] == row.learner_id) & (answers["occurred_at"] < row.occurred_at)]
        found.append(np.mean([plain_chance(tracer, p, past, row, c) for c in row.concept_ids or ("",)]))
    return np.array(found)


def log_counts(past: pd.DataFrame) -> np.ndarray:
    right = int(past["correct"].sum())
    return np.log1p([right, len(past) - right])


def plain_chance(tracer: BKT, p: pd.DataFrame, past: pd.DataFrame, row: Any, concept: str) -> float:
    own = p.loc[concept if concept in p.index else "(pooled)"]

    def right(item: str) -> np.ndarray:  # if unknown, if known
        odds = np.array([own.p_guess / (1 - own.p_guess), (1 - own.p_slip) / own.p_slip])
        odds = odds * np.exp(tracer.effects[tracer.items.get(item, -1)])
        return odds / (1 + odds)

    mine = past[np.array([concept in (c or ("",)) for c in past["concept_ids"]], dtype=bool)]
    done = log_counts(past if not len(mine) else past[past["occurred_at"] < mine["occurred_at"].min()])
    odds = own.p_init / (1 - own.p_init) * np.exp(tracer.slopes @ done)
    state, last = np.array([1 / (1 + odds), odds / (1 + odds)]), None

    def wait(now: pd.Timestamp) -> np.ndarray:
        if last is None:
            return state
        units = {"day": (now - last) / pd.Timedelta(days=1), "step": 1.0, "none": 0.0}[tracer.forgetting]
        lost = 1 - (1 - own.p_forget) ** units
        return state @ np.array([[1, 0], [lost, 1 - lost]])

    for moment, together in mine.groupby("occurred_at"):
        state = wait(moment)
        for item, correct in zip(together["item_id"], together["correct"], strict=True):
            state = state * (right(item) if correct else 1 - right(item))
        state = state / state.sum()
        state, last = state @ np.array([[1 - own.p_learn, own.p_learn], [0, 1]]), moment
    return float(wait(row.occurred_at) @ right(row.item_id))


@pytest.mark.parametrize("forgetting", ["day", "step", "none"])
def test_it_equals_the_plain_reference(several: pd.DataFrame, forgetting: str) -> None:
    tracer = BKT(forgetting).fit(several[several["learner_id"] < "l0020"])
    if forgetting != "none":
        tracer.fitted.forget += 0.05  # so that there is something to see
    held_out = several[several["learner_id"] >= "l0020"]
    held_out = held_out.replace({"item_id": {"i7": "new"}})
    np.testing.assert_allclose(tracer.predict(held_out), plain(tracer, held_out), rtol=1e-9)


def test_smoothing_equals_the_sum_over_all_paths() -> None:
    rng = np.random.default_rng(0)
    answers, _, _ = simulated(1, seed=4, steps=7)
    found = chains(read(answers.assign(concept_ids=[("c",)] * 7)))
    n = len(found.at)
    init, learn, right, wrong = 0.3, 0.25, rng.random(n), rng.random(n)
    kept = rng.random(n - 1)
    p = Parameters(*np.tile([[init], [learn], [0.0], [0.0], [0.0]], n))
    before, after = forward(found, np.log(right / wrong), p, kept)
    weights, knew = [], []
    for path in product((0, 1), repeat=n):
        weight = init if path[0] else 1 - init
        for t, state in enumerate(path):
            weight *= right[t] if state else wrong[t]
            if t < n - 1:
                known_next = kept[t] * (1.0 if state else learn)
                weight *= known_next if path[t + 1] else 1 - known_next
        weights.append(weight)
        knew.append(path)
    expected = np.average(knew, axis=0, weights=weights)
    np.testing.assert_allclose(smooth(found, before, after, p.p_learn, kept), expected, rtol=1e-9)
    assert before[0] == pytest.approx(init)


def test_it_recovers_planted_parameters() -> None:
    answers, knew, _ = simulated(1000, seed=1, forget=0.03)
    tracer = BKT(per_item=False).fit(answers)
    for row in tracer.parameters().itertuples():
        for name, truth in TRUTH.items():
            assert getattr(row, name) == pytest.approx(truth, abs=0.04), (row.concept_id, name)
        assert row.p_forget == pytest.approx(1 - np.exp(-0.03), abs=0.01)
    # P(known) is calibrated: among those it gives 70 %, some 70 % know
    practice = read(answers)
    found, before, _ = tracer._filter(practice)
    said = before[found.pair_events]
    tenth = np.digitize(said, np.linspace(0, 1, 11))
    for k in np.unique(tenth):
        if (group := tenth == k).sum() > 500:
            assert said[group].mean() == pytest.approx(knew[group].mean(), abs=0.04)


def test_it_recovers_planted_item_effects() -> None:
    answers, _, effects = simulated(600, seed=3, spread=1.0)
    tracer = BKT(item_variance=1.0).fit(answers)
    found = tracer.effects[[tracer.items[f"i{i}"] for i in range(30)]]
    centred = effects - np.repeat(effects.reshape(3, 10).mean(axis=1), 10)
    found -= np.repeat(found.reshape(3, 10).mean(axis=1), 10)
    assert np.abs(found - centred).max() < 0.5
    assert np.corrcoef(found, centred)[0, 1] > 0.97
    assert tracer.effects[-1] == 0


def test_item_effects_and_forgetting_pay_where_they_are_planted() -> None:
    answers, _, _ = simulated(500, seed=6, forget=0.1, spread=1.0)
    train, test = answers[answers["learner_id"] < "l0400"], answers[answers["learner_id"] >= "l0400"]

    def loss(tracer: BKT) -> float:
        p, y = tracer.fit(train).predict(test), test["correct"].to_numpy()
        return float(-np.log(np.where(y, p, 1 - p)).mean())

    best = loss(BKT())
    assert best < loss(BKT(per_item=False)) - 0.02
    assert best < loss(BKT("step")) - 0.001 < loss(BKT("none"))


def test_every_iteration_raises_the_likelihood() -> None:
    answers, _, _ = simulated(60, seed=8, forget=0.05)
    practice = read(answers)
    found = chains(practice)
    correct, items = practice.correct[practice.pair_rows], practice.items
    nothing = np.zeros((found.n, 2))
    data = Data(
        found,
        np.zeros_like(found.concepts),
        found.gaps / 86_400,
        correct,
        items,
        nothing,
        n_groups=1,
        n_items=30,
    )
    prior = Prior(Parameters.prior(), 1e-9, 0.0, 0.0)
    start = Estimate(Parameters.prior(), np.zeros(30), np.zeros(2))
    end, values = maximise(data, start, prior, 60, tolerance=1e-9)
    assert (np.diff(values) > -1e-6).all()
    assert values[-1] > values[0] + 10
    _, longer = maximise(data, end, prior, 400, tolerance=0.0)
    assert longer[-1] - values[-1] < 0.5


@pytest.mark.parametrize("outcome", [True, False])
@pytest.mark.parametrize("n", [1, 200])
def test_one_sided_answers_have_finite_parameters(outcome: bool, n: int) -> None:
    answers, _, _ = simulated(10, seed=1)
    p = BKT().fit(answers.assign(correct=outcome).head(n)).parameters().drop(columns="concept_id").to_numpy()
    assert np.isfinite(p).all()
    assert ((p > 0) & (p < 1)).all()
    assert p[:, 2:4].max() <= MOST_ERROR + 1e-9


def test_a_rare_concept_stays_near_the_pooled_and_an_unseen_one_is_there() -> None:
    answers, _, _ = simulated(200, seed=1)
    rare = answers.head(1).assign(concept_ids=[("rare",)], item_id="other", learner_id="another")
    tracer = BKT(per_item=False).fit(pd.concat([answers, rare]))
    p = tracer.parameters().set_index("concept_id")
    np.testing.assert_allclose(p.loc["rare"].astype(float), p.loc["(pooled)"].astype(float), atol=0.02)
    assert tracer.mastery(empty(ANSWERS), ["unseen"])["mastery"][0] == pytest.approx(p["p_init"].iloc[-1])


def test_mastery_rests_on_evidence_and_is_forgotten() -> None:
    answers, _, _ = simulated(300, seed=1, forget=0.03)
    tracer = BKT().fit(answers)
    one = answers.head(12).assign(concept_ids=[("c0",)] * 12, item_id="i1", correct=True)
    one["occurred_at"] = START + pd.to_timedelta(np.arange(12), unit="min")
    by_length = [tracer.mastery(one.head(k), ["c0"]).iloc[0] for k in range(13)]
    assert (np.diff([row["mastery"] for row in by_length]) > 0).all()
    assert (np.diff([row["sd"] for row in by_length]) < 0).all()
    assert 0 < by_length[-1]["sd"] < 0.05 < by_length[0]["sd"] < 0.5
    later = [tracer.mastery(one, ["c0"], START + pd.Timedelta(days=d)).iloc[0] for d in (1, 30, 300)]
    assert (np.diff([row["mastery"] for row in later]) < 0).all()
    assert later[1]["sd"] > by_length[-1]["sd"]
    mixed = one.assign(correct=np.arange(12) % 2 == 0)
    sds = [tracer.mastery(mixed.head(k), ["c0"])["sd"][0] for k in (0, 4, 8, 12)]
    assert (np.diff(sds) < 0).all()


def test_gain_is_what_practice_adds_over_both_outcomes() -> None:
    answers, _, _ = simulated(300, seed=1, forget=0.03)
    tracer = BKT().fit(answers)
    items, concepts = ["i1", "i12", "both"], [("c0",), ("c1",), ("c0", "c1")]
    start, first = START.timestamp(), np.zeros(1, dtype=int)
    following = tracer.follow(items, concepts, ["c0", "c1"], 1)
    for k in range(3):
        following.observe(first, first + k % 2, first > -k, np.array([start + 3600 * k]))
    at = np.array([start + 86_400.0 * 5])
    chance, (before, _) = following.p_correct(first, at)[0], following.mastery(first, at)
    gain = following.gain(first, at)[0]
    for item in (0, 1):
        after = []
        for outcome in (True, False):
            again = tracer.follow(items, concepts, ["c0", "c1"], 1)
            again.known, again.seen = following.known.copy(), following.seen.copy()
            again.observe(first, first + item, first == (0 if outcome else 1), at)
            after.append(again.mastery(first, at)[0].sum())
        expected = chance[item] * after[0] + (1 - chance[item]) * after[1] - before.sum()
        assert gain[item] == pytest.approx(expected, rel=1e-9)
    assert gain[2] == pytest.approx(gain[0] + gain[1])
    assert (gain > 0).all()
    unseen = tracer.follow(items, concepts, ["c0", "c1", "c2"], 1)
    unseen.observe(first, first, first > -1, at - 86_400.0)
    left = unseen.recall(first, at)[0]
    assert left[0] == pytest.approx(1 - tracer.parameters()["p_forget"][list(tracer.concepts).index("c0")])
    assert np.isnan(left[1:]).all()


def test_following_a_thousand_equals_each_alone(several: pd.DataFrame) -> None:
    tracer = BKT().fit(several)
    tracer.fitted.forget += 0.05
    answers = several.assign(
        occurred_at=several["occurred_at"]
        + pd.to_timedelta(several.groupby("learner_id").cumcount(), unit="s")
    )
    items = sorted(set(several["item_id"]))
    concepts = [several.loc[several["item_id"] == i, "concept_ids"].iloc[0] for i in items]
    learners = sorted(set(answers["learner_id"]))
    following = tracer.follow(items, concepts, ["c2", "unheard", "c0"], len(learners))
    for _, step in answers.groupby(answers.groupby("learner_id").cumcount()):
        who = np.array([learners.index(i) for i in step["learner_id"]])
        what = np.array([items.index(i) for i in step["item_id"]])
        times = step["occurred_at"].map(pd.Timestamp.timestamp).to_numpy()
        following.observe(who, what, step["correct"].to_numpy(), times)
    now = answers["occurred_at"].max() + pd.Timedelta(days=2)
    at = np.full(len(learners), now.timestamp())
    chance = following.p_correct(np.arange(len(learners)), at)
    mastery, sd = following.mastery(np.arange(len(learners)), at)
    for i in (0, 7, 24):
        history = answers[answers["learner_id"] == learners[i]]
        np.testing.assert_allclose(chance[i], tracer.predict_next(history, items, concepts, now), rtol=1e-9)
        said = tracer.mastery(history, ["c2", "unheard", "c0"], now)
        np.testing.assert_allclose(mastery[i], said["mastery"], rtol=1e-9)
        np.testing.assert_allclose(sd[i], said["sd"], rtol=1e-9)


def test_an_unknown_kind_of_forgetting_is_refused() -> None:
    with pytest.raises(BadInput, match="day, step, none"):
        BKT("week")


def test_abler_learners_know_more_at_first() -> None:
    rng = np.random.default_rng(9)
    n, steps = 400, 16
    able = rng.random(n) < 0.5
    known = rng.random((n, 8)) < np.where(able, 0.8, 0.2)[:, None]
    concept = rng.integers(0, 8, (n, steps))
    knows = np.take_along_axis(known, concept, axis=1)
    answers = pd.DataFrame(
        {
            "learner_id": np.repeat([f"l{i:04d}" for i in range(n)], steps),
            "item_id": [f"i{c}" for c in concept.ravel()],
            "concept_ids": [(f"c{c}",) for c in concept.ravel()],
            "correct": (rng.random(knows.shape) < np.where(knows, 0.9, 0.2)).ravel(),
            "occurred_at": START + pd.to_timedelta(np.tile(np.arange(steps), n), unit="min"),
        }
    )
    train, test = answers[answers["learner_id"] < "l0300"], answers[answers["learner_id"] >= "l0300"]

    def loss(tracer: BKT) -> float:
        p, y = tracer.fit(train).predict(test), test["correct"].to_numpy()
        return float(-np.log(np.where(y, p, 1 - p)).mean())

    tracer = BKT()
    assert loss(tracer) < loss(BKT(per_learner=False)) - 0.01
    assert tracer.slopes[0] > 0 > tracer.slopes[1]
    one = test[test["learner_id"] == "l0300"]
    right, wrong = (tracer.mastery(one.assign(correct=y), ["unseen"])["mastery"][0] for y in (True, False))
    assert wrong < 0.3 < 0.7 < right
