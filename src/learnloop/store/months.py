"""The months that `interactions` is parted by, made when the first event of one arrives.

    interactions_202503        2025-03-01T00:00Z <= occurred_at < 2025-04-01T00:00Z
    interactions_before_2000   all that was before

A month is made in a short transaction of its own, before the one that writes to it: nobody then waits
for a month while holding rows, and no two loaders can wait for each other.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from learnloop.errors import BadInput

FIRST_YEAR, LAST_YEAR = 2000, 2199  # one part for what was before; after that a clock is wrong
LOCK = 0x6D6F6E7468  # "month": one key of PostgreSQL's advisory locks
_PART = re.compile(r"interactions_(\d{6}|before_2000)")


def ensure(bind: sa.Engine | sa.Connection, months: Iterable[tuple[int, int]]) -> int:
    """Makes the parts of these (year, month) that are not there yet; how many it made.

    Commits them, on a connection of its own. Raises BadInput for a month nobody can mean.
    """
    wanted = {name_of(year, month): (year, month) for year, month in months if year >= FIRST_YEAR}
    for year, month in wanted.values():
        if year > LAST_YEAR:
            raise BadInput(f"interactions: an event of {year}-{month:02d}", field="occurred_at")
    missing = _missing(bind, wanted)
    if not missing:
        return 0
    with bind.engine.begin() as connection:
        # Whoever locks all of `interactions` may be waiting for our caller: then this is no deadlock that
        # PostgreSQL could see.
        connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        missing = _missing(connection, wanted)  # another process may have been faster
        for name in missing:
            for statement in statements(*wanted[name]):
                connection.exec_driver_sql(statement)
    return len(missing)


def of(moments: Iterable[datetime]) -> set[tuple[int, int]]:
    """The (year, month) of aware times, in UTC."""
    return {(moment.year, moment.month) for moment in (at.astimezone(UTC) for at in moments)}


def name_of(year: int, month: int) -> str:
    return f"interactions_{year:04d}{month:02d}"


def statements(year: int, month: int) -> tuple[str, str]:
    """CREATE and ATTACH: this way round the whole of `interactions` stays open to its writers."""
    name = name_of(year, month)
    first, last = f"{year:04d}-{month:02d}-01", f"{year + month // 12:04d}-{month % 12 + 1:02d}-01"
    return (
        f"CREATE TABLE {name} (LIKE interactions)",
        f"ALTER TABLE interactions ATTACH PARTITION {name}"
        f" FOR VALUES FROM ('{first} 00:00:00+00') TO ('{last} 00:00:00+00')",
    )


def spans(connection: sa.Connection) -> list[tuple[datetime | None, datetime | None]]:
    """(since, until) of every part there is, oldest first; None: no limit."""
    begins = sorted(
        datetime(int(found[1][:4]), int(found[1][4:]), 1, tzinfo=UTC)
        for found in map(_PART.fullmatch, _there(connection))
        if found and found[1] != "before_2000"
    )
    former: tuple[datetime | None, datetime | None] = (None, datetime(FIRST_YEAR, 1, 1, tzinfo=UTC))
    return [
        former,
        *((at, at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)) for at in begins),
    ]


def is_ours(_object: Any, name: str | None, kind: str, reflected: bool, _compared: Any) -> bool:
    """For Alembic's `include_object`: the parts, and what belongs to them, are no tables of the models."""
    table = name if kind == "table" else getattr(getattr(_object, "table", None), "name", None)
    return not (reflected and _PART.fullmatch(table or ""))


def _missing(bind: sa.Engine | sa.Connection, wanted: Iterable[str]) -> list[str]:
    if isinstance(bind, sa.Connection):
        return sorted(set(wanted) - _there(bind))
    with bind.connect() as connection:
        return sorted(set(wanted) - _there(connection))


def _there(connection: sa.Connection) -> set[str]:
    parts = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'interactions'::regclass"
    return set(connection.scalars(sa.text(parts)))
