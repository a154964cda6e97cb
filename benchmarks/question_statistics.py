"""Are planted bad questions found by the answers alone? Precision and recall by kind and number of answers.

    python benchmarks/question_statistics.py

Simulated learners (`simulate.question_answers`) answer banks of 120 questions, 24 of them bad: a wrong key,
two right answers, a key that is given away, a dead distractor; a fifth of the good ones are very easy or very
hard. Found is what a rule suspends, sends to review or wants a distractor replaced in; "practice only" blames
nobody. Priors and thresholds were chosen on seeds 3000 to 3015. Intervals: bootstrap over seeds. Beside: the
simpler ways. `question_ceiling.py` says what could be found at all.
"""

import json
import os
import platform
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from learnloop.assess.intervals import benjamini_hochberg, false_discoveries
from learnloop.assess.item_choices import binned
from learnloop.assess.item_rules import Flag, Rules, flags
from learnloop.assess.item_statistics import ItemStatistics, item_statistics, rest_scores
from learnloop.simulate.question_answers import KINDS, Parameters, question_answers

RESULTS = Path(__file__).parent / "results" / "question_statistics.json"
SIZES = (100, 300, 1000)
SEEDS = range(5000, 5020)
EASY = (0.6, 0.95)  # share right of what the simpler ways may call guessable
SLOPES = np.array([0.5, 0.65, 0.8, 1.0, 1.25, 1.55, 2.0])  # of the typical one
SHIFTS = np.linspace(-4.5, 4.0, 35)
GUESSES = np.array([0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85])
RIGHT_RULE = {
    "wrong_key": {"wrong_key", "negative_discrimination"},
    "two_right": {"two_right"},
    "guessable": {"guessable"},
    "dead_distractor": {"dead_distractor"},
}


@dataclass(frozen=True)
class Made:
    """A bank: what is said of it, the truth; right, total: (questions, bins) answers by rest score."""

    found: ItemStatistics
    truth: pd.DataFrame
    right: np.ndarray
    total: np.ndarray
    middles: np.ndarray


Way = Callable[[Made], list[Flag]]


def product(made: Made) -> list[Flag]:
    """The rules as they are."""
    return flags(made.found)


def literal(made: Made) -> list[Flag]:
    """Points without tests: suspend below 0, review below 0.2 at 100 answers, replace below 5%."""
    rules, said = Rules(), []
    for row in made.found.questions.to_dict("records"):
        if row["discrimination"] < 0:
            said.append(Flag(row["question_id"], 1, "negative_discrimination", "suspend"))
        elif row["discrimination"] < rules.low and row["n"] >= rules.least_low:
            said.append(Flag(row["question_id"], 1, "low_discrimination", "review"))
    options = made.found.options
    dead = options[~options["is_key"] & (options["share"] < rules.dead)]
    return said + [Flag(one, 1, "dead_distractor", "replace") for one in sorted(set(dead["question_id"]))]


def one_by_one(made: Made) -> list[Flag]:
    """The stories, but each question for itself: told when its own P(sound) is at most alpha."""
    return flags(replace(made.found, questions=_own(made.found.questions)))


def _own(questions: pd.DataFrame) -> pd.DataFrame:
    return questions.assign(sound=questions["sound"].where(questions["sound"] <= Rules().alpha, 1.0))


def by_factor(made: Made) -> list[Flag]:
    """The stories, but Benjamini-Hochberg over 1 / Bayes factor, which is a p (Wang & Ramdas 2022)."""
    questions = made.found.questions
    odds = (1 - questions["sound"]) / questions["sound"].clip(1e-12)
    p = np.minimum(1.0, 0.2 / 0.8 / odds.clip(1e-12))
    sure = benjamini_hochberg(p) <= Rules().alpha
    return flags(replace(made.found, questions=questions.assign(sound=questions["sound"].where(sure, 1.0))))


def correlated(column: str) -> Way:
    """The product, but two right answers by a correlation of picks (all answers, or those off the key)."""

    def way(made: Made) -> list[Flag]:
        said = [one for one in flags(made.found) if one.rule not in ("two_right", "wrong_key")]
        wrong = made.found.options[~made.found.options["is_key"]]
        sure = wrong[benjamini_hochberg(wrong[column]) <= Rules().alpha]
        return said + [Flag(one, 1, "two_right", "review") for one in sorted(set(sure["question_id"]))]

    return way


def guessed(chosen: Callable[[Made], np.ndarray]) -> Way:
    """The product, but guessable are those that `chosen` says (questions,), of EASY share right."""

    def way(made: Made) -> list[Flag]:
        said = [one for one in flags(made.found) if one.rule != "guessable"]
        easy = made.found.questions["difficulty"].between(*EASY).to_numpy()
        names = made.found.questions["question_id"][chosen(made) & easy]
        return said + [Flag(one, 1, "guessable", "review") for one in names]

    return way


def flat_slope(made: Made) -> np.ndarray:
    """The slope is surely below half the bank's."""
    return np.asarray(benjamini_hochberg(made.found.questions["p_flat"]) <= Rules().alpha)


def free_asymptote(made: Made) -> np.ndarray:
    """3PL: a lower asymptote above 1 / options explains the answers better (likelihood ratio)."""
    best = _asymptotes(made).max(axis=(2, 3))
    gain = 2 * (best[:, 3:].max(axis=1) - best[:, 2])
    p = np.where(gain > 0, 0.5 * stats.chi2.sf(np.maximum(gain, 0), 1), 1.0)
    return np.asarray(benjamini_hochberg(p) <= Rules().alpha)


def bank_of_asymptotes(made: Made) -> np.ndarray:
    """3PL: the posterior of the asymptote, the bank's own distribution of it for a prior, is above a half."""
    values = _asymptotes(made) - 0.5 * (SHIFTS / 2.2) ** 2
    likelihood = np.exp(values - values.max(axis=(1, 2, 3), keepdims=True)).sum(axis=(2, 3))
    first = stats.norm.pdf(GUESSES, 0.25, 0.12) + 0.02
    first /= first.sum()
    prior = first
    for _ in range(20):
        each = likelihood * prior
        each /= each.sum(axis=1, keepdims=True)
        prior = (each.sum(axis=0) + 10 * first) / (len(each) + 10)
    fair = each[:, GUESSES < 0.5].sum(axis=1)
    return np.asarray((false_discoveries(fair) <= 0.25) & (fair <= 0.5))


def weakest_third(made: Made) -> np.ndarray:
    """The weakest third is right more often than in one as easy of the bank's slope and a fair guess."""
    third = len(made.middles) // 3
    weight = made.total.sum(axis=0) / made.total.sum()
    slope = _typical(made)
    p = 0.25 + 0.75 / (1 + np.exp(-slope * (made.middles - SHIFTS[:, None])))
    order = np.argsort(p @ weight)
    lower = p[:, :third] @ (weight[:third] / weight[:third].sum())
    share = made.right.sum(axis=1) / made.total.sum(axis=1)
    expected = np.interp(share, (p @ weight)[order], lower[order])
    n = made.total[:, :third].sum(axis=1)
    z = (made.right[:, :third].sum(axis=1) / n - expected) / np.sqrt(expected * (1 - expected) / n)
    return np.asarray(benjamini_hochberg(stats.norm.sf(z)) <= Rules().alpha)


def _typical(made: Made) -> float:
    """The slope that explains the answers of all questions best, each at its own difficulty."""
    tried = np.linspace(0.5, 3.0, 26)
    values = []
    for slope in tried:
        p = 0.25 + 0.75 / (1 + np.exp(-slope * (made.middles - SHIFTS[:, None])))
        each = made.right @ np.log(p).T + (made.total - made.right) @ np.log1p(-p).T
        values.append(each.max(axis=1).sum())
    return float(tried[int(np.argmax(values))])


def _asymptotes(made: Made) -> np.ndarray:
    """(questions, GUESSES, SLOPES, SHIFTS): log-likelihood, with the bank's prior of the slope."""
    found = np.empty((len(made.right), len(GUESSES), len(SLOPES), len(SHIFTS)))
    slopes = SLOPES * _typical(made)
    x = 1 / (1 + np.exp(-slopes[:, None, None] * (made.middles - SHIFTS[:, None])))
    for place, c in enumerate(GUESSES):
        p = np.clip(c + (1 - c) * 0.98 * x, 1e-6, 1 - 1e-6).reshape(-1, len(made.middles))
        each = made.right @ np.log(p).T + (made.total - made.right) @ np.log1p(-p).T
        found[:, place] = each.reshape(len(each), len(SLOPES), len(SHIFTS))
    return found - 0.5 * (np.log(SLOPES) / 0.3)[:, None] ** 2


WAYS: Mapping[str, Way] = {
    "literal": literal,
    "stories_one_by_one": one_by_one,
    "stories_by_bayes_factor": by_factor,
    "two_right_by_picks": correlated("p_positive"),
    "two_right_off_the_key": correlated("p_rivalry"),
    "guessable_by_slope": guessed(flat_slope),
    "guessable_by_free_asymptote": guessed(free_asymptote),
    "guessable_by_bank_of_asymptotes": guessed(bank_of_asymptotes),
    "guessable_by_weakest_third": guessed(weakest_third),
}


def rows_of(way: Way, made: Made, seed: int) -> list[dict[str, Any]]:
    """A row a question: what was planted, which rules blame it."""
    blamed: dict[str, set[str]] = {}
    for flag in way(made):
        if flag.action != "practice":
            blamed.setdefault(flag.question_id, set()).add(flag.rule)
    return [
        {"seed": seed, "planted": kind, "rules": frozenset(blamed.get(name, ()))}
        for name, kind in zip(made.truth["question_id"], made.truth["planted"], strict=True)
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


def _simulated(size: int, other: Mapping[str, Any], seed: int) -> Made:
    made = question_answers(Parameters(answers_per_question=size, **other), seed=seed)
    found = item_statistics(made.answers, made.questions)
    learners = pd.factorize(made.answers["learner_id"])[0]
    codes = made.answers["question_id"].str.removeprefix("sim:q").astype(int).to_numpy()
    correct = made.answers["correct"].to_numpy(dtype=float)
    counted = ~(found.questions["discrimination"].to_numpy() < 0)
    score, _ = rest_scores(learners, codes, correct, counted)
    known = ~np.isnan(score)
    shape = (len(made.questions), 2)
    counts, middles = binned(codes[known], (correct[known] == 0).astype(int), score[known], shape)
    return Made(found, made.truth, counts[:, :, 0], counts.sum(axis=2), middles)


def run(size: int, ways: Mapping[str, Way], seeds: range = SEEDS, **other: Any) -> dict[str, Any]:
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    with ProcessPoolExecutor(2) as pool:
        for seed, made in zip(seeds, pool.map(partial(_simulated, size, other), seeds), strict=True):
            for name, way in ways.items():
                rows[name] += rows_of(way, made, seed)
    return {name: measured(pd.DataFrame(one)) for name, one in rows.items()}


def main() -> None:
    result: dict[str, Any] = {
        "date": pd.Timestamp.now("UTC").date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load_average": round(os.getloadavg()[0], 1),
        "seeds": [SEEDS.start, SEEDS.stop - 1],
        "bank": {"questions": 120, "planted": 24, "options": 4},
        "sizes": {},
    }
    for size in SIZES:
        result["sizes"][str(size)] = run(size, {"product": product, **(WAYS if size == 300 else {})})
        print(size, json.dumps(result["sizes"][str(size)]["product"]), flush=True)
    variants: dict[str, dict[str, Any]] = {
        "any_difficulty": {
            "within": None
        },  # bad ones as hard as the good ones, some so hard that nobody knows
        "20_a_learner": {"per_learner": 20},
        "60_a_learner": {"per_learner": 60},
        "strongly_guessable": {"guessed": (0.8, 0.95)},
        "3_options": {"n_options": 3},
        "5_options": {"n_options": 5},
        "leaning_options": {"lean": 0.3},  # twice what the simulation, and the product, suppose
        "small_bank": {"n_questions": 30, "per_learner": 20, "planted": dict.fromkeys(KINDS, 1)},
        "nothing_planted": {"planted": {}},
    }
    result["variants_at_300"] = {}
    for name, other in variants.items():
        result["variants_at_300"][name] = run(300, {"product": product}, SEEDS[:12], **other)["product"]
        print(name, json.dumps(result["variants_at_300"][name]), flush=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
