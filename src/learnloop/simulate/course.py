"""A course of concepts with prerequisites, and items that practise them, planted.

item_id        concepts              difficulty  minutes
sim:c003-i07   sim:c003 sim:c001           0.41      2.6
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from learnloop.errors import BadInput

BACK = 6  # a prerequisite is one of the so many concepts before
NEEDS = (0.2, 0.5, 0.3)  # chance of 0, 1, 2 prerequisites
CONCEPT_SD, ITEM_SD = 0.4, 0.6  # of difficulties, logits


@dataclass(frozen=True)
class Course:
    """item_ids (n_items,), concept_ids (n_concepts,) of str; teaches (n_items, n_concepts) bool, one or two
    concepts an item; requires (n_concepts, n_concepts) bool, requires[c, p]: p comes before c, acyclic;
    difficulty (n_items,) logits; minutes (n_items,), of one answer.
    """

    item_ids: np.ndarray
    concept_ids: np.ndarray
    teaches: np.ndarray
    requires: np.ndarray
    difficulty: np.ndarray
    minutes: np.ndarray

    def __post_init__(self) -> None:
        per_item = self.teaches.sum(axis=1)
        if not len(per_item) or per_item.min() < 1 or per_item.max() > 2:
            raise BadInput("each item of a simulated course has one or two concepts", field="teaches")
        if not self.teaches.any(axis=0).all():
            raise BadInput("each concept of a simulated course has an item", field="teaches")
        reach = self.requires.astype(np.int64)
        for _ in range(len(self.requires)):
            reach = np.minimum(self.requires @ reach, 1)
        if reach.any():
            raise BadInput("the prerequisites of a simulated course go round in a circle", field="requires")

    @cached_property
    def concepts_of(self) -> np.ndarray:
        """(n_items, 2) concept numbers, the larger first; n_concepts where there is no second."""
        found = np.full((len(self.item_ids), 2), len(self.concept_ids))
        for i, row in enumerate(self.teaches):
            codes = np.flatnonzero(row)
            found[i, : len(codes)] = codes[::-1]
        return found

    @cached_property
    def average_difficulty(self) -> np.ndarray:
        """(n_concepts,) mean difficulty of the items that practise a concept."""
        share = self.teaches / self.teaches.sum(axis=0)
        return self.difficulty @ share

    @cached_property
    def concept_tuples(self) -> list[tuple[str, ...]]:
        """The concept_ids of each item, as ANSWERS holds them."""
        n = len(self.concept_ids)
        return [tuple(str(self.concept_ids[c]) for c in pair if c < n) for pair in self.concepts_of]

    @cached_property
    def order(self) -> np.ndarray:
        """(n_concepts,) every concept after its prerequisites; the smallest number first where free."""
        waiting = self.requires.copy()
        left = np.ones(len(waiting), dtype=bool)
        found = []
        while left.any():
            c = int(np.flatnonzero(left & ~waiting.any(axis=1))[0])
            found.append(c)
            left[c] = False
            waiting[:, c] = False
        return np.array(found)

    def items_frame(self) -> pd.DataFrame:
        """item_id, concept_id (joined by ~), difficulty, minutes."""
        joined = ["~".join(concepts) for concepts in self.concept_tuples]
        return pd.DataFrame(
            {
                "item_id": pd.array(self.item_ids, dtype="str"),
                "concept_id": pd.array(joined, dtype="str"),
                "difficulty": self.difficulty,
                "minutes": self.minutes,
            }
        )

    def prerequisites_frame(self) -> pd.DataFrame:
        """concept_id, requires_id; a row an edge."""
        concept, needed = np.nonzero(self.requires)
        return pd.DataFrame(
            {
                "concept_id": pd.array(self.concept_ids[concept], dtype="str"),
                "requires_id": pd.array(self.concept_ids[needed], dtype="str"),
            }
        )


def planted_course(*, n_concepts: int = 20, items_per_concept: int = 8, seed: int) -> Course:
    """Concept numbers are a topological order, but not the only one: one concept in five starts afresh.

    The last item of each concept but the first practises an earlier concept, too, a prerequisite where there
    is one. Raises BadInput for sizes below 1.
    """
    if n_concepts < 1 or items_per_concept < 1 or seed < 0:
        raise BadInput(
            f"no course has {n_concepts} concepts of {items_per_concept} items", field="n_concepts"
        )
    rng = np.random.default_rng([seed, 5])
    requires = np.zeros((n_concepts, n_concepts), dtype=bool)
    for c in range(1, n_concepts):
        before = np.arange(max(0, c - BACK), c)
        size = min(int(rng.choice(len(NEEDS), p=NEEDS)), len(before))
        requires[c, rng.choice(before, size=size, replace=False)] = True
    concept = np.repeat(np.arange(n_concepts), items_per_concept)
    teaches = np.zeros((len(concept), n_concepts), dtype=bool)
    teaches[np.arange(len(concept)), concept] = True
    for c in range(1, n_concepts if items_per_concept > 1 else 1):
        earlier = np.flatnonzero(requires[c]) if requires[c].any() else np.arange(c)
        teaches[(c + 1) * items_per_concept - 1, rng.choice(earlier)] = True
    level = rng.normal(0.0, CONCEPT_SD, n_concepts)
    number = np.tile(np.arange(items_per_concept), n_concepts)
    return Course(
        item_ids=np.array([f"sim:c{c:03d}-i{i:02d}" for c, i in zip(concept, number, strict=True)]),
        concept_ids=np.array([f"sim:c{c:03d}" for c in range(n_concepts)]),
        teaches=teaches,
        requires=requires,
        difficulty=level[concept] + rng.normal(0.0, ITEM_SD, len(concept)),
        minutes=np.round(rng.lognormal(np.log(2.0), 0.4, len(concept)).clip(0.5, 8.0), 1),
    )
