"""OULAD's catalogue as items: modules and presentations, assessments, activities of the learning site.

"AAA","2013J","1752","TMA","19","10"   (assessments.csv: module, presentation, id, type, day, weight)
"""

from typing import Any

import pandas as pd

from learnloop.schemas import CONCEPTS, ITEM_CONCEPTS, ITEMS, check

LICENCE = "https://creativecommons.org/licenses/by/4.0/"


def module_items(courses: pd.DataFrame, start: pd.Series) -> dict[str, pd.DataFrame]:
    """courses: code_module, code_presentation, days (Int64); start: UTC. Items and concepts."""
    modules = courses["code_module"].drop_duplicates().sort_values(ignore_index=True)
    above = _items("oulad:" + modules, "course", modules, [{} for _ in modules])
    code = courses["code_module"] + "-" + courses["code_presentation"]
    about = [
        {"module": module, "presentation": presentation, "starts_on": day.date().isoformat(), "days": int(n)}
        for module, presentation, day, n in zip(
            courses["code_module"], courses["code_presentation"], start, courses["days"], strict=True
        )
    ]
    below = _items("oulad:" + code, "course", code.str.replace("-", " ", n=1), about)
    below["parent_id"] = "oulad:" + courses["code_module"]
    below["position"] = start.groupby(courses["code_module"]).rank(method="first").astype("Int64")
    concepts = pd.DataFrame({"concept_id": "oulad:" + modules, "title": modules, "language": "en"})
    return {
        "items": check(pd.concat([above, below], ignore_index=True), ITEMS, "OULAD courses"),
        "concepts": check(concepts, CONCEPTS, "OULAD modules"),
    }


def assessment_items(rows: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """rows: assessments.csv with day (Int64, NA at the end) and weight (float).

    Returns the frames and, by id_assessment, its item_id and presentation (AAA-2013J).
    """
    if rows.empty:
        nothing = pd.DataFrame({"item_id": [], "presentation": []}, dtype="str")
        return {}, nothing
    rows = rows.assign(number=pd.to_numeric(rows["id_assessment"], errors="coerce"))
    group = ["code_module", "code_presentation", "assessment_type"]
    rows = rows.sort_values([*group, "day", "number", "id_assessment"], na_position="last", ignore_index=True)
    nth = (rows.groupby(group).cumcount() + 1).astype("str")
    rows["item_id"] = "oulad:" + rows["code_module"] + "-" + rows["assessment_type"] + "-" + nth
    rows["title"] = rows["code_module"] + " " + rows["assessment_type"] + " " + nth
    about: dict[str, dict[str, Any]] = {}
    for row in rows.itertuples():
        day = None if pd.isna(row.day) else int(row.day)
        own = {"id": row.id_assessment, "day": day, "weight": float(row.weight)}
        about.setdefault(row.item_id, {})[row.code_presentation] = own
    # The order within the module is that of the latest presentation that has the assessment.
    year = rows.assign(at=rows["code_presentation"])
    latest = year.sort_values("at").drop_duplicates("item_id", keep="last")
    latest = latest.sort_values(["code_module", "day", "item_id"], na_position="last", ignore_index=True)
    attributes = [
        {"assessment_type": row.assessment_type, "presentations": about[row.item_id]}
        for row in latest.itertuples()
    ]
    items = _items(latest["item_id"], "assessment", latest["title"], attributes)
    items["parent_id"] = "oulad:" + latest["code_module"]
    items["position"] = (latest.groupby("code_module").cumcount() + 1).astype("Int64")
    teaches = pd.DataFrame({"item_id": latest["item_id"], "concept_id": "oulad:" + latest["code_module"]})
    identity = rows.assign(presentation=rows["code_module"] + "-" + rows["code_presentation"])
    identity = identity.set_index("id_assessment")[["item_id", "presentation"]]
    return {
        "items": check(items, ITEMS, "OULAD assessments"),
        "item_concepts": check(teaches, ITEM_CONCEPTS, "OULAD assessments"),
    }, identity


def site_items(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """rows: vle.csv with week_from and week_to (Int64)."""
    rows = rows.reset_index(drop=True)
    attributes = [
        {
            "activity_type": row.activity_type,
            **({} if pd.isna(row.week_from) else {"week_from": int(row.week_from)}),
            **({} if pd.isna(row.week_to) else {"week_to": int(row.week_to)}),
        }
        for row in rows.itertuples()
    ]
    item_id = "oulad:site-" + rows["id_site"]
    items = _items(item_id, "activity", rows["activity_type"] + " " + rows["id_site"], attributes)
    items["parent_id"] = "oulad:" + rows["code_module"] + "-" + rows["code_presentation"]
    items["subject"] = rows["activity_type"]
    teaches = pd.DataFrame({"item_id": item_id, "concept_id": "oulad:" + rows["code_module"]})
    return {
        "items": check(items, ITEMS, "OULAD activities"),
        "item_concepts": check(teaches, ITEM_CONCEPTS, "OULAD activities"),
    }


def _items(item_id: pd.Series, kind: str, title: pd.Series, attributes: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame({"item_id": item_id, "source": "oulad", "kind": kind, "title": title, "text": ""})
    for name in ("parent_id", "abstract", "subject", "level", "url", "answer"):
        frame[name] = pd.Series(pd.NA, index=frame.index, dtype="str")
    frame["position"] = pd.Series(pd.NA, index=frame.index, dtype="Int64")
    frame["duration_s"] = pd.Series(pd.NA, index=frame.index, dtype="Float64")
    frame["language"], frame["licence"] = "en", LICENCE
    frame["attributes"] = pd.Series(attributes, index=frame.index, dtype=object)
    return frame
