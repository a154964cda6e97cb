"""What a fitted logistic tracer does not know: about its weights, and about one learner.

The weights' posterior is taken as normal around its mode (Laplace), S = (X' W X + I / prior_variance)^-1.
Each answer has exactly one item, so the items' block of the Hessian is diagonal and S follows from a
Schur complement over intercept, slopes and concepts alone: exact, and no (n_items, n_items) matrix.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from learnloop.trace.histories import Answers


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


def laplace(
    history: np.ndarray,
    item_matrix: Any,
    concept_matrix: Any,
    p: np.ndarray,
    item_weights: np.ndarray,
    prior_variance: float,
    free: np.ndarray | None = None,
) -> Laplace:
    """free: (k,) bool, False where a slope is held at 0 by its sign and so is no unknown.

    history (n, k), item_matrix (n, n_items), concept_matrix (n, n_concepts), p (n,) at the mode."""
    from scipy import linalg, sparse

    free = np.ones(history.shape[1], dtype=bool) if free is None else free
    history = history[:, free]
    n, k = history.shape
    n_concepts = concept_matrix.shape[1]
    w = p * (1 - p)
    others = sparse.hstack([np.ones((n, 1)), sparse.csr_array(history), concept_matrix], format="csr")
    weighted = others.multiply(w[:, None]).tocsr()
    hessian = (weighted.T @ others).toarray()
    hessian[np.diag_indices_from(hessian)] += 1 / prior_variance
    hessian[0, 0] += 0.25 - 1 / prior_variance  # the intercept has two half pseudo-answers, no prior
    items = item_matrix.T @ w + 1 / prior_variance  # (n_items,) the diagonal block
    cross = (weighted.T @ item_matrix).tocsr()  # (o, n_items)
    # S over the others = (H_oo - H_oi D^-1 H_io)^-1
    schur = hessian - (cross.multiply(1 / items[None, :]) @ cross.T).toarray()
    s = linalg.inv(schur, assume_a="pos")

    shares = (item_matrix.T @ concept_matrix).tocsc()  # (n_items, n_concepts) training answers
    totals = np.asarray(shares.sum(axis=0)).ravel()
    shares = shares.multiply(1 / totals[None, :]).tocsc()
    # a_c = e_intercept + e_concept - H_oi D^-1 share_c; an unseen concept: e_intercept and its prior
    scaled = shares.multiply(1 / items[:, None])
    a = np.zeros((hessian.shape[0], n_concepts + 1))
    a[:, :-1] = -(cross @ scaled).toarray()
    a[0] += 1.0
    a[1 + k + np.arange(n_concepts), np.arange(n_concepts)] += 1.0
    sa = s @ a
    variance = (a * sa).sum(axis=0)
    variance[:-1] += np.asarray(shares.multiply(scaled).sum(axis=0)).ravel()  # share' D^-1 share
    variance[-1] += prior_variance
    concept_slopes = np.zeros((n_concepts + 1, len(free)))
    concept_slopes[:, free] = sa[1 : 1 + k].T
    slopes = np.zeros((len(free), len(free)))
    slopes[np.ix_(free, free)] = s[1 : 1 + k, 1 : 1 + k]
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
    _, group = np.unique(
        data.learners[rows] * max(len(data.concept_ids), 1) + data.pair_concepts, return_inverse=True
    )

    def over_pairs(values: np.ndarray) -> float:
        # sum over i != j of v_i v_j = (sum v)^2 - sum v^2, within each group
        return float((np.bincount(group, values) ** 2).sum() - (values**2).sum())

    if not len(rows) or (pairs := over_pairs(deviation[rows])) < 1e-9:
        return 10.0
    rho = over_pairs(residual[rows]) / pairs
    return float(np.clip(1 / rho - 1, 1.0, 200.0)) if rho > 0 else 200.0
