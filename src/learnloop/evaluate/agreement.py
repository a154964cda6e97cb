"""Cohen's kappa: how far two raters agree beyond what their habits alone would give.

one   [2, 2, 0, 1]
other [2, 1, 0, 1]   ->  kappa .64 unweighted, .71 with linear, .80 with quadratic weights
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from learnloop.errors import BadInput
from learnloop.evaluate.ranking import interval

WEIGHTS = ("none", "linear", "quadratic")


def kappa(one: Sequence[Any], other: Sequence[Any], weights: str = "none") -> float | None:
    """kappa = 1 - sum(w O) / sum(w E), O the joint counts, E those expected of the two margins (Cohen 1960).

    w_ij is 1 off the diagonal, |i - j| (linear) or (i - j)^2 (quadratic, Cohen 1968) of the categories in
    their order. None where nothing can be disagreed on: no pairs, or both say one and the same throughout.
    Raises BadInput on unequal lengths.
    """
    if len(one) != len(other):
        raise BadInput(f"{len(one)} and {len(other)} ratings cannot be compared", field="ratings")
    categories = sorted(set(one) | set(other))
    place = {category: index for index, category in enumerate(categories)}
    left = np.array([place[value] for value in one], dtype=int)
    right = np.array([place[value] for value in other], dtype=int)
    return _kappa(left, right, _penalties(len(categories), weights))


def _penalties(size: int, weights: str) -> np.ndarray:
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size))).astype(float)
    if weights == "none":
        return (apart > 0).astype(float)
    if weights in WEIGHTS:
        return apart if weights == "linear" else apart**2
    raise BadInput(f"{weights!r} are no weights of kappa", f"one of {', '.join(WEIGHTS)}", "weights")


def _kappa(left: np.ndarray, right: np.ndarray, penalties: np.ndarray) -> float | None:
    size = len(penalties)
    if not len(left):
        return None
    counts = np.zeros((size, size))
    np.add.at(counts, (left, right), 1)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / len(left)
    most = float((penalties * expected).sum())
    return None if most == 0 else 1 - float((penalties * counts).sum()) / most


def agreement(
    one: Sequence[Any], other: Sequence[Any], n_bootstrap: int = 500, seed: int = 0
) -> dict[str, Any]:
    """{"n", "same": share rated the same, weights -> {value, low, high}}: kappa with a 95% interval.

    The interval resamples what was rated; resamples in which kappa is undefined are left out.
    """
    if len(one) != len(other):
        raise BadInput(f"{len(one)} and {len(other)} ratings cannot be compared", field="ratings")
    categories = sorted(set(one) | set(other))
    place = {category: index for index, category in enumerate(categories)}
    left = np.array([place[value] for value in one], dtype=int)
    right = np.array([place[value] for value in other], dtype=int)
    rows = np.random.default_rng(seed).integers(0, max(1, len(left)), size=(n_bootstrap, len(left)))
    found: dict[str, Any] = {"n": len(left), "same": float((left == right).mean()) if len(left) else None}
    for weights in WEIGHTS:
        penalties = _penalties(len(categories), weights)
        value = _kappa(left, right, penalties)
        drawn = [k for row in rows if (k := _kappa(left[row], right[row], penalties)) is not None]
        low, high = interval(np.array(drawn)) if value is not None and drawn else (None, None)
        found[weights] = {"value": value, "low": low, "high": high}
    return found
