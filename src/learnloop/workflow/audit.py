"""The audit of an evaluation, or of the trained candidate: every check on its files, folds and rankings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from learnloop.errors import NothingToDo
from learnloop.evaluate import audit, protocols
from learnloop.evaluate.protocols import Fold
from learnloop.evaluate.ranking import means
from learnloop.recommend.ranking import rank
from learnloop.recommend.signals import targets
from learnloop.store import reading
from learnloop.workflow import candidate
from learnloop.workflow.asked import LEADING, Asked, Rules, Scored, score
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop
from learnloop.workflow.logs import Files

# They rank the most popular items first, or nothing in particular: a bias that needs no finding.
BASELINES = ("popularity", "random")
ORDER = ("high", "medium", "low")
VALIDATED_AT = 10  # the k of the validation that a candidate was chosen by


def audit_files(
    files: Files, folds: Sequence[Fold], found: Mapping[str, Any], kept: Mapping[str, Any], rules: Rules
) -> list[dict[str, Any]]:
    """The findings, the most serious first. found, kept: of `evaluate_models`. The last fold is looked at."""
    fold = folds[-1]
    if files.test is not None:
        test = files.test.frame
        findings = audit.repeated_pairs(files.log.frame, test, files.log.times)
        findings += audit.future_rows(files.log.frame, test) if files.log.times else []
    else:
        test = _asked_rows(files.log.frame, fold)
        # `time` parts by one instant, so this is only ever true of the other splits
        findings = audit.future_rows(fold.train, test) if files.log.times and rules.split != "time" else []
    everything = [files.log.frame, *([] if files.test is None else [files.test.frame])]
    for what in ("learner", "item"):
        findings += audit.spellings(pd.concat([part[f"{what}_id"] for part in everything]), what)
    findings += _columns(files, fold, test)
    findings += _rankings(found, kept)
    return sorted(findings, key=lambda one: ORDER.index(one["severity"]))


def _asked_rows(log: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    """The first time each learner did each relevant item, after what the learner had done by then."""
    pairs = pd.MultiIndex.from_tuples(
        [(learner, item_id) for learner, items in fold.relevant.items() for item_id in items]
    )
    rows = log[pd.MultiIndex.from_frame(log[["learner_id", "item_id"]]).isin(pairs)]
    return rows.sort_values("at", kind="stable").drop_duplicates(["learner_id", "item_id"])


def _columns(files: Files, fold: Fold, test: pd.DataFrame) -> list[dict[str, Any]]:
    findings = audit.telling_rows(fold.train, fold.relevant)
    if files.items is None:
        return findings
    return findings + audit.telling_columns(files.items, *_counted(fold.train, test))


def _counted(train: pd.DataFrame, test: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(item_ids of either part, learners of each in training, in the test)."""
    item_ids = np.asarray(sorted(set(train["item_id"]) | set(test["item_id"])), dtype=object)
    of_train, of_test = (
        part.drop_duplicates(["learner_id", "item_id"])["item_id"]
        .value_counts()
        .reindex(item_ids, fill_value=0)
        for part in (train, test)
    )
    return item_ids, of_train.to_numpy(), of_test.to_numpy()


def _rankings(found: Mapping[str, Any], kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    findings = audit.too_good(found["models"])
    asked: Asked = kept["asked"][-1]
    scored: Mapping[str, Sequence[Scored]] = kept["scored"]
    lists = {name: parts[-1].columns for name, parts in scored.items()}
    findings += audit.dealt_anew(lists, asked.relevant, asked.counts, asked.rules.seed)
    # A new learner's list is everybody's, and rightly popular.
    known = np.array([bool(history) for history in asked.histories])
    for name, columns in lists.items():
        columns = columns[known]
        if name not in BASELINES and len(columns):
            findings += audit.popularity_bias(name, columns, asked.counts)
            findings += audit.position_bias(name, columns, asked.counts, asked.item_ids)
    return findings


def audit_candidate(loop: Loop, *, k: int = 10, seed: int = 0) -> dict[str, Any]:
    """The latest candidate on its own snapshot, as it was trained. Raises NothingToDo."""
    latest = candidate.latest(loop.settings)
    models = candidate.Models.load(latest.folder)
    items = reading.items(loop.engine)
    with step("looked for leaks and bias"):
        interactions = candidate.training_snapshot(loop.settings, latest.manifest)
        log = _log(interactions, items)
        split_at = latest.split_at.timestamp()
        train, test = log[log["at"] < split_at], log[log["at"] >= split_at]
        if test.empty:
            raise NothingToDo("the candidate has nothing held back", "learnloop train --test-share 0.4")
        fold, rules = protocols.given(train, test), Rules(k=k, seed=seed)
        asked = Asked(fold, rules)
        validated = latest.manifest.get("recommender", {}).get("validation", {}) if k == VALIDATED_AT else {}
        found: dict[str, Any] = {}
        scored: dict[str, list[Scored]] = {}
        for model in (models.ranker, models.popularity):
            columns, _ = rank(model, asked.histories, k)
            part = score(asked, columns, model.item_ids)
            scored[model.name] = [part]
            validation = {LEADING: validated[model.name]} if model.name in validated else None
            numbers = means(part.table[[LEADING]], seed=seed)
            found[model.name] = {"metrics": numbers, "validation": validation}
        findings = audit.repeated_pairs(train, test, times=True) + audit.future_rows(train, test)
        for what in ("learner", "item"):
            findings += audit.spellings(log[f"{what}_id"], what)
        findings += audit.telling_columns(items[["item_id", "duration_s"]], *_counted(train, test))
        findings += _rankings({"models": found}, {"asked": [asked], "scored": scored})
    return {
        "run_id": latest.run_id,
        "split_at": latest.manifest["split_at"],
        "interactions": len(log),
        "learners": len(asked.learners),
        "audit": sorted(findings, key=lambda one: ORDER.index(one["severity"])),
    }


def _log(interactions: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """What a recommender is trained on, row by row: an exercise counts for its lesson."""
    rows = interactions[interactions["verb"] != "registered"]
    at = rows["occurred_at"].dt.as_unit("us").astype("int64") / 1e6
    frame = pd.DataFrame(
        {"learner_id": rows["learner_id"], "item_id": rows["item_id"].map(targets(items)), "at": at}
    )
    return frame[frame["item_id"].notna()].reset_index(drop=True)
