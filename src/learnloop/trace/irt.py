"""Item response theory: how able a learner is, and how easy and how telling each item."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import NothingToDo
from learnloop.schemas import Space, Span
from learnloop.trace import weights
from learnloop.trace.fading import Rates, before
from learnloop.trace.histories import Answers, distinct, encode, encode_history
from learnloop.trace.logits import LOWEST, squashed

GRID = np.linspace(-5.0, 5.0, 61)  # abilities at which everything is computed
LOG_PRIOR = -0.5 * GRID**2 - np.log(np.exp(-0.5 * GRID**2).sum())  # theta ~ N(0, 1)
SMALLEST_SD = 1e-4
BLOCK = 100_000  # answers whose learners' abilities are followed at a time
NAMES = "easiness", "discrimination", "concept_easiness", "concept_discrimination"


class IRT:
    """P(correct) = sigmoid(d_item + a_item theta), theta ~ N(0, 1) (Birnbaum 1968).

    With `discriminating` each item has its own a (2PL), with the prior N(common a, `a_variance`); without,
    all share one (1PL, Rasch 1960). d has the prior N(mean d, `easiness_variance`). Fitted by marginal
    likelihood, EM over a grid of abilities (Bock & Aitkin 1981). A learner's ability is its posterior given
    the answers so far, on the same grid; it does not change by practice. An unseen item is like the average
    item of its concepts, or like the average of all.
    """

    name = "irt"
    space: ClassVar[Space] = {
        "discriminating": (True, False),
        "easiness_variance": Span(0.2, 5.0, log=True),
        "a_variance": Span(0.01, 0.5, log=True),
    }

    def __init__(
        self,
        discriminating: bool = True,
        easiness_variance: float = 1.0,
        a_variance: float = 0.05,
        iterations: int = 60,
    ) -> None:
        self.discriminating, self.iterations = discriminating, iterations
        self.easiness_variance, self.a_variance = easiness_variance, a_variance
        self.items: dict[str, int] = {}
        self.concepts: dict[str, int] = {}
        self.easiness = np.zeros(1)  # (n_items + 1,) d; the last is for the unseen
        self.discrimination = np.ones(1)  # (n_items + 1,) a
        self.concept_easiness = np.zeros(1)  # (n_concepts + 1,) of the average item, by training answers
        self.concept_discrimination = np.ones(1)

    def fit(self, answers: pd.DataFrame) -> Self:
        """answers: ANSWERS, any row order. Raises NothingToDo where there are none."""
        data = encode(answers)
        if not len(data):
            raise NothingToDo("no answers to learn from", "learnloop import csv --interactions FILE")
        self.items = {item_id: i for i, item_id in enumerate(data.item_ids.tolist())}
        self.concepts = {concept_id: i for i, concept_id in enumerate(data.concept_ids.tolist())}
        d, a, mean, common = self._em(data)
        self.easiness, self.discrimination = np.append(d, mean), np.append(a, common)
        size = len(self.concepts)
        tries = np.bincount(data.pair_concepts, minlength=size)
        of_pair = data.items[data.pair_rows]
        self.concept_easiness, self.concept_discrimination = (
            np.append(np.bincount(data.pair_concepts, values[of_pair], size) / tries, rest)
            for values, rest in ((d, mean), (a, common))
        )
        return self

    def _em(self, data: Answers) -> tuple[np.ndarray, np.ndarray, float, float]:
        """(d, a, mean d, common a): the mode of the marginal posterior."""
        from scipy import sparse

        shape = int(data.learners.max()) + 1, len(data.item_ids)
        cells = data.learners, data.items
        right = sparse.coo_array((data.correct, cells), shape=shape).tocsr()
        wrong = sparse.coo_array((1.0 - data.correct, cells), shape=shape).tocsr()
        tries = np.asarray((right + wrong).sum(axis=0)).ravel()
        # half a right and half a wrong answer more, so that one-sided data stays finite
        rate = (data.correct.sum() + 0.5) / (len(data) + 1.0)
        mean = float(np.log(rate / (1.0 - rate)))
        d, a, common = np.full(shape[1], mean), np.ones(shape[1]), 1.0
        for _ in range(self.iterations):
            p = squashed(d[:, None] + a[:, None] * GRID)
            belief = posterior(right @ np.log(p) + wrong @ np.log1p(-p) + LOG_PRIOR)
            wins, seen = right.T @ belief, (right + wrong).T @ belief  # (n_items, grid) expected counts
            old = d, a
            d, a, mean, common = self._m_step(d, a, mean, common, wins, seen, tries)
            if max(np.abs(d - old[0]).max(), np.abs(a - old[1]).max()) < 1e-6:
                break
        return d, a, mean, common

    def _m_step(
        self,
        d: np.ndarray,
        a: np.ndarray,
        mean: float,
        common: float,
        wins: np.ndarray,
        seen: np.ndarray,
        tries: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, float, float]:
        """One Newton step for each item, and for what they share."""
        p = squashed(d[:, None] + a[:, None] * GRID)
        rest, w = wins - seen * p, seen * p * (1.0 - p)
        g_d = rest.sum(axis=1) - (d - mean) / self.easiness_variance
        g_a = rest @ GRID
        h_dd, h_da, h_aa = w.sum(axis=1) + 1.0 / self.easiness_variance, w @ GRID, w @ GRID**2
        if self.discriminating:
            g_a = g_a - (a - common) / self.a_variance
            h_aa = h_aa + 1.0 / self.a_variance
            determinant = h_dd * h_aa - h_da**2
            step_d = (h_aa * g_d - h_da * g_a) / determinant
            a = np.clip(a + np.clip((h_dd * g_a - h_da * g_d) / determinant, -0.5, 0.5), 0.05, 5.0)
            # a weak prior, a ~ N(1, 1), for the common one
            common = float((a.sum() / self.a_variance + 1.0) / (len(a) / self.a_variance + 1.0))
        else:
            step_d = g_d / h_dd
            step = (g_a.sum() - (common - 1.0)) / (h_aa.sum() + 1.0)
            common = float(np.clip(common + np.clip(step, -0.5, 0.5), 0.05, 5.0))
            a = np.full(len(a), common)
        d = d + np.clip(step_d, -1.0, 1.0)
        centre = float(squashed(np.array(mean)))
        pull = (d - mean).sum() / self.easiness_variance + 0.5 - centre
        mean += pull / (len(d) / self.easiness_variance + centre * (1.0 - centre))
        return d, a, mean, common

    def codes_of(self, item_ids: Sequence[str]) -> np.ndarray:
        return np.array([self.items.get(i, -1) for i in item_ids], dtype=np.int64)

    def parameters_of(
        self, item_ids: Sequence[str], concept_ids: Sequence[Sequence[str]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """(n,) d and a of each item; an unseen one's are the mean of its concepts' that were seen."""
        codes = self.codes_of(item_ids)
        d, a = self.easiness[codes], self.discrimination[codes]
        for row in np.flatnonzero(codes < 0).tolist():
            seen = [self.concepts[c] for c in distinct(concept_ids[row]) if c in self.concepts]
            if seen:
                d[row], a[row] = self.concept_easiness[seen].mean(), self.concept_discrimination[seen].mean()
        return d, a

    def _of_rows(self, data: Answers) -> tuple[np.ndarray, np.ndarray]:
        """(n,) d and a of each answer's item."""
        firsts = np.unique(data.items, return_index=True)[1]
        concepts: list[list[str]] = [[] for _ in data.item_ids]
        wanted = np.full(len(data), -1)
        wanted[firsts] = data.items[firsts]
        for row, code in zip(data.pair_rows.tolist(), data.pair_concepts.tolist(), strict=True):
            if wanted[row] >= 0:
                concepts[wanted[row]].append(data.concept_ids[code])
        d, a = self.parameters_of(data.item_ids.tolist(), concepts)
        return d[data.items], a[data.items]

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        """P(correct) of each row, (n,) in the rows' order, from its learner's strictly earlier rows."""
        data = encode(answers)
        if not len(data):
            return np.zeros(0)
        d, a = self._of_rows(data)
        found = np.empty(len(data))
        # a grid a row: whole learners at a time, so that a long log needs no more memory than a short one
        block = np.cumsum(np.bincount(data.learners)) // BLOCK
        for rows in _parts(block[data.learners]):
            told = likelihood(d[rows], a[rows], data.correct[rows])
            states, _ = before(data.learners[rows], data.moments[rows], data.seconds[rows], told, Rates())
            chance = squashed(d[rows, None] + a[rows, None] * GRID)
            found[rows] = (posterior(states[..., 0] + LOG_PRIOR) * chance).sum(axis=1)
        return bounded(found)

    def _belief(self, data: Answers) -> np.ndarray:
        """(grid,) the posterior of one learner's ability."""
        d, a = self._of_rows(data)
        return posterior((likelihood(d, a, data.correct).sum(axis=0) + LOG_PRIOR)[None])[0]

    def predict_next(
        self,
        history: pd.DataFrame,
        item_ids: Sequence[str],
        concept_ids: Sequence[Sequence[str]],
        now: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """P(correct) if the learner of `history` answered each item now; shape (len(item_ids),)."""
        d, a = self.parameters_of(item_ids, concept_ids)
        return bounded(squashed(d[:, None] + a[:, None] * GRID) @ self._belief(encode_history(history)))

    def mastery(
        self, history: pd.DataFrame, concept_ids: Sequence[str], now: pd.Timestamp | None = None
    ) -> pd.DataFrame:
        """concept_id, mastery, sd, attempts: P(correct) on each concept's average item, over the posterior.

        mastery = E[p(theta)] and sd = sqrt(var p(theta)), theta as believed after `history`.
        """
        data = encode_history(history)
        mastery, sd = self.mastery_of(self._belief(data)[None], concept_ids)
        tried = dict(zip(data.concept_ids.tolist(), np.bincount(data.pair_concepts).tolist(), strict=True))
        return pd.DataFrame(
            {
                "concept_id": pd.array(list(concept_ids), dtype="str"),
                "mastery": mastery[0],
                "sd": sd[0],
                "attempts": np.array([tried.get(c, 0) for c in concept_ids], dtype=np.int64),
            }
        )

    def mastery_of(self, belief: np.ndarray, concept_ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(m, grid) -> (m, n_concepts) mastery and its standard deviation."""
        codes = np.array([self.concepts.get(c, -1) for c in concept_ids], dtype=np.int64)
        d, a = self.concept_easiness[codes], self.concept_discrimination[codes]
        chance = squashed(d[:, None] + a[:, None] * GRID)
        mean = belief @ chance.T
        variance = np.maximum(belief @ (chance**2).T - mean**2, SMALLEST_SD**2)
        return bounded(mean), np.sqrt(variance)

    def follow(
        self,
        item_ids: Sequence[str],
        concepts_of: Sequence[Sequence[str]],
        concept_ids: Sequence[str],
        n_learners: int,
    ) -> "IRTFollowing":
        """All of `n_learners` new learners at once; see schemas.Following."""
        return IRTFollowing(self, *self.parameters_of(item_ids, concepts_of), concept_ids, n_learners)

    def difficulties(self) -> pd.DataFrame:
        """item_id, difficulty (the ability at which P(correct) is one half: -d / a), discrimination."""
        d, a = self.easiness[:-1], self.discrimination[:-1]
        ids = pd.array(list(self.items), dtype="str")
        return pd.DataFrame({"item_id": ids, "difficulty": -d / a, "discrimination": a})

    def save(self, folder: Path) -> None:
        """Writes the parameters into `folder`, which exists."""
        options = ("discriminating", "easiness_variance", "a_variance", "iterations")
        about: dict[str, Any] = {"options": {name: getattr(self, name) for name in options}}
        about |= {"item_ids": list(self.items), "concept_ids": list(self.concepts)}
        weights.save(folder, self.name, {name: getattr(self, name) for name in NAMES}, about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable where the files are missing or do not match."""
        arrays, about = weights.load(folder, cls.name)
        tracer = cls(**about["options"])
        for name in NAMES:
            setattr(tracer, name, arrays[name])
        tracer.items = {item_id: i for i, item_id in enumerate(about["item_ids"])}
        tracer.concepts = {concept_id: i for i, concept_id in enumerate(about["concept_ids"])}
        return tracer


class IRTFollowing:
    """n learners' posteriors over the grid of abilities; see schemas.Following."""

    def __init__(
        self, tracer: IRT, d: np.ndarray, a: np.ndarray, concept_ids: Sequence[str], n_learners: int
    ) -> None:
        self.tracer, self.d, self.a, self.concept_ids = tracer, d, a, concept_ids
        self.chance = squashed(d[:, None] + a[:, None] * GRID)  # (n_items, grid)
        self.told = np.zeros((n_learners, len(GRID)))

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        """(m,) learners, each at most once; item codes; outcomes; times (which do not matter)."""
        self.told[learners] += likelihood(self.d[items], self.a[items], np.asarray(correct, dtype=float))

    def p_correct(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_items)"""
        return bounded(posterior(self.told[learners] + LOG_PRIOR) @ self.chance.T)

    def mastery(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, n_concepts) mastery, and its standard deviation."""
        return self.tracer.mastery_of(posterior(self.told[learners] + LOG_PRIOR), self.concept_ids)


def _parts(codes: np.ndarray) -> list[np.ndarray]:
    """The rows of each code there is."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def likelihood(d: np.ndarray, a: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """(n, grid) log P(outcome) at each ability."""
    p = squashed(d[:, None] + a[:, None] * GRID)
    return np.where(correct[:, None] > 0, np.log(p), np.log1p(-p))


def posterior(logs: np.ndarray) -> np.ndarray:
    """(m, grid) unnormalised logs -> (m, grid), rows that sum to 1."""
    found = np.exp(logs - logs.max(axis=1, keepdims=True))
    return found / found.sum(axis=1, keepdims=True)


def bounded(p: np.ndarray) -> np.ndarray:
    return np.clip(p, LOWEST, 1.0 - LOWEST)
