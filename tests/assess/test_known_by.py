"""What was known on a day: nothing that came later changes it, and who is asked about."""

import numpy as np
import pandas as pd
import pytest

from learnloop.assess.at_risk import AtRisk
from learnloop.assess.known_by import FEATURES, SENSITIVE, known_by
from learnloop.errors import BadInput, NothingToDo

STARTS = {"2013J": 5_000, "2014J": 5_365}


def school(n: int = 300, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Two modules in two presentations. Effort decides who hands in, how well, and how it ends."""
    rng = np.random.default_rng(seed)
    rows, came = [], []
    for presentation, starts in STARTS.items():
        for module in ("AAA", "BBB"):
            for k in range(n):
                effort = rng.normal()
                grief = rng.random() < 1 / (1 + np.exp(2 * effort))
                withdrawn = grief and rng.random() < 0.5
                learner = f"{k if module == 'AAA' else k + 10 * n}"
                rows.append(
                    {
                        "module": module,
                        "presentation": presentation,
                        "learner_id": learner,
                        "registered": float(-rng.integers(1, 60)),
                        "unregistered": float(rng.integers(5, 200)) if withdrawn else np.nan,
                        "starts": starts,
                        "length": 260.0,
                        "credits": 60.0,
                        "attempts_before": 0.0,
                        "education": "A Level or Equivalent",
                        "result": "Withdrawn" if withdrawn else "Fail" if grief else "Pass",
                        "gender": "F" if k % 2 else "M",
                        "disability": "N",
                        "imd_band": "0-20%",
                        "age_band": "0-35",
                        "region": "Wales",
                    }
                )
                came += [
                    {
                        "assessment_id": f"{module}{presentation}{due}",
                        "learner_id": learner,
                        "day": float(due + rng.integers(-3, 3)),
                        "score": float(np.clip(60 + 15 * effort + rng.normal(0, 8), 0, 100)),
                        "banked": False,
                    }
                    for due in (12, 26, 50)
                    if rng.random() < 1 / (1 + np.exp(-1 - 2 * effort))
                ]
    asked = [
        {
            "assessment_id": f"{m}{p}{due}",
            "module": m,
            "presentation": p,
            "kind": "CMA" if due == 12 else "TMA",
            "due": float(due),
            "weight": 20.0,
        }
        for m in ("AAA", "BBB")
        for p in STARTS
        for due in (12, 26, 50)
    ]
    return {
        "enrolments": pd.DataFrame(rows),
        "assessments": pd.DataFrame(asked),
        "submissions": pd.DataFrame(came),
    }


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return school()


def test_the_future_changes_nothing(tables: dict[str, pd.DataFrame]) -> None:
    """Later hand-ins, marks that are not out, later withdrawals and results are made up anew."""
    day = 28
    before = known_by(**tables, day=day)
    rng = np.random.default_rng(3)
    enrolments, came = tables["enrolments"].copy(), tables["submissions"].copy()
    later = enrolments["unregistered"] > day
    enrolments.loc[later, "unregistered"] = rng.integers(day + 1, 300, later.sum())
    now = enrolments["presentation"] == "2014J"
    enrolments.loc[now, "result"] = rng.choice(["Pass", "Fail"], now.sum())
    after = came["day"] > day
    came.loc[after, "score"] = rng.uniform(0, 100, after.sum())
    out = (came["day"] + 14 > day) & ~came["assessment_id"].str.endswith("J12")
    came.loc[out, "score"] = rng.uniform(0, 100, out.sum())
    came = pd.concat([came[~after], came[after].sample(frac=0.5, random_state=0)])
    changed = known_by(enrolments, tables["assessments"], came, day)
    pd.testing.assert_frame_equal(before[list(FEATURES)], changed[list(FEATURES)])
    assert not before["at_risk"].equals(changed["at_risk"]), "the outcome did change"


def test_what_is_known_is_counted(tables: dict[str, pd.DataFrame]) -> None:
    one = {
        **tables["enrolments"].iloc[0].to_dict(),
        "learner_id": "x",
        "presentation": "2014J",
        "starts": STARTS["2014J"],
        "unregistered": np.nan,
        "result": "Fail",
    }
    past = {**one, "presentation": "2013J", "starts": STARTS["2013J"], "result": "Withdrawn"}
    enrolments = pd.DataFrame([one, past])
    came = pd.DataFrame(
        [
            ("AAA2014J12", "x", 14.0, 30.0, False),
            ("AAA2014J26", "x", 27.0, 90.0, False),
        ],
        columns=["assessment_id", "learner_id", "day", "score", "banked"],
    )

    def on(day: int) -> pd.Series:
        rows = known_by(enrolments, tables["assessments"], came, day)
        return rows[rows["presentation"] == "2014J"].iloc[0]

    early, late = on(28), on(56)
    assert (early["due"], early["handed_in"], early["missing"], early["late"]) == (2, 2, 0, 2)
    assert (early["marks_known"], early["mean_score"]) == (1, 30), "a tutor's mark takes 14 days"
    assert early["withdrawn_before"] == 1
    assert early["days_since_hand_in"] == 1
    assert not early["rule"], "failing, but not absent"
    assert (late["due"], late["missing"], late["marks_known"]) == (3, 1, 2)
    assert late["mean_score"] == 60
    assert late["score_of_due"] == pytest.approx(40), "what did not come is a 0"
    assert not on(13)["marks_known"]


def test_who_is_asked_about(tables: dict[str, pd.DataFrame]) -> None:
    day = 28
    rows = known_by(**tables, day=day)
    enrolments = tables["enrolments"]
    gone = enrolments["unregistered"] <= day
    assert gone.any()
    assert len(rows) == len(enrolments) - gone.sum()
    assert (rows["ends"].dropna() > day).all()
    late = enrolments.assign(registered=enrolments["registered"].where(enrolments.index > 9, 40.0))
    assert len(known_by(late, tables["assessments"], tables["submissions"], day)) == len(rows) - sum(
        ~gone[:10]
    )


def test_clicks_count_where_there_are_any(tables: dict[str, pd.DataFrame]) -> None:
    one = tables["enrolments"].iloc[0]
    clicks = pd.DataFrame([(-2, 5), (20, 3), (27, 1), (29, 100)], columns=["day", "clicks"]).assign(
        module=one["module"], presentation=one["presentation"], learner_id=one["learner_id"]
    )
    enrolments = tables["enrolments"].assign(unregistered=np.nan)
    rows = known_by(enrolments, tables["assessments"], tables["submissions"], 28, clicks)
    names = ["clicks", "active_days", "days_since_click", "recent_clicks"]
    assert rows.iloc[0][names].tolist() == [9, 3, 1, 1]
    assert rows.iloc[1][names].tolist() == [0, 0, 58, 0]


@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_a_model_tells_a_presentation_it_has_not_seen(tables: dict[str, pd.DataFrame], name: str) -> None:
    rows = known_by(**tables, day=56)
    past, asked = (rows[rows["presentation"] == p] for p in STARTS)
    p = AtRisk(name).fit(past).predict(asked)
    y = asked["at_risk"].to_numpy()
    assert p[y].mean() > p[~y].mean() + 0.2
    assert abs(p.mean() - y.mean()) < 0.06, "Platt keeps the level"
    assert ((p > 0) & (p < 1)).all()
    np.testing.assert_array_equal(p, AtRisk(name).fit(past).predict(asked))
    other = asked.assign(**dict.fromkeys(SENSITIVE, "other"), module="never seen")
    assert np.isfinite(AtRisk(name).fit(past).predict(other)).all()


def test_sensitive_attributes_are_left_out_unless_asked_for(tables: dict[str, pd.DataFrame]) -> None:
    rows = known_by(**tables, day=28)
    swapped = rows.assign(gender=np.where(rows["gender"] == "F", "M", "F"))
    plain = AtRisk("logistic").fit(rows)
    np.testing.assert_array_equal(plain.predict(rows), plain.predict(swapped))
    knows = AtRisk("logistic", sensitive=True).fit(rows)
    assert np.abs(knows.predict(rows) - knows.predict(swapped)).max() > 0


def test_what_cannot_be_learnt(tables: dict[str, pd.DataFrame]) -> None:
    rows = known_by(**tables, day=28)
    with pytest.raises(NothingToDo):
        AtRisk().fit(rows[rows["at_risk"]])
    with pytest.raises(BadInput, match="no at-risk model"):
        AtRisk("oracle")


def test_a_mark_for_practice_says_nothing(tables: dict[str, pd.DataFrame]) -> None:
    """Work without weight, where other work has one: 1 of 100 there is no failure, but a paper it is."""
    asked, came = tables["assessments"], tables["submissions"]
    first = came["assessment_id"] == "AAA2014J12"
    odd = came.assign(score=came["score"].mask(first, 1.0))
    practice = asked.assign(weight=asked["weight"].mask(asked["assessment_id"] == "AAA2014J12", 0.0))
    names = ["mean_score", "lowest_score", "score_of_due", "marks_known", "handed_in", "missing"]

    def rows(of: pd.DataFrame, marks: pd.DataFrame) -> pd.DataFrame:
        return known_by(tables["enrolments"], of, marks, day=56)

    pd.testing.assert_frame_equal(rows(practice, odd)[names], rows(practice, came)[names])
    assert rows(asked, odd)["mean_score"].mean() < rows(asked, came)["mean_score"].mean() - 3
    assert rows(practice, odd)["handed_in"].equals(rows(asked, came)["handed_in"])
    # where nothing has a weight, every mark is a mark
    none = asked.assign(weight=0.0)
    assert not rows(none, odd)["mean_score"].equals(rows(none, came)["mean_score"])
    # the rule of thumb knows no weights
    assert rows(practice, odd)["rule"].equals(rows(asked, odd)["rule"])
