"""Seeded learners who answer a bank with planted bad questions, and the truth beside.

    question_id sim:q007  planted wrong_key  key "D"  true_key "B"  options [A, B, C, D]
    learner_id l00012  question_id sim:q007  picked "B"  correct False  seconds 21.4

A learner of ability θ ~ N(0, 1) knows the answer with P = sigmoid(a (θ - b)); who knows it picks it, less a
slip; who does not, picks by how attractive the options are, which leans a little with θ (a misconception may
suit better learners). Nobody learns meanwhile. Each learner answers a part of the bank, drawn at random.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

KINDS = ("wrong_key", "two_right", "guessable", "dead_distractor")
LETTERS = "ABCDEFGH"
SLIP = 0.03
EPOCH = pd.Timestamp("2026-01-05T08:00:00Z")


@dataclass(frozen=True)
class Parameters:
    """planted: how many of each kind; extreme: the share of the good ones that are very easy or hard."""

    n_questions: int = 120
    answers_per_question: int = 300
    per_learner: int = 40  # questions a learner answers
    n_options: int = 4
    planted: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 6))
    within: float | None = 1.0  # b of the planted is uniform in ±within; None: N(0, 1), as of the good ones
    extreme: float = 0.2  # half of them b = -3, half b = +2.5
    guessed: tuple[float, float] = (0.6, 0.9)  # of a guessable one: P(right) of who does not know
    rival: tuple[float, float] = (0.35, 0.65)  # of two right answers: the share of the one that is no key
    dead: float = 0.02  # attractiveness of a dead distractor; the others are about 1
    lean: float = 0.15  # sd of how attractiveness leans, logits a unit of ability


@dataclass(frozen=True)
class Simulated:
    """answers: learner_id, question_id, version, picked, correct, seconds, occurred_at.

    questions: question_id, version, key, options (list). truth: question_id, planted (a kind or "good"), a,
    b, true_key, second (the other right answer, or the dead distractor; NA), share_right. learners:
    learner_id, ability.
    """

    answers: pd.DataFrame
    questions: pd.DataFrame
    truth: pd.DataFrame
    learners: pd.DataFrame


def question_answers(parameters: Parameters | None = None, *, seed: int) -> Simulated:
    """The same seed, the same frames. Each question gets about `answers_per_question` first attempts."""
    given = parameters or Parameters()
    rng = np.random.default_rng(seed)
    Q, K = given.n_questions, given.n_options
    planted = np.full(Q, "good", dtype=object)
    places = rng.permutation(Q)
    at = 0
    for kind in KINDS:
        planted[places[at : at + given.planted.get(kind, 0)]] = kind
        at += given.planted.get(kind, 0)
    a = np.exp(rng.normal(np.log(1.5), 0.25, Q))
    b = rng.normal(0.0, 1.0, Q)
    if given.within is not None:
        b = np.where(planted == "good", b, rng.uniform(-given.within, given.within, Q))
    extreme = (planted == "good") & (rng.random(Q) < given.extreme)
    b[extreme] = np.where(rng.random(extreme.sum()) < 0.5, -3.0, 2.5)
    right = rng.integers(0, K, Q)
    other = (right + rng.integers(1, K, Q)) % K
    appeal = np.exp(rng.normal(0.0, 0.4, (Q, K)))
    dead, cued = planted == "dead_distractor", planted == "guessable"
    appeal[dead, other[dead]] = given.dead
    chance = rng.uniform(*given.guessed, Q)
    rest = appeal.sum(axis=1) - appeal[np.arange(Q), right]
    appeal[cued, right[cued]] = (chance * rest / (1 - chance))[cued]
    lean = rng.normal(0.0, given.lean, (Q, K))
    rival = np.where(planted == "two_right", rng.uniform(*given.rival, Q), 0.0)

    n_learners = max(1, round(Q * given.answers_per_question / given.per_learner))
    theta = rng.normal(0.0, 1.0, n_learners)
    asked = np.argsort(rng.random((n_learners, Q)), axis=1)[:, : given.per_learner]
    learner = np.repeat(np.arange(n_learners), asked.shape[1])
    question = asked.ravel()
    knows = rng.random(len(question)) < _sigmoid(a[question] * (theta[learner] - b[question]))
    known = np.where(rng.random(len(question)) < rival[question], other[question], right[question])
    slips = rng.random(len(question)) < SLIP
    # who does not know: the largest of logit + Gumbel is a draw from the softmax
    pull = np.log(appeal[question]) + lean[question] * theta[learner, None]
    drawn = np.argmax(pull + rng.gumbel(size=pull.shape), axis=1)
    pick = np.where(knows & ~slips, known, drawn)

    key = np.where(planted == "wrong_key", other, right)
    letters = np.array(list(LETTERS[:K]), dtype=object)
    names = np.array([f"l{i:06d}" for i in range(n_learners)], dtype=object)
    ids = np.array([f"sim:q{q:04d}" for q in range(Q)], dtype=object)
    seconds = np.exp(rng.normal(3.0, 0.5, len(question)) + 0.2 * b[question] - 0.1 * theta[learner])
    answers = pd.DataFrame(
        {
            "learner_id": names[learner],
            "question_id": ids[question],
            "version": 1,
            "picked": letters[pick],
            "correct": pick == key[question],
            "seconds": seconds.round(1),
            "occurred_at": EPOCH
            + pd.to_timedelta(np.tile(np.arange(asked.shape[1]), n_learners), unit="min"),
        }
    )
    correct = np.bincount(question, pick == key[question], Q) / np.maximum(
        np.bincount(question, minlength=Q), 1
    )
    options: list[list[str]] = [list(letters) for _ in range(Q)]
    questions = pd.DataFrame({"question_id": ids, "version": 1, "key": letters[key]})
    truth = pd.DataFrame({"question_id": ids, "planted": planted, "a": a, "b": b, "true_key": letters[right]})
    second = np.isin(planted, ["two_right", "dead_distractor"])
    return Simulated(
        answers,
        questions.assign(options=pd.Series(options, dtype=object)),
        truth.assign(second=pd.Series(np.where(second, letters[other], None)), share_right=correct),
        pd.DataFrame({"learner_id": names, "ability": theta}),
    )


def _sigmoid(x: np.ndarray) -> np.ndarray:
    found: np.ndarray = 1 / (1 + np.exp(-x))
    return found
