"""For which answers a tracer is good: the first on an item, of new learners, on new items, by history."""

import itertools
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from learnloop.evaluate.groups import MOST_GROUPS, OTHER

NEW = 10  # a learner is new for so many answers
BANDS = (0, 1, 5, 10, 20, 50, 100, 200, 500)  # first position of each band of history
KINDS = ("attempt_on_item", "attempt_on_concept", "learner", "item", "history")  # that are ours


def labels(
    answers: pd.DataFrame, trained_items: Collection[str], columns: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Kind -> (n,) of str, "" where an answer is in no group.

    answers: ANSWERS by learner and time, all that is known of each learner, with `columns`. trained_items:
    those a model was trained on; all others are new.
    """
    position = positions(answers)
    first_item = ~answers.duplicated(["learner_id", "item_id"]).to_numpy()
    first_concept = ~_met_before(answers)
    new_item = ~answers["item_id"].isin(list(trained_items)).to_numpy()
    return {
        "attempt_on_item": np.where(first_item, "first", "later"),
        "attempt_on_concept": np.where(first_concept, "first", "later"),
        "learner": np.where(position < NEW, f"new: the first {NEW} answers", "known"),
        "item": np.where(new_item, "new: not in training", "in training"),
        "history": history_bands(position),
        **{name: common(answers[name]) for name in columns},
    }


def positions(answers: pd.DataFrame) -> np.ndarray:
    """(n,) how many answers of the learner stand before each."""
    return answers.groupby("learner_id", sort=False).cumcount().to_numpy()


def history_bands(position: np.ndarray) -> np.ndarray:
    """(n,) of str: "0", "1-4", "5-9", …, "500+"."""
    names = [
        str(begin) if end == begin + 1 else f"{begin}-{end - 1}" for begin, end in itertools.pairwise(BANDS)
    ]
    places = np.searchsorted(BANDS, position, side="right") - 1
    return np.array([*names, f"{BANDS[-1]}+"], dtype=object)[places]


def common(values: pd.Series) -> np.ndarray:
    """(n,) of str: the MOST_GROUPS commonest values, OTHER for the rest, "" where there is none."""
    told = values.astype(object).where(values.notna(), "")
    kept = set(told[told != ""].value_counts().index[:MOST_GROUPS])
    return np.array([str(v) if v == "" or v in kept else OTHER for v in told], dtype=object)


def _met_before(answers: pd.DataFrame) -> np.ndarray:
    """(n,) whether the learner has answered anything on one of the answer's concepts before."""
    lengths = np.array([len(concepts) for concepts in answers["concept_ids"]], dtype=np.int64)
    rows = np.repeat(np.arange(len(answers)), lengths)
    learners, _ = pd.factorize(answers["learner_id"])
    flat = pd.Series([c for concepts in answers["concept_ids"] for c in concepts], dtype="str")
    pairs = pd.DataFrame({"learner": learners[rows], "concept": pd.factorize(flat)[0], "row": rows})
    first = pairs.groupby(["learner", "concept"], sort=False)["row"].transform("min").to_numpy()
    met = np.zeros(len(answers), dtype=bool)
    met[rows[rows > first]] = True
    return met
