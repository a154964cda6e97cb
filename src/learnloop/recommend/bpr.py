"""BPR: a factorisation that puts what a learner did above what not, pair by pair (Rendle et al. 2009).

    maximise  sum_(u, i done, j not) ln sigmoid(s_ui - s_uj) - reg |theta|^2;   s_ui = x_u . q_i + b_i

Trained by `implicit` in one thread: with more, threads overwrite each other's updates, and no two runs are
equal. Stochastic steps have no closed form, so a learner is folded in by the linear map that best predicts
the trained factors from the items done, fitted once over all training learners (ridge regression):

    x_u = At m_u,   m_u = sum_i w_ui q_i / (sum_i w_ui)^(1/2),   A = (MtM + ridge I)^-1 MtX
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from learnloop.errors import BadInput, ModelUnavailable
from learnloop.recommend.files import load_model, save_model
from learnloop.recommend.ranking import strongest
from learnloop.recommend.signals import matrix, weigh, weighed
from learnloop.schemas import ItemFeatures, Space, Span

SETTINGS = ("factors", "learning_rate", "regularization", "iterations", "seed")
ARRAYS = {"item_factors", "item_biases", "turn", "mean_user"}
RIDGE = 1e-3  # times the mean square length of m_u


class BPR:
    """item_factors: q, (n_items, factors) float32; item_biases: b, (n_items,); turn: A, (factors, factors).

    `iterations` are passes over all pairs done. Equal signals in any row order give equal factors.
    """

    name = "bpr"
    space: ClassVar[Space] = {
        "factors": (32, 64, 128),
        "learning_rate": Span(0.005, 0.2, log=True),
        "regularization": Span(1e-4, 0.1, log=True),
        "iterations": (50, 100, 200),
    }

    def __init__(
        self,
        factors: int = 64,
        learning_rate: float = 0.05,
        regularization: float = 0.01,
        iterations: int = 100,
        seed: int = 0,
    ) -> None:
        """Raises BadInput on values that are not positive."""
        if factors < 1 or iterations < 1:
            raise BadInput("factors and iterations must be at least 1", field="factors")
        if not (learning_rate > 0 and regularization >= 0):
            raise BadInput(
                "learning_rate must be positive, regularization not negative", field="learning_rate"
            )
        self.factors = factors
        self.learning_rate = learning_rate
        self.regularization = regularization
        self.iterations = iterations
        self.seed = seed
        self.item_ids: np.ndarray = np.empty(0, dtype=object)
        none = np.empty((0, factors), np.float32)
        self._take(none, np.empty(0, np.float32), np.zeros((factors, factors)), np.zeros(factors, np.float32))

    def fit(self, signals: pd.DataFrame, features: ItemFeatures | None = None) -> Self:
        """Weights count in the fold-in, not in training. Raises NothingToDo without signals, BadInput."""
        from implicit.cpu.bpr import BayesianPersonalizedRanking
        from threadpoolctl import threadpool_limits

        done, _, self.item_ids = matrix(signals)
        model = BayesianPersonalizedRanking(
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.iterations,
            num_threads=1,
            random_state=self.seed,
        )
        with threadpool_limits(1, "blas"):  # also: the sums below must not depend on the number of cores
            model.fit(done.astype(np.float32), show_progress=False)
            items, users = model.item_factors.astype(float), model.user_factors[:, :-1].astype(float)
            factors, biases = items[:, :-1], items[:, -1]
            turn = _map(_inputs(done, factors), users)
        self._take(
            np.ascontiguousarray(factors, np.float32),
            biases.astype(np.float32),
            turn,
            users.mean(axis=0).astype(np.float32),
        )
        return self

    def _take(
        self, item_factors: np.ndarray, item_biases: np.ndarray, turn: np.ndarray, mean_user: np.ndarray
    ) -> None:
        self.item_factors, self.item_biases = item_factors, item_biases
        self.turn, self.mean_user = turn, mean_user
        self._column = {item_id: column for column, item_id in enumerate(self.item_ids)}

    def fold_in(self, history: Sequence[str]) -> np.ndarray:
        """x_u, (factors,) float32; the average learner's where the history says nothing."""
        columns, weights = weigh(history, self._column)
        if len(columns) == 0:
            return self.mean_user
        added = (weights @ self.item_factors[columns].astype(float)) / np.sqrt(weights.sum())
        return (added @ self.turn).astype(np.float32)

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        """(n_histories, n_items) float32: x_u . q_i + b_i."""
        if len(histories) == 1:  # without the sparse matrix, which takes longer than the sum
            return (self.item_factors @ self.fold_in(histories[0]) + self.item_biases)[None, :]
        done = weighed(histories, self._column)
        folded = (_inputs(done, self.item_factors.astype(float)) @ self.turn).astype(np.float32)
        folded[np.diff(done.indptr) == 0] = self.mean_user
        return folded @ self.item_factors.T + self.item_biases

    def contributions(self, history: Sequence[str], item_id: str) -> dict[str, float]:
        """History item -> its part of the score of `item_id`; the parts add up to the score less b_i.

        Empty where either side is unknown.
        """
        columns, weights = weigh(history, self._column)
        if item_id not in self._column or len(columns) == 0:
            return {}
        target = self.turn @ self.item_factors[self._column[item_id]].astype(float)
        parts = weights * (self.item_factors[columns].astype(float) @ target) / np.sqrt(weights.sum())
        return dict(zip(self.item_ids[columns], parts.tolist(), strict=True))

    def explain(self, history: Sequence[str], item_id: str) -> str | None:
        """The history item that adds most to the score of `item_id`, or None where none adds anything."""
        return strongest(self.contributions(history, item_id), item_id)

    @property
    def nbytes(self) -> int:
        held = (self.item_factors, self.item_biases, self.turn, self.mean_user)
        return int(sum(array.nbytes for array in held))

    def save(self, folder: Path) -> None:
        """What scoring needs; no learner's own factors (they are personal data)."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        save_model(folder, self.name, self.item_ids, settings, {name: getattr(self, name) for name in ARRAYS})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable."""
        item_ids, settings, arrays = load_model(folder, cls.name, SETTINGS, ARRAYS)
        model = cls(**settings)
        f = model.factors
        shapes = {"item_factors": (len(item_ids), f), "turn": (f, f), "mean_user": (f,)}
        if any(arrays[name].shape != shape for name, shape in shapes.items()):
            raise ModelUnavailable(f"{folder}: the factors do not have the shape they say", "learnloop train")
        model.item_ids = item_ids
        model._take(arrays["item_factors"], arrays["item_biases"], arrays["turn"], arrays["mean_user"])
        return model


def _inputs(done: csr_matrix, factors: np.ndarray) -> np.ndarray:
    """m_u of every row, (n_learners, factors); 0 for who did nothing."""
    lengths = np.asarray(done.sum(axis=1)).ravel()
    return (done @ factors) / np.sqrt(np.where(lengths > 0, lengths, 1))[:, None]


def _map(inputs: np.ndarray, users: np.ndarray) -> np.ndarray:
    """A = (MtM + ridge I)^-1 MtX, (factors, factors)."""
    gram = inputs.T @ inputs
    ridge = RIDGE * max(float(np.trace(gram)) / len(gram), 1e-12)
    return np.linalg.solve(gram + ridge * np.eye(len(gram)), inputs.T @ users)
