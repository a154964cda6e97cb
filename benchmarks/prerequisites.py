"""Are mined prerequisites right? Precision and recall against planted courses and the demo's authored graph.

    python benchmarks/prerequisites.py [--seeds 1,2,3] [--json benchmarks/results/prerequisites.json]

From answers: simulated learners of every family, items in a random order or in the order of the course,
beside two simpler ways that were tried: `first tries` (is the first try of c right more often where p's last
try was, by strata of ability; Benjamini & Hochberg at .05; p is what is easier at the first try) and `final
states` (nobody knows c and not p: the same test on what is known in the end). From texts: the demo's own
lessons, beside the chain of each lesson to the one before. The confidence was fitted on seeds 201 to
210.
"""

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from learnloop.demo.authored import concepts_required, courses
from learnloop.prepare.knowing import Knowing, knowing
from learnloop.prepare.mined_prerequisites import discoveries, mined
from learnloop.prepare.prerequisite_graph import acyclic, agreement, reduced
from learnloop.prepare.text_prerequisites import from_text
from learnloop.simulate.course import planted_course
from learnloop.simulate.families import FAMILIES
from learnloop.simulate.practice import answers

Edges = set[tuple[str, str]]
SIZES = ((150, 200), (500, 200), (2000, 200))  # learners, answers each
STRATA = 5
NAMES = ["concept_id", "requires_id"]


def edges(frame: pd.DataFrame) -> Edges:
    return set(zip(frame["concept_id"], frame["requires_id"], strict=True))


def graph(frame: pd.DataFrame) -> Edges:
    """As the workflow stores it."""
    return edges(reduced(acyclic(frame)[0])[0])


def strata(states: Knowing) -> np.ndarray:
    """(n_learners,) 0 .. 4 by share of right answers."""
    right = np.bincount(states.learner, weights=states.right) / np.bincount(states.learner)
    return np.asarray(pd.qcut(right, STRATA, labels=False, duplicates="drop"))


def first_tries(states: Knowing) -> Edges:
    """Mantel & Haenszel over strata of ability: right on c's first try, by whether p's last try was."""
    k, n = len(states.names), int(states.learner.max()) + 1
    first, last = np.full((n, k), np.nan), np.full((n, k, k), np.nan)
    latest = np.full((n, k), np.nan)
    for who, c, right in zip(states.learner, states.concept, states.right, strict=True):
        if np.isnan(first[who, c]):
            first[who, c], last[who, c] = right, latest[who]
        latest[who, c] = right
    group, z = strata(states), np.zeros((k, k))
    for c, p in itertools.permutations(range(k), 2):
        above = spread = 0.0
        for s in range(STRATA):
            rows = (group == s) & ~np.isnan(first[:, c]) & ~np.isnan(last[:, c, p])
            if rows.sum() > 2:
                x, y = last[rows, c, p], first[rows, c]
                above += float((x * y).sum() - x.sum() * y.sum() / rows.sum())
                spread += float(x.var() * y.var() * rows.sum() ** 2 / (rows.sum() - 1))
        z[c, p] = above / np.sqrt(spread) if spread > 0 else 0.0
    easy = np.nanmean(first, axis=0)
    allowed = easy[None, :] > easy[:, None]
    return _passing(z, allowed, states.names)


def final_states(states: Knowing) -> Edges:
    """The same test on what is known in the end; p is what more learners know."""
    ends = np.flatnonzero(np.r_[np.diff(states.learner) > 0, True])
    known, k = states.known[ends].astype(float), len(states.names)
    group, z = strata(states)[states.learner[ends]], np.zeros((k, k))
    above, spread = np.zeros((k, k)), np.zeros((k, k))
    for s in range(STRATA):
        x = known[group == s]
        x = x - x.mean(axis=0)
        above += x.T @ x
        spread += np.outer(x.var(axis=0), x.var(axis=0)) * len(x) ** 2 / max(len(x) - 1, 1)
    z = above / np.sqrt(np.maximum(spread, 1e-9))
    share = known.mean(axis=0)
    return _passing(z, share[None, :] > share[:, None], states.names)


def _passing(z: np.ndarray, allowed: np.ndarray, names: np.ndarray) -> Edges:
    np.fill_diagonal(allowed, False)
    p = norm.sf(z)
    least = discoveries(p[allowed], 0.05)
    found = allowed & (p <= least)
    rows = [(names[c], names[q], "mined", 1 - p[c, q]) for c, q in zip(*np.nonzero(found), strict=True)]
    return graph(pd.DataFrame(rows, columns=[*NAMES, "origin", "confidence"]))


def planted(seeds: list[int]) -> list[dict[str, Any]]:
    rows = []
    for family, policy, (learners, each) in itertools.product(FAMILIES, ("random", "course order"), SIZES):
        told: dict[str, list[dict[str, float]]] = {}
        sure: list[tuple[float, bool]] = []
        seconds = 0.0
        for seed in seeds:
            course = planted_course(n_concepts=20, seed=seed)
            log = answers(family, learners, each, seed, course=course, policy=policy).answers
            truth = edges(course.prerequisites_frame())
            started = time.perf_counter()
            found = mined(log)
            seconds += time.perf_counter() - started
            kept = reduced(acyclic(found)[0])[0]
            gating = kept[kept["confidence"] >= 0.9]
            ways = {"mined": edges(kept), "mined, gating": edges(gating)}
            if learners <= 500:
                states = knowing(log)
                ways |= {"first tries": first_tries(states), "final states": final_states(states)}
            for way, one in ways.items():
                told.setdefault(way, []).append(agreement(one, truth))
            pairs = zip(kept["concept_id"], kept["requires_id"], kept["confidence"], strict=True)
            sure += [(confidence, (a, b) in truth) for a, b, confidence in pairs]
        row: dict[str, Any] = {"family": family, "policy": policy, "learners": learners, "answers_each": each}
        row["seconds"] = round(seconds / len(seeds), 1)
        for way, several in told.items():
            totals = {name: float(np.mean([one[name] for one in several])) for name in several[0]}
            # pooled over the seeds, so that a course with nothing found does not count as all wrong
            n = sum(one["found"] for one in several)
            for name in ("precision", "sound", "reversed"):
                totals[name] = sum(one[name] * one["found"] for one in several) / n if n else float("nan")
            row[way] = {name: round(value, 3) for name, value in totals.items()}
        row["confidence"] = [(round(c, 3), bool(right)) for c, right in sure]
        rows.append(row)
        brief = {way: (row[way]["precision"], row[way]["recall"], row[way]["sound"]) for way in told}
        print(family, policy, learners, brief, flush=True)
    return rows


def calibration(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    """How often edges of a confidence were planted."""
    pairs = [pair for row in rows for pair in row.pop("confidence")]
    frame = pd.DataFrame(pairs, columns=["confidence", "right"])
    bands = pd.cut(frame["confidence"], [0, 0.6, 0.8, 0.9, 0.95, 0.99, 1.0])
    told = frame.groupby(bands, observed=True).agg(
        edges=("right", "size"), mean_confidence=("confidence", "mean"), planted=("right", "mean")
    )
    return [{name: round(float(v), 3) for name, v in row.items()} for row in told.to_dict("records")]


def demo() -> dict[str, Any]:
    items, concepts, pairs = [], [], []
    for course in courses():
        for place, lesson in enumerate(course.lessons):
            item, concept = f"demo:{course.slug}/{lesson.slug}", f"demo:{lesson.teaches}"
            items.append((item, "lesson", f"demo:{course.slug}", place, lesson.title, lesson.text))
            concepts.append((concept, lesson.concept, course.language))
            pairs.append((item, concept))
    truth = {(f"demo:{a}", f"demo:{b}") for a, needs in concepts_required(courses()).items() for b in needs}
    found = from_text(
        pd.DataFrame(items, columns=["item_id", "kind", "parent_id", "position", "title", "text"]),
        pd.DataFrame(concepts, columns=["concept_id", "title", "language"]),
        pd.DataFrame(pairs, columns=["item_id", "concept_id"]),
    )
    lessons = [[f"demo:{lesson.teaches}" for lesson in course.lessons] for course in courses()]
    chain = {(b, a) for one in lessons for a, b in itertools.pairwise(one)}
    surer = found[found["confidence"] > 0.65]
    ways = {"text": graph(found), "text, above .65": graph(surer), "the lesson before": chain}
    return {way: {k: round(v, 3) for k, v in agreement(one, truth).items()} for way, one in ways.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    texts = demo()
    print(json.dumps(texts))
    rows = planted([int(seed) for seed in given.seeds.split(",")])
    result = {"demo": texts, "calibration": calibration(rows), "planted": rows}
    print(json.dumps(result["calibration"], indent=1))
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
