"""What goes wrong when a ranking is measured among sampled candidates, or over events instead of learners.

    python benchmarks/sampled_candidates.py ratings.csv [--models popularity,bpr,neighbours,ials]

MovieLens' ratings.csv, ratings from 3 on, each learner's last film held back. Every model ranks (a) the
whole catalogue and (b) the held-back film among 100 unseen ones drawn at random. Then, on a time split: the
width of the 95% interval of the share of films found among the first 10, over learners, and as if each film
were a learner of its own.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from learnloop.evaluate.protocols import Fold, folds
from learnloop.evaluate.ranking import interval, resampled_means
from learnloop.recommend.ranking import rank
from learnloop.recommend.signals import pairs
from learnloop.workflow.recommenders import RECOMMENDERS

K, DRAWN, SEED, RESAMPLES = 10, 100, 0, 2_000


def log_of(path: Path) -> pd.DataFrame:
    ratings = pd.read_csv(path, dtype={"userId": str, "movieId": str})
    ratings = ratings[ratings["rating"] >= 3]
    return pd.DataFrame(
        {
            "learner_id": ratings["userId"],
            "item_id": ratings["movieId"],
            "at": ratings["timestamp"].astype(float),
        }
    )


def sampled_and_whole(fold: Fold, name: str) -> tuple[float, float]:
    """(NDCG@10 over the catalogue, NDCG@10 among DRAWN others), one relevant item a learner."""
    rng = np.random.default_rng(SEED)
    model = RECOMMENDERS[name]().fit(pairs(fold.train["learner_id"], fold.train["item_id"], fold.train["at"]))
    column = {item_id: place for place, item_id in enumerate(model.item_ids)}
    asked = [who for who, wanted in fold.relevant.items() if next(iter(wanted)) in column]
    histories = [fold.histories[who] for who in asked]
    scores = model.scores(histories)
    gains = np.zeros((len(asked), 2))
    for row, (who, history) in enumerate(zip(asked, histories, strict=True)):
        wanted = column[next(iter(fold.relevant[who]))]
        unseen = np.ones(len(column), dtype=bool)
        unseen[[column[item_id] for item_id in history if item_id in column]] = False
        unseen[wanted] = False
        others = np.flatnonzero(unseen)
        for place, rivals in enumerate((others, rng.choice(others, DRAWN, replace=False))):
            theirs, mine = scores[row, rivals], scores[row, wanted]
            above = int((theirs > mine).sum() + ((theirs == mine) & (rivals < wanted)).sum())
            gains[row, place] = 1 / np.log2(above + 2) if above < K else 0.0
    whole, sampled = gains.sum(axis=0) / len(fold.relevant)  # what training does not know is missed by both
    return float(whole), float(sampled)


def widths(fold: Fold, name: str) -> tuple[float, float]:
    """Widths of the interval of the share of items found: over learners, and over items as if independent."""
    model = RECOMMENDERS[name]().fit(pairs(fold.train["learner_id"], fold.train["item_id"], fold.train["at"]))
    columns, _ = rank(model, list(fold.histories.values()), K)
    lists = [set(model.item_ids[row[row >= 0]]) for row in columns]
    found = np.array(
        [len(shown & fold.relevant[who]) for shown, who in zip(lists, fold.relevant, strict=True)]
    )
    asked = np.array([len(wanted) for wanted in fold.relevant.values()])
    rng = np.random.default_rng(SEED)
    means = resampled_means(np.column_stack([found, asked]).astype(float), RESAMPLES, rng)
    over_learners = interval(means[:, 0] / means[:, 1])
    share = found.sum() / asked.sum()
    over_items = interval(rng.binomial(asked.sum(), share, RESAMPLES) / asked.sum())
    return over_learners[1] - over_learners[0], over_items[1] - over_items[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ratings", type=Path)
    parser.add_argument("--models", default="popularity,bpr,neighbours,ials")
    options = parser.parse_args()
    log = log_of(options.ratings)
    (last,), (later,) = folds(log, "leave-last-out"), folds(log, "time")
    print("| model | whole catalogue | among 100 | interval over learners | as if over items |")
    print("|---|---|---|---|---|")
    for name in options.models.split(","):
        whole, sampled = sampled_and_whole(last, name)
        learners, items = widths(later, name)
        print(f"| {name} | {whole:.3f} | {sampled:.3f} | {learners:.4f} | {items:.4f} |", flush=True)


if __name__ == "__main__":
    main()
