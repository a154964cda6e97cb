"""Fixtures of the serve tests. The school is one for all of them: registering releases takes seconds."""

import secrets
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from serve_school import KEY, MODEL_CODE, School, catalogue, release_folder
from starlette.testclient import TestClient

from learnloop.settings import Settings
from learnloop.store import api_keys, database, loading, releases


@pytest.fixture(scope="session")
def school_url(
    server_url: str, template_database: str, drop_database: Callable[[str], None]
) -> Iterator[str]:
    name = f"learnloop_school_{secrets.token_hex(4)}"
    server = database.connect(server_url)
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template_database}"')
        yield sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
    server.dispose()
    drop_database(name)


@pytest.fixture(scope="session")
def school(school_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    folder = tmp_path_factory.mktemp("school")
    engine = database.connect(school_url)
    for table, frame in catalogue().items():
        loading.load(engine, table, frame)
    # Its lessons are of a fixed day, long ago: what a decision is kept for has tests of its own.
    settings = Settings(home=folder, database_url=school_url, pseudonym_key=KEY, decisions_days=0)
    registry = releases.Registry.open(engine, settings.artifacts_dir)
    (folder / "model.py").write_text(MODEL_CODE)
    for number in range(2):
        release = release_folder(folder / f"release-{number}", factors=4 + 4 * number, seed=number)
        with registry.run("train") as run:
            pass
        registry.register(release, run.id, folder / "model.py", {"ndcg": 0.5})
    registry.promote(1)
    keys = {role: api_keys.create(engine, role) for role in ("admin", "service", "instructor")}
    yield School(settings, school_url, engine, registry, keys)
    engine.dispose()


@pytest.fixture(scope="session")
def api(school: School) -> Iterator[TestClient]:
    """The API with a service's key. It looks for news so seldom that no test sees another's."""
    with school.client(poll_seconds=3600) as client:
        yield client
