"""Memory: how strong it is after practice, how long it lasts, and the day it wants a review."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, NothingToDo
from learnloop.schemas import Space, Span
from learnloop.trace import weights
from learnloop.trace.chains import named, read, read_history, seconds
from learnloop.trace.memory_fit import Weights, chances, days_until, design, fit
from learnloop.trace.memory_following import LOWEST, MemoryFollowing

FARTHEST = 36_500.0  # days: no review is due later than in a hundred years
OPTIONS = ("decay", "item_variance", "iterations")


class Memory:
    """P(correct) = p_guess + (1 - p_slip - p_guess) strength recall; formulas in `trace.memory_fit`.

    Strength is a logistic function of item, concept and practice (Pavlik et al. 2009), recall a power
    curve of the days since the concept was last practised. Its half-life grows with right and wrong
    answers on the concept and with the days they are spread over (half-life regression, Settles & Meeder
    2016; the curve of FSRS is decay = .5). The rest is L-BFGS on the posterior. Several concepts: the mean
    of strength times recall over them. Where no times are known, the gaps are what the rows' moments say.
    """

    name = "memory"
    space: ClassVar[Space] = {
        "decay": Span(0.1, 4.0, log=True),
        "item_variance": Span(0.05, 4.0, log=True),
    }

    def __init__(self, decay: float = 0.5, item_variance: float = 0.6, iterations: int = 60) -> None:
        self.decay = decay
        self.item_variance = item_variance
        self.iterations = iterations
        self.items: dict[str, int] = {}
        self.concepts: dict[str, int] = {}
        self.weights = Weights.prior()

    def fit(self, answers: pd.DataFrame) -> Self:
        """answers: ANSWERS, any row order. Raises NothingToDo where there are none."""
        if not len(answers):
            raise NothingToDo("no answers to learn from", "learnloop import csv --interactions FILE")
        # one order for all: sums in another order differ in their last digits, and a search follows them
        keys = [name for name in ("learner_id", "occurred_at", "item_id", "correct") if name in answers]
        practice = read(answers.sort_values(keys, kind="stable"))
        self.weights = fit(practice, self.decay, self.item_variance, self.iterations)
        self.items = {item_id: i for i, item_id in enumerate(practice.item_ids)}
        self.concepts = {concept_id: i for i, concept_id in enumerate(practice.concept_ids)}
        return self

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        """P(correct) of each row, (n,) in the rows' order, from its learner's strictly earlier rows."""
        practice = read(answers)
        if not len(practice):
            return np.zeros(0)
        items = self._item_codes(practice.item_ids)[practice.items[practice.pair_rows]]
        concepts = self._concept_codes(practice.concept_ids)[practice.pair_concepts]
        by_pair = chances(self.weights, design(practice), items, concepts, self.decay)
        return np.clip(practice.mean_by_row(by_pair), LOWEST, 1.0 - LOWEST)

    def _item_codes(self, item_ids: Sequence[str]) -> np.ndarray:
        return np.array([self.items.get(i, -1) for i in item_ids], dtype=np.int64)

    def _concept_codes(self, concept_ids: Sequence[str]) -> np.ndarray:
        return np.array([self.concepts.get(c, -1) for c in concept_ids], dtype=np.int64)

    def follow(
        self,
        item_ids: Sequence[str],
        concepts_of: Sequence[Sequence[str]],
        concept_ids: Sequence[str],
        n_learners: int,
    ) -> MemoryFollowing:
        """All of `n_learners` new learners at once; see schemas.Following. It has `recall` too."""
        return self._follow(item_ids, concepts_of, concept_ids, n_learners)[0]

    def _follow(
        self,
        item_ids: Sequence[str],
        concepts_of: Sequence[Sequence[str]],
        concept_ids: Sequence[str],
        n_learners: int,
    ) -> tuple[MemoryFollowing, list[str]]:
        """And the concepts it follows: those asked for, then the items' others."""
        lists = [named(concepts) for concepts in concepts_of]
        others = dict.fromkeys(c for concepts in lists for c in concepts)
        followed = [*concept_ids, *(c for c in others if c not in set(concept_ids))]
        place = {c: i for i, c in enumerate(followed)}
        following = MemoryFollowing(
            self.weights,
            self.decay,
            self._item_codes(item_ids),
            self._concept_codes(followed),
            [[place[c] for c in concepts] for concepts in lists],
            len(concept_ids),
            n_learners,
        )
        return following, followed

    def _after(
        self,
        history: pd.DataFrame,
        now: pd.Timestamp | None,
        concept_ids: Sequence[str],
        item_ids: Sequence[str] = (),
        concepts_of: Sequence[Sequence[str]] = (),
    ) -> tuple[MemoryFollowing, np.ndarray]:
        """One learner, followed through the whole history at once; and the moment `now`, (1,)."""
        following, followed = self._follow(item_ids, concepts_of, concept_ids, 1)
        past = read_history(history, now)
        wins = past.correct[past.pair_rows]
        n = len(past.concept_ids)
        counts = np.stack(
            [np.bincount(past.pair_concepts, weights=right, minlength=n) for right in (wins, 1.0 - wins)]
        )
        first, last = np.full(n, np.inf), np.full(n, -np.inf)
        np.minimum.at(first, past.pair_concepts, past.at[past.pair_rows])
        np.maximum.at(last, past.pair_concepts, past.at[past.pair_rows])
        own = {c: i for i, c in enumerate(past.concept_ids)}
        to = np.array([i for i, c in enumerate(followed) if c in own], dtype=np.int64)
        of = np.array([own[c] for c in followed if c in own], dtype=np.int64)
        following.by_concept[:, 0, to] = counts[:, of]
        following.first[0, to], following.last[0, to] = first[of], last[of]
        following.overall[:, 0] = past.correct.sum(), len(past) - past.correct.sum()
        tried = {i: k for k, i in enumerate(past.item_ids)}
        by_item = np.zeros((2, len(tried) + 1))  # the last, 0, for items never tried
        for k, right in enumerate((past.correct, 1.0 - past.correct)):
            by_item[k, :-1] = np.bincount(past.items, weights=right, minlength=len(tried))
        following.remember_items(by_item[:, [tried.get(i, -1) for i in item_ids]])
        at = past.at.max(initial=0.0) if now is None else seconds(now)
        return following, np.array([at])

    def predict_next(
        self,
        history: pd.DataFrame,
        item_ids: Sequence[str],
        concept_ids: Sequence[Sequence[str]],
        now: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """(len(item_ids),) P(correct) if the learner of `history` answered each item at `now`.

        history: ANSWERS of one learner, possibly none. concept_ids: the concepts of each item. Raises
        BadInput where the history is several learners'.
        """
        if not len(item_ids):
            return np.zeros(0)
        following, at = self._after(history, now, [], item_ids, concept_ids)
        return following.p_correct(np.zeros(1, dtype=np.int64), at)[0]

    def mastery(
        self, history: pd.DataFrame, concept_ids: Sequence[str], now: pd.Timestamp | None = None
    ) -> pd.DataFrame:
        """concept_id, mastery, sd, attempts (of this learner): strength times recall at `now`.

        That is the chance to do the concept's average item, new to the learner, without guess and slip. The
        standard deviation is that of a Beta with this mean that rests on n answers of this learner and one
        of the crowd's, an answer counting as much as is recalled: n = attempts x recall,

            sd^2 = mastery (1 - mastery) / (n + 2)
        """
        following, at = self._after(history, now, concept_ids)
        mastery, sd = following.mastery(np.zeros(1, dtype=np.int64), at)
        attempts = following.by_concept[:, 0].sum(axis=0).astype(np.int64)
        ids = pd.array(list(concept_ids), dtype="str")
        return pd.DataFrame({"concept_id": ids, "mastery": mastery[0], "sd": sd[0], "attempts": attempts})

    def recall(
        self,
        history: pd.DataFrame,
        concept_ids: Sequence[str],
        now: pd.Timestamp | None = None,
        threshold: float = 0.9,
    ) -> pd.DataFrame:
        """concept_id, recall at `now`, half_life_days, and due_at: when recall falls to `threshold`.

        Recall is 1 right after practice, right or wrong; how much was there is mastery's matter. NaN and
        NaT where the concept was never practised. No review is due later than a hundred years after the
        practice. Raises BadInput for a threshold outside (0, 1), and where the history is several learners'.
        """
        if not 0.0 < threshold < 1.0:
            raise BadInput(f"threshold {threshold} is not in (0, 1)", "a common one is 0.9", "threshold")
        following, at = self._after(history, now, concept_ids)
        one = np.zeros(1, dtype=np.int64)
        last = following.last[0]
        half_life = np.where(np.isnan(last), np.nan, following.half_lives(one)[0])
        wait = np.minimum(days_until(threshold, half_life, self.decay), FARTHEST)
        due = np.floor(np.round(last * 1e6) + wait * 86_400e6)  # microseconds
        due_at = np.where(np.isnan(due), np.datetime64("NaT", "us"), np.nan_to_num(due).astype("M8[us]"))
        return pd.DataFrame(
            {
                "concept_id": pd.array(list(concept_ids), dtype="str"),
                "recall": following.recall(one, at)[0],
                "half_life_days": half_life,
                "due_at": pd.DatetimeIndex(due_at, tz="UTC"),
            }
        )

    def save(self, folder: Path) -> None:
        """Writes the weights into `folder`, which exists."""
        about: dict[str, Any] = {name: getattr(self, name) for name in OPTIONS}
        about |= {"item_ids": list(self.items), "concept_ids": list(self.concepts)}
        weights.save(folder, self.name, vars(self.weights), about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable where the files are missing or do not match."""
        arrays, about = weights.load(folder, cls.name)
        tracer = cls(**{name: about[name] for name in OPTIONS})
        tracer.weights = Weights(**arrays).widened()
        tracer.items = {item_id: i for i, item_id in enumerate(about["item_ids"])}
        tracer.concepts = {concept_id: i for i, concept_id in enumerate(about["concept_ids"])}
        return tracer
