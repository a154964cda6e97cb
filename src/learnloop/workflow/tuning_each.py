"""What `tune recommend` and `tune trace` share: a study a model in, the best settings kept for training out.

home/tuned/ials.json          {"model": "ials", "params": {"factors": 128, …}, "value": 0.0492, …}
home/tuned/trace/bkt.json     {"model": "bkt", "params": {"strength": 61.2, …}, "value": -0.5903, …}
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from learnloop.errors import BadInput, DatabaseUnavailable, LearnloopError, ModelUnavailable, NothingToDo
from learnloop.schemas import Space
from learnloop.settings import Settings
from learnloop.workflow import tuning_storage, tuning_study
from learnloop.workflow.console import bar, step
from learnloop.workflow.context import Loop
from learnloop.workflow.whole import write_json

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study

SCHEMA_VERSION = 1

Report = Callable[[int, float | None], None]  # finished trials, the best value so far


@dataclass(frozen=True)
class Command:
    """`learnloop tune NAME`. what: one of `kinds`, in words; example: one of their names. folder: where
    what is found is kept, below the home. kinds: name -> class."""

    name: str
    what: str
    example: str
    folder: str
    kinds: Mapping[str, Any]

    def line(self, model: str = "") -> str:
        return f"learnloop tune {self.name}" + (f" --models {model}" if model else "")


@dataclass(frozen=True)
class Wanted:
    """names: the models to tune. measure: of a name. study: (name, space, about) -> what its study is
    called. metric: what is searched for, in words. fresh: whether the trials there are do not count."""

    names: Sequence[str]
    measure: Callable[[str], tuning_study.Measure]
    study: Callable[[str, Space, Mapping[str, Any]], str]
    metric: str
    fresh: bool = False


def asked_for(command: Command, models: Sequence[str]) -> list[str]:
    """The models that were named, each once. Raises BadInput on one there is not."""
    for name in models:
        if name not in command.kinds:
            raise BadInput(
                f"there is no {command.what} {name!r}; there are {', '.join(sorted(command.kinds))}",
                f"--models {command.example}",
                field="models",
            )
    return list(dict.fromkeys(models))


def tune_each(
    loop: Loop,
    command: Command,
    wanted: Wanted,
    about: Mapping[str, Any],
    budget: Mapping[str, Any],
    **more: Any,
) -> dict[str, Any]:
    """Searches each model's space, keeps the best of each, and tells MLflow. Returns what the command says.

    about: what a study is of (snapshot_sha256, seed, …). budget: trials and timeout, of each model. more: to
    be told beside them. A model that cannot be fitted is left out, and why is said. Raises NothingToDo where
    none can, DatabaseUnavailable.
    """
    found: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    with tuning_storage.storage(loop.engine) as storage:
        for name in wanted.names:
            try:
                found[name] = _tune_one(loop, command, storage, name, wanted, about, budget)
            except DatabaseUnavailable:
                raise
            except LearnloopError as error:
                left_out[name] = error.problem
            else:
                _keep(loop.settings, command, name, found[name], about)
    if not found:
        why = "; ".join(f"{name}: {problem}" for name, problem in left_out.items())
        raise NothingToDo(f"no model could be tuned: {why}", command.line(command.example))
    report = {**about, **budget, **more}
    with step("into MLflow"):
        run_id = _record(loop, command, found, report, wanted.metric)
    models = {
        name: {key: part for key, part in one.items() if key != "history"} for name, one in found.items()
    }
    return {**report, "run_id": run_id, "models": models, "left_out": left_out}


def searched(
    kind: Any,
    study: "Study",
    measure: tuning_study.Measure,
    *,
    trials: int,
    timeout: float | None = None,
    seed: int = 0,
    crew: tuning_study.Team | None = None,
    report: Report | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """`tuned`, on a study that may have begun before."""

    def told(study: "Study") -> None:
        if report is not None:
            known = study.get_trials(deepcopy=False)
            best = tuning_study.best(known)
            report(len(tuning_study.finished(known)), None if best is None else best.value)

    space = kind.space
    tuning_study.search(
        study,
        space,
        tuning_study.defaults(kind, space),
        measure,
        trials=trials if space else 1,
        timeout=timeout,
        crew=crew,
        told=told,
    )
    found = tuning_study.summary(study, seed)
    return found["best_params"], found


def _tune_one(
    loop: Loop,
    command: Command,
    storage: "BaseStorage",
    name: str,
    wanted: Wanted,
    about: Mapping[str, Any],
    budget: Mapping[str, Any],
) -> dict[str, Any]:
    kind, key = command.kinds[name], wanted.study(name, command.kinds[name].space, about)
    measure = wanted.measure(name)
    crew = tuning_storage.Crew(loop.engine, key)
    try:
        study = crew.study(storage, key, about["seed"], wanted.fresh)
        with bar(f"tuned {name}", total=budget["trials"] if kind.space else 1) as advance:
            shown = 0

            def report(done: int, best: float | None) -> None:
                nonlocal shown
                advance(done - shown, "" if best is None else f"best {best:.4f}")
                shown = done

            _, found = searched(kind, study, measure, seed=about["seed"], crew=crew, report=report, **budget)
            return found
    finally:
        crew.close()


def _keep(
    settings: Settings, command: Command, model: str, found: Mapping[str, Any], about: Mapping[str, Any]
) -> None:
    folder = settings.home / command.folder
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "schema_version": SCHEMA_VERSION,
        "model": model,
        "params": found["best_params"],
        "value": found["best_value"],
        "default_value": found["default_value"],
        "trials": found["trials"],
        "tuned_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **about,
    }
    write_json(folder / f"{model}.json", document)


def kept_params(settings: Settings, command: Command, name: str) -> dict[str, Any]:
    """The hyper-parameters that the command found best for the model, but for those its class no longer has.

    Raises NothingToDo before the first tuning, ModelUnavailable where the document cannot be read.
    """
    path = settings.home / command.folder / f"{name}.json"
    if not path.exists():
        raise NothingToDo(f"{name} has not been tuned yet", command.line(name))
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        params, version = dict(document["params"]), document["schema_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelUnavailable(
            f"no readable hyper-parameters in {path}: {error}", command.line(name)
        ) from error
    if version != SCHEMA_VERSION:
        raise ModelUnavailable(f"{path} is of version {version}, not {SCHEMA_VERSION}", command.line(name))
    known = tuning_study.parameters(command.kinds[name]) if name in command.kinds else params
    return {key: value for key, value in params.items() if key in known}


def _record(
    loop: Loop,
    command: Command,
    found: Mapping[str, Mapping[str, Any]],
    report: Mapping[str, Any],
    metric: str,
) -> str:
    """One run, and below it a run a model: best settings, values, trials and figures. Returns its id."""
    from learnloop.workflow import tuning_figures

    tags = {"snapshot_sha256": str(report["snapshot_sha256"])}
    with loop.registry.run(f"tune {command.name}", tags) as parent:
        parent.params(report)
        for name, one in found.items():
            below = {**tags, "mlflow.parentRunId": parent.id, "model": name}
            with loop.registry.run(f"tune {name}", below) as run:
                run.params({**one["best_params"], "seed": report["seed"]})
                counts = ("best_value", "default_value", "trials", "pruned", "failed", "seconds")
                run.metrics({key: one[key] for key in counts})
                run.document({key: one[key] for key in ("history", "importance")}, "trials.json")
                run.figure(tuning_figures.history(name, one["history"], metric), "history.png")
                if one["importance"]:
                    run.figure(tuning_figures.importance(name, one["importance"]), "importance.png")
    return parent.id
