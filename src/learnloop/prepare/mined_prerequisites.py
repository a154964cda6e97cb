"""Prerequisites from answers: what hardly anybody learns before having learnt something else.

concept_id  requires_id   origin  confidence  z    z_reverse  ratio  tries
demo:loops  demo:booleans mined   .97         6.2  1.1        .21    840

For each concept c, the tries of those who do not know it yet are looked at: is c learnt at this try? With
e the exposure P(c not known before), u_p = P(p not known then), a the learner's share of right answers and g
the share of other concepts known (ability then and in general: who learns fast knows much of everything),

    learnt ~ Poisson(e exp(b0 + b1 g + b2 g^2 + b3 a + sum over chosen p of beta_p u_p))

p is chosen by the score test of beta_p = 0 against beta_p < 0, the strongest first, each given those already
chosen: a sibling or an ancestor says nothing more once the parent is in. The direction is that of the larger
z: who knows c knows p, so that p is hardly ever learnt after c. What is chosen passes the false discovery
rate of Benjamini & Hochberg (1995) over all pairs, with the spread of z taken from the pairs themselves (the
empirical null of Efron 2004: the states are estimates, and their z is wider than 1).
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from learnloop.errors import NothingToDo
from learnloop.prepare.knowing import Knowing, knowing

Q = 0.2  # false discovery rate; on simulated learners, 15% of what passes is wrong, 2% of what gates
MIN_TRIES = 200  # by those who may not know the concept yet
MOST_PARENTS = 4
MOST_CELLS = 40_000_000  # tries x concepts in memory: 160 MB
UNSURE = 0.02  # an exposure below this says nothing
# P(edge) = 1 / (1 + exp(-b · (1, ln z, ln ratio, z_reverse / z, ln tries))), fitted to planted courses of
# other seeds than those reported. By z alone what hardly depends on p, but was tried often, would seem sure.
CONFIDENCE = (-10.56, 2.67, -4.75, -0.71, 0.66)
FITTED_TRIES = (600, 18_000)  # of the edges it was fitted to; beyond, more tries say nothing of their own
LEAST_RATIO = 0.005
COLUMNS = ("concept_id", "requires_id", "origin", "confidence", "z", "z_reverse", "ratio", "tries")


def mined(answers: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """answers: ANSWERS. COLUMNS, a row an edge, the surest first; not yet acyclic (`prerequisite_graph`).

    z: of the edge, given the concept's stronger ones; z_reverse: of its reverse alone; ratio: how often c is
    learnt at a try without p, to with it; tries: by learners who may not have known c. Where there is much,
    a sample of learners is looked at (`seed`). Raises NothingToDo without answers on two concepts.
    """
    states = knowing(_sampled(answers, seed))
    k = len(states.names)
    if k < 2:
        raise NothingToDo("there are no answers on two concepts or more", "learnloop import --help")
    models = [_Learning(states, c) for c in range(k)]
    z = np.array([model.scores([]) for model in models])
    ahead = z > z.T  # of the two directions of a pair
    spread, least = _null(z)
    rows = []
    for c, model in enumerate(models):
        for p, strength in model.chosen(ahead[c], least):
            one, other = strength / spread, z[p, c] / spread
            # given the other parents, less may be left of it than of its reverse
            if not one <= other:
                ratio = model.ratio(p)
                sure = confidence(one, ratio, other, model.tries)
                rows.append((c, p, "mined", sure, one, other, ratio, model.tries))
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in ("concept_id", "requires_id"):
        found[name] = states.names[found[name].to_numpy(int)].astype(str)
    return found.sort_values(
        ["confidence", "concept_id", "requires_id"], ascending=[False, True, True], ignore_index=True
    )


def confidence(z: float, ratio: float, z_reverse: float, tries: int) -> float:
    """How often an edge of such evidence and effect was planted, on simulated learners of five families.

    z > 0; ratio >= 0, how often c is learnt at a try without p, to with it; z_reverse: NaN where there is no
    such test. More tries make the ratio a surer number.
    """
    z = max(z, LEAST_RATIO)
    share = 0.0 if np.isnan(z_reverse) else float(np.clip(z_reverse / z, -1.0, 1.0))
    known = (1.0, np.log(z), np.log(max(ratio, LEAST_RATIO)), share, np.log(np.clip(tries, *FITTED_TRIES)))
    return float(1 / (1 + np.exp(-np.dot(CONFIDENCE, known))))


def discoveries(p_values: Iterable[float], q: float = Q) -> float:
    """The largest p-value that passes at the false discovery rate q, 0 where none does.

    max p_(i) with p_(i) <= q i / n (Benjamini & Hochberg 1995).
    """
    p = np.sort(np.asarray(list(p_values), dtype=float))
    passed = np.flatnonzero(p <= q * np.arange(1, len(p) + 1) / max(len(p), 1))
    return float(p[passed[-1]]) if len(passed) else 0.0


def _null(z: np.ndarray) -> tuple[float, float]:
    """(spread of z where there is no edge, the z that passes). z: (k, k), NaN where there is no test."""
    from scipy.stats import norm

    told = z[np.isfinite(z)]
    if not len(told):
        return 1.0, np.inf
    # the lower half holds no edges: its distance to the median is the null's
    middle = float(np.median(told))
    below = middle - told[told < middle]
    spread = max(float(np.median(below)) / 0.6745 if len(below) else 1.0, 1.0)
    best = np.fmax(z, z.T)[np.triu_indices(len(z), 1)]
    # the better of two directions was looked at: twice the chance
    p = np.minimum(2 * norm.sf(best[np.isfinite(best)] / spread), 1.0)
    passed = discoveries(p)
    return spread, float(norm.isf(passed / 2)) * spread if passed > 0 else np.inf


def _sampled(answers: pd.DataFrame, seed: int) -> pd.DataFrame:
    concepts = answers["concept_ids"].explode().nunique()
    share = MOST_CELLS / max(len(answers) * concepts, 1)
    if share >= 1:
        return answers
    names = np.sort(answers["learner_id"].unique())
    chosen = np.random.default_rng(seed).permutation(names)[: max(int(share * len(names)), 1)]
    return answers[answers["learner_id"].isin(chosen)]


class _Learning:
    """The Poisson model of when concept c is learnt, with the parents chosen so far."""

    def __init__(self, states: Knowing, c: int) -> None:
        self.c, self.k = c, len(states.names)
        rows = np.flatnonzero((states.concept == c) & (1 - states.before > UNSURE))
        self.exposure, self.learnt = 1 - states.before[rows], states.learnt[rows]
        self.tries = len(rows)
        self.unknown = 1.0 - states.known[rows].astype(float)
        # the share of other concepts known, and the share of right answers
        others = (self.k - 1 - (self.unknown.sum(axis=1) - self.unknown[:, c])) / max(self.k - 1, 1)
        sizes = np.bincount(states.learner)
        right = np.bincount(states.learner, weights=states.right) / np.maximum(sizes, 1)
        able = right[states.learner[rows]]
        able = able - able.mean() if len(rows) else able
        self.control = np.column_stack([np.ones(len(rows)), others, others**2, able])
        self._parents: dict[int, float] = {}

    @property
    def enough(self) -> bool:
        return self.tries >= MIN_TRIES and self.learnt.sum() > 0

    def scores(self, parents: list[int]) -> np.ndarray:
        """(k,) z of each further parent, given `parents`: large where c is hardly learnt without it."""
        z = np.full(self.k, np.nan)
        if not self.enough:
            return z
        design = np.column_stack([self.control, self.unknown[:, parents]])
        _, mean, information = self._fitted(design)
        cross = (design * mean[:, None]).T @ self.unknown
        spread = (self.unknown**2 * mean[:, None]).sum(axis=0)
        spread -= (cross * np.linalg.solve(information, cross)).sum(axis=0)
        score = (mean - self.learnt) @ self.unknown
        sound = spread > 1e-6
        z[sound] = score[sound] / np.sqrt(spread[sound])
        z[[self.c, *parents]] = np.nan
        return z

    def chosen(self, allowed: np.ndarray, least: float) -> list[tuple[int, float]]:
        """(parent, z when it was chosen), the strongest first."""
        found: list[tuple[int, float]] = []
        while len(found) < MOST_PARENTS and self.enough:
            z = np.where(allowed, np.nan_to_num(self.scores([p for p, _ in found]), nan=-np.inf), -np.inf)
            best = int(z.argmax())
            if not z[best] >= least:
                break
            found.append((best, float(z[best])))
        parents = [p for p, _ in found]
        if parents:
            beta, *_ = self._fitted(np.column_stack([self.control, self.unknown[:, parents]]))
            self._parents = dict(zip(parents, beta[self.control.shape[1] :].tolist(), strict=True))
        return found

    def ratio(self, parent: int) -> float:
        return float(np.exp(self._parents[parent]))

    def _fitted(self, design: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(coefficients, mean, information) by Newton's method, with a ridge of half a row."""
        base = np.log(self.exposure * self.learnt.sum() / self.exposure.sum())
        ridge = 0.5 * np.eye(design.shape[1])
        beta = np.zeros(design.shape[1])
        for _ in range(8):
            mean = np.exp(np.clip(base + design @ beta, -30, 5))
            information = (design * mean[:, None]).T @ design + ridge
            step = np.linalg.solve(information, design.T @ (self.learnt - mean) - ridge @ beta)
            beta = beta + np.clip(step, -2, 2)
        mean = np.exp(np.clip(base + design @ beta, -30, 5))
        return beta, mean, (design * mean[:, None]).T @ design + ridge
