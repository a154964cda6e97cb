"""Intervals and tests against SciPy, and against what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from learnloop.assess.intervals import above, below, benjamini_hochberg, correlations, fisher, wilson

P = st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=40)


@given(P)
def test_benjamini_hochberg_is_scipys(p: list[float]) -> None:
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p, method="bh"))


@given(P, st.integers(0, 40))
def test_what_is_no_test_counts_for_nothing(p: list[float], place: int) -> None:
    with_gap = np.insert(np.array(p), min(place, len(p)), np.nan)
    found = benjamini_hochberg(with_gap)
    assert np.isnan(found).sum() == 1
    assert found[~np.isnan(found)] == pytest.approx(benjamini_hochberg(p))


@given(st.integers(1, 300), st.floats(0, 1))
def test_wilson_is_scipys(n: int, share: float) -> None:
    k = round(share * n)
    low, high = wilson([k], [n])
    told = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert (low[0], high[0]) == pytest.approx((told.low, told.high), abs=1e-9)


def test_of_nothing_any_share_is_possible() -> None:
    low, high = wilson([0], [0])
    assert (low[0], high[0]) == (0, 1)


def test_fishers_interval_is_scipys_and_needs_four_pairs() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=50)
    y = x + rng.normal(size=50)
    found = stats.pearsonr(x, y)
    low, high = fisher([found.statistic, 0.5], [50, 3])
    told = found.confidence_interval()
    assert (low[0], high[0]) == pytest.approx((told.low, told.high))
    assert np.isnan([low[1], high[1]]).all()


def test_the_two_sides_are_each_others_rest() -> None:
    r, n = np.array([-0.3, 0.0, 0.1]), np.array([100, 100, 100])
    assert above(r, n, 0.2) + below(r, n, 0.2) == pytest.approx(1)
    assert below(r, n)[0] < 0.01 < above(r, n)[2]


@given(st.integers(0, 1000), st.integers(2, 6))
def test_grouped_correlations_are_numpys(seed: int, n_groups: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(n_groups), 7))
    x, y = (rng.random(len(groups)) < 0.5).astype(float), rng.normal(5, 1, len(groups))
    found = correlations(groups, x, y, n_groups)
    for group in range(n_groups):
        mine = groups == group
        if x[mine].std() > 0:
            assert found.r[group] == pytest.approx(np.corrcoef(x[mine], y[mine])[0, 1])
        else:
            assert np.isnan(found.r[group])
