"""What a fitted logistic tracer does not know: about its weights, and about one learner.

The weights' posterior is taken as normal around its mode (Laplace), S = (X' W X + I / prior_variance)^-1.
Each answer has exactly one item, so the items' block of the Hessian is diagonal; what is left of intercept,
slopes and concepts follows from Schur complements as in `newton`: exact, and no (n_items, n_items) matrix,
nor one (n_concepts, n_concepts) where there are many.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from learnloop.trace.histories import Answers
from learnloop.trace.newton import Curvature, Design, solver

COLUMNS = 500  # right-hand sides solved for at once


@dataclass
class Laplace:
    """Enough of S to give the variance of the logit of an average item of each concept.

    That logit is a_c · theta + u · slopes: a_c is fixed (intercept, the concept's weight, its average
    item), u is the learner's practice; so var = a'Sa + 2 u'Sa + u'Su. One more row, at the end, is for
    unseen concepts.
    """

    average_items: np.ndarray  # (n_concepts + 1,) mean item weight, by training answers
    concept_variance: np.ndarray  # (n_concepts + 1,) a'Sa
    concept_slopes: np.ndarray  # (n_concepts + 1, k) Sa, its slopes' rows
    slopes: np.ndarray  # (k, k)
    rate_precision: float = 10.0

    @classmethod
    def prior(cls, k: int, prior_variance: float) -> Self:
        """Before any fit."""
        one = np.full(1, prior_variance)
        return cls(np.zeros(1), one, np.zeros((1, k)), prior_variance * np.eye(k))

    def logit_variance(self, practice: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """(m,) for practice (m, k) on the concepts `codes`; -1 is an unseen one."""
        return (
            self.concept_variance[codes]
            + 2 * (practice * self.concept_slopes[codes]).sum(axis=1)
            + ((practice @ self.slopes) * practice).sum(axis=1)
        )

    def arrays(self) -> dict[str, np.ndarray]:
        return {**vars(self), "rate_precision": np.array([self.rate_precision])}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> Self:
        return cls(**{**arrays, "rate_precision": float(arrays["rate_precision"][0])})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Covariance:
    """S = H^-1 for a few unknowns d and many concepts' c. With u = a_d - away' a_c:

    a'Sa = u' S_dd u + a_c' H_cc^-1 a_c,    (Sa)_d = S_dd u
    """

    dense: np.ndarray  # (d, d) S_dd
    away: np.ndarray  # (c, d) H_cc^-1 H_cd
    solved: Callable[[np.ndarray], np.ndarray]  # H_cc^-1 b

    @classmethod
    def of(cls, h_dd: np.ndarray, h_cd: np.ndarray, h_cc: Any) -> Self:
        """h_cc: sparse (c, c)."""
        from scipy import linalg

        solved = solver(h_cc)
        away = solved(h_cd)
        return cls(linalg.inv(h_dd - h_cd.T @ away, assume_a="pos"), away, solved)

    def u(self, a_d: np.ndarray, a_c: Any) -> np.ndarray:
        """(d, m) for a_d (d, m) and sparse a_c (c, m)."""
        return np.asarray(a_d - (a_c.T @ self.away).T)

    def own(self, a_c: Any) -> np.ndarray:
        """(m,) a_c' H_cc^-1 a_c of each column, a few at a time."""
        found = np.empty(a_c.shape[1])
        for start in range(0, len(found), COLUMNS):
            part = slice(start, start + COLUMNS)
            found[part] = a_c[:, part].multiply(self.solved(a_c[:, part].toarray())).sum(axis=0)
        return found


def laplace(
    x: np.ndarray,
    design: Design,
    p: np.ndarray,
    item_weights: np.ndarray,
    prior_variance: float,
    free: np.ndarray | None = None,
) -> Laplace:
    """x (n, k) and p (n,) at the mode, rows as in `design`.

    free: (k,) bool, False where a slope is held at 0 by its sign and so is no unknown.
    """
    from scipy import linalg, sparse

    free = np.ones(x.shape[1], dtype=bool) if free is None else free
    bent = Curvature.of(x[:, free], design, p * (1 - p), 0.25, prior_variance)
    dense, away = linalg.inv(bent.without_concepts, assume_a="pos"), bent.solved(bent.concepts_d)
    known, n_concepts = Covariance(dense, away, bent.solved), design.concepts.shape[1]

    shares = (design.by_item @ design.scaled(design.sizes)).tocsc()  # (n_items, n_concepts) training answers
    shares = shares.multiply(1 / np.asarray(shares.sum(axis=0)).ravel()[None, :]).tocsc()
    # a_c = e_intercept + e_concept - H_oi D^-1 share_c; an unseen concept: e_intercept and its prior
    scaled = shares.multiply(1 / bent.items[:, None]).tocsc()
    of_dense = np.column_stack([-(bent.items_d.T @ scaled), np.zeros(len(dense))])
    of_dense[0] += 1.0
    of_concepts = (sparse.eye_array(n_concepts) - bent.items_concepts.T @ scaled).tocsc()
    u = np.column_stack([known.u(of_dense[:, :-1], of_concepts), of_dense[:, -1]])
    sa = known.dense @ u
    variance = (u * sa).sum(axis=0)
    variance[:-1] += known.own(of_concepts)
    variance[:-1] += np.asarray(shares.multiply(scaled).sum(axis=0)).ravel()  # share' D^-1 share
    variance[-1] += prior_variance
    concept_slopes = np.zeros((n_concepts + 1, len(free)))
    concept_slopes[:, free] = sa[1:].T
    slopes = np.zeros((len(free), len(free)))
    slopes[np.ix_(free, free)] = known.dense[1:, 1:]
    average_items = np.append(shares.T @ item_weights, 0.0)
    return Laplace(average_items, variance, concept_slopes, slopes)


def rate_precision(data: Answers, smoothing: float = 5.0) -> float:
    """k of the Beta that spreads learners' rates on one concept around what their items predict.

    With r = correct - (the item's smoothed rate) and v its variance, answers of one learner on one
    concept share the intraclass correlation rho = sum r_i r_j / sum sqrt(v_i v_j) over pairs i != j,
    and a Beta with k = 1 / rho - 1 has it. Bounded to [1, 200]; 10 where no pair exists.
    """
    tries = np.bincount(data.items)
    overall = (data.correct.sum() + 1) / (len(data) + 2)
    rates = (np.bincount(data.items, weights=data.correct) + smoothing * overall) / (tries + smoothing)
    residual = data.correct - rates[data.items]
    deviation = np.sqrt(rates * (1 - rates))[data.items]
    rows = data.pair_rows
    group, _ = pd.factorize(data.learners[rows] * max(len(data.concept_ids), 1) + data.pair_concepts)

    def over_pairs(values: np.ndarray) -> float:
        # sum over i != j of v_i v_j = (sum v)^2 - sum v^2, within each group
        return float((np.bincount(group, values) ** 2).sum() - (values**2).sum())

    if not len(rows) or (pairs := over_pairs(deviation[rows])) < 1e-9:
        return 10.0
    rho = over_pairs(residual[rows]) / pairs
    return float(np.clip(1 / rho - 1, 1.0, 200.0)) if rho > 0 else 200.0
