"""Planted prerequisites are found in answers; where none are planted, none are."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import NothingToDo
from learnloop.prepare import mined_prerequisites
from learnloop.prepare.knowing import _forward_backward, knowing
from learnloop.prepare.mined_prerequisites import COLUMNS, confidence, discoveries, mined
from learnloop.prepare.prerequisite_graph import acyclic, agreement
from learnloop.simulate.course import Course, planted_course
from learnloop.simulate.practice import answers


def edges(frame: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(frame["concept_id"], frame["requires_id"], strict=True))


def planted(course: Course) -> set[tuple[str, str]]:
    return edges(course.prerequisites_frame())


@pytest.fixture(scope="module")
def course() -> Course:
    return planted_course(n_concepts=10, items_per_concept=6, seed=5)


@pytest.mark.parametrize("family", ["bkt", "memory"])
def test_planted_prerequisites_are_found(course: Course, family: str) -> None:
    found = mined(answers(family, 400, 120, 1, course=course).answers)
    assert list(found) == list(COLUMNS)
    assert found["confidence"].between(0, 1).all()
    assert found["confidence"].is_monotonic_decreasing
    told = agreement(edges(acyclic(found)[0]), planted(course))
    assert told["precision"] >= 0.85
    assert told["recall"] >= 0.5
    assert told["reversed"] <= 0.1
    assert (found["ratio"] < 1).all(), "it is learnt more seldom without"


def test_where_nothing_is_planted_hardly_anything_is_found(course: Course) -> None:
    """Fast learners know much of everything: that alone must not look like prerequisites."""
    free = replace(course, requires=np.zeros_like(course.requires))
    found = mined(answers("bkt", 400, 120, 2, course=free).answers)
    assert len(found) <= 1
    assert (found["confidence"] < 0.9).all(), "nothing that would gate"


def test_more_answers_make_it_surer_and_the_same_answers_say_the_same(course: Course) -> None:
    few = answers("bkt", 80, 120, 1, course=course).answers
    many = answers("bkt", 400, 120, 1, course=course).answers
    assert mined(few)["confidence"].sum() < mined(many)["confidence"].sum()
    shuffled = few.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(mined(shuffled), mined(few))


def test_a_large_table_is_sampled_by_learner(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = answers("bkt", 100, 50, 1, course=course).answers
    monkeypatch.setattr(mined_prerequisites, "MOST_CELLS", len(frame) * 10 // 4)
    part = mined_prerequisites._sampled(frame, seed=3)
    assert part["learner_id"].nunique() == 25
    assert len(part) == frame["learner_id"].isin(part["learner_id"]).sum()


def test_nothing_to_mine_says_so() -> None:
    one = pd.DataFrame(
        {"learner_id": ["a"], "item_id": ["i"], "concept_ids": [("c",)], "correct": [True]}
    ).assign(occurred_at=pd.Timestamp("2026-01-01", tz="UTC"))
    with pytest.raises(NothingToDo, match="two concepts"):
        mined(one)
    with pytest.raises(NothingToDo, match="two concepts"):
        mined(one.iloc[:0])
    two = pd.concat([one, one.assign(concept_ids=[("d",)])])
    assert mined(two).empty, "two answers prove nothing"


def test_benjamini_hochberg_as_in_their_example() -> None:
    """The fifteen p-values of Benjamini & Hochberg (1995), section 3.2: four pass at .05."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert discoveries(p, 0.05) == 0.0095
    assert discoveries([0.9], 0.05) == discoveries([], 0.05) == 0.0


def test_what_makes_an_edge_sure() -> None:
    assert confidence(2.0, 0.6, 1.0, 1000) < 0.5 < 0.9 < confidence(5.0, 0.4, 1.0, 1000)
    by_ratio = [confidence(4.0, ratio, 1.0, 3000) for ratio in (0.6, 0.4, 0.0)]
    assert by_ratio == sorted(by_ratio), "less is learnt without it"
    assert by_ratio[-1] < 1
    assert confidence(4.0, 0.4, 4.0, 3000) < confidence(4.0, 0.4, 0.0, 3000), "the reverse is as likely"
    assert confidence(4.0, 0.4, np.nan, 3000) == confidence(4.0, 0.4, 0.0, 3000)
    by_tries = [confidence(4.0, 0.4, 1.0, tries) for tries in (600, 3000, 18_000, 10**7)]
    assert by_tries[0] < by_tries[1] < by_tries[2] == by_tries[3]


def test_looking_back_is_the_sum_over_all_histories() -> None:
    """Forward and backward against every way a learner may have come to know it."""
    rng = np.random.default_rng(0)
    if_known, if_not = rng.uniform(0.1, 0.9, (2, 1, 4))
    init, learn = 0.3, 0.25
    before, learnt, whole = np.zeros(4), np.zeros(4), 0.0
    for start in range(5):  # known before try `start`; 4: never in sight, or by the last
        for by_last in (False, True) if start == 4 else (False,):
            weight = init if start == 0 else (1 - init) * (1 - learn) ** (min(start, 4) - 1)
            if start > 0:
                weight *= learn if start < 4 or by_last else 1 - learn
            for t in range(4):
                weight *= if_known[0, t] if t >= start else if_not[0, t]
            whole += weight
            before += weight * (np.arange(4) >= start)
            if 0 < start < 4:
                learnt[start - 1] += weight
            elif by_last:
                learnt[3] += weight
    got = _forward_backward(if_known, if_not, np.array([init]), np.array([learn]))
    np.testing.assert_allclose(got[0][0], before / whole)
    np.testing.assert_allclose(got[1][0], learnt / whole)


def test_states_are_those_just_before_a_try(course: Course) -> None:
    frame = answers("bkt", 20, 60, 1, course=course).answers
    states = knowing(frame)
    after = states.before + states.learnt
    for row in range(0, len(states.learner), 37):
        for p in range(len(states.names)):
            own = np.flatnonzero((states.learner == states.learner[row]) & (states.concept == p))
            earlier, later = own[own < row], own[own >= row]
            if len(earlier):
                wanted = after[earlier[-1]]
            else:
                wanted = states.before[later[0]] if len(later) else states.before[states.concept == p].mean()
            assert states.known[row, p] == pytest.approx(wanted, abs=1e-6)
    alone = frame["concept_ids"].map(len) == 1
    assert not alone.all(), "there are answers of two concepts"
    assert len(states.learner) == int(alone.sum())
