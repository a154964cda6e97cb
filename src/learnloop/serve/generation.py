"""Questions made on request, as a job: asked for, watched, cancelled; and the lessons they can be made of."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID, uuid4

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from learnloop.errors import BadInput
from learnloop.generate.grammar import LANGUAGES
from learnloop.serve import queries
from learnloop.serve.backend import Backend, backend
from learnloop.serve.events import PRINTED, ItemId
from learnloop.serve.generation_jobs import Jobs
from learnloop.serve.problems import ANSWERS, Problem, Refusal
from learnloop.serve.question_replies import TEXT, Kind
from learnloop.serve.security import Staff
from learnloop.store import generations
from learnloop.store.tables import items

router = APIRouter(prefix="/v1", tags=["Generation"], responses=ANSWERS)

MOST_WAITING = 50
LONGEST = 300_000  # characters: a long chapter
OF_WHAT = "Of the text, else found; of items: only those in it"
PRIVATE = {"Cache-Control": "no-store"}
NO_JOB: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such job"}}
TOO_MANY: dict[int | str, dict[str, Any]] = {429: {"model": Problem, "description": "Too many jobs wait"}}


class GenerationBody(BaseModel):
    """Questions of lessons that are here, or of a text of your own."""

    model_config = ConfigDict(extra="forbid")
    item_ids: Annotated[list[ItemId], Field(min_length=1, max_length=100)] | None = None
    text: Annotated[str, Field(pattern=TEXT, min_length=1, max_length=LONGEST)] | None = None
    title: Annotated[str, Field(pattern=PRINTED, max_length=300)] = ""
    licence: Annotated[str, Field(pattern=PRINTED, max_length=300)] | None = None
    count: Annotated[int, Field(ge=1, le=50, description="Questions to ask for, of each lesson")] = 5
    kinds: Annotated[list[Kind], Field(max_length=6, description="Empty: all")] = []
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$", description=OF_WHAT)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.item_ids is None) == (self.text is None):
            raise ValueError("give item_ids or text, one of them")
        return self


class Lesson(BaseModel):
    item_id: str
    title: str
    language: str


class Lessons(BaseModel):
    lessons: list[Lesson] = Field(description="By title")


class JobStarted(BaseModel):
    job_id: UUID
    state: str = Field(examples=["queued"])


class JobReply(BaseModel):
    job_id: UUID
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float = Field(ge=0, le=1)
    request: dict[str, Any] = Field(description="As asked for, without the text")
    lessons: list[str] = Field(description="Titles of the items asked for, or of the text where it has one")
    requested: int | None = Field(description="Questions asked for; this and what follows when it is done")
    accepted: int | None = Field(description="Drafts that wait for an instructor in the bank")
    rejected: dict[str, int] | None = Field(description="Proposals by the check that refused them")
    counts: dict[str, Any] | None = Field(description="All that was counted")
    question_ids: list[str] | None
    stopped: str | None = Field(description="Why a job that is done ended early: a budget is spent, say")
    error: str | None = Field(description="Why it failed, in words")
    attempts: int = Field(description="Processes that took it up; more than one where one has died")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobsReply(BaseModel):
    jobs: list[JobReply] = Field(description="The newest first")


def jobs(request: Request) -> Jobs:
    found: Jobs = request.app.state.jobs
    return found


Here = Annotated[Backend, Depends(backend)]
JobsHere = Annotated[Jobs, Depends(jobs)]
JobId = Annotated[UUID, Path(description="As told when it was started")]


@router.post(
    "/generations",
    response_model=JobStarted,
    status_code=202,
    summary="Make questions of lessons or of a text",
    responses=TOO_MANY,
)
async def start(identity: Staff, body: GenerationBody, here: Here, doing: JobsHere) -> Response:
    """Answers at once; `GET /v1/generations/{job_id}` says how far it is. What passes every check becomes a
    draft, which learners get once an instructor approves it. One job is done at a time, beside the API."""
    if body.language is not None and body.language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise BadInput(f"there are no rules for {body.language!r}, only for {known}", field="language")
    if body.item_ids is not None:
        known_ids = await here.run(queries.existing_items, here.engine, body.item_ids)
        for item_id in body.item_ids:
            if item_id not in known_ids:
                raise BadInput(f"there is no item {item_id!r}", field="item_ids")
    if await here.run(generations.waiting, here.engine) >= MOST_WAITING:
        raise Refusal(
            429, "too-many-jobs", "too many jobs wait; ask again later", headers={"Retry-After": "60"}
        )
    request = body.model_dump(exclude={"item_ids", "text"})
    source = {"text": body.text} if body.text is not None else {"item_ids": body.item_ids}
    row = await here.run(generations.begin, here.engine, uuid4(), {**source, **request}, identity.key_id)
    doing.wake()
    job_id = str(row["generation_id"])
    where = {"Location": f"/v1/generations/{job_id}"}
    return JSONResponse({"job_id": job_id, "state": row["state"]}, 202, headers={**PRIVATE, **where})


@router.get("/generations/lessons", response_model=Lessons, summary="Lessons that questions can be made of")
async def get_lessons(
    identity: Staff,
    here: Here,
    words: Annotated[str, Query(pattern=PRINTED, max_length=300, description="A part of the title")] = "",
    language: Annotated[str | None, Query(pattern=r"^[a-z]{2,3}$")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """Those with a text, in a language that there are rules for."""
    rows = await here.run(_lessons, here.engine, words, language, limit)
    return JSONResponse({"lessons": rows}, headers=PRIVATE)


@router.get("/generations", response_model=JobsReply, summary="Jobs that make questions")
async def get_jobs(identity: Staff, here: Here, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> Response:
    rows = await here.run(generations.newest, here.engine, limit)
    return JSONResponse({"jobs": [_shown(here, row) for row in rows]}, headers=PRIVATE)


@router.get("/generations/{job_id}", response_model=JobReply, summary="How far a job is", responses=NO_JOB)
async def get_job(identity: Staff, job_id: JobId, here: Here) -> Response:
    """A job whose process died is taken up again from the start, three times at most: nothing of it had
    landed. What it made lands in the bank all at once, when it is `done`."""
    return JSONResponse(_shown(here, await here.run(generations.get, here.engine, job_id)), headers=PRIVATE)


@router.delete("/generations/{job_id}", response_model=JobReply, summary="Cancel a job", responses=NO_JOB)
async def cancel(identity: Staff, job_id: JobId, here: Here, doing: JobsHere) -> Response:
    """Nothing of it lands. A job that is done or failed stays what it is: `state` says so."""
    row = await here.run(generations.cancel, here.engine, job_id)
    doing.stop(job_id)
    return JSONResponse(_shown(here, row), headers=PRIVATE)


def _lessons(engine: sa.Engine, words: str, language: str | None, limit: int) -> list[dict[str, Any]]:
    columns = (items.c.item_id, items.c.title, items.c.language)
    query = sa.select(*columns).where(items.c.kind == "lesson", items.c.text != "")
    query = query.where(items.c.language.in_(LANGUAGES if language is None else [language]))
    if words:
        query = query.where(items.c.title.icontains(words, autoescape=True))
    query = query.order_by(items.c.title, items.c.item_id).limit(limit)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _shown(here: Backend, row: dict[str, Any]) -> dict[str, Any]:
    counts, asked, titles = row["counts"] or {}, row["request"], here.serving.content.titles
    lessons = [titles.get(item_id, item_id) for item_id in asked.get("item_ids") or ()]
    return {
        "job_id": str(row["generation_id"]),
        "state": row["state"],
        "progress": row["progress"],
        "request": {name: value for name, value in asked.items() if name != "text"},
        "lessons": lessons or [title for title in (asked.get("title"),) if title],
        **{name: counts.get(name) for name in ("requested", "accepted", "rejected", "stopped")},
        "counts": row["counts"],
        "question_ids": row["question_ids"],
        "error": row["error"],
        "attempts": row["attempts"],
        **{name: row[name] and row[name].isoformat() for name in ("created_at", "started_at", "finished_at")},
    }
