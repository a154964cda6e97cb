"""iALS: implicit-feedback matrix factorisation (Hu, Koren & Volinsky 2008), trained by `implicit`.

    minimise  sum_ui c_ui (p_ui - x_u . y_i)^2 + reg (|x_u|^2 + |y_i|^2)
    p_ui = 1 where the learner did the item, else 0;  c_ui = 1 + alpha w_ui

After training only the item factors are kept on disk: a learner's factors follow from the history by
one small solve, so a learner who arrives today needs no retraining, and erasing one leaves no trace here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import ModelUnavailable, UnknownThing
from learnloop.recommend.files import load_model, save_model
from learnloop.recommend.ranking import top_k
from learnloop.recommend.signals import matrix, weigh
from learnloop.schemas import ItemFeatures, Space, Span

SETTINGS = ("factors", "regularization", "alpha", "iterations", "seed")


class IALS:
    """Factors of shape (n_items, factors); `user_factors` and `learner_ids` live until the process ends.

    regularization and alpha as in the formula; iterations are full sweeps; `seed` sets the start.
    Fitting is single-threaded and equal, bit for bit, for equal signals in any row order.
    """

    name = "ials"
    space: ClassVar[Space] = {
        "factors": (32, 64, 128),
        "regularization": Span(0.1, 100.0, log=True),
        "alpha": Span(0.5, 50.0, log=True),
        "iterations": (10, 15, 20),
    }

    def __init__(
        self,
        factors: int = 64,
        regularization: float = 10.0,
        alpha: float = 4.0,
        iterations: int = 15,
        seed: int = 0,
    ) -> None:
        self.factors = factors
        self.regularization = regularization
        self.alpha = alpha
        self.iterations = iterations
        self.seed = seed
        self.item_ids: np.ndarray = np.empty(0, dtype=object)
        self.learner_ids: np.ndarray = np.empty(0, dtype=object)
        self.user_factors: np.ndarray = np.empty((0, factors))
        self._take(np.empty((0, factors), np.float32), np.zeros(factors, np.float32))

    def fit(self, signals: pd.DataFrame, features: ItemFeatures | None = None) -> Self:
        """Raises NothingToDo without signals, BadInput on bad weights."""
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        weights, self.learner_ids, self.item_ids = matrix(signals)
        confidences = weights.astype(np.float32)
        confidences.data = 1 + self.alpha * confidences.data  # `implicit` takes c, not w
        with threadpool_limits(1, "blas"):  # BLAS threads inside its own loops cost tenfold
            model = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=1.0,
                iterations=self.iterations,
                num_threads=1,
                random_state=self.seed,
            )
            model.fit(confidences, show_progress=False)
        self.user_factors = np.asarray(model.user_factors, dtype=float)
        self._take(np.asarray(model.item_factors), self.user_factors.mean(axis=0).astype(np.float32))
        return self

    def _take(self, item_factors: np.ndarray, mean_user: np.ndarray) -> None:
        """Kept as float32, as trained and saved; computed in float64, so loading changes no score."""
        self._stored = item_factors, mean_user
        self.item_factors = item_factors.astype(float)
        self._mean_user = mean_user.astype(float)
        self._column = {item_id: column for column, item_id in enumerate(self.item_ids)}
        # YtY + reg I, shared by every learner's solve
        self._base = self.item_factors.T @ self.item_factors + self.regularization * np.eye(self.factors)

    def fold_in(self, history: Sequence[str]) -> np.ndarray:
        """x_u, shape (factors,), of a learner with `history`; the average learner where it says nothing."""
        columns, weights = weigh(history, self._column)
        if len(columns) == 0:
            return self._mean_user
        system, confidences = self._system(columns, weights)
        # x_u = (YtY + Yt(C_u - I)Y + reg I)^-1 Yt C_u p_u
        return np.linalg.solve(system, self.item_factors[columns].T @ confidences)

    def _system(self, columns: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        done = self.item_factors[columns]
        confidences = 1 + self.alpha * weights
        return self._base + (done.T * (confidences - 1)) @ done, confidences

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        """(n_histories, n_items): x_u . y_i."""
        folded = np.array([self.fold_in(history) for history in histories])
        return folded.reshape(len(histories), self.factors) @ self.item_factors.T

    def contributions(self, history: Sequence[str], item_id: str) -> dict[str, float]:
        """History item -> its part of the score of `item_id`; the parts add up to the score.

        score_i = sum_j (y_i^T W_u y_j) c_uj with W_u = (YtY + Yt(C_u - I)Y + reg I)^-1 (Hu et al. 2008,
        section 5). Empty where either side is unknown.
        """
        columns, weights = weigh(history, self._column)
        if item_id not in self._column or len(columns) == 0:
            return {}
        system, confidences = self._system(columns, weights)
        weighted = np.linalg.solve(system, self.item_factors[self._column[item_id]])
        parts = (self.item_factors[columns] @ weighted) * confidences
        return dict(zip(self.item_ids[columns], parts.tolist(), strict=True))

    def explain(self, history: Sequence[str], item_id: str) -> str | None:
        """The history item that adds most to the score of `item_id`, or None where none adds anything."""
        parts = {done: part for done, part in self.contributions(history, item_id).items() if done != item_id}
        best = min(parts, key=lambda done: (-parts[done], done), default=None)
        return best if best is not None and parts[best] > 0 else None

    def similar(self, item_id: str, k: int = 10) -> pd.DataFrame:
        """The k items nearest by cosine of their factors: item_id, score in [-1, 1], best first.

        Raises UnknownThing where nobody did `item_id` in training.
        """
        if item_id not in self._column:
            raise UnknownThing(f"the recommender has not seen item {item_id!r}", "learnloop train")
        lengths = np.linalg.norm(self.item_factors, axis=1)
        unit = self.item_factors / np.where(lengths > 0, lengths, 1)[:, None]
        cosines = unit @ unit[self._column[item_id]]
        (nearest,) = top_k(cosines[None, :], self.item_ids, k, [[item_id]])
        return pd.DataFrame(
            {
                "item_id": pd.Series([found for found, _ in nearest], dtype=str),
                "score": pd.Series([score for _, score in nearest], dtype=float),
            }
        )

    @property
    def nbytes(self) -> int:
        return int(self.item_factors.nbytes + self._base.nbytes + self._mean_user.nbytes)

    def save(self, folder: Path) -> None:
        """The item factors and the average learner's; no learner's own (they are personal data)."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        item_factors, mean_user = self._stored
        arrays = {"item_factors": item_factors, "mean_user": mean_user}
        save_model(folder, self.name, self.item_ids, settings, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable."""
        item_ids, settings, arrays = load_model(folder, cls.name, SETTINGS, {"item_factors", "mean_user"})
        model = cls(**settings)
        item_factors, mean_user = arrays["item_factors"], arrays["mean_user"]
        if item_factors.shape != (len(item_ids), model.factors) or mean_user.shape != (model.factors,):
            raise ModelUnavailable(f"{folder}: the factors do not have the shape they say", "learnloop train")
        model.item_ids = item_ids
        model._take(item_factors, mean_user)
        return model
