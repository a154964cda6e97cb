"""Each answer to "what next?", with what else could have been said and how probable each was.

    decision_id 5b0c…  learner_id 9f86…  made_at 2026-03-02 10:00:00+00  release 3  policy 3
    temperature 0.1  diversity 0  request {"k": 5}  models {"ranker": "ease", "tracer": "logistic"}
    candidates  [{"item_id": "demo:loops", "score": 0.71, "first": 0.42, "position": 1, "probability": 0.42,
                  "components": {"readiness": 0.9, "gain": 0.6, …}, "p_correct": 0.74},
                 {"item_id": "demo:lists", "score": 0.55, "first": 0.08, "position": null,
                  "probability": null, …}, …]

`first` is the probability of the first open place, `probability` that of the place the item got, given the
places before it: their product is the propensity of the list.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from learnloop.store.tables import decisions

CANDIDATE = ("item_id", "score", "first", "position", "probability")
FACTS = ("decision_id", "learner_id", "made_at", "release", "policy", "temperature", "diversity")


def append(engine: sa.Engine, rows: Sequence[Mapping[str, Any]]) -> int:
    """Rows of the table, all or none; the number that were new. A batch sent twice is there once."""
    if not rows:
        return 0
    statement = insert(decisions).on_conflict_do_nothing().returning(decisions.c.decision_id)
    with engine.begin() as connection:
        return len(connection.scalars(statement, [dict(row) for row in rows]).all())


def last(engine: sa.Engine, learner_id: str) -> dict[str, Any] | None:
    """The latest decision about a learner: all columns, candidates as they were logged; None without one."""
    query = sa.select(decisions).where(decisions.c.learner_id == learner_id)
    with engine.connect() as connection:
        row = connection.execute(query.order_by(decisions.c.made_at.desc()).limit(1)).mappings().first()
    return None if row is None else dict(row)


def prune(engine: sa.Engine, before: datetime, most: int = 1000) -> int:
    """Deletes at most `most` decisions with made_at < before, the oldest first; the number deleted.

    One short transaction. What another one is deleting at this moment is left to it.
    """
    old = (
        sa.select(decisions.c.decision_id)
        .where(decisions.c.made_at < before)
        .order_by(decisions.c.made_at)
        .limit(most)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    with engine.begin() as connection:
        return connection.execute(sa.delete(decisions).where(decisions.c.decision_id.in_(old))).rowcount


def read(engine: sa.Engine, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
    """A row a candidate, with since <= made_at < until: FACTS and CANDIDATE, by made_at and decision_id.

    position: Int64, from 1, NA where it was not shown; first and probability in [0, 1].
    """
    query = sa.select(*(decisions.c[name] for name in FACTS), decisions.c.candidates)
    if since is not None:
        query = query.where(decisions.c.made_at >= since)
    if until is not None:
        query = query.where(decisions.c.made_at < until)
    with engine.connect() as connection:
        found = connection.execute(query.order_by(decisions.c.made_at, decisions.c.decision_id)).all()
    rows = [(*row[:-1], *(one[name] for name in CANDIDATE)) for row in found for one in row.candidates]
    frame = pd.DataFrame(rows, columns=[*FACTS, *CANDIDATE])
    frame["decision_id"] = frame["decision_id"].astype(str)
    numbers = dict.fromkeys(("temperature", "diversity", "score", "first", "probability"), float)
    return frame.astype({**numbers, "position": "Int64", "release": "int64"})
