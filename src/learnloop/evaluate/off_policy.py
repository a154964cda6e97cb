"""What another policy would have earned, from decisions that were logged with their probabilities.

With mu the logging policy, pi the target, x a context, a what was shown, r its reward, w = pi(a|x) / mu(a|x):

    ips    mean of w r                                                     (Horvitz & Thompson 1952)
    snips  sum of w r / sum of w                                           (Swaminathan & Joachims 2015)
    dr     mean of sum_b pi(b|x) q(x, b) + w (r - q(x, a))                 (Dudík, Langford & Li 2011)
    pdis   mean over episodes of sum_t gamma^t (w_1 ... w_t) r_t           (Precup, Sutton & Singh 2000)
    snpdis sum_t gamma^t of the mean of r_t weighted by w_1 ... w_t        (the same, self-normalised)

The decisions of one learner are not independent: learners are the unit of every interval. Each estimator is a
ratio of means of the learners' sums, A / B, and its interval a studentised bootstrap over learners (Efron &
Tibshirani 1993, chapter 12), with the linearised psi_i = (A_i - value B_i) / mean(B), se = sd(psi) / sqrt(n).

Where the overlap is poor (`off_policy_overlap`), there is no value but a warning that says why.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.off_policy_overlap import Overlap, by_learner, overlap, ratio_error

LEVEL = 0.95
BLOCK = 64


@dataclass(frozen=True)
class Choices:
    """n decisions with one thing shown each, and what a target would have done.

    learners: (n,) who; logged and target: (n,) in (0, 1] and [0, 1], the probability of what was shown;
    reward: (n,), NaN where nothing was seen later; second: (n,) sum_b pi(b)^2 / mu(b) and largest: (n,) max_b
    pi(b) / mu(b) over the candidates that the logging policy may show; uncovered: (n,) the target's
    probability on those it never shows; shown_value and target_value: (n,) of a reward model, q(x, a) and
    sum_b pi(b|x) q(x, b), for `dr` alone.
    """

    learners: np.ndarray
    logged: np.ndarray
    target: np.ndarray
    reward: np.ndarray
    second: np.ndarray | None = None
    largest: np.ndarray | None = None
    uncovered: np.ndarray | None = None
    shown_value: np.ndarray | None = None
    target_value: np.ndarray | None = None


@dataclass(frozen=True)
class Estimate:
    """value with its 95% interval; all NaN where the overlap is not `trusted`."""

    value: float
    low: float
    high: float
    se: float

    @property
    def told(self) -> dict[str, float | None]:
        """For JSON: None for what is not known."""
        return {name: float(v) if np.isfinite(v) else None for name, v in asdict(self).items()}


UNKNOWN = Estimate(np.nan, np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Evaluation:
    """estimates: by name of the estimator. missing: decisions without a reward, and how they were treated;
    bounds: snips where all of them had earned the least, and the most."""

    estimates: dict[str, Estimate]
    overlap: Overlap
    missing: int
    treatment: str
    bounds: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        overlap = {**asdict(self.overlap), "trusted": self.overlap.trusted}
        overlap["warnings"] = list(self.overlap.warnings)
        bounds = [float(v) if np.isfinite(v) else None for v in self.bounds]
        missing = {"decisions": self.missing, "treatment": self.treatment, "snips_bounds": bounds}
        told = {name: found.told for name, found in self.estimates.items()}
        return {"estimates": told, "overlap": overlap, "missing": missing}


def evaluate_choices(
    choices: Choices,
    *,
    clip: float = np.inf,
    missing: str = "leave out",
    reward_range: tuple[float, float] = (0.0, 1.0),
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """ips, snips and (where there is a reward model) dr of one target.

    clip: no weight is above it; that trades variance for a bias no interval covers, and is told. missing:
    `leave out` (missing whatever was shown: an assumption), or `least`, which counts them as the least
    reward. Raises NothingToDo where no decision has a reward, BadInput on a logged probability of 0.
    """
    _check(choices, clip, missing)
    weights = choices.target / choices.logged
    seen = ~np.isnan(choices.reward)
    cut = np.minimum(weights, clip)
    least, most = (_snips(cut, choices.reward, seen, end) for end in reward_range)
    bounds = (least, most)
    kept = choices
    if missing == "least":
        kept = replace(kept, reward=np.where(seen, choices.reward, reward_range[0]))
    else:
        kept = _rows(choices, seen)
        weights = weights[seen]
    told = overlap(kept.learners, weights, clip, kept.uncovered, kept.second, kept.largest)
    if not told.trusted:
        names = ("ips", "snips", "dr") if kept.shown_value is not None else ("ips", "snips")
        return Evaluation(dict.fromkeys(names, UNKNOWN), told, int((~seen).sum()), missing, bounds)
    w, r, one = np.minimum(weights, clip), kept.reward, np.ones(len(weights))
    parts = {"ips": (w * r, one), "snips": (w * r, w)}
    if kept.shown_value is not None and kept.target_value is not None:
        parts["dr"] = (kept.target_value + w * (r - kept.shown_value), one)
    found = {}
    for name, (above, below) in parts.items():
        sums = [by_learner(kept.learners, part) for part in (above, below)]
        found[name] = ratio_interval(sums[0], sums[1], n_bootstrap, seed)
    return Evaluation(found, told, int((~seen).sum()), missing, bounds)


def evaluate_episodes(
    learners: np.ndarray,
    ratios: np.ndarray,
    reward: np.ndarray,
    *,
    second: np.ndarray | None = None,
    largest: np.ndarray | None = None,
    gamma: float = 1.0,
    clip: float = np.inf,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> tuple[dict[str, Estimate], Overlap]:
    """pdis and snpdis of the sum of discounted rewards over an episode: a list, place by place, or the steps
    of a learner.

    learners: (n,) of each episode; ratios: (n, steps) pi / mu of each step given the steps before, NaN after
    an episode's end; reward: (n, steps), NaN where unknown. pdis takes only episodes without an unknown
    reward, snpdis what there is at each step. second, largest: (n, steps) as in Choices, 1 after the end.
    clip: of the product. The overlap is that of the last step.
    Raises NothingToDo without a whole episode.
    """
    there = ~np.isnan(ratios)
    product = np.cumprod(np.where(there, ratios, 1.0), axis=1)
    weights = np.minimum(product, clip)
    # of a product: as if the steps of an episode were independent
    squares = None if second is None else np.full(len(learners), second.mean(axis=0).prod())
    most = None if largest is None else largest.prod(axis=1)
    told = overlap(learners, product[:, -1], clip, None, squares, most)
    discount = gamma ** np.arange(ratios.shape[1])
    whole = (~there | ~np.isnan(reward)).all(axis=1)
    if not whole.any():
        raise NothingToDo("no episode has all its rewards", "learnloop evaluate off-policy --steps 1")
    if not told.trusted:
        return dict.fromkeys(("pdis", "snpdis"), UNKNOWN), told
    earned = (discount * weights * np.where(there, reward, 0.0))[whole].sum(axis=1)
    sums = [by_learner(learners[whole], part) for part in (earned, np.ones(len(earned)))]
    plain = ratio_interval(sums[0], sums[1], n_bootstrap, seed)
    # an episode that has ended earns 0 and keeps its weight: what is unknown alone is left out
    seen = ~there | ~np.isnan(reward)
    masses = np.where(seen, weights, 0.0)
    value = (masses * np.where(there & seen, reward, 0.0)).sum(axis=0) / masses.sum(axis=0)
    # psi_i = sum_t gamma^t m_it (r_it - value_t) / mean(m_t)
    apart = masses * (np.where(there & seen, reward, 0.0) - value) / masses.mean(axis=0)
    total = float((discount * value).sum())
    linear = by_learner(learners, total + (discount * apart).sum(axis=1))
    normalised = ratio_interval(linear, by_learner(learners, np.ones(len(learners))), n_bootstrap, seed)
    return {"pdis": plain, "snpdis": normalised}, told


def ratio_interval(above: np.ndarray, below: np.ndarray, n_bootstrap: int = 1000, seed: int = 0) -> Estimate:
    """sum(above) / sum(below) with a studentised bootstrap interval. above, below: (n,), a number a learner.

    t* = (value* - value) / se* of each resample; the interval is value - [t*_.975, t*_.025] se.
    """
    n, rng = len(above), np.random.default_rng(seed)
    value, se = float(above.sum() / below.sum()), ratio_error(above, below)
    if se == 0:
        return Estimate(value, value, value, 0.0)
    powers = np.column_stack([above, below, above**2, above * below, below**2])
    drawn = []
    for start in range(0, n_bootstrap, BLOCK):
        rows = rng.integers(0, n, size=(min(BLOCK, n_bootstrap - start), n))
        counts = np.stack([np.bincount(row, minlength=n) for row in rows])
        a, b, aa, ab, bb = (counts @ powers).T
        with np.errstate(invalid="ignore", divide="ignore"):
            again = a / b
            # sum of (A - v B)^2 from the sums of the squares
            spread = np.sqrt(np.maximum(aa - 2 * again * ab + again**2 * bb, 0.0) * n / (n - 1)) / np.abs(b)
            drawn.append((again - value) / spread)
    t = np.concatenate(drawn)
    t = t[np.isfinite(t)]
    low, high = np.quantile(t, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, value - float(high) * se, value - float(low) * se, se)


def bernstein(values: np.ndarray, most: float, level: float = LEVEL) -> tuple[float, float]:
    """An interval that holds at any n, for the mean of (n,) independent values in [0, most].

    mean -+ (sqrt(2 V ln(4 / d) / n) + 7 most ln(4 / d) / (3 (n - 1))), d = 1 - level, two-sided
    (Maurer & Pontil 2009): wide where a weight may be large, and so honest where a bootstrap is not.
    """
    n = len(values)
    if n < 2 or most <= 0 or values.min() < 0 or values.max() > most:
        raise BadInput(f"Bernstein's bound needs two values or more, all within 0 and {most}", field="most")
    told = float(np.log(4 / (1 - level)))
    half = np.sqrt(2 * values.var(ddof=1) * told / n) + 7 * most * told / (3 * (n - 1))
    mean = float(values.mean())
    return max(mean - float(half), 0.0), min(mean + float(half), most)


def check_missing(missing: str) -> None:
    if missing not in ("leave out", "least"):
        raise BadInput(f"{missing!r} is neither 'leave out' nor 'least'", "--missing leave-out", "missing")


def _check(choices: Choices, clip: float, missing: str) -> None:
    check_missing(missing)
    if not clip > 0:
        raise BadInput(f"a weight can be cut at a number above 0, not at {clip}", field="clip")
    if not (choices.logged > 0).all():
        raise BadInput("something was shown that the log says could not be", field="logged")
    if np.isnan(choices.reward).all():
        raise NothingToDo("no logged decision has a reward", "learnloop evaluate off-policy --delay-days 1")


def _rows(choices: Choices, kept: np.ndarray) -> Choices:
    return Choices(*(None if part is None else part[kept] for part in vars(choices).values()))  # type: ignore[arg-type]


def _snips(weights: np.ndarray, reward: np.ndarray, seen: np.ndarray, filled: float) -> float:
    total = weights.sum()
    return float((weights * np.where(seen, reward, filled)).sum() / total) if total > 0 else np.nan
