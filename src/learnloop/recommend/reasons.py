"""Evidence for the reasons of a step: who did both of two items, and what speaks for an item in a model.

    item_ids        demo:loops          demo:while
    companions      column of demo:while, 37 learners did both      column of demo:loops, 37
    learners        demo:loops was done by 52

The counts are of the release's training learners, so a reason quotes numbers that were there.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from learnloop.recommend.diversity import Likeness
from learnloop.recommend.files import load_model, save_model
from learnloop.recommend.signals import matrix
from learnloop.schemas import Reason, Recommender

KEPT = 50  # companions an item: more are hardly ever the most telling
BLOCK = 512  # items at a time: 512 x 100,000 counts are 400 MB at the worst, each pair done together
# Fewer learners than that are people one may know, and a coincidence.
FEWEST = 5
LIFT = 1.2  # learners of X do Y so many times as often as learners at large
WEIGHTY = 0.05  # of the score; less is not a reason


class Companions:
    """For each item the items that most often share its learners, with how many learners did both.

    item_neighbours, item_both: (n_items, KEPT), columns and counts, best first; -1 and 0 fill a short row.
    item_learners: (n_items,). Nearness is both / sqrt(learners_x learners_y), the cosine of the two sets.
    """

    name = "companions"

    def __init__(self) -> None:
        self.n_learners = 0
        self._take(
            np.empty(0, dtype=object),
            np.empty((0, KEPT), np.int32),
            np.empty((0, KEPT), np.int32),
            np.empty(0, np.int64),
        )

    def _take(
        self, item_ids: np.ndarray, neighbours: np.ndarray, both: np.ndarray, learners: np.ndarray
    ) -> None:
        self.item_ids = item_ids
        self.item_neighbours, self.item_both, self.item_learners = neighbours, both, learners
        self._column = {item_id: column for column, item_id in enumerate(item_ids)}

    def fit(self, signals: pd.DataFrame) -> Self:
        """signals: as for a recommender. Raises NothingToDo without any."""
        weights, learner_ids, item_ids = matrix(signals)
        done = csr_matrix((np.ones(weights.nnz, np.int32), weights.indices, weights.indptr), weights.shape)
        learners = np.asarray(done.sum(axis=0)).ravel().astype(np.int64)
        n = len(item_ids)
        neighbours, both = np.full((n, KEPT), -1, np.int32), np.zeros((n, KEPT), np.int32)
        by_item = done.T.tocsr()
        for start in range(0, n, BLOCK):
            counts = (by_item[start : start + BLOCK] @ done).tocsr()  # counts[x, y] = learners of both
            for row in range(counts.shape[0]):
                _nearest(counts, row, start + row, learners, neighbours, both)
        self.n_learners = len(learner_ids)
        self._take(item_ids, neighbours, both, learners)
        return self

    def both(self, item_id: str) -> dict[str, int]:
        """Companion -> learners who did `item_id` and it; {} for an item nobody did."""
        if item_id not in self._column:
            return {}
        row = self._column[item_id]
        kept = self.item_neighbours[row] >= 0
        names = self.item_ids[self.item_neighbours[row][kept]]
        return dict(zip(names.tolist(), self.item_both[row][kept].tolist(), strict=True))

    def best(self, history: Sequence[str], item_id: str) -> tuple[str, int] | None:
        """(X, learners who did X and `item_id`), X of the history with the largest share of learners that
        went on to `item_id` too; None where none has FEWEST such learners and a LIFT of 1.2.

        lift = P(Y | X) / P(Y) = both n / (learners_x learners_y)
        """
        found: tuple[float, str, int] | None = None
        counts = self.both(item_id)
        for done in sorted(counts.keys() & set(history)):
            both, of_x = counts[done], int(self.item_learners[self._column[done]])
            lift = both * self.n_learners / (of_x * int(self.item_learners[self._column[item_id]]))
            if both >= FEWEST and lift >= LIFT and (found is None or both / of_x > found[0]):
                found = (both / of_x, done, both)
        return None if found is None else found[1:]

    def save(self, folder: Path) -> None:
        arrays = {
            "item_neighbours": self.item_neighbours,
            "item_both": self.item_both,
            "item_learners": self.item_learners,
        }
        save_model(folder, self.name, self.item_ids, {"n_learners": self.n_learners}, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable."""
        names = ("item_neighbours", "item_both", "item_learners")
        item_ids, settings, arrays = load_model(folder, cls.name, {"n_learners"}, set(names))
        table = cls()
        table.n_learners = settings["n_learners"]
        table._take(item_ids, *(arrays[name] for name in names))
        return table


def _nearest(
    counts: csr_matrix,
    row: int,
    item: int,
    learners: np.ndarray,
    neighbours: np.ndarray,
    both: np.ndarray,
) -> None:
    """Writes row `item` of `neighbours` and `both` from one row of `counts`."""
    cut = slice(counts.indptr[row], counts.indptr[row + 1])
    columns, found = counts.indices[cut], counts.data[cut]
    columns, found = columns[columns != item], found[columns != item]
    near = found / np.sqrt(learners[columns] * float(learners[item]))
    order = np.lexsort([columns, -near])[:KEPT]
    neighbours[item, : len(order)], both[item, : len(order)] = columns[order], found[order]


def because(contributions: Mapping[str, float], item_id: str) -> Reason | None:
    """`because_finished`, from what each history item adds to the score of `item_id` in the model itself.

    share: the part of the largest addition in all additions (what takes away is left out of the sum);
    None where it is below WEIGHTY.
    """
    adding = {done: part for done, part in contributions.items() if part > 0 and done != item_id}
    total = sum(part for part in contributions.values() if part > 0)
    best = min(adding, key=lambda done: (-adding[done], done), default=None)
    if best is None or adding[best] / total < WEIGHTY:
        return None
    return Reason("because_finished", {"item": best, "share": round(adding[best] / total, 3)})


def others_did(companions: Companions | None, history: Sequence[str], item_id: str) -> Reason | None:
    """`others_did`: learners of one history item who did `item_id` as well."""
    found = companions.best(history, item_id) if companions is not None else None
    return None if found is None else Reason("others_did", {"item": found[0], "learners": found[1]})


def similar(likeness: Likeness | None, history: Sequence[str], item_id: str) -> Reason | None:
    """`similar`: the history item most like `item_id` by its concepts or text."""
    found = likeness.most_like(history, item_id) if likeness is not None else None
    if found is None:
        return None
    return Reason("similar", {"item": found[0], "similarity": round(found[1], 2), "by": found[2]})


def told_by(
    ranker: Recommender | None, companions: Companions | None = None, likeness: Likeness | None = None
) -> Callable[[Sequence[str], str], list[Reason]]:
    """`explain` of `policy.next_steps`. A ranker that cannot take its scores apart gives no
    `because_finished`: another model's account of it would not be true."""
    contributions = getattr(ranker, "contributions", None)

    def explain(history: Sequence[str], item_id: str) -> list[Reason]:
        found = [
            because(contributions(history, item_id), item_id) if contributions is not None else None,
            others_did(companions, history, item_id),
            similar(likeness, history, item_id),
        ]
        return [reason for reason in found if reason is not None]

    return explain
