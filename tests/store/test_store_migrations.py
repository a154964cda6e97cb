"""Migrations with data in the tables: up, down and up again, and nothing is lost."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from store_frames import events, rows

from learnloop.store import database, loading, questions, reading
from learnloop.store.loading import Loaded

SCRIPTS = Path(database.__file__).parent / "migrations"


@pytest.fixture
def bare(engine: sa.Engine, database_url: str, drop_database: Callable[[str], None]) -> Iterator[sa.Engine]:
    """A database of its own without our tables."""
    name = f"learnloop_bare_{secrets.token_hex(4)}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
    made = database.connect(sa.make_url(database_url).set(database=name))
    yield made
    made.dispose()
    drop_database(name)


def moved(engine: sa.Engine, how: Callable[[Config, str], None], revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        how(config, revision)


def shape(engine: sa.Engine) -> dict[str, list[str]]:
    """Columns, indexes and constraints by table."""
    query = """
        SELECT c.relname, a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'i', 'I')
    """
    found: dict[str, list[str]] = {}
    with engine.connect() as connection:
        for table, text in connection.exec_driver_sql(query):
            found.setdefault(table, []).append(text)
    return {table: sorted(texts) for table, texts in found.items()}


def test_up_down_and_up_again_keeps_every_event(bare: sa.Engine) -> None:
    database.migrate(bare)
    odd = [
        {"event_id": "demo:old", "occurred_at": pd.Timestamp("1969-07-20T20:17:40.000001Z")},
        {"event_id": "demo:é\n\"'", "learner_id": "", "correct": None, "score": -0.0, "duration_s": 0.1},
        {"event_id": "demo:late", "occurred_at": pd.Timestamp("2031-12-31T23:59:59.999999Z")},
    ]
    frame = pd.concat([events(0, 3_000), rows("interactions", *odd)], ignore_index=True)
    frame["imputed"] = pd.Series([None, "verb duration_s", None] * 1_001, dtype="str")
    assert loading.load(bare, "interactions", frame).inserted == 3_003
    before, first = reading.interactions(bare), shape(bare)
    for _ in range(2):
        moved(bare, command.downgrade, "0001")
        with bare.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM interactions").scalar() == 3_003
            assert not sa.inspect(connection).has_table("event_keys")
        moved(bare, command.upgrade, "head")
        pd.testing.assert_frame_equal(reading.interactions(bare), before)
        # The digests that SQL made are those that the loader makes.
        assert loading.load(bare, "interactions", frame) == Loaded(unchanged=3_003)
        assert shape(bare) == first


def test_down_to_nothing_and_up_again(bare: sa.Engine) -> None:
    database.migrate(bare)
    first = shape(bare)
    moved(bare, command.downgrade, "base")
    assert set(shape(bare)) == {"alembic_version", "alembic_version_pkc"}
    database.migrate(bare)
    assert shape(bare) == first


def test_questions_of_an_older_learnloop_get_a_version_and_a_history(bare: sa.Engine) -> None:
    database.migrate(bare)
    loading.load(bare, "questions", rows("questions", {}, {"question_id": "demo:q2"}))
    questions.set_status(bare, ["demo:q1"], "approved", by="cli")
    questions.set_status(bare, ["demo:q1"], "suspended", by="cli")
    moved(bare, command.downgrade, "0011")
    with bare.connect() as connection:
        kept = connection.exec_driver_sql("SELECT status FROM questions ORDER BY question_id").scalars()
        assert list(kept) == ["draft", "draft"], "an older Learnloop knows nothing of suspended ones"
    with bare.begin() as connection:
        connection.exec_driver_sql("UPDATE questions SET status = 'retired' WHERE question_id = 'demo:q2'")
    database.migrate(bare)
    assert reading.questions(bare)["version"].tolist() == [1, 1]
    (entry,) = questions.history(bare, "demo:q2")
    assert (entry["status"], entry["by"]) == ("retired", "rule:migration")
