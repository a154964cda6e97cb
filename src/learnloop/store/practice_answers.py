"""Answers to questions of the bank: each kept once, and an interaction once it is graded.

event_id answer:5d41…  question_id demo:9f86…  version 2  learner_id 5a3c…  picked "a loop"
correct true  score 1.0  seconds 12.5  answered_at 2026-03-02 10:00:00+00  grade {"how": "exact", …}

An answer and the interaction that it is are committed together, or not at all. One that no rule and no model
grades has neither `correct` nor an interaction until a teacher has graded it: `store.grades`.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from learnloop.errors import BadInput, UnknownThing
from learnloop.store import digests, months, question_items
from learnloop.store.question_tables import question_answers, questions
from learnloop.store.tables import event_keys, interactions, items, learners

COLUMNS = (
    *("event_id", "question_id", "version", "learner_id", "picked", "correct", "score", "seconds"),
    "answered_at",
)
PREFIX = "answer:"  # of the event_ids given here: whoever sends events may not take one
SAME = ("question_id", "version", "learner_id", "picked")  # what makes two answers of one event_id one


class Changed(BadInput):
    """The question is not, at the moment of the answer, what the learner saw."""


class Taken(BadInput):
    """An event_id that is taken by an answer, or an event, of other content; or one graded otherwise."""


def append(engine: sa.Engine, answer: Mapping[str, Any], source: str) -> tuple[dict[str, Any], bool]:
    """(the row that is kept, whether it is new). answer: COLUMNS and `grade`; the row gets its item_id.

    One with an event_id that is there changes nothing. source: of a learner nobody knew. Raises Changed where
    the question is at another version, or is not approved; Taken.
    """
    months.ensure(engine, months.of([answer["answered_at"]]))
    with engine.begin() as connection:
        # The question's row is held: it is retired, or worded anew, before or after, and not between.
        question = _held(connection, answer["question_id"])
        kept = _row(connection, answer["event_id"])
        if kept is not None:
            return _as_kept(kept, answer), False
        if question["version"] != answer["version"] or question["status"] != "approved":
            raise Changed(
                f"{answer['question_id']!r} is {question['status']}, at version {question['version']}",
                "read it again",
                "version",
            )
        kind = connection.scalar(sa.select(items.c.kind).where(items.c.item_id == question["item_id"]))
        row = {**answer, "item_id": question_items.item_of(question, kind)}
        if kind is not None:
            _ensure_item(connection, row)
        new = insert(question_answers).values(row).on_conflict_do_nothing()
        if connection.scalar(new.returning(question_answers.c.event_id)) is None:  # another was faster
            return _as_kept(_row(connection, answer["event_id"]) or {}, answer), False
        person = {"learner_id": row["learner_id"], "source": source, "attributes": {}}
        connection.execute(insert(learners).values(person).on_conflict_do_nothing())
        if row["correct"] is not None:
            interaction(connection, row)
    return row, True


def get(engine: sa.Engine, event_id: str) -> dict[str, Any] | None:
    """The row, None where there is none."""
    with engine.connect() as connection:
        return _row(connection, event_id)


def read(engine: sa.Engine) -> pd.DataFrame:
    """COLUMNS, by answered_at and event_id; `picked` (object) as it was given: text, bool, list or pairs."""
    columns = [question_answers.c[name] for name in COLUMNS]
    query = sa.select(*columns).order_by(question_answers.c.answered_at, question_answers.c.event_id)
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    kinds = dict.fromkeys(("event_id", "question_id", "learner_id"), "str")
    kinds |= {"version": "int64", "correct": "boolean", "score": "Float64", "seconds": "Float64"}
    frame = frame.astype(kinds)
    frame["answered_at"] = pd.to_datetime(frame["answered_at"], utc=True).astype("datetime64[us, UTC]")
    return frame


def interaction(connection: sa.Connection, row: Mapping[str, Any]) -> None:
    """Commits nothing: the interaction that a graded answer is. Raises Taken."""
    event = event_of(row)
    key = {"event_key": digests.event_key(event["event_id"]), "content": digests.content(event)}
    claim = insert(event_keys).values(key).on_conflict_do_nothing().returning(event_keys.c.event_key)
    if connection.scalar(claim) is None:
        raise Taken(f"the event_id {event['event_id']} is taken by another event", field="event_id")
    connection.execute(insert(interactions).values(event))


def event_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of `interactions` that a graded answer is."""
    return {
        **{name: row[name] for name in ("event_id", "learner_id", "item_id", "correct", "score")},
        "verb": "answered",
        "duration_s": row["seconds"],
        "occurred_at": row["answered_at"],
        "source": "practice",
    }


def _held(connection: sa.Connection, question_id: str) -> dict[str, Any]:
    query = sa.select(questions).where(questions.c.question_id == question_id).with_for_update(read=True)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownThing(f"there is no question {question_id!r}")
    return dict(row)


def _row(connection: sa.Connection, event_id: str) -> dict[str, Any] | None:
    query = sa.select(question_answers).where(question_answers.c.event_id == event_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def _as_kept(kept: dict[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    if any(kept.get(name) != answer[name] for name in SAME):
        raise Taken("this event_id is taken by another answer; nothing was changed", field="event_id")
    return kept


def _ensure_item(connection: sa.Connection, row: Mapping[str, Any]) -> None:
    """An approval makes it; a question that came approved has none before its first answer."""
    known = sa.select(sa.literal(1)).where(items.c.item_id == row["item_id"])
    if connection.scalar(known) is None:
        question_items.register(connection, [row["question_id"]])
