"""The baseline every tracer stands beside: how often an item is answered right, whoever answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import NothingToDo
from learnloop.schemas import Space
from learnloop.trace import weights
from learnloop.trace.histories import Tally, encode


class RateTracer:
    """P(correct) = (right answers on the item + s m) / (answers on the item + s), m the overall rate.

    s = `smoothing` answers of prior weight; an item nobody has answered gets m. m itself is smoothed by
    one right and one wrong answer, so no prediction is 0 or 1.
    """

    name = "rate"
    space: ClassVar[Space] = {}

    def __init__(self, smoothing: float = 5.0) -> None:
        self.smoothing = smoothing
        self.overall = 0.5
        self.items: dict[str, float] = {}
        self.concepts: dict[str, tuple[float, float]] = {}  # (rate, sd of the rate)

    def fit(self, answers: pd.DataFrame) -> Self:
        """answers: ANSWERS, any row order. Raises NothingToDo where there are none."""
        data = encode(answers)
        if not len(data):
            raise NothingToDo("no answers to learn from", "learnloop import csv --interactions FILE")
        self.overall = float((data.correct.sum() + 1) / (len(data) + 2))
        tries = np.bincount(data.items)
        rates = self._smooth(np.bincount(data.items, weights=data.correct), tries)
        self.items = dict(zip(data.item_ids.tolist(), rates.tolist(), strict=True))
        size = len(data.concept_ids)
        tries = np.bincount(data.pair_concepts, minlength=size)
        wins = np.bincount(data.pair_concepts, weights=data.correct[data.pair_rows], minlength=size)
        rates = self._smooth(wins, tries)
        pairs = zip(rates.tolist(), self._sd(rates, tries).tolist(), strict=True)
        self.concepts = dict(zip(data.concept_ids.tolist(), pairs, strict=True))
        return self

    def _smooth(self, wins: np.ndarray, tries: np.ndarray) -> np.ndarray:
        return (wins + self.smoothing * self.overall) / (tries + self.smoothing)

    def _sd(self, rates: np.ndarray, tries: np.ndarray) -> np.ndarray:
        """The sd of Beta(rate * (tries + s), (1 - rate) * (tries + s))."""
        return np.sqrt(rates * (1 - rates) / (tries + self.smoothing + 1))

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        """P(correct) of each row, shape (n,)."""
        data = encode(answers)
        known = [self.items.get(item_id, self.overall) for item_id in data.item_ids.tolist()]
        return np.array(known, dtype=float)[data.items]

    def predict_next(
        self,
        history: pd.DataFrame,
        item_ids: Sequence[str],
        concept_ids: Sequence[Sequence[str]],
        now: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """P(correct) of a next answer on each item, shape (len(item_ids),); the history is not used."""
        return np.array([self.items.get(item_id, self.overall) for item_id in item_ids], dtype=float)

    def mastery(
        self, history: pd.DataFrame, concept_ids: Sequence[str], now: pd.Timestamp | None = None
    ) -> pd.DataFrame:
        """concept_id, mastery (everybody's rate), sd (of that rate), attempts (this learner's)."""
        unknown = (self.overall, float(self._sd(np.array(self.overall), np.array(0))))
        rows = [self.concepts.get(c, unknown) for c in concept_ids]
        tally = Tally.of(history)
        return pd.DataFrame(
            {
                "concept_id": pd.array(list(concept_ids), dtype="str"),
                "mastery": [rate for rate, _ in rows],
                "sd": [sd for _, sd in rows],
                "attempts": [tally.concepts.get(c, [0, 0])[1] for c in concept_ids],
            }
        ).astype({"mastery": float, "sd": float, "attempts": "int64"})

    def follow(
        self,
        item_ids: Sequence[str],
        concepts_of: Sequence[Sequence[str]],
        concept_ids: Sequence[str],
        n_learners: int,
    ) -> "RateFollowing":
        """All of `n_learners` new learners at once; see schemas.Following."""
        nobody = pd.DataFrame({"learner_id": [], "item_id": [], "concept_ids": [], "correct": []})
        known = self.mastery(nobody, concept_ids)
        p = self.predict_next(nobody, item_ids, concepts_of)
        return RateFollowing(p, known["mastery"].to_numpy(), known["sd"].to_numpy())

    def save(self, folder: Path) -> None:
        """Writes the rates into `folder`, which exists."""
        arrays = {
            "items": np.array(list(self.items.values()), dtype=float),
            "concepts": np.array(list(self.concepts.values()), dtype=float).reshape(-1, 2),
            "overall": np.array([self.overall, self.smoothing]),
        }
        about = {"item_ids": list(self.items), "concept_ids": list(self.concepts)}
        weights.save(folder, self.name, arrays, about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable where the files are missing or do not match."""
        arrays, about = weights.load(folder, cls.name)
        overall, smoothing = arrays["overall"].tolist()
        tracer = cls(smoothing)
        tracer.overall = overall
        tracer.items = dict(zip(about["item_ids"], arrays["items"].tolist(), strict=True))
        concepts = [(rate, sd) for rate, sd in arrays["concepts"].tolist()]
        tracer.concepts = dict(zip(about["concept_ids"], concepts, strict=True))
        return tracer


class RateFollowing:
    """The same for every learner, whatever they answer; see schemas.Following."""

    def __init__(self, p: np.ndarray, mastery: np.ndarray, sd: np.ndarray) -> None:
        """p: (n_items,); mastery and sd: (n_concepts,)."""
        self.p, self.known = p, (mastery, sd)

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        """Nothing is learnt from an answer."""

    def p_correct(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_items)"""
        return np.tile(self.p, (len(learners), 1))

    def mastery(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, n_concepts) mastery, and its standard deviation."""
        mastery, sd = (np.tile(values, (len(learners), 1)) for values in self.known)
        return mastery, sd
