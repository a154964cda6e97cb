"""What variety costs: NDCG@10 and intra-list diversity of the champion's lists, by the knob `diversity`.

    LEARNLOOP_HOME=~/.local/share/learnloop/demo python benchmarks/diversity.py [--json F]

Needs a release (`learnloop demo --no-serve`). A list is made for every learner of the held-back part from the
50 best unseen items, without the policy: prerequisites would hide most of the effect on both numbers.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from learnloop.evaluate.ranking import paired_difference, ranking_metrics
from learnloop.recommend.decisions import CANDIDATES
from learnloop.recommend.diversity import Likeness, intra_list_diversity
from learnloop.recommend.exploration import draw, relevance
from learnloop.recommend.policy import Catalogue
from learnloop.recommend.ranking import recommend
from learnloop.store import reading
from learnloop.workflow import candidate
from learnloop.workflow.context import Loop
from learnloop.workflow.holdout import Holdout

KNOBS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
K = 10


def measure(loop: Loop) -> list[dict[str, float]]:
    release = loop.registry.champion()
    models = candidate.Models.load(release.folder)
    items, item_concepts = reading.items(loop.engine), reading.item_concepts(loop.engine)
    interactions = candidate.training_snapshot(loop.settings, release.manifest)
    split_at = candidate.Candidate(release.folder, release.manifest).split_at
    asked = Holdout.of(interactions, split_at, items, item_concepts)
    catalogue = Catalogue.from_frames(items, item_concepts, reading.prerequisites(loop.engine))
    reachable = sorted(catalogue.reachable)
    likeness = Likeness(reachable, catalogue.concepts, catalogue.course, models.recommenders.texts)
    learners = sorted(asked.relevant)
    ranked = recommend(models.ranker, [asked.histories[learner] for learner in learners], CANDIDATES)
    found, plain = [], None
    for knob in KNOBS:
        lists, varied = {}, []
        for learner, row in zip(learners, ranked, strict=True):
            ids = [item_id for item_id, _ in row]
            alike = likeness.matrix(ids)
            values = relevance(np.array([score for _, score in row]))
            order = draw(values, K, np.random.default_rng(0), 0.0, knob, alike).order
            lists[learner] = [ids[place] for place in order]
            varied.append(intra_list_diversity(alike[np.ix_(order, order)]))
        ndcg = ranking_metrics(lists, asked.relevant, len(models.ranker.item_ids), K)["ndcg"]
        plain = ndcg if plain is None else plain
        change = paired_difference(ndcg, plain)
        found.append(
            {
                "diversity": knob,
                "ndcg": float(ndcg.mean()),
                "intra_list_diversity": float(np.mean(varied)),
                "ndcg_change": change["value"],
                "low": change["low"],
                "high": change["high"],
                "learners": len(learners),
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    loop = Loop()
    try:
        rows = measure(loop)
    finally:
        loop.close()
    print("diversity   NDCG@10   change [95%]                ILD@10")
    for row in rows:
        print(
            f"{row['diversity']:9.1f} {row['ndcg']:9.4f}   {row['ndcg_change']:+.4f}"
            f" [{row['low']:+.4f}, {row['high']:+.4f}] {row['intra_list_diversity']:10.4f}"
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
