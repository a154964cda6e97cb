"""The learners of one course by estimated risk, today, each with the two strongest reasons in words.

    {"learner_id": "4a08b215…", "risk": 0.71, "reasons": [{"code": "missing_work",
     "evidence": {"missing": 2, "due": 3}, "text": "Not handed in: 2 of 3 that were due"}, …]}

A model is fitted for each of some weeks of past presentations; today is told by that of the last such week.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess.at_risk import AtRisk
from learnloop.assess.known_by import RECENT_DAYS, known_by
from learnloop.errors import BadInput, ModelUnavailable, NothingToDo, UnknownThing
from learnloop.i18n import N_, translator

WEEKS = tuple(range(2, 31, 2))
SHOWN = 2  # reasons
FORMAT = 1
FILE = "at-risk.json"  # in the home
TRAIN = "learnloop at-risk --train"
REASONS = {
    "missing_work": N_("Not handed in: {missing} of {due} that were due"),
    "low_marks": N_("Low marks: {mark} of 100 on average"),
    "absent": N_("Nothing handed in for {days} days"),
    "late": N_("Late: {late} of {handed_in} that came in"),
    "before": N_("Failed or left earlier courses: {times}"),
}
SAYS = {  # which columns of the model speak for which reason
    "missing_work": ("due", "handed_in", "missing", "missing_weight", "score_of_due"),
    "low_marks": ("mean_score", "lowest_score"),
    "absent": ("days_since_hand_in",),
    "late": ("late", "mean_lateness"),
    "before": ("attempts_before", "failed_before", "withdrawn_before"),
}
Tables = Mapping[str, pd.DataFrame]


def train(
    tables: Tables,
    today: int,
    weeks: Sequence[int] = WEEKS,
    seed: int = 0,
    advance: Callable[[int], None] = lambda n: None,
) -> dict[str, Any]:
    """{format, today, trained_on, weeks: {week: a model as JSON}} from the presentations that have ended.

    tables: as of `at_home.tables_of`. today: days on their scale. Raises NothingToDo where no presentation
    has ended, or none of them had both ends.
    """
    courses = tables["courses"]
    ended = courses[courses["starts"] + courses["length"] <= today]
    past = tables["enrolments"].merge(ended[["module", "presentation"]], on=["module", "presentation"])
    past = past[past["result"].notna()]
    if past.empty:
        raise NothingToDo("no course with results has ended yet", "learnloop import oulad DIR")
    told = {}
    for week in sorted(set(weeks)):
        there = past[past["length"] > 7 * week]
        rows = known_by(there, tables["assessments"], tables["submissions"], 7 * week)
        if rows["at_risk"].nunique() == 2:
            told[str(week)] = AtRisk("logistic", seed=seed).fit(rows).told()
        advance(1)
    if not told:
        raise NothingToDo("everybody ended alike in the courses that have ended: nothing to learn from")
    names = past[["module", "presentation"]].drop_duplicates()
    trained_on = sorted(ended.merge(names, on=["module", "presentation"])["item_id"])
    return {"format": FORMAT, "today": today, "trained_on": trained_on, "weeks": told}


def kept(path: Path) -> dict[str, Any]:
    """The book in a file. Raises ModelUnavailable where there is none, or none that can be read."""
    try:
        book = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ModelUnavailable("no at-risk model has been trained here", TRAIN) from None
    except (OSError, ValueError):
        raise ModelUnavailable("the kept at-risk model cannot be read", TRAIN) from None
    if not isinstance(book, dict) or book.get("format") != FORMAT or not book.get("weeks"):
        raise ModelUnavailable("the kept at-risk model is not of this version", TRAIN)
    return book


def listing(
    tables: Tables, book: Mapping[str, Any], course: str, today: int, language: str = "en"
) -> dict[str, Any]:
    """{course, title, day, week, at_risk_expected, learners}: those still enrolled, the highest risk first.

    book: as `train` made it. Raises UnknownThing (no such course), NothingToDo (before the first week, after
    the end, nobody there), BadInput where the model learnt from this course's own results.
    """
    found = tables["courses"][tables["courses"]["item_id"] == course]
    if found.empty:
        known = ", ".join(tables["courses"].sort_values("starts")["item_id"].tail(3))
        raise UnknownThing(
            f"{course!r} is no course that says when it starts; there are: {known}",
            "learnloop at-risk --course ITEM",
        )
    own = found.iloc[0]
    day = int(today - own["starts"])
    week = _week(book, day, int(own["length"]), course)
    mine = _of(tables["enrolments"], own)
    if mine.empty:
        raise NothingToDo(f"nobody is enrolled in {course}")
    learners = tables["enrolments"]["learner_id"].isin(mine["learner_id"])
    rows = known_by(tables["enrolments"][learners], tables["assessments"], tables["submissions"], day)
    rows = _of(rows, own).reset_index(drop=True)
    if rows.empty:
        raise NothingToDo(f"nobody is there any more in {course}")
    model = AtRisk.of(book["weeks"][str(week)])
    risk = model.predict(rows)
    reasons = _reasons(rows, model, day, language)
    order = np.lexsort((rows["learner_id"].to_numpy(dtype=str), -risk))
    return {
        "course": course,
        "title": str(own["title"]),
        "day": day,
        "week": week,
        "at_risk_expected": float(risk.sum()),
        "learners": [
            {"learner_id": str(rows["learner_id"][k]), "risk": float(risk[k]), "reasons": reasons[k]}
            for k in order
        ],
    }


def _of(rows: pd.DataFrame, course: pd.Series) -> pd.DataFrame:
    same = (rows["module"] == course["module"]) & (rows["presentation"] == course["presentation"])
    return rows[same]


def _week(book: Mapping[str, Any], day: int, length: int, course: str) -> int:
    if course in book["trained_on"]:
        raise BadInput(
            f"the at-risk model has learnt from the results of {course} itself",
            f"{TRAIN} --on a day before its end",
            "course",
        )
    if day >= length:
        raise NothingToDo(f"{course} ended {day - length} days ago", "learnloop at-risk --on YYYY-MM-DD")
    known = [int(week) for week in book["weeks"] if 7 * int(week) <= day]
    if not known:
        first = 7 * min(int(week) for week in book["weeks"])
        raise NothingToDo(f"it is day {day} of {course}; the first estimate is made on day {first}")
    return max(known)


def _reasons(rows: pd.DataFrame, model: AtRisk, day: int, language: str) -> list[list[dict[str, Any]]]:
    """What raises a learner's estimate above the course's mean, the strongest first, where it is a fact."""
    parts = model.parts(rows)
    beside = parts - parts.mean()
    weight = pd.DataFrame(
        {code: beside[[one for one in names if one in beside]].sum(axis=1) for code, names in SAYS.items()}
    )
    facts = _facts(rows, day)
    say = translator(language)
    told = []
    for k in range(len(rows)):
        there = [code for code, (holds, _) in facts.items() if holds[k] and weight[code][k] > 0]
        there.sort(key=lambda code: -weight[code][k])
        own = []
        for code in there[:SHOWN]:
            evidence = {name: int(values[k]) for name, values in facts[code][1].items()}
            own.append({"code": code, "evidence": evidence, "text": say(REASONS[code]).format(**evidence)})
        told.append(own)
    return told


def _facts(rows: pd.DataFrame, day: int) -> dict[str, tuple[np.ndarray, dict[str, np.ndarray]]]:
    """By code: of whom it is true, and the numbers that say so."""
    number = {name: rows[name].to_numpy(dtype=float) for name in rows if name in _NUMBERS}
    mark = np.nan_to_num(number["mean_score"], nan=100.0)
    quiet = np.minimum(number["days_since_hand_in"], day)
    times = number["failed_before"] + number["withdrawn_before"]
    return {
        "missing_work": (number["missing"] > 0, {"missing": number["missing"], "due": number["due"]}),
        "low_marks": (mark < np.nanmean(np.append(number["mean_score"], 100.0)), {"mark": mark.round()}),
        "absent": ((quiet >= RECENT_DAYS) & (number["due"] > 0), {"days": quiet}),
        "late": (number["late"] > 0, {"late": number["late"], "handed_in": number["handed_in"]}),
        "before": (times > 0, {"times": times}),
    }


_NUMBERS = (
    *("missing", "due", "mean_score", "days_since_hand_in", "late", "handed_in"),
    *("failed_before", "withdrawn_before"),
)
