"""A search for hyper-parameters: a space and a measure in, finished trials out. Optuna asks and is told here.

    trial 0   factors=128 regularization=15.0 alpha=2.0   rung 0: .081   rung 1: .094   complete, the defaults
    trial 7   factors=32 regularization=88.1 alpha=0.6   rung 0: .032                  pruned

Settings are drawn by a tree of Parzen estimators (TPE, Bergstra et al. 2011). A trial is measured on rungs,
cheap ones first, and given up where it is below two thirds of those that were measured to the end (the
percentile rule; the median is Golovin et al.'s, 2017). A study in PostgreSQL may be worked on by several
processes, and any of them may be killed: what it was at is tried again by the next.
"""

import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from inspect import signature
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from learnloop.errors import LearnloopError
from learnloop.schemas import Space, Span

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

KEPT_PERCENT = 66  # of the trials before; a trial below them on a rung is given up
STARTUP = 5  # trials that are never given up, so that there is something to compare with
CHEAP_SHARE = 0.25  # of the training learners, on the first rung
FEWEST_LEARNERS = 400  # below that many a quarter of them says little: one rung alone
ABANDONED, ERROR, WORKER = "abandoned", "error", "worker"  # notes on a trial


class Measure(Protocol):
    """How good settings are, larger is better. The last rung's value is the one that counts."""

    rungs: int

    def __call__(self, params: Mapping[str, Any], rung: int) -> float: ...


class Team(Protocol):
    """The processes at work on one study (tuning_storage.Crew)."""

    number: int  # of this process

    def turn(self) -> AbstractContextManager[None]: ...

    def alive(self) -> set[int]: ...


def parameters(kind: type) -> dict[str, Any]:
    """What `kind(…)` takes, and its defaults."""
    return {name: one.default for name, one in signature(kind).parameters.items()}


def defaults(kind: type, space: Space) -> dict[str, Any]:
    """The default of each hyper-parameter of the space."""
    known = parameters(kind)
    return {name: known[name] for name in space}


def distributions(space: Space, known: Mapping[str, Any]) -> "dict[str, BaseDistribution]":
    """Optuna's words for `space`. A default that is not among the values to choose from joins them."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, BaseDistribution] = {}
    for name, where in space.items():
        if not isinstance(where, Span):
            more = () if known[name] in where else (known[name],)
            found[name] = CategoricalDistribution((*where, *more))
        elif where.whole:
            found[name] = IntDistribution(int(where.low), int(where.high), log=where.log)
        else:
            found[name] = FloatDistribution(where.low, where.high, log=where.log)
    return found


def study_in(storage: "BaseStorage | None", name: str, seed: int) -> "Study":
    """The study of that name, made where there is none; without a storage, one in memory."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        pruner = optuna.pruners.PercentilePruner(KEPT_PERCENT, STARTUP)
    return optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize",
        load_if_exists=True,
        sampler=_sampler(seed),
        pruner=pruner,
    )


def _sampler(seed: int) -> Any:
    from optuna.samplers import BaseSampler, TPESampler

    class PlacedTPE(BaseSampler):
        """TPE whose draws follow from the seed, the trials before and how many they are, and from nothing
        else: a search that was killed goes on as it would have gone."""

        tpe: TPESampler

        def before_trial(self, study: "Study", trial: "FrozenTrial") -> None:
            before = [one for one in study.get_trials(deepcopy=False) if one.number < trial.number]
            place = sum(ABANDONED not in one.user_attrs for one in before)
            mixed = np.random.SeedSequence([seed, place]).generate_state(1)[0]
            self.tpe = TPESampler(seed=int(mixed), multivariate=True)

        def infer_relative_search_space(self, study: "Study", trial: "FrozenTrial") -> Any:
            return self.tpe.infer_relative_search_space(study, trial)

        def sample_relative(self, study: "Study", trial: "FrozenTrial", search_space: Any) -> Any:
            return self.tpe.sample_relative(study, trial, search_space)

        def sample_independent(self, *given: Any, **named: Any) -> Any:
            return self.tpe.sample_independent(*given, **named)

    return PlacedTPE()


def search(
    study: "Study",
    space: Space,
    first: Mapping[str, Any],
    measure: Measure,
    *,
    trials: int,
    timeout: float | None = None,
    crew: Team | None = None,
    told: Callable[["Study"], None] = lambda study: None,
) -> None:
    """Goes on until the study has `trials` finished ones, or they have taken `timeout` seconds in all.

    The first trial is `first`. `told` is called at once and after each. Trials of other processes count in
    both; a trial that began in time is finished. Raises what the measure raises on the first trial;
    settings that fail later are noted as failed, and count.
    """
    told(study)
    while (trial := _claim(study, space, first, trials, timeout, crew)) is not None:
        _try_out(study, trial, measure)
        told(study)


def finished(trials: "list[FrozenTrial]") -> "list[FrozenTrial]":
    """Those that were measured, given up or failed by themselves; not those whose process was killed."""
    return [trial for trial in trials if trial.state.is_finished() and ABANDONED not in trial.user_attrs]


def seconds(trials: "list[FrozenTrial]") -> float:
    """What the finished ones took, whichever process ran them."""
    return sum(trial.duration.total_seconds() for trial in finished(trials) if trial.duration is not None)


def best(trials: "list[FrozenTrial]") -> "FrozenTrial | None":
    """The best of those measured to the end, the earliest where several are."""
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    return max(complete, key=lambda trial: (trial.value, -trial.number), default=None)


def summary(study: "Study", seed: int = 0) -> dict[str, Any]:
    """best_params, best_value, default_value, trials, pruned, failed, seconds, importance, history."""
    known = study.get_trials(deepcopy=False)
    done, first = finished(known), next(trial for trial in known if trial.state.name == "COMPLETE")
    top = best(known) or first
    return {
        "best_params": dict(top.params),
        "best_value": top.value,
        "default_value": first.value,
        "trials": len(done),
        "pruned": sum(trial.state.name == "PRUNED" for trial in done),
        "failed": sum(trial.state.name == "FAIL" for trial in done),
        "seconds": round(seconds(known), 1),
        "importance": _importance(study, seed),
        "history": [
            {
                "trial": place,
                "state": trial.state.name.lower(),
                "value": trial.value if trial.state.name == "COMPLETE" else None,
                "rungs": list(trial.intermediate_values.values()),
                "seconds": trial.duration.total_seconds() if trial.duration else None,
                "params": dict(trial.params),
                **({"error": trial.user_attrs[ERROR]} if ERROR in trial.user_attrs else {}),
            }
            for place, trial in enumerate(done)
        ],
    }


def _importance(study: "Study", seed: int) -> dict[str, float]:
    """Hyper-parameter -> its share of the variance of the value, the largest first (fANOVA, Hutter et al.
    2014). {} where too little was measured to say."""
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    varied = len({trial.value for trial in complete}) > 1
    if len(complete) < STARTUP or not varied or not complete[0].params:
        return {}
    evaluator = FanovaImportanceEvaluator(seed=seed)
    shares = get_param_importances(study, evaluator=evaluator)
    return {name: round(float(share), 4) for name, share in shares.items()}


def _claim(
    study: "Study",
    space: Space,
    first: Mapping[str, Any],
    trials: int,
    timeout: float | None,
    crew: Team | None,
) -> "Trial | None":
    """The next trial for this process; None where there is none left. Waits where others are at the last."""
    from optuna.trial import TrialState

    while True:
        with crew.turn() if crew else nullcontext():
            if crew:
                _give_up_the_dead(study, crew)
            known = study.get_trials(deepcopy=False)
            done, running = finished(known), [one for one in known if one.state == TrialState.RUNNING]
            if len(done) >= trials or (timeout is not None and done and seconds(known) >= timeout):
                return None
            if len(done) + len(running) < trials:
                if not known:
                    study.enqueue_trial(dict(first))
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # the defaults may lie outside of the space
                    trial = study.ask(distributions(space, first))
                if crew:
                    trial.set_user_attr(WORKER, crew.number)
                return trial
        time.sleep(0.1)


def _try_out(study: "Study", trial: "Trial", measure: Measure) -> None:
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    value, state = _measured_before(study, trial), TrialState.COMPLETE
    try:
        for rung in range(measure.rungs if value is None else 0):
            value = measure(trial.params, rung)
            trial.report(value, rung)
            if rung + 1 < measure.rungs and trial.should_prune():
                state = TrialState.PRUNED
                break
    except (ArithmeticError, ValueError, RuntimeError, MemoryError, LearnloopError) as error:
        if best(study.get_trials(deepcopy=False)) is None:  # with the defaults: no matter of the settings
            raise
        trial.set_user_attr(ERROR, f"{type(error).__name__}: {error}"[:500])
        state = TrialState.FAIL
    try:
        study.tell(trial, value if state == TrialState.COMPLETE else None, state=state)
    except (UpdateFinishedTrialError, ValueError) as error:
        # Others took this process for dead (its connection was lost) and tried the same again.
        if study.trials[trial.number].state != TrialState.FAIL:
            raise LearnloopError(
                f"trial {trial.number} could not be kept: {error}", "the same again"
            ) from error


def _measured_before(study: "Study", trial: "Trial") -> float | None:
    """The value of an earlier trial with the same settings: measuring is deterministic."""
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return next((one.value for one in complete if one.params == trial.params), None)


def _give_up_the_dead(study: "Study", crew: Team) -> None:
    """What a process was at when it was killed is failed, and queued anew with the same settings."""
    from optuna.trial import TrialState

    alive = crew.alive()
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.user_attrs.get(WORKER) in alive:
            continue
        # Noted before it is failed: a kill in between leaves it running, to be found again.
        study._storage.set_trial_user_attr(trial._trial_id, ABANDONED, True)
        study.enqueue_trial(trial.system_attrs.get("fixed_params") or dict(trial.params))
        study.tell(trial.number, state=TrialState.FAIL)
