"""Logged decisions as arrays: the probabilities are those that serving logs, the rewards come later."""

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.logged_decisions import (
    COLUMNS,
    Logged,
    Target,
    first_place,
    later_answers,
    place_ratios,
    reward_model,
    tails,
)
from learnloop.recommend.decisions import decide
from learnloop.recommend.policy import Candidates
from learnloop.schemas import Step

START = pd.Timestamp("2026-03-02T10:00:00Z")


def alike(items: list[str]) -> np.ndarray:
    """Items of one letter are alike."""
    return np.array([[float(a[0] == b[0]) for b in items] for a in items])


def log(
    n: int = 30, k: int = 3, temperature: float = 0.4, diversity: float = 0.0, pins: int = 0, seed: int = 0
) -> pd.DataFrame:
    """As `store.decisions.read` gives it, made by the code that serves."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(n):
        size = int(rng.integers(4, 8))
        scores = [9.0] * pins + sorted(rng.normal(0, 1, size - pins), reverse=True)
        steps = [Step(f"{'ab'[i % 2]}{i}", float(score), ()) for i, score in enumerate(scores)]
        made = decide(Candidates(steps, pins), k, rng, temperature, diversity, alike)  # type: ignore[arg-type]
        places = {shown: place for place, shown in enumerate(made.shown)}
        for i, step in enumerate(steps):
            place = places.get(i)
            chance = made.probabilities[place] if place is not None else None
            position = place + 1 if place is not None else None
            at = START + pd.Timedelta(minutes=number)
            row = (f"d{number:03d}", f"l{number % 10}", at, step.item_id, step.score)
            rows.append((*row, made.first[i], position, chance))
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"position": "Int64", "probability": float})
    return frame.sample(frac=1, random_state=1).sort_values(["made_at", "item_id"], kind="stable")


@pytest.mark.parametrize(("temperature", "diversity"), [(0.4, 0.0), (0.4, 0.3), (0.0, 0.3)])
def test_the_target_that_logged_has_the_logged_probabilities(temperature: float, diversity: float) -> None:
    logged = Logged.of(log(temperature=temperature, diversity=diversity), places=3)
    target = Target("same", temperature, diversity)
    np.testing.assert_allclose(first_place(logged, target), logged.first, atol=1e-12)
    ratios, second, largest = place_ratios(logged, target, alike)  # type: ignore[arg-type]
    np.testing.assert_allclose(ratios, 1.0)
    if diversity == 0:
        np.testing.assert_allclose(second, 1.0)
        np.testing.assert_allclose(largest, 1.0)


@pytest.mark.parametrize("temperature", [0.0, 0.4])
def test_pins_are_nobodys_decision(temperature: float) -> None:
    frame = log(temperature=temperature, pins=1, seed=2)
    frame = frame.sort_values(["made_at", "decision_id", "score"], ascending=[True, True, False])
    logged = Logged.of(frame, places=2)
    assert not (logged.items == "a0").any()
    np.testing.assert_allclose(logged.first.sum(axis=1), 1.0)
    position_2 = frame[frame["position"] == 2].sort_values("made_at")
    assert logged.shown_items[:, 0].tolist() == position_2["item_id"].tolist()
    np.testing.assert_allclose(logged.chances[:, 0], position_2["probability"])


def test_greedy_and_uniform_are_the_ends_of_temperature() -> None:
    logged = Logged.of(log())
    there = ~np.isnan(logged.scores)
    best = np.nanargmax(logged.scores, axis=1)
    assert (first_place(logged, Target.parse("greedy")).argmax(axis=1) == best).all()
    assert set(np.unique(first_place(logged, Target.parse("greedy")))) == {0.0, 1.0}
    uniform = first_place(logged, Target.parse("uniform"))
    np.testing.assert_allclose(uniform, there / there.sum(axis=1, keepdims=True))
    assert Target.parse("temperature=0.1/diversity=0.2") == Target("temperature=0.1/diversity=0.2", 0.1, 0.2)
    for wrong in ("best", "temperature=-1", "temperature=x", "diversity=2", "heat=1"):
        with pytest.raises(BadInput, match="no target policy"):
            Target.parse(wrong)


def test_tails_are_the_moments_of_the_weights() -> None:
    logged, target = np.array([[0.5, 0.5, 0.0]]), np.array([[0.2, 0.7, 0.1]])
    second, largest, uncovered = tails(logged, target)
    assert second[0] == pytest.approx(0.5 * 0.4**2 + 0.5 * 1.4**2)
    assert (largest[0], uncovered[0]) == pytest.approx((1.4, 0.1))


def answers(*rows: tuple[str, tuple[str, ...], bool, float]) -> pd.DataFrame:
    """learner, concepts, correct, days after the first decision."""
    return pd.DataFrame(
        {
            "learner_id": [row[0] for row in rows],
            "item_id": "x",
            "concept_ids": [row[1] for row in rows],
            "correct": [row[2] for row in rows],
            "occurred_at": [START + pd.Timedelta(days=row[3]) for row in rows],
        }
    )


def test_a_reward_is_what_comes_later_on_the_same_concepts() -> None:
    logged = Logged.of(log(n=1))
    shown = str(logged.shown_items[0, 0])
    concepts = {shown: ("c", "d")}
    day, month = pd.Timedelta(days=1), pd.Timedelta(days=30)
    told = answers(
        ("l0", ("c",), True, 0.01),  # the answer to what was shown: too early
        ("l0", ("c",), True, 1.0),  # just late enough
        ("l0", ("c", "d"), False, 5.0),  # once, though it shares two concepts
        ("l0", ("e",), True, 5.0),  # another concept
        ("l1", ("c",), True, 5.0),  # another learner
        ("l0", ("d",), True, 30.0),  # too late
    )
    assert later_answers(logged, told, concepts, day, month)[0, 0] == 0.5
    assert np.isnan(later_answers(logged, told, {}, day, month)[0, 0])
    assert np.isnan(later_answers(logged, told.iloc[[0, 3]], concepts, day, month)[0, 0])
    for delay in (pd.Timedelta(0), month):
        with pytest.raises(BadInput, match="delay"):
            later_answers(logged, told, concepts, delay, month)


def test_a_reward_model_is_asked_only_of_learners_it_has_not_seen() -> None:
    logged = Logged.of(log(n=200))
    items = logged.shown_items[:, 0]
    worth = {item: number / 10 for number, item in enumerate(sorted(set(items)))}
    reward = np.array([worth[item] for item in items])
    values = reward_model(logged, reward)
    assert np.isnan(values).tolist() == np.isnan(logged.scores).tolist()
    row = np.arange(200)
    assert np.corrcoef(values[row, logged.shown[:, 0]], reward)[0, 1] > 0.8
    changed = np.where(logged.learners == "l3", 1 - reward, reward)
    np.testing.assert_array_equal(
        reward_model(logged, changed)[logged.learners == "l3"], values[logged.learners == "l3"]
    )


def test_no_decision_is_no_log() -> None:
    with pytest.raises(NothingToDo, match="no decisions"):
        Logged.of(log().iloc[:0])
    with pytest.raises(BadInput, match="likeness"):
        place_ratios(Logged.of(log(), places=2), Target("varied", 0.1, 0.5))
