"""The tables, column for column the frame contracts of `learnloop.schemas`, and what only a store knows.

    learner_id  9f86d081884c7d65…  item_id  oulad:AAA-2013J/546614  verb  experienced
    occurred_at 2013-10-01 00:00:00+00  event_id  oulad:studentVle:AAA-2013J:28400:546614:0:3

Identifiers compare by code point (collation "C"), so an order is the same on every server. Nothing
refers to `interactions` by a foreign key, nor do they refer to anything: the frame contracts stand at
the door, and an import may bring the answers before the exercises. Columns with a server default are
the store's own and are never written from a frame.
"""

import pandera.pandas as pa
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from learnloop import schemas
from learnloop.store.columns import created as _created
from learnloop.store.columns import identifier as _id
from learnloop.store.columns import json as _json
from learnloop.store.columns import key as _key
from learnloop.store.columns import metadata as metadata
from learnloop.store.columns import text as _text
from learnloop.store.columns import time as _time
from learnloop.store.question_tables import questions as questions

items = Table(
    "items",
    metadata,
    _key("item_id"),
    _text("source"),
    _text("kind"),
    _id("parent_id", nullable=True),
    Column("position", BigInteger),
    _text("title"),
    _text("text"),
    _text("abstract", nullable=True),
    _text("language"),
    _text("subject", nullable=True),
    _text("level", nullable=True),
    Column("duration_s", Double),
    _text("licence", nullable=True),
    _text("url", nullable=True),
    _text("answer", nullable=True),
    _json("attributes"),
    Index(None, "parent_id"),
)

concepts = Table("concepts", metadata, _key("concept_id"), _text("title"), _text("language"))

item_concepts = Table(
    "item_concepts", metadata, _key("item_id"), _key("concept_id"), Index(None, "concept_id")
)

prerequisites = Table(
    "prerequisites",
    metadata,
    _key("concept_id"),
    _key("requires_id"),
    _text("origin"),
    Column("confidence", Double, nullable=False),
)

learners = Table("learners", metadata, _key("learner_id"), _text("source"), _json("attributes"))

enrolments = Table(
    "enrolments",
    metadata,
    _key("learner_id"),
    _key("item_id"),
    _time("registered_at", nullable=True),
    _time("unregistered_at", nullable=True),
    _text("result", nullable=True),
    _json("attributes"),
)

# In parts by month (`store.months`). That an event is there once is what event_keys is for.
interactions = Table(
    "interactions",
    metadata,
    _id("event_id"),
    _id("learner_id"),
    _id("item_id"),
    _text("verb"),
    Column("correct", Boolean),
    Column("score", Double),
    Column("duration_s", Double),
    _time("occurred_at"),
    _text("source"),
    _text("imputed", nullable=True),
    Index(None, "learner_id"),
    postgresql_partition_by="RANGE (occurred_at)",
)

event_keys = Table(
    "event_keys",
    metadata,
    Column("event_key", Uuid, primary_key=True),  # digest of event_id
    Column("content", BigInteger, nullable=False),  # digest of what the event says: `store.digests`
)

summaries = Table(
    "summaries",
    metadata,
    _key("item_id"),
    _text("text"),
    _text("source_sha256"),
    _json("provenance"),
)

raw_pages = Table(
    "raw_pages",
    metadata,
    Column("source", Text, primary_key=True),
    _key("url"),
    _key("sha256"),
    Column("status", Integer, nullable=False),
    _text("content_type"),
    _json("headers"),
    Column("body", LargeBinary, nullable=False),
    _time("fetched_at"),
)

crawls = Table(
    "crawls",
    metadata,
    _key("source"),
    _text("signature"),  # of what decides which pages it asks for: another one begins anew
    _json("recipe"),
    _time("started_at"),
    _time("finished_at", nullable=True),
)

frontier = Table(
    "frontier",
    metadata,
    _key("source"),
    _key("url"),
    _id("host"),
    Column("depth", Integer, nullable=False),
    Column("hops", Integer, nullable=False),  # redirects in a row that led here
    Column("position", BigInteger, Identity(), nullable=False),  # in the order it was found
    _text("state"),  # queued, done or failed
    Column("status", Integer),
    _text("error", nullable=True),
    Column("crashes", Integer, nullable=False),  # crawlers that died while they had it in hand
    _text("etag", nullable=True),
    _text("last_modified", nullable=True),
    _id("sha256", nullable=True),  # of the version landed last; NA where nothing is to be landed
    _time("fetched_at", nullable=True),
    Index(
        "frontier_queued",
        "source",
        "host",
        "depth",
        "position",
        postgresql_where=text("state = 'queued'"),
    ),
)

imports = Table(
    "imports",
    metadata,
    _key("import_id"),
    _text("source"),
    _json("files"),
    _time("started_at"),
    _time("finished_at", nullable=True),  # while it runs, or where it was killed
    _json("report"),
)

import_rejections = Table("import_rejections", metadata, _key("import_id"), _key("row_sha256"))

rejected_rows = Table(
    "rejected_rows",
    metadata,
    _key("row_sha256"),  # of the other columns: the same refusal twice is one row
    _text("source"),
    _text("file"),
    Column("line", BigInteger, nullable=False),
    _text("reason"),
    _text("record"),
)

snapshots = Table(
    "snapshots",
    metadata,
    _key("sha256"),
    _text("path"),
    Column("rows", BigInteger, nullable=False),
    _time("first_at", nullable=True),
    _time("last_at", nullable=True),
    _created(),
)

api_keys = Table(
    "api_keys",
    metadata,
    _key("key_id"),
    _text("role"),
    _id("learner_id", nullable=True),
    Column("hash", LargeBinary, nullable=False),
    _created(),
    _time("revoked_at", nullable=True),
    _text("name", nullable=True),  # whose it is, or what for, in the words of who made it
)

# What instructors decided: `store.curation`.
curation = Table(
    "curation",
    metadata,
    _key("kind"),  # pin or block
    _key("item_id"),
    _key("scope"),  # all, course or learner
    _key("target"),  # which course or learner; "" for all
    _text("created_by"),
    _created(),
)

# What a learner does not want to be recommended.
hidden_items = Table("hidden_items", metadata, _key("learner_id"), _key("item_id"), _created())

# What instructors said of an edge of `prerequisites`: `store.prerequisites`.
prerequisite_verdicts = Table(
    "prerequisite_verdicts",
    metadata,
    _key("concept_id"),
    _key("requires_id"),
    _text("verdict"),  # accepted or refused
    _text("why"),
    _text("decided_by"),
    Column("decided_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", Uuid, primary_key=True),
    _id("learner_id"),
    _time("made_at"),
    Column("release", BigInteger, nullable=False),
    _text("policy"),
    Column("temperature", Double, nullable=False),
    Column("diversity", Double, nullable=False),
    _json("request"),
    _json("candidates"),
    _json("models"),  # what the beliefs came from, by name
    Index(None, "learner_id"),
    Index(None, "made_at"),
)

# Placement tests: `store.placements`. A bank never changes, so that an answer writes little.
placements = Table(
    "placements",
    metadata,
    Column("placement_id", Uuid, primary_key=True),
    _id("learner_id"),
    _json("scope"),  # the course or the concepts it is of
    _id("scope_sha256"),
    Column("answered", Integer, nullable=False),  # answers in `session`: who writes says what it saw
    _json("session"),
    _json("bank"),
    _time("created_at"),
    _time("updated_at"),
    _time("finished_at", nullable=True),
    Index(None, "learner_id"),
    Index(
        "placements_unfinished",
        "learner_id",
        "scope_sha256",
        unique=True,
        postgresql_where=text("finished_at IS NULL"),
    ),
)

RAW_PAGES = pa.DataFrameSchema(
    {
        "url": pa.Column(str, pa.Check.str_length(min_value=1), coerce=True),
        "sha256": pa.Column(str, pa.Check.str_matches(r"^[0-9a-f]{64}$"), coerce=True),  # of body
        "source": pa.Column(str, coerce=True),
        "status": pa.Column(int, pa.Check.in_range(100, 599), coerce=True),
        "content_type": pa.Column(str, coerce=True),
        "headers": pa.Column(object),  # dict
        "body": pa.Column(object),  # bytes
        "fetched_at": pa.Column(schemas.UTC, coerce=True),
    },
    unique=["source", "url", "sha256"],
    strict="filter",
)

REJECTED_ROWS = pa.DataFrameSchema(
    {
        "source": pa.Column(str, coerce=True),
        "file": pa.Column(str, coerce=True),
        "line": pa.Column(int, pa.Check.ge(0), coerce=True),
        "reason": pa.Column(str, coerce=True),
        "record": pa.Column(str, coerce=True),
    },
    strict="filter",
)

# What `load` takes, parents before children: the order in which one chunk is written.
CONTRACTS: dict[str, pa.DataFrameSchema] = {
    "items": schemas.ITEMS,
    "concepts": schemas.CONCEPTS,
    "item_concepts": schemas.ITEM_CONCEPTS,
    "prerequisites": schemas.PREREQUISITES,
    "learners": schemas.LEARNERS,
    "enrolments": schemas.ENROLMENTS,
    "questions": schemas.QUESTIONS,
    "summaries": schemas.SUMMARIES,
    "interactions": schemas.INTERACTIONS,
    "raw_pages": RAW_PAGES,
}

# What happened, happened: a second row with the same key changes nothing.
APPEND_ONLY = frozenset({"interactions", "raw_pages"})
