"""Answers over the API: graded at once, kept once, one's own alone; no key before; the teachers' queue."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
import sqlalchemy as sa
from serve_school import School, concept, learner_id, lesson
from starlette.testclient import TestClient

from learnloop.serve.answer_replies import AnswerReply, Answers, PracticeLessons, PracticeRound
from learnloop.settings import Settings
from learnloop.store import loading, practice_answers, questions
from learnloop.workflow import services

LESSON = lesson("cells", 2)
CONCEPT = concept("cells", 2)
KINDS: dict[str, dict[str, Any]] = {
    "cloze": {"key": "mitosis", "options": []},
    "multiple_choice": {
        "key": "mitosis",
        "options": ["a loop", "mitosis", "a class"],
        "notes": [{"rationale": "It repeats."}, {"rationale": "The text says so."}, {"rationale": "No."}],
    },
    "true_false": {"key": "false", "options": [], "answer": {"corrected": "A cell divides."}},
    "short_answer": {"key": "9.81 m/s²", "options": [], "answer": {"value": 9.81, "unit": "m/s²"}},
    "ordering": {"key": "A → B → C", "options": ["C", "A", "B"], "answer": {"order": ["A", "B", "C"]}},
    "matching": {
        "key": "L1: X; L2: Y",
        "options": ["X", "Y"],
        "answer": {"pairs": [["L1", "X"], ["L2", "Y"]]},
    },
}
RIGHT = {
    "cloze": "Mitosis",
    "multiple_choice": "mitosis",
    "true_false": False,
    "short_answer": "9.81 m/s^2",
    "ordering": ["A", "B", "C"],
    "matching": [["L2", "Y"], ["L1", "X"]],
}


@pytest.fixture(scope="module")
def practice(school: School) -> Iterator[TestClient]:
    """The API after the bank was approved, so that it knows the questions as items."""
    shared: dict[str, Any] = {
        "item_id": LESSON,
        "stem": "What is it?",
        "quote": "All about Mitosis.",
        "language": "en",
    }
    shared |= {"source_sha256": "0" * 64, "origin": "imported", "provenance": {}, "concept_ids": [CONCEPT]}
    rows = [
        {"question_id": f"practice/{kind}", "kind": kind, **shared, "notes": None, "answer": None, **made}
        for kind, made in KINDS.items()
    ]
    draft = {**rows[0], "question_id": "practice/draft"}
    exercise = {**rows[0], "question_id": "practice/exercise", "item_id": f"{lesson('cells', 3)}#q1"}
    exercise["concept_ids"] = [concept("cells", 1), CONCEPT]  # and not what its lesson teaches
    rows.append(exercise)
    bank = pd.DataFrame([*rows, draft]).assign(span_start=None, span_end=None)
    loading.load(school.engine, "questions", bank)
    questions.set_status(school.engine, [row["question_id"] for row in rows], "approved", by="cli")
    school.engine.dispose()
    with school.client(poll_seconds=3600) as client:
        yield client
    with school.engine.begin() as connection:
        for table in ("questions", "question_versions", "question_statuses", "question_answers"):
            connection.execute(sa.text(f"DELETE FROM {table} WHERE question_id LIKE 'practice/%'"))  # noqa: S608
        for table in ("items", "item_concepts", "interactions"):
            where = "item_id LIKE 'question:practice/%'"
            connection.execute(sa.text(f"DELETE FROM {table} WHERE {where}"))  # noqa: S608
    school.engine.dispose()


def at(kind: str) -> str:
    return f"/v1/questions/{quote(f'practice/{kind}')}/answers"


def told(kind: str, answer: Any, **more: Any) -> dict[str, Any]:
    return {"version": 1, "answer": answer, **more}


@pytest.mark.parametrize("kind", KINDS)
def test_right_in_every_kind(practice: TestClient, school: School, kind: str) -> None:
    ana = school.learner(f"right {kind}")
    found = practice.post(at(kind), json=told(kind, RIGHT[kind], seconds=3.5), headers=ana)
    assert found.status_code == 201, found.text
    reply = AnswerReply.model_validate(found.json())
    assert (reply.correct, reply.score, reply.feedback[0]) == (True, 1.0, "Right.")
    assert (reply.key, reply.picked, reply.quote) == (KINDS[kind]["key"], RIGHT[kind], "All about Mitosis.")
    kept = practice_answers.get(school.engine, reply.event_id)
    assert kept is not None
    assert (kept["seconds"], kept["item_id"]) == (3.5, f"question:practice/{kind}@1")


def test_wrong_answers_are_explained_in_the_readers_language(practice: TestClient, school: School) -> None:
    ben = {**school.learner("ben wrong"), "Accept-Language": "es"}
    picked = practice.post(at("multiple_choice"), json=told("", "a loop"), headers=ben).json()
    assert picked["feedback"] == ["No es correcto. La respuesta es: mitosis"]
    assert picked["rationale"] == ["It repeats.", "The text says so."]
    stated = practice.post(at("true_false"), json=told("", True), headers=ben).json()
    assert (stated["correct"], stated["corrected"]) == (False, "A cell divides.")
    part = practice.post(at("matching"), json=told("", [["L1", "X"], ["L2", "X"]]), headers=ben).json()
    assert (part["correct"], part["score"], part["points"]) == (False, 0.5, 0.5)


def test_the_answer_reaches_mastery_recommendations_and_progress(
    practice: TestClient, school: School
) -> None:
    cleo, who = school.learner("cleo"), learner_id("cleo")
    before = practice.get(f"/v1/learners/{who}/mastery", headers=cleo).json()["concepts"]
    known = {row["concept_id"]: row["mastery"] for row in before}
    found = practice.post(at("cloze"), json=told("", "mitosis"), headers=cleo).json()
    (after,) = found["mastery"]
    assert (after["concept_id"], after["attempts"]) == (CONCEPT, 1)
    assert after["mastery"] > known[CONCEPT]
    assert found["next_review"] == after["due_at"]
    progress = practice.get(f"/v1/learners/{who}/progress", headers=cleo).json()
    assert (progress["answers"], progress["correct"], progress["items_done"]) == (1, 1, 1)


def test_an_exercise_asks_for_its_lesson_and_its_own_concepts_are_told(
    practice: TestClient, school: School
) -> None:
    mia, meiosis = school.learner("mia"), lesson("cells", 3)
    lessons = practice.get("/v1/practice", headers=mia).json()["lessons"]
    mine = [(one["item_id"], one["questions"]) for one in lessons if one["item_id"] in (LESSON, meiosis)]
    assert mine == [(meiosis, 1), (LESSON, 6)], "by title: Meiosis, Mitosis"
    (asked,) = practice.get(f"/v1/practice/{meiosis}", headers=mia).json()["questions"]
    assert asked["question_id"] == "practice/exercise"
    practice.post(at("cloze"), json=told("", "mitosis"), headers=mia)
    found = practice.post(at("exercise"), json=told("", "mitosis"), headers=mia).json()
    due = {one["concept_id"]: one["due_at"] for one in found["mastery"]}
    assert due.keys() == {concept("cells", 1), CONCEPT}
    assert (found["next_review"], due[concept("cells", 1)]) == (due[CONCEPT], None), "what was practised"


def test_a_teachers_mark_of_an_option_names_no_key_points(practice: TestClient, school: School) -> None:
    ned = school.learner("ned")
    picked = practice.post(at("multiple_choice"), json=told("", "a loop"), headers=ned).json()
    put_right = {"score": 0.5, "was": 0.0}
    teacher = school.headers("instructor")
    graded = practice.post(f"/v1/answers/{picked['event_id']}/grade", json=put_right, headers=teacher)
    assert graded.json()["feedback"] == ["Your teacher has graded this answer: 50%."]


def test_an_event_id_is_answered_once_and_is_the_learners_own(practice: TestClient, school: School) -> None:
    dora, eva = school.learner("dora"), school.learner("eva")
    body = told("", "mitosis", event_id="tab-1")
    first = practice.post(at("cloze"), json=body, headers=dora)
    rows = school.rows()
    again = practice.post(at("cloze"), json=body, headers=dora)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert first.headers["Cache-Control"] == "no-store", "keys are in it"
    assert school.rows() == rows
    other = practice.post(at("cloze"), json={**body, "answer": "meiosis"}, headers=dora)
    assert (other.status_code, other.json()["type"]) == (409, "urn:learnloop:problem:event-id-taken")
    assert practice.post(at("cloze"), json=body, headers=eva).status_code == 201, "a name of her own"
    assert "tab-1" not in first.json()["event_id"]


def test_killed_between_commit_and_reply(practice: TestClient, school: School, tmp_path: Path) -> None:
    fay, body = school.learner("fay"), told("", ["B", "A", "C"], event_id="once")
    port = services.free_port(0)
    elsewhere = Settings(home=tmp_path, database_url=school.database_url)  # another replica
    killed = services.api(elsewhere, port)
    try:
        services.wait_until_up(f"http://{services.LOOPBACK}:{port}/health/live", killed, elsewhere)
        sent = json.dumps(body)
        head = f"POST {at('ordering')} HTTP/1.1\r\nHost: x\r\nAuthorization: {fay['Authorization']}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
        with socket.create_connection((services.LOOPBACK, port)) as caller:
            caller.sendall((head + sent).encode())
            until = time.monotonic() + 60
            while not _kept_of(school, "fay"):
                assert time.monotonic() < until, "nothing was committed"
            killed.kill()  # and nobody has read a reply
        killed.wait()
    finally:
        services.stop_all([killed])
    rows = school.rows()
    again = practice.post(at("ordering"), json=body, headers=fay)
    assert (again.status_code, again.json()["score"]) == (200, pytest.approx(1 / 3))
    assert school.rows() == rows
    assert again.json()["mastery"][0]["attempts"] == 1, "this process learns of it as well"
    assert len(_kept_of(school, "fay")) == 1


def _kept_of(school: School, name: str) -> list[str]:
    query = sa.text("SELECT event_id FROM question_answers WHERE learner_id = :who")
    with school.engine.connect() as connection:
        return list(connection.scalars(query, {"who": learner_id(name)}))


def test_nobody_answers_for_another(practice: TestClient, school: School) -> None:
    gil, other = school.learner("gil"), learner_id("hugo")
    body = told("", "mitosis", learner_id=other)
    assert practice.post(at("cloze"), json=body, headers=gil).status_code == 403
    assert (
        practice.get(f"/v1/practice/{LESSON}", params={"learner_id": other}, headers=gil).status_code == 403
    )
    for role in ("service", "instructor", "admin"):
        headers = school.headers(role)
        unnamed = practice.post(at("cloze"), json=told("", "mitosis"), headers=headers)
        assert (unnamed.status_code, unnamed.json()["errors"][0]["field"]) == (422, "learner_id")
        named = told("", "mitosis", learner={"source": "moodle", "id": "hugo"})
        found = practice.post(at("cloze"), json=named, headers=headers).json()
        assert found["learner_id"] == other
    both = told("", "x", learner_id=other, learner={"source": "moodle", "id": "hugo"})
    assert practice.post(at("cloze"), json=both).status_code == 422
    assert practice.post(at("cloze"), json=body, headers={"Authorization": "Bearer no"}).status_code == 401


def test_another_version_and_what_nobody_is_asked(practice: TestClient, school: School) -> None:
    ida = school.learner("ida")
    old = practice.post(at("cloze"), json={"version": 7, "answer": "x"}, headers=ida)
    assert (old.status_code, old.json()["type"]) == (409, "urn:learnloop:problem:changed-meanwhile")
    assert old.json()["next_step"] == "read the question again: GET /v1/questions/practice/cloze"
    for refused in ("draft", "none"):
        assert practice.post(at(refused), json=told("", "x"), headers=ida).status_code == 404, refused
    teacher = school.headers("instructor")
    named = told("", "x", learner_id=learner_id("ida"))
    assert practice.post(at("draft"), json=named, headers=teacher).status_code == 409
    body = told("", "mitosis", event_id="before")
    first = practice.post(at("cloze"), json=body, headers=ida).json()
    questions.set_status(school.engine, ["practice/cloze"], "suspended", by="cli", why="test")
    try:
        gone = practice.post(at("cloze"), json=told("", "mitosis"), headers=ida)
        assert (gone.status_code, gone.json()["type"]) == (409, "urn:learnloop:problem:not-asked")
        assert "mitosis" not in gone.text
        again = practice.post(at("cloze"), json=body, headers=ida)
        assert (again.status_code, again.json()["event_id"]) == (200, first["event_id"])
    finally:
        questions.set_status(school.engine, ["practice/cloze"], "approved", by="cli")


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("ordering", ["A", "A"]),
        ("ordering", True),
        ("matching", [["L1", "Z"]]),
        ("matching", ["L1"]),
        ("cloze", ""),
        ("cloze", "a\x00b"),
        ("cloze", 7),
        ("cloze", None),
        ("cloze", "x" * 10_001),
    ],
)
def test_what_is_no_answer(practice: TestClient, school: School, kind: str, answer: Any) -> None:
    rows = school.rows()
    found = practice.post(at(kind), json=told("", answer), headers=school.learner("jo"))
    assert found.status_code == 422
    assert found.json()["errors"][0]["field"].startswith("answer")
    assert school.rows() == rows


def test_free_text_waits_for_a_teacher(practice: TestClient, school: School) -> None:
    kim, who = school.learner("kim"), learner_id("kim")
    words = "<script>alert(1)</script> it splits in two"
    sent = practice.post(at("cloze"), json=told("", words), headers=kim).json()
    assert (sent["correct"], sent["score"], sent["how"]) == (None, None, "abstained")
    assert sent["feedback"][0] == "Your teacher will look at this answer."
    assert practice.get(f"/v1/learners/{who}/progress", headers=kim).json()["answers"] == 0
    teacher = school.headers("instructor")
    queue = practice.get("/v1/answers?ungraded&question_id=practice/cloze", headers=teacher)
    (waiting,) = Answers.model_validate(queue.json()).answers
    assert (waiting.event_id, waiting.picked, waiting.key) == (sent["event_id"], words, "mitosis")
    grading = f"/v1/answers/{waiting.event_id}/grade"
    assert practice.get("/v1/answers", headers=kim).status_code == 403
    assert practice.post(grading, json={"score": 1.0}, headers=kim).status_code == 403
    assert practice.post(grading, json={"score": 1.5}, headers=teacher).status_code == 422
    for _ in range(2):
        graded = practice.post(grading, json={"score": 1.0}, headers=teacher)
        assert (graded.status_code, graded.json()["correct"], graded.json()["how"]) == (200, True, "teacher")
    assert practice.post(grading, json={"score": 0.0}, headers=teacher).status_code == 409
    assert practice.post("/v1/answers/none/grade", json={"score": 1.0}, headers=teacher).status_code == 404
    assert practice.get(f"/v1/learners/{who}/progress", headers=kim).json()["correct"] == 1
    assert practice.get("/v1/answers?ungraded&question_id=practice/cloze", headers=teacher).json() == {
        "answers": []
    }
    everything = practice.get("/v1/answers", params={"question_id": "practice/cloze"}, headers=teacher).json()
    assert "teacher" in {row["how"] for row in everything["answers"]}


def test_a_round_without_keys_and_the_unanswered_first(practice: TestClient, school: School) -> None:
    lou = school.learner("lou")
    lessons = PracticeLessons.model_validate(practice.get("/v1/practice", headers=lou).json()).lessons
    assert (LESSON, 6) in [(one.item_id, one.questions) for one in lessons]
    assert practice.get("/v1/practice?language=es", headers=lou).json() == {"lessons": []}
    path = f"/v1/practice/{LESSON}"
    first = PracticeRound.model_validate(practice.get(path, headers=lou).json())
    assert len(first.questions) == 6
    assert all(one.key is None and one.quote is None and one.concept_ids is None for one in first.questions)
    assert "draft" not in str(first)
    kind = first.questions[0].kind
    practice.post(at(kind), json=told("", RIGHT[kind]), headers=lou)
    second = practice.get(path, headers=lou).json()["questions"]
    assert second[-1]["question_id"] == first.questions[0].question_id
    assert len(practice.get(path, params={"limit": 2}, headers=lou).json()["questions"]) == 2
    assert practice.get("/v1/practice/school:none", headers=lou).status_code == 404
    asked = practice.get("/v1/items/question:practice/cloze@1", headers=lou)
    assert "mitosis" not in asked.text.casefold(), "its concept would give the key away"
