"""Events in: validated, made idempotent, committed, and only then acknowledged and remembered."""

import hashlib
import re
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from learnloop.schemas import IDENTIFIER
from learnloop.serve import queries
from learnloop.serve.backend import Backend, backend
from learnloop.serve.histories import Event as Done
from learnloop.serve.problems import ANSWERS, Location, Refusal, wrong_fields
from learnloop.serve.replies import LEARNER, Accepted
from learnloop.serve.security import Caller, forbidden
from learnloop.store.api_keys import Identity
from learnloop.store.practice_answers import PREFIX
from learnloop.store.pseudonyms import pseudonym


class CountingRefusals(APIRoute):
    """Bodies that fail validation never reach the route; their events are counted here."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def counting(request: Request) -> Response:
            try:
                return await answer(request)
            except RequestValidationError as error:
                events = len(error.body) if isinstance(error.body, list) else 1
                backend(request).metrics.events.labels("refused").inc(events)
                raise

        return counting


router = APIRouter(prefix="/v1", tags=["Events"], route_class=CountingRefusals)

MOST_EVENTS = 1_000
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
CLOCK_SLACK = timedelta(days=1)  # clocks of phones are wrong, but not by more
PRINTED = r"^[^\x00-\x1f\x7f]*$"  # no control characters: NUL is one that PostgreSQL cannot store
LEARNER_ID = r"^[0-9a-f]{32}$"
# pydantic's patterns know no lookahead, and `\S.*` of the contract would let control characters in.
ItemId = Annotated[
    str, Field(pattern=IDENTIFIER.removesuffix(".*$") + r"[^\x00-\x1f\x7f]*$", max_length=1000)
]


def _written(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("write the time as text, 2026-03-02T18:04:11Z")
    return value


def _within_time(value: datetime) -> datetime:
    if value < EARLIEST:
        raise ValueError("this time is before 1970")
    if value > datetime.now(UTC) + CLOCK_SLACK:
        raise ValueError("this time is more than a day in the future")
    return value.astimezone(UTC)


class OutsideLearner(BaseModel):
    """Who it is elsewhere. Becomes a pseudonym at the door; the id itself is not kept."""

    model_config = ConfigDict(extra="forbid")
    source: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,50}$", examples=["moodle"])]
    id: Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTED, examples=["student-1042"])]


class Event(BaseModel):
    """One thing a learner did. The same `event_id` again changes nothing."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    event_id: Annotated[
        str, Field(min_length=1, max_length=200, pattern=PRINTED, examples=["moodle:attempt:88121"])
    ]
    learner_id: Annotated[
        str | None,
        Field(pattern=LEARNER_ID, examples=[LEARNER], description="Learnloop's pseudonym of the learner"),
    ] = None
    learner: OutsideLearner | None = None
    item_id: Annotated[ItemId, Field(examples=["demo:courses/python-basics/loops"])]
    verb: Literal["registered", "experienced", "completed", "answered", "scored", "rated"]
    correct: Annotated[bool | None, Field(strict=True, examples=[True])] = None
    score: Annotated[float | None, Field(strict=True, ge=0, le=1)] = None
    duration_s: Annotated[float | None, Field(strict=True, ge=0, le=1e9)] = None
    occurred_at: Annotated[
        AwareDatetime,
        BeforeValidator(_written, json_schema_input_type=str),
        Field(examples=["2026-03-02T18:04:11Z"], description="With its time zone"),
    ]


def _shape(body: Any) -> str:
    return "many" if isinstance(body, list) else "one"


Batch = Annotated[
    Annotated[Event, Tag("one")]
    | Annotated[list[Event], Field(min_length=1, max_length=MOST_EVENTS), Tag("many")],
    Discriminator(_shape),
]

EXAMPLES = {
    "one": {
        "summary": "One answer, of a learner known by an outside id",
        "value": {
            "event_id": "moodle:attempt:88121",
            "learner": {"source": "moodle", "id": "student-1042"},
            "item_id": "demo:courses/python-basics/loops#q1",
            "verb": "answered",
            "correct": True,
            "duration_s": 41.5,
            "occurred_at": "2026-03-02T18:04:11Z",
        },
    },
    "many": {
        "summary": "A list: all are committed, or none",
        "value": [
            {
                "event_id": "lms-77",
                "learner_id": LEARNER,
                "item_id": "demo:courses/python-basics/loops",
                "verb": "completed",
                "occurred_at": "2026-03-02T19:04:11+01:00",
            }
        ],
    },
}


@router.post(
    "/events",
    status_code=201,
    response_model=Accepted,
    summary="Tell what learners did",
    responses={
        **ANSWERS,
        200: {"model": Accepted, "description": "All of it was there already; nothing changed"},
        409: {"description": "An `event_id` is taken by an event of other content"},
        413: {"description": "More than 1 MiB"},
    },
)
async def post_events(
    identity: Caller,
    body: Annotated[Batch, Body(openapi_examples=EXAMPLES)],
    here: Annotated[Backend, Depends(backend)],
) -> Response:
    """One event, or a list of up to 1,000: all of them are committed before the answer, or none is.

    Roles learner (their own events; both `learner_id` and `learner` may be left out), admin, service. Give
    `learner_id`, or `learner` with an outside id, which is turned into a pseudonym here and not kept.
    The next recommendations of the learner use the events.
    """
    events, many = (body, True) if isinstance(body, list) else ([body], False)
    if identity.role == "instructor":
        raise forbidden("events are for the roles learner, admin and service")

    def at(place: int, name: str) -> Location:
        return ("body", place, name) if many else ("body", name)

    try:
        rows = _rows(events, identity, here.pseudonym_key, at)
        await _refuse_unknown_items(here, rows, at)
        once = _once(rows, at)
        fresh = await here.run(queries.record, here.engine, once)
    except queries.EventConflict as conflict:
        here.metrics.events.labels("refused").inc(len(events))
        place = next(n for n, row in enumerate(rows) if row["event_id"] == conflict.event_id)
        raise _taken(at(place, "event_id")) from None
    except Refusal:
        here.metrics.events.labels("refused").inc(len(events))
        raise
    _remember(here, [row for row in once if row["event_id"] in fresh])
    here.metrics.events.labels("accepted").inc(len(fresh))
    here.metrics.events.labels("duplicate").inc(len(events) - len(fresh))
    answer = {
        "accepted": len(fresh),
        "duplicates": len(events) - len(fresh),
        "learner_ids": sorted({row["learner_id"] for row in rows}),
    }
    return JSONResponse(answer, 201 if fresh else 200)


def _told_nothing(event: Event) -> str:
    """The event's id, or a digest of it where it holds the outside id, which is not to be kept."""
    if event.learner is None:
        return event.event_id
    as_a_word = rf"(?<![^\W_]){re.escape(event.learner.id)}(?![^\W_])"
    if not re.search(as_a_word, event.event_id, re.IGNORECASE):
        return event.event_id
    return f"{event.learner.source}:{hashlib.sha256(event.event_id.encode()).hexdigest()[:32]}"


def _rows(events: Sequence[Event], identity: Identity, key: bytes, at: Any) -> list[dict[str, Any]]:
    """Rows of interactions. Refuses with 422 where it is unclear who, with 403 where it is another."""
    rows: list[dict[str, Any]] = []
    wrong: list[tuple[Location, str]] = []
    for place, event in enumerate(events):
        try:
            occurred_at = _within_time(event.occurred_at)
        except ValueError as error:
            wrong.append((at(place, "occurred_at"), str(error)))
            continue
        learner_id = event.learner_id
        if event.learner is not None:
            if learner_id is not None:
                wrong.append((at(place, "learner"), "give learner_id or learner, not both"))
            learner_id = pseudonym(key, event.learner.source, event.learner.id)
        learner_id = learner_id or identity.learner_id
        if learner_id is None:
            wrong.append((at(place, "learner_id"), "give learner_id, or learner with source and id"))
            continue
        if identity.role == "learner" and learner_id != identity.learner_id:
            raise forbidden("a learner's key posts that learner's events alone")
        event_id = _told_nothing(event)
        if event_id.startswith(PREFIX):  # of an answer that is graded here, or waits to be
            wrong.append((at(place, "event_id"), f"an event_id that begins with {PREFIX} is an answer's"))
            continue
        rows.append(
            {
                "event_id": event_id,
                **event.model_dump(include={"item_id", "verb", "correct", "score", "duration_s"}),
                "learner_id": learner_id,
                "occurred_at": occurred_at,
                "source": event.learner.source if event.learner else "api",
            }
        )
    if wrong:
        raise wrong_fields(wrong)
    return rows


async def _refuse_unknown_items(here: Backend, rows: Sequence[dict[str, Any]], at: Any) -> None:
    """The database has the last word: an item may have come since the content was read."""
    missing = {row["item_id"] for row in rows} - here.serving.content.facts.keys()
    if missing:
        missing -= await here.run(queries.existing_items, here.engine, missing)
    if missing:
        raise wrong_fields(
            [
                (at(place, "item_id"), "nobody has heard of this item")
                for place, row in enumerate(rows)
                if row["item_id"] in missing
            ]
        )


def _once(rows: Sequence[dict[str, Any]], at: Any) -> list[dict[str, Any]]:
    """Each event_id once. The same event twice in one list is a duplicate like any other."""
    first: dict[str, dict[str, Any]] = {}
    for place, row in enumerate(rows):
        if any(first.setdefault(row["event_id"], row)[name] != row[name] for name in queries.CONTENT):
            raise _taken(at(place, "event_id"))
    return list(first.values())


def _taken(location: Location) -> Refusal:
    return Refusal(
        409,
        "event-id-taken",
        "",
        errors=[(location, "this event_id is taken by an event of other content; nothing was changed")],
    )


def _remember(here: Backend, rows: Sequence[dict[str, Any]]) -> None:
    by_learner: dict[str, list[Done]] = {}
    for row in rows:
        done = Done(row["occurred_at"], row["event_id"], row["item_id"], row["verb"], row["correct"])
        by_learner.setdefault(row["learner_id"], []).append(done)
    for learner_id, events in by_learner.items():
        here.histories.apply(learner_id, events)
