"""tune: a validation fold in, the hyper-parameters that rank best on it out.

The test part is never looked at: a fold is made of the training part alone. Every model has the same number
of trials and the same seconds; the first trial is its defaults, so the gain of tuning is known.

    home/tuned/ials.json   {"model": "ials", "params": {"factors": 128, …}, "value": 0.0492, …}
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, DatabaseUnavailable, LearnloopError, ModelUnavailable, NothingToDo
from learnloop.evaluate.protocols import Fold, folds
from learnloop.evaluate.ranking import ranking_metrics
from learnloop.evaluate.split import time_split
from learnloop.recommend.blend import DEFAULTS
from learnloop.recommend.features import item_features
from learnloop.recommend.ranking import NOTHING, rank
from learnloop.recommend.signals import pairs, targets
from learnloop.schemas import ItemFeatures, Space
from learnloop.settings import Settings
from learnloop.store import reading, snapshots
from learnloop.workflow import tuning_storage, tuning_study
from learnloop.workflow.choose import FAST
from learnloop.workflow.console import bar, step
from learnloop.workflow.context import Loop
from learnloop.workflow.recommenders import RECOMMENDERS
from learnloop.workflow.whole import write_json

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study

MOST_LEARNERS = 5_000  # of the validation, so that a trial stays cheap
CHEAP_SHARE = 0.25  # of the training learners, on the first rung
FEWEST_LEARNERS = 400  # below that many a quarter of them says little: one rung alone

SCHEMA_VERSION = 1

Report = Callable[[int, float | None], None]  # finished trials, the best value so far


class OnFold:
    """NDCG@k of a recommender of `kind` on a validation fold (tuning_study.Measure).

    Rung 0 trains on a quarter of the learners, the same in every trial; the last rung on all.
    """

    def __init__(
        self,
        kind: Any,
        fold: Fold,
        k: int = 10,
        seed: int = 0,
        features: ItemFeatures | None = None,
        fixed: Mapping[str, Any] | None = None,
        hide_seen: bool = True,
    ) -> None:
        self.kind, self.k, self.features, self.hide_seen = kind, k, features, hide_seen
        self.fixed = dict(fixed or {})
        if "seed" in tuning_study.parameters(kind):
            self.fixed["seed"] = seed
        rng = np.random.default_rng(seed)
        at = fold.train.get("at")
        whole = pairs(fold.train["learner_id"], fold.train["item_id"], at)
        names = np.sort(whole["learner_id"].unique().astype(object))
        self.training = [whole]
        if len(names) >= FEWEST_LEARNERS:
            some = rng.choice(names, int(len(names) * CHEAP_SHARE), replace=False)
            self.training.insert(0, whole[whole["learner_id"].isin(some)].reset_index(drop=True))
        self.rungs = len(self.training)
        asked = sorted(fold.relevant)
        if len(asked) > MOST_LEARNERS:
            asked = sorted(rng.choice(np.array(asked, dtype=object), MOST_LEARNERS, replace=False))
        self.histories = [fold.histories[learner] for learner in asked]
        self.relevant = {learner: fold.relevant[learner] for learner in asked}
        self.n_items = whole["item_id"].nunique()

    def __call__(self, params: Mapping[str, Any], rung: int) -> float:
        model = self.kind(**self.fixed, **params).fit(self.training[rung], self.features)
        columns, _ = rank(model, self.histories, self.k, self.hide_seen)
        ranked = {
            learner: model.item_ids[row[row != NOTHING]].tolist()
            for learner, row in zip(self.relevant, columns, strict=True)
        }
        return float(ranking_metrics(ranked, self.relevant, self.n_items, self.k)["ndcg"].mean())


def tuned(
    kind: Any,
    fold: Fold,
    *,
    trials: int,
    timeout: float | None = None,
    k: int = 10,
    seed: int = 0,
    features: ItemFeatures | None = None,
    report: Report | None = None,
    fixed: Mapping[str, Any] | None = None,
    hide_seen: bool = True,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the best hyper-parameters, what the search did), in memory.

    kind: a class of recommenders (schemas.Recommender). fold: a validation fold, never the test. fixed:
    hyper-parameters that are given, and not among those returned. hide_seen: as the fold asks.

    The second holds best_params, best_value and default_value (NDCG@k), trials, pruned, failed, seconds,
    importance (hyper-parameter -> share) and history, a row a trial. A kind with nothing to tune is measured
    once. Raises what the kind raises with its defaults.
    """
    measure = OnFold(kind, fold, k, seed, features, fixed, hide_seen)
    study = tuning_study.study_in(None, kind.name, seed)
    return searched(kind, study, measure, trials=trials, timeout=timeout, seed=seed, report=report)


def tuned_bases(search: Callable[[Any], Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The bases of a blend, each kind with the hyper-parameters that `search` finds for it.

    What was found of neighbours or popularity goes to the base that it is like (the same order; with or
    without decay); its other base stays as it is.
    """
    bases: dict[str, dict[str, Any]] = {}
    found = {kind: dict(search(RECOMMENDERS[kind])) for kind in {base.partition(":")[0] for base in DEFAULTS}}
    for base, settings in DEFAULTS.items():
        own = found[base.partition(":")[0]]
        likes = {
            "neighbours": own.get("order", "after") == settings.get("order"),
            "popularity": (own.get("half_life") is None) == ("half_life" not in settings),
        }
        bases[base] = own if likes.get(base.partition(":")[0], True) else dict(settings)
    return bases


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


def tune_recommend(
    loop: Loop,
    *,
    models: Sequence[str] = (),
    trials: int = 30,
    timeout: float | None = None,
    k: int = 10,
    split: str = "time",
    test_share: float = 0.2,
    seed: int = 0,
    fresh: bool = False,
) -> dict[str, Any]:
    """Searches each model's space on today's snapshot, without its newest `test_share`; keeps the best.

    models: names, default all that have something to tune. timeout: seconds of trials for each model, in all
    runs and processes together. A study goes on where it stopped unless `fresh`. A model that cannot be
    fitted here is left out, and why is said. Raises NothingToDo, BadInput.
    """
    names = _names(models)
    loop.settings.snapshots_dir.mkdir(parents=True, exist_ok=True, mode=0o700)  # who did what is private
    with step("snapshot of the interactions"):
        snapshot = snapshots.export(loop.engine, loop.settings.snapshots_dir)
        interactions = snapshots.read(snapshot.path, snapshot.sha256)
        items = reading.items(loop.engine)
    known, _, _ = time_split(interactions, test_share)
    (fold,) = folds(_log(known, items), split, 1, test_share, seed)
    # the fast ones read no features, which take a while to make
    features = None if set(names) <= set(FAST) else item_features(items)
    about = {
        "snapshot_sha256": snapshot.sha256,
        "split": split,
        "k": k,
        "test_share": test_share,
        "seed": seed,
    }
    budget = {"trials": trials, "timeout": timeout}
    found: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    with tuning_storage.storage(loop.engine) as storage:
        for name in names:
            try:
                found[name] = _tune_one(loop, storage, name, fold, features, about, budget, fresh)
            except DatabaseUnavailable:
                raise
            except LearnloopError as error:
                left_out[name] = error.problem
            else:
                _keep(loop.settings, name, found[name], about)
    if not found:
        why = "; ".join(f"{name}: {problem}" for name, problem in left_out.items())
        raise NothingToDo(f"no model could be tuned: {why}", "learnloop tune recommend --models ials")
    report = {**about, **budget, "learners": len(fold.relevant)}
    with step("into MLflow"):
        run_id = _record(loop, found, report)
    models_found = {
        name: {key: part for key, part in one.items() if key != "history"} for name, one in found.items()
    }
    return {**report, "run_id": run_id, "models": models_found, "left_out": left_out}


def _names(models: Sequence[str]) -> list[str]:
    """The models asked for, or all with something to tune."""
    for name in models:
        if name not in RECOMMENDERS:
            raise BadInput(
                f"there is no recommender {name!r}; there are {', '.join(sorted(RECOMMENDERS))}",
                "--models ease",
                field="models",
            )
    kinds: Mapping[str, Any] = RECOMMENDERS
    return list(dict.fromkeys(models)) or [name for name, kind in kinds.items() if kind.space]


def _log(interactions: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """INTERACTIONS as evaluate.protocols takes them: learner_id, item_id (one to be sent to), at."""
    rows = interactions[interactions["verb"] != "registered"]
    log = pd.DataFrame(
        {
            "learner_id": rows["learner_id"],
            "item_id": rows["item_id"].map(targets(items)),
            "at": rows["occurred_at"].dt.as_unit("us").astype("int64") / 1e6,
        }
    )
    return log[log["item_id"].notna()].astype({"item_id": str}).reset_index(drop=True)


def _tune_one(
    loop: Loop,
    storage: "BaseStorage",
    name: str,
    fold: Fold,
    features: ItemFeatures | None,
    about: Mapping[str, Any],
    budget: Mapping[str, Any],
    fresh: bool,
) -> dict[str, Any]:
    kind: Any = RECOMMENDERS[name]
    measure = OnFold(kind, fold, about["k"], about["seed"], features)
    key = study_name(name, kind.space, about)
    crew = tuning_storage.Crew(loop.engine, key)
    try:
        study = crew.study(storage, key, about["seed"], fresh)
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


def study_name(model: str, space: Space, about: Mapping[str, Any]) -> str:
    """recommend/ials/0a1b2c3d4e5f/time/k10/…: another snapshot, question or space is another study."""
    rest = [about["test_share"], about["seed"], repr(sorted(space.items()))]
    digest = hashlib.sha256(json.dumps(rest).encode()).hexdigest()[:8]
    return f"recommend/{model}/{about['snapshot_sha256'][:12]}/{about['split']}/k{about['k']}/{digest}"


def _keep(settings: Settings, model: str, found: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    folder = settings.home / "tuned"
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


def tuned_params(settings: Settings, name: str) -> dict[str, Any]:
    """The hyper-parameters that `learnloop tune recommend` found best for the model, to construct it with.

    Those that the class no longer has are left out. Raises NothingToDo before the first tuning,
    ModelUnavailable where the document cannot be read.
    """
    path = settings.home / "tuned" / f"{name}.json"
    command = f"learnloop tune recommend --models {name}"
    if not path.exists():
        raise NothingToDo(f"{name} has not been tuned yet", command)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        params, version = dict(document["params"]), document["schema_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelUnavailable(f"no readable hyper-parameters in {path}: {error}", command) from error
    if version != SCHEMA_VERSION:
        raise ModelUnavailable(f"{path} is of version {version}, not {SCHEMA_VERSION}", command)
    known = tuning_study.parameters(RECOMMENDERS[name]) if name in RECOMMENDERS else params
    return {key: value for key, value in params.items() if key in known}


def _record(loop: Loop, found: Mapping[str, Mapping[str, Any]], report: Mapping[str, Any]) -> str:
    """One run, and below it a run a model: best settings, values, trials and figures. Returns its id."""
    from learnloop.workflow import tuning_figures

    tags = {"snapshot_sha256": str(report["snapshot_sha256"])}
    with loop.registry.run("tune recommend", tags) as parent:
        parent.params(report)
        for name, one in found.items():
            below = {**tags, "mlflow.parentRunId": parent.id, "model": name}
            with loop.registry.run(f"tune {name}", below) as run:
                run.params({**one["best_params"], "seed": report["seed"]})
                counts = ("best_value", "default_value", "trials", "pruned", "failed", "seconds")
                run.metrics({key: one[key] for key in counts})
                run.document({key: one[key] for key in ("history", "importance")}, "trials.json")
                metric = f"NDCG@{report['k']}"
                run.figure(tuning_figures.history(name, one["history"], metric), "history.png")
                if one["importance"]:
                    run.figure(tuning_figures.importance(name, one["importance"]), "importance.png")
    return parent.id
