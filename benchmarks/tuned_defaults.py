"""Where the recommenders' default hyper-parameters come from: tuned on six validation folds, then compared.

    python benchmarks/tuned_defaults.py [--trials 30] [--seconds 240] [--models ease] [--sets oulad-time]

OULAD, MovieLens and a simulated catalogue (of another seed than that of recommenders.py), by time and by the
last item. The test part is put away first; then each is cut down, so that a trial is cheap: 5,000 learners at
most, and the items that five of them did. Every model is tuned on the validation fold of each, from its
defaults of today on; then what was best on one set, and the defaults, are measured on all. With v(p, s) the
NDCG@10 of the settings p on the set s:

    loss(p) = mean_s 1 - v(p, s) / max_q v(q, s)

The proposal is the p that loses least. What is finished is kept in the result file and not run again; --fresh
begins anew.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import recommender_data
from learnloop.evaluate import protocols
from learnloop.evaluate.protocols import Fold
from learnloop.workflow.recommenders import RECOMMENDERS
from learnloop.workflow.tuning import OnFold, tuned
from learnloop.workflow.tuning_study import defaults


def simulated(data: Path) -> pd.DataFrame:
    from learnloop.simulate.catalogue_log import catalogue_log

    log = catalogue_log(n_learners=5_000, n_items=1_500, n_interactions=250_000, seed=11)
    return log.events[["learner_id", "item_id", "at"]]


SETS = {"oulad": recommender_data.oulad, "movielens": recommender_data.movielens, "simulated": simulated}
RESULTS = Path(__file__).parent / "results/tuned_defaults.json"
SPLITS = ("time", "leave-last-out")
NAMES = tuple(f"{name}-{split}" for name in SETS for split in SPLITS)
MOST_LEARNERS, FEWEST_DONE = 5_000, 5


def validation_fold(name: str, data: Path) -> Fold:
    """The validation fold of a set, of its training part alone, cut down."""
    which, split = name.split("-", 1)
    log = protocols.folds(SETS[which](data), split)[0].train
    learners = np.sort(log["learner_id"].unique().astype(object)).tolist()
    log = log[log["learner_id"].isin(recommender_data.some(learners, MOST_LEARNERS))]
    done_by = log.groupby("item_id")["learner_id"].nunique()
    log = log[log["item_id"].isin(done_by.index[done_by >= FEWEST_DONE])].reset_index(drop=True)
    return protocols.folds(log, split)[0]


def key_of(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True)


def tune(model: str, folds: Mapping[str, Fold], found: dict[str, Any], asked: Any) -> Iterator[None]:
    """Fills found[set] with what tuning did; yields after each, to be kept."""
    for name, fold in folds.items():
        if name in found:
            continue
        began = time.perf_counter()
        _, report = tuned(RECOMMENDERS[model], fold, trials=asked.trials, timeout=asked.seconds)
        found[name] = report
        print(
            f"{model} on {name}: {report['default_value']:.4f} -> {report['best_value']:.4f},"
            f" {report['trials']} trials, {report['pruned']} pruned, {time.perf_counter() - began:.0f} s",
            flush=True,
        )
        yield


def compare(model: str, tuned_on: Mapping[str, Any], folds: Mapping[str, Fold]) -> dict[str, Any]:
    """The defaults, those that the searches began with and the best of each set, on every set: NDCG@10 and
    loss; the one that loses least."""
    kind: Any = RECOMMENDERS[model]
    tried = [defaults(kind, kind.space)]
    tried += [report["history"][0]["params"] for report in tuned_on.values()]
    tried += [report["best_params"] for report in tuned_on.values()]
    candidates = list({key_of(one): one for one in tried}.values())
    values = np.zeros((len(candidates), len(tuned_on)))
    for column, (name, report) in enumerate(tuned_on.items()):
        history = [one for one in report["history"] if one["value"] is not None]
        measured = {key_of(one["params"]): one["value"] for one in history}
        measure = OnFold(kind, folds[name])
        for row, one in enumerate(candidates):
            known = measured.get(key_of(one))
            values[row, column] = measure(one, measure.rungs - 1) if known is None else known
    losses = (1 - values / np.maximum(values.max(axis=0), 1e-9)).mean(axis=1)
    least = int(np.argmin(losses))
    return {
        "default": candidates[0],
        "default_loss": round(float(losses[0]), 4),
        "proposal": candidates[least],
        "proposal_loss": round(float(losses[least]), 4),
        "better_than_the_defaults_on": int((values[least] > values[0]).sum()),
        "sets": list(tuned_on),
        "candidates": [
            {"params": one, "ndcg": row.round(4).tolist(), "loss": round(float(loss), 4)}
            for one, row, loss in zip(candidates, values, losses, strict=True)
        ],
    }


def rung_agreement(tuned_on: Mapping[str, Any]) -> dict[str, float]:
    """Set -> the rank correlation of the cheap rung and the last one, over the trials that have both."""
    found = {}
    for name, report in tuned_on.items():
        both = pd.DataFrame(
            [one["rungs"] for one in report["history"] if len(one["rungs"]) == 2]
        ).drop_duplicates()
        if len(both) >= 5:
            found[name] = round(float(both[0].rank().corr(both[1].rank())), 2)
    return found


def keep(found: dict[str, Any], compared: dict[str, Any], asked: Any) -> None:
    about = {
        "measured_at": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": f"{os.cpu_count()} cores, load average {os.getloadavg()[1]:.0f}",
        "trials": asked.trials,
        "seconds": asked.seconds,
        "most_learners": MOST_LEARNERS,
        "fewest_learners_of_an_item": FEWEST_DONE,
    }
    rows = [  # a search a line
        f'  "{model}": {{\n'
        + ",\n".join(f'   "{name}": {json.dumps(one)}' for name, one in by_set.items())
        + "\n  }"
        for model, by_set in found.items()
    ]
    head = json.dumps({**about, "proposals": compared}, indent=1).removesuffix("\n}")
    asked.out.write_text(head + ',\n "tuned": {\n' + ",\n".join(rows) + "\n }\n}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    with_space = [name for name, kind in RECOMMENDERS.items() if kind.space]  # type: ignore[attr-defined]
    parser.add_argument("--models", nargs="+", default=with_space, choices=with_space)
    parser.add_argument("--sets", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared/data")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--fresh", action="store_true")
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    compared: dict[str, Any] = {}
    if asked.out.exists() and not asked.fresh:
        earlier = json.loads(asked.out.read_text())
        found, compared = earlier["tuned"], earlier["proposals"]
    folds = {}
    for name in asked.sets:
        folds[name] = validation_fold(name, asked.data)
        train = folds[name].train
        sizes = f"{train['learner_id'].nunique():,} learners, {train['item_id'].nunique():,} items"
        print(f"{name}: {len(train):,} events, {sizes}, {len(folds[name].relevant):,} asked", flush=True)
    for model in asked.models:
        for _ in tune(model, folds, found.setdefault(model, {}), asked):
            keep(found, compared, asked)
        on = {name: report for name, report in found[model].items() if name in folds}
        compared[model] = {**compare(model, on, folds), "rung_agreement": rung_agreement(on)}
        keep(found, compared, asked)
        show(model, on, compared[model])


def show(model: str, tuned_on: Mapping[str, Any], compared: Mapping[str, Any]) -> None:
    for name, report in tuned_on.items():
        print(f"{model:12} best on {name:24} {report['best_params']}")
    losses = f"loss {compared['default_loss']} with the defaults, {compared['proposal_loss']} with"
    better = f"better on {compared['better_than_the_defaults_on']} of {len(tuned_on)}"
    print(f"{model:12} {losses} {compared['proposal']}, {better}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
