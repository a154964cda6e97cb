"""Our recommenders beside those of other libraries (SCRIPTS): same folds, same budget, same score.

    python benchmarks/recommenders.py [--sets movielens-time …] [--models ease implicit-als …] [--trials 20]
        [--seconds 120] [--limit 600] [--folder DIR] [--als] [--report-only]

Makes the peers' environments (venv and pip), the folds (recommender_data.py), then for each set and model two
processes: one tunes on the validation fold (TPE from the library's defaults on, the same loop, trials and
CPU seconds for all, so that who else uses the machine changes nothing), one trains on all of training and
ranks the whole catalogue for the learners asked. All rankings are scored by `learnloop.evaluate.ranking`.
Peak memory is that of the second process and its children, PSS, sampled from outside. What is finished stays
in the folder and is not run again. What an earlier run measured on the same folds, and this folder does not
have, stays in the results, with the date of that run. Which of our models stands for us is chosen on
validation, never on test. `--als` times the training of our iALS against `implicit` called by hand, in turns.
Prints tables and writes benchmarks/results/recommenders.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import psutil

import recbole_peers
import recommender_peers as peers
from learnloop.evaluate import ranking
from learnloop.recommend.ranking import NOTHING, rank
from learnloop.recommend.signals import pairs
from learnloop.schemas import Span
from learnloop.workflow.recommenders import RECOMMENDERS

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/recommenders.json"
SPLITS = ("time", "leave-last-out")
SETS = tuple(f"{name}-{split}" for name in ("oulad", "movielens", "simulated") for split in SPLITS)
# without features a hybrid is iALS; "blend-tuned" blends the bases with what their own searches found
OURS = (*(name for name in RECOMMENDERS if name not in ("random", "hybrid")), "blend-tuned")
EVERY_S = 0.5
# torch first, by itself: pip takes a CPU build where it is configured to find one
TORCH = "torch==2.13.0"
ENVIRONMENTS = {
    "modern": ("implicit==0.7.3", "lenskit==2025.8.1", "cornac==3.0.1", "optuna>=4", "pyarrow"),
    "classic": ("rectools==0.19.0", "pytorch-lightning>=2,<=2.5.2", "optuna>=4", "pyarrow"),
    # LightGCN needs a SciPy from before 1.12
    "recbole": ("recbole==1.2.1", "scipy<1.12", "numpy<2", "pandas<3", "setuptools<81", "optuna>=4"),
}
SCRIPTS = {  # the peers by the script that drives them
    **dict.fromkeys(peers.PEERS, "recommender_peers.py"),
    **dict.fromkeys(recbole_peers.PEERS, "recbole_peers.py"),
}
PEERS = {**peers.PEERS, **recbole_peers.PEERS}
NOT_RUN = {
    "cornac WMF": "needs TensorFlow",
    "rectools ALS, BPR and item-item wrappers": "are implicit's models, which run by themselves",
}


def environment(folder: Path, name: str) -> Path:
    """The Python of the environment `name`, made where it is not there."""
    python = folder / "environments" / name / "bin/python"
    done = folder / "environments" / name / "complete"
    if not done.is_file():
        print(f"making the environment {name}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
        for wanted in ((TORCH,), ENVIRONMENTS[name]):
            subprocess.run([str(python), "-m", "pip", "install", "-q", *wanted], check=True)
        done.touch()
    return python


def blend_of_tuned(found: Path) -> tuple[peers.Fit, dict[str, Any], peers.Suggest]:
    """Our blend with its bases as tuned in `found`; whether SASRec is one of them is searched.

    Its budget is its own and that of its bases: the table says so by this name.
    """
    from learnloop.workflow.tuning import tuned_bases

    def params_of(name: str) -> dict[str, Any]:
        tuned = found / name / "tuned.json"
        return json.loads(tuned.read_text())["params"] if tuned.is_file() else {}

    bases, sasrec = tuned_bases(lambda kind: params_of(kind.name)), params_of("sasrec")

    def fit(fold: peers.Fold, params: dict[str, Any]) -> peers.Recommend:
        chosen = {**bases, "sasrec": sasrec} if params["sasrec"] else bases
        return Ours(RECOMMENDERS["blend"](bases=chosen, seed=peers.SEED), fold)

    return (
        fit,
        {"sasrec": False},
        lambda trial: {"sasrec": trial.suggest_categorical("sasrec", [False, True])},
    )


def ours(name: str, found: Path) -> tuple[peers.Fit, dict[str, Any], peers.Suggest]:
    """One of our models in the words of recommender_peers. found: the folder of this set's models."""
    from learnloop.workflow import tuning_study

    if name == "blend-tuned":
        return blend_of_tuned(found)
    kind = RECOMMENDERS[name]
    default = tuning_study.defaults(kind, kind.space)
    fixed = {"seed": peers.SEED} if "seed" in tuning_study.parameters(kind) else {}

    def suggest(trial: Any) -> dict[str, Any]:
        found = {}
        for key, where in kind.space.items():
            if not isinstance(where, Span):
                values = where if default[key] in where else (*where, default[key])
                found[key] = trial.suggest_categorical(key, list(values))
            elif where.whole:
                found[key] = trial.suggest_int(key, int(where.low), int(where.high), log=where.log)
            else:
                found[key] = trial.suggest_float(key, where.low, where.high, log=where.log)
        return found

    return lambda fold, params: Ours(kind(**fixed, **params), fold), default, suggest


class Ours:
    """A trained model that is asked by number."""

    def __init__(self, model: Any, fold: peers.Fold) -> None:
        self.model = model
        self.names = np.array([f"i{number:07d}" for number in range(fold.shape[1])], dtype=object)
        learners = np.array([f"l{number:07d}" for number in range(fold.shape[0])], dtype=object)
        events = pd.DataFrame({"learner": learners[fold.user], "item": self.names[fold.item], "at": fold.at})
        signals = pairs(events["learner"], events["item"], events["at"])
        edges = np.searchsorted(fold.user, np.arange(fold.shape[0] + 1))
        self.histories = {
            int(user): self.names[fold.item[edges[user] : edges[user + 1]]].tolist() for user in fold.asked
        }
        with peers.training():
            model.fit(signals)

    def __call__(self, users: np.ndarray, k: int) -> np.ndarray:
        return self._numbers(rank(self.model, [self.histories[int(user)] for user in users], k)[0])

    def new(self, k: int) -> np.ndarray:
        return self._numbers(rank(self.model, [[]], k)[0])[0]

    def _numbers(self, columns: np.ndarray) -> np.ndarray:
        place = pd.Index(self.names).get_indexer(np.asarray(self.model.item_ids, dtype=object))
        return np.where(columns == NOTHING, -1, place[columns])


def started(python: Path, step: str, model: str, data: Path, out: Path, asked: argparse.Namespace) -> Any:
    script = SCRIPTS.get(model, "recommenders.py")
    own = [] if model in PEERS else ["--worker"]
    command = [str(python), str(ROOT / "benchmarks" / script), *own, step, model, str(data), str(out)]
    command += ["--trials", str(asked.trials), "--seconds", str(asked.seconds)] if step == "tune" else []
    # threads that wait must not spin: others use the cores, and it would count as CPU seconds
    held = os.environ | {"OMP_NUM_THREADS": str(os.cpu_count()), "OMP_WAIT_POLICY": "PASSIVE"}
    held |= {"PYTHONWARNINGS": "ignore"}
    if model.startswith("implicit"):  # as its documentation asks: its own loops have the cores
        held |= {"OPENBLAS_NUM_THREADS": "1"}
    log = (out / f"{step}.log").open("w")
    return subprocess.Popen(command, stdout=log, stderr=log, env=held, cwd=out)


def watched(process: Any, limit: float) -> tuple[int, str]:
    """(peak bytes, why it failed or ""). limit: CPU seconds of the process and its children."""
    peak = 0
    while process.poll() is None:
        pss, seconds = _used(process.pid)
        peak = max(peak, pss)
        if seconds > limit:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()
            return peak, f"ended after {limit:.0f} CPU s"
        time.sleep(EVERY_S)
    return peak, "" if process.returncode == 0 else f"exit code {process.returncode}"


def _used(pid: int) -> tuple[int, float]:
    """(PSS in bytes, CPU seconds) of a process and its children."""
    total, seconds = 0, 0.0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0, 0.0
    for one in family:
        try:
            total += one.memory_full_info().pss
            seconds += sum(one.cpu_times()[:2])
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total, seconds


def one(name: str, model: str, folder: Path, asked: argparse.Namespace) -> None:
    """Tunes, trains and asks `model` on the set `name`, unless that is done."""
    data, out = folder / "sets" / name, folder / "models" / name / model
    if (out / "done.json").is_file():
        return
    out.mkdir(parents=True, exist_ok=True)
    peer = PEERS.get(model)
    python = environment(folder, peer.environment) if peer else Path(sys.executable)
    _, why = watched(started(python, "tune", model, data, out, asked), asked.limit)
    tuned = json.loads((out / "tuned.json").read_text()) if (out / "tuned.json").is_file() else {}
    if not tuned or len(tuned["errors"]) == tuned["trials"]:
        done: dict[str, Any] = {"failed": f"tuning: {[why, *tuned.get('errors', [])][-1]}"}
    else:
        peak, failed = watched(started(python, "final", model, data, out, asked), asked.limit)
        done = {"peak_bytes": peak} | ({"failed": failed} if failed else {})
    if "failed" in done:
        last = [log.read_text()[-300:] for log in (out / "tune.log", out / "final.log") if log.is_file()]
        done["log"] = last[-1:]
    peers.write(out / "done.json", done)
    print(
        f"{datetime.now(UTC):%H:%M:%S} {name} {model}: {done.get('failed') or 'done'}"
        f" validation {tuned.get('value', 0):.4f} in {tuned.get('trials', 0)} trials, {tuned.get('params')}",
        flush=True,
    )


def scored(name: str, folder: Path) -> dict[str, Any]:
    """What the finished models of a set are worth: {model: figures}."""
    held = np.load(folder / "sets" / name / "test.npz")
    n_items, n_known = int(held["shape"][1]), len(held["asked"])
    relevances = [
        _relevance(
            held[f"{prefix}relevant_row"], held[f"{prefix}relevant_item"], held[f"{prefix}sizes"], n_items
        )
        for prefix in ("", "new_")
    ]
    found: dict[str, Any] = {}
    for out in sorted((folder / "models" / name).glob("*")):
        if not (out / "done.json").is_file():
            continue
        done = json.loads((out / "done.json").read_text())
        tuned = json.loads((out / "tuned.json").read_text()) if (out / "tuned.json").is_file() else {}
        row = {"ours": out.name not in PEERS, **done}
        row["tuning"] = {
            key: tuned.get(key) for key in ("params", "value", "default_value", "trials", "cpu_seconds")
        }
        if "failed" not in done:
            ranking_file = np.load(out / "ranking.npz")
            new = np.tile(ranking_file["new"], (len(relevances[1].sizes), 1))
            row |= json.loads((out / "final.json").read_text())
            known = _per_learner(relevances[0], ranking_file["ranked"])
            everyone = pd.concat([known, _per_learner(relevances[1], new)])
            row |= {"known": _summary(known), "all": _summary(everyone), "per_learner": known["ndcg"]}
            row["coverage"] = len(np.unique(ranking_file["ranked"][:, :10])) / n_items if n_known else 0.0
        found[out.name] = row
    return found


def _relevance(rows: np.ndarray, items: np.ndarray, sizes: np.ndarray, n_items: int) -> ranking.Relevance:
    return ranking.Relevance(np.sort(rows.astype(np.int64) * n_items + items), sizes, n_items)


def _per_learner(relevance: ranking.Relevance, ranked: np.ndarray) -> pd.DataFrame:
    """ndcg (at 10) and recall (at 20) of each learner."""
    if not len(relevance.sizes):
        return pd.DataFrame({"ndcg": [], "recall": []})
    ten = ranking.metrics(relevance.hits(ranked[:, :10]), relevance.sizes, 10)
    twenty = ranking.metrics(relevance.hits(ranked[:, :20]), relevance.sizes, 20)
    return pd.DataFrame({"ndcg": ten["ndcg"].to_numpy(), "recall": twenty["recall"].to_numpy()})


def _summary(per_learner: pd.DataFrame) -> dict[str, Any]:
    if per_learner.empty:
        return {"learners": 0}
    found = ranking.summary(per_learner, 500, peers.SEED)
    return {"learners": len(per_learner), "ndcg@10": found["ndcg"], "recall@20": found["recall"]}


def judged(models: dict[str, Any]) -> dict[str, Any]:
    """Ours, chosen on validation, against the peer that is best on the test itself.

    "blend-tuned" had its bases' budgets beside its own: it is told apart, not chosen.
    """
    good = {name: one for name, one in models.items() if "failed" not in one}
    mine = {name: one for name, one in good.items() if one["ours"] and name != "blend-tuned"}
    theirs = {name: one for name, one in good.items() if not one["ours"]}
    verdict: dict[str, Any] = {}
    if theirs:
        verdict["best_peer"] = max(theirs, key=lambda name: theirs[name]["known"]["ndcg@10"]["value"])
        verdict["peer_chosen"] = max(theirs, key=lambda name: theirs[name]["tuning"]["value"])
    if mine:
        verdict["chosen"] = max(mine, key=lambda name: mine[name]["tuning"]["value"])
        verdict["best_of_ours"] = max(mine, key=lambda name: mine[name]["known"]["ndcg@10"]["value"])
    # an earlier run left its means, not the learners that a paired difference needs
    paired = {name: one for name, one in good.items() if "per_learner" in one}
    if mine and theirs and {verdict["chosen"], verdict["best_peer"]} <= set(paired):
        a, b = paired[verdict["chosen"]]["per_learner"], paired[verdict["best_peer"]]["per_learner"]
        verdict["difference"] = ranking.paired_difference(a, b, 2000, peers.SEED)
        if "blend-tuned" in paired:
            a = paired["blend-tuned"]["per_learner"]
            verdict["difference_of_blend_tuned"] = ranking.paired_difference(a, b, 2000, peers.SEED)
    return verdict


def als_against_implicit(folder: Path, name: str, repeats: int = 5) -> dict[str, Any]:
    """Seconds of training, ours and `implicit` by hand, in turns: same signals, factors, sweeps, threads."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    from learnloop.recommend.signals import matrix

    fold = peers.load(folder / "sets" / name / "test.npz")
    events = pd.DataFrame({"learner": fold.user, "item": fold.item}).astype("str")
    signals = pairs(events["learner"], events["item"], pd.Series(fold.at))
    mine, by_hand, cpu = [], [], []
    for _ in range(repeats):
        model = RECOMMENDERS["ials"](factors=64, regularization=10.0, alpha=4.0, iterations=15, seed=0)
        began, used = time.perf_counter(), time.process_time()
        model.fit(signals)
        mine.append(time.perf_counter() - began)
        cpu.append([time.process_time() - used])
        began, used = time.perf_counter(), time.process_time()
        weights = matrix(signals)[0].astype(np.float32)  # both begin with the same frame
        with threadpool_limits(1, "blas"):
            other = AlternatingLeastSquares(
                factors=64, iterations=15, regularization=10.0, alpha=4.0, random_state=0
            )
            other.fit(weights, show_progress=False)
        by_hand.append(time.perf_counter() - began)
        cpu[-1].append(time.process_time() - used)
        print(f"{name}: ours {mine[-1]:.2f} s, implicit {by_hand[-1]:.2f} s; CPU {cpu[-1]}", flush=True)
    ratios = sorted(a / b for a, b in zip(mine, by_hand, strict=True))
    return {
        "set": name,
        "pairs": len(signals),
        "ours_seconds": mine,
        "implicit_seconds": by_hand,
        "ratio": {"median": median(ratios), "low": ratios[0], "high": ratios[-1]},
        "cpu_seconds": cpu,  # [ours, implicit] of each turn
        "load": os.getloadavg()[0],
    }


def table(name: str, result: dict[str, Any]) -> str:
    """Markdown, best first."""
    lines = [
        f"### {name}",
        "",
        "| model | NDCG@10 | | recall@20 | NDCG@10, new ones too | coverage | validation | trials"
        " | train s (CPU s) | recommend s | peak MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    models = result["models"]
    good = [key for key in models if "failed" not in models[key]]
    for key in sorted(good, key=lambda key: -models[key]["known"]["ndcg@10"]["value"]):
        one = models[key]
        ndcg = one["known"]["ndcg@10"]
        label = f"**{key}**" if one["ours"] else key
        lines.append(
            f"| {label}{' (chosen)' if key == result['verdict'].get('chosen') else ''} | {ndcg['value']:.4f}"
            f" | {ndcg['low']:.4f} to {ndcg['high']:.4f} | {one['known']['recall@20']['value']:.4f}"
            f" | {one['all']['ndcg@10']['value']:.4f} | {one['coverage']:.1%} | {one['tuning']['value']:.4f}"
            f" | {one['tuning']['trials']} | {one['train_seconds']:.2f} ({one['train_cpu_seconds']:.2f})"
            f" | {one['recommend_seconds']:.2f} | {one['peak_bytes'] / 1e6:,.0f} |"
        )
    lines += [f"| {key} | {one['failed']} |" for key, one in models.items() if "failed" in one]
    return "\n".join(lines)


def measured_before(name: str, about: dict[str, Any], earlier: dict[str, Any]) -> dict[str, Any]:
    """What the results file holds of a set, where its folds are those of today."""
    known = earlier.get("sets", {}).get(name, {})
    if known.get("about") != about:
        return {}
    return {model: {"at": earlier["at"], **one} for model, one in known["models"].items()}


def report(folder: Path) -> None:
    """Everything that is finished, as the results file and tables."""
    earlier = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    found: dict[str, Any] = dict(earlier.get("sets", {}))
    for name in SETS:
        if (folder / "models" / name).is_dir():
            about = json.loads((folder / "sets" / name / "about.json").read_text())
            models = measured_before(name, about, earlier) | scored(name, folder)
            verdict = judged(models)
            before = earlier.get("sets", {}).get(name, {}).get("verdict", {})
            if all(before.get(key) == verdict.get(key) for key in ("chosen", "best_peer")):
                verdict = before | verdict
            for one in models.values():
                one.pop("per_learner", None)
            missing = [model for model in (*PEERS, *OURS) if model not in models]
            found[name] = {"about": about, "verdict": verdict, "models": models, "unfinished": missing}
            print("\n" + table(name, found[name]) + f"\n\n{json.dumps(verdict)}", flush=True)
    als = folder / "als.json"
    whole = {
        "at": datetime.now(UTC).isoformat(),
        "cores": os.cpu_count(),
        "versions": {name: _versions(folder, name) for name in ENVIRONMENTS},
        "budget": {"seed": peers.SEED, "k": peers.K},
        "not_run": NOT_RUN,
        "sets": found,
        "als": json.loads(als.read_text()) if als.is_file() else earlier.get("als", []),
    }
    RESULTS.write_text(json.dumps(whole, indent=1) + "\n")


def _versions(folder: Path, name: str) -> list[str]:
    python = environment(folder, name)
    frozen = subprocess.run([str(python), "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
    wanted = (
        "implicit",
        "pm-implicit",
        "lenskit",
        "cornac",
        "RecTools",
        "torch=",
        "numpy",
        "scipy",
        "optuna",
        "recbole",
    )
    return [
        line
        for line in frozen.stdout.splitlines()
        if line.lower().startswith(tuple(w.lower() for w in wanted))
    ]


def main() -> None:
    if "--worker" in sys.argv:
        sys.argv.remove("--worker")
        peers.run(*ours(sys.argv[2], Path(sys.argv[4]).parent))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=SETS)
    parser.add_argument("--models", nargs="*", default=[*PEERS, *OURS])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120, help="CPU seconds after which no trial begins")
    parser.add_argument("--limit", type=float, default=600, help="CPU seconds that one process may take")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "recommender-peers")
    parser.add_argument("--als", action="store_true")
    parser.add_argument("--report-only", action="store_true")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    unknown = set(asked.models) - set(PEERS) - set(RECOMMENDERS) - set(OURS)
    if unknown:
        parser.error(f"no model {sorted(unknown)}; there are {', '.join([*PEERS, *RECOMMENDERS])}")
    for name in () if asked.report_only else asked.sets:
        if not (folder / "sets" / name / "about.json").is_file():
            made = [
                str(ROOT / "benchmarks/recommender_data.py"),
                *name.split("-", 1),
                str(folder / "sets" / name),
            ]
            subprocess.run([sys.executable, *made], check=True)
        for model in () if asked.als else asked.models:
            one(name, model, folder, asked)
    if asked.als:
        peers.write(folder / "als.json", [als_against_implicit(folder, name) for name in asked.sets])
    report(folder)


if __name__ == "__main__":
    main()
