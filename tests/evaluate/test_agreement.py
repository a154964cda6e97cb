"""Kappa equals scikit-learn's on whatever is drawn, and finds what was planted."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.errors import BadInput
from learnloop.evaluate.agreement import agreement, kappa

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(PAIRS)
@pytest.mark.filterwarnings("ignore")
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    from sklearn.metrics import cohen_kappa_score

    one, other = [list(side) for side in zip(*pairs, strict=True)]
    for weights in ("none", "linear", "quadratic"):
        # scikit-learn weighs categories by their place among those that occur, too
        theirs = cohen_kappa_score(one, other, weights=None if weights == "none" else weights)
        ours = kappa(one, other, weights)
        if ours is None:
            assert math.isnan(theirs)
        else:
            assert ours == pytest.approx(theirs)


def test_the_example_of_the_docstring() -> None:
    one, other = [2, 2, 0, 1], [2, 1, 0, 1]
    assert [round(kappa(one, other, w) or 0, 2) for w in ("none", "linear", "quadratic")] == [0.64, 0.71, 0.8]


def test_agreement_is_found_with_its_interval() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    noisy = np.where(rng.random(300) < 0.8, truth, rng.integers(0, 3, 300))
    told = agreement(truth.tolist(), noisy.tolist(), 200)
    assert told["none"]["low"] < 0.8 < told["none"]["high"]
    assert told["same"] == pytest.approx((truth == noisy).mean())
    strangers = agreement(truth.tolist(), rng.integers(0, 3, 300).tolist(), 200)
    assert strangers["none"]["low"] < 0 < strangers["none"]["high"]


def test_what_cannot_be_disagreed_on_has_no_kappa() -> None:
    assert kappa([1, 1], [1, 1]) is None
    assert kappa([], []) is None
    assert agreement([1, 1], [1, 1], 50)["none"] == {"value": None, "low": None, "high": None}
    with pytest.raises(BadInput):
        kappa([1], [1, 2])
    with pytest.raises(BadInput, match="weights"):
        kappa([1], [1], "cubic")
