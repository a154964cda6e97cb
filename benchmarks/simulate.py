"""How fast simulated learners answer: a log as arrays, as a frame, as files; and one step of a policy.

    python benchmarks/simulate.py [--learners 10000] [--answers 100] [--rounds 5] [--out FILE]

Arrays: `simulate.practice.blocks` until its last block, in this process and in two. Frame: `answers`, which
is ANSWERS and the truth. Files: `learnloop simulate --family` in a process of its own, its start included.
Step: what one decision for 1,000 learners costs (`answer`, and the truth an oracle asks for). The best of the
rounds counts: on a machine that others use, CPU seconds tell more than seconds. Writes results/simulate.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from learnloop.simulate.course import planted_course
from learnloop.simulate.families import FAMILIES
from learnloop.simulate.practice import BLOCK, answers, blocks

SEED, PROCESSES, STEP_LEARNERS, STEPS = 1, 2, 1_000, 20


def arrays(family: str, learners: int, per_learner: int, first: int = 0) -> tuple[int, float]:
    """Answers made, and CPU seconds."""
    began = time.process_time()
    made = sum(len(block.item) for block in blocks(family, learners, per_learner, SEED, first=first))
    return made, time.process_time() - began


def in_two(pool: ProcessPoolExecutor, family: str, learners: int, per_learner: int) -> int:
    half = -(-learners // PROCESSES)
    parts = [pool.submit(arrays, family, half, per_learner, k * half) for k in range(PROCESSES)]
    return sum(part.result()[0] for part in parts)


def best(rounds: int, work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work` gave, and its shortest seconds."""
    shortest, given = float("inf"), None
    for _ in range(rounds):
        began = time.perf_counter()
        given = work()
        shortest = min(shortest, time.perf_counter() - began)
    return given, shortest


def files(family: str, learners: int, per_learner: int, format_: str) -> tuple[float, int]:
    """Seconds of the whole command, and bytes of the answers."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [sys.executable, "-m", "learnloop.cli", "simulate", "--family", family, "--out", str(out)]
        command += ["--learners", str(learners), "--answers", str(per_learner), "--format", format_]
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - began, (out / f"answers.{format_}").stat().st_size


def step_ms(family: str) -> dict[str, float]:
    """CPU milliseconds of one call for 1,000 learners, in the middle of a course."""
    environment = FAMILIES[family](planted_course(seed=SEED), STEP_LEARNERS, SEED)
    rng, everyone = np.random.default_rng(0), np.arange(STEP_LEARNERS)
    for _ in range(60):
        environment.answer(everyone, rng.integers(0, len(environment.course.item_ids), STEP_LEARNERS))
    calls: dict[str, Callable[[], Any]] = {
        "answer": lambda: environment.answer(everyone, np.zeros(STEP_LEARNERS, dtype=np.int64)),
        "p_correct": lambda: environment.p_correct(everyone),
        "gain": lambda: environment.gain(everyone),
        "mastery": environment.mastery,
    }
    found = {}
    for name, call in calls.items():
        began = time.process_time()
        for _ in range(STEPS):
            call()
        found[name] = 1e3 * (time.process_time() - began) / STEPS
    return found


def measured(family: str, options: argparse.Namespace, pool: ProcessPoolExecutor) -> dict[str, Any]:
    size = (family, options.learners, options.answers)
    (made, cpu), seconds = best(options.rounds, lambda: arrays(*size))
    made_by_two, seconds_of_two = best(options.rounds, lambda: in_two(pool, *size))
    frame, frame_s = best(1, lambda: answers(*size, SEED))
    csv_s, csv_bytes = files(*size, "csv")
    parquet_s, parquet_bytes = files(*size, "parquet")
    return {
        "family": family,
        "answers": made,
        "arrays_per_s": made / seconds,
        "arrays_per_cpu_s": made / cpu,
        "arrays_two_processes_per_s": made_by_two / seconds_of_two,
        "frame_per_s": len(frame.answers) / frame_s,
        "csv_command_per_s": made / csv_s,
        "csv_bytes": csv_bytes,
        "parquet_command_per_s": made / parquet_s,
        "parquet_bytes": parquet_bytes,
        "step_cpu_ms": step_ms(family),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=10_000)
    parser.add_argument("--answers", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "simulate.json")
    options = parser.parse_args()
    load, results = os.getloadavg()[0], []
    with ProcessPoolExecutor(PROCESSES) as pool:
        in_two(pool, "bkt", 4, 2)  # starts the processes
        for family in FAMILIES:
            results.append(measured(family, options, pool))
            print({k: f"{v:,.0f}" for k, v in results[-1].items() if k.endswith("per_s")}, family, flush=True)
    report = {
        "date": date.today().isoformat(),
        "cores": os.cpu_count(),
        "load_before": load,
        "load_after": os.getloadavg()[0],
        "learners": options.learners,
        "answers_per_learner": options.answers,
        "block": BLOCK,
        "results": results,
    }
    options.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
