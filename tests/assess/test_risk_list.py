"""The list of a course: who is on it, in which order, and why."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_known_by import STARTS, school

from learnloop.assess import risk_list
from learnloop.assess.at_risk import BACK, AtRisk, _platt, _shift
from learnloop.assess.known_by import known_by
from learnloop.errors import BadInput, ModelUnavailable, NothingToDo, UnknownThing

NOW = "oulad:AAA-2014J"
TODAY = STARTS["2014J"] + 59


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    courses = [
        (f"oulad:{module}-{one}", f"{module} {one}", module, one, starts, 260.0)
        for module in ("AAA", "BBB")
        for one, starts in STARTS.items()
    ]
    names = ["item_id", "title", "module", "presentation", "starts", "length"]
    return {**school(), "courses": pd.DataFrame(courses, columns=names)}


@pytest.fixture(scope="module")
def book(tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    made = risk_list.train(tables, TODAY, weeks=(4, 8))
    return json.loads(json.dumps(made))


def test_it_learns_from_what_has_ended_alone(tables: dict[str, pd.DataFrame], book: dict[str, Any]) -> None:
    assert book["trained_on"] == ["oulad:AAA-2013J", "oulad:BBB-2013J"]
    now = tables["enrolments"]["presentation"] == "2014J"
    other = tables["enrolments"].assign(result=tables["enrolments"]["result"].mask(now, "Fail"))
    again = risk_list.train({**tables, "enrolments": other}, TODAY, weeks=(4, 8))
    assert json.dumps(again) == json.dumps(book)


def test_those_who_come_to_grief_are_first(tables: dict[str, pd.DataFrame], book: dict[str, Any]) -> None:
    found = risk_list.listing(tables, book, NOW, TODAY)
    assert (found["day"], found["week"], found["title"]) == (59, 8, "AAA 2014J")
    risks = [one["risk"] for one in found["learners"]]
    assert risks == sorted(risks, reverse=True)
    assert found["at_risk_expected"] == pytest.approx(sum(risks))
    of = tables["enrolments"][tables["enrolments"]["presentation"] == "2014J"].set_index("learner_id")
    grief = of["result"][[one["learner_id"] for one in found["learners"]]].isin(["Fail", "Withdrawn"])
    fifth = len(grief) // 5
    assert grief[:fifth].mean() > grief.mean() + 0.25
    gone = of.index[(of["unregistered"] <= 59) & (of["module"] == "AAA")]
    assert not set(gone) & {one["learner_id"] for one in found["learners"]}


def test_reasons_are_facts_of_the_learner(tables: dict[str, pd.DataFrame], book: dict[str, Any]) -> None:
    found = risk_list.listing(tables, book, NOW, TODAY)
    mine = tables["enrolments"][tables["enrolments"]["presentation"] == "2014J"]
    rows = known_by(mine, tables["assessments"], tables["submissions"], 59)
    rows = rows[rows["module"] == "AAA"].set_index("learner_id")
    said = set()
    for one in found["learners"]:
        own = rows.loc[one["learner_id"]]
        assert len(one["reasons"]) <= 2
        for reason in one["reasons"]:
            said.add(reason["code"])
            if reason["code"] == "missing_work":
                assert reason["evidence"] == {"missing": own["missing"], "due": own["due"]}
                assert reason["evidence"]["missing"] > 0
            if reason["code"] == "low_marks":
                assert reason["evidence"]["mark"] == round(own["mean_score"])
    assert {"missing_work", "low_marks"} <= said
    worst, best = found["learners"][0], found["learners"][-1]
    assert worst["reasons"]
    assert not any(reason["code"] == "missing_work" for reason in best["reasons"])
    spanish = risk_list.listing(tables, book, NOW, TODAY, "es")["learners"][0]["reasons"][0]
    assert spanish["code"] == worst["reasons"][0]["code"]
    assert spanish["text"] != worst["reasons"][0]["text"]


def test_what_comes_later_changes_nothing(tables: dict[str, pd.DataFrame], book: dict[str, Any]) -> None:
    came = tables["submissions"]
    other = came.assign(score=came["score"].where(came["day"] <= 40, 0.0))  # a mark takes 14 days, or is new
    later = other[other["day"] <= 59]
    one, two = (risk_list.listing({**tables, "submissions": s}, book, NOW, TODAY - 12) for s in (came, later))
    assert one == two


@pytest.mark.parametrize(
    ("course", "today", "error"),
    [
        ("oulad:ZZZ", TODAY, UnknownThing),
        ("oulad:AAA-2013J", TODAY, BadInput),
        (NOW, TODAY + 300, NothingToDo),
        (NOW, STARTS["2014J"] + 5, NothingToDo),
    ],
)
def test_what_cannot_be_listed(
    tables: dict[str, pd.DataFrame], book: dict[str, Any], course: str, today: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        risk_list.listing(tables, book, course, today)


def test_what_cannot_be_trained_or_read(tables: dict[str, pd.DataFrame], tmp_path: Any) -> None:
    with pytest.raises(NothingToDo, match="has ended"):
        risk_list.train(tables, STARTS["2013J"] + 10)
    with pytest.raises(ModelUnavailable, match="has been trained"):
        risk_list.kept(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        risk_list.kept(tmp_path / "bad.json")
    (tmp_path / "old.json").write_text('{"format": 0}')
    with pytest.raises(ModelUnavailable, match="not of this version"):
        risk_list.kept(tmp_path / "old.json")
    with pytest.raises(BadInput, match="cannot be read"):
        AtRisk.of({"columns": []})


def test_a_class_is_drawn_half_of_the_way_to_its_past(tables: dict[str, pd.DataFrame]) -> None:
    rows = known_by(tables["enrolments"], tables["assessments"], tables["submissions"], 56)
    past, asked = (rows[rows["presentation"] == p].reset_index(drop=True) for p in STARTS)
    model = AtRisk("logistic").fit(past)
    model.platt = (model.platt[0] + 1, model.platt[1])  # as if a calendar had made all look worse
    drawn = model.predict(asked)
    model.level = None
    plain = model.predict(asked)
    of = asked["module"] == "AAA"
    expected = past["at_risk"][past["module"] == "AAA"].mean()
    assert plain[of].mean() > expected
    assert expected < drawn[of].mean() < plain[of].mean()
    z = np.log(plain[of] / (1 - plain[of]))
    by = np.log(drawn[of] / (1 - drawn[of])) - z
    np.testing.assert_allclose(by, BACK * _shift(z, float(expected)), atol=0.02)
    assert np.mean(1 / (1 + np.exp(-(z + _shift(z, 0.3))))) == pytest.approx(0.3)


def test_platts_sigmoid_is_found_and_estimates_sure_and_wrong_lead_nowhere() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.02, 0.98, 20_000)
    logits = np.log(p / (1 - p))
    a, b = _platt(p, rng.random(len(p)) < 1 / (1 + np.exp(0.5 - 0.7 * logits)))
    assert (a, b) == pytest.approx((-0.5, 0.7), abs=0.05)
    wrong = np.r_[np.full(200, 1e-6), np.full(200, 1 - 1e-6)]
    a, b = _platt(wrong, wrong < 0.5)
    assert a == pytest.approx(0, abs=1e-6)
    # one in 202 at a logit of log(1e-4 / (1 - 1e-4)), as Platt's targets have it
    assert b == pytest.approx(np.log(201) / np.log(1e-4 / (1 - 1e-4)), abs=1e-6)
