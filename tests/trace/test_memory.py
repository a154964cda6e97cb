"""The memory model against a plain reference, its own gradient, and planted half-lives."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.schemas import ANSWERS, empty
from learnloop.trace import memory_fit
from learnloop.trace.chains import read
from learnloop.trace.memory import Memory
from learnloop.trace.memory_fit import Weights, days_until, design, recall_after

START = pd.Timestamp("2026-03-01T10:00:00Z")
DECAY = 0.5
HALF_LIVES = (2.0, 8.0, 40.0)  # days, of concepts c0, c1, c2 after a first practice
GROWTH = 0.7  # the half-life grows with (1 + right answers)^GROWTH


def simulated(n_learners: int, *, seed: int, steps: int = 24) -> pd.DataFrame:
    """Answers on 3 concepts of 4 items; strength .88, p_guess .15, p_slip .05; gaps of hours to months."""
    rng = np.random.default_rng(seed)
    everyone = np.arange(n_learners)
    last, wins = np.full((n_learners, 3), np.nan), np.zeros((n_learners, 3))
    at = rng.choice([0.05, 1.0, 4.0, 20.0], (n_learners, steps)).cumsum(axis=1)
    item = rng.integers(0, 12, (n_learners, steps))
    correct = np.zeros(at.shape, dtype=bool)
    for t in range(steps):
        c = item[:, t] // 4
        half_life = np.array(HALF_LIVES)[c] * (1 + wins[everyone, c]) ** GROWTH
        days = np.nan_to_num(at[:, t] - last[everyone, c])
        recall = (1 + 3.0 * days / half_life) ** -0.5  # 2^(1 / .5) - 1 = 3
        correct[:, t] = rng.random(n_learners) < 0.15 + 0.8 * 0.88 * recall
        wins[everyone, c] += correct[:, t]
        last[everyone, c] = at[:, t]
    return pd.DataFrame(
        {
            "learner_id": np.repeat([f"l{i:04d}" for i in everyone], steps),
            "item_id": [f"i{i}" for i in item.ravel()],
            "concept_ids": [(f"c{i // 4}",) for i in item.ravel()],
            "correct": correct.ravel(),
            "occurred_at": START + pd.to_timedelta(at.ravel(), unit="D"),
        }
    )


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return simulated(2000, seed=1)


@pytest.fixture(scope="module")
def fitted(answers: pd.DataFrame) -> Memory:
    return Memory(DECAY).fit(answers)


def with_ties_and_several(answers: pd.DataFrame) -> pd.DataFrame:
    """Some answers of one moment; items of one, two and no concepts."""
    pairs = {"i3": ("c0", "c2"), "i6": ("c1", "c0"), "i10": ()}
    return answers.assign(
        occurred_at=answers["occurred_at"].dt.floor("5D"),
        concept_ids=[pairs.get(i, c) for i, c in answers[["item_id", "concept_ids"]].to_numpy()],
    )


def plain_chance(tracer: Memory, answers: pd.DataFrame, row: Any) -> float:
    """P(correct) of one row, by looking back."""
    w = tracer.weights
    past = answers[(answers["learner_id"] == row.learner_id) & (answers["occurred_at"] < row.occurred_at)]

    def counts(chosen: pd.DataFrame) -> list[float]:
        right = int(chosen["correct"].sum())
        return [np.log(1 + right), np.log(1 + len(chosen) - right)]

    alive = []
    for concept in row.concept_ids or ("",):
        mine = past[np.array([concept in (c or ("",)) for c in past["concept_ids"]], dtype=bool)]
        own = counts(mine)
        same, tries = past[past["item_id"] == row.item_id], np.log(1 + len(mine))
        x = [*counts(past), *own, *counts(same), float(not len(mine)), np.log(1 + len(same)), tries]
        code = tracer.concepts.get(concept, -1)
        logit = w.rates[0] + w.items[tracer.items.get(row.item_id, -1)] + w.concepts[code] + w.slopes @ x
        recall = 1.0
        if len(mine):
            day = pd.Timedelta(days=1)
            spread = (mine["occurred_at"].max() - mine["occurred_at"].min()) / day
            days = (row.occurred_at - mine["occurred_at"].max()) / day
            half_life = np.exp(w.life_slopes @ [1.0, *own, np.log(1 + spread), tries] + w.lives[code])
            recall = (1 + 3.0 * days / half_life) ** -0.5
        alive.append(recall / (1 + np.exp(-logit)))
    guess, slip = 1 / (1 + np.exp(-w.rates[1:]))
    return float(guess + (1 - slip - guess) * np.mean(alive))


def test_it_equals_the_plain_reference(answers: pd.DataFrame) -> None:
    some = with_ties_and_several(answers[answers["learner_id"] < "l0024"])
    tracer = Memory(DECAY).fit(some[some["learner_id"] < "l0020"])
    held_out = some[some["learner_id"] >= "l0020"].replace({"item_id": {"i7": "new"}})
    expected = [plain_chance(tracer, held_out, row) for row in held_out.itertuples()]
    np.testing.assert_allclose(tracer.predict(held_out), expected, rtol=1e-9)


def test_the_gradient_is_the_slope(answers: pd.DataFrame) -> None:
    practice = read(with_ties_and_several(answers.head(200)))
    n_items, n_concepts = len(practice.item_ids), len(practice.concept_ids)
    cuts = np.cumsum(
        [len(memory_fit.FEATURES), len(memory_fit.LIFE_FEATURES), n_items, n_concepts, n_concepts]
    )
    x = memory_fit._flat(Weights.prior(n_items, n_concepts))
    x += np.random.default_rng(0).normal(0.0, 0.3, len(x))

    def value(point: np.ndarray) -> tuple[float, np.ndarray]:
        return memory_fit._log_likelihood(point, cuts, design(practice), practice, DECAY)

    slope = value(x)[1]
    for i in range(len(x)):
        step = 1e-5 * (np.arange(len(x)) == i)
        assert slope[i] == pytest.approx((value(x + step)[0] - value(x - step)[0]) / 2e-5, rel=1e-4, abs=1e-5)


def test_it_recovers_planted_half_lives(fitted: Memory) -> None:
    for c, truth in enumerate(HALF_LIVES):
        for wins in (0, 1, 3):
            outcomes = [True] * wins or [False]
            past = history(f"c{c}", outcomes, gap_days=3.0)
            said = fitted.recall(past, [f"c{c}"])["half_life_days"][0]
            assert said == pytest.approx(truth * (1 + wins) ** GROWTH, rel=0.3), (c, wins)
    assert fitted.weights.life_slopes[1] == pytest.approx(GROWTH, abs=0.2)


def test_time_tells_what_counts_do_not(answers: pd.DataFrame, fitted: Memory) -> None:
    test = simulated(100, seed=2)
    hour = pd.to_timedelta(test.groupby("learner_id").cumcount(), unit="h")
    y = test["correct"].to_numpy()

    def loss(p: np.ndarray) -> float:
        return float(-np.log(np.where(y, p, 1 - p)).mean())

    blind = Memory(DECAY).fit(answers.assign(occurred_at=START + hour.reindex(answers.index).ffill()))
    assert loss(fitted.predict(test)) < loss(blind.predict(test.assign(occurred_at=START + hour))) - 0.01


def history(concept: str, outcomes: list[bool], gap_days: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "learner_id": "newcomer",
            "item_id": "unseen",
            "concept_ids": [(concept,)] * len(outcomes),
            "correct": outcomes,
            "occurred_at": START + pd.to_timedelta(np.arange(len(outcomes)) * gap_days, unit="D"),
        }
    )


def test_a_review_is_due_when_recall_falls_to_the_threshold(fitted: Memory) -> None:
    past = history("c1", [True, True, False])
    due = fitted.recall(past, ["c1", "c2"], threshold=0.8)
    assert due["recall"][0] == 1.0  # now: right after the last answer
    assert due[["recall", "half_life_days", "due_at"]].iloc[1].isna().all()
    at_due = fitted.recall(past, ["c1"], due["due_at"][0])
    assert at_due["recall"][0] == pytest.approx(0.8, abs=1e-6)
    last = past["occurred_at"].iloc[-1]
    half = fitted.recall(past, ["c1"], last + pd.Timedelta(days=due["half_life_days"][0]))
    assert half["recall"][0] == pytest.approx(0.5, abs=1e-6)
    assert fitted.recall(past, ["c1"], threshold=0.9)["due_at"][0] < due["due_at"][0]
    nothing = fitted.recall(empty(ANSWERS), ["c1"])
    assert nothing["due_at"].isna().all()
    assert str(nothing["due_at"].dtype) == str(due["due_at"].dtype) == "datetime64[us, UTC]"
    with pytest.raises(BadInput, match="threshold"):
        fitted.recall(past, ["c1"], threshold=1.0)


def test_what_is_left_undoes_the_wait() -> None:
    half_life = np.array([0.5, 3.0, 400.0])
    for decay in (0.1, 0.5, 4.0):
        for threshold in (0.5, 0.9):
            left = recall_after(days_until(threshold, half_life, decay), half_life, decay)
            np.testing.assert_allclose(left, threshold)
    # a large decay is the exponential of half-life regression
    np.testing.assert_allclose(recall_after(np.array([7.0]), np.array([3.0]), 1e6), 2 ** (-7 / 3), rtol=1e-5)


def test_mastery_fades_and_rests_on_answers(fitted: Memory) -> None:
    past = history("c1", [True] * 6)
    later = [fitted.mastery(past, ["c1"], START + pd.Timedelta(days=d)).iloc[0] for d in (5, 30, 300)]
    assert (np.diff([row["mastery"] for row in later]) < 0).all()
    sds = [fitted.mastery(past.head(k), ["c1"])["sd"][0] for k in range(7)]
    assert (np.diff(sds) < 0).all()
    assert sds[0] < 0.5


def test_without_times_it_still_works(answers: pd.DataFrame) -> None:
    steps = START + pd.to_timedelta(np.arange(len(answers)), unit="s")
    timeless = answers.assign(occurred_at=steps)
    tracer = Memory().fit(timeless)
    p, y = tracer.predict(timeless), timeless["correct"].to_numpy()
    rate = y.mean()
    assert -np.log(np.where(y, p, 1 - p)).mean() < -np.log(np.where(y, rate, 1 - rate)).mean()
    said = tracer.recall(timeless.head(10), ["c0", "c1", "c2"])
    assert (said["recall"].dropna() > 0.99).all()


def test_a_thousand_are_recalled_as_one(fitted: Memory) -> None:
    past = history("c1", [True, False])
    following = fitted.follow(["unseen"], [("c1",)], ["c2", "c1"], 2)
    for row in past.itertuples():
        following.observe(
            np.array([1]), np.array([0]), np.array([row.correct]), np.array([row.occurred_at.timestamp()])
        )
    now = START + pd.Timedelta(days=9)
    many = following.recall(np.arange(2), np.full(2, now.timestamp()))
    assert np.isnan(many[0]).all()
    assert np.isnan(many[1, 0])
    assert many[1, 1] == pytest.approx(fitted.recall(past, ["c1"], now)["recall"][0])


def test_what_was_saved_before_all_answers_were_counted_still_speaks(tmp_path: Path) -> None:
    """Its slopes were one shorter for each count that has come since: those count for nothing."""
    old = Memory(DECAY).fit(simulated(50, seed=3))
    old.weights.slopes[7:] = 0.0
    old.weights.life_slopes[4:] = 0.0
    asked = simulated(20, seed=4)
    expected = old.predict(asked)
    old.weights.slopes, old.weights.life_slopes = old.weights.slopes[:7], old.weights.life_slopes[:4]
    old.save(tmp_path)
    np.testing.assert_array_equal(Memory.load(tmp_path).predict(asked), expected)
