"""Who is at risk on OULAD, week 2, 4 and 8, the latest presentation and each in turn.

    python benchmarks/at_risk.py FOLDER [--json F] [--parts DIR]

The same as `learnloop evaluate at-risk --oulad FOLDER --leave-one-out --json`, and the seconds it took. With
--parts a run that was killed goes on: what was told of a presentation lies there, a file each.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from learnloop.workflow.at_risk import Remember, brief, evaluate_at_risk


def in_files(folder: Path) -> Remember:
    folder.mkdir(parents=True, exist_ok=True)

    def remember(what: str, find: Callable[[], np.ndarray]) -> np.ndarray:
        path = folder / f"{what}.npy"
        if not path.exists():
            beside = path.with_suffix(".part.npy")
            np.save(beside, find())
            beside.rename(path)
        return np.load(path)

    return remember


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--parts", type=Path)
    given = parser.parse_args()
    started = time.perf_counter()
    kept = {"remember": in_files(given.parts)} if given.parts else {}
    found = evaluate_at_risk(given.folder, leave_one_out=True, **kept)
    found |= {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(brief(found), indent=2, ensure_ascii=False))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
