"""What people say of answers: the queue of those who teach, their grades, and what a learner is told of them.

event_id answer:5d41…  score 0.5  graded_by 4c1d…  graded_at 2026-03-03 08:00:00+00  comment "and why?"
seen_at NULL

A grade makes the answer an interaction of the moment it was answered. A learner has seen a grade, or it is
new; one that is put right later is new again, and so are those of others who have it for the same words.
"""

from collections.abc import Mapping
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
BY: dict[str, sa.ColumnElement[bool]] = {
    "all": sa.true(),
    "waiting": question_answers.c.correct.is_(None),
    "graded": question_answers.c.correct.is_not(None),
    "teacher": question_answers.c.graded_by.is_not(None),
    "machine": question_answers.c.correct.is_not(None) & question_answers.c.graded_by.is_(None),
}


class Marked(NamedTuple):
    """The row, whether anything was changed, the others with the very same answer that changed along, and the
    event_ids of those that had no grade before: they are interactions from now on."""

    row: dict[str, Any]
    fresh: bool
    others: list[dict[str, Any]]
    begun: frozenset[str]


def listed(
    engine: sa.Engine, which: str, question_id: str | None, limit: int, after: str = "", words: str = ""
) -> list[dict[str, Any]]:
    """Rows with kind, stem, key, language and status of their question as it is.

    which: `all` or `waiting`, the oldest first; `graded`, `teacher` or `machine`, who graded them, the last
    answered first. words: a part of the answer, in any case. after: the event_id of the last one seen. Those
    of questions that are gone have none of it. Raises BadInput where nobody knows `after`.
    """
    table = question_answers
    beside = [questions.c[name] for name in ("kind", "stem", "key", "language", "status")]
    query = sa.select(table, *beside).outerjoin(questions, questions.c.question_id == table.c.question_id)
    query = query.where(BY[which])
    if question_id is not None:
        query = query.where(table.c.question_id == question_id)
    if words:
        query = query.where(
            table.c.picked.op("#>>", return_type=sa.Text())(sa.literal([], sa.ARRAY(sa.Text))).icontains(
                words, autoescape=True
            )
        )
    place, oldest_first = sa.tuple_(table.c.answered_at, table.c.event_id), which in ("all", "waiting")
    with engine.connect() as connection:
        if after:
            seen = sa.select(table.c.answered_at, table.c.event_id).where(table.c.event_id == after)
            last = connection.execute(seen).one_or_none()
            if last is None:
                raise BadInput(f"there is no answer {after!r} to go on after", "begin anew", field="after")
            query = query.where(place > tuple(last) if oldest_first else place < tuple(last))
        order = (table.c.answered_at, table.c.event_id)
        ordered = query.order_by(*(one if oldest_first else one.desc() for one in order)).limit(limit)
        return [dict(row) for row in connection.execute(ordered).mappings()]


def of_questions(engine: sa.Engine) -> list[dict[str, Any]]:
    """question_id, stem (None where it is gone) and how many answers are `waiting`, graded by a `teacher` and
    by a `machine`; the most answered first."""
    counts = [sa.func.count().filter(BY[name]).label(name) for name in ("waiting", "teacher", "machine")]
    own = question_answers.c.question_id
    found = sa.select(own, *counts).group_by(own).order_by(sa.func.count().desc(), own).subquery()
    query = sa.select(found, questions.c.stem).outerjoin(
        questions, questions.c.question_id == found.c.question_id
    )
    total = found.c.waiting + found.c.teacher + found.c.machine
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(total.desc(), found.c.question_id)).mappings()
        return [dict(row) for row in rows]


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
    """How many others would change along with this answer: `_goes_along`."""
    names = ("event_id", "correct", "score", "graded_by", "graded_at")
    query = sa.select(*(question_answers.c[name] for name in names)).where(_same_words(event_id))
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    own = [row for row in rows if row["event_id"] == event_id]
    return sum(_goes_along(one, row, True) for row in own for one in rows if one is not row)


def mark(
    engine: sa.Engine,
    event_id: str,
    score: float,
    by: str,
    at: datetime,
    comment: str = "",
    was: float | None = None,
) -> Marked:
    """A person's grade, and the interaction that the answer now is. Others with the very same answer to the
    same version get it in the same transaction: those who wait, and those whose grade is put right with it.

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
    # Whatever becomes of them, and in one order: two who grade the same words wait for each other, nothing
    # locks up, and what is decided below is decided on rows that nobody else changes.
    query = sa.select(question_answers).where(_same_words(event_id)).order_by(question_answers.c.event_id)
    new = {"correct": score == 1, "score": score, "graded_by": by, "graded_at": at}
    new |= {"comment": comment or None, "seen_at": None}
    with engine.begin() as connection:
        held = [dict(row) for row in connection.execute(query.with_for_update()).mappings()]
        (row,) = (one for one in held if one["event_id"] == event_id)
        if (row["correct"] is not None or was is not None) and not _puts_right(row, score, comment, was):
            return Marked(row, False, [], frozenset())
        along = [one for one in held if one is not row and _goes_along(one, row, score != row["score"])]
        begun = frozenset(one["event_id"] for one in (row, *along) if one["correct"] is None)
        own, *others = ({**one, **new} for one in (row, *along))
        _keep(connection, [own, *others], begun, new)
    return Marked(own, True, others, begun)


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


def _same_words(event_id: str) -> "sa.ColumnElement[bool]":
    """The very same answer to the same version, its own included."""
    one = question_answers.alias()
    names = ("question_id", "version", "picked")
    its = sa.select(*(one.c[name] for name in names)).where(one.c.event_id == event_id)
    return sa.tuple_(*(question_answers.c[name] for name in names)) == its.scalar_subquery()


def _goes_along(one: Mapping[str, Any], row: Mapping[str, Any], otherwise: bool) -> bool:
    """Whether `one`, with the same words as `row`, changes with it: it waits, or it was graded along with it
    (by the same person in the same act), or a machine gave it the score that `row` has, which is now said
    `otherwise`. Another grade of a person is that person's word."""
    if one["correct"] is None or row["correct"] is None:
        return one["correct"] is None
    if one["score"] != row["score"]:
        return False
    if one["graded_by"] is None:
        return otherwise
    return bool((one["graded_by"], one["graded_at"]) == (row["graded_by"], row["graded_at"]))


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


def _keep(
    connection: sa.Connection, rows: list[dict[str, Any]], begun: frozenset[str], new: Mapping[str, Any]
) -> None:
    """The grade `new` of rows that have it already, in the answer and in the interaction that it is."""
    among = question_answers.c.event_id == sa.any_(
        sa.literal([one["event_id"] for one in rows], sa.ARRAY(sa.Text))
    )
    connection.execute(sa.update(question_answers).where(among).values(dict(new)))
    for one in rows:
        if one["event_id"] in begun:
            practice_answers.interaction(connection, one)
    former = [practice_answers.event_of(one) for one in rows if one["event_id"] not in begun]
    if not former:
        return
    own = interactions.c.event_id == sa.bindparam("own"), interactions.c.occurred_at == sa.bindparam("at")
    changed = sa.update(interactions).where(*own).values(correct=new["correct"], score=new["score"])
    connection.execute(changed, [{"own": one["event_id"], "at": one["occurred_at"]} for one in former])
    key = sa.update(event_keys).where(event_keys.c.event_key == sa.bindparam("own"))
    digest = [{"own": digests.event_key(one["event_id"]), "says": digests.content(one)} for one in former]
    connection.execute(key.values(content=sa.bindparam("says")), digest)
