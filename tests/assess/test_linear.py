"""A logistic regression as numbers: what scikit-learn fits, kept as JSON, and the parts of an estimate."""

import json

import numpy as np
import pytest

from learnloop.assess.linear import Linear
from learnloop.errors import BadInput


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3)) * [1, 20, 3] + [0, 50, 0]
    y = rng.random(600) < 1 / (1 + np.exp(-(x[:, 0] - 0.05 * (x[:, 1] - 50))))
    x[rng.random(600) < 0.2, 2] = np.nan
    return x, y


def test_it_is_what_scikit_learn_fits(data: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = data
    theirs = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler(), LogisticRegression(C=0.3))
    expected = theirs.fit(x, y).predict_proba(x)[:, 1]
    np.testing.assert_allclose(Linear.fit(x, y, 0.3).predict(x), expected, atol=1e-4)


def test_planted_weights_come_back(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = data
    found = Linear.fit(x, y, 100.0)
    slopes = found.weights / found.scale
    assert slopes[0] == pytest.approx(1.0, abs=0.25)
    assert slopes[1] == pytest.approx(-0.05, abs=0.015)


def test_parts_add_up_and_json_keeps_everything(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = data
    model = Linear.fit(x, y, 0.3)
    again = Linear.of(json.loads(json.dumps(model.told())))
    np.testing.assert_array_equal(model.predict(x), again.predict(x))
    p = model.predict(x)
    np.testing.assert_allclose(model.intercept + model.parts(x).sum(axis=1), np.log(p / (1 - p)))


def test_a_column_nobody_knows_is_no_obstacle(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = data
    unknown = np.column_stack([x, np.full(len(x), np.nan)])
    model = Linear.fit(unknown, y, 0.3)
    np.testing.assert_allclose(model.predict(unknown), Linear.fit(x, y, 0.3).predict(x), atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [{"fill": [0.0]}, {"flagged": [7]}, {"scale": [0.0] * 4}, {"intercept": "x"}, {"weights": [np.nan] * 4}],
)
def test_numbers_that_do_not_fit_are_refused(
    data: tuple[np.ndarray, np.ndarray], change: dict[str, object]
) -> None:
    told = Linear.fit(*data, 0.3).told()
    with pytest.raises(BadInput, match="do not fit"):
        Linear.of({**told, **change})
