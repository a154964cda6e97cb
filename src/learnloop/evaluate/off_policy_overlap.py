"""Whether a log of decisions can speak for another policy.

The effective sample size of the weights that were drawn does not see all: the large weights are those that
are not drawn. But the log holds the probabilities of what was not shown as well, and so its expectation,

    E[w^2] = mean over x of sum_b pi(b|x)^2 / mu(b|x)        and the largest weight there could have been.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from learnloop.errors import NothingToDo

MIN_LEARNERS = 20
# benchmarks/off_policy.py: beyond these the intervals no longer keep their rate
MIN_EFFECTIVE = 30.0  # learners
MAX_POSSIBLE = 0.1  # of the whole weight, in the largest weight that could have been drawn
MAX_UNCOVERED = 0.01  # of the target's probability on what is never shown
WIDE_OFF = 5.0  # standard errors that the mean weight may lie from 1: few large weights make it skewed


@dataclass(frozen=True)
class Overlap:
    """How far the log can speak for the target.

    effective: (sum w)^2 / sum w^2 (Kong 1992) over decisions, effective_learners over the learners' sums, and
    expected_learners the same with E[w^2] for w^2; possible: the share that the largest possible weight would
    have of the whole (both NaN where the candidates are not known); mean_weight is 1 but for chance; clipped:
    share of weights that were cut; lost: of the weight by that; uncovered: of the target's probability.
    """

    decisions: int
    learners: int
    effective: float
    effective_learners: float
    expected_learners: float
    max_weight: float
    possible: float
    mean_weight: float
    clipped: float
    lost: float
    uncovered: float
    warnings: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        return not self.warnings


def overlap(
    learners: np.ndarray,
    weights: np.ndarray,
    clip: float = np.inf,
    uncovered: np.ndarray | None = None,
    second: np.ndarray | None = None,
    largest: np.ndarray | None = None,
) -> Overlap:
    """weights: (n,) before they are cut at `clip`; the others as in Choices. Raises NothingToDo on none."""
    if not len(weights):
        raise NothingToDo("no logged decision has a reward", "learnloop evaluate off-policy --delay-days 1")
    cut = np.minimum(weights, clip)
    sums = by_learner(learners, cut)
    total = float(weights.sum())
    expected = possible = np.nan
    # a cut weight has no tail that could have been missed
    if second is not None and np.isinf(clip):
        # E[(sum w)^2] = n_i^2 + sum (E[w^2] - 1), the choices being independent
        sizes = by_learner(learners, np.ones(len(weights)))
        expected = float(sizes.sum() ** 2 / (sizes**2 + by_learner(learners, second - 1)).sum())
    if largest is not None and total > 0:
        possible = float(np.minimum(largest, clip).max() / max(cut.sum(), len(cut)))
    found = Overlap(
        decisions=len(weights),
        learners=len(sums),
        effective=_effective(cut),
        effective_learners=_effective(sums),
        expected_learners=expected,
        max_weight=float(weights.max()),
        possible=possible,
        mean_weight=float(weights.mean()),
        clipped=float((weights > clip).mean()),
        lost=1 - float(cut.sum()) / total if total > 0 else 0.0,
        uncovered=float(uncovered.mean()) if uncovered is not None else 0.0,
    )
    return replace(found, warnings=tuple(_warnings(found, learners, weights)))


def _warnings(found: Overlap, learners: np.ndarray, weights: np.ndarray) -> list[str]:
    told = []
    if found.learners < MIN_LEARNERS:
        return [f"only {found.learners} learners: no interval holds below {MIN_LEARNERS}"]
    effective = float(np.nanmin([found.effective_learners, found.expected_learners]))
    if effective < MIN_EFFECTIVE:
        told.append(
            f"the log speaks for {effective:.1f} of {found.learners} learners ({MIN_EFFECTIVE:.0f} are"
            " needed): the target shows what was hardly ever shown"
        )
    if found.possible > MAX_POSSIBLE:
        told.append(f"one decision could have had {found.possible:.0%} of the whole weight")
    if found.uncovered > MAX_UNCOVERED:
        told.append(f"{found.uncovered:.0%} of the target's choices are never shown by the logging policy")
    if not told:
        error = ratio_error(by_learner(learners, weights), by_learner(learners, np.ones(len(weights))))
        # what is never shown takes its share of the weight with it, and is judged above
        off = abs(found.mean_weight - (1 - found.uncovered))
        if off > WIDE_OFF * error + 1e-9:
            told.append(
                f"the mean weight is {found.mean_weight:.2f}, not 1: the logged probabilities cannot be right"
            )
    return told


def ratio_error(above: np.ndarray, below: np.ndarray) -> float:
    """The standard error of sum(above) / sum(below), a number a learner each."""
    apart = (above - above.sum() / below.sum() * below) / below.mean()
    return float(np.sqrt((apart**2).sum() / max(len(apart) - 1, 1) / len(apart)))


def _effective(weights: np.ndarray) -> float:
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def by_learner(learners: np.ndarray | Sequence[str], values: np.ndarray) -> np.ndarray:
    """(n_learners,) sums, in the order of the names."""
    _, codes = np.unique(np.asarray(learners), return_inverse=True)
    return np.bincount(codes, weights=values)
