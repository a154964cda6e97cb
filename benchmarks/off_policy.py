"""Do the intervals of off-policy evaluation cover the truth at their rate?

    python benchmarks/off_policy.py [--replications 300] [--json benchmarks/results/off_policy.json]

Simulated learners (`learnloop.simulate.families`) practise at random, then a logging policy draws what each
practises next: a softmax over noisy scores of what would help. The reward is a delayed test, days later, one
question on the concept that was shown, by the simulator's own learners: never the answer to what was shown.
The truth of a target is the mean of many more learners whom the target itself has taught. One decision a
learner, or three in a row (each with its own test), with poor overlap as well: there, no value is right.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from learnloop.evaluate.off_policy import Choices, evaluate_choices, evaluate_episodes
from learnloop.simulate.course import Course, planted_course
from learnloop.simulate.environment import Environment
from learnloop.simulate.families import FAMILIES

WARM_UP, REPEATS, DAYS = 30, 4, 3.0
LOGGING = 0.4
TARGETS = {"greedy": 0.0, "temperature 0.15": 0.15, "uniform": np.inf}
CANDIDATES = 8


def softmax(scores: np.ndarray, temperature: float) -> np.ndarray:
    """(n, m) by row; 0 is greedy, infinity uniform."""
    if temperature == 0:
        return np.asarray(np.arange(scores.shape[1]) == scores.argmax(axis=1)[:, None], dtype=float)
    odds = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def taught(
    family: str, course: Course, n: int, seed: int, temperature: float, steps: int
) -> dict[str, np.ndarray]:
    """n learners taught by one policy. (n, steps): learner; scores, chances (n, steps, m); action; reward."""
    rng = np.random.default_rng([seed, 1])
    # other learners in the same world: a seed of its own would plant other concepts
    environment: Environment = FAMILIES[family](course, n, 0, first=seed * 1_000)
    everybody = np.arange(n)
    for _ in range(WARM_UP):
        environment.answer(everybody, rng.integers(0, len(course.item_ids), n))
    own = [np.flatnonzero(course.teaches[:, c]) for c in range(len(course.concept_ids))]
    found: dict[str, list[np.ndarray]] = {"scores": [], "chances": [], "action": [], "reward": []}
    for _ in range(steps):
        concepts = np.stack([rng.permutation(len(own))[:CANDIDATES] for _ in range(n)])
        worth = np.take_along_axis(environment.mastery(), concepts, axis=1) + rng.normal(
            0, 0.2, concepts.shape
        )
        low, high = worth.min(axis=1, keepdims=True), worth.max(axis=1, keepdims=True)
        scores = (worth - low) / (high - low)
        chances = softmax(scores, temperature)
        action = (rng.random((n, 1)) < chances.cumsum(axis=1)).argmax(axis=1)
        concept = concepts[everybody, action]
        for _ in range(REPEATS):
            environment.answer(everybody, np.array([rng.choice(own[c]) for c in concept]))
        environment.wait(DAYS)
        reward = environment.answer(everybody, np.array([rng.choice(own[c]) for c in concept]))
        for name, value in (("scores", scores), ("chances", chances), ("action", action)):
            found[name].append(value)
        found["reward"].append(reward.astype(float))
    return {name: np.stack(values, axis=1) for name, values in found.items()}


def one_replication(
    log: dict[str, np.ndarray], temperature: float, steps: int, seed: int
) -> tuple[dict[str, tuple[float, float, float]], bool, float]:
    """(estimator -> value, low, high; trusted; effective learners)."""
    n = len(log["action"])
    target = np.stack([softmax(log["scores"][:, t], temperature) for t in range(steps)], axis=1)
    at = (np.arange(n)[:, None], np.arange(steps)[None, :], log["action"])
    second = (target**2 / log["chances"]).sum(axis=2)
    largest = (target / log["chances"]).max(axis=2)
    if steps > 1:
        ratios = target[at] / log["chances"][at]
        estimates, told = evaluate_episodes(
            np.arange(n), ratios, log["reward"], second=second, largest=largest, n_bootstrap=400, seed=seed
        )
    else:
        # a cross-fitted reward model: the mean reward by score, in two halves
        half = np.random.default_rng(seed).random(n) < 0.5
        values = np.zeros(target[:, 0].shape)
        score = log["scores"][at][:, 0]
        for part in (half, ~half):
            slope, level = np.polyfit(score[~part], log["reward"][~part, 0], 1)
            values[part] = level + slope * log["scores"][part, 0]
        choices = Choices(
            learners=np.arange(n),
            logged=log["chances"][at][:, 0],
            target=target[at][:, 0],
            reward=log["reward"][:, 0],
            second=second[:, 0],
            largest=largest[:, 0],
            shown_value=values[np.arange(n), log["action"][:, 0]],
            target_value=(target[:, 0] * values).sum(axis=1),
        )
        evaluation = evaluate_choices(choices, n_bootstrap=400, seed=seed)
        estimates, told = evaluation.estimates, evaluation.overlap
    found = {name: (one.value, one.low, one.high) for name, one in estimates.items()}
    return found, told.trusted, told.effective_learners


def study(
    family: str, learners: int, steps: int, replications: int, logging: float, course: Course
) -> list[dict[str, Any]]:
    truths = {
        name: taught(family, course, 20_000, 10**5, temperature, steps)["reward"].sum(axis=1)
        for name, temperature in TARGETS.items()
    }
    logs = [taught(family, course, learners, seed, logging, steps) for seed in range(replications)]
    earned = float(np.mean([log["reward"].sum(axis=1).mean() for log in logs]))
    rows = []
    for name, temperature in TARGETS.items():
        results = [one_replication(log, temperature, steps, seed) for seed, log in enumerate(logs)]
        truth = float(truths[name].mean())
        kept = [found for found, trusted, _ in results if trusted]
        row: dict[str, Any] = {
            "family": family,
            "learners": learners,
            "steps": steps,
            "logging_temperature": logging,
            "target": name,
            "truth": round(truth, 4),
            "truth_se": round(float(truths[name].std() / len(truths[name]) ** 0.5), 4),
            "logging_value": round(earned, 4),
            "replications": replications,
            "trusted": round(len(kept) / replications, 3),
            "effective_learners": round(float(np.mean([effective for *_, effective in results])), 1),
            "estimators": {},
        }
        for estimator in results[0][0] if len(kept) >= 20 else ():
            value, low, high = np.array([found[estimator] for found in kept]).T
            row["estimators"][estimator] = {
                "coverage": round(float(((low <= truth) & (truth <= high)).mean()), 3),
                "bias": round(float(value.mean() - truth), 4),
                "sd": round(float(value.std()), 4),
                "width": round(float((high - low).mean()), 4),
            }
        rows.append(row)
        print(json.dumps(row))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--replications", type=int, default=300)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    course = planted_course(n_concepts=12, items_per_concept=4, seed=3)
    started, rows = time.perf_counter(), []
    for family in given.families.split(","):
        rows += study(family, 300, 1, given.replications, LOGGING, course)
    first = given.families.split(",")[0]
    rows += study(first, 600, 3, given.replications, 0.6, course)
    rows += study(first, 300, 1, given.replications, 0.08, course)
    seconds = round(time.perf_counter() - started, 1)
    if given.json:
        given.json.write_text(json.dumps({"seconds": seconds, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
