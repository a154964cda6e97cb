"""The next best step: the invariant on any graph, gaps, pins, time, exploration, and what is logged."""

import json
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.errors import BadInput
from learnloop.recommend.merits import (
    COMPONENTS,
    Aims,
    Beliefs,
    Weights,
    challenge,
    components,
    missing,
    total,
)
from learnloop.recommend.next_step import NextStepDecision, NextSteps, Rules, next_step
from learnloop.recommend.syllabus import Syllabus

# counting <- loops <- functions, two items each
TEACHES = np.repeat(np.eye(3, dtype=bool), 2, axis=0)
REQUIRES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=bool)
ITEMS = ["counting-1", "counting-2", "loops-1", "loops-2", "functions-1", "functions-2"]
CHAIN = Syllabus.of(ITEMS, ["counting", "loops", "functions"], TEACHES, REQUIRES, np.array([5.0] * 6))


def believe(mastery: list[float], **given: object) -> Beliefs:
    return Beliefs(np.array([mastery]), np.full((1, 6), 0.7), **given)  # type: ignore[arg-type]


def shown(found: NextSteps, learner: int = 0) -> list[str]:
    return [str(found.syllabus.item_ids[item]) for item in found.items[learner] if item >= 0]


def told(found: NextSteps, place: int = 0) -> list[tuple[str, Mapping[str, object]]]:
    return [(reason.code, dict(reason.evidence)) for reason in found.decision().steps[place].reasons]


def pin(item: str) -> Rules:
    return Rules(pinned=np.array([int(one == item) for one in ITEMS]))


def test_a_pin_that_is_not_open_yet_sends_to_the_first_that_is() -> None:
    found = next_step(CHAIN, believe([0.1, 0.1, 0.1]), rules=pin("functions-2"))
    assert shown(found) == ["counting-1"]
    assert told(found) == [("fills_gap", {"concept": "counting", "item": "functions-2"})]
    assert shown(next_step(CHAIN, believe([0.8, 0.1, 0.1]), rules=pin("functions-2"))) == ["loops-1"]
    last = next_step(CHAIN, believe([0.8, 0.8, 0.1]), rules=pin("functions-2"))
    assert shown(last) == ["functions-2"]
    assert [code for code, _ in told(last)] == ["pinned", "ready"]


def test_a_gap_that_was_practised_is_a_review() -> None:
    since = np.array([[3.0, np.inf, np.inf]])
    found = next_step(CHAIN, believe([0.4, 0.9, 0.1], since_concept=since), rules=pin("loops-1"))
    assert shown(found)[0].startswith("counting")
    assert told(found) == [("review", {"concept": "counting", "mastery": 0.4})]


def test_a_wanted_item_hands_its_score_to_what_opens_the_way() -> None:
    relevance = np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
    aims = Aims(weights=Weights(gain=0.0, opens=0.0, variety=0.0, relevance=1.0))
    found = next_step(CHAIN, believe([0.1, 0.9, 0.1], relevance=relevance), aims, k=2)
    assert found.open[0].tolist() == [True, True, False, False, True, True]  # loops are thought known
    found = next_step(CHAIN, believe([0.1, 0.1, 0.1], relevance=relevance), aims)
    assert shown(found) == ["counting-1"]
    assert found.scores[0, 0] == found.wishes[0, 5] > found.wishes[0, 0]
    assert told(found) == [("fills_gap", {"concept": "counting", "item": "functions-2"})]


def test_what_is_blocked_is_no_prerequisite_either() -> None:
    blocked = np.array([True, False, False, False, False, False])
    rules = Rules(pinned=pin("loops-1").pinned, blocked=blocked)
    assert shown(next_step(CHAIN, believe([0.1, 0.1, 0.1]), rules=rules)) == ["counting-2"]
    rules = Rules(pinned=pin("loops-1").pinned, blocked=np.array([True, True, False, False, False, False]))
    assert shown(next_step(CHAIN, believe([0.1, 0.1, 0.1]), rules=rules)) == []


def test_a_pin_that_was_done_is_not_pinned_again() -> None:
    since = np.array([[np.inf, 1.0, np.inf, np.inf, np.inf, np.inf]])
    found = next_step(CHAIN, believe([0.1, 0.1, 0.1], since_item=since), rules=pin("counting-2"))
    assert shown(found) == ["counting-1"]


def test_gain_decides_and_falls_with_what_is_not_ready() -> None:
    gain = np.array([[0.1, 0.2, 0.3, 0.3, 0.9, 0.9]])
    found = next_step(CHAIN, believe([0.9, 0.7, 0.1], gain=gain))
    assert shown(found) == ["functions-1"]
    # loops .7 known: .9 x .7 = .63 against .3 x .9 = .27
    np.testing.assert_allclose(found.parts["gain"][0] * 0.63, [0.1, 0.2, 0.27, 0.27, 0.63, 0.63])
    squared = next_step(CHAIN, believe([0.9, 0.7, 0.1], gain=gain), Aims(readiness_power=2.0))
    parts = np.array([0.1, 0.2, 0.3 * 0.81, 0.3 * 0.81, 0.9 * 0.49, 0.9 * 0.49])
    np.testing.assert_allclose(squared.parts["gain"][0], parts / parts.max())


def test_unknown_is_not_mastered_and_caution_asks_for_more() -> None:
    assert missing(believe([np.nan, 0.6, 0.59]), Aims()).tolist() == [[True, False, True]]
    careful, sd = Aims(caution=1.0), np.array([[0.05, 0.1, 0.0]])
    assert missing(believe([0.7, 0.65, 0.6], sd=sd), careful).tolist() == [[False, True, False]]


def test_challenge_is_a_band() -> None:
    found = challenge(np.array([0.0, 0.3, 0.6, 0.7, 0.85, 0.925, 1.0, np.nan]), (0.6, 0.85))
    np.testing.assert_allclose(found, [0, 0.5, 1, 1, 1, 0.5, 0, 0], atol=1e-12)


def test_recall_below_its_target_wants_a_review_of_what_was_practised() -> None:
    recall, since = np.array([[0.45, 0.9, 0.1]]), np.array([[9.0, 9.0, np.inf]])
    parts = components(
        CHAIN, believe([0.9, 0.9, 0.9], recall=recall, since_concept=since), Aims(), np.zeros((1, 3), bool)
    )
    np.testing.assert_allclose(parts["review"][0], [0.5, 0.5, 0, 0, 0, 0])


def test_what_opens_more_counts_more() -> None:
    lacking = np.array([[True, True, True], [False, True, True]])
    two = Beliefs(np.full((2, 3), 0.5), np.full((2, 6), 0.7))
    parts = components(CHAIN, two, Aims(), lacking)
    np.testing.assert_allclose(parts["opens"][:, ::2], [[2 / 3, 1 / 3, 0], [0, 1 / 2, 0]])


def test_a_list_varies_its_concepts() -> None:
    aims = Aims(weights=Weights(variety=0.5))
    found = next_step(CHAIN, believe([0.7, 0.6, 0.6]), aims, k=3)
    assert {name.partition("-")[0] for name in shown(found)} == {"counting", "loops", "functions"}


def test_time_leaves_out_what_does_not_fit() -> None:
    long = Syllabus.of(ITEMS, ["a", "b", "c"], TEACHES, REQUIRES, np.array([30.0, 10, 30, 5, 30, 5]))
    both = Beliefs(np.full((3, 3), 0.9), np.full((3, 6), 0.7))
    found = next_step(long, both, rules=Rules(minutes=np.array([60.0, 12.0, 1.0])), k=6)
    assert found.open.sum(axis=1).tolist() == [6, 3, 2]  # nothing fits a minute: the shortest are left
    taken = [sum(long.minutes[item] for item in row if item >= 0) for row in found.items]
    assert taken[0] <= 60.0
    assert taken[1:] == [10.0, 5.0]  # after 10 of 12 minutes, or 5 of 1, nothing fits any more


def test_a_cycle_is_told_and_not_followed() -> None:
    cycle = REQUIRES.copy()
    cycle[0, 2] = True
    syllabus = Syllabus.of(ITEMS, ["counting", "loops", "functions"], TEACHES, cycle)
    assert [one.why for one in syllabus.dropped] == ["cycle"]
    assert shown(next_step(syllabus, believe([0.0, 0.0, 0.0])))


def test_the_score_is_the_weighted_sum_of_numbers_that_stay() -> None:
    found = next_step(CHAIN, believe([0.7, 0.2, 0.1]))
    (step,), first = found.decision().steps, found.decision().candidates[0]
    assert set(first["components"]) == set(COMPONENTS)
    weights = Weights()
    expected = sum(getattr(weights, name) * value for name, value in first["components"].items())
    assert step.score >= round(expected, 4) - 1e-4
    np.testing.assert_allclose(total(found.parts, weights), found.wishes)


def test_a_decision_goes_through_json() -> None:
    rng = np.random.default_rng(4)
    found = next_step(CHAIN, believe([0.7, 0.6, 0.1]), k=2, temperature=0.5, rng=rng, rules=pin("loops-2"))
    decision = found.decision(models={"bkt": "7"})
    again = NextStepDecision.of_json(json.loads(json.dumps(decision.to_json())))
    assert again == NextStepDecision.of_json(decision.to_json())
    assert again.steps == decision.steps
    assert again.models == {"bkt": "7"}
    assert again.propensity == pytest.approx(float(found.probabilities[0].prod()))
    assert decision.steps[0].item_id == "loops-2"
    assert found.probabilities[0, 0] == 1.0  # a pin comes for certain


def test_propensities_are_how_often_a_step_comes() -> None:
    n = 40_000
    many = Beliefs(np.tile([0.7, 0.65, 0.1], (n, 1)), np.tile(np.linspace(0.2, 0.9, 6), (n, 1)))
    found = next_step(CHAIN, many, k=2, temperature=0.4, rng=np.random.default_rng(1))
    share = np.bincount(found.items[:, 0], minlength=6) / n
    np.testing.assert_allclose(share, found.first[0], atol=0.01)
    np.testing.assert_allclose(found.first.sum(axis=1), 1.0)
    np.testing.assert_allclose(found.first[np.arange(n), found.items[:, 0]], found.probabilities[:, 0])
    # of those whose first step was the likeliest, the second came as often as was said
    best = int(share.argmax())
    after = found.items[:, 0] == best
    for item in set(found.items[after, 1].tolist()):
        came = found.items[after, 1] == item
        assert came.mean() == pytest.approx(found.probabilities[after, 1][came][0], abs=0.015)


def test_at_temperature_0_it_is_certain_and_needs_no_generator() -> None:
    found = next_step(CHAIN, believe([0.7, 0.65, 0.1]), k=3)
    assert found.probabilities.tolist() == [[1.0] * 3]
    assert found.first[0].max() == 1.0
    with pytest.raises(BadInput, match="random generator"):
        next_step(CHAIN, believe([0.7, 0.65, 0.1]), temperature=0.1)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Aims(band=(0.9, 0.6)), "band"),
        (lambda: Aims(threshold=1.0), "threshold"),
        (lambda: Aims(caution=-1.0), "caution"),
        (lambda: Weights(gain=float("nan")), "gain"),
        (lambda: next_step(CHAIN, believe([0.0] * 3), temperature=-1.0), "temperature"),
        (lambda: Syllabus.of(ITEMS, ["a"], TEACHES, REQUIRES), "teaches"),
    ],
)
def test_a_knob_out_of_range_is_named(make: object, field: str) -> None:
    with pytest.raises(BadInput) as raised:
        make()  # type: ignore[operator]
    assert raised.value.field == field


@st.composite
def schools(draw: st.DrawFn) -> tuple[Syllabus, np.ndarray, Beliefs, Rules]:
    """Any graph, cycles and loops among them; some items teach several concepts or none."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_concepts, n_items, m = draw(st.integers(1, 7)), draw(st.integers(1, 12)), draw(st.integers(1, 4))
    requires = rng.random((n_concepts, n_concepts)) < draw(st.sampled_from([0.1, 0.3, 0.6]))
    teaches = rng.random((n_items, n_concepts)) < draw(st.sampled_from([0.15, 0.4]))
    names = [f"i{i}" for i in range(n_items)], [f"c{c}" for c in range(n_concepts)]
    syllabus = Syllabus.of(*names, teaches, requires, rng.integers(1, 20, n_items).astype(float))
    mastery = rng.choice([0.0, 0.3, 0.59, 0.6, 0.9, np.nan], (m, n_concepts))
    since = np.where(rng.random((m, n_concepts)) < 0.5, np.inf, 4.0)
    beliefs = Beliefs(
        mastery, rng.random((m, n_items)), relevance=rng.random((m, n_items)), since_concept=since
    )
    pinned = np.where(rng.random(n_items) < 0.3, rng.integers(1, 4, n_items), 0)
    rules = Rules(pinned=pinned, blocked=rng.random((m, n_items)) < draw(st.sampled_from([0.0, 0.3])))
    return syllabus, requires, beliefs, rules


def below(
    syllabus: Syllabus, lacking: np.ndarray, goal: int, startable: np.ndarray, usable: np.ndarray
) -> set[int]:
    """Plain reference: the missing concepts below `goal` where the way down first meets a startable item."""
    waiting, tried, met = list(np.flatnonzero(syllabus.needs[goal] & lacking)), set[int](), set[int]()
    while waiting:
        concept = int(waiting.pop())
        if concept in tried:
            continue
        tried.add(concept)
        teachers = [i for i in range(len(syllabus.item_ids)) if syllabus.teaches[i, concept] and usable[i]]
        if any(startable[i] for i in teachers):
            met.add(concept)
        else:
            waiting += [c for i in teachers for c in np.flatnonzero(syllabus.needs[i] & lacking)]
    return met


@settings(max_examples=300, deadline=None)
@given(schools(), st.integers(1, 4), st.sampled_from([0.0, 0.5]), st.sampled_from([0.1, 2.0]))
def test_nothing_comes_before_its_prerequisites_and_the_missing_one_does(
    school: tuple[Syllabus, np.ndarray, Beliefs, Rules], k: int, temperature: float, relevance: float
) -> None:
    syllabus, asked, beliefs, rules = school
    aims = Aims(weights=Weights(relevance=relevance))
    rng = np.random.default_rng(0)
    found = next_step(syllabus, beliefs, aims, rules, k=k, temperature=temperature, rng=rng)
    edges = {(one.concept_id, one.requires_id) for one in syllabus.dropped}
    names = syllabus.concept_ids.tolist()
    blocked, pinned = rules.blocked, rules.pinned
    assert blocked is not None
    assert pinned is not None
    for row in range(len(beliefs.mastery)):
        known = beliefs.mastery[row] >= aims.threshold

        def needed(item: int) -> list[int]:
            return [
                p
                for c in np.flatnonzero(syllabus.teaches[item])
                for p in np.flatnonzero(asked[c]).tolist()
                if (names[c], names[p]) not in edges
            ]

        startable = np.array([all(known[p] for p in needed(i)) for i in range(len(syllabus.item_ids))])
        startable &= ~blocked[row]
        steps = [int(item) for item in found.items[row] if item >= 0]
        assert all(startable[item] for item in steps)
        assert len(steps) == len(set(steps)) == min(k, startable.sum())
        told = found.decision(row)
        assert all(step.reasons for step in told.steps)
        if not steps:
            continue
        # the best wish, or the first pin, is either the first step or sends to what opens the way to it
        wished = [i for i in np.flatnonzero(pinned).tolist() if not blocked[row, i]]
        ways = {
            i: below(syllabus, ~known, i, startable, ~blocked[row]) for i in range(len(syllabus.item_ids))
        }
        reached = [i for i in wished if startable[i] or ways[i]]
        if reached:
            top = min(pinned[i] for i in reached)
            goals = [i for i in reached if pinned[i] == top]
        elif temperature == 0:
            possible = [
                i for i in range(len(syllabus.item_ids)) if not blocked[row, i] and (startable[i] or ways[i])
            ]
            top = max(found.wishes[row, i] for i in possible)
            goals = [i for i in possible if found.wishes[row, i] == top]
        else:
            continue
        fits = {i for i in goals if startable[i]}
        filling = {c for i in goals if not startable[i] for c in ways[i]}
        assert steps[0] in fits or any(syllabus.teaches[steps[0], c] for c in filling)
        if steps[0] not in fits:
            given = {reason.code: reason.evidence for reason in told.steps[0].reasons}
            gap = given.get("fills_gap") or given["review"]
            assert names.index(gap["concept"]) in filling
