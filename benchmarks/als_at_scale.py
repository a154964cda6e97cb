"""iALS at 1, 10 and 50 million interactions: `implicit` by hand, ours in one process, ours on partitions.

    python benchmarks/als_at_scale.py [--millions 1,10] [--iterations 5] [--ways implicit,one,partitioned]

Each way runs in a process of its own, from the same matrix; 64 factors. "implicit" is called as its
documentation shows, BLAS on one thread, all cores. "partitioned" has two workers on this machine, so it pays
for files and processes and gains no cores: it is there for what does not fit one machine. Peak memory is
that of the main process, and of the largest worker beside it. `difference` is the largest of any factor
between partitioned and one process.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from learnloop.recommend.als import IALS, confidence_matrix

FACTORS, PER_LEARNER, PER_ITEM, WORKERS = 64, 50, 1000, 2


def weights(millions: int) -> csr_matrix:
    """PER_LEARNER interactions a learner, about PER_ITEM an item, some items far more popular."""
    n = millions * 1_000_000
    n_learners, n_items = n // PER_LEARNER, n // PER_ITEM
    rng = np.random.default_rng(0)
    columns = (n_items * rng.random(n, dtype=np.float32) ** 2).astype(np.int32)
    np.minimum(columns, n_items - 1, out=columns)
    starts = np.arange(0, n + 1, PER_LEARNER)
    found = csr_matrix((np.ones(n, np.float32), columns, starts), shape=(n_learners, n_items))
    found.sum_duplicates()
    found.data = 1 + np.log(found.data)
    return found


def names(count: int) -> np.ndarray:
    return np.arange(count).astype(object)


def measure(way: str, millions: int, iterations: int, keep: Path) -> dict[str, Any]:
    done, load = weights(millions), os.getloadavg()[0]
    extra: dict[str, Any] = {}
    settings = {"factors": FACTORS, "iterations": iterations}
    base = _peak_mb(resource.RUSAGE_SELF)
    started, worked = time.perf_counter(), _cpu()
    if way == "implicit":
        items = by_hand(done, iterations)
    elif way == "one":
        model = IALS(**settings).fit_matrix(done, names(done.shape[0]), names(done.shape[1]))
        items = model.item_factors
    else:
        items = partitioned(done, settings)
        extra["peak_mb_of_a_worker"] = _peak_mb(resource.RUSAGE_CHILDREN)
    seconds, cpu = time.perf_counter() - started, _cpu() - worked
    if way == "one":
        np.save(keep, items, allow_pickle=False)
    elif keep.exists():
        extra["difference"] = float(np.abs(items - np.load(keep, allow_pickle=False)).max())
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "peak_mb": _peak_mb(resource.RUSAGE_SELF),
        "of_that_before": base,
        "load_average": round(load, 1),
        **extra,
    }


def _cpu() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _peak_mb(who: int) -> int:
    return resource.getrusage(who).ru_maxrss // 1024


def by_hand(done: csr_matrix, iterations: int) -> np.ndarray:
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        ours = IALS(factors=FACTORS)
        model = AlternatingLeastSquares(
            FACTORS, ours.regularization, alpha=1.0, iterations=iterations, random_state=0
        )
        model.fit(confidence_matrix(done, ours.alpha), show_progress=False)
    return model.item_factors


def partitioned(done: csr_matrix, settings: dict[str, Any]) -> np.ndarray:
    from distributed import Client, LocalCluster

    from learnloop.workflow.als_dask import fit_matrix_partitioned
    from learnloop.workflow.cluster import _over

    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=scratch,
        ) as cluster,
        Client(cluster) as client,
    ):
        folder = Path(scratch) / "als"
        folder.mkdir()
        model = fit_matrix_partitioned(
            done,
            names(done.shape[0]),
            names(done.shape[1]),
            lambda *call: _over(client, *call),
            2 * WORKERS,
            folder,
            **settings,
        )
    return model.item_factors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", default="1,10")
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--ways", default="implicit,one,partitioned")
    parser.add_argument("--one", nargs=3, metavar=("WAY", "MILLIONS", "FILE"), help="measure this here")
    results = Path(__file__).parent / "results"
    parser.add_argument("--out", type=Path, default=results / "als_at_scale.json")
    given = parser.parse_args()
    if given.one:
        way, millions, keep = given.one
        print(json.dumps(measure(way, int(millions), given.iterations, Path(keep))))
        return
    before = json.loads(given.out.read_text())["millions"] if given.out.exists() else {}
    report: dict[str, Any] = {
        "date": date.today().isoformat(),
        "cores": os.cpu_count(),
        "factors": FACTORS,
        "iterations": given.iterations,
        "millions": before,  # what is not measured now stays as it was
    }
    with tempfile.TemporaryDirectory() as folder:
        for millions in given.millions.split(","):
            for way in given.ways.split(","):
                again = [sys.executable, __file__, "--iterations", str(given.iterations)]
                again += ["--one", way, millions, str(Path(folder) / f"{millions}.npy")]
                printed = subprocess.run(again, check=True, capture_output=True, text=True).stdout
                found = json.loads(printed.splitlines()[-1]) | {"date": report["date"]}
                report["millions"].setdefault(millions, {})[way] = found
                print(f"{millions:>3} million, {way:12s} {found}", flush=True)
                given.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
