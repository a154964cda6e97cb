"""Times spent on items in, those out that nobody spends: a tab left open over lunch is not learning.

    item_id     duration_s
    school:q17  14.0, 22.0, 31.0, 18.0, …, 5400.0

    limit of school:q17: 190 s; the 5400 becomes NA

A time beyond its item's limit becomes NA and never the limit itself: a capped time would be one that we
made up. The limit is the median times exp(3.5 sigma) of the item's times, where sigma is 1.4826 times the
median absolute deviation of their logarithms: the modified z-score of 3.5 of Iglewicz & Hoaglin (1993), on
the scale on which times spent are about normal. Fewer than 30 times tell no limit: then that of the kind
of item holds, or that of all, and never less than 30 minutes, after which the field takes a learner to be
away (Catledge & Pitkow 1995 found 25.5 minutes; how much hangs on it: Kovanovic et al. 2015).

What a limit needs of the data is a histogram, and those of two parts add up: see `merged`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

AWAY_S = 30 * 60.0
ENOUGH = 30  # times of an item that tell its own limit
FAR = 3.5  # modified z-score
MIN_SIGMA = 0.5  # where all take equally long, somewhat longer is still no outlier
LEAST_S = 60.0  # no limit is below a minute
BINS = 16  # to each doubling: a bin is 4.4% wide
OUTLIER = "dwell time that nobody spends on the item left empty"
STATISTICS = ("item_id", "bin", "n")


@dataclass(frozen=True)
class Limits:
    """Seconds, by item; `default_s` for the others."""

    by_item: Mapping[str, float] = field(default_factory=dict)
    default_s: float = AWAY_S

    def of(self, item_id: pd.Series) -> pd.Series:
        return item_id.map(pd.Series(dict(self.by_item), dtype="float64")).fillna(self.default_s)


def statistics(events: pd.DataFrame) -> pd.DataFrame:
    """STATISTICS of item_id and duration_s: how many times lie in which bin; NA and 0 count nowhere."""
    told = events.loc[(events["duration_s"] > 0).fillna(False), ["item_id", "duration_s"]]
    bins = np.floor(np.log2(told["duration_s"].to_numpy(dtype=float)) * BINS).astype(np.int64)
    frame = pd.DataFrame({"item_id": told["item_id"].to_numpy(), "bin": bins})
    return frame.groupby(["item_id", "bin"], as_index=False, sort=True).size().set_axis(STATISTICS, axis=1)


def merged(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """STATISTICS of all parts together."""
    frames = [part for part in parts if len(part)] or [pd.DataFrame(columns=list(STATISTICS))]
    return pd.concat(frames).groupby(["item_id", "bin"], as_index=False, sort=True)["n"].sum()


def dwell_limits(told: pd.DataFrame, kinds: Mapping[str, str] | None = None) -> Limits:
    """told: STATISTICS of the whole data set. kinds: kind by item_id, where known."""
    if told.empty:
        return Limits()
    total = told.groupby("item_id")["n"].sum()
    own = told[told["item_id"].map(total) >= ENOUGH]
    by_item = _bounds(own, "item_id").clip(lower=LEAST_S).to_dict()
    every = told.assign(all=0, kind=told["item_id"].map(dict(kinds or {})))
    default = max(AWAY_S, _bounds(every, "all").get(0, AWAY_S)) if total.sum() >= ENOUGH else AWAY_S
    of_kind = every.dropna(subset="kind")
    enough = of_kind.groupby("kind")["n"].sum()
    bounds = _bounds(of_kind[of_kind["kind"].map(enough) >= ENOUGH], "kind").clip(lower=AWAY_S)
    by_item |= {
        item_id: bounds[kind]
        for item_id, kind in (kinds or {}).items()
        if kind in bounds and item_id not in by_item
    }
    return Limits(by_item, float(default))


def outliers(events: pd.DataFrame, limits: Limits) -> pd.Series:
    """Which times (duration_s, seconds) lie beyond the limits of their items; NA does not.

    >>> events = pd.DataFrame({"item_id": ["s:q", "s:q"], "duration_s": [40.0, 5400.0]})
    >>> outliers(events, Limits({"s:q": 190.0})).tolist()
    [False, True]
    """
    return (events["duration_s"] > limits.of(events["item_id"])).fillna(False).astype(bool)


def drop_outliers(events: pd.DataFrame, limits: Limits) -> tuple[pd.DataFrame, pd.Series]:
    """(the events, outlying times NA; which those are). No row is dropped, and one frame is any part of all.

    >>> events = pd.DataFrame({"item_id": ["s:q", "s:q"], "duration_s": [40.0, 5400.0]})
    >>> drop_outliers(events, Limits({"s:q": 190.0}))[0]["duration_s"].tolist()
    [40.0, nan]
    """
    beyond = outliers(events, limits)
    return events.assign(duration_s=events["duration_s"].mask(beyond)), beyond


def _bounds(told: pd.DataFrame, by: str) -> pd.Series:
    """median * exp(FAR * sigma) for each value of column `by`, from bins and counts."""
    if told.empty:
        return pd.Series(dtype="float64")
    octaves = (told["bin"].astype("float64") + 0.5) / BINS
    values = pd.DataFrame({"group": told[by].to_numpy(), "at": octaves.to_numpy(), "n": told["n"].to_numpy()})
    middle = _medians(values)
    away = values.assign(at=(values["at"] - values["group"].map(middle)).abs())
    sigma = (1.4826 * _medians(away)).clip(lower=MIN_SIGMA / np.log(2))
    return np.exp2(middle + FAR * sigma)


def _medians(values: pd.DataFrame) -> pd.Series:
    """The lower median of `at`, each counted `n` times, by `group`."""
    ordered = values.sort_values(["group", "at"], kind="stable")
    up_to = ordered.groupby("group")["n"].cumsum()
    half = (ordered.groupby("group")["n"].transform("sum") + 1) // 2
    return ordered[up_to >= half].drop_duplicates("group").set_index("group")["at"]
