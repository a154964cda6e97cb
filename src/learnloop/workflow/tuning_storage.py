"""Studies in PostgreSQL: Optuna's tables in a schema of their own, and who is at work on a study."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import sqlalchemy as sa

from learnloop.errors import DatabaseUnavailable
from learnloop.workflow.tuning_study import study_in

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study

SCHEMA = "optuna"
CREATION_LOCK = 7_301_977  # advisory lock: Optuna makes its tables at first use, and two would collide
TURNS, WORKERS = 0x74756E65, 0x776F726B  # "tune", "work": advisory locks of two keys


class Crew:
    """The processes at work on one study, each known by a lock in PostgreSQL that goes when it goes.

    Optuna's own way, a heartbeat, learns of a death only after a grace period; a lock is gone with its
    connection, at once after a kill, within a minute where a machine or a network is lost.
    """

    def __init__(self, engine: sa.Engine, study: str) -> None:
        self._study = zlib.crc32(study.encode()) & 0x7FFFFFFF
        self.number = int(np.random.SeedSequence().generate_state(1)[0]) & 0x7FFFFFFF
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        for setting in ("idle = 20", "interval = 10", "count = 3"):
            self._connection.exec_driver_sql(f"SET tcp_keepalives_{setting}")
        self._ask("SELECT pg_advisory_lock(:kind, :key)", WORKERS, self.number)

    def _ask(self, statement: str, kind: int, key: int) -> None:
        self._connection.execute(sa.text(statement), {"kind": kind, "key": key})

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One process at a time looks at the study and takes a trial."""
        self._ask("SELECT pg_advisory_lock(:kind, :key)", TURNS, self._study)
        try:
            yield
        finally:
            self._ask("SELECT pg_advisory_unlock(:kind, :key)", TURNS, self._study)

    def study(self, storage: "BaseStorage", name: str, seed: int, fresh: bool = False) -> "Study":
        """The study of that name, goes on; `fresh` forgets the one there was."""
        import optuna

        with self.turn():
            if fresh:
                with suppress(KeyError):  # there was none
                    optuna.delete_study(study_name=name, storage=storage)
            return study_in(storage, name, seed)

    def alive(self) -> set[int]:
        """The numbers of all who hold their lock."""
        held = self._connection.execute(
            sa.text(
                "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND classid = :kind AND objsubid = 2"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ),
            {"kind": WORKERS},
        )
        return {int(number) for number in held.scalars()}

    def close(self) -> None:
        self._connection.invalidate()  # not back to the pool: the locks go with the connection
        self._connection.close()


@contextmanager
def storage(engine: sa.Engine) -> Iterator["BaseStorage"]:
    """Optuna's tables, in a schema of their own in our database, made or brought up to date.

    Raises DatabaseUnavailable where the connection is lost meanwhile.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = engine.url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    url = f"{url}{'&' if '?' in url else '?'}options={quote(f'-csearch_path={SCHEMA}')}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": CREATION_LOCK})
        try:
            connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            made = optuna.storages.RDBStorage(
                url, {"pool_pre_ping": True, "pool_size": 2}, skip_compatibility_check=True
            )
            if made.get_current_version() != made.get_head_version():
                made.upgrade()
        finally:
            connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": CREATION_LOCK})
    try:
        yield made
    except (optuna.exceptions.StorageInternalError, sa.exc.OperationalError) as error:
        raise DatabaseUnavailable(
            "the database went away; what was finished is kept", "the same command again"
        ) from error
    finally:
        made.remove_session()
        made.engine.dispose()
