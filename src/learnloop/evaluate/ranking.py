"""How good a ranking is, learner by learner, and how sure we can be of the mean.

With R the first k recommended items of a learner, T the relevant ones, rel_i = [R_i in T]:
    precision = |R and T| / k          recall = |R and T| / |T|          hit = [|R and T| > 0]
    ndcg = sum_i rel_i / log2(i + 1)  /  sum_{i <= min(k, |T|)} 1 / log2(i + 1)
(Järvelin & Kekäläinen 2002, with gains of 0 and 1). A learner is the unit of every interval and test:
the events of one learner are not independent.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, NothingToDo

METRICS = ("precision", "recall", "ndcg", "hit")
LEVEL = 0.95
BLOCK = 64  # resamples at a time: 64 x 100,000 learners are 51 MB


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
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)
    rows = [_one(recommended.get(learner, ()), set(relevant[learner]), k, discounts) for learner in learners]
    hits, gains, sizes = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    return pd.DataFrame(
        {
            "precision": hits / k,
            "recall": hits / sizes,
            "ndcg": gains / ideal[np.minimum(sizes, k).astype(int) - 1],
            "hit": (hits > 0).astype(float),
            "n_relevant": sizes.astype(int),
        },
        index=pd.Index(learners, name="learner_id", dtype=str),
    )


def _one(
    recommended: Sequence[str], relevant: set[str], k: int, discounts: np.ndarray
) -> tuple[int, float, int]:
    """(hits, discounted gain, number of relevant items) of one learner."""
    first = list(recommended[:k])
    if len(set(first)) < len(first):
        raise BadInput(f"a recommended list repeats an item: {first}", field="recommended")
    places = [place for place, item_id in enumerate(first) if item_id in relevant]
    return len(places), float(discounts[places].sum()), len(relevant)


def resampled_means(values: np.ndarray, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """values: (n, n_columns). Returns (n_resamples, n_columns): means of rows drawn with replacement."""
    n = len(values)
    means = []
    for start in range(0, n_resamples, BLOCK):
        size = min(BLOCK, n_resamples - start)
        # Which rows were drawn matters only through how often: Multinomial(n, 1/n).
        counts = rng.multinomial(n, np.full(n, 1 / n), size=size)
        means.append(counts @ values / n)
    return np.vstack(means)


def interval(samples: np.ndarray) -> tuple[float, float]:
    """The central 95% of `samples` (percentile bootstrap, Efron & Tibshirani 1993)."""
    low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def summary(per_learner: pd.DataFrame, n_bootstrap: int = 500, seed: int = 0) -> dict[str, dict[str, float]]:
    """metric -> {value, low, high}: the mean over learners with its 95% bootstrap interval.

    `per_learner` as from `ranking_metrics`. Raises NothingToDo without rows.
    """
    names = [name for name in METRICS if name in per_learner]
    if per_learner.empty or not names:
        raise NothingToDo("no learners to summarise", "learnloop evaluate --help")
    values = per_learner[names].to_numpy(float)
    means = resampled_means(values, n_bootstrap, np.random.default_rng(seed))
    found = {}
    for column, name in enumerate(names):
        low, high = interval(means[:, column])
        found[name] = {"value": float(values[:, column].mean()), "low": low, "high": high}
    return found


def paired_difference(a: pd.Series, b: pd.Series, n_resamples: int = 2000, seed: int = 0) -> dict[str, float]:
    """{value, low, high, p_value} of mean(a - b) over the learners of both (equal index, any order).

    The interval is a paired bootstrap; the p-value a two-sided sign-flip permutation test of "no
    difference", (1 + as extreme) / (1 + resamples), so never 0. Raises BadInput where the learners
    differ, NothingToDo without any.
    """
    if len(a) != len(b) or not a.index.is_unique or set(a.index) != set(b.index):
        raise BadInput("the two models were not measured on the same learners", field="learner_id")
    if a.empty:
        raise NothingToDo("no learners to compare on", "learnloop evaluate --help")
    difference = (a - b.loc[a.index]).to_numpy(float)
    rng = np.random.default_rng(seed)
    low, high = interval(resampled_means(difference[:, None], n_resamples, rng)[:, 0])
    observed = float(difference.mean())
    extreme = 0
    for start in range(0, n_resamples, BLOCK):
        flips = rng.integers(0, 2, size=(min(BLOCK, n_resamples - start), len(difference)), dtype=np.int8)
        means = (2.0 * flips - 1.0) @ difference / len(difference)
        # A flip that changes nothing is as extreme, whatever the last bit of the sum says.
        extreme += int((np.abs(means) >= abs(observed) - 1e-12).sum())
    return {"value": observed, "low": low, "high": high, "p_value": (1 + extreme) / (1 + n_resamples)}


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
