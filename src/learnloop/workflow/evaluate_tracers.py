"""Tracers on folds of learners, each scored under the same rules: fit, predict what was never seen, compare.

`best` is chosen by what a tracer scores on validation learners, who are training learners; what it scores on
the test is only told, and the leaky number is told beside it and used for nothing.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from learnloop.errors import LearnloopError, NothingToDo
from learnloop.evaluate import tracing, tracing_groups
from learnloop.evaluate.calibration import reliability
from learnloop.evaluate.tracing import LEADING, LEAK, Honest, Intervals, Leaky
from learnloop.schemas import Tracer
from learnloop.workflow.peak_memory import peak

Kind = tuple[type, Mapping[str, Any]]  # a class of tracers and its hyper-parameters
VALIDATION_SHARE = 0.2  # of the training learners
FEWEST = 5  # training learners; of fewer none is held out for validation
TRAINED_ON = 1000  # training learners that the training metric is measured on
SMALL = 200_000  # answers; with more, validation and the leaky number are of the first fold alone
BASELINE = "rate"


@dataclass(frozen=True)
class Rules:
    """How every tracer is scored. timed: whether times say more than the order of answers."""

    seed: int = 0
    n_bootstrap: int = 500
    fast: bool = False  # no validation, no training metric, no leaky number
    tune: int = 0
    timeout: float | None = None
    group_by: Sequence[str] = ()
    timed: bool = True


@dataclass(frozen=True)
class Part:
    """train, test: ANSWERS by learner and time. history: of test learners, what came before the test."""

    name: str
    train: pd.DataFrame
    test: pd.DataFrame
    history: pd.DataFrame
    rows: np.ndarray  # (len(test),) places of the test in all that is asked

    def split(self, seed: int) -> "Part | None":
        """Some training learners held out, the rest to train on; None where there are too few."""
        names = np.sort(self.train["learner_id"].unique().astype(object))
        if len(names) < FEWEST:
            return None
        drawn = np.random.default_rng(seed).permutation(names)
        held = self.train["learner_id"].isin(drawn[: max(1, round(VALIDATION_SHARE * len(names)))]).to_numpy()
        test = self.train[held]
        return Part(self.name, self.train[~held], test, test[:0], np.arange(len(test)))


@dataclass
class Scored:
    """Of one tracer. predicted: (n,) of all that is asked, NaN where nothing was said."""

    predicted: np.ndarray
    params: dict[str, Any] = field(default_factory=dict)
    validation: list[Honest] = field(default_factory=list)
    train: list[Honest] = field(default_factory=list)
    leaky: list[Leaky] = field(default_factory=list)
    aside: list[np.ndarray] = field(default_factory=list)  # answers that the leaky rows are made of
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"fit": [], "predict": []})
    peak_bytes: int | None = None
    tuning: dict[str, Any] | None = None
    predictions: dict[str, int] | None = None


def evaluate_tracers(
    models: Mapping[str, Kind],
    parts: Sequence[Part],
    asked: pd.DataFrame,
    rules: Rules | None = None,
    others: Mapping[str, np.ndarray] | None = None,
    advance: Callable[[float, str], None] | None = None,
) -> dict[str, Any]:
    """{test, models, comparisons, best, best_on_test} as the JSON has them.

    models: name -> (class, hyper-parameters). asked: all test answers, by learner and time; parts: which of
    them are asked of a tracer trained on what. others: name -> (n,) P(correct) of another tool, NaN where it
    says nothing. A model that fails has its `error`. Raises NothingToDo where all do.
    """
    rules = rules or Rules()
    report: dict[str, Any] = dict.fromkeys((*models, *(others or {})))
    scored: dict[str, Scored] = {}
    inner = [None if rules.fast else part.split(rules.seed) for part in parts]
    small = sum(len(part.train) for part in parts[:1]) <= SMALL
    deciding = range(len(parts) if small else 1)
    for name, kind in models.items():
        try:
            scored[name] = _score(name, kind, parts, inner, deciding, rules, len(asked), advance)
        except LearnloopError as error:
            report[name] = {"params": dict(kind[1]), "error": str(error)}
        except Exception as error:  # of a library, or of too little memory: the other models go on
            report[name] = {"params": dict(kind[1]), "error": f"{type(error).__name__}: {error}"}
        if advance:
            advance(0.0, "")
    for name, predicted in (others or {}).items():
        unknown = int(np.isnan(predicted).sum())
        if unknown:
            report[name] = {"error": f"{unknown:,} of {len(asked):,} answers asked have no prediction"}
        else:
            scored[name] = Scored(predicted, predictions={"answers": len(predicted)})
    if not scored:
        errors = "; ".join(f"{name}: {entry['error']}" for name, entry in report.items())
        raise NothingToDo(f"no model could be evaluated: {errors}", f"--models {BASELINE}")
    learners, names = pd.factorize(asked["learner_id"])
    honest = {
        name: Honest(learners, asked["correct"].to_numpy(bool), one.predicted) for name, one in scored.items()
    }
    intervals = Intervals(len(names), rules.n_bootstrap, rules.seed)
    samples = {name: intervals.samples(one) for name, one in honest.items()}
    labels = _labels(parts, rules, len(asked))
    for name, one in scored.items():
        report[name] = {
            **_told(one, honest[name], parts),
            "metrics": _with_sd(tracing.told(samples[name]), honest[name], parts),
            "groups": intervals.by_group(honest[name], labels),
        }
    best = tracing.choose({name: scored[name].validation for name in models if name in scored})
    values = {name: report[name]["metrics"][LEADING]["value"] for name in scored}
    on_test = max(values, key=lambda name: -1.0 if values[name] is None else values[name])
    return {
        "test": _asked(asked, labels),
        "models": report,
        "comparisons": tracing.compared(samples, best or on_test),
        "best": best,
        "best_on_test": on_test,
    }


def _score(
    name: str,
    kind: Kind,
    parts: Sequence[Part],
    inner: Sequence[Part | None],
    deciding: range,
    rules: Rules,
    n: int,
    advance: Callable[[float, str], None] | None,
) -> Scored:
    found = Scored(np.full(n, np.nan), params=dict(kind[1]))
    for number, (part, valid) in enumerate(zip(parts, inner, strict=True)):
        used = kind  # what another fold found is of learners who are asked in this one
        if rules.tune and valid is not None:
            from learnloop.workflow.tuning_tracers import tuned

            params, found.tuning = tuned(kind, valid, rules)
            used = (kind[0], {**kind[1], **params})
            found.params = dict(used[1])
        with peak() as memory:
            model, predicted, seconds = fit_and_predict(used, part)
        found.predicted[part.rows] = predicted
        found.peak_bytes = memory.most(found.peak_bytes)
        for what, value in seconds.items():
            found.seconds[what].append(value)
        if not rules.fast and number in deciding:
            found.train.append(_on_training(model, part, rules.seed))
            if valid is not None:
                found.validation.append(_honest(valid.test, fit_and_predict(used, valid)[1]))
            if (leaky := _leaky(used, part, rules.timed)) is not None:
                found.leaky.append(leaky)
            found.aside.append(part.rows)
        if advance:
            advance(1, f"{name}, {part.name}")
    return found


def fit_and_predict(kind: Kind, part: Part) -> tuple[Tracer, np.ndarray, dict[str, float]]:
    """(the fitted tracer, (n,) P(correct) of the test, seconds of fit and predict). Raises LearnloopError
    where the tracer says what is no probability."""
    started = time.perf_counter()
    model: Tracer = kind[0](**kind[1]).fit(part.train)
    fitted = time.perf_counter()
    predicted = predict(model, part)
    return model, predicted, {"fit": fitted - started, "predict": time.perf_counter() - fitted}


def predict(model: Tracer, part: Part) -> np.ndarray:
    """(n,) P(correct) of the test, with what its learners had answered before as history."""
    whole = pd.concat([part.history, part.test], ignore_index=True) if len(part.history) else part.test
    predicted = np.asarray(model.predict(whole), dtype=float)[len(part.history) :]
    if not ((predicted >= 0) & (predicted <= 1)).all():
        raise LearnloopError(f"{model.name} predicts what is no probability", "leave it out of --models")
    return predicted


def _honest(answers: pd.DataFrame, predicted: np.ndarray) -> Honest:
    learners, _ = pd.factorize(answers["learner_id"])
    return Honest(learners, answers["correct"].to_numpy(bool), predicted)


def _on_training(model: Tracer, part: Part, seed: int) -> Honest:
    """What the model says of learners it was trained on: far above the rest, it knows them by heart."""
    names = np.sort(part.train["learner_id"].unique().astype(object))
    drawn = np.random.default_rng(seed).permutation(names)[:TRAINED_ON]
    rows = part.train[part.train["learner_id"].isin(drawn)]
    return _honest(rows, np.clip(np.asarray(model.predict(rows), dtype=float), 0.0, 1.0))


def _leaky(kind: Kind, part: Part, timed: bool) -> Leaky | None:
    """The number of many papers; None where no answer has several concepts, and it is the honest one."""
    if not any(len(concepts) > 1 for concepts in part.test["concept_ids"]):
        return None
    whole = pd.concat([part.history.assign(asked=False), part.test.assign(asked=True)], ignore_index=True)
    whole = whole.sort_values(["learner_id", "occurred_at"], kind="stable", ignore_index=True)
    rows, _ = tracing.expanded(whole, timed)
    model: Tracer = kind[0](**kind[1]).fit(tracing.expanded(part.train, timed)[0])
    predicted = np.asarray(model.predict(rows), dtype=float)
    kept = rows["asked"].to_numpy(bool)
    learners, _ = pd.factorize(rows["learner_id"][kept])
    return Leaky(learners, rows["correct"].to_numpy(bool)[kept], predicted[kept])


def _labels(parts: Sequence[Part], rules: Rules, n: int) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for part in parts:
        whole = pd.concat([part.history.assign(asked=-1), part.test.assign(asked=part.rows)])
        whole = whole.sort_values(["learner_id", "occurred_at"], kind="stable", ignore_index=True)
        trained = part.train["item_id"].unique()
        asked = whole["asked"].to_numpy(np.int64)
        for kind, label in tracing_groups.labels(whole, trained).items():
            found.setdefault(kind, np.full(n, "", dtype=object))[asked[asked >= 0]] = label[asked >= 0]
    tests = pd.concat([part.test.assign(asked=part.rows) for part in parts]).sort_values("asked")
    for column in rules.group_by:
        found[column] = np.full(n, "", dtype=object)
        found[column][tests["asked"]] = tracing_groups.common(tests[column])
    return found


def _told(one: Scored, honest: Honest, parts: Sequence[Part]) -> dict[str, Any]:
    """A model's entry of the JSON, but for what needs the resamples."""
    validation, train = _over_folds(one.validation), _over_folds(one.train)
    per_fold: list[dict[str, Any]] = [
        {"fold": part.name, **tracing.plain(honest.within(part.rows))} for part in parts
    ]
    valid = None if validation is None else validation[LEADING]
    test = float(np.mean([fold[LEADING] or np.nan for fold in per_fold[: len(one.validation) or None]]))
    entry = {
        "params": one.params,
        "leaky": _beside(one, honest),
        "reliability": reliability(honest.correct, honest.predicted).to_dict("records"),
        "seconds": {what: float(np.mean(values)) for what, values in one.seconds.items() if values},
        "peak_bytes": one.peak_bytes,
        "validation": validation,
        "train": train,
        # validation and test of the same folds, trained on nearly the same learners
        "gap": None if valid is None or np.isnan(test) else valid - test,
        "per_fold": per_fold,
        "tuning": one.tuning,
    }
    return entry | ({"predictions": one.predictions} if one.predictions else {})


def _beside(one: Scored, honest: Honest) -> dict[str, Any] | None:
    """The leaky numbers and, of the same answers, the honest AUC; None where they were not asked for."""
    if not one.aside:
        return None
    rows = np.concatenate(one.aside)
    same = honest.within(rows)
    if one.leaky:
        shift = np.cumsum([0, *(int(part.learners.max()) + 1 for part in one.leaky[:-1])])
        pooled = Leaky(
            np.concatenate([part.learners + more for part, more in zip(one.leaky, shift, strict=True)]),
            np.concatenate([part.correct for part in one.leaky]),
            np.concatenate([part.predicted for part in one.leaky]),
        )
        told, n = tracing.plain(pooled), len(pooled.correct)
    else:
        told, n = tracing.plain(same), len(same.correct)
    return {
        "label": LEAK,
        "rows": n,
        "answers": len(same.correct),
        **told,
        "honest_auc": tracing.plain(same)[LEADING],
    }


def _over_folds(found: Sequence[Honest]) -> dict[str, float | None] | None:
    if not found:
        return None
    values = [tracing.plain(one) for one in found]
    mean: dict[str, float | None] = {}
    for name in values[0]:
        known = [value for one in values if (value := one[name]) is not None]
        mean[name] = float(np.mean(known)) if len(known) == len(values) else None
    return mean


def _with_sd(
    metrics: dict[str, dict[str, float | None]], honest: Honest, parts: Sequence[Part]
) -> dict[str, dict[str, float | None]]:
    """And how far the folds lie apart."""
    if len(parts) > 1:
        folds = [tracing.plain(honest.within(part.rows)) for part in parts]
        for name, numbers in metrics.items():
            known = [value for fold in folds if (value := fold[name]) is not None]
            numbers["sd"] = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return metrics


def _asked(asked: pd.DataFrame, labels: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {
        "learners": int(asked["learner_id"].nunique()),
        "answers": len(asked),
        "correct_share": float(asked["correct"].mean()),
        "several_concepts": int(sum(len(concepts) > 1 for concepts in asked["concept_ids"])),
        "first_attempts": int((labels["attempt_on_item"] == "first").sum()),
        "on_new_items": int((labels["item"] != "in training").sum()),
        "of_new_learners": int((labels["learner"] != "known").sum()),
    }
