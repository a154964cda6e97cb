"""What there is to practise with: lessons that have approved questions, and a round of one lesson."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse

from learnloop.errors import UnknownThing
from learnloop.serve.answer_replies import PracticeLessons, PracticeRound
from learnloop.serve.backend import Backend, backend
from learnloop.serve.content import Content
from learnloop.serve.events import LEARNER_ID
from learnloop.serve.items import NO_ITEM, ItemPath
from learnloop.serve.problems import ANSWERS
from learnloop.serve.question_replies import shown
from learnloop.serve.security import Caller, may_see
from learnloop.store.question_tables import question_answers, questions

router = APIRouter(prefix="/v1", tags=["Practice"], responses=ANSWERS)

Here = Annotated[Backend, Depends(backend)]
PRIVATE = {"Cache-Control": "no-store"}


@router.get("/practice", response_model=PracticeLessons, summary="Lessons that have questions")
async def get_lessons(
    identity: Caller, here: Here, language: Annotated[str | None, Query(pattern=r"^[a-z]{2,3}$")] = None
) -> Response:
    """By title. What an exercise asks counts for its lesson."""
    counts = await here.run(_counts, here.engine)
    content = here.serving.content
    found: dict[str, int] = {}
    for item_id, count in counts.items():
        lesson = content.rolls_up.get(item_id, item_id)
        found[lesson] = found.get(lesson, 0) + count
    lessons = [
        {
            "item_id": item_id,
            "title": content.titles[item_id],
            "language": content.facts[item_id]["language"],
            "questions": count,
        }
        for item_id, count in found.items()
        if item_id in content.titles
        if language is None or content.facts[item_id]["language"] in (language, "und")
    ]
    lessons.sort(key=lambda one: (str(one["title"]).casefold(), one["item_id"]))
    return JSONResponse({"lessons": lessons}, headers=PRIVATE)


@router.get(
    "/practice/{item_id:path}",
    response_model=PracticeRound,
    summary="Questions of one lesson, to answer one after the other",
    responses=NO_ITEM,
)
async def get_round(
    identity: Caller,
    item_id: ItemPath,
    here: Here,
    learner_id: Annotated[
        str | None, Query(pattern=LEARNER_ID, description="A learner's key leaves it out")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> Response:
    """As a learner sees them, whoever asks: without their keys. What the learner never answered comes first,
    then what was answered longest ago."""
    learner = learner_id or identity.learner_id
    if learner is not None:
        may_see(identity, learner)
    content = here.serving.content
    if item_id not in content.facts:
        raise UnknownThing(f"there is no item {item_id!r}")
    rows = await here.run(_round, here.engine, _within(content, item_id), learner or "", limit)
    body = {
        "item_id": item_id,
        "title": content.titles[item_id],
        "questions": [shown(row, False) for row in rows],
    }
    return JSONResponse(body, headers=PRIVATE)


def _within(content: Content, item_id: str) -> list[str]:
    """The item, and the exercises that count for it."""
    return [
        item_id,
        *(one for one, lesson in content.rolls_up.items() if lesson == item_id and one != item_id),
    ]


def _counts(engine: sa.Engine) -> dict[str, int]:
    query = sa.select(questions.c.item_id, sa.func.count()).where(questions.c.status == "approved")
    with engine.connect() as connection:
        return {row[0]: int(row[1]) for row in connection.execute(query.group_by(questions.c.item_id))}


def _round(engine: sa.Engine, item_ids: list[str], learner_id: str, limit: int) -> list[dict[str, Any]]:
    answered = (
        sa.select(
            question_answers.c.question_id, sa.func.max(question_answers.c.answered_at).label("answered_at")
        )
        .where(question_answers.c.learner_id == learner_id)
        .group_by(question_answers.c.question_id)
        .subquery()
    )
    query = (
        sa.select(questions)
        .outerjoin(answered, answered.c.question_id == questions.c.question_id)
        .where(
            questions.c.item_id == sa.any_(sa.literal(item_ids, sa.ARRAY(sa.Text))),
            questions.c.status == "approved",
        )
        .order_by(answered.c.answered_at.nulls_first(), questions.c.question_id)
        .limit(limit)
    )
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
