"""How long one learner waits for the model itself: the history folded in, seen items hidden, the top 10.

    python benchmarks/latency.py [--models ials,ease] [--items 5000,100000] [--out results/latency.json]

In memory, one call after another, without HTTP (that is api_latency.py). Learners do 30 items each; nobody
was in training. On a machine that others use, the wall clock mostly says who else had the core: cpu_… is
the time that the call itself worked. Times do not depend on how well a model was trained, so the iterative
ones do one pass, and EASE with more than 5,000 items gets random weights of the same shape as fitted ones.
"""

import argparse
import json
import os
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from learnloop.recommend.ease import EASE
from learnloop.recommend.ranking import recommend
from learnloop.schemas import Recommender
from learnloop.workflow.recommenders import RECOMMENDERS

CALLS, HISTORY, TOP = 2000, 30, 10
GOALS_MS = {5_000: 1.0, 100_000: 5.0}
ONE_PASS: dict[str, dict[str, Any]] = {
    "ials": {"iterations": 1},
    "bpr": {"iterations": 1},
    "sasrec": {"epochs": 1},
}


def signals(n_items: int, n_learners: int, seed: int) -> pd.DataFrame:
    """Every item done by somebody; items of a learner's own group mostly, some far more than others."""
    rng = np.random.default_rng(seed)
    popular = rng.permutation(n_items)
    rows = n_learners * HISTORY
    rank = np.minimum((n_items * rng.random(rows) ** 2.5).astype(np.int64), n_items - 1)
    learner = np.repeat(np.arange(n_learners), HISTORY)
    item = popular[rank - rank % 20 + learner % 20]  # n_items is a multiple of 20
    item[:n_items] = np.arange(n_items)
    frame = pd.DataFrame({"learner": learner, "item": item}).drop_duplicates()
    return pd.DataFrame(
        {
            "learner_id": "l" + frame["learner"].astype(str).str.zfill(7),
            "item_id": "s:" + frame["item"].astype(str).str.zfill(7),
            "weight": 1.0,
            "at": np.arange(len(frame), dtype=float),
        }
    )


def fitted(name: str, done: pd.DataFrame) -> Recommender:
    n_items = done["item_id"].nunique()
    if name == "ease" and n_items > 5_000:
        return wide_ease(done, n_items)
    return RECOMMENDERS[name](**ONE_PASS.get(name, {})).fit(done)


def wide_ease(done: pd.DataFrame, n_items: int) -> EASE:
    model = EASE(max_items=1).fit(done)
    model.max_items = EASE().max_items
    heads = np.sort(np.argsort(-model.item_learners, kind="stable")[: model.max_items])
    rng = np.random.default_rng(0)
    model._take(model.item_learners, heads, rng.standard_normal((len(heads), len(heads)), np.float32))
    return model


def timed(model: Recommender, histories: list[list[str]]) -> dict[str, float]:
    recommend(model, [histories[0]], TOP)  # the first call makes what later ones use
    wall, cpu = [], []
    for history in histories:
        started, worked = time.perf_counter(), time.thread_time()
        recommend(model, [history], TOP)
        wall.append(time.perf_counter() - started)
        cpu.append(time.thread_time() - worked)
    return {
        f"{kind}p{share}_ms": round(float(np.percentile(taken, share)) * 1000, 3)
        for kind, taken in (("", wall), ("cpu_", cpu))
        for share in (50, 95, 99)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(name for name in RECOMMENDERS if name != "random"))
    parser.add_argument("--items", default="5000,100000")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "latency.json")
    given = parser.parse_args()
    before = json.loads(given.out.read_text())["models"] if given.out.exists() else {}
    report: dict[str, Any] = {
        "date": date.today().isoformat(),
        "cores": os.cpu_count(),
        "calls": CALLS,
        "history": HISTORY,
        "top": TOP,
        "blas_threads": 1,
        "models": before,  # those not measured now stay as they were
    }
    for n_items in map(int, given.items.split(",")):
        done = signals(n_items, max(2_000, n_items // 5), seed=0)
        asked = signals(n_items, CALLS + n_items // HISTORY + 1, seed=1)
        histories = asked.groupby("learner_id")["item_id"].agg(list).tolist()[-CALLS:]
        for name in given.models.split(","):
            model = fitted(name, done)
            load = os.getloadavg()[0]
            with threadpool_limits(1, "blas"):  # as the API runs it
                found = timed(model, histories)
            goal = GOALS_MS.get(n_items)
            found |= {
                "goal_ms": goal,
                "met_p95": goal is None or found["p95_ms"] < goal,
                "met_cpu_p95": goal is None or found["cpu_p95_ms"] < goal,
                "nbytes": model.nbytes,
                "date": report["date"],
                "load_average": round(load, 1),
            }
            report["models"].setdefault(name, {})[str(n_items)] = found
            given.out.parent.mkdir(exist_ok=True)
            given.out.write_text(json.dumps(report, indent=2) + "\n")
            print(f"{name:12s} {n_items:7,} items: {found}", flush=True)


if __name__ == "__main__":
    main()
