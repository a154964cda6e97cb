"""Fixtures every room may use: a home, a migrated database a module, and the shared data."""

import atexit
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa

from learnloop.store import database, embedded

ROOT = Path(__file__).parent.parent

# A busy machine is no failure: how long an example takes is measured in benchmarks/, not here. Nor is luck:
# a commit is judged by the same examples whenever it is tested. New ones are sought by `make explore`.
hypothesis.settings.register_profile("learnloop", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile("learnloop")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A LEARNLOOP_HOME for this run. Whatever database is started in it is stopped at the end."""
    folder = tmp_path_factory.mktemp("learnloop-home")
    atexit.register(embedded.stop, folder)  # for a run that ends before its fixtures do
    yield folder
    embedded.stop(folder)


@pytest.fixture(scope="session")
def server_url(home: Path) -> str:
    """The server of LEARNLOOP_TEST_DATABASE_URL (its user must be allowed CREATE DATABASE), or our own."""
    return os.environ.get("LEARNLOOP_TEST_DATABASE_URL") or embedded.ensure_running(home)


@pytest.fixture(scope="session")
def template_database(server_url: str) -> Iterator[str]:
    """The name of a migrated, empty database to copy."""
    name = f"learnloop_template_{secrets.token_hex(4)}"
    _on_server(server_url, f'CREATE DATABASE "{name}"')
    engine = database.connect(_named(server_url, name))
    try:
        database.migrate(engine)
    finally:
        engine.dispose()  # a database in use cannot be copied
    yield name
    _drop(server_url, name)


@pytest.fixture(scope="module")
def database_url(server_url: str, template_database: str) -> Iterator[str]:
    """A migrated, empty database for one test module."""
    name = f"learnloop_test_{secrets.token_hex(4)}"
    _on_server(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template_database}"')
    yield _named(server_url, name)
    _drop(server_url, name)


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[sa.Engine]:
    """An engine on the module's database."""
    engine = database.connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public course data beside the repository; a clone has none."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    return folder


@pytest.fixture(scope="session")
def drop_database(server_url: str) -> Callable[[str], None]:
    """Ends whoever is in a database and removes it."""
    return lambda name: _drop(server_url, name)


def _drop(url: str, name: str) -> None:
    # Not WITH (FORCE): that fails where an autovacuum worker, a superuser's, is at work in the database.
    # Our own sessions are ended here; a plain DROP asks autovacuum to leave, and waits for it.
    ending = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
    _on_server(url, f"{ending} AND backend_type = 'client backend'")
    _on_server(url, f'DROP DATABASE "{name}"')


def _named(url: str, name: str) -> str:
    return sa.make_url(url).set(database=name).render_as_string(hide_password=False)


def _on_server(url: str, statement: str) -> None:
    engine = database.connect(url)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(statement)
    finally:
        engine.dispose()
