"""How fast interactions are loaded, beside a bare COPY of the same rows, in one run on one server.

    python benchmarks/load.py [--rows 10000000] [--repeats 1]

    a   bare COPY into a plain table without indexes: what a server can take at most
        as CSV (how rows are usually copied), and in binary (the very bytes that c sends)
    b   bare COPY of those bytes into a table with the parts and indexes of ours
    c   our load: contract checked, digested, each event once, in parts, indexed, all or nothing
    d   the same again: every event is known and nothing changes
    e   a tenth of the events is known, a tenth of those says something else, the others are new

The bytes of a and b are made beforehand; c, d and e begin with a frame in memory and end with the commit.
Everything passes through one connection to the embedded server with its own settings, into a fresh home.
"""

import argparse
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import sqlalchemy as sa
from pyarrow import csv

from learnloop.store import binary, database, embedded, loading, months, tables
from learnloop.store.copying import PANDAS_TYPES

BLOCK = 250_000
LEARNERS, ITEMS, DAYS = 100_000, 5_000, 365


def interactions(first: int, rows: int, seed: int = 0) -> pd.DataFrame:
    """INTERACTIONS of a year in order of time; learners as pseudonyms, event_ids as digests."""
    rng = np.random.default_rng([seed, first])
    learners = pa.array([hashlib.sha256(b"%d" % n).hexdigest()[:32] for n in range(LEARNERS)])
    items = pa.array([f"school:item-{n}" for n in range(ITEMS)])
    verb = rng.choice(3, rows, p=[0.6, 0.3, 0.1])
    seconds = np.sort(rng.integers(0, DAYS * 86_400_000_000, rows)).astype("timedelta64[us]")
    digits = rng.integers(0, 2**63, (2, rows))
    numbers = pa.array(np.char.mod("%016x", digits[0])), pa.array(np.char.mod("%016x", digits[1]))
    event_ids = pa.compute.binary_join_element_wise(pa.scalar("school:"), *numbers, "")
    table = pa.table(
        {
            "event_id": event_ids,
            "learner_id": learners.take(pa.array((LEARNERS * rng.random(rows) ** 2).astype(int))),
            "item_id": items.take(pa.array((ITEMS * rng.random(rows) ** 2).astype(int))),
            "verb": pa.array(["answered", "experienced", "completed"]).take(pa.array(verb)),
            "correct": pa.array(rng.random(rows) < 0.7, mask=verb != 0),
            "score": pa.array(np.round(rng.random(rows), 2), mask=verb != 0),
            "duration_s": pa.array(np.round(rng.lognormal(3, 1, rows), 1), mask=rng.random(rows) < 0.1),
            "occurred_at": pa.array(np.datetime64("2025-01-01", "us") + seconds, pa.timestamp("us", "UTC")),
            "source": pa.array(["school"]).take(pa.array(np.zeros(rows, int))),
            "imputed": pa.nulls(rows, pa.string()),
        }
    )
    return table.to_pandas(types_mapper=PANDAS_TYPES.get)


def blocks_of(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, len(frame), BLOCK):
        yield frame.iloc[start : start + BLOCK]


def as_csv(frame: pd.DataFrame) -> list[bytes]:
    made = []
    for block in blocks_of(frame):
        sink = pa.BufferOutputStream()
        table = pa.Table.from_pandas(block[list(binary.COLUMNS)], preserve_index=False)
        csv.write_csv(table, sink, csv.WriteOptions(include_header=False))
        made.append(sink.getvalue().to_pybytes())
    return made


def as_binary(frame: pd.DataFrame) -> list[bytes]:
    rows = [bytes(binary.block(block).rows) for block in blocks_of(frame)]
    return [binary.HEAD, *rows, binary.TAIL]


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class Server:
    """An embedded server in a fresh home, and the tables to copy into."""

    def __init__(self, home: Path) -> None:
        url = embedded.ensure_running(home)
        self.engine = database.connect(url)
        database.migrate(self.engine)
        self.plain = psycopg.connect(url, autocommit=True)
        self.empty()

    def empty(self) -> None:
        for name in ("bare", "parted"):
            self.plain.execute(f"DROP TABLE IF EXISTS {name}")
        self.plain.execute("TRUNCATE interactions, event_keys")
        self.plain.execute("CREATE TABLE bare (LIKE interactions)")
        self.plain.execute("CREATE TABLE parted (LIKE interactions) PARTITION BY RANGE (occurred_at)")
        self.plain.execute("CREATE INDEX ON parted (learner_id)")
        for month in range(1, 13):
            limits = months.statements(2025, month)[1].partition(" FOR ")[2]
            self.plain.execute(f"CREATE TABLE parted_{month} PARTITION OF parted FOR {limits}")

    def copy(self, table: str, form: str, blocks: list[bytes]) -> None:
        names = ", ".join(binary.COLUMNS)
        with (
            self.plain.cursor() as cursor,
            cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT {form})".encode()) as copy,
        ):
            for block in blocks:
                copy.write(block)

    def load(self, frame: pd.DataFrame, expected: loading.Loaded) -> None:
        found = loading.load(self.engine, "interactions", frame)
        assert found == expected, found


def once(server: Server, rows: int) -> dict[str, float]:
    """Seconds of each way."""
    frame, seconds = interactions(0, rows), {}
    blocks = as_csv(frame)
    seconds["a csv"] = timed(lambda: server.copy("bare", "csv", blocks))
    blocks = as_binary(frame)
    server.empty()
    seconds["a binary"] = timed(lambda: server.copy("bare", "binary", blocks))
    seconds["b"] = timed(lambda: server.copy("parted", "binary", blocks))
    blocks = []
    server.empty()
    seconds["c"] = timed(lambda: server.load(frame, loading.Loaded(inserted=rows)))
    seconds["d"] = timed(lambda: server.load(frame, loading.Loaded(unchanged=rows)))
    known, contradicted = rows // 10, rows // 100
    again = frame.iloc[::10].iloc[:known].copy()
    again.iloc[:contradicted, again.columns.get_loc("score")] = 0.123
    mixed = pd.concat([again, interactions(rows, rows - known)], ignore_index=True)
    expected = loading.Loaded(rows - known, 0, known - contradicted, contradicted)
    seconds["e"] = timed(lambda: server.load(mixed, expected))
    with server.engine.connect() as connection:
        kept = [
            connection.scalar(sa.select(sa.func.count()).select_from(table))
            for table in (tables.interactions, tables.event_keys)
        ]
    assert kept == [2 * rows - known] * 2
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=1)
    asked = parser.parse_args()
    measured: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        for _ in range(asked.repeats):
            measured.append(once(server, asked.rows))
            print({name: round(value, 2) for name, value in measured[-1].items()}, flush=True)
        server.plain.close()
        server.engine.dispose()
        embedded.stop(Path(folder))
    print(f"{asked.rows:,} rows, {asked.repeats} repeats, load average at the end {os.getloadavg()[0]:.1f}")
    for name in measured[0]:
        rates = sorted(asked.rows / run[name] for run in measured)
        print(f"{name:9} {median(rates):>11,.0f} rows/s  [{rates[0]:,.0f} to {rates[-1]:,.0f}]")
    for other in ("a csv", "a binary", "b"):
        ratios = sorted(run[other] / run["c"] for run in measured)
        print(f"c/{other:8} {median(ratios):.0%}  [{ratios[0]:.0%} to {ratios[-1]:.0%}]")


if __name__ == "__main__":
    main()
