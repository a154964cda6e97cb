"""Enrolments, courses and hand-ins as they are stored in, the tables that `known_by` takes out.

    item oulad:AAA-2013J  kind course  parent oulad:AAA
         {"module": "AAA", "presentation": "2013J", "starts_on": "2013-10-01", "days": 268}
    item oulad:AAA-TMA-1  kind assessment  parent oulad:AAA
         {"assessment_type": "TMA", "presentations": {"2013J": {"id": "1752", "day": 19, "weight": 10.0}}}

Any source is welcome whose courses and assessments say these things of themselves; a course that says no
first day is no presentation of anything. Clicks are not read: they are not stored as such.
"""

from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess.known_by import EPOCH, SENSITIVE
from learnloop.errors import NothingToDo

LENGTH = 260.0  # days, where a course does not tell
EARLIEST = -60  # a paper that came so long before the start belongs to an earlier presentation
LATEST = 60  # days after the end


def tables_of(
    enrolments: pd.DataFrame, items: pd.DataFrame, hand_ins: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """{enrolments, assessments, submissions} as of `known_by`, and {courses}: item_id, title, module,
    presentation, starts, length (days).

    enrolments: ENROLMENTS. items: ITEMS, courses and assessments. hand_ins: INTERACTIONS on assessments
    (`scored`: a mark that was carried over). Raises NothingToDo where no enrolment is in such a course.
    """
    courses = courses_of(items[items["kind"] == "course"])
    own = enrolments.merge(courses, on="item_id")
    if own.empty:
        raise NothingToDo(
            "nobody is enrolled in a course that says when it starts", "learnloop import oulad DIR"
        )
    own = _enrolled(own)
    assessments = _assessments(items[items["kind"] == "assessment"], courses)
    return {
        "courses": courses,
        "enrolments": own,
        "assessments": assessments.drop(columns=["item_id"]),
        "submissions": _submissions(hand_ins, assessments, own),
    }


def day_of(at: pd.Timestamp) -> int:
    """Days since EPOCH, the scale that all presentations share."""
    return (at - EPOCH).days


def fifths(band: pd.Series) -> pd.Series:
    """'10-20%' -> '0-20%': tenths of deprivation two by two (and '10-20', as OULAD has it, too)."""
    low = pd.to_numeric(band.astype("str").str.extract(r"^(\d+)-\d+%?$")[0], errors="coerce")
    start = (low // 20 * 20).astype("Int64")
    return (start.astype("str") + "-" + (start + 20).astype("str") + "%").where(low.notna())


def courses_of(items: pd.DataFrame) -> pd.DataFrame:
    """item_id, parent_id, title, module, presentation, starts (as of `day_of`), length (days) of the courses
    that say when they start. items: ITEMS of the kind course."""
    told = items["attributes"]
    said = told.map(lambda one: all(one.get(name) for name in ("module", "presentation", "starts_on")))
    items, told = items[said.astype(bool)], told[said.astype(bool)]
    starts = pd.to_datetime(told.map(lambda one: str(one["starts_on"])), utc=True, errors="coerce")
    found = pd.DataFrame(
        {
            "item_id": items["item_id"],
            "parent_id": items["parent_id"],
            "title": items["title"],
            "module": told.map(lambda one: str(one["module"])),
            "presentation": told.map(lambda one: str(one["presentation"])),
            "starts": (starts - EPOCH).dt.days,
            "length": told.map(lambda one: float(one.get("days") or LENGTH)),
        }
    )
    return found[found["starts"].notna()].astype({"starts": int}).reset_index(drop=True)


def _enrolled(rows: pd.DataFrame) -> pd.DataFrame:
    about = pd.DataFrame(rows["attributes"].tolist(), index=rows.index)
    names = ("studied_credits", "num_of_prev_attempts", "highest_education", *SENSITIVE)
    about = about.reindex(columns=list(dict.fromkeys([*about.columns, *names])))
    start = EPOCH + pd.to_timedelta(rows["starts"], unit="D")
    told = {
        name: rows[name] for name in ("module", "presentation", "learner_id", "starts", "length", "result")
    }
    told |= {
        "registered": ((rows["registered_at"] - start).dt.days).astype("Float64"),
        "unregistered": ((rows["unregistered_at"] - start).dt.days).astype("Float64"),
        "credits": pd.to_numeric(about["studied_credits"], errors="coerce").astype("Float64"),
        "attempts_before": pd.to_numeric(about["num_of_prev_attempts"], errors="coerce").astype(float),
        "education": about["highest_education"],
    }
    told |= {name: about[name] for name in SENSITIVE}
    return pd.DataFrame(told | {"imd_band": fifths(about["imd_band"])})


def _assessments(items: pd.DataFrame, courses: pd.DataFrame) -> pd.DataFrame:
    module_of = courses.set_index(["parent_id", "presentation"])["module"].to_dict()
    rows: list[tuple[Any, ...]] = []
    for item_id, parent, told in zip(items["item_id"], items["parent_id"], items["attributes"], strict=True):
        kind = told.get("assessment_type", "")
        for presentation, own in (told.get("presentations") or {}).items():
            module = module_of.get((parent, presentation))
            if module is not None:
                day = own.get("day")
                key = f"{item_id} {presentation}"
                due = np.nan if day is None else float(day)
                rows.append((key, item_id, module, presentation, kind, due, float(own.get("weight") or 0)))
    names = ["assessment_id", "item_id", "module", "presentation", "kind", "due", "weight"]
    found = pd.DataFrame(rows, columns=names)
    return found.astype({"due": "Float64", "weight": float})


def _submissions(hand_ins: pd.DataFrame, assessments: pd.DataFrame, enrolled: pd.DataFrame) -> pd.DataFrame:
    """Which presentation a paper belongs to, its event does not say: the latest of the learner's that it can
    belong to, by its day."""
    rows = hand_ins[["learner_id", "item_id", "verb", "score", "occurred_at"]].reset_index(names="event")
    rows = rows.merge(assessments[["assessment_id", "item_id", "module", "presentation"]], on="item_id")
    rows = rows.merge(
        enrolled[["module", "presentation", "learner_id", "starts", "length", "unregistered"]],
        on=["module", "presentation", "learner_id"],
    )
    rows["day"] = (rows["occurred_at"] - EPOCH).dt.days - rows["starts"]
    possible = (rows["day"] >= EARLIEST) & (rows["day"] <= rows["length"] + LATEST)
    rows = rows[possible].sort_values(["event", "starts"]).drop_duplicates("event", keep="last")
    told = pd.DataFrame(
        {
            "assessment_id": rows["assessment_id"],
            "learner_id": rows["learner_id"],
            "day": rows["day"].astype("Float64"),
            "score": (rows["score"] * 100).astype("Float64"),
            "banked": rows["verb"] == "scored",
        }
    )
    told = told.sort_values(["day", "assessment_id", "learner_id"], kind="stable")
    return told.drop_duplicates(["assessment_id", "learner_id"], ignore_index=True)
