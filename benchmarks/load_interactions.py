"""How many interactions a second go into the embedded PostgreSQL, and how many a second are found unchanged.

    python benchmarks/load_interactions.py [ROWS]

Every row passes its contract, COPY, one upsert, a primary key and two indexes. Three repeats, each into a
database of its own server's fresh home; the median counts.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from learnloop.store import database, embedded, loading

REPEATS = 3


def interactions(rows: int) -> pd.DataFrame:
    """`rows` answers of rows / 100 learners on 5,000 items."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "event_id": [f"bench:{n}" for n in range(rows)],
            "learner_id": [f"{n:032x}" for n in rng.integers(0, max(rows // 100, 1), rows)],
            "item_id": [f"bench:item-{n}" for n in rng.integers(0, 5_000, rows)],
            "verb": "answered",
            "correct": rng.random(rows) < 0.7,
            "score": rng.random(rows),
            "duration_s": rng.lognormal(3, 1, rows),
            "occurred_at": pd.Timestamp("2026-01-01", tz="UTC")
            + pd.to_timedelta(rng.integers(0, 10_000_000, rows), unit="s"),
            "source": "bench",
        }
    )


def once(frame: pd.DataFrame) -> tuple[float, float]:
    """(seconds of the first load, seconds of the second)."""
    with tempfile.TemporaryDirectory() as folder:
        engine = database.connect(embedded.ensure_running(Path(folder)))
        try:
            database.migrate(engine)
            started = time.perf_counter()
            assert loading.load(engine, "interactions", frame).inserted == len(frame)
            middle = time.perf_counter()
            assert loading.load(engine, "interactions", frame).unchanged == len(frame)
            return middle - started, time.perf_counter() - middle
        finally:
            engine.dispose()
            embedded.stop(Path(folder))


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    frame = interactions(rows)
    seconds = [once(frame) for _ in range(REPEATS)]
    for name, column in (("first load", 0), ("second load, unchanged", 1)):
        rates = sorted(rows / times[column] for times in seconds)
        print(f"{name}: {median(rates):,.0f} rows/s  [{rates[0]:,.0f} to {rates[-1]:,.0f}]")


if __name__ == "__main__":
    main()
