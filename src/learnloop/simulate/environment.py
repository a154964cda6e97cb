"""What every family of simulated learners shares: a clock, streams of numbers, prerequisites that gate.

z[i, c] (logits) is where learner i stands on concept c: P(correct) on an average item of it is sigmoid(z).
A family says how z begins, what practice does to it (`_learn`) and what a night does (`_nights`). In all:

    z'  = z_c - GAP where a prerequisite of c does not hold (P below READY), else z_c
    P   = sigmoid(joined z' of the item's concepts - (difficulty - average difficulty of its concepts))

and practice of a concept whose prerequisite does not hold teaches UNREADY of what it would. A day has
`per_day` answers and then a night; the clock moves by the item's minutes between them.
"""

import copy
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import BadInput
from learnloop.simulate.course import Course
from learnloop.simulate.streams import learner_keys, mixed, normal, two_uniforms, u64, uniform

GAP = 0.8  # logits
UNREADY = 0.05
READY = 0.7  # P(correct) at which a concept holds what is built on it
MASTERED = 0.85
EPOCH = pd.Timestamp("2026-01-05T08:00:00Z")  # day 0 of every learner
DUMMY = 30.0  # z of the concept number n_concepts, "no second concept": always held
TRAITS, ANSWERS, NIGHTS = range(3)  # purposes of a learner's numbers

# chance (m,) and the z (m,) of each concept it touches: what practice may come to
Outcome = tuple[np.ndarray, dict[int, np.ndarray]]


class Environment:
    """n_learners learners (numbers first .. first + n_learners - 1) of one family in a course.

    day (n,) float: each learner's clock, in days since EPOCH; grows with each answer. active (n,) bool: False
    once dropped out. slow (n,) bool: the planted slower half, `pace` below 0. A learner's own stream of
    numbers decides the learner's fate: two policies, copies and other numbers of learners meet the same ones.
    """

    family: ClassVar[str] = ""
    joined: ClassVar[str] = "weaker"  # of two concepts, the weaker decides; or their "mean"

    def __init__(
        self, course: Course, n_learners: int, seed: int, *, first: int = 0, per_day: int = 20
    ) -> None:
        if n_learners < 1 or seed < 0 or first < 0 or per_day < 1:
            raise BadInput(f"cannot simulate {n_learners} learners with seed {seed}", field="n_learners")
        self.course, self.n_learners, self.seed, self.first = course, n_learners, seed, first
        self.per_day = per_day
        self._keys = [learner_keys(seed, first, n_learners, purpose) for purpose in range(3)]
        self._rng = np.random.default_rng([seed, *self.family.encode()])  # the concepts' parameters
        self.pace = self._trait(0)
        self.slow = self.pace < 0.0
        self.day = np.zeros(n_learners)
        self.active = np.ones(n_learners, dtype=bool)
        self.count = np.zeros(n_learners, dtype=np.int64)  # answers so far
        self._today = np.zeros(n_learners, dtype=np.int64)  # answers of this day
        self.concepts = pd.DataFrame({"concept_id": pd.array(course.concept_ids, dtype="str")})
        self._c = len(course.concept_ids)
        self._first_of, self._second_of = course.concepts_of.T.copy()
        level = course.average_difficulty @ course.teaches.T / course.teaches.sum(axis=1)
        self._offset = course.difficulty - level
        self._needs = _padded(course.requires)
        self._requires = course.requires.astype(np.float32)
        self.z = np.full((n_learners, self._c + 1), DUMMY)

    # What a policy may do.

    def answer(
        self, learners: np.ndarray, items: np.ndarray, at_day: np.ndarray | float | None = None
    ) -> np.ndarray:
        """(m,) bool, right or wrong, of learners (m,), each at most once, on items (m,). Practice happens.

        at_day: the clocks of these learners first go on to that day (what is earlier than now does nothing).
        Who has dropped out answers nothing, wrong, and learns nothing. Raises BadInput.
        """
        learners, items = np.asarray(learners), np.asarray(items)
        if len(learners) != len(items) or len(np.unique(learners)) != len(learners):
            raise BadInput("one item for each learner, and each learner once", field="learners")
        correct = np.zeros(len(learners), dtype=bool)
        live = np.flatnonzero(self.active[learners])
        rows, asked = learners[live], items[live]
        if at_day is not None:
            self._go_on(rows, np.broadcast_to(np.asarray(at_day, dtype=float), learners.shape)[live])
        correct[live], _ = self._step(rows, asked)
        return correct

    def answer_all(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n,) bool and its true P (n,): `answer` of every learner, items (n,) in their order.

        Who has dropped out answers wrong, with P 0.
        """
        if self.active.all():
            return self._step(np.arange(self.n_learners), items)
        rows = np.flatnonzero(self.active)
        correct, p = np.zeros(self.n_learners, dtype=bool), np.zeros(self.n_learners)
        correct[rows], p[rows] = self._step(rows, items[rows])
        return correct, p

    def wait(self, days: float) -> None:
        """Everybody's clock goes on, and what is forgotten overnight is forgotten."""
        self._go_on(np.arange(self.n_learners), self.day + days)

    def copy(self) -> Self:
        """The same learners at the same point; they go separate ways from here."""
        other = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(other, name, value.copy())
        return other

    # The truth.

    def mastery(self) -> np.ndarray:
        """(n, n_concepts) true P(correct) now on an item of the concept alone, of its average difficulty."""
        rows = np.arange(self.n_learners)
        return self._shown(rows[:, None], self._effective(rows))

    def mastered(self) -> np.ndarray:
        """(n, n_concepts) bool: true P(correct) on an average item is MASTERED or more."""
        return self.mastery() >= MASTERED

    def ready(self) -> np.ndarray:
        """(n, n_concepts) bool: every prerequisite holds, so that practice teaches."""
        return self._missing(self.z[:, : self._c]) == 0

    def p_correct(self, learners: np.ndarray) -> np.ndarray:
        """(m, n_items) true P(correct) of each item now; 0 for who has dropped out."""
        rows = np.asarray(learners)
        z = np.c_[self._effective(rows), np.full(len(rows), np.nan)]
        logits = self._join(z[:, self._first_of], z[:, self._second_of]) - self._offset
        return self._p(rows[:, None], logits) * self.active[rows, None]

    def gain(self, learners: np.ndarray) -> np.ndarray:
        """(m, n_items) by how much one answer on each item now raises the sum over concepts of `mastery`.

        In expectation; 0 for who has dropped out. The night that may follow is not in it.
        """
        rows = np.asarray(learners)
        sets, which = np.unique(self.course.concepts_of, axis=0, return_inverse=True)
        by_set = np.stack([self._gain_of(rows, [int(c) for c in pair if c < self._c]) for pair in sets])
        wrong, right = by_set[which, 0].T, by_set[which, 1].T
        return (wrong + self.p_correct(rows) * (right - wrong)) * self.active[rows, None]

    def seconds(self, learners: np.ndarray) -> np.ndarray:
        """(m,) seconds since 1970 of each learner's clock."""
        return EPOCH.timestamp() + self.day[learners] * 86_400.0

    def learners_frame(self) -> pd.DataFrame:
        """learner_id, pace, slow, active, answers: what was planted in each learner, and how it went."""
        frame = pd.DataFrame({"learner_id": self.learner_ids(), "pace": self.pace, "slow": self.slow})
        for name, values in self._planted().items():
            frame[name] = values
        return frame.assign(active=self.active, answers=self.count)

    def learner_ids(self) -> pd.Series:
        """(n,) "sim-0000012", by number."""
        numbers = range(self.first, self.first + self.n_learners)
        return pd.Series([f"sim-{number:07d}" for number in numbers], dtype="str")

    # What a family says.

    def _learn(
        self, rows: np.ndarray, cols: np.ndarray, teach: np.ndarray, right: np.ndarray, u: np.ndarray
    ) -> None:
        """Practice of concept cols[k] by learner rows[k]. teach: 1, or UNREADY; u: a number in [0, 1)."""
        raise NotImplementedError

    def _outcomes(self, rows: np.ndarray, col: int, teach: np.ndarray, right: bool) -> list[Outcome]:
        """The same for the truth: what may come of it, with its chance."""
        raise NotImplementedError

    def _nights(self, rows: np.ndarray, nights: np.ndarray) -> None:
        """nights (m,) > 0 whole nights pass for learners rows."""

    def _p(self, rows: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """P(correct) of learners `rows`, which broadcast against logits."""
        return sigmoid(logits)

    def _shown(self, rows: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """The same for one who tries."""
        return sigmoid(logits)

    def _answered(self, rows: np.ndarray, p: np.ndarray, correct: np.ndarray, u: np.ndarray) -> None:
        """After the answer, before the night: moods and drop-out."""

    def _planted(self) -> dict[str, np.ndarray]:
        """More columns of `learners_frame`."""
        return {}

    # How it is done.

    def _step(self, rows: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`answer` of learners who are there, unchecked, and its true P."""
        answer_u, learn_u = two_uniforms(mixed(self._keys[ANSWERS][rows] + (self.count[rows] << 2).view(u64)))
        one, two = self._first_of[items], self._second_of[items]
        ready = self._is_ready(rows, one)
        z = self._at(rows, one)
        z -= GAP * ~ready
        both = np.flatnonzero(two < self._c)
        if len(both):
            rows_2, cols_2 = rows[both], two[both]
            ready_2 = self._is_ready(rows_2, cols_2)
            z[both] = self._join(z[both], self._at(rows_2, cols_2) - GAP * ~ready_2)
        z -= self._offset[items]
        p = self._p(rows, z)
        correct = answer_u < p
        self._learn(rows, one, np.where(ready, 1.0, UNREADY), correct, learn_u)
        if len(both):
            u = self._own(rows_2, 1)
            self._learn(rows_2, cols_2, np.where(ready_2, 1.0, UNREADY), correct[both], u)
        self._answered(rows, p, correct, learn_u)
        self.count[rows] += 1
        self._today[rows] += 1
        self.day[rows] += self.course.minutes[items] / 1440.0
        over = rows[self._today[rows] >= self.per_day]
        if len(over):
            self._go_on(over, np.floor(self.day[over]) + 1.0)
        return correct, p

    def _go_on(self, rows: np.ndarray, to: np.ndarray) -> None:
        later = to > self.day[rows]
        rows, to = rows[later], to[later]
        nights = (np.floor(to) - np.floor(self.day[rows])).astype(np.int64)
        over = np.flatnonzero(nights)
        if len(over):
            self._nights(rows[over], nights[over])
            self._today[rows[over]] = 0
        self.day[rows] = to

    def _own(self, rows: np.ndarray, number: int) -> np.ndarray:
        """Another of this answer's numbers in (0, 1): number is 1, 2 or 3."""
        return uniform(mixed(self._keys[ANSWERS][rows] + (self.count[rows] << 2).view(u64) + u64(number)))

    def _trait(self, number: int) -> np.ndarray:
        """(n,) N(0, 1), by learner: number is below 64."""
        return normal(mixed(self._keys[TRAITS] + u64(number)))

    def _traits_by_concept(self, number: int) -> np.ndarray:
        """(n, n_concepts) in (0, 1), by learner and concept: number is 1, 2, …"""
        places = np.arange(self._c, dtype=u64) + u64((number << 32) + 64)
        return uniform(mixed(self._keys[TRAITS][:, None] + places))

    def _at(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """z of pairs."""
        return self.z.ravel().take(rows * (self._c + 1) + cols)

    def _is_ready(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        ready = np.ones(len(rows), dtype=bool)
        for needed in self._needs:
            ready &= self._at(rows, needed[cols]) >= HELD
        return ready

    def _missing(self, z: np.ndarray) -> np.ndarray:
        """(m, n_concepts) how many prerequisites do not hold."""
        return (z < HELD).astype(np.float32) @ self._requires.T

    def _effective(self, rows: np.ndarray) -> np.ndarray:
        """(m, n_concepts) z less GAP where a prerequisite is missing."""
        z = self.z[rows, : self._c]
        return z - GAP * (self._missing(z) > 0)

    def _join(self, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        """two: NaN where an item has no second concept."""
        if self.joined == "mean":
            return np.where(np.isnan(two), one, 0.5 * (one + two))
        return np.fmin(one, two)

    def _gain_of(self, rows: np.ndarray, concepts: Sequence[int]) -> np.ndarray:
        """(2, m) expected increase of the sum of mastery by practising `concepts`: wrong, right."""
        z = self.z[rows, : self._c]
        missing = self._missing(z)
        touched = np.zeros(self._c, dtype=bool)
        found = np.zeros((2, len(rows)))
        for right in (False, True):
            branches: list[Outcome] = [(np.ones(len(rows)), {})]
            for c in concepts:
                teach = np.where(missing[:, c] == 0, 1.0, UNREADY)
                outcomes = self._outcomes(rows, c, teach, right)
                branches = [(p * q, {**one, **two}) for p, one in branches for q, two in outcomes]
            touched[[c for _, changes in branches for c in changes]] = True
            # only what is practised, what it disturbs and what is built on these can change
            near = np.flatnonzero(touched | self.course.requires[:, touched].any(axis=1))
            before = self._shown(rows[:, None], z[:, near] - GAP * (missing[:, near] > 0)).sum(axis=1)
            for chance, changes in branches:
                after, lost = z[:, near].copy(), missing[:, near].copy()
                for c, new in changes.items():
                    after[:, near == c] = new[:, None]
                    turned = (new < HELD).astype(np.float32) - (z[:, c] < HELD)
                    lost += turned[:, None] * self._requires[near, c]
                shown = self._shown(rows[:, None], after - GAP * (lost > 0)).sum(axis=1)
                found[int(right)] += chance * (shown - before)
        return found


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    x = np.exp(-np.asarray(x, dtype=float).clip(-40.0, 40.0))
    x += 1.0
    return 1.0 / x


def logit(p: np.ndarray | float) -> np.ndarray:
    """log(p / (1 - p))."""
    return np.log(np.asarray(p) / (1.0 - np.asarray(p)))


HELD = float(logit(READY))


def _padded(requires: np.ndarray) -> list[np.ndarray]:
    """The k-th prerequisite of each concept, (n_concepts + 1,) each; n_concepts where there is none."""
    n = len(requires)
    most = int(requires.sum(axis=1).max(initial=0))
    needs = np.full((most, n + 1), n)
    for c in range(n):
        codes = np.flatnonzero(requires[c])
        needs[: len(codes), c] = codes
    return list(needs)
