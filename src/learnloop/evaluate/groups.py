"""For whom a model is good: by what learners had done before, by what they study, by how known an item is."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from learnloop.evaluate.ranking import Relevance, metrics

BANDS = (0, 1, 3, 6, 11, 21, 51)  # first length of each band of history
COLD = 5  # an item that fewer training learners did is cold
SHARES = ("head", "middle", "tail")
SHOWN = ("ndcg", "recall")  # of each group
MOST_GROUPS, OTHER = 20, "other"


def history_bands(lengths: np.ndarray) -> np.ndarray:
    """(n,) of str: "0" (new learners), "1-2", …, "51+", by how many items were done before."""
    ends = [str(end - 1) for end in BANDS[1:]]
    names = [
        begin if begin == end else f"{begin}-{end}" for begin, end in zip(map(str, BANDS), ends, strict=False)
    ]
    return np.array([*names, f"{BANDS[-1]}+"], dtype=object)[
        np.searchsorted(BANDS, lengths, side="right") - 1
    ]


def popularity_thirds(counts: np.ndarray) -> np.ndarray:
    """(n_items,) 0, 1, 2 for head, middle, tail: items in order of popularity, each a third of the events."""
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    found = np.empty(len(counts), dtype=int)
    found[order] = np.minimum(3 * before // max(int(counts.sum()), 1), 2)
    return found


def by_learner(per_learner: pd.DataFrame, labels: np.ndarray) -> dict[str, pd.DataFrame]:
    """label -> the columns SHOWN of all n learners, NaN for those of another group.

    labels: (n,) of str, "" for a learner of no group; beyond MOST_GROUPS, the rarest together are OTHER.
    """
    names, sizes = np.unique(labels[labels != ""].astype(str), return_counts=True)
    kept = set(names[np.argsort(-sizes, kind="stable")[:MOST_GROUPS]].tolist())
    told = np.array([label if label in kept or label == "" else OTHER for label in labels], dtype=object)
    shown = per_learner[list(SHOWN)]
    return {
        str(label): shown.mul(np.where(told == label, 1.0, np.nan), axis=0)
        for label in sorted(set(told) - {""})
    }


def by_item_popularity(
    columns: np.ndarray, relevant: Relevance, counts: np.ndarray, k: int
) -> dict[str, pd.DataFrame]:
    """head, middle, tail, cold -> the metrics of SHOWN where only such items count as relevant.

    Rows are all n learners, NaN where a learner has no such item. Cold: fewer than COLD training learners,
    items outside the catalogue among them; cold ones are in none of the thirds.
    """
    cold = counts < COLD
    thirds = popularity_thirds(counts)
    asked = {name: relevant.within((thirds == number) & ~cold) for number, name in enumerate(SHARES)}
    asked["cold"] = relevant.within(cold, outside=True)
    return {name: metrics(part.hits(columns), part.sizes, k)[list(SHOWN)] for name, part in asked.items()}


def main_value(
    values: Mapping[str, str], histories: Sequence[Sequence[str]], relevant: Sequence[set[str]]
) -> np.ndarray:
    """(n,) of str: what most of a learner's items have (of the history; of a new learner, what came next).

    values: item -> its language, level, …. "" where no item has one; a tie goes to the smaller value.
    """
    found = np.full(len(histories), "", dtype=object)
    for row, (history, after) in enumerate(zip(histories, relevant, strict=True)):
        counted: dict[str, int] = {}
        for item_id in set(history) or after:
            if value := values.get(item_id):
                counted[value] = counted.get(value, 0) + 1
        if counted:
            found[row] = min(counted, key=lambda value: (-counted[value], value))
    return found


def own_value(learner_ids: pd.Series, values: pd.Series) -> dict[str, str]:
    """learner -> the value most of the learner's rows have; a tie goes to the smaller value."""
    there = values.notna().to_numpy()
    counted = pd.DataFrame({"learner": learner_ids[there], "value": values[there]}).value_counts(sort=False)
    frame = (
        counted.rename("n").reset_index().sort_values(["n", "value"], ascending=[False, True], kind="stable")
    )
    first = frame.drop_duplicates("learner")
    return dict(zip(first["learner"], first["value"], strict=True))


def classes(item_ids: np.ndarray, values: Mapping[str, str], separator: str = "|") -> csr_matrix:
    """(n_items, n_classes): the shares of an item's values ("a|b" is half each); rows of 0 where none."""
    parts = [
        sorted({part.strip() for part in values.get(item_id, "").split(separator)} - {""})
        for item_id in item_ids
    ]
    names = sorted({name for part in parts for name in part})
    column = {name: place for place, name in enumerate(names)}
    rows = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    columns = [column[name] for part in parts for name in part]
    shares = np.array([1 / len(part) for part in parts for _ in part], dtype=float)
    return csr_matrix((shares, (rows, columns)), shape=(len(parts), max(len(names), 1)))


def popularity_classes(counts: np.ndarray) -> csr_matrix:
    """`classes` where items have no attribute: head, middle, tail."""
    return csr_matrix(np.eye(3)[popularity_thirds(counts)])
