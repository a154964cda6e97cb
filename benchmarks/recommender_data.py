"""The sets of recommenders.py as folds that every model reads: numbers in .npz, no names.

    python recommender_data.py SET SPLIT FOLDER [--data ../shared/data]

SET is movielens, oulad or simulated, SPLIT time or leave-last-out. Writes validation.npz (a fold of the
training part) and test.npz: events in order of learner and time, the learners with a history who are asked
and what they did next. Learners without a history are in `new_…`.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from learnloop.evaluate import protocols
from learnloop.evaluate.protocols import Fold

STARTS = {"B": "-02-01", "J": "-10-01"}  # OULAD: 2013B begins in February, 2013J in October
TUNED_ON = 15_000  # learners of training that models are tuned on, where there are more
ASKED = 10_000  # learners of the test, where there are more
SEED = 0


def movielens(data: Path) -> pd.DataFrame:
    """Every rating is a film seen: learner_id, item_id, at."""
    ratings = pd.read_csv(data / "movielens-latest-small/ratings.csv")
    return pd.DataFrame(
        {
            "learner_id": ratings["userId"].astype("str"),
            "item_id": ratings["movieId"].astype("str"),
            "at": ratings["timestamp"].astype(float),
        }
    )


def oulad(data: Path) -> pd.DataFrame:
    """Assessments handed in and pages opened (a sample of one presentation, all there is).

    An assessment is (module, type, n-th by date), as in docs/decisions.md; banked marks are nobody's doing.
    """
    folder = data / "oulad"
    tests = pd.read_csv(folder / "assessments.csv")
    group = ["code_module", "code_presentation", "assessment_type"]
    tests = tests.sort_values([*group, "date", "id_assessment"], na_position="last")
    nth = (tests.groupby(group).cumcount() + 1).astype("str")
    tests["item_id"] = tests["code_module"] + "-" + tests["assessment_type"] + "-" + nth
    handed = pd.read_csv(folder / "studentAssessment.csv")
    handed = handed[handed["is_banked"] == 0].merge(tests.drop(columns="date"), on="id_assessment")
    opened = pd.read_csv(folder / "studentVle_SAMPLE_first_rows_AAA2013J.csv")
    opened = opened.drop_duplicates(["id_student", "id_site", "date"])
    opened["item_id"] = opened["code_module"] + "-site-" + opened["id_site"].astype("str")
    both = pd.concat([opened, handed.rename(columns={"date_submitted": "date"})], ignore_index=True)
    began = both["code_presentation"].str[:4] + both["code_presentation"].str[4].map(STARTS)
    at = (pd.to_datetime(began) - pd.Timestamp(0)).dt.total_seconds() + 86_400.0 * both["date"]
    return pd.DataFrame(
        {"learner_id": both["id_student"].astype("str"), "item_id": both["item_id"].astype("str"), "at": at}
    )


def simulated(data: Path) -> pd.DataFrame:
    from learnloop.simulate.catalogue_log import catalogue_log

    return catalogue_log(seed=7).events[["learner_id", "item_id", "at"]]


SETS = {"movielens": movielens, "oulad": oulad, "simulated": simulated}


def some(names: list[str], most: int) -> list[str]:
    if len(names) <= most:
        return names
    return sorted(np.random.default_rng(SEED).choice(np.array(names, dtype=object), most, replace=False))


def write(fold: Fold, path: Path) -> dict[str, float]:
    """`fold` as numbers, items in order of name, so that ties by number are ties by name."""
    item_ids = np.sort(fold.train["item_id"].unique().astype(object))
    known = [learner for learner, history in fold.histories.items() if history]
    new = [learner for learner, history in fold.histories.items() if not history]
    total = len(known) + len(new)
    most = ASKED * len(known) // total
    known, new = some(known, most if total > ASKED else total), some(new, ASKED - most)
    learner_ids = np.sort(fold.train["learner_id"].unique().astype(object))
    user = pd.Index(learner_ids).get_indexer(fold.train["learner_id"])
    order = np.argsort(user, kind="stable")  # training is in order of time
    arrays = {
        "user": user[order].astype(np.int32),
        "item": pd.Index(item_ids).get_indexer(fold.train["item_id"])[order].astype(np.int32),
        "at": fold.train["at"].to_numpy(float)[order],
        "shape": np.array([len(learner_ids), len(item_ids)]),
        "asked": pd.Index(learner_ids).get_indexer(known).astype(np.int32),
    }
    for prefix, learners in (("", known), ("new_", new)):
        wanted = [sorted(fold.relevant[learner]) for learner in learners]
        sizes = np.array([len(items) for items in wanted], dtype=np.int64)
        flat = [item for items in wanted for item in items]
        columns = pd.Index(item_ids).get_indexer(pd.Index(flat, dtype=object))
        rows = np.repeat(np.arange(len(wanted)), sizes)
        arrays |= {
            f"{prefix}sizes": sizes,
            f"{prefix}relevant_row": rows[columns >= 0],
            f"{prefix}relevant_item": columns[columns >= 0],
        }
    np.savez(path, **arrays)
    return {
        "events": len(fold.train),
        "learners": len(learner_ids),
        "items": len(item_ids),
        "asked": len(known),
        "new": len(new),
        "relevant": float(arrays["sizes"].mean()) if len(known) else 0.0,
        "reachable": float(len(arrays["relevant_row"]) / max(arrays["sizes"].sum(), 1)),
    }


def prepare(log: pd.DataFrame, split: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    fold = protocols.folds(log, split)[0]
    about = {"rows": len(log), "test": write(fold, folder / "test.npz")}
    inner = fold
    names = np.sort(fold.train["learner_id"].unique().astype(object))
    if len(names) > TUNED_ON:
        part = fold.train[fold.train["learner_id"].isin(some(names.tolist(), TUNED_ON))]
        inner = Fold(fold.name, part.reset_index(drop=True), {}, {})
    about["validation"] = write(protocols.validation(inner, split), folder / "validation.npz")
    (folder / "about.json").write_text(json.dumps(about, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("split", choices=["time", "leave-last-out"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared/data")
    asked = parser.parse_args()
    prepare(SETS[asked.set](asked.data), asked.split, asked.folder)


if __name__ == "__main__":
    main()
