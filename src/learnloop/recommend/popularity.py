"""Popularity: the same ranking for everyone, by how many learners did each item. The bar to clear.

    score_i = sum_u 2^(-(t_end - at_ui) / (half_life * (t_end - t_start)))  /  n_learners

over the learners u who did i; without a half-life every pair counts 1. `half_life` is a share of the time
that the training data span: with 0.1, what was done a tenth of it before the end counts half.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import BadInput
from learnloop.recommend.files import load_model, save_model
from learnloop.recommend.signals import matrix
from learnloop.schemas import ItemFeatures, Space

SETTINGS = ("half_life", "n_learners")


class Popularity:
    """item_learners: (n_items,) learners who did each; item_weights: the same, decayed by age."""

    name = "popularity"
    space: ClassVar[Space] = {"half_life": (None, 0.02, 0.05, 0.1, 0.25, 0.5)}

    def __init__(self, half_life: float | None = None) -> None:
        """Raises BadInput on a half-life that is not positive."""
        if half_life is not None and not half_life > 0:
            raise BadInput(f"half_life must be positive or None, not {half_life}", field="half_life")
        self.half_life = half_life
        self.item_ids: np.ndarray = np.empty(0, dtype=object)
        self.n_learners = 0
        self.item_learners: np.ndarray = np.empty(0, dtype=np.int64)
        self.item_weights: np.ndarray = np.empty(0)

    def fit(self, signals: pd.DataFrame, features: ItemFeatures | None = None) -> Self:
        """Raises NothingToDo without signals. Without `at` nothing decays."""
        weights, learner_ids, self.item_ids = matrix(signals)
        self.n_learners = len(learner_ids)
        self.item_learners = weights.getnnz(axis=0).astype(np.int64)
        self.item_weights = self.item_learners.astype(float)
        if self.half_life is not None and "at" in signals:
            column = pd.Index(self.item_ids).get_indexer(signals["item_id"])
            at = signals["at"].to_numpy(float)
            order = np.lexsort([at, column])  # one order of adding up, whatever that of the rows
            decayed = _decay(at[order], self.half_life)
            self.item_weights = np.bincount(column[order], decayed, minlength=len(self.item_ids))
        return self

    @property
    def counts(self) -> dict[str, int]:
        """item_id -> learners who did it, whenever that was."""
        return dict(zip(self.item_ids, self.item_learners.tolist(), strict=True))

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        """(n_histories, n_items), in [0, 1]."""
        return np.tile(self.item_weights / max(self.n_learners, 1), (len(histories), 1))

    @property
    def nbytes(self) -> int:
        return int(self.item_learners.nbytes + self.item_weights.nbytes)

    def save(self, folder: Path) -> None:
        settings = {name: getattr(self, name) for name in SETTINGS}
        arrays = {"item_learners": self.item_learners, "item_weights": self.item_weights}
        save_model(folder, self.name, self.item_ids, settings, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable."""
        item_ids, settings, arrays = load_model(folder, cls.name, SETTINGS, {"item_learners", "item_weights"})
        model = cls(settings["half_life"])
        model.item_ids, model.n_learners = item_ids, settings["n_learners"]
        model.item_learners, model.item_weights = arrays["item_learners"], arrays["item_weights"]
        return model


def _decay(at: np.ndarray, half_life: float) -> np.ndarray:
    """2^(-age / (half_life * span)); 1 where everything happened at one moment."""
    ages = at.max() - at
    span = ages.max()
    return np.exp2(-ages / (half_life * span)) if span > 0 else np.ones(len(at))
