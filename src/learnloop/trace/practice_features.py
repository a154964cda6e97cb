"""What a learner has behind them in; the numbers a logistic tracer reads of it out.

Three streams: everything the learner did, what they did on the concept, and on the item. Of each:

    log(1 + count) of right answers and of wrong ones: all, and fading with the time constants of WINDOWS
    success: (wins + a) / (tries + b), less its value before any answer: all, and fading by the answer
    fresh: log(1 + minutes of a year) - log(1 + minutes since the stream's last answer), where times are known
    never: whether there was none; then nothing is fresh

on the concept also how fresh it is by the answers to other things since; overall also how quick the right
answers and the wrong ones were. An item of several concepts has the mean over them. The same functions read
batches and kept-up states, so that both say the same.

One more answer moves each number one way, whatever came before and whenever one asks: a right one raises
wins and success and leaves fails as they are; after any answer the concept is fresher. So a model whose
slopes have the signs of `Groups.signs` is monotone (tests/trace/test_logistic_monotone.py): at any history,
a right answer leaves mastery no lower than a wrong one would, and no lower than it was.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from learnloop.trace.fading import DAY, HOUR, NEVER, Rates, after, before, ordered
from learnloop.trace.histories import Answers

STEPS = (0.6, 0.85, 0.97)
WINDOWS = (HOUR, DAY, 7 * DAY, 30 * DAY)
PRIOR_RATE, PRIOR_TRIES = 0.65, 1.5  # any sound value does: the intercept takes up what it misses
YEAR, MANY = 365 * DAY / 60, 1_000.0  # minutes, answers: after those nothing is fresh
ITEM_RATES = Rates(steps=(0.6,))
PLAIN = Rates()


@dataclass(frozen=True)
class Groups:
    """Which features there are. timed: times are real, no mere numbering; lasting: durations are known."""

    timed: bool = True
    lasting: bool = False

    @classmethod
    def of(cls, data: Answers) -> Self:
        """Times are a numbering where everybody's answers are one and the same step apart."""
        order = ordered(data.learners, data.moments)
        steps = np.diff(data.seconds[order])[np.diff(data.learners[order]) == 0]
        return cls(
            bool(len(steps) and not np.allclose(steps, steps[0])), bool((~np.isnan(data.durations)).any())
        )

    @cached_property
    def rates(self) -> Rates:
        return Rates(WINDOWS if self.timed else (), STEPS)

    @cached_property
    def names(self) -> list[str]:
        """Of the columns: overall, concept, item."""
        found = []
        for stream, rates in (("overall", self.rates), ("concept", self.rates), ("item", ITEM_RATES)):
            spans = [*(f"{tau / DAY:.2g}d" for tau in rates.seconds), "all"]
            found += [f"{stream}:{what}:{span}" for what in ("log_wins", "log_fails") for span in spans]
            found += [f"{stream}:success:{step}" for step in ("all", *(f"x{x:g}" for x in rates.steps))]
            found += [f"{stream}:never", *([f"{stream}:fresh"] if self.timed else [])]
            found += {"overall": self._durations, "concept": ["concept:fresh_by_answers"]}.get(stream, [])
        return found

    @property
    def _durations(self) -> list[str]:
        return ["overall:log_quick_wins", "overall:log_quick_fails"] if self.lasting else []

    @property
    def signs(self) -> np.ndarray:
        """(sum(widths),) what a slope may be: 1 not negative, -1 not positive, 0 anything."""
        rising = {"log_wins", "success", "log_quick_wins", "fresh", "fresh_by_answers"}
        free = {"item:never", "item:fresh"}  # mastery is of an item never tried
        return np.array(
            [0 if name in free else 1 if name.split(":")[1] in rising else -1 for name in self.names]
        )

    @property
    def n_values(self) -> int:
        """Of an answer in the overall stream: right, answered; how quick if right, how quick if wrong."""
        return 4 if self.lasting else 2

    @cached_property
    def widths(self) -> tuple[int, int, int]:
        """Columns of each stream."""
        streams = [name.partition(":")[0] for name in self.names]
        return streams.count("overall"), streams.count("concept"), streams.count("item")

    def values(self, correct: np.ndarray, durations: np.ndarray | None = None) -> np.ndarray:
        """(n, n_values) what an answer adds to the overall stream; the first two to the others."""
        columns = [np.asarray(correct, dtype=float), np.ones(len(correct))]
        if self.lasting:
            took = np.full(len(correct), np.nan) if durations is None else durations
            # 1 at once, 0.2 after a minute; 0 where unknown. A slow right answer tells less, never against
            quick = np.nan_to_num(1.0 / (1.0 + np.log1p(took)))
            columns += [columns[0] * quick, (1.0 - columns[0]) * quick]
        return np.stack(columns, axis=1)

    def overall(self, counts: np.ndarray, gaps: np.ndarray) -> np.ndarray:
        """(..., n_values, R) and (...) -> (..., widths[0])"""
        parts = [self._stream(counts[..., :2, :], gaps, self.rates)]
        if self.lasting:
            parts.append(np.log1p(counts[..., 2:, self.rates.plain]))
        return np.concatenate(parts, axis=-1)

    def concept(self, counts: np.ndarray, gaps: np.ndarray, since: np.ndarray) -> np.ndarray:
        """(..., 2, R), (...) seconds and (...) answers since -> (..., widths[1])"""
        other = _fresh(since, np.maximum(since - 1.0, 0.0), MANY)  # the last answer itself is no other
        return np.concatenate([self._stream(counts, gaps, self.rates), other], axis=-1)

    def item(self, counts: np.ndarray, gaps: np.ndarray) -> np.ndarray:
        """(..., 2, R) and (...) -> (..., widths[2])"""
        return self._stream(counts, gaps, ITEM_RATES)

    def _stream(self, counts: np.ndarray, gaps: np.ndarray, rates: Rates) -> np.ndarray:
        wins, tries = counts[..., 0, :], counts[..., 1, :]
        success = (wins + PRIOR_RATE * PRIOR_TRIES) / (tries + PRIOR_TRIES) - PRIOR_RATE
        never = (gaps == NEVER)[..., None].astype(float)
        # counts by time and success by the answer: each by the other too is the same thing twice over
        by_time, by_step = slice(0, rates.plain + 1), slice(rates.plain, None)
        fails = np.maximum(tries - wins, 0.0)[..., by_time]
        parts = [np.log1p(wins[..., by_time]), np.log1p(fails), success[..., by_step], never]
        if self.timed:
            parts.append(_fresh(gaps, np.maximum(gaps, 0.0) / 60, YEAR))
        return np.concatenate(parts, axis=-1)

    def table(self, data: Answers) -> np.ndarray:
        """(n, sum(widths)) of each row, from its learner's strictly earlier rows."""
        values, moments = self.values(data.correct, data.durations), data.moments
        overall, gaps = before(data.learners, moments, data.seconds, values, self.rates)
        parts = [self.overall(overall, gaps)]
        rows, so_far = data.pair_rows, overall[:, 1, self.rates.plain]
        streams = data.learners[rows] * max(len(data.concept_ids), 1) + data.pair_concepts
        pairs = values[rows, :2]
        counts, gaps = before(streams, moments[rows], data.seconds[rows], pairs, self.rates)
        _, since = before(streams, moments[rows], so_far[rows], pairs[:, :0], PLAIN)
        parts.append(averages(data) @ self.concept(counts, gaps, since))
        streams = data.learners * max(len(data.item_ids), 1) + data.items
        parts.append(self.item(*before(streams, moments, data.seconds, values[:, :2], ITEM_RATES)))
        return np.hstack(parts)


def _fresh(gaps: np.ndarray, since: np.ndarray, most: float) -> np.ndarray:
    """(...) -> (..., 1). Had "never" been as good as "just now", to wait after an answer would cost it."""
    left = np.maximum(np.log1p(most) - np.log1p(since), 0.0)
    return np.where(gaps == NEVER, 0.0, left)[..., None]


def averages(data: Answers) -> Any:
    """Sparse (n, m): the mean over the pairs of each row."""
    from scipy import sparse

    m = len(data.pair_rows)
    return sparse.csr_array((data.pair_shares, (data.pair_rows, np.arange(m))), shape=(len(data), m))


@dataclass(frozen=True)
class Profile:
    """What one learner has behind them at `now`: a state a concept and a item, the last row of nothing."""

    groups: Groups
    learner: np.ndarray  # (widths[0],) features
    concepts: np.ndarray  # (n_concepts + 1, widths[1]) features
    items: np.ndarray  # (n_items + 1, widths[2]) features
    attempts: np.ndarray  # (n_concepts + 1,)
    concept_codes: dict[str, int]
    item_codes: dict[str, int]

    @classmethod
    def of(cls, groups: Groups, data: Answers, now: float | None, items: bool = True) -> Self:
        """data: answers of one learner, possibly none. now: seconds since 1970; None: the last answer.

        items: False where nobody asks for them, which leaves the row of nothing alone.
        """
        now = max(now if now is not None else -np.inf, data.seconds.max(initial=0.0))
        values, moments, rates = groups.values(data.correct, data.durations), data.moments, groups.rates
        counts, gaps = _with_nothing(*after(data.learners, moments, data.seconds, values, rates, now))
        rows = data.pair_rows
        so_far = np.searchsorted(np.sort(moments), moments).astype(float)
        pairs = values[rows, :2]
        concepts = _with_nothing(
            *after(data.pair_concepts, moments[rows], data.seconds[rows], pairs, rates, now)
        )
        latest = np.zeros(len(data.concept_ids))  # what had been answered before the concept's last answer
        np.maximum.at(latest, data.pair_concepts, so_far[rows])
        since = len(data) - latest
        n = len(data) if items else 0
        of_items = after(data.items[:n], moments[:n], data.seconds[:n], values[:n, :2], ITEM_RATES, now)
        return cls(
            groups,
            groups.overall(counts[0], gaps[0]),
            groups.concept(*concepts, np.append(since, NEVER)),
            groups.item(*_with_nothing(*of_items)),
            concepts[0][:, 1, rates.plain],
            {c: k for k, c in enumerate(data.concept_ids.tolist())},
            {i: k for k, i in enumerate(data.item_ids.tolist()) if items},
        )


def _with_nothing(counts: np.ndarray, gaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([counts, np.zeros((1, *counts.shape[1:]))]), np.append(gaps, NEVER)
