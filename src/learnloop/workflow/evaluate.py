"""evaluate: the latest candidate on the activity it has not seen, beside baselines, into MLflow."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import pandas as pd

from learnloop.errors import NothingToDo
from learnloop.evaluate import plots
from learnloop.evaluate.calibration import reliability, tracing_metrics
from learnloop.evaluate.ranking import coverage, paired_difference, summary
from learnloop.prepare.answers import to_answers
from learnloop.recommend.random_ranking import RandomRanking
from learnloop.recommend.signals import signals
from learnloop.schemas import Recommender, Tracer
from learnloop.store import reading
from learnloop.store.releases import Run
from learnloop.trace.memory import Memory
from learnloop.trace.rate import RateTracer
from learnloop.workflow import candidate
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop
from learnloop.workflow.holdout import Holdout

# a model, and item -> course where it may rank the learner's own courses alone
Rival = tuple[Recommender, Mapping[str, str] | None]


def evaluate(loop: Loop, *, k: int = 10, n_bootstrap: int = 500, seed: int = 0) -> dict[str, Any]:
    """Raises NothingToDo where no learner of the past was active after the split."""
    kept = candidate.latest(loop.settings)
    models = candidate.Models.load(kept.folder)
    interactions = candidate.training_snapshot(loop.settings, kept.manifest)
    items, item_concepts = reading.items(loop.engine), reading.item_concepts(loop.engine)
    known = interactions[interactions["occurred_at"] < kept.split_at]
    holdout = Holdout.of(interactions, kept.split_at, items, item_concepts)
    if not holdout.relevant:
        raise NothingToDo(
            f"no learner was active both before and after {kept.split_at:%Y-%m-%d}",
            "learnloop train --test-share 0.4",
        )
    with step(f"evaluated recommenders on {len(holdout.relevant):,} learners"):
        in_course = items[items["parent_id"].notna()]
        courses = dict(zip(in_course["item_id"], in_course["parent_id"], strict=True))
        ranker = models.ranker.name
        rivals: dict[str, Rival] = {
            ranker: (models.ranker, None),
            "ials": (models.ials, None),
            "popularity": (models.popularity, None),
            "popularity_in_course": (models.popularity, courses),
            "random": (RandomRanking(seed).fit(signals(known, items)), None),
        }
        ranking, per_learner = _ranking(ranker, rivals, holdout, k, n_bootstrap, seed)
    tracing: dict[str, Any] = {}
    if models.tracer is not None and holdout.asked.any():
        with step(f"evaluated the tracer on {int(holdout.asked.sum()):,} answers"):
            baseline = RateTracer().fit(to_answers(known, items, item_concepts))
            tracers: dict[str, Tracer] = {models.tracer.name: models.tracer, "item_rate": baseline}
            tracing, curve = _tracing(tracers, models.memory, holdout, seed)
    report = {
        "k": k,
        "split_at": kept.split_at.isoformat(),
        "learners": len(holdout.relevant),
        "new_learners": holdout.new_learners,
        "recommender": ranker,
        "tracer": models.tracer.name if models.tracer is not None else None,
        "reachable_share": holdout.reachable_share(models.ranker.item_ids),
        "ranking": ranking,
        "tracing": tracing,
    }
    kept = kept.with_metrics("k", k).with_metrics("ranking", ranking).with_metrics("tracing", tracing)
    with step("logged to MLflow"):
        run = loop.registry.resume(kept.run_id)
        run.metrics(_flat(report, k))
        run.document(report, "evaluation.json")
        _plots(run, ranking, per_learner, holdout, curve if tracing else None, k)
    return {"run_id": kept.run_id, **report}


def _ranking(
    ranker: str, rivals: Mapping[str, Rival], holdout: Holdout, k: int, n_bootstrap: int, seed: int
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    report: dict[str, Any] = {}
    per_learner: dict[str, pd.DataFrame] = {}
    for name, (model, courses) in rivals.items():
        recommended, per_learner[name] = holdout.rank(model, k, courses)
        report[name] = {
            **summary(per_learner[name], n_bootstrap=n_bootstrap, seed=seed),
            "coverage": coverage(recommended, len(model.item_ids)),
        }
    ours = sorted({ranker, "ials"} - {"popularity"})
    for one, other in product(ours, ("popularity", "popularity_in_course")):
        difference = paired_difference(per_learner[one]["ndcg"], per_learner[other]["ndcg"], seed=seed)
        report[f"{one}_minus_{other}"] = {"ndcg": difference}
    return report, per_learner


def _tracing(
    tracers: Mapping[str, Tracer], memory: Memory | None, holdout: Holdout, seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """(metrics of each, the reliability of the first). `recall` is of memory's predictions where there was
    time to forget: of answers a day or more after the concept was last practised."""
    asked = holdout.asked_answers()
    correct, learners = asked["correct"].to_numpy(float), asked["learner_id"].to_numpy(object)
    predicted = {name: holdout.trace(tracer) for name, tracer in tracers.items()}
    report: dict[str, Any] = {
        name: dict(tracing_metrics(correct, p, learners, seed=seed)) for name, p in predicted.items()
    }
    report["answers"] = len(asked)
    rested = holdout.rested()
    if memory is not None and rested.any():
        recalled = holdout.trace(memory)[rested]
        report["recall"] = dict(tracing_metrics(correct[rested], recalled, learners[rested], seed=seed))
        report["recall_answers"] = int(rested.sum())
    return report, reliability(correct, next(iter(predicted.values())))


def _plots(
    run: Run,
    ranking: Mapping[str, Any],
    per_learner: Mapping[str, pd.DataFrame],
    holdout: Holdout,
    curve: pd.DataFrame | None,
    k: int,
) -> None:
    models = {name: scores for name, scores in ranking.items() if "minus" not in name}
    run.figure(plots.metric_by_model(models, "ndcg", f"NDCG@{k}"), "ndcg_by_model.png")
    lengths = {learner: len(set(history)) for learner, history in holdout.histories.items()}
    run.figure(
        plots.score_by_history_length(per_learner, lengths, title=f"NDCG@{k} by items done before"),
        "ndcg_by_history.png",
    )
    if curve is not None:
        run.figure(plots.reliability_curve(curve), "reliability.png")


def _flat(report: Mapping[str, Any], k: int) -> dict[str, float]:
    """MLflow's metric names: ials_ndcg_at_10, logistic_auc, … with _low and _high beside them."""
    flat: dict[str, float] = {}
    for part, suffix in (("ranking", f"_at_{k}"), ("tracing", "")):
        for model, metrics in report[part].items():
            if not isinstance(metrics, Mapping):
                continue
            for name, value in metrics.items():
                ends = value.items() if isinstance(value, Mapping) else [("value", value)]
                for end, number in ends:
                    flat[f"{model}_{name}{suffix}" + ("" if end == "value" else f"_{end}")] = float(number)
    return flat
