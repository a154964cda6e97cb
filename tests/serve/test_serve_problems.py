"""Every refusal is problem+json, tells what is wrong and nothing of our insides."""

import pytest
from serve_school import School, event
from starlette.testclient import TestClient

from learnloop.serve import learners, queries
from learnloop.serve.limits import BODY_BYTES
from learnloop.serve.problems import Problem


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/me/", 404),
        ("DELETE", "/v1/events", 405),
        ("POST", "/v1/me", 405),
        ("PUT", "/health/live", 405),
    ],
)
def test_addresses_and_methods(api: TestClient, method: str, path: str, status: int) -> None:
    answer = api.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert Problem.model_validate(answer.json()).status == status
    if status == 405:
        assert answer.headers["allow"]


def test_a_body_over_the_limit(api: TestClient, school: School) -> None:
    before = school.rows()
    padded = event(event_id="x" * 100)
    answer = api.post("/v1/events", json=[padded] * 5000)
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert answer.json()["detail"].startswith("a body has at most 1,048,576 bytes")
    assert school.rows() == before


def test_a_body_that_does_not_tell_its_length(api: TestClient) -> None:
    chunk = b" " * 65_536
    pieces = (chunk for _ in range(BODY_BYTES // len(chunk) + 1))
    answer = api.post("/v1/events", content=pieces, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_a_body_at_the_limit_is_read(api: TestClient) -> None:
    import json

    body = json.dumps(event()).encode()
    answer = api.post(
        "/v1/events",
        content=body + b" " * (BODY_BYTES - len(body)),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 201


def test_what_went_wrong_inside_stays_inside(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("the password is hunter2, in /etc/secret")

    monkeypatch.setattr(queries, "most_active", broken)
    answer = api.get("/v1/learners")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in answer.text
    assert "secret" not in answer.text
    assert answer.json()["title"] == "Internal Server Error"


def test_a_statement_that_fails_is_not_told(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import sqlalchemy as sa

    def broken(engine: sa.Engine, *arguments: object) -> None:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT :value FROM nowhere"), {"value": "private"})

    monkeypatch.setattr(learners.queries, "most_active", broken)
    answer = api.get("/v1/learners")
    assert answer.status_code == 500
    for text in (answer.text, caplog.text):
        assert "nowhere" not in text
        assert "private" not in text


def test_many_errors_are_counted_and_some_are_shown(api: TestClient) -> None:
    answer = api.post("/v1/events", json=[event(score=2)] * 90).json()
    assert len(answer["errors"]) == 50
    assert answer["detail"].startswith("90 fields are wrong, the first is events[0].score")


def test_what_was_sent_is_not_repeated(api: TestClient) -> None:
    answer = api.post("/v1/events", json=event(verb="my-password", item_id="my-password"))
    assert answer.status_code == 422
    assert "my-password" not in answer.text
