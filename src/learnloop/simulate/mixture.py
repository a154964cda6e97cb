"""Family `mixture`: learners of several kinds with heavy tails; none of our models is of this form.

- gradual (40%): z <- z + rate (TOP - z), as most curves of learning;
- insight (30%): nothing shows until the concept falls into place, all at once (Bower & Trabasso 1964);
- plateau (30%): quick progress to P = .57, and there it stays until an insight.

Abilities and paces are Student's t with three degrees of freedom. Two in five concepts have a rival: practice
of one lowers the other while it is not FIRM (interference: Underwood 1957). One learner in ten forgets six
times as fast as the others; P is LAPSE to 1 - LAPSE, whatever is known.
"""

from typing import Any, ClassVar

import numpy as np
import pandas as pd

from learnloop.simulate.course import Course
from learnloop.simulate.environment import Environment, Outcome, logit, sigmoid
from learnloop.simulate.streams import ndtri

KINDS = ("gradual", "insight", "plateau")
SHARES = (0.4, 0.7)  # cumulative
TOP, HIGH, PLATEAU = 3.4, 3.0, 0.3
RATE, CLIMB = 0.25, 0.4
INSIGHT, AGAIN = 0.22, 0.6  # chance of falling into place; of coming back where it has been in place before
INTERFERENCE, FIRM = 0.4, float(logit(0.88))  # logits; above FIRM nothing disturbs
RIVALS = 0.4
FORGET, FORGETFUL, SO_MANY = 0.006, 6.0, 0.1
LAPSE = 0.03


class Mixture(Environment):
    """mastered: P of MASTERED or more. kind (n,) places in KINDS; rival (n_concepts,), itself where none."""

    family: ClassVar[str] = "mixture"

    def __init__(self, course: Course, n_learners: int, seed: int, **shared: Any) -> None:
        super().__init__(course, n_learners, seed, **shared)
        from scipy.special import ndtr, stdtrit

        n = self._c
        self.kind = np.searchsorted(SHARES, ndtr(self._trait(1)), side="right")
        heavy = [stdtrit(3, ndtr(self._trait(number))).clip(-6.0, 6.0) for number in (2, 0)]
        self.ability, quick = 0.4 * heavy[0], np.exp(0.25 * heavy[1])  # number 0 is pace: its sign stays
        self.rates = np.minimum(RATE * quick, 0.9)
        self.insight = np.minimum(INSIGHT * quick, 0.9)
        self.forget = FORGET * np.where(ndtr(self._trait(3)) < SO_MANY, FORGETFUL, 1.0)
        self.rival = _rivals(course, self._rng)
        self.concepts["start"] = self._rng.normal(-1.2, 0.4, n)
        self.concepts["rival_id"] = pd.array(course.concept_ids[self.rival], dtype="str")
        head_start = 0.8 * ndtri(self._traits_by_concept(1))
        self.start = self.concepts["start"].to_numpy() + self.ability[:, None] + head_start
        self.z[:, :n] = self.start

    def _p(self, rows: np.ndarray, logits: np.ndarray) -> np.ndarray:
        return LAPSE + (1.0 - 2.0 * LAPSE) * sigmoid(logits)

    _shown = _p

    def _learn(
        self, rows: np.ndarray, cols: np.ndarray, teach: np.ndarray, right: np.ndarray, u: np.ndarray
    ) -> None:
        chance, jumped, stayed = self._moved(rows, cols, teach)
        disturbed = self.rival[cols] != cols
        rows_r, rivals = rows[disturbed], self.rival[cols[disturbed]]
        self.z[rows_r, rivals] = self._disturbed(rows_r, rivals, teach[disturbed])
        self.z[rows, cols] = np.where(u < chance, jumped, stayed)

    def _outcomes(self, rows: np.ndarray, col: int, teach: np.ndarray, right: bool) -> list[Outcome]:
        chance, jumped, stayed = self._moved(rows, np.full(len(rows), col), teach)
        rival = int(self.rival[col])
        lower = {} if rival == col else {rival: self._disturbed(rows, np.full(len(rows), rival), teach)}
        return [(chance, {col: jumped, **lower}), (1.0 - chance, {col: stayed, **lower})]

    def _moved(
        self, rows: np.ndarray, cols: np.ndarray, teach: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Chance of an insight, z after it, z without it."""
        z, kind = self._at(rows, cols), self.kind[rows]
        towards = np.where(kind == 0, TOP, np.where(kind == 2, PLATEAU, z))
        rate = teach * np.where(kind == 0, self.rates[rows], CLIMB)
        stayed = z + rate * np.maximum(towards - z, 0.0)
        chance = np.where(z > PLATEAU + 0.2, AGAIN, self.insight[rows])
        waits = (kind == 0) | ((kind == 2) & (z < PLATEAU - 0.4))
        return np.where(waits, 0.0, teach * chance), np.maximum(z, HIGH), stayed

    def _disturbed(self, rows: np.ndarray, cols: np.ndarray, teach: np.ndarray) -> np.ndarray:
        """z of the rival: lower, but not below where it began, and not where it is firm."""
        z = self._at(rows, cols)
        start = self.start.ravel().take(rows * self._c + cols)
        return np.where(z < FIRM, np.maximum(np.minimum(z, start), z - INTERFERENCE * teach), z)

    def _nights(self, rows: np.ndarray, nights: np.ndarray) -> None:
        kept = (1.0 - self.forget[rows]) ** nights
        z = self.z[rows, : self._c]
        self.z[rows, : self._c] = self.start[rows] + kept[:, None] * (z - self.start[rows])

    def _planted(self) -> dict[str, np.ndarray]:
        return {
            "ability": self.ability,
            "kind": np.array(KINDS, dtype=object)[self.kind],
            "forget": self.forget,
        }


def _rivals(course: Course, rng: np.random.Generator) -> np.ndarray:
    """(n_concepts,) pairs of concepts that no item practises together; itself where a concept has none."""
    n = len(course.concept_ids)
    together = course.teaches.T.astype(int) @ course.teaches.astype(int) > 0
    rival = np.arange(n)
    for c in rng.permutation(n):
        free = np.flatnonzero((rival == np.arange(n)) & ~together[c])
        if rival[c] == c and len(free) and np.mean(rival != np.arange(n)) < RIVALS:
            rival[c] = rng.choice(free)
            rival[rival[c]] = c
    return rival
