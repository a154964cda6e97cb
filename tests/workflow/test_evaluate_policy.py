"""evaluate policy: who teaches in fewer steps, by rules that no teacher can bend."""

import json
from pathlib import Path

import numpy as np
import pytest

from learnloop.errors import BadInput, UnknownThing
from learnloop.recommend.merits import SERVED, Aims, missing
from learnloop.recommend.syllabus import Syllabus, locked
from learnloop.simulate.course import planted_course
from learnloop.simulate.families import FAMILIES
from learnloop.trace.bkt import BKT
from learnloop.workflow.evaluate_policy import (
    ADAPTIVE,
    ORACLE,
    OURS,
    SERVED_POLICY,
    SIMPLE,
    brief,
    evaluate_policy,
)
from learnloop.workflow.teaching import (
    AsServed,
    AtRandom,
    HalfAndHalf,
    InOrder,
    LowestMastery,
    NextStep,
    Oracle,
    ServedStep,
    Teacher,
    Together,
    as_answers,
    teach,
)
from learnloop.workflow.tracers import TRACERS

COURSE = planted_course(n_concepts=6, items_per_concept=4, seed=8)
SYLLABUS = Syllabus.of(COURSE.item_ids, COURSE.concept_ids, COURSE.teaches, COURSE.requires, COURSE.minutes)
N = 40


@pytest.fixture(scope="module")
def tracer() -> BKT:
    others = FAMILIES["bkt"](COURSE, 80, 8, first=1_000_000)
    log = teach(others, HalfAndHalf(len(COURSE.item_ids), 80, 8), 40, log=True).log
    return BKT(iterations=15).fit(as_answers(COURSE, log))


def ours(tracer: BKT, n: int = N) -> NextStep:
    following = tracer.follow(COURSE.item_ids.tolist(), COURSE.concept_tuples, COURSE.concept_ids.tolist(), n)
    return NextStep(following, SYLLABUS, Aims(threshold=0.8), n)


def test_ours_needs_fewer_steps_than_a_fixed_order_and_the_oracle_fewer_still(tracer: BKT) -> None:
    def steps(teacher: Teacher | None) -> float:
        environment = FAMILIES["bkt"](COURSE, N, 8)
        taught = teach(environment, teacher or Oracle(environment), 150)
        return float(np.minimum(taught.reached, 150).mean())

    found = steps(ours(tracer))
    assert steps(None) < found < 0.8 * steps(InOrder(np.arange(len(COURSE.item_ids)), N))


def test_what_is_chosen_is_a_function_of_what_was_seen(tracer: BKT) -> None:
    """Replayed without any environment, the teacher chooses the same."""
    seen = teach(FAMILIES["mixture"](COURSE, N, 8), ours(tracer), 40, log=True).log
    again = ours(tracer)
    for learners, items, correct, at in seen:
        np.testing.assert_array_equal(again.choose(learners, at), items)
        again.observe(learners, items, correct, at)


def test_no_step_is_against_the_belief_and_lowest_mastery_has_many(tracer: BKT) -> None:
    following = tracer.follow(COURSE.item_ids.tolist(), COURSE.concept_tuples, COURSE.concept_ids.tolist(), N)
    found = teach(FAMILIES["irt"](COURSE, N, 8), ours(tracer), 60)
    lowest = teach(FAMILIES["irt"](COURSE, N, 8), LowestMastery(following, SYLLABUS, 0.8, N), 60)
    assert found.broken is not None
    assert found.broken.sum() == 0
    assert lowest.broken is not None
    assert lowest.broken.sum() > N
    assert teach(FAMILIES["irt"](COURSE, N, 8), AtRandom(24, 1), 5).broken is None


def test_several_beliefs_are_one_mean() -> None:
    class Says:
        def __init__(self, mastery: float) -> None:
            self.value, self.heard = mastery, 0

        def observe(self, *told: np.ndarray) -> None:
            self.heard += 1

        def p_correct(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
            return np.full((len(learners), 24), self.value)

        def mastery(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return np.full((len(learners), 6), self.value), np.full((len(learners), 6), 0.1)

    class Gains(Says):
        def gain(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
            return np.full((len(learners), 24), 0.3)

    two = [Says(0.2), Gains(0.6)]
    together = Together(two, COURSE.teaches)
    who = np.arange(3)
    together.observe(who, who, who > 0, who)
    assert [one.heard for one in two] == [1, 1]
    np.testing.assert_allclose(together.mastery(who, who)[0], 0.4)
    np.testing.assert_allclose(together.p_correct(who, who), 0.4)
    # (.15 x .8 x concepts of the item + .3) / 2
    expected = (0.15 * 0.8 * COURSE.teaches.sum(axis=1) + 0.3) / 2
    np.testing.assert_allclose(together.gain(who, who), np.tile(expected, (3, 1)))
    assert together.recall(who, who) is None


def test_what_is_counted_stops_at_mastery() -> None:
    environment = FAMILIES["irt"](COURSE, N, 8, easiness=9.0)  # everybody has mastered all
    taught = teach(environment, AtRandom(len(COURSE.item_ids), 1), 10)
    assert (taught.reached == 0).all()
    assert taught.answered.sum() == taught.over.sum() == 0
    assert taught.unmastered.sum() == 0
    never = teach(FAMILIES["irt"](COURSE, N, 8, slope=0.0), AtRandom(len(COURSE.item_ids), 1), 10)
    assert not np.isfinite(never.reached).any()
    assert (never.answered == 10).all()


def test_who_has_left_answers_nothing() -> None:
    environment = FAMILIES["engagement"](COURSE, N, 8, leave=300.0)
    taught = teach(environment, AtRandom(len(COURSE.item_ids), 1), 60, log=True)
    assert not environment.active.all()
    assert (taught.answered[~environment.active] < 60).all()
    assert not np.isfinite(taught.reached[taught.answered < 60]).any()
    assert len(taught.log[-1][0]) <= environment.active.sum() + 1


def test_as_served_an_item_comes_again_only_where_nothing_new_is_left_or_it_fades(tracer: BKT) -> None:
    names = COURSE.item_ids.tolist(), COURSE.concept_tuples, COURSE.concept_ids.tolist()
    memory = TRACERS["memory"]().fit(
        as_answers(COURSE, teach(FAMILIES["bkt"](COURSE, 40, 8), AtRandom(24, 1), 20, log=True).log)
    )
    believed = AsServed(tracer.follow(*names, N), memory.follow(*names, N), COURSE.teaches, N)
    teacher = ServedStep(believed, SYLLABUS, SERVED, N)
    environment = FAMILIES["bkt"](COURSE, N, 8)
    repeats, choose = [0], teacher.choose

    def watched(learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        beliefs = teacher.beliefs(learners, at)
        items = choose(learners, at)
        open_ = ~locked(SYLLABUS, missing(beliefs, SERVED))
        done = np.isfinite(teacher.item_at[learners])
        for row, item in enumerate(items):
            if not done[row, item]:
                continue
            repeats[0] += 1
            concepts = np.flatnonzero(COURSE.teaches[item])
            new = open_[row] & ~done[row]
            fades = beliefs.recall is not None and (beliefs.recall[row, concepts] < 0.9).any()
            used_up = not all((new & COURSE.teaches[:, concept]).any() for concept in concepts)
            assert fades or used_up or not new.any()
        return items

    teacher.choose = watched  # type: ignore[method-assign]
    taught = teach(environment, teacher, 60)
    assert repeats[0] > N
    assert taught.broken is not None
    assert taught.broken.sum() == 0


def test_the_log_is_a_frame_of_answers() -> None:
    log = teach(FAMILIES["bkt"](COURSE, 5, 8), InOrder(np.arange(24), 5), 30, log=True).log
    answers = as_answers(COURSE, log)
    first = answers[answers["learner_id"] == "sim-0000003"].sort_values("occurred_at", kind="stable")
    assert first["item_id"].tolist() == [*COURSE.item_ids.tolist(), *COURSE.item_ids.tolist()[:6]]
    assert first["occurred_at"].is_monotonic_increasing


def test_the_whole_is_reproducible_and_reported(tmp_path: Path) -> None:
    page = tmp_path / "policy.html"
    options = {
        "families": ["bkt"],
        "learners": 30,
        "steps": 40,
        "seed": 3,
        "n_bootstrap": 50,
        "log": (40, 40),
    }
    found = evaluate_policy(**options, report=page)  # type: ignore[arg-type]
    json.dumps(found)
    family = found["families"]["bkt"]
    assert set(family["policies"]) == {OURS, *SIMPLE, ADAPTIVE, SERVED_POLICY, ORACLE}
    assert family["policies"][OURS]["violations"] == 0
    assert family["best_simple"] in SIMPLE
    assert "bkt" in brief(found)
    assert "Family bkt" in page.read_text()
    again = evaluate_policy(**options, report=page)  # type: ignore[arg-type]
    assert again["families"]["bkt"]["policies"] == family["policies"]


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnknownThing, match="no family 'nobody'"):
        evaluate_policy(families=["nobody"])
    with pytest.raises(UnknownThing, match="no tracer 'guess'"):
        evaluate_policy(tracers=["bkt", "guess"])
    with pytest.raises(BadInput, match="no component 'beauty'"):
        evaluate_policy(weights={"beauty": 1.0})
    other = tmp_path / "mine.html"
    other.write_text("<html>mine</html>")
    with pytest.raises(BadInput, match="no such report"):
        evaluate_policy(report=other)
    assert other.read_text() == "<html>mine</html>"
