"""What OULAD's records become, and what becomes of the wrong ones."""

import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.prepare import oulad
from learnloop.schemas import Cleaned, RawChunk

NOW = pd.Timestamp("2026-01-01T00:00:00Z")
PAIR = {"code_module": "XYZ", "code_presentation": "2013J"}
INFO = {
    **PAIR,
    "id_student": "1",
    "gender": "F",
    "region": "Wales",
    "highest_education": "A Level or Equivalent",
    "imd_band": "20-30%",
    "age_band": "0-35",
    "num_of_prev_attempts": "0",
    "studied_credits": "60",
    "disability": "N",
    "final_result": "Pass",
}
COURSE = {**PAIR, "module_presentation_length": "268"}
SITE = {**PAIR, "id_site": "501", "activity_type": "quiz", "week_from": "", "week_to": ""}
REGISTRATION = {**PAIR, "id_student": "1", "date_registration": "-10", "date_unregistration": ""}
SUBMISSION = {
    "id_assessment": "10",
    "id_student": "1",
    "date_submitted": "19",
    "is_banked": "0",
    "score": "78",
}
CLICK = {**PAIR, "id_student": "1", "id_site": "501", "date": "-3", "sum_click": "4"}


def chunk(kind: str, *rows: dict[str, str], last: bool = True) -> RawChunk:
    frame = pd.DataFrame(list(rows)).astype("str")
    frame["line"] = range(2, len(frame) + 2)
    frame["damage"] = frame["raw"] = pd.Series(pd.NA, index=frame.index, dtype="str")
    return RawChunk("oulad", f"{kind}.csv", kind, frame, last, 0)


def pseudonymise(ids: pd.Series) -> pd.Series:
    return ("learner " + ids).astype("str")


@pytest.fixture
def context() -> oulad.Context:
    """Module XYZ with presentations 2013J and 2014B, assessments and two sites, cleaned already."""
    context = oulad.Context(pseudonymise, NOW)
    course = {"module_presentation_length": "268"}
    oulad.clean(
        chunk("courses", {**PAIR, **course}, {**PAIR, "code_presentation": "2014B", **course}), context
    )
    oulad.clean(
        chunk(
            "assessments",
            {**PAIR, "id_assessment": "9", "assessment_type": "TMA", "date": "50", "weight": "50"},
            {**PAIR, "id_assessment": "10", "assessment_type": "TMA", "date": "20", "weight": "50"},
            {
                "code_module": "XYZ",
                "code_presentation": "2014B",
                "id_assessment": "20",
                "assessment_type": "TMA",
                "date": "22",
                "weight": "40",
            },
        ),
        context,
    )
    oulad.clean(chunk("vle", SITE), context)
    return context


def clean(kind: str, context: oulad.Context, *rows: dict[str, str]) -> Cleaned:
    cleaned = oulad.clean(chunk(kind, *rows), context)
    assert cleaned.accounting.balanced
    return cleaned


def test_a_module_is_above_its_presentations_and_a_concept() -> None:
    frames = clean(
        "courses",
        oulad.Context(pseudonymise, NOW),
        {**PAIR, "code_presentation": "2014B", "module_presentation_length": "240"},
        {**PAIR, "module_presentation_length": "268"},
    ).frames
    items = frames["items"].set_index("item_id")
    assert items["parent_id"].fillna("").to_dict() == {
        "oulad:XYZ": "",
        "oulad:XYZ-2014B": "oulad:XYZ",
        "oulad:XYZ-2013J": "oulad:XYZ",
    }
    assert items.loc["oulad:XYZ-2013J", "title"] == "XYZ 2013J"
    assert items.loc["oulad:XYZ-2013J", "position"] == 1
    assert items.loc["oulad:XYZ-2013J", "attributes"]["starts_on"] == "2013-10-01"
    assert items.loc["oulad:XYZ-2014B", "attributes"] == {
        "module": "XYZ",
        "presentation": "2014B",
        "starts_on": "2014-02-01",
        "days": 240,
    }
    assert frames["concepts"]["concept_id"].tolist() == ["oulad:XYZ"]


def test_an_assessment_is_one_item_over_its_presentations() -> None:
    context = oulad.Context(pseudonymise, NOW)
    context.presentations = {"XYZ-2013J", "XYZ-2014B"}
    rows = [
        {**PAIR, "id_assessment": "12", "assessment_type": "Exam", "date": "", "weight": "100"},
        {**PAIR, "id_assessment": "11", "assessment_type": "TMA", "date": "50", "weight": "50"},
        {**PAIR, "id_assessment": "100", "assessment_type": "TMA", "date": "20", "weight": "12.5"},
        {**PAIR, "id_assessment": "99", "assessment_type": "TMA", "date": "20", "weight": "37.5"},
    ]
    later = {"code_module": "XYZ", "code_presentation": "2014B", "assessment_type": "TMA"}
    rows.append({**later, "id_assessment": "200", "date": "22", "weight": "40"})
    cleaned = clean("assessments", context, *rows)
    items = cleaned.frames["items"].set_index("item_id")
    # by date, then by id as a number: 99 before 100; the exam without a date is the last
    assert context.assessments["item_id"].to_dict() == {
        "99": "oulad:XYZ-TMA-1",
        "100": "oulad:XYZ-TMA-2",
        "11": "oulad:XYZ-TMA-3",
        "12": "oulad:XYZ-Exam-1",
        "200": "oulad:XYZ-TMA-1",
    }
    assert items.loc["oulad:XYZ-TMA-1", "attributes"]["presentations"] == {
        "2013J": {"id": "99", "day": 20, "weight": 37.5},
        "2014B": {"id": "200", "day": 22, "weight": 40.0},
    }
    assert items.loc["oulad:XYZ-Exam-1", "attributes"]["presentations"]["2013J"]["day"] is None
    assert items["position"].idxmax() == "oulad:XYZ-Exam-1"
    assert cleaned.accounting.repaired == {"missing date left empty: the end of the presentation": 1}


def test_a_submission_is_an_answer_with_its_day_and_its_pass(context: oulad.Context) -> None:
    rows = [
        SUBMISSION,
        {**SUBMISSION, "id_student": "2", "score": "40"},
        {**SUBMISSION, "id_student": "3", "score": "39"},
        {**SUBMISSION, "id_student": "4", "score": ""},
        {**SUBMISSION, "id_student": "5", "is_banked": "1", "date_submitted": "-1"},
    ]
    cleaned = clean("studentAssessment", context, *rows)
    events = cleaned.frames["interactions"].astype(object).where(lambda frame: frame.notna(), None)
    assert events[["verb", "correct", "score"]].values.tolist() == [
        ["answered", True, 0.78],
        ["answered", True, 0.4],
        ["answered", False, 0.39],
        ["answered", None, None],
        ["scored", None, 0.78],
    ]
    assert set(events["item_id"]) == {"oulad:XYZ-TMA-1"}
    assert events["occurred_at"].iloc[0] == pd.Timestamp("2013-10-20", tz="UTC")
    assert cleaned.accounting.repaired == {
        "missing score left empty": 1,
        "learner not in studentInfo added": 5,
    }


def test_the_same_assessment_in_two_presentations_gives_two_events_on_one_item(
    context: oulad.Context,
) -> None:
    again = {**SUBMISSION, "id_assessment": "20"}
    events = clean("studentAssessment", context, SUBMISSION, again).frames["interactions"]
    assert events["item_id"].nunique() == 1
    assert events["event_id"].nunique() == 2
    assert events["occurred_at"].max() == pd.Timestamp("2014-02-20", tz="UTC")


@pytest.mark.parametrize(
    ("kind", "row", "reason"),
    [
        ("studentAssessment", {**SUBMISSION, "id_assessment": "77"}, "unknown assessment"),
        ("studentAssessment", {**SUBMISSION, "score": "101"}, "score outside 0 to 100"),
        ("studentAssessment", {**SUBMISSION, "score": "good"}, "score is not a number"),
        ("studentAssessment", {**SUBMISSION, "date_submitted": ""}, "no time"),
        ("studentAssessment", {**SUBMISSION, "date_submitted": "1.5"}, "date is not a whole number of days"),
        ("studentAssessment", {**SUBMISSION, "date_submitted": "5000"}, "time in the future"),
        ("studentAssessment", {**SUBMISSION, "is_banked": "2"}, "is_banked is neither 0 nor 1"),
        ("studentAssessment", {**SUBMISSION, "id_student": "x1"}, "student is not a number"),
        ("studentVle", {**CLICK, "id_site": "9"}, "unknown site"),
        ("studentVle", {**CLICK, "code_presentation": "2014B"}, "site belongs to another presentation"),
        ("studentVle", {**CLICK, "sum_click": "0"}, "sum_click is not a number above 0"),
        ("studentInfo", {**INFO, "code_module": "ABC"}, "unknown presentation"),
        ("studentInfo", {**INFO, "studied_credits": "-1"}, "studied_credits is not a whole number"),
        (
            "studentRegistration",
            {**REGISTRATION, "date_registration": "soon"},
            "date_registration is not a whole number of days",
        ),
        ("vle", SITE, "duplicate row"),
        ("courses", {**COURSE, "code_presentation": "2013X"}, "presentation is not a year and B or J"),
    ],
)
def test_a_wrong_row_is_refused_with_its_reason(
    context: oulad.Context, kind: str, row: dict[str, str], reason: str
) -> None:
    cleaned = clean(kind, context, row)
    assert cleaned.accounting.rejected == {reason: 1}
    assert cleaned.rejected["line"].tolist() == [2]


def test_a_second_submission_under_the_same_key_is_a_duplicate_over_chunks_too(
    context: oulad.Context,
) -> None:
    clean("studentAssessment", context, SUBMISSION)
    cleaned = clean("studentAssessment", context, {**SUBMISSION, "score": "80"})
    assert cleaned.accounting.rejected == {"duplicate event": 1}


def test_alike_clicks_are_many_events_whose_ids_do_not_hang_on_their_order() -> None:
    rows = [CLICK, CLICK, {**CLICK, "sum_click": "1"}, {**CLICK, "date": "0"}]

    def ids(order: list[dict[str, str]]) -> set[str]:
        context = oulad.Context(pseudonymise, NOW)
        context.sites = {"501": "XYZ-2013J"}
        frame = clean("studentVle", context, *order).frames["interactions"]
        assert set(frame["verb"]) == {"experienced"}
        return set(frame["event_id"])

    assert len(ids(rows)) == 4
    assert ids(rows) == ids(rows[::-1])


def test_registrations_and_students_become_one_enrolment(context: oulad.Context) -> None:
    second = {"code_presentation": "2014B"}
    registered = [
        {**REGISTRATION, "date_unregistration": "30"},
        {**REGISTRATION, **second, "date_registration": ""},
        {**REGISTRATION, "id_student": "2"},
    ]
    first = oulad.clean(chunk("studentRegistration", *registered), context)
    assert first.frames == {}
    assert first.accounting.kept == 3
    assert first.accounting.repaired == {"missing registration date left empty": 1}
    rows = [{**INFO, **second, "region": "Scotland", "imd_band": "?"}, {**INFO, "imd_band": "10-20"}]
    cleaned = clean("studentInfo", context, *rows)
    enrolments = cleaned.frames["enrolments"].set_index(["learner_id", "item_id"])
    own = enrolments.loc[("learner 1", "oulad:XYZ-2013J")]
    assert own["registered_at"] == pd.Timestamp("2013-09-21", tz="UTC")
    assert own["unregistered_at"] == pd.Timestamp("2013-10-31", tz="UTC")
    assert own["result"] == "Pass"
    assert own["attributes"]["imd_band"] == "10-20%"
    assert own["attributes"]["studied_credits"] == 60
    later = enrolments.loc[("learner 1", "oulad:XYZ-2014B")]
    assert pd.isna(later["registered_at"])
    assert "imd_band" not in later["attributes"]
    # registered, but not in studentInfo
    lone = enrolments.loc[("learner 2", "oulad:XYZ-2013J")]
    assert pd.isna(lone["result"])
    assert lone["attributes"] == {}
    assert cleaned.accounting.repaired == {"imd_band: percent sign added": 1, "missing value marked": 1}
    learners = cleaned.frames["learners"].set_index("learner_id")["attributes"]
    assert learners["learner 1"]["region"] == "Scotland"  # of the latest presentation, though it came first
    assert set(learners.index) == {"learner 1", "learner 2"}


def test_nothing_is_emitted_before_the_file_has_ended(context: oulad.Context) -> None:
    assert oulad.clean(chunk("studentInfo", INFO, last=False), context).frames == {}
    assert len(clean("studentInfo", context, {**INFO, "id_student": "2"}).frames["learners"]) == 2


def test_an_unknown_file_is_refused(context: oulad.Context) -> None:
    with pytest.raises(BadInput, match="'grades'"):
        oulad.clean(chunk("grades", SUBMISSION), context)
