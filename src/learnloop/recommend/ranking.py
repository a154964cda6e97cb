"""Scores to ranked lists, in blocks, so that memory stays bounded for any number of learners."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from math import isqrt
from weakref import finalize

import numpy as np

from learnloop.errors import BadInput
from learnloop.schemas import Recommender

BLOCK = 2048  # learners at a time: 2048 x 5,000 scores are 40 or 80 MB
CELLS = 20_000_000  # of a block of scores, 80 or 160 MB: of more than 10,000 items, fewer learners
NOTHING = -1  # fills a row of columns where fewer than k items are left
CROWD = 16  # more than this times k candidates in a row: partitioning is cheaper than sorting them

# id of an array of item_ids -> what `_ordered` found, gone with the array: 10 ms for 100,000 items.
_ORDERED: dict[int, tuple[np.ndarray | slice, np.ndarray, dict[str, int]]] = {}


def best_columns(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(columns, their scores), (n_rows, min(k, n_items)) each, best first; -inf marks what must not appear.

    Ties go to the smaller column, also at the edge of the list, so that no ranking hangs on chance or on
    the order of a partition. NOTHING fills a row that has fewer.

    Columns are dealt into more groups than k; the k-th best of the groups' best is a bound that at least
    k columns of a row reach, and few others do: only those are sorted.
    """
    n, m = scores.shape
    k = max(min(k, m), 0)
    if k == 0 or n == 0:
        return np.empty((n, k), dtype=np.int32), np.empty((n, k))
    groups = max(4 * k, isqrt(m))
    if m < 4 * groups:
        return _partitioned(scores, k)
    scores = np.ascontiguousarray(scores)
    candidates = scores >= _bound(scores, k, groups)
    sizes = np.count_nonzero(candidates, axis=1)
    crowded = sizes > CROWD * k
    columns, found = np.empty((n, k), dtype=np.int32), np.empty((n, k), dtype=scores.dtype)
    if crowded.any():
        columns[crowded], found[crowded] = _partitioned(scores[crowded], k)
        candidates[crowded] = False
    open_rows = np.flatnonzero(~crowded)
    at = np.flatnonzero(candidates)  # by row, then by column
    values = scores.reshape(-1)[at]
    order = np.lexsort((-values, np.repeat(open_rows, sizes[open_rows])))  # stable: ties stay by column
    firsts = np.cumsum(sizes[open_rows]) - sizes[open_rows]
    best = order[firsts[:, None] + np.arange(k)]
    columns[open_rows], found[open_rows] = at[best] - open_rows[:, None] * m, values[best]
    columns[np.isneginf(found)] = NOTHING
    return columns, found


def _bound(scores: np.ndarray, k: int, groups: int) -> np.ndarray:
    """(n_rows, 1): the k-th best of the maxima of `groups` groups of columns; a few columns are in none."""
    n, m = scores.shape
    row, step = scores.strides
    dealt = np.lib.stride_tricks.as_strided(
        scores, (n, m // groups, groups), (row, groups * step, step), writeable=False
    )
    return np.partition(dealt.max(axis=1), groups - k, axis=1)[:, groups - k : groups - k + 1]


def _partitioned(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """`best_columns` for few columns or many ties."""
    n = len(scores)
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
    if scores.ndim != 2 or scores.shape[1] != len(item_ids):
        raise BadInput(f"scores of shape {scores.shape} do not fit {len(item_ids)} items", field="scores")
    if hidden is not None and len(hidden) != len(scores):
        raise BadInput(f"hidden has {len(hidden)} rows, scores {len(scores)}", field="hidden")
    by_id, ids, column = _ordered(item_ids)
    ranked: list[list[tuple[str, float]]] = []
    for start in range(0, len(scores), BLOCK):
        block = _finite(scores[start : start + BLOCK, by_id]).copy()
        if hidden is not None:
            block[_cells(hidden[start : start + BLOCK], column)] = -np.inf
        ranked.extend(_named(*best_columns(block, k), ids))
    return ranked


def _finite(scores: np.ndarray) -> np.ndarray:
    if not np.isfinite(scores).all():
        raise BadInput("a score is not a finite number", field="scores")
    return scores


def _cells(rows: Sequence[Collection[str]], column: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """(row, column) of every known item of `rows`, to index a block of scores with."""
    known = [[column[item_id] for item_id in row if item_id in column] for row in rows]
    sizes = np.fromiter(map(len, known), dtype=np.int64, count=len(known))
    columns = np.fromiter(chain.from_iterable(known), dtype=np.int64, count=int(sizes.sum()))
    return np.repeat(np.arange(len(known)), sizes), columns


def _ordered(item_ids: Sequence[str] | np.ndarray) -> tuple[np.ndarray | slice, np.ndarray, dict[str, int]]:
    """(columns in order of item_id, the ids in that order, item_id -> its place there).

    In that order the smaller column is the smaller id. An array is not changed once it was ranked by.
    """
    kept = _ORDERED.get(id(item_ids))
    if kept is not None:
        return kept
    ids = np.asarray(item_ids, dtype=object)
    by_id: np.ndarray | slice = slice(None)
    if not (ids[1:] >= ids[:-1]).all():
        by_id = np.argsort(ids, kind="stable")
        ids = ids[by_id]
    # A copy: the array itself would then never go.
    found = by_id, ids.copy(), {item_id: place for place, item_id in enumerate(ids)}
    if isinstance(item_ids, np.ndarray):
        _ORDERED[id(item_ids)] = found
        finalize(item_ids, _ORDERED.pop, id(item_ids), None)
    return found


def places(model: Recommender) -> dict[str, int]:
    """item_id -> its place in model.item_ids, which are sorted."""
    return _ordered(model.item_ids)[2]


def strongest(parts: Mapping[str, float], but: str) -> str | None:
    """The history item with the largest positive part of a score, `but` itself aside; None without any."""
    others: Iterable[str] = (done for done in parts if done != but)
    best = min(others, key=lambda done: (-parts[done], done), default=None)
    return best if best is not None and parts[best] > 0 else None


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

    At most `block` histories are scored at a time: a learners x items matrix is never whole in memory. Seen
    items are hidden by default. `allowed` holds, a history, the only items that may appear (say, those
    of the learner's courses). Raises BadInput on scores that are not finite.
    """
    if allowed is not None and len(allowed) != len(histories):
        raise BadInput(f"allowed has {len(allowed)} rows, not {len(histories)}", field="allowed")
    column = places(model)
    k = max(min(k, len(column)), 0)
    block = max(min(block, CELLS // max(len(column), 1)), 1)
    columns, scores = np.empty((len(histories), k), np.int32), np.empty((len(histories), k))
    for start in range(0, len(histories), block):
        part = histories[start : start + block]
        scored = np.require(_finite(model.scores(part)), requirements="W")  # ours to change, by contract
        if allowed is not None:
            closed = np.ones(scored.shape, dtype=bool)
            closed[_cells(allowed[start : start + block], column)] = False
            scored[closed] = -np.inf
        if hide_seen:
            scored[_cells(part, column)] = -np.inf
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
