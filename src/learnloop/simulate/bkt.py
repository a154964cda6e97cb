"""Family `bkt`: a concept is known or not (Corbett & Anderson 1994), and forgotten overnight.

Practice of what is not known teaches it with p_learn, by pace: logit p_learn + PACE pace_i. Each night a
known concept is forgotten with p_forget. P(correct) is 1 - p_slip or p_guess on an average item.
"""

from typing import Any, ClassVar

import numpy as np

from learnloop.simulate.course import Course
from learnloop.simulate.environment import NIGHTS, Environment, Outcome, logit, sigmoid
from learnloop.simulate.streams import mixed, u64, uniform

PACE = 0.7


class Bkt(Environment):
    """mastered: known. `concepts` has p_init, p_learn, p_slip, p_guess, p_forget (a night).

    A number given for one of these holds for every concept; pace_sd 0 makes all learners alike.
    """

    family: ClassVar[str] = "bkt"

    def __init__(
        self,
        course: Course,
        n_learners: int,
        seed: int,
        *,
        p_init: float | None = None,
        p_learn: float | None = None,
        p_slip: float | None = None,
        p_guess: float | None = None,
        p_forget: float | None = None,
        pace_sd: float = 1.0,
        **shared: Any,
    ) -> None:
        super().__init__(course, n_learners, seed, **shared)
        rng, n = self._rng, self._c
        drawn = {
            "p_init": rng.beta(3.0, 7.0, n),
            "p_learn": rng.beta(6.0, 18.0, n),
            "p_slip": rng.beta(4.0, 46.0, n).clip(0.02, 0.14),
            "p_guess": rng.beta(8.0, 32.0, n).clip(0.05, 0.35),
            "p_forget": rng.beta(3.0, 250.0, n),
        }
        given = (p_init, p_learn, p_slip, p_guess, p_forget)
        for (name, values), fixed in zip(drawn.items(), given, strict=True):
            self.concepts[name] = values if fixed is None else np.full(n, float(fixed))
        self.p_forget = self.concepts["p_forget"].to_numpy()
        self._known_z = logit(1.0 - self.concepts["p_slip"].to_numpy())
        self._guess_z = logit(self.concepts["p_guess"].to_numpy())
        shift = PACE * pace_sd * self.pace[:, None]
        self.p_learn = sigmoid(logit(self.concepts["p_learn"].to_numpy()) + shift)  # (n, n_concepts)
        knows = self._traits_by_concept(1) < sigmoid(logit(self.concepts["p_init"].to_numpy()) + shift)
        for c in course.order:  # nobody starts out knowing what is built on something unknown
            knows[:, c] &= knows[:, course.requires[c]].all(axis=1)
        self.z[:, :n] = np.where(knows, self._known_z, self._guess_z)

    def known(self) -> np.ndarray:
        """(n, n_concepts) bool."""
        return self.z[:, : self._c] == self._known_z

    def mastered(self) -> np.ndarray:
        """(n, n_concepts) bool: known."""
        return self.known()

    def _learn(
        self, rows: np.ndarray, cols: np.ndarray, teach: np.ndarray, right: np.ndarray, u: np.ndarray
    ) -> None:
        learns = u < teach * self.p_learn.ravel().take(rows * self._c + cols)
        rows, cols = rows[learns], cols[learns]
        self.z[rows, cols] = self._known_z[cols]

    def _outcomes(self, rows: np.ndarray, col: int, teach: np.ndarray, right: bool) -> list[Outcome]:
        learns = teach * self.p_learn[rows, col]
        new = np.full(len(rows), self._known_z[col])
        return [(learns, {col: new}), (1.0 - learns, {col: self.z[rows, col]})]

    def _nights(self, rows: np.ndarray, nights: np.ndarray) -> None:
        # P(still known) = (1 - p_forget)^nights; the numbers are those of the night the learner gets up from
        last = (np.floor(self.day[rows]).astype(np.int64) + nights).view(u64)
        places = last[:, None] * u64(self._c) + np.arange(self._c, dtype=u64)
        u = uniform(mixed(self._keys[NIGHTS][rows][:, None] + places))
        lost = u >= (1.0 - self.p_forget) ** nights[:, None]
        self.z[rows, : self._c] = np.where(lost, self._guess_z, self.z[rows, : self._c])
