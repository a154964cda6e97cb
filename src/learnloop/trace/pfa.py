"""Performance Factors Analysis: what was right and what was wrong on a concept, each with its own slope."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import NothingToDo
from learnloop.schemas import Space, Span
from learnloop.trace import newton, weights
from learnloop.trace.histories import Answers, Tally, counts_before, distinct, encode
from learnloop.trace.logits import squashed
from learnloop.trace.pairs import ItemPairs
from learnloop.trace.uncertainty import Covariance, rate_precision

SIGNS = np.array([1, -1])  # of gamma and rho
PASSES = 5  # of fitting; what is of the wrong sign after them is 0 without another
DENSE = 3000  # weights of concepts, up to which their covariance is the exact one


class PFA:
    """P(correct) = sigmoid(mean over the item's concepts of beta_c + gamma_c wins_c + rho_c fails_c)

    (Pavlik, Cen & Koedinger 2009, who sum over the concepts; with the mean, an item of several concepts is
    not easier for it.) wins and fails are what the learner did on the concept before. beta_c = b + b_c, and
    likewise gamma and rho: what all share is free, what is a concept's own has the prior N(0,
    `prior_variance`), counts in units of their standard deviation. An unseen concept has what all share.

    Ours is monotone, gamma_c >= 0 >= rho_c: a slope that would have the wrong sign is 0, and the rest is
    fitted again without it. So no right answer lowers mastery, and no wrong one raises it. That practice
    teaches also where it fails, as a rho above 0 says, is left to what wins say.
    """

    name = "pfa"
    space: ClassVar[Space] = {"prior_variance": Span(0.02, 3.0, log=True)}

    def __init__(self, prior_variance: float = 0.3) -> None:
        self.prior_variance = prior_variance
        self.concepts: dict[str, int] = {}
        self.shared = np.zeros(3)  # b, gamma, rho
        self.own = np.zeros((1, 3))  # (n_concepts + 1, 3) b_c, gamma_c, rho_c; the last, 0, for the unseen
        self.covariance = np.eye(3)[None] * prior_variance  # (n_concepts + 1, 3, 3) of shared + own
        self.precision = 10.0  # of learners' rates on one concept; see uncertainty.rate_precision

    def fit(self, answers: pd.DataFrame) -> Self:
        """answers: ANSWERS, any row order. Raises NothingToDo where there are none."""
        data = encode(answers)
        if not len(data):
            raise NothingToDo("no answers to learn from", "learnloop import csv --interactions FILE")
        counts, size = _counts(data), len(data.concept_ids)  # (m, 2) of the pairs
        held = np.zeros((size, 2), dtype=bool)  # slopes that are 0, because theirs would have the wrong sign
        for _ in range(PASSES):
            self._fit(data, counts * ~held[data.pair_concepts], held)
            wrong = (self.shared + self.own[:-1])[:, 1:] * SIGNS < 0
            if not (wrong & ~held).any():
                break
            held |= wrong
        slopes = (self.shared + self.own)[:, 1:]
        self.own[:, 1:] = np.where(slopes * SIGNS < 0, 0.0, slopes) - self.shared[1:]
        self.concepts = {concept_id: k for k, concept_id in enumerate(data.concept_ids.tolist())}
        self.precision = rate_precision(data)
        return self

    def _fit(self, data: Answers, counts: np.ndarray, held: np.ndarray) -> None:
        """The posterior mode of all that is not `held`, (n_concepts, 2), and its covariance."""
        from scipy import sparse

        scale = counts.std(axis=0) if len(counts) else np.ones(2)
        scale = np.where(scale > 1e-9, scale, 1.0)
        n, size = len(data), len(data.concept_ids)
        pairs = np.hstack([np.ones((len(counts), 1)), counts / scale]) * data.pair_shares[:, None]
        x = np.stack([np.bincount(data.pair_rows, pairs[:, k], n) for k in (1, 2)], axis=1)
        blocks = [
            sparse.csr_array((pairs[:, k], (data.pair_rows, data.pair_concepts)), shape=(n, size))
            for k in range(3)
        ]
        design = sparse.hstack(blocks, format="csr")
        rows = newton.Design.of(np.ones(n, dtype=np.int64), np.zeros(0, dtype=np.int64), 0, design)
        found = newton.mode(x, rows, data.correct, self.prior_variance, signs=SIGNS)
        back = 1.0 / np.r_[1.0, scale]
        self.shared = np.r_[found.intercept, found.slopes] * back
        self.own = np.vstack([found.concepts.reshape(3, size).T, np.zeros((1, 3))]) * back
        self.own[:-1, 1:] = np.where(held, -self.shared[1:], self.own[:-1, 1:])
        p = squashed(rows.logits(x, found))
        known = np.ones((size + 1, 3))
        known[:-1, 1:] = ~held  # what is 0 by its sign is no unknown
        by_weight = np.outer(back, back) * known[:, :, None] * known[:, None, :]
        self.covariance = self._laplace(x, design, p, size) * by_weight

    def _laplace(self, x: np.ndarray, design: Any, p: np.ndarray, size: int) -> np.ndarray:
        """(size + 1, 3, 3) covariance of shared + own of each concept; the last, of an unseen one."""
        from scipy import sparse

        dense = np.column_stack([np.ones(len(x)), x])
        weighted = dense * (p * (1 - p))[:, None]
        h_dd, h_cd = dense.T @ weighted, design.T @ weighted
        h_dd[np.diag_indices(3)] += np.r_[0.25, 1 / self.prior_variance, 1 / self.prior_variance]
        h_cc = design.T @ design.multiply(weighted[:, :1]).tocsr()
        h_cc = h_cc + sparse.eye_array(3 * size) / self.prior_variance
        known = Covariance.of(h_dd, h_cd, h_cc)
        # of the shared one and the concept's own: u = e_k - away' e_(k, c)
        u = np.eye(3) - known.away.reshape(3, size, 3).transpose(1, 0, 2)  # (size, 3, 3)
        seen = u @ known.dense @ u.transpose(0, 2, 1) + _own_blocks(h_cc.tocsr(), size)
        unseen = known.dense + self.prior_variance * np.eye(3)
        return np.concatenate([seen, unseen[None]])

    def slopes(self) -> pd.DataFrame:
        """concept_id, easiness, win, fail: beta, gamma and rho of each concept, in logits."""
        table = self.shared + self.own[:-1]
        columns = {name: table[:, k] for k, name in enumerate(("easiness", "win", "fail"))}
        return pd.DataFrame({"concept_id": pd.array(list(self.concepts), dtype="str"), **columns})

    def codes_of(self, concept_ids: Sequence[str]) -> np.ndarray:
        return np.array([self.concepts.get(c, -1) for c in concept_ids], dtype=np.int64)

    def logits(self, codes: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """(...) codes of concepts (-1: unseen) and (..., 2) wins and fails -> (...)"""
        of = self.shared + self.own[codes]
        return of[..., 0] + (of[..., 1:] * counts).sum(axis=-1)

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        """P(correct) of each row, (n,) in the rows' order, from its learner's strictly earlier rows."""
        data = encode(answers)
        codes = self.codes_of(data.concept_ids.tolist())[data.pair_concepts]
        by_pair = self.logits(codes, _counts(data)) * data.pair_shares
        found = np.bincount(data.pair_rows, by_pair, len(data)) if len(by_pair) else np.zeros(len(data))
        without = np.bincount(data.pair_rows, minlength=len(data)) == 0
        return squashed(np.where(without, self.shared[0], found))

    def predict_next(
        self,
        history: pd.DataFrame,
        item_ids: Sequence[str],
        concept_ids: Sequence[Sequence[str]],
        now: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """P(correct) if the learner of `history` answered each item now; shape (len(item_ids),)."""
        lists = [distinct(concepts) for concepts in concept_ids]
        place: dict[str, int] = {}  # each concept once, however many items it has
        flat = [place.setdefault(c, len(place)) for concepts in lists for c in concepts]
        asked = list(place)
        by_concept = self.logits(self.codes_of(asked), _tallied(Tally.of(history), asked))
        sizes = np.array([len(concepts) for concepts in lists], dtype=np.int64)
        rows = np.repeat(np.arange(len(lists)), sizes)
        found = np.bincount(rows, by_concept[flat] if flat else None, len(lists)) / np.maximum(sizes, 1)
        return squashed(np.where(sizes > 0, found, self.shared[0]))

    def mastery(
        self, history: pd.DataFrame, concept_ids: Sequence[str], now: pd.Timestamp | None = None
    ) -> pd.DataFrame:
        """concept_id, mastery, sd, attempts: P(correct) now on an item of the concept alone.

        sd as in LogisticTracer.mastery: what the model does not know of its slopes, and of this learner.
        """
        counts = _tallied(Tally.of(history), concept_ids)
        mastery, sd = self.mastery_of(self.codes_of(concept_ids), counts)
        ids, tried = pd.array(list(concept_ids), dtype="str"), counts.sum(axis=1).astype(np.int64)
        return pd.DataFrame({"concept_id": ids, "mastery": mastery, "sd": sd, "attempts": tried})

    def mastery_of(self, codes: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(...) codes and (..., 2) wins and fails -> (...) mastery and its standard deviation."""
        z = np.concatenate([np.ones((*counts.shape[:-1], 1)), counts], axis=-1)
        p = squashed(self.logits(codes, counts))
        spread = p * (1 - p)
        v = spread * np.einsum("...i,...ij,...j->...", z, self.covariance[codes], z)
        left = (1 - v / (1 + v)) * (1 - 1 / (self.precision + counts.sum(axis=-1) + 1))
        return p, np.sqrt(spread * (1 - left))

    def follow(
        self,
        item_ids: Sequence[str],
        concepts_of: Sequence[Sequence[str]],
        concept_ids: Sequence[str],
        n_learners: int,
    ) -> "PFAFollowing":
        """All of `n_learners` new learners at once; see schemas.Following."""
        return PFAFollowing(self, concepts_of, concept_ids, n_learners)

    def save(self, folder: Path) -> None:
        """Writes the weights into `folder`, which exists."""
        arrays = {"shared": self.shared, "own": self.own, "covariance": self.covariance}
        arrays["precision"] = np.array([self.precision])
        about = {"concept_ids": list(self.concepts), "prior_variance": self.prior_variance}
        weights.save(folder, self.name, arrays, about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable where the files are missing or do not match."""
        arrays, about = weights.load(folder, cls.name)
        tracer = cls(about["prior_variance"])
        tracer.shared, tracer.own, tracer.covariance = (
            arrays[name] for name in ("shared", "own", "covariance")
        )
        tracer.precision = float(arrays["precision"][0])
        tracer.concepts = {concept_id: k for k, concept_id in enumerate(about["concept_ids"])}
        return tracer


class PFAFollowing:
    """n learners' wins and fails on each concept; see schemas.Following."""

    def __init__(
        self,
        tracer: PFA,
        concepts_of: Sequence[Sequence[str]],
        concept_ids: Sequence[str],
        n_learners: int,
    ) -> None:
        """An item without a concept is of one more, whose counts do not move."""
        self.tracer, self.n_concepts = tracer, len(concept_ids)
        lists = [distinct(concepts) for concepts in concepts_of]
        followed = list(dict.fromkeys([*concept_ids, *(c for concepts in lists for c in concepts)]))
        self.nobody = len(followed)
        place = {c: k for k, c in enumerate(followed)}
        self.pairs = ItemPairs.of([[place[c] for c in concepts] or [self.nobody] for concepts in lists])
        self.codes = np.append(tracer.codes_of(followed), -1)
        self.counts = np.zeros((n_learners, len(followed) + 1, 2))

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        """(m,) learners, each at most once; item codes; outcomes; times (which do not matter)."""
        rows, pairs = self.pairs.of_items(items)
        failed = 1 - np.asarray(correct, dtype=np.int64)
        self.counts[learners[rows], self.pairs.concepts[pairs], failed[rows]] += 1.0
        self.counts[:, self.nobody] = 0.0

    def p_correct(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_items)"""
        logits = self.tracer.logits(self.codes, self.counts[learners])
        return squashed(self.pairs.mean(logits[:, self.pairs.concepts]))

    def mastery(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, n_concepts) mastery, and its standard deviation."""
        counts = self.counts[learners, : self.n_concepts]
        return self.tracer.mastery_of(
            np.broadcast_to(self.codes[: self.n_concepts], counts.shape[:2]), counts
        )


def _own_blocks(h_cc: Any, size: int) -> np.ndarray:
    """(size, 3, 3) of h_cc^-1, sparse (3 size, 3 size): what each concept's three weights have to do with
    each other. Of many concepts, those that share items are taken as if they did not."""
    places = np.arange(size) + size * np.arange(3)[:, None]  # (3, size)
    rows, columns = places.T[:, :, None], places.T[:, None, :]
    if 3 * size <= DENSE:
        return np.asarray(np.linalg.inv(h_cc.toarray())[rows, columns])
    rows, columns = np.broadcast_arrays(rows, columns)
    return np.linalg.inv(np.asarray(h_cc[rows.ravel(), columns.ravel()]).reshape(size, 3, 3))


def _counts(data: Answers) -> np.ndarray:
    """(m, 2) wins and fails on the pair's concept before its row."""
    rows = data.pair_rows
    streams = data.learners[rows] * max(len(data.concept_ids), 1) + data.pair_concepts
    wins, tries = counts_before(streams, data.moments[rows], data.correct[rows])
    return np.stack([wins, tries - wins], axis=1)


def _tallied(tally: Tally, concept_ids: Sequence[str]) -> np.ndarray:
    """(n, 2) wins and fails on each concept."""
    found = np.array([tally.concepts.get(c, [0, 0]) for c in concept_ids], dtype=float).reshape(-1, 2)
    return np.stack([found[:, 0], found[:, 1] - found[:, 0]], axis=1)
