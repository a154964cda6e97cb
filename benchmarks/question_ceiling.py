"""How many of the planted bad questions could anybody find, who knows how they were planted?

    python benchmarks/question_ceiling.py

The best that first answers allow at precision .95: the posterior that a question is good, from its picks, by
somebody who knows how the simulator draws good and bad questions (every distribution, and that 5% are of each
kind) and, `abilities`, exactly what each learner is able to; or, `rest_scores`, how abilities are spread at
each rest score of the product. A kind's evidence is the mean likelihood of the picks over DRAWS questions of
it. The cut is the best one after the fact. So no rule can do better but by luck.
"""

import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess.item_statistics import rest_scores
from learnloop.simulate.question_answers import KINDS, LETTERS, SLIP, Parameters, Simulated, question_answers

RESULTS = Path(__file__).parent / "results" / "question_ceiling.json"
SIZES = (100, 300, 1000)
SEEDS = range(5000, 5012)
DRAWS = 60_000
BATCH = 10_000
BINS = 20
GRID = np.linspace(-3.5, 3.5, 36)  # abilities
STORIES = ("good", *KINDS)
Array = np.ndarray


def drawn(kind: str, given: Parameters, rng: np.random.Generator) -> Array:
    """(BATCH, GRID, K): P(pick | ability) of questions of a kind, the key first and its rival second."""
    K = given.n_options
    a = np.exp(rng.normal(np.log(1.5), 0.25, BATCH))
    b = rng.normal(0.0, 1.0, BATCH)
    if kind == "good":
        far = rng.random(BATCH) < given.extreme
        b[far] = np.where(rng.random(far.sum()) < 0.5, -3.0, 2.5)
    elif given.within is not None:
        b = rng.uniform(-given.within, given.within, BATCH)
    appeal, lean = np.exp(rng.normal(0, 0.4, (BATCH, K))), rng.normal(0, given.lean, (BATCH, K))
    right = np.zeros((BATCH, 1, K))
    right[:, 0, 1 if kind == "wrong_key" else 0] = 1
    if kind == "two_right":
        part = rng.uniform(*given.rival, BATCH)
        right[:, 0, 0], right[:, 0, 1] = 1 - part, part
    elif kind == "dead_distractor":
        appeal[:, 1] = given.dead
    elif kind == "guessable":
        chance = rng.uniform(*given.guessed, BATCH)
        appeal[:, 0] = chance * appeal[:, 1:].sum(axis=1) / (1 - chance)
    knows = (1 - SLIP) / (1 + np.exp(-a[:, None] * (GRID - b[:, None])))[..., None]
    guess = appeal[:, None] * np.exp(lean[:, None] * GRID[:, None])
    found: Array = knows * right + (1 - knows) * guess / guess.sum(axis=2, keepdims=True)
    return found


def evidence(kind: str, counts: Array, spread: Array, given: Parameters) -> Array:
    """(n,) log. counts: (n, BINS, K), the key first; spread: (BINS, GRID) of abilities in a bin."""
    rng, K = np.random.default_rng(1), given.n_options
    others = [1] if kind in ("good", "guessable") else range(1, K)
    total = np.full(len(counts), -np.inf)
    for _ in range(DRAWS // BATCH):
        p = np.einsum("bg,mgk->mbk", spread, drawn(kind, given, rng), optimize=True)
        logs = np.log(np.maximum(p, 1e-12)).astype(np.float32).reshape(BATCH, -1)
        for other in others:
            order = [0, other, *(o for o in range(1, K) if o != other)]
            each = counts[:, :, order].reshape(len(counts), -1).astype(np.float32) @ logs.T
            top = each.max(axis=1)
            total = np.logaddexp(total, top + np.log(np.exp(each - top[:, None]).sum(axis=1, dtype=float)))
    found: Array = total - np.log(DRAWS * len(others))
    return found


def binned(made: Simulated, by: str) -> tuple[Array, Array]:
    """(questions, BINS, K) picks by `abilities` or `rest_scores`, and (BINS, GRID) the abilities in each."""
    answers = made.answers
    questions = answers["question_id"].str.removeprefix("sim:q").astype(int).to_numpy()
    theta = answers["learner_id"].map(made.learners.set_index("learner_id")["ability"]).to_numpy()
    score = theta
    if by == "rest_scores":
        correct = answers["correct"].to_numpy(dtype=float)
        counted = (made.truth["planted"] != "wrong_key").to_numpy()
        score, _ = rest_scores(pd.factorize(answers["learner_id"])[0], questions, correct, counted)
    bins = np.searchsorted(np.quantile(score, np.linspace(0, 1, BINS + 1)[1:-1]), score)
    key = made.questions["key"].map(LETTERS.index).to_numpy()[questions]
    pick = answers["picked"].map(LETTERS.index).to_numpy()
    option = np.where(pick == key, 0, np.where(pick < key, pick + 1, pick))
    K = len(made.questions["options"].iloc[0])
    counts = np.bincount((questions * BINS + bins) * K + option, minlength=len(made.questions) * BINS * K)
    spread = np.zeros((BINS, len(GRID)))
    np.add.at(spread, (bins, np.abs(theta[:, None] - GRID).argmin(axis=1)), 1)
    return counts.reshape(-1, BINS, K), spread / spread.sum(axis=1, keepdims=True)


def ceiling(by: str, given: Parameters) -> dict[str, Any]:
    """The best recall at precision .95 over all SEEDS, and what of each kind is found there."""
    made = [question_answers(given, seed=seed) for seed in SEEDS]
    planted = np.concatenate([one.truth["planted"].to_numpy() for one in made])
    parts = [binned(one, by) for one in made]
    counts, spread = np.concatenate([one[0] for one in parts]), np.mean([one[1] for one in parts], axis=0)
    share = np.array([0.8, 0.05, 0.05, 0.05, 0.05])
    joint = np.stack([evidence(kind, counts, spread, given) for kind in STORIES], axis=1) + np.log(share)
    good = np.exp(joint[:, 0] - np.logaddexp.reduce(joint, axis=1))
    order, bad = np.argsort(good, kind="stable"), planted != "good"
    precision = np.cumsum(bad[order]) / np.arange(1, len(order) + 1)
    found = np.zeros(len(order), dtype=bool)
    found[order[: np.flatnonzero(precision >= 0.95)[-1] + 1]] = True
    return {
        "precision": round(float(bad[found].mean()), 4),
        "recall": round(float(found[bad].mean()), 4),
        "kinds": {kind: round(float(found[planted == kind].mean()), 4) for kind in KINDS},
    }


def main() -> None:
    result: dict[str, Any] = {
        "date": pd.Timestamp.now("UTC").date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load_average": round(os.getloadavg()[0], 1),
        "seeds": [SEEDS.start, SEEDS.stop - 1],
        "draws": DRAWS,
        "sizes": {},
    }
    for size in SIZES:
        given = Parameters(answers_per_question=size)
        result["sizes"][str(size)] = {by: ceiling(by, given) for by in ("abilities", "rest_scores")}
        print(size, json.dumps(result["sizes"][str(size)]), flush=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
