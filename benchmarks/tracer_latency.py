"""How long one learner waits for a tracer: P(correct) of every item, mastery of every concept.

    python benchmarks/tracer_latency.py [--models logistic,bkt] [--calls 100] [--out FILE]

A learner of 200 answers asks of 300 items (`predict_next`) and of 60 concepts (`mastery`), the history read
anew each time; and, where a tracer keeps learners up (`follow`), one more answer of one learner and all that
is then believed (`observe`, `p_correct`). Random answers: times do not depend on what was learnt, so the
attention tracer is trained for one pass. One thread. On a machine that others use, the wall clock mostly says
who else had the core: cpu_… is the time that the call itself worked. Writes results/tracer_latency.json.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from learnloop.workflow.tracers import TRACERS

ANSWERS, ITEMS, CONCEPTS, LEARNERS, PER_LEARNER = 200, 300, 60, 200, 60
ONE_PASS: dict[str, dict[str, Any]] = {
    "attention": {"epochs": 1},
    "blend": {"bases": {"logistic": {}, "bkt": {}, "attention": {"members": 1, "epochs": 1}}},
}
GOALS_MS = {"logistic": {"predict_next": 3.0, "mastery": 2.0, "observe": 1.0}}

ITEM_IDS = [f"i:{k:03d}" for k in range(ITEMS)]
CONCEPT_IDS = [f"c:{k:02d}" for k in range(CONCEPTS)]
# a third of the items teach two concepts
CONCEPTS_OF = [
    (CONCEPT_IDS[k % CONCEPTS],) + ((CONCEPT_IDS[(k * 7 + 1) % CONCEPTS],) if k % 3 == 0 else ())
    for k in range(ITEMS)
]


def answers(n_learners: int, per_learner: int, seed: int) -> pd.DataFrame:
    """At random, minutes to days apart."""
    rng = np.random.default_rng(seed)
    n = n_learners * per_learner
    learner, item = np.repeat(np.arange(n_learners), per_learner), rng.integers(0, ITEMS, n)
    gaps = pd.Series(rng.choice([60.0, 600.0, 90_000.0], n)).groupby(learner).cumsum()
    concept_ids = pd.Series([CONCEPTS_OF[k] for k in item], dtype=object)
    return pd.DataFrame(
        {
            "learner_id": pd.Series([f"l{k:04d}" for k in learner], dtype="str"),
            "item_id": pd.Series([ITEM_IDS[k] for k in item], dtype="str"),
            "concept_ids": concept_ids,
            "correct": rng.random(n) < 0.3 + 0.4 * (item % 2),
            "occurred_at": (pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(gaps, "s")).dt.as_unit(
                "us"
            ),
        }
    )


def timed(call: Callable[[int], Any], calls: int) -> dict[str, float]:
    """Milliseconds of call(0), call(1), ...; the first makes what later ones use and does not count."""
    wall, cpu = [], []
    for number in range(calls + 1):
        started, worked = time.perf_counter(), time.thread_time()
        call(number)
        wall.append(time.perf_counter() - started)
        cpu.append(time.thread_time() - worked)
    return {
        f"{kind}p{share}_ms": round(float(np.percentile(taken[1:], share)) * 1000, 3)
        for kind, taken in (("", wall), ("cpu_", cpu))
        for share in (50, 95)
    }


def measured(tracer: Any, calls: int) -> dict[str, dict[str, float]]:
    past = answers(1, ANSWERS, seed=1)
    found = {
        "predict_next": timed(lambda _: tracer.predict_next(past, ITEM_IDS, CONCEPTS_OF), calls),
        "mastery": timed(lambda _: tracer.mastery(past, CONCEPT_IDS), calls),
    }
    if hasattr(tracer, "follow"):
        following = tracer.follow(ITEM_IDS, CONCEPTS_OF, CONCEPT_IDS, 1)
        who, began = np.array([0]), 1.75e9

        def observe(number: int) -> None:
            at = np.array([began + 60.0 * number])
            following.observe(who, np.array([number % ITEMS]), np.array([number % 3 > 0]), at)

        for number in range(ANSWERS):
            observe(number)
        later = np.array([began + 1e6])
        found["observe"] = timed(lambda number: observe(ANSWERS + number), calls)
        found["p_correct"] = timed(lambda _: following.p_correct(who, later), calls)
        found["kept-up mastery"] = timed(lambda _: following.mastery(who, later), calls)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(TRACERS))
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "tracer_latency.json")
    given = parser.parse_args()
    before = json.loads(given.out.read_text())["models"] if given.out.exists() else {}
    report: dict[str, Any] = {
        "date": date.today().isoformat(),
        "cores": os.cpu_count(),
        "calls": given.calls,
        "answers": ANSWERS,
        "items": ITEMS,
        "concepts": CONCEPTS,
        "goals_ms": GOALS_MS,
        "models": before,  # those not measured now stay as they were
    }
    train = answers(LEARNERS, PER_LEARNER, seed=0)
    for name in given.models.split(","):
        tracer = TRACERS[name](**ONE_PASS.get(name, {})).fit(train)
        load = os.getloadavg()[0]
        with threadpool_limits(1):
            found = measured(tracer, given.calls)
        report["models"][name] = {**found, "date": report["date"], "load_average": round(load, 1)}
        given.out.parent.mkdir(exist_ok=True)
        given.out.write_text(json.dumps(report, indent=2) + "\n")
        print(f"{name:10s} {json.dumps(found)}", flush=True)


if __name__ == "__main__":
    main()
