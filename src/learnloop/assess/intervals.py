"""Intervals and tests that statistics of questions rest on: Wilson, Fisher's z, false discovery rates.

7 of 10 right -> [.40, .89]      correlation .31 of 300 answers -> [.20, .41]
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]
LEVEL = 0.95


def wilson(successes: npt.ArrayLike, n: npt.ArrayLike, level: float = LEVEL) -> tuple[Array, Array]:
    """low, high of a share, elementwise; [0, 1] where n is 0 (Wilson 1927)."""
    k, total = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    z = float(stats.norm.ppf(0.5 + level / 2))
    some = np.maximum(total, 1)
    share = k / some
    # (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)
    centre = (share + z**2 / (2 * some)) / (1 + z**2 / some)
    half = z * np.sqrt(share * (1 - share) / some + z**2 / (4 * some**2)) / (1 + z**2 / some)
    low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
    return np.where(total > 0, low, 0.0), np.where(total > 0, high, 1.0)


def fisher(r: npt.ArrayLike, n: npt.ArrayLike, level: float = LEVEL) -> tuple[Array, Array]:
    """low, high of a correlation of n pairs: tanh(atanh r ± z / √(n - 3)); NaN where n < 4 (Fisher 1921)."""
    value, total = np.asarray(r, dtype=float), np.asarray(n, dtype=float)
    z = float(stats.norm.ppf(0.5 + level / 2))
    half = z / np.sqrt(np.where(total > 3, total - 3, np.nan))
    middle = np.arctanh(np.clip(value, -1 + 1e-12, 1 - 1e-12))
    return np.tanh(middle - half), np.tanh(middle + half)


def below(r: npt.ArrayLike, n: npt.ArrayLike, bound: float = 0.0) -> Array:
    """p of one side: how likely so low a correlation is where the true one is `bound`; 1 where unknown."""
    value, total = np.asarray(r, dtype=float), np.asarray(n, dtype=float)
    z = (np.arctanh(np.clip(value, -1 + 1e-12, 1 - 1e-12)) - np.arctanh(bound)) * np.sqrt(
        np.where(total > 3, total - 3, np.nan)
    )
    return np.nan_to_num(stats.norm.cdf(z), nan=1.0)


def above(r: npt.ArrayLike, n: npt.ArrayLike, bound: float = 0.0) -> Array:
    """p of the other side: how likely so high a correlation is where the true one is `bound`."""
    return below(-np.asarray(r, dtype=float), n, -bound)


def benjamini_hochberg(p: npt.ArrayLike) -> Array:
    """q: the least false discovery rate at which each test counts (Benjamini & Hochberg 1995).

    q_(i) = min over j >= i of p_(j) m / j. NaN is no test: it stays NaN, and m does not count it.

    >>> benjamini_hochberg([0.01, 0.04, 0.03, float("nan")]).round(3).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    values = np.asarray(p, dtype=float)
    found = np.full(values.shape, np.nan)
    tests = np.flatnonzero(~np.isnan(values))
    order = tests[np.argsort(values[tests], kind="stable")]
    raised = values[order] * len(order) / np.arange(1, len(order) + 1)
    found[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return found


def false_discoveries(sound: npt.ArrayLike) -> Array:
    """q: the share of sound ones to expect among all at least as suspect, from each one's P(sound).

    q_(i) = mean of P_(1) .. P_(i), the least first: what Benjamini and Hochberg's q is to p, this is to a
    posterior (Müller, Parmigiani, Robert & Rousseau 2004; Storey 2003). NaN stays NaN and counts nowhere.

    >>> false_discoveries([0.01, 0.3, 0.05, float("nan")]).round(3).tolist()
    [0.01, 0.12, 0.03, nan]
    """
    values = np.asarray(sound, dtype=float)
    found = np.full(values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    found[order] = np.cumsum(values[order]) / np.arange(1, len(order) + 1)
    return found


@dataclass(frozen=True)
class Correlations:
    """Of groups of pairs: n, Pearson's r (NaN where a side does not vary)."""

    n: Array
    r: Array


def correlations(groups: np.ndarray, x: Array, y: Array, n_groups: int) -> Correlations:
    """Pearson's r of x and y within each group; groups: (n,) 0 .. n_groups - 1, x and y (n,) without NaN."""
    n = np.bincount(groups, minlength=n_groups).astype(float)
    some = np.maximum(n, 1)
    # centred before they are squared, so that nothing cancels
    x = x - (np.bincount(groups, x, n_groups) / some)[groups]
    y = y - (np.bincount(groups, y, n_groups) / some)[groups]
    xy, xx, yy = (np.bincount(groups, one, n_groups) for one in (x * y, x * x, y * y))
    varies = (xx > 1e-9) & (yy > 1e-9)
    r = np.full(n_groups, np.nan)
    np.divide(xy, np.sqrt(xx * yy), out=r, where=varies)
    return Correlations(n, r)
