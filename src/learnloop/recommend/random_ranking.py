"""A random ranking, the floor: any model that does not beat it has learned nothing."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.recommend.files import load_model, save_model
from learnloop.recommend.signals import matrix
from learnloop.schemas import ItemFeatures, Space


class RandomRanking:
    """Uniform scores drawn from a generator that the seed and the history determine."""

    name = "random"
    space: ClassVar[Space] = {}

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.item_ids: np.ndarray = np.empty(0, dtype=object)

    def fit(self, signals: pd.DataFrame, features: ItemFeatures | None = None) -> Self:
        """Learns only which items there are. Raises NothingToDo without signals."""
        _, _, self.item_ids = matrix(signals)
        return self

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        """(n_histories, n_items), in [0, 1)."""
        known = set(self.item_ids)
        drawn = [
            self._generator([item_id for item_id in history if item_id in known]).random(len(self.item_ids))
            for history in histories
        ]
        return np.array(drawn).reshape(len(histories), len(self.item_ids))

    def _generator(self, history: Sequence[str]) -> np.random.Generator:
        # Not hash(): it is salted anew in every process.
        digest = blake2b("\x1f".join([str(self.seed), *history]).encode(), digest_size=16).digest()
        return np.random.default_rng(int.from_bytes(digest, "big"))

    @property
    def nbytes(self) -> int:
        return 0  # scores are drawn anew

    def save(self, folder: Path) -> None:
        save_model(folder, self.name, self.item_ids, {"seed": self.seed}, {})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable."""
        item_ids, settings, _ = load_model(folder, cls.name, {"seed"}, set())
        model = cls(seed=settings["seed"])
        model.item_ids = item_ids
        return model
