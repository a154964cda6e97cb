"""Interactions to training signals: what counts as a learner having done an item, and how much.

An interaction, as it arrives:
    event_id=oulad:7f…, learner_id=5d1c…, item_id=demo:courses/loops#q3, verb=answered, correct=True
An exercise is too small to be recommended by itself where a lesson holds it, so it counts for that
lesson; a course is what a learner enrols in, not a next step.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from learnloop.errors import BadInput, NothingToDo

DIRECT = ("lesson", "assessment", "activity", "video")
PRACTICE = ("exercise", "question")


def targets(items: pd.DataFrame) -> dict[str, str]:
    """item_id -> the item a learner can be sent to for it: its lesson, or itself. Courses have none."""
    # as objects: a column of Arrow's is read three times slower
    item_ids, kinds, parents = (
        items[name].astype(object).tolist() for name in ("item_id", "kind", "parent_id")
    )
    return roll_up(dict(zip(item_ids, kinds, strict=True)), dict(zip(item_ids, parents, strict=True)))


def roll_up(kinds: Mapping[str, Any], parents: Mapping[str, Any]) -> dict[str, str]:
    """`targets`, from item_id -> kind and item_id -> parent (anything but a str where there is none)."""
    found = {}
    for item_id, kind in kinds.items():
        if kind in DIRECT:
            found[item_id] = item_id
        elif kind in PRACTICE:
            found[item_id] = _lesson_above(item_id, kinds, parents) or item_id
    return found


def _lesson_above(item_id: str, kinds: Mapping[str, Any], parents: Mapping[str, Any]) -> str | None:
    climbed = {item_id}
    above = parents.get(item_id)
    while isinstance(above, str) and above not in climbed:  # a parent loop in the data ends the climb
        if kinds.get(above) == "lesson":
            return above
        climbed.add(above)
        above = parents.get(above)
    return None


def recommendable(items: pd.DataFrame) -> list[str]:
    """Sorted item_ids a learner can be sent to."""
    return sorted(set(targets(items).values()))


def _done(interactions: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """The interactions that count, with `item_id` rolled up to its target."""
    rows = interactions[interactions["verb"] != "registered"]
    rows = rows.assign(item_id=rows["item_id"].map(targets(items)))
    return rows[rows["item_id"].notna()]


def confidence(counts: np.ndarray) -> np.ndarray:
    """weight = 1 + log(count): the tenth visit says less than the second (Hu et al. 2008, eq. 6)."""
    return 1.0 + np.log(counts)


def signals(interactions: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """interactions, items: schemas.INTERACTIONS, ITEMS. Returns learner_id, item_id, weight >= 1, at.

    Registrations and items that are not in `items` give no signal.
    """
    done = _done(interactions, items)
    at = done["occurred_at"].dt.as_unit("us").astype("int64") / 1e6 if "occurred_at" in done else None
    return pairs(done["learner_id"], done["item_id"], at)


def pairs(learner: pd.Series, item: pd.Series, at: pd.Series | None = None) -> pd.DataFrame:
    """One row a learner and item that go together, sorted: learner_id, item_id, weight = 1 + log(count), at.

    at: when each happened, larger is later; the row number where it is not known. A pair keeps its last.
    """
    row, learner_ids = pd.factorize(learner, sort=True)
    col, item_ids = pd.factorize(item, sort=True)
    moments = np.arange(len(row), dtype=float) if at is None else at.to_numpy(dtype=float)
    key = row.astype(np.int64) * max(len(item_ids), 1) + col.astype(np.int64)
    order = np.lexsort([moments, key])
    found, first, counts = np.unique(key[order], return_index=True, return_counts=True)
    last = moments[order][first + counts - 1]
    which_learner, which_item = np.divmod(found, max(len(item_ids), 1))
    return pd.DataFrame(
        {
            "learner_id": pd.Series(learner_ids[which_learner], dtype=str),
            "item_id": pd.Series(item_ids[which_item], dtype=str),
            "weight": confidence(counts.astype(float)),
            "at": last,
        }
    )


def histories(interactions: pd.DataFrame, items: pd.DataFrame) -> dict[str, list[str]]:
    """learner_id -> the targets done, oldest first, as often as done (repeats weigh more on fold-in).

    Folding such a history in uses exactly the weights that `signals` gives for training.
    """
    order = [name for name in ("learner_id", "occurred_at", "event_id") if name in interactions]
    done = _done(interactions, items).sort_values(order, kind="stable")
    learners, item_ids = done["learner_id"].to_numpy(object), done["item_id"].tolist()
    if not item_ids:
        return {}
    starts = np.flatnonzero(np.r_[True, learners[1:] != learners[:-1]]).tolist()
    ends = [*starts[1:], len(item_ids)]
    return {learners[start]: item_ids[start:end] for start, end in zip(starts, ends, strict=True)}


def weigh(history: Sequence[str], column: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """(columns, weights) of the known items of one history, in order of column; unknown ones ignored."""
    known = [column[item_id] for item_id in history if item_id in column]
    columns, counts = np.unique(np.asarray(known, dtype=np.int64), return_counts=True)
    return columns, confidence(counts.astype(float))


def weighed(histories: Sequence[Sequence[str]], column: dict[str, int]) -> csr_matrix:
    """`weigh` of many histories: (n_histories, n_items), the columns of each row in order."""
    known = [[column[item_id] for item_id in history if item_id in column] for history in histories]
    sizes = np.fromiter(map(len, known), dtype=np.int64, count=len(known))
    columns = np.fromiter(chain.from_iterable(known), dtype=np.int64, count=int(sizes.sum()))
    rows = np.repeat(np.arange(len(known)), sizes)
    counts = csr_matrix((np.ones(len(columns)), (rows, columns)), shape=(len(known), len(column)))
    counts.data = confidence(counts.data)  # entries of one place were added up
    return counts


def matrix(signals: pd.DataFrame) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    """(weights of shape (n_learners, n_items), learner_ids, item_ids), both sorted.

    Raises NothingToDo without rows, BadInput on weights that are not positive or pairs that repeat.
    """
    if signals.empty:
        raise NothingToDo("no signals to train a recommender on", "learnloop import csv or collect web")
    weights = signals["weight"].to_numpy(float)
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        raise BadInput("signals: a weight is not a positive number", field="weight")
    row, learner_ids = pd.factorize(signals["learner_id"], sort=True)
    col, item_ids = pd.factorize(signals["item_id"], sort=True)
    shape = (len(learner_ids), len(item_ids))
    found = csr_matrix((weights, (row, col)), shape=shape)
    if found.nnz != len(signals):
        raise BadInput("signals: a learner and item pair has more than one row", field="item_id")
    return found, np.asarray(learner_ids, dtype=object), np.asarray(item_ids, dtype=object)


def sequences(signals: pd.DataFrame, item_ids: np.ndarray) -> list[np.ndarray]:
    """The columns (places in `item_ids`) of each learner's items, oldest first; learners in order of name.

    Items of the same moment, and all where `signals` has no `at`, come in order of name.
    """
    learner, _ = pd.factorize(signals["learner_id"], sort=True)
    column = pd.Index(item_ids).get_indexer(signals["item_id"])
    at = signals["at"].to_numpy(float) if "at" in signals else np.zeros(len(signals))
    order = np.lexsort([column, at, learner])
    edges = np.flatnonzero(np.diff(learner[order])) + 1
    return np.split(column[order], edges) if len(order) else []
