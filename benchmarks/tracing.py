"""Our tracers beside pyBKT, pyKT and scikit-learn: same learners, each answer predicted once, one score.

    python benchmarks/tracing.py [--sets ednet simulated-irt …] [--models logistic pykt-akt …] [--folds 0 1 …]
        [--seconds 600] [--folder DIR] [--report-only]

Makes the peers' environments (venv and pip) and the sets (tracing_data.py), then for each set, fold and model
one process: it is trained on the fold's training learners and predicts each answer of the test learners from
what came before it. Nothing is tuned but what stops early or is chosen on the fold's validation learners
(tracing_peers.py says what). All are scored by `learnloop.evaluate.calibration.tracing_metrics`. Peak memory
is PSS of the process and its children, sampled from outside. What is finished stays in the folder and is not
run again. Which of our models stands for us is chosen on validation, never on test; the best peer is the one
that is best on the test itself. Models are compared on the folds that both have.

Also measured: what our logistic tracer seems to reach when answers are expanded by concept, trained and
scored so, as many papers do. Prints tables and writes benchmarks/results/tracing.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import tracing_peers as peers
from learnloop.evaluate.calibration import tracing_metrics
from learnloop.workflow.tracers import TRACERS
from recommender_peers import training, write
from tracing_data import FOLDS, SETS

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/tracing.json"
DEFAULT_SETS = ("ednet", "simulated-irt", "simulated-mixture")
# torch first, by itself: pip takes a CPU build where it is configured to find one
TORCH = "torch==2.13.0"
SLOW = ("attention", "blend")  # trained once, on the training learners without those of validation
ENVIRONMENTS = {  # each line one call of pip
    "pybkt": (("pyBKT==1.4.3", "numpy==2.2.*", "scikit-learn==1.6.*", "pandas<3", "setuptools", "wheel"),),
    "pykt": ((TORCH,), ("pykt-toolkit==0.0.38", "numpy<2.4", "pandas<3", "scikit-learn")),
}
NOT_RUN = {
    "pyKT simpleKT": "its release on PyPI (0.0.38) does not have it; `simplekt` is written after the paper",
}
RESAMPLES = 200


def environment(folder: Path, name: str) -> Path:
    """The Python of the environment `name`, made where it is not there; ours for ""."""
    if not name:
        return Path(sys.executable)
    python = folder / "environments" / name / "bin/python"
    done = folder / "environments" / name / "complete"
    if not done.is_file():
        print(f"making the environment {name}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
        for packages in ENVIRONMENTS[name]:
            subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
        done.touch()
    return python


def frame(log: peers.Log) -> pd.DataFrame:
    """A log as ANSWERS."""
    sizes = log.sizes
    names = np.array([f"c{number:04d}" for number in range(sizes.n_concepts)], dtype=object)
    of_set = np.empty(sizes.n_sets, dtype=object)
    of_set[:] = [
        tuple(names[sizes.set_concepts[start:end]])
        for start, end in zip(sizes.set_starts[:-1], sizes.set_starts[1:], strict=True)
    ]
    return pd.DataFrame(
        {
            "learner_id": pd.Series(log.learner).map("l{:07d}".format).astype("str"),
            "item_id": pd.Series(log.item).map("i{:07d}".format).astype("str"),
            "concept_ids": of_set[log.concept_set],
            "correct": log.correct == 1,
            "occurred_at": pd.to_datetime(log.at, unit="us", utc=True),
        }
    )


def ours(name: str) -> peers.Fit:
    """One of our tracers, as it comes."""

    def fit(train: peers.Log, validation: peers.Log, seconds: float) -> tuple[peers.Predict, dict[str, Any]]:
        made = TRACERS[name]
        known, held = frame(train), frame(validation)
        if name in SLOW:
            with training():
                model = made().fit(known)
            chosen = model
        else:
            chosen = made().fit(known)
            both = frame(train.and_also(validation))
            with training():
                model = made().fit(both)
        about: dict[str, Any] = {
            "validation_auc": peers.auc(validation.correct, chosen.predict(held)),
        }
        if name == "blend":
            about["bases"] = getattr(model, "validation")  # noqa: B009
        return lambda log: model.predict(frame(log)), about

    return fit


def one(name: str, fold: int, model: str, folder: Path, seconds: float) -> None:
    """Trains and asks `model` on a fold of the set `name`, unless that is done."""
    import recommenders  # which imports what a worker does not need

    recommenders.EVERY_S = 3.0  # summing up the memory of a large process costs CPU, too
    out = folder / "models" / name / model / f"fold{fold}"
    if (out / "done.json").is_file():
        return
    out.mkdir(parents=True, exist_ok=True)
    kind, _ = peers.PEERS.get(model, ("", None))
    script = "tracing_peers.py" if model in peers.PEERS else "tracing.py"
    command = [str(environment(folder, kind)), str(ROOT / "benchmarks" / script)]
    command += [] if model in peers.PEERS else ["--worker"]
    command += [model, str(folder / "sets" / name / "data.npz"), str(fold), str(out)]
    # one thread: on a shared machine more would wait, and CPU seconds say what a model costs
    held = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    with (out / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--seconds", str(seconds)], stdout=log, stderr=log, env=held, cwd=out
        )
        # a deep peer ends its last epoch and predicts after its seconds
        peak, failed = recommenders.watched(process, 2 * seconds + 120)
    done: dict[str, Any] = {"peak_bytes": peak, "at": datetime.now(UTC).isoformat()}
    if failed:
        done |= {"failed": failed, "log": (out / "log").read_text()[-300:]}
    write(out / "done.json", done)
    print(f"{datetime.now(UTC):%H:%M:%S} {name} fold {fold} {model}: {failed or 'done'}", flush=True)


def finished(name: str, folder: Path) -> dict[str, dict[int, dict[str, Any]]]:
    """model -> fold -> what its process wrote, and "p" (n,) of the fold's test rows."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for path in sorted((folder / "models" / name).glob("*/fold*/done.json")):
        told = json.loads(path.read_text())
        if "failed" not in told:
            told |= json.loads((path.parent / "final.json").read_text())
            told["p"] = np.load(path.parent / "predictions.npz")["p"].astype(float)
        found.setdefault(path.parts[-3], {})[int(path.parts[-2].removeprefix("fold"))] = told
    return found


def summary(folds: dict[int, dict[str, Any]], tests: dict[int, peers.Log]) -> dict[str, Any]:
    """One model's figures over the folds it has."""
    good = {fold: told for fold, told in folds.items() if "failed" not in told}
    row: dict[str, Any] = {
        "folds": sorted(good),
        "failed": {fold: [told["failed"], told["log"]] for fold, told in folds.items() if "failed" in told},
    }
    if not good:
        return row
    correct = np.concatenate([tests[fold].correct for fold in good])
    learner = np.concatenate([tests[fold].learner for fold in good])
    p = np.concatenate([told["p"] for told in good.values()])
    row |= {"pooled": dict(tracing_metrics(correct, p, learner, seed=peers.SEED))}
    row["auc_by_fold"] = {fold: peers.auc(tests[fold].correct, told["p"]) for fold, told in good.items()}
    keys = ("train_seconds", "train_cpu_seconds", "predict_seconds", "predict_cpu_seconds")
    row |= {key: float(np.mean([told[key] for told in good.values()])) for key in keys}
    row["peak_bytes"] = max(told["peak_bytes"] for told in good.values())
    extra = ("validation_auc", "C", "epochs", "best_epoch", "stopped_early", "weights", "bases")
    row["about"] = {fold: {key: told[key] for key in extra if key in told} for fold, told in good.items()}
    return row


def auc_difference(
    correct: np.ndarray, a: np.ndarray, b: np.ndarray, learner: np.ndarray
) -> dict[str, float]:
    """{value, low, high} of AUC(a) - AUC(b): 95% percentile interval, both on the same learners drawn."""
    codes, learners = pd.factorize(learner)
    drawn = np.ones((1 + RESAMPLES, len(learners)))
    even = np.full(len(learners), 1 / len(learners))
    drawn[1:] = np.random.default_rng(peers.SEED).multinomial(len(learners), even, size=RESAMPLES)

    def of(p: np.ndarray) -> np.ndarray:
        order = np.argsort(p, kind="stable")
        y, whose = correct[order], codes[order]
        tie = np.r_[0, np.cumsum(p[order][1:] != p[order][:-1])]
        found = np.empty(len(drawn))
        for number, times in enumerate(drawn):
            w = times[whose]
            right, wrong = np.bincount(tie, weights=w * y), np.bincount(tie, weights=w * (1 - y))
            # each right answer beats the wrong ones below it, and half of those it ties with
            found[number] = right @ (np.cumsum(wrong) - wrong / 2) / (right.sum() * wrong.sum())
        return found

    samples = of(a) - of(b)
    low, high = np.quantile(samples[1:], [0.025, 0.975])
    return {"value": float(samples[0]), "low": float(low), "high": float(high)}


def compared(a: str, b: str, found: dict[str, Any], tests: dict[int, peers.Log]) -> dict[str, Any]:
    """The AUC of both on the folds that both have, and the difference."""
    both = [
        fold
        for fold in sorted(set(found[a]) & set(found[b]))
        if all("p" in found[one][fold] for one in (a, b))
    ]
    if not both:
        return {"a": a, "b": b, "folds": []}
    correct = np.concatenate([tests[fold].correct for fold in both])
    learner = np.concatenate([tests[fold].learner for fold in both])
    of = {one: np.concatenate([found[one][fold]["p"] for fold in both]) for one in (a, b)}
    cpu = {one: float(np.mean([found[one][fold]["train_cpu_seconds"] for fold in both])) for one in (a, b)}
    return {
        "a": a,
        "b": b,
        "folds": both,
        "auc_a": peers.auc(correct, of[a]),
        "auc_b": peers.auc(correct, of[b]),
        "difference": auc_difference(correct, of[a], of[b], learner),
        "train_cpu_seconds_b_over_a": cpu[b] / max(cpu[a], 1e-9),
    }


def judged(found: dict[str, Any], tests: dict[int, peers.Log]) -> dict[str, Any]:
    """Ours, chosen on validation, against every peer; our logistic one against the deep ones."""

    def mean_of(model: str, key: str) -> float:
        return float(np.mean([told[key] for told in found[model].values() if key in told]))

    good = {model for model, folds in found.items() if any("p" in told for told in folds.values())}
    mine, theirs = sorted(good - set(peers.PEERS)), sorted(good & set(peers.PEERS))
    if not mine:
        return {}
    # validation of all our models on the folds that all of them have, so that no easier fold decides
    shared = set.intersection(*({fold for fold, told in found[m].items() if "p" in told} for m in mine))
    validation = {
        model: float(np.mean([found[model][fold]["validation_auc"] for fold in shared])) if shared
        else mean_of(model, "validation_auc")
        for model in mine
    }  # fmt: skip
    # of equals the quicker: a blend that trusts one tracer alone is that tracer, at a higher price
    chosen = max(mine, key=lambda model: (validation[model], -mean_of(model, "train_cpu_seconds")))
    verdict: dict[str, Any] = {"validation": validation, "on_folds": sorted(shared), "chosen": chosen}
    verdict["chosen_against"] = [compared(chosen, peer, found, tests) for peer in theirs]
    if "logistic" in good:
        verdict["logistic_against"] = [compared("logistic", peer, found, tests) for peer in theirs]
    return verdict


def expanded(log: peers.Log) -> pd.DataFrame:
    """ANSWERS with a row a concept, one microsecond apart: what must not be scored."""
    rows = frame(log).explode("concept_ids", ignore_index=True)
    nth = rows.groupby(["learner_id", "occurred_at"]).cumcount()
    at = rows["occurred_at"].dt.as_unit("us") + pd.to_timedelta(nth, unit="us")
    return rows.assign(occurred_at=at, concept_ids=[(concept,) for concept in rows["concept_ids"]])


def leak(data: Path, fold: int = 0) -> dict[str, Any]:
    """AUC of our logistic tracer on one fold, honest, and trained and scored on rows expanded by concept."""
    train, validation, test = peers.load(data, fold)
    both = train.and_also(validation)
    model = TRACERS["logistic"]()
    honest = peers.auc(test.correct, model.fit(frame(both)).predict(frame(test)))
    rows = expanded(test)
    leaky = TRACERS["logistic"]().fit(expanded(both)).predict(rows)
    return {
        "fold": fold,
        "rows_per_answer": len(rows) / len(test),
        "honest_auc": honest,
        "leaky_auc": peers.auc(rows["correct"].to_numpy(int), leaky),
    }


def table(name: str, models: dict[str, Any]) -> str:
    """Markdown, best first."""
    lines = [
        f"### {name}",
        "",
        "| model | folds | AUC | | log-loss | ECE | train CPU s | predict CPU s | peak MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    good = [model for model, row in models.items() if row["folds"]]
    for model in sorted(good, key=lambda model: -models[model]["pooled"]["auc"]["value"]):
        row, of = models[model], models[model]["pooled"]
        label = model if model in peers.PEERS else f"**{model}**"
        lines.append(
            f"| {label} | {len(row['folds'])} | {of['auc']['value']:.4f}"
            f" | {of['auc']['low']:.4f} to {of['auc']['high']:.4f} | {of['log_loss']['value']:.4f}"
            f" | {of['ece']['value']:.4f} | {row['train_cpu_seconds']:.2f}"
            f" | {row['predict_cpu_seconds']:.2f} | {row['peak_bytes'] / 1e6:,.0f} |"
        )
    lines += [f"| {model} | failed | {row['failed']} |" for model, row in models.items() if row["failed"]]
    return "\n".join(lines)


def told(verdict: dict[str, Any]) -> str:
    lines = [f"chosen on validation: {verdict.get('chosen')} {verdict.get('validation')}"]
    for one_ in [*verdict.get("chosen_against", []), *verdict.get("logistic_against", [])]:
        if one_["folds"]:
            d = one_["difference"]
            lines.append(
                f"{one_['a']} - {one_['b']}, folds {one_['folds']}: {one_['auc_a']:.4f} - {one_['auc_b']:.4f}"
                f" = {d['value']:+.4f} ({d['low']:+.4f} to {d['high']:+.4f}), the peer trains"
                f" {one_['train_cpu_seconds_b_over_a']:.1f} times as long"
            )
    return "\n".join(lines)


def report(folder: Path, seconds: float) -> None:
    """Everything that is finished, as the results file and tables."""
    sets: dict[str, Any] = json.loads(RESULTS.read_text())["sets"] if RESULTS.is_file() else {}
    for name in SETS:
        data = folder / "sets" / name / "data.npz"
        found = finished(name, folder)
        if not found:
            continue
        tests = {fold: peers.load(data, fold)[2] for fold in range(FOLDS)}
        models = {model: summary(folds, tests) for model, folds in found.items()}
        sets[name] = {
            "about": json.loads(data.with_name("about.json").read_text()),
            "models": models,
            "verdict": judged(found, tests),
            "leak": leak(data),
            "unfinished": [
                model for model in (*TRACERS, *peers.PEERS) if not models.get(model, {}).get("folds")
            ],
        }
        print(f"\n{table(name, models)}\n\n{told(sets[name]['verdict'])}\n{sets[name]['leak']}", flush=True)
    whole = {
        "at": datetime.now(UTC).isoformat(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "seconds": seconds,
        "environments": ENVIRONMENTS,
        "not_run": NOT_RUN,
        "sets": sets,
    }
    RESULTS.write_text(json.dumps(whole, indent=1) + "\n")


def main() -> None:
    if "--worker" in sys.argv:
        sys.argv.remove("--worker")
        peers.run(ours(sys.argv[1]))
        return
    models = [*TRACERS, *peers.PEERS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=DEFAULT_SETS)
    parser.add_argument("--models", nargs="*", choices=models, default=models)
    parser.add_argument("--folds", nargs="*", type=int, choices=range(FOLDS), default=list(range(FOLDS)))
    parser.add_argument("--seconds", type=float, default=600, help="CPU seconds a deep peer may train")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "tracing-peers")
    parser.add_argument("--report-only", action="store_true")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    for name in () if asked.report_only else asked.sets:
        if not (folder / "sets" / name / "about.json").is_file():
            made = [str(ROOT / "benchmarks/tracing_data.py"), name, str(folder / "sets" / name)]
            subprocess.run([sys.executable, *made], check=True)
        for fold in asked.folds:
            for model in asked.models:
                one(name, fold, model, folder, asked.seconds)
    report(folder, asked.seconds)


if __name__ == "__main__":
    main()
