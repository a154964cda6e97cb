"""How good a ranking is, learner by learner, and how sure we can be of the mean.

With R the first k recommended items of a learner, T the relevant ones, rel_i = [R_i in T], k at most the
number of items there are:
    precision = |R and T| / k          recall = |R and T| / |T|          hit = [|R and T| > 0]
    ndcg = sum_i rel_i / log2(i + 1)  /  sum_{i <= min(k, |T|)} 1 / log2(i + 1)
    map  = sum_i rel_i precision@i  /  min(k, |T|)          mrr = 1 / (the place of the first hit), else 0
(Järvelin & Kekäläinen 2002, with gains of 0 and 1; Manning et al. 2008, chapter 8). A learner is the unit
of every interval and test: the events of one learner are not independent.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.grouped import Grouped, distinct

METRICS = ("precision", "recall", "ndcg", "hit", "map", "mrr")
LEVEL = 0.95
BLOCK = 64  # resamples at a time: 64 x 100,000 learners are 51 MB


@dataclass(frozen=True)
class Relevance:
    """What n learners found relevant, against a catalogue of n_items columns.

    keys: row * n_items + column of each relevant item of the catalogue, sorted. sizes: (n,) relevant items
    a learner, those outside the catalogue included: nothing that ranks the catalogue can hit them.
    """

    keys: np.ndarray
    sizes: np.ndarray
    n_items: int

    @classmethod
    def of(cls, relevant: Sequence[Collection[str]], item_ids: Sequence[str] | np.ndarray) -> Self:
        """relevant: a set of items a learner. item_ids: the catalogue in the order of its columns."""
        sizes = np.fromiter((len(set(items)) for items in relevant), np.int64, len(relevant))
        names = list(chain.from_iterable(set(items) for items in relevant))
        columns = pd.Index(np.asarray(item_ids, dtype=object)).get_indexer(pd.Index(names, dtype=object))
        rows = np.repeat(np.arange(len(sizes)), sizes)
        known = columns >= 0
        keys = rows[known] * max(len(item_ids), 1) + columns[known]
        return cls(np.sort(keys), sizes, max(len(item_ids), 1))

    @classmethod
    def grouped(cls, relevant: Grouped[Any], item_ids: Sequence[str] | np.ndarray) -> Self:
        """`of`, from arrays: a row a learner of `relevant`, in which an item may be more than once."""
        width = max(len(relevant.names), 1)
        pairs = distinct(relevant.rows * width + relevant.codes)
        place = pd.Index(np.asarray(item_ids, dtype=object)).get_indexer(
            pd.Index(relevant.names, dtype=object)
        )
        rows, columns = pairs // width, place[pairs % width]
        known = columns >= 0
        keys = np.sort(rows[known] * max(len(item_ids), 1) + columns[known])
        return cls(keys, np.bincount(rows, minlength=len(relevant)), max(len(item_ids), 1))

    @property
    def rows(self) -> np.ndarray:
        return self.keys // self.n_items

    @property
    def columns(self) -> np.ndarray:
        return self.keys % self.n_items

    @property
    def reachable(self) -> np.ndarray:
        """(n,) relevant items of the catalogue, a learner."""
        return np.bincount(self.rows, minlength=len(self.sizes))

    def within(self, members: np.ndarray, outside: bool = False) -> "Relevance":
        """Only the items of `members` (n_items,) of bool; with `outside`, also those the catalogue lacks."""
        keys = self.keys[members[self.columns]]
        sizes = np.bincount(keys // self.n_items, minlength=len(self.sizes))
        return Relevance(keys, sizes + (self.sizes - self.reachable if outside else 0), self.n_items)

    def hits(self, columns: np.ndarray) -> np.ndarray:
        """(n, k) of bool, for columns (n, k) of the catalogue, best first; -1 is a miss."""
        if not len(self.keys):
            return np.zeros(columns.shape, dtype=bool)
        asked = np.arange(len(columns))[:, None] * self.n_items + columns
        place = np.minimum(np.searchsorted(self.keys, asked), len(self.keys) - 1)
        return (self.keys[place] == asked) & (columns >= 0)


def metrics(hits: np.ndarray, sizes: np.ndarray, k: int) -> pd.DataFrame:
    """Columns METRICS, a row a learner; NaN where nothing was relevant. hits: (n, at most k), sizes: (n,)."""
    if k < 1 or hits.shape[1] > k:
        raise BadInput(f"k is {k}, and a list has {hits.shape[1]} items", field="k")
    hits = np.pad(hits, ((0, 0), (0, k - hits.shape[1]))).astype(float)
    places = np.arange(1, k + 1)
    discounts = 1 / np.log2(places + 1)
    sizes = np.where(sizes > 0, sizes, np.nan)
    best = np.minimum(sizes, k)
    ideal = np.append(np.cumsum(discounts), np.nan)[np.where(sizes > 0, best - 1, k).astype(int)]
    found = hits.sum(axis=1)
    first = np.where(found > 0, hits.argmax(axis=1) + 1.0, np.inf)
    asked = np.where(sizes > 0, 1.0, np.nan)
    return pd.DataFrame(
        {
            "precision": asked * found / k,
            "recall": found / sizes,
            "ndcg": hits @ discounts / ideal,
            "hit": asked * (found > 0),
            "map": (hits * np.cumsum(hits, axis=1) / places).sum(axis=1) / best,
            "mrr": asked / first,
        }
    )


def ranking_metrics(
    recommended: Mapping[str, Sequence[str]],
    relevant: Mapping[str, Collection[str]],
    n_items: int,
    k: int = 10,
) -> pd.DataFrame:
    """One row a learner with something relevant, index learner_id (sorted); columns METRICS, n_relevant.

    A learner without recommendations scores 0. `n_items` is the size of the catalogue: k is at most
    that. Raises NothingToDo where nobody has anything relevant, BadInput on a list that repeats an item.
    """
    k = min(k, n_items)
    if k < 1:
        raise BadInput(f"k and n_items must be at least 1, not {k}", field="k")
    learners = sorted(learner for learner, items in relevant.items() if len(items) > 0)
    if not learners:
        raise NothingToDo("no learner has a relevant item to rank", "learnloop evaluate --help")
    lists = [list(recommended.get(learner, ())[:k]) for learner in learners]
    repeats = next((items for items in lists if len(set(items)) < len(items)), None)
    if repeats is not None:
        raise BadInput(f"a recommended list repeats an item: {repeats}", field="recommended")
    item_ids = sorted(set(chain.from_iterable(lists)))
    column = {item_id: place for place, item_id in enumerate(item_ids)}
    columns = np.full((len(lists), k), -1)
    for row, items in enumerate(lists):
        columns[row, : len(items)] = [column[item_id] for item_id in items]
    asked = Relevance.of([relevant[learner] for learner in learners], item_ids)
    found = metrics(asked.hits(columns), asked.sizes, k)
    found.index = pd.Index(learners, name="learner_id", dtype=str)
    return found.assign(n_relevant=asked.sizes)


def resampled_means(values: np.ndarray, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """values: (n, n_columns). Returns (n_resamples, n_columns): means of rows drawn with replacement.

    A NaN is no row of its column: the mean is over the others that were drawn.
    """
    n = len(values)
    there = ~np.isnan(values)
    whole = bool(there.all())
    filled = values if whole else np.where(there, values, 0.0)
    weights = there.astype(float)
    means = np.empty((n_resamples, values.shape[1]))
    for start in range(0, n_resamples, BLOCK):
        size = min(BLOCK, n_resamples - start)
        drawn = rng.integers(0, n, size=(size, n), dtype=np.int32)
        # Which rows were drawn matters only through how often.
        counts = np.stack([np.bincount(rows, minlength=n) for rows in drawn]).astype(float)
        with np.errstate(invalid="ignore"):
            means[start : start + size] = counts @ filled / (n if whole else counts @ weights)
    return means


def interval(samples: np.ndarray) -> tuple[float, float]:
    """The central 95% of `samples` (percentile bootstrap, Efron & Tibshirani 1993)."""
    low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def means(per_learner: pd.DataFrame, n_bootstrap: int = 500, seed: int = 0) -> dict[str, dict[str, float]]:
    """column -> {value, low, high}: the mean over learners with its 95% bootstrap interval.

    NaN says that a column does not apply to a learner; a column that applies to nobody is left out. Columns
    of one call share their resamples, so it is cheaper than a call a column.
    """
    frame = per_learner.loc[:, per_learner.notna().any()]
    if frame.empty:
        return {}
    values = frame.to_numpy(float)
    samples = resampled_means(values, n_bootstrap, np.random.default_rng(seed))
    found = {}
    for column, name in enumerate(frame.columns):
        drawn = samples[:, column]
        low, high = interval(drawn[~np.isnan(drawn)])
        found[name] = {"value": float(np.nanmean(values[:, column])), "low": low, "high": high}
    return found


def summary(per_learner: pd.DataFrame, n_bootstrap: int = 500, seed: int = 0) -> dict[str, dict[str, float]]:
    """`means` of the METRICS of `per_learner`, as from `ranking_metrics`. Raises NothingToDo without rows."""
    names = [name for name in METRICS if name in per_learner]
    if per_learner.empty or not names:
        raise NothingToDo("no learners to summarise", "learnloop evaluate --help")
    return means(per_learner[names], n_bootstrap, seed)


def paired_difference(a: pd.Series, b: pd.Series, n_resamples: int = 2000, seed: int = 0) -> dict[str, float]:
    """{value, low, high, p_value} of mean(a - b) over the learners of both (equal index, any order).

    The interval is a paired bootstrap; the p-value a two-sided sign-flip permutation test of "no
    difference", (1 + as extreme) / (1 + resamples), so never 0. Raises BadInput where the learners
    differ, NothingToDo without any.
    """
    return paired_differences(a, {"b": b}, n_resamples, seed)["b"]


def paired_differences(
    a: pd.Series, others: Mapping[str, pd.Series], n_resamples: int = 2000, seed: int = 0
) -> dict[str, dict[str, float]]:
    """`paired_difference` of a and each of the others, on the same resamples."""
    for b in others.values():
        if (
            len(a) != len(b)
            or not a.index.is_unique
            or not a.index.sort_values().equals(b.index.sort_values())
        ):
            raise BadInput("the two models were not measured on the same learners", field="learner_id")
    if a.empty:
        raise NothingToDo("no learners to compare on", "learnloop evaluate --help")
    if not others:
        return {}
    difference = np.column_stack([(a - b.reindex(a.index)).to_numpy(float) for b in others.values()])
    rng = np.random.default_rng(seed)
    samples = resampled_means(difference, n_resamples, rng)
    observed = difference.mean(axis=0)
    extreme = np.zeros(len(observed), dtype=int)
    for start in range(0, n_resamples, BLOCK):
        flips = rng.integers(0, 2, size=(min(BLOCK, n_resamples - start), len(difference)), dtype=np.int8)
        flipped = (2.0 * flips - 1.0) @ difference / len(difference)
        # A flip that changes nothing is as extreme, whatever the last bit of the sum says.
        extreme += (np.abs(flipped) >= np.abs(observed) - 1e-12).sum(axis=0)
    found = {}
    for column, name in enumerate(others):
        low, high = interval(samples[:, column])
        p_value = float(1 + extreme[column]) / (1 + n_resamples)
        found[name] = {"value": float(observed[column]), "low": low, "high": high, "p_value": p_value}
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for how many tests there were (Holm 1979), in the order given.

    With p sorted: p_holm_(i) = max_{j <= i} min(1, (m - j + 1) p_(j))
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    raised = np.minimum(p[order] * np.arange(len(p), 0, -1), 1.0)
    found = np.empty(len(p))
    found[order] = np.maximum.accumulate(raised) if len(p) else raised
    return [float(value) for value in found]


def coverage(recommended: Mapping[str, Sequence[str]], n_items: int, k: int = 10) -> float:
    """The share of the catalogue that is among the first k of at least one learner."""
    shown = {item_id for items in recommended.values() for item_id in items[:k]}
    return len(shown) / n_items if n_items else 0.0


def mean_popularity(
    recommended: Mapping[str, Sequence[str]], popularity: Mapping[str, int], k: int = 10
) -> float:
    """The mean number of learners who did an item recommended among the first k (0 without any)."""
    shown = [popularity.get(item_id, 0) for items in recommended.values() for item_id in items[:k]]
    return float(np.mean(shown)) if shown else 0.0
