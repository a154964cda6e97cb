"""Frames back from PostgreSQL, in the dtypes of their contracts and in a fixed order."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from learnloop import schemas
from learnloop.errors import BadInput
from learnloop.store import copying, digests, tables


@dataclass(frozen=True)
class RawPage:
    """One page as it was fetched, unchanged."""

    url: str
    sha256: str
    source: str
    status: int
    content_type: str
    headers: Mapping[str, Any]
    body: bytes
    fetched_at: datetime


def items(
    engine: sa.Engine,
    kinds: Collection[str] | None = None,
    source: str | None = None,
    ids: Collection[str] | None = None,
    parents: Collection[str] | None = None,
    without: Collection[str] = (),
) -> pd.DataFrame:
    """ITEMS by item_id; ids, parents: only of these item_ids and parent_ids. without: columns that stay where
    they are: texts are most of a catalogue."""
    table = tables.items
    columns = [table.c[name] for name in schemas.ITEMS.columns if name not in without]
    query = sa.select(*columns).order_by(table.c.item_id)
    for column, wanted in ((table.c.kind, kinds), (table.c.item_id, ids), (table.c.parent_id, parents)):
        if wanted is not None:
            query = query.where(_among(column, wanted))
    return _read(engine, _from_source(query, table, source), schemas.ITEMS)


def item_ids(engine: sa.Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(sa.select(tables.items.c.item_id)))


def item_titles(engine: sa.Engine, source: str) -> dict[str, str]:
    """The titles of one source's items, by item_id."""
    query = sa.select(tables.items.c.item_id, tables.items.c.title).where(tables.items.c.source == source)
    with engine.connect() as connection:
        return {row.item_id: row.title for row in connection.execute(query)}


def item_origins(engine: sa.Engine) -> pd.DataFrame:
    """item_id, parent_id and attributes (`created_at` alone) of all items; none where no item has a date."""
    table = tables.items
    created = table.c.attributes["created_at"].astext
    with engine.connect() as connection:
        dated = connection.scalar(sa.select(sa.exists().where(created.is_not(None))))
        query = sa.select(table.c.item_id, table.c.parent_id, created) if dated else None
        rows = connection.execute(query).all() if query is not None else []
    origins = [(item_id, parent, {"created_at": at} if at else {}) for item_id, parent, at in rows]
    return pd.DataFrame(origins, columns=["item_id", "parent_id", "attributes"])


def concepts(engine: sa.Engine) -> pd.DataFrame:
    """CONCEPTS by concept_id."""
    return _whole(engine, tables.concepts, schemas.CONCEPTS)


def item_concepts(engine: sa.Engine) -> pd.DataFrame:
    """ITEM_CONCEPTS by item_id, concept_id."""
    return _whole(engine, tables.item_concepts, schemas.ITEM_CONCEPTS)


def prerequisites(engine: sa.Engine) -> pd.DataFrame:
    """PREREQUISITES by concept_id, requires_id."""
    return _whole(engine, tables.prerequisites, schemas.PREREQUISITES)


def enrolments(engine: sa.Engine) -> pd.DataFrame:
    """ENROLMENTS by learner_id, item_id."""
    return _whole(engine, tables.enrolments, schemas.ENROLMENTS)


def summaries(engine: sa.Engine) -> pd.DataFrame:
    """SUMMARIES by item_id."""
    return _whole(engine, tables.summaries, schemas.SUMMARIES)


def learners(engine: sa.Engine, learner_ids: Collection[str] | None = None) -> pd.DataFrame:
    """LEARNERS by learner_id; those of `learner_ids` that exist, where it is given."""
    query = _of(tables.learners, schemas.LEARNERS).order_by(tables.learners.c.learner_id)
    if learner_ids is not None:
        query = query.where(_among(tables.learners.c.learner_id, learner_ids))
    return _read(engine, query, schemas.LEARNERS)


def interactions(
    engine: sa.Engine,
    since: datetime | None = None,
    until: datetime | None = None,
    source: str | None = None,
) -> pd.DataFrame:
    """INTERACTIONS with since <= occurred_at < until, by occurred_at, event_id."""
    query = _from_source(interactions_query(since, until), tables.interactions, source)
    return _read(engine, query, schemas.INTERACTIONS)


def stored_events(engine: sa.Engine, event_ids: Collection[str]) -> int:
    """How many of `event_ids` are interactions that are stored: by their keys, the one index on an event."""
    keys = [digests.event_key(event_id) for event_id in sorted(set(event_ids))]
    known = tables.event_keys.c.event_key == sa.any_(sa.literal(keys, sa.ARRAY(sa.Uuid)))
    with engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).where(known)) or 0


def learner_interactions(engine: sa.Engine, learner_id: str) -> pd.DataFrame:
    """INTERACTIONS of one learner, by occurred_at, event_id."""
    query = interactions_query().where(tables.interactions.c.learner_id == learner_id)
    return _read(engine, query, schemas.INTERACTIONS)


def interactions_query(since: datetime | None = None, until: datetime | None = None) -> "sa.Select[Any]":
    """The statement behind `interactions`: a total order, so that two readings are equal."""
    table = tables.interactions
    query = _of(table, schemas.INTERACTIONS).order_by(table.c.occurred_at, table.c.event_id)
    if since is not None:
        query = query.where(table.c.occurred_at >= _aware(since, "since"))
    if until is not None:
        query = query.where(table.c.occurred_at < _aware(until, "until"))
    return query


def questions(
    engine: sa.Engine,
    item_id: str | None = None,
    language: str | None = None,
    limit: int | None = None,
    status: str | None = None,
    kind: str | None = None,
    origin: str | None = None,
) -> pd.DataFrame:
    """QUESTIONS with `version`, `status` and `created_at` beside, by question_id; at most `limit` of them.

    What a question has not is None in a column of objects, NA or NaN in the others.
    """
    table = tables.questions
    query = sa.select(*table.columns).order_by(table.c.question_id)
    for column, wanted in (
        (table.c.item_id, item_id),
        (table.c.language, language),
        (table.c.status, status),
        (table.c.kind, kind),
        (table.c.origin, origin),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if limit is not None:
        query = query.limit(limit)
    return _read(engine, query, schemas.QUESTIONS)


def raw_pages(engine: sa.Engine, source: str | None = None) -> Iterator[RawPage]:
    """Pages by source, url and fetched_at, one at a time: a crawl need not fit into memory."""
    table = tables.raw_pages
    query = sa.select(table).order_by(table.c.source, table.c.url, table.c.fetched_at, table.c.sha256)
    with engine.connect() as connection:
        result = connection.execution_options(yield_per=50).execute(_from_source(query, table, source))
        for row in result.mappings():
            yield RawPage(**row)


def rejected_rows(engine: sa.Engine, source: str | None = None) -> pd.DataFrame:
    """REJECTED_ROWS by source, file, line."""
    table = tables.rejected_rows
    query = _of(table, tables.REJECTED_ROWS).order_by(
        table.c.source, table.c.file, table.c.line, table.c.row_sha256
    )
    return _read(engine, _from_source(query, table, source), tables.REJECTED_ROWS)


def counts(engine: sa.Engine) -> dict[str, int]:
    """Rows by table name, for every table."""
    queries = [
        sa.select(sa.literal(name), sa.func.count()).select_from(table)
        for name, table in tables.metadata.tables.items()
    ]
    with engine.connect() as connection:
        found = connection.execute(sa.union_all(*queries)).all()
    return {name: int(rows) for name, rows in sorted(found)}


def _of(table: sa.Table, contract: Any) -> "sa.Select[Any]":
    return sa.select(*(table.c[name] for name in contract.columns))


def _whole(engine: sa.Engine, table: sa.Table, contract: Any) -> pd.DataFrame:
    return _read(engine, _of(table, contract).order_by(*table.primary_key), contract)


def _read(engine: sa.Engine, query: "sa.Select[Any]", contract: Any) -> pd.DataFrame:
    with engine.connect() as connection:
        return copying.frame(connection, query, contract)


def _from_source(query: "sa.Select[Any]", table: sa.Table, source: str | None) -> "sa.Select[Any]":
    return query if source is None else query.where(table.c.source == source)


def _among(column: "sa.Column[Any]", values: Collection[str]) -> "sa.ColumnElement[bool]":
    wanted: Sequence[str] = sorted(set(values))
    return column == sa.any_(sa.literal(wanted, sa.ARRAY(sa.Text)))


def _aware(moment: datetime, name: str) -> datetime:
    if moment.tzinfo is None:
        raise BadInput(f"{name} has no time zone", "say it in UTC", field=name)
    return moment
