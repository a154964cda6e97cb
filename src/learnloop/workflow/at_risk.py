"""Who will fail or withdraw, told on a day of a presentation that the model has never seen: on OULAD.

The model learns from earlier presentations and is asked of the latest. Which model, is chosen on the last
presentation before that one. Nothing is written but the report.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess.at_risk import MODELS, AtRisk
from learnloop.assess.known_by import MARKING_DAYS, SENSITIVE, known_by
from learnloop.collect import oulad as files
from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate import at_risk as judged
from learnloop.prepare.oulad import start_of
from learnloop.workflow.console import bar, step
from learnloop.workflow.whole import write_whole

GROUPS = ("gender", "disability", "imd_band", "age_band")
COVERED = 0.9  # clicks are used where so many presentations have them
LENGTH = 260.0  # days, where courses.csv does not tell


def evaluate_at_risk(
    folder: Path,
    *,
    weeks: Sequence[int] = (2, 4, 8),
    test: str = "",
    marking_days: int = MARKING_DAYS,
    leave_one_out: bool = False,
    n_bootstrap: int = 300,
    seed: int = 0,
    report: Path | None = None,
) -> dict[str, Any]:
    """folder: OULAD's CSV files. test: the presentation to be asked of ("2014J"); "" for the latest.

    Raises BadInput (a file, a week, a presentation), NothingToDo where nothing comes before the test.
    """
    if not weeks or min(weeks) < 1 or max(weeks) > 40:
        raise BadInput("a week is between 1 and 40", "--week 2,4,8", "week")
    if report is not None:
        _may_replace(report)
    days = sorted({7 * week for week in weeks})
    with step("read OULAD"):
        tables = read(folder, max(days))
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
        "validated_on": before[-1],
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
            rows = _known(tables, day, marking_days)
            week, predicted, asked = _week(rows, before, test, n_bootstrap, seed)
            result["weeks"][str(day // 7)] = week
            kept[day] = (asked, predicted)
            advance(1)
            if leave_one_out:
                told = _left_out(rows, week["chosen"], n_bootstrap, seed, advance)
                result["left_out"][str(day // 7)] = told
    result["lead_time"] = _lead(kept, tables["submissions"], tables["assessments"])
    result = _without_nan(result)
    if report is not None:
        from learnloop.evaluate.at_risk_page import page

        with step(f"wrote {report}"):
            text = page(result)
            write_whole(report, lambda beside: beside.write_text(text, "utf-8"))
    return result


def _may_replace(report: Path) -> None:
    """Only a report of ours is written over. Raises BadInput."""
    from learnloop.evaluate import at_risk_page

    if report.is_dir() or not report.parent.is_dir():
        raise BadInput(f"{report} cannot be written", "--report FILE.html in a folder that exists", "report")
    if report.exists():
        with report.open("rb") as file:
            head = file.read(at_risk_page.MARK_WITHIN)
        if head and not at_risk_page.is_report(head):
            raise BadInput(f"{report} is there and is no such report", "--report OTHER.html", "report")


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


def _week(
    rows: pd.DataFrame, before: Sequence[str], test: str, n_bootstrap: int, seed: int
) -> tuple[dict[str, Any], np.ndarray, pd.DataFrame]:
    train, asked = rows[rows["presentation"].isin(before)], rows[rows["presentation"] == test]
    asked = asked.reset_index(drop=True)
    y, learners = asked["at_risk"].to_numpy(), asked["learner_id"].to_numpy()
    validation = _validated(train, before, seed)
    chosen = min(validation, key=lambda name: validation[name]["log_loss"]["value"])
    predicted = {name: AtRisk(name, seed=seed).fit(train).predict(asked) for name in MODELS}
    told = {name: judged.scores(y, p, learners, n_bootstrap, seed) for name, p in predicted.items()}
    base = np.full(len(y), train["at_risk"].mean())
    told["majority"] = judged.scores(y, base, learners, n_bootstrap, seed)
    for name in ("precision", "recall", "selection"):  # it tells nobody from anybody
        told["majority"].pop(name)
    sensitive = AtRisk(chosen, sensitive=True, seed=seed).fit(train).predict(asked)
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


def _validated(train: pd.DataFrame, before: Sequence[str], seed: int) -> dict[str, Any]:
    """Scores of each model on the last presentation before the test; in sample where there is but one."""
    last = train["presentation"] == before[-1]
    past, asked = (train[~last], train[last]) if len(before) > 1 else (train, train)
    return {
        name: judged.scores(
            asked["at_risk"].to_numpy(),
            AtRisk(name, seed=seed).fit(past).predict(asked),
            asked["learner_id"].to_numpy(),
            0,
            seed,
        )
        for name in MODELS
    }


def _left_out(rows: pd.DataFrame, name: str, n_bootstrap: int, seed: int, advance: Any) -> dict[str, Any]:
    """Every presentation of every module in turn is the one nobody has seen; later ones may teach of it."""
    of = (rows["module"] + "-" + rows["presentation"]).to_numpy(dtype=str)
    predicted = np.zeros(len(rows))
    each = {}
    for one in np.unique(of):
        part = of == one
        predicted[part] = AtRisk(name, seed=seed).fit(rows[~part]).predict(rows[part])
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


def read(folder: Path, until: int) -> dict[str, Any]:
    """enrolments, assessments, submissions and clicks (None where few presentations have any), as `known_by`
    takes them. Rows that cannot be read are left out. Raises BadInput."""
    if not (folder / "studentRegistration.csv").is_file() or not (folder / "studentAssessment.csv").is_file():
        raise BadInput(
            f"{folder} lacks studentRegistration.csv or studentAssessment.csv",
            "put the whole dataset into one folder",
        )
    parts: dict[str, list[pd.DataFrame]] = {}
    for chunk in files.read(folder, chunk_rows=500_000):
        frame = chunk.frame[chunk.frame["damage"].isna()]
        if chunk.kind == "studentVle":
            frame = _few_clicks(frame, until)
        parts.setdefault(chunk.kind, []).append(frame)
    raw = {kind: pd.concat(found, ignore_index=True) for kind, found in parts.items()}
    enrolments = _enrolments(raw)
    return {
        "enrolments": enrolments,
        "assessments": _assessments(raw["assessments"]),
        "submissions": _submissions(raw["studentAssessment"]),
        "clicks": _clicks(raw.get("studentVle"), enrolments),
    }


def _enrolments(raw: dict[str, pd.DataFrame]) -> pd.DataFrame:
    key = ["code_module", "code_presentation", "id_student"]
    dates = raw["studentRegistration"][[*key, "date_registration", "date_unregistration"]]
    rows = raw["studentInfo"].drop_duplicates(key).merge(dates.drop_duplicates(key), on=key, how="left")
    courses = raw["courses"].set_index(["code_module", "code_presentation"])["module_presentation_length"]
    length = _number(courses).reindex(pd.MultiIndex.from_frame(rows[key[:2]])).to_numpy(dtype=float)
    start = start_of(rows["code_presentation"])
    if start.isna().any():
        raise BadInput("a presentation is not a year and B or J", field="code_presentation")
    day_of = (start - pd.Timestamp("2000-01-01", tz="UTC")).dt.days
    told = {
        "module": rows["code_module"],
        "presentation": rows["code_presentation"],
        "learner_id": rows["id_student"],
        "registered": _number(rows["date_registration"]),
        "unregistered": _number(rows["date_unregistration"]),
        "starts": day_of,
        "length": np.where(np.isfinite(length), length, LENGTH),
        "credits": _number(rows["studied_credits"]),
        "attempts_before": _number(rows["num_of_prev_attempts"]).astype(float),
        "education": rows["highest_education"],
        "result": rows["final_result"],
    }
    for name in SENSITIVE:
        told[name] = rows[name].mask(rows[name].isin(["", "?"]))
    told["imd_band"] = _fifths(told["imd_band"])
    return pd.DataFrame(told)


def _fifths(band: pd.Series) -> pd.Series:
    """'10-20%' -> '0-20%': tenths of deprivation two by two (and '10-20', as OULAD has it, too)."""
    low = pd.to_numeric(band.astype("str").str.extract(r"^(\d+)-\d+%?$")[0], errors="coerce")
    start = (low // 20 * 20).astype("Int64")
    return (start.astype("str") + "-" + (start + 20).astype("str") + "%").where(low.notna())


def _assessments(raw: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "assessment_id": raw["id_assessment"],
            "module": raw["code_module"],
            "presentation": raw["code_presentation"],
            "kind": raw["assessment_type"],
            "due": _number(raw["date"]),
            "weight": _number(raw["weight"]).astype(float),
        }
    )


def _submissions(raw: pd.DataFrame) -> pd.DataFrame:
    told = pd.DataFrame(
        {
            "assessment_id": raw["id_assessment"],
            "learner_id": raw["id_student"],
            "day": _number(raw["date_submitted"]),
            "score": _number(raw["score"]),
            "banked": raw["is_banked"] == "1",
        }
    )
    return told[told["day"].notna()].drop_duplicates(["assessment_id", "learner_id"])


def _few_clicks(raw: pd.DataFrame, until: int) -> pd.DataFrame:
    """Clicks by day, no later than anybody asks about: ten million rows become a tenth."""
    rows = pd.DataFrame(
        {
            "module": raw["code_module"],
            "presentation": raw["code_presentation"],
            "learner_id": raw["id_student"],
            "day": _number(raw["date"]),
            "clicks": _number(raw["sum_click"]),
        }
    )
    key = ["module", "presentation", "learner_id", "day"]
    return rows[rows["day"] <= until].groupby(key, as_index=False)["clicks"].sum()


def _clicks(found: pd.DataFrame | None, enrolments: pd.DataFrame) -> pd.DataFrame | None:
    if found is None:
        return None
    there = _modules(found)
    if len(there) < COVERED * len(_modules(enrolments)):
        return None  # a model would learn which presentations have clicks, not what clicks say
    key = ["module", "presentation", "learner_id", "day"]
    return found.groupby(key, as_index=False)["clicks"].sum()


def _modules(rows: pd.DataFrame) -> set[str]:
    return set((rows["module"] + "-" + rows["presentation"]).unique())


def _order(enrolments: pd.DataFrame) -> list[str]:
    return enrolments.groupby("presentation")["starts"].min().sort_values().index.tolist()


def _number(text: pd.Series) -> pd.Series:
    return pd.to_numeric(text.mask(text.isin(["", "?"])), errors="coerce").astype("Float64")
