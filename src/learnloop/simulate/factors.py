"""Family `irt`: item response with learning by additive factors (AFM: Cen, Koedinger & Junker 2006).

    z[i, c] = ability_i + easiness_c + head_start_ic + slope_c exp(PACE pace_i) T_ic

T counts the opportunities (one without its prerequisites counts UNREADY); nothing is forgotten. Of two
concepts, an item asks for the mean.
"""

from typing import Any, ClassVar

import numpy as np

from learnloop.simulate.course import Course
from learnloop.simulate.environment import Environment, Outcome
from learnloop.simulate.streams import ndtri

PACE = 0.35
CEILING = 4.0  # logits: nobody is always right


class Factors(Environment):
    """mastered: P of MASTERED or more. `concepts` has easiness and slope (logits, a whole opportunity).

    The sd parameters are of ability, of the head start and (0 or 1) of pace; 0 makes learners alike.
    """

    family: ClassVar[str] = "irt"
    joined: ClassVar[str] = "mean"

    def __init__(
        self,
        course: Course,
        n_learners: int,
        seed: int,
        *,
        slope: float | None = None,
        easiness: float | None = None,
        ability_sd: float = 0.8,
        head_start_sd: float = 0.8,
        pace_sd: float = 1.0,
        **shared: Any,
    ) -> None:
        super().__init__(course, n_learners, seed, **shared)
        n = self._c
        slopes, ease = self._rng.lognormal(np.log(0.45), 0.3, n), self._rng.normal(-0.9, 0.5, n)
        self.concepts["easiness"] = ease if easiness is None else np.full(n, float(easiness))
        self.concepts["slope"] = slopes if slope is None else np.full(n, float(slope))
        # the quick are abler, too: correlation .5
        self.ability = ability_sd * (0.5 * self.pace + np.sqrt(0.75) * self._trait(1))
        self.slopes = self.concepts["slope"].to_numpy() * np.exp(PACE * pace_sd * self.pace)[:, None]
        head_start = head_start_sd * ndtri(self._traits_by_concept(1))
        self.z[:, :n] = self.ability[:, None] + self.concepts["easiness"].to_numpy() + head_start

    def _learn(
        self, rows: np.ndarray, cols: np.ndarray, teach: np.ndarray, right: np.ndarray, u: np.ndarray
    ) -> None:
        steps = self.slopes.ravel().take(rows * self._c + cols)
        self.z[rows, cols] = _grown(self._at(rows, cols), teach * steps)

    def _outcomes(self, rows: np.ndarray, col: int, teach: np.ndarray, right: bool) -> list[Outcome]:
        new = _grown(self.z[rows, col], teach * self.slopes[rows, col])
        return [(np.ones(len(rows)), {col: new})]

    def _planted(self) -> dict[str, np.ndarray]:
        return {"ability": self.ability}


def _grown(z: np.ndarray, step: np.ndarray) -> np.ndarray:
    return np.maximum(z, np.minimum(z + step, CEILING))
