"""A blend of tracers: a small logistic regression over their logits, learnt on learners they have not seen.

    P(correct) = sigmoid(b + sum_k weight_k logit(p_k)),   weight_k >= 0

Stacking (Wolpert 1992). Fitting holds out a fifth of its learners, fits the bases on the others, learns b
and the weights on those held out, and fits the bases again on everybody. The weights have the prior
N(1 / n_bases, PRIOR), so that with few answers they stay equal. Chance also finds weights: those learnt on
one half of the held-out learners are judged on the other half, and unless they have the least log-loss
there, the best base stands alone. `validation` says what each reached.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, ModelUnavailable, NothingToDo
from learnloop.schemas import ANSWERS, Following, Space, Tracer, check
from learnloop.trace import weights as files

# Name -> module and class, imported when one is wanted.
ORIGINS = {
    "rate": ("rate", "RateTracer"),
    "irt": ("irt", "IRT"),
    "pfa": ("pfa", "PFA"),
    "logistic": ("logistic", "LogisticTracer"),
    "bkt": ("bkt", "BKT"),
    "memory": ("memory", "Memory"),
    "attention": ("attention", "Attention"),
}
DEFAULTS: dict[str, dict[str, Any]] = {"logistic": {}, "bkt": {}, "attention": {"members": 1}}
KNOWING = {"bkt", "memory"}  # their mastery is P(knows the concept), the others' P(correct on an item of it)
HELD_OUT = 0.2  # of the learners
FEW = 4  # held-out learners; fewer tell nothing
PRIOR = 0.25  # variance of a weight, and of b


class Blend:
    """bases: name -> hyper-parameters; a name is that of a tracer, with `:anything` after it where one kind
    comes twice. weights: (n,) of `models`, the bases that are left, each fitted on everything.
    """

    name = "blend"
    space: ClassVar[Space] = {}  # what can be tuned are its bases

    def __init__(self, bases: Mapping[str, Mapping[str, Any]] | None = None, seed: int = 0) -> None:
        """Raises BadInput on no bases, ModelUnavailable on a base nobody knows."""
        chosen = DEFAULTS if bases is None else bases
        if not chosen:
            raise BadInput("a blend needs at least one base", field="bases")
        self.bases = {base: dict(settings) for base, settings in chosen.items()}
        self.seed = seed
        for base in self.bases:
            kind(base)
        self.models: dict[str, Tracer] = {}
        self.intercept, self.weights = 0.0, np.zeros(0)
        self.validation: dict[str, float] = {}  # log-loss on held-out learners: of each base, and "blend"

    def _new(self, base: str) -> Tracer:
        model: Tracer = kind(base)(**self.bases[base])
        return model

    def fit(self, answers: pd.DataFrame) -> Self:
        """answers: ANSWERS, any row order. Raises NothingToDo where there are none."""
        answers = check(answers, ANSWERS, "answers")
        if not len(answers):
            raise NothingToDo("no answers to learn from", "learnloop import csv --interactions FILE")
        self.intercept, weights, self.validation = self._learn(answers)
        kept = [base for base, weight in zip(self.bases, weights, strict=True) if weight > 0]
        self.weights = weights[weights > 0]
        self.models = {base: self._new(base).fit(answers) for base in kept}
        return self

    def _learn(self, answers: pd.DataFrame) -> tuple[float, np.ndarray, dict[str, float]]:
        """(b, weights of all bases, log-loss of each on the held-out learners)."""
        names = list(self.bases)
        equal = np.full(len(names), 1 / len(names))
        learners = np.sort(answers["learner_id"].unique().astype(object))
        rng = np.random.default_rng(self.seed)
        chosen = rng.permutation(learners)[: round(HELD_OUT * len(learners))]
        if len(chosen) < FEW or len(names) == 1:
            return 0.0, equal, {}
        is_held = answers["learner_id"].isin(chosen)
        held = answers[is_held].sort_values(["learner_id", "occurred_at", "item_id", "correct"])
        logits = np.column_stack(
            [_logit(self._new(base).fit(answers[~is_held]).predict(held)) for base in names]
        )
        correct = held["correct"].to_numpy(dtype=float)
        found = {name: log_loss(column, correct) for name, column in zip(names, logits.T, strict=True)}
        half = held["learner_id"].isin(chosen[::2]).to_numpy()
        crossed = np.empty(len(held))
        for learnt_on in (half, ~half):
            b, weights = stack(logits[learnt_on], correct[learnt_on])
            crossed[~learnt_on] = b + logits[~learnt_on] @ weights
        best = min(found, key=found.__getitem__)
        found["blend"] = log_loss(crossed, correct)
        if found["blend"] >= found[best]:
            return 0.0, np.array([float(name == best) for name in names]), found
        return (*stack(logits, correct), found)

    @property
    def earned(self) -> bool:
        """Whether the blend was better than its best base on held-out learners; True where none could be."""
        return not self.validation or self.validation["blend"] == min(self.validation.values())

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        """P(correct) of each row, (n,) in the rows' order, from its learner's strictly earlier rows."""
        found = [model.predict(answers) for model in self.models.values()]
        return mixed(found, self.intercept, self.weights, len(answers))

    def predict_next(
        self,
        history: pd.DataFrame,
        item_ids: Sequence[str],
        concept_ids: Sequence[Sequence[str]],
        now: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """P(correct) if the learner of `history` answered each item now; shape (len(item_ids),)."""
        found = [model.predict_next(history, item_ids, concept_ids, now) for model in self.models.values()]
        return mixed(found, self.intercept, self.weights, len(item_ids))

    def mastery(
        self, history: pd.DataFrame, concept_ids: Sequence[str], now: pd.Timestamp | None = None
    ) -> pd.DataFrame:
        """concept_id, mastery, sd, attempts: the bases' masteries m_k, mixed with shares s_k of the weights.

            mastery = sum s_k m_k        sd^2 = sum s_k (sd_k^2 + (m_k - mastery)^2)

        the mean and variance of a mixture: the bases' own doubt and their disagreement. Bases that mean
        P(knows) by mastery are left out where others mean P(correct).
        """
        names, shares = self._alike()
        frames = [self.models[name].mastery(history, concept_ids, now) for name in names]
        means = np.array([frame["mastery"].to_numpy(dtype=float) for frame in frames])
        sds = np.array([frame["sd"].to_numpy(dtype=float) for frame in frames])
        mastery, sd = mixture(shares, means, sds)
        return frames[0].assign(mastery=mastery, sd=sd)

    def _alike(self) -> tuple[list[str], np.ndarray]:
        """The bases that mean the same by mastery, and their shares of the weights, (k,)."""
        same = [name for name in self.models if name.partition(":")[0] not in KNOWING] or list(self.models)
        shares = np.array([w for name, w in zip(self.models, self.weights, strict=True) if name in same])
        return same, shares / shares.sum()

    def follow(
        self,
        item_ids: Sequence[str],
        concepts_of: Sequence[Sequence[str]],
        concept_ids: Sequence[str],
        n_learners: int,
    ) -> "BlendFollowing":
        """All of `n_learners` new learners at once; see schemas.Following."""
        models: dict[str, Any] = dict(self.models)
        parts = [model.follow(item_ids, concepts_of, concept_ids, n_learners) for model in models.values()]
        names, shares = self._alike()
        alike = [list(self.models).index(name) for name in names]
        return BlendFollowing(parts, self.intercept, self.weights, alike, shares)

    def save(self, folder: Path) -> None:
        """Writes the weights into `folder`, which exists, and each base into a folder of its own in it."""
        about = {
            "bases": self.bases,
            "seed": self.seed,
            "models": list(self.models),
            "intercept": self.intercept,
            "validation": self.validation,
        }
        files.save(folder, self.name, {"weights": self.weights}, about)
        for number, model in enumerate(self.models.values()):
            (folder / f"base{number}").mkdir(exist_ok=True)
            model.save(folder / f"base{number}")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable where the files are missing or do not match."""
        arrays, about = files.load(folder, cls.name)
        tracer = cls(about["bases"], about["seed"])
        tracer.intercept, tracer.weights = about["intercept"], arrays["weights"]
        tracer.validation = about["validation"]
        tracer.models = {
            base: kind(base).load(folder / f"base{number}")  # type: ignore[attr-defined]
            for number, base in enumerate(about["models"])
        }
        return tracer


class BlendFollowing:
    """What the bases follow, mixed; see schemas.Following."""

    def __init__(
        self,
        parts: Sequence[Following],
        intercept: float,
        weights: np.ndarray,
        alike: Sequence[int],
        shares: np.ndarray,
    ) -> None:
        """alike, shares: (k,) the parts that speak of mastery, and how much each counts."""
        self.parts, self.intercept, self.weights = parts, intercept, weights
        self.alike, self.shares = alike, shares

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        """(m,) learners, each at most once; item codes; outcomes; seconds since 1970."""
        for part in self.parts:
            part.observe(learners, items, correct, at)

    def p_correct(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_items) P(correct) if each learner answered each item at `at` (m,)."""
        found = [part.p_correct(learners, at) for part in self.parts]
        return mixed(found, self.intercept, self.weights, found[0].shape)

    def mastery(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, n_concepts) mastery, and its standard deviation, as in `Blend.mastery`."""
        found = [self.parts[k].mastery(learners, at) for k in self.alike]
        return mixture(self.shares, np.array([m for m, _ in found]), np.array([sd for _, sd in found]))


def mixed(
    predictions: Sequence[np.ndarray], intercept: float, weights: np.ndarray, shape: int | tuple[int, ...]
) -> np.ndarray:
    """sigmoid(b + sum_k weight_k logit(p_k)) of the bases' predictions, each of this shape."""
    logits = np.full(shape, intercept)
    for weight, p in zip(weights.tolist(), predictions, strict=True):
        logits += weight * _logit(p)
    return 1 / (1 + np.exp(-np.clip(logits, -14.0, 14.0)))  # no closer to 0 or 1 than 1e-6


def mixture(shares: np.ndarray, means: np.ndarray, sds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(...) mean and standard deviation (at most .5) of a mixture; shares (k,), means and sds (k, ...)."""
    shares = shares.reshape(-1, *[1] * (means.ndim - 1))
    mean = (shares * means).sum(axis=0)
    variance = (shares * (sds**2 + (means - mean) ** 2)).sum(axis=0)
    return mean, np.minimum(np.sqrt(variance), 0.5)


def kind(base: str) -> type:
    """The class of the tracer that `base` names. Raises ModelUnavailable."""
    name = base.partition(":")[0]
    if name not in ORIGINS:
        raise ModelUnavailable(f"no tracer is called {name!r}", "learnloop train")
    module, of = ORIGINS[name]
    found: type = getattr(import_module(f"learnloop.trace.{module}"), of)
    return found


def stack(logits: np.ndarray, correct: np.ndarray) -> tuple[float, np.ndarray]:
    """(b, weights >= 0) of logits (n, n_bases): the posterior mode, priors as in the module's docstring."""
    from scipy.optimize import minimize

    n, k = logits.shape
    design = np.column_stack([np.ones(n), logits])
    middle = np.r_[0.0, np.full(k, 1 / k)]

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        # -log P = log(1 + e^z) - y z;   gradient X' (p - y)
        z = design @ theta
        value = (np.logaddexp(0, z) - correct * z).sum() + ((theta - middle) ** 2).sum() / (2 * PRIOR)
        gradient = design.T @ (1 / (1 + np.exp(-z)) - correct) + (theta - middle) / PRIOR
        return float(value), gradient

    bounds = [(None, None), *[(0.0, None)] * k]
    theta = minimize(loss, middle, jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(theta[0]), theta[1:]


def log_loss(logits: np.ndarray, correct: np.ndarray) -> float:
    """The mean of -log P(what happened), P = sigmoid(logits)."""
    return float(np.logaddexp(0, np.where(correct > 0, -logits, logits)).mean())


def _logit(p: np.ndarray) -> np.ndarray:
    return np.log(p) - np.log1p(-p)
