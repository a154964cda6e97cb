"""A tracer's hyper-parameters, searched on validation learners; the test is never looked at."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from learnloop.evaluate.tracing import LEADING, Honest, plain
from learnloop.workflow import tuning_study

if TYPE_CHECKING:
    from learnloop.workflow.evaluate_tracers import Kind, Part, Rules


class OnLearners:
    """AUC of a tracer on held-out learners (tuning_study.Measure)."""

    rungs = 1

    def __init__(self, kind: "Kind", part: "Part") -> None:
        self.kind, self.part = kind, part

    def __call__(self, params: Mapping[str, Any], rung: int) -> float:
        from learnloop.workflow.evaluate_tracers import fit_and_predict

        _, predicted, _ = fit_and_predict((self.kind[0], {**self.kind[1], **params}), self.part)
        test = self.part.test
        learners = test["learner_id"].factorize()[0]
        return plain(Honest(learners, test["correct"].to_numpy(bool), predicted))[LEADING] or 0.0


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
    measure = OnLearners(kind, part)
    tuning_study.search(study, tracer.space, first, measure, trials=rules.tune, timeout=rules.timeout)
    found = tuning_study.summary(study, rules.seed)
    return dict(found["best_params"]), found


def _within(params: Mapping[str, Any], space: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name in space}


def _of_bases(kind: "Kind", part: "Part", rules: "Rules") -> tuple[dict[str, Any], dict[str, Any]]:
    from learnloop.workflow.tracers import TRACERS

    given = kind[0](**kind[1]).bases
    bases, told = {}, {}
    for base, settings in given.items():
        params, told[base] = tuned((TRACERS[base.partition(":")[0]], settings), part, rules)
        bases[base] = {**settings, **params}
    return {"bases": bases}, {"bases": told}
