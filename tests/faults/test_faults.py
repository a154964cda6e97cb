"""Killed, full, or two at once: nothing is lost, nothing is there twice, and it always goes on."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest
import sqlalchemy as sa

from learnloop.errors import DatabaseUnavailable
from learnloop.store import cluster, database, embedded, loading

HERE = Path(__file__).parent
CHUNK_ROWS = 400  # of warm_importer
RECOVERY_S = 60.0  # of a busy machine; how long it takes is measured in benchmarks/


class Log:
    """A school's log of `chunks` chunks, one event_id a row, to import whole or from some row on."""

    def __init__(self, folder: Path, name: str, chunks: int) -> None:
        self.rows = chunks * CHUNK_ROWS
        self.items = folder / "items.csv"
        self.items.write_text("item_id,title,kind\n" + "".join(f"i{n},Item {n},exercise\n" for n in range(9)))
        self.path = folder / f"{name}.csv"
        moments = pd.Timestamp("2024-01-28") + pd.to_timedelta(range(self.rows), unit="min")  # over months
        self.lines = ["event_id,learner_id,item_id,verb,correct,occurred_at\n"]
        for n, moment in enumerate(moments):
            self.lines.append(f"{name}-{n},s{n * n % 83},i{n % 9},answered,{n % 2},{moment.isoformat()}Z\n")

    def since(self, row: int, chunks: int | None = None) -> "Log":
        """Writes the file with what comes from `row` on; the whole rest, or so many chunks of it."""
        first = 1 + max(0, row)
        last = None if chunks is None else first + chunks * CHUNK_ROWS
        self.path.write_text("".join([self.lines[0], *self.lines[first:last]]))
        return self


class Importer:
    """warm_importer.py, one order at a time."""

    def __init__(self, home: Path, url: str) -> None:
        self.common = {"home": str(home), "url": url, "jobs": 1, "after": 0, "delay_s": 0, "victim": ""}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "warm_importer.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __call__(self, log: Log, **order: Any) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        files = {"items": str(log.items), "interactions": str(log.path)}
        self.process.stdin.write(json.dumps(self.common | files | order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(timeout=120)
        self.process.stdout.close()


@pytest.fixture
def importer(tmp_path: Path, database_url: str) -> Iterator[Importer]:
    """On the module's database, emptied."""
    engine = database.connect(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE interactions, event_keys")
    engine.dispose()
    process = Importer(tmp_path / "home", database_url)
    yield process
    process.close()


def kept(url: str) -> int:
    """How many events there are; each has one row and one key, and those are the same in number."""
    with psycopg.connect(url) as connection:
        events, distinct = connection.execute(
            "SELECT count(*), count(DISTINCT event_id) FROM interactions"
        ).fetchone() or (0, 0)
        (keys,) = connection.execute("SELECT count(*) FROM event_keys").fetchone() or (0,)
    assert events == distinct == keys, "an event is there twice, or without its key"
    return int(events)


def test_the_importer_is_killed_fifty_times(importer: Importer, tmp_path: Path, database_url: str) -> None:
    chance, log, there = random.Random(1), Log(tmp_path, "k", 120), 0
    for round_ in range(50):
        begin = there - chance.randrange(1, 3) * CHUNK_ROWS  # what is there already comes again
        told = importer(
            log.since(begin, chunks=40),
            after=1,
            delay_s=chance.random() * 0.06,
            victim="importer",
        )
        assert told["ended"] == ["killed"], f"round {round_}: the file is too short for the test"
        assert told["first_s"] < RECOVERY_S
        now = kept(database_url)
        assert now >= there + sum(told["accepted"]), "an acknowledged chunk is lost"
        assert now > there, "no progress"
        assert now % CHUNK_ROWS == 0, "half a chunk is there"
        there = now
    assert importer(log.since(0))["ended"] == ["done"]
    assert kept(database_url) == log.rows
    again = importer(log)
    assert again == {"accepted": [], "first_s": None, "ended": ["done"]}
    assert kept(database_url) == log.rows


def test_the_server_is_killed_ten_times(tmp_path: Path) -> None:
    home = tmp_path / "home"
    chance, log, there = random.Random(2), Log(tmp_path, "s", 60), 0
    importer = Importer(home, "")
    try:
        embedded.ensure_running(home)
        for _ in range(10):
            told = importer(
                log.since(there - CHUNK_ROWS, chunks=40),
                after=1,
                delay_s=chance.random() * 0.06,
                victim="server",
            )
            (ended,) = told["ended"]
            assert ended.startswith("DatabaseUnavailable: the database went away"), ended
            assert told["first_s"] < RECOVERY_S, "from the start of the server after its death"
            now = kept(embedded.ensure_running(home))
            assert now >= there + sum(told["accepted"]), "an acknowledged chunk is lost"
            assert now > there, "no progress"
            there = now
        assert importer(log.since(0))["ended"] == ["done"]
        assert kept(embedded.ensure_running(home)) == log.rows
    finally:
        importer.close()
        embedded.stop(home)


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_two_importers_of_the_same_file(
    importer: Importer, tmp_path: Path, database_url: str, name: str
) -> None:
    log = Log(tmp_path, name, 12).since(0)
    told = importer(log, jobs=2)
    assert told["ended"] == ["done", "done"], "a deadlock, or a refusal"
    assert sum(told["accepted"]) == log.rows, "an event was new to both, or to neither"
    assert kept(database_url) == log.rows


def test_two_large_loads_of_the_same_rows(engine: sa.Engine, database_url: str) -> None:
    """In opposite orders and in several blocks each, so that they meet in the middle."""
    from concurrent.futures import ThreadPoolExecutor
    from unittest import mock

    from learnloop.store import events

    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE interactions, event_keys")
    frame = many(20_000)
    with mock.patch.object(events, "BLOCK_ROWS", 3_000), ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda f: loading.load(engine, "interactions", f), [frame, frame.iloc[::-1]]))
    assert sum(found, loading.Loaded()) == loading.Loaded(inserted=20_000, unchanged=20_000)
    assert kept(database_url) == 20_000


def many(rows: int, first: int = 0) -> pd.DataFrame:
    numbers = range(first, first + rows)
    return pd.DataFrame(
        {
            "event_id": [f"school:{n}" for n in numbers],
            "learner_id": [f"{n * n % 8_191:032x}" for n in numbers],
            "item_id": [f"school:item-{n % 90}" for n in numbers],
            "verb": "experienced",
            "correct": pd.array([None] * rows, "boolean"),
            "score": pd.array([None] * rows, "Float64"),
            "duration_s": 4.5,
            "occurred_at": pd.Timestamp("2024-01-20", tz="UTC") + pd.to_timedelta(numbers, unit="min"),
            "source": "school",
        }
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """40 MB that are a file system of their own."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    tmp_path.chmod(0o755)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m,mode=0777", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"mount is refused here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    """All or nothing on a disk that fills up in the middle; with room again, the same load goes through."""
    home = tmp_path / "home"
    url = embedded.ensure_running(home)
    engine = None
    try:
        _tables_lie_on(home, url, small_disk)
        engine = database.connect(url)
        database.migrate(engine)
        before = loading.load(engine, "interactions", many(20_000))
        assert before.inserted == 20_000
        ballast = small_disk / "ballast"
        with open(ballast, "wb") as file:
            free = shutil.disk_usage(small_disk).free
            file.write(bytes(max(0, free - 3_000_000)))
        for _ in range(2):  # the second time there is what the first left behind
            with pytest.raises(
                DatabaseUnavailable, match=r"disk .* is full, and nothing was loaded"
            ) as caught:
                loading.load(engine, "interactions", many(60_000))
            assert "free space there, then run it again" in str(caught.value)
            assert kept(url) == 20_000
        ballast.unlink()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM")
        found = loading.load(engine, "interactions", many(60_000))
        assert found == loading.Loaded(inserted=40_000, unchanged=20_000)
        assert kept(url) == 60_000
    finally:
        if engine is not None:
            engine.dispose()
        embedded.stop(home)


def _tables_lie_on(home: Path, url: str, disk: Path) -> None:
    """Whatever is created from now on lies in a table space on `disk`."""
    place = cluster.Place(home.resolve())
    password = place.secret(cluster.SUPERUSER).read_text().strip()
    space = disk / "space"
    space.mkdir()
    owner = place.data.stat()
    os.chown(space, owner.st_uid, owner.st_gid)
    superuser = sa.make_url(url).set(username=cluster.SUPERUSER, password=password)
    with psycopg.connect(superuser.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small OWNER {cluster.NAME} LOCATION '{space}'")
        connection.execute(f"ALTER ROLE {cluster.NAME} SET default_tablespace = small")
