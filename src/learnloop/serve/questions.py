"""Questions to practise with for learners, the bank to review for those who teach, and learners' reports."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import JSONResponse

from learnloop.errors import BadInput, UnknownThing
from learnloop.i18n import best_language
from learnloop.serve import queries
from learnloop.serve.backend import Backend, backend
from learnloop.serve.events import PRINTED, ItemId
from learnloop.serve.problems import ANSWERS, Problem, Refusal
from learnloop.serve.question_notes import measured, noted
from learnloop.serve.question_replies import (
    Kind,
    OneQuestion,
    Origin,
    Questions,
    ReportBody,
    ReportReply,
    Status,
    StatusBody,
    shown,
)
from learnloop.serve.security import STAFF, Caller, Teacher, forbidden
from learnloop.store import api_keys, question_feedback
from learnloop.store import questions as bank

router = APIRouter(prefix="/v1", tags=["Questions"], responses=ANSWERS)

Here = Annotated[Backend, Depends(backend)]
QuestionId = Annotated[str, Path(pattern=PRINTED, max_length=1000, examples=["demo:9f86d081"])]
Spoken = Annotated[str, Header(alias="Accept-Language", description="Language of what flags say: en, es")]
PRIVATE = {"Cache-Control": "no-store"}
NO_QUESTION: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such question"}}
MEANWHILE: dict[int | str, dict[str, Any]] = {
    **NO_QUESTION,
    409: {"model": Problem, "description": "It is not any more what you saw: read it again"},
}


@router.get("/questions", response_model=Questions, summary="Questions to practise with, or to review")
async def get_questions(
    identity: Caller,
    here: Here,
    item_id: Annotated[ItemId | None, Query(description="Of this lesson")] = None,
    language: Annotated[str | None, Query(pattern=r"^[a-z]{2,3}$")] = None,
    kind: Annotated[Kind | None, Query()] = None,
    origin: Annotated[Origin | None, Query()] = None,
    status: Annotated[Status, Query()] = "approved",
    after: Annotated[str, Query(pattern=PRINTED, max_length=1000, description="A question_id")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    order: Annotated[
        Literal["id", "flagged"], Query(description="`flagged`: what the rules flag gravest comes first")
    ] = "id",
    accept_language: Spoken = "",
) -> Response:
    """By question_id; `after` the last one goes on. A learner's key sees of approved questions what can be
    answered: stem, options (shuffled), what to match them with. The others see the key and its aliases as
    well, what it rests on, the notes, the checks, flags and reports, and drafts on request."""
    trusted = identity.role in STAFF
    if (status != "approved" or order != "id") and not trusted:
        raise forbidden("learners see approved questions alone, by their names")
    wanted = bank.Wanted(status, item_id, language, kind, origin)
    if order == "flagged":
        rows = await here.run(question_feedback.flagged, here.engine, wanted, limit, after)
    else:
        _, rows = await here.run(bank.listed, here.engine, wanted, limit, after)
    if (
        not rows
        and item_id is not None
        and not await here.run(queries.existing_items, here.engine, [item_id])
    ):
        raise BadInput(f"there is no item {item_id!r}", field="item_id")
    told = [shown(row, trusted) for row in rows]
    if trusted:
        spoken = best_language(accept_language, here.settings.language)
        notes = await here.run(question_feedback.notes, here.engine, [row["question_id"] for row in rows])
        told = [{**one, **noted(notes.get(one["question_id"]), spoken)} for one in told]
    return JSONResponse({"questions": told}, headers={**PRIVATE, "Vary": "Accept-Language"})


@router.get(
    "/questions/{question_id:path}",
    response_model=OneQuestion,
    summary="One question",
    responses=NO_QUESTION,
)
async def get_question(
    identity: Caller, question_id: QuestionId, here: Here, accept_language: Spoken = ""
) -> Response:
    """For instructor, admin and service with its history, the passage it rests on, learners' reports, and
    what the statistics of its answers say."""
    row = await here.run(bank.get, here.engine, question_id)
    trusted = identity.role in STAFF
    if not trusted and row["status"] != "approved":
        raise UnknownThing(f"there is no question {question_id!r}")
    spoken = best_language(accept_language, here.settings.language)
    body = await _whole(here, row, spoken) if trusted else shown(row, False)
    return JSONResponse(body, headers={**PRIVATE, "Vary": "Accept-Language"})


@router.post(
    "/questions/{question_id:path}/status",
    response_model=OneQuestion,
    summary="Approve, suspend or retire a question, or make it a draft again",
    responses=MEANWHILE,
)
async def set_status(
    identity: Teacher, question_id: QuestionId, body: StatusBody, here: Here, accept_language: Spoken = ""
) -> Response:
    """From draft to approved or retired; from approved to suspended, retired or draft; from suspended to
    approved, retired or draft; from retired to draft. Roles instructor and admin."""

    def change() -> None:
        bank.set_status(
            here.engine,
            [question_id],
            body.status,
            by=identity.key_id,
            why=body.why,
            version=body.version,
            was=body.was,
        )

    try:
        await here.run(change)
    except bank.Stale as error:
        where = (("body", error.field), error.problem)
        raise Refusal(409, "changed-meanwhile", error.problem, errors=[where]) from error
    row = await here.run(bank.get, here.engine, question_id)
    spoken = best_language(accept_language, here.settings.language)
    told = await _whole(here, row, spoken)
    return JSONResponse(told, headers={**PRIVATE, "Vary": "Accept-Language"})


@router.post(
    "/questions/{question_id:path}/reports",
    response_model=ReportReply,
    summary="Say what is wrong with a question",
    responses=NO_QUESTION,
)
async def report(identity: Caller, question_id: QuestionId, body: ReportBody, here: Here) -> Response:
    """With a learner's key. A learner has one report a version; a second one takes the place of the first."""
    if identity.role != "learner" or identity.learner_id is None:
        raise forbidden("a report is a learner's own: send it with the learner's key")
    given = (question_id, identity.learner_id, body.reason, body.comment, body.version)
    kept = await here.run(question_feedback.report, here.engine, *given)
    return JSONResponse({**kept, "at": kept["at"].isoformat()}, headers=PRIVATE)


async def _whole(here: Backend, row: dict[str, Any], language: str) -> dict[str, Any]:
    question_id = row["question_id"]
    notes = await here.run(question_feedback.notes, here.engine, [question_id])
    history = await here.run(bank.history, here.engine, question_id)
    named = await here.run(api_keys.names, here.engine, {entry["by"] for entry in history})
    contexts = await here.run(bank.contexts, here.engine, [question_id])
    reports = await here.run(question_feedback.reports, here.engine, question_id)
    around = contexts.get(question_id)
    names = ("version", "reason", "comment")
    return {
        **shown(row, True),
        **noted(notes.get(question_id), language),
        "statistics": measured(notes.get(question_id)),
        "history": [
            {**entry, "name": named.get(entry["by"]), "at": entry["at"].isoformat()} for entry in history
        ],
        "context": around and dict(zip(("before", "quote", "after"), around, strict=True)),
        "reports": [{**{name: one[name] for name in names}, "at": one["at"].isoformat()} for one in reports],
    }
