"""P(Fail or Withdrawn) of an enrolment from what is known of it on a day: two models, both calibrated.

Each is fitted with one presentation after another left out, and Platt's sigmoid (1999) is laid through the
predictions for what was left out, so that the probabilities are those of a presentation nobody has seen.

A calendar that has moved by a week makes a whole class look late. So the rows of a past presentation may come
from several days, and a class whose mean estimate leaves its module's past is drawn half of the way back:

    logit p_i + d / 2,  mean_i sigmoid(logit p_i + d) = past share at risk of the module and the season
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from learnloop.assess.known_by import CLICKS, FEATURES, SENSITIVE
from learnloop.assess.linear import Linear
from learnloop.errors import BadInput, NothingToDo

MODELS = ("logistic", "boosting")
BACK = 0.5  # of the way to the share that the past expects
LEAST = 50  # learners of a class whose mean says something
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
        self.level: Linear | None = None
        self.level_names: dict[str, list[str]] = {}

    def fit(self, rows: pd.DataFrame, most_folds: int = 4) -> Self:
        """rows: as of `known_by`, of several presentations, on the day asked or on some days around it.

        Raises NothingToDo for one outcome alone.
        """
        if rows.empty or rows["at_risk"].nunique() < 2:
            raise NothingToDo("no two outcomes to learn from: a past presentation of some size is needed")
        wanted = ["day", *FEATURES, *(name for name in CLICKS if name in rows)]
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
                    held[part] = self._estimated(self._fitted(x[~part], y[~part]), x[part])
            there = ~np.isnan(held)
            self.platt = _platt(held[there], y[there])
        self.model = self._fitted(x, y)
        self._fit_level(rows)
        return self

    def _fit_level(self, rows: pd.DataFrame) -> None:
        """The share at risk by module and season, as an additive model of its log-odds."""
        days = np.sort(rows["day"].unique())
        asked = rows[rows["day"] == days[len(days) // 2]]
        self.level = None
        if asked["at_risk"].nunique() == 2:
            self.level_names = {name: sorted(asked[name].unique()) for name in ("module", "season")}
            x = _indicators(asked, self.level_names)
            self.level = Linear.fit(x, asked["at_risk"].to_numpy(), strength=10.0)

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """(n,) P(Fail or Withdrawn) of each row; whole classes, whose means count. A module nobody has seen
        has no effect of its own."""
        raw = self._estimated(self.model, self._matrix(rows))
        z = self.platt[0] + self.platt[1] * _logit(raw)
        if self.level is not None:
            past = self.level.predict(_indicators(rows, self.level_names))
            classes = rows.groupby(["module", "presentation"]).indices
            for (module, _), place in classes.items():
                if len(place) >= LEAST and module in self.level_names["module"]:
                    z[place] += BACK * _shift(z[place], float(past[place[0]]))
        return 1 / (1 + np.exp(-z))

    def parts(self, rows: pd.DataFrame) -> pd.DataFrame:
        """(n, columns) what each column adds to the log-odds. Logistic alone."""
        names = [*self.columns, *(f"{name}={one}" for name, of in self.categories.items() for one in of)]
        return pd.DataFrame(self.model.parts(self._matrix(rows)), columns=names)

    def told(self) -> dict[str, Any]:
        """As JSON, from which `of` makes the same model again. Logistic alone, without sensitive ones."""
        level = None if self.level is None else {"names": self.level_names, "linear": self.level.told()}
        return {
            "columns": self.columns,
            "categories": self.categories,
            "platt": list(self.platt),
            "linear": self.model.told(),
            "level": level,
        }

    @classmethod
    def of(cls, told: Any) -> Self:
        """Raises BadInput on what `told` cannot have said."""
        found = cls("logistic")
        try:
            found.columns, found.categories = list(told["columns"]), dict(told["categories"])
            found.platt = (float(told["platt"][0]), float(told["platt"][1]))
            found.model = Linear.of(told["linear"])
            if told["level"] is not None:
                found.level_names = dict(told["level"]["names"])
                found.level = Linear.of(told["level"]["linear"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BadInput("the kept at-risk model cannot be read", "learnloop at-risk --train") from error
        width = len(found.columns) + sum(len(one) for one in found.categories.values())
        if len(found.model.fill) != width or not set(found.columns) <= {"day", *FEATURES}:
            raise BadInput("the kept at-risk model is of another version", "learnloop at-risk --train")
        return found

    @staticmethod
    def _estimated(model: Any, x: np.ndarray) -> np.ndarray:
        found = model.predict(x) if isinstance(model, Linear) else model.predict_proba(x)[:, 1]
        return np.asarray(found, dtype=float)

    def _matrix(self, rows: pd.DataFrame) -> np.ndarray:
        numbers = rows[self.columns].to_numpy(dtype=float)
        return np.hstack([numbers, _indicators(rows, self.categories)])

    def _fitted(self, x: np.ndarray, y: np.ndarray) -> Any:
        if self.name == "logistic":
            return Linear.fit(x, y, strength=0.3)
        from sklearn.ensemble import HistGradientBoostingClassifier

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


def _indicators(rows: pd.DataFrame, categories: dict[str, list[str]]) -> np.ndarray:
    of = [rows[name].to_numpy()[:, None] == np.array(known) for name, known in categories.items()]
    return np.hstack(of).astype(float)


def _shift(z: np.ndarray, share: float) -> float:
    """d with mean sigmoid(z + d) = share, by halving."""
    low, high = -10.0, 10.0
    for _ in range(40):
        middle = (low + high) / 2
        below = np.mean(1 / (1 + np.exp(-(z + middle)))) < share
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


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
    """(a, b) of sigmoid(a + b logit p), by Newton; targets are drawn in a little, as Platt did.

    A step that would lead up is halved: from estimates that are sure and wrong a whole one leads far off.
    """
    n_yes = int(y.sum())
    target = np.where(y, (n_yes + 1) / (n_yes + 2), 1 / (len(y) - n_yes + 2))
    x = np.column_stack([np.ones(len(p)), _logit(p)])
    w = np.array([0.0, 1.0])

    def loss(w: np.ndarray) -> float:
        z = x @ w
        return float((np.logaddexp(0.0, z) - target * z).sum())

    for _ in range(steps):
        q = 1 / (1 + np.exp(-np.clip(x @ w, -500, 500)))
        step = np.linalg.solve((x * (q * (1 - q))[:, None]).T @ x + 1e-6 * np.eye(2), x.T @ (target - q))
        while np.abs(step).max() >= 1e-8 and loss(w + step) > loss(w):
            step = step / 2
        w = w + step
        if np.abs(step).max() < 1e-8:
            break
    return float(w[0]), float(w[1])


def _logit(p: Sequence[float] | np.ndarray) -> np.ndarray:
    q = np.clip(np.asarray(p, dtype=float), _SURE, 1 - _SURE)
    return np.log(q / (1 - q))
