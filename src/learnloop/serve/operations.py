"""For those who run it: health, metrics, what is released and stored."""

import asyncio
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from learnloop.serve.backend import Backend, backend
from learnloop.serve.problems import ANSWERS, Problem, Refusal, respond
from learnloop.serve.replies import Alive, Operations, Ready
from learnloop.serve.security import Staff
from learnloop.store import reading

router = APIRouter(tags=["Operations"])
log = logging.getLogger("learnloop.serve")

Here = Annotated[Backend, Depends(backend)]


@router.get("/health/live", response_model=Alive, summary="The process runs")
async def get_live() -> Response:
    return JSONResponse({"status": "alive"})


@router.get(
    "/health/ready",
    response_model=Ready,
    summary="It can answer learners",
    responses={503: {"model": Problem, "description": "Why not, and the next command to type"}},
)
async def get_ready(here: Here) -> Response:
    trouble = await here.run(here.keeper.ready)
    if trouble:
        part, error = next(iter(trouble.items()))
        return respond(
            Refusal(503, f"no-{part}", error.problem, error.next_step, headers={"Retry-After": "5"})
        )
    return JSONResponse({"status": "ready", "release": here.serving.released.version})


@router.get("/metrics", summary="For Prometheus", response_class=Response)
async def get_metrics(here: Here) -> Response:
    """Needs no key: it holds counts by route and no learner. The API listens on loopback unless it is told
    otherwise; where it is, keep this address inside your network."""
    return Response(generate_latest(here.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/v1/operations", response_model=Operations, summary="What is released and stored", responses=ANSWERS
)
async def get_operations(identity: Staff, here: Here) -> Response:
    """Roles instructor, admin, service."""
    counts = await here.totals.get(("counts",), lambda: here.run(reading.counts, here.engine))
    serving = here.serving
    models, release = serving.models, None
    if models is not None:
        release = {
            "version": models.version,
            "run_id": models.run_id,
            "split_at": models.manifest.get("split_at"),
            "manifest": {name: value for name, value in models.manifest.items() if name != "files"},
        }
    trouble = [str(error) for error in tuple(here.keeper.trouble.values())]  # the watcher changes it
    body = {
        "release": release,
        "metrics": models.metrics if models else {},
        "counts": counts,
        "versions": await _versions(here),
        "trouble": trouble,
    }
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


async def _versions(here: Backend) -> list[dict[str, Any]]:
    """Empty where the registry does not answer: the page shows the rest."""
    try:
        return await asyncio.to_thread(here.keeper.registry.versions)
    except Exception as error:
        log.warning("the versions cannot be listed (%s)", type(error).__name__)
        return []
