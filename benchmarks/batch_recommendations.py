"""The top 20 of everybody: 100,000 learners x 5,000 items, each model beside `implicit`'s own recommend.

    python benchmarks/batch_recommendations.py [--models ials,ease] [--learners 100000] [--items 5000]

Seconds to rank all histories with seen items hidden, in blocks, and the peak of the resident memory over
what the process held before. "implicit" gets the same factors as ials, and its matrix of what was done ready
made; ours starts from histories of names. Each model runs in a process of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.recommend.als import IALS
from learnloop.recommend.ranking import rank
from learnloop.recommend.signals import matrix
from learnloop.workflow.recommenders import RECOMMENDERS

TOP, DONE, FIT_LEARNERS = 20, 46, 20_000
ONE_PASS: dict[str, dict[str, Any]] = {
    "ials": {"iterations": 1},
    "implicit": {"iterations": 1},
    "bpr": {"iterations": 1},
    "sasrec": {"epochs": 1},
}


def signals(n_learners: int, n_items: int) -> pd.DataFrame:
    """About DONE items a learner, some far more popular than others, mostly of the own twentieth."""
    rng = np.random.default_rng(0)
    sizes = rng.geometric(1 / DONE, n_learners)
    learner = np.repeat(np.arange(n_learners), sizes)
    place = (n_items * rng.random(len(learner)) ** 2).astype(np.int64)
    own = rng.random(len(learner)) < 0.7
    item = np.where(own, np.minimum(place - place % 20 + learner % 20, n_items - 1), place)
    frame = pd.DataFrame({"learner": learner, "item": item}).drop_duplicates()
    learner_ids = np.array([f"l{n:07d}" for n in range(n_learners)], dtype=object)
    item_ids = np.array([f"s:{n:07d}" for n in range(n_items)], dtype=object)
    return pd.DataFrame(
        {
            "learner_id": pd.Series(learner_ids[frame["learner"]], dtype=str),
            "item_id": pd.Series(item_ids[frame["item"]], dtype=str),
            "weight": 1.0,
            "at": np.arange(len(frame), dtype=float),
        }
    )


class Peak:
    """The largest resident memory while inside, over that on entering, in bytes; asked every 5 ms."""

    def __enter__(self) -> "Peak":
        self._stop, self.before = threading.Event(), _resident()
        self.highest = self.before
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            self.highest = max(self.highest, _resident())

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def added(self) -> int:
        return self.highest - self.before


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def one(name: str, n_learners: int, n_items: int) -> dict[str, Any]:
    done = signals(n_learners, n_items)
    kind = IALS if name == "implicit" else RECOMMENDERS[name]
    few = done[done["learner_id"] < f"l{FIT_LEARNERS:07d}"]  # how well it was fitted does not matter here
    model = kind(**ONE_PASS.get(name, {})).fit(few)
    load = os.getloadavg()[0]
    if name == "implicit":
        return {**_by_hand(model, done), "load_average": round(load, 1)}
    histories = done.groupby("learner_id", sort=True)["item_id"].agg(list).tolist()
    with Peak() as peak:
        started, worked = time.perf_counter(), time.process_time()
        columns, _ = rank(model, histories, TOP)
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    assert columns.shape == (n_learners, TOP)
    return _result(seconds, cpu, peak) | {"load_average": round(load, 1)}


def _by_hand(model: IALS, done: pd.DataFrame) -> dict[str, Any]:
    """Factors of every learner and their recommend, as its documentation shows; BLAS on one thread."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    known = done[done["item_id"].isin(set(model.item_ids))]
    weights, learner_ids, _ = matrix(known)
    weights = weights.astype(np.float32)
    weights.data = 1 + model.alpha * weights.data
    with threadpool_limits(1, "blas"):
        theirs = AlternatingLeastSquares(factors=model.factors, regularization=model.regularization)
        theirs.item_factors = model.item_factors
        users = np.arange(len(learner_ids))
        with Peak() as peak:
            started, worked = time.perf_counter(), time.process_time()
            theirs.user_factors = theirs.recalculate_user(users, weights)
            folded = time.perf_counter() - started
            theirs.recommend(users, weights, N=TOP, filter_already_liked_items=True)
            seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    return _result(seconds, cpu, peak) | {"seconds_of_that_for_factors": round(folded, 2)}


def _result(seconds: float, cpu: float, peak: Peak) -> dict[str, Any]:
    return {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2), "peak_mb": round(peak.added / 1e6)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    names = ["implicit", *(name for name in RECOMMENDERS if name != "random")]
    parser.add_argument("--models", default=",".join(names))
    parser.add_argument("--learners", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=5_000)
    parser.add_argument("--one", help="measure this model here and print it")
    results = Path(__file__).parent / "results"
    parser.add_argument("--out", type=Path, default=results / "batch_recommendations.json")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one, given.learners, given.items)))
        return
    before = json.loads(given.out.read_text())["models"] if given.out.exists() else {}
    report: dict[str, Any] = {
        "date": date.today().isoformat(),
        "cores": os.cpu_count(),
        "learners": given.learners,
        "items": given.items,
        "top": TOP,
        "models": before,  # those not measured now stay as they were
    }
    for name in given.models.split(","):
        again = [sys.executable, __file__, "--one", name]
        again += ["--learners", str(given.learners), "--items", str(given.items)]
        printed = subprocess.run(again, check=True, capture_output=True, text=True).stdout
        report["models"][name] = json.loads(printed.splitlines()[-1]) | {"date": report["date"]}
        given.out.parent.mkdir(exist_ok=True)
        given.out.write_text(json.dumps(report, indent=2) + "\n")
        print(f"{name:12s} {report['models'][name]}", flush=True)


if __name__ == "__main__":
    main()
