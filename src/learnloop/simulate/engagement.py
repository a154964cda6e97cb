"""Family `engagement`: a hidden state decides whether a learner tries; failing and boredom end it.

Who is engaged answers right with (1 - SLIP) sigmoid(z') and learns: z <- z + rate (TOP - z). Who is not
guesses quickly (QUICK right), learns nothing, and is likelier to leave for good (gaming and disengagement:
Baker et al. 2004; a hidden state of it: Johns & Woolf 2006). With averages over the last five answers or so,
`failing` of wrong answers and `bored` of answers that were nearly sure:

    P(engaged -> not)  = LOSE + BY_FAILING max(0, failing - 0.4) + BY_BOREDOM max(0, bored - 0.5)
    P(not -> engaged)  = BACK; a night brings everybody back, and halves both averages
    P(drops out)       = LEAVE + LEAVE_FAILING max(0, failing - 0.4), LEAVE_IDLE more where not engaged

Overnight, z falls back towards where it began by `forget` of what was gained.
"""

from typing import Any, ClassVar

import numpy as np

from learnloop.simulate.course import Course
from learnloop.simulate.environment import Environment, Outcome, sigmoid
from learnloop.simulate.streams import ndtri

PACE = 0.35
TOP = 3.4
SLIP, QUICK = 0.03, 0.25
KEEP = 0.8  # of an average, at each answer
LOSE, BY_FAILING, BY_BOREDOM = 0.005, 0.3, 0.2
BACK = 0.15
LEAVE, LEAVE_FAILING, LEAVE_IDLE = 0.0001, 0.003, 0.004
SURE = 0.93


class Engagement(Environment):
    """mastered: P of MASTERED or more for one who tries, as `mastery`; `p_correct` is of the state now.

    engaged (n,) bool. `concepts` has start (logits), rate and forget (shares). leave is a factor on
    P(drops out).
    """

    family: ClassVar[str] = "engagement"

    def __init__(
        self,
        course: Course,
        n_learners: int,
        seed: int,
        *,
        rate: float | None = None,
        forget: float | None = None,
        leave: float = 1.0,
        start_sd: float = 0.8,
        pace_sd: float = 1.0,
        **shared: Any,
    ) -> None:
        super().__init__(course, n_learners, seed, **shared)
        n, rng = self._c, self._rng
        rates, forgets = rng.beta(12.0, 36.0, n), rng.beta(4.0, 396.0, n)
        self.concepts["start"] = rng.normal(-1.2, 0.4, n)
        self.concepts["rate"] = rates if rate is None else np.full(n, float(rate))
        self.concepts["forget"] = forgets if forget is None else np.full(n, float(forget))
        self.forget, self.leave = self.concepts["forget"].to_numpy(), leave
        able = 0.5 * self.pace[:, None] + np.sqrt(0.75) * ndtri(self._traits_by_concept(1))
        self.start = self.concepts["start"].to_numpy() + start_sd * able
        quick = np.exp(PACE * pace_sd * self.pace)[:, None]
        self.rates = np.minimum(self.concepts["rate"].to_numpy() * quick, 0.9)  # (n, n_concepts)
        self.engaged = np.ones(n_learners, dtype=bool)
        self.failing, self.bored = np.zeros(n_learners), np.zeros(n_learners)
        self.z[:, :n] = self.start

    def _p(self, rows: np.ndarray, logits: np.ndarray) -> np.ndarray:
        return np.where(self.engaged[rows], self._shown(rows, logits), QUICK)

    def _shown(self, rows: np.ndarray, logits: np.ndarray) -> np.ndarray:
        return (1.0 - SLIP) * sigmoid(logits)

    def _learn(
        self, rows: np.ndarray, cols: np.ndarray, teach: np.ndarray, right: np.ndarray, u: np.ndarray
    ) -> None:
        rates = self.rates.ravel().take(rows * self._c + cols)
        z = self._at(rows, cols)
        self.z[rows, cols] = z + teach * self.engaged[rows] * rates * np.maximum(TOP - z, 0.0)

    def _outcomes(self, rows: np.ndarray, col: int, teach: np.ndarray, right: bool) -> list[Outcome]:
        z = self.z[rows, col]
        new = z + teach * self.engaged[rows] * self.rates[rows, col] * np.maximum(TOP - z, 0.0)
        return [(np.ones(len(rows)), {col: new})]

    def _answered(self, rows: np.ndarray, p: np.ndarray, correct: np.ndarray, u: np.ndarray) -> None:
        failing = KEEP * self.failing[rows] + (1.0 - KEEP) * ~correct
        bored = KEEP * self.bored[rows] + (1.0 - KEEP) * (p > SURE)
        strain = np.maximum(failing - 0.4, 0.0)
        lose = LOSE + BY_FAILING * strain + BY_BOREDOM * np.maximum(bored - 0.5, 0.0)
        engaged = self.engaged[rows]
        leave = LEAVE + LEAVE_FAILING * strain + LEAVE_IDLE * ~engaged
        turns = self._own(rows, 2) < np.where(engaged, lose, BACK)
        self.active[rows] = self._own(rows, 3) >= self.leave * leave
        self.engaged[rows] = engaged ^ turns
        self.failing[rows], self.bored[rows] = failing, bored

    def _nights(self, rows: np.ndarray, nights: np.ndarray) -> None:
        kept = (1.0 - self.forget) ** nights[:, None]
        z = self.z[rows, : self._c]
        self.z[rows, : self._c] = self.start[rows] + kept * (z - self.start[rows])
        self.engaged[rows] = True
        self.failing[rows] *= 0.5**nights
        self.bored[rows] *= 0.5**nights
