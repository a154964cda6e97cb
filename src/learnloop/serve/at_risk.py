"""Who is at risk in a course, for those who teach it: by the model that `learnloop at-risk --train` kept."""

from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from learnloop.assess import risk_list
from learnloop.assess.at_home import courses_of, day_of, tables_of
from learnloop.errors import BadInput, ModelUnavailable, NothingToDo
from learnloop.i18n import best_language
from learnloop.serve.backend import Backend, backend
from learnloop.serve.events import ItemId
from learnloop.serve.problems import ANSWERS, Problem, Refusal
from learnloop.serve.replies import LEARNER, ReasonReply
from learnloop.serve.security import Staff
from learnloop.store import coursework, reading

router = APIRouter(prefix="/v1", tags=["Instructors"], responses=ANSWERS)

Here = Annotated[Backend, Depends(backend)]
NOT_NOW: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such course"},
    409: {"model": Problem, "description": "There is nothing to estimate of this course today"},
    503: {"model": Problem, "description": "No model is kept, and the next command to type"},
}


class AtRiskLearner(BaseModel):
    learner_id: str = Field(examples=[LEARNER])
    risk: float = Field(ge=0, le=1, description="P(fails or leaves before the end)")
    reasons: list[ReasonReply] = Field(description="At most two, the strongest first")


class AtRiskReply(BaseModel):
    course: str = Field(examples=["oulad:BBB-2014J"])
    title: str
    day: int = Field(description="Days since the course began")
    week: int = Field(description="The week that the model was fitted for")
    at_risk_expected: float = Field(description="The sum of the estimates, of all learners")
    total: int = Field(description="Learners still enrolled; `learners` holds at most `limit` of them")
    learners: list[AtRiskLearner] = Field(description="The highest risk first")


class UnderWay(BaseModel):
    course: str = Field(examples=["oulad:BBB-2014J"])
    title: str
    day: int = Field(ge=0, description="Days since it began")
    days: int = Field(description="It ends on that day")


class CoursesUnderWay(BaseModel):
    courses: list[UnderWay] = Field(description="That have begun and not ended, the latest to begin first")


@router.get("/courses", response_model=CoursesUnderWay, summary="The courses that are under way today")
async def get_courses(identity: Staff, here: Here) -> Response:
    """Those that say when they start: of others nobody can tell who falls behind. Roles instructor, admin,
    service."""
    today = day_of(pd.Timestamp(here.clock()))
    courses = courses_of(await here.run(reading.items, here.engine, ["course"]))
    courses = courses[(courses["starts"] <= today) & (today < courses["starts"] + courses["length"])]
    courses = courses.sort_values(["starts", "item_id"], ascending=[False, True])
    found = [
        {"course": row.item_id, "title": row.title, "day": today - row.starts, "days": int(row.length)}
        for row in courses.itertuples()
    ]
    return JSONResponse({"courses": found}, headers={"Cache-Control": "no-store"})


@router.get(
    "/courses/{course:path}/at-risk",
    response_model=AtRiskReply,
    summary="Who may fail or leave, and why",
    responses=NOT_NOW,
)
async def get_at_risk(
    identity: Staff,
    course: ItemId,
    here: Here,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    accept_language: Annotated[str, Header(description="Language of the reasons: en, es")] = "",
) -> Response:
    """Roles instructor, admin, service. An estimate is a reason to ask a learner how it goes, and no more."""
    language = best_language(accept_language, here.settings.language)
    today = day_of(pd.Timestamp(here.clock()))
    # one at a time, and what took long is kept for a while: it reads all that was handed in
    found = await here.totals.get(
        ("at-risk", course, today, language), lambda: here.run(_listing, here, course, today, language)
    )
    reply = {**found, "total": len(found["learners"]), "learners": found["learners"][:limit]}
    return JSONResponse(reply, headers={"Cache-Control": "no-store"})


def _listing(here: Backend, course: str, today: int, language: str) -> dict[str, Any]:
    try:
        book = risk_list.kept(here.settings.home / risk_list.FILE)
        own = coursework.read(here.engine)
        tables = tables_of(own.enrolments, own.items, own.hand_ins)
        return risk_list.listing(tables, book, course, today, language)
    except ModelUnavailable as error:
        raise Refusal(503, "no-at-risk-model", error.problem, error.next_step) from error
    except (NothingToDo, BadInput) as error:
        raise Refusal(409, "nothing-to-estimate", error.problem, error.next_step) from error
