"""Placement: its belief equals exact enumeration, its choice equals brute force, and it saves questions."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from learnloop.assess import placement
from learnloop.assess.bank import ABILITIES, ABILITY_SHARES, Bank
from learnloop.assess.belief import Belief, draw, p_correct
from learnloop.assess.calibrate import best_calibrated, calibrated
from learnloop.assess.placement import Rules, Session, State
from learnloop.errors import BadInput, NothingToDo, UnknownThing
from learnloop.schemas import ANSWERS, check
from learnloop.trace.rate import RateTracer


def bank_of(n_concepts: int, per_concept: int, edges: list[tuple[int, int]], **more: object) -> Bank:
    """Question `i<c>.<k>` asks for concept c; edges: (concept, prerequisite)."""
    pairs = pd.DataFrame(
        [(f"i{c}.{k}", f"c{c}") for c in range(n_concepts) for k in range(per_concept)],
        columns=["item_id", "concept_id"],
    )
    needs = pd.DataFrame([(f"c{c}", f"c{p}") for c, p in edges], columns=["concept_id", "requires_id"])
    return Bank.of(pairs, needs, levels=(0.2, 0.6, 0.9), **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def small() -> Bank:
    """c2 needs c0 and c1; one question asks for c0 and c2 together."""
    pairs = pd.DataFrame(
        [("i0", "c0"), ("i1", "c1"), ("i2", "c2"), ("i3", "c2"), ("i4", "c0"), ("i4", "c2"), ("i5", "c1")],
        columns=["item_id", "concept_id"],
    )
    needs = pd.DataFrame({"concept_id": ["c2", "c2"], "requires_id": ["c0", "c1"]})
    harder = pd.DataFrame({"item_id": ["i2", "i3"], "difficulty": [0.5, -0.5]})
    return Bank.of(pairs, needs, harder, levels=(0.2, 0.6, 0.9))


def exact(bank: Bank, answers: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    """(states (n, n_concepts), their posterior): all of them, weighed one by one."""
    states, weights = [], []
    for levels in product(range(len(bank.levels)), repeat=len(bank.concept_ids)):
        row = np.array([levels])
        weight = 0.0
        for theta in range(len(ABILITIES)):
            p = ABILITY_SHARES[theta]
            for c in range(len(levels)):
                weakest = min((levels[q] for q in bank.parents[c]), default=len(bank.levels) - 1)
                p *= bank.prior[c, bank.bands[weakest], theta, levels[c]]
            weight += p
        for item, correct in answers:
            chance = p_correct(bank, row)[0, item]
            weight *= chance if correct else 1 - chance
        states.append(levels)
        weights.append(weight)
    return np.array(states), np.array(weights) / np.sum(weights)


def test_the_belief_is_that_of_all_states(small: Bank) -> None:
    given = [(4, True), (1, False), (2, True), (5, True), (0, True)]
    belief = Belief.prior(small, np.random.default_rng(0), 20_000)
    for step, (item, correct) in enumerate(given):
        belief.observe(item, correct, np.random.default_rng(step + 1))
        states, weights = exact(small, given[: step + 1])
        wanted = weights @ (states >= small.top)
        np.testing.assert_allclose(belief.p_mastered(), wanted, atol=0.02)
        mean, sd = belief.mastery()
        of = small.levels[states]
        np.testing.assert_allclose(mean, weights @ of, atol=0.01)
        np.testing.assert_allclose(sd**2, weights @ of**2 - (weights @ of) ** 2, atol=0.01)


@pytest.mark.parametrize("choice", ["variance", "information", "state"])
def test_the_gain_of_a_question_is_what_brute_force_says(small: Bank, choice: str) -> None:
    belief = Belief.prior(small, np.random.default_rng(1), 500)
    belief.observe(1, True, np.random.default_rng(2))
    found = placement.gains(belief, choice)

    def entropy(p: np.ndarray) -> np.ndarray:
        q = np.clip(p, 1e-12, 1 - 1e-12)
        return -(q * np.log(q) + (1 - q) * np.log(1 - q))

    def uncertainty(w: np.ndarray) -> float:
        p = w @ belief.mastered
        return float((p * (1 - p)).sum() if choice == "variance" else entropy(p).sum())

    for item in range(len(small.item_ids)):
        w = belief.weights
        chance = belief.p[:, item]
        right, wrong = w * chance, w * (1 - chance)
        if choice == "state":

            def whole(v: np.ndarray) -> float:
                return float(-(v[v > 0] * np.log(v[v > 0])).sum())

            after = sum(v.sum() * whole(v / v.sum()) for v in (right, wrong))
            wanted = whole(w) - after
        else:
            wanted = uncertainty(w) - sum(v.sum() * uncertainty(v / v.sum()) for v in (right, wrong))
        assert found[item] == pytest.approx(wanted, abs=1e-9)


def test_a_session_goes_on_from_json_as_if_it_had_never_stopped(small: Bank) -> None:
    bank = bank_of(4, 4, [(1, 0), (2, 1), (3, 2)])
    state = placement.start(bank, Rules(wrong=0.0, gain=0.0, most=8), seed=5)
    session = Session.of(bank, state)
    while (item_id := session.next_question()) is not None:
        kept = State.from_dict(json.loads(json.dumps(state.to_dict())))
        again = Bank.from_dict(json.loads(json.dumps(bank.to_dict())))
        assert placement.next_question(again, kept) == item_id
        correct = item_id < "i2"
        session.answer(item_id, correct)
        state = placement.answer(bank, kept, item_id, correct)
        assert state == session.state
    pd.testing.assert_frame_equal(placement.result(bank, state), session.result())
    assert session.stopped == "most"
    assert list(session.result().columns) == ["concept_id", "mastery", "sd", "p_mastered", "attempts"]
    assert session.result()["attempts"].sum() == 8


def test_no_question_comes_twice_and_the_bank_may_run_out() -> None:
    bank = bank_of(2, 3, [])
    session = Session.of(bank, State(0, Rules(wrong=0.0, gain=0.0, most=50)))
    asked = []
    while (item_id := session.next_question()) is not None:
        asked.append(item_id)
        session.answer(item_id, True)
    assert sorted(asked) == sorted(bank.item_ids)
    assert session.stopped == "exhausted"


def test_it_stops_when_it_is_precise_and_not_before() -> None:
    bank = bank_of(3, 12, [(1, 0), (2, 1)])
    session = Session.of(bank, State(0, Rules(wrong=0.1, gain=0.0)))
    while (item_id := session.next_question()) is not None:
        assert session.expected_wrong > 0.1
        session.answer(item_id, True)
    assert session.stopped == "precise"
    assert session.expected_wrong <= 0.1
    assert len(session.state.answers) < 36
    assert session.result()["p_mastered"].min() > 0.5


def test_it_stops_where_no_question_is_worth_its_while() -> None:
    """What it reckons a question to bring is what a Brier score, taken over both answers, would fall by."""
    bank = bank_of(3, 12, [(1, 0), (2, 1)])
    session = Session.of(bank, State(0, Rules(wrong=0.0, gain=0.05, most=36)))
    while (item_id := session.next_question()) is not None:
        assert session.best_gain >= 0.05
        session.answer(item_id, item_id < "i1")
    assert session.stopped == "little"
    assert session.best_gain == placement.gains(session.belief, "variance")[session.left].max() < 0.05
    longer = Session.of(bank, replace(session.state, rules=Rules(wrong=0.0, gain=0.01, most=36)))
    assert longer.next_question() is not None


def test_what_is_built_on_something_unknown_is_not_believed_known() -> None:
    bank = bank_of(3, 12, [(1, 0), (2, 1)])
    belief = Belief.prior(bank, np.random.default_rng(0))
    before = belief.p_mastered()
    for k in range(4):
        belief.observe(bank.places[f"i0.{k}"], False, np.random.default_rng(k))
    assert (belief.p_mastered()[1:] < before[1:] / 4).all()
    alone = Belief.prior(bank.without_graph(), np.random.default_rng(0))
    before = alone.p_mastered()
    for k in range(4):
        alone.observe(bank.places[f"i0.{k}"], False, np.random.default_rng(k))
    np.testing.assert_allclose(alone.p_mastered()[1:], before[1:], atol=0.06)


def test_the_first_question_is_not_everybodys() -> None:
    bank = bank_of(5, 4, [(1, 0), (2, 1)])
    first = {Session.of(bank, State(seed, Rules(among=4))).next_question() for seed in range(25)}
    assert len(first) == 4
    assert len({Session.of(bank, State(seed, Rules(among=1))).next_question() for seed in range(5)}) <= 3


def planted(seed: int = 0) -> Bank:
    """Ten concepts in three chains, with a table of its own for each."""
    rng = np.random.default_rng(seed)
    bank = bank_of(10, 8, [(c, c - 1) for c in range(1, 10) if c % 4])
    tilt = np.exp(rng.normal(0, 0.6, (10, 1, 1, 3)))
    prior = bank.prior * tilt
    difficulty = rng.normal(0, 0.5, len(bank.item_ids))
    difficulty -= bank.teaches @ (difficulty @ bank.teaches / bank.teaches.sum(axis=0))
    return replace(bank, prior=prior / prior.sum(axis=-1, keepdims=True), difficulty=difficulty)


@pytest.fixture(scope="module")
def trial() -> tuple[Bank, pd.DataFrame, np.ndarray]:
    """(the truth, answers of 600 learners to 4 questions of each concept, their levels)."""
    bank, rng = planted(), np.random.default_rng(1)
    levels, _ = draw(bank, 600, rng)
    right = rng.random((600, 80)) < p_correct(bank, levels)
    rows = [
        (f"l{learner}", bank.item_ids[8 * c + k], bool(right[learner, 8 * c + k]))
        for learner in range(600)
        for c in range(10)
        for k in rng.choice(8, 4, replace=False)
    ]
    return bank, pd.DataFrame(rows, columns=["learner_id", "item_id", "correct"]), levels


def test_calibration_recovers_what_was_planted(trial: tuple[Bank, pd.DataFrame, np.ndarray]) -> None:
    truth, answers, levels = trial
    blank = replace(truth, difficulty=np.zeros(80), prior=np.zeros(0))
    found = calibrated(blank, answers, seed=0, rounds=60)
    assert np.corrcoef(found.difficulty, truth.difficulty)[0, 1] > 0.9
    assert np.abs(found.difficulty - truth.difficulty).mean() < 0.2
    shares = (levels >= truth.top).mean(axis=0)
    learnt = Belief.prior(found, np.random.default_rng(0), 5_000).p_mastered()
    before = Belief.prior(blank, np.random.default_rng(0), 5_000).p_mastered()
    assert np.abs(learnt - shares).mean() < 0.06
    assert np.abs(learnt - shares).mean() < 0.7 * np.abs(before - shares).mean()
    again = calibrated(blank, answers, seed=0, rounds=60)
    np.testing.assert_array_equal(again.prior, found.prior)


def test_the_ladder_of_levels_is_chosen_by_what_it_tells(
    trial: tuple[Bank, pd.DataFrame, np.ndarray],
) -> None:
    truth, answers, _ = trial
    blank = replace(truth, difficulty=np.zeros(80), prior=np.zeros(0))
    found, losses = best_calibrated(blank, answers.iloc[: 40 * 250], seed=0, rounds=30)
    best = min(losses, key=lambda name: losses[name])
    assert best.startswith(f"{len(found.levels)} levels")
    assert min(losses.values()) < np.log(2)


def test_chosen_questions_tell_more_than_dealt_ones(
    trial: tuple[Bank, pd.DataFrame, np.ndarray],
) -> None:
    """20 of each, scored alike; benchmarks/placement.py measures how much more, by family."""
    bank, _, _ = trial
    rng = np.random.default_rng(7)
    levels, _ = draw(bank, 30, rng)
    right = rng.random((30, 80)) < p_correct(bank, levels)
    errors = np.zeros(2)
    for learner in range(30):
        session = Session.of(bank, State(learner, Rules(wrong=0.0, gain=0.0, most=20)))
        while (item_id := session.next_question()) is not None:
            session.answer(item_id, bool(right[learner, bank.places[item_id]]))
        fixed = Belief.prior(bank, np.random.default_rng([learner, 0]))
        for number, item in enumerate(8 * c + k for k in rng.permutation(8)[:2] for c in range(10)):
            fixed.observe(item, bool(right[learner, item]), np.random.default_rng([learner, number]))
        truth = levels[learner] >= bank.top
        for place, p in enumerate((session.belief.p_mastered(), fixed.p_mastered())):
            errors[place] += ((p - truth) ** 2).mean() / 30
    assert errors[0] < 0.95 * errors[1]


def test_a_tracer_starts_from_the_answers() -> None:
    bank = bank_of(2, 3, [])
    state = State(0, Rules(), (("i0.0", True), ("i0.1", True), ("i1.0", False)))
    start = pd.Timestamp("2026-03-02T18:00:00Z")
    times = [start + pd.Timedelta(minutes=n) for n in range(3)]
    answers = placement.as_answers(bank, state, "ana", times)
    assert check(answers, ANSWERS, "test")["concept_ids"].tolist() == [("c0",), ("c0",), ("c1",)]
    tracer = RateTracer().fit(answers)
    found = tracer.mastery(answers, ["c0", "c1"])
    assert found["attempts"].tolist() == [2, 1]
    assert found["mastery"][0] > found["mastery"][1]
    assert placement.as_answers(bank, State(0), "ana", []).empty
    with pytest.raises(BadInput):
        placement.as_answers(bank, state, "ana", times[:1])


def test_what_cannot_be(small: Bank) -> None:
    state = State(0, answers=(("i0", True),))
    with pytest.raises(BadInput, match="answered already"):
        placement.answer(small, state, "i0", True)
    with pytest.raises(UnknownThing):
        placement.answer(small, state, "i9", True)
    with pytest.raises(UnknownThing):
        Session.of(small, State(0, answers=(("i9", True),)))
    with pytest.raises(BadInput, match="circle"):
        bank_of(2, 1, [(0, 1), (1, 0)])
    with pytest.raises(BadInput):
        Rules(choice="by feel")
    with pytest.raises(BadInput):
        Rules(wrong=0.5)
    with pytest.raises(BadInput):
        Rules(gain=-1.0)
    with pytest.raises(NothingToDo):
        Bank.of(pd.DataFrame({"item_id": [], "concept_id": []}))
    with pytest.raises(NothingToDo):
        calibrated(small, pd.DataFrame({"learner_id": ["a"], "item_id": ["x"], "correct": [True]}), seed=0)
