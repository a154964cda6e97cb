"""release: the latest candidate into the registry and, where the gate lets it, behind `champion`."""

from pathlib import Path
from typing import Any

from learnloop.errors import ModelUnavailable, NothingToDo
from learnloop.monitor.gate import RANKING_MARGIN, TRACING_MARGIN, Verdict, not_worse
from learnloop.recommend.stored import Recommenders
from learnloop.store import reading
from learnloop.workflow import candidate
from learnloop.workflow.candidate import Candidate, Models
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop
from learnloop.workflow.evaluate import evaluate
from learnloop.workflow.holdout import Holdout, log_loss_by_learner
from learnloop.workflow.train import train

MODEL_CODE = Path(__file__).with_name("mlflow_model.py")


def release(loop: Loop, *, force: bool = False, k: int = 10) -> dict[str, Any]:
    """Registers the candidate; the first release is promoted, a later one where it is not worse.

    Raises NothingToDo where the candidate has not been evaluated: nobody would know what they ship.
    """
    kept = candidate.latest(loop.settings)
    if "ranking" not in kept.metrics:
        raise NothingToDo(f"candidate {kept.run_id} has not been evaluated", "learnloop evaluate")
    verdicts = {} if force else _gate(loop, kept, k)
    with step("registered in MLflow"):
        # at the k that `evaluate` was given, which need not be the gate's
        ranker = Models.load(kept.folder).ranker.name
        headline = {f"ndcg_at_{kept.metrics['k']}": kept.metrics["ranking"][ranker]["ndcg"]["value"]}
        registered = loop.registry.register(kept.folder, kept.run_id, MODEL_CODE, headline)
    promoted = all(verdict.promote for verdict in verdicts.values())
    replaced = loop.registry.promote(registered.version) if promoted else loop.registry.champion_version()
    loop.registry.resume(kept.run_id).document(
        {name: verdict.to_dict() for name, verdict in verdicts.items()}, "gate.json"
    )
    return {
        "version": registered.version,
        "promoted": promoted,
        "champion": loop.registry.champion_version(),
        "former_champion": replaced,
        "gate": {name: verdict.to_dict() for name, verdict in verdicts.items()},
    }


def retrain(loop: Loop, *, k: int = 10) -> dict[str, Any]:
    """A challenger on today's data, evaluated, and promoted only if it is not worse than the champion."""
    with loop.alone():
        trained, evaluated = train(loop), evaluate(loop, k=k)
        return {"train": trained, "evaluate": evaluated, "release": release(loop, k=k)}


def rollback(loop: Loop) -> dict[str, Any]:
    """The former champion serves again."""
    version, back_to = loop.registry.rollback()
    return {"from": version, "to": back_to}


def _gate(loop: Loop, kept: Candidate, k: int) -> dict[str, Verdict]:
    """Champion and candidate on the same learners and answers, later than the training data of both."""
    if loop.registry.champion_version() is None:
        return {}
    current = loop.registry.champion()
    challenger, tracing = Models.load(kept.folder), {}
    try:
        champion = Models.load(current.folder)
    except ModelUnavailable as error:  # an upgrade that reads its tracer no more must not close the gate
        champion = Models(Recommenders.load(current.folder / "recommender"), None)
        tracing = {"tracing": Verdict(True, f"nothing to compare with: {error.problem}", 0.0, 0.0, 0.0, 0)}
    since = max(kept.split_at, Candidate(current.folder, current.manifest).split_at)
    with step(f"compared with release {current.version} on activity since {since:%Y-%m-%d}"):
        interactions = candidate.training_snapshot(loop.settings, kept.manifest)
        items, item_concepts = reading.items(loop.engine), reading.item_concepts(loop.engine)
        holdout = Holdout.of(interactions, since, items, item_concepts)
        before, after = (holdout.rank(models.ranker, k)[1]["ndcg"] for models in (champion, challenger))
        ranking = not_worse(before.to_numpy(), after.loc[before.index].to_numpy(), margin=RANKING_MARGIN)
        verdicts = {"ranking": ranking, **tracing}
        if champion.tracer is not None and challenger.tracer is not None and holdout.asked.any():
            asked = holdout.asked_answers()
            old, new = (
                log_loss_by_learner(asked, holdout.trace(models.tracer))
                for models in (champion, challenger)
                if models.tracer is not None
            )
            verdicts["tracing"] = not_worse(
                old.to_numpy(), new.loc[old.index].to_numpy(), margin=TRACING_MARGIN, higher_is_better=False
            )
    return verdicts
