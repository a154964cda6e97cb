"""Items a learner, for many learners: arrays inside, a mapping to lists or sets outside.

    learners ["ana", "ben"], names ["loops", "lists"], codes [1, 0, 1], ends [2, 3]
        -> {"ana": ["lists", "loops"], "ben": ["lists"]}

A list or a set is made when it is asked for: a hundred thousand of them take seconds and hundreds of MB.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from itertools import chain
from typing import Generic, Self, TypeVar

import numpy as np
import pandas as pd

T = TypeVar("T", bound=Collection[str])


def distinct(keys: np.ndarray) -> np.ndarray:
    """np.unique of whole numbers, which hashes them first: ten times slower on millions."""
    found = np.sort(keys)
    return found[np.r_[True, found[1:] != found[:-1]]] if len(found) else found


class Grouped(Mapping[str, T], Generic[T]):
    """learners: (n,) distinct. codes: (total,) places in `names`, learner by learner. sizes: (n,) of them."""

    def __init__(
        self,
        learners: np.ndarray,
        sizes: np.ndarray,
        codes: np.ndarray,
        names: np.ndarray,
        made: Callable[[list[str]], T],
    ) -> None:
        self.learners, self.sizes, self.codes, self.names, self._made = learners, sizes, codes, names, made
        self._ends = np.cumsum(sizes)

    @classmethod
    def of(cls, found: Mapping[str, T], learners: Collection[str], made: Callable[[list[str]], T]) -> Self:
        """`found` of these learners, in their order: itself where that is what it is."""
        wanted = np.fromiter(learners, dtype=object, count=len(learners))
        if isinstance(found, cls) and np.array_equal(found.learners, wanted):
            return found
        items = [found[learner] for learner in learners]
        sizes = np.fromiter(map(len, items), dtype=np.int64, count=len(items))
        codes, names = pd.factorize(np.array([*chain.from_iterable(items)], dtype=object))
        return cls(wanted, sizes, codes, names, made)

    @property
    def rows(self) -> np.ndarray:
        """(total,) the learner's row of each code."""
        return np.repeat(np.arange(len(self.learners)), self.sizes)

    def __getitem__(self, learner: str) -> T:
        row = self._places[learner]
        end = self._ends[row]
        return self._made(self.names[self.codes[end - self.sizes[row] : end]].tolist())

    def __iter__(self) -> Iterator[str]:
        return iter(self.learners.tolist())

    def __len__(self) -> int:
        return len(self.learners)

    def __contains__(self, learner: object) -> bool:
        return learner in self._places

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.learners.tolist())}
