"""Log odds in, probabilities that are never 0 or 1 out."""

import numpy as np

LOWEST = 1e-6  # no prediction closer to 0 or 1: log-loss stays finite, nobody is written off for ever
BOUND = float(np.log((1 - LOWEST) / LOWEST))


def squashed(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), held inside [LOWEST, 1 - LOWEST]; any shape."""
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -BOUND, BOUND)))
