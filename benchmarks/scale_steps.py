"""The relational steps of the preparation alone (dedupe, sort, join), by each engine on the same typed rows.

`ours` is what `prepare.scale` does inside one partition. Dask's two processes read four Parquet files of
them and shuffle peer to peer; to collect the rows in one frame is not counted. Median of three.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from learnloop import settings
from learnloop.collect import tables
from learnloop.prepare import scale
from learnloop.store.pseudonyms import pseudonyms
from learnloop.workflow import cluster
from learnloop.workflow.context import Loop
from learnloop.workflow.volume import simulate_volume
from scale_engines import KEY, NOW, SOURCE, known_items

REPEATS = 3
BY = ["learner_id", "occurred_at", "place"]


def typed(rows: int, folder: Path) -> pd.DataFrame:
    """`rows` events after the row rules, in the order of their lines."""
    logs = folder / f"steps-{rows}"
    simulate_volume(Loop(), interactions=rows, out=logs, seed=7)
    items = known_items(logs)
    context = scale.Context(
        SOURCE, NOW, lambda ids: pseudonyms(KEY.encode(), SOURCE, ids), set(items["item_id"])
    )
    parts = [
        scale.read_rows(chunk, order, context).events
        for order, path in enumerate(sorted(logs.glob("part-*.parquet")))
        for chunk in tables.read(None, path, SOURCE, 1 << 18)
    ]
    return pd.concat(parts, ignore_index=True)


def measure(rows: int, folder: Path) -> dict[str, dict[str, float]]:
    """Seconds by step and engine. Every engine's result has as many rows as pandas'."""
    events, items = typed(rows, folder), known_items(folder / f"steps-{rows}")
    results: dict[str, dict[str, float]] = {"dedupe": {}, "sort": {}, "join": {}}
    expected: dict[str, int] = {}
    home = {"LEARNLOOP_HOME": str(folder / "home"), "LEARNLOOP_DASK_MEMORY": "8GB"}
    with cluster.client(settings.load(home)) as client:
        for engine, steps in {
            "pandas": _pandas(events, items),
            "ours": _ours(events, items),
            "DuckDB": _duckdb(events, items),
            "Polars": _polars(events, items),
            "Dask": _dask(events, items, folder / f"steps-{rows}", client),
        }.items():
            for step, work in steps.items():
                seconds = []
                for _ in range(REPEATS):
                    started = time.perf_counter()
                    count = work()
                    seconds.append(time.perf_counter() - started)
                    assert expected.setdefault(step, count) == count, (engine, step, count)
                results[step][engine] = median(seconds)
    return results


def _pandas(events: pd.DataFrame, items: pd.DataFrame) -> dict[str, Callable[[], int]]:
    return {
        "dedupe": lambda: len(events.drop_duplicates("event_id")),
        "sort": lambda: len(events.sort_values(BY)),
        "join": lambda: len(events.merge(items, on="item_id")),
    }


def _ours(events: pd.DataFrame, items: pd.DataFrame) -> dict[str, Callable[[], int]]:
    place, kinds = events["place"].to_numpy(), items.set_index("item_id")["kind"]
    nothing = np.empty(0, dtype=np.int64)
    return {
        "dedupe": lambda: int((~scale.duplicates(scale.fingerprints(events["event_id"]), place)).sum()),
        "sort": lambda: len(scale.ordered(events, nothing)[0]),
        "join": lambda: int(events["item_id"].map(kinds).notna().sum()),
    }


def _duckdb(events: pd.DataFrame, items: pd.DataFrame) -> dict[str, Callable[[], int]]:
    import duckdb

    connection = duckdb.connect(config={"threads": 2})
    connection.register("items", pa.Table.from_pandas(items, preserve_index=False))
    connection.register("events", _arrow(events))

    def run(query: str) -> int:
        return len(connection.sql(query).to_arrow_table())

    first = "row_number() OVER (PARTITION BY event_id ORDER BY place) = 1"
    return {
        "dedupe": lambda: run(f"SELECT * FROM events QUALIFY {first}"),  # noqa: S608
        "sort": lambda: run("SELECT * FROM events ORDER BY learner_id, occurred_at, place"),
        "join": lambda: run("SELECT * FROM events JOIN items USING (item_id)"),
    }


def _polars(events: pd.DataFrame, items: pd.DataFrame) -> dict[str, Callable[[], int]]:
    import polars as pl

    frame = pl.from_arrow(_arrow(events))
    known = pl.from_pandas(items)
    assert isinstance(frame, pl.DataFrame)
    return {
        "dedupe": lambda: len(frame.unique("event_id", keep="first", maintain_order=True)),
        "sort": lambda: len(frame.sort(BY)),
        "join": lambda: len(frame.join(known, on="item_id")),
    }


def _dask(
    events: pd.DataFrame, items: pd.DataFrame, folder: Path, client: Any
) -> dict[str, Callable[[], int]]:
    import dask.dataframe as dd

    parts = folder / "dask"
    parts.mkdir(exist_ok=True)
    for number, part in enumerate(np.array_split(np.arange(len(events)), 4)):
        pq.write_table(_arrow(events.iloc[part]), parts / f"{number}.parquet")

    def run(work: Callable[[Any], Any]) -> int:
        with client.as_current():
            return int(work(dd.read_parquet(parts)).map_partitions(len).compute().sum())

    def sort(frame: Any) -> Any:
        return frame.shuffle("learner_id", shuffle_method="p2p").map_partitions(pd.DataFrame.sort_values, BY)

    return {
        "dedupe": lambda: run(lambda f: f.drop_duplicates("event_id", split_out=4, shuffle_method="p2p")),
        "sort": lambda: run(sort),
        "join": lambda: run(lambda f: f.merge(items, on="item_id")),
    }


def _arrow(events: pd.DataFrame) -> pa.Table:
    times = events["occurred_at"].dt.tz_convert(None)
    return pa.Table.from_pandas(events.assign(occurred_at=times), preserve_index=False)


def table(results: dict[str, dict[str, float]]) -> str:
    engines = list(next(iter(results.values())))
    lines = ["| seconds | " + " | ".join(engines) + " |", "|---" * (len(engines) + 1) + "|"]
    for step, seconds in results.items():
        lines.append(f"| {step} | " + " | ".join(f"{seconds[engine]:.2f}" for engine in engines) + " |")
    return "\n".join(lines)
