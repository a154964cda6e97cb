"""How fast and in how much memory raw logs become clean Parquet, beside pandas, DuckDB and Polars.

    python benchmarks/prepare_at_scale.py [--rows 1000000 10000000 100000000] [--folder DIR] [--ceiling-gb 10]

Every engine works in a process of its own, one after the other, on the same simulated logs, and its account
must be ours to the row. Memory is that of the process and all its children, sampled from outside five times a
second: PSS, in which a page shared by two processes counts once. CPU seconds tell more than seconds where
others use the machine too. An engine that passes the ceiling is ended; pandas is not started above 10 million
rows, and what it would need there is extrapolated. `--steps N` measures the relational steps alone. Writes
`prepare_at_scale.json` into the folder and a table on stdout.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

import scale_engines

ENGINES = ("ours", "duckdb", "polars", "pandas")
PANDAS_AT_MOST = 10_000_000
EVERY_S = 0.2


def in_ours(folder: Path, out: Path) -> dict[str, Any]:
    from learnloop import settings
    from learnloop.workflow.context import Loop
    from learnloop.workflow.scale import prepare_interactions

    given = {"HOME": str(out.parent / "home"), "PSEUDONYM_KEY": scale_engines.KEY}
    given["DASK_MEMORY"] = os.environ.get("LEARNLOOP_DASK_MEMORY", "3GB")
    loop = Loop(settings.load({f"LEARNLOOP_{name}": value for name, value in given.items()}))
    out.rmdir()
    report = prepare_interactions(
        loop, interactions=folder, out=out, source=scale_engines.SOURCE, now=scale_engines.NOW
    )
    return dict(report["rows"])


def simulate(folder: Path, rows: int) -> float:
    from learnloop.workflow.context import Loop
    from learnloop.workflow.volume import simulate_volume

    started = time.perf_counter()
    simulate_volume(Loop(), interactions=rows, out=folder, seed=7)
    return time.perf_counter() - started


def measured(engine: str, folder: Path, work: Path, ceiling: float) -> dict[str, Any]:
    """One engine in a process of its own: seconds, peak bytes, account; or why it was ended."""
    out, answer = work / "out", work / "answer.json"
    shutil.rmtree(out, ignore_errors=True)
    answer.unlink(missing_ok=True)
    out.mkdir()
    load, started, peak = os.getloadavg()[0], time.perf_counter(), 0
    command = [sys.executable, __file__, "--worker", engine, str(folder), str(out), str(answer)]
    process = subprocess.Popen(command)
    failed = ""
    while process.poll() is None:
        peak = max(peak, _pss(process.pid))
        if peak > ceiling:
            failed = f"ended at {ceiling / 1e9:.0f} GB"
            _end(process)
        time.sleep(EVERY_S)
    result: dict[str, Any] = {"seconds": time.perf_counter() - started, "peak_bytes": peak, "load": load}
    if answer.is_file():
        result |= json.loads(answer.read_text())
        result["output_bytes"] = sum(p.stat().st_size for p in out.rglob("*.parquet"))
    else:
        result["failed"] = failed or f"exit code {process.returncode}"
    shutil.rmtree(out, ignore_errors=True)
    shutil.rmtree(out.with_name(".out.preparing"), ignore_errors=True)
    return result


def _pss(pid: int) -> int:
    total = 0
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in family:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total


def _end(process: "subprocess.Popen[bytes]") -> None:
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()
    process.kill()
    process.wait()


def table(results: list[dict[str, Any]]) -> str:
    lines = [
        "| rows | engine | seconds | rows a second | CPU seconds | peak memory | load before |",
        "|---|---|---|---|---|---|---|",
    ]
    for run in results:
        if "failed" in run:
            middle = (
                f"{run['failed']} after {run['seconds']:,.0f} s | - | - | {run['peak_bytes'] / 1e9:.2f} GB"
            )
        elif "needs" in run:
            middle = f"not run | - | - | {run['needs'] / 1e9:.0f} GB extrapolated"
        else:
            rate, cpu = run["rows"] / run["seconds"], run["cpu_seconds"]
            middle = f"{run['seconds']:,.1f} | {rate:,.0f} | {cpu:,.0f} | {run['peak_bytes'] / 1e9:.2f} GB"
        lines.append(f"| {run['rows']:,} | {run['engine']} | {middle} | {run.get('load', 0):.1f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000, 100_000_000])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "learnloop-scale")
    parser.add_argument("--ceiling-gb", type=float, default=10.0)
    parser.add_argument(
        "--steps", type=int, metavar="ROWS", help="only dedupe, sort and join, on so many rows"
    )
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        engine, folder, out, answer = given.worker
        work = in_ours if engine == "ours" else getattr(scale_engines, f"in_{engine}")
        account = work(Path(folder), Path(out))
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        cpu = sum(usage.ru_utime + usage.ru_stime for usage in used)
        Path(answer).write_text(json.dumps({"account": account, "cpu_seconds": cpu}))
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.steps:
        import scale_steps

        print(scale_steps.table(scale_steps.measure(given.steps, given.folder)))
        return
    results: list[dict[str, Any]] = []
    for rows in given.rows:
        logs = given.folder / f"raw-{rows}"
        seconds = simulate(logs, rows)
        size = sum(path.stat().st_size for path in logs.glob("part-*.parquet"))
        print(f"{rows:,} rows simulated in {seconds:.1f} s, {size / 1e9:.2f} GB", flush=True)
        for engine in given.engines:
            if engine == "pandas" and rows > PANDAS_AT_MOST:
                results.append({"rows": rows, "engine": engine, "needs": extrapolated(results, rows)})
                continue
            run = measured(engine, logs, given.folder, given.ceiling_gb * 1e9)
            results.append({"rows": rows, "engine": engine, **run})
            _same_work(results, rows)
            print(table(results[-1:]).splitlines()[-1], flush=True)
            report = {"at": datetime.now(UTC).isoformat(), "cores": os.cpu_count(), "results": results}
            (given.folder / "prepare_at_scale.json").write_text(json.dumps(report, indent=2))
        shutil.rmtree(logs)
    print(table(results))


def extrapolated(results: list[dict[str, Any]], rows: int) -> float:
    """Bytes pandas would need: a line through its two largest runs (through zero where there is one)."""
    runs = [
        (run["rows"], run["peak_bytes"]) for run in results if run["engine"] == "pandas" and "account" in run
    ]
    if len(runs) < 2:
        return rows * runs[0][1] / runs[0][0] if runs else float("nan")
    (x1, y1), (x2, y2) = sorted(runs)[-2:]
    return y2 + (rows - x2) * (y2 - y1) / (x2 - x1)


def _same_work(results: list[dict[str, Any]], rows: int) -> None:
    accounts = {run["engine"]: run["account"] for run in results if run["rows"] == rows and "account" in run}
    for engine, account in accounts.items():
        assert account == next(iter(accounts.values())), f"{engine} did other work: {accounts}"


if __name__ == "__main__":
    main()
