"""A tracer's hyper-parameters, searched on validation learners; the test is never looked at.

Learners are split, never rows: those that a setting is judged on taught it nothing. What is judged is the
honest number, each answer predicted once from what came before it (evaluate.tracing.Honest).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.split import time_split
from learnloop.evaluate.tracing import LEADING, Honest, plain
from learnloop.prepare.answers import to_answers
from learnloop.schemas import Space
from learnloop.settings import Settings
from learnloop.store import reading, snapshots
from learnloop.workflow import tuning_study
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop
from learnloop.workflow.tracers import TRACERS
from learnloop.workflow.tuning_each import Command, Wanted, asked_for, kept_params, tune_each
from learnloop.workflow.tuning_study import CHEAP_SHARE, FEWEST_LEARNERS

if TYPE_CHECKING:
    from learnloop.workflow.evaluate_tracers import Kind, Part, Rules

TRACE = Command("trace", "tracer", "logistic", "tuned/trace", TRACERS)
METRICS = {"log_loss": "minus log-loss", "auc": "AUC"}  # of validation learners, larger is better
SLOW = ("attention",)  # minutes a trial on a CPU: tuned where it is named


class OnLearners:
    """AUC, or minus log-loss, of a tracer on held-out learners (tuning_study.Measure).

    Rung 0 trains on a quarter of the training learners, the same in every trial; the last rung on all.
    """

    def __init__(self, kind: "Kind", part: "Part", metric: str = LEADING, seed: int = 0) -> None:
        self.kind, self.metric, self.parts = kind, metric, [part]
        names = np.sort(part.train["learner_id"].unique().astype(object))
        if len(names) >= FEWEST_LEARNERS:
            some = np.random.default_rng(seed).choice(names, int(len(names) * CHEAP_SHARE), replace=False)
            rows = part.train[part.train["learner_id"].isin(some)].reset_index(drop=True)
            self.parts.insert(0, replace(part, train=rows))
        self.rungs = len(self.parts)

    def __call__(self, params: Mapping[str, Any], rung: int) -> float:
        from learnloop.workflow.evaluate_tracers import fit_and_predict

        part = self.parts[rung]
        _, predicted, _ = fit_and_predict((self.kind[0], {**self.kind[1], **params}), part)
        learners = part.test["learner_id"].factorize()[0]
        value = plain(Honest(learners, part.test["correct"].to_numpy(bool), predicted))[self.metric]
        if value is None:  # an AUC of right answers alone
            return 0.0
        return -value if self.metric == "log_loss" else value


def tuned(kind: "Kind", part: "Part", rules: "Rules") -> tuple[dict[str, Any], dict[str, Any] | None]:
    """(the best hyper-parameters on `part`, what the search did); ({}, None) with nothing to tune.

    A blend takes what is found of each of its bases.
    """
    tracer: Any = kind[0]
    if tracer.name == "blend":
        return _of_bases(kind, part, rules)
    if not tracer.space:
        return {}, None
    study = tuning_study.study_in(None, tracer.name, rules.seed)
    first = {**tuning_study.defaults(tracer, tracer.space), **_within(kind[1], tracer.space)}
    measure = OnLearners(kind, part, seed=rules.seed)
    tuning_study.search(study, tracer.space, first, measure, trials=rules.tune, timeout=rules.timeout)
    found = tuning_study.summary(study, rules.seed)
    return dict(found["best_params"]), found


def _within(params: Mapping[str, Any], space: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name in space}


def _of_bases(kind: "Kind", part: "Part", rules: "Rules") -> tuple[dict[str, Any], dict[str, Any]]:
    given = kind[0](**kind[1]).bases
    bases, told = {}, {}
    for base, settings in given.items():
        params, told[base] = tuned((TRACERS[base.partition(":")[0]], settings), part, rules)
        bases[base] = {**settings, **params}
    return {"bases": bases}, {"bases": told}


def tune_trace(
    loop: Loop,
    *,
    models: Sequence[str] = (),
    trials: int = 30,
    timeout: float | None = None,
    metric: str = "log_loss",
    test_share: float = 0.2,
    seed: int = 0,
    fresh: bool = False,
) -> dict[str, Any]:
    """Searches each tracer's space on today's snapshot, without its newest `test_share`; keeps the best.

    models: names, default all that have something to tune but SLOW. metric: of METRICS; a release's tracer is
    chosen by log-loss. timeout: seconds of trials for each tracer, in all runs and processes together. A
    study goes on where it stopped unless `fresh`. A tracer that cannot be fitted here is left out, and why is
    said. Raises NothingToDo, BadInput.
    """
    from learnloop.workflow.evaluate_tracers import Part

    names = _names(models)
    if metric not in METRICS:
        raise BadInput(f"tracers are not tuned by {metric!r}", f"--metric {' or '.join(METRICS)}", "metric")
    snapshot_sha256, answers = _training_answers(loop, test_share)
    part = Part("validation", answers, answers[:0], answers[:0], np.arange(0)).split(seed)
    if part is None:
        raise NothingToDo(
            "too few learners have answered to hold some of them back for validation",
            "learnloop import interactions FILE, or evaluate trace --train FILE --tune 30",
        )
    about = {"snapshot_sha256": snapshot_sha256, "metric": metric, "test_share": test_share, "seed": seed}

    def measure(name: str) -> OnLearners:
        fixed = {"seed": seed} if "seed" in tuning_study.parameters(TRACERS[name]) else {}
        return OnLearners((TRACERS[name], fixed), part, metric, seed)

    wanted = Wanted(names, measure, study_name, METRICS[metric], fresh)
    budget = {"trials": trials, "timeout": timeout}
    more = {"learners": int(part.test["learner_id"].nunique()), "answers": len(part.test)}
    return tune_each(loop, TRACE, wanted, about, budget, **more)


def _names(models: Sequence[str]) -> list[str]:
    names = asked_for(TRACE, models)
    if "blend" in names:
        bases = ",".join(TRACERS["blend"]().bases)  # type: ignore[attr-defined]
        raise BadInput(
            "a blend has nothing of its own to tune; its bases have", f"--models {bases}", field="models"
        )
    kinds: Mapping[str, Any] = TRACERS
    return names or [name for name, kind in kinds.items() if kind.space and name not in SLOW]


def _training_answers(loop: Loop, test_share: float) -> tuple[str, pd.DataFrame]:
    """(the snapshot's hash, ANSWERS of what `train` trains on). Raises NothingToDo where there are none."""
    loop.settings.snapshots_dir.mkdir(parents=True, exist_ok=True, mode=0o700)  # who did what is private
    with step("snapshot of the interactions"):
        snapshot = snapshots.export(loop.engine, loop.settings.snapshots_dir)
        interactions = snapshots.read(snapshot.path, snapshot.sha256)
        items, item_concepts = reading.items(loop.engine), reading.item_concepts(loop.engine)
    known, _, _ = time_split(interactions, test_share)
    return snapshot.sha256, to_answers(known, items, item_concepts)


def study_name(model: str, space: Space, about: Mapping[str, Any]) -> str:
    """trace/bkt/0a1b2c3d4e5f/log_loss/…: another snapshot, metric, part or space is another study."""
    rest = [about["test_share"], about["seed"], repr(sorted(space.items()))]
    digest = hashlib.sha256(json.dumps(rest).encode()).hexdigest()[:8]
    return f"trace/{model}/{about['snapshot_sha256'][:12]}/{about['metric']}/{digest}"


def tuned_tracer(settings: Settings, name: str) -> dict[str, Any]:
    """The hyper-parameters that `learnloop tune trace` found best for the tracer; of a blend, its bases with
    theirs. Raises NothingToDo before the first tuning, ModelUnavailable as `kept_params`."""
    if name != "blend":
        return kept_params(settings, TRACE, name)
    made: Any = TRACERS["blend"]()
    found: dict[str, dict[str, Any]] = {}
    for base, given in made.bases.items():
        try:
            found[base] = {**given, **kept_params(settings, TRACE, base.partition(":")[0])}
        except NothingToDo:
            found[base] = dict(given)
    if found == made.bases:
        raise NothingToDo("no base of the blend has been tuned yet", TRACE.line(",".join(found)))
    return {"bases": found}
