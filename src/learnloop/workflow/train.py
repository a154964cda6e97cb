"""train: a snapshot in, a candidate with its recommenders and its tracer out.

Everything at or after one instant, the split, is held back, and the candidate is released as it was
measured: it is not refitted on the held-back part. What a learner did since then still counts, because
recommendations fold in the whole history.
"""

import importlib.metadata
from typing import Any

from learnloop.evaluate.split import time_split
from learnloop.prepare.answers import to_answers
from learnloop.recommend.als import IALS
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.signals import signals
from learnloop.store import reading, snapshots
from learnloop.trace.logistic import LogisticTracer
from learnloop.workflow import candidate
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop

TEST_SHARE = 0.2


def train(
    loop: Loop,
    *,
    factors: int = 64,
    regularization: float = 10.0,
    alpha: float = 4.0,
    iterations: int = 15,
    test_share: float = TEST_SHARE,
    seed: int = 0,
) -> dict[str, Any]:
    """Raises NothingToDo where there are no interactions."""
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
    with step(f"trained recommenders on {len(done):,} learner-item pairs"):
        ials = IALS(factors, regularization, alpha, iterations, seed).fit(done)
        popularity = Popularity().fit(done)
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
    }
    with loop.registry.run("train", tags={"snapshot_sha256": snapshot.sha256}) as run:
        run.params({**parameters, "snapshot_sha256": snapshot.sha256, "split_at": facts["split_at"]})
        kept = candidate.keep(
            loop.settings, candidate.Models(ials, popularity, tracer), {**facts, "run_id": run.id}
        )
    return {
        "run_id": kept.run_id,
        **facts,
        "training": {
            "learners": int(done["learner_id"].nunique()),
            "items": len(ials.item_ids),
            "pairs": len(done),
            "answers": len(answers),
        },
    }
