"""What fades comes back, what there is no time for stays away, and the log says why each came."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from serve_school import COURSES, NOW, School, concept, event, learner_id, lesson
from starlette.testclient import TestClient
from test_serve_curation import rule
from test_serve_learners import answers, read, steps, tell

from learnloop.recommend.merits import COMPONENTS
from learnloop.serve import beliefs, replies
from learnloop.serve.histories import Event, History
from learnloop.store import decisions


@contextmanager
def later(school: School, days: float) -> Iterator[TestClient]:
    with school.client(poll_seconds=3600, clock=lambda: NOW + timedelta(days=days)) as client:
        yield client


def reviews(api: TestClient, who: str, **params: Any) -> replies.ReviewsReply:
    answer = api.get(f"/v1/learners/{who}/reviews", params=params)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return replies.ReviewsReply.model_validate(answer.json())


def test_recall_falls_with_the_days_and_a_review_falls_due(school: School, api: TestClient) -> None:
    who = tell(api, "forgetful", read("cells", 0), *answers("cells", 0, *[True] * 6))
    fresh = reviews(api, who)
    (row,) = fresh.concepts
    assert (fresh.total, fresh.due, row.due, fresh.target) == (1, 0, False, 0.9)
    assert (row.title, row.item_id, row.item_title) == ("Membranes", lesson("cells", 0), "Membranes")
    assert row.due_at > NOW
    wait = (row.due_at - NOW) / timedelta(days=1)
    with later(school, wait * 0.5) as client:
        (before,) = reviews(client, who).concepts
    with later(school, wait * 1.5) as client:
        (after,) = reviews(client, who).concepts
        found = steps(client, who, k=20)
    assert row.recall > before.recall > fresh.target > after.recall
    assert (before.due, after.due) == (False, True)
    assert abs(before.due_at - row.due_at) < timedelta(seconds=1)
    assert lesson("cells", 0) not in [step["item_id"] for step in steps(api, who, k=20)]
    again = next(step for step in found if step["item_id"] == lesson("cells", 0))
    codes = [reason["code"] for reason in again["reasons"]]
    assert codes[:2] == ["review", "fading"]
    fading = again["reasons"][1]
    assert fading["evidence"] == {"concept": concept("cells", 0), "recall": round(after.recall, 2)}
    assert fading["text"].endswith(f"is recalled at {round(after.recall, 2):.0%} by now")
    assert again["components"]["review"] == pytest.approx((0.9 - after.recall) / 0.9)


def test_nothing_was_practised_nothing_is_due(api: TestClient) -> None:
    assert reviews(api, learner_id("nobody at all")).concepts == []
    who = tell(api, "reader", read("cells", 0))
    assert reviews(api, who).total == 0
    answer = api.get(f"/v1/learners/{who}/reviews", params={"limit": 0})
    assert answer.status_code == 422


def test_a_learner_sees_their_own_reviews_alone(api: TestClient, school: School) -> None:
    mine = school.learner("dora")
    assert api.get(f"/v1/learners/{learner_id('dora')}/reviews", headers=mine).status_code == 200
    assert api.get(f"/v1/learners/{learner_id('ana')}/reviews", headers=mine).status_code == 403


def test_mastery_tells_recall_where_something_was_practised(api: TestClient) -> None:
    who = tell(api, "recalling", *answers("python", 0, True, True))
    rows = api.get(f"/v1/learners/{who}/mastery").json()["concepts"]
    assert 0.9 < rows[0]["recall"] <= 1
    assert datetime.fromisoformat(rows[0]["due_at"]) > NOW
    assert {(row["recall"], row["due_at"]) for row in rows[1:]} == {(None, None)}


def test_what_is_blocked_or_hidden_is_not_reviewed(school: School, api: TestClient) -> None:
    who = tell(api, "tired of it", read("cells", 0), *answers("cells", 0, True, True))
    with later(school, 300) as client:
        assert lesson("cells", 0) in [step["item_id"] for step in steps(client, who, k=20)]
        assert client.post(f"/v1/learners/{who}/hidden/{lesson('cells', 0)}").status_code == 200
        assert lesson("cells", 0) not in [step["item_id"] for step in steps(client, who, k=20)]
        assert [row.item_id for row in reviews(client, who).concepts] == [None]


@pytest.mark.parametrize("scope", ["all", "course", "learner"])
def test_a_block_closes_what_to_review_with(school: School, api: TestClient, scope: str) -> None:
    name = f"blocked for {scope}"
    who = tell(api, name, read("cells", 0), *answers("cells", 0, True), *answers("python", 0, True))
    other = tell(api, f"not {name}", read("cells", 0), *answers("cells", 0, True))
    target = {"all": {}, "course": {"course": "school:python"}, "learner": {"learner_id": who}}[scope]
    before = {row.title: row.item_id for row in reviews(api, who).concepts}
    assert (before["Membranes"], before["Variables"]) == (lesson("cells", 0), lesson("python", 0))
    with rule(api, school, "block", lesson("cells", 0), **target):
        found = {row.title: row for row in reviews(api, who).concepts}
        assert (found["Membranes"].item_id, found["Membranes"].item_title) == (None, None)
        assert found["Variables"].item_id == lesson("python", 0), "nobody blocked that"
        theirs = None if scope == "all" else lesson("cells", 0)
        assert [row.item_id for row in reviews(api, other).concepts] == [theirs]
    assert {row.title: row.item_id for row in reviews(api, who).concepts} == before


def test_what_was_done_and_not_mastered_comes_back_though_nothing_waits_for_it(api: TestClient) -> None:
    last = len(COURSES["cocina"][1]) - 1
    who = tell(api, "one is left", *(read("cocina", n) for n in range(last + 1)))
    for number in range(last):
        tell(api, "one is left", *answers("cocina", number, *[True] * 8))
    assert lesson("cocina", last) not in {step["item_id"] for step in steps(api, who, k=20)}
    tell(api, "one is left", *answers("cocina", last, *[False] * 24))
    again = next(step for step in steps(api, who, k=20) if step["item_id"] == lesson("cocina", last))
    codes = [reason["code"] for reason in again["reasons"]]
    assert (codes[0], "fading" in codes) == ("review", False)
    tell(api, "one is left", *answers("cocina", last, *[True] * 80))
    assert lesson("cocina", last) not in {step["item_id"] for step in steps(api, who, k=20)}


def test_some_can_be_reviewed_and_some_cannot(api: TestClient) -> None:
    """A lesson whose prerequisite was never met reviews nothing, and the answer says so."""
    who = tell(api, "half and half", *answers("cells", 0, True), *answers("cells", 2, True))
    found = {row.title: row for row in reviews(api, who).concepts}
    assert (found["Membranes"].item_id, found["Mitosis"].item_id) == (lesson("cells", 0), None)
    assert found["Mitosis"].item_title is None


def test_minutes_leave_out_what_takes_longer_unless_nothing_fits(api: TestClient) -> None:
    """Lessons take 5 minutes, 10, 15, … by their place."""
    who = tell(api, "busy day", *(one for n in range(2) for one in [read("cells", n)]))
    tell(api, "busy day", *answers("cells", 0, *[True] * 8), *answers("cells", 1, *[True] * 8))
    free = {step["item_id"] for step in steps(api, who, k=20)}
    assert {lesson("python", 0), lesson("cells", 2)} <= free
    assert lesson("cells", 2) not in {step["item_id"] for step in steps(api, who, k=20, minutes=10)}
    assert lesson("python", 0) in {step["item_id"] for step in steps(api, who, k=20, minutes=5)}
    only = steps(api, who, k=20, minutes=1, course="school:cells")
    assert [step["item_id"] for step in only] == [lesson("cells", 2)], "the shortest there is"
    assert api.get(f"/v1/learners/{who}/recommendations", params={"minutes": 0}).status_code == 422


def test_the_score_is_the_weighted_sum_of_what_is_told(api: TestClient) -> None:
    who = tell(api, "weighed", read("python", 0), *answers("python", 0, *[True] * 8), read("cocina", 0))
    found = steps(api, who, k=20)
    assert len(found) > 2
    weights = vars(beliefs.AIMS.weights)
    for step in found:
        assert set(step["components"]) == set(COMPONENTS)
        assert step["score"] == pytest.approx(
            sum(weights[name] * value for name, value in step["components"].items())
        )
    assert [step["score"] for step in found] == sorted((step["score"] for step in found), reverse=True)
    conditions = next(step for step in found if step["item_id"] == lesson("python", 1))
    opens = next(reason for reason in conditions["reasons"] if reason["code"] == "opens")
    assert opens["evidence"] == {"concepts": 4}, "four lessons wait for conditions"
    for step in found:
        told = {reason["code"]: reason for reason in step["reasons"]}
        assert ("right_level" in told) == (step["components"]["challenge"] == 1.0)


def test_the_log_has_every_number_and_the_models_behind_it(school: School) -> None:
    who = learner_id("accounted for")
    with school.client(poll_seconds=3600) as client:
        tell(client, "accounted for", read("python", 0), *answers("python", 0, *[True] * 8))
        answer = client.get(f"/v1/learners/{who}/recommendations", params={"k": 3, "minutes": 60}).json()
    row = decisions.last(school.engine, who)
    assert row is not None
    assert str(row["decision_id"]) == answer["decision_id"]
    assert row["request"] == {"k": 3, "minutes": 60}
    assert row["models"] == {"ranker": "ease", "tracer": "logistic", "memory": "memory"}
    assert row["made_at"] == NOW
    for logged, shown in zip(row["candidates"], answer["items"], strict=True):
        assert logged["item_id"] == shown["item_id"]
        assert logged["components"] == pytest.approx(shown["components"], abs=1e-6)
        assert logged["p_correct"] == shown["p_correct"]
    assert decisions.last(school.engine, learner_id("never asked")) is None


def test_a_decision_of_before_says_of_no_model(school: School) -> None:
    """As the migration left it."""
    with school.engine.connect() as connection:
        query = sa.text("SELECT is_nullable, column_default FROM information_schema.columns"
                        " WHERE table_name = 'decisions' AND column_name = 'models'")  # fmt: skip
        assert connection.execute(query).one() == ("NO", None)


def test_beliefs_are_kept_for_ten_minutes_and_never_from_before_the_last_event() -> None:
    last = NOW + timedelta(hours=1)  # a client's clock may be ahead
    history = History([Event(NOW, "t:1", lesson("cells", 0), "completed", None)], 0.0)
    soon = [beliefs.moment(history, NOW + timedelta(minutes=minutes)) for minutes in (1, 9, 11, 12)]
    assert soon == [pd.Timestamp(NOW + timedelta(minutes=minutes)) for minutes in (1, 1, 11, 11)]
    history.add(Event(last, "t:2", lesson("cells", 0), "completed", None))
    assert beliefs.moment(history, NOW) == pd.Timestamp(last)
    assert event()["occurred_at"] < NOW.isoformat(), "the school's clock is behind its events"


def test_where_nobody_can_answer_having_done_it_counts(api: TestClient) -> None:
    serving = api.app.state.backend.serving  # type: ignore[attr-defined]
    history = History([Event(NOW, "t:1", lesson("cells", 0), "completed", None)], 0.0)
    assert concept("cells", 0) in serving.content.asked
    assert 0 < beliefs.known(serving, history, pd.Timestamp(NOW))[concept("cells", 0)] < 1
    silent = replace(serving, content=replace(serving.content, asked=frozenset()))
    assert beliefs.known(silent, history, pd.Timestamp(NOW)) == {concept("cells", 0): 1.0}
