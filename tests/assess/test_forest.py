"""Trees of arrays against scikit-learn's own, and arrays that are no trees."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from learnloop.assess.forest import Forest
from learnloop.errors import ModelUnavailable


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(300, 6))
    return x, x[:, 0] + x[:, 1] * x[:, 2] > 0


def test_it_is_scikit_learns_forest(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = data
    ours = Forest.fit(x[:200], y[:200], seed=3, trees=15, least=4, share=0.5)
    theirs = ExtraTreesClassifier(15, min_samples_leaf=4, max_features=0.5, random_state=3)
    theirs.fit(x[:200], y[:200])
    assert np.allclose(ours.predict(x[200:]), theirs.predict_proba(x[200:])[:, 1], atol=1e-12)
    again = Forest.of(ours.arrays(), columns=6)
    assert np.array_equal(again.predict(x), ours.predict(x))


@pytest.mark.parametrize(
    ("name", "value"),
    [("left", 0), ("right", 10**6), ("feature", 99), ("value", np.nan), ("roots", -1), ("roots", 10**6)],
)
def test_arrays_that_are_no_trees_are_refused(
    data: tuple[np.ndarray, np.ndarray], name: str, value: float
) -> None:
    arrays = {key: array.copy() for key, array in Forest.fit(*data, seed=0, trees=3).arrays().items()}
    inner = np.flatnonzero(arrays["feature"] >= 0)[0] if name in ("left", "right", "feature") else 0
    arrays[name][inner] = value
    with pytest.raises(ModelUnavailable):
        Forest.of(arrays, columns=6)
    with pytest.raises(ModelUnavailable):
        Forest.of({key: array for key, array in arrays.items() if key != name}, columns=6)
