"""Who will fail or withdraw, told on a day of a presentation that the model has never seen.

The model learns from earlier presentations and is asked of the latest. Which model, is chosen on those
earlier ones, each told by the others. Nothing is written but the report.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess.at_home import tables_of
from learnloop.assess.at_risk import MODELS, AtRisk
from learnloop.assess.known_by import MARKING_DAYS, known_by
from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate import at_risk as judged
from learnloop.store import coursework
from learnloop.workflow import oulad_tables, paths
from learnloop.workflow.console import bar, step
from learnloop.workflow.context import Loop
from learnloop.workflow.whole import write_whole

GROUPS = ("gender", "disability", "imd_band", "age_band")
SPREAD = 7  # days

Remember = Callable[[str, Callable[[], np.ndarray]], np.ndarray]  # (what, how it is found) -> it


def _anew(what: str, find: Callable[[], np.ndarray]) -> np.ndarray:
    return find()


def evaluate_at_risk(
    folder: Path | None = None,
    *,
    loop: Loop | None = None,
    weeks: Sequence[int] = (2, 4, 8),
    test: str = "",
    marking_days: int = MARKING_DAYS,
    leave_one_out: bool = False,
    n_bootstrap: int = 300,
    seed: int = 0,
    report: Path | None = None,
    remember: Remember = _anew,
) -> dict[str, Any]:
    """folder: OULAD's CSV files; without them, what `loop` has on record. test: the presentation to be asked
    of ("2014J"); "" for the latest. remember: may know what a left-out presentation was told on a run that
    was killed.

    Raises BadInput (a file, a week, a presentation), NothingToDo where nothing comes before the test.
    """
    if not weeks or min(weeks) < 1 or max(weeks) > 40:
        raise BadInput("a week is between 1 and 40", "--week 2,4,8", "week")
    if report is not None:
        from learnloop.evaluate.at_risk_page import is_report

        paths.may_replace(report, is_report)
    days = sorted({7 * week for week in weeks})
    with step("read OULAD" if folder else "read the enrolments and what was handed in"):
        tables = _tables(folder, loop, max(days) + SPREAD)
    order = _order(tables["enrolments"])
    test = test or order[-1]
    if test not in order:
        raise BadInput(f"there is no presentation {test!r}", f"--test one of {', '.join(order)}", "test")
    before = order[: order.index(test)]
    if not before:
        raise NothingToDo(f"no presentation comes before {test}", f"--test {order[-1]}")
    result: dict[str, Any] = {
        "test": test,
        "trained_on": before,
        "validated_on": ", ".join(before),
        "marking_days": marking_days,
        "clicks_used": tables["clicks"] is not None,
        "flagged_share": judged.FLAGGED,
        "seed": seed,
        "weeks": {},
        "left_out": {},
    }
    kept: dict[int, tuple[pd.DataFrame, np.ndarray]] = {}
    total = len(days) * (1 + (len(_modules(tables["enrolments"])) if leave_one_out else 0))
    with bar(f"estimated on {len(days)} days", total) as advance:
        for day in days:
            pool = _around(tables, day, marking_days)
            week, predicted, asked = _week(pool, day, before, test, n_bootstrap, seed)
            result["weeks"][str(day // 7)] = week
            kept[day] = (asked, predicted)
            advance(1)
            if leave_one_out:
                told = _left_out(pool, day, week["chosen"], n_bootstrap, seed, advance, remember)
                result["left_out"][str(day // 7)] = told
    result["lead_time"] = _lead(kept, tables["submissions"], tables["assessments"])
    result = _without_nan(result)
    if report is not None:
        from learnloop.evaluate.at_risk_page import page

        with step(f"wrote {report}"):
            text = page(result)
            write_whole(report, lambda beside: beside.write_text(text, "utf-8"))
    return result


def brief(result: dict[str, Any]) -> dict[str, Any]:
    """What a person wants to see of it; everything is in --json and --report."""
    told: dict[str, Any] = {"test": result["test"], "trained on": ", ".join(result["trained_on"])}
    for name, week in result["weeks"].items():
        best, rule = week["models"][week["chosen"]], week["rule"]
        told[f"week {name}"] = {
            "enrolments": week["enrolments"],
            "at risk": round(week["at_risk"], 3),
            "model": week["chosen"],
            **{one: _told(best[one]) for one in ("auc", "brier", "ece", "precision", "recall")},
            "rule: flagged, precision, recall": " ".join(
                _told(rule[one]) for one in ("selection", "precision", "recall")
            ),
            "groups that differ": ", ".join(
                f"{one['column']} {one['group']} ({' '.join(one['differs'])})"
                for one in week["fairness"]
                if one["differs"]
            ),
        }
    for name, found in result["lead_time"].items():
        told[name] = {"median": found["median"], "flagged": round(found["share"], 3)}
    return told


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: what is not known (the precision of no flag) is None."""
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and value != value else value


def _told(value: dict[str, float | None]) -> str:
    if value["value"] is None:
        return "–"
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def _known(tables: dict[str, Any], day: int, marking_days: int) -> pd.DataFrame:
    return known_by(
        tables["enrolments"],
        tables["assessments"],
        tables["submissions"],
        day,
        tables["clicks"],
        marking_days,
    )


def _around(tables: dict[str, Any], day: int, marking_days: int) -> pd.DataFrame:
    """What was known on the day, and a week before and after it: the next calendar may have moved."""
    days = (day - SPREAD, day, day + SPREAD)
    return pd.concat([_known(tables, one, marking_days) for one in days], ignore_index=True)


def _fitted(
    name: str, pool: pd.DataFrame, day: int, seed: int, sensitive: bool = False, folds: int = 4
) -> AtRisk:
    """Boosting learns from all three days; a line through three days fits none of them (validated)."""
    rows = pool if name == "boosting" else pool[pool["day"] == day]
    return AtRisk(name, sensitive, seed).fit(rows, folds)


def _week(
    pool: pd.DataFrame, day: int, before: Sequence[str], test: str, n_bootstrap: int, seed: int
) -> tuple[dict[str, Any], np.ndarray, pd.DataFrame]:
    past, rows = pool[pool["presentation"].isin(before)], pool[pool["day"] == day]
    train, asked = past[past["day"] == day], rows[rows["presentation"] == test].reset_index(drop=True)
    y, learners = asked["at_risk"].to_numpy(), asked["learner_id"].to_numpy()
    validation = _validated(past, day, before, seed)
    chosen = min(validation, key=lambda name: validation[name]["log_loss"]["value"])
    predicted = {name: _fitted(name, past, day, seed).predict(asked) for name in MODELS}
    told = {name: judged.scores(y, p, learners, n_bootstrap, seed) for name, p in predicted.items()}
    base = np.full(len(y), train["at_risk"].mean())
    told["majority"] = judged.scores(y, base, learners, n_bootstrap, seed)
    for name in ("precision", "recall", "selection"):  # it tells nobody from anybody
        told["majority"].pop(name)
    sensitive = _fitted(chosen, past, day, seed, sensitive=True).predict(asked)
    rule = asked["rule"].to_numpy()
    week = {
        "enrolments": len(asked),
        "at_risk": float(y.mean()),
        "trained_on": len(train),
        "chosen": chosen,
        "validation": {name: one["log_loss"]["value"] for name, one in validation.items()},
        "models": told,
        "rule": {
            **judged.decisions(y, rule, learners, n_bootstrap, seed),
            "model_with_as_many_flags": judged.decisions(
                y, judged.flags(predicted[chosen], float(rule.mean())), learners, n_bootstrap, seed
            ),
        },
        "with_sensitive": {
            "scores": judged.scores(y, sensitive, learners, n_bootstrap, seed),
            "difference": judged.difference(y, sensitive, predicted[chosen], learners, n_bootstrap, seed),
            "fairness": judged.fairness(asked, sensitive, GROUPS, n_bootstrap, seed),
        },
        "fairness": judged.fairness(asked, predicted[chosen], GROUPS, n_bootstrap, seed),
    }
    return week, predicted[chosen], asked


def _validated(past: pd.DataFrame, day: int, before: Sequence[str], seed: int) -> dict[str, Any]:
    """Scores of each model on the presentations before the test, each told by the others; in sample where
    there is but one."""
    rows = past[past["day"] == day].reset_index(drop=True)
    found = {}
    for name in MODELS:
        predicted = np.zeros(len(rows))
        for one in before:
            others = past[past["presentation"] != one] if len(before) > 1 else past
            part = (rows["presentation"] == one).to_numpy()
            predicted[part] = _fitted(name, others, day, seed, folds=2).predict(rows[part])
        y, learners = rows["at_risk"].to_numpy(), rows["learner_id"].to_numpy()
        found[name] = judged.scores(y, predicted, learners, 0, seed)
    return found


def _left_out(
    pool: pd.DataFrame,
    day: int,
    name: str,
    n_bootstrap: int,
    seed: int,
    advance: Any,
    remember: Remember,
) -> dict[str, Any]:
    """Every presentation of every module in turn is the one nobody has seen; later ones may teach of it."""
    rows = pool[pool["day"] == day].reset_index(drop=True)
    of, of_pool = ((one["module"] + "-" + one["presentation"]).to_numpy(dtype=str) for one in (rows, pool))
    predicted = np.zeros(len(rows))
    each = {}
    for one in np.unique(of):
        part = of == one
        others, asked = pool[of_pool != one], rows[part]
        told = partial(_asked_once, name, others, asked, day, seed)
        predicted[part] = remember(f"{name}-{day}-{one}", told)
        y = rows["at_risk"].to_numpy()[part]
        found = judged.scores(y, predicted[part], rows["learner_id"].to_numpy()[part], 0, seed)
        each[one] = {"n": int(part.sum()), "at_risk": float(y.mean())} | {
            metric: found[metric]["value"] for metric in ("auc", "brier", "ece")
        }
        advance(1)
    whole = judged.scores(
        rows["at_risk"].to_numpy(), predicted, rows["learner_id"].to_numpy(), n_bootstrap, seed
    )
    return {"model": name, "all": whole, "presentations": each}


def _asked_once(name: str, others: pd.DataFrame, asked: pd.DataFrame, day: int, seed: int) -> np.ndarray:
    return _fitted(name, others, day, seed, folds=2).predict(asked)


def _lead(
    kept: dict[int, tuple[pd.DataFrame, np.ndarray]], submissions: pd.DataFrame, assessments: pd.DataFrame
) -> dict[str, Any]:
    """Of those who were there on the first day asked and came to grief: how long before was the first
    flag?"""
    key = ["module", "learner_id"]
    days = sorted(kept)
    first = kept[days[0]][0]
    asked = first[first["at_risk"]].set_index(key)[["presentation", "result", "ends"]]
    flag = pd.Series(np.nan, index=asked.index)
    for day in days:
        rows, predicted = kept[day]
        now = pd.MultiIndex.from_frame(rows[judged.flags(predicted)][key])
        flag = flag.mask(flag.isna() & flag.index.isin(now), float(day))
    came = submissions.merge(assessments[["assessment_id", "module", "presentation"]], on="assessment_id")
    came = came[came["presentation"] == first["presentation"].iloc[0]]
    last = came[~came["banked"]].groupby(key)["day"].max()
    failed = (asked["result"] == "Fail").to_numpy()
    seen = last.reindex(asked.index)
    return {
        "withdrawn: days from flag to withdrawal": judged.lead_time(
            asked["ends"][~failed], flag.to_numpy()[~failed], days
        ),
        "failed: days from flag to the last hand-in": judged.lead_time(
            seen[failed], flag.to_numpy()[failed], days
        ),
    }


def _tables(folder: Path | None, loop: Loop | None, until: int) -> dict[str, Any]:
    if folder is not None:
        return oulad_tables.read(folder, until)
    if loop is None:
        raise BadInput("nothing to read", "--oulad DIR")
    own = coursework.read(loop.engine)
    return {**tables_of(own.enrolments, own.items, own.hand_ins), "clicks": None}


def _modules(rows: pd.DataFrame) -> set[str]:
    return set((rows["module"] + "-" + rows["presentation"]).unique())


def _order(enrolments: pd.DataFrame) -> list[str]:
    return enrolments.groupby("presentation")["starts"].min().sort_values().index.tolist()
