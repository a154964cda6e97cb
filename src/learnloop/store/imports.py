"""The imports there were: begun, finished or broken off, with their files and the rows they refused.

import_id 5f0c6ad2b1e94a77  source school  finished_at NULL while it runs, or where it was killed
files     [{"name": "log.csv", "sha256": "9f86d08…", "bytes": 1204, "lines": 31}]
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from learnloop.errors import UnknownThing
from learnloop.store import tables


def begin(engine: sa.Engine, source: str, files: Sequence[Mapping[str, Any]], started_at: datetime) -> str:
    """Puts an import on record before its first row is loaded; its import_id."""
    import_id = secrets.token_hex(8)
    row = {"import_id": import_id, "source": source, "files": _plain(list(files)), "report": {}}
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.imports).values(**row, started_at=started_at, finished_at=None))
    return import_id


def finish(
    engine: sa.Engine, import_id: str, report: Mapping[str, Any], finished_at: datetime | None
) -> None:
    """Keeps the report. finished_at: None for an import that was broken off; the report says why."""
    table = tables.imports
    statement = sa.update(table).where(table.c.import_id == import_id)
    with engine.begin() as connection:
        connection.execute(statement.values(report=_plain(dict(report)), finished_at=finished_at))


def seen_before(engine: sa.Engine, source: str, sha256s: Collection[str]) -> set[str]:
    """Those of `sha256s` that are sums of files which a finished import of `source` has read."""
    files = sa.func.jsonb_array_elements(tables.imports.c.files).table_valued(
        sa.column("value", tables.imports.c.files.type)
    )
    sha256 = files.c.value["sha256"].astext
    query = (
        sa.select(sha256)
        .select_from(tables.imports.join(files, sa.true()))
        .where(tables.imports.c.source == source, tables.imports.c.finished_at.is_not(None))
        .where(sha256 == sa.any_(sa.literal(sorted(sha256s), sa.ARRAY(sa.Text))))
        .distinct()
    )
    with engine.connect() as connection:
        return set(connection.scalars(query))


def past(engine: sa.Engine, limit: int) -> list[dict[str, Any]]:
    """The newest `limit` imports, newest first: import_id, source, files, started_at, finished_at, report."""
    table = tables.imports
    query = sa.select(table).order_by(table.c.started_at.desc(), table.c.import_id).limit(limit)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def rejected(
    engine: sa.Engine, source: str = "", import_id: str = "", limit: int = 100
) -> tuple[int, list[dict[str, Any]]]:
    """How many rows were refused, of `source` and by `import_id` where given, and the first `limit` of them.

    Each has source, file, line, reason, record. Raises UnknownThing for an import nobody knows.
    """
    table, links = tables.rejected_rows, tables.import_rejections
    chosen = sa.select(table.c.source, table.c.file, table.c.line, table.c.reason, table.c.record)
    if source:
        chosen = chosen.where(table.c.source == source)
    if import_id:
        chosen = chosen.join(links, links.c.row_sha256 == table.c.row_sha256)
        chosen = chosen.where(links.c.import_id == import_id)
    with engine.connect() as connection:
        if import_id and not connection.scalar(
            sa.select(sa.literal(1)).where(tables.imports.c.import_id == import_id)
        ):
            raise UnknownThing(f"no import {import_id!r}", "learnloop import list")
        total = connection.scalar(sa.select(sa.func.count()).select_from(chosen.subquery())) or 0
        ordered = chosen.order_by(table.c.source, table.c.file, table.c.line, table.c.row_sha256)
        return int(total), [dict(row) for row in connection.execute(ordered.limit(limit)).mappings()]


def link(connection: sa.Connection, import_id: str, row_sha256: Collection[str]) -> None:
    """Notes which import refused these rows; a row that another one refused too has both."""
    if row_sha256:
        connection.exec_driver_sql(
            "INSERT INTO import_rejections (import_id, row_sha256)"
            " SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING",
            (import_id, list(row_sha256)),
        )


def _plain(value: Any) -> Any:
    """As JSON has it, without the characters that PostgreSQL's cannot hold."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_plain(str(name)): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if value is None or isinstance(value, bool | int | float) else _plain(str(value))
