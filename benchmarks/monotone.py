"""How often a right answer lowers mastery, and by how much, of every tracer.

    python benchmarks/monotone.py [--sets ednet,simulated-mixture] [--models attention,blend] [--json F]

A tracer is fitted on four fifths of the learners. Of the others, 400 answers are drawn, and the mastery of
their concepts is asked at the moment of the answer, from what came before it; with the answer taken to be
right; and with it taken to be wrong. Told: in which share a right answer leaves less than there was, in which
less than a wrong one, and how much less (mean of those, and the most).
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.workflow.tracers import TRACERS
from tracing_data import ednet, simulated

DRAWN = 400
SLACK = 1e-9  # sums in another order


def answers(name: str, data: Path) -> pd.DataFrame:
    raw = ednet(data) if name == "ednet" else simulated(name.removeprefix("simulated-"))
    concepts = [tuple(f"c:{one}" for one in of) for of in raw["concepts"]]
    return pd.DataFrame(
        {
            "learner_id": "l:" + raw["learner"].astype(str),
            "item_id": "i:" + raw["item"].astype(str),
            "concept_ids": pd.Series(concepts, index=raw.index, dtype=object),
            "correct": raw["correct"].astype(bool),
            "occurred_at": pd.to_datetime(raw["at"], unit="us", utc=True),
        }
    ).sort_values(["learner_id", "occurred_at"], kind="stable", ignore_index=True)


def of_tracer(tracer: Any, test: pd.DataFrame, seed: int) -> dict[str, float]:
    rows = np.random.default_rng(seed).choice(len(test), min(DRAWN, len(test)), replace=False)
    by_learner = dict(list(test.groupby("learner_id")))
    below_before, below_wrong = [], []
    for row in test.iloc[np.sort(rows)].itertuples():
        past = by_learner[row.learner_id]
        past, now = past[past["occurred_at"] < row.occurred_at], row.occurred_at
        one = test.loc[[row.Index]]
        concepts = list(row.concept_ids)
        right, wrong = (
            pd.concat([past, one.assign(correct=outcome)], ignore_index=True) for outcome in (True, False)
        )
        before, after, failed = (
            tracer.mastery(history, concepts, now)["mastery"].to_numpy() for history in (past, right, wrong)
        )
        below_before.append(float((before - after).max()))
        below_wrong.append(float((failed - after).max()))
    told: dict[str, float] = {"answers": len(below_before)}
    for name, values in (("than_before", np.array(below_before)), ("than_wrong", np.array(below_wrong))):
        less = values[values > SLACK]
        told |= {f"less_{name}": round(len(less) / len(values), 4)}
        told |= {f"mean_{name}": round(float(less.mean()), 4) if len(less) else 0.0}
        told |= {f"most_{name}": round(float(less.max()), 4) if len(less) else 0.0}
    return told


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", default="ednet,simulated-mixture")
    parser.add_argument("--models", default=",".join(TRACERS))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    for name in given.sets.split(","):
        log = answers(name, given.data)
        learners = np.random.default_rng(given.seed).permutation(np.sort(log["learner_id"].unique()))
        held = log["learner_id"].isin(learners[: len(learners) // 5]).to_numpy()
        for model in given.models.split(","):
            tracer = TRACERS[model]().fit(log[~held])
            told = of_tracer(tracer, log[held].reset_index(drop=True), given.seed)
            if model == "blend":
                told["weights"] = dict(zip(tracer.models, np.round(tracer.weights, 3).tolist(), strict=True))
            found.setdefault(name, {})[model] = told
            print(name, model, told, flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
