"""An adaptive placement test: which question comes next, when it is enough, and what it found.

    {"seed": 7, "rules": {"most": 40, "wrong": 0.05, …}, "answers": [["algebra:i3", true], …]}

is all there is to a session: everything else follows from it and the bank, so it can be kept as JSON and gone
on with after a restart.

The next question is the one whose answer is expected to take most uncertainty from the mastery of all
concepts together. An answer R has two values, so the variance it is expected to take from M_c is exact:

    Var(M_c) - E[Var(M_c | R)] = Cov(M_c, R)^2 / Var(R)

and the gain is its sum over concepts: the expected fall of the Brier score. The test ends where no question
is worth its while by that measure, not at one precision for all: learners of whom little can be known would
take most of the questions. `information` sums the mutual information of M_c and R instead, and `state` is the
mutual information of R and the state of the whole graph, the half-split rule of knowledge spaces (Doignon &
Falmagne 1985). Exposure is controlled randomesque
(Kingsbury & Zara 1989): one of the `among` best questions is drawn, so no question is everybody's first.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from learnloop.assess.bank import Bank
from learnloop.assess.belief import Belief
from learnloop.errors import BadInput, UnknownThing
from learnloop.schemas import ANSWERS, check, empty

CHOICES = ("variance", "information", "state", "random")


@dataclass(frozen=True)
class Rules:
    """When to stop, and how to choose. `wrong`: the expected share of concepts judged wrongly, mean over
    concepts of min(p, 1 - p), that is good enough. `gain`: a question is not worth asking that is expected
    to take less from the Brier score, summed over concepts; 0: any is."""

    wrong: float = 0.03
    gain: float = 0.02
    most: int = 60
    least: int = 0
    among: int = 4
    choice: str = "variance"

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise BadInput(f"no choice {self.choice!r}", f"one of {', '.join(CHOICES)}", "choice")
        if not 0 <= self.wrong < 0.5 or self.gain < 0 or self.most < 1 or self.among < 1:
            raise BadInput("wrong is in [0, .5), gain 0 or more, most and among are 1 or more", field="wrong")


@dataclass(frozen=True)
class State:
    """A session. `answers`: (item_id, correct) in the order in which they came."""

    seed: int
    rules: Rules = Rules()
    answers: tuple[tuple[str, bool], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "rules": asdict(self.rules),
            "answers": [list(one) for one in self.answers],
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        answers = tuple((str(item_id), bool(correct)) for item_id, correct in found["answers"])
        return cls(int(found["seed"]), Rules(**found["rules"]), answers)


@dataclass
class Session:
    """A state with what is believed after it. `of` computes that from the state alone; `answer` goes on."""

    bank: Bank
    state: State
    belief: Belief

    @classmethod
    def of(cls, bank: Bank, state: State) -> "Session":
        """Raises UnknownThing where the state has an answer to a question that is not in the bank."""
        session = cls(bank, replace(state, answers=()), Belief.prior(bank, _rng(state, 0)))
        for item_id, correct in state.answers:
            session.answer(item_id, correct)
        return session

    def answer(self, item_id: str, correct: bool) -> None:
        _refuse(self.bank, self.state, item_id)
        answers = (*self.state.answers, (item_id, correct))
        # A stream of its own for each answer: going on and starting over come to the same belief.
        self.belief.observe(self.bank.places[item_id], correct, _rng(self.state, len(answers)))
        self.state = replace(self.state, answers=answers)

    @property
    def expected_wrong(self) -> float:
        """The share of concepts that would be judged wrongly now: mean of min(p, 1 - p)."""
        p = self.belief.p_mastered()
        return float(np.minimum(p, 1 - p).mean())

    @property
    def stopped(self) -> str:
        """Why no question comes any more: precise, little (to be gained), most or exhausted; "" while one
        does."""
        asked, rules = len(self.state.answers), self.state.rules
        if asked >= rules.least and self.expected_wrong <= rules.wrong:
            return "precise"
        if asked >= rules.most:
            return "most"
        if asked >= len(self.bank.item_ids):
            return "exhausted"
        return "little" if asked >= rules.least and self.best_gain < rules.gain else ""

    @property
    def left(self) -> np.ndarray:
        """Numbers of the questions that were not asked."""
        left = np.ones(len(self.bank.item_ids), dtype=bool)
        left[[self.bank.places[item_id] for item_id, _ in self.state.answers]] = False
        return np.flatnonzero(left)

    @property
    def best_gain(self) -> float:
        """What the best question left is expected to take from the Brier score, summed over concepts."""
        return float(gains(self.belief, "variance")[self.left].max(initial=0.0))

    def next_question(self) -> str | None:
        """The item_id to ask; None where the test is over. The same state always asks the same."""
        if self.stopped:
            return None
        places = self.left
        rules, rng = self.state.rules, _rng(self.state, 1_000_000 + len(self.state.answers))
        if rules.choice != "random":
            values = gains(self.belief, rules.choice)[places]
            places = places[np.argsort(-values, kind="stable")[: rules.among]]
        return str(self.bank.item_ids[rng.choice(places)])

    def result(self) -> pd.DataFrame:
        """concept_id, mastery, sd, p_mastered, attempts; a row a concept.

        mastery: expected P(correct) on an average question, as a tracer tells it, sd its standard deviation;
        p_mastered: P(that it is `mastered_at` or more).
        """
        mean, sd = self.belief.mastery()
        asked = self.belief.answered.sum(axis=0) @ self.bank.teaches.astype(np.int64)
        columns = {"mastery": mean, "sd": sd, "p_mastered": self.belief.p_mastered(), "attempts": asked}
        return pd.DataFrame({"concept_id": pd.array(self.bank.concept_ids.tolist(), dtype="str"), **columns})


def start(bank: Bank, rules: Rules | None = None, *, seed: int) -> State:
    """A session without an answer. The bank is not part of it: keep the two together."""
    return State(seed, rules or Rules())


def next_question(bank: Bank, state: State) -> str | None:
    """The item_id to ask; None where the test is over."""
    return Session.of(bank, state).next_question()


def answer(bank: Bank, state: State, item_id: str, correct: bool) -> State:
    """The state after an answer. Raises UnknownThing, BadInput for a question that was answered."""
    _refuse(bank, state, item_id)
    return replace(state, answers=(*state.answers, (item_id, correct)))


def result(bank: Bank, state: State) -> pd.DataFrame:
    """concept_id, mastery, sd, p_mastered, attempts."""
    return Session.of(bank, state).result()


def gains(belief: Belief, choice: str) -> np.ndarray:
    """(n_items,) what an answer to each item is expected to take from the uncertainty."""
    w, m = belief.weights, belief.mastered
    p = w @ belief.p
    if choice == "state":
        return _entropy(p) - w @ _entropy(belief.p)
    mean = (w @ m)[:, None]
    both = (m * w[:, None]).T @ belief.p  # (n_concepts, n_items) P(mastered and right)
    if choice == "variance":
        # sum_c Cov(M_c, R)^2 / Var(R)
        return ((both - mean * p) ** 2).sum(axis=0) / (p * (1 - p))
    right, wrong = np.clip(both / p, 0, 1), np.clip((mean - both) / (1 - p), 0, 1)
    return (_entropy(mean) - p * _entropy(right) - (1 - p) * _entropy(wrong)).sum(axis=0)


def _refuse(bank: Bank, state: State, item_id: str) -> None:
    if item_id not in bank.places:
        raise UnknownThing(f"there is no question {item_id!r} in this placement")
    if any(item_id == asked for asked, _ in state.answers):
        raise BadInput(f"{item_id} was answered already", field="item_id")


def _entropy(p: np.ndarray) -> np.ndarray:
    q = np.clip(p, 1e-12, 1 - 1e-12)
    return -(q * np.log(q) + (1 - q) * np.log(1 - q))


def _rng(state: State, step: int) -> np.random.Generator:
    return np.random.default_rng([state.seed, step])


def as_answers(bank: Bank, state: State, learner_id: str, times: list[pd.Timestamp]) -> pd.DataFrame:
    """The session as ordinary answers (schemas.ANSWERS), so that every tracer starts from it.

    times: (len(answers),) when each was given. A tracer reads them as any other answers: it is told nothing
    that it could not check, and what one placement found is not counted twice. Raises BadInput.
    """
    if len(times) != len(state.answers):
        raise BadInput(f"{len(state.answers)} answers but {len(times)} times", field="times")
    rows = [
        {
            "learner_id": learner_id,
            "item_id": item_id,
            "concept_ids": tuple(bank.concept_ids[bank.concepts_of[bank.places[item_id]]].tolist()),
            "correct": correct,
            "occurred_at": at,
        }
        for (item_id, correct), at in zip(state.answers, times, strict=True)
    ]
    frame = pd.DataFrame(rows) if rows else empty(ANSWERS)
    return check(frame, ANSWERS, "placement answers")
