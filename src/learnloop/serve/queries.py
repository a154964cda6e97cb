"""The few statements that serving alone needs: single rows, counts by learner, events in."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from psycopg.errors import CheckViolation
from sqlalchemy.dialects.postgresql import insert

from learnloop.serve.histories import Event
from learnloop.store import digests, months
from learnloop.store.digests import CONTENT as CONTENT  # what makes two events with one event_id the same
from learnloop.store.tables import api_keys, event_keys, interactions, items, learners, summaries


class EventConflict(Exception):
    """An event_id that is taken by an event of other content."""

    def __init__(self, event_id: str) -> None:
        self.event_id = event_id


def record(engine: sa.Engine, events: Sequence[Mapping[str, Any]]) -> set[str]:
    """Commits `events` (rows of interactions, distinct event_ids), all or none; the event_ids that are new.

    Raises EventConflict. Keys go in their order, so that two requests that share some cannot deadlock. A
    learner nobody knew becomes known.
    """
    try:
        return _recorded(engine, events)
    except sa.exc.IntegrityError as error:
        # The first event of a month finds no part of the table to lie in.
        if not isinstance(error.orig, CheckViolation) or not months.ensure(
            engine, months.of(event["occurred_at"] for event in events)
        ):
            raise
        return _recorded(engine, events)


def _recorded(engine: sa.Engine, events: Sequence[Mapping[str, Any]]) -> set[str]:
    by_key = {digests.event_key(event["event_id"]): event for event in events}
    said = {key: digests.content(by_key[key]) for key in sorted(by_key, key=lambda key: key.bytes)}
    known = {row["learner_id"]: row["source"] for row in events}
    people = [
        {"learner_id": learner_id, "source": source, "attributes": {}}
        for learner_id, source in sorted(known.items())
    ]
    claim = insert(event_keys).on_conflict_do_nothing().returning(event_keys.c.event_key)
    with engine.begin() as connection:
        connection.execute(insert(learners).on_conflict_do_nothing(), people)
        fresh = set(connection.scalars(claim, [{"event_key": key, "content": said[key]} for key in said]))
        former = [key for key in said if key not in fresh]
        if former:
            wanted = sa.select(event_keys).where(event_keys.c.event_key.in_(former))
            kept = {row.event_key: row.content for row in connection.execute(wanted)}
            for key in former:
                if kept.get(key, said[key]) != said[key]:
                    raise EventConflict(by_key[key]["event_id"])
        if fresh:
            connection.execute(insert(interactions), [by_key[key] for key in by_key if key in fresh])
    return {by_key[key]["event_id"] for key in fresh}


def history(engine: sa.Engine, learner_id: str) -> list[Event]:
    """Everything of one learner, by occurred_at and event_id."""
    table = interactions
    columns = (table.c.occurred_at, table.c.event_id, table.c.item_id, table.c.verb, table.c.correct)
    query = sa.select(*columns).where(table.c.learner_id == learner_id)
    with engine.connect() as connection:
        found = connection.execute(query.order_by(table.c.occurred_at, table.c.event_id)).all()
    return [Event(*row) for row in found]


def existing_items(engine: sa.Engine, item_ids: Collection[str]) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(sa.select(items.c.item_id).where(_among(items.c.item_id, item_ids))))


def item(engine: sa.Engine, item_id: str) -> dict[str, Any] | None:
    """One row of items, with its `summary` beside."""
    query = (
        sa.select(items, summaries.c.text.label("summary"))
        .outerjoin(summaries, summaries.c.item_id == items.c.item_id)
        .where(items.c.item_id == item_id)
    )
    with engine.connect() as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def most_active(engine: sa.Engine, limit: int) -> list[dict[str, Any]]:
    """learner_id, interactions, last_at; the most active first."""
    counted = sa.func.count().label("interactions")
    query = (
        sa.select(
            interactions.c.learner_id, counted, sa.func.max(interactions.c.occurred_at).label("last_at")
        )
        .group_by(interactions.c.learner_id)
        .order_by(counted.desc(), interactions.c.learner_id)
        .limit(limit)
    )
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def durations_by_day(engine: sa.Engine, learner_id: str) -> dict[str, float]:
    """Day (UTC) -> seconds that the learner's events say they took."""
    day = sa.cast(interactions.c.occurred_at, sa.Date)  # the session speaks UTC
    query = (
        sa.select(day, sa.func.sum(interactions.c.duration_s))
        .where(interactions.c.learner_id == learner_id, interactions.c.duration_s.is_not(None))
        .group_by(day)
    )
    with engine.connect() as connection:
        return {found.isoformat(): float(seconds) for found, seconds in connection.execute(query)}


def has_key(connection: sa.Connection, role: str) -> bool:
    query = sa.select(sa.func.count()).where(api_keys.c.role == role, api_keys.c.revoked_at.is_(None))
    return bool(connection.scalar(query))


def _among(column: "sa.Column[Any]", values: Collection[str]) -> "sa.ColumnElement[bool]":
    return column == sa.any_(sa.literal(sorted(set(values)), sa.ARRAY(sa.Text)))
