"""What is known of every enrolment on a day of its presentation, and nothing that came to be known later.

    module FFF  presentation 2014J  learner_id 11391  day 28
    registered -53  due 1  handed_in 1  missing 0  mean_score 71  days_since_hand_in 5  …  at_risk False

Days count from the start of the presentation. Who has not registered by the day, or has withdrawn by it, is
not asked about: there is nothing to predict of the one and nothing to do for the other.
"""

import numpy as np
import pandas as pd

KEY = ["module", "presentation", "learner_id"]
SENSITIVE = ("gender", "disability", "imd_band", "age_band", "region")
EDUCATION = {  # in order: the higher, the more
    "No Formal quals": 0,
    "Lower Than A Level": 1,
    "A Level or Equivalent": 2,
    "HE Qualification": 3,
    "Post Graduate Qualification": 4,
}
EPOCH = pd.Timestamp("2000-01-01", tz="UTC")
MARKING_DAYS = 14  # a tutor's mark comes so long after the hand-in; a computer's at once
PASS_MARK = 40.0
RECENT_DAYS = 7
FEATURES = (
    *("registered", "registered_unknown", "credits", "attempts_before", "education", "other_modules"),
    *("passed_before", "failed_before", "withdrawn_before"),
    *("due", "handed_in", "missing", "missing_weight", "late", "mean_lateness", "days_since_hand_in"),
    *("banked", "marks_known", "mean_score", "lowest_score", "score_of_due"),
)
CLICKS = ("clicks", "active_days", "days_since_click", "recent_clicks")


def known_by(
    enrolments: pd.DataFrame,
    assessments: pd.DataFrame,
    submissions: pd.DataFrame,
    day: int,
    clicks: pd.DataFrame | None = None,
    marking_days: int = MARKING_DAYS,
) -> pd.DataFrame:
    """A row an enrolment that is going on at the end of `day`: KEY, FEATURES (and CLICKS where there are
    any), `day`, `season` (the month of the start), the SENSITIVE attributes as text, `rule`, and what the
    future held: `at_risk`, `ends` (day, NA), `result`.

    enrolments: KEY, registered, unregistered (days, NA), starts (days since 2000 began), length (days),
    credits, attempts_before, education, the SENSITIVE ones, result.
    assessments: assessment_id, module, presentation, kind, due (day, NA: at the end), weight.
    submissions: assessment_id, learner_id, day, score (0 to 100, NA), banked (bool). clicks: KEY, day,
    clicks.

    Marks of work without weight are left out where other work has one: they are for practice.

    `rule` is the common rule of thumb: failing, and absent for a week. Failing: the mean score below 40,
    where what was due and not handed in counts 0; absent: nothing handed in (and no click, where those are
    known).
    """
    going_on = ~(enrolments["registered"] > day).fillna(False) & ~(enrolments["unregistered"] <= day).fillna(
        False
    )
    rows = enrolments[going_on].reset_index(drop=True)
    found = pd.DataFrame({name: rows[name] for name in KEY})
    start = EPOCH + pd.to_timedelta(rows["starts"], unit="D")
    found["day"], found["season"] = float(day), start.dt.strftime("%m")
    found["registered"] = rows["registered"].astype(float)
    found["registered_unknown"] = rows["registered"].isna().astype(float)
    found["credits"], found["attempts_before"] = rows["credits"].astype(float), rows["attempts_before"]
    found["education"] = rows["education"].map(EDUCATION).astype(float)
    found["other_modules"] = (
        rows.groupby(["learner_id", "presentation"])["module"].transform("size").to_numpy() - 1
    )
    found = found.join(_before(rows, enrolments, day))
    found = found.join(_work(found[KEY], assessments, submissions, day, marking_days))
    quiet = found["days_since_hand_in"] >= RECENT_DAYS
    if clicks is not None:
        found = found.join(_clicked(found[KEY], clicks, day))
        quiet &= found["days_since_click"] >= RECENT_DAYS
    for name in SENSITIVE:
        found[name] = rows[name].astype("str").fillna("unknown")
    found["rule"] = (found["rule_score"] < PASS_MARK) & quiet
    found["at_risk"] = rows["result"].isin(["Fail", "Withdrawn"])
    found["result"], found["ends"] = rows["result"], rows["unregistered"]
    return found


def _before(rows: pd.DataFrame, enrolments: pd.DataFrame, day: int) -> pd.DataFrame:
    """Results of the learner's earlier presentations, of those that had ended by `day` of this one."""
    earlier = enrolments[["learner_id", "starts", "length", "result"]]
    now = rows[["learner_id", "starts"]].reset_index()
    pairs = now.merge(earlier, on="learner_id", suffixes=("", "_then"))
    pairs = pairs[pairs["starts_then"] + pairs["length"] <= pairs["starts"] + day]
    names = {"Pass": "passed", "Distinction": "passed", "Fail": "failed", "Withdrawn": "withdrawn"}
    counted = pd.crosstab(pairs["index"], pairs["result"].map(names))
    wanted = ["passed", "failed", "withdrawn"]
    return counted.reindex(rows.index, columns=wanted, fill_value=0).add_suffix("_before").astype(float)


def _work(
    key: pd.DataFrame, assessments: pd.DataFrame, submissions: pd.DataFrame, day: int, marking_days: int
) -> pd.DataFrame:
    """What was due, what came in, and those marks that were out."""
    place = key.reset_index().rename(columns={"index": "row"})
    came = submissions[submissions["day"] <= day].merge(assessments, on="assessment_id")
    came = came.merge(place, on=KEY)
    wait = np.where(came["kind"] == "TMA", marking_days, 0)
    known = (came["day"] + wait <= day) | came["banked"]
    came["mark"] = came["score"].where(known)
    came["score_known"] = came["mark"].mask(_practice(came, assessments))
    asked = assessments[assessments["due"] <= day].merge(place, on=["module", "presentation"])
    asked = asked.merge(
        came[["row", "assessment_id", "score_known", "mark", "day"]],
        on=["row", "assessment_id"],
        how="left",
    )
    missing = asked["day"].isna()
    # a mark that is not out yet says nothing; a paper that did not come is a 0
    practice = _practice(asked, assessments)
    asked["counted"] = asked["score_known"].astype(float).mask(missing & ~practice, 0.0)
    asked["any_counted"] = asked["mark"].astype(float).mask(missing, 0.0)
    own = came[~came["banked"]]
    late = (own["day"] - own["due"]).astype(float)
    of = own.groupby("row")

    def by_row(values: pd.Series, empty: float = 0.0) -> pd.Series:
        return values.reindex(key.index).astype(float).fillna(empty)

    start = float(day + 30)  # who has not handed anything in was last seen long ago
    return pd.DataFrame(
        {
            "due": by_row(asked.groupby("row").size()),
            "handed_in": by_row(of.size()),
            "missing": by_row(missing.groupby(asked["row"]).sum()),
            "missing_weight": by_row((asked["weight"] * missing).groupby(asked["row"]).sum()),
            "late": by_row((late > 0).groupby(own["row"]).sum()),
            "mean_lateness": by_row(late.groupby(own["row"]).mean(), np.nan),
            "days_since_hand_in": by_row(day - of["day"].max(), start),
            "banked": by_row(came["banked"].groupby(came["row"]).sum()),
            "marks_known": by_row(came.groupby("row")["score_known"].count()),
            "mean_score": by_row(came.groupby("row")["score_known"].mean(), np.nan),
            "lowest_score": by_row(came.groupby("row")["score_known"].min(), np.nan),
            "score_of_due": by_row(asked.groupby("row")["counted"].mean(), np.nan),
            "rule_score": by_row(asked.groupby("row")["any_counted"].mean(), np.nan),
        }
    )


def _practice(rows: pd.DataFrame, assessments: pd.DataFrame) -> np.ndarray:
    """(n,) bool: without weight, where other work of the presentation has one. Its mark may be anything: the
    first of BBB 2014J has 100 for most and 1 for 717 others."""
    graded = assessments[(assessments["weight"] > 0) & (assessments["kind"] != "Exam")]
    names = graded["module"] + " " + graded["presentation"]
    own = (rows["module"] + " " + rows["presentation"]).isin(names.unique())
    return ((rows["weight"] == 0) & own).to_numpy(dtype=bool)


def _clicked(key: pd.DataFrame, clicks: pd.DataFrame, day: int) -> pd.DataFrame:
    place = key.reset_index().rename(columns={"index": "row"})
    seen = clicks[clicks["day"] <= day].merge(place, on=KEY)
    of, recent = seen.groupby("row"), seen[seen["day"] > day - RECENT_DAYS]
    columns = {
        "clicks": of["clicks"].sum(),
        "active_days": of["day"].nunique(),
        "days_since_click": day - of["day"].max(),
        "recent_clicks": recent.groupby("row")["clicks"].sum(),
    }
    return pd.DataFrame(
        {
            name: values.reindex(key.index).astype(float).fillna(day + 30.0 if "since" in name else 0.0)
            for name, values in columns.items()
        }
    )
