"""The teachers' queue: what waits for a grade, all that helps to give it, and the grade itself.

A trained grader may suggest; nothing it says is kept. Whoever waits with the very same answer is graded
along. Any grade, a teacher's or a machine's, can be found and put right by whoever says what it was, and so
is that of others who have it for the same words.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse

from learnloop.assess import suggesting
from learnloop.assess.grading import FREE
from learnloop.assess.suggesting import Suggestion
from learnloop.errors import UnknownThing
from learnloop.i18n import best_language, translator
from learnloop.serve.answer_replies import Answered, Answers, GradeBody, Graded, OneAnswer, how
from learnloop.serve.answers import (
    PRIVATE,
    SHOWN,
    GradersHere,
    Here,
    Spoken,
    as_answered,
    remember,
    reply,
)
from learnloop.serve.backend import Backend
from learnloop.serve.events import PRINTED
from learnloop.serve.graders import Graders
from learnloop.serve.problems import ANSWERS, Problem, Refusal
from learnloop.serve.question_replies import options_of
from learnloop.serve.security import Staff
from learnloop.store import grades, practice_answers

router = APIRouter(prefix="/v1", tags=["Practice"], responses=ANSWERS)

EventId = Annotated[str, Path(pattern=PRINTED, max_length=200, examples=["answer:5d41402a"])]
QUEUED = (*SHOWN, "seconds", "graded_by", "kind", "stem", "key", "language")
NO_ANSWER: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such answer"}}
GRADED: dict[int | str, dict[str, Any]] = {
    **NO_ANSWER,
    409: {"model": Problem, "description": "It is graded already, otherwise"},
}


@router.get("/answers", response_model=Answers, summary="What learners answered; what waits for a grade")
async def get_answers(
    identity: Staff,
    here: Here,
    ungraded: Annotated[
        Literal["", "true", "false"], Query(description="Given: those alone that wait for a teacher")
    ] = "false",
    which: Annotated[
        Literal["all", "waiting", "graded", "teacher", "machine"],
        Query(
            description="`all` and `waiting`, the oldest first; `graded`, by a `teacher` or by a `machine`,"
            " the last answered first"
        ),
    ] = "all",
    question_id: Annotated[str | None, Query(pattern=PRINTED, max_length=1000)] = None,
    words: Annotated[str, Query(pattern=PRINTED, max_length=200, description="A part of the answer")] = "",
    after: Annotated[str, Query(pattern=PRINTED, max_length=200, description="An event_id")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """`after` the last one goes on; 422 where nobody knows it. Roles instructor, admin, service."""
    wanted = which if ungraded == "false" else "waiting"
    rows = await here.run(grades.listed, here.engine, wanted, question_id, limit, after, words)
    return JSONResponse({"answers": [_queued(row) for row in rows]}, headers=PRIVATE)


@router.get("/answers/by-question", response_model=Answered, summary="How many answers each question has")
async def get_counts(identity: Staff, here: Here) -> Response:
    """Those that wait, those that a teacher graded and those that a machine did; the most answered question
    first. Roles instructor, admin, service."""
    return JSONResponse({"questions": await here.run(grades.of_questions, here.engine)}, headers=PRIVATE)


@router.get(
    "/answers/{event_id}",
    response_model=OneAnswer,
    summary="One answer, with all that helps to grade it",
    responses=NO_ANSWER,
)
async def get_answer(
    identity: Staff, event_id: EventId, here: Here, known: GradersHere, accept_language: Spoken = ""
) -> Response:
    """The question as it was answered, the points of its key, what a trained grader would say and how sure it
    is, why it did not decide, and the nearest answer that was marked before. Roles instructor, admin,
    service."""
    _ = translator(best_language(accept_language, here.settings.language))
    row, question, found, same = await here.run(_whole, here, known, event_id)
    lesson = question.get("item_id")
    body = {
        **_queued({**row, **{name: question.get(name) for name in ("kind", "stem", "key", "language")}}),
        "item_id": lesson,
        "lesson": here.serving.content.titles.get(lesson) if lesson else None,
        "options": options_of(question) if question else [],
        "answer": question.get("answer") or {},
        "aliases": list(question.get("aliases") or ()),
        "quote": question.get("quote"),
        "points": [{"text": text, "met": met} for text, met in found.points],
        "suggested": found.score,
        "confidence": None if found.confidence is None else round(found.confidence, 4),
        "why": [suggesting.said(one, _) for one in found.why],
        "alike": found.alike and {"answer": found.alike[0], "score": found.alike[1]},
        "same": same,
        "comment": row["comment"],
        **{name: row[name] and row[name].isoformat() for name in ("graded_at", "seen_at")},
    }
    return JSONResponse(body, headers={**PRIVATE, "Vary": "Accept-Language"})


@router.post(
    "/answers/{event_id}/grade",
    response_model=Graded,
    summary="Grade an answer, or put its grade right",
    responses=GRADED,
)
async def grade_answer(
    identity: Staff, event_id: EventId, body: GradeBody, here: Here, accept_language: Spoken = ""
) -> Response:
    """From then on it is an interaction, of the moment it was answered. The very same answer of others to the
    same version gets the same grade: those who wait at once, later ones when they answer. `was` puts right
    what was graded otherwise, by a teacher or not, and with it those that were graded along and those that a
    machine graded the same; without it, another grade is 409. Their learners are told of it:
    GET /v1/learners/{learner_id}/answers. Roles instructor, admin, service."""
    marking = (here.engine, event_id, body.score, identity.key_id, here.clock(), body.comment, body.was)
    try:
        row, _fresh, others, begun = await here.run(grades.mark, *marking)
    except practice_answers.Taken as error:
        raise Refusal(409, "graded-otherwise", error.problem) from error
    for one in (row, *others):
        remember(here, one, one["event_id"] in begun)  # a correction is no event more
    spoken = best_language(accept_language, here.settings.language)
    told = {**await reply(here, row, spoken), "also": len(others)}
    return JSONResponse(told, headers={**PRIVATE, "Vary": "Accept-Language"})


def _whole(
    here: Backend, known: Graders, event_id: str
) -> tuple[dict[str, Any], dict[str, Any], Suggestion, int]:
    """(the row, its question as answered or {} where it is gone, what to suggest, how many go along)"""
    row = practice_answers.get(here.engine, event_id)
    if row is None:
        raise UnknownThing(f"there is no answer {event_id!r}")
    try:
        question = as_answered(here, row["question_id"], row["version"])
    except UnknownThing:
        return row, {}, Suggestion(None, None, ()), grades.alike(here.engine, event_id)
    free = question["kind"] in FREE and not question["options"]
    grader = known.of(question["language"]) if free else None
    marked = grades.marked(here.engine, row["question_id"], row["version"]) if grader else []
    found = suggesting.suggest(question, row["picked"], grader, marked)
    return row, question, found, grades.alike(here.engine, event_id)


def _queued(row: Mapping[str, Any]) -> dict[str, Any]:
    at = row["answered_at"].isoformat()
    return {**{name: row[name] for name in QUEUED}, "answered_at": at, "how": how(row)}
