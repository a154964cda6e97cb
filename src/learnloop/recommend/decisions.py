"""Which of the candidates a learner is shown, in what order, and how probable that was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from learnloop.recommend.exploration import draw, relevance
from learnloop.recommend.policy import Candidates
from learnloop.schemas import Step

CANDIDATES = 50  # the softmax is over so many, or over twice what is shown


@dataclass(frozen=True)
class Decision:
    """candidates: all that could have been shown. shown: (k,) their numbers, first place first;
    probabilities: (k,), of each given the places before it; first: (n,), of each candidate at the first place
    that was open (an instructor's pins come before it, with probability 1)."""

    candidates: list[Step]
    shown: tuple[int, ...]
    probabilities: tuple[float, ...]
    first: tuple[float, ...]

    @property
    def steps(self) -> list[Step]:
        return [self.candidates[number] for number in self.shown]

    @property
    def propensity(self) -> float:
        """The probability of the list: the product of the conditional ones."""
        return float(np.prod(self.probabilities))


def wanted(k: int, temperature: float, diversity: float) -> int:
    """How many candidates a decision over k places needs."""
    return max(2 * k, CANDIDATES) if temperature > 0 or diversity > 0 else k


def decide(
    found: Candidates,
    k: int,
    rng: np.random.Generator,
    temperature: float = 0.0,
    diversity: float = 0.0,
    likeness: Callable[[Sequence[str]], np.ndarray] | None = None,
) -> Decision:
    """k of the candidates. With both knobs at 0 their own order, for certain. likeness: item_ids -> (n, n).

    The same candidates, knobs and state of `rng` give the same decision.
    """
    steps, pins = found.steps, min(found.fixed, k)
    fixed = tuple(range(pins))
    if temperature == 0 and diversity == 0:
        shown = tuple(range(min(k, len(steps))))
        first = tuple(float(number <= found.fixed) for number in range(len(steps)))
        return Decision(steps, shown, (1.0,) * len(shown), first)
    rest = steps[found.fixed :]
    alike = likeness([step.item_id for step in rest]) if likeness is not None and diversity > 0 else None
    values = relevance(np.array([step.score for step in rest]))
    drawn = draw(values, k - pins, rng, temperature, diversity, alike)
    return Decision(
        steps,
        (*fixed, *(found.fixed + drawn.order).tolist()),
        (*(1.0,) * pins, *drawn.probabilities.tolist()),
        (*(1.0,) * found.fixed, *drawn.first.tolist()),
    )
