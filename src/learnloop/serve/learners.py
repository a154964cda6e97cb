"""What a learner gets: the next steps with their reasons, mastery, progress."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import JSONResponse

from learnloop.i18n import best_language, reason_text
from learnloop.schemas import Reason
from learnloop.serve import advice, queries
from learnloop.serve.backend import Backend, backend
from learnloop.serve.events import LEARNER_ID
from learnloop.serve.histories import History
from learnloop.serve.problems import ANSWERS
from learnloop.serve.replies import (
    LEARNER,
    Learners,
    MasteryReply,
    Me,
    Progress,
    Recommendations,
)
from learnloop.serve.security import Caller, Staff, may_see
from learnloop.serve.state import Serving

router = APIRouter(prefix="/v1", tags=["Learners"], responses=ANSWERS)

Here = Annotated[Backend, Depends(backend)]
LearnerId = Annotated[str, Path(pattern=LEARNER_ID, examples=[LEARNER], description="A pseudonym")]
PRIVATE = {"Cache-Control": "no-store"}


@router.get("/me", response_model=Me, summary="Whose key this is")
async def get_me(identity: Caller) -> Response:
    return JSONResponse({"role": identity.role, "learner_id": identity.learner_id}, headers=PRIVATE)


@router.get("/learners", response_model=Learners, summary="The most active learners")
async def get_learners(
    identity: Staff, here: Here, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> Response:
    """Pseudonyms with how much they did. Roles instructor, admin, service."""
    rows = await here.totals.get(
        ("learners", limit), lambda: here.run(queries.most_active, here.engine, limit)
    )
    found = [{**row, "last_at": row["last_at"].isoformat()} for row in rows]
    return JSONResponse({"learners": found}, headers=PRIVATE)


@router.get(
    "/learners/{learner_id}/recommendations",
    response_model=Recommendations,
    summary="What to do next, and why",
)
async def get_recommendations(
    identity: Caller,
    learner_id: LearnerId,
    here: Here,
    k: Annotated[int, Query(ge=1, le=50, description="At most so many")] = 10,
    language: Annotated[
        str,
        Query(
            pattern=r"^([a-z]{2,3})?$",
            description="Only items in it; default: the languages the learner has learnt in",
        ),
    ] = "",
    accept_language: Annotated[str, Header(description="Language of the reasons: en, es")] = "",
) -> Response:
    """Uses every event committed so far, without a retrain.

    An item whose prerequisite the learner has not mastered is not recommended; what teaches the missing
    prerequisite is (reason `fills_gap`, or `review` where it was done before). What was done is not
    recommended again, but for such a review. A learner nobody has heard of is a new learner: popular items
    that need nothing, with the reason `start_here`.
    """
    may_see(identity, learner_id)
    serving = here.serving
    version = serving.released.version
    history = await here.histories.get(learner_id)
    spoken = best_language(accept_language, here.settings.language)
    found = advice.advise(serving, history, k, language)
    for one in found:
        here.metrics.recommendations.labels(one.step.reasons[0].code).inc()
    items = [_item(serving, one, spoken) for one in found]
    body = {"learner_id": learner_id, "release": version, "items": items}
    return JSONResponse(body, headers={**PRIVATE, "Content-Language": spoken, "Vary": "Accept-Language"})


def _item(serving: Serving, one: advice.Advice, language: str) -> dict[str, Any]:
    facts = serving.content.facts[one.step.item_id]
    return {
        **{name: facts[name] for name in ("item_id", "title", "url", "kind", "language")},
        "score": one.step.score,
        "p_correct": one.p_correct,
        "reasons": [_reason(serving, reason, language) for reason in one.step.reasons],
    }


def _reason(serving: Serving, reason: Reason, language: str) -> dict[str, Any]:
    evidence, filled = advice.words(serving, reason, language)
    return {
        "code": reason.code,
        "evidence": dict(evidence),
        "text": reason_text(reason, language, filled),
    }


@router.get(
    "/learners/{learner_id}/mastery",
    response_model=MasteryReply,
    summary="What is mastered, and how sure that is",
)
async def get_mastery(
    identity: Caller, learner_id: LearnerId, here: Here, limit: Annotated[int, Query(ge=1, le=5000)] = 500
) -> Response:
    """Every concept, the most practised first; without answers, what is expected of a new learner."""
    may_see(identity, learner_id)
    serving = here.serving
    version = serving.released.version
    history = await here.histories.get(learner_id)
    found = advice.mastery(serving, history)
    names = ["concept_id", "title", "mastery", "sd", "low", "high", "attempts"]
    body = {
        "learner_id": learner_id,
        "release": version,
        "total": len(found),
        "concepts": found[names].head(limit).to_dict("records"),
    }
    return JSONResponse(body, headers=PRIVATE)


@router.get("/learners/{learner_id}/progress", response_model=Progress, summary="What was done, day by day")
async def get_progress(
    identity: Caller,
    learner_id: LearnerId,
    here: Here,
    days: Annotated[int, Query(ge=1, le=1000, description="At most so many days, the last ones")] = 90,
) -> Response:
    """Needs no release. Zeros for a learner nobody has heard of."""
    may_see(identity, learner_id)
    serving = here.serving
    history = await here.histories.get(learner_id)
    seconds = await here.run(queries.durations_by_day, here.engine, learner_id)
    rolls_up = serving.content.rolls_up
    right = sum(bool(event.correct) for event in history.answers)
    answered = len(history.answers)
    body = {
        "learner_id": learner_id,
        "events": len(history.events),
        "items_done": len({rolls_up[item_id] for item_id in history.done if item_id in rolls_up}),
        "answers": answered,
        "correct": right,
        "correct_rate": right / answered if answered else None,
        "first_at": history.events[0].occurred_at.isoformat() if history.events else None,
        "last_at": history.events[-1].occurred_at.isoformat() if history.events else None,
        "days": _days(history, seconds)[-days:],
    }
    return JSONResponse(body, headers=PRIVATE)


def _days(history: History, seconds: dict[str, float]) -> Sequence[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for event in history.events:
        day = event.occurred_at.date().isoformat()
        row = found.setdefault(day, {"date": day, "events": 0, "answers": 0, "correct": 0})
        row["events"] += 1
        if event.verb == "answered" and event.correct is not None:
            row["answers"] += 1
            row["correct"] += int(event.correct)
    for day, row in found.items():
        row["minutes"] = round(seconds[day] / 60, 1) if day in seconds else None
    return list(found.values())
