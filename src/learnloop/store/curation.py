"""What people decide about single recommendations: instructors pin and block, learners hide.

kind pin  item_id demo:courses/python-basics/loops  scope course  target demo:courses/python-basics
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from learnloop.errors import BadInput, UnknownThing
from learnloop.store.tables import curation, hidden_items, items

KINDS = ("pin", "block")


def scope_of(course: str, learner_id: str) -> tuple[str, str]:
    """(scope, target). Raises BadInput where both are given."""
    if course and learner_id:
        raise BadInput(
            "a rule is for a course or for a learner, not for both", "give one of them", field="learner_id"
        )
    return ("learner", learner_id) if learner_id else ("course", course) if course else ("all", "")


def put(
    engine: sa.Engine, kind: str, item_id: str, course: str = "", learner_id: str = "", by: str = ""
) -> bool:
    """Pins or blocks; False where that rule is there already. by: the key_id, or "" for the command line.

    The opposite rule of the same scope goes. Raises UnknownThing on an item or a course there is not, and
    BadInput on a pin of a whole course, a `course` that is none, or a rule both for a course and a learner.
    """
    scope, target = scope_of(course, learner_id)
    row = {"kind": kind, "item_id": item_id, "scope": scope, "target": target, "created_by": by}
    with engine.begin() as connection:
        kinds = _kinds(connection, [item_id, course] if course else [item_id])
        if kind == "pin" and kinds[item_id] == "course":
            raise BadInput(
                f"{item_id!r} is a course: pin a lesson of it", "learnloop pin ITEM", field="item_id"
            )
        if course and kinds[course] != "course":
            raise BadInput(
                f"{course!r} is no course: a rule for its learners would do nothing",
                "learnloop status",
                field="course",
            )
        opposite = KINDS[1 - KINDS.index(kind)]
        connection.execute(_where(sa.delete(curation), opposite, item_id, scope, target))
        adding = insert(curation).values(row).on_conflict_do_nothing().returning(curation.c.item_id)
        return connection.scalar(adding) is not None


def remove(engine: sa.Engine, kind: str, item_id: str, course: str = "", learner_id: str = "") -> bool:
    """False where there is no such rule."""
    scope, target = scope_of(course, learner_id)
    with engine.begin() as connection:
        return bool(connection.execute(_where(sa.delete(curation), kind, item_id, scope, target)).rowcount)


def rules(engine: sa.Engine, kind: str | None = None) -> list[dict[str, Any]]:
    """kind, item_id, scope, target, created_by, created_at; the oldest first."""
    query = sa.select(curation)
    if kind is not None:
        query = query.where(curation.c.kind == kind)
    order = (curation.c.created_at, curation.c.kind, curation.c.item_id, curation.c.scope, curation.c.target)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query.order_by(*order)).mappings()]


def hide(engine: sa.Engine, learner_id: str, item_id: str) -> bool:
    """ "Not interested"; False where it is hidden already. Raises UnknownThing on an item there is not."""
    with engine.begin() as connection:
        _kinds(connection, [item_id])
        row = {"learner_id": learner_id, "item_id": item_id}
        adding = insert(hidden_items).values(row).on_conflict_do_nothing().returning(hidden_items.c.item_id)
        return connection.scalar(adding) is not None


def unhide(engine: sa.Engine, learner_id: str, item_id: str) -> bool:
    """False where it was not hidden."""
    one = sa.and_(hidden_items.c.learner_id == learner_id, hidden_items.c.item_id == item_id)
    with engine.begin() as connection:
        return bool(connection.execute(sa.delete(hidden_items).where(one)).rowcount)


def hidden(engine: sa.Engine, learner_id: str) -> list[str]:
    """Item_ids, the oldest wish first."""
    query = sa.select(hidden_items.c.item_id).where(hidden_items.c.learner_id == learner_id)
    with engine.connect() as connection:
        order = query.order_by(hidden_items.c.created_at, hidden_items.c.item_id)
        return list(connection.scalars(order))


def _kinds(connection: sa.Connection, item_ids: list[str]) -> dict[str, str]:
    query = sa.select(items.c.item_id, items.c.kind).where(items.c.item_id.in_(item_ids))
    found = {row.item_id: row.kind for row in connection.execute(query)}
    for item_id in item_ids:
        if item_id not in found:
            raise UnknownThing(f"there is no item {item_id!r}", "learnloop status")
    return found


def _where(statement: "sa.Delete", kind: str, item_id: str, scope: str, target: str) -> "sa.Delete":
    return statement.where(
        curation.c.kind == kind,
        curation.c.item_id == item_id,
        curation.c.scope == scope,
        curation.c.target == target,
    )
