"""P(Fail or Withdrawn) of an enrolment from what is known of it on a day: two models, both calibrated.

Each is fitted with one presentation after another left out, and Platt's sigmoid (1999) is laid through the
predictions for what was left out, so that the probabilities are those of a presentation nobody has seen.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from learnloop.assess.known_by import CLICKS, FEATURES, SENSITIVE
from learnloop.errors import BadInput, NothingToDo

MODELS = ("logistic", "boosting")
_SURE = 1e-4


class AtRisk:
    """`name`: logistic (L2, standardised, missing values by the mean and a flag) or boosting (histograms;
    Friedman 2001). sensitive: whether gender, disability, deprivation, age and region may be used."""

    def __init__(self, name: str = "logistic", sensitive: bool = False, seed: int = 0) -> None:
        if name not in MODELS:
            raise BadInput(f"there is no at-risk model {name!r}", f"one of {', '.join(MODELS)}", "model")
        self.name, self.sensitive, self.seed = name, sensitive, seed
        self.columns: list[str] = []
        self.categories: dict[str, list[str]] = {}
        self.model: Any = None
        self.platt = (0.0, 1.0)

    def fit(self, rows: pd.DataFrame, most_folds: int = 4) -> Self:
        """rows: as of `known_by`, of several presentations. Raises NothingToDo for one outcome alone."""
        if rows.empty or rows["at_risk"].nunique() < 2:
            raise NothingToDo("no two outcomes to learn from: a past presentation of some size is needed")
        wanted = [*FEATURES, *(name for name in CLICKS if name in rows)]
        # what nobody knows yet on this day (a mark, before any is out) is no feature
        self.columns = [name for name in wanted if rows[name].nunique() > 1]
        names = ["module", *(SENSITIVE if self.sensitive else ())]
        self.categories = {name: sorted(rows[name].unique()) for name in names}
        x, y = self._matrix(rows), rows["at_risk"].to_numpy()
        left_out = _folds(rows, most_folds)
        if len(np.unique(left_out)) > 1:
            held = np.full(len(y), np.nan)
            for fold in np.unique(left_out):
                part = left_out == fold
                if len(np.unique(y[~part])) > 1:
                    held[part] = self._fitted(x[~part], y[~part]).predict_proba(x[part])[:, 1]
            there = ~np.isnan(held)
            self.platt = _platt(held[there], y[there])
        self.model = self._fitted(x, y)
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """(n,) P(Fail or Withdrawn) of each row. A module nobody has seen has no effect of its own."""
        raw = self.model.predict_proba(self._matrix(rows))[:, 1]
        return 1 / (1 + np.exp(-(self.platt[0] + self.platt[1] * _logit(raw))))

    def _matrix(self, rows: pd.DataFrame) -> np.ndarray:
        numbers = rows[self.columns].to_numpy(dtype=float)
        of = [rows[name].to_numpy()[:, None] == np.array(known) for name, known in self.categories.items()]
        return np.hstack([numbers, *(block.astype(float) for block in of)])

    def _fitted(self, x: np.ndarray, y: np.ndarray) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if self.name == "boosting":
            # a column nobody knows in this fold has no thresholds, and scikit-learn 1.9 stops at that
            x = np.where(np.isnan(x).all(axis=0), 0.0, x)
            return HistGradientBoostingClassifier(
                learning_rate=0.08,
                max_iter=120,
                max_leaf_nodes=12,
                min_samples_leaf=40,
                l2_regularization=5.0,
                random_state=self.seed,
            ).fit(x, y)
        # a column that is never known would be dropped, and another presentation's be too wide
        fill = SimpleImputer(add_indicator=True, keep_empty_features=True)
        return make_pipeline(fill, StandardScaler(), LogisticRegression(C=0.3, max_iter=2_000)).fit(x, y)


def _folds(rows: pd.DataFrame, most: int) -> np.ndarray:
    """(n,) which fold a row is in: whole presentations of modules, dealt out by size."""
    names = (rows["module"] + rows["presentation"]).to_numpy(dtype=str)
    found, sizes = np.unique(names, return_counts=True)
    load = np.zeros(min(most, len(found)))
    of = {}
    for place in np.argsort(-sizes, kind="stable"):
        fold = int(load.argmin())
        of[found[place]], load[fold] = fold, load[fold] + sizes[place]
    return np.array([of[name] for name in names])


def _platt(p: np.ndarray, y: np.ndarray, steps: int = 50) -> tuple[float, float]:
    """(a, b) of sigmoid(a + b logit p), by Newton; targets are drawn in a little, as Platt did."""
    n_yes = int(y.sum())
    target = np.where(y, (n_yes + 1) / (n_yes + 2), 1 / (len(y) - n_yes + 2))
    x = np.column_stack([np.ones(len(p)), _logit(p)])
    w = np.array([0.0, 1.0])
    for _ in range(steps):
        q = 1 / (1 + np.exp(-x @ w))
        step = np.linalg.solve((x * (q * (1 - q))[:, None]).T @ x + 1e-6 * np.eye(2), x.T @ (target - q))
        w = w + step
        if np.abs(step).max() < 1e-8:
            break
    return float(w[0]), float(w[1])


def _logit(p: Sequence[float] | np.ndarray) -> np.ndarray:
    q = np.clip(np.asarray(p, dtype=float), _SURE, 1 - _SURE)
    return np.log(q / (1 - q))
