"""Items with one or several concepts as (item, concept) pairs, for arithmetic over many learners."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class ItemPairs:
    """m pairs in the items' order; every item has at least one concept."""

    items: np.ndarray  # (m,)
    concepts: np.ndarray  # (m,)
    starts: np.ndarray  # (n_items,) the first pair of each item
    counts: np.ndarray  # (n_items,)

    @classmethod
    def of(cls, concepts_of: Sequence[Sequence[int]]) -> Self:
        counts = np.array([len(concepts) for concepts in concepts_of], dtype=np.int64)
        flat = np.array([c for concepts in concepts_of for c in concepts], dtype=np.int64)
        items = np.repeat(np.arange(len(counts)), counts)
        return cls(items, flat, np.cumsum(counts) - counts, counts)

    def of_items(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(rows, pairs) of the items asked for: which of `items`, and which pair."""
        counts = self.counts[items]
        rows = np.repeat(np.arange(len(items)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        return rows, self.starts[items][rows] + within

    def sum(self, values: np.ndarray) -> np.ndarray:
        """(k, m) -> (k, n_items)"""
        if len(self.items) == len(self.counts):  # a concept an item
            return values
        return np.add.reduceat(values, self.starts, axis=1)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """(k, m) -> (k, n_items)"""
        return self.sum(values) / self.counts
