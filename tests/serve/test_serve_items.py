"""Items, their neighbours, and questions whose keys learners do not get."""

from urllib.parse import quote

import pytest
from serve_school import School, concept, lesson
from starlette.testclient import TestClient

from learnloop.serve import question_replies, replies


def test_an_item_with_slashes_in_its_name(api: TestClient) -> None:
    for path in (lesson("python", 1), quote(lesson("python", 1), safe="")):
        found = replies.ItemReply.model_validate(api.get(f"/v1/items/{path}").json())
        assert (found.item_id, found.title, found.text) == (
            lesson("python", 1),
            "Conditions",
            "All about Conditions.",
        )
        assert [one.title for one in found.concepts] == ["Conditions"]
        assert found.text_html == "<p>All about Conditions.</p>"


def test_an_exercise_inherits_its_lessons_concepts(api: TestClient) -> None:
    path = quote(f"{lesson('python', 1)}#q1")
    found = api.get(f"/v1/items/{path}").json()
    assert [one["title"] for one in found["concepts"]] == ["Conditions"]


def test_the_key_of_an_exercise_is_not_for_learners(api: TestClient, school: School) -> None:
    path = f"/v1/items/{quote(lesson('python', 1) + '#q1')}"
    assert api.get(path).json()["answer"] == "the key of it"
    seen = api.get(path, headers=school.learner("ana")).text
    assert "the key of it" not in seen
    assert "the hint of it" not in seen


@pytest.mark.parametrize("path", ["school:nothing", "school:nothing/similar"])
def test_an_item_nobody_has_heard_of(api: TestClient, path: str) -> None:
    answer = api.get(f"/v1/items/{path}")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:learnloop:problem:unknown")
    assert "school:nothing" in answer.json()["detail"]


def test_a_malformed_item_id_is_named(api: TestClient) -> None:
    for path in ("nothing", "Upper:x", "school:a%00b"):
        answer = api.get(f"/v1/items/{path}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "item_id")


def test_similar_items_are_done_together(api: TestClient) -> None:
    answer = api.get(f"/v1/items/{lesson('cells', 1)}/similar", params={"k": 3}).json()
    found = replies.Similar.model_validate(answer)
    assert found.basis == "activity"
    assert len(found.items) == 3
    assert found.items[0].item_id.startswith("school:cells/")
    assert lesson("cells", 1) not in [item.item_id for item in found.items]
    scores = [item.score for item in found.items]
    assert scores == sorted(scores, reverse=True)
    exercise = api.get(f"/v1/items/{quote(lesson('cells', 1) + '#q1')}/similar", params={"k": 3}).json()
    assert exercise["items"] == answer["items"], "an exercise does not answer for its lesson"


def test_an_item_newer_than_the_release_is_like_what_teaches_the_same(school: School) -> None:
    with school.newer_lesson("school:newer", concept("python", 0)), school.client() as client:
        answer = client.get("/v1/items/school:newer/similar").json()
    assert answer["basis"] == "concepts"
    assert [(item["item_id"], item["score"]) for item in answer["items"]] == [(lesson("python", 0), 1.0)]


def test_learners_get_questions_without_their_keys(api: TestClient, school: School) -> None:
    path, params = "/v1/questions", {"item_id": lesson("python", 0)}
    (mine,) = api.get(path, params=params, headers=school.learner("ana")).json()["questions"]
    assert question_replies.QuestionReply.model_validate(mine).key is None
    assert (mine["question_id"], mine["stem"]) == ("q-authored", "What holds a value?")
    assert not {"key", "quote", "provenance"} & set(mine)
    for role in school.keys:
        headers = school.headers(role)
        (theirs,) = api.get(path, params=params, headers=headers).json()["questions"]
        assert theirs["key"] == "the secret key"


def test_drafts_are_for_those_who_review(api: TestClient, school: School) -> None:
    drafts = api.get("/v1/questions", params={"status": "draft"})
    assert [question["question_id"] for question in drafts.json()["questions"]] == ["q-generated"]
    refused = api.get("/v1/questions", params={"status": "draft"}, headers=school.learner("ana"))
    assert refused.status_code == 403
    wrong = api.get("/v1/questions", params={"status": "lost"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "status")


def test_questions_by_language_and_item(api: TestClient) -> None:
    assert api.get("/v1/questions", params={"language": "es"}).json() == {"questions": []}
    assert api.get("/v1/questions", params={"item_id": lesson("cells", 0)}).json() == {"questions": []}
    wrong = api.get("/v1/questions", params={"item_id": "school:nothing"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "item_id")
