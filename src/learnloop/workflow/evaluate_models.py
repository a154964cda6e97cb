"""Models on folds, each scored under the same rules: fit, rank the whole catalogue, compare.

`best` is chosen by what a model scores on validation folds, which are made of training data alone; what it
scores on the test is only told.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from learnloop.errors import LearnloopError, NothingToDo
from learnloop.evaluate import protocols
from learnloop.evaluate.protocols import Fold
from learnloop.evaluate.ranking import METRICS, Relevance, holm, means, metrics, paired_differences
from learnloop.recommend.blend import Blend
from learnloop.recommend.ranking import rank
from learnloop.schemas import Recommender
from learnloop.workflow.asked import BEYOND, LEADING, Asked, Rules, Scored, listed, score

Kind = tuple[type, Mapping[str, Any]]  # a class of recommenders and its hyper-parameters
CHANCE = "random"
TRAINED_ON = 2000  # training learners that the training metric is measured on


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
    of_others = {name: [listed(frame, asked[0])] for name, frame in (lists or {}).items()}
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
    scored |= of_others
    if not scored:
        errors = "; ".join(f"{name}: {entry['error']}" for name, entry in told.items())
        raise NothingToDo(f"no model could be evaluated: {errors}", "--models popularity")
    tables = {name: _pooled(found) for name, found in scored.items()}
    for name, found in scored.items():
        told[name] = _told(found, tables[name], rules)
    best = _best({name: scored[name] for name in models if name in scored}, rules.split)
    return {
        "test": _asked(asked),
        "models": told,
        "comparisons": _compared(tables, best or next(iter(scored)), rules),
        "best": best,
        "best_on_test": max(scored, key=lambda name: told[name]["metrics"][LEADING]["value"]),
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
        kind, tuning = _tuned(kind, inner, rules)
    elif rules.tune:
        tuning = {"trials": 0, "left_out": str(inner)}
    model, columns, scores, seconds = fit_and_rank(kind, asked)
    found = score(asked, columns, model.item_ids)
    found.scores, found.seconds = scores, seconds
    found.nbytes, found.params, found.tuning = int(model.nbytes), dict(kind[1]), tuning
    if isinstance(inner, Asked):
        found.validation = _mean(hits_of(inner, *fit_and_rank(kind, inner)[:2]))
    else:
        found.unvalidated = inner
    if not rules.fast:
        found.train = _on_training(model, asked)
    return found


def _tuned(kind: Kind, inner: Asked, rules: Rules) -> tuple[Kind, dict[str, Any]]:
    """The kind with what was found on its validation fold. A blend takes what was found of each base."""
    from learnloop.workflow.tuning import tuned, tuned_bases

    options: dict[str, Any] = {
        "trials": rules.tune,
        "timeout": rules.timeout,
        "k": rules.k,
        "seed": rules.seed,
        "features": rules.features,
        "hide_seen": rules.hide_seen,
    }

    def search(base: type) -> Mapping[str, Any]:
        if base not in inner.searched:
            inner.searched[base] = tuned(base, inner.fold, **options)
        return inner.searched[base][0]

    if kind[0] is Blend:
        fixed = {"bases": tuned_bases(search)}
        params, found = tuned(Blend, inner.fold, **options, fixed=fixed)
        return (Blend, {**kind[1], **fixed, **params}), found
    params = dict(search(kind[0]))
    return (kind[0], {**kind[1], **params}), inner.searched[kind[0]][1]


def hits_of(asked: Asked, model: Recommender, columns: np.ndarray) -> pd.DataFrame:
    relevant = asked.relevant
    if not np.array_equal(model.item_ids, asked.item_ids):
        relevant = asked.against(model.item_ids)
    return metrics(relevant.hits(columns), relevant.sizes, max(asked.n_listed, columns.shape[1]))


def _mean(table: pd.DataFrame) -> dict[str, float]:
    return {name: float(value) for name, value in table[list(METRICS)].mean().items()}


def _validation(asked: Asked, rules: Rules) -> Asked | str:
    try:
        if rules.hide_seen or rules.split != "time":
            fold = protocols.validation(asked.fold, rules.split, rules.test_share, rules.seed)
        else:
            (fold,) = windows_with_repeats(asked.fold.train, 1, rules.test_share)
    except NothingToDo as error:
        return str(error)
    return Asked(fold, rules)


def windows_with_repeats(log: pd.DataFrame, n_folds: int, test_share: float) -> list[Fold]:
    """The windows of `protocols.folds` with all that was done in them, whether it was done before or not."""
    log = log.sort_values("at", kind="stable", ignore_index=True)
    # Where the windows begin hangs on the times alone: with every item new, no window is without a question.
    found = protocols.folds(log.assign(item_id=log.index.astype(str)), "time", n_folds, test_share)
    edges = [*(len(fold.train) for fold in found), len(log)]
    return [
        replace(protocols.given(log[:start], log[start:end], hide_seen=False), name=fold.name)
        for fold, start, end in zip(found, edges, edges[1:], strict=False)
    ]


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
        **({} if validation else {"unvalidated": _unvalidated(found)}),
        **({"predictions": last.predictions} if last.predictions else {}),
    }


def _unvalidated(found: Sequence[Scored]) -> str:
    """Why a model has no validation value, of the first fold that lacks it; a list from outside has none."""
    reasons = (f"{part.fold}: {part.unvalidated}" for part in found if part.unvalidated)
    return next(reasons, "a list from outside is only tested")


def _over_folds(found: Sequence[Scored], part: str) -> dict[str, float] | None:
    values = [getattr(one, part) for one in found]
    if any(value is None for value in values):
        return None
    return {name: float(np.mean([value[name] for value in values])) for name in METRICS}


def _best(scored: Mapping[str, Sequence[Scored]], split: str) -> str | None:
    """By validation alone; None where there was none, or it asked for nothing that anybody could find.

    Chance is beside the models to be beaten: on a small log it may be ahead, and is chosen only alone.

    The validation of one fold asks what another fold's test asks, where the folds are windows of time or
    the last items. So the fold decides whose training ends the earliest: its validation is in no test.
    (Learners are in one test each, and in the validation of other folds: their mean decides.)
    """
    deciding = {"time": slice(0, 1), "leave-last-out": slice(-1, None)}.get(split, slice(None))
    models = {name: parts for name, parts in scored.items() if name != CHANCE} or scored
    found = {name: _over_folds(parts[deciding], "validation") for name, parts in models.items()}
    validated = {name: values[LEADING] for name, values in found.items() if values}
    if not any(validated.values()):
        return None
    return max(validated, key=lambda name: validated[name])


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
