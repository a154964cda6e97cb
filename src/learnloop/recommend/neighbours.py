"""Item neighbours: what those who did this also did, or did next (Deshpande & Karypis 2004; Aiolli 2013).

    s_ij = C_ij / (n_i^(1 - normalisation) n_j^normalisation + shrinkage)      score_j = sum_i h_i s_ij

n_i learners did i. With order="any", C_ij of them did j too and h_i is the weight of i in the history;
normalisation 0.5 is the cosine, 0 the share of i's learners who did j. With order="after" a pair counts
where j was last done after i, C_ij = sum_u decay^(d - 1) with d the items from i on to j, and
h_i = decay^(items done since i): a course's next lesson. Only the `neighbours` largest s_ij of each item j
are kept.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, vstack

from learnloop.errors import BadInput, ModelUnavailable
from learnloop.recommend.files import load_model, save_model
from learnloop.recommend.ranking import best_columns, strongest
from learnloop.recommend.signals import matrix, sequences, weigh, weighed
from learnloop.schemas import ItemFeatures, Space, Span

SETTINGS = ("neighbours", "shrinkage", "normalisation", "order", "decay", "n_learners")
ARRAYS = {"item_learners", "starts", "columns", "similarities"}
PAIRS = 8_000_000  # counted, or cells laid out, at a time: about 200 MB
SPARSE = 20  # rows with fewer entries than one cell in so many are sorted as they are
FAINT = 0.01  # a pair that the decay leaves less than this is not counted
PRIOR = 1e-6  # orders what nothing else tells apart, say all items of a new learner, by popularity


class ItemNeighbours:
    """similarities: s, sparse (n_items, n_items) float32, at most `neighbours` entries a column.

    Fitting counts pairs in blocks, never a dense items x items matrix.
    """

    name = "neighbours"
    space: ClassVar[Space] = {
        "neighbours": (20, 50, 100, 200, 500),
        "shrinkage": Span(0.1, 200.0, log=True),
        "normalisation": Span(0.0, 1.0),
        "order": ("any", "after"),
        "decay": Span(0.3, 1.0),
    }

    def __init__(
        self,
        neighbours: int = 200,
        shrinkage: float = 15.0,
        normalisation: float = 0.25,
        order: str = "after",
        decay: float = 0.8,
    ) -> None:
        """decay is read with order="after" only. Raises BadInput on values out of range."""
        if order not in ("any", "after"):
            raise BadInput(f"order must be any or after, not {order}", field="order")
        if neighbours < 1 or not shrinkage >= 0:
            raise BadInput("neighbours must be at least 1, shrinkage at least 0", field="neighbours")
        if not (0 <= normalisation <= 1 and 0 < decay <= 1):
            raise BadInput("normalisation must be in [0, 1], decay in (0, 1]", field="normalisation")
        self.neighbours = neighbours
        self.shrinkage = shrinkage
        self.normalisation = normalisation
        self.order = order
        self.decay = decay
        self.item_ids: np.ndarray = np.empty(0, dtype=object)
        self.n_learners = 0
        self._take(np.empty(0, np.int64), csr_matrix((0, 0), dtype=np.float32))

    def fit(self, signals: pd.DataFrame, features: ItemFeatures | None = None) -> Self:
        """order="after" without `at` counts as "any". Raises NothingToDo without signals, BadInput."""
        done, learner_ids, self.item_ids = matrix(signals)
        self.n_learners = len(learner_ids)
        counts = done.getnnz(axis=0).astype(np.int64)
        if self.order == "after" and "at" in signals:
            blocks = before_each(*_laid_out(signals, self.item_ids), len(self.item_ids), self.decay)
        else:
            done.data[:] = 1.0
            blocks = together(done)
        self._take(counts, self._similar(blocks, counts))
        return self

    def _similar(self, blocks: Iterator[tuple[int, csr_matrix]], counts: np.ndarray) -> csr_matrix:
        """s from blocks of the rows of C transposed: a row an item j, its columns the items i."""
        of_i = counts.astype(float) ** (1 - self.normalisation)
        of_j = counts.astype(float) ** self.normalisation
        kept = []
        for first, pairs in blocks:
            row = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
            other = row + first == pairs.indices
            scale = of_j[row + first] * of_i[pairs.indices] + self.shrinkage
            pairs.data = np.where(other, 0.0, pairs.data / scale)
            kept.append(strongest_in_rows(pairs, self.neighbours))
        return vstack(kept, format="csr").T.tocsr()

    def _take(self, counts: np.ndarray, similarities: csr_matrix) -> None:
        similarities.sort_indices()
        self.item_learners, self.similarities = counts, similarities
        self._column = {item_id: column for column, item_id in enumerate(self.item_ids)}
        self._prior = (PRIOR * counts / max(self.n_learners, 1)).astype(np.float32)

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        """(n_histories, n_items) float32, at least 0."""
        if len(histories) == 1:  # without a sparse product, which takes longer than the sum
            found = self._one(*self._weigh(histories[0]))[None, :]
        else:
            found = (self._weighed(histories).astype(np.float32) @ self.similarities).toarray()
        return found + self._prior

    def _one(self, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
        s = self.similarities
        starts, ends = s.indptr[columns], s.indptr[columns + 1]
        rows = [slice(start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        if not rows:
            return np.zeros(len(self.item_ids), np.float32)
        indices = np.concatenate([s.indices[row] for row in rows])
        parts = np.concatenate([s.data[row] for row in rows]) * np.repeat(weights, ends - starts)
        return np.bincount(indices, parts, minlength=len(self.item_ids)).astype(np.float32)

    def _weigh(self, history: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        if self.order == "any":
            return weigh(history, self._column)
        columns = np.array(self._newest(history), dtype=np.int64)
        return columns, self.decay ** np.arange(len(columns))

    def _newest(self, history: Sequence[str]) -> list[int]:
        """The columns of the known items, the one done last first, each once."""
        column = self._column
        return list(dict.fromkeys(column[item_id] for item_id in reversed(history) if item_id in column))

    def _weighed(self, histories: Sequence[Sequence[str]]) -> csr_matrix:
        if self.order == "any":
            return weighed(histories, self._column)
        known = [self._newest(history) for history in histories]
        starts = np.r_[0, np.cumsum([len(columns) for columns in known], dtype=np.int64)]
        columns = np.fromiter(chain.from_iterable(known), dtype=np.int64, count=int(starts[-1]))
        steps = np.arange(len(columns)) - np.repeat(starts[:-1], np.diff(starts))
        shape = (len(known), len(self.item_ids))
        return csr_matrix((self.decay**steps, columns, starts), shape=shape)

    def contributions(self, history: Sequence[str], item_id: str) -> dict[str, float]:
        """History item -> its part h_i s_ij of the score; the parts add up to it, but for PRIOR.

        Empty where `item_id` is unknown; an item that is no neighbour has no part.
        """
        if item_id not in self._column:
            return {}
        columns, weights = self._weigh(history)
        near = self.similarities[columns, self._column[item_id]].toarray().ravel()
        parts = zip(self.item_ids[columns], (weights * near).tolist(), strict=True)
        return {done: part for done, part in parts if part}

    def explain(self, history: Sequence[str], item_id: str) -> str | None:
        """The history item that adds most to the score of `item_id`, or None where none adds anything."""
        return strongest(self.contributions(history, item_id), item_id)

    @property
    def nbytes(self) -> int:
        s = self.similarities
        held = (s.data, s.indices, s.indptr, self.item_learners, self._prior)
        return int(sum(array.nbytes for array in held))

    def save(self, folder: Path) -> None:
        s = self.similarities
        arrays = {
            "item_learners": self.item_learners,
            "starts": s.indptr.astype(np.int64),
            "columns": s.indices.astype(np.int32),
            "similarities": s.data,
        }
        settings = {name: getattr(self, name) for name in SETTINGS}
        save_model(folder, self.name, self.item_ids, settings, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable."""
        item_ids, settings, arrays = load_model(folder, cls.name, SETTINGS, ARRAYS)
        n_learners = settings.pop("n_learners")
        model, n = cls(**settings), len(item_ids)
        stored = (arrays["similarities"], arrays["columns"], arrays["starts"])
        try:
            similarities = csr_matrix(stored, shape=(n, n))
            similarities.check_format()
        except ValueError as error:
            raise ModelUnavailable(
                f"{folder}: the neighbours do not fit: {error}", "learnloop train"
            ) from error
        model.item_ids, model.n_learners = item_ids, n_learners
        model._take(arrays["item_learners"], similarities)
        return model


def strongest_in_rows(rows: csr_matrix, k: int) -> csr_matrix:
    """The k largest positive entries of each row; ties go to the smaller column."""
    rows = rows.astype(np.float32)
    rows.eliminate_zeros()
    many = np.diff(rows.indptr) > k
    if not many.any():
        return rows
    found = [_entries(rows[~many], np.flatnonzero(~many))]
    places, step = np.flatnonzero(many), max(1, PAIRS // rows.shape[1])
    for start in range(0, len(places), step):
        part = places[start : start + step]
        found.append(_entries(_cut(rows[part], k), part))
    data, row, column = (np.concatenate(values) for values in zip(*found, strict=True))
    return csr_matrix((data, (row, column)), shape=rows.shape)


def _entries(rows: csr_matrix, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rows.data, np.repeat(places, np.diff(rows.indptr)), rows.indices


def _cut(rows: csr_matrix, k: int) -> csr_matrix:
    """`strongest_in_rows` of rows that all have more than k."""
    n, m = rows.shape
    if rows.nnz * SPARSE > n * m:  # laid out, the few best are found without sorting the others
        columns, found = best_columns(rows.toarray(), k)
        return csr_matrix((found.ravel(), columns.ravel(), np.arange(n + 1) * k), shape=(n, m))
    row = np.repeat(np.arange(n), np.diff(rows.indptr))
    order = np.lexsort((rows.indices, -rows.data, row))
    kept = order[np.arange(len(row)) - rows.indptr[row] < k]
    return csr_matrix((rows.data[kept], rows.indices[kept], np.arange(n + 1) * k), shape=(n, m))


def together(done: csr_matrix) -> Iterator[tuple[int, csr_matrix]]:
    """(first item, rows of XtX from it on): how many learners did both. X holds 0 and 1."""
    learners = done.T.tocsr()
    # A row of XtX has at most as many pairs as its learners have items.
    pairs = learners @ done.getnnz(axis=1).astype(float)
    for first, end in _blocks(pairs):
        yield first, learners[first:end] @ done


def before_each(
    items: np.ndarray, starts: np.ndarray, at: np.ndarray, n_items: int, decay: float
) -> Iterator[tuple[int, csr_matrix]]:
    """(first item j, rows from it on): how often, decayed, item i came before j in a learner's sequence.

    items, at, starts: (n_pairs,), the learners' sequences one after the other, oldest first, and where the
    sequence of each entry starts. Two items of one moment count half in each direction.
    """
    reach = int(np.log(FAINT) / np.log(decay)) + 1 if decay < 1 else len(items)
    ends = np.searchsorted(starts, starts, side="right")
    order = np.argsort(items, kind="stable")
    first_of = np.searchsorted(items[order], np.arange(n_items + 1))
    room = np.minimum(ends - starts, 2 * reach).astype(float)
    for first, end in _blocks(np.bincount(items, room, minlength=n_items)):
        j = order[first_of[first] : first_of[end]]
        found = []
        for lag in range(1, reach + 1):
            back, on = j[j - lag >= starts[j]], j[j + lag < ends[j]]
            on = on[at[on + lag] == at[on]]  # of one moment: only the names put it later
            if not len(back) and not len(on):
                break
            halved = np.where(at[back - lag] == at[back], 0.5, 1.0)
            found.append((items[back], items[back - lag], halved * decay ** (lag - 1)))
            found.append((items[on], items[on + lag], np.full(len(on), 0.5 * decay ** (lag - 1))))
        row, column, weight = (np.concatenate(part) for part in zip(*found, strict=True)) if found else _NONE
        yield first, csr_matrix((weight, (row - first, column)), shape=(end - first, n_items))


_NONE = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def _laid_out(signals: pd.DataFrame, item_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(items, starts, at) for `before_each`, in the order of `sequences`."""
    lists = sequences(signals, item_ids)
    sizes = np.array([len(items) for items in lists])
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    learner, _ = pd.factorize(signals["learner_id"], sort=True)
    at = signals["at"].to_numpy(float)
    return np.concatenate(lists), starts, at[np.lexsort([at, learner])]


def _blocks(pairs: np.ndarray) -> Iterator[tuple[int, int]]:
    """(first, end) of runs of items with about PAIRS pairs each, at least one item."""
    block = (np.cumsum(pairs) // PAIRS).astype(np.int64)
    edges = np.r_[0, np.flatnonzero(np.diff(block)) + 1, len(pairs)].tolist()
    yield from pairwise(edges)
