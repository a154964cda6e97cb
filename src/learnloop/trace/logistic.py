"""Knowledge tracing by logistic regression: item, concepts, ability, and what the learner has done so far."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import ModelUnavailable, NothingToDo
from learnloop.schemas import Space, Span
from learnloop.trace import newton, weights
from learnloop.trace.ability import abilities, ability_after, of_belief
from learnloop.trace.histories import Answers, encode, encode_history
from learnloop.trace.logistic_following import LogisticFollowing
from learnloop.trace.logistic_past import LogisticPast
from learnloop.trace.logits import squashed
from learnloop.trace.practice_features import Groups, Profile, averages
from learnloop.trace.uncertainty import Laplace, laplace, rate_precision

BELIEFS = ((1.0, 0.0), (1.0, 0.02))  # (variance, drift) of the abilities kept up; the first does not drift
PARTS = 5  # of the learners, when easiness is learnt from others


class LogisticTracer:
    """P(correct) = sigmoid(b + beta_item + mean(delta_concepts) + slopes · x)

    The family of Performance Factors Analysis (Pavlik, Cen & Koedinger 2009), Best-LR (Gervet et al. 2020)
    and DAS3H (Choffin et al. 2019). x is what the learner has behind them (practice_features) and the
    learner's ability as believed then (ability): nothing that stands for one learner, so learners never
    seen in training are nothing special.

    The ability rests on how easy the answered items are for all: u_item + mean(u_concepts), from a smaller
    model of the same form. In training each learner's comes from the other learners' answers, else their
    own outcomes would be in it and the slopes would trust it too much.

    Every weight but b has the prior N(0, `prior_variance`), x in units of its standard deviation. An unseen
    item or concept has weight 0, the mean of its kind.
    """

    name = "logistic"
    space: ClassVar[Space] = {"prior_variance": Span(0.1, 3.0, log=True)}

    def __init__(self, prior_variance: float = 0.5) -> None:
        self.prior_variance = prior_variance
        self.groups = Groups(timed=False)
        self.intercept = self.easy_intercept = 0.0
        self.slopes = np.zeros(self.n_features)
        self.scale = np.ones(self.n_features)
        self.items: dict[str, int] = {}
        self.concepts: dict[str, int] = {}
        self.item_weights = np.zeros(1)  # easiness, in logits; the last is for the unseen, 0
        self.concept_weights = np.zeros(1)
        self.easy_items = np.zeros(1)  # u, the same for the ability
        self.easy_concepts = np.zeros(1)
        self.item_concept_weights = np.zeros(0)  # (n_items,) mean(delta) of the item's concepts
        self.uncertainty = Laplace.prior(self.n_features, prior_variance)

    @property
    def n_features(self) -> int:
        return sum(self.groups.widths) + len(BELIEFS) + 1

    @property
    def features(self) -> list[str]:
        """The names of x, in its order."""
        means = (f"ability:mean:drift {drift:g}" for _, drift in BELIEFS)
        return [*self.groups.names, *means, "ability:variance"]

    @property
    def signs(self) -> np.ndarray:
        """(n_features,) what each slope may be, for the model to be monotone; see practice_features."""
        return np.r_[self.groups.signs, np.ones(len(BELIEFS)), -1]

    def fit(self, answers: pd.DataFrame) -> Self:
        """answers: ANSWERS, any row order. Raises NothingToDo where there are none."""
        data = encode(answers)
        if not len(data):
            raise NothingToDo("no answers to learn from", "learnloop import csv --interactions FILE")
        self.groups = Groups.of(data)
        self.items = {item_id: i for i, item_id in enumerate(data.item_ids.tolist())}
        self.concepts = {concept_id: i for i, concept_id in enumerate(data.concept_ids.tolist())}
        order, design = laid_out(data)
        correct, practice = data.correct[order], self.groups.table(data)
        found, easiness = self._fit_easiness(data, practice, order, design)
        x = np.hstack([practice, self._beliefs(data, easiness)])
        spread = x.std(axis=0)
        self.scale = np.where(spread > 1e-9, spread, 1.0)
        x = x[order] / self.scale
        start = newton.Weights(found.intercept, np.zeros(x.shape[1]), found.items, found.concepts)
        found = newton.mode(x, design, correct, self.prior_variance, signs=self.signs, start=start)
        self.intercept, self.slopes = found.intercept, found.slopes
        self.item_weights = np.append(found.items, 0.0)
        self.concept_weights = np.append(found.concepts, 0.0)
        tries = design.by_item @ design.sizes
        self.item_concept_weights = (
            design.by_item @ (design.sizes * (design.concepts @ found.concepts)) / tries
        )
        p = squashed(design.logits(x, found))
        self.uncertainty = laplace(x, design, p, found.items, self.prior_variance, found.slopes != 0)
        self.uncertainty.rate_precision = rate_precision(data)
        return self

    def _fit_easiness(
        self, data: Answers, practice: np.ndarray, order: np.ndarray, design: newton.Design
    ) -> tuple[newton.Weights, np.ndarray]:
        """Sets u; returns its weights and (n,) that of each answer's item, learnt from the other learners."""
        wanted = [":success:" in name and name[:4] != "item" for name in self.groups.names]
        x, correct = practice[:, wanted][order], data.correct[order]
        found = newton.mode(x, design, correct, self.prior_variance)
        self.easy_intercept = found.intercept
        self.easy_items = np.append(found.items, 0.0)
        self.easy_concepts = np.append(found.concepts, 0.0)
        part = (data.learner_ranks % PARTS)[data.learners[order]]
        easiness = np.empty(len(data))
        for number in np.unique(part):
            own, by = part == number, found
            if not own.all():
                others = design.only(~own)
                by = newton.mode(x[~own], others, correct[~own], self.prior_variance, start=found)
            easiness[order[own]] = np.repeat(design.of_kinds(by), design.sizes)[own]
        return found, easiness

    def _beliefs(self, data: Answers, easiness: np.ndarray) -> np.ndarray:
        """(n, b + 1) what is believed of the learner's ability before each row."""
        arguments = data.learners, data.moments, easiness, data.correct
        found = [abilities(*arguments, variance, drift) for variance, drift in BELIEFS]
        return of_belief(np.stack(found, axis=1))

    def codes_of(self, item_ids: Sequence[str], concept_ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Where their weights stand; -1 for the unseen."""
        items = np.array([self.items.get(i, -1) for i in item_ids], dtype=np.int64)
        return items, np.array([self.concepts.get(c, -1) for c in concept_ids], dtype=np.int64)

    def _easiness(self, data: Answers) -> tuple[np.ndarray, np.ndarray]:
        """(n,) what each row's item adds to the logit; (n,) how easy it is for an average learner."""
        items, concepts = self.codes_of(data.item_ids.tolist(), data.concept_ids.tolist())
        mean, codes = averages(data), concepts[data.pair_concepts]
        own = self.intercept + self.item_weights[items][data.items] + mean @ self.concept_weights[codes]
        easy = self.easy_intercept + self.easy_items[items][data.items] + mean @ self.easy_concepts[codes]
        return own, easy

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        """P(correct) of each row, (n,) in the rows' order, from its learner's strictly earlier rows."""
        data = encode(answers)
        if not len(data):
            return np.zeros(0)
        own, easy = self._easiness(data)
        x = np.hstack([self.groups.table(data), self._beliefs(data, easy)])
        return squashed(own + x @ (self.slopes / self.scale))

    def read(
        self, history: pd.DataFrame, now: pd.Timestamp | None = None, items: bool = True
    ) -> LogisticPast:
        """The history of one learner, possibly none, as it stands at `now`: for whoever asks more than once.

        items: False where nobody asks for items. Raises BadInput where the history is several learners'.
        """
        data = encode_history(history, now)
        codes, concepts = self.codes_of(data.item_ids.tolist(), data.concept_ids.tolist())
        by_pair = data.pair_shares * self.easy_concepts[concepts][data.pair_concepts]
        easy = self.easy_intercept + self.easy_items[codes][data.items]
        easy += np.bincount(data.pair_rows, by_pair, len(data))
        beliefs = [
            ability_after(data.moments, easy, data.correct, variance, drift) for variance, drift in BELIEFS
        ]
        at = None if now is None else now.timestamp()
        profile = Profile.of(self.groups, data, at, items)
        return LogisticPast(self, profile, of_belief(np.array(beliefs)[None])[0])

    def predict_next(
        self,
        history: pd.DataFrame,
        item_ids: Sequence[str],
        concept_ids: Sequence[Sequence[str]],
        now: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """P(correct) if the learner of `history` answered each item at `now`; shape (len(item_ids),).

        history: ANSWERS of one learner, possibly none. concept_ids: the concepts of each item.
        Raises BadInput where the history is several learners'.
        """
        return self.read(history, now).predict_next(item_ids, concept_ids)

    def mastery(
        self, history: pd.DataFrame, concept_ids: Sequence[str], now: pd.Timestamp | None = None
    ) -> pd.DataFrame:
        """concept_id, mastery, sd, attempts: P(correct) at `now` on an average item of each concept.

        The average item: new to the learner, of this concept alone, with the mean weight of the concept's
        items (by training answers). With p that probability, z its features, S the covariance of the
        weights (Laplace), n the learner's attempts on the concept and k the precision of a Beta that
        describes how learners' rates on one concept spread around what their items alone predict:

            v = p (1 - p) z' S z,   sd^2 = p (1 - p) (1 - (1 - v / (1 + v)) (1 - 1 / (k + n + 1)))

        v / (1 + v) is what the model does not know about everybody, as a share of the most there can be (the
        delta method where small); 1 / (k + n + 1) is what it does not know about this learner.
        history: ANSWERS of one learner, possibly none.
        """
        return self.read(history, now, items=False).mastery(concept_ids)

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
        self, x: np.ndarray, codes: np.ndarray, attempts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(m,) mastery and its sd for features x (m, k) on the concepts `codes` (-1: unseen); see mastery."""
        if not len(codes):
            return np.zeros(0), np.zeros(0)
        known, x = self.uncertainty, x / self.scale
        p = squashed(
            self.intercept + x @ self.slopes + self.concept_weights[codes] + known.average_items[codes]
        )
        spread = p * (1 - p)
        v = spread * known.logit_variance(x, codes)
        # var = var(p) + E[p (1 - p)] / (k + n + 1), and E[p (1 - p)] = spread - var(p)
        left = (1 - v / (1 + v)) * (1 - 1 / (known.rate_precision + attempts + 1))
        return p, np.sqrt(spread * (1 - left))

    def follow(
        self,
        item_ids: Sequence[str],
        concepts_of: Sequence[Sequence[str]],
        concept_ids: Sequence[str],
        n_learners: int,
    ) -> LogisticFollowing:
        """All of `n_learners` new learners at once; see schemas.Following."""
        return LogisticFollowing(self, BELIEFS, item_ids, concepts_of, concept_ids, n_learners)

    def difficulties(self) -> pd.DataFrame:
        """item_id, difficulty: minus the item's weight and its concepts', in logits; 0 is the average."""
        logits = -(self.item_weights[:-1] + self.item_concept_weights)
        return pd.DataFrame({"item_id": pd.array(list(self.items), dtype="str"), "difficulty": logits})

    def save(self, folder: Path) -> None:
        """Writes the weights into `folder`, which exists."""
        names = (
            "slopes", "scale", "item_weights", "concept_weights", "easy_items", "easy_concepts",
            "item_concept_weights",
        )  # fmt: skip
        arrays = {name: getattr(self, name) for name in names}
        arrays["intercepts"] = np.array([self.intercept, self.easy_intercept])
        arrays |= {f"uncertainty.{name}": array for name, array in self.uncertainty.arrays().items()}
        about = {
            "features": self.features,
            "timed": self.groups.timed,
            "lasting": self.groups.lasting,
            "prior_variance": self.prior_variance,
            "item_ids": list(self.items),
            "concept_ids": list(self.concepts),
        }
        weights.save(folder, self.name, arrays, about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable where the files are missing or do not match, or are of an older design."""
        arrays, about = weights.load(folder, cls.name)
        tracer = cls(about["prior_variance"])
        if "timed" in about:
            tracer.groups = Groups(about["timed"], about["lasting"])
        if about.get("features") != tracer.features:
            raise ModelUnavailable(f"{folder} holds a logistic tracer of an older design", "learnloop train")
        tracer.intercept, tracer.easy_intercept = arrays.pop("intercepts").tolist()
        tracer.items = {item_id: i for i, item_id in enumerate(about["item_ids"])}
        tracer.concepts = {concept_id: i for i, concept_id in enumerate(about["concept_ids"])}
        prefix = "uncertainty."
        tracer.uncertainty = Laplace.of(
            {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        )
        for name, array in arrays.items():
            if not name.startswith(prefix):
                setattr(tracer, name, array)
        return tracer


def laid_out(data: Answers) -> tuple[np.ndarray, newton.Design]:
    """(n,) the rows by kind, which is an item with its concepts; and what they are of, in that order."""
    from scipy import sparse

    n, n_concepts = len(data), len(data.concept_ids)
    counts = np.bincount(data.pair_rows, minlength=n)
    starts = np.cumsum(counts) - counts
    kinds = data.items
    for place in range(counts.max(initial=0)):  # an item whose concepts changed is several kinds
        has = counts > place
        concept = np.full(n, n_concepts)
        concept[has] = data.pair_concepts[starts[has] + place]
        kinds, _ = pd.factorize(kinds * (n_concepts + 1) + concept)
    order = np.argsort(kinds, kind="stable")
    sizes = np.bincount(kinds)
    firsts = order[np.cumsum(sizes) - sizes]
    lengths = counts[firsts]
    pairs = np.repeat(starts[firsts] - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    concepts = sparse.csr_array(
        (data.pair_shares[pairs], data.pair_concepts[pairs], np.r_[0, np.cumsum(lengths)]),
        shape=(len(sizes), n_concepts),
    )
    return order, newton.Design.of(sizes, data.items[firsts], len(data.item_ids), concepts)
