"""train: a snapshot in, a candidate with its recommenders and its tracer out.

Everything at or after one instant, the split, is held back, and the candidate is released as it was
measured: it is not refitted on the held-back part. What a learner did since then still counts, because
recommendations fold in the whole history. The recommender is chosen on a validation part of the training
data (`workflow.choose`).
"""

import importlib.metadata
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import pandas as pd

from learnloop.errors import BadInput
from learnloop.evaluate.split import time_split
from learnloop.prepare.answers import to_answers
from learnloop.recommend.als import IALS
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.reasons import Companions
from learnloop.recommend.signals import signals
from learnloop.recommend.stored import Recommenders
from learnloop.schemas import ItemFeatures
from learnloop.store import reading, snapshots
from learnloop.trace.logistic import LogisticTracer
from learnloop.workflow import candidate
from learnloop.workflow.choose import FAST, Choice, Make, choose
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop
from learnloop.workflow.recommenders import RECOMMENDERS

TEST_SHARE = 0.2


def train(
    loop: Loop,
    *,
    recommender: str = "auto",
    factors: int = 64,
    regularization: float = 10.0,
    alpha: float = 4.0,
    iterations: int = 15,
    test_share: float = TEST_SHARE,
    seed: int = 0,
) -> dict[str, Any]:
    """recommender: the name of the one to release, or `auto` for the best of a few fast ones on validation.

    The numbers are those of iALS. Raises NothingToDo where there are no interactions, BadInput on a
    recommender there is not.
    """
    if recommender != "auto" and recommender not in RECOMMENDERS:
        raise BadInput(
            f"there is no recommender {recommender!r}; there are auto, {', '.join(sorted(RECOMMENDERS))}",
            field="recommender",
        )
    loop.settings.snapshots_dir.mkdir(parents=True, exist_ok=True, mode=0o700)  # who did what is private
    with step("snapshot of the interactions"):
        snapshot = snapshots.export(loop.engine, loop.settings.snapshots_dir)
        interactions = snapshots.read(snapshot.path, snapshot.sha256)
        items, item_concepts = reading.items(loop.engine), reading.item_concepts(loop.engine)
    known, _, split_at = time_split(interactions, test_share)
    done, answers = signals(known, items), to_answers(known, items, item_concepts)
    parameters = {
        "factors": factors,
        "regularization": regularization,
        "alpha": alpha,
        "iterations": iterations,
        "seed": seed,
        "test_share": test_share,
    }
    ials = partial(IALS, factors, regularization, alpha, iterations, seed)
    make: dict[str, Make] = {**RECOMMENDERS, "ials": ials}
    features: ItemFeatures | None = None
    choice = _choice(recommender, known, items, make, features)
    with step(f"trained recommenders on {len(done):,} learner-item pairs"):
        fitted = ials().fit(done)
        ranker = fitted if choice.name == "ials" else make[choice.name]().fit(done, features)
        recommenders = Recommenders(ranker, fitted, Popularity().fit(done), Companions().fit(done))
    tracer = None
    if len(answers):
        with step(f"trained the tracer on {len(answers):,} answers"):
            tracer = LogisticTracer().fit(answers)
    facts = {
        "snapshot_sha256": snapshot.sha256,
        "snapshot_file": snapshot.path.name,
        "snapshot_rows": snapshot.rows,
        "split_at": split_at.isoformat(),
        "learnloop_version": importlib.metadata.version("learnloop"),
        "parameters": parameters,
        "recommender": asdict(choice),
    }
    with loop.registry.run("train", tags={"snapshot_sha256": snapshot.sha256}) as run:
        run.metrics({f"validation_ndcg_at_10_{name}": value for name, value in choice.validation.items()})
        told = {"recommender": choice.name, "snapshot_sha256": snapshot.sha256}
        run.params({**parameters, **told, "split_at": facts["split_at"]})
        kept = candidate.keep(
            loop.settings, candidate.Models(recommenders, tracer), {**facts, "run_id": run.id}
        )
    return {
        "run_id": kept.run_id,
        **facts,
        "training": {
            "learners": int(done["learner_id"].nunique()),
            "items": len(recommenders.ranker.item_ids),
            "pairs": len(done),
            "answers": len(answers),
        },
    }


def _choice(
    recommender: str,
    known: pd.DataFrame,
    items: pd.DataFrame,
    make: dict[str, Make],
    features: ItemFeatures | None,
) -> Choice:
    if recommender != "auto":
        return Choice(recommender, "asked for by name")
    competing: Sequence[str] = [name for name in FAST if name in make]
    with step(f"chose among {', '.join(competing)}"):
        return choose(known, items, {name: make[name] for name in competing}, features)
