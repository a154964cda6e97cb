"""What the database holds of items and concepts, in memory, and a cheap way to see that it changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import sqlalchemy as sa

from learnloop.prepare.answers import item_concept_lookup
from learnloop.recommend.signals import roll_up
from learnloop.store import prerequisites, reading

# Texts, keys and what only one source has stay in the database: they are read an item at a time.
ANSWERED = ("exercise", "question", "assessment")
LEFT_IN_THE_DATABASE = ("text", "abstract", "answer", "attributes")
TABLES = ("items", "concepts", "item_concepts", "prerequisites", "prerequisite_verdicts")

Fingerprint = tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, eq=False)
class Content:
    """Frames as the store gives them, and the lookups that each request needs."""

    items: pd.DataFrame
    item_concepts: pd.DataFrame
    prerequisites: pd.DataFrame  # those that gate
    titles: Mapping[str, str]  # of items
    concept_titles: Mapping[str, str]
    facts: Mapping[str, Mapping[str, Any]]  # item_id -> its row, missing values None
    taught: Mapping[str, tuple[str, ...]]  # item_id -> concepts, inherited where it has none
    asked: frozenset[str]  # concepts that somebody can answer on
    rolls_up: Mapping[str, str]  # item_id -> the item a learner is sent to for it
    languages: frozenset[str]
    fingerprint: Fingerprint
    mark: object = field(init=False, default_factory=object)


def read(engine: sa.Engine) -> Content:
    # Taken before the tables are read: what changes meanwhile makes the next comparison differ.
    mark = fingerprint(engine)
    items = reading.items(engine, without=LEFT_IN_THE_DATABASE)
    concepts, item_concepts = reading.concepts(engine), reading.item_concepts(engine)
    rows = items.astype(object).where(items.notna(), None).to_dict("records")
    facts = {row["item_id"]: row for row in rows}
    taught = item_concept_lookup(items, item_concepts)
    return Content(
        items=items,
        item_concepts=item_concepts,
        prerequisites=prerequisites.gating(engine),
        titles={item_id: row["title"] for item_id, row in facts.items()},
        concept_titles=dict(zip(concepts["concept_id"], concepts["title"], strict=True)),
        facts=facts,
        taught=taught,
        asked=frozenset(
            concept
            for item_id, row in facts.items()
            if row["kind"] in ANSWERED
            for concept in taught.get(item_id, ())
        ),
        rolls_up=roll_up(
            {item_id: row["kind"] for item_id, row in facts.items()},
            {item_id: row["parent_id"] for item_id, row in facts.items()},
        ),
        languages=frozenset(items["language"]),
        fingerprint=mark,
    )


def fingerprint(engine: sa.Engine) -> Fingerprint:
    """PostgreSQL's own counts of rows written to the tables behind Content: no scan, fit for polling.

    They arrive within seconds of a commit, and a crash of the server resets them: both only move a reload.
    """
    query = sa.text(
        "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables"
        " WHERE relname = ANY(:tables) ORDER BY relname, relid"
    )
    with engine.connect() as connection:
        return tuple(tuple(row) for row in connection.execute(query, {"tables": list(TABLES)}))
