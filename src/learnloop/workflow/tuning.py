"""tune: a validation fold in, the hyper-parameters that rank best on it out.

The test part is never looked at: a fold is made of the training part alone. Every model has the same number
of trials and the same seconds; the first trial is its defaults, so the gain of tuning is known.

What is kept, and how the studies of several models are run, is said in tuning_each.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

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
from learnloop.workflow import tuning_study
from learnloop.workflow.choose import FAST
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop
from learnloop.workflow.recommenders import RECOMMENDERS
from learnloop.workflow.tuning_each import (
    Command,
    Report,
    Wanted,
    asked_for,
    kept_params,
    searched,
    tune_each,
)
from learnloop.workflow.tuning_study import CHEAP_SHARE, FEWEST_LEARNERS

MOST_LEARNERS = 5_000  # of the validation, so that a trial stays cheap

RECOMMEND = Command("recommend", "recommender", "ials", "tuned", RECOMMENDERS)


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
    names = asked_for(RECOMMEND, models) or [name for name, kind in RECOMMEND.kinds.items() if kind.space]
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

    def measure(name: str) -> OnFold:
        return OnFold(RECOMMENDERS[name], fold, k, seed, features)

    wanted = Wanted(names, measure, study_name, f"NDCG@{k}", fresh)
    return tune_each(loop, RECOMMEND, wanted, about, budget, learners=len(fold.relevant))


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


def study_name(model: str, space: Space, about: Mapping[str, Any]) -> str:
    """recommend/ials/0a1b2c3d4e5f/time/k10/…: another snapshot, question or space is another study."""
    rest = [about["test_share"], about["seed"], repr(sorted(space.items()))]
    digest = hashlib.sha256(json.dumps(rest).encode()).hexdigest()[:8]
    return f"recommend/{model}/{about['snapshot_sha256'][:12]}/{about['split']}/k{about['k']}/{digest}"


def tuned_params(settings: Settings, name: str) -> dict[str, Any]:
    """The hyper-parameters that `learnloop tune recommend` found best for the model, to construct it with.

    Those that the class no longer has are left out. Raises NothingToDo before the first tuning,
    ModelUnavailable where the document cannot be read.
    """
    return kept_params(settings, RECOMMEND, name)
