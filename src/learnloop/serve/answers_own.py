"""A learner's own answers, and what a teacher has said of them since: told until the learner has seen it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse

from learnloop.errors import UnknownThing
from learnloop.i18n import best_language
from learnloop.serve.answer_replies import OwnAnswers, Seen, SeenBody, how, revealed, said
from learnloop.serve.answers import PRIVATE, Here, Spoken, as_answered
from learnloop.serve.backend import Backend
from learnloop.serve.events import LEARNER_ID
from learnloop.serve.problems import ANSWERS
from learnloop.serve.replies import LEARNER
from learnloop.serve.security import Caller, forbidden, may_see
from learnloop.store import grades

router = APIRouter(prefix="/v1", tags=["Practice"], responses=ANSWERS)

LearnerId = Annotated[str, Path(pattern=LEARNER_ID, examples=[LEARNER])]
OWN = ("event_id", "question_id", "version", "picked", "correct", "score", "comment")
TIMES = ("answered_at", "graded_at", "seen_at")
GONE: dict[str, Any] = {
    **dict.fromkeys(("kind", "stem", "key", "corrected", "quote")),
    **{"answer": {}, "aliases": [], "rationale": []},
}


@router.get(
    "/learners/{learner_id}/answers",
    response_model=OwnAnswers,
    summary="A learner's answers, and what a teacher has graded since",
)
async def get_own_answers(
    identity: Caller,
    learner_id: LearnerId,
    here: Here,
    which: Annotated[
        Literal["new", "graded", "waiting", "all"],
        Query(
            description="`new`: graded by a teacher and not seen, in that order; `graded`: by a teacher, the"
            " last first; `waiting` for one, the oldest first; `all`, the last answered first"
        ),
    ] = "all",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    accept_language: Spoken = "",
) -> Response:
    """With the feedback in the reader's language, and what the question kept to itself before the answer.
    A learner's key sees that learner's alone."""
    may_see(identity, learner_id)
    language = best_language(accept_language, here.settings.language)
    body = await here.run(_own, here, learner_id, which, limit, language)
    return JSONResponse(body, headers={**PRIVATE, "Vary": "Accept-Language"})


@router.post(
    "/learners/{learner_id}/answers/seen",
    response_model=Seen,
    summary="The learner has seen what was graded",
)
async def see(identity: Caller, learner_id: LearnerId, body: SeenBody, here: Here) -> Response:
    """It is new no more. With the learner's key, or a service's that shows it to the learner."""
    may_see(identity, learner_id)
    if identity.role not in ("learner", "service"):
        raise forbidden("what a learner has seen is for the learner to say")
    seen = await here.run(grades.see, here.engine, learner_id, body.until, here.clock())
    return JSONResponse({"seen": seen}, headers=PRIVATE)


def _own(here: Backend, learner_id: str, which: str, limit: int, language: str) -> dict[str, Any]:
    rows = grades.of_learner(here.engine, learner_id, which, limit)
    questions: dict[tuple[str, int], dict[str, Any] | None] = {}
    for row in rows:
        wording = (row["question_id"], row["version"])
        if wording not in questions:
            questions[wording] = _question(here, *wording)
    told = [_told(row, questions[row["question_id"], row["version"]], language) for row in rows]
    return {"answers": told, **grades.counted(here.engine, learner_id)}


def _question(here: Backend, question_id: str, version: int) -> dict[str, Any] | None:
    try:
        return as_answered(here, question_id, version)
    except UnknownThing:
        return None


def _told(row: dict[str, Any], question: dict[str, Any] | None, language: str) -> dict[str, Any]:
    shown = GONE
    if question is not None:
        asked = {name: question[name] for name in ("kind", "stem")}
        shown = {**asked, **revealed(question, row["picked"])}
    return {
        **{name: row[name] for name in OWN},
        **{name: row[name] and row[name].isoformat() for name in TIMES},
        "how": how(row),
        "feedback": said(row, question, language),
        **shown,
    }
