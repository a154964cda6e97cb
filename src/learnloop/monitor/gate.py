"""May a challenger replace the champion? Only where it is shown not to be worse.

Non-inferiority, not a coin: both models rank for the same learners over the same newest window, and the
lower end of the interval of the paired difference must stay above minus the margin.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

RANKING_MARGIN = 0.01  # of NDCG@K: what we accept to lose for a fresher model
TRACING_MARGIN = 0.005  # of log-loss


@dataclass(frozen=True)
class Verdict:
    """`difference` is challenger minus champion, with its 95% bootstrap interval over learners."""

    promote: bool
    why: str
    difference: float
    low: float
    high: float
    n_learners: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def not_worse(
    champion: np.ndarray,
    challenger: np.ndarray,
    *,
    margin: float,
    higher_is_better: bool = True,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> Verdict:
    """champion, challenger: (n_learners,) the same metric for the same learners, in the same order."""
    differences = np.asarray(challenger, dtype=float) - np.asarray(champion, dtype=float)
    n = len(differences)
    if n == 0:
        return Verdict(False, "no learner to compare on", 0.0, 0.0, 0.0, 0)
    rng = np.random.default_rng(seed)
    means = np.array([differences[rng.integers(0, n, n)].mean() for _ in range(n_bootstrap)])
    low, high = (float(bound) for bound in np.quantile(means, [0.025, 0.975]))
    worst = low if higher_is_better else -high
    promote = worst >= -margin
    why = (
        f"not worse: at most {max(0.0, -worst):.4f} is lost, the margin is {margin}"
        if promote
        else f"may be worse: up to {-worst:.4f} could be lost, the margin is {margin}"
    )
    return Verdict(promote, why, float(differences.mean()), low, high, n)
