"""Teachers of simulated learners, ours and simple ones, and the lesson they all give under the same rules.

A teacher sees who is asked, what was answered and when; the truth is for `Oracle` and for measuring alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from learnloop.recommend.merits import LEARNT, Aims, Beliefs, missing
from learnloop.recommend.next_step import Rules, next_step
from learnloop.recommend.syllabus import Syllabus, locked
from learnloop.schemas import Following
from learnloop.simulate.course import Course
from learnloop.simulate.environment import Environment

DAYS_AFTER = 30.0  # days of waiting before what is left is measured


class Teacher(Protocol):
    """`choose` says the next item of each learner; `observe` hears what came of it."""

    def choose(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m,) item codes for learners (m,) at `at` (m,), seconds since 1970."""
        ...

    def observe(
        self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray
    ) -> None: ...

    def broken(self, learners: np.ndarray, items: np.ndarray) -> np.ndarray | None:
        """(m,) bool: a prerequisite of the item that was just chosen was below the threshold in the
        teacher's own belief; None for a teacher that believes nothing."""
        ...


class Simple:
    """A teacher without beliefs."""

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        pass

    def broken(self, learners: np.ndarray, items: np.ndarray) -> np.ndarray | None:
        return None


class AtRandom(Simple):
    """Any item, each as probable as the others."""

    def __init__(self, n_items: int, seed: int) -> None:
        self.n_items, self.rng = n_items, np.random.default_rng(seed)

    def choose(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        return self.rng.integers(0, self.n_items, len(learners))


class InOrder(Simple):
    """The items of `order` (item codes) one after the other, and again from the beginning."""

    def __init__(self, order: np.ndarray, n_learners: int) -> None:
        self.order, self.done = order, np.zeros(n_learners, dtype=int)

    def choose(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        return self.order[self.done[learners] % len(self.order)]

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        self.done[learners] += 1


class HalfAndHalf(Simple):
    """The first half of the learners at random, the others in order: where a log comes from."""

    def __init__(self, n_items: int, n_learners: int, seed: int) -> None:
        self.half = n_learners // 2
        self.random = AtRandom(n_items, seed)
        self.ordered = InOrder(np.arange(n_items), n_learners)

    def choose(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        both = self.random.choose(learners, at), self.ordered.choose(learners, at)
        return np.where(learners < self.half, *both)

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        self.ordered.observe(learners, items, correct, at)


class LowestMastery:
    """The concept of the lowest mastery, and of its items the one done longest ago, as simple tutors do."""

    def __init__(self, following: Following, syllabus: Syllabus, threshold: float, n_learners: int) -> None:
        self.following, self.syllabus, self.threshold = following, syllabus, threshold
        self.last = np.full((n_learners, len(syllabus.item_ids)), -1)
        self.steps = 0
        self._mastery = np.zeros((0, 0))

    def choose(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        self._mastery, _ = self.following.mastery(learners, at)
        taught = self.syllabus.teaches[:, self._mastery.argmin(axis=1)].T
        return np.where(taught, self.last[learners], np.iinfo(int).max).argmin(axis=1)

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        self.following.observe(learners, items, correct, at)
        self.steps += 1
        self.last[learners, items] = self.steps

    def broken(self, learners: np.ndarray, items: np.ndarray) -> np.ndarray | None:
        lacking = ~(self._mastery >= self.threshold)
        return locked(self.syllabus, lacking)[np.arange(len(items)), items]


class MasteryOrder(LowestMastery):
    """Course order, a concept until it is believed to be mastered (mastery learning, Bloom 1968); where all
    are, the lowest. By the same beliefs as ours, so it tells what scoring adds to them."""

    def choose(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        self._mastery, _ = self.following.mastery(learners, at)
        lacking = ~(self._mastery >= self.threshold)
        concept = np.where(lacking.any(axis=1), lacking.argmax(axis=1), self._mastery.argmin(axis=1))
        taught = self.syllabus.teaches[:, concept].T
        return np.where(taught, self.last[learners], np.iinfo(int).max).argmin(axis=1)


class Oracle(Simple):
    """Knows the truth: the largest expected gain in true mastery by one answer (greedy, so not the best).
    Who has mastered all practises the weakest concept, which is faster to find."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def choose(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        environment = self.environment
        items = environment.course.teaches[:, environment.mastery()[learners].argmin(axis=1)].argmax(axis=0)
        learns = ~environment.mastered()[learners].all(axis=1)
        items[learns] = environment.gain(learners[learns]).argmax(axis=1)
        return items


class Together:
    """Several tracers' beliefs as one: the mean of what they say, for no one of them fits every learner.

    gain: of a tracer that has none, `LEARNT` of what is not mastered. recall: of the first that has one.
    Nothing else is decided here.
    """

    def __init__(self, followings: Sequence[Any], teaches: np.ndarray) -> None:
        """teaches: (n_items, n_concepts) bool. Each of `followings` is used by this one alone."""
        self.followings, self.teaches = followings, teaches.astype(float)

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        for one in self.followings:
            one.observe(learners, items, correct, at)

    def p_correct(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        return _mean([one.p_correct(learners, at) for one in self.followings])

    def mastery(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = [one.mastery(learners, at) for one in self.followings]
        return _mean([mastery for mastery, _ in found]), _mean([sd for _, sd in found])

    def gain(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        return _mean([self._gain(one, learners, at) for one in self.followings])

    def _gain(self, one: Any, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        if hasattr(one, "gain"):
            return np.asarray(one.gain(learners, at))
        return LEARNT * (1.0 - one.mastery(learners, at)[0]) @ self.teaches.T

    def recall(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray | None:
        for one in self.followings:
            if hasattr(one, "recall"):
                return np.asarray(one.recall(learners, at))
        return None


class AsServed:
    """What the API believes by: one tracer, and recall by a memory. Nobody masters what they never met."""

    def __init__(self, tracer: Any, memory: Any, teaches: np.ndarray, n_learners: int) -> None:
        """teaches: (n_items, n_concepts) bool. tracer, memory: followings, used by this one alone."""
        self.tracer, self.memory, self.teaches = tracer, memory, teaches
        self.met = np.zeros((n_learners, teaches.shape[1]), dtype=bool)

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        for one in (self.tracer, self.memory):
            one.observe(learners, items, correct, at)
        self.met[learners] |= self.teaches[items]

    def p_correct(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        return np.asarray(self.tracer.p_correct(learners, at))

    def mastery(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mastery, sd = self.tracer.mastery(learners, at)
        return np.where(self.met[learners], mastery, np.nan), sd

    def gain(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        return np.asarray(LEARNT * (1.0 - self.tracer.mastery(learners, at)[0]) @ self.teaches.T)

    def recall(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        return np.asarray(self.memory.recall(learners, at))


def _mean(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(sum(arrays) / len(arrays))


class NextStep:
    """Ours: `recommend.next_step` on what a tracer follows.

    following: its mastery, P(correct) and, where it has them, `gain` and `recall`. relevance: (n_items,) or
    None.
    """

    def __init__(
        self,
        following: Following,
        syllabus: Syllabus,
        aims: Aims,
        n_learners: int,
        *,
        relevance: np.ndarray | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.following, self.syllabus, self.aims = following, syllabus, aims
        self.relevance, self.temperature, self.rng = relevance, temperature, np.random.default_rng(seed)
        self.steps = np.zeros(n_learners, dtype=int)
        self.item_at = np.full((n_learners, len(syllabus.item_ids)), -np.inf)  # step of the last time
        self.concept_at = np.full((n_learners, len(syllabus.concept_ids)), -np.inf)
        self._lacking = np.zeros((0, 0), dtype=bool)

    def beliefs(self, learners: np.ndarray, at: np.ndarray) -> Beliefs:
        mastery, sd = self.following.mastery(learners, at)
        p_correct = self.following.p_correct(learners, at)
        gain: Callable[..., np.ndarray] | None = getattr(self.following, "gain", None)
        recall: Callable[..., np.ndarray] | None = getattr(self.following, "recall", None)
        relevance = self.relevance
        steps = self.steps[learners, None]
        return Beliefs(
            mastery=mastery,
            p_correct=p_correct,
            sd=sd,
            gain=gain(learners, at) if gain is not None else None,
            recall=recall(learners, at) if recall is not None else None,
            relevance=None if relevance is None else np.broadcast_to(relevance, p_correct.shape),
            since_item=steps - self.item_at[learners],
            since_concept=steps - self.concept_at[learners],
        )

    def choose(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        beliefs = self.beliefs(learners, at)
        self._lacking = missing(beliefs, self.aims)
        found = next_step(
            self.syllabus,
            beliefs,
            self.aims,
            self.rules(beliefs, learners),
            temperature=self.temperature,
            rng=self.rng,
        )
        return found.items[:, 0]

    def rules(self, beliefs: Beliefs, learners: np.ndarray) -> Rules | None:
        return None

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        self.following.observe(learners, items, correct, at)
        self.steps[learners] += 1
        self.item_at[learners, items] = self.steps[learners]
        practised = self.syllabus.teaches[items]
        now = np.broadcast_to(self.steps[learners, None], practised.shape)
        self.concept_at[learners] = np.where(practised, now, self.concept_at[learners])

    def broken(self, learners: np.ndarray, items: np.ndarray) -> np.ndarray | None:
        return locked(self.syllabus, self._lacking)[np.arange(len(items)), items]


class ServedStep(NextStep):
    """As the API gives steps: what was done stays away, but for a review that is due, and for practice where
    a concept is not mastered and nothing new teaches it: of the items done, the one done longest ago."""

    def rules(self, beliefs: Beliefs, learners: np.ndarray) -> Rules:
        done = np.isfinite(self.item_at[learners])
        open_ = ~locked(self.syllabus, self._lacking)
        used_up = ~((open_ & ~done).astype(np.float32) @ self.syllabus.teaches.astype(np.float32) > 0)
        wanted = self._lacking & used_up
        if beliefs.recall is not None and beliefs.since_concept is not None:
            wanted |= (beliefs.recall < self.aims.recall_target) & np.isfinite(beliefs.since_concept)
        again = np.zeros_like(done)
        for concept, teachers in enumerate(self.syllabus.teachers):
            oldest = np.where(done, self.item_at[learners], np.inf)[:, teachers].argmin(axis=1)
            rows = np.flatnonzero(wanted[:, concept] & done[:, teachers].any(axis=1))
            again[rows, np.asarray(teachers)[oldest[rows]]] = True
        blocked = done & ~again
        blocked[~(open_ & ~blocked).any(axis=1)] = False  # by belief all is known: the lesson goes on
        return Rules(blocked=blocked)


@dataclass
class Taught:
    """What became of n learners in `steps` answers. reached: (n,) the answer after which every concept was
    mastered in truth for the first time, inf where it never was. mastered: (steps + 1,) mean number of
    concepts mastered in truth. answered, over, unready, broken: (n,) answers; those on concepts that were all
    mastered in truth; those whose prerequisites were not; those against the teacher's own belief (None: it
    has none); all up to `reached`. final, kept: (n, n_concepts) true mastery at the end and 30 days later;
    unmastered: (n,) concepts at the end. log: (learner, item, correct, seconds) where asked for."""

    reached: np.ndarray
    mastered: np.ndarray
    answered: np.ndarray
    over: np.ndarray
    unready: np.ndarray
    broken: np.ndarray | None
    final: np.ndarray
    kept: np.ndarray
    unmastered: np.ndarray
    slow: np.ndarray
    log: list[tuple[np.ndarray, ...]] = field(default_factory=list)


def teach(
    environment: Environment,
    teacher: Teacher,
    steps: int,
    *,
    log: bool = False,
    advance: Callable[[float], Any] = lambda amount: None,
) -> Taught:
    """Each learner who is still there answers `steps` items. Who is done is not known to the teacher, and
    goes on as the others do. `environment` is changed."""
    n = environment.n_learners
    course = environment.course
    needs = Syllabus.of(
        course.item_ids, course.concept_ids, course.teaches, course.requires, course.minutes
    ).needs
    before = environment.mastered()
    reached = np.where(before.all(axis=1), 0.0, np.inf)
    told = Taught(
        reached=reached,
        mastered=np.zeros(steps + 1),
        answered=np.zeros(n, dtype=int),
        over=np.zeros(n, dtype=int),
        unready=np.zeros(n, dtype=int),
        broken=np.zeros(n, dtype=int),
        final=np.zeros(0),
        kept=np.zeros(0),
        unmastered=np.zeros(0),
        slow=environment.slow.copy(),
    )
    told.mastered[0] = before.sum(axis=1).mean()
    for step in range(1, steps + 1):
        learners = np.flatnonzero(environment.active)
        if len(learners):
            at = environment.seconds(learners)
            items = teacher.choose(learners, at)
            counted = ~np.isfinite(reached[learners])
            lacks = ~before[learners]
            told.answered[learners] += counted
            told.over[learners] += counted & ~(course.teaches[items] & lacks).any(axis=1)
            told.unready[learners] += counted & (needs[items] & lacks).any(axis=1)
            broken = teacher.broken(learners, items)
            if broken is None:
                told.broken = None
            elif told.broken is not None:
                told.broken[learners] += counted & broken
            correct = environment.answer(learners, items)
            teacher.observe(learners, items, correct, at)
            if log:
                told.log.append((learners, items, correct, at))
        before = environment.mastered()
        told.mastered[step] = before.sum(axis=1).mean()
        reached[~np.isfinite(reached) & before.all(axis=1) & environment.active] = step
        advance(1)
    told.unmastered = (~before).sum(axis=1)
    told.final = environment.mastery()
    environment.wait(DAYS_AFTER)
    told.kept = environment.mastery()
    return told


def as_answers(course: Course, log: Sequence[tuple[np.ndarray, ...]]) -> pd.DataFrame:
    """ANSWERS of a log that `teach` kept."""
    learners, items, correct, seconds = (np.concatenate(column) for column in zip(*log, strict=True))
    names = np.array([f"sim-{number:07d}" for number in range(int(learners.max(initial=0)) + 1)])
    tuples = np.empty(len(course.item_ids), dtype=object)
    tuples[:] = course.concept_tuples
    return pd.DataFrame(
        {
            "learner_id": pd.array(names[learners], dtype="str"),
            "item_id": pd.array(course.item_ids[items], dtype="str"),
            "concept_ids": tuples[items],
            "correct": correct,
            "duration_s": pd.array([pd.NA] * len(items), dtype="Float64"),
            "occurred_at": pd.to_datetime((seconds * 1e6).astype("int64"), unit="us", utc=True),
        }
    )
