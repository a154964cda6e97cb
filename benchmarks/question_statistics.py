"""Are planted bad questions found by the answers alone? Precision and recall by kind and number of answers.

    python benchmarks/question_statistics.py

Simulated learners (`simulate.question_answers`) answer banks of 120 questions, 24 of them bad: a wrong key,
two right answers, a key that is given away, a dead distractor; a fifth of the good ones are very easy or very
hard. Found is what a rule suspends, sends to review or wants a distractor replaced in; "practice only" blames
nobody.
Thresholds were chosen on seeds from 1000 on. Intervals: bootstrap over seeds. Beside: the simpler ways.
"""

import json
import os
import platform
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess.intervals import benjamini_hochberg
from learnloop.assess.item_rules import Flag, Rules, flags
from learnloop.assess.item_statistics import ItemStatistics, item_statistics
from learnloop.simulate.question_answers import KINDS, Parameters, question_answers

RESULTS = Path(__file__).parent / "results" / "question_statistics.json"
SIZES = (100, 200, 300, 500)
SEEDS = range(12)
RIGHT_RULE = {
    "wrong_key": {"wrong_key", "negative_discrimination"},
    "two_right": {"two_right"},
    "guessable": {"guessable"},
    "dead_distractor": {"dead_distractor"},
}
Way = Callable[[ItemStatistics], list[Flag]]


def product(found: ItemStatistics) -> list[Flag]:
    """The rules as they are."""
    return flags(found)


def literal(found: ItemStatistics) -> list[Flag]:
    """Points without tests: suspend below 0, review below 0.2 at 100 answers, replace below 5%."""
    rules, made = Rules(), []
    for row in found.questions.to_dict("records"):
        if row["discrimination"] < 0:
            made.append(Flag(row["question_id"], 1, "negative_discrimination", "suspend"))
        elif row["discrimination"] < rules.low and row["n"] >= rules.least_low:
            made.append(Flag(row["question_id"], 1, "low_discrimination", "review"))
    dead = found.options[~found.options["is_key"] & (found.options["share"] < rules.dead)]
    return made + [Flag(one, 1, "dead_distractor", "replace") for one in set(dead["question_id"])]


def correlated(column: str, rule: str) -> Way:
    """The product, but two right answers by a correlation of picks (all answers, or those off the key)."""

    def way(found: ItemStatistics) -> list[Flag]:
        made = [one for one in flags(found) if one.rule not in ("two_right", "wrong_key")]
        wrong = found.options[~found.options["is_key"]]
        sure = wrong[benjamini_hochberg(wrong[column]) <= Rules().alpha]
        return made + [Flag(one, 1, rule, "review") for one in set(sure["question_id"])]

    return way


def flat_slope(found: ItemStatistics) -> list[Flag]:
    """The product, but guessable by a slope that is surely below half the bank's."""
    made = [one for one in flags(found) if one.rule != "guessable"]
    questions = found.questions
    sure = (benjamini_hochberg(questions["p_flat"]) <= Rules().alpha) & (
        questions["difficulty"] >= Rules().easy
    )
    return made + [Flag(one, 1, "guessable", "review") for one in questions.loc[sure, "question_id"]]


WAYS: Mapping[str, Way] = {
    "literal": literal,
    "two_right_by_picks": correlated("p_positive", "two_right"),
    "two_right_off_the_key": correlated("p_rivalry", "two_right"),
    "guessable_by_slope": flat_slope,
}


def rows_of(way: Way, found: ItemStatistics, truth: pd.DataFrame, seed: int) -> list[dict[str, Any]]:
    """A row a question: what was planted, which rules blame it."""
    blamed: dict[str, set[str]] = {}
    for flag in way(found):
        if flag.action != "practice":
            blamed.setdefault(flag.question_id, set()).add(flag.rule)
    return [
        {"seed": seed, "planted": kind, "rules": frozenset(blamed.get(name, ()))}
        for name, kind in zip(truth["question_id"], truth["planted"], strict=True)
    ]


def measured(rows: pd.DataFrame) -> dict[str, Any]:
    """Precision and recall overall; by kind the share found, and those of the kind's own rule."""
    bad, found = rows["planted"] != "good", rows["rules"].map(len) > 0
    result: dict[str, Any] = {
        "precision": _ratio(rows, found & bad, found),
        "recall": _ratio(rows, found & bad, bad),
        "good_blamed": dict(Counter(rule for one in rows.loc[found & ~bad, "rules"] for rule in one)),
        "kinds": {},
    }
    for kind in KINDS:
        own = rows["rules"].map(lambda rules, kind=kind: bool(rules & RIGHT_RULE[kind]))
        of = rows["planted"] == kind
        result["kinds"][kind] = {
            "found": _ratio(rows, found & of, of),
            "own_precision": _ratio(rows, own & of, own),
            "own_recall": _ratio(rows, own & of, of),
        }
    return result


def _ratio(rows: pd.DataFrame, above: pd.Series, below: pd.Series) -> dict[str, float | None]:
    seeds = np.unique(rows["seed"])
    k = above.groupby(rows["seed"]).sum().reindex(seeds).to_numpy(dtype=float)
    n = below.groupby(rows["seed"]).sum().reindex(seeds).to_numpy(dtype=float)
    if not n.sum():
        return {"value": None, "low": None, "high": None}
    drawn = np.random.default_rng(0).integers(0, len(seeds), (2000, len(seeds)))
    ratios = k[drawn].sum(axis=1) / np.maximum(n[drawn].sum(axis=1), 1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return {
        "value": round(float(k.sum() / n.sum()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def _simulated(size: int, other: Mapping[str, Any], seed: int) -> tuple[ItemStatistics, pd.DataFrame]:
    made = question_answers(Parameters(answers_per_question=size, **other), seed=seed)
    return item_statistics(made.answers, made.questions), made.truth


def run(size: int, ways: Mapping[str, Way], **other: Any) -> dict[str, Any]:
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    with ProcessPoolExecutor(2) as pool:
        made = pool.map(partial(_simulated, size, other), SEEDS)
        for seed, (found, truth) in zip(SEEDS, made, strict=True):
            for name, way in ways.items():
                rows[name] += rows_of(way, found, truth, seed)
    return {name: measured(pd.DataFrame(one)) for name, one in rows.items()}


def main() -> None:
    result: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load_average": round(os.getloadavg()[0], 1),
        "seeds": len(SEEDS),
        "bank": {"questions": 120, "planted": 24, "options": 4},
        "sizes": {},
    }
    for size in SIZES:
        result["sizes"][str(size)] = run(size, {"product": product, **(WAYS if size == 300 else {})})
        print(size, json.dumps(result["sizes"][str(size)]["product"]), flush=True)
    variants = {
        "any_difficulty": {
            "within": None
        },  # bad ones as hard as the good ones, some so hard that nobody knows
        "20_a_learner": {"per_learner": 20},
        "60_a_learner": {"per_learner": 60},
        "strongly_guessable": {"guessed": (0.8, 0.95)},
        "nothing_planted": {"planted": {}},
    }
    result["variants_at_300"] = {
        name: run(300, {"product": product}, **other)["product"] for name, other in variants.items()
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
