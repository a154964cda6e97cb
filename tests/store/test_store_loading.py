"""Loading: idempotent, all or nothing, clear about what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from store_frames import ROWS, cleaned, events, rows

from learnloop.errors import BadInput
from learnloop.store import loading, questions, reading, tables
from learnloop.store.loading import Loaded


@pytest.fixture(autouse=True)
def _empty(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE " + ", ".join(tables.metadata.tables))


@pytest.mark.parametrize("table", ROWS)
def test_a_second_load_changes_no_row(engine: sa.Engine, table: str) -> None:
    assert loading.load(engine, table, rows(table)) == Loaded(inserted=1)
    with engine.connect() as connection:
        versions = sa.select(sa.text("xmin, ctid")).select_from(tables.metadata.tables[table])
        before = connection.execute(versions).all()
    assert loading.load(engine, table, rows(table)) == Loaded(unchanged=1)
    with engine.connect() as connection:  # not even rewritten
        assert connection.execute(versions).all() == before


def test_only_what_differs_is_updated(engine: sa.Engine) -> None:
    keys = [{"item_id": f"demo:{number}"} for number in range(4)]
    loading.load(engine, "items", rows("items", *keys))
    changes = [
        keys[0],
        {**keys[1], "abstract": "now there is one"},
        {**keys[2], "licence": None},
        {**keys[3], "attributes": {"due": 3, "hints": ["a", "b"]}},  # the same, in another order
        {"item_id": "demo:new"},
    ]
    assert loading.load(engine, "items", rows("items", *changes)) == Loaded(1, 2, 2)
    kept = reading.items(engine).set_index("item_id")
    assert kept.loc["demo:1", "abstract"] == "now there is one"
    assert kept["licence"].isna().to_dict() == {
        "demo:0": False, "demo:1": False, "demo:2": True, "demo:3": False, "demo:new": False
    }  # fmt: skip


def test_a_repeated_event_changes_nothing(engine: sa.Engine) -> None:
    loading.load(engine, "interactions", rows("interactions"))
    again = rows("interactions", {"correct": False, "score": 0.0})
    assert loading.load(engine, "interactions", again) == Loaded(conflict=1)
    assert loading.load(engine, "interactions", rows("interactions")) == Loaded(unchanged=1)
    assert reading.interactions(engine)["correct"].tolist() == [True]


def test_a_callers_transaction_is_the_callers(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        loading.load(connection, "concepts", rows("concepts"))
        loading.load(connection, "concepts", rows("concepts", {"title": "Cycles"}))
        connection.rollback()
    assert reading.concepts(engine).empty
    with engine.begin() as connection:
        loading.load(connection, "concepts", rows("concepts"))
    assert len(reading.concepts(engine)) == 1


def test_an_engines_load_is_committed(engine: sa.Engine, database_url: str) -> None:
    """The trap of a savepoint inside an implicit transaction: another session must see the rows."""
    loading.load(engine, "concepts", rows("concepts"))
    other = sa.create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with other.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM concepts")) == 1
    other.dispose()


REJECTED = {"file": "a.csv", "line": 7, "reason": "date is not a date", "record": "1;2;yesterday"}


def test_one_chunk_and_its_rejected_rows(engine: sa.Engine) -> None:
    chunk = cleaned({table: rows(table) for table in ROWS}, [REJECTED])
    first = loading.load_cleaned(engine, chunk, "demo")
    assert first == {**{table: Loaded(inserted=1) for table in ROWS}, "rejected_rows": Loaded(inserted=1)}
    second = loading.load_cleaned(engine, chunk, "demo")
    assert second == {name: Loaded(unchanged=1) for name in first}
    assert reading.rejected_rows(engine, "demo").to_dict("records") == [{"source": "demo", **REJECTED}]


@pytest.mark.parametrize(
    ("table", "change", "field"),
    [
        ("interactions", {"verb": "sang"}, "verb"),  # the contract refuses it
        ("interactions", {"learner_id": "a\0b"}, "learner_id"),  # only PostgreSQL refuses it
        ("summaries", {"provenance": {"a": "\0"}}, "summaries.provenance"),
        ("questions", {"span_start": 2**63 - 1, "options": [float("nan")]}, "questions.options"),
    ],
)
def test_all_or_nothing(engine: sa.Engine, table: str, change: dict[str, object], field: str) -> None:
    """A later frame that is bad takes the earlier, good ones of its chunk with it."""
    frames = {name: rows(name) for name in ("items", "concepts", "learners")}
    with pytest.raises(BadInput) as caught:
        loading.load_cleaned(engine, cleaned({**frames, table: rows(table, change)}, [REJECTED]), "demo")
    assert caught.value.field == field
    assert set(reading.counts(engine).values()) == {0}


def test_a_key_too_long_for_its_index_is_bad_input(engine: sa.Engine) -> None:
    import secrets

    endless = "demo:" + secrets.token_hex(20_000)
    frames = {"concepts": rows("concepts"), "items": rows("items", {"item_id": endless})}
    with pytest.raises(BadInput, match="refuses a value"):
        loading.load_cleaned(engine, cleaned(frames), "demo")
    assert set(reading.counts(engine).values()) == {0}


def test_an_unknown_table_is_bad_input(engine: sa.Engine) -> None:
    with pytest.raises(BadInput, match="no table 'api_keys'"):
        loading.load(engine, "api_keys", rows("concepts"))
    with pytest.raises(BadInput, match="no table 'lessons'"):
        loading.load_cleaned(engine, cleaned({"lessons": rows("concepts")}), "demo")


def test_half_a_character_is_bad_input(engine: sa.Engine) -> None:
    with pytest.raises(BadInput):
        loading.load(engine, "concepts", rows("concepts", {"title": "\ud83d"}))
    with pytest.raises(BadInput):
        loading.load(engine, "learners", rows("learners", {"attributes": {"a": "\ud83d"}}))


def test_a_backslash_before_u0000_is_no_nul(engine: sa.Engine) -> None:
    odd = {"a": "\\u0000", "b": "\\\\u0000"}
    loading.load(engine, "learners", rows("learners", {"attributes": odd}))
    assert reading.learners(engine)["attributes"].tolist() == [odd]


def test_rejected_garbage_is_kept_with_its_unstorable_characters_replaced(engine: sa.Engine) -> None:
    garbage = {**REJECTED, "record": "a\0b\ud83dc"}
    loading.load_cleaned(engine, cleaned({}, [garbage, garbage]), "demo")
    assert reading.rejected_rows(engine)["record"].tolist() == ["a\ufffdb\ufffdc"]


def test_status_of_questions(engine: sa.Engine) -> None:
    generated = {"question_id": "demo:g"}
    authored = {"question_id": "demo:a", "origin": "authored"}
    loading.load(engine, "questions", rows("questions", generated, authored))

    def statuses() -> dict[str, str]:
        return dict(reading.questions(engine).set_index("question_id")["status"])

    assert statuses() == {"demo:g": "draft", "demo:a": "approved"}
    assert questions.set_status(engine, ["demo:g"], "approved", by="cli") == ["demo:g"]
    # Another seed is no reason to ask the instructor again; another wording is.
    loading.load(engine, "questions", rows("questions", {**generated, "provenance": {"seed": 8}}))
    assert statuses()["demo:g"] == "approved"
    loading.load(engine, "questions", rows("questions", {**generated, "stem": "What does not repeat?"}))
    assert statuses()["demo:g"] == "draft"


IMPORTER = """
import json, os, signal, sys, time
from store_frames import cleaned, events, rows
from learnloop.store import database, loading, reading

url, chunks, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def work(acknowledge):
    engine = database.connect(url)
    for number in range(chunks):
        refused = {"file": "a.csv", "line": number, "reason": "planted", "record": "x"}
        chunk = cleaned({"interactions": events(number * size, size)}, [refused])
        loading.load_cleaned(engine, chunk, "demo")
        os.write(acknowledge, b".")

for seen_before_the_kill in [int(word) for word in sys.argv[4:]]:
    ear, mouth = os.pipe()
    child = os.fork()
    if child == 0:
        work(mouth)
        os._exit(0)
    os.close(mouth)
    acknowledged = 0
    while acknowledged < seen_before_the_kill and os.read(ear, 1):
        acknowledged += 1
    time.sleep(0.015)  # into the next chunk
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    acknowledged += len(os.read(ear, 1000))
    os.close(ear)
    engine = database.connect(url)
    counts = reading.counts(engine)
    engine.dispose()
    print(json.dumps([acknowledged, counts["interactions"], counts["rejected_rows"]]), flush=True)
"""


def test_a_killed_importer_makes_progress_and_loses_nothing(engine: sa.Engine, database_url: str) -> None:
    """Killed in the middle again and again, each time begun from the first row, it still gets to the end."""
    chunks, size = 12, 500
    kills = [1, 2, 4, 7, 9, chunks]
    done = subprocess.run(
        [sys.executable, "-c", IMPORTER, database_url, str(chunks), str(size), *map(str, kills)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(reports) == len(kills)
    for (acknowledged, kept, refused), wanted in zip(reports, kills, strict=True):
        assert acknowledged >= wanted
        assert kept >= acknowledged * size, "an acknowledged chunk is lost"
        assert kept % size == 0, "half a chunk is there"
        assert refused == kept // size, "a chunk came without its rejected row"
    assert [kept for _, kept, _ in reports] == sorted(kept for _, kept, _ in reports)
    assert reports[-1][1] == chunks * size
    frame = reading.interactions(engine)
    pd.testing.assert_frame_equal(frame, events(0, chunks * size)[list(frame.columns)])


def test_two_loaders_of_the_same_rows_do_not_deadlock(engine: sa.Engine) -> None:
    from concurrent.futures import ThreadPoolExecutor

    keys = [{"concept_id": f"demo:{number:04d}"} for number in range(400)]

    def loaded(turn: int) -> Loaded:
        frame = rows("concepts", *({**key, "title": f"{turn}"} for key in keys))
        return loading.load(engine, "concepts", frame if turn % 2 else frame.iloc[::-1])

    with ThreadPoolExecutor(4) as pool:
        total = sum(pool.map(loaded, range(12)), Loaded())
    assert total.inserted == 400
    assert total.inserted + total.updated + total.unchanged == 12 * 400
    assert reading.concepts(engine)["title"].nunique() == 1, "two loads were mixed"


def test_two_hundred_thousand_rows_load_once(engine: sa.Engine) -> None:
    frame = events(0, 200_000, learners=2_000)
    assert loading.load(engine, "interactions", frame).inserted == 200_000
    assert loading.load(engine, "interactions", frame).unchanged == 200_000
