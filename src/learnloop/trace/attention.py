"""Knowledge tracing by attention: which of the learner's former answers tell about the next one.

    z = additive part + last . norm(H)                                        P(correct) = sigmoid(scale z)
    H = concepts + easiness (common_variation + variation) + item_vector + features F
    twice, or as often as there are blocks:  H += Attention(H);  H += FeedForward(norm(H))
    Attention:  softmax over j of  q_i . k_j / sqrt(d) - decay (steps - 1) - fading log(1 + minutes)
                                   + same_item + same_concept,   and over one empty place of logit `sink`
                q_i, k_j of the questions alone;  v_j of H_j + outcome_j + easiness outcome_variation_j

The family of AKT (Ghosh, Heffernan & Lan 2020: questions as their concepts varied by one difficulty scalar,
attention that decays with distance) and simpleKT (Liu et al. 2023: keys and queries are questions, only
values know the outcome). j runs over answers of strictly earlier moments, at most `length` of them, so
answers of one moment do not see each other. Ours differs in four ways: the difficulty scalar comes from a
cross-fitted logistic regression, beside which the network only learns what is left; an empty place in the
softmax lets few answers weigh less than many; the bias knows whether item and concepts are the same; and
several networks, each stopped on other learners, are averaged. Training is PyTorch, serving NumPy.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, NothingToDo
from learnloop.schemas import Space, Span
from learnloop.trace import weights
from learnloop.trace.attention_additive import Additive, averages, cross_fitted, extended, inputs
from learnloop.trace.attention_following import AttentionFollowing, Model, Questions
from learnloop.trace.attention_forward import Seen, residual
from learnloop.trace.attention_rows import FEATURES, Rows, arranged
from learnloop.trace.histories import EPOCH, distinct, encode, in_time
from learnloop.trace.uncertainty import rate_precision

SETTINGS = (
    "factors",
    "blocks",
    "heads",
    "length",
    "dropout",
    "learning_rate",
    "weight_decay",
    "item_variance",
    "vector_variance",
    "epochs",
    "patience",
    "batch",
    "most",
    "members",
    "seed",
)
FOLDS = 8  # of the training learners: for cross-fitting, and a member's validation is one of them
VALIDATED = 30_000  # answers that say when to stop, at most
LOWEST = 1e-6  # no prediction closer to 0 or 1


class Attention:
    """factors, blocks, heads and length (former answers that count) size the networks, `members` many.

    An epoch sees at most `most` answers, in batches of about `batch`; training ends after `epochs`, or when
    the log-loss on the member's validation learners has not fallen for `patience` epochs. With fewer than
    two learners nobody can be held out, and the additive part stands alone. An unseen item has easiness 0
    and no vector, so its concepts speak for it; an unseen concept adds nothing. Equal answers in any row
    order give equal weights.
    """

    name = "attention"
    space: ClassVar[Space] = {
        "factors": (16, 32, 64),
        "blocks": (1, 2),
        "heads": (4, 8),
        "length": (50, 100, 200),
        "dropout": Span(0.0, 0.5),
        "learning_rate": Span(5e-4, 5e-3, log=True),
        "item_variance": Span(0.1, 2.0, log=True),
        "vector_variance": Span(1e-5, 1e-1, log=True),
    }

    def __init__(
        self,
        factors: int = 32,
        blocks: int = 1,
        heads: int = 4,
        length: int = 100,
        dropout: float = 0.3,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.01,
        item_variance: float = 0.5,
        vector_variance: float = 1e-3,
        epochs: int = 40,
        patience: int = 5,
        batch: int = 2000,
        most: int = 100_000,
        members: int = 3,
        seed: int = 0,
    ) -> None:
        """Raises BadInput where heads do not divide factors, or a number is out of range."""
        if factors % heads:
            raise BadInput(f"factors ({factors}) must be a multiple of heads ({heads})", field="heads")
        if min(factors, blocks, heads, length, epochs, patience, batch, most, members) < 1:
            raise BadInput("attention: sizes and counts must be at least 1", field="factors")
        if members > FOLDS:
            raise BadInput(f"attention: at most {FOLDS} members, not {members}", field="members")
        if not 0 <= dropout < 1:
            raise BadInput(f"dropout must be in [0, 1), not {dropout}", field="dropout")
        if min(item_variance, vector_variance, learning_rate) <= 0:
            raise BadInput("attention: variances and learning_rate must be above 0", field="item_variance")
        self.factors, self.blocks, self.heads, self.length = factors, blocks, heads, length
        self.dropout, self.learning_rate, self.weight_decay = dropout, learning_rate, weight_decay
        self.item_variance, self.vector_variance = item_variance, vector_variance
        self.epochs, self.patience, self.batch, self.most = epochs, patience, batch, most
        self.members, self.seed = members, seed
        self.additive = Additive(0.0, np.zeros(len(FEATURES)), np.zeros(1), np.zeros(1), np.zeros(1))
        self.networks: list[dict[str, np.ndarray]] = []  # float64, as the forward pass needs them
        self.items: dict[str, int] = {}
        self.concepts: dict[str, int] = {}
        self.scale, self.precision, self.timed = 1.0, 10.0, True

    def fit(self, answers: pd.DataFrame) -> Self:
        """answers: ANSWERS, any row order. Raises NothingToDo where there are none."""
        rows = arranged(answers)
        if not len(rows):
            raise NothingToDo("no answers to learn from", "learnloop import csv --interactions FILE")
        self._name(rows.item_ids.tolist(), rows.concept_ids.tolist())
        self.timed = bool(rows.seconds.any())
        self.precision = rate_precision(encode(answers))
        n_learners = len(rows.learner_ids)
        folds = np.random.default_rng(self.seed).permutation(n_learners) % min(FOLDS, n_learners)
        self.additive, told = cross_fitted(rows, folds, self.item_variance)
        self.networks, self.scale = [], 1.0
        if n_learners < 2:
            return self
        from learnloop.trace.attention_network import Plan, train

        plan = Plan(**{name: getattr(self, name) for name in Plan.__annotations__})
        foreseen, truth = [], []
        for member in range(min(self.members, n_learners)):
            held_out = _at_most(rows, np.flatnonzero(folds == member), VALIDATED)
            fitting = np.flatnonzero(folds != member)
            arrays, logits = train(rows, told, fitting, held_out, plan, self.seed + member)
            self.networks.append(_for_serving(arrays, rows))
            foreseen.append(logits)
            truth.append(rows.correct[rows.of(held_out)])
        self.scale = scale_of(np.concatenate(foreseen), np.concatenate(truth))
        return self

    def _name(self, item_ids: list[str], concept_ids: list[str]) -> None:
        self.concepts = {concept_id: code for code, concept_id in enumerate(concept_ids)}
        names = [*item_ids, *map(average_item, concept_ids)]
        self.items = {item_id: code for code, item_id in enumerate(names)}

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        """P(correct) of each row, (n,) in the rows' order, from its learner's strictly earlier rows."""
        rows = arranged(answers, self.timed)
        logits = self._logits(rows, 0)
        p = np.empty(len(rows))
        p[rows.order] = sigmoid(logits.mean(axis=0))
        return p

    def _logits(self, rows: Rows, last: int) -> np.ndarray:
        """(members or 1, n) of each row; with `last`, only of the last rows of the only learner."""
        items = np.array([self.items.get(i, -1) for i in rows.item_ids.tolist()], dtype=np.int64)
        concepts = np.array([self.concepts.get(c, -1) for c in rows.concept_ids.tolist()], dtype=np.int64)
        items = items[rows.items] if len(items) else rows.items
        concepts = np.where(rows.concepts >= 0, np.append(concepts, -1)[rows.concepts], -1)
        told = inputs(self.additive, rows, items, concepts)
        logits = np.repeat(told.logits[None], max(len(self.networks), 1), axis=0)
        for start, end in zip(rows.starts[:-1].tolist(), rows.starts[1:].tolist(), strict=True):
            if last:  # what is out of every block's reach need not be looked at
                reach = rows.before[end - 1] - self.blocks * self.length
                start = int(np.searchsorted(rows.before, reach))
            part = slice(start, end)
            seen = Seen.of(rows, told, items, concepts, part)
            for member, network in enumerate(self.networks):
                logits[member, part] += residual(network, self.heads, self.length, seen)
        return self.scale * logits[:, len(rows) - last :] if last else self.scale * logits

    def predict_next(
        self,
        history: pd.DataFrame,
        item_ids: Sequence[str],
        concept_ids: Sequence[Sequence[str]],
        now: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """P(correct) if the learner of `history` answered each item now; shape (len(item_ids),).

        history: ANSWERS of one learner, possibly none. Raises BadInput where it is several learners'.
        """
        return sigmoid(self._next(history, item_ids, concept_ids, now).mean(axis=0))

    def _next(
        self,
        history: pd.DataFrame,
        item_ids: Sequence[str],
        concept_ids: Sequence[Sequence[str]],
        now: pd.Timestamp | None,
    ) -> np.ndarray:
        """(members or 1, len(item_ids)) logits: the items are asked at one moment, after the history."""
        if len(set(history["learner_id"].tolist())) > 1:
            raise BadInput("history: answers of several learners", field="learner_id")
        if not len(item_ids):
            return np.zeros((1, 0))
        history = in_time(history, now)
        asked_at = now if now is not None else EPOCH
        if len(history):
            after = history["occurred_at"].max() + pd.Timedelta("1us")
            asked_at = max(now, after) if now is not None else after
        asked = pd.DataFrame(
            {
                "learner_id": history["learner_id"].iloc[0] if len(history) else "learner",
                "item_id": list(item_ids),
                "concept_ids": pd.Series([distinct(concepts) for concepts in concept_ids], dtype=object),
                "correct": False,
                "occurred_at": asked_at,
            }
        )
        columns = asked.columns.tolist()
        both = pd.concat([history[columns], asked], ignore_index=True) if len(history) else asked
        rows = arranged(both, self.timed)
        found = self._logits(rows, len(asked))
        logits = np.empty_like(found)
        logits[:, rows.order[len(history) :] - len(history)] = found
        return logits

    def mastery(
        self, history: pd.DataFrame, concept_ids: Sequence[str], now: pd.Timestamp | None = None
    ) -> pd.DataFrame:
        """concept_id, mastery, sd, attempts: P(correct) now on an average item of each concept.

        The average item is new to the learner, of this concept alone, with the mean easiness and vector of
        the concept's items (by training answers). With p that probability, p_m what member m says, n the
        learner's attempts on the concept and k the precision of the Beta that describes how learners' rates
        on one concept spread around what their items alone predict (`rate_precision`):

            sd^2 = sum (p_m - mean p_m)^2 / (members - 1)  +  p (1 - p) / (k + n + 1)

        The first term is what the networks, each stopped on other learners, do not agree upon; the second
        what no model knows about this learner before more answers. history: ANSWERS of one learner.
        """
        logits = self._next(history, [average_item(c) for c in concept_ids], [(c,) for c in concept_ids], now)
        p = sigmoid(logits.mean(axis=0))
        tried = pd.Series([c for concepts in history["concept_ids"] for c in distinct(concepts)], dtype="str")
        counts = tried.value_counts()
        attempts = np.array([counts.get(c, 0) for c in concept_ids], dtype=np.int64)
        spread = sigmoid(logits).var(axis=0, ddof=1) if len(logits) > 1 else np.zeros(len(p))
        variance = spread + p * (1 - p) / (self.precision + attempts + 1)
        ids = pd.array(list(concept_ids), dtype="str")
        sd = np.minimum(np.sqrt(variance), 0.5)
        return pd.DataFrame({"concept_id": ids, "mastery": p, "sd": sd, "attempts": attempts})

    def follow(
        self,
        item_ids: Sequence[str],
        concepts_of: Sequence[Sequence[str]],
        concept_ids: Sequence[str],
        n_learners: int,
    ) -> AttentionFollowing:
        """All of `n_learners` new learners at once; see schemas.Following."""
        names = [*item_ids, *map(average_item, concept_ids)]
        lists = [*map(distinct, concepts_of), *((c,) for c in concept_ids)]
        followed = list(dict.fromkeys([*concept_ids, *(c for concepts in lists for c in concepts)]))
        place = {c: k for k, c in enumerate(followed)}
        own = {name: k for k, name in enumerate(dict.fromkeys(names))}
        questions = Questions(
            np.array([self.items.get(name, -1) for name in names], dtype=np.int64),
            np.array([own[name] for name in names], dtype=np.int64),
            [[place[c] for c in concepts] for concepts in lists],
            np.array([self.concepts.get(c, -1) for c in followed], dtype=np.int64),
            self.additive,
        )
        model = Model(**{name: getattr(self, name) for name in Model.__annotations__})
        sizes = (len(item_ids), len(concept_ids), len(followed))
        return AttentionFollowing(model, questions, *sizes, n_learners)

    def save(self, folder: Path) -> None:
        """Writes the weights into `folder`, which exists."""
        arrays = {f"additive.{name}": array for name, array in self.additive.arrays().items()}
        for member, network in enumerate(self.networks):
            arrays |= {f"{member}.{name}": array.astype(np.float32) for name, array in network.items()}
        about = {
            "settings": {name: getattr(self, name) for name in SETTINGS},
            "networks": len(self.networks),
            "scale": self.scale,
            "precision": self.precision,
            "timed": self.timed,
            "item_ids": list(self.items)[: len(self.items) - len(self.concepts)],
            "concept_ids": list(self.concepts),
        }
        weights.save(folder, self.name, arrays, about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable where the files are missing or do not match."""
        arrays, about = weights.load(folder, cls.name)
        tracer = cls(**about["settings"])
        tracer._name(about["item_ids"], about["concept_ids"])
        tracer.scale, tracer.precision, tracer.timed = about["scale"], about["precision"], about["timed"]
        tracer.additive = Additive.of(_under("additive.", arrays))
        members = [_under(f"{member}.", arrays) for member in range(about["networks"])]
        tracer.networks = [
            {name: array.astype(np.float64) for name, array in network.items()} for network in members
        ]
        return tracer


def average_item(concept_id: str) -> str:
    """The name under which the average item of a concept stands among the items; no real id has it."""
    return f"\0average of {concept_id}"


def scale_of(logits: np.ndarray, correct: np.ndarray) -> float:
    """The s that makes sigmoid(s z) fit the outcomes best (temperature 1 / s; Guo et al. 2017).

    In [.5, 2], with the prior log s ~ N(0, .25^2), so that few answers move it little.
    """
    from scipy.optimize import minimize_scalar

    signed = np.where(correct > 0, logits, -logits)

    def loss(log_scale: float) -> float:
        fit = np.logaddexp(0, -np.exp(log_scale) * signed).sum()
        return float(fit + 0.5 * (log_scale / 0.25) ** 2)

    return float(np.exp(minimize_scalar(loss, bounds=(-np.log(2), np.log(2)), method="bounded").x))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    bound = np.log((1 - LOWEST) / LOWEST)
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -bound, bound)))


def _at_most(rows: Rows, learners: np.ndarray, answers: int) -> np.ndarray:
    """The first learners, as many as have `answers` answers together; at least one."""
    total = np.cumsum(np.diff(rows.starts)[learners])
    return learners[: max(1, int(np.searchsorted(total, answers, side="right")))]


def _for_serving(arrays: dict[str, np.ndarray], rows: Rows) -> dict[str, np.ndarray]:
    """The network's tables with rows for the average items and the unseen; float32 values as float64."""
    average = averages(rows, np.arange(len(rows)))
    tables = dict(arrays)
    tables["item_vectors"] = extended(arrays["item_vectors"], average).astype(np.float32)
    for name in ("concepts", "variation"):
        tables[name] = np.concatenate([arrays[name], np.zeros((1, arrays[name].shape[1]), np.float32)])
    return {name: array.astype(np.float64) for name, array in tables.items()}


def _under(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
