"""A logistic regression that is only numbers, so that it is kept as JSON and every estimate can be explained.

{"fill": [0.4, …], "flagged": [7], "mean": […], "scale": […], "weights": […], "intercept": -0.2}
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from learnloop.errors import BadInput


@dataclass(frozen=True)
class Linear:
    """P = sigmoid(intercept + sum_j w_j (x_j - mean_j) / scale_j); of k columns those in `flagged` come a
    second time, as 1 where the value is missing; a missing value is `fill`."""

    fill: np.ndarray  # (k,)
    flagged: np.ndarray  # (f,) columns
    mean: np.ndarray  # (k + f,)
    scale: np.ndarray
    weights: np.ndarray
    intercept: float

    @classmethod
    def fit(cls, x: np.ndarray, y: np.ndarray, strength: float) -> Self:
        """x: (n, k), NaN where missing. strength: C of scikit-learn, the inverse of the L2 penalty."""
        from sklearn.linear_model import LogisticRegression

        known = ~np.isnan(x)
        n = known.sum(axis=0)
        # a column that is never known is 0 for everybody: another presentation may know it
        fill = np.divide(np.where(known, x, 0.0).sum(axis=0), n, out=np.zeros(x.shape[1]), where=n > 0)
        flagged = np.flatnonzero(n < len(x))
        wide = _wide(x, fill, flagged)
        mean, scale = wide.mean(axis=0), wide.std(axis=0)
        scale[scale == 0] = 1.0
        found = LogisticRegression(C=strength, max_iter=2_000).fit((wide - mean) / scale, y)
        return cls(fill, flagged, mean, scale, found.coef_[0], float(found.intercept_[0]))

    def parts(self, x: np.ndarray) -> np.ndarray:
        """(n, k) what each column adds to the log-odds, with its flag's part."""
        wide = (_wide(x, self.fill, self.flagged) - self.mean) / self.scale * self.weights
        k = len(self.fill)
        found = wide[:, :k].copy()
        found[:, self.flagged] += wide[:, k:]
        return found

    def predict(self, x: np.ndarray) -> np.ndarray:
        """(n,) probabilities."""
        return 1 / (1 + np.exp(-np.clip(self.intercept + self.parts(x).sum(axis=1), -500, 500)))

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in asdict(self).items()}

    @classmethod
    def of(cls, told: Any) -> Self:
        """Back from `told`. Raises BadInput on numbers that do not fit together."""
        try:
            names = ("fill", "mean", "scale", "weights")
            arrays = {name: np.array(told[name], dtype=float) for name in names}
            flagged, intercept = np.array(told["flagged"], dtype=int), float(told["intercept"])
            k = len(arrays["fill"])
            sound = all(arrays[name].shape == (k + len(flagged),) for name in names[1:])
            sound &= all(np.isfinite(values).all() for values in arrays.values()) and np.isfinite(intercept)
            sound &= bool((arrays["scale"] > 0).all() and ((flagged >= 0) & (flagged < k)).all())
        except (KeyError, TypeError, ValueError):
            sound = False
        if not sound:
            raise BadInput("the weights of a model do not fit together", "learnloop at-risk --train")
        return cls(flagged=flagged, intercept=intercept, **arrays)


def _wide(x: np.ndarray, fill: np.ndarray, flagged: np.ndarray) -> np.ndarray:
    missing = np.isnan(x)
    return np.hstack([np.where(missing, fill, x), missing[:, flagged].astype(float)])
