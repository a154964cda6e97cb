"""The bank over the API: what learners see before they answer, who sets a status, and reports."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
import sqlalchemy as sa
from serve_school import NOW, School, learner_id, lesson
from starlette.testclient import TestClient

from learnloop.serve import question_replies
from learnloop.serve.question_replies import FOR_STAFF, options_of
from learnloop.store import loading, question_feedback

SECRET = "mitosis"
ANSWERS: dict[str, dict[str, Any]] = {
    "cloze": {"key": SECRET, "options": []},
    "multiple_choice": {"key": SECRET, "options": ["a loop", SECRET, "a class"]},
    "true_false": {"key": "false", "options": [], "answer": {"corrected": f"It is {SECRET}."}},
    "short_answer": {"key": SECRET, "options": [], "answer": {"value": 9.81, "unit": "m/s²"}},
    "ordering": {"key": "A → B → C", "options": ["A", "B", "C"], "answer": {"order": ["A", "B", "C"]}},
    "matching": {
        "key": "L1: X; L2: Y",
        "options": ["X", "Y"],
        "answer": {"pairs": [["L1", "X"], ["L2", "Y"]]},
    },
}
STEM = "What is it?"


def rows() -> pd.DataFrame:
    made = [
        {
            "question_id": f"bank/{kind}",
            "item_id": lesson("cells", 2),
            "kind": kind,
            "stem": STEM,
            "quote": "All about Mitosis.",
            "span_start": 10,
            "span_end": 17,
            "source_sha256": "0" * 64,
            "language": "en",
            "origin": "authored",
            "provenance": {"told": SECRET},
            "answer": None,
            "aliases": [f"the {SECRET}"],
            "notes": [{"rationale": SECRET, "origin": "text"}],
            "concept_ids": [f"school:cells-{SECRET}"],
            "checks": {"key_verbatim": {"passed": True, "detail": SECRET}},
            "licence": "CC0-1.0",
            **answers,
        }
        for kind, answers in ANSWERS.items()
    ]
    return pd.DataFrame(made)


@pytest.fixture(autouse=True)
def _bank(school: School) -> Iterator[None]:
    loading.load(school.engine, "questions", rows())
    yield
    with school.engine.begin() as connection:
        tables = ("questions", "question_versions", "question_statuses", "question_reports")
        for table in (*tables, "question_statistics"):
            connection.execute(sa.text(f"DELETE FROM {table} WHERE question_id LIKE 'bank/%'"))  # noqa: S608


def one(kind: str) -> str:
    return f"/v1/questions/{quote(f'bank/{kind}')}"


def test_no_key_in_any_form_reaches_a_learner_before_the_answer(api: TestClient, school: School) -> None:
    ana = school.learner("ana")
    listed = api.get("/v1/questions", params={"item_id": lesson("cells", 2)}, headers=ana).json()["questions"]
    assert {row["kind"] for row in listed} == set(ANSWERS)
    singly = [api.get(one(kind), headers=ana).json() for kind in ANSWERS]
    for seen in (*listed, *singly):
        question_replies.QuestionReply.model_validate(seen)
        assert not set(FOR_STAFF) & set(seen), seen["kind"]
        assert not {"history", "reports", "context", "created_at"} & set(seen)
        told = {name: value for name, value in seen.items() if name not in ("options", "question_id")}
        assert SECRET not in str(told).casefold()
        if seen["kind"] in ("ordering", "matching"):
            assert seen["options"] != ANSWERS[seen["kind"]]["options"], "in the order that is the answer"
            assert sorted(seen["options"]) == ANSWERS[seen["kind"]]["options"]
    (matching,) = (row for row in listed if row["kind"] == "matching")
    assert matching["left"] == ["L1", "L2"]
    assert matching["options"] == api.get(one("matching"), headers=ana).json()["options"], (
        "the same each time"
    )


def test_the_order_shown_is_kept_where_it_tells_nothing() -> None:
    question = {"question_id": "q", "version": 1, "kind": "ordering", "options": ["B", "A"]}
    assert options_of({**question, "answer": {"order": ["A", "B"]}}) == ["B", "A"]
    assert options_of({**question, "answer": {"order": ["B", "A"]}}) == ["A", "B"]
    assert options_of({**question, "kind": "multiple_choice", "answer": None}) == ["B", "A"]


@pytest.mark.parametrize("role", ["instructor", "admin", "service"])
def test_staff_see_all_of_it(api: TestClient, school: School, role: str) -> None:
    seen = api.get(one("short_answer"), headers=school.headers(role)).json()
    whole = question_replies.OneQuestion.model_validate(seen)
    assert (whole.key, whole.aliases) == (SECRET, [f"the {SECRET}"])
    assert whole.answer == ANSWERS["short_answer"]["answer"]
    assert whole.context is not None
    assert whole.context.quote == "All about Mitosis."
    assert whole.history is not None
    assert [(entry.status, entry.by, entry.why) for entry in whole.history] == [
        ("approved", "rule:loading", "new")
    ]


def test_filters_and_pages(api: TestClient) -> None:
    def ids(**params: Any) -> list[str]:
        found = api.get("/v1/questions", params={"item_id": lesson("cells", 2), **params}).json()
        return [row["question_id"] for row in found["questions"]]

    assert ids(kind="cloze") == ["bank/cloze"]
    assert ids(origin="imported") == []
    assert ids(limit=2) == ["bank/cloze", "bank/matching"]
    assert ids(limit=2, after="bank/matching") == ["bank/multiple_choice", "bank/ordering"]
    assert api.get("/v1/questions", params={"kind": "riddle"}).status_code == 422


def test_what_statistics_and_learners_say_is_for_those_who_review(api: TestClient, school: School) -> None:
    numbers: dict[str, Any] = {
        "difficulty": 0.31,
        "difficulty_low": 0.2,
        "difficulty_high": 0.44,
        "discrimination": None,
    }
    wrong: dict[str, Any] = {"discrimination": -0.21, "low": -0.31, "high": -0.1, "n": 312, "q": 0.0004}
    dead: dict[str, Any] = {"picked": 2, "n": 312, "share": 0.006, "n_wrong": 100, "q": 0.001}
    made: dict[str, list[dict[str, Any]]] = {
        "matching": [{"rule": "dead_distractor", "action": "replace", "option": "X", "evidence": dead}],
        "ordering": [
            {"rule": "practice_only", "action": "practice", "option": None, "why": "As it was said."},
            {"rule": "two_right", "action": "review", "option": "A", "evidence": {"n": 5}},
            {"rule": "negative_discrimination", "action": "suspend", "option": None, "evidence": wrong},
        ],
    }
    option = {"option": "X", "is_key": False, "share": 0.006, "n": 312}
    entries: list[dict[str, Any]] = [
        {
            "question_id": f"bank/{kind}",
            "version": 1,
            "n": 312,
            "statistics": {
                **numbers,
                "options": [option],
                "flags": [{"why": "said", **one} for one in flags],
            },
        }
        for kind, flags in made.items()
    ]
    question_feedback.keep_statistics(school.engine, entries, NOW)
    ana, teacher = school.learner("ana"), {**school.headers("instructor"), "Accept-Language": "es"}
    api.post(f"{one('cloze')}/reports", json={"reason": "typo"}, headers=ana)
    asked = {"item_id": lesson("cells", 2), "order": "flagged"}
    found = api.get("/v1/questions", params=asked, headers=teacher).json()["questions"]
    assert [row["question_id"] for row in found[:3]] == ["bank/ordering", "bank/matching", "bank/cloze"]
    assert len(found) == 6
    behind = api.get("/v1/questions", params={**asked, "after": "bank/matching", "limit": 1}).json()
    assert [row["question_id"] for row in behind["questions"]] == ["bank/cloze"]
    assert [row["reporters"] for row in found[:3]] == [0, 0, 1]
    flags = question_replies.QuestionReply.model_validate(found[0]).flags
    assert flags is not None
    assert [flag.action for flag in flags] == ["suspend", "review", "practice"]
    assert flags[0].why.startswith("Quienes más saben fallan más: discriminación -0.21"), flags[0].why
    assert flags[1].why == "said", "kept before the rule told so much"
    assert flags[2].why == "As it was said.", "kept before the numbers were"
    whole = question_replies.OneQuestion.model_validate(api.get(one("matching"), headers=teacher).json())
    assert whole.flags is not None
    assert "2 de 312" in whole.flags[0].why
    assert whole.statistics is not None
    assert (whole.statistics.n, whole.statistics.discrimination) == (312, None)
    assert whole.statistics.difficulty is not None
    assert whole.statistics.difficulty.low == 0.2
    assert whole.statistics.options[0].share == 0.006
    assert question_replies.OneQuestion.model_validate(api.get(one("cloze")).json()).statistics is None
    assert api.get("/v1/questions", params=asked, headers=ana).status_code == 403
    seen = [
        *api.get("/v1/questions", headers=ana).json()["questions"],
        api.get(one("ordering"), headers=ana).json(),
    ]
    assert not any({"flags", "reporters", "statistics"} & set(row) for row in seen)


def test_an_instructor_sets_a_status_with_a_why(api: TestClient, school: School) -> None:
    teacher, ana = school.headers("instructor"), school.learner("ana")
    path = f"{one('cloze')}/status"
    found = api.post(
        path, json={"status": "suspended", "why": "two are right", "was": "approved"}, headers=teacher
    )
    assert (found.status_code, found.json()["status"]) == (200, "suspended")
    last = found.json()["history"][-1]
    assert (last["status"], last["why"]) == ("suspended", "two are right")
    assert last["by"] == school.keys["instructor"].split("_")[1], "the key's name"
    assert api.get(one("cloze"), headers=ana).status_code == 404, "a learner does not get it any more"
    stale = api.post(path, json={"status": "approved", "was": "approved"}, headers=teacher)
    assert (stale.status_code, stale.json()["type"]) == (409, "urn:learnloop:problem:changed-meanwhile")
    old = api.post(path, json={"status": "approved", "version": 7}, headers=teacher)
    assert old.status_code == 409
    api.post(path, json={"status": "retired"}, headers=teacher)
    wrong = api.post(path, json={"status": "approved"}, headers=teacher)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "status")
    assert "is retired and cannot become approved" in wrong.json()["detail"]


def test_who_may_not_set_a_status(api: TestClient, school: School) -> None:
    path = f"{one('cloze')}/status"
    for headers in (school.learner("ana"), school.headers("service")):
        assert api.post(path, json={"status": "retired"}, headers=headers).status_code == 403
    teacher = school.headers("admin")
    assert (
        api.post("/v1/questions/none/status", json={"status": "retired"}, headers=teacher).status_code == 404
    )
    assert api.post(path, json={"status": "gone"}, headers=teacher).status_code == 422
    assert api.post(path, json={"status": "retired", "why": "a\x00b"}, headers=teacher).status_code == 422


def test_a_learner_reports_and_instructors_read_it(api: TestClient, school: School) -> None:
    path, ana = f"{one('cloze')}/reports", school.learner("ana")
    first = api.post(path, json={"reason": "typo"}, headers=ana)
    kept = question_replies.ReportReply.model_validate(first.json())
    assert (kept.learner_id, kept.version, kept.reason) == (learner_id("ana"), 1, "typo")
    api.post(path, json={"reason": "two_right", "comment": "first\nsecond", "version": 1}, headers=ana)
    api.post(path, json={"reason": "unclear"}, headers=school.learner("ben"))
    seen = api.get(one("cloze"), headers=school.headers("instructor")).json()["reports"]
    assert sorted(report["reason"] for report in seen) == ["two_right", "unclear"]
    assert "learner_id" not in seen[0]
    assert api.post(path, json={"reason": "typo"}, headers=school.headers("admin")).status_code == 403
    assert api.post(path, json={"reason": "dull"}, headers=ana).status_code == 422
    assert api.post(path, json={"reason": "typo", "version": 2}, headers=ana).status_code == 422
    assert api.post("/v1/questions/none/reports", json={"reason": "typo"}, headers=ana).status_code == 404
    draft = api.post("/v1/questions/q-generated/reports", json={"reason": "typo"}, headers=ana)
    assert draft.status_code == 404, "a learner does not know of drafts"
