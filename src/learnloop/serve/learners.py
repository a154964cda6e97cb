"""What a learner gets: the next steps with their reasons, mastery, progress."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import uuid4

import numpy as np
from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import JSONResponse

from learnloop.errors import UnknownThing
from learnloop.i18n import best_language, reason_text
from learnloop.recommend import policy
from learnloop.recommend.filters import Filters
from learnloop.schemas import Reason
from learnloop.serve import advice, beliefs, knowledge, queries, reviews
from learnloop.serve.backend import Backend, backend
from learnloop.serve.decision_log import Made
from learnloop.serve.events import LEARNER_ID, PRINTED, ItemId
from learnloop.serve.histories import History
from learnloop.serve.items import NO_ITEM, ItemPath
from learnloop.serve.problems import ANSWERS
from learnloop.serve.replies import (
    LEARNER,
    Hidden,
    Learners,
    MasteryReply,
    Me,
    Progress,
    Recommendations,
    ReviewsReply,
)
from learnloop.serve.security import Caller, Staff, may_see
from learnloop.serve.state import Serving
from learnloop.store import curation

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
    course: Annotated[ItemId | None, Query(description="Only items of this course")] = None,
    level: Annotated[
        str, Query(max_length=100, pattern=PRINTED, description="Only items of this level, as items tell it")
    ] = "",
    licence: Annotated[
        str, Query(max_length=100, pattern=PRINTED, description="Only items under it, say `CC-BY-4.0`")
    ] = "",
    max_duration_s: Annotated[
        int | None, Query(ge=1, le=10**9, description="Only items that take no longer, and say so")
    ] = None,
    minutes: Annotated[
        int | None,
        Query(
            ge=1,
            le=10_000,
            description="Minutes the learner has: what says it takes longer stays away, unless nothing fits",
        ),
    ] = None,
    diversity: Annotated[
        float | None,
        Query(ge=0, le=1, description="0: the plain ranking; 1: variety alone. Default: LEARNLOOP_DIVERSITY"),
    ] = None,
    accept_language: Annotated[str, Header(description="Language of the reasons: en, es")] = "",
) -> Response:
    """Uses every event committed so far, without a retrain.

    An item whose prerequisite the learner has not mastered is not recommended; what teaches the missing
    prerequisite is (reason `fills_gap`, or `review` where it was done before). What was done is not
    recommended again, but for such a review. A learner nobody has heard of is a new learner: popular items
    that need nothing, with the reason `start_here`. What an instructor pinned comes first (`pinned`); what
    one blocked, or the learner hid, does not come. Each answer is logged under its `decision_id`, with the
    other candidates and their probabilities.
    """
    may_see(identity, learner_id)
    serving = here.serving
    version = serving.released.version
    history = await here.history(learner_id)
    if course is not None and course not in serving.content.facts:
        raise UnknownThing(f"there is no course {course!r}")
    wish = advice.Wish(
        k,
        language,
        Filters(course=course or "", level=level, licence=licence, max_duration_s=max_duration_s),
        here.settings.exploration,
        here.settings.diversity if diversity is None else diversity,
        minutes,
    )
    chosen = advice.filters_of(serving, history, wish)
    if not serving.has_shelf(chosen):
        await here.make(serving.shelf, chosen)
    # The draw can be repeated from the decision's own name.
    decision_id = uuid4()
    rng = np.random.default_rng(decision_id.int)
    answer = advice.advise(serving, learner_id, history, wish, here.keeper.rules, rng, here.clock())
    here.decisions.offer(
        Made(
            decision_id,
            learner_id,
            here.clock(),
            version,
            policy.VERSION,
            wish.temperature,
            wish.diversity,
            wish.asked(),
            answer.decision,
            answer.pool.components,
            answer.pool.p_correct,
            serving.released.kinds,
        )
    )
    spoken = best_language(accept_language, here.settings.language)
    for one in answer.items:
        here.metrics.recommendations.labels(one.step.reasons[0].code).inc()
    body = {
        "learner_id": learner_id,
        "release": version,
        "decision_id": str(decision_id),
        "items": [_item(serving, one, spoken) for one in answer.items],
    }
    return JSONResponse(body, headers={**PRIVATE, "Content-Language": spoken, "Vary": "Accept-Language"})


def _item(serving: Serving, one: advice.Advice, language: str) -> dict[str, Any]:
    facts = serving.content.facts[one.step.item_id]
    return {
        **{name: facts[name] for name in ("item_id", "title", "url", "kind", "language")},
        "score": one.step.score,
        "p_correct": one.p_correct,
        "components": dict(one.components),
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
    "/learners/{learner_id}/hidden", response_model=Hidden, summary="What the learner does not want to see"
)
async def get_hidden(identity: Caller, learner_id: LearnerId, here: Here) -> Response:
    """The oldest wish first."""
    may_see(identity, learner_id)
    return await _hidden(here, learner_id)


@router.post(
    "/learners/{learner_id}/hidden/{item_id:path}",
    response_model=Hidden,
    summary="Not interested",
    responses=NO_ITEM,
)
async def hide(identity: Caller, learner_id: LearnerId, item_id: ItemPath, here: Here) -> Response:
    """The item is not recommended to the learner any more. Twice is once."""
    may_see(identity, learner_id)
    await here.run(curation.hide, here.engine, learner_id, item_id)
    await here.wished(learner_id)
    return await _hidden(here, learner_id)


@router.delete(
    "/learners/{learner_id}/hidden/{item_id:path}",
    response_model=Hidden,
    summary="Interested after all",
)
async def unhide(identity: Caller, learner_id: LearnerId, item_id: ItemPath, here: Here) -> Response:
    may_see(identity, learner_id)
    await here.run(curation.unhide, here.engine, learner_id, item_id)
    await here.wished(learner_id)
    return await _hidden(here, learner_id)


async def _hidden(here: Backend, learner_id: str) -> Response:
    found = await here.run(curation.hidden, here.engine, learner_id)
    return JSONResponse({"learner_id": learner_id, "item_ids": found}, headers=PRIVATE)


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
    found = knowledge.mastery(serving, history, beliefs.moment(history, here.clock()))
    body = {
        "learner_id": learner_id,
        "release": version,
        "goal": beliefs.THRESHOLD,
        "total": len(found),
        "concepts": [
            {**row, "due_at": row["due_at"] and row["due_at"].isoformat()}
            for row in found.head(limit).to_dict("records")
        ],
    }
    return JSONResponse(body, headers=PRIVATE)


@router.get(
    "/learners/{learner_id}/reviews",
    response_model=ReviewsReply,
    summary="What is about to be forgotten, and what to review it with",
)
async def get_reviews(
    identity: Caller, learner_id: LearnerId, here: Here, limit: Annotated[int, Query(ge=1, le=5000)] = 500
) -> Response:
    """Every concept the learner answered on, the first to be due first; empty where the release has no
    memory."""
    may_see(identity, learner_id)
    serving = here.serving
    version = serving.released.version
    history = await here.history(learner_id)
    closed = advice.closed_to(serving, learner_id, history, here.keeper.rules)
    found = reviews.table(serving, history, beliefs.moment(history, here.clock()), closed)
    body = {
        "learner_id": learner_id,
        "release": version,
        "target": beliefs.AIMS.recall_target,
        "total": len(found),
        "due": sum(row["due"] for row in found),
        "concepts": [
            {
                **row,
                "due_at": row["due_at"].isoformat(),
                "item_title": serving.content.titles.get(row["item_id"]),
            }
            for row in found[:limit]
        ],
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
