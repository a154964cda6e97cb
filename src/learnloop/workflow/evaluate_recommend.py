"""evaluate recommend: files in, every model under the same rules, what can be trusted of it out.

Needs no database and no server, and writes nothing but the report it is asked for.
"""

from collections.abc import Sequence
from contextlib import closing
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from learnloop.collect.logs import read_predictions
from learnloop.errors import BadInput, UnknownThing
from learnloop.evaluate import groups, learning_curve, protocols
from learnloop.evaluate.ranking import means
from learnloop.workflow import logs, paths
from learnloop.workflow.asked import LEADING, Asked, Rules
from learnloop.workflow.console import bar, step
from learnloop.workflow.evaluate_models import (
    Kind,
    evaluate_models,
    fit_and_rank,
    hits_of,
    windows_with_repeats,
)
from learnloop.workflow.logs import Files
from learnloop.workflow.recommenders import RECOMMENDERS

if TYPE_CHECKING:
    from learnloop.evaluate.protocols import Fold

# The fast ones, and the best; of equals the first is best, and chance is nobody's choice.
DEFAULT = ("popularity", "neighbours", "ease", "ials", "blend", "random")
ATTRIBUTES = ("language", "level")  # of items, that learners are grouped by
OF_OURS = ("history", "items")  # groups that are there of every log
SHOWN = ("ndcg", "recall", "hit", "map", "mrr")  # in the table for a person


def evaluate_recommend(
    interactions: Path,
    *,
    test: Path | None = None,
    items: Path | None = None,
    columns: str = "",
    split: str = "time",
    folds: int = 1,
    test_share: float = 0.2,
    models: Sequence[str] = (),
    tune: int = 0,
    timeout: float | None = None,
    k: int = 10,
    min_value: float | None = None,
    hide_seen: bool = True,
    predictions: Path | None = None,
    predictions_name: str = "",
    group_by: Sequence[str] = (),
    seed: int = 0,
    n_bootstrap: int = 500,
    fast: bool = False,
    curve: bool = False,
    audit: bool = False,
    mlflow: bool = False,
    report: Path | None = None,
) -> dict[str, Any]:
    """The result as docs/commands.md describes it. models: names of RECOMMENDERS; () the fast ones.

    Raises BadInput (a file, an option), UnknownThing (a model), NothingToDo (nothing to ask or evaluate).
    """
    kinds = chosen(models, seed)
    if predictions is not None and folds > 1:
        raise BadInput("--predictions are of one fold, not of several", "--folds 1, or --test F", "folds")
    if tune and fast:
        raise BadInput("--fast leaves out the validation that --tune needs", "leave one of them out", "tune")
    taken = [column for column in group_by if column in OF_OURS]
    if taken:
        raise BadInput(f"a group of ours is called {taken[0]!r}", "rename the column of the log", "group_by")
    if report is not None:
        from learnloop.evaluate.ranking_report import is_report

        paths.may_replace(report, is_report)
    files = logs.load(interactions, test, items, columns, min_value, tuple(group_by), all_columns=audit)
    parted = _folds(files, split, folds, test_share, seed, hide_seen)
    rules = _rules(files, kinds, group_by, split=split, k=k, hide_seen=hide_seen, test_share=test_share,
                   seed=seed, n_bootstrap=n_bootstrap, fast=fast, tune=tune, timeout=timeout)  # fmt: skip
    lists = {}
    if predictions is not None:
        lists[_name(predictions, predictions_name, kinds)] = read_predictions(predictions, columns)
    with bar(f"evaluated {len(kinds)} models on {len(parted)} folds", len(kinds) * len(parted)) as advance:
        found = evaluate_models(kinds, parted, rules, lists, advance)
    kept = found.pop("kept")
    result: dict[str, Any] = {
        "data": files.told(),
        "split": "given" if test is not None else split,
        "folds": len(parted),
        "k": k,
        "test_share": test_share,
        "seed": seed,
        "hide_seen": hide_seen,
        "features": rules.features.basis if rules.features is not None else None,
        "calibrated_on": files.mixed()[0] or "popularity thirds",
        **found,
        "curve": {},
        "audit": None,  # not asked for; [] is clean
    }
    if curve:
        result["curve"] = learning_curves(kinds, found, kept["asked"][-1])
    if audit:
        from learnloop.workflow.audit import audit_files

        with step("looked for leaks and bias"):
            result["audit"] = audit_files(files, parted, found, kept, rules)
    if report is not None:
        _write(report, result)
    if mlflow:
        _log(result)
    return result


def chosen(names: Sequence[str], seed: int = 0) -> dict[str, Kind]:
    """name -> (class, hyper-parameters). Raises UnknownThing with the list of those there are."""
    wanted = list(dict.fromkeys(names)) or [name for name in DEFAULT if name in RECOMMENDERS]
    unknown = [name for name in wanted if name not in RECOMMENDERS]
    if unknown:
        raise UnknownThing(
            f"there is no model {unknown[0]!r}; there are {', '.join(RECOMMENDERS)}",
            f"--models {','.join(name for name in DEFAULT if name in RECOMMENDERS)}",
        )
    kinds: dict[str, Kind] = {}
    for name in wanted:
        kind = RECOMMENDERS[name]
        seeded = "seed" in signature(kind).parameters
        kinds[name] = (kind, {"seed": seed} if seeded else {})
    return kinds


def _folds(
    files: Files, split: str, n_folds: int, test_share: float, seed: int, hide_seen: bool
) -> "list[Fold]":
    if files.test is not None:
        if n_folds > 1:
            raise BadInput("--test is one fold", "leave --folds or --test out", "folds")
        return [protocols.given(files.log.frame, files.test.frame, hide_seen)]
    if not hide_seen and split != "time":
        raise BadInput(f"--split {split} asks only for what is new", "--split time", "show_seen")
    if not hide_seen:
        return windows_with_repeats(files.log.frame, n_folds, test_share)
    return protocols.folds(files.log.frame, split, n_folds, test_share, seed)


def _rules(files: Files, kinds: dict[str, Kind], group_by: Sequence[str], **options: Any) -> Rules:
    own = {column: groups.own_value(**files.own(column)) for column in group_by}
    attributes = {name: values for name in ATTRIBUTES if (values := files.attribute(name))}
    features = None
    if files.items is not None:
        with step("read what the items say"):
            features = logs.features(files)
    return Rules(features=features, mixed=files.mixed()[1], attributes=attributes, own=own, **options)


def _name(predictions: Path, given: str, kinds: dict[str, Kind]) -> str:
    name = given or predictions.name.split(".")[0]
    if name in kinds:
        raise BadInput(f"there is a model {name!r} already", "--predictions-name OTHER", "predictions_name")
    return name


def learning_curves(kinds: dict[str, Kind], found: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """Of the best model and popularity, fitted to ever more of the training learners, on one test."""
    rules = asked.rules
    wanted = [name for name in dict.fromkeys([found["best"], "popularity"]) if name in kinds]
    parts = learning_curve.subsets(asked.fold.train["learner_id"], seed=rules.seed)
    curves: dict[str, Any] = {}
    with bar("learning curve", len(wanted) * len(parts)) as advance:
        for name in wanted:
            kind = kinds[name][0], found["models"][name]["params"]
            curves[name] = [_point(kind, asked, share, rows, advance) for share, rows in parts.items()]
    return curves


def _point(kind: Kind, asked: Asked, share: float, rows: np.ndarray, advance: Any) -> dict[str, Any]:
    fold = asked.fold
    smaller = Asked(protocols.Fold(fold.name, fold.train[rows], fold.histories, fold.relevant), asked.rules)
    model, columns, _, _ = fit_and_rank(kind, smaller)
    table = hits_of(smaller, model, columns)
    numbers = means(table[[LEADING]], asked.rules.n_bootstrap, asked.rules.seed)[LEADING]
    advance(1, f"{share:.0%}")
    learners = int(fold.train["learner_id"][rows].nunique())
    told = {LEADING: numbers["value"], "low": numbers["low"], "high": numbers["high"]}
    return {"share": share, "learners": learners, **told}


def _write(report: Path, result: dict[str, Any]) -> None:
    from learnloop.evaluate.ranking_report import report_page
    from learnloop.workflow.whole import write_whole

    with step(f"wrote {report}"):
        page = report_page(result)
        write_whole(report, lambda beside: beside.write_text(page, "utf-8"))


def _log(result: dict[str, Any]) -> None:
    """One MLflow run of the home: the data's hash, each model's metrics, the JSON and the page."""
    from learnloop.evaluate.ranking_plots import figures
    from learnloop.evaluate.ranking_report import report_page
    from learnloop.workflow.context import Loop

    with step("logged to MLflow"), closing(Loop()) as loop:
        tags = {"data_sha256": result["data"]["sha256"], "split": result["split"]}
        with loop.registry.run("evaluate recommend", tags) as run:
            run.params({name: result[name] for name in ("split", "folds", "k", "test_share", "seed", "best")})
            run.metrics(
                {
                    f"{name}_{metric}_at_{result['k']}": numbers["value"]
                    for name, entry in result["models"].items()
                    for metric, numbers in entry.get("metrics", {}).items()
                }
            )
            run.document(result, "evaluation.json")
            run.text(report_page(result), "evaluation.html")
            for name, figure in figures(result).items():
                run.figure(figure, f"{name}.png")


def brief(result: dict[str, Any]) -> dict[str, Any]:
    """What a person wants to see of it; everything is in --json and --report."""
    k = result["k"]
    models = sorted(
        result["models"].items(),
        key=lambda one: -one[1].get("metrics", {}).get(LEADING, {"value": -1.0})["value"],
    )
    shown: dict[str, Any] = {}
    for name, entry in models:
        if "error" in entry:
            shown[name] = entry["error"]
            continue
        shown[name] = {f"{metric}@{k}": entry["metrics"][metric] for metric in SHOWN}
        shown[name] |= {"coverage": entry["beyond"]["coverage"], "gap": entry["gap"]}
        if entry.get("unvalidated") and "predictions" not in entry:
            shown[name]["not validated"] = entry["unvalidated"]
        if (entry["tuning"] or {}).get("left_out"):
            shown[name]["not tuned"] = "there is no validation to tune on"
        if "predictions" in entry:
            shown[name]["of the lists"] = entry["predictions"]
    worse = [one for one in result["comparisons"] if one["p_holm"] <= 0.05]
    return {
        "data": result["data"],
        "test": result["test"],
        "models": shown,
        "best (by validation)": result["best"],
        "best on the test": result["best_on_test"],
        "differences that are more than chance": [
            f"{one['a']} - {one['b']}: {one['value']:+.4f} [{one['low']:+.4f}, {one['high']:+.4f}]"
            f" p {one['p_holm']:.4f}"
            for one in worse
        ],
        "audit": None if result["audit"] is None else [_in_words(one) for one in result["audit"]] or "clean",
    }


def _in_words(finding: dict[str, Any]) -> str:
    numbers = (
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in finding["evidence"].items()
    )
    return f"{finding['severity']}: {finding['check']} ({', '.join(numbers)}); {finding['advice']}"
