"""Family `memory`: what is learnt fades, and fades the slower the better the practice was spaced.

    z[i, c] = start_ic + A R     R = 2^(-t / h), t nights since the last practice, h the half-life in nights

Practice adds to what is left and brings back SAVED of what had faded (savings: Ebbinghaus 1885); it makes the
half-life longer only by as much as had faded (the spacing effect: Cepeda et al. 2006; half-lives: Settles &
Meeder 2016):

    A <- min(A (R + SAVED (1 - R)) + step_c exp(PACE pace_i), MOST)
    h <- h (1 + SPACING (1 - R)) after a right answer, FAILED of that growth after a wrong one

Practising again on the same day (R = 1) leaves h as it is. Without prerequisites all but SAVED is UNREADY.
"""

from typing import Any, ClassVar

import numpy as np

from learnloop.simulate.course import Course
from learnloop.simulate.environment import Environment, Outcome
from learnloop.simulate.streams import ndtri

PACE = 0.3
SAVED = 0.6
SPACING = 2.5
FAILED = 0.4
MOST = 5.0  # logits
HALF_LIFE, LONGEST = 6.0, 365.0  # nights


class Memory(Environment):
    """mastered: P of MASTERED or more. `concepts` has start and step (logits) and half_life (nights)."""

    family: ClassVar[str] = "memory"

    def __init__(
        self,
        course: Course,
        n_learners: int,
        seed: int,
        *,
        step: float | None = None,
        half_life: float | None = None,
        start_sd: float = 0.8,
        pace_sd: float = 1.0,
        **shared: Any,
    ) -> None:
        super().__init__(course, n_learners, seed, **shared)
        n, rng = self._c, self._rng
        steps, lives = rng.lognormal(np.log(0.8), 0.25, n), rng.lognormal(np.log(HALF_LIFE), 0.3, n)
        self.concepts["start"] = rng.normal(-1.2, 0.4, n)
        self.concepts["step"] = steps if step is None else np.full(n, float(step))
        self.concepts["half_life"] = lives if half_life is None else np.full(n, float(half_life))
        able = 0.5 * self.pace[:, None] + np.sqrt(0.75) * ndtri(self._traits_by_concept(1))
        self.start = self.concepts["start"].to_numpy() + start_sd * able
        quick = np.exp(PACE * pace_sd * self.pace)[:, None]
        self.steps = self.concepts["step"].to_numpy() * quick  # (n, n_concepts), as all that follow
        self.half_life = self.concepts["half_life"].to_numpy() * quick
        self.amount = np.zeros((n_learners, n))
        self.idle = np.zeros((n_learners, n))  # nights since the last practice
        self.z[:, :n] = self.start

    def recall(self) -> np.ndarray:
        """(n, n_concepts) R: the share of what was learnt that is left."""
        return np.exp2(-self.idle / self.half_life)

    def _learn(
        self, rows: np.ndarray, cols: np.ndarray, teach: np.ndarray, right: np.ndarray, u: np.ndarray
    ) -> None:
        place = rows * self._c + cols
        amount, grown = self._practised(place, teach)
        growth = (grown - 1.0) * np.where(right, 1.0, FAILED)
        half_life = np.minimum(self.half_life.ravel().take(place) * (1.0 + growth), LONGEST)
        np.put(self.amount, place, amount)
        np.put(self.half_life, place, half_life)
        np.put(self.idle, place, 0.0)
        self.z[rows, cols] = self.start.ravel().take(place) + amount

    def _outcomes(self, rows: np.ndarray, col: int, teach: np.ndarray, right: bool) -> list[Outcome]:
        amount, _ = self._practised(rows * self._c + col, teach)
        return [(np.ones(len(rows)), {col: self.start[rows, col] + amount})]

    def _practised(self, place: np.ndarray, teach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """New A, and by what h grows after a right answer; place: flat places in (n, n_concepts)."""
        amount = self.amount.ravel().take(place)
        faded = 1.0 - np.exp2(-self.idle.ravel().take(place) / self.half_life.ravel().take(place))
        left = amount * (1.0 - (1.0 - SAVED) * faded)
        new = np.minimum(left + teach * self.steps.ravel().take(place), np.maximum(left, MOST))
        return new, 1.0 + SPACING * faded * teach * (amount > 0)

    def _nights(self, rows: np.ndarray, nights: np.ndarray) -> None:
        self.idle[rows] += nights[:, None]
        recall = np.exp2(-self.idle[rows] / self.half_life[rows])
        self.z[rows, : self._c] = self.start[rows] + self.amount[rows] * recall
