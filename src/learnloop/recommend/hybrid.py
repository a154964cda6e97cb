"""Hybrid: iALS, and a map from what is known of an item to its factors, for items nobody has done yet.

    W = argmin sum_i c_i |y_i - (b + z_i W)|^2 + lambda |W|^2,   c_i = n_i / (n_i + prior_learners)
    y'_i = c_i y_i + (1 - c_i) (b + z_i W)

y_i are the factors of iALS (Hu, Koren & Volinsky 2008), z_i the item's features, n_i the learners who did
it: an item is what its text promises until learners say otherwise (a map from content to factors, as
Gantner et al. 2010 learn it). lambda is the one of PENALTIES with the least leave-one-out error, which ridge
regression has in closed form, so there is nothing to tune by hand. Without features it is iALS.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, ModelUnavailable
from learnloop.recommend.als import IALS
from learnloop.recommend.files import load_model, save_model
from learnloop.schemas import ItemFeatures, Space, Span

SETTINGS = ("factors", "regularization", "alpha", "iterations", "prior_learners", "seed")
PENALTIES = np.logspace(-3, 4, 15)


class Hybrid:
    """item_factors: (n_items, factors) float32, y' of the items done and of all that have features.

    Settings are those of IALS, and prior_learners: so many learners' signals weigh as much as the text.
    A history may hold items that nobody had done in training; they count by their features.
    """

    name = "hybrid"
    space: ClassVar[Space] = {**IALS.space, "prior_learners": Span(0.1, 30.0, log=True)}

    def __init__(
        self,
        factors: int = 128,
        regularization: float = 15.0,
        alpha: float = 2.0,
        iterations: int = 15,
        prior_learners: float = 1.0,
        seed: int = 0,
    ) -> None:
        """Raises BadInput on a number out of range."""
        if not prior_learners > 0:
            raise BadInput(f"prior_learners must be positive, not {prior_learners}", field="prior_learners")
        self.factors, self.regularization, self.alpha = factors, regularization, alpha
        self.iterations, self.prior_learners, self.seed = iterations, prior_learners, seed
        self._als = self._new_als()

    def _new_als(self) -> IALS:
        return IALS(self.factors, self.regularization, self.alpha, self.iterations, self.seed)

    @property
    def item_ids(self) -> np.ndarray:
        """(n_items,) of str, sorted: done by somebody, or described by features."""
        return self._als.item_ids

    @property
    def item_factors(self) -> np.ndarray:
        return self._als.item_factors

    def fit(self, signals: pd.DataFrame, features: ItemFeatures | None = None) -> Self:
        """Raises NothingToDo without signals, BadInput on bad weights or features that are not finite."""
        self._als = self._new_als().fit(signals)
        if features is None or features.matrix.size == 0:
            return self
        if not np.isfinite(features.matrix).all():
            raise BadInput("features: a value is not a finite number", field="features")
        warm_ids, own = self._als.item_ids, self._als.item_factors
        place = pd.Index(warm_ids).get_indexer(features.item_ids)  # -1: nobody did it
        described = np.any(features.matrix != 0, axis=1)
        both = np.flatnonzero((place >= 0) & described)
        if len(both) < 2:
            return self
        counts = signals.groupby("item_id")["learner_id"].size().reindex(warm_ids).to_numpy(float)
        trust = counts / (counts + self.prior_learners)
        z, y, c = (
            np.asarray(part, dtype=float)
            for part in (features.matrix[both], own[place[both]], trust[place[both]])
        )
        mapping, offset = ridge(z, y, c)
        promised = features.matrix @ mapping + offset  # of an item of which nothing is known: the average
        item_ids = np.array(sorted({*warm_ids.tolist(), *features.item_ids.tolist()}), dtype=object)
        at = pd.Index(item_ids)
        factors = np.empty((len(item_ids), self.factors), dtype=np.float32)
        factors[at.get_indexer(features.item_ids)] = promised
        factors[at.get_indexer(warm_ids)] = own
        mixed = trust[place[both]][:, None]
        factors[at.get_indexer(features.item_ids[both])] = (
            mixed * own[place[both]] + (1 - mixed) * promised[both]
        )
        self._als.item_ids = item_ids
        self._als.take_factors(self._als.user_factors, factors)
        return self

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        """(n_histories, n_items): x_u . y'_i, x_u folded in as iALS does."""
        return self._als.scores(histories)

    def contributions(self, history: Sequence[str], item_id: str) -> dict[str, float]:
        """History item -> its part of the score of `item_id`, as in IALS."""
        return self._als.contributions(history, item_id)

    def explain(self, history: Sequence[str], item_id: str) -> str | None:
        """The history item that adds most to the score of `item_id`, or None where none adds anything."""
        return self._als.explain(history, item_id)

    def similar(self, item_id: str, k: int = 10) -> pd.DataFrame:
        """The k items nearest by cosine of y', also of an item nobody has done. Raises UnknownThing."""
        return self._als.similar(item_id, k)

    @property
    def nbytes(self) -> int:
        return self._als.nbytes

    def save(self, folder: Path) -> None:
        """The factors y' and the average learner's; no learner's own, and no features."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        arrays = {"item_factors": self._als.item_factors, "mean_user": self._als._mean_user}
        save_model(folder, self.name, self.item_ids, settings, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable."""
        item_ids, settings, arrays = load_model(folder, cls.name, SETTINGS, {"item_factors", "mean_user"})
        model = cls(**settings)
        item_factors, mean_user = arrays["item_factors"], arrays["mean_user"]
        if item_factors.shape != (len(item_ids), model.factors) or mean_user.shape != (model.factors,):
            raise ModelUnavailable(f"{folder}: the factors do not have the shape they say", "learnloop train")
        model._als.item_ids = item_ids
        model._als._take(item_factors, mean_user)
        return model


def ridge(features: np.ndarray, wanted: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(W, b) of wanted_i ~ b + features_i W, squared errors weighted; shapes (n, f), (n, d), (n,).

    The penalty with the least leave-one-out error: sum_i c_i |r_i / (1 - h_i)|^2 with the residuals r and
    the diagonal h of the hat matrix (Golub, Heath & Wahba 1979, eq. 1.4).
    """
    share = weights / weights.sum()
    z_mean, y_mean = share @ features, share @ wanted
    root = np.sqrt(weights)[:, None]
    a, y = root * (features - z_mean), root * (wanted - y_mean)
    values, vectors = np.linalg.eigh(a.T @ a)
    values = np.maximum(values, 0)
    rotated = a @ vectors
    target = rotated.T @ y
    errors = []
    for penalty in PENALTIES:
        fitted = rotated @ (target / (values + penalty)[:, None])
        hat = (rotated**2 / (values + penalty)).sum(axis=1) + share
        errors.append(float((((y - fitted) / np.maximum(1 - hat, 1e-6)[:, None]) ** 2).sum()))
    penalty = PENALTIES[int(np.argmin(errors))]
    mapping = vectors @ (target / (values + penalty)[:, None])
    return mapping, y_mean - z_mean @ mapping
