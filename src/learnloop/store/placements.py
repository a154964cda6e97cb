"""Placements under way and done; an answer is stored with the event that it is, or not at all.

placement_id 0b7c…  learner_id 9f86d081884c7d65…  scope {"course": "demo:courses/python-basics"}  answered 3
session {"asked": "demo:…#q2", "answers": [["demo:…#q1", true], …], …}  bank {"item_ids": […], …}
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from learnloop.errors import BadInput, UnknownThing
from learnloop.store import digests, months
from learnloop.store.tables import event_keys, interactions, learners, placements


def begin(
    engine: sa.Engine,
    placement_id: UUID,
    learner_id: str,
    scope: Mapping[str, Any],
    session: Mapping[str, Any],
    bank: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """The row of a new placement; or the one of this learner and scope that is not finished yet."""
    row = {
        "placement_id": placement_id,
        "learner_id": learner_id,
        "scope": dict(scope),
        "scope_sha256": _digest(scope),
        "answered": len(session["answers"]),
        "session": dict(session),
        "bank": dict(bank),
        "created_at": now,
        "updated_at": now,
        "finished_at": None if session["asked"] else now,
    }
    with engine.begin() as connection:
        connection.execute(insert(placements).values(row).on_conflict_do_nothing())
        found = _open(connection, learner_id, scope)
        return found if found is not None else row


def unfinished(engine: sa.Engine, learner_id: str, scope: Mapping[str, Any]) -> dict[str, Any] | None:
    """The row that waits for an answer, if there is one."""
    with engine.connect() as connection:
        return _open(connection, learner_id, scope)


def get(engine: sa.Engine, placement_id: UUID) -> dict[str, Any]:
    """Raises UnknownThing."""
    with engine.connect() as connection:
        query = sa.select(placements).where(placements.c.placement_id == placement_id)
        row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownThing(f"there is no placement {placement_id}")
    return dict(row)


def of_learner(engine: sa.Engine, learner_id: str, limit: int) -> list[dict[str, Any]]:
    """Rows without their banks, the newest first."""
    columns = [column for column in placements.columns if column.name != "bank"]
    query = sa.select(*columns).where(placements.c.learner_id == learner_id)
    order = (placements.c.created_at.desc(), placements.c.placement_id)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query.order_by(*order).limit(limit)).mappings()]


def answer(
    engine: sa.Engine,
    placement: Mapping[str, Any],
    session: Mapping[str, Any],
    now: datetime,
    learner_source: str,
) -> dict[str, Any] | None:
    """Commits the last answer of `session` to `placement` (its row before), and the event that it is.

    The event (INTERACTIONS), or None where somebody answered meanwhile: read the placement again. Raises
    BadInput where its event_id is taken.
    """
    number = len(session["answers"])
    item_id, correct = session["answers"][-1]
    event = {
        "event_id": f"placement:{placement['placement_id']}:{number}",
        "learner_id": placement["learner_id"],
        "item_id": item_id,
        "verb": "answered",
        "correct": correct,
        "score": None,
        "duration_s": None,
        "occurred_at": now,
        "source": "placement",
    }
    months.ensure(engine, months.of([now]))
    changed = {
        "session": dict(session),
        "answered": number,
        "updated_at": now,
        "finished_at": None if session["asked"] else now,
    }
    own = (placements.c.placement_id == placement["placement_id"]) & (placements.c.answered == number - 1)
    key = {"event_key": digests.event_key(event["event_id"]), "content": digests.content(event)}
    person = {"learner_id": placement["learner_id"], "source": learner_source, "attributes": {}}
    with engine.begin() as connection:
        if not connection.execute(sa.update(placements).where(own).values(changed)).rowcount:
            return None
        connection.execute(insert(learners).values(person).on_conflict_do_nothing())
        claim = insert(event_keys).values(key).on_conflict_do_nothing().returning(event_keys.c.event_key)
        if connection.scalar(claim) is None:
            raise BadInput(f"the event_id {event['event_id']} is taken", "start another placement")
        connection.execute(insert(interactions).values(event))
    return event


def _open(connection: sa.Connection, learner_id: str, scope: Mapping[str, Any]) -> dict[str, Any] | None:
    query = sa.select(placements).where(
        placements.c.learner_id == learner_id,
        placements.c.scope_sha256 == _digest(scope),
        placements.c.finished_at.is_(None),
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def _digest(scope: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(scope, sort_keys=True).encode()).hexdigest()
