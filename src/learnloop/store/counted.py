"""What the database holds, counted where it lies: figures about its rows, for a report, and no rows.

source oulad  verb scored  imputed NULL  n 173912  no_correct 173912  no_score 173  no_duration_s 173912
"""

from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from learnloop.store import tables

ITEM_COLUMNS = (
    *("parent_id", "position", "text", "abstract", "language", "subject", "level", "duration_s"),
    *("licence", "answer"),
)
EVENT_COLUMNS = ("correct", "score", "duration_s")


def items(engine: sa.Engine) -> pd.DataFrame:
    """(source, kind, n, no_<column> for each of ITEM_COLUMNS): how many items have nothing there."""
    table = tables.items
    nothing: dict[str, Any] = {name: table.c[name].is_(None) for name in ITEM_COLUMNS}
    nothing |= {"text": table.c.text == "", "language": table.c.language == "und"}
    by = (table.c.source, table.c.kind)
    return _counted(engine, sa.select(*by, _n(), *_sums(nothing)).group_by(*by).order_by(*by))


def languages(engine: sa.Engine) -> pd.DataFrame:
    """(source, language, n) of items."""
    by = (tables.items.c.source, tables.items.c.language)
    return _counted(engine, sa.select(*by, _n()).group_by(*by).order_by(*by))


def item_lengths(engine: sa.Engine) -> pd.DataFrame:
    """(source, bin, n) of items' durations: bin is floor(4 log2 seconds)."""
    table = tables.items
    octave = _octaves(table.c.duration_s, 4).label("bin")
    query = sa.select(table.c.source, octave, _n()).where(table.c.duration_s > 0)
    return _counted(engine, query.group_by("source", "bin").order_by("source", "bin"))


def filled_in(engine: sa.Engine) -> pd.DataFrame:
    """(source, field, n) of items' fields that were filled in, as `attributes["imputed"]` names them."""
    table = tables.items
    told = table.c.attributes["imputed"]
    listed = sa.case((sa.func.jsonb_typeof(told) == "array", told), else_=sa.cast([], JSONB))
    names = sa.func.jsonb_array_elements_text(listed).table_valued(sa.column("value", sa.Text))
    query = sa.select(table.c.source, names.c.value.label("field"), _n())
    query = query.select_from(table.join(names, sa.true()))
    return _counted(engine, query.group_by("source", "field").order_by("source", "field"))


def interactions(engine: sa.Engine) -> pd.DataFrame:
    """(source, verb, imputed, n, no_<column> for each of EVENT_COLUMNS, first_at, last_at)."""
    table = tables.interactions
    by = (table.c.source, table.c.verb, table.c.imputed)
    nothing = {name: table.c[name].is_(None) for name in EVENT_COLUMNS}
    ends = (
        sa.func.min(table.c.occurred_at).label("first_at"),
        sa.func.max(table.c.occurred_at).label("last_at"),
    )
    return _counted(engine, sa.select(*by, _n(), *_sums(nothing), *ends).group_by(*by).order_by(*by))


def times_spent(engine: sa.Engine, bins: int) -> pd.DataFrame:
    """(source, item_id, bin, n) of interactions: bin is floor(bins * log2 seconds), NA without a time."""
    table = tables.interactions
    octave = sa.case((table.c.duration_s > 0, _octaves(table.c.duration_s, bins))).label("bin")
    query = sa.select(table.c.source, table.c.item_id, octave, _n())
    frame = _counted(engine, query.group_by("source", "item_id", "bin").order_by("source", "item_id", "bin"))
    return frame.astype({"bin": "Int64"})


def learners_of_events(engine: sa.Engine) -> pd.DataFrame:
    """(source, learner_id, n) of interactions."""
    by = (tables.interactions.c.source, tables.interactions.c.learner_id)
    return _counted(engine, sa.select(*by, _n()).group_by(*by).order_by(*by))


def parents(engine: sa.Engine) -> pd.DataFrame:
    """(item_id, parent_id, kind) of every item."""
    columns = tables.items.c
    return _counted(engine, sa.select(columns.item_id, columns.parent_id, columns.kind))


def learner_ids(engine: sa.Engine) -> pd.DataFrame:
    """(learner_id) of every learner."""
    return _counted(engine, sa.select(tables.learners.c.learner_id))


def enrolments(engine: sa.Engine) -> pd.DataFrame:
    """(item_id, n): learners enrolled by course."""
    item_id = tables.enrolments.c.item_id
    return _counted(engine, sa.select(item_id, _n()).group_by(item_id).order_by(item_id))


def _n() -> "sa.Label[int]":
    return sa.func.count().label("n")


def _octaves(column: "sa.Column[Any]", bins: int) -> "sa.ColumnElement[int]":
    return sa.cast(sa.func.floor(sa.func.ln(column) / sa.func.ln(2.0) * bins), sa.Integer)


def _sums(conditions: dict[str, Any]) -> list["sa.Label[int]"]:
    return [sa.func.count().filter(told).label(f"no_{name}") for name, told in conditions.items()]


def _counted(engine: sa.Engine, query: "sa.Select[Any]") -> pd.DataFrame:
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    columns = list(query.selected_columns)
    frame = pd.DataFrame([tuple(row) for row in rows], columns=[column.name for column in columns])
    return frame.astype({column.name: "str" for column in columns if isinstance(column.type, sa.Text)})
