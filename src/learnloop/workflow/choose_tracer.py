"""choose_tracer: which tracer a release carries, by its log-loss on a validation part of the training data.

The training part is cut once more at one instant, as it was cut from what `evaluate` asks: every tracer is
fitted on the answers before, and predicts each answer after from what its learner answered before that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, LearnloopError, NothingToDo
from learnloop.evaluate.calibration import tracing_metrics
from learnloop.evaluate.split import time_split
from learnloop.schemas import Tracer
from learnloop.workflow.tracers import TRACERS

COMPETING = ("pfa", "bkt", "irt", "logistic")  # fitted in seconds; a tie goes to the plainer one
STAYS = "logistic"  # unless another is better by more than chance
VALIDATION_SHARE = 0.2
FEW = 2  # learners; a standard error needs two

Make = Callable[[], Tracer]


@dataclass(frozen=True)
class TracerChoice:
    """`validation`: tracer -> log_loss, auc (where there were right and wrong answers), behind (log-loss less
    the best one's) and its standard error `se`; over `answers` of `learners`. `left_out`: tracer -> why it
    was not fitted."""

    name: str
    why: str
    validation: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    answers: int = 0
    learners: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)


def made(
    tracer: str, seed: int = 0, tuned: Callable[[str], Mapping[str, Any]] = lambda name: {}
) -> dict[str, partial[Tracer]]:
    """How each tracer that may be needed is made, the plainest first. tuned: name -> hyper-parameters.

    Raises BadInput on a tracer there is not."""
    if tracer != "auto" and tracer not in TRACERS:
        known = ", ".join(sorted(TRACERS))
        raise BadInput(
            f"there is no tracer {tracer!r}; there are auto, {known}", "--tracer auto", field="tracer"
        )
    wanted = COMPETING if tracer == "auto" else (tracer,)
    seeded = {
        name: {"seed": seed} if "seed" in signature(TRACERS[name]).parameters else {} for name in wanted
    }
    return {name: partial(TRACERS[name], **seeded[name], **tuned(name)) for name in wanted}


def choose_tracer(answers: pd.DataFrame, make: Mapping[str, Make]) -> TracerChoice:
    """answers: ANSWERS of the training part. make: the tracers that compete, the plainest first.

    The one of least log-loss; but the logistic one where that is at most a standard error better, because
    the difference may be chance and the logistic one is the best of most sets. (The plainest within one
    standard error, Breiman et al. 1984, chose worse: docs/4-tracing.md.) Where there is nothing to validate
    on it is the logistic one too, and `why` says so.
    """
    try:
        past, _, split_at = time_split(answers, VALIDATION_SHARE)
    except NothingToDo as error:
        return TracerChoice(STAYS, f"nothing to validate on: {error.problem}")
    asked = (answers["occurred_at"] >= split_at).to_numpy()
    correct, who = (answers.loc[asked, name].to_numpy() for name in ("correct", "learner_id"))
    learners = len(np.unique(who.astype(str)))
    if learners < FEW:
        return TracerChoice(STAYS, f"nothing to validate on: {learners} learner answered after the split")
    predicted: dict[str, np.ndarray] = {}
    left_out: dict[str, str] = {}
    for name, kind in make.items():
        try:
            predicted[name] = kind().fit(past).predict(answers)[asked]
        except LearnloopError as error:
            left_out[name] = error.problem
    if not predicted:
        why = "no tracer could be fitted on the inner training part"
        return TracerChoice(STAYS, why, left_out=left_out)
    validation = compared(correct.astype(float), predicted, who)
    best = min(validation, key=lambda name: validation[name]["log_loss"])
    why = "least log-loss on the validation part of the training data"
    if best != STAYS and STAYS in validation and validation[STAYS]["behind"] <= validation[STAYS]["se"]:
        why = f"{best} has the least log-loss on the validation part, by no more than one standard error"
        best = STAYS
    return TracerChoice(best, why, validation, int(asked.sum()), learners, left_out)


def compared(
    correct: np.ndarray, predicted: Mapping[str, np.ndarray], learner_ids: np.ndarray
) -> dict[str, dict[str, float]]:
    """Each tracer's log_loss, auc, behind and se, as in TracerChoice; correct, learner_ids: (n,).

    d_i is the difference of the two log-losses of answer i. Answers of one learner are not independent, so
    the variance is that of a mean over G clusters, sums S_g of n_g answers each (Liang & Zeger 1986):

        behind = sum d_i / n        se^2 = G / (G - 1) sum_g (S_g - n_g behind)^2 / n^2
    """
    codes, learners = pd.factorize(learner_ids)
    n_g, n, groups = np.bincount(codes), len(codes), len(learners)
    losses = {
        name: -np.where(correct > 0, np.log(np.clip(p, 1e-15, 1)), np.log(np.clip(1 - p, 1e-15, 1)))
        for name, p in predicted.items()
    }
    least = min(losses.values(), key=lambda loss: float(loss.mean()))
    found = {}
    for name, loss in losses.items():
        behind = float((loss - least).mean())
        sums = np.bincount(codes, weights=loss - least) - n_g * behind
        se = float(np.sqrt(groups / (groups - 1) * (sums**2).sum())) / n
        auc = tracing_metrics(correct, predicted[name], learner_ids, n_bootstrap=1)["auc"]["value"]
        found[name] = {"log_loss": float(loss.mean()), "behind": behind, "se": se}
        if not np.isnan(auc):
            found[name]["auc"] = auc
    return found
