"""iALS: implicit-feedback matrix factorisation (Hu, Koren & Volinsky 2008), trained by `implicit`.

    minimise  sum_ui c_ui (p_ui - x_u . y_i)^2 + reg (|x_u|^2 + |y_i|^2)
    p_ui = 1 where the learner did the item, else 0;  c_ui = 1 + alpha w_ui

reg is one number, as `implicit` takes one a half step; scaling it by how much a learner did (Rendle et al.
2022) would need a solver of our own.

After training only the item factors are kept on disk: a learner's factors follow from the history by
one small solve, so a learner who arrives today needs no retraining, and erasing one leaves no trace here.

With YtY + reg I = R Rt and z_i = R^-1 y_i (`white`), the solve is as small as the history is short:
    R^t x_u = Zt (I + W Z Zt)^-1 c = (I + Zt W Z)^-1 Zt c,   W = C_u - I, over the rows Z of the items done
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from learnloop.errors import BadInput, ModelUnavailable, UnknownThing
from learnloop.recommend.files import load_model, save_model
from learnloop.recommend.ranking import strongest, top_k
from learnloop.recommend.signals import matrix, weigh, weighed
from learnloop.schemas import ItemFeatures, Space, Span

SETTINGS = ("factors", "regularization", "alpha", "iterations", "seed")
BATCH = 256  # learners folded in at a time
WORTH_THREADS = 10_000  # pairs; below, waiting for each other takes threads longer than the work
FOLDED = 4_000_000  # and the numbers gathered for them: 16 MB


class IALS:
    """item_factors: (n_items, factors) float32, by column; `user_factors` and `learner_ids` live until the
    process ends.

    regularization and alpha as in the formula; iterations are full sweeps; `seed` sets the start.
    Fitting uses every core and is equal, bit for bit, for equal signals in any row order: the rows of a
    half step do not depend on each other.
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
        factors: int = 128,
        regularization: float = 15.0,
        alpha: float = 2.0,
        iterations: int = 15,
        seed: int = 0,
    ) -> None:
        """Raises BadInput where regularization is not positive or factors < 1."""
        if not regularization > 0:
            raise BadInput(f"regularization must be positive, not {regularization}", field="regularization")
        if factors < 1:
            raise BadInput(f"factors must be at least 1, not {factors}", field="factors")
        self.factors = factors
        self.regularization = regularization
        self.alpha = alpha
        self.iterations = iterations
        self.seed = seed
        self.item_ids: np.ndarray = np.empty(0, dtype=object)
        self.learner_ids: np.ndarray = np.empty(0, dtype=object)
        self.user_factors: np.ndarray = np.empty((0, factors), np.float32)
        self._take(np.empty((0, factors), np.float32), np.zeros(factors, np.float32))

    def fit(self, signals: pd.DataFrame, features: ItemFeatures | None = None) -> Self:
        """Raises NothingToDo without signals, BadInput on bad weights."""
        return self.fit_matrix(*matrix(signals))

    def fit_matrix(self, weights: csr_matrix, learner_ids: np.ndarray, item_ids: np.ndarray) -> Self:
        """As `fit`, from w of shape (n_learners, n_items) and the names of its rows and columns."""
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        self.learner_ids, self.item_ids = learner_ids, item_ids
        confidences = confidence_matrix(weights, self.alpha)
        with threadpool_limits(1, "blas"):  # BLAS threads inside its own loops cost tenfold
            model = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=1.0,
                iterations=self.iterations,
                num_threads=0 if weights.nnz >= WORTH_THREADS else 1,
                random_state=self.seed,
            )
            model.fit(confidences, show_progress=False)
        return self.take_factors(model.user_factors, model.item_factors)

    def take_factors(self, user_factors: np.ndarray, item_factors: np.ndarray) -> Self:
        """Trained factors of learner_ids and item_ids, (n, factors) float32 each."""
        self.user_factors = user_factors
        self._take(item_factors, user_factors.mean(axis=0, dtype=float).astype(np.float32))
        return self

    def _take(self, item_factors: np.ndarray, mean_user: np.ndarray) -> None:
        from scipy.linalg import solve_triangular

        # By column: the product with one learner's factors, all that a request waits for where there are many
        # items, then takes two thirds of the time (100,000 items: 1.9 ms, by row 2.9).
        self.item_factors, self._mean_user = np.asfortranarray(item_factors), mean_user
        self._column = {item_id: column for column, item_id in enumerate(self.item_ids)}
        exact = np.ascontiguousarray(item_factors, dtype=float)
        base = exact.T @ exact + self.regularization * np.eye(self.factors)  # YtY + reg I, every learner's
        root = np.linalg.cholesky(base)
        self._back = solve_triangular(root, np.eye(self.factors), lower=True)  # R^-1
        self._white = np.ascontiguousarray(exact @ self._back.T, dtype=np.float32)
        lengths = np.sqrt(np.einsum("if,if->i", exact, exact))
        self._per_length = (1 / np.where(lengths > 0, lengths, np.inf)).astype(np.float32)

    def fold_in(self, history: Sequence[str]) -> np.ndarray:
        """x_u, shape (factors,), of a learner with `history`; the average learner where it says nothing."""
        columns, weights = weigh(history, self._column)
        if len(columns) == 0:
            return self._mean_user
        return self._solved(columns[None, :], weights[None, :])[0].astype(np.float32)

    def fold_in_all(self, done: csr_matrix) -> np.ndarray:
        """(n_learners, factors) float32, from the weights (n_learners, n_items) of what they did."""
        folded = np.tile(self._mean_user, (done.shape[0], 1))
        sizes = np.diff(done.indptr)
        order = np.argsort(sizes, kind="stable")  # learners of about equal length are solved at once
        start = int(np.searchsorted(sizes[order], 1))
        while start < len(order):
            widest = sizes[order[min(start + BATCH, len(order)) - 1]]
            rows = order[start : start + max(1, min(BATCH, FOLDED // (int(widest) * self.factors)))]
            folded[rows] = self._solved(*_padded(done, rows))
            start += len(rows)
        return folded

    def _solved(self, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """x_u of many, (n, factors) float64; columns, weights: (n, length), padded with weights of 0."""
        done = self._white[columns]
        more = (self.alpha * weights).astype(np.float32)[:, :, None]  # the diagonal of W
        confidences = np.where(weights > 0, 1 + self.alpha * weights, 0.0)[:, :, None]
        turned = done.transpose(0, 2, 1)
        if columns.shape[1] <= self.factors:
            systems = done @ turned
            systems *= more
            _add_identity(systems)
            solved = np.linalg.solve(systems.astype(float), confidences)
            white = turned @ solved.astype(np.float32)
        else:
            systems = (done * more).transpose(0, 2, 1) @ done
            _add_identity(systems)
            white = np.linalg.solve(systems.astype(float), turned @ confidences.astype(np.float32))
        return white[:, :, 0].astype(float) @ self._back

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        """(n_histories, n_items) float32: x_u . y_i."""
        if len(histories) == 1:  # without the sparse matrix, which takes longer than the solve
            return (self.item_factors @ self.fold_in(histories[0]))[None, :]
        return self.fold_in_all(weighed(histories, self._column)) @ self.item_factors.T

    def contributions(self, history: Sequence[str], item_id: str) -> dict[str, float]:
        """History item -> its part of the score of `item_id`; the parts add up to the score.

        score_i = sum_j (y_i^T A_u y_j) c_uj with A_u = (YtY + Yt(C_u - I)Y + reg I)^-1 (Hu et al. 2008,
        section 5). Empty where either side is unknown.
        """
        columns, weights = weigh(history, self._column)
        if item_id not in self._column or len(columns) == 0:
            return {}
        done = self._white[columns].astype(float)
        systems = np.eye(self.factors) + (done.T * (self.alpha * weights)) @ done
        target = self._white[self._column[item_id]].astype(float)
        parts = (done @ np.linalg.solve(systems, target)) * (1 + self.alpha * weights)
        return dict(zip(self.item_ids[columns], parts.tolist(), strict=True))

    def explain(self, history: Sequence[str], item_id: str) -> str | None:
        """The history item that adds most to the score of `item_id`, or None where none adds anything."""
        return strongest(self.contributions(history, item_id), item_id)

    def similar(self, item_id: str, k: int = 10) -> pd.DataFrame:
        """The k items nearest by cosine of their factors: item_id, score in [-1, 1], best first.

        Raises UnknownThing where nobody did `item_id` in training.
        """
        if item_id not in self._column:
            raise UnknownThing(f"the recommender has not seen item {item_id!r}", "learnloop train")
        place = self._column[item_id]
        products = self.item_factors @ self.item_factors[place]
        cosines = np.clip(products * self._per_length * self._per_length[place], -1, 1)
        (nearest,) = top_k(cosines[None, :], self.item_ids, k, [[item_id]])
        return pd.DataFrame(
            {
                "item_id": pd.Series([found for found, _ in nearest], dtype=str),
                "score": pd.Series([score for _, score in nearest], dtype=float),
            }
        )

    @property
    def nbytes(self) -> int:
        held = (self.item_factors, self._white, self._back, self._mean_user, self._per_length)
        return int(sum(array.nbytes for array in held))

    def save(self, folder: Path) -> None:
        """The item factors and the average learner's; no learner's own (they are personal data)."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        arrays = {"item_factors": self.item_factors, "mean_user": self._mean_user}
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


def confidence_matrix(weights: csr_matrix, alpha: float) -> csr_matrix:
    """c_ui = 1 + alpha w_ui of what was done, float32: `implicit` takes c, not w."""
    confidences = weights.astype(np.float32)
    confidences.data = 1 + np.float32(alpha) * confidences.data
    return confidences


def _padded(done: csr_matrix, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(columns, weights) of `rows`, (n_rows, longest) each; column 0 with weight 0 fills a shorter one."""
    sizes = np.diff(done.indptr)[rows]
    slots = np.arange(sizes.max())
    real = slots < sizes[:, None]
    entries = np.where(real, done.indptr[rows][:, None] + slots, 0)
    return np.where(real, done.indices[entries], 0), np.where(real, done.data[entries], 0.0)


def _add_identity(systems: np.ndarray) -> None:
    size = systems.shape[1]
    systems.reshape(len(systems), -1)[:, :: size + 1] += 1
