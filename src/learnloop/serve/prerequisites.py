"""Prerequisites for instructors: what was authored or found in answers and texts, accepted or refused."""

from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from learnloop.serve.backend import Backend, backend
from learnloop.serve.events import PRINTED, ItemId
from learnloop.serve.problems import ANSWERS
from learnloop.serve.replies import PrerequisitesReply
from learnloop.serve.security import Teacher
from learnloop.store import prerequisites

router = APIRouter(prefix="/v1", tags=["Instructors"], responses=ANSWERS)

Here = Annotated[Backend, Depends(backend)]
NO_EDGE: dict[int | str, dict[str, Any]] = {404: {"description": "Nobody said or found this prerequisite"}}


class VerdictBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    concept_id: ItemId
    requires_id: ItemId
    verdict: Literal["accepted", "refused"]
    why: Annotated[str, Field(pattern=PRINTED, max_length=2000)] = ""


@router.get(
    "/prerequisites",
    response_model=PrerequisitesReply,
    summary="What requires what, and what was said of it",
)
async def get_prerequisites(
    identity: Teacher,
    here: Here,
    origin: Annotated[Literal["authored", "mined", "text"] | None, Query()] = None,
    verdict: Annotated[Literal["accepted", "refused", "none"] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """Edges that wait for a verdict come first, the surest of them first."""
    found = await here.run(prerequisites.judged, here.engine, origin, verdict)
    titles = here.serving.content.concept_titles
    shown = [_shown(row, titles) for row in found.head(limit).to_dict("records")]
    reply = {"total": len(found), "prerequisites": shown}
    return JSONResponse(reply, headers={"Cache-Control": "no-store"})


@router.post(
    "/prerequisites",
    response_model=PrerequisitesReply,
    summary="Accept or refuse a prerequisite",
    responses=NO_EDGE,
)
async def judge_prerequisite(identity: Teacher, body: VerdictBody, here: Here) -> Response:
    """Answers with that edge. What is recommended follows within seconds."""
    given = (body.concept_id, body.requires_id, body.verdict, body.why, identity.key_id)
    await here.run(prerequisites.judge, here.engine, *given)
    found = await here.run(prerequisites.judged, here.engine)
    own = (found["concept_id"] == body.concept_id) & (found["requires_id"] == body.requires_id)
    titles = here.serving.content.concept_titles
    shown = [_shown(row, titles) for row in found[own].to_dict("records")]
    return JSONResponse({"total": len(shown), "prerequisites": shown}, headers={"Cache-Control": "no-store"})


def _shown(row: dict[Any, Any], titles: Any) -> dict[str, Any]:
    said = pd.notna(row["verdict"])
    return {
        "concept_id": row["concept_id"],
        "requires_id": row["requires_id"],
        "title": titles.get(row["concept_id"], row["concept_id"]),
        "requires_title": titles.get(row["requires_id"], row["requires_id"]),
        "origin": row["origin"],
        "confidence": float(row["confidence"]),
        "verdict": row["verdict"] if said else None,
        "why": row["why"] if said else None,
        "decided_at": row["decided_at"].isoformat() if said else None,
        "gates": bool(row["gates"]),
    }
