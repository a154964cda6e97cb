"""Logs of simulated learners: a sound frame, blocks that do not show, the truth beside it."""

import numpy as np
import pytest

from learnloop import schemas
from learnloop.errors import BadInput, UnknownThing
from learnloop.simulate import practice
from learnloop.simulate.course import planted_course
from learnloop.simulate.families import FAMILIES
from learnloop.simulate.practice import answers, blocks, choices

COURSE = planted_course(n_concepts=6, items_per_concept=4, seed=3)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_log_is_answers_in_order_with_its_truth(family: str) -> None:
    found = answers(family, 120, 60, 1, COURSE)
    checked = schemas.check(found.answers, schemas.ANSWERS, "simulated answers")
    assert set(checked["item_id"]) == set(COURSE.item_ids)
    later = checked["occurred_at"].diff()[checked["learner_id"] == checked["learner_id"].shift()]
    assert (later.dt.total_seconds() >= 30 - 1e-3).all()
    taught = dict(zip(COURSE.item_ids, COURSE.concept_tuples, strict=True))
    assert (found.answers["concept_ids"] == found.answers["item_id"].map(taught)).all()
    assert abs(found.p_correct.sum() - checked["correct"].sum()) < 4.0 * 0.5 * np.sqrt(len(checked))
    assert np.corrcoef(found.p_correct, checked["correct"])[0, 1] > 0.2
    counted = found.answers["learner_id"].value_counts()
    expected = found.learners.set_index("learner_id")["answers"]
    assert counted.reindex(expected.index).tolist() == expected.tolist()
    assert (expected[found.learners["active"].to_numpy()] == 60).all()
    assert len(found.mastery) == 120 * 6
    assert found.mastery["mastery"].between(0, 1).all()
    assert found.mastery["mastered"].mean() > 0.05
    assert found.concepts["concept_id"].tolist() == COURSE.concept_ids.tolist()


def test_blocks_and_numbers_of_learners_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = answers("engagement", 50, 40, 2, COURSE)
    monkeypatch.setattr(practice, "BLOCK", 17)
    parted = answers("engagement", 50, 40, 2, COURSE)
    tail = answers("engagement", 10, 40, 2, COURSE, first=40)
    assert whole.answers.equals(parted.answers)
    assert whole.mastery.equals(parted.mastery)
    own = whole.answers[whole.answers["learner_id"].isin(tail.answers["learner_id"])]
    assert own.reset_index(drop=True).equals(tail.answers)
    assert not (~whole.learners["active"]).all()


def test_the_log_is_what_the_environment_would_answer() -> None:
    block = next(blocks("memory", 8, 30, 4, COURSE))
    environment = FAMILIES["memory"](COURSE, 8, 4)
    items = choices(environment, 30, "random")
    first_p = environment.p_correct(np.array([0]))[0, items[0, 0]]
    right = np.array([environment.answer(np.arange(8), row) for row in items])
    assert (block.correct.reshape(8, 30) == right.T).all()
    assert block.p_correct[0] == pytest.approx(first_p)
    assert (block.item.reshape(8, 30) == items.T).all()
    assert (block.environment.mastery() == environment.mastery()).all()


def test_course_order_goes_through_the_course_with_a_look_back() -> None:
    environment = FAMILIES["irt"](COURSE, 500, 5)
    items = choices(environment, 9, "course order")
    concept = COURSE.concepts_of[items, 0]
    assert (items[0] < 3).all()
    assert (concept.mean(axis=1)[1:] > concept.mean(axis=1)[:-1] - 0.1).all()
    assert concept[-1].mean() > 3
    back = (np.diff(items, axis=0) < 0).mean()
    assert 0.05 < back < 0.15
    anything = choices(environment, 200, "random")
    counts = np.bincount(anything.ravel(), minlength=24)
    assert counts == pytest.approx(np.full(24, 100_000 / 24), rel=0.07)


def test_what_does_not_exist_is_said() -> None:
    with pytest.raises(UnknownThing, match=r"no family 'dkt'.*bkt, irt, memory"):
        answers("dkt", 10, 10, 0)
    with pytest.raises(BadInput, match=r"no policy 'best'.*random"):
        answers("bkt", 10, 10, 0, policy="best")
    with pytest.raises(BadInput, match="cannot give 0 answers"):
        answers("bkt", 10, 0, 0)
