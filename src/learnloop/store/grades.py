"""What people say of answers: the queue of those who teach, their grades, and what a learner is told of them.

event_id answer:5d41…  score 0.5  graded_by 4c1d…  graded_at 2026-03-03 08:00:00+00  comment "and why?"
seen_at NULL

A grade makes the answer an interaction of the moment it was answered. A learner has seen a grade, or it is
new; one that is put right later is new again.
"""

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from learnloop.errors import BadInput, UnknownThing
from learnloop.store import digests, months, practice_answers
from learnloop.store.practice_answers import Taken
from learnloop.store.question_tables import question_answers, questions
from learnloop.store.tables import event_keys, interactions

LONGEST = 2000  # characters of a comment
WHICH = ("new", "graded", "waiting", "all")  # of a learner's answers


class Marked(NamedTuple):
    """The row, whether anything was changed, and the others with the very same answer, graded along."""

    row: dict[str, Any]
    fresh: bool
    others: list[dict[str, Any]]


def listed(
    engine: sa.Engine, ungraded: bool, question_id: str | None, limit: int, after: str = ""
) -> list[dict[str, Any]]:
    """Rows with kind, stem, key, language and status of their question as it is; the oldest first.

    after: the event_id of the last one seen. Those of questions that are gone have none of it.
    """
    table = question_answers
    beside = [questions.c[name] for name in ("kind", "stem", "key", "language", "status")]
    query = sa.select(table, *beside).outerjoin(questions, questions.c.question_id == table.c.question_id)
    if ungraded:
        query = query.where(table.c.correct.is_(None))
    if question_id is not None:
        query = query.where(table.c.question_id == question_id)
    place = sa.tuple_(table.c.answered_at, table.c.event_id)
    if after:
        seen = sa.select(table.c.answered_at, table.c.event_id).where(table.c.event_id == after)
        query = query.where(place > seen.scalar_subquery())
    with engine.connect() as connection:
        ordered = query.order_by(table.c.answered_at, table.c.event_id).limit(limit)
        return [dict(row) for row in connection.execute(ordered).mappings()]


def marked(engine: sa.Engine, question_id: str, version: int, limit: int = 500) -> list[tuple[str, float]]:
    """Texts that a person has graded, of this version, with their scores; the newest first."""
    table = question_answers
    query = sa.select(table.c.picked, table.c.score).where(
        table.c.question_id == question_id, table.c.version == version, table.c.graded_by.is_not(None)
    )
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(table.c.graded_at.desc()).limit(limit)).all()
    return [(picked, score) for picked, score in rows if isinstance(picked, str)]


def alike(engine: sa.Engine, event_id: str) -> int:
    """How many others wait with the very same answer to the same version."""
    query = sa.select(sa.func.count()).where(_same(event_id), question_answers.c.event_id != event_id)
    with engine.connect() as connection:
        return int(connection.scalar(query) or 0)


def mark(
    engine: sa.Engine,
    event_id: str,
    score: float,
    by: str,
    at: datetime,
    comment: str = "",
    was: float | None = None,
) -> Marked:
    """A person's grade, and the interaction that the answer now is; those who wait with the very same answer
    get it as well.

    score: 0 .. 1; right is 1. The same grade again changes nothing. was: the score that this one puts right,
    a person's or not. Raises UnknownThing; Taken where it is graded otherwise, or not with `was`.
    """
    if not 0 <= score <= 1:
        raise BadInput(f"a score is from 0 to 1, not {score}", field="score")
    if len(comment) > LONGEST:
        raise BadInput(f"a comment has at most {LONGEST} characters", field="comment")
    known = practice_answers.get(engine, event_id)
    if known is None:
        raise UnknownThing(f"there is no answer {event_id!r}")
    months.ensure(engine, months.of([known["answered_at"]]))
    own = question_answers.c.event_id == event_id
    # In one order, so that two who grade the same words wait for each other and nothing locks up.
    query = sa.select(question_answers).where(own | _same(event_id)).order_by(question_answers.c.event_id)
    new = {"correct": score == 1, "score": score, "graded_by": by, "graded_at": at}
    new |= {"comment": comment or None, "seen_at": None}
    with engine.begin() as connection:
        held = [dict(row) for row in connection.execute(query.with_for_update()).mappings()]
        (row,) = (one for one in held if one["event_id"] == event_id)
        if row["correct"] is not None or was is not None:
            if not _puts_right(row, score, comment, was):
                return Marked(row, False, [])
            _replace(connection, row | new)
            return Marked(row | new, True, [])
        graded = [one | new for one in held]
        among = question_answers.c.event_id.in_([one["event_id"] for one in held])
        connection.execute(sa.update(question_answers).where(among).values(new))
        for one in graded:
            practice_answers.interaction(connection, one)
    others = [one for one in graded if one["event_id"] != event_id]
    return Marked(row | new, True, others)


def of_learner(engine: sa.Engine, learner_id: str, which: str, limit: int) -> list[dict[str, Any]]:
    """Rows of one learner: `new` (graded by a person and not seen, the first graded first), `graded` (by a
    person, the last first), `waiting` (the oldest first) or `all` (the last answered first)."""
    table = question_answers.c
    query = sa.select(question_answers).where(table.learner_id == learner_id)
    if which == "new":
        query = query.where(_new()).order_by(table.graded_at, table.event_id)
    elif which == "graded":
        query = query.where(table.graded_by.is_not(None)).order_by(table.graded_at.desc(), table.event_id)
    elif which == "waiting":
        query = query.where(table.correct.is_(None)).order_by(table.answered_at, table.event_id)
    else:
        query = query.order_by(table.answered_at.desc(), table.event_id)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]


def counted(engine: sa.Engine, learner_id: str) -> dict[str, int]:
    """How many of a learner's answers are `waiting` for a grade, and how many have a `new` one."""
    waiting = sa.func.count().filter(question_answers.c.correct.is_(None))
    query = sa.select(waiting, sa.func.count().filter(_new()))
    with engine.connect() as connection:
        row = connection.execute(query.where(question_answers.c.learner_id == learner_id)).one()
    return {"waiting": int(row[0]), "new": int(row[1])}


def see(engine: sa.Engine, learner_id: str, until: datetime, at: datetime) -> int:
    """The learner has seen what was graded until then; how many of them were new."""
    table = question_answers.c
    where = (table.learner_id == learner_id, _new(), table.graded_at <= until)
    with engine.begin() as connection:
        changed = connection.execute(sa.update(question_answers).where(*where).values(seen_at=at))
        return int(changed.rowcount)


def _new() -> "sa.ColumnElement[bool]":
    return question_answers.c.graded_by.is_not(None) & question_answers.c.seen_at.is_(None)


def _same(event_id: str) -> "sa.ColumnElement[bool]":
    """Waits, of the same version, with the very same answer."""
    one = question_answers.alias()
    names = ("question_id", "version", "picked")
    its = sa.select(*(one.c[name] for name in names)).where(one.c.event_id == event_id)
    mine = sa.tuple_(*(question_answers.c[name] for name in names))
    return (mine == its.scalar_subquery()) & question_answers.c.correct.is_(None)


def _puts_right(row: dict[str, Any], score: float, comment: str, was: float | None) -> bool:
    """Whether there is anything to change. Raises Taken where the row is not what the caller saw."""
    kept = row["comment"] or ""
    if row["score"] == score and comment == kept and (row["graded_by"] or was is None):
        return False
    if was is None and row["score"] == score and not comment:
        return False
    if was is None or row["score"] != was:
        told = "is not graded yet" if row["score"] is None else f"is graded already, with {row['score']}"
        raise Taken(f"{row['event_id']!r} {told}", field="score")
    return True


def _replace(connection: sa.Connection, row: dict[str, Any]) -> None:
    """The grade of an answer that is an interaction, in both."""
    names = ("correct", "score", "graded_by", "graded_at", "comment", "seen_at")
    own = question_answers.c.event_id == row["event_id"]
    connection.execute(sa.update(question_answers).where(own).values({name: row[name] for name in names}))
    event = practice_answers.event_of(row)
    mine = interactions.c.event_id == row["event_id"], interactions.c.occurred_at == row["answered_at"]
    changed = {"correct": row["correct"], "score": row["score"]}
    connection.execute(sa.update(interactions).where(*mine).values(changed))
    key = event_keys.c.event_key == digests.event_key(row["event_id"])
    connection.execute(sa.update(event_keys).where(key).values(content=digests.content(event)))
