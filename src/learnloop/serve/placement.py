"""Placement tests: started, answered question by question, and what they found.

A test is kept in the database after each answer, so it goes on after a restart and at another replica.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from learnloop.assess import questions
from learnloop.assess.bank import Bank
from learnloop.assess.placement import Rules
from learnloop.assess.sitting import Sitting, standing
from learnloop.errors import BadInput, UnknownThing
from learnloop.serve import queries
from learnloop.serve.backend import Backend, backend
from learnloop.serve.events import LEARNER_ID
from learnloop.serve.histories import Event
from learnloop.serve.placement_replies import (
    AnswerBody,
    PlacementReply,
    PlacementResult,
    Placements,
    StartBody,
)
from learnloop.serve.problems import ANSWERS, Refusal
from learnloop.serve.replies import LEARNER
from learnloop.serve.security import Caller, forbidden, may_see
from learnloop.serve.state import Serving
from learnloop.store import placements
from learnloop.store.api_keys import Identity

router = APIRouter(prefix="/v1", tags=["Placement"], responses=ANSWERS)

PRIVATE = {"Cache-Control": "no-store"}
NONE_SUCH: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such placement"}}
KEPT = 32  # sittings in memory, some MB each
WORDS = {
    "answered": "this question was answered otherwise; the first answer counts",
    "over": "this placement is finished",
    "not asked": "this is not the question that was asked",
}


class Kept:
    """Sittings as their last answer left them: one that is not here any more is computed from its row."""

    def __init__(self) -> None:
        self._sittings: OrderedDict[UUID, Sitting] = OrderedDict()
        self._turn = threading.Lock()

    def take(self, row: Mapping[str, Any]) -> Sitting:
        """Nobody else has it until it is put back, so nobody sees it half changed."""
        with self._turn:
            found = self._sittings.pop(row["placement_id"], None)
        if found is not None and len(found.session.state.answers) == row["answered"]:
            return found
        return Sitting.resume(Bank.from_dict(row["bank"]), row["session"])

    def put(self, placement_id: UUID, sitting: Sitting) -> None:
        with self._turn:
            self._sittings[placement_id] = sitting
            while len(self._sittings) > KEPT:
                self._sittings.popitem(last=False)


def kept(request: Request) -> Kept:
    found: Kept = request.app.state.placements
    return found


Here = Annotated[Backend, Depends(backend)]
KeptHere = Annotated[Kept, Depends(kept)]
PlacementId = Annotated[UUID, Path(description="As told when it was started")]


@router.post(
    "/placements",
    status_code=201,
    response_model=PlacementReply,
    summary="Start a placement test",
    responses={
        200: {"model": PlacementReply, "description": "One is under way: it goes on"},
        404: {"description": "No such course, or no such concept"},
    },
)
async def start_placement(identity: Caller, body: StartBody, here: Here, memory: KeptHere) -> Response:
    """Of a course or of some concepts. Roles learner (themselves), admin, service.

    The questions are the exercises there; the release says how hard each is. Nobody has two unfinished tests
    of the same: the one under way comes back.
    """
    learner_id = _who(identity, body.learner_id)
    serving = here.serving
    scope = _scope(serving, body)
    row = await here.run(placements.unfinished, here.engine, learner_id, scope)
    placement_id = uuid4()
    if row is None:
        # The draws can be repeated from the placement's own name.
        bank = await here.run(_bank, serving, scope)
        rules = Rules(most=body.most)
        sitting = await here.run(Sitting.begin, bank, rules, placement_id.int % 2**32)
        row = await here.run(
            placements.begin,
            here.engine,
            placement_id,
            learner_id,
            scope,
            sitting.to_dict(),
            bank.to_dict(),
            here.clock(),
        )
    status = 201 if row["placement_id"] == placement_id else 200
    return JSONResponse(await _state(here, memory, row), status, headers=PRIVATE)


@router.get("/placements", response_model=Placements, summary="A learner's placement tests")
async def get_placements(
    identity: Caller,
    here: Here,
    learner_id: Annotated[str | None, Query(pattern=LEARNER_ID, examples=[LEARNER])] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """A learner's key may leave `learner_id` out."""
    who = learner_id or identity.learner_id
    if who is None:
        raise BadInput("say whose placements", field="learner_id")
    may_see(identity, who)
    rows = await here.run(placements.of_learner, here.engine, who, limit)
    names = ("placement_id", "course", "concepts", "status", "answered", "created_at", "updated_at")
    shown = [{name: one[name] for name in names} for one in map(_facts, rows)]
    return JSONResponse({"learner_id": who, "placements": shown}, headers=PRIVATE)


@router.get(
    "/placements/{placement_id}",
    response_model=PlacementReply,
    summary="The next question, or the result",
    responses=NONE_SUCH,
)
async def get_placement(
    identity: Caller, placement_id: PlacementId, here: Here, memory: KeptHere
) -> Response:
    row = await _own(identity, here, placement_id)
    return JSONResponse(await _state(here, memory, row), headers=PRIVATE)


@router.post(
    "/placements/{placement_id}/answers",
    response_model=PlacementReply,
    summary="Answer the question that was asked",
    responses={**NONE_SUCH, 409: {"description": "Answered otherwise before, not asked, or finished"}},
)
async def answer_placement(
    identity: Caller, placement_id: PlacementId, body: AnswerBody, here: Here, memory: KeptHere
) -> Response:
    """The answer is committed, as an event with the verb `answered` too, before the next question comes back.

    The same answer again changes nothing. The next recommendations of the learner use it.
    """
    row = await _own(identity, here, placement_id)
    _who(identity, row["learner_id"])
    while (said := standing(row["session"], body.item_id, body.correct)) != "repeated":
        if said != "asked":
            raise Refusal(409, "no-such-answer", WORDS[said], errors=[(("body", "item_id"), WORDS[said])])
        sitting = await here.run(_answered, memory, row, body.correct)
        given = (here.engine, row, sitting.to_dict(), here.clock(), "api")
        event = await here.run(placements.answer, *given)
        row = await here.run(placements.get, here.engine, placement_id)
        if event is not None:
            memory.put(placement_id, sitting)
            done = Event(*(event[name] for name in Event._fields))
            here.histories.apply(event["learner_id"], [done])
            here.metrics.events.labels("accepted").inc()
    return JSONResponse(await _state(here, memory, row), headers=PRIVATE)


@router.get(
    "/placements/{placement_id}/result",
    response_model=PlacementResult,
    summary="What a placement test found",
    responses=NONE_SUCH,
)
async def get_result(identity: Caller, placement_id: PlacementId, here: Here, memory: KeptHere) -> Response:
    """Of one under way: what is known so far."""
    row = await _own(identity, here, placement_id)
    wrong, concepts = await here.run(_result, memory, row, here.serving.content.concept_titles)
    facts = _facts(row)
    names = ("placement_id", "learner_id", "status", "answered")
    body = {**{name: facts[name] for name in names}, "expected_wrong": wrong, "concepts": concepts}
    return JSONResponse(body, headers=PRIVATE)


def _who(identity: Identity, learner_id: str | None) -> str:
    """Whose answers the caller may give."""
    if identity.role == "instructor":
        raise forbidden("placements are answered by the roles learner, admin and service")
    who = learner_id or identity.learner_id
    if who is None:
        raise BadInput("say whose placement it is", field="learner_id")
    may_see(identity, who)
    return who


def _scope(serving: Serving, body: StartBody) -> dict[str, Any]:
    if (body.course is None) == (body.concepts is None):
        raise BadInput("give course or concepts, one of them", field="course")
    if body.course is not None:
        if body.course not in serving.content.facts:
            raise UnknownThing(f"there is no course {body.course!r}")
        return {"course": body.course}
    concepts = sorted(set(body.concepts or ()))
    for concept_id in concepts:
        if concept_id not in serving.content.concept_titles:
            raise UnknownThing(f"there is no concept {concept_id!r}")
    return {"concepts": concepts}


def _bank(serving: Serving, scope: Mapping[str, Any]) -> Bank:
    content, tracer = serving.content, serving.released.tracer
    found = questions.questions_of(
        {item_id: row["kind"] for item_id, row in content.facts.items()},
        {item_id: row["parent_id"] for item_id, row in content.facts.items()},
        content.taught,
        course=scope.get("course", ""),
        concept_ids=scope.get("concepts", ()),
    )
    told = (None, None) if tracer is None else questions.told_by(tracer, found)
    return questions.bank_of(found, content.prerequisites, *told)


async def _own(identity: Identity, here: Backend, placement_id: UUID) -> dict[str, Any]:
    """Another learner's placement is as one that there is not."""
    row = await here.run(placements.get, here.engine, placement_id)
    if identity.role == "learner" and identity.learner_id != row["learner_id"]:
        raise UnknownThing(f"there is no placement {placement_id}")
    return row


def _answered(memory: Kept, row: Mapping[str, Any], correct: bool) -> Sitting:
    sitting = memory.take(row)
    sitting.answer(correct)
    return sitting


def _result(
    memory: Kept, row: Mapping[str, Any], titles: Mapping[str, str]
) -> tuple[float, list[dict[str, Any]]]:
    """(expected share of wrong judgements, PlacedConcept rows by concept_id)."""
    sitting = memory.take(row)
    found = sitting.result().to_dict("records")
    wrong = sitting.session.expected_wrong
    memory.put(row["placement_id"], sitting)
    return wrong, [{**one, "title": titles.get(one["concept_id"], one["concept_id"])} for one in found]


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "placement_id": str(row["placement_id"]),
        "learner_id": row["learner_id"],
        "course": row["scope"].get("course"),
        "concepts": row["scope"].get("concepts"),
        "status": "open" if row["finished_at"] is None else "finished",
        "stopped": row["session"]["stopped"] or None,
        "answered": row["answered"],
        "most": row["session"]["rules"]["most"],
        "created_at": row["created_at"].isoformat(),
        "updated_at": row["updated_at"].isoformat(),
    }


async def _state(here: Backend, memory: Kept, row: Mapping[str, Any]) -> dict[str, Any]:
    asked, result = row["session"]["asked"], None
    if asked is None:
        _, result = await here.run(_result, memory, row, here.serving.content.concept_titles)
        return {**_facts(row), "question": None, "result": result}
    item = await here.run(queries.item, here.engine, asked)
    return {**_facts(row), "question": _question(asked, item), "result": None}


def _question(item_id: str, item: Mapping[str, Any] | None) -> dict[str, Any]:
    """Without its key. An item that is gone since the test began has only its name left."""
    if item is None:
        known = {"kind": "exercise", "title": item_id, "text": "", "language": "und", "url": None}
        return {"item_id": item_id, **known, "options": []}
    names = ("item_id", "kind", "title", "text", "language", "url")
    return {**{name: item[name] for name in names}, "options": questions.options_of(item["attributes"])}
