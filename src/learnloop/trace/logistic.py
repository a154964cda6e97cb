"""Knowledge tracing by logistic regression: item, concepts, and what the learner has done so far."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import NothingToDo
from learnloop.schemas import Space
from learnloop.trace import weights
from learnloop.trace.histories import FEATURES, Answers, Tally, encode, features
from learnloop.trace.logistic_following import LogisticFollowing
from learnloop.trace.logits import squashed
from learnloop.trace.uncertainty import Laplace, laplace, rate_precision


class LogisticTracer:
    """P(correct) = sigmoid(b + beta_item + mean(delta_concepts) + slopes · x), x as in FEATURES.

    The family of Performance Factors Analysis (Pavlik, Cen & Koedinger 2009) and Best-LR (Gervet,
    Koedinger, Schneider & Mitchell 2020). Every weight but b has the prior N(0, `prior_variance`); b rests
    on half a right and half a wrong pseudo-answer, so that one-sided data has a finite answer too. An
    unseen item or concept has weight 0, the mean of its kind.
    """

    name = "logistic"
    space: ClassVar[Space] = {}

    def __init__(self, prior_variance: float = 0.5, max_iterations: int = 200) -> None:
        self.prior_variance = prior_variance
        self.max_iterations = max_iterations
        self.intercept = 0.0
        self.slopes = np.zeros(len(FEATURES))
        self.items: dict[str, int] = {}
        self.concepts: dict[str, int] = {}
        self.item_weights = np.zeros(0)  # easiness, in logits; one more, 0, at the end for the unseen
        self.concept_weights = np.zeros(0)
        self.item_concept_weights = np.zeros(0)  # (n_items,) mean(delta) of the item's concepts
        self.uncertainty = Laplace.prior(len(FEATURES), prior_variance)

    def fit(self, answers: pd.DataFrame) -> Self:
        """answers: ANSWERS, any row order. Raises NothingToDo where there are none."""
        from scipy import sparse

        data = encode(answers)
        if not len(data):
            raise NothingToDo("no answers to learn from", "learnloop import csv --interactions FILE")
        history = features(data)
        item_matrix, concept_matrix = design(data)
        weights_ = self._solve(sparse.hstack([sparse.csr_array(history), item_matrix, concept_matrix]), data)
        k, n_items = len(FEATURES), len(data.item_ids)
        self.slopes, item_weights, concept_weights = np.split(weights_, [k, k + n_items])
        self.items = {item_id: i for i, item_id in enumerate(data.item_ids.tolist())}
        self.concepts = {concept_id: i for i, concept_id in enumerate(data.concept_ids.tolist())}
        self.item_weights = np.append(item_weights, 0.0)
        self.concept_weights = np.append(concept_weights, 0.0)
        tries = np.bincount(data.items, minlength=n_items)
        by_row = concept_matrix @ concept_weights
        self.item_concept_weights = np.bincount(data.items, weights=by_row, minlength=n_items) / tries
        p = squashed(self.intercept + history @ self.slopes + item_matrix @ item_weights + by_row)
        self.uncertainty = laplace(history, item_matrix, concept_matrix, p, item_weights, self.prior_variance)
        self.uncertainty.rate_precision = rate_precision(data)
        return self

    def _solve(self, rows: Any, data: Answers) -> np.ndarray:
        """The posterior mode; sets the intercept, returns the other weights.

        newton-cg: on half a million answers lbfgs did not converge and liblinear took three times as long.
        """
        from scipy import sparse
        from sklearn.linear_model import LogisticRegression

        nothing = sparse.csr_array((2, rows.shape[1]))
        model = LogisticRegression(
            C=self.prior_variance, solver="newton-cg", tol=1e-6, max_iter=self.max_iterations
        )
        model.fit(
            sparse.vstack([rows, nothing], format="csr"),
            np.append(data.correct, [0.0, 1.0]),
            sample_weight=np.append(np.ones(len(data)), [0.5, 0.5]),
        )
        self.intercept = float(model.intercept_[0])
        return np.asarray(model.coef_[0], dtype=float)

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        """P(correct) of each row, (n,) in the rows' order, from its learner's strictly earlier rows."""
        data = encode(answers)
        items = np.array([self.items.get(i, -1) for i in data.item_ids.tolist()], dtype=np.int64)
        concepts = np.array([self.concepts.get(c, -1) for c in data.concept_ids.tolist()], dtype=np.int64)
        logits = self.intercept + features(data) @ self.slopes
        if len(data):
            logits += self.item_weights[items[data.items]]
        if len(data.pair_rows):
            deltas = self.concept_weights[concepts[data.pair_concepts]] * data.pair_shares
            logits += np.bincount(data.pair_rows, weights=deltas, minlength=len(data))
        return squashed(logits)

    def predict_next(
        self,
        history: pd.DataFrame,
        item_ids: Sequence[str],
        concept_ids: Sequence[Sequence[str]],
        now: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """P(correct) if the learner of `history` answered each item now; shape (len(item_ids),).

        history: ANSWERS of one learner, possibly none. concept_ids: the concepts of each item.
        Raises BadInput where the history is several learners'.
        """
        logits = self.intercept + Tally.of(history).features(item_ids, concept_ids) @ self.slopes
        logits += self.item_weights[[self.items.get(i, -1) for i in item_ids]] if len(item_ids) else 0.0
        for row, concepts in enumerate(concept_ids):
            if len(concepts):
                codes = [self.concepts.get(c, -1) for c in dict.fromkeys(concepts)]
                logits[row] += self.concept_weights[codes].mean()
        return squashed(logits)

    def mastery(
        self, history: pd.DataFrame, concept_ids: Sequence[str], now: pd.Timestamp | None = None
    ) -> pd.DataFrame:
        """concept_id, mastery, sd, attempts: P(correct) now on an average item of each concept.

        The average item: new to the learner, of this concept alone, with the mean weight of the concept's
        items (by training answers). With p that probability, z its features, S the covariance of the
        weights (Laplace), n the learner's attempts on the concept and k the precision of a Beta that
        describes how learners' rates on one concept spread around what their items alone predict:

            sd^2 = (p (1 - p))^2 z' S z  +  p (1 - p) / (k + n + 1)

        The first term (delta method) is what the model does not know about everybody, the second what it
        does not know about this learner. history: ANSWERS of one learner, possibly none.
        """
        tally = Tally.of(history)
        practice = tally.features([None] * len(concept_ids), [(c,) for c in concept_ids])
        attempts = np.array([tally.concepts.get(c, (0, 0))[1] for c in concept_ids], dtype=np.int64)
        codes = np.array([self.concepts.get(c, -1) for c in concept_ids], dtype=np.int64)
        p, sd = self.mastery_of(practice, codes, attempts)
        ids = pd.array(list(concept_ids), dtype="str")
        return pd.DataFrame({"concept_id": ids, "mastery": p, "sd": sd, "attempts": attempts})

    def mastery_many(self, answers: pd.DataFrame, concept_ids: Sequence[str]) -> pd.DataFrame:
        """learner_id and the columns of `mastery`; every learner of `answers` x every concept."""
        frames = [
            self.mastery(history, concept_ids).assign(learner_id=learner_id)
            for learner_id, history in answers.groupby("learner_id", sort=True)
        ]
        columns = ["learner_id", "concept_id", "mastery", "sd", "attempts"]
        empty = self.mastery(answers.iloc[:0], []).assign(learner_id=pd.array([], dtype="str"))
        return (pd.concat(frames, ignore_index=True) if frames else empty)[columns]

    def mastery_of(
        self, practice: np.ndarray, codes: np.ndarray, attempts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(m,) mastery and its sd, for practice (m, k) on the concepts `codes` (-1: unseen); see mastery."""
        if not len(codes):
            return np.zeros(0), np.zeros(0)
        known = self.uncertainty
        p = squashed(
            self.intercept + practice @ self.slopes + self.concept_weights[codes] + known.average_items[codes]
        )
        # (p(1-p))^2 z'Sz + p(1-p) / (k + n + 1)
        spread = p * (1 - p)
        variance = spread**2 * known.logit_variance(practice, codes)
        variance += spread / (known.rate_precision + attempts + 1)
        return p, np.sqrt(variance)

    def follow(
        self,
        item_ids: Sequence[str],
        concepts_of: Sequence[Sequence[str]],
        concept_ids: Sequence[str],
        n_learners: int,
    ) -> LogisticFollowing:
        """All of `n_learners` new learners at once; see schemas.Following."""
        return LogisticFollowing(self, item_ids, concepts_of, concept_ids, n_learners)

    def difficulties(self) -> pd.DataFrame:
        """item_id, difficulty: minus the item's weight and its concepts', in logits; 0 is the average."""
        logits = -(self.item_weights[:-1] + self.item_concept_weights)
        return pd.DataFrame({"item_id": pd.array(list(self.items), dtype="str"), "difficulty": logits})

    def save(self, folder: Path) -> None:
        """Writes the weights into `folder`, which exists."""
        arrays = {
            "intercept": np.array([self.intercept]),
            "slopes": self.slopes,
            "item_weights": self.item_weights,
            "concept_weights": self.concept_weights,
            "item_concept_weights": self.item_concept_weights,
            **{f"uncertainty.{name}": array for name, array in self.uncertainty.arrays().items()},
        }
        about = {
            "features": list(FEATURES),
            "prior_variance": self.prior_variance,
            "max_iterations": self.max_iterations,
            "item_ids": list(self.items),
            "concept_ids": list(self.concepts),
        }
        weights.save(folder, self.name, arrays, about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable where the files are missing or do not match."""
        arrays, about = weights.load(folder, cls.name)
        tracer = cls(about["prior_variance"], about["max_iterations"])
        tracer.intercept = float(arrays["intercept"][0])
        tracer.slopes = arrays["slopes"]
        tracer.item_weights, tracer.concept_weights = arrays["item_weights"], arrays["concept_weights"]
        tracer.item_concept_weights = arrays["item_concept_weights"]
        tracer.items = {item_id: i for i, item_id in enumerate(about["item_ids"])}
        tracer.concepts = {concept_id: i for i, concept_id in enumerate(about["concept_ids"])}
        prefix = "uncertainty."
        tracer.uncertainty = Laplace.of(
            {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        )
        return tracer


def design(data: Answers) -> tuple[Any, Any]:
    """Sparse (n, n_items), one 1 a row; and (n, n_concepts), 1 / (number of concepts) each."""
    from scipy import sparse

    n = len(data)
    items = sparse.csr_array((np.ones(n), (np.arange(n), data.items)), shape=(n, len(data.item_ids)))
    pairs = (data.pair_shares, (data.pair_rows, data.pair_concepts))
    return items, sparse.csr_array(pairs, shape=(n, len(data.concept_ids)))
