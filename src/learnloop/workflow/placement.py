"""How many questions an adaptive placement saves, on simulated learners whose mastery is known.

A field trial calibrates the questions, as test makers do: other learners of the same family answer three
questions of each concept. Then learners at all stages of the course are placed. Nobody learns from a
placement: answers are drawn from the true P(correct) and not told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess.bank import Bank
from learnloop.assess.belief import Belief
from learnloop.assess.calibrate import best_calibrated
from learnloop.assess.placement import Rules, Session, State
from learnloop.errors import BadInput, UnknownThing
from learnloop.simulate.course import Course, planted_course
from learnloop.simulate.environment import Environment
from learnloop.simulate.families import FAMILIES
from learnloop.workflow.console import bar

TRIAL_LEARNERS, TRIAL_QUESTIONS = 1_000, 3
STAGES = 200  # answers of practice before the placement: 0 to so many
PRECISIONS = (0.1, 0.075, 0.05)
LENGTHS = (10, 20, 30, 40)  # of an adaptive test that is as long for everybody
MOST_LEARNERS = 0.9
KINDS = ("adaptive", "random", "fixed", "fixed without graph")
PER_CONCEPT = 7  # questions of a fixed test, at most


@dataclass(frozen=True)
class Curves:
    """p: (n_learners, n_questions + 1, n_concepts) P(mastered) after each question; gains: (n_learners,
    n_questions + 1) what the next question is expected to bring, where it is known."""

    p: np.ndarray
    mastered: np.ndarray
    gains: np.ndarray | None = None

    @property
    def brier(self) -> np.ndarray:
        """(n_learners, n_questions + 1)"""
        return ((self.p - self.mastered[:, None]) ** 2).mean(axis=2)

    @property
    def wrong(self) -> np.ndarray:
        """Share of concepts judged wrongly."""
        return ((self.p > 0.5) != self.mastered[:, None]).mean(axis=2)

    def stops(self, precision: float, most: int) -> np.ndarray:
        """(n_learners,) after how many questions the expected share of wrong judgements is `precision`."""
        return _first(np.minimum(self.p, 1 - self.p).mean(axis=2)[:, : most + 1] <= precision)

    def ends(self, rules: Rules) -> np.ndarray:
        """(n_learners,) after how many questions these rules stop."""
        stop = np.minimum(self.p, 1 - self.p).mean(axis=2)[:, : rules.most + 1] <= rules.wrong
        if self.gains is not None:
            stop = stop | (self.gains[:, : rules.most + 1] < rules.gain)
        return _first(stop)


def _first(reached: np.ndarray) -> np.ndarray:
    """(n,) the first column of each row that is True; the last one where none is."""
    return np.where(reached.any(axis=1), reached.argmax(axis=1), reached.shape[1] - 1)


def evaluate_placement(
    families: Sequence[str] = (),
    *,
    learners: int = 100,
    choice: str = "variance",
    most: int = 60,
    n_concepts: int = 20,
    n_bootstrap: int = 500,
    seed: int = 0,
) -> dict[str, Any]:
    """families: names of FAMILIES, () for all. Raises UnknownThing, BadInput."""
    names = list(families) or list(FAMILIES)
    for name in names:
        if name not in FAMILIES:
            raise UnknownThing(
                f"there is no family {name!r}; there are {', '.join(FAMILIES)}", "--families bkt"
            )
    if learners < 10:
        raise BadInput("an interval needs 10 learners or more", "--learners 100", "learners")
    course = planted_course(n_concepts=n_concepts, seed=seed)
    rules = Rules(wrong=0.0, gain=0.0, most=most, choice=choice)
    found = {}
    with bar(f"placed {learners} learners of {len(names)} families", len(names) * learners) as advance:
        for name in names:
            curves: dict[str, list[np.ndarray]] = {name: [] for name in KINDS}
            worth: dict[str, list[np.ndarray]] = {"adaptive": [], "random": []}
            trial = practised(name, course, TRIAL_LEARNERS, seed, first=0)
            bank, losses = best_calibrated(_bank(course), field_trial(trial, seed), seed=seed)
            env = practised(name, course, learners, seed, first=TRIAL_LEARNERS)
            chance = env.p_correct(np.arange(learners))
            right = np.random.default_rng([seed, 3]).random(chance.shape) < chance
            for learner in range(learners):
                order = fixed_order(course, np.random.default_rng([seed, 4, learner]))
                for how, given in (("adaptive", rules), ("random", replace(rules, choice="random"))):
                    p, gains = adaptive(bank, right[learner], given, seed + learner)
                    curves[how].append(p)
                    worth[how].append(gains)
                curves["fixed"].append(fixed(bank, right[learner], order, seed + learner))
                curves["fixed without graph"].append(alone(bank.without_graph(), right[learner], order))
                advance(1)
            of = {
                how: Curves(np.array(p), env.mastered(), np.array(worth[how]) if how in worth else None)
                for how, p in curves.items()
            }
            found[name] = {**compared(of, most, n_bootstrap, seed), "calibration": losses}
    return {
        "learners": learners,
        "concepts": n_concepts,
        "questions": len(course.item_ids),
        "choice": choice,
        "among": rules.among,
        "most": most,
        "seed": seed,
        "as shipped": asdict(Rules(most=most)),
        "trial": {"learners": TRIAL_LEARNERS, "questions": TRIAL_QUESTIONS * n_concepts},
        "families": found,
    }


def brief(result: dict[str, Any]) -> dict[str, Any]:
    """What a person wants to see of it; everything is in --json."""
    told: dict[str, Any] = {}
    for name, found in result["families"].items():
        rows = [("as shipped", found["as shipped"]["adaptive"])]
        rows.append(("as shipped, random questions", found["as shipped"]["random"]))
        rows += [(f"wrong at most {row['precision']}", row) for row in found["precisions"]]
        told[name] = {}
        for title, row in rows:
            needed = row["fixed: questions for that brier"]["value"]
            told[name][title] = (
                f"{row['questions']['value']:.1f} questions, Brier {row['brier']['value']:.3f}; a fixed test"
                f" {needed:.1f}, ratio {_told(row['fixed: ratio at that brier'])}"
            )
    return told


def _told(value: dict[str, float]) -> str:
    return f"{value['value']:.2f} [{value['low']:.2f}, {value['high']:.2f}]"


def practised(family: str, course: Course, n: int, seed: int, first: int) -> Environment:
    """Learners who have practised, roughly in the course's order, for 0 to STAGES answers."""
    env = FAMILIES[family](course, n, seed, first=first)
    rng = np.random.default_rng([seed, 1, first])
    stop = rng.integers(0, STAGES + 1, n)
    items_of = [np.flatnonzero(column) for column in course.teaches.T]
    n_concepts = len(course.order)
    for t in range(STAGES):
        rows = np.flatnonzero((stop > t) & env.active)
        if len(rows):
            at = t / STAGES * n_concepts + rng.normal(0, 2, len(rows))
            concepts = course.order[np.clip(at.astype(int), 0, n_concepts - 1)]
            env.answer(rows, np.array([rng.choice(items_of[c]) for c in concepts]))
    return env


def field_trial(env: Environment, seed: int) -> pd.DataFrame:
    """learner_id, item_id, correct: each learner's answers to TRIAL_QUESTIONS of each concept."""
    rng = np.random.default_rng([seed, 2])
    chance = env.p_correct(np.arange(env.n_learners))
    right = rng.random(chance.shape) < chance
    items_of = [np.flatnonzero(column) for column in env.course.teaches.T]
    pairs = {
        (learner, int(item))
        for learner in range(env.n_learners)
        for items in items_of
        for item in rng.choice(items, min(TRIAL_QUESTIONS, len(items)), replace=False)
    }
    rows = np.array(sorted(pairs))
    return pd.DataFrame(
        {
            "learner_id": rows[:, 0].astype(str),
            "item_id": env.course.item_ids[rows[:, 1]],
            "correct": right[rows[:, 0], rows[:, 1]],
        }
    )


def _bank(course: Course) -> Bank:
    items, concepts = np.nonzero(course.teaches)
    pairs = pd.DataFrame({"item_id": course.item_ids[items], "concept_id": course.concept_ids[concepts]})
    return Bank.of(pairs, course.prerequisites_frame())


def adaptive(bank: Bank, right: np.ndarray, rules: Rules, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """((n_questions + 1, n_concepts) P(mastered), (n_questions + 1,) gain of the best question left);
    right (n_items,): what the learner would answer."""
    session = Session.of(bank, State(seed, rules))
    curve, gains = [session.belief.p_mastered()], [session.best_gain]
    while (item_id := session.next_question()) is not None:
        session.answer(item_id, bool(right[bank.places[item_id]]))
        curve.append(session.belief.p_mastered())
        gains.append(session.best_gain)
    return np.array(curve), np.array(gains)


def fixed(bank: Bank, right: np.ndarray, order: Sequence[int], seed: int) -> np.ndarray:
    """The same for a fixed test, with the same graph, prior and scoring."""
    belief = Belief.prior(bank, np.random.default_rng([seed, 0]))
    curve = [belief.p_mastered()]
    for number, item in enumerate(order):
        belief.observe(item, bool(right[item]), np.random.default_rng([seed, 1 + number]))
        curve.append(belief.p_mastered())
    return np.array(curve)


def alone(bank: Bank, right: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """The same where every concept stands alone; exact. bank: `without_graph`; items of one concept."""
    log_p = bank.log_prior[:, 0, 0, :].copy()
    curve = []
    for item in [None, *order]:
        if item is not None:
            log_p[bank.concepts_of[item][0]] += bank.log_curves[int(right[item]), item]
        p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
        curve.append(p[:, bank.top :].sum(axis=1) / p.sum(axis=1))
    return np.array(curve)


def fixed_order(course: Course, rng: np.random.Generator) -> list[int]:
    """Every concept once, in random order, then every concept again, with another question."""
    single = course.teaches.sum(axis=1) == 1
    decks = [rng.permutation(np.flatnonzero(column & single)) for column in course.teaches.T]
    rounds = min(PER_CONCEPT, *(len(deck) for deck in decks))
    return [int(decks[c][k]) for k in range(rounds) for c in rng.permutation(len(decks))]


def compared(of: Mapping[str, Curves], most: int, n_bootstrap: int = 500, seed: int = 0) -> dict[str, Any]:
    """For each precision: questions and Brier of the adaptive test, questions that a fixed one needs for that
    Brier, and their ratio, with 95% intervals over learners; and the curves."""
    n = len(of["adaptive"].mastered)
    draws = np.random.default_rng([seed, 6]).integers(0, n, (n_bootstrap + 1, n))
    draws[0] = np.arange(n)
    rows = [{"precision": precision, **_at(of, precision, most, draws)} for precision in PRECISIONS]
    rules = Rules(most=most)
    ends = {how: _against(of, how, of[how].ends(rules), draws) for how in ("adaptive", "random") if how in of}
    lengths = [{"questions": q, **_at_length(of, q, draws)} for q in LENGTHS if q <= most]
    curves = {
        how: {
            name: {str(q): float(values[:, q].mean()) for q in range(0, values.shape[1], 10)}
            for name, values in (("brier", one.brier), ("wrong", one.wrong))
        }
        for how, one in of.items()
    }
    return {
        "mastered": float(of["adaptive"].mastered.mean()),
        "as shipped": ends,
        "precisions": rows,
        "lengths": lengths,
        "curves": curves,
    }


def _at(of: Mapping[str, Curves], precision: float, most: int, draws: np.ndarray) -> dict[str, Any]:
    stops = of["adaptive"].stops(precision, most)
    asked = stops[draws].mean(axis=1)
    told = {"reached": float(np.mean(stops < most)), **_against(of, "adaptive", stops, draws)}
    # A test that is as long for everybody must be long enough for nearly everybody.
    long = of["fixed"].stops(precision, of["fixed"].p.shape[1] - 1)[draws]
    told["fixed order with that stop: questions"] = _interval(long.mean(axis=1))
    for how, test in of.items():
        stops = test.stops(precision, test.p.shape[1] - 1)
        told[f"{how}: questions until {MOST_LEARNERS:.0%} are known so well"] = _interval(
            np.quantile(stops[draws], MOST_LEARNERS, axis=1, method="higher").astype(float)
        )
    enough = np.quantile(long, MOST_LEARNERS, axis=1, method="higher")
    told["fixed: ratio at that precision"] = _interval(asked / np.maximum(enough, 1))
    return told


def _against(of: Mapping[str, Curves], how: str, stops: np.ndarray, draws: np.ndarray) -> dict[str, Any]:
    """Questions, Brier and wrong judgements of the test `how` that stops so (n_learners,), and how many
    questions fixed ones need for the same; expected: the share of wrong judgements it reckons with."""
    everyone, test = np.arange(draws.shape[1]), of[how]
    asked = stops[draws].mean(axis=1)
    expected = np.minimum(test.p, 1 - test.p).mean(axis=2)[everyone, stops]
    told: dict[str, Any] = {
        "questions": _interval(asked),
        "expected": _interval(expected[draws].mean(axis=1)),
    }
    for name in ("brier", "wrong"):
        got = getattr(test, name)[everyone, stops][draws].mean(axis=1)
        told[name] = _interval(got)
        for other in ("fixed", "fixed without graph"):
            curves = getattr(of[other], name)[draws].mean(axis=1)  # (draws, questions + 1)
            needed = np.array([_needed(curve, value) for curve, value in zip(curves, got, strict=True)])
            told[f"{other}: questions for that {name}"] = _interval(needed)
            told[f"{other}: ratio at that {name}"] = _interval(asked / needed)
    return told


def _at_length(of: Mapping[str, Curves], length: int, draws: np.ndarray) -> dict[str, Any]:
    """The same number for everybody: what choosing alone saves."""
    told: dict[str, Any] = {}
    for name in ("brier", "wrong"):
        got = getattr(of["adaptive"], name)[draws, length].mean(axis=1)
        curves = getattr(of["fixed"], name)[draws].mean(axis=1)
        needed = np.array([_needed(curve, value) for curve, value in zip(curves, got, strict=True)])
        told[name] = _interval(got)
        told[f"fixed: questions for that {name}"] = _interval(needed)
        told[f"fixed: ratio at that {name}"] = _interval(length / needed)
    return told


def _needed(curve: np.ndarray, value: float) -> float:
    """Questions after which the mean curve has come down to `value`; its length where it does not."""
    below = np.flatnonzero(curve <= value)
    if not len(below):
        return float(len(curve) - 1)
    at = int(below[0])
    if at == 0:
        return 1.0  # no fixed test is shorter
    return at - 1 + float((curve[at - 1] - value) / (curve[at - 1] - curve[at]))


def _interval(samples: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(samples[1:], [0.025, 0.975])
    return {"value": float(samples[0]), "low": float(low), "high": float(high)}
