"""What was handed in and marked, and the courses it belongs to: frames for an estimate of who is at risk."""

from dataclasses import dataclass

import pandas as pd
import sqlalchemy as sa

from learnloop import schemas
from learnloop.store import copying, reading, tables


@dataclass(frozen=True)
class Coursework:
    """enrolments: ENROLMENTS. items: ITEMS of the kinds course and assessment. hand_ins: INTERACTIONS on
    those assessments."""

    enrolments: pd.DataFrame
    items: pd.DataFrame
    hand_ins: pd.DataFrame


def read(engine: sa.Engine) -> Coursework:
    """Everything on record. Clicks and lessons, most of the interactions, stay where they are."""
    table = tables.interactions
    marked = sa.select(tables.items.c.item_id).where(tables.items.c.kind == "assessment")
    query = reading.interactions_query().where(
        table.c.item_id.in_(marked), table.c.verb.in_(["answered", "scored"])
    )
    with engine.connect() as connection:
        hand_ins = copying.frame(connection, query, schemas.INTERACTIONS)
    items = reading.items(engine, ["course", "assessment"])
    return Coursework(reading.enrolments(engine), items, hand_ins)
