"""Planted courses: prerequisites without circles, items with one concept or two, the same again."""

from dataclasses import replace

import numpy as np
import pytest

from learnloop.errors import BadInput
from learnloop.simulate.course import planted_course

COURSE = planted_course(seed=4)


def test_the_same_seed_plants_the_same_course_and_another_seed_another() -> None:
    again, other = planted_course(seed=4), planted_course(seed=5)
    assert (again.difficulty == COURSE.difficulty).all()
    assert (again.requires == COURSE.requires).all()
    assert (other.requires != COURSE.requires).any()


def test_numbers_are_a_topological_order_but_not_the_only_one() -> None:
    concept, needed = np.nonzero(COURSE.requires)
    assert (needed < concept).all()
    assert len(concept) >= 10
    assert (~COURSE.requires.any(axis=1)).sum() > 1, "several concepts can come first"
    turned = replace(COURSE, requires=COURSE.requires[::-1, ::-1], teaches=COURSE.teaches[:, ::-1])
    place = np.argsort(turned.order)
    assert (place[np.nonzero(turned.requires)[0]] > place[np.nonzero(turned.requires)[1]]).all()
    assert sorted(turned.order) == list(range(20))
    assert (turned.order != np.arange(20)).any()


def test_most_items_have_one_concept_and_some_a_prerequisite_beside_it() -> None:
    per_item = COURSE.teaches.sum(axis=1)
    assert set(per_item) == {1, 2}
    assert 0.05 < (per_item == 2).mean() < 0.2
    for item_id, (own, other) in zip(COURSE.item_ids, COURSE.concepts_of, strict=True):
        assert item_id.startswith(f"sim:c{own:03d}-")
        assert other == 20 or COURSE.requires[own, other] or not COURSE.requires[own].any()
    assert COURSE.concept_tuples[15] == ("sim:c001", "sim:c000")
    assert COURSE.items_frame()["concept_id"][15] == "sim:c001~sim:c000"


def test_the_average_difficulty_is_that_of_a_concepts_items() -> None:
    for c in range(20):
        expected = COURSE.difficulty[COURSE.teaches[:, c]].mean()
        assert COURSE.average_difficulty[c] == pytest.approx(expected)


def test_a_circle_of_prerequisites_is_refused() -> None:
    requires = COURSE.requires.copy()
    requires[0, 19], requires[19, 0] = True, True
    with pytest.raises(BadInput, match="circle"):
        replace(COURSE, requires=requires)
    with pytest.raises(BadInput, match="one or two concepts"):
        replace(COURSE, teaches=np.ones_like(COURSE.teaches))
    with pytest.raises(BadInput, match="0 concepts"):
        planted_course(n_concepts=0, seed=1)


def test_one_concept_is_a_course() -> None:
    course = planted_course(n_concepts=1, items_per_concept=1, seed=0)
    assert course.item_ids.tolist() == ["sim:c000-i00"]
    assert not course.requires.any()
