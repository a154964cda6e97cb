"""Answers to questions: graded, committed as interactions, and only then told.

The way of one answer: POST -> graded by rule, by the trained grader, or left to a teacher -> committed, with
what was picked -> the learner's history in memory has it -> the reply tells what is right, and mastery after.
What a teacher grades: `answers_queue`; what a learner reads of it later: `answers_own`.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse

from learnloop.assess.grading import FREE, Grade
from learnloop.assess.picked import grade_picked
from learnloop.errors import UnknownThing
from learnloop.i18n import best_language
from learnloop.serve import beliefs, knowledge
from learnloop.serve.answer_replies import AnswerReply, PracticeAnswer, how, revealed, said
from learnloop.serve.backend import Backend, backend
from learnloop.serve.graders import Graders
from learnloop.serve.histories import Event
from learnloop.serve.problems import ANSWERS, Problem, Refusal, wrong_fields
from learnloop.serve.questions import NO_QUESTION, QuestionId
from learnloop.serve.security import Caller, forbidden
from learnloop.store import grades, practice_answers
from learnloop.store import questions as bank
from learnloop.store.api_keys import Identity
from learnloop.store.pseudonyms import pseudonym

router = APIRouter(prefix="/v1", tags=["Practice"], responses=ANSWERS)

PRIVATE = {"Cache-Control": "no-store"}
SHOWN = ("event_id", "question_id", "version", "learner_id", "picked", "correct", "score")
CONCEPT = ("concept_id", "title", "mastery", "low", "high", "attempts", "due_at")
AGAIN = "read the question again: GET /v1/questions/{question_id}"
ANOTHER = "take another question: GET /v1/practice"
CHANGED: dict[int | str, dict[str, Any]] = {
    **NO_QUESTION,
    409: {
        "model": Problem,
        "description": "Another version, a question nobody is asked any more, or an event_id that is taken",
    },
}


def graders(request: Request) -> Graders:
    found: Graders = request.app.state.graders
    return found


Here = Annotated[Backend, Depends(backend)]
GradersHere = Annotated[Graders, Depends(graders)]
Spoken = Annotated[str, Header(alias="Accept-Language", description="Language of the feedback: en, es")]


@router.post(
    "/questions/{question_id:path}/answers",
    response_model=AnswerReply,
    status_code=201,
    summary="Answer a question",
    responses={200: {"model": AnswerReply, "description": "This event_id was answered before"}, **CHANGED},
)
async def answer_question(
    identity: Caller,
    question_id: QuestionId,
    body: PracticeAnswer,
    here: Here,
    known: GradersHere,
    accept_language: Spoken = "",
) -> Response:
    """A learner's key answers for that learner; the others name one, by `learner_id` or `learner`.

    The answer is committed before it is acknowledged, as an event with the verb `answered`: the next
    recommendations use it. What neither a rule nor the trained grader decides has `correct` null, and waits
    for a teacher.
    """
    learner_id, source = _who(identity, body, here.pseudonym_key)
    given = {"question_id": question_id, "version": body.version, "learner_id": learner_id}
    given |= {"picked": body.answer, "event_id": _event_id(learner_id, body.event_id)}
    row = await here.run(practice_answers.get, here.engine, given["event_id"])
    fresh = False
    if row is None:
        question = await _asked(identity, here, question_id, body.version)
        grade = await here.run(_graded, here, known, question, body.answer)
        new = {**given, **_as_row(grade), "seconds": body.seconds, "answered_at": here.clock()}
        row, fresh = await _kept(here, new, source, question_id)
    elif any(row[name] != given[name] for name in practice_answers.SAME):
        raise _taken("this event_id is taken by another answer; nothing was changed")
    remember(here, row, fresh)
    told = await reply(here, row, best_language(accept_language, here.settings.language))
    return JSONResponse(told, 201 if fresh else 200, headers={**PRIVATE, "Vary": "Accept-Language"})


def _who(identity: Identity, body: PracticeAnswer, key: bytes) -> tuple[str, str]:
    """(learner_id, source). Refuses with 403 where it is another's, with 422 where it is unclear who."""
    if body.learner is not None and body.learner_id is not None:
        raise wrong_fields([(("body", "learner"), "give learner_id or learner, not both")])
    learner_id, source = body.learner_id or identity.learner_id, "api"
    if body.learner is not None:
        source = body.learner.source
        learner_id = pseudonym(key, source, body.learner.id)
    if learner_id is None:
        raise wrong_fields([(("body", "learner_id"), "give learner_id, or learner with source and id")])
    if identity.role == "learner" and learner_id != identity.learner_id:
        raise forbidden("a learner's key answers for that learner alone")
    return learner_id, source


def _event_id(learner_id: str, given: str | None) -> str:
    """A name of the learner's own: what another sent can be neither read nor taken, and no outside id in it
    is kept."""
    if given is None:
        return f"{practice_answers.PREFIX}{uuid4().hex}"
    digest = hashlib.sha256(f"{learner_id} {given}".encode()).hexdigest()
    return f"{practice_answers.PREFIX}{digest[:32]}"


async def _asked(identity: Identity, here: Backend, question_id: str, version: int) -> dict[str, Any]:
    """The question as it stands. Refuses one that nobody is asked, and one at another version."""
    row = await here.run(bank.get, here.engine, question_id)
    if row["status"] == "draft" and identity.role == "learner":
        raise UnknownThing(f"there is no question {question_id!r}")
    if row["status"] != "approved":
        raise Refusal(409, "not-asked", f"this question is {row['status']}: nobody is asked it now", ANOTHER)
    if row["version"] != version:
        raise _another_version(question_id, f"it is at version {row['version']}, not {version}")
    return row


def _another_version(question_id: str, problem: str) -> Refusal:
    again = AGAIN.format(question_id=question_id)
    return Refusal(409, "changed-meanwhile", problem, again, [(("body", "version"), problem)])


def _taken(problem: str) -> Refusal:
    return Refusal(409, "event-id-taken", problem, errors=[(("body", "event_id"), problem)])


def _graded(here: Backend, known: Graders, question: Mapping[str, Any], picked: Any) -> Grade:
    free = question["kind"] in FREE and not question["options"]
    grader = known.of(question["language"]) if free else None
    marked = grades.marked(here.engine, question["question_id"], question["version"]) if free else ()
    return grade_picked(question, picked, grader, marked)


def _as_row(grade: Grade) -> dict[str, Any]:
    told = [{"code": one.code, "values": dict(one.values)} for one in grade.feedback]
    return {
        "correct": None if grade.score is None else grade.score == 1,
        "score": grade.score,
        "grade": {"how": grade.how, "confidence": grade.confidence, "feedback": told},
        "graded_by": None,
    }


async def _kept(
    here: Backend, new: dict[str, Any], source: str, question_id: str
) -> tuple[dict[str, Any], bool]:
    try:
        return await here.run(practice_answers.append, here.engine, new, source)
    except practice_answers.Changed as error:
        raise _another_version(question_id, error.problem) from error
    except practice_answers.Taken as error:
        raise _taken(error.problem) from error


def remember(here: Backend, row: Mapping[str, Any], fresh: bool) -> None:
    """Again where it is not fresh, too: another process may have committed it."""
    if row["correct"] is None:
        return
    done = Event(row["answered_at"], row["event_id"], row["item_id"], "answered", row["correct"])
    here.histories.apply(row["learner_id"], [done])
    here.metrics.events.labels("accepted" if fresh else "duplicate").inc()


async def reply(here: Backend, row: Mapping[str, Any], language: str) -> dict[str, Any]:
    """AnswerReply of a row of question_answers."""
    question = await here.run(as_answered, here, row["question_id"], row["version"])
    concepts = await _mastery(here, row, question)
    due = [one["due_at"] for one in concepts if one["due_at"]]
    return {
        **{name: row[name] for name in SHOWN},
        "points": row["score"],
        "how": how(row),
        "feedback": said(row, question, language),
        "comment": row.get("comment"),
        **revealed(question, row["picked"]),
        "next_review": min(due, default=None),
        "mastery": concepts,
    }


def as_answered(here: Backend, question_id: str, version: int) -> dict[str, Any]:
    """The question in the wording that was answered: a newer one may have come since. Raises UnknownThing."""
    row = bank.get(here.engine, question_id)
    if row["version"] == version:
        return row
    former = (one["content"] for one in bank.versions(here.engine, question_id) if one["version"] == version)
    return {**row, **next(former, {})}


async def _mastery(
    here: Backend, row: Mapping[str, Any], question: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """CONCEPT rows; none before the first release, and without a tracer."""
    serving = here.serving
    if serving.models is None:
        return []
    content = serving.content
    told = question["concept_ids"] or content.taught.get(question["item_id"], ())
    concepts = sorted({str(one) for one in told} & content.concept_titles.keys())
    if not concepts:
        return []
    history = await here.histories.get(str(row["learner_id"]))
    found = knowledge.mastery(serving, history, beliefs.moment(history, here.clock()), concepts)
    return [
        {**{name: one[name] for name in CONCEPT}, "due_at": _iso(one["due_at"])}
        for one in found.to_dict("records")
    ]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
