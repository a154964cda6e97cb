"""evaluate trace: a log of answers in, every tracer under the same rules, what can be trusted of it out.

Needs no database and no server, and writes nothing but the report it is asked for.
"""

from collections.abc import Sequence
from contextlib import closing
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.collect.answer_logs import (
    FRACTION,
    AnswerLog,
    Ordered,
    in_order,
    read_answers,
    read_probabilities,
)
from learnloop.errors import BadInput, UnknownThing
from learnloop.evaluate import tracing_groups
from learnloop.evaluate.tracing import LEADING
from learnloop.workflow import paths
from learnloop.workflow.console import bar, step
from learnloop.workflow.evaluate_tracers import BASELINE, Kind, Part, Rules, evaluate_tracers
from learnloop.workflow.tracers import TRACERS

SLOW = ("attention", "blend")  # minutes on a CPU: left out unless they are named
SHOWN = ("auc", "accuracy", "log_loss", "brier", "ece")  # in the table for a person
EXPANDED_SHARE = 0.01  # of rows that look like the row before with another concept, from which it is said


def evaluate_trace(
    train: Path,
    *,
    test: Path | None = None,
    columns: str = "",
    threshold: float | None = None,
    ties: str = "order",
    folds: int = 5,
    models: Sequence[str] = (),
    tune: int = 0,
    timeout: float | None = None,
    group_by: Sequence[str] = (),
    predictions: Path | None = None,
    predictions_name: str = "",
    fast: bool = False,
    n_bootstrap: int = 500,
    seed: int = 0,
    mlflow: bool = False,
    report: Path | None = None,
) -> dict[str, Any]:
    """The result as docs/commands.md describes it. models: names of TRACERS; () the fast ones.

    Raises BadInput (a file, an option), UnknownThing (a model), NothingToDo (no answers).
    """
    kinds = chosen(models, seed)
    if tune and fast:
        raise BadInput("--fast leaves out the validation that --tune needs", "leave one of them out", "tune")
    taken = [column for column in group_by if column in tracing_groups.KINDS]
    if taken:
        raise BadInput(f"a group of ours is called {taken[0]!r}", "rename the column of the log", "group_by")
    if report is not None:
        from learnloop.evaluate.tracing_report import is_report

        paths.may_replace(report, is_report)
    of_answers, of_predictions = _parted(columns)
    logs = [_read(train, of_answers, threshold, group_by)]
    if test is not None:
        logs.append(_read(test, of_answers, threshold, group_by))
        _alike(*logs)
    ordered, parts, asked, shared = _parts(logs, folds, seed, ties)
    rules = Rules(seed, n_bootstrap, fast, tune, timeout, tuple(group_by), ordered.timed)
    others = {}
    if predictions is not None:
        name = _name(predictions, predictions_name, kinds)
        others[name] = read_probabilities(predictions, of_predictions, logs[-1].rows)[asked["row"]]
    total = len(kinds) * len(parts)
    with bar(f"evaluated {len(kinds)} models on {len(parts)} fold{'s' * (len(parts) > 1)}", total) as advance:
        found = evaluate_tracers(kinds, parts, asked, rules, others, advance)
    data = _told(logs, ordered, ties, shared)
    if not models:
        data["notes"].append(f"Not tried, for they take minutes: {', '.join(SLOW)}. --models names them.")
    result: dict[str, Any] = {
        "data": data,
        "split": "given" if test is not None else "learners",
        "folds": len(parts),
        "seed": seed,
        "n_bootstrap": n_bootstrap,
        **found,
    }
    if report is not None:
        _write(report, result)
    if mlflow:
        _log(result)
    return result


def chosen(names: Sequence[str], seed: int = 0) -> dict[str, Kind]:
    """name -> (class, hyper-parameters), the baseline always among them. Raises UnknownThing with the list
    of those there are."""
    fast = [name for name in TRACERS if name not in SLOW]
    wanted = list(dict.fromkeys([*names, BASELINE] if names else fast))
    unknown = [name for name in wanted if name not in TRACERS]
    if unknown:
        raise UnknownThing(
            f"there is no tracer {unknown[0]!r}; there are {', '.join(TRACERS)}", f"--models {','.join(fast)}"
        )
    kinds: dict[str, Kind] = {}
    for name in wanted:
        kind = TRACERS[name]
        kinds[name] = (kind, {"seed": seed} if "seed" in signature(kind).parameters else {})
    return kinds


def _parted(columns: str) -> tuple[str, str]:
    """--map for the answers and for the predictions ("predictions.p_correct=p")."""
    parts = [part.strip() for part in columns.split(",") if part.strip()]
    of_predictions = [part for part in parts if part.startswith(("predictions.", "p_correct=", "row="))]
    return ",".join(part for part in parts if part not in of_predictions), ",".join(of_predictions)


def _read(path: Path, columns: str, threshold: float | None, group_by: Sequence[str]) -> AnswerLog:
    with step(f"read {path.name}"):
        return read_answers(path, columns, threshold, group_by)


def _alike(train: AnswerLog, test: AnswerLog) -> None:
    for column, one, other in (
        ("occurred_at", train.times, test.times),
        ("concept_id", train.concepts, test.concepts),
    ):
        if one != other:
            lacking, has = (test, train) if one else (train, test)
            fault = f"{lacking.file} has no column {column!r}, {has.file} has one"
            raise BadInput(fault, "give it, or drop it in both", column)


def _parts(
    logs: Sequence[AnswerLog], folds: int, seed: int, ties: str
) -> tuple[Ordered, list[Part], pd.DataFrame, dict[str, int]]:
    """(all answers in order, the folds, what they ask, what is to be told of learners in both files)."""
    whole = pd.concat([log.frame.assign(file=number) for number, log in enumerate(logs)], ignore_index=True)
    ordered = in_order(whole, ties)
    frame = ordered.frame
    if len(logs) == 1:
        return ordered, _folds(frame, folds, seed), *_asked_of(frame, folds, seed), {}
    of_test = frame["file"].to_numpy() == 1
    train, test = frame[~of_test].reset_index(drop=True), frame[of_test].reset_index(drop=True)
    history = train[train["learner_id"].isin(test["learner_id"])].reset_index(drop=True)
    first = test.groupby("learner_id")["occurred_at"].min()
    late = int((history["occurred_at"] > history["learner_id"].map(first)).sum())
    where = ["learner_id", "item_id", "correct", "occurred_at"]
    shared = {
        "learners_in_both": int(history["learner_id"].nunique()),
        "train_answers_of_theirs": len(history),
        "of_them_after_the_test_began": late,
    }
    if logs[0].times:
        keys = [log.frame[[*where[:3], "at"]].drop_duplicates() for log in logs]
        shared["answers_in_both"] = len(keys[0].merge(keys[1]))
    return ordered, [Part("test", train, test, history, np.arange(len(test)))], test, shared


def _fold_of(frame: pd.DataFrame, folds: int, seed: int) -> np.ndarray:
    """(n,) the fold that asks each answer: all of a learner's in one. With one fold, a fifth is in it."""
    codes, names = pd.factorize(frame["learner_id"], sort=True)
    count = folds if folds > 1 else 5
    if len(names) < max(folds, 2):
        raise BadInput(
            f"{len(names)} learner{'s' * (len(names) > 1)} cannot be parted into {max(folds, 2)} folds",
            f"--folds {len(names)}" if len(names) > 1 else "give a log of several learners",
            "folds",
        )
    place = np.random.default_rng(seed).permutation(len(names))
    return (place % min(count, len(names)))[codes]


def _folds(frame: pd.DataFrame, folds: int, seed: int) -> list[Part]:
    fold, parts = _fold_of(frame, folds, seed), list[Part]()
    asked = np.cumsum(np.ones(len(frame), dtype=np.int64)) - 1
    if folds == 1:
        asked = np.cumsum(fold == 0) - 1
    for number in range(folds):
        rows = fold == number
        train, test = frame[~rows].reset_index(drop=True), frame[rows].reset_index(drop=True)
        parts.append(Part(f"fold {number + 1}", train, test, test[:0], asked[rows]))
    return parts


def _asked_of(frame: pd.DataFrame, folds: int, seed: int) -> tuple[pd.DataFrame]:
    return (frame if folds > 1 else frame[_fold_of(frame, 1, seed) == 0].reset_index(drop=True),)


def _name(predictions: Path, given: str, kinds: dict[str, Kind]) -> str:
    name = given or predictions.name.split(".")[0]
    if name in kinds:
        raise BadInput(f"there is a model {name!r} already", "--predictions-name OTHER", "predictions_name")
    return name


def _told(logs: Sequence[AnswerLog], ordered: Ordered, ties: str, shared: dict[str, int]) -> dict[str, Any]:
    """What the report says of the data."""
    frame, train = ordered.frame, logs[0]
    refused: dict[str, int] = {}
    for log in logs:
        for reason, count in log.refused.items():
            refused[reason] = refused.get(reason, 0) + count
    concepts = frame["concept_ids"]
    told = {
        "file": train.file,
        "sha256": train.sha256,
        **({"test_file": logs[1].file, "test_sha256": logs[1].sha256} if len(logs) > 1 else {}),
        "rows": sum(log.rows for log in logs),
        "answers": len(frame),
        "learners": int(frame["learner_id"].nunique()),
        "items": int(frame["item_id"].nunique()),
        "concepts": len({c for one in set(concepts) for c in one}),
        "correct_share": float(frame["correct"].mean()),
        "several_concepts": int(sum(len(one) > 1 for one in concepts)),
        "without_concept": sum(log.own for log in logs),
        "refused": refused,
        "times": train.times and ordered.timed,
        "ties": ties,
        "tied": ordered.tied,
        "expanded_rows": ordered.expanded,
        "repeated_rows": ordered.repeated,
        **shared,
    }
    return {**told, "notes": _notes(logs, ordered, told)}


def _notes(logs: Sequence[AnswerLog], ordered: Ordered, told: dict[str, Any]) -> list[str]:
    """Sentences on what was made of the file, and what may be wrong with it."""
    found = []
    if not logs[0].times:
        found.append("There are no times: the order of rows is taken for the order of answers.")
    elif not ordered.timed:
        told_by = "the order of rows is taken for the order of answers"
        if told["ties"] != "order":
            told_by = "no answer sees another"
        found.append(f"No learner has two different times: {told_by}.")
    elif told["tied"] and told["ties"] == "order":
        found.append(
            f"{told['tied']:,} answers have the time of the learner's answer before; the order of rows breaks"
            " the tie. --ties together lets none of them see another."
        )
    for ours, theirs in logs[0].likely.items():
        found.append(f"There is no column {ours!r}; is it {theirs!r}? --map {ours}={theirs}")
    if told["without_concept"]:
        found.append(f"{told['without_concept']:,} answers have no concept: their item is their own.")
    if told["expanded_rows"] > EXPANDED_SHARE * told["answers"]:
        found.append(
            f"{told['expanded_rows']:,} rows are as the row before with another concept: if each is the same"
            " answer again, every number here is leaky. Join the concepts of an answer by ~ in one row."
        )
    if told["repeated_rows"] and not told.get("answers_in_both"):
        found.append(
            f"{told['repeated_rows']:,} rows are the row before once more, its time too: if an export wrote"
            " answers twice, the first tells the outcome of the second. Leave one of each."
        )
    if FRACTION in told["refused"]:
        found.append(
            f"{told['refused'][FRACTION]:,} rows are neither right nor wrong and left out;"
            " --threshold 0.5 counts what is at least that as right."
        )
    if told.get("learners_in_both"):
        found.append(
            f"{told['learners_in_both']:,} learners are in both files: their answers in training that are"
            " earlier are history when they are asked, and every tracer was trained on all of them."
        )
    if told.get("of_them_after_the_test_began"):
        found.append(
            f"{told['of_them_after_the_test_began']:,} training answers of theirs are later than their first"
            " in the test: training knows the future."
        )
    if told.get("answers_in_both"):
        found.append(f"{told['answers_in_both']:,} answers are in both files: the test is in training.")
    return found


def _write(report: Path, result: dict[str, Any]) -> None:
    from learnloop.evaluate.tracing_report import report_page
    from learnloop.workflow.whole import write_whole

    with step(f"wrote {report}"):
        page = report_page(result)
        write_whole(report, lambda beside: beside.write_text(page, "utf-8"))


def _log(result: dict[str, Any]) -> None:
    """One MLflow run of the home: the data's hash, each model's metrics, the JSON and the page."""
    from learnloop.evaluate.tracing_plots import figures
    from learnloop.evaluate.tracing_report import report_page
    from learnloop.workflow.context import Loop

    with step("logged to MLflow"), closing(Loop()) as loop:
        tags = {"data_sha256": result["data"]["sha256"], "split": result["split"]}
        with loop.registry.run("evaluate trace", tags) as run:
            run.params({name: result[name] for name in ("split", "folds", "seed", "best")})
            run.metrics(
                {
                    f"{name}_{metric}": numbers["value"]
                    for name, entry in result["models"].items()
                    for metric, numbers in entry.get("metrics", {}).items()
                    if numbers["value"] is not None
                }
            )
            run.document(result, "evaluation.json")
            run.text(report_page(result), "evaluation.html")
            for name, figure in figures(result).items():
                run.figure(figure, f"{name}.png")


def brief(result: dict[str, Any]) -> dict[str, Any]:
    """What a person wants to see of it; everything is in --json and --report."""

    def auc(entry: dict[str, Any]) -> float:
        value = entry.get("metrics", {}).get(LEADING, {}).get("value")
        return -1.0 if value is None else float(value)

    shown: dict[str, Any] = {}
    for name, entry in sorted(result["models"].items(), key=lambda one: -auc(one[1])):
        if "error" in entry:
            shown[name] = entry["error"]
            continue
        shown[name] = {f"honest {m}" if m == LEADING else m: _range(entry["metrics"][m]) for m in SHOWN}
        if entry["leaky"]:
            told = entry["leaky"]
            shown[name][f"leaky {LEADING} (not comparable)"] = told[LEADING]
            if told["answers"] < result["test"]["answers"]:
                shown[name]["honest auc of the same answers"] = told["honest_auc"]
        shown[name] |= {"gap (validation - test)": entry["gap"], "seconds": entry["seconds"]}
    return {
        "data": result["data"],
        "test": result["test"],
        "models": shown,
        "best (by validation)": result["best"],
        "best on the test": result["best_on_test"],
        "differences that are more than chance": [
            f"{one['a']} - {one['b']}: {one['metric']} {one['value']:+.4f}"
            f" [{one['low']:+.4f}, {one['high']:+.4f}] p {one['p_holm']:.4f}"
            for one in result["comparisons"]
            if one["p_holm"] <= 0.05
        ],
    }


def _range(numbers: dict[str, Any]) -> Any:
    return (
        numbers if all(numbers[part] is not None for part in ("value", "low", "high")) else numbers["value"]
    )
