"""Scores to ranked lists, in blocks, so that memory stays bounded for any number of learners."""

from collections.abc import Collection, Sequence

import numpy as np

from learnloop.errors import BadInput
from learnloop.schemas import Recommender

BLOCK = 2048  # learners at a time: 2048 x 5,000 scores are 80 MB
NOTHING = -1  # fills a row of columns where fewer than k items are left


def best_columns(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(columns, their scores), (n_rows, min(k, n_items)) each, best first; -inf marks what must not appear.

    Ties go to the smaller column, also at the edge of the list, so that no ranking hangs on chance or on
    the order of a partition. NOTHING fills a row that has fewer.
    """
    n, m = scores.shape
    k = max(min(k, m), 0)
    if k == 0 or n == 0:
        return np.empty((n, k), dtype=np.int32), np.empty((n, k))
    # Everything above the k-th best is in; of what equals it, the smallest columns are.
    edge = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
    above, tied = scores > edge, scores == edge
    wanted = k - above.sum(axis=1, keepdims=True)
    crowded = tied.sum(axis=1) > wanted[:, 0]
    tied[crowded] &= np.cumsum(tied[crowded], axis=1) <= wanted[crowded]
    columns = np.nonzero(above | tied)[1].reshape(n, k).astype(np.int32)
    found = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    columns, found = np.take_along_axis(columns, order, axis=1), np.take_along_axis(found, order, axis=1)
    columns[np.isneginf(found)] = NOTHING
    return columns, found


def top_k(
    scores: np.ndarray,
    item_ids: Sequence[str] | np.ndarray,
    k: int,
    hidden: Sequence[Collection[str]] | None = None,
) -> list[list[tuple[str, float]]]:
    """The k best (item_id, score) of each row of `scores` (n_rows, n_items), best first.

    Ties go to the smaller item_id. `hidden` holds, a row, the items that must not appear (unknown ones
    are ignored); where fewer than k are left the list is shorter. Raises BadInput on scores that are
    not finite or do not fit `item_ids` and `hidden`.
    """
    ids = np.asarray(item_ids, dtype=object)
    if scores.ndim != 2 or scores.shape[1] != len(ids):
        raise BadInput(f"scores of shape {scores.shape} do not fit {len(ids)} items", field="scores")
    if hidden is not None and len(hidden) != len(scores):
        raise BadInput(f"hidden has {len(hidden)} rows, scores {len(scores)}", field="hidden")
    by_id: np.ndarray | slice = slice(None)
    if not (ids[1:] >= ids[:-1]).all():  # columns in order of item_id: the smaller column is the smaller id
        by_id = np.argsort(ids, kind="stable")
        ids = ids[by_id]
    column = {item_id: place for place, item_id in enumerate(ids)}
    ranked: list[list[tuple[str, float]]] = []
    for start in range(0, len(scores), BLOCK):
        block = _finite(scores[start : start + BLOCK, by_id])
        for row, row_hidden in enumerate(hidden[start : start + BLOCK] if hidden is not None else ()):
            block[row, [column[item_id] for item_id in row_hidden if item_id in column]] = -np.inf
        ranked.extend(_named(*best_columns(block, k), ids))
    return ranked


def _finite(scores: np.ndarray) -> np.ndarray:
    """A copy that may be written to, of the same precision."""
    if not np.isfinite(scores).all():
        raise BadInput("a score is not a finite number", field="scores")
    return scores.copy()


def _named(columns: np.ndarray, scores: np.ndarray, ids: np.ndarray) -> list[list[tuple[str, float]]]:
    rows = []
    for row, row_scores in zip(columns, scores, strict=True):
        kept = row != NOTHING
        rows.append(list(zip(ids[row[kept]].tolist(), row_scores[kept].tolist(), strict=True)))
    return rows


def rank(
    model: Recommender,
    histories: Sequence[Sequence[str]],
    k: int = 10,
    hide_seen: bool = True,
    allowed: Sequence[Collection[str]] | None = None,
    block: int = BLOCK,
) -> tuple[np.ndarray, np.ndarray]:
    """(columns of model.item_ids, their scores), (n_histories, min(k, n_items)) each, by `best_columns`.

    `block` histories are scored at a time, so no learners x items matrix is ever whole in memory; seen
    items are hidden by default. `allowed` holds, a history, the only items that may appear (say, those
    of the learner's courses). Raises BadInput on scores that are not finite.
    """
    if allowed is not None and len(allowed) != len(histories):
        raise BadInput(f"allowed has {len(allowed)} rows, not {len(histories)}", field="allowed")
    column = {item_id: place for place, item_id in enumerate(model.item_ids)}
    k = max(min(k, len(column)), 0)
    columns, scores = np.empty((len(histories), k), np.int32), np.empty((len(histories), k))
    for start in range(0, len(histories), block):
        part = histories[start : start + block]
        scored = _finite(model.scores(part))
        for row, history in enumerate(part):
            if allowed is not None:
                open_to = [column[item_id] for item_id in allowed[start + row] if item_id in column]
                closed = np.ones(len(column), dtype=bool)
                closed[open_to] = False
                scored[row, closed] = -np.inf
            if hide_seen:
                scored[row, [column[item_id] for item_id in history if item_id in column]] = -np.inf
        columns[start : start + block], scores[start : start + block] = best_columns(scored, k)
    return columns, scores


def recommend(
    model: Recommender,
    histories: Sequence[Sequence[str]],
    k: int = 10,
    hide_seen: bool = True,
    allowed: Sequence[Collection[str]] | None = None,
    block: int = BLOCK,
) -> list[list[tuple[str, float]]]:
    """`rank`, as (item_id, score) lists; shorter where fewer than k are left."""
    columns, scores = rank(model, histories, k, hide_seen, allowed, block)
    return _named(columns, scores, np.asarray(model.item_ids, dtype=object))
