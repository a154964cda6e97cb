"""EASE: a linear autoencoder over items, in closed form (Steck 2019; dropout: Steck 2020).

    minimise  |X - X B|^2 + sum_i L_i |B_i|^2   subject to diag(B) = 0
    L = regularization + dropout / (1 - dropout) * diag(XtX)
    P = (XtX + L)^-1;   B = I - P diag(1 / diag(P));   score_j = sum_i x_i B_ij

X is (n_learners, n_items): 1 where the learner did the item, or the weight. The dropout term is what
training with that share of the inputs dropped comes to (EDLAE): it shrinks popular items more.
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

SETTINGS = ("regularization", "dropout", "weighted", "max_items", "n_learners")
# The inverse is taken in float32, half the time and memory, up to this condition number (a bound of it). At
# 4.5e4, MovieLens' 900 most done items, weights were off by 7e-5 of the largest; the top 20 stayed the same.
SINGLE = 1e5
MIRROR = 1024  # rows at a time
PRIOR = 1e-6  # orders what nothing else tells apart, say all items of a new learner, by popularity


class EASE:
    """weights: B, (n_heads, n_heads) float32, over the `max_items` most done items, the heads.

    Fitting takes 4 bytes x n_heads^2 for the inverse (8 where SINGLE asks for it) and 4 for B, which stays
    (10,000 items: .4 + .4 GB), and about n_heads^3 multiplications, on all cores. Other items score below
    all heads, by popularity.
    """

    name = "ease"
    space: ClassVar[Space] = {
        "regularization": Span(1.0, 5000.0, log=True),
        "dropout": Span(0.0, 0.8),
        "weighted": (False, True),
    }

    def __init__(
        self,
        regularization: float = 200.0,
        dropout: float = 0.0,
        weighted: bool = True,
        max_items: int = 10_000,
    ) -> None:
        """Raises BadInput where regularization <= 0, dropout is not in [0, 1) or max_items < 1."""
        if not regularization > 0:
            raise BadInput(f"regularization must be positive, not {regularization}", field="regularization")
        if not 0 <= dropout < 1:
            raise BadInput(f"dropout must be in [0, 1), not {dropout}", field="dropout")
        if max_items < 1:
            raise BadInput(f"max_items must be at least 1, not {max_items}", field="max_items")
        self.regularization = regularization
        self.dropout = dropout
        self.weighted = weighted
        self.max_items = max_items
        self.item_ids: np.ndarray = np.empty(0, dtype=object)
        self.n_learners = 0
        self._take(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 0), np.float32))

    def fit(self, signals: pd.DataFrame, features: ItemFeatures | None = None) -> Self:
        """Raises NothingToDo without signals, BadInput on bad weights."""
        done, learner_ids, self.item_ids = matrix(signals)
        self.n_learners = len(learner_ids)
        counts = done.getnnz(axis=0).astype(np.int64)
        heads = np.sort(np.argsort(-counts, kind="stable")[: self.max_items])
        if not self.weighted:
            done.data[:] = 1.0
        self._take(counts, heads, item_weights(done[:, heads], self.regularization, self.dropout))
        return self

    def _take(self, counts: np.ndarray, heads: np.ndarray, weights: np.ndarray) -> None:
        self.item_learners, self.heads, self.weights = counts, heads, weights
        self._column = {self.item_ids[place]: column for column, place in enumerate(heads)}
        self._share = (counts / max(self.n_learners, 1)).astype(np.float32)
        self._tail = np.setdiff1d(np.arange(len(counts)), heads)

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        """(n_histories, n_items) float32."""
        found = self._linear(histories)
        found += PRIOR * self._share[self.heads]
        if not len(self._tail):
            return found
        scores = np.empty((len(histories), len(self.item_ids)), np.float32)
        scores[:, self.heads] = found
        scores[:, self._tail] = found.min(axis=1, keepdims=True) - 1 + self._share[self._tail]
        return scores

    def _linear(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        if len(histories) == 1:  # without the sparse matrix, which takes longer than the sum
            columns, weights = self._weigh(histories[0])
            return (weights.astype(np.float32) @ self.weights[columns])[None, :]
        done = weighed(histories, self._column)
        if not self.weighted:
            done.data[:] = 1.0
        return done.astype(np.float32) @ self.weights

    def _weigh(self, history: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        columns, weights = weigh(history, self._column)
        return columns, weights if self.weighted else np.ones(len(weights))

    def contributions(self, history: Sequence[str], item_id: str) -> dict[str, float]:
        """History item -> its part x_i B_ij of the score; the parts add up to it, but for PRIOR.

        Empty where either side has no weights.
        """
        if item_id not in self._column:
            return {}
        columns, weights = self._weigh(history)
        parts = weights * self.weights[columns, self._column[item_id]]
        return dict(zip(self.item_ids[self.heads[columns]], parts.tolist(), strict=True))

    def explain(self, history: Sequence[str], item_id: str) -> str | None:
        """The history item that adds most to the score of `item_id`, or None where none adds anything."""
        return strongest(self.contributions(history, item_id), item_id)

    @property
    def nbytes(self) -> int:
        held = (self.weights, self.item_learners, self.heads, self._share, self._tail)
        return int(sum(array.nbytes for array in held))

    def save(self, folder: Path) -> None:
        settings = {name: getattr(self, name) for name in SETTINGS}
        arrays = {"weights": self.weights, "heads": self.heads, "item_learners": self.item_learners}
        save_model(folder, self.name, self.item_ids, settings, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable."""
        item_ids, settings, arrays = load_model(
            folder, cls.name, SETTINGS, {"weights", "heads", "item_learners"}
        )
        n_learners = settings.pop("n_learners")
        model = cls(**settings)
        heads, weights = arrays["heads"], arrays["weights"]
        if weights.shape != (len(heads), len(heads)) or not (heads < len(item_ids)).all():
            raise ModelUnavailable(f"{folder}: the weights do not have the shape they say", "learnloop train")
        model.item_ids, model.n_learners = item_ids, n_learners
        model._take(arrays["item_learners"], heads, weights)
        return model


def item_weights(done: csr_matrix, regularization: float, dropout: float) -> np.ndarray:
    """B, (n_items, n_items) float32 with a diagonal of 0, from X, (n_learners, n_items)."""
    items = done.T.tocsr()
    sizes = np.asarray(done.multiply(done).sum(axis=0)).ravel()  # the diagonal of XtX
    penalties = regularization + dropout / (1 - dropout) * sizes
    bound = (items @ np.asarray(done.sum(axis=1)).ravel() + penalties).max() / penalties.min()
    system = np.empty((len(sizes), len(sizes)), np.float32 if bound <= SINGLE else float)
    # XtX by rows: whole and sparse, it would take three times the memory where most items go together.
    for start in range(0, len(sizes), MIRROR):
        system[start : start + MIRROR] = (items[start : start + MIRROR] @ done).toarray()
    system[np.diag_indices_from(system)] = sizes + penalties
    inverse = _inverse(system)
    weights = np.empty(inverse.shape, np.float32)
    scale = 1 / np.diagonal(inverse)
    for start in range(0, len(weights), MIRROR):
        weights[start : start + MIRROR] = -inverse[start : start + MIRROR] * scale
    np.fill_diagonal(weights, 0)
    return weights


def _inverse(system: np.ndarray) -> np.ndarray:
    """The inverse of a symmetric positive definite matrix, in its own memory, by Cholesky."""
    from scipy.linalg import lapack

    # The transpose, equal to it, is in LAPACK's order, so that nothing is copied.
    single = system.dtype == np.float32
    factorize, invert = (lapack.spotrf, lapack.spotri) if single else (lapack.dpotrf, lapack.dpotri)
    factor, failed = factorize(system.T, lower=1, overwrite_a=1)
    if failed:
        raise BadInput(
            "the items' weights cannot be solved for: raise regularization", field="regularization"
        )
    inverse, _ = invert(factor, lower=1, overwrite_c=1)
    for start in range(0, len(inverse), MIRROR):  # only the lower half was written
        end = start + MIRROR
        inverse[start:end, end:] = inverse[end:, start:end].T
        block = inverse[start:end, start:end]
        block[:] = np.tril(block) + np.tril(block, -1).T
    return inverse
