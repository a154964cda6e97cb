"""An order of candidates, drawn or not, with the probability of what came out.

Plackett & Luce (Plackett 1975): the places are filled one after the other, each from what is left,

    P(i at a place | earlier places) = exp(v_i / temperature) / sum over the left j of exp(v_j / temperature)

with v the value of an item at that place: its relevance, or MMR's value, which depends on the earlier places
(`recommend.diversity`). At temperature 0 the largest value takes the place, and every probability is 1. The
product over the places is the probability of the list. What is logged this way can be weighed by its inverse
to say what another policy would have earned (Horvitz & Thompson 1952).
"""

from dataclasses import dataclass

import numpy as np

from learnloop.errors import BadInput


@dataclass(frozen=True)
class Drawn:
    """order: (k,) candidates by number, first place first; probabilities: (k,), of each given the earlier
    places; first: (n,), of each candidate at the first place."""

    order: np.ndarray
    probabilities: np.ndarray
    first: np.ndarray

    @property
    def propensity(self) -> float:
        """Of the list as a whole."""
        return float(self.probabilities.prod())


def relevance(scores: np.ndarray) -> np.ndarray:
    """scores: (n,). Scaled to [0, 1] within the candidates, so that one temperature and one diversity suit
    any model; 1 for all where all are equal."""
    if len(scores) == 0:
        return scores.astype(float)
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.ones(len(scores))


def draw(
    values: np.ndarray,
    k: int,
    rng: np.random.Generator,
    temperature: float = 0.0,
    diversity: float = 0.0,
    likeness: np.ndarray | None = None,
) -> Drawn:
    """At most k of n candidates in order.

    values: (n,) relevance, larger is better; temperature in their unit. diversity in [0, 1] is 1 - lambda of
    MMR and needs likeness: (n, n) in [0, 1]. Ties at temperature 0 go to the earlier candidate. Draws exactly
    one number a place, none at temperature 0. Raises BadInput on a knob outside its range.
    """
    if not 0 <= diversity <= 1:
        raise BadInput(f"diversity must lie between 0 and 1, not {diversity}", field="diversity")
    if not (np.isfinite(temperature) and temperature >= 0):
        raise BadInput(f"a temperature must be 0 or more, not {temperature}", field="temperature")
    n = len(values)
    left, nearest = np.ones(n, dtype=bool), np.zeros(n)
    order, probabilities, first = [], [], np.zeros(n)
    for place in range(max(min(k, n), 0)):
        # MMR(i) = (1 - d) relevance_i - d max over the chosen j of sim(i, j)
        worth = (1 - diversity) * values - diversity * nearest
        chances = _chances(worth, left, temperature)
        if temperature == 0:
            taken = int(chances.argmax())
        else:
            reached = np.cumsum(chances)
            taken = int(np.flatnonzero(reached > rng.random() * reached[-1])[0])
        if place == 0:
            first = chances
        order.append(taken)
        probabilities.append(float(chances[taken]))
        left[taken] = False
        if likeness is not None and diversity > 0:
            nearest = np.maximum(nearest, likeness[taken])
    return Drawn(np.array(order, dtype=int), np.array(probabilities, dtype=float), first)


def _chances(worth: np.ndarray, left: np.ndarray, temperature: float) -> np.ndarray:
    """(n,), adding up to 1; 0 for what is not left."""
    open_to = np.where(left, worth, -np.inf)
    chances = np.zeros(len(worth))
    if temperature == 0:
        chances[int(open_to.argmax())] = 1.0
        return chances
    chances = np.exp((open_to - open_to.max()) / temperature)
    return np.asarray(chances / chances.sum(), dtype=float)
