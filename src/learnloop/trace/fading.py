"""Answers in; what each has behind it out: counts that fade with time or with practice, and the last moment.

A stream is what one learner did at all, on one concept, or on one item. What it holds of an answer's values
v (for instance: right, and answered) is S, one number a rate of fading:

    after an answer:       S <- S + v
    a span dt later:       S <- S exp(-dt / tau)      for each time constant tau (none: a plain count)
    at the next answer:    S <- S lambda              for each lambda, time or no time

A fading count with the time constant of a day is the smooth version of "in the last day" (the windows of
DAS3H, Choffin et al. 2019), and unlike a window it is kept up with one multiplication; counts that fade by
the answer are those of R-PFA (Galyardt & Goldin 2015). Answers of one moment do not see each other.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

HOUR, DAY = 3600.0, 86_400.0
NEVER = -1.0  # the gap before a stream's first answer


@dataclass(frozen=True)
class Rates:
    """How fast counts fade. The columns of a state: `seconds`, then plain, then `steps`."""

    seconds: tuple[float, ...] = ()  # time constants tau
    steps: tuple[float, ...] = ()  # lambda, what an answer leaves of those before

    def __len__(self) -> int:
        return len(self.seconds) + 1 + len(self.steps)

    @property
    def plain(self) -> int:
        return len(self.seconds)

    def over(self, gap: np.ndarray) -> np.ndarray:
        """(...) seconds -> (..., len(self)) what is left after them; at a negative gap, all."""
        left = np.ones((*gap.shape, len(self)))
        if self.seconds:
            left[..., : self.plain] = np.exp(-np.maximum(gap, 0.0)[..., None] / np.array(self.seconds))
        return left

    def at_answers(self, n: np.ndarray) -> np.ndarray:
        """(m,) answers of one moment -> (m, len(self)) what they leave of those before."""
        left = np.ones((len(n), len(self)))
        left[:, self.plain + 1 :] = np.array(self.steps) ** n[:, None]
        return left


@dataclass(frozen=True)
class Moments:
    """Rows laid out as moments of streams, in rounds: each stream's first moment, its second, and so on."""

    order: np.ndarray  # (n,) the rows, by stream and moment
    starts: np.ndarray  # (g,) the first row of each moment, in `order`
    of_row: np.ndarray  # (n,) the moment of each row of `order`
    sizes: np.ndarray  # (g,)
    first: np.ndarray  # (g,) bool: no earlier moment of the stream
    rounds: list[np.ndarray]  # the moments of each round; the moment before g is g - 1

    @classmethod
    def of(cls, streams: np.ndarray, moments: np.ndarray) -> Self:
        """(n,) codes of streams, and codes that sort as the times do."""
        n = len(streams)
        order = np.lexsort((moments, streams))
        stream, moment = streams[order], moments[order]
        changed = begins(stream)
        new = changed | begins(moment)
        starts = np.flatnonzero(new)
        first = changed[starts]
        place = np.arange(len(starts))
        rank = place - np.maximum.accumulate(np.where(first, place, 0))
        by_rank = np.argsort(rank, kind="stable")
        rounds = np.split(by_rank, np.cumsum(np.bincount(rank))[:-1]) if n else []
        return cls(order, starts, np.cumsum(new) - 1, np.diff(np.r_[starts, n]), first, rounds)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(n, ...) of the rows -> (g, ...) summed within each moment."""
        return np.add.reduceat(values[self.order], self.starts, axis=0)

    def spread(self, found: np.ndarray) -> np.ndarray:
        """(g, ...) of the moments -> (n, ...) of the rows, in their own order."""
        out = np.empty((len(self.order), *found.shape[1:]))
        out[self.order] = found[self.of_row]
        return out


def before(
    streams: np.ndarray, moments: np.ndarray, seconds: np.ndarray, values: np.ndarray, rates: Rates
) -> tuple[np.ndarray, np.ndarray]:
    """What stands before each row: (n, v, len(rates)) states, (n,) seconds since the stream's last moment.

    streams, moments: (n,) codes; seconds: (n,); values: (n, v). The gap is NEVER where nothing was before.
    """
    if not len(streams):
        return np.zeros((0, values.shape[1], len(rates))), np.zeros(0)
    laid = Moments.of(streams, moments)
    sums = laid.sums(values)
    at = seconds[laid.order][laid.starts]
    gaps = np.where(laid.first, NEVER, np.r_[0.0, np.diff(at)])
    left, kept = rates.over(gaps), rates.at_answers(laid.sizes)
    states = np.zeros((*sums.shape, len(rates)))
    for now in laid.rounds[1:]:
        last = now - 1
        after = states[last] * kept[last][:, None] + sums[last][..., None]
        states[now] = after * left[now][:, None]
    return laid.spread(states), laid.spread(gaps)


def after(
    streams: np.ndarray,
    moments: np.ndarray,
    seconds: np.ndarray,
    values: np.ndarray,
    rates: Rates,
    now: float,
) -> tuple[np.ndarray, np.ndarray]:
    """What stands at `now`, later than all rows: (n_streams, v, len(rates)) states and (n_streams,) gaps.

    The same as `before` would give a row at `now`, as one sum instead of step by step.
    """
    n = int(streams.max(initial=-1)) + 1
    states, last = np.zeros((n, values.shape[1], len(rates))), np.full(n, -np.inf)
    if not n:
        return states, last
    order = np.lexsort((moments, streams))
    stream, moment, at = streams[order], moments[order], seconds[order]
    ends = np.searchsorted(stream, stream, side="right")  # of the row's stream
    new = begins(stream)
    changed = np.flatnonzero(new | begins(moment))
    sizes = np.diff(np.r_[changed, len(order)])
    later = ends - np.repeat(changed + sizes, sizes)  # answers of the stream at later moments
    left = rates.over(now - at) * rates.at_answers(later)
    starts = np.flatnonzero(new)
    here = stream[starts]
    states[here] = np.add.reduceat(values[order][:, :, None] * left[:, None, :], starts, axis=0)
    last[here] = at[ends[starts] - 1]
    return states, np.maximum(now - last, 0.0)


def begins(sorted_codes: np.ndarray) -> np.ndarray:
    """(n,) bool: where a run of equal codes begins."""
    new = np.ones(len(sorted_codes), dtype=bool)
    new[1:] = sorted_codes[1:] != sorted_codes[:-1]
    return new


class State:
    """The same, kept up: streams in an array of any shape, all empty at first."""

    def __init__(self, shape: tuple[int, ...], n_values: int, rates: Rates) -> None:
        self.rates = rates
        self.counts = np.zeros((*shape, n_values, len(rates)))
        self.last = np.full(shape, np.nan)  # seconds since 1970

    def at(self, where: tuple[np.ndarray | slice, ...], seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(counts, gaps) of the streams `where`, as `before` gives them at `seconds` (which broadcasts)."""
        gap = np.nan_to_num(np.maximum(seconds - self.last[where], 0.0), nan=NEVER)
        return self.counts[where] * self.rates.over(gap)[..., None, :], gap

    def add(self, where: tuple[np.ndarray, ...], seconds: np.ndarray, values: np.ndarray) -> None:
        """An answer with `values` (m, v) on each of the m streams `where`, no stream twice."""
        counts, _ = self.at(where, seconds)
        one = self.rates.at_answers(np.ones(1))[0]
        self.counts[where] = counts * one + values[..., None]
        self.last[where] = seconds
