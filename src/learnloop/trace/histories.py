"""Answers in; how often each learner was right before each answer out.

One answer, as it comes in:

    learner_id   item_id               concept_ids                       correct  occurred_at
    "9f2c…"      "demo:loops-1"        ("demo:loops", "demo:counting")   True     2026-03-02 18:04:11+00:00

"Before" means at a strictly earlier time: answers handed in at the same moment do not see each other, so
what is computed never depends on the order of the rows. An answer with several concepts stays one answer;
only its counts are taken per concept and averaged. (Predicting one expanded row a concept lets an answer
see its own outcome in its sibling row: one and the same model then scores an AUC of .807 instead of .724.)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from learnloop.errors import BadInput
from learnloop.schemas import ANSWERS, check

FEATURES = (
    "log_wins_overall",
    "log_tries_overall",
    "log_wins_concepts",
    "log_tries_concepts",
    "log_wins_item",
    "log_tries_item",
)


@dataclass(frozen=True)
class Answers:
    """n answers as arrays, in the input's row order; concepts are in (row, concept) pairs."""

    learners: np.ndarray  # (n,) codes
    items: np.ndarray  # (n,) codes into item_ids
    item_ids: np.ndarray
    correct: np.ndarray  # (n,) float, 0 or 1
    moments: np.ndarray  # (n,) codes that sort as the times do
    pair_rows: np.ndarray  # (m,) the row of each (row, concept) pair
    pair_concepts: np.ndarray  # (m,) codes into concept_ids
    concept_ids: np.ndarray

    def __len__(self) -> int:
        return len(self.correct)

    @property
    def pair_shares(self) -> np.ndarray:
        """(m,) 1 / (number of concepts of the row)."""
        return 1.0 / np.bincount(self.pair_rows, minlength=len(self))[self.pair_rows]


def encode(answers: pd.DataFrame) -> Answers:
    """Arrays of an ANSWERS frame, any row order. Raises BadInput where it breaks the contract."""
    answers = check(answers, ANSWERS, "answers")
    concept_lists = [distinct(concepts) for concepts in answers["concept_ids"]]
    learners, _ = pd.factorize(answers["learner_id"])
    items, item_ids = pd.factorize(answers["item_id"])
    moments, _ = pd.factorize(answers["occurred_at"], sort=True)
    flat = pd.Series([c for concepts in concept_lists for c in concepts], dtype="str")
    concepts, concept_ids = pd.factorize(flat)
    lengths = np.fromiter(map(len, concept_lists), dtype=np.int64, count=len(concept_lists))
    return Answers(
        learners=learners,
        items=items,
        item_ids=np.asarray(item_ids, dtype=object),
        correct=answers["correct"].to_numpy(dtype=float),
        moments=moments,
        pair_rows=np.repeat(np.arange(len(answers)), lengths),
        pair_concepts=concepts,
        concept_ids=np.asarray(concept_ids, dtype=object),
    )


def distinct(concepts: Iterable[str]) -> tuple[str, ...]:
    """The concepts of one item, each once, in their order. Raises BadInput for anything but a sequence."""
    if not isinstance(concepts, tuple | list | np.ndarray):  # Parquet gives lists back as arrays
        raise BadInput(f"answers: concept_ids holds {concepts!r}, not a tuple of ids", field="concept_ids")
    return tuple(dict.fromkeys(concepts))


def features(answers: Answers) -> np.ndarray:
    """(n, 6) log(1 + count) of right answers and of answers before each one; columns as FEATURES.

    Overall, on the answer's concepts (mean over them) and on the item (Pavlik et al. 2009;
    "Best-LR" of Gervet et al. 2020).
    """
    a = answers
    table = np.zeros((len(a), len(FEATURES)))
    table[:, 0], table[:, 1] = np.log1p(counts_before(a.learners, a.moments, a.correct))
    item_key = a.learners * max(len(a.item_ids), 1) + a.items
    table[:, 4], table[:, 5] = np.log1p(counts_before(item_key, a.moments, a.correct))
    rows = a.pair_rows
    concept_key = a.learners[rows] * max(len(a.concept_ids), 1) + a.pair_concepts
    by_pair = np.log1p(counts_before(concept_key, a.moments[rows], a.correct[rows]))
    for column, values in zip((2, 3), by_pair, strict=True):
        table[:, column] = np.bincount(rows, weights=values * a.pair_shares, minlength=len(a))
    return table


def counts_before(keys: np.ndarray, moments: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """(2, n): right answers and answers of the same key at strictly earlier moments."""
    if not len(keys):
        return np.zeros((2, 0))
    order = np.lexsort((moments, keys))
    sorted_keys, sorted_moments = keys[order], moments[order]
    position = np.arange(len(order))
    new_key = np.r_[True, sorted_keys[1:] != sorted_keys[:-1]]
    new_moment = new_key | np.r_[True, sorted_moments[1:] != sorted_moments[:-1]]
    key_start = np.maximum.accumulate(np.where(new_key, position, 0))
    moment_start = np.maximum.accumulate(np.where(new_moment, position, 0))
    wins = np.r_[0.0, np.cumsum(correct[order])]
    result = np.empty((2, len(order)))
    result[0, order] = wins[moment_start] - wins[key_start]
    result[1, order] = moment_start - key_start
    return result


@dataclass
class Tally:
    """One learner's counts after a whole history: [right answers, answers]."""

    overall: list[int] = field(default_factory=lambda: [0, 0])
    items: dict[str, list[int]] = field(default_factory=dict)
    concepts: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, history: pd.DataFrame) -> "Tally":
        """history: ANSWERS of one learner, possibly none. Raises BadInput for several learners."""
        if len(set(history["learner_id"].tolist())) > 1:
            raise BadInput("history: answers of several learners", field="learner_id")
        tally = cls()
        columns = (history[name].tolist() for name in ("item_id", "concept_ids", "correct"))
        for item_id, concept_ids, correct in zip(*columns, strict=True):
            won = int(correct)
            counters = [tally.overall, tally.items.setdefault(item_id, [0, 0])]
            counters += [tally.concepts.setdefault(c, [0, 0]) for c in distinct(concept_ids)]
            for counter in counters:
                counter[0] += won
                counter[1] += 1
        return tally

    def features(self, item_ids: Sequence[str | None], concept_ids: Sequence[Sequence[str]]) -> np.ndarray:
        """(n, 6) as `features` would give for a next answer on each item; None is an item never tried."""
        none = [0, 0]
        table = np.zeros((len(item_ids), len(FEATURES)))
        table[:, 0:2] = np.log1p(self.overall)
        for row, (item_id, concepts) in enumerate(zip(item_ids, map(distinct, concept_ids), strict=True)):
            if item_id in self.items:
                table[row, 4:6] = np.log1p(self.items[item_id])
            if any(c in self.concepts for c in concepts):
                table[row, 2:4] = np.log1p([self.concepts.get(c, none) for c in concepts]).mean(axis=0)
        return table
