"""An adaptive placement against a fixed test, by family of simulated learners.

python benchmarks/placement.py [--learners 100] [--families bkt,irt] [--choice variance] [--seed 7] [--json F]
"""

import argparse
import json
from pathlib import Path

from learnloop.workflow.placement import evaluate_placement


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--learners", type=int, default=100)
    parser.add_argument("--families", default="")
    parser.add_argument("--choice", default="variance")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    names = [name for name in given.families.split(",") if name]
    found = evaluate_placement(names, learners=given.learners, choice=given.choice, seed=given.seed)
    for family, result in found["families"].items():
        for how, row in result["as shipped"].items():
            ratio = row["fixed: ratio at that brier"]
            print(
                f"{family:11s} {how:8s} as shipped: {row['questions']['value']:5.1f} questions,"
                f" Brier {row['brier']['value']:.4f}, wrong {row['wrong']['value']:.3f}"
                f" (expected {row['expected']['value']:.3f}),"
                f" ratio {ratio['value']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}]"
            )
        for row in result["precisions"]:
            fixed, ratio = row["fixed: questions for that brier"], row["fixed: ratio at that brier"]
            print(
                f"{family:11s} wrong <= {row['precision']:.3f}: {row['questions']['value']:5.1f} questions,"
                f" Brier {row['brier']['value']:.4f}, wrong {row['wrong']['value']:.3f},"
                f" reached {row['reached']:.2f}; fixed {fixed['value']:6.1f},"
                f" ratio {ratio['value']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}]"
            )
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
