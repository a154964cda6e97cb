"""The engine and the migrations."""

import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from learnloop.errors import DatabaseUnavailable
from learnloop.store import database, months, reading, tables

LATEST = max(path.name[:4] for path in (Path(database.__file__).parent / "migrations/versions").glob("0*.py"))


@pytest.fixture
def bare_url(engine: sa.Engine, database_url: str, drop_database: Callable[[str], None]) -> Iterator[str]:
    """An empty database without our tables."""
    name = f"learnloop_bare_{secrets.token_hex(4)}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
    yield sa.make_url(database_url).set(database=name).render_as_string(hide_password=False)
    drop_database(name)


def test_the_migrations_make_the_tables(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_server_default": True, "include_object": months.is_ours}
        )
        assert compare_metadata(context, tables.metadata) == []


def test_a_second_migration_changes_nothing(engine: sa.Engine) -> None:
    before = reading.counts(engine)
    assert database.migrate(engine) == database.migrate(engine) == LATEST
    assert reading.counts(engine) == before


def test_racing_starters_migrate_once(bare_url: str) -> None:
    start, revisions = threading.Barrier(4), []

    def begin() -> None:
        engine = database.connect(bare_url)
        start.wait()
        revisions.append(database.migrate(engine))
        engine.dispose()

    starters = [threading.Thread(target=begin) for _ in range(4)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert revisions == [LATEST] * 4


def test_a_database_of_a_newer_version_is_left_alone(bare_url: str) -> None:
    engine = database.connect(bare_url)
    database.migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseUnavailable, match="newer Learnloop"):
        database.migrate(engine)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == "9999"
    engine.dispose()


def test_sessions_speak_utc(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SHOW timezone")) == "UTC"
        assert connection.scalar(sa.text("SELECT now()")).utcoffset().total_seconds() == 0


def test_an_old_server_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "OLDEST_SERVER", 990_000)
    with pytest.raises(DatabaseUnavailable, match="15 or newer is needed") as caught:
        database.connect(database_url)
    assert sa.make_url(database_url).password not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://u:hidden@127.0.0.1:1/x", "cannot reach"),
        ("mysql://u:hidden@127.0.0.1/x", "not PostgreSQL"),
        ("hidden", "cannot be read"),
    ],
)
def test_no_database_is_one_clear_line(url: str, told: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=told) as caught:
        database.connect(url)
    assert "hidden" not in str(caught.value)
