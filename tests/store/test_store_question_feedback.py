"""Learners' reports, one a learner and version, and statistics that belong to a version."""

import pandas as pd
import pytest
import sqlalchemy as sa
from store_frames import rows

from learnloop.errors import BadInput, UnknownThing
from learnloop.store import loading, questions
from learnloop.store.question_feedback import (
    flagged,
    keep_statistics,
    notes,
    report,
    reported,
    reports,
    statistics,
)

ANA, BEN = "a" * 32, "b" * 32
NOW = pd.Timestamp("2026-03-02T10:00:00Z").to_pydatetime()


@pytest.fixture(autouse=True)
def _one_question(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "TRUNCATE questions, question_versions, question_statuses, question_reports, question_statistics"
        )
    loading.load(engine, "questions", rows("questions"))


def test_one_report_a_learner_and_version(engine: sa.Engine) -> None:
    questions.set_status(engine, ["demo:q1"], "approved", by="cli")
    report(engine, "demo:q1", ANA, "typo")
    kept = report(engine, "demo:q1", ANA, "two_right", "b fits as well")
    assert (kept["version"], kept["reason"], kept["comment"]) == (1, "two_right", "b fits as well")
    report(engine, "demo:q1", BEN, "two_right")
    assert reported(engine) == {("demo:q1", 1): {"two_right": 2}}
    loading.load(engine, "questions", rows("questions", {"stem": "Which?"}))
    questions.set_status(engine, ["demo:q1"], "approved", by="cli")
    report(engine, "demo:q1", ANA, "unclear")
    report(engine, "demo:q1", BEN, "wrong_key", version=1)  # what Ben had on the screen
    assert reported(engine) == {
        ("demo:q1", 1): {"two_right": 1, "wrong_key": 1},
        ("demo:q1", 2): {"unclear": 1},
    }
    assert [row["learner_id"] for row in reports(engine, "demo:q1")] == [BEN, ANA, ANA]


def test_what_learners_do_not_get_they_do_not_report(engine: sa.Engine) -> None:
    with pytest.raises(UnknownThing):
        report(engine, "demo:q1", ANA, "typo")  # a draft
    questions.set_status(engine, ["demo:q1"], "approved", by="cli")
    with pytest.raises(UnknownThing):
        report(engine, "demo:unheard", ANA, "typo")
    for wrong in ({"reason": "dull"}, {"version": 2}, {"version": 0}, {"comment": "x" * 2001}):
        with pytest.raises(BadInput) as caught:
            report(engine, "demo:q1", ANA, **{"reason": "typo", **wrong})  # type: ignore[arg-type]
        assert caught.value.field == next(iter(wrong))
    assert reports(engine) == []


def test_statistics_are_of_a_version_and_the_newest_count(engine: sa.Engine) -> None:
    row = {"question_id": "demo:q1", "version": 1, "n": 120, "statistics": {"difficulty": {"value": 0.7}}}
    assert keep_statistics(engine, [row, {**row, "version": 2, "n": 3}], NOW) == 2
    assert keep_statistics(engine, [{**row, "n": 5}], NOW) == 0, "one moment's are never overwritten"
    assert keep_statistics(engine, [{**row, "n": 150}], NOW + pd.Timedelta(days=1)) == 1
    assert [(one["version"], one["n"]) for one in statistics(engine, "demo:q1")] == [(1, 150), (2, 3)]
    assert statistics(engine)[0]["statistics"] == {"difficulty": {"value": 0.7}}
    assert keep_statistics(engine, [], NOW) == 0
    with pytest.raises(BadInput, match="no time zone"):
        keep_statistics(engine, [row], NOW.replace(tzinfo=None))


def test_the_statistics_of_a_large_bank_are_kept_at_once(engine: sa.Engine) -> None:
    many = [{"question_id": f"q{n}", "version": 1, "n": n, "statistics": {}} for n in range(14_000)]
    assert keep_statistics(engine, many, NOW) == len(many)
    assert keep_statistics(engine, [*many, {**many[0], "version": 2}], NOW) == 1


def test_what_is_flagged_gravest_comes_first(engine: sa.Engine) -> None:
    names = ("calm", "dead", "old", "said", "wrong")
    loading.load(engine, "questions", rows("questions", *({"question_id": f"demo:{name}"} for name in names)))
    ids = [f"demo:{name}" for name in names]
    questions.set_status(engine, ids, "approved", by="cli")

    def keep(name: str, version: int, *actions: str, day: int = 0) -> None:
        flags = [{"rule": "x", "action": action} for action in actions]
        row = {"question_id": f"demo:{name}", "version": version, "n": 30, "statistics": {"flags": flags}}
        keep_statistics(engine, [row], NOW + pd.Timedelta(days=day))

    keep("wrong", 1, "practice", "suspend")
    keep("dead", 1, "replace")
    keep("calm", 1, "suspend")
    keep("calm", 1, day=1)  # the newest says nothing
    keep("old", 2, "suspend")  # of a version that it is not at
    report(engine, "demo:said", ANA, "typo")
    report(engine, "demo:dead", BEN, "unclear")
    wanted = questions.Wanted("approved")
    order = ["demo:wrong", "demo:dead", "demo:said", "demo:calm", "demo:old"]
    found = flagged(engine, wanted, 10)
    assert [row["question_id"] for row in found] == order
    assert found[0]["stem"] == questions.get(engine, "demo:wrong")["stem"]
    for place in range(5):
        behind = flagged(engine, wanted, 2, after=order[place])
        assert [row["question_id"] for row in behind] == order[place + 1 : place + 3]
    assert flagged(engine, questions.Wanted("retired"), 10) == []
    noted = notes(engine, order)
    assert {name: row["reporters"] for name, row in noted.items()} == {
        **dict.fromkeys(order, 0),
        "demo:said": 1,
        "demo:dead": 1,
    }
    assert noted["demo:calm"]["statistics"] == {"flags": []}
    assert (noted["demo:old"]["computed_at"], noted["demo:wrong"]["n"]) == (None, 30)
