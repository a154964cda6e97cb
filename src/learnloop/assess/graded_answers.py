"""What earlier answers to the same question, marked by a teacher, say of a new one.

an answer whose cosine to one marked right is .9 and to all marked wrong at most .4 -> it is likely right
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

NAMES = (
    *("nearest_right", "nearest_wrong", "nearer_to_right", "mean_difference"),
    *("kernel_sharp", "kernel_wide", "share_right", "five_nearest", "log_count"),
)
SHARP, WIDE = 12.0, 5.0  # exp(s (cosine - 1)): how fast a neighbour's voice fades
PRIOR_ROWS = 2.0


def similar_to_graded(vector: Array, pool: Array, right: Array, prior: float) -> Array:
    """(len(NAMES),): vector (d,) against pool (m, d) marked `right` (m,); all of length 1. m may be 0."""
    if not len(pool):
        return np.array([0, 0, 0, 0, prior, prior, prior, prior, 0], dtype=float)
    cosine = pool @ vector
    share = (right.sum() + PRIOR_ROWS * prior) / (len(right) + PRIOR_ROWS)
    yes, no = cosine[right], cosine[~right]
    nearest = [float(part.max()) if len(part) else 0.0 for part in (yes, no)]
    means = [float(part.mean()) if len(part) else 0.0 for part in (yes, no)]
    kernels = []
    for speed in (SHARP, WIDE):
        weight = np.exp(speed * (cosine - 1))
        kernels.append(float((weight @ right + 0.1 * share) / (weight.sum() + 0.1)))
    five = right[np.argsort(-cosine, kind="stable")[:5]].mean()
    return np.array(
        [*nearest, nearest[0] - nearest[1], means[0] - means[1], *kernels, share, five, np.log1p(len(pool))]
    )


def pools(groups: Array, right: Array, seed: int) -> list[Array]:
    """For each row, which other rows of its group play the graded answers: a random part of random size.

    Sizes are drawn evenly on a logarithmic scale from 1 to all others, so that a model learns what few are
    worth. groups, right: (n,).
    """
    generator = np.random.default_rng(seed)
    members = {one: np.flatnonzero(groups == one) for one in np.unique(groups)}
    found = []
    for row, group in enumerate(groups):
        others = members[group][members[group] != row]
        if not len(others):
            found.append(others)
            continue
        size = round(float(np.exp(generator.uniform(0, np.log(len(others))))))
        found.append(generator.choice(others, size, replace=False))
    return found
