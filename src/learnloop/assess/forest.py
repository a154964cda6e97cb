"""Extremely randomised trees that are only arrays: grown by scikit-learn, kept as safetensors, read by NumPy.

    feature   [ 4, -1, 0, -1, -1]   the column a node asks about, -1 in a leaf
    threshold [.3,  0, .7, 0, 0]    go left where x <= threshold (as float32, as scikit-learn compares)
    left      [ 1, -1, 3, -1, -1]   and right: nodes counted over the whole forest
    value     [ 0, .2, 0, .6, .9]   P(right) in a leaf

P(x) is the mean over the trees of the leaf that x falls into (Geurts, Ernst & Wehenkel 2006).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from learnloop.errors import ModelUnavailable

Array = np.ndarray[Any, Any]
NAMES = ("feature", "threshold", "left", "right", "value", "roots")


@dataclass(frozen=True)
class Forest:
    """See above; `roots` (n_trees,) holds the first node of each tree."""

    feature: Array
    threshold: Array
    left: Array
    right: Array
    value: Array
    roots: Array

    @classmethod
    def fit(
        cls,
        x: Array,
        y: Array,
        *,
        seed: int,
        weights: Array | None = None,
        trees: int = 200,
        least: int = 5,
        share: float = 0.3,
    ) -> Self:
        """x: (n, k) finite; y: (n,) bool, both values present. `least` rows a leaf, `share` of the columns
        looked at in a node."""
        from sklearn.ensemble import ExtraTreesClassifier

        grown = ExtraTreesClassifier(
            trees, min_samples_leaf=least, max_features=share, random_state=seed
        ).fit(x, y, sample_weight=weights)
        parts: dict[str, list[Array]] = {name: [] for name in NAMES}
        offset = 0
        for tree in (one.tree_ for one in grown.estimators_):
            leaf = tree.children_left < 0
            shares = tree.value[:, 0, :]
            parts["feature"].append(np.where(leaf, -1, tree.feature).astype(np.int32))
            parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))
            parts["left"].append(np.where(leaf, -1, tree.children_left + offset).astype(np.int32))
            parts["right"].append(np.where(leaf, -1, tree.children_right + offset).astype(np.int32))
            parts["value"].append(shares[:, 1] / shares.sum(axis=1))
            parts["roots"].append(np.array([offset], dtype=np.int32))
            offset += tree.node_count
        return cls(**{name: np.concatenate(arrays) for name, arrays in parts.items()})

    def predict(self, x: Array) -> Array:
        """(n,) P(right); all trees go down a level at a time."""
        narrow = np.ascontiguousarray(x, dtype=np.float32)
        node = np.repeat(self.roots[None, :], len(narrow), axis=0)
        rows = np.arange(len(narrow))[:, None]
        while True:
            feature = self.feature[node]
            inner = feature >= 0
            if not inner.any():
                return np.asarray(self.value[node].mean(axis=1), dtype=float)
            below = narrow[rows, np.maximum(feature, 0)] <= self.threshold[node]
            node = np.where(inner, np.where(below, self.left[node], self.right[node]), node)

    def arrays(self) -> dict[str, Array]:
        return {name: getattr(self, name) for name in NAMES}

    @classmethod
    def of(cls, arrays: Mapping[str, Array], columns: int) -> Self:
        """Back from `arrays`. Raises ModelUnavailable where they are no forest over `columns` columns."""
        try:
            found = cls(**{name: arrays[name] for name in NAMES})
            n = len(found.feature)
            inner = found.feature >= 0
            children = np.concatenate([found.left[inner], found.right[inner]])
            # children lie behind their parent, so every way down ends
            behind = np.concatenate([np.flatnonzero(inner)] * 2) < children
            sound = all(len(getattr(found, name)) == n for name in NAMES[:-1]) and n > 0
            sound &= bool((found.feature < columns).all() and (children < n).all() and behind.all())
            sound &= bool((found.roots >= 0).all() and (found.roots < n).all() and len(found.roots))
            sound &= bool(np.isfinite(found.value).all() and np.isfinite(found.threshold).all())
        except (KeyError, TypeError, ValueError, IndexError):
            sound = False
        if not sound:
            raise ModelUnavailable(
                "the trees of a grader do not fit together", "learnloop train-grader --data F"
            )
        return found
