"""prepare --interactions: raw logs of any size in, clean Parquet and an account of every row out.

    OUT/interactions/00000.parquet   INTERACTIONS; a learner's are all in one file, by time
    OUT/rejected/….parquet           file, line, reason, record
    OUT/account.json                 last: read = kept + rejected, by reason; repairs by rule

The work is done in a folder beside OUT, `.OUT.preparing`, which becomes OUT at the end: OUT is whole or not
there. A run that was killed goes on from its finished tasks; other input or another key starts anew.
"""

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from learnloop.collect import tables as read_tables
from learnloop.errors import BadInput, LearnloopError
from learnloop.prepare import tables as clean_tables
from learnloop.prepare.interactions import births
from learnloop.prepare.local_times import Clock
from learnloop.schemas import UTC, Accounting
from learnloop.workflow import cluster
from learnloop.workflow.console import bar
from learnloop.workflow.context import Loop
from learnloop.workflow.partitions import (
    FOLDERS,
    Plan,
    find_duplicates,
    finish_bucket,
    read_file,
    set_limits,
    settle_bucket,
)
from learnloop.workflow.whole import forget_unfinished, write_json

BUCKET_ROWS = 250_000  # sorting them takes no more memory than reading a chunk
BYTES_A_ROW = 80  # of a text file, to guess how many rows it has
SMALL = 300_000  # rows that are done before a cluster would have started
SUFFIXES = (".parquet", ".pq", ".csv", ".csv.gz", ".tsv", ".tsv.gz")
VERSION = 5  # of what lies in the work folder


def prepare_interactions(
    loop: Loop,
    *,
    interactions: Path,
    out: Path,
    source: str = "csv",
    items: Path | None = None,
    columns: str = "",
    mapping: Path | None = None,
    delimiter: str = "",
    date_formats: Sequence[str] = (),
    timezone: str = "",
    now: pd.Timestamp | None = None,
    bucket_rows: int = BUCKET_ROWS,
) -> dict[str, Any]:
    """What `import csv --interactions` does to rows, to any number of them; no database.

    interactions: a file, or a folder of them (its `items.parquet` or `items.csv` is `items` where none is
    given), all written in one way. columns, mapping: "learner_id=Student,…", or a TOML file of it, where
    they have other names than ours. date_formats, timezone: of times that are not ISO 8601, or name no zone.
    Raises BadInput where there is nothing to read or `out` is there already.
    """
    form, clock = read_tables.Form.of(columns, mapping, delimiter), Clock.of(tuple(date_formats), timezone)
    files, items = _inputs(interactions, items)
    if items is not None and not items.is_file():
        raise BadInput(f"there is no file {items}", "check the path", "items")
    rows = _rows(files)
    out = out.absolute()
    work = out.with_name(f".{out.name}.preparing")
    if out.exists():
        raise BadInput(f"{out} is there already", "choose another --out, or remove it", "out")
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{work.parent} cannot be written to: {error.strerror}", "another --out", "out"
        ) from error
    with _alone(work):
        plan = _plan(loop, work, files, source, items, form, clock, now, max(1, -(-rows // bucket_rows)))
        small = not loop.settings.dask_scheduler and rows <= SMALL
        with nullcontext(cluster.here) if small else cluster.workers(loop.settings) as run:
            report = _run(plan, run)
        write_json(work / "done" / "account.json", report)
        (work / "done").rename(out)
        shutil.rmtree(work)
    return {"out": str(out), **report}


def _run(plan: Plan, run: cluster.Run) -> dict[str, Any]:
    account = Accounting()
    with bar(f"read {len(plan.files):,} files", len(plan.files)) as advance:
        read = run(read_file, [(plan, n) for n in range(len(plan.files))], lambda: advance(1))
    rules = tuple(read[0]["rules"])
    buckets = [(plan, n) for n in range(plan.buckets)]
    with bar("found duplicates", plan.buckets) as advance:
        run(find_duplicates, buckets, lambda: advance(1))
    with bar("sorted", plan.buckets) as advance:
        settled = run(settle_bucket, buckets, lambda: advance(1))
    for path in (plan.work / "read").glob("*.arrow"):
        path.unlink()
    run(set_limits, [(plan,)], lambda: None)  # as a task: a worker has the memory for it already
    with bar("finished", plan.buckets) as advance:
        finished = run(finish_bucket, [(*given, rules) for given in buckets], lambda: advance(1))
    for part in (*read, *settled, *finished):
        account.add(Accounting(**part["account"]))
    files = [{"name": path.name, "bytes": path.stat().st_size} for path in plan.files]
    return {"source": plan.source, "now": plan.now.isoformat(), "rows": account.to_dict(), "files": files}


def _inputs(interactions: Path, items: Path | None) -> tuple[tuple[Path, ...], Path | None]:
    if interactions.is_file():
        return (interactions.absolute(),), items
    if not interactions.is_dir():
        raise BadInput(f"there is no folder {interactions}", "check the path", "interactions")
    tables = [path for path in sorted(interactions.iterdir()) if path.name.endswith(SUFFIXES)]
    catalogues = [path for path in tables if path.name.split(".")[0] == "items"]
    files = tuple(
        path.absolute() for path in tables if path not in catalogues and not path.name.startswith(".")
    )
    if not files:
        raise BadInput(
            f"{interactions} has no Parquet or CSV files",
            "learnloop simulate --interactions 1000000 --out DIR",
            "interactions",
        )
    return files, items or (catalogues[0] if catalogues else None)


def _plan(
    loop: Loop,
    work: Path,
    files: tuple[Path, ...],
    source: str,
    items: Path | None,
    form: read_tables.Form,
    clock: Clock,
    now: pd.Timestamp | None,
    buckets: int,
) -> Plan:
    """The plan of the run that was killed, where it was the same; its finished tasks are kept then."""
    key = loop.pseudonym_key
    stats = [path.stat() for path in (*files, *([items] if items else []))]
    wanted = {
        "version": VERSION,
        "source": source,
        "files": [str(path) for path in files],
        "stamps": [[stat.st_size, stat.st_mtime_ns] for stat in stats],
        "items": str(items),
        "columns": dict(form.columns),
        "delimiter": form.delimiter,
        "times": [list(clock.formats), clock.timezone],
        "key": hashlib.sha256(b"plan" + key).hexdigest()[:16],
        "buckets": buckets,
    }
    path = work / "plan.json"
    former = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if {name: former.get(name) for name in wanted} != wanted or (now and former["now"] != now.isoformat()):
        for name in {folder.split("/")[0] for folder in FOLDERS}:
            shutil.rmtree(work / name, ignore_errors=True)
        for folder in FOLDERS:
            (work / folder).mkdir(parents=True)
        if items is not None:
            _known(items, source, form).to_parquet(work / "items.parquet", index=False)
        former = {**wanted, "now": (now or pd.Timestamp.now(tz="UTC")).isoformat()}
        write_json(path, former)
    forget_unfinished(work)
    return Plan(
        work,
        files,
        source,
        pd.Timestamp(former["now"]),
        int(former["buckets"]),
        work / "items.parquet" if items is not None else None,
        form,
        clock,
        key,
    )


def _known(items: Path, source: str, form: read_tables.Form) -> pd.DataFrame:
    """item_id, kind and born (UTC, NaT where nobody says) of what an import of the file would keep."""
    context = clean_tables.Context(lambda ids: ids, pd.Timestamp.now(tz="UTC"))
    kept = [
        clean_tables.clean(chunk, context).frames["items"][["item_id", "kind", "parent_id", "attributes"]]
        for chunk in read_tables.read(items, None, source, form=form)
    ]
    known = pd.concat(kept, ignore_index=True)
    born = births(known)
    moments = pd.Series(pd.array([born.get(item_id) for item_id in known["item_id"]], dtype=UTC))
    return known[["item_id", "kind"]].assign(born=moments)


def _rows(files: tuple[Path, ...]) -> int:
    """How many rows there are: known of Parquet, guessed of text."""
    total = 0
    for path in files:
        if path.name.endswith((".parquet", ".pq")):
            try:
                total += pq.read_metadata(path).num_rows
            except (pa.ArrowInvalid, OSError) as error:
                raise BadInput(
                    f"{path.name} is no Parquet file", "export it again", "interactions"
                ) from error
        else:
            total += path.stat().st_size // BYTES_A_ROW
    return total


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    with open(work / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LearnloopError(f"another run is preparing into {work}", "wait until it is done") from None
        yield
