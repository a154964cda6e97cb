"""The questions of a placement, and what is known before anybody answers: levels, prerequisites, an ability.

A learner has an ability theta and stands, on each concept, on one of a few levels; a level is P(correct) on
an average question of the concept, and from `mastered_at` on it is mastered. Going through the concepts,
prerequisites first, with b the band of the weakest prerequisite (weak, half, mastered):

    P(level_c | theta, b)    = prior[c, b, theta]                       a table, (n_levels,)
    P(correct on i | levels) = sigmoid(logit(level) - difficulty_i)     kept within [guess_i, 1 - slip_i]

where the level of a question of several concepts is that of the weakest of them. With two levels this is the
knowledge space with slips (Doignon & Falmagne 1985) and the DINA model (Junker & Sijtsma 2001) under a
higher-order ability (de la Torre & Douglas 2004); with more it is item response theory by grades.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, NothingToDo

LEVELS = (0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.88, 0.95)
MASTERED_AT = 0.85
ABILITIES = np.array([-1.6, -0.8, 0.0, 0.8, 1.6])
ABILITY_SHARES = np.array([0.11, 0.22, 0.34, 0.22, 0.11])
BANDS = 3  # of the weakest prerequisite: below HALF, below mastered, mastered (or there is none)
HALF = 0.6
GUESS, SLIP = 0.02, 0.02
SMALLEST = 1e-6  # P of a level
USUAL_SHIFTS = (-2.0, -1.0, 0.5)  # logits, by band
MOST_EASINESS = 1.5  # logits away from the usual that a concept is taken to be


@dataclass(frozen=True)
class Bank:
    """item_ids (n_items,), concept_ids (n_concepts,), teaches (n_items, n_concepts) bool, requires
    (n_concepts, n_concepts) bool [concept, prerequisite] without cycles, difficulty, guess and slip
    (n_items,); levels (n_levels,) rising; prior (n_concepts, BANDS, n_abilities, n_levels), sums to 1 over
    levels."""

    item_ids: np.ndarray
    concept_ids: np.ndarray
    teaches: np.ndarray
    requires: np.ndarray
    difficulty: np.ndarray  # logits, 0: an average question of its concept
    guess: np.ndarray
    slip: np.ndarray
    levels: np.ndarray = field(default_factory=lambda: np.array(LEVELS))
    mastered_at: float = MASTERED_AT
    prior: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(
        cls,
        item_concepts: pd.DataFrame,
        prerequisites: pd.DataFrame | None = None,
        difficulties: pd.DataFrame | None = None,
        easiness: pd.DataFrame | None = None,
        *,
        levels: tuple[float, ...] = LEVELS,
        mastered_at: float = MASTERED_AT,
        guess: float = GUESS,
        slip: float = SLIP,
    ) -> Self:
        """item_concepts: item_id, concept_id; prerequisites: concept_id, requires_id (an edge to a concept
        without a question is left out); difficulties: item_id, difficulty in logits, as a tracer tells them;
        they are taken relative to the mean of the concept's questions. easiness: concept_id, easiness, the
        logit of a new learner's P(correct) on an average question, which moves what is believed of the
        concept before any answer. Raises NothingToDo without a question, BadInput for prerequisites in a
        circle.
        """
        if item_concepts.empty:
            raise NothingToDo("no question has a concept, so there is nothing to place a learner on")
        item_ids, items = _sorted_codes(item_concepts["item_id"])
        concept_ids, concepts = _sorted_codes(item_concepts["concept_id"])
        teaches = np.zeros((len(item_ids), len(concept_ids)), dtype=bool)
        teaches[items, concepts] = True
        requires = np.zeros((len(concept_ids), len(concept_ids)), dtype=bool)
        if prerequisites is not None:
            place = {concept: i for i, concept in enumerate(concept_ids.tolist())}
            for one, other in zip(prerequisites["concept_id"], prerequisites["requires_id"], strict=True):
                if one in place and other in place:
                    requires[place[one], place[other]] = True
        harder = np.zeros(len(item_ids))
        if difficulties is not None:
            known = difficulties.set_index("item_id")["difficulty"]
            harder = known.reindex(item_ids).fillna(known.mean()).to_numpy(dtype=float)
        shift = None
        if easiness is not None:
            told = easiness.set_index("concept_id")["easiness"].reindex(concept_ids).fillna(USUAL_SHIFTS[-1])
            away = told.to_numpy(dtype=float) - USUAL_SHIFTS[-1]
            shift = np.clip(away, -MOST_EASINESS, MOST_EASINESS)
        n, steps = len(item_ids), np.array(levels, dtype=float)
        return cls(
            item_ids,
            concept_ids,
            teaches,
            requires,
            centred(harder, teaches),
            np.full(n, guess),
            np.full(n, slip),
            steps,
            mastered_at,
            usual_prior(len(concept_ids), steps, shift=shift),
        )

    def __post_init__(self) -> None:
        if not self.teaches.any(axis=1).all():
            raise BadInput("a question of the bank has no concept", field="teaches")
        if not (np.diff(self.levels) > 0).all() or not self.levels[0] < self.mastered_at <= self.levels[-1]:
            raise BadInput("levels rise, and some but not all of them are mastered", field="levels")
        if not self.prior.size:
            object.__setattr__(self, "prior", usual_prior(len(self.concept_ids), self.levels))
        _ = self.order  # a circle is found now, not in the middle of a test

    @cached_property
    def order(self) -> np.ndarray:
        """(n_concepts,) concept numbers, prerequisites first. Raises BadInput for a circle."""
        waiting, order = self.requires.sum(axis=1), list[int]()
        free = np.flatnonzero(waiting == 0).tolist()
        while free:
            concept = free.pop(0)
            order.append(concept)
            after = np.flatnonzero(self.requires[:, concept])
            waiting[after] -= 1
            free += after[waiting[after] == 0].tolist()
        if len(order) < len(self.concept_ids):
            left = sorted(set(range(len(self.concept_ids))) - set(order))
            raise BadInput(f"prerequisites in a circle, at {self.concept_ids[left[0]]}", field="requires")
        return np.array(order, dtype=np.int64)

    @cached_property
    def places(self) -> dict[str, int]:
        return {item_id: place for place, item_id in enumerate(self.item_ids.tolist())}

    @cached_property
    def parents(self) -> list[np.ndarray]:
        return [np.flatnonzero(row) for row in self.requires]

    @cached_property
    def children(self) -> list[np.ndarray]:
        return [np.flatnonzero(column) for column in self.requires.T]

    @cached_property
    def concepts_of(self) -> list[np.ndarray]:
        return [np.flatnonzero(row) for row in self.teaches]

    @cached_property
    def several(self) -> np.ndarray:
        """(n_items,) bool: the question has several concepts."""
        return self.teaches.sum(axis=1) > 1

    @cached_property
    def top(self) -> int:
        """The first level that is mastered."""
        return int(np.searchsorted(self.levels, self.mastered_at))

    @cached_property
    def bands(self) -> np.ndarray:
        """(n_levels,) band of each level of a weakest prerequisite."""
        found = (self.levels >= HALF).astype(np.int64)
        found[self.top :] = BANDS - 1
        return found

    @cached_property
    def curves(self) -> np.ndarray:
        """(n_items, n_levels) P(correct)."""
        x = np.log(self.levels / (1 - self.levels)) - self.difficulty[:, None]
        return np.clip(1 / (1 + np.exp(-x)), self.guess[:, None], 1 - self.slip[:, None])

    @cached_property
    def log_curves(self) -> np.ndarray:
        """(2, n_items, n_levels) log P of a wrong and of a right answer."""
        return np.stack([np.log1p(-self.curves), np.log(self.curves)])

    @cached_property
    def log_prior(self) -> np.ndarray:
        return np.log(self.prior)

    def weakest(self, levels: np.ndarray, concepts: np.ndarray) -> np.ndarray:
        """(n,) the lowest of these concepts' levels, the highest level for none; levels: (n, n_concepts)."""
        best = len(self.levels) - 1
        return levels[:, concepts].min(axis=1, initial=best) if len(concepts) else np.full(len(levels), best)

    def to_dict(self) -> dict[str, Any]:
        """JSON. Pairs of numbers instead of the two matrices."""
        lists = ("item_ids", "concept_ids", "difficulty", "guess", "slip", "levels")
        return {
            **{name: getattr(self, name).tolist() for name in lists},
            "teaches": np.argwhere(self.teaches).tolist(),
            "requires": np.argwhere(self.requires).tolist(),
            "mastered_at": self.mastered_at,
            # one table where all concepts share it
            "prior": np.round(self.prior[: 1 if (self.prior == self.prior[0]).all() else None], 6).tolist(),
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        n_items, n_concepts = len(found["item_ids"]), len(found["concept_ids"])
        prior = np.maximum(np.array(found["prior"], dtype=float), SMALLEST)  # rounding made some of them 0
        prior = np.broadcast_to(prior, (n_concepts, *prior.shape[1:]))
        return cls(
            np.array(found["item_ids"], dtype=object),
            np.array(found["concept_ids"], dtype=object),
            _matrix(found["teaches"], (n_items, n_concepts)),
            _matrix(found["requires"], (n_concepts, n_concepts)),
            np.array(found["difficulty"], dtype=float),
            np.array(found["guess"], dtype=float),
            np.array(found["slip"], dtype=float),
            np.array(found["levels"], dtype=float),
            float(found["mastered_at"]),
            prior / prior.sum(axis=-1, keepdims=True),
        )

    def without_graph(self) -> Self:
        """The same questions, no prerequisites, and no ability that concepts share: each is on its own."""
        alone = np.einsum("cbtg,t->cg", self.prior[:, -1:], ABILITY_SHARES)
        prior = np.broadcast_to(alone[:, None, None, :], self.prior.shape).copy()
        return replace(self, requires=np.zeros_like(self.requires), prior=prior)


def usual_prior(
    n_concepts: int,
    levels: np.ndarray,
    loading: float = 1.0,
    sd: float = 1.2,
    shift: np.ndarray | None = None,
) -> np.ndarray:
    """(n_concepts, BANDS, n_abilities, n_levels) before any data: logit(level) is about
    N(shift_c + USUAL_SHIFTS[band] + loading · theta, sd^2); shift: (n_concepts,), none is 0."""
    x = np.log(levels / (1 - levels))
    centre = np.array(USUAL_SHIFTS)[:, None] + loading * ABILITIES
    centre = centre + (np.zeros(n_concepts) if shift is None else shift)[:, None, None]
    p = np.exp(-(((x - centre[..., None]) / sd) ** 2) / 2) * np.gradient(x)
    found: np.ndarray = 0.98 * p / p.sum(axis=-1, keepdims=True) + 0.02 / len(levels)
    return found


def centred(difficulty: np.ndarray, teaches: np.ndarray) -> np.ndarray:
    """Less the mean of the questions that ask for the same concept alone; of several, the mean over
    concepts."""
    single = teaches & (teaches.sum(axis=1) == 1)[:, None]
    n = single.sum(axis=0)
    mean = np.where(n > 0, difficulty @ single / np.maximum(n, 1), difficulty.mean())
    return difficulty - teaches @ mean / teaches.sum(axis=1)


def _matrix(pairs: list[list[int]], shape: tuple[int, int]) -> np.ndarray:
    made = np.zeros(shape, dtype=bool)
    if pairs:
        made[tuple(np.array(pairs, dtype=np.int64).T)] = True
    return made


def _sorted_codes(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    names, codes = np.unique(values.to_numpy(dtype=object).astype(str), return_inverse=True)
    return names.astype(object), codes
