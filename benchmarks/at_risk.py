"""Who is at risk on OULAD, week 2, 4 and 8, the latest presentation and each in turn.

    python benchmarks/at_risk.py FOLDER [--json F]

The same as `learnloop evaluate at-risk --oulad FOLDER --leave-one-out --json`, and the seconds it took.
"""

import argparse
import json
import os
import platform
import time
from datetime import date
from pathlib import Path

from learnloop.workflow.at_risk import brief, evaluate_at_risk


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    started = time.perf_counter()
    found = evaluate_at_risk(given.folder, leave_one_out=True)
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
