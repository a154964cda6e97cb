"""Scores to ranked lists, in blocks, so that memory stays bounded for any number of learners."""

from collections.abc import Collection, Sequence

import numpy as np

from learnloop.errors import BadInput
from learnloop.schemas import Recommender

BLOCK = 2048  # learners at a time: 2048 x 5,000 scores are 80 MB


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
    if not (ids[1:] >= ids[:-1]).all():  # columns in order of item_id: a stable sort then breaks ties
        by_id = np.argsort(ids, kind="stable")
        ids = ids[by_id]
    column = {item_id: place for place, item_id in enumerate(ids)}
    ranked: list[list[tuple[str, float]]] = []
    for start in range(0, len(scores), BLOCK):
        block = scores[start : start + BLOCK, by_id].astype(float)
        if not np.isfinite(block).all():
            raise BadInput("a score is not a finite number", field="scores")
        for row, row_hidden in enumerate(hidden[start : start + BLOCK] if hidden is not None else ()):
            block[row, [column[item_id] for item_id in row_hidden if item_id in column]] = -np.inf
        ranked.extend(_best(row_scores, ids, k) for row_scores in block)
    return ranked


def _best(scores: np.ndarray, ids: np.ndarray, k: int) -> list[tuple[str, float]]:
    if k <= 0:
        return []
    candidates = np.flatnonzero(np.isfinite(scores))
    if len(candidates) > k:
        # Everything tied with the k-th stays in, so that the tie is broken by item_id, not by chance.
        kept = scores[candidates]
        candidates = candidates[kept >= np.partition(kept, -k)[-k]]
    order = candidates[np.argsort(-scores[candidates], kind="stable")][:k]
    return list(zip(ids[order].tolist(), scores[order].tolist(), strict=True))


def recommend(
    model: Recommender,
    histories: Sequence[Sequence[str]],
    k: int = 10,
    hide_seen: bool = True,
    allowed: Sequence[Collection[str]] | None = None,
    block: int = BLOCK,
) -> list[list[tuple[str, float]]]:
    """`top_k` of each history, scored `block` histories at a time; seen items hidden by default.

    `allowed` holds, a history, the only items that may appear (say, those of the learner's courses).
    """
    if allowed is not None and len(allowed) != len(histories):
        raise BadInput(f"allowed has {len(allowed)} rows, not {len(histories)}", field="allowed")
    everything = set(model.item_ids)
    ranked: list[list[tuple[str, float]]] = []
    for start in range(0, len(histories), block):
        part = histories[start : start + block]
        hidden = [set(history) if hide_seen else set() for history in part]
        for row_hidden, row_allowed in zip(
            hidden, allowed[start:] if allowed is not None else (), strict=False
        ):
            row_hidden |= everything.difference(row_allowed)
        ranked.extend(top_k(model.scores(part), model.item_ids, k, hidden))
    return ranked
