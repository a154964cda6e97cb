"""Who teaches in the fewest steps: `learnloop evaluate policy`, a process a family, into one result and page.

    python benchmarks/policy.py --learners 1000 --json benchmarks/results/policy.json --report policy.html

The settings were chosen on the courses and learners of seeds 101, 201, 202 and 203; another seed is reported.
"""

import argparse
import json
import platform
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from learnloop.evaluate.policy_report import report_page
from learnloop.simulate.families import FAMILIES
from learnloop.workflow.evaluate_policy import evaluate_policy


def one(family: str, learners: int, steps: int, seed: int) -> dict[str, Any]:
    return evaluate_policy(families=[family], learners=learners, steps=steps, seed=seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    work = partial(one, learners=asked.learners, steps=asked.steps, seed=asked.seed)
    with ProcessPoolExecutor(asked.processes) as pool:
        parts = list(pool.map(work, FAMILIES))
    result = {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {asked.processes} processes, shared with other work",
        **parts[0],
        "families": {name: part["families"][name] for name, part in zip(FAMILIES, parts, strict=True)},
        "reached_goal": [name for part in parts for name in part["reached_goal"]],
    }
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n")
    if asked.report:
        asked.report.write_text(report_page(result), "utf-8")
    for name, found in result["families"].items():
        steps = {policy: round(told["steps"]["value"]) for policy, told in found["policies"].items()}
        print(name, found["best_simple"], {k: round(v, 3) for k, v in found["saving"].items()}, steps)


if __name__ == "__main__":
    main()
