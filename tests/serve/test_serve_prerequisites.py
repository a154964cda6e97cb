"""Instructors judge prerequisites over the API, and recommendations follow."""

from collections.abc import Iterator

import pandas as pd
import pytest
import sqlalchemy as sa
from serve_school import School, concept, lesson
from starlette.testclient import TestClient
from test_serve_learners import answers, read, steps, tell

from learnloop.store import loading


@pytest.fixture
def mined(school: School) -> Iterator[tuple[str, str]]:
    """One edge more, not sure enough to gate: of two courses that have nothing to do with each other."""
    pair = (concept("cells", 0), concept("python", 5))
    row = pd.DataFrame([(*pair, "mined", 0.7)], columns=["concept_id", "requires_id", "origin", "confidence"])
    loading.load(school.engine, "prerequisites", row)
    yield pair
    with school.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM prerequisites WHERE origin = 'mined'"))
        connection.execute(sa.text("DELETE FROM prerequisite_verdicts"))
    school.engine.dispose()


def test_an_edge_is_listed_accepted_and_refused(
    api: TestClient, school: School, mined: tuple[str, str]
) -> None:
    staff = school.headers("instructor")
    first = api.get("/v1/prerequisites", params={"origin": "mined"}, headers=staff).json()
    assert first["total"] == 1
    one = first["prerequisites"][0]
    assert (one["concept_id"], one["requires_id"]) == mined
    assert (one["title"], one["requires_title"]) == ("Membranes", "Classes")
    assert (one["gates"], one["verdict"], one["confidence"]) == (False, None, 0.7)
    body = {"concept_id": mined[0], "requires_id": mined[1], "verdict": "accepted", "why": "a test"}
    told = api.post("/v1/prerequisites", json=body, headers=staff).json()["prerequisites"][0]
    assert (told["gates"], told["verdict"], told["why"]) == (True, "accepted", "a test")
    told = api.post("/v1/prerequisites", json={**body, "verdict": "refused"}, headers=staff).json()
    assert told["prerequisites"][0]["gates"] is False
    assert api.get("/v1/prerequisites", params={"verdict": "refused"}, headers=staff).json()["total"] == 1
    assert api.get("/v1/prerequisites", params={"limit": 2}, headers=staff).json()["total"] > 2


def test_only_staff_judge_and_only_what_there_is(
    api: TestClient, school: School, mined: tuple[str, str]
) -> None:
    body = {"concept_id": mined[0], "requires_id": mined[1], "verdict": "accepted"}
    for method in ("GET", "POST"):
        answer = api.request(method, "/v1/prerequisites", json=body, headers=school.learner("ana"))
        assert answer.status_code == 403
    staff = school.headers("instructor")
    unknown = api.post("/v1/prerequisites", json={**body, "requires_id": "school:x"}, headers=staff)
    assert unknown.status_code == 404
    assert "school:x" in unknown.json()["detail"]
    assert api.post("/v1/prerequisites", json={**body, "verdict": "maybe"}, headers=staff).status_code == 422
    circle = {"concept_id": concept("python", 1), "requires_id": concept("python", 0)}
    refused = api.post("/v1/prerequisites", json={**body, **circle}, headers=staff)
    assert refused.status_code == 200, "accepting what is authored closes no circle"


def test_recommendations_follow_a_verdict(school: School, mined: tuple[str, str]) -> None:
    """Whoever serves reads what gates: unsure edges do not, accepted ones do."""
    door = lesson("cells", 0)
    staff = school.headers("instructor")
    body = {"concept_id": mined[0], "requires_id": mined[1], "verdict": "accepted"}
    for accepted in (False, True):
        if accepted:
            with school.client(poll_seconds=3600) as client:
                assert client.post("/v1/prerequisites", json=body, headers=staff).status_code == 200
        with school.client(poll_seconds=3600) as client:
            who = tell(client, f"follower {accepted}", read("python", 0), *answers("python", 0, *[True] * 4))
            found = [step["item_id"] for step in steps(client, who, k=50)]
            assert (door in found) is not accepted
