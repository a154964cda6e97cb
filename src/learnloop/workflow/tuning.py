"""tune: a validation fold in, the hyper-parameters that rank best on it out.

The test part is never looked at: a fold is made of the training part alone. Every model has the same number
of trials and the same seconds; the first trial is its defaults, so the gain of tuning is known.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from learnloop.evaluate.protocols import Fold
from learnloop.evaluate.ranking import ranking_metrics
from learnloop.recommend.ranking import NOTHING, rank
from learnloop.recommend.signals import pairs
from learnloop.schemas import ItemFeatures
from learnloop.workflow import tuning_study

if TYPE_CHECKING:
    from optuna.study import Study

MOST_LEARNERS = 5_000  # of the validation, so that a trial stays cheap
CHEAP_SHARE = 0.25  # of the training learners, on the first rung
FEWEST_LEARNERS = 400  # below that many a quarter of them says little: one rung alone

Report = Callable[[int, float | None], None]  # finished trials, the best value so far


class OnFold:
    """NDCG@k of a recommender of `kind` on a validation fold (tuning_study.Measure).

    Rung 0 trains on a quarter of the learners, the same in every trial; the last rung on all.
    """

    def __init__(
        self, kind: Any, fold: Fold, k: int = 10, seed: int = 0, features: ItemFeatures | None = None
    ) -> None:
        self.kind, self.k, self.features = kind, k, features
        self.fixed = {"seed": seed} if "seed" in tuning_study.parameters(kind) else {}
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
        columns, _ = rank(model, self.histories, self.k)
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
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the best hyper-parameters, what the search did), in memory.

    kind: a class of recommenders (schemas.Recommender). fold: a validation fold, never the test.

    The second holds best_params, best_value and default_value (NDCG@k), trials, pruned, failed, seconds,
    importance (hyper-parameter -> share) and history, a row a trial. A kind with nothing to tune is measured
    once. Raises what the kind raises with its defaults.
    """
    measure = OnFold(kind, fold, k, seed, features)
    study = tuning_study.study_in(None, kind.name, seed)
    return searched(kind, study, measure, trials=trials, timeout=timeout, seed=seed, report=report)


def searched(
    kind: Any,
    study: "Study",
    measure: tuning_study.Measure,
    *,
    trials: int,
    timeout: float | None = None,
    seed: int = 0,
    crew: "tuning_study.Crew | None" = None,
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
