"""A fold as arrays, and lists on it scored: what every model is measured by, under one set of rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from learnloop.errors import BadInput
from learnloop.evaluate import beyond_accuracy as beyond
from learnloop.evaluate import groups
from learnloop.evaluate.grouped import Grouped
from learnloop.evaluate.protocols import Fold
from learnloop.evaluate.ranking import Relevance, metrics
from learnloop.recommend.ranking import NOTHING
from learnloop.recommend.signals import pairs
from learnloop.schemas import ItemFeatures

LEADING = "ndcg"  # chooses, compares
BEYOND = ("novelty", "intra_list_diversity", "average_popularity", "popularity_lift", "calibration_kl")


@dataclass(frozen=True)
class Rules:
    """How every model is scored. attributes: item -> value, by name; own: learner -> value, by name."""

    k: int = 10
    hide_seen: bool = True
    split: str = "time"
    test_share: float = 0.2
    seed: int = 0
    n_bootstrap: int = 500
    fast: bool = False  # no validation, no training metric
    tune: int = 0
    timeout: float | None = None
    features: ItemFeatures | None = None
    mixed: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Asked:
    """A fold as arrays: what each of its n learners had done and went on to do, against the catalogue.

    item_ids: (n_items,), the items of the training part, sorted.
    """

    def __init__(self, fold: Fold, rules: Rules) -> None:
        self.fold, self.rules = fold, rules
        self.searched: dict[type, tuple[dict[str, Any], dict[str, Any]]] = {}  # kind -> what tuning found
        self.signals = pairs(fold.train["learner_id"], fold.train["item_id"], fold.train["at"])
        self.learners = list(fold.relevant)
        self.wanted: Grouped[set[str]] = Grouped.of(fold.relevant, self.learners, set)
        self.before: Grouped[list[str]] = Grouped.of(fold.histories, self.learners, list)
        self.histories = list(self.before.values())
        rows, self.trained_learners = pd.factorize(self.signals["learner_id"])
        columns, item_ids = pd.factorize(self.signals["item_id"], sort=True)
        self.item_ids = np.asarray(item_ids, dtype=object)
        shape = (len(self.trained_learners), len(self.item_ids))
        self.trained = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
        self.counts = np.asarray(self.trained.getnnz(axis=0), dtype=np.int64)
        self.relevant = self.against(self.item_ids)

    def against(self, item_ids: np.ndarray) -> Relevance:
        return Relevance.grouped(self.wanted, item_ids)

    def seen(self, item_ids: np.ndarray) -> Relevance:
        """What each learner had done, each item once."""
        return Relevance.grouped(self.before, item_ids)

    @cached_property
    def done(self) -> csr_matrix:
        """(n, n_items), 1 where the learner had done the item."""
        known = self.seen(self.item_ids)
        places = (known.rows, known.columns)
        return csr_matrix((np.ones(len(known.keys)), places), shape=(len(self.learners), len(self.item_ids)))

    @cached_property
    def classes(self) -> csr_matrix:
        if self.rules.mixed:
            return groups.classes(self.item_ids, self.rules.mixed)
        return groups.popularity_classes(self.counts)

    @cached_property
    def vectors(self) -> Any:
        features = self.rules.features
        if features is None:
            return beyond.co_occurrence_vectors(self.trained)
        place = pd.Index(features.item_ids).get_indexer(self.item_ids)
        return np.where((place >= 0)[:, None], features.matrix[place], 0.0)

    @cached_property
    def labels(self) -> dict[str, np.ndarray]:
        """What learners are grouped by -> their group, (n,)."""
        wanted = list(self.wanted.values()) if self.rules.attributes else []
        return {
            "history": groups.history_bands(self.seen(self.item_ids).sizes),
            **{
                name: groups.main_value(values, self.histories, wanted)
                for name, values in self.rules.attributes.items()
            },
            **{
                name: np.array([values.get(learner, "") for learner in self.learners], dtype=object)
                for name, values in self.rules.own.items()
            },
        }

    @property
    def n_listed(self) -> int:
        return min(self.rules.k, len(self.item_ids))


@dataclass
class Scored:
    """Of one model on one fold. table: a row a learner, columns METRICS, BEYOND, (group, value, metric)."""

    fold: str
    table: pd.DataFrame
    coverage: float
    gini: float
    columns: np.ndarray
    scores: np.ndarray | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    nbytes: int = 0
    params: dict[str, Any] = field(default_factory=dict)
    validation: dict[str, float] | None = None
    unvalidated: str = ""  # why there is no validation
    train: dict[str, float] | None = None
    tuning: dict[str, Any] | None = None
    predictions: dict[str, int] | None = None


def score(asked: Asked, columns: np.ndarray, item_ids: np.ndarray | None = None) -> Scored:
    """columns: (n, at most k) of item_ids, best first; of those of the training part where none are given.

    Of items that training lacks the hits count, and they are cold; what a list is like besides right is told
    of the items that training has.
    """
    k = max(asked.n_listed, columns.shape[1])
    known, relevant, counts = columns, asked.relevant, asked.counts
    if item_ids is not None and not np.array_equal(item_ids, asked.item_ids):
        both = np.array(sorted({*asked.item_ids, *item_ids}), dtype=object)
        columns = np.where(columns >= 0, pd.Index(both).get_indexer(pd.Index(item_ids))[columns], NOTHING)
        place = pd.Index(asked.item_ids).get_indexer(pd.Index(both))
        known = np.where(columns >= 0, place[columns], NOTHING)
        relevant, counts = asked.against(both), np.where(place >= 0, asked.counts[place], 0)
    found = metrics(relevant.hits(columns), relevant.sizes, k)
    lists = beyond.of_lists(known, asked.counts, asked.trained.shape[0], asked.done, asked.classes)
    lists["intra_list_diversity"] = beyond.intra_list_diversity(known, asked.vectors)
    parts: dict[Any, pd.DataFrame] = {}
    for name, labels in asked.labels.items():
        parts |= {(name, value): part for value, part in groups.by_learner(found, labels).items()}
    by_item = groups.by_item_popularity(columns, relevant, counts, k)
    parts |= {("items", value): part for value, part in by_item.items()}
    wide = {(*key, metric): part[metric] for key, part in parts.items() for metric in part}
    table = pd.concat([found, lists[list(BEYOND)], pd.DataFrame(wide)], axis=1)
    table.columns = pd.Index([*found.columns, *BEYOND, *wide], tupleize_cols=False)
    table.index = pd.Index(asked.learners, name="learner_id", dtype=str)
    shown = beyond.exposure(known, len(asked.item_ids))
    return Scored(asked.fold.name, table, float((shown > 0).mean()), beyond.gini(shown), known)


def listed(frame: pd.DataFrame, asked: Asked) -> Scored:
    """Another tool's lists under our rules: seen items and repeats are dropped, then the first k count.

    An item that the catalogue lacks stays, and counts as one of a model of ours does; a learner without a
    list scores 0. All are counted. Raises BadInput where no list is of a learner who is asked.
    """
    row = pd.Index(asked.learners).get_indexer(pd.Index(frame["learner_id"]))
    if (row < 0).all():
        mine = f"the first is {frame['learner_id'].iloc[0]!r}" if len(frame) else "there are none"
        raise BadInput(
            f"the lists are of no learner that the test asks about: {mine}, not {asked.learners[0]!r}, say",
            "write the learners of --predictions as in the log",
            "predictions",
        )
    item_ids = np.array(sorted({*asked.item_ids, *frame["item_id"]}), dtype=object)
    column = pd.Index(item_ids).get_indexer(pd.Index(frame["item_id"]))
    rows = pd.DataFrame({"row": row, "column": column})
    others = int((rows["row"] < 0).sum())
    rows = rows[rows["row"] >= 0]
    repeated = rows.duplicated(["row", "column"])
    seen = np.zeros(len(rows), dtype=bool)
    if asked.rules.hide_seen:
        done = asked.seen(item_ids)
        seen = np.isin(rows["row"].to_numpy() * done.n_items + rows["column"].to_numpy(), done.keys)
    rows = rows[~repeated & ~seen]
    place = rows.groupby("row").cumcount().to_numpy()
    rows, place = rows[place < asked.n_listed], place[place < asked.n_listed]
    columns = np.full((len(asked.learners), asked.n_listed), NOTHING, dtype=np.int32)
    columns[rows["row"], place] = rows["column"]
    lengths = np.bincount(rows["row"], minlength=len(asked.learners))
    found = score(asked, columns, item_ids)
    unknown = ~np.isin(columns, pd.Index(item_ids).get_indexer(pd.Index(asked.item_ids))) & (columns >= 0)
    found.predictions = {
        "rows": len(frame),
        "of_other_learners": others,
        "repeated": int(repeated.sum()),
        "seen": int((seen & ~repeated.to_numpy()).sum()),
        "unknown_items": int(unknown.sum()),
        "short_lists": int(((lengths > 0) & (lengths < asked.n_listed)).sum()),
        "learners_without": int((lengths == 0).sum()),
    }
    return found
