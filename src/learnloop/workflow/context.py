"""What every step needs: the settings, the database and the registry, each opened at first use."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import sqlalchemy as sa

from learnloop import settings as configuration
from learnloop.errors import LearnloopError
from learnloop.settings import Settings
from learnloop.store import database, embedded
from learnloop.store.releases import Registry

RUN_LOCK = 7_301_976


class Loop:
    """One installation. `engine` starts the embedded server where it is not running, and migrates."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or configuration.load()

    @cached_property
    def engine(self) -> sa.Engine:
        engine = database.connect(self.database_url)
        database.migrate(engine)
        return engine

    @property
    def database_url(self) -> str:
        return self.settings.database_url or embedded.ensure_running(self.settings.home)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else trains and releases meanwhile: two at once would release each other's candidates."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.scalar(sa.text("SELECT pg_try_advisory_lock(:key)"), {"key": RUN_LOCK}):
                raise LearnloopError("another run or retrain is under way", "learnloop status")
            try:
                yield
            finally:
                connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": RUN_LOCK})

    @cached_property
    def registry(self) -> Registry:
        return Registry.open(self.engine, self.settings.artifacts_dir, self.settings.tracking_uri)

    @cached_property
    def pseudonym_key(self) -> bytes:
        return configuration.pseudonym_key(self.settings)

    def close(self) -> None:
        if "engine" in self.__dict__:
            self.engine.dispose()
