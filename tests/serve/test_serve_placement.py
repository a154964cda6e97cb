"""Placement over HTTP: question by question, kept through restarts, each answer an ordinary event."""

from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from serve_school import School, concept, event, learner_id, lesson
from starlette.testclient import TestClient

from learnloop.serve import placement_replies as replies

COURSE = "school:python"


def begun(api: TestClient, name: str, **body: Any) -> dict[str, Any]:
    answer = api.post("/v1/placements", json={"learner_id": learner_id(name), "course": COURSE, **body})
    assert answer.status_code in (200, 201), answer.text
    replies.PlacementReply.model_validate(answer.json())
    found: dict[str, Any] = answer.json()
    return found


def answered(api: TestClient, state: dict[str, Any], correct: bool, item_id: str = "") -> Any:
    body = {"item_id": item_id or state["question"]["item_id"], "correct": correct}
    return api.post(f"/v1/placements/{state['placement_id']}/answers", json=body)


def finished(api: TestClient, state: dict[str, Any], known: int) -> dict[str, Any]:
    """All questions on the first `known` lessons right, all others wrong."""
    right = tuple(lesson("python", number) + "#" for number in range(known))
    while state["question"] is not None:
        answer = answered(api, state, state["question"]["item_id"].startswith(right))
        assert answer.status_code == 200, answer.text
        state = answer.json()
    return state


def test_from_the_first_question_to_the_result(api: TestClient, school: School) -> None:
    before = school.rows()
    state = begun(api, "placed")
    assert (state["status"], state["answered"], state["result"], state["stopped"]) == ("open", 0, None, None)
    question = state["question"]
    assert question["item_id"].startswith("school:python/")
    assert "answer" not in question
    assert "hint" not in str(question), "attributes may hold the key"
    state = finished(api, state, known=3)
    replies.PlacementReply.model_validate(state)
    assert state["status"] == "finished"
    assert state["stopped"] in ("precise", "little", "exhausted")
    assert school.rows() == before + state["answered"]
    found = {row["concept_id"]: row for row in state["result"]}
    assert set(found) == {concept("python", number) for number in range(6)}
    assert found[concept("python", 0)]["title"] == "Variables"
    first, last = found[concept("python", 0)], found[concept("python", 5)]
    assert first["p_mastered"] > last["p_mastered"]
    assert last["verdict"] == "unknown"
    assert sum(row["attempts"] for row in state["result"]) == state["answered"]
    told = api.get(f"/v1/placements/{state['placement_id']}/result")
    assert replies.PlacementResult.model_validate(told.json()).status == "finished"
    assert told.json()["concepts"] == state["result"]
    listed = api.get("/v1/placements", params={"learner_id": learner_id("placed")}).json()
    assert [row["placement_id"] for row in listed["placements"]] == [state["placement_id"]]
    assert replies.Placements.model_validate(listed).placements[0].status == "finished"


def test_its_answers_are_the_tracers_and_the_next_steps(api: TestClient, school: School) -> None:
    who = learner_id("steps")
    before = api.get(f"/v1/learners/{who}/mastery").json()["concepts"]
    assert sum(row["attempts"] for row in before) == 0
    state = finished(api, begun(api, "steps"), known=6)
    after = api.get(f"/v1/learners/{who}/mastery").json()["concepts"]
    assert sum(row["attempts"] for row in after) == state["answered"]
    steps = api.get(f"/v1/learners/{who}/recommendations", params={"course": COURSE}).json()["items"]
    assert "start_here" not in {step["reasons"][0]["code"] for step in steps}
    with school.engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT verb, source, event_id FROM interactions WHERE learner_id = :who"), {"who": who}
        ).all()
    assert {(row.verb, row.source) for row in rows} == {("answered", "placement")}
    assert all(row.event_id.startswith(f"placement:{state['placement_id']}:") for row in rows)


def test_the_same_answer_again_changes_nothing_and_another_is_refused(
    api: TestClient, school: School
) -> None:
    first = begun(api, "twice")
    second = answered(api, first, True).json()
    rows = school.rows()
    again = answered(api, first, True)
    assert (again.status_code, again.json()) == (200, second)
    other = answered(api, first, False)
    assert other.status_code == 409
    assert "first answer counts" in other.json()["detail"]
    left = {f"{lesson('python', n)}#q{k}" for n in range(6) for k in (1, 2)}
    left -= {first["question"]["item_id"], second["question"]["item_id"]}
    for item_id in (min(left), "school:alchemy#q1"):
        refused = answered(api, second, True, item_id)
        assert refused.status_code == 409
        assert "not the question that was asked" in refused.json()["detail"]
    assert school.rows() == rows
    done = finished(api, second, known=0)
    assert done["status"] == "finished"
    refused = answered(api, second, True, "school:alchemy#q1")
    assert refused.status_code == 409
    assert "is finished" in refused.json()["detail"]


def test_a_restart_goes_on_where_it_was(api: TestClient, school: School) -> None:
    state = answered(api, begun(api, "restarted"), True).json()
    with school.client(poll_seconds=3600) as other:
        there = other.get(f"/v1/placements/{state['placement_id']}").json()
        assert there == state
        assert begun(other, "restarted") == state, "starting it again goes on with it"
        moved = answered(other, there, False).json()
    # the first process has an older one in memory
    assert api.get(f"/v1/placements/{state['placement_id']}").json() == moved
    ended = finished(api, moved, known=2)
    with school.client(poll_seconds=3600) as other:
        assert other.get(f"/v1/placements/{state['placement_id']}").json() == ended
        assert begun(other, "restarted")["placement_id"] != state["placement_id"], "that one was finished"


def test_a_learner_sees_their_own_alone(api: TestClient, school: School) -> None:
    own, other = school.learner("own"), school.learner("other")
    started = api.post("/v1/placements", json={"course": COURSE}, headers=own)
    assert started.status_code == 201
    state = started.json()
    assert state["learner_id"] == learner_id("own")
    path = f"/v1/placements/{state['placement_id']}"
    body = {"item_id": state["question"]["item_id"], "correct": True}
    for answer in (
        api.get(path, headers=other),
        api.get(f"{path}/result", headers=other),
        api.post(f"{path}/answers", json=body, headers=other),
        api.get(f"/v1/placements/{uuid4()}"),
    ):
        assert answer.status_code == 404
    given = {"course": COURSE, "learner_id": learner_id("own")}
    assert api.post("/v1/placements", json=given, headers=other).status_code == 403
    assert (
        api.get("/v1/placements", params={"learner_id": learner_id("own")}, headers=other).status_code == 403
    )
    assert len(api.get("/v1/placements", headers=own).json()["placements"]) == 1
    assert api.get(path, headers=school.headers("instructor")).json() == state
    refused = api.post(f"{path}/answers", json=body, headers=school.headers("instructor"))
    assert refused.status_code == 403, "an instructor does not answer for a learner"
    assert api.post(f"{path}/answers", json=body, headers=own).status_code == 200
    assert api.get(path, headers={"Authorization": "Bearer ll_no"}).status_code == 401


def test_of_some_concepts(api: TestClient) -> None:
    wanted = [concept("cells", 1), concept("cells", 0)]
    given = {"learner_id": learner_id("concepts"), "concepts": wanted, "most": 3}
    state = api.post("/v1/placements", json=given).json()
    assert (state["course"], state["concepts"]) == (None, sorted(wanted))
    while state["question"] is not None:
        assert state["question"]["item_id"].startswith((lesson("cells", 0) + "#", lesson("cells", 1) + "#"))
        state = answered(api, state, True).json()
    assert state["answered"] <= 3
    assert {row["concept_id"] for row in state["result"]} == set(wanted)


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"course": "school:alchemy"}, 404, "no course"),
        ({"concepts": ["school:alchemy"]}, 404, "no concept"),
        ({"course": lesson("python", 0) + "#q1"}, 422, "needs 3 or more"),
        ({"concepts": [concept("cells", 0)]}, 422, "needs 3 or more"),
        ({}, 422, "one of them"),
        ({"course": COURSE, "concepts": [concept("cells", 0)]}, 422, "one of them"),
        ({"course": COURSE, "most": 0}, 422, "most"),
        ({"course": COURSE, "learner_id": None}, 422, "whose placement"),
        ({"course": COURSE, "correct": True}, 422, "no such field"),
    ],
)
def test_what_cannot_be_started(api: TestClient, body: dict[str, Any], status: int, told: str) -> None:
    answer = api.post("/v1/placements", json={"learner_id": learner_id("wrong"), **body})
    assert answer.status_code == status
    assert told in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_a_release(school: School, monkeypatch: pytest.MonkeyPatch, api: TestClient) -> None:
    from dataclasses import replace

    keeper = api.app.state.backend.keeper  # type: ignore[attr-defined]
    monkeypatch.setattr(keeper, "serving", replace(keeper.serving, models=None))
    answer = api.post("/v1/placements", json={"learner_id": learner_id("early"), "course": COURSE})
    assert answer.status_code == 503
    assert "learnloop run" in answer.json()["detail"]


def test_an_event_id_that_somebody_took(api: TestClient, school: School) -> None:
    state = begun(api, "squatter")
    taken = event(lesson("python", 0), event_id=f"placement:{state['placement_id']}:1")
    assert api.post("/v1/events", json=taken).status_code == 201
    refused = answered(api, state, True)
    assert refused.status_code == 422
    assert "is taken" in refused.json()["detail"]
    assert api.get(f"/v1/placements/{state['placement_id']}").json() == state, "nothing was changed"
