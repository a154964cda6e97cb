"""What a list is like besides right: how varied, how novel, how popular, how much like the learner.

Rankings come as columns (n, k) of the catalogue's items, best first, -1 where a list is shorter or holds
something that the catalogue lacks. `counts` (n_items,) are the training learners of each item.
    novelty = mean over the list of -log2(counts_i / n_learners)                          (Zhou et al. 2010)
    intra_list_diversity = 1 - mean over pairs of cos(v_i, v_j)                        (Ziegler et al. 2005)
    calibration_kl = sum_g p_g log(p_g / q~_g), q~ = (1 - a) q + a p, a = 0.01               (Steck 2018)
    gini = sum_i (2 i - n - 1) x_i / (n sum_i x_i), x sorted: 0 all items alike, 1 one item alone
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

SMOOTHING = 0.01  # a of Steck's q~: a share of 0 in a list is no infinity
PAIRS = 5_000_000  # pairs of items in lists that are looked at, 500 MB; beyond, every nth learner
PRODUCTS = 300_000_000  # multiplications of the co-occurrences; beyond, every nth training learner
CELLS = 1 << 24  # of a dense block: 64 MB of float32


def of_lists(
    columns: np.ndarray, counts: np.ndarray, n_learners: int, histories: csr_matrix, classes: csr_matrix
) -> pd.DataFrame:
    """Per learner: novelty, average_popularity, popularity_lift, calibration_kl; NaN where there is nothing.

    histories: (n, n_items), what each learner did before, 1 an item. classes: (n_items, n_classes) whose
    mix should be the learner's own; rows sum to 1, or to 0 where the class of an item is not known.
    popularity_lift is (popularity of the list - that of the history) / the mean of all histories, so its
    mean is the lift of Abdollahpouri et al. (2019); learners without a history have none.
    """
    shown = columns >= 0
    listed = np.where(shown, counts[columns], 0).astype(float)
    sizes = np.where(shown.any(axis=1), shown.sum(axis=1), np.nan)
    with np.errstate(divide="ignore"):
        surprise = np.where(shown & (listed > 0), -np.log2(np.maximum(listed, 1) / max(n_learners, 1)), 0.0)
    done = np.asarray(histories.sum(axis=1)).ravel()
    before = (histories @ counts.astype(float)) / np.where(done > 0, done, np.nan)
    popularity = listed.sum(axis=1) / sizes
    usual = np.nanmean(before) if np.isfinite(before).any() else np.nan
    return pd.DataFrame(
        {
            "novelty": surprise.sum(axis=1) / sizes,
            "average_popularity": popularity,
            "popularity_lift": (popularity - before) / usual,
            "calibration_kl": calibration_kl(
                mix(histories, classes), mix(as_matrix(columns, len(counts)), classes)
            ),
        }
    )


def as_matrix(columns: np.ndarray, n_items: int) -> csr_matrix:
    """(n, n_items), 1 where an item is in a list."""
    rows, places = np.nonzero(columns >= 0)
    return csr_matrix((np.ones(len(rows)), (rows, columns[rows, places])), shape=(len(columns), n_items))


def mix(done: csr_matrix, classes: csr_matrix) -> np.ndarray:
    """(n, n_classes): the share of each class among a learner's items, NaN where none is known."""
    found = np.asarray((done @ classes).todense(), dtype=float)
    total = found.sum(axis=1, keepdims=True)
    return found / np.where(total > 0, total, np.nan)


def calibration_kl(own: np.ndarray, listed: np.ndarray) -> np.ndarray:
    """KL(p || q~) in nats, (n,); 0 where the list mixes the classes as the learner did."""
    smoothed = (1 - SMOOTHING) * listed + SMOOTHING * own
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(own > 0, own * np.log(own / smoothed), 0.0)
    return np.where(np.isnan(own).any(axis=1) | np.isnan(listed).any(axis=1), np.nan, parts.sum(axis=1))


def exposure(columns: np.ndarray, n_items: int) -> np.ndarray:
    """(n_items,) how many lists hold an item."""
    return np.bincount(columns[columns >= 0], minlength=n_items)


def gini(amounts: np.ndarray) -> float:
    """0 where all have the same, towards 1 where one has everything; 0 of nothing."""
    x = np.sort(np.asarray(amounts, dtype=float))
    total = x.sum()
    if not total:
        return 0.0
    places = np.arange(1, len(x) + 1)
    return float(((2 * places - len(x) - 1) * x).sum() / (len(x) * total))


def head_share(amounts: np.ndarray, popularity: np.ndarray, share: float = 0.01) -> float:
    """The part of `amounts` that the most popular `share` of the items (at least one) has."""
    head = np.argsort(-popularity, kind="stable")[: max(round(len(popularity) * share), 1)]
    total = amounts.sum()
    return float(amounts[head].sum() / total) if total else 0.0


def co_occurrence_vectors(trained: csr_matrix) -> csr_matrix:
    """(n_items, n_learners) of unit rows: v_i . v_j = |both| / sqrt(|i| |j|), from (n_learners, n_items).

    Of many learners with long histories every nth is taken, so that all products stay below PRODUCTS.
    """
    binary = csr_matrix(
        (np.ones(len(trained.data), np.float32), trained.indices, trained.indptr), trained.shape
    )
    work = float((np.diff(binary.indptr).astype(float) ** 2).sum())
    binary = binary[:: max(int(np.ceil(work / PRODUCTS)), 1)]
    lengths = np.sqrt(np.asarray(binary.sum(axis=0)).ravel())
    scale = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return csr_matrix(binary.multiply(scale[None, :]).T)


def intra_list_diversity(columns: np.ndarray, vectors: Any) -> np.ndarray:
    """(n,) in [0, 2]; NaN for a list of fewer than two items. vectors: (n_items, d), unit or zero rows,
    sparse or dense. Beyond PAIRS pairs only every nth learner is measured, the others are NaN.
    """
    n, k = columns.shape
    found = np.full(n, np.nan)
    left, right = np.triu_indices(k, 1)
    if not len(left) or not n:
        return found
    every = max(int(np.ceil(n * len(left) / PAIRS)), 1)
    part = columns[::every].astype(np.int64)
    one, other = part[:, left], part[:, right]
    there = (one >= 0) & (other >= 0)
    n_items = vectors.shape[0]
    keys, place = np.unique(
        np.where(there, np.minimum(one, other) * n_items + np.maximum(one, other), -1), return_inverse=True
    )
    cosines = _cosines(keys, vectors)[place.reshape(there.shape)]
    pairs = there.sum(axis=1)
    found[::every] = 1 - np.where(there, cosines, 0.0).sum(axis=1) / np.where(pairs > 0, pairs, np.nan)
    return found


def _cosines(keys: np.ndarray, vectors: Any) -> np.ndarray:
    """v_i . v_j of each key i * n_items + j, sorted; 0 for a key of -1. A block of i at a time."""
    n_items = vectors.shape[0]
    found = np.zeros(len(keys))
    first, second = np.divmod(keys, n_items)
    needed = np.unique(np.r_[first[keys >= 0], second[keys >= 0]])
    if not len(needed):
        return found
    kept = vectors[needed]
    across = kept.T.tocsr() if hasattr(kept, "tocsr") else kept.T
    block = max(CELLS // len(needed), 1)
    for start in range(0, len(needed), block):
        products = kept[start : start + block] @ across
        dense = products.toarray() if hasattr(products, "toarray") else np.asarray(products)
        low, high = needed[start], needed[min(start + block, len(needed)) - 1]
        begin, end = np.searchsorted(keys, [low * n_items, (high + 1) * n_items])
        rows = np.searchsorted(needed, first[begin:end]) - start
        found[begin:end] = dense[rows, np.searchsorted(needed, second[begin:end])]
    return found
