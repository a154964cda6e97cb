"""OULAD's CSV files in, the tables out from which it is told what was known of an enrolment on a day."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess.at_home import LENGTH, fifths
from learnloop.assess.known_by import EPOCH, SENSITIVE
from learnloop.collect import oulad as files
from learnloop.errors import BadInput
from learnloop.prepare.oulad import start_of

COVERED = 0.9  # clicks are used where so many presentations have them


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
    day_of = (start - EPOCH).dt.days
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
    told["imd_band"] = fifths(told["imd_band"])
    return pd.DataFrame(told)


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


def _number(text: pd.Series) -> pd.Series:
    return pd.to_numeric(text.mask(text.isin(["", "?"])), errors="coerce").astype("Float64")
