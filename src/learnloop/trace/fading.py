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
        left = np.ones((len(self), *gap.shape))  # in memory a rate after the other, for speed
        if self.seconds:
            tau = np.array(self.seconds).reshape(-1, *(1,) * gap.ndim)
            np.exp(np.maximum(gap, 0.0) / -tau, out=left[: self.plain])
        return left.transpose(*range(1, left.ndim), 0)

    def at_answers(self, n: np.ndarray) -> np.ndarray:
        """(m,) answers of one moment -> (m, len(self)) what they leave of those before."""
        left = np.ones((len(self), len(n)))
        if self.steps:
            powers = np.array(self.steps)[:, None] ** np.arange(n.max(initial=0) + 1)
            left[self.plain + 1 :] = powers[:, n]
        return left.T


@dataclass(frozen=True)
class Moments:
    """Rows laid out as moments of streams: by stream, within it by time."""

    order: np.ndarray  # (n,) the rows, by stream and moment
    starts: np.ndarray  # (g,) the first row of each moment, in `order`
    of_row: np.ndarray  # (n,) the moment of each row of `order`
    sizes: np.ndarray  # (g,)
    first: np.ndarray  # (g,) bool: no earlier moment of the stream

    @classmethod
    def of(cls, streams: np.ndarray, moments: np.ndarray) -> Self:
        """(n,) codes of streams, and codes that sort as the times do."""
        n = len(streams)
        order = ordered(streams, moments)
        stream, moment = streams[order], moments[order]
        changed = begins(stream)
        new = changed | begins(moment)
        starts = np.flatnonzero(new)
        return cls(order, starts, np.cumsum(new) - 1, np.diff(np.r_[starts, n]), changed[starts])

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(n, ...) of the rows -> (g, ...) summed within each moment."""
        laid = values[self.order]
        return laid if len(self.starts) == len(laid) else np.add.reduceat(laid, self.starts, axis=0)

    def spread(self, found: np.ndarray) -> np.ndarray:
        """(g, ...) of the moments -> (n, ...) of the rows, in their own order; the memory keeps its order."""
        place = np.empty_like(self.order)
        place[self.order] = self.of_row
        return np.take(found.T, place, axis=-1).T


def before(
    streams: np.ndarray, moments: np.ndarray, seconds: np.ndarray, values: np.ndarray, rates: Rates
) -> tuple[np.ndarray, np.ndarray]:
    """What stands before each row: (n, v, len(rates)) states, (n,) seconds since the stream's last moment.

    streams, moments: (n,) codes; seconds: (n,); values: (n, v). The gap is NEVER where nothing was before.
    """
    if not len(streams):
        return np.zeros((0, values.shape[1], len(rates))), np.zeros(0)
    laid = Moments.of(streams, moments)
    at = seconds[laid.order][laid.starts]
    gaps = np.where(laid.first, NEVER, np.r_[0.0, np.diff(at)])
    # what is there before a moment = left · (kept · what was before the last one + what that one adds)
    left, kept = rates.over(gaps[1:]).T, rates.at_answers(laid.sizes[:-1]).T  # (R, g - 1)
    added = np.ascontiguousarray(laid.sums(values)[:-1].T)
    goes_on = ~laid.first[1:]
    states = np.zeros((len(rates), len(added), len(at)))
    for number in range(len(rates)):
        share = left[number] * goes_on
        states[number, :, 1:] = _chained(share * kept[number], share * added)
    return laid.spread(states.transpose(2, 1, 0)), laid.spread(gaps)


def _chained(factors: np.ndarray, added: np.ndarray) -> np.ndarray:
    """S_i = factors_i S_(i-1) + added_i, from nothing: (m,) and (v, m) -> (v, m).

    A system of equations with two diagonals, 1 and -factors. LAPACK solves it from the top in one pass, which
    is the same arithmetic as step by step, not in Python.
    """
    from scipy.linalg.lapack import dtbtrs

    if not added.size:
        return added
    bands = np.ones((2, len(factors)), order="F")
    bands[1, :-1] = -factors[1:]
    return np.asarray(dtbtrs(bands, added.T, uplo="L", diag="U", overwrite_b=1)[0]).T


def ordered(streams: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """(n,) the rows by stream, and within it by moment; rows of one moment as they stand."""
    n_moments = int(moments.max(initial=0)) + 1
    if int(streams.max(initial=0)) >= 2**62 // n_moments:  # no number holds both
        return np.lexsort((moments, streams))
    # a stable sort is quick where much is in order already, as answers mostly come
    return np.argsort(streams * n_moments + moments, kind="stable")


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
    order = ordered(streams, moments)
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
        one = self.rates.at_answers(np.ones(1, dtype=np.int64))[0]
        self.counts[where] = counts * one + values[..., None]
        self.last[where] = seconds
