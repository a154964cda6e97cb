"""Events in, those out that say again what was said a moment before.

    learner_id  item_id     verb      correct  occurred_at
    4a08b215…   school:q17  answered  True     2025-02-03T10:00:00.0Z   kept
    4a08b215…   school:q17  answered  True     2025-02-03T10:00:00.7Z   a repeat: a button pressed twice
    4a08b215…   school:q17  answered  False    2025-02-03T10:00:01.5Z   kept: another answer

Two seconds, because of what lies on both sides: among 87,210 answers of EdNet 17 come again with the same
result in the same second, 2 more within the next, then none until half a minute has gone by. Of 22,000
xAPI video statements 42 repeat actor, verb, video and result within 2 s, and 22 more within a minute.
Both files are out of order, as logs of several servers are: so the one that stays is the first of the file,
and a repeat may lie before it in time.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from learnloop.prepare.hashing import mixed

WINDOW_S = 2.0
REPEAT = "repeat within 2 s"
SAME = ("item_id", "verb", "correct", "score")  # what makes two events of one learner alike
MINUTE = 60_000_000  # microseconds


def repeats(events: pd.DataFrame, window_s: float = WINDOW_S, detail: pd.Series | None = None) -> np.ndarray:
    """(n,) bool: is there an event alike, of its learner, at most `window_s` away and earlier in the frame?

    events: learner_id, SAME, occurred_at; all events of their learners, in any order. detail: (n,) what
    else must be equal (the position in a video). Equal times on a full minute are no repeats: the source may
    not know seconds (OULAD knows days). A repeat may have a repeat: only the first of a burst is kept.

    >>> at = pd.to_datetime(["2025-02-03T10:00:00.1Z", "2025-02-03T10:00:00.8Z", "2025-02-03T10:00:09.0Z"])
    >>> said = {"learner_id": "l", "item_id": "s:q", "verb": "answered", "correct": True, "score": 1.0}
    >>> repeats(pd.DataFrame(said, index=range(3)).assign(occurred_at=at)).tolist()
    [False, True, False]
    """
    found = np.zeros(len(events), dtype=bool)
    if len(events) < 2:
        return found
    learner, micros = pd.factorize(events["learner_id"])[0], _micros(events)
    window = round(window_s * 1_000_000)
    order = np.lexsort((micros, learner))
    close = (np.diff(learner[order]) == 0) & (np.diff(micros[order]) <= window)
    if not close.any():
        return found
    # Almost no event has another within the window: only those that have are compared in full.
    near = np.append(close, False) | np.insert(close, 0, False)
    rows = order[near]
    few = events.iloc[rows]
    keys = [learner[rows], *(pd.factorize(few[name], use_na_sentinel=False)[0] for name in SAME)]
    if detail is not None:
        keys.append(pd.factorize(detail.iloc[rows], use_na_sentinel=False)[0])
    alike = np.lexsort((micros[rows], *keys))
    rows, times = rows[alike], micros[rows][alike]
    gap = np.diff(times)
    linked = np.all([np.diff(key[alike]) == 0 for key in keys], axis=0) & (gap <= window)
    # Times along the chains of linked events; what is not linked lies further apart than the window.
    at = np.insert(np.cumsum(np.where(linked, gap, window + 1)), 0, 0)
    edges = (
        np.searchsorted(at, np.stack([at - window, at])),
        np.searchsorted(at, np.stack([at, at + window]), "right"),
    )
    (start, same_start), (same_end, end) = edges
    least = _Least(rows)
    first = np.minimum(least.within(start, same_start), least.within(same_end, end))
    at_once = np.where(times % MINUTE == 0, rows, least.within(same_start, same_end))
    found[rows] = np.minimum(first, at_once) < rows
    return found


def debounce(events: pd.DataFrame, window_s: float = WINDOW_S) -> tuple[pd.DataFrame, np.ndarray]:
    """(events without repeats, which were dropped). events: as for `repeats`."""
    dropped = repeats(events, window_s)
    return events[~dropped], dropped


@dataclass
class Repeats:
    """The same for a file in chunks, whose cuts change nothing, at 16 bytes an event.

    Time is cut into windows. Of each window that an event fell into it is remembered when the first and the
    last like it came: sorted runs of a 64-bit hash, merged when two are of a size.
    """

    window_s: float = WINDOW_S
    runs: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)

    def mark(self, events: pd.DataFrame, detail: pd.Series | None = None) -> pd.Series:
        """Which of `events` are repeats of one another or of former chunks', bool on their index."""
        found = repeats(events, self.window_s, detail)
        if len(events):
            width = max(1, round(self.window_s * 1_000_000))
            key, micros = _hashes(events, detail), _micros(events)
            number, after = np.divmod(micros, width)
            number, after = number.astype(np.uint64), after.astype(np.uint32)
            here = mixed(key + number)
            for keys, first, last in self.runs:
                there, at = _looked_up(keys, here)
                other = (first[at] != after) | (last[at] != after) | (micros % MINUTE != 0)
                found |= there & other
                there, at = _looked_up(keys, mixed(key + number - np.uint64(1)))
                found |= there & (last[at] >= after)
                there, at = _looked_up(keys, mixed(key + number + np.uint64(1)))
                found |= there & (first[at] <= after)
            self._remember(here, after, after)
        return pd.Series(found, index=events.index)

    def _remember(self, keys: np.ndarray, first: np.ndarray, last: np.ndarray) -> None:
        self.runs.append(_run(keys, first, last))
        while len(self.runs) > 1 and len(self.runs[-2][0]) <= 2 * len(self.runs[-1][0]):
            pair = self.runs.pop(), self.runs.pop()
            self.runs.append(_run(*(np.concatenate(columns) for columns in zip(*pair, strict=True))))


def _run(keys: np.ndarray, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.append(True, keys[order[1:]] != keys[order[:-1]]))
    return (
        keys[order][starts],
        np.minimum.reduceat(first[order], starts),
        np.maximum.reduceat(last[order], starts),
    )


def _looked_up(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(is it there, where): keys sorted, not empty."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return keys[at] == wanted, at


class _Least:
    """The least value of any stretch of an array, by the least of stretches of 1, 2, 4, … from everywhere."""

    def __init__(self, values: np.ndarray) -> None:
        self.levels = [values]
        step = 1
        while 2 * step <= len(values):
            level = self.levels[-1]
            self.levels.append(np.minimum(level[:-step], level[step:]))
            step *= 2

    def within(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Of values[start:end], by row; the largest integer where that is empty."""
        least = np.full(len(start), np.iinfo(np.int64).max)
        power = np.frexp(np.maximum(end - start, 1))[1] - 1
        for n, level in enumerate(self.levels):
            rows = np.flatnonzero((power == n) & (end > start))
            if len(rows):
                least[rows] = np.minimum(level[start[rows]], level[end[rows] - (1 << n)])
        return least


def _micros(events: pd.DataFrame) -> np.ndarray:
    return events["occurred_at"].to_numpy(dtype="datetime64[us]").view(np.int64)


def _hashes(events: pd.DataFrame, detail: pd.Series | None) -> np.ndarray:
    """(n,) uint64 of what makes events alike, equal in every chunk."""
    total = np.zeros(len(events), dtype=np.uint64)
    for column in [*(events[name] for name in ("learner_id", *SAME)), *([] if detail is None else [detail])]:
        codes, names = pd.factorize(column, use_na_sentinel=False)
        texts = pd.Series(names).astype("str").fillna("").to_numpy(dtype=object)
        total = mixed(total) + pd.util.hash_array(texts, categorize=False)[codes]
    return mixed(total)
