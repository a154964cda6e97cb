"""The application: its parts put together, started and ended."""

import asyncio
import contextlib
import importlib.metadata
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from learnloop.monitor.metrics import MetricsMiddleware
from learnloop.serve import (
    answers,
    answers_own,
    answers_queue,
    at_risk,
    curation,
    events,
    generation,
    items,
    learners,
    manual,
    operations,
    placement,
    practice,
    prerequisites,
    problems,
    questions,
    retention,
)
from learnloop.serve.backend import Backend, now
from learnloop.serve.generation_jobs import Jobs
from learnloop.serve.graders import Graders
from learnloop.serve.limits import BodyLimit
from learnloop.serve.security import Doorkeeper
from learnloop.settings import Settings

POLL_SECONDS = 3.0

DESCRIPTION = """
Turns what learners do into each learner's next best step, with a reason.

**Keys.** Send `Authorization: Bearer ll_…`. The first start writes an admin's key and the dashboard's to
`secrets/` below `LEARNLOOP_HOME`; `learnloop learner SOURCE ID --key` makes one for a learner,
`learnloop keys make instructor` one for a teacher. A learner's key sees that learner alone.

**Errors** are `application/problem+json` (RFC 9457): `detail` says what is wrong and what to do, `errors`
names each wrong field.
"""

TAGS = [
    {"name": "Events", "description": "What learners did, acknowledged once it is committed."},
    {"name": "Learners", "description": "Next steps with reasons, mastery with its uncertainty, progress."},
    {"name": "Placement", "description": "An adaptive test: what is known of a course, in few questions."},
    {"name": "Items", "description": "Lessons, and what is like them."},
    {"name": "Questions", "description": "To practise with, to review, to report; their statuses."},
    {"name": "Practice", "description": "Questions answered, graded, explained; what waits for a teacher."},
    {"name": "Generation", "description": "Questions made of lessons or texts, as a job with its progress."},
    {"name": "Instructors", "description": "Pins, blocks, prerequisites. Roles instructor and admin."},
    {"name": "Operations", "description": "Health, metrics, the release."},
]


def create_app(
    settings: Settings,
    database_url: str,
    *,
    poll_seconds: float = POLL_SECONDS,
    clock: Callable[[], datetime] = now,
) -> FastAPI:
    """The API on one database. Starts without a release, and without a database too, and says so in
    /health/ready; a new champion serves within `poll_seconds`. clock: what time it is for the learners."""

    backend = Backend(settings, database_url, clock)
    jobs = Jobs(settings, database_url, lambda: backend.engine)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        from threadpoolctl import threadpool_limits

        # One small product a request: threads of BLAS would cost more than they save.
        with threadpool_limits(1, "blas"):
            await backend.refresh()
            backend.decisions.start()
            beside = [
                asyncio.create_task(backend.watch(poll_seconds)),
                asyncio.create_task(retention.watch(backend.prune_decisions, settings.decisions_days)),
                asyncio.create_task(jobs.watch(poll_seconds)),
            ]
            try:
                yield
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
                await asyncio.to_thread(backend.decisions.close)
                await asyncio.to_thread(backend.keeper.close)

    app = FastAPI(
        title="Learnloop",
        version=importlib.metadata.version("learnloop"),
        summary="Each learner's next best step",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    app.state.backend, app.state.doorkeeper = backend, Doorkeeper()
    problems.install(app)
    app.state.placements, app.state.jobs, app.state.graders = placement.Kept(), jobs, Graders(settings)
    asked = (events, learners, placement, items, questions, answers, practice, generation)
    told = (answers_queue, answers_own)
    for part in (*asked, *told, curation, prerequisites, operations, at_risk):
        app.include_router(part.router)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(manual.page(app.openapi(), settings.api_url), headers=manual.HEADERS)

    app.add_middleware(BodyLimit)
    # Added last, so it is outermost: it counts what the others refuse.
    app.add_middleware(MetricsMiddleware, metrics=backend.metrics)
    return app
