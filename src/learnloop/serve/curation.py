"""What instructors decide: pins, which come first, and blocks, which never come."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from learnloop.serve.backend import Backend, backend
from learnloop.serve.events import LEARNER_ID, ItemId
from learnloop.serve.items import NO_ITEM
from learnloop.serve.problems import ANSWERS
from learnloop.serve.replies import LEARNER, RulesReply
from learnloop.serve.security import Teacher
from learnloop.store import curation

router = APIRouter(prefix="/v1", tags=["Instructors"], responses=ANSWERS)

Here = Annotated[Backend, Depends(backend)]
LearnerId = Annotated[str, Field(pattern=LEARNER_ID, examples=[LEARNER])]


class RuleBody(BaseModel):
    """For everybody; or for the learners of a course, or for one learner."""

    model_config = ConfigDict(extra="forbid")
    item_id: ItemId
    course: ItemId | None = None
    learner_id: LearnerId | None = None


def _routes(kind: str, name: str, promise: str) -> None:
    """GET, POST and DELETE of one kind of rule. Each answers with the rules of the kind."""

    @router.get(f"/{name}", response_model=RulesReply, summary=f"The {name}", name=f"get_{name}")
    async def get_rules(identity: Teacher, here: Here) -> Response:
        return await _rules(here, kind)

    @router.post(
        f"/{name}",
        response_model=RulesReply,
        summary=promise,
        name=f"add_{kind}",
        responses=NO_ITEM,
    )
    async def add_rule(identity: Teacher, rule: RuleBody, here: Here) -> Response:
        given = (kind, rule.item_id, rule.course or "", rule.learner_id or "", identity.key_id)
        await here.run(curation.put, here.engine, *given)
        await here.run(here.keeper.read_rules)
        return await _rules(here, kind)

    @router.delete(f"/{name}", response_model=RulesReply, summary=f"No {kind} any more", name=f"end_{kind}")
    async def end_rule(
        identity: Teacher,
        here: Here,
        item_id: Annotated[ItemId, Query()],
        course: Annotated[ItemId | None, Query()] = None,
        learner_id: Annotated[str | None, Query(pattern=LEARNER_ID)] = None,
    ) -> Response:
        await here.run(curation.remove, here.engine, kind, item_id, course or "", learner_id or "")
        await here.run(here.keeper.read_rules)
        return await _rules(here, kind)


_routes("pin", "pins", "Recommend an item first")
_routes("block", "blocks", "Never recommend an item")


async def _rules(here: Backend, kind: str) -> Response:
    rows = await here.run(curation.rules, here.engine, kind)
    return JSONResponse({"rules": [_shown(row) for row in rows]}, headers={"Cache-Control": "no-store"})


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    target = {scope: row["target"] if row["scope"] == scope else None for scope in ("course", "learner")}
    return {
        "item_id": row["item_id"],
        "scope": row["scope"],
        "course": target["course"],
        "learner_id": target["learner"],
        "created_at": row["created_at"].isoformat(),
    }
