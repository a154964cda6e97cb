"""Logs of simulated learners: a family and a size in, answers and the truth behind them out.

    learner_id   item_id       concept_ids               correct  occurred_at
    sim-0000012  sim:c003-i07  ('sim:c003', 'sim:c001')  True     2026-01-05 08:07:48Z

Learners come in blocks that a cache holds; since learner i depends on the seed and i alone, blocks can be
played anywhere, in any order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, UnknownThing
from learnloop.simulate.course import Course, planted_course
from learnloop.simulate.environment import EPOCH, Environment
from learnloop.simulate.families import FAMILIES
from learnloop.simulate.streams import learner_keys, mixed, u64, uniform

POLICIES = ("random", "course order")
BLOCK = 2048  # learners
CHOICES = 3  # purpose of a learner's numbers, beside those of the environment
AHEAD = 3  # in course order, the next item is one of the next three
REVISIT = 0.1  # or, one time in ten, any item up to here


@dataclass(frozen=True)
class Block:
    """Answers by learner and time: learner (n,) from 0 in this block, item (n,), correct (n,) bool, its true
    P(correct) (n,), day (n,) of the clock; and the environment after them."""

    learner: np.ndarray
    item: np.ndarray
    correct: np.ndarray
    p_correct: np.ndarray
    day: np.ndarray
    environment: Environment

    def answers(self) -> pd.DataFrame:
        """The same as ANSWERS."""
        course = self.environment.course
        tuples = np.empty(len(course.item_ids), dtype=object)
        tuples[:] = course.concept_tuples
        return pd.DataFrame(
            {
                "learner_id": self.environment.learner_ids().array.take(self.learner),
                "item_id": pd.array(course.item_ids, dtype="str").take(self.item),
                "concept_ids": tuples[self.item],
                "correct": self.correct,
                "occurred_at": moments(self.day),
            }
        )


@dataclass(frozen=True)
class Simulated:
    """answers: ANSWERS, by learner and time; p_correct (n,) the true P of each, which no model can beat.
    The truth after the last answer of each learner:

    learners   learner_id, pace, slow, what else the family planted, active, answers
    concepts   concept_id and the family's parameters
    mastery    learner_id, concept_id, mastery (P on an average item), mastered, ready
    """

    answers: pd.DataFrame
    p_correct: np.ndarray
    learners: pd.DataFrame
    concepts: pd.DataFrame
    mastery: pd.DataFrame
    course: Course = field(repr=False)


def answers(
    family: str,
    n_learners: int,
    answers_per_learner: int,
    seed: int,
    course: Course | None = None,
    policy: str = "random",
    **parameters: Any,
) -> Simulated:
    """Everybody answers `answers_per_learner` items, or until dropping out; `parameters` are the family's.

    policy: "random" (any item), or "course order" (concepts in an order their prerequisites allow, one to
    three items on each time, one time in ten back to an earlier item). course: planted from the seed where
    none is given. Raises UnknownThing for the family, BadInput for the rest.
    """
    played = list(blocks(family, n_learners, answers_per_learner, seed, course, policy, **parameters))
    return Simulated(
        answers=pd.concat([block.answers() for block in played], ignore_index=True),
        p_correct=np.concatenate([block.p_correct for block in played]),
        learners=pd.concat([block.environment.learners_frame() for block in played], ignore_index=True),
        concepts=played[0].environment.concepts,
        mastery=pd.concat([mastery_frame(block.environment) for block in played], ignore_index=True),
        course=played[0].environment.course,
    )


def blocks(
    family: str,
    n_learners: int,
    answers_per_learner: int,
    seed: int,
    course: Course | None = None,
    policy: str = "random",
    *,
    first: int = 0,
    **parameters: Any,
) -> Iterator[Block]:
    """The same as arrays, a block of at most BLOCK learners at a time, from learner `first` on."""
    if family not in FAMILIES:
        raise UnknownThing(
            f"there is no family {family!r} of simulated learners", f"one of {', '.join(FAMILIES)}"
        )
    if n_learners < 1 or answers_per_learner < 1:
        raise BadInput(f"{n_learners} learners cannot give {answers_per_learner} answers", field="n_learners")
    course = course or planted_course(seed=seed)
    for start in range(first, first + n_learners, BLOCK):
        n = min(BLOCK, first + n_learners - start)
        yield play(FAMILIES[family](course, n, seed, first=start, **parameters), answers_per_learner, policy)


def play(environment: Environment, answers_per_learner: int, policy: str = "random") -> Block:
    """Everybody in `environment`, which changes, answers what `policy` says."""
    n, steps = environment.n_learners, answers_per_learner
    items = choices(environment, steps, policy)
    correct, there = np.zeros((2, steps, n), dtype=bool)
    p, day = np.zeros((2, steps, n))
    for t in range(steps):
        there[t], day[t] = environment.active, environment.day
        correct[t], p[t] = environment.answer_all(items[t])
    kept = there.T
    learner = kept.nonzero()[0]
    item, right, chance, when = (of.T[kept] for of in (items, correct, p, day))
    return Block(learner, item, right, chance, when, environment)


def choices(environment: Environment, steps: int, policy: str) -> np.ndarray:
    """(steps, n_learners) item numbers, out of each learner's own numbers."""
    if policy not in POLICIES:
        raise BadInput(f"there is no policy {policy!r}", f"one of {', '.join(POLICIES)}", "policy")
    course, n = environment.course, environment.n_learners
    n_items = len(course.item_ids)
    keys = learner_keys(environment.seed, environment.first, n, CHOICES)
    places = np.arange(steps, dtype=u64)[:, None] * u64(4)
    u = uniform(mixed(keys + places))
    if policy == "random":
        return (u * n_items).astype(np.int64)
    place = np.empty(len(course.concept_ids), dtype=np.int64)
    place[course.order] = np.arange(len(place))
    # an item comes where the last of its concepts comes
    last = np.where(course.teaches, place, -1).max(axis=1)
    order = np.argsort(last, kind="stable")
    position = (1 + (u * AHEAD).astype(np.int64)).cumsum(axis=0) - 1
    back = uniform(mixed(keys + places + u64(1))) < REVISIT
    earlier = (uniform(mixed(keys + places + u64(2))) * (np.minimum(position, n_items - 1) + 1)).astype(int)
    return order[np.where(back, earlier, position % n_items)]


def mastery_frame(environment: Environment) -> pd.DataFrame:
    """learner_id, concept_id, mastery, mastered, ready: the truth now, a row a learner and concept."""
    n_concepts = len(environment.course.concept_ids)
    return pd.DataFrame(
        {
            "learner_id": environment.learner_ids().repeat(n_concepts).array,
            "concept_id": pd.array(
                np.tile(environment.course.concept_ids, environment.n_learners), dtype="str"
            ),
            "mastery": environment.mastery().ravel(),
            "mastered": environment.mastered().ravel(),
            "ready": environment.ready().ravel(),
        }
    )


def moments(day: np.ndarray) -> pd.DatetimeIndex:
    """Days of a learner's clock as UTC times, to the microsecond."""
    return EPOCH.as_unit("us") + pd.to_timedelta((day * 86_400e6).astype(np.int64), unit="us")
