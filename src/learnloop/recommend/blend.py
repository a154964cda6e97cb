"""A blend: a weighted sum of several recommenders' scores, the weights learnt on held-out items alone.

    score_uj = sum_b weight_b (s_buj - mean_bu) / deviation_bu

with mean and standard deviation over the items that u has not done, so that scores of any scale add up.
Fitting holds out the newest items of its own training signals, fits the bases on the rest, and looks for
weights >= 0 of sum 1 that rank what was held out best (NDCG@10; coordinate ascent, as Metzler & Croft 2007
do for ranking). Chance also finds a best: the weights are drawn back towards the best single base by as
much as one half of the validation learners says of weights learnt on the other. In the same way learners
with no history, a short one and a long one get weights of their own, as far as they differ from those of all:
what ranks well for a newcomer is not what does for an old hand. A base whose weights are all 0 is dropped;
the others are fitted again on everything.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, ModelUnavailable
from learnloop.recommend.blend_weights import Candidates, candidates, learnt_by_band
from learnloop.recommend.files import load_model, save_model
from learnloop.recommend.ranking import strongest
from learnloop.recommend.signals import matrix
from learnloop.recommend.stored import kind
from learnloop.schemas import ItemFeatures, Recommender, Space

SETTINGS = ("bases", "holdout", "max_learners", "seed")
DEFAULTS: dict[str, dict[str, Any]] = {
    "popularity": {},
    "popularity:recent": {"half_life": 0.1},
    "neighbours": {"order": "any", "normalisation": 0.5},
    "neighbours:after": {"order": "after"},
    "ease": {},
    "ials": {},
}
HOLDOUTS = ("last", "time")
LAST_SHARE = 0.2  # of each learner's items
TIME_SHARE = 0.1  # of all pairs
NEW_SHARE = 0.1  # of the learners, who are held out whole: what a newcomer does first
FEW = 10  # validation learners; fewer tell nothing
LENGTHS = (1, 10)  # known items in a history from which on it is a short one, a long one


class Blend:
    """weights: (3, n_bases) of `models`, the bases that are left, each fitted on everything; a row for
    learners with no history, with one of fewer than 10 items, with a longer one.

    bases: name -> hyper-parameters; a name is that of a recommender, with `:anything` after it where one
    kind comes twice. holdout: "last" holds out the last fifth of each learner's items, at least one, of
    learners with at least 3, and all of the tenth of the learners who came last; "time" the newest tenth of
    all, by one instant. At most `max_learners` are
    validated on. Memory is that of the bases.
    """

    name = "blend"
    space: ClassVar[Space] = {}  # what can be tuned are its bases

    def __init__(
        self,
        bases: Mapping[str, Mapping[str, Any]] | None = None,
        holdout: str = "last",
        max_learners: int = 2000,
        seed: int = 0,
    ) -> None:
        """Raises BadInput on no bases or another `holdout`, ModelUnavailable on a base nobody knows."""
        chosen = DEFAULTS if bases is None else bases
        if not chosen:
            raise BadInput("a blend needs at least one base", field="bases")
        if holdout not in HOLDOUTS:
            raise BadInput(f"holdout must be one of {', '.join(HOLDOUTS)}, not {holdout}", field="holdout")
        self.bases = {base: dict(settings) for base, settings in chosen.items()}
        self.holdout, self.max_learners, self.seed = holdout, max_learners, seed
        for base in self.bases:
            self._new(base)
        self.item_ids: np.ndarray = np.empty(0, dtype=object)
        self.weights: np.ndarray = np.empty((len(LENGTHS) + 1, 0))
        self.models: dict[str, Recommender] = {}
        self._placed: list[Placed] = []
        self._known: frozenset[str] = frozenset()
        self.validation: dict[str, float] = {}  # NDCG@10 on what was held out: of each base, and "blend"

    def _new(self, base: str) -> Recommender:
        model: Recommender = kind(base.partition(":")[0])(**self.bases[base])
        return model

    def fit(self, signals: pd.DataFrame, features: ItemFeatures | None = None) -> Self:
        """Raises NothingToDo without signals, BadInput on bad weights."""
        matrix(signals)  # what is wrong with the whole is said before a part of it is used
        weights, self.validation = self._learn(signals, features)
        kept = [number for number in range(len(self.bases)) if weights[:, number].any()]
        names = [base for number, base in enumerate(self.bases) if number in kept]
        self._take({base: self._new(base).fit(signals, features) for base in names}, weights[:, kept])
        return self

    def _learn(
        self, signals: pd.DataFrame, features: ItemFeatures | None
    ) -> tuple[np.ndarray, dict[str, float]]:
        """(weights of shape (3, all bases), NDCG@10 of each base on what was held out); equal weights where
        too little can be held out."""
        names, n_bands = list(self.bases), len(LENGTHS) + 1
        rng = np.random.default_rng(self.seed)
        past, held = hold_out(signals, self.holdout)
        past_items = set(past["item_id"])
        held = held[held["item_id"].isin(past_items)]
        learners = np.array(sorted(set(held["learner_id"])), dtype=object)
        if len(learners) < FEW or len(names) == 1:
            return np.full((n_bands, len(names)), 1 / len(names)), {}
        learners = np.sort(rng.permutation(learners)[: self.max_learners])
        histories, wanted = _listed(past, learners), _listed(held, learners)
        found: list[Candidates] = []
        models = [self._new(base).fit(past, features) for base in names]
        for start in range(0, len(learners), 256):
            part = slice(start, start + 256)
            normed, item_ids = normalised(models, histories[part])
            found.append(candidates(normed, item_ids, histories[part], wanted[part]))
        weights, measured = learnt_by_band(
            Candidates.joined(found), bands(histories, past_items), n_bands, rng
        )
        return weights, dict(zip([*names, "blend"], measured, strict=True))

    def _take(self, models: dict[str, Recommender], weights: np.ndarray) -> None:
        self.models, self.weights = models, weights
        self.item_ids = _united([model.item_ids for model in models.values()])
        self._placed = [Placed.among(self.item_ids, model) for model in models.values()]
        self._known = frozenset(self.item_ids)

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        """(n_histories, n_items), about 0 on average over what a learner has not done."""
        found = np.zeros((len(histories), len(self.item_ids)), dtype=np.float32)
        weights = self.weights[bands(histories, self._known)].astype(np.float32)
        for weight, base in zip(weights.T, self._placed, strict=True):
            if weight.any():
                found += weight[:, None] * base.scores(histories)[0]
        return found

    def contributions(self, history: Sequence[str], item_id: str) -> dict[str, float]:
        """History item -> its part of the score of `item_id`, over the bases that part theirs."""
        parts: dict[str, float] = {}
        (band,) = bands([history], self._known)
        for weight, base in zip(self.weights[band], self._placed, strict=True):
            if weight == 0 or not hasattr(base.model, "contributions"):
                continue
            own = base.model.contributions(history, item_id)
            if own:
                scale = float(base.scores([history])[1][0])
                for done, part in own.items():
                    parts[done] = parts.get(done, 0.0) + float(weight) * part * scale
        return parts

    def explain(self, history: Sequence[str], item_id: str) -> str | None:
        """The history item that adds most to the score of `item_id`, or None where none adds anything."""
        return strongest(self.contributions(history, item_id), item_id)

    @property
    def nbytes(self) -> int:
        return int(self.weights.nbytes + sum(model.nbytes for model in self.models.values()))

    def save(self, folder: Path) -> None:
        """The weights, and below them each base in a folder of its number."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        settings |= {"kept": list(self.models), "validation": self.validation}
        save_model(folder, self.name, self.item_ids, settings, {"weights": self.weights})
        for number, model in enumerate(self.models.values()):
            below = folder / str(number)
            below.mkdir(exist_ok=True)
            model.save(below)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable."""
        named = {*SETTINGS, "kept", "validation"}
        item_ids, settings, arrays = load_model(folder, cls.name, named, {"weights"})
        kept, validation = settings.pop("kept"), settings.pop("validation")
        model = cls(**settings)
        models = {
            base: kind(base.partition(":")[0]).load(folder / str(number))  # type: ignore[attr-defined]
            for number, base in enumerate(kept)
        }
        weights = arrays["weights"]
        if weights.shape != (len(LENGTHS) + 1, len(models)) or not np.array_equal(
            _united([base.item_ids for base in models.values()]), item_ids
        ):
            raise ModelUnavailable(f"{folder}: the bases do not match the blend", "learnloop train")
        model._take(models, weights)
        model.validation = validation
        return model


def hold_out(signals: pd.DataFrame, holdout: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(past, held out) rows of `signals`; items of one moment, or all without `at`, go by name."""
    at = signals["at"].to_numpy(float) if "at" in signals else np.zeros(len(signals))
    if holdout == "time":
        newest = at >= np.quantile(at, 1 - TIME_SHARE)
        if newest.all():  # one moment cannot be split
            newest[:] = False
        return signals[~newest], signals[newest]
    learner, _ = pd.factorize(signals["learner_id"], sort=True)
    item, _ = pd.factorize(signals["item_id"], sort=True)
    order = np.lexsort([item, at, learner])
    sizes = np.bincount(learner)
    place = np.empty(len(signals), dtype=np.int64)  # of a row among its learner's, 0 the oldest
    place[order] = np.arange(len(signals)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    taken = np.where(sizes >= 3, np.maximum((sizes * LAST_SHARE).astype(np.int64), 1), 0)
    came = np.lexsort([np.arange(len(sizes)), at[order][np.cumsum(sizes) - sizes]])
    newcomers = came[len(came) - int(NEW_SHARE * len(came)) :]
    taken[newcomers] = sizes[newcomers]
    newest = place >= (sizes - taken)[learner]
    return signals[~newest], signals[newest]


def bands(histories: Sequence[Sequence[str]], known: Collection[str]) -> np.ndarray:
    """(n,) 0, 1 or 2: none, fewer than 10, at least 10 different items of a history are in `known`."""
    lengths = [len({item_id for item_id in history if item_id in known}) for history in histories]
    return np.searchsorted(LENGTHS, lengths, side="right")


def _listed(signals: pd.DataFrame, learners: np.ndarray) -> list[list[str]]:
    """The item_ids of each of `learners`, oldest first; [] of one who has none."""
    mine = signals[signals["learner_id"].isin(set(learners))]
    order = [name for name in ("learner_id", "at", "item_id") if name in mine]
    mine = mine.sort_values(order, kind="stable")
    by_learner = mine.groupby("learner_id", sort=False)["item_id"].agg(list).to_dict()
    return [by_learner.get(learner, []) for learner in learners]


def _united(each: Sequence[np.ndarray]) -> np.ndarray:
    """Sorted item_ids of any of them."""
    return np.array(sorted(set().union(*(ids.tolist() for ids in each))), dtype=object)


def normalised(
    models: Sequence[Recommender], histories: Sequence[Sequence[str]]
) -> tuple[np.ndarray, np.ndarray]:
    """((n_models, n_histories, n_items) float32, item_ids of any of them)."""
    item_ids = _united([model.item_ids for model in models])
    return np.array([Placed.among(item_ids, model).scores(histories)[0] for model in models]), item_ids


@dataclass(frozen=True)
class Placed:
    """A base whose items have places among those of the blend; worked out once, not at every request.

    column: item_id -> its place in the base; known: (n items of the base,) places in the blend, None where
    both have the same items.
    """

    model: Recommender
    column: Mapping[str, int]
    known: np.ndarray | None
    n_items: int

    @classmethod
    def among(cls, item_ids: np.ndarray, model: Recommender) -> Self:
        own = model.item_ids
        known = None if len(own) == len(item_ids) else pd.Index(item_ids).get_indexer(own)
        return cls(model, {item_id: place for place, item_id in enumerate(own)}, known, len(item_ids))

    def scores(self, histories: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """((n_histories, n_items) float32 of mean 0 and deviation 1 over unseen items, 1 / deviations).

        An item that the base does not know scores as its worst; where all score alike they are 0.
        """
        scores = self.model.scores(histories)
        found = np.empty((len(histories), self.n_items), dtype=np.float32)
        scales = np.zeros(len(histories))
        for row, history in enumerate(histories):
            own = scores[row].astype(np.float64)
            done = {self.column[item_id] for item_id in history if item_id in self.column}
            seen = np.fromiter(sorted(done), dtype=np.int64, count=len(done))
            left = max(len(own) - len(seen), 1)
            mean = (own.sum() - own[seen].sum()) / left
            own -= mean
            deviation = np.sqrt(max(own @ own - own[seen] @ own[seen], 0.0) / left)
            # What rounding leaves of equal scores is no difference.
            scales[row] = 1 / deviation if deviation > 1e-9 * abs(mean) and deviation > 0 else 0.0
            own *= scales[row]
            if self.known is None:
                found[row] = own
            else:
                found[row] = own.min(initial=0.0)
                found[row, self.known] = own
        return found, scales
