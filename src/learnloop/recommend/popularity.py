"""Popularity: the same ranking for everyone, by how many learners did each item. The bar to clear."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.recommend.files import load_model, save_model
from learnloop.recommend.signals import matrix
from learnloop.schemas import ItemFeatures, Space


class Popularity:
    """score(item) = share of the training learners who did it; item_ids: (n_items,), sorted."""

    name = "popularity"
    space: ClassVar[Space] = {}

    def __init__(self) -> None:
        self.item_ids: np.ndarray = np.empty(0, dtype=object)
        self.n_learners = 0
        self.item_learners: np.ndarray = np.empty(0, dtype=np.int64)  # (n_items,) learners who did it

    def fit(self, signals: pd.DataFrame, features: ItemFeatures | None = None) -> Self:
        """Raises NothingToDo without signals."""
        weights, learner_ids, self.item_ids = matrix(signals)
        self.n_learners = len(learner_ids)
        self.item_learners = weights.getnnz(axis=0).astype(np.int64)
        return self

    @property
    def counts(self) -> dict[str, int]:
        """item_id -> learners who did it."""
        return dict(zip(self.item_ids, self.item_learners.tolist(), strict=True))

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        """(n_histories, n_items), in [0, 1]."""
        return np.tile(self.item_learners / max(self.n_learners, 1), (len(histories), 1))

    @property
    def nbytes(self) -> int:
        return int(self.item_learners.nbytes)

    def save(self, folder: Path) -> None:
        settings = {"n_learners": self.n_learners}
        save_model(folder, self.name, self.item_ids, settings, {"item_learners": self.item_learners})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable."""
        model = cls()
        model.item_ids, settings, arrays = load_model(folder, cls.name, {"n_learners"}, {"item_learners"})
        model.n_learners, model.item_learners = settings["n_learners"], arrays["item_learners"]
        return model
