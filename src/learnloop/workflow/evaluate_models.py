"""Models on folds, each scored under the same rules: fit, rank the whole catalogue, compare.

`best` is chosen by what a model scores on validation folds, which are made of training data alone; what it
scores on the test is only told.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from learnloop.errors import LearnloopError, NothingToDo
from learnloop.evaluate import beyond_accuracy as beyond
from learnloop.evaluate import groups, protocols
from learnloop.evaluate.protocols import Fold
from learnloop.evaluate.ranking import METRICS, Relevance, holm, means, metrics, paired_differences
from learnloop.recommend.ranking import NOTHING, rank
from learnloop.recommend.signals import pairs
from learnloop.schemas import ItemFeatures, Recommender

Kind = tuple[type, Mapping[str, Any]]  # a class of recommenders and its hyper-parameters
LEADING = "ndcg"  # chooses, compares
TRAINED_ON = 2000  # training learners that the training metric is measured on
BEYOND = ("novelty", "intra_list_diversity", "average_popularity", "popularity_lift", "calibration_kl")


@dataclass(frozen=True)
class Rules:
    """How every model is scored. attributes: item -> value, by name; own: learner -> value, by name."""

    k: int = 10
    hide_seen: bool = True
    split: str = "time"
    test_share: float = 0.2
    seed: int = 0
    n_bootstrap: int = 500
    fast: bool = False  # no validation, no training metric
    tune: int = 0
    timeout: float | None = None
    features: ItemFeatures | None = None
    mixed: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Asked:
    """A fold as arrays: what each of its n learners had done and went on to do, against the catalogue.

    item_ids: (n_items,), the items of the training part, sorted.
    """

    def __init__(self, fold: Fold, rules: Rules) -> None:
        self.fold, self.rules = fold, rules
        self.signals = pairs(fold.train["learner_id"], fold.train["item_id"], fold.train["at"])
        self.learners = list(fold.relevant)
        self.histories = [fold.histories[learner] for learner in self.learners]
        rows, self.trained_learners = pd.factorize(self.signals["learner_id"])
        columns, item_ids = pd.factorize(self.signals["item_id"], sort=True)
        self.item_ids = np.asarray(item_ids, dtype=object)
        shape = (len(self.trained_learners), len(self.item_ids))
        self.trained = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
        self.counts = np.asarray(self.trained.getnnz(axis=0), dtype=np.int64)
        self.relevant = self.against(self.item_ids)

    def against(self, item_ids: np.ndarray) -> Relevance:
        return Relevance.of([self.fold.relevant[learner] for learner in self.learners], item_ids)

    @cached_property
    def done(self) -> csr_matrix:
        """(n, n_items), 1 where the learner had done the item."""
        known = Relevance.of([set(history) for history in self.histories], self.item_ids)
        places = (known.rows, known.columns)
        return csr_matrix((np.ones(len(known.keys)), places), shape=(len(self.learners), len(self.item_ids)))

    @cached_property
    def classes(self) -> csr_matrix:
        if self.rules.mixed:
            return groups.classes(self.item_ids, self.rules.mixed)
        return groups.popularity_classes(self.counts)

    @cached_property
    def vectors(self) -> Any:
        features = self.rules.features
        if features is None:
            return beyond.co_occurrence_vectors(self.trained)
        place = pd.Index(features.item_ids).get_indexer(self.item_ids)
        return np.where((place >= 0)[:, None], features.matrix[place], 0.0)

    @cached_property
    def labels(self) -> dict[str, np.ndarray]:
        """What learners are grouped by -> their group, (n,)."""
        lengths = np.array([len(set(history)) for history in self.histories])
        wanted = [self.fold.relevant[learner] for learner in self.learners]
        return {
            "history": groups.history_bands(lengths),
            **{
                name: groups.main_value(values, self.histories, wanted)
                for name, values in self.rules.attributes.items()
            },
            **{
                name: np.array([values.get(learner, "") for learner in self.learners], dtype=object)
                for name, values in self.rules.own.items()
            },
        }

    @property
    def n_listed(self) -> int:
        return min(self.rules.k, len(self.item_ids))


@dataclass
class Scored:
    """Of one model on one fold. table: a row a learner, columns METRICS, BEYOND, (group, value, metric)."""

    fold: str
    table: pd.DataFrame
    coverage: float
    gini: float
    columns: np.ndarray
    scores: np.ndarray | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    nbytes: int = 0
    params: dict[str, Any] = field(default_factory=dict)
    validation: dict[str, float] | None = None
    train: dict[str, float] | None = None
    tuning: dict[str, Any] | None = None
    predictions: dict[str, int] | None = None


def score(asked: Asked, columns: np.ndarray, relevant: Relevance | None = None) -> Scored:
    """columns: (n, at most k) of asked.item_ids, best first."""
    k = asked.n_listed
    relevant = relevant or asked.relevant
    found = metrics(relevant.hits(columns), relevant.sizes, k)
    lists = beyond.of_lists(columns, asked.counts, asked.trained.shape[0], asked.done, asked.classes)
    lists["intra_list_diversity"] = beyond.intra_list_diversity(columns, asked.vectors)
    parts: dict[Any, pd.DataFrame] = {}
    for name, labels in asked.labels.items():
        parts |= {(name, value): part for value, part in groups.by_learner(found, labels).items()}
    by_item = groups.by_item_popularity(columns, relevant, asked.counts, k)
    parts |= {("items", value): part for value, part in by_item.items()}
    wide = {(*key, metric): part[metric] for key, part in parts.items() for metric in part}
    table = pd.concat([found, lists[list(BEYOND)], pd.DataFrame(wide)], axis=1)
    table.columns = pd.Index([*found.columns, *BEYOND, *wide], tupleize_cols=False)
    table.index = pd.Index(asked.learners, name="learner_id", dtype=str)
    shown = beyond.exposure(columns, len(asked.item_ids))
    return Scored(asked.fold.name, table, float((shown > 0).mean()), beyond.gini(shown), columns)


def evaluate_models(
    models: Mapping[str, Kind],
    folds: Sequence[Fold],
    rules: Rules | None = None,
    lists: Mapping[str, pd.DataFrame] | None = None,
    advance: Callable[[float, str], None] | None = None,
) -> dict[str, Any]:
    """{test, models, comparisons, best, best_on_test} as the JSON has them, and under "kept" what a later
    step needs: the folds as arrays and, a model, what was scored.

    models: name -> (class, hyper-parameters). lists: name -> (learner_id, item_id), best first, of another
    tool, on the only fold. A model that fails has its `error`. Raises NothingToDo where all do.
    """
    rules = rules or Rules()
    asked = [Asked(fold, rules) for fold in folds]
    told: dict[str, Any] = dict.fromkeys((*models, *(lists or {})))
    scored: dict[str, list[Scored]] = {}
    validating: list[Asked | str] = [] if rules.fast else [_validation(part, rules) for part in asked]
    for name, kind in models.items():
        try:
            found = []
            for number, part in enumerate(asked):
                inner = validating[number] if validating else "left out by --fast"
                found.append(_one(kind, part, inner, rules))
                if advance:
                    advance(1, f"{name}, {part.fold.name}")
            scored[name] = found
        except LearnloopError as error:
            told[name] = {"params": dict(kind[1]), "error": str(error)}
        except Exception as error:  # of a library, or of too little memory: the other models go on
            told[name] = {"params": dict(kind[1]), "error": f"{type(error).__name__}: {error}"}
    for name, frame in (lists or {}).items():
        scored[name] = [listed(frame, asked[0])]
    if not scored:
        errors = "; ".join(f"{name}: {entry['error']}" for name, entry in told.items())
        raise NothingToDo(f"no model could be evaluated: {errors}", "--models popularity")
    tables = {name: _pooled(found) for name, found in scored.items()}
    for name, found in scored.items():
        told[name] = _told(found, tables[name], rules)
    best = _best({name: told[name] for name in models if name in scored})
    return {
        "test": _asked(asked),
        "models": told,
        "comparisons": _compared(tables, best or next(iter(scored)), rules),
        "best": best,
        "best_on_test": max(scored, key=lambda name: (told[name]["metrics"][LEADING]["value"], name)),
        "kept": {"asked": asked, "scored": scored},
    }


def fit_and_rank(kind: Kind, asked: Asked) -> tuple[Recommender, np.ndarray, np.ndarray, dict[str, float]]:
    """(the fitted model, columns of its item_ids, their scores, seconds of fit and recommend)."""
    rules = asked.rules
    started = time.perf_counter()
    model: Recommender = kind[0](**kind[1]).fit(asked.signals, rules.features)
    fitted = time.perf_counter()
    columns, scores = rank(model, asked.histories, rules.k, rules.hide_seen)
    return model, columns, scores, {"fit": fitted - started, "recommend": time.perf_counter() - fitted}


def _one(kind: Kind, asked: Asked, inner: Asked | str, rules: Rules) -> Scored:
    """Tuned on the validation fold where asked to, measured there, on the test and on the training part."""
    tuning: dict[str, Any] | None = None
    if rules.tune and isinstance(inner, Asked):
        from learnloop.workflow.tuning import tuned

        params, tuning = tuned(
            kind[0],
            inner.fold,
            trials=rules.tune,
            timeout=rules.timeout,
            k=rules.k,
            seed=rules.seed,
            features=rules.features,
        )
        kind = kind[0], {**kind[1], **params}
    model, columns, scores, seconds = fit_and_rank(kind, asked)
    if np.array_equal(model.item_ids, asked.item_ids):
        found = score(asked, columns)
    else:  # of items that training has not, the hits count; the rest is told of those it has
        place = pd.Index(asked.item_ids).get_indexer(pd.Index(model.item_ids))
        known = np.where(columns >= 0, place[columns], NOTHING)
        found = score(asked, known)
        found.table[list(METRICS)] = hits_of(asked, model, columns).to_numpy()
    found.scores, found.seconds = scores, seconds
    found.nbytes, found.params, found.tuning = int(model.nbytes), dict(kind[1]), tuning
    if isinstance(inner, Asked):
        found.validation = _mean(hits_of(inner, *fit_and_rank(kind, inner)[:2]))
    if not rules.fast:
        found.train = _on_training(model, asked)
    return found


def hits_of(asked: Asked, model: Recommender, columns: np.ndarray) -> pd.DataFrame:
    relevant = asked.relevant
    if not np.array_equal(model.item_ids, asked.item_ids):
        relevant = asked.against(model.item_ids)
    return metrics(relevant.hits(columns), relevant.sizes, max(asked.n_listed, columns.shape[1]))


def _mean(table: pd.DataFrame) -> dict[str, float]:
    return {name: float(value) for name, value in table[list(METRICS)].mean().items()}


def _validation(asked: Asked, rules: Rules) -> Asked | str:
    try:
        fold = protocols.validation(asked.fold, rules.split, rules.test_share, rules.seed)
    except NothingToDo as error:
        return str(error)
    return Asked(fold, rules)


def _on_training(model: Recommender, asked: Asked) -> dict[str, float] | None:
    """What the model says of learners it was trained on, the last fifth of whose items is hidden from it.

    Far above the validation value: the model has learned its learners by heart.
    """
    names = sorted(asked.trained_learners)
    drawn = set(np.random.default_rng(asked.rules.seed).permutation(names)[:TRAINED_ON])
    train = asked.fold.train
    done = protocols.histories(train[train["learner_id"].isin(drawn)])
    parted = []
    for learner in sorted(done):
        items = list(dict.fromkeys(done[learner]))
        known = int(len(items) * protocols.HISTORY_SHARE)
        if 0 < known < len(items):
            parted.append((items[:known], set(items[known:])))
    if not parted:
        return None
    columns, _ = rank(model, [history for history, _ in parted], asked.rules.k)
    relevant = Relevance.of([after for _, after in parted], model.item_ids)
    return _mean(metrics(relevant.hits(columns), relevant.sizes, min(asked.rules.k, len(model.item_ids))))


def listed(frame: pd.DataFrame, asked: Asked) -> Scored:
    """Another tool's lists under our rules: seen items and repeats are dropped, then the first k count.

    An item that the catalogue lacks stays, as a miss; a learner without a list scores 0. All are counted.
    """
    row = pd.Index(asked.learners).get_indexer(pd.Index(frame["learner_id"]))
    column = pd.Index(asked.item_ids).get_indexer(pd.Index(frame["item_id"]))
    rows = pd.DataFrame({"row": row, "column": column, "item_id": frame["item_id"].to_numpy()})
    others = int((rows["row"] < 0).sum())
    rows = rows[rows["row"] >= 0]
    repeated = rows.duplicated(["row", "item_id"])
    seen = np.zeros(len(rows), dtype=bool)
    if asked.rules.hide_seen:
        done = Relevance.of([set(history) for history in asked.histories], asked.item_ids)
        keys = rows["row"].to_numpy() * done.n_items + rows["column"].to_numpy()
        seen = np.isin(keys, done.keys) & (rows["column"].to_numpy() >= 0)
    rows = rows[~repeated & ~seen]
    place = rows.groupby("row").cumcount().to_numpy()
    rows, place = rows[place < asked.n_listed], place[place < asked.n_listed]
    columns = np.full((len(asked.learners), asked.n_listed), NOTHING, dtype=np.int32)
    columns[rows["row"], place] = rows["column"]
    lengths = np.bincount(rows["row"], minlength=len(asked.learners))
    found = score(asked, columns)
    found.predictions = {
        "rows": len(frame),
        "of_other_learners": others,
        "repeated": int(repeated.sum()),
        "seen": int((seen & ~repeated.to_numpy()).sum()),
        "unknown_items": int((rows["column"] < 0).sum()),
        "short_lists": int(((lengths > 0) & (lengths < asked.n_listed)).sum()),
        "learners_without": int((lengths == 0).sum()),
    }
    return found


def _pooled(found: Sequence[Scored]) -> pd.DataFrame:
    """One row a learner, the unit of every interval: the mean over the folds that asked the learner."""
    if len(found) == 1:
        return found[0].table
    columns = list(dict.fromkeys(name for part in found for name in part.table))
    numbered = [
        part.table.reindex(columns=pd.Index(columns, tupleize_cols=False)).set_axis(
            range(len(columns)), axis=1
        )
        for part in found
    ]
    pooled = pd.concat(numbered).groupby(level=0).mean()
    pooled.columns = pd.Index(columns, tupleize_cols=False)
    return pooled


def _told(found: Sequence[Scored], table: pd.DataFrame, rules: Rules) -> dict[str, Any]:
    """A model's entry of the JSON."""
    numbers: dict[Any, dict[str, float]] = means(table, rules.n_bootstrap, rules.seed)
    per_fold: list[dict[str, Any]] = [{"fold": part.fold, **_mean(part.table)} for part in found]
    scores = {name: numbers[name] for name in METRICS}
    if len(found) > 1:
        for name in METRICS:
            scores[name]["sd"] = float(np.std([float(one[name]) for one in per_fold], ddof=1))
    by_group: dict[str, dict[str, dict[str, Any]]] = {}
    for key in table.columns:
        if isinstance(key, tuple) and key in numbers:
            group, value, metric = key
            entry = by_group.setdefault(group, {}).setdefault(value, {"n": int(table[key].notna().sum())})
            entry[metric] = numbers[key]
    validation, train = _over_folds(found, "validation"), _over_folds(found, "train")
    last = found[-1]
    return {
        "params": last.params,
        "metrics": scores,
        "beyond": {
            "coverage": float(np.mean([part.coverage for part in found])),
            "gini": float(np.mean([part.gini for part in found])),
            **{name: numbers[name] for name in BEYOND if name in numbers},
        },
        "groups": by_group,
        "seconds": {name: float(np.mean([part.seconds[name] for part in found])) for name in last.seconds},
        "nbytes": last.nbytes,
        "validation": validation,
        "train": train,
        "gap": None if validation is None else validation[LEADING] - scores[LEADING]["value"],
        "per_fold": per_fold,
        "tuning": last.tuning,
        **({"predictions": last.predictions} if last.predictions else {}),
    }


def _over_folds(found: Sequence[Scored], part: str) -> dict[str, float] | None:
    values = [getattr(one, part) for one in found]
    if any(value is None for value in values):
        return None
    return {name: float(np.mean([value[name] for value in values])) for name in METRICS}


def _best(told: Mapping[str, Mapping[str, Any]]) -> str | None:
    """By validation alone; None where there was none."""
    validated = {name: entry["validation"][LEADING] for name, entry in told.items() if entry["validation"]}
    return max(validated, key=lambda name: (validated[name], name)) if validated else None


def _compared(tables: Mapping[str, pd.DataFrame], a: str, rules: Rules) -> list[dict[str, Any]]:
    """`a` against each other model on the test, p-values corrected for how many there are (Holm)."""
    others = {name: table[LEADING] for name, table in tables.items() if name != a}
    found = paired_differences(tables[a][LEADING], others, seed=rules.seed)
    raised = holm([numbers["p_value"] for numbers in found.values()])
    return [
        {"a": a, "b": name, "metric": LEADING, **numbers, "p_holm": p}
        for (name, numbers), p in zip(found.items(), raised, strict=True)
    ]


def _asked(asked: Sequence[Asked]) -> dict[str, Any]:
    wanted = sum(int(part.relevant.sizes.sum()) for part in asked)
    return {
        "learners": len({learner for part in asked for learner in part.learners}),
        "new_learners": sum(not history for part in asked for history in part.histories),
        "relevant": wanted,
        "reachable_share": sum(len(part.relevant.keys) for part in asked) / wanted,
    }
