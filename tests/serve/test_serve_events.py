"""Events: acknowledged once committed, idempotent, all or nothing, and every refusal names its field."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serve_school import School, event, learner_id, lesson
from starlette.testclient import TestClient

from learnloop.schemas import VERBS
from learnloop.serve import queries
from learnloop.store import loading, reading


def stored(school: School, event_id: str) -> dict[str, Any] | None:
    query = sa.text("SELECT * FROM interactions WHERE event_id = :id")
    with school.engine.connect() as connection:
        row = connection.execute(query, {"id": event_id}).mappings().one_or_none()
    return None if row is None else dict(row)


def test_what_is_acknowledged_is_in_the_database(api: TestClient, school: School) -> None:
    sent = event(
        f"{lesson('python', 1)}#q1",
        verb="answered",
        correct=True,
        score=0.75,
        duration_s=12,
        occurred_at="2026-03-02T01:04:11.123456+01:00",
    )
    answer = api.post("/v1/events", json=sent)
    assert answer.status_code == 201
    assert answer.json() == {"accepted": 1, "duplicates": 0, "learner_ids": [learner_id("ana")]}
    assert stored(school, sent["event_id"]) == {
        "event_id": sent["event_id"],
        "learner_id": learner_id("ana"),
        "item_id": sent["item_id"],
        "verb": "answered",
        "correct": True,
        "score": 0.75,
        "duration_s": 12.0,
        "occurred_at": datetime(2026, 3, 2, 0, 4, 11, 123456, tzinfo=UTC),
        "source": "moodle",
        "imputed": None,
    }
    assert reading.learners(school.engine, [learner_id("ana")])["source"].tolist() == ["moodle"]


def test_the_outside_id_is_nowhere_in_the_database(api: TestClient, school: School) -> None:
    sent = event(learner={"source": "moodle", "id": "very-private-name"})
    assert api.post("/v1/events", json=sent).status_code == 201
    with school.engine.connect() as connection:
        for table in ("learners", "interactions"):
            found = connection.scalar(
                sa.text(f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%very-private%'")  # noqa: S608
            )
            assert found == 0


def test_a_known_learner_keeps_what_an_import_said_of_them(api: TestClient, school: School) -> None:
    import pandas as pd

    who = learner_id("imported")
    row = {"learner_id": who, "source": "oulad", "attributes": {"region": "north"}}
    loading.load(school.engine, "learners", pd.DataFrame([row]))
    assert api.post("/v1/events", json=event(learner=None, learner_id=who)).status_code == 201
    assert reading.learners(school.engine, [who]).iloc[0].to_dict() == row


def test_again_changes_nothing(api: TestClient, school: School) -> None:
    sent = event(score=0.1)
    assert api.post("/v1/events", json=sent).status_code == 201
    before = school.rows()
    again = api.post(
        "/v1/events", json=[sent, sent, {**sent, "occurred_at": _elsewhere(sent["occurred_at"])}]
    )
    assert again.status_code == 200
    assert again.json() == {"accepted": 0, "duplicates": 3, "learner_ids": [learner_id("ana")]}
    assert school.rows() == before


def _elsewhere(moment: str) -> str:
    """The same instant on another clock."""
    from datetime import timezone

    return datetime.fromisoformat(moment).astimezone(timezone(timedelta(hours=-3))).isoformat()


def test_nobody_sends_what_is_an_answers_event_id(api: TestClient, school: School) -> None:
    """Who guesses the event_id of an answer, or has it made of a source and a digest, takes nothing."""
    before = school.rows()
    made = {"event_id": "tab ana 1", "learner": {"source": "answer", "id": "ana"}}
    for wrong in ({"event_id": "answer:0123"}, made):
        refused = api.post("/v1/events", json=[event(), event(**wrong)])
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "events[1].event_id")
    assert school.rows() == before
    assert api.post("/v1/events", json=event(event_id="my-answer:1")).status_code == 201


def test_the_same_event_twice_in_one_list_is_one_event(api: TestClient, school: School) -> None:
    sent, before = event(), school.rows()
    answer = api.post("/v1/events", json=[sent, sent])
    assert (answer.status_code, answer.json()["accepted"], answer.json()["duplicates"]) == (201, 1, 1)
    assert school.rows() == before + 1


@pytest.mark.parametrize(
    "change",
    [
        {"correct": True},
        {"score": 0.5},
        {"verb": "answered"},
        {"item_id": lesson("cells", 1)},
        {"learner": {"source": "moodle", "id": "bea"}},
        {"duration_s": 1.0},
        {"occurred_at": "2026-03-01T00:00:00Z"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_event_id_taken_by_other_content_is_a_conflict(
    api: TestClient, school: School, change: dict[str, Any]
) -> None:
    sent, fresh = event(), event()
    assert api.post("/v1/events", json=sent).status_code == 201
    before = school.rows()
    answer = api.post("/v1/events", json=[fresh, {**sent, **change}])
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["pointer"] == "#/1/event_id"
    assert school.rows() == before, "the new event beside it was kept"


def test_a_conflict_of_an_event_whose_id_holds_the_outside_id_names_its_place(
    api: TestClient, school: School
) -> None:
    sent = event(event_id="moodle:student-77:attempt:3", learner={"source": "moodle", "id": "student-77"})
    assert api.post("/v1/events", json=sent).status_code == 201
    answer = api.post("/v1/events", json=[event(), {**sent, "score": 0.5}])
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "#/1/event_id")


def test_a_list_that_disagrees_with_itself_is_a_conflict(api: TestClient, school: School) -> None:
    sent, before = event(), school.rows()
    answer = api.post("/v1/events", json=[sent, {**sent, "score": 1.0}])
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (409, "events[1].event_id")
    assert school.rows() == before


def test_a_thousand_at_once_and_no_more(api: TestClient, school: School) -> None:
    before = school.rows()
    many = [event(learner={"source": "moodle", "id": f"crowd-{n % 7}"}) for n in range(1001)]
    refused = api.post("/v1/events", json=many)
    assert refused.status_code == 422
    assert "1000" in refused.json()["detail"]
    assert school.rows() == before
    assert api.post("/v1/events", json=many[:1000]).json()["accepted"] == 1000
    assert school.rows() == before + 1000


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"event_id": ""}, "event_id"),
    ({"event_id": "e" * 201}, "event_id"),
    ({"event_id": "nul\x00"}, "event_id"),
    ({"event_id": 5}, "event_id"),
    ({"event_id": None}, "event_id"),
    ({"item_id": "no colon"}, "item_id"),
    ({"item_id": "school:nothing-here"}, "item_id"),
    ({"item_id": "school:a\x00b"}, "item_id"),
    ({"verb": "danced"}, "verb"),
    ({"correct": "yes"}, "correct"),
    ({"correct": 1}, "correct"),
    ({"score": 1.01}, "score"),
    ({"score": -0.1}, "score"),
    ({"score": "0.5"}, "score"),
    ({"score": True}, "score"),
    ({"duration_s": -1}, "duration_s"),
    ({"duration_s": 1e300}, "duration_s"),
    ({"occurred_at": "2026-03-02T10:00:00"}, "occurred_at"),
    ({"occurred_at": "yesterday"}, "occurred_at"),
    ({"occurred_at": 1_700_000_000}, "occurred_at"),
    ({"occurred_at": "1969-12-31T23:59:59Z"}, "occurred_at"),
    ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
    ({"occurred_at": "9999-12-31T23:59:59-14:00"}, "occurred_at"),
    ({"occurred_at": (datetime.now(UTC) + timedelta(days=2)).isoformat()}, "occurred_at"),
    ({"learner": {"source": "moodle"}}, "learner.id"),
    ({"learner": {"source": "MOODLE!", "id": "x"}}, "learner.source"),
    ({"learner": {"source": "moodle", "id": ""}}, "learner.id"),
    ({"learner": {"source": "moodle", "id": "x", "name": "Ana"}}, "learner.name"),
    ({"learner": None}, "learner_id"),
    ({"learner": None, "learner_id": "student-17"}, "learner_id"),
    ({"learner_id": "0" * 32}, "learner"),
    ({"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("change", "field"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_field_is_named_and_nothing_is_kept(
    api: TestClient, school: School, change: dict[str, Any], field: str
) -> None:
    before, wrong = school.rows(), event(**change)
    alone = api.post("/v1/events", json=wrong)
    among = api.post("/v1/events", json=[event(), event(), wrong, event()])
    for answer, name, pointer in (
        (alone, field, f"#/{field.replace('.', '/')}"),
        (among, f"events[2].{field}", f"#/2/{field.replace('.', '/')}"),
    ):
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert {"field": name, "pointer": pointer}.items() <= answer.json()["errors"][0].items()
        assert name in answer.json()["detail"]
    assert school.rows() == before


@pytest.mark.parametrize("missing", ["event_id", "item_id", "verb", "occurred_at"])
def test_a_missing_field_is_named(api: TestClient, missing: str) -> None:
    sent = event()
    del sent[missing]
    answer = api.post("/v1/events", json=sent)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"in": "body", "field": missing, "pointer": f"#/{missing}", "message": "this field is required"}
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"nothing", 400),
        (b'{"a": \xff}', 400),
        (b"[" * 100_000, 400),
        (b'{"score": ' + b"9" * 5000 + b"}", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b"[[]]", 422),
        (b'{"event_id": "\\ud800"}', 422),
        (b'{"score": NaN}', 422),
        (b'{"score": 1e999}', 422),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_not_an_event(api: TestClient, school: School, body: bytes, status: int) -> None:
    before = school.rows()
    answer = api.post("/v1/events", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert school.rows() == before


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none(api: TestClient, number: str) -> None:
    import json

    for name in ("score", "duration_s"):
        body = json.dumps(event(**{name: 0.5})).replace("0.5", number)
        answer = api.post("/v1/events", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name)


def test_other_content_types_are_refused(api: TestClient) -> None:
    answer = api.post("/v1/events", data={"event_id": "x"})
    assert (answer.status_code, "application/json" in answer.json()["detail"]) == (415, True)


def test_a_learner_posts_own_events_alone(school: School, api: TestClient) -> None:
    mine, token = learner_id("carla"), school.token(learner_id("carla"))
    headers = {"Authorization": f"Bearer {token}"}
    unnamed = event(learner=None)
    assert api.post("/v1/events", json=unnamed, headers=headers).json()["learner_ids"] == [mine]
    named = event(learner=None, learner_id=mine)
    assert api.post("/v1/events", json=named, headers=headers).status_code == 201
    before = school.rows()
    for other in (event(), event(learner=None, learner_id=learner_id("ana"))):
        assert api.post("/v1/events", json=other, headers=headers).status_code == 403
        assert api.post("/v1/events", json=[event(learner=None), other], headers=headers).status_code == 403
    assert school.rows() == before


def test_an_item_that_came_after_the_start_is_known(api: TestClient, school: School) -> None:
    assert api.post("/v1/events", json=event("school:brand-new")).status_code == 422
    with school.newer_lesson("school:brand-new"):
        assert api.post("/v1/events", json=event("school:brand-new")).status_code == 201


def test_a_database_that_fails_midway_keeps_nothing(
    api: TestClient, school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut by the server between the two inserts of one request."""
    cut = sa.text("SELECT pg_terminate_backend(pg_backend_pid())")
    real = queries.record

    def cutting(engine: sa.Engine, rows: list[dict[str, Any]]) -> set[str]:
        def before_insert(connection: sa.Connection, *rest: Any) -> None:
            if "INTO interactions" in rest[1]:
                connection.execute(cut)

        sa.event.listen(engine, "before_cursor_execute", before_insert)
        try:
            return real(engine, rows)
        finally:
            sa.event.remove(engine, "before_cursor_execute", before_insert)

    before, sent = school.rows(), event(learner={"source": "moodle", "id": "unlucky"})
    with monkeypatch.context() as patch:
        patch.setattr(queries, "record", cutting)
        answer = api.post("/v1/events", json=sent)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert school.rows() == before
    assert reading.learners(school.engine, [learner_id("unlucky")]).empty
    assert api.post("/v1/events", json=sent).status_code == 201, "the next try does not work"


def test_requests_that_share_events_do_not_lock_each_other_out(school: School) -> None:
    """The same events sent twice at once, in opposite orders: each kept once, and nobody fails."""

    def rows(trial: int) -> list[dict[str, Any]]:
        moment = datetime(2026, 3, 2, tzinfo=UTC)
        shared = {"learner_id": learner_id("twice"), "item_id": lesson("python", 0), "verb": "completed"}
        empty = {"correct": None, "score": None, "duration_s": None, "source": "api"}
        return [
            {**shared, **empty, "event_id": f"shared:{trial}:{number}", "occurred_at": moment}
            for number in range(300)
        ]

    before = school.rows()
    with ThreadPoolExecutor(2) as pool:
        for trial in range(10):
            there = pool.submit(queries.record, school.engine, rows(trial))
            back = pool.submit(queries.record, school.engine, rows(trial)[::-1])
            assert len(there.result()) + len(back.result()) == 300
    assert school.rows() == before + 3000


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = [
    "event_id",
    "learner_id",
    "learner",
    "item_id",
    "verb",
    "correct",
    "score",
    "duration_s",
    "occurred_at",
]


@given(
    changes=st.dictionaries(st.sampled_from([*NAMES, "extra"]), json_values, min_size=1),
    dropped=st.sets(st.sampled_from(NAMES)),
    place=st.integers(0, 2),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_junk_is_refused_whole(
    api: TestClient, school: School, changes: dict[str, Any], dropped: set[str], place: int
) -> None:
    import json

    junk = {**{name: value for name, value in event().items() if name not in dropped}, **changes}
    body = [event(), event()]
    body.insert(place, junk)
    before = school.rows()
    content = json.dumps(body)  # NaN and lone surrogates as they come
    answer = api.post("/v1/events", content=content, headers={"Content-Type": "application/json"})
    if answer.status_code == 201:  # the junk was a good event after all: all three are kept
        assert school.rows() == before + 3
        assert junk["verb"] in VERBS
    else:
        assert answer.status_code in (409, 422)
        assert answer.json()["errors"][0]["field"].startswith("events[")
        assert school.rows() == before


@given(body=json_values)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_a_4xx(api: TestClient, school: School, body: Any) -> None:
    import json

    before = school.rows()
    answer = api.post("/v1/events", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.json()["status"] == answer.status_code
    assert school.rows() == before


def test_an_outside_id_within_an_event_id_is_not_kept(api: TestClient, school: School) -> None:
    told = event(lesson("python", 0), verb="experienced") | {
        "event_id": "quiz-Ana@school.example-17",
        "learner": {"source": "moodle", "id": "ana@school.example"},
    }
    assert api.post("/v1/events", json=told).json()["accepted"] == 1
    assert api.post("/v1/events", json=told).json()["duplicates"] == 1, "still idempotent"
    with school.engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT event_id FROM interactions").scalars().all()
    assert not [event_id for event_id in kept if "school.example" in event_id.lower()]
