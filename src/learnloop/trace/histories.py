"""Answers in; how often each learner was right before each answer out.

One answer, as it comes in:

    learner_id   item_id               concept_ids                       correct  occurred_at
    "9f2c…"      "demo:loops-1"        ("demo:loops", "demo:counting")   True     2026-03-02 18:04:11+00:00

"Before" means at a strictly earlier time: answers handed in at the same moment do not see each other, so
what is computed never depends on the order of the rows. An answer with several concepts stays one answer;
only its counts are taken per concept and averaged. (Predicting one expanded row a concept lets an answer
see its own outcome in its sibling row: one and the same model then scores an AUC of .807 instead of .724.)
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from learnloop.errors import BadInput
from learnloop.schemas import ANSWERS, check

EPOCH = pd.Timestamp("1970-01-01T00:00:00Z")


@dataclass(frozen=True)
class Answers:
    """n answers as arrays, in the input's row order; concepts are in (row, concept) pairs."""

    learners: np.ndarray  # (n,) codes
    items: np.ndarray  # (n,) codes into item_ids
    item_ids: np.ndarray
    correct: np.ndarray  # (n,) float, 0 or 1
    moments: np.ndarray  # (n,) codes that sort as the times do
    seconds: np.ndarray  # (n,) since 1970
    durations: np.ndarray  # (n,) seconds it took to answer, NaN where unknown
    learner_ranks: np.ndarray  # (n_learners,) of each learner code: its place among the sorted ids
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
    return encode_checked(check(answers, ANSWERS, "answers"))


def in_time(history: pd.DataFrame, now: pd.Timestamp | None = None) -> pd.DataFrame:
    """One learner's ANSWERS with a moment for every row.

    Where `occurred_at` is absent, or unknown of any row, the order of the rows is that of time: they are
    taken as a second apart, the last of them at `now`. None: in the first seconds of 1970, since where
    nothing has a time only what lies between two moments counts.
    """
    if "occurred_at" in history and not history["occurred_at"].isna().any():
        return history
    ago = pd.to_timedelta(np.arange(len(history), dtype=np.int64)[::-1], unit="s")
    last = EPOCH + pd.Timedelta(seconds=len(history) - 1) if now is None else now
    return history.assign(occurred_at=(last - ago).as_unit("us"))


def encode_history(history: pd.DataFrame, now: pd.Timestamp | None = None) -> Answers:
    """Arrays of one learner's ANSWERS, taken as sound; without times as of `in_time`.

    Raises BadInput for several learners.
    """
    if len(set(history["learner_id"].tolist())) > 1:
        raise BadInput("history: answers of several learners", field="learner_id")
    n = len(history)
    lists = [distinct(concepts) for concepts in history["concept_ids"].tolist()]
    items, item_ids = _coded(history["item_id"].tolist())
    concepts, concept_ids = _coded([c for concepts in lists for c in concepts])
    at = _microseconds(in_time(history, now))
    return Answers(
        learners=np.zeros(n, dtype=np.int64),
        items=items,
        item_ids=item_ids,
        correct=history["correct"].to_numpy(dtype=float),
        moments=np.unique(at, return_inverse=True)[1],
        seconds=at / 1e6,
        durations=_durations(history),
        learner_ranks=np.zeros(min(n, 1), dtype=np.int64),
        pair_rows=np.repeat(np.arange(n), [len(concepts) for concepts in lists] if n else 0),
        pair_concepts=concepts,
        concept_ids=concept_ids,
    )


def _coded(ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(n,) codes, and the ids in the order they came: factorize, for so few that its start would be all."""
    place = {one: k for k, one in enumerate(dict.fromkeys(ids))}
    names = np.empty(len(place), dtype=object)
    names[:] = list(place)
    return np.array([place[one] for one in ids], dtype=np.int64), names


def _microseconds(answers: pd.DataFrame) -> np.ndarray:
    """(n,) since 1970"""
    return pd.DatetimeIndex(answers["occurred_at"]).as_unit("us").asi8


def _durations(answers: pd.DataFrame) -> np.ndarray:
    """(n,) seconds, NaN where unknown"""
    if "duration_s" not in answers:
        return np.full(len(answers), np.nan)
    return answers["duration_s"].to_numpy(float, na_value=np.nan)


def encode_checked(answers: pd.DataFrame) -> Answers:
    """Arrays of a sound ANSWERS frame, any row order."""
    learners, learner_ids = pd.factorize(answers["learner_id"])
    items, item_ids = pd.factorize(answers["item_id"])
    moments, _ = pd.factorize(answers["occurred_at"], sort=True)
    pair_rows, pair_concepts, concept_ids = _pairs(answers["concept_ids"])
    return Answers(
        learners=learners,
        items=items,
        item_ids=np.asarray(item_ids, dtype=object),
        correct=answers["correct"].to_numpy(dtype=float),
        moments=moments,
        seconds=_microseconds(answers) / 1e6,
        durations=_durations(answers),
        learner_ranks=np.argsort(np.argsort(np.asarray(learner_ids, dtype=object))),
        pair_rows=pair_rows,
        pair_concepts=pair_concepts,
        concept_ids=concept_ids,
    )


def _pairs(concept_lists: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(m,) the row and (m,) the concept's code of each (row, concept) pair, and the ids; see Answers.

    Rows are many and lists of concepts few: each list is looked at once.
    """
    try:
        of_row, lists = pd.factorize(concept_lists, use_na_sentinel=False)
    except TypeError:  # lists and arrays, which cannot be looked up
        sound = pd.Series([distinct(concepts) for concepts in concept_lists], dtype=object)
        of_row, lists = pd.factorize(sound)
    told = [distinct(concepts) for concepts in lists]
    codes, concept_ids = _coded([c for concepts in told for c in concepts])
    lengths = np.fromiter(map(len, told), dtype=np.int64, count=len(told))
    starts, sizes = (np.cumsum(lengths) - lengths)[of_row], lengths[of_row]
    rows = np.repeat(np.arange(len(of_row)), sizes)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return rows, codes[np.repeat(starts, sizes) + within], concept_ids


def distinct(concepts: Iterable[str]) -> tuple[str, ...]:
    """The concepts of one item, each once, in their order. Raises BadInput for anything but a sequence."""
    if type(concepts) is tuple and len(concepts) < 2:
        return concepts  # the most there are
    if not isinstance(concepts, tuple | list | np.ndarray):  # Parquet gives lists back as arrays
        raise BadInput(f"answers: concept_ids holds {concepts!r}, not a tuple of ids", field="concept_ids")
    return tuple(dict.fromkeys(concepts))


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
