"""What learners make of a question: statistics of a version, and their reports of what is wrong with it.

question_id demo:9f86…  version 2  n 120  statistics {"difficulty": {"value": 0.71, …}, …}
question_id demo:9f86…  version 2  learner_id 5a3c…  reason two_right  comment "b fits as well"
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, distinct_on, insert

from learnloop.errors import BadInput, UnknownThing
from learnloop.store.question_tables import question_reports, question_statistics, questions
from learnloop.store.questions import Wanted

REASONS = ("wrong_key", "two_right", "unclear", "typo", "offensive", "other")
ACTIONS = ("suspend", "review", "replace", "practice")  # of the rules on statistics, the gravest first
LONGEST = 2000  # characters of a comment


def report(
    engine: sa.Engine,
    question_id: str,
    learner_id: str,
    reason: str,
    comment: str = "",
    version: int | None = None,
) -> dict[str, Any]:
    """Keeps what a learner says of a version: question_id, version, learner_id, reason, comment, at.

    version: the one that the learner saw; the present one where it is not said. A learner has one report a
    version: a second one takes the place of the first. Raises UnknownThing on a question that learners do
    not get, and BadInput on a reason or a version there is not.
    """
    if reason not in REASONS:
        raise BadInput(f"{reason!r} is not one of {', '.join(REASONS)}", field="reason")
    if len(comment) > LONGEST:
        raise BadInput(f"a comment has at most {LONGEST} characters", field="comment")
    query = sa.select(questions.c.version, questions.c.status)
    with engine.begin() as connection:
        row = connection.execute(query.where(questions.c.question_id == question_id)).one_or_none()
        # One that was suspended while the learner had it on the screen is reported all the same.
        if row is None or row.status not in ("approved", "suspended"):
            raise UnknownThing(f"there is no question {question_id!r}")
        if version is not None and not 1 <= version <= row.version:
            raise BadInput(f"{question_id!r} has no version {version}", field="version")
        said = {"reason": reason, "comment": comment}
        keys = {"question_id": question_id, "version": version or row.version, "learner_id": learner_id}
        new = insert(question_reports).values({**keys, **said})
        keeping = new.on_conflict_do_update(index_elements=list(keys), set_={**said, "at": sa.func.now()})
        kept = connection.execute(keeping.returning(*question_reports.columns)).mappings().one()
        return dict(kept)


def reports(engine: sa.Engine, question_id: str | None = None, limit: int = 1000) -> list[dict[str, Any]]:
    """question_id, version, learner_id, reason, comment, at; the newest first."""
    query = sa.select(question_reports).order_by(question_reports.c.at.desc(), *question_reports.primary_key)
    if question_id is not None:
        query = query.where(question_reports.c.question_id == question_id)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]


def reported(engine: sa.Engine) -> dict[tuple[str, int], dict[str, int]]:
    """(question_id, version) -> reason -> learners who gave it."""
    table = question_reports
    key = (table.c.question_id, table.c.version, table.c.reason)
    query = sa.select(*key, sa.func.count()).group_by(*key).order_by(*key)
    found: dict[tuple[str, int], dict[str, int]] = {}
    with engine.connect() as connection:
        for question_id, version, reason, learners in connection.execute(query):
            found.setdefault((question_id, version), {})[reason] = int(learners)
    return found


def keep_statistics(engine: sa.Engine, rows: Sequence[Mapping[str, Any]], computed_at: datetime) -> int:
    """Keeps question_id, version, n, statistics (a dict) of each row; how many were not there yet.

    Statistics are of a version, and one moment's are never overwritten.
    """
    if computed_at.tzinfo is None:
        raise BadInput("computed_at has no time zone", "say it in UTC", field="computed_at")
    if not rows:
        return 0
    names = ("question_id", "version", "n", "statistics")
    entries = [{**{name: row[name] for name in names}, "computed_at": computed_at} for row in rows]
    adding = insert(question_statistics).on_conflict_do_nothing().returning(question_statistics.c.question_id)
    with engine.begin() as connection:
        # In batches, as SQLAlchemy makes them: a statement takes 65,535 values, and a bank may have more.
        return len(connection.execute(adding, entries).all())


def statistics(engine: sa.Engine, question_id: str | None = None) -> list[dict[str, Any]]:
    """The newest of each question and version: question_id, version, computed_at, n, statistics."""
    table = question_statistics
    query = sa.select(table).ext(distinct_on(table.c.question_id, table.c.version))
    if question_id is not None:
        query = query.where(table.c.question_id == question_id)
    order = (table.c.question_id, table.c.version, table.c.computed_at.desc())
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query.order_by(*order)).mappings()]


def flagged(engine: sa.Engine, wanted: Wanted, limit: int, after: str = "") -> list[dict[str, Any]]:
    """Rows of `questions`, what is flagged first: by the gravest action that the rules ask for, then by how
    many learners report it, then by question_id; those behind `after`, a question_id."""
    ranked = wanted.of(sa.select(questions, _rank().label("rank"), (-_reporters()).label("fewer"))).subquery()
    place = sa.tuple_(ranked.c.rank, ranked.c.fewer, ranked.c.question_id)
    query = sa.select(ranked)
    if after:
        seen = sa.select(_rank(), -_reporters(), questions.c.question_id)
        query = query.where(place > seen.where(questions.c.question_id == after).scalar_subquery())
    ordered = query.order_by(ranked.c.rank, ranked.c.fewer, ranked.c.question_id).limit(limit)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(ordered).mappings()]


def notes(engine: sa.Engine, question_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """question_id -> computed_at, n, statistics (None where never kept) of its present version, and
    `reporters`: how many learners report it."""
    latest = _latest("computed_at", "n", "statistics").lateral()
    query = sa.select(questions.c.question_id, latest, _reporters().label("reporters"))
    query = query.outerjoin(latest, sa.true()).where(questions.c.question_id.in_(question_ids))
    with engine.connect() as connection:
        return {row["question_id"]: dict(row) for row in connection.execute(query).mappings()}


def _latest(*names: str) -> "sa.Select[Any]":
    """The newest statistics of a question's present version."""
    table = question_statistics
    own = (table.c.question_id == questions.c.question_id, table.c.version == questions.c.version)
    query = sa.select(*(table.c[name] for name in names)).where(*own).correlate(questions)
    return query.order_by(table.c.computed_at.desc()).limit(1)


def _rank() -> "sa.ColumnElement[int]":
    """1 for the gravest action of ACTIONS, one more for each lesser one, and one more for no flag at all."""
    found = _latest("statistics").lateral()
    flag = sa.func.jsonb_array_elements(found.c.statistics["flags"]).table_valued("value").lateral()
    action = sa.cast(flag.c.value, JSONB)["action"].astext
    place = sa.func.array_position(sa.literal(list(ACTIONS), sa.ARRAY(sa.Text)), action)
    gravest = sa.select(sa.func.min(place)).select_from(found.join(flag, sa.true())).correlate(questions)
    return sa.func.coalesce(gravest.scalar_subquery(), len(ACTIONS) + 1)


def _reporters() -> "sa.ColumnElement[int]":
    table = question_reports
    own = (table.c.question_id == questions.c.question_id, table.c.version == questions.c.version)
    return sa.select(sa.func.count()).where(*own).correlate(questions).scalar_subquery()
