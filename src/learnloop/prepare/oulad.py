"""OULAD's raw chunks into clean frames, source `oulad`.

A record of studentAssessment.csv and what becomes of it:

    id_assessment,id_student,date_submitted,is_banked,score
    1752,11391,18,0,78

    event_id oulad:5d1c…  learner_id 4a08b215…  item_id oulad:AAA-TMA-1  verb answered
    correct True  score 0.78  occurred_at 2013-10-19 00:00:00+00:00

OULAD publishes days relative to a presentation's start and calls it 2013J or 2014B, for a start in
October or February; the day itself is not published. We take 1 October and 1 February.

- A module (`oulad:AAA`) is a course and a concept; a presentation (`oulad:AAA-2013J`) is a course below it.
- An assessment comes back in every presentation under a new id. It is one item here: module, type, and
  n-th of that type by date, then id, within the presentation (`oulad:AAA-TMA-1`). The presentations' own
  ids, days and weights stay in its attributes. So a split in time holds items that both sides know.
- A mark is a share of 100; 40 is the Open University's pass mark. A banked mark was carried over from an
  earlier presentation (all are dated day -1): verb `scored`, `correct` NA, because nobody did anything.
- studentVle has no key: one learner opens one page on one day in several rows, and 361 rows of the sample
  are alike to the last field. A row is known by its content and its number among its likes, which does
  not hang on the order of rows, the name of the file, or the chunks. Its clicks are part of that content;
  INTERACTIONS has no place for them, so they are not kept: two clicks and twenty are one `experienced`.
- studentRegistration and studentInfo hold the same pairs of learner and presentation. They are joined
  when studentInfo ends; a learner's attributes are those of the latest presentation.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from learnloop.errors import BadInput
from learnloop.prepare.interactions import admit, learners_without_attributes
from learnloop.prepare.oulad_catalogue import assessment_items, module_items, site_items
from learnloop.prepare.verdicts import Occurrences, Pseudonymise, Verdicts, digests
from learnloop.schemas import ENROLMENTS, LEARNERS, UTC, Cleaned, RawChunk, check

SOURCE = "oulad"
PASS_MARK = 40
KEY = ["code_module", "code_presentation", "id_student"]
ABOUT_LEARNER = ["gender", "region", "highest_education", "imd_band", "age_band", "disability"]
ABOUT_ENROLMENT = ["num_of_prev_attempts", "studied_credits", *ABOUT_LEARNER]


@dataclass
class Context:
    """What later files need from earlier ones, and what only the caller knows.

    pseudonymise: outside learner ids as they stand in the file to pseudonyms, same index.
    """

    pseudonymise: Pseudonymise
    now: pd.Timestamp
    presentations: set[str] = field(default_factory=set)  # AAA-2013J
    parts: dict[str, list[pd.DataFrame]] = field(default_factory=dict)  # rows of unfinished files
    keys: set[tuple[str, ...]] = field(default_factory=set)  # (file kind, key…): to find duplicates
    assessments: pd.DataFrame = field(default_factory=pd.DataFrame)  # by id_assessment: item_id, presentation
    sites: dict[str, str] = field(default_factory=dict)  # id_site -> presentation
    learners: set[str] = field(default_factory=set)
    submissions: Occurrences = field(default_factory=Occurrences)
    clicks: Occurrences = field(default_factory=Occurrences)


def clean(chunk: RawChunk, context: Context) -> Cleaned:
    """One chunk's frames and account. Chunks come in the reader's order; their size changes nothing.

    Raises BadInput for a kind of file that OULAD has not.
    """
    if chunk.kind not in _CLEANERS:
        raise BadInput(f"OULAD has no file {chunk.kind!r}", "learnloop import oulad DIR")
    raw = chunk.frame.reset_index(drop=True)
    verdicts = Verdicts(raw)
    texts = {name: raw[name].fillna("").str.strip() for name in raw if name not in ("line", "damage", "raw")}
    frames = _CLEANERS[chunk.kind](pd.DataFrame(texts, index=raw.index), verdicts, chunk.last, context)
    learner = "id_student" if "id_student" in raw else ""
    return verdicts.cleaned(frames, chunk.file, learner, context.pseudonymise)


Frames = dict[str, pd.DataFrame]


def _courses(raw: pd.DataFrame, verdicts: Verdicts, last: bool, context: Context) -> Frames:
    code = raw["code_presentation"]
    verdicts.refuse(raw["code_module"] == "", "no module")
    verdicts.refuse(~code.str.fullmatch(r"\d{4}[BJ]"), "presentation is not a year and B or J")
    days = _days(raw["module_presentation_length"])
    verdicts.refuse(days.isna() | (days <= 0), "length is not a number of days")
    _refuse_duplicates(raw, ["code_module", "code_presentation"], "courses", verdicts, context)
    _keep(raw.assign(days=days)[verdicts.sound], "courses", context)
    if not last:
        return {}
    courses = _kept("courses", context)
    context.presentations = set(_presentation(courses))
    return module_items(courses, start_of(courses["code_presentation"]))


def _assessments(raw: pd.DataFrame, verdicts: Verdicts, last: bool, context: Context) -> Frames:
    _known_presentation(raw, verdicts, context)
    verdicts.refuse(raw["id_assessment"] == "", "no assessment")
    verdicts.refuse(~raw["assessment_type"].str.fullmatch(r"\w+"), "no assessment type")
    absent = raw["date"].isin(["", "?"])
    day, weight = _days(raw["date"]), pd.to_numeric(raw["weight"].mask(raw["weight"] == ""), errors="coerce")
    verdicts.refuse(~absent & day.isna(), "date is not a whole number of days")
    verdicts.repair(absent, "missing date left empty: the end of the presentation")
    verdicts.refuse(~weight.between(0, 100), "weight outside 0 to 100")
    _refuse_duplicates(raw, ["id_assessment"], "assessments", verdicts, context)
    _keep(raw.assign(day=day, weight=weight)[verdicts.sound], "assessments", context)
    if not last:
        return {}
    frames, context.assessments = assessment_items(_kept("assessments", context))
    return frames


def _vle(raw: pd.DataFrame, verdicts: Verdicts, last: bool, context: Context) -> Frames:
    _known_presentation(raw, verdicts, context)
    verdicts.refuse(~raw["id_site"].str.fullmatch(r"\d+"), "site is not a number")
    verdicts.refuse(raw["activity_type"] == "", "no activity type")
    weeks = {}
    for name in ("week_from", "week_to"):
        absent = raw[name].isin(["", "?"])
        weeks[name] = _days(raw[name])
        verdicts.refuse(~absent & weeks[name].isna(), f"{name} is not a whole number")
    verdicts.repair(raw["week_from"].eq("?") | raw["week_to"].eq("?"), "missing value marked")
    _refuse_duplicates(raw, ["id_site"], "vle", verdicts, context)
    kept = raw.assign(**weeks)[verdicts.sound]
    context.sites.update(zip(kept["id_site"], _presentation(kept), strict=True))
    return site_items(kept) if len(kept) else {}


def _registrations(raw: pd.DataFrame, verdicts: Verdicts, last: bool, context: Context) -> Frames:
    _known_presentation(raw, verdicts, context)
    verdicts.refuse(~raw["id_student"].str.fullmatch(r"\d+"), "student is not a number")
    for name in ("date_registration", "date_unregistration"):
        absent = raw[name].isin(["", "?"])
        verdicts.refuse(~absent & _days(raw[name]).isna(), f"{name} is not a whole number of days")
    verdicts.repair(raw["date_registration"].isin(["", "?"]), "missing registration date left empty")
    verdicts.repair(raw["date_unregistration"] == "?", "missing value marked")
    _refuse_duplicates(raw, KEY, "studentRegistration", verdicts, context)
    _keep(raw[verdicts.sound], "studentRegistration", context)
    return {}  # joined when studentInfo ends


def _students(raw: pd.DataFrame, verdicts: Verdicts, last: bool, context: Context) -> Frames:
    _known_presentation(raw, verdicts, context)
    verdicts.refuse(~raw["id_student"].str.fullmatch(r"\d+"), "student is not a number")
    for name in ("num_of_prev_attempts", "studied_credits"):
        verdicts.refuse(~(_days(raw[name]) >= 0).fillna(False), f"{name} is not a whole number")
    bare = raw["imd_band"].str.fullmatch(r"\d+-\d+")
    verdicts.repair(bare, "imd_band: percent sign added")
    raw["imd_band"] = raw["imd_band"].mask(bare, raw["imd_band"] + "%")
    absent = raw[[*ABOUT_LEARNER, "final_result"]].isin(["", "?"])
    verdicts.repair(absent.any(axis=1), "missing value marked")
    raw[absent.columns] = raw[absent.columns].mask(absent)
    _refuse_duplicates(raw, KEY, "studentInfo", verdicts, context)
    _keep(raw[verdicts.sound], "studentInfo", context)
    return _joined_enrolments(context) if last else {}


def _joined_enrolments(context: Context) -> Frames:
    info = _kept("studentInfo", context)
    dates = _kept("studentRegistration", context).reindex(
        columns=[*KEY, "date_registration", "date_unregistration"]
    )
    rows = info.merge(dates, on=KEY, how="outer", indicator="found_in")
    if rows.empty:
        return {}
    start = start_of(rows["code_presentation"])
    ids = context.pseudonymise(rows["id_student"])
    enrolments = pd.DataFrame(
        {
            "learner_id": ids,
            "item_id": "oulad:" + _presentation(rows),
            "registered_at": start + pd.to_timedelta(_days(rows["date_registration"]), unit="D"),
            "unregistered_at": start + pd.to_timedelta(_days(rows["date_unregistration"]), unit="D"),
            "result": rows["final_result"],
            "attributes": _records(rows, ABOUT_ENROLMENT),
        }
    )
    people = rows.assign(learner_id=ids, start=start, known=rows["found_in"] != "right_only")
    people = people.sort_values(["known", "start", "code_module"]).drop_duplicates("learner_id", keep="last")
    people = people.sort_values("learner_id", ignore_index=True)
    context.learners = set(people["learner_id"])
    learners = people[["learner_id"]].assign(source=SOURCE, attributes=_records(people, ABOUT_LEARNER))
    enrolments = enrolments.sort_values(["learner_id", "item_id"], ignore_index=True)
    return {
        "learners": check(learners, LEARNERS, "OULAD learners"),
        "enrolments": check(enrolments, ENROLMENTS, "OULAD enrolments"),
    }


def _submissions(raw: pd.DataFrame, verdicts: Verdicts, last: bool, context: Context) -> Frames:
    known = context.assessments.reindex(raw["id_assessment"])
    known.index = raw.index
    verdicts.refuse(known["item_id"].isna(), "unknown assessment")
    verdicts.refuse(~raw["is_banked"].isin(["0", "1"]), "is_banked is neither 0 nor 1")
    absent = raw["score"].isin(["", "?"])
    mark = pd.to_numeric(raw["score"].mask(absent), errors="coerce").astype("Float64")
    verdicts.refuse(~absent & mark.isna(), "score is not a number")
    verdicts.refuse(~mark.between(0, 100).fillna(True), "score outside 0 to 100")
    verdicts.repair(absent, "missing score left empty")
    banked = raw["is_banked"] == "1"
    events = _events(raw, known["presentation"], raw["date_submitted"], verdicts, context)
    events["item_id"] = known["item_id"]
    events["verb"] = banked.map({True: "scored", False: "answered"})
    events["score"] = mark / 100
    events["correct"] = (mark >= PASS_MARK).astype("boolean").mask(banked)
    # One submission of one learner to one assessment of one presentation: OULAD's own key.
    events["event_id"] = "oulad:" + digests([events["learner_id"], raw["id_assessment"]])
    return _admitted(events, verdicts, context, context.submissions)


def _clicks(raw: pd.DataFrame, verdicts: Verdicts, last: bool, context: Context) -> Frames:
    presentation = _presentation(raw)
    home = raw["id_site"].map(context.sites)
    verdicts.refuse(home.isna(), "unknown site")
    verdicts.refuse(home != presentation, "site belongs to another presentation")
    verdicts.refuse(~(_days(raw["sum_click"]) > 0).fillna(False), "sum_click is not a number above 0")
    events = _events(raw, presentation, raw["date"], verdicts, context)
    events["item_id"] = "oulad:site-" + raw["id_site"]
    events["verb"] = "experienced"
    content = digests([events["learner_id"], *(raw[name] for name in ("id_site", "date", "sum_click"))])
    # Only rows that may stay are numbered: a refused one must not shift the number of a good one.
    ordinal = context.clicks.number(content[verdicts.sound]).reindex(raw.index, fill_value=0)
    events["event_id"] = "oulad:" + content + "-" + ordinal.astype("str")
    return _admitted(events, verdicts, context, Occurrences())  # numbered, so no two are alike


def _events(
    raw: pd.DataFrame, presentation: pd.Series, day: pd.Series, verdicts: Verdicts, context: Context
) -> pd.DataFrame:
    student = raw["id_student"]
    verdicts.refuse(~student.str.fullmatch(r"\d+"), "student is not a number")
    days = _days(day)
    verdicts.refuse(day.isin(["", "?"]), "no time")
    verdicts.refuse(days.isna(), "date is not a whole number of days")
    start = start_of(presentation.str[-5:])
    return pd.DataFrame(
        {
            "learner_id": context.pseudonymise(student),
            "correct": pd.Series(pd.NA, index=raw.index, dtype="boolean"),
            "score": pd.Series(pd.NA, index=raw.index, dtype="Float64"),
            "duration_s": pd.Series(pd.NA, index=raw.index, dtype="Float64"),
            "occurred_at": start + pd.to_timedelta(days, unit="D"),
            "source": SOURCE,
        }
    )


def _admitted(events: pd.DataFrame, verdicts: Verdicts, context: Context, seen: Occurrences) -> Frames:
    kept = admit(events, verdicts, None, context.now, seen)
    met = kept["learner_id"].drop_duplicates()
    strangers = sorted(set(met) - context.learners)
    if not strangers:
        return {"interactions": kept}
    context.learners.update(strangers)
    first = ~events["learner_id"].where(verdicts.sound).duplicated() & events["learner_id"].isin(strangers)
    verdicts.repair(first, "learner not in studentInfo added")
    return {"interactions": kept, "learners": learners_without_attributes(pd.Series(strangers), SOURCE)}


def start_of(code: pd.Series) -> pd.Series:
    """'2013J' -> 2013-10-01 UTC, '2014B' -> 2014-02-01 UTC, anything else NaT."""
    stated = code.astype("str").str.fullmatch(r"\d{4}[BJ]").fillna(False).astype(bool)
    text = (code.str[:4] + code.str[4:].map({"B": "-02-01", "J": "-10-01"})).where(stated)
    return pd.to_datetime(text, format="%Y-%m-%d", utc=True, errors="coerce").astype(UTC)


def _presentation(raw: pd.DataFrame) -> pd.Series:
    return raw["code_module"] + "-" + raw["code_presentation"]


def _known_presentation(raw: pd.DataFrame, verdicts: Verdicts, context: Context) -> None:
    verdicts.refuse(~_presentation(raw).isin(context.presentations), "unknown presentation")


def _days(text: pd.Series) -> pd.Series:
    """Whole numbers of at most five digits, NA for anything else (a century is 36,525 days)."""
    text = text.astype("str")  # a column that no file had is all NaN
    whole = text.str.fullmatch(r"[+-]?\d{1,5}").fillna(False).astype(bool)
    return pd.to_numeric(text.where(whole)).astype("Int64")


def _refuse_duplicates(
    raw: pd.DataFrame, key: list[str], kind: str, verdicts: Verdicts, context: Context
) -> None:
    rows = list(zip(*(raw[name] for name in key), strict=True))
    again = np.zeros(len(raw), dtype=bool)
    for position, sound in enumerate(verdicts.sound):
        if sound:
            entry = (kind, *rows[position])
            again[position] = entry in context.keys
            context.keys.add(entry)
    verdicts.refuse(pd.Series(again, index=raw.index), "duplicate row")


def _keep(rows: pd.DataFrame, kind: str, context: Context) -> None:
    context.parts.setdefault(kind, []).append(rows)


def _kept(kind: str, context: Context) -> pd.DataFrame:
    parts = context.parts.pop(kind, [])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=KEY, dtype="str")


def _records(rows: pd.DataFrame, names: list[str]) -> pd.Series:
    """One dict a row, without the missing values; counts as int."""
    counts = {"num_of_prev_attempts", "studied_credits"}
    records: list[dict[str, Any]] = [
        {n: int(v) if n in counts else v for n, v in zip(names, values, strict=True) if isinstance(v, str)}
        for values in zip(*(rows[name] for name in names), strict=True)
    ]
    return pd.Series(records, index=rows.index, dtype=object)


_CLEANERS: dict[str, Callable[[pd.DataFrame, Verdicts, bool, Context], Frames]] = {
    "courses": _courses,
    "assessments": _assessments,
    "vle": _vle,
    "studentRegistration": _registrations,
    "studentInfo": _students,
    "studentAssessment": _submissions,
    "studentVle": _clicks,
}
