"""The questions of a placement, and what is known before anybody answers: a knowledge space with an ability.

A learner has an ability theta ~ N(0, 1) and has or has not mastered each concept c (m_c is 1 or 0):

    P(m_c = 1 | all prerequisites mastered, theta) = sigmoid(base_c + loading · theta)
    P(m_c = 1 | otherwise)                         = leak
    P(correct on i | all concepts of i mastered)   = 1 - slip_i
    P(correct on i | otherwise)                    = guess_i

The states of such a graph are a knowledge space with slips (Doignon & Falmagne 1985); the answers are those
of the DINA model (Junker & Sijtsma 2001), and the ability that couples the concepts is the higher-order
factor of de la Torre & Douglas (2004).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, NothingToDo

GUESS, SLIP, LEAK = 0.2, 0.1, 0.05
LEAST_GAP = 0.1  # P(correct | mastered) is above P(correct | not) by so much: an answer says something
ABILITIES = np.linspace(-2.5, 2.5, 11)  # the grid of theta
_DENSITY = np.exp(-(ABILITIES**2) / 2)
ABILITY_SHARES = _DENSITY / _DENSITY.sum()


@dataclass(frozen=True)
class Bank:
    """item_ids (n_items,), concept_ids (n_concepts,), teaches (n_items, n_concepts) bool, requires
    (n_concepts, n_concepts) bool [concept, prerequisite] without cycles, guess and slip (n_items,), base
    (n_concepts,) in logits."""

    item_ids: np.ndarray
    concept_ids: np.ndarray
    teaches: np.ndarray
    requires: np.ndarray
    guess: np.ndarray
    slip: np.ndarray
    base: np.ndarray
    loading: float = 1.0
    leak: float = LEAK

    @classmethod
    def of(
        cls,
        item_concepts: pd.DataFrame,
        prerequisites: pd.DataFrame | None = None,
        difficulties: pd.DataFrame | None = None,
        *,
        guess: float = GUESS,
        slip: float = SLIP,
    ) -> Self:
        """item_concepts: item_id, concept_id; prerequisites: concept_id, requires_id (an edge to a concept
        without an item is left out); difficulties: item_id, difficulty in logits, 0 the average, as a tracer
        tells them. A question harder by d is guessed right less and slipped on more:

            guess_i = sigmoid(logit(guess) - d),  1 - slip_i = sigmoid(logit(1 - slip) - d)

        Before any data every concept is mastered by half of those who could. Raises NothingToDo without an
        item, BadInput for a cycle.
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
            harder = known.reindex(item_ids).fillna(0.0).to_numpy(dtype=float)
        guesses, right = _sigmoid(_logit(guess) - harder), _sigmoid(_logit(1 - slip) - harder)
        return cls(
            *(item_ids, concept_ids, teaches, requires, guesses, 1 - right),
            base=np.zeros(len(concept_ids)),
        )

    def __post_init__(self) -> None:
        if not self.teaches.any(axis=1).all():
            raise BadInput("a question of the bank has no concept", field="teaches")
        gap = 1 - self.slip - self.guess
        if not (gap >= LEAST_GAP / 2).all():
            raise BadInput("a question that is no easier once it is mastered tells nothing", field="slip")
        self.order.size  # noqa: B018  (a cycle is found now, not in the middle of a test)

    @cached_property
    def order(self) -> np.ndarray:
        """(n_concepts,) concept numbers, prerequisites first. Raises BadInput for a cycle."""
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
    def log_odds(self) -> np.ndarray:
        """(2, n_items): log P(answer | mastered) / P(answer | not), of a wrong and of a right answer."""
        return np.stack([np.log(self.slip / (1 - self.guess)), np.log((1 - self.slip) / self.guess)])

    def ready(self, mastered: np.ndarray, concept: int) -> np.ndarray:
        """(n,) whether all prerequisites of `concept` are mastered; mastered: (n, n_concepts) bool."""
        return mastered[:, self.parents[concept]].all(axis=1)

    def able(self, mastered: np.ndarray) -> np.ndarray:
        """(n, n_items) bool: whether every concept of the item is mastered."""
        lacking = (~mastered).astype(np.float32) @ self.teaches.T.astype(np.float32)
        return lacking < 0.5

    def restricted(self, concept_ids: set[str]) -> "Bank":
        """Questions on these concepts alone; a prerequisite outside is taken out of the graph."""
        kept = np.isin(self.concept_ids, sorted(concept_ids))
        asked = self.teaches[:, kept].any(axis=1) & ~self.teaches[:, ~kept].any(axis=1)
        if not asked.any():
            raise NothingToDo("no question asks for these concepts alone")
        return replace(
            self,
            item_ids=self.item_ids[asked],
            concept_ids=self.concept_ids[kept],
            teaches=self.teaches[np.ix_(asked, kept)],
            requires=self.requires[np.ix_(kept, kept)],
            guess=self.guess[asked],
            slip=self.slip[asked],
            base=self.base[kept],
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON. Pairs of numbers instead of the two matrices."""
        return {
            "item_ids": self.item_ids.tolist(),
            "concept_ids": self.concept_ids.tolist(),
            "teaches": np.argwhere(self.teaches).tolist(),
            "requires": np.argwhere(self.requires).tolist(),
            **{name: getattr(self, name).tolist() for name in ("guess", "slip", "base")},
            "loading": self.loading,
            "leak": self.leak,
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        n_items, n_concepts = len(found["item_ids"]), len(found["concept_ids"])
        return cls(
            np.array(found["item_ids"], dtype=object),
            np.array(found["concept_ids"], dtype=object),
            _matrix(found["teaches"], (n_items, n_concepts)),
            _matrix(found["requires"], (n_concepts, n_concepts)),
            *(np.array(found[name], dtype=float) for name in ("guess", "slip", "base")),
            loading=float(found["loading"]),
            leak=float(found["leak"]),
        )


def _matrix(pairs: list[list[int]], shape: tuple[int, int]) -> np.ndarray:
    made = np.zeros(shape, dtype=bool)
    if pairs:
        made[tuple(np.array(pairs, dtype=np.int64).T)] = True
    return made


def _sorted_codes(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    names, codes = np.unique(values.to_numpy(dtype=object).astype(str), return_inverse=True)
    return names.astype(object), codes


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.clip(1 / (1 + np.exp(-x)), 0.02, 0.98)
