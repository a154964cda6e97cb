"""One engine, and the schema brought up to date."""

import logging
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from learnloop.errors import DatabaseUnavailable

OLDEST_SERVER = 150_000  # server_version_num of PostgreSQL 15.0
MIGRATION_LOCK = 0x6C6561726E  # "learn": one key of PostgreSQL's advisory locks


def connect(url: str, pool_size: int = 5, max_overflow: int = 10) -> sa.Engine:
    """An engine over psycopg 3 whose sessions speak UTC; connections are checked before use.

    Raises DatabaseUnavailable where nobody answers or the server is older than PostgreSQL 15.
    """
    engine = sa.create_engine(
        _psycopg_url(url),
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 10, "options": "-c timezone=UTC -c client_encoding=UTF8"},
    )
    try:
        with engine.connect() as connection:
            version = int(connection.scalar(sa.text("SHOW server_version_num")) or 0)
    except sa.exc.OperationalError as error:
        engine.dispose()
        raise DatabaseUnavailable(
            f"cannot reach {_shown(url)}: {str(error.orig).strip()}",
            "unset LEARNLOOP_DATABASE_URL, or start that server",
        ) from error
    if version < OLDEST_SERVER:
        engine.dispose()
        raise DatabaseUnavailable(
            f"{_shown(url)} is PostgreSQL {version // 10_000}; 15 or newer is needed",
            "set LEARNLOOP_DATABASE_URL to a newer server, or unset it to use the embedded one",
        )
    return engine


def _psycopg_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError as error:
        raise DatabaseUnavailable(
            "the database address cannot be read",
            "export LEARNLOOP_DATABASE_URL=postgresql://user:password@host:5432/learnloop",
        ) from error
    if parsed.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise DatabaseUnavailable(
            f"{parsed.drivername!r} is not PostgreSQL",
            "export LEARNLOOP_DATABASE_URL=postgresql://user:password@host:5432/learnloop",
        )
    return parsed.set(drivername="postgresql+psycopg")


def _shown(url: str) -> str:
    """`url` without its password."""
    return make_url(url).render_as_string(hide_password=True)


def migrate(engine: sa.Engine) -> str:
    """Brings the schema to the newest revision, whose name it returns. Starters that race wait in turn.

    All in one transaction: a migration that fails leaves the schema as it was.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise DatabaseUnavailable(
                f"this database was made by a newer Learnloop ({error})",
                "install that version, then try again",
            ) from error
        return MigrationContext.configure(connection).get_current_revision() or ""
