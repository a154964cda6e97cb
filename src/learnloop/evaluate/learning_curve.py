"""Would more learners help: which of the training learners a smaller training part has."""

from math import ceil

import numpy as np
import pandas as pd

SHARES = (0.125, 0.25, 0.5, 1.0)


def subsets(
    learner_ids: pd.Series, shares: tuple[float, ...] = SHARES, seed: int = 0
) -> dict[float, np.ndarray]:
    """share -> which rows (of bool) belong to that share of the learners; a larger share holds the smaller.

    Every learner is either whole in a part or not in it at all, and each part has at least one.
    """
    codes, names = pd.factorize(learner_ids, sort=True)
    place = np.empty(len(names), dtype=int)
    place[np.random.default_rng(seed).permutation(len(names))] = np.arange(len(names))
    return {share: place[codes] < ceil(len(names) * share) for share in shares}
