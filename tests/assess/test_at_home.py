"""Stored courses, enrolments and hand-ins as the tables an estimate is made of."""

import pandas as pd
import pytest

from learnloop.assess.at_home import day_of, fifths, tables_of
from learnloop.errors import NothingToDo

ITEMS = pd.DataFrame(
    [
        ("x:A-1", "course", "x:A", {"module": "A", "presentation": "1", "starts_on": "2013-10-01"}),
        ("x:A-2", "course", "x:A", {"module": "A", "presentation": "2", "starts_on": "2014-02-01"}),
        ("x:A", "course", None, {}),
        ("x:T", "assessment", "x:A", {"assessment_type": "TMA", "presentations": {
            "1": {"day": 19, "weight": 10}, "2": {"day": None, "weight": 0}, "9": {"day": 1, "weight": 1}}}),
    ],
    columns=["item_id", "kind", "parent_id", "attributes"],
).assign(title="A")  # fmt: skip


def at(day: str) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")


ENROLMENTS = pd.DataFrame(
    [
        ("ana", "x:A-1", at("2013-09-21"), at("2014-01-09"), "Withdrawn", {"imd_band": "10-20%"}),
        ("ana", "x:A-2", at("2014-01-22"), pd.NaT, "Pass", {"studied_credits": 60}),
        ("ben", "x:A-1", pd.NaT, pd.NaT, None, {}),
        ("ben", "x:A", pd.NaT, pd.NaT, None, {}),
    ],
    columns=["learner_id", "item_id", "registered_at", "unregistered_at", "result", "attributes"],
)
CAME = pd.DataFrame(
    [
        ("ana", "x:T", "answered", 0.5, at("2013-10-18")),
        ("ana", "x:T", "answered", 0.7, at("2014-03-01")),
        ("ben", "x:T", "scored", 0.9, at("2013-09-30")),
        ("eve", "x:T", "answered", 0.9, at("2013-10-18")),
    ],
    columns=["learner_id", "item_id", "verb", "score", "occurred_at"],
)


def test_days_count_from_the_start_of_the_presentation() -> None:
    found = tables_of(ENROLMENTS, ITEMS, CAME)
    own = found["enrolments"].set_index(["learner_id", "presentation"])
    assert len(own) == 3, "a module without a first day is no presentation"
    ana = own.loc[("ana", "1")]
    assert (ana["registered"], ana["unregistered"], ana["imd_band"]) == (-10, 100, "0-20%")
    assert own.loc[("ana", "2"), "credits"] == 60
    assert own.loc[("ben", "1"), ["registered", "credits", "education"]].isna().all()
    assert ana["starts"] == day_of(at("2013-10-01")) == 5022
    tasks = found["assessments"].set_index("presentation")
    assert tasks.index.tolist() == ["1", "2"], "a presentation nobody knows has none"
    assert tasks.loc["1", "due"] == 19
    assert pd.isna(tasks.loc["2", "due"])


def test_a_paper_goes_to_the_presentation_it_can_belong_to() -> None:
    found = tables_of(ENROLMENTS, ITEMS, CAME)["submissions"]
    rows = found[["assessment_id", "learner_id", "day", "score", "banked"]].astype(object).values.tolist()
    assert sorted(rows) == [
        ["x:T 1", "ana", 17, 50.0, False],
        ["x:T 1", "ben", -1, 90.0, True],
        ["x:T 2", "ana", 28, 70.0, False],
    ]


def test_without_a_course_that_starts_there_is_nothing_to_do() -> None:
    with pytest.raises(NothingToDo, match="says when it starts"):
        tables_of(ENROLMENTS, ITEMS[2:], CAME)


def test_bands_two_by_two() -> None:
    bands = pd.Series(["10-20", "20-30%", "90-100%", None, "?"])
    assert fifths(bands).fillna("-").tolist() == ["0-20%", "20-40%", "80-100%", "-", "-"]
