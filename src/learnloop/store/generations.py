"""Questions asked for over the API, made by one process at a time: queued, taken up, reported, landed.

    generation_id 0b7c…  state running  progress 0.4  attempts 1  worker 77ab…  heartbeat_at 10:00:02
    request {"item_ids": ["demo:courses/python-basics/loops"], "count": 5, "kinds": [], "seed": 0}

A process that has a job says so every few seconds. One that is silent for STALE_SECONDS is dead: its job is
taken up again from the start, since nothing of it had landed, and failed where MOST_ATTEMPTS have died of it.
Each attempt has a number of its own (`worker`), and whoever writes says it: a process that was thought dead
and is not lands nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import pandas as pd
import sqlalchemy as sa

from learnloop.errors import UnknownThing
from learnloop.store import loading
from learnloop.store.question_tables import generations

STATES = ("queued", "running", "done", "failed", "cancelled")
OPEN = ("queued", "running")
STALE_SECONDS = 60.0  # the first word comes after some imports, on a busy machine after half a minute
MOST_ATTEMPTS = 3
CLAIM_LOCK = 0x6C6C67656E  # "llgen", of PostgreSQL's advisory locks


def begin(
    engine: sa.Engine, generation_id: UUID, request: Mapping[str, Any], created_by: str
) -> dict[str, Any]:
    """The row of a new job, which waits for its turn."""
    row = {
        "generation_id": generation_id,
        "state": "queued",
        "request": dict(request),
        "created_by": created_by,
        "attempts": 0,
        "progress": 0.0,
    }
    with engine.begin() as connection:
        adding = sa.insert(generations).values(row).returning(*generations.columns)
        return dict(connection.execute(adding).mappings().one())


def get(engine: sa.Engine, generation_id: UUID) -> dict[str, Any]:
    """Raises UnknownThing."""
    with engine.connect() as connection:
        query = sa.select(generations).where(generations.c.generation_id == generation_id)
        row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownThing(f"there is no generation {generation_id}")
    return dict(row)


def newest(engine: sa.Engine, limit: int) -> list[dict[str, Any]]:
    """Rows, the newest first."""
    order = (generations.c.created_at.desc(), generations.c.generation_id)
    with engine.connect() as connection:
        found = connection.execute(sa.select(generations).order_by(*order).limit(limit)).mappings()
        return [dict(row) for row in found]


def waiting(engine: sa.Engine) -> int:
    """How many are queued."""
    query = sa.select(sa.func.count()).where(generations.c.state == "queued")
    with engine.connect() as connection:
        return int(connection.scalar(query) or 0)


def claim(engine: sa.Engine, worker: UUID, stale_seconds: float = STALE_SECONDS) -> dict[str, Any] | None:
    """The oldest job that waits, from now on `worker`'s; None where none waits or another one is running.

    Jobs whose process is silent for `stale_seconds` are queued again first, or failed.
    """
    with engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(CLAIM_LOCK)))
        silent = sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, 0, stale_seconds)
        dead = (generations.c.state == "running") & (generations.c.heartbeat_at < silent)
        _put_back(connection, dead, f"its process went silent {MOST_ATTEMPTS} times")
        running = sa.select(generations.c.generation_id).where(generations.c.state == "running")
        if connection.scalar(running.limit(1)) is not None:
            return None
        order = (generations.c.created_at, generations.c.generation_id)
        first = sa.select(generations.c.generation_id).where(generations.c.state == "queued")
        first = first.order_by(*order).limit(1).with_for_update()
        taking = (
            sa.update(generations)
            .where(generations.c.generation_id == first.scalar_subquery())
            .values(
                state="running",
                worker=worker,
                attempts=generations.c.attempts + 1,
                started_at=sa.func.now(),
                heartbeat_at=sa.func.now(),
                progress=0.0,
                error=None,
            )
            .returning(*generations.columns)
        )
        row = connection.execute(taking).mappings().one_or_none()
        return None if row is None else dict(row)


def beat(engine: sa.Engine, generation_id: UUID, worker: UUID, progress: float) -> bool:
    """The worker lives and is so far; False where the job is not its own (cancelled, or another's)."""
    values = {"heartbeat_at": sa.func.now(), "progress": progress}
    with engine.begin() as connection:
        return _write(connection, generation_id, worker, values)


def finish(
    engine: sa.Engine,
    generation_id: UUID,
    worker: UUID,
    questions: pd.DataFrame,
    counts: Mapping[str, Any],
) -> bool:
    """Lands QUESTIONS in the bank and ends the job, both or neither; False where it is not the worker's."""
    with engine.begin() as connection:
        ended = {"state": "done", "progress": 1.0, "finished_at": sa.func.now(), "worker": None}
        if not _write(connection, generation_id, worker, ended):
            return False
        loaded = loading.load(connection, "questions", questions)
        told = {"counts": {**counts, "changes": vars(loaded)}, "question_ids": list(questions["question_id"])}
        own = generations.c.generation_id == generation_id
        connection.execute(sa.update(generations).where(own).values(told))
    return True


def fail(engine: sa.Engine, generation_id: UUID, worker: UUID, error: str) -> bool:
    """Ends a job that cannot be done; error: why, in words. False where it is not the worker's."""
    values = {"state": "failed", "error": error, "finished_at": sa.func.now(), "worker": None}
    with engine.begin() as connection:
        return _write(connection, generation_id, worker, values)


def put_back(engine: sa.Engine, generation_id: UUID, worker: UUID, error: str) -> bool:
    """The worker's process is dead: its job waits again, or has failed of `error` after MOST_ATTEMPTS."""
    own = (
        (generations.c.generation_id == generation_id)
        & (generations.c.worker == worker)
        & (generations.c.state == "running")
    )
    with engine.begin() as connection:
        return bool(_put_back(connection, own, error))


def release(engine: sa.Engine, generation_id: UUID, worker: UUID) -> bool:
    """The worker was told to end in an orderly way: its job waits again, and this was no attempt."""
    values = {"state": "queued", "attempts": generations.c.attempts - 1, "worker": None, "progress": 0.0}
    with engine.begin() as connection:
        return _write(connection, generation_id, worker, values)


def cancel(engine: sa.Engine, generation_id: UUID) -> dict[str, Any]:
    """The row after it was cancelled; one that is done or failed stays so. Raises UnknownThing."""
    own = (generations.c.generation_id == generation_id) & generations.c.state.in_(OPEN)
    values = {"state": "cancelled", "finished_at": sa.func.now(), "worker": None}
    with engine.begin() as connection:
        connection.execute(sa.update(generations).where(own).values(values))
    return get(engine, generation_id)


def _put_back(connection: sa.Connection, which: "sa.ColumnElement[bool]", error: str) -> int:
    ended: Sequence[tuple[Any, dict[str, Any]]] = (
        (
            generations.c.attempts >= MOST_ATTEMPTS,
            {"state": "failed", "error": error, "finished_at": sa.func.now()},
        ),
        (generations.c.attempts < MOST_ATTEMPTS, {"state": "queued", "progress": 0.0}),
    )
    changed = 0
    for when, values in ended:
        statement = sa.update(generations).where(which & when).values(**values, worker=None)
        changed += int(connection.execute(statement).rowcount)
    return changed


def _write(connection: sa.Connection, generation_id: UUID, worker: UUID, values: Mapping[str, Any]) -> bool:
    own = (generations.c.generation_id == generation_id) & (generations.c.worker == worker)
    running = own & (generations.c.state == "running")
    return bool(connection.execute(sa.update(generations).where(running).values(values)).rowcount)
