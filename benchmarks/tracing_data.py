"""The sets of tracing.py as arrays that every model reads: numbers in .npz, no names.

    python tracing_data.py SET FOLDER [--data ../shared/data]

SET is ednet or simulated-FAMILY. Writes data.npz: one row an answer, in order of learner and time

    learner   item   correct   at (microseconds since 1970)
          0      0         1   1499059021000000

item_set (n_items,): the concepts of an item as one number; set_starts and set_concepts: which concepts those
are. fold (n_learners,): which of five a learner is tested in. validation (5, n_learners): a tenth of the
learners of each training part, who say when to stop and what to choose. Nothing is expanded by concept.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from learnloop.simulate.families import FAMILIES
from learnloop.simulate.practice import answers

FOLDS = 5
VALIDATION = 0.1  # of the training learners
LEARNERS, ANSWERS = 1000, 100  # simulated
SEED = 0
TIE = 10  # microseconds between answers of the same second, in the order of the file
SETS = ("ednet", *(f"simulated-{family}" for family in FAMILIES))


def ednet(data: Path) -> pd.DataFrame:
    """learner, item, concepts, correct, at."""
    folder = data / "ednet-small"
    raw = pd.read_csv(folder / "preprocessed_data_test.csv", sep="\t")
    skills = sparse.load_npz(folder / "q_mat.npz").tocsr()
    of_item = {item: tuple(skills[[item]].indices.tolist()) for item in raw["item_id"].unique().tolist()}
    earlier = raw.groupby(["user_id", "timestamp"]).cumcount()
    return pd.DataFrame(
        {
            "learner": raw["user_id"],
            "item": raw["item_id"],
            "concepts": raw["item_id"].map(of_item),
            "correct": raw["correct"],
            "at": raw["timestamp"] * 1_000_000 + TIE * earlier,
        }
    )


def simulated(family: str) -> pd.DataFrame:
    """The same of simulated learners, who go through the course in an order its prerequisites allow."""
    played = answers(family, LEARNERS, ANSWERS, SEED, policy="course order").answers
    return pd.DataFrame(
        {
            "learner": played["learner_id"],
            "item": played["item_id"],
            "concepts": played["concept_ids"],
            "correct": played["correct"].astype(int),
            "at": pd.DatetimeIndex(played["occurred_at"]).as_unit("us").asi8,
        }
    )


def arrays(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """What data.npz holds."""
    rows = rows.assign(learner=pd.factorize(rows["learner"])[0])
    rows = rows.sort_values(["learner", "at"], kind="stable").reset_index(drop=True)
    items, _ = pd.factorize(rows["item"])
    by_item = rows["concepts"][np.unique(items, return_index=True)[1]].tolist()
    item_set, sets = pd.factorize(pd.Series([tuple(sorted(concepts)) for concepts in by_item]))
    concepts, _ = pd.factorize(pd.Series([concept for one in sets for concept in one]))
    n_learners = int(rows["learner"].max()) + 1
    rng = np.random.default_rng(SEED)
    fold = rng.permutation(n_learners) % FOLDS
    validation = np.zeros((FOLDS, n_learners), dtype=bool)
    for number in range(FOLDS):
        training = np.flatnonzero(fold != number)
        chosen = rng.choice(training, size=round(VALIDATION * len(training)), replace=False)
        validation[number, chosen] = True
    return {
        "learner": rows["learner"].to_numpy(np.int64),
        "item": items.astype(np.int64),
        "correct": rows["correct"].to_numpy(np.int64),
        "at": rows["at"].to_numpy(np.int64),
        "item_set": item_set.astype(np.int64),
        "set_starts": np.r_[0, np.cumsum([len(one) for one in sets])],
        "set_concepts": concepts.astype(np.int64),
        "fold": fold,
        "validation": validation,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared/data")
    asked = parser.parse_args()
    family = asked.set.partition("simulated-")[2]
    found = arrays(simulated(family) if family else ednet(asked.data))
    asked.folder.mkdir(parents=True, exist_ok=True)
    np.savez(asked.folder / "data.npz", **found)
    about = {
        "answers": len(found["correct"]),
        "learners": len(found["fold"]),
        "items": len(found["item_set"]),
        "concepts": int(found["set_concepts"].max()) + 1,
        "concepts_per_item": float(np.diff(found["set_starts"])[found["item_set"]].mean()),
        "correct": float(found["correct"].mean()),
        "folds": FOLDS,
    }
    (asked.folder / "about.json").write_text(json.dumps(about, indent=1))


if __name__ == "__main__":
    main()
