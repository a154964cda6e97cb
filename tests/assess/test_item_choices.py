"""Fits of a story: nothing near is likelier, and the evidence is the integral over the prior."""

import numpy as np
import pytest

from learnloop.assess.item_choices import BOTH, KEY, OTHER, SLIP, Fitted, Stories, binned, fit

MIDDLES = np.linspace(-1.8, 1.8, 7)
TYPICAL = 1.2


def plain(at: np.ndarray, right: int, z: float) -> np.ndarray:
    """(K,): P(o | z) of one question, as the docstring of the module writes it."""
    K = (len(at) - 3) // 2
    w = (1 - SLIP) / (1 + np.exp(-TYPICAL * np.exp(at[0]) * (z - at[1])))
    g = np.exp(at[3 : 3 + K] + at[3 + K :] * z)
    other = {KEY: 0.0, OTHER: 1.0, BOTH: 1 / (1 + np.exp(-at[2]))}[right]
    r = np.array([1 - other, other, *[0.0] * (K - 2)])
    return np.asarray(w * r + (1 - w) * g / g.sum())


def objective(stories: Stories, row: int, at: np.ndarray) -> float:
    """Log-likelihood and log prior, less constants."""
    picks = sum(
        float(stories.counts[row, place] @ np.log(plain(at, int(stories.right[row]), z)))
        for place, z in enumerate(MIDDLES)
    )
    return picks - 0.5 * float((((at - stories.mean[row]) / stories.sd[row]) ** 2).sum())


@pytest.fixture(scope="module")
def stories() -> Stories:
    """Two questions of three options under each of the three rights."""
    rng = np.random.default_rng(0)
    sd = np.array([0.3, 2.0, 0.8, *[0.5] * 3, *[0.2] * 3])
    rows = []
    for right in (KEY, OTHER, BOTH):
        for _ in range(2):
            true = rng.normal(0, sd)
            picks = [rng.multinomial(9, plain(true, right, z)) for z in MIDDLES]
            rows.append((np.array(picks, dtype=float), right))
    counts = np.stack([one for one, _ in rows])
    n = len(rows)
    return Stories(counts, np.zeros((n, 9)), np.tile(sd, (n, 1)), np.array([one for _, one in rows]))


@pytest.fixture(scope="module")
def fitted(stories: Stories) -> Fitted:
    return fit(stories, MIDDLES, TYPICAL)


def test_nothing_near_is_likelier(stories: Stories, fitted: Fitted) -> None:
    rng = np.random.default_rng(1)
    for row, at in enumerate(fitted.at):
        best = objective(stories, row, at)
        for reach in (0.03, 0.3):
            for _ in range(30):
                assert objective(stories, row, at + rng.normal(0, reach * stories.sd[row])) < best + 0.02


def test_the_evidence_is_the_mean_likelihood_over_the_prior(stories: Stories, fitted: Fitted) -> None:
    rng = np.random.default_rng(2)
    draws = rng.normal(0, stories.sd[0], (60_000, 9))
    w = (1 - SLIP) / (1 + np.exp(-TYPICAL * np.exp(draws[:, :1]) * (MIDDLES - draws[:, 1:2])))[..., None]
    g = np.exp(draws[:, None, 3:6] + draws[:, None, 6:] * MIDDLES[:, None])
    part = 1 / (1 + np.exp(-draws[:, 2]))
    for row, right in enumerate(stories.right):
        other = {KEY: 0 * part, OTHER: 0 * part + 1, BOTH: part}[int(right)]
        r = np.stack([1 - other, other, 0 * other], axis=1)[:, None]
        logs = (stories.counts[row] * np.log(w * r + (1 - w) * g / g.sum(axis=2, keepdims=True))).sum((1, 2))
        true = np.log(np.exp(logs - logs.max()).mean()) + logs.max()
        assert fitted.evidence[row] == pytest.approx(true, abs=0.5)


def test_a_parameter_that_is_not_needed_stays_at_its_prior(stories: Stories, fitted: Fitted) -> None:
    one = stories.right != BOTH
    assert fitted.at[one, 2] == pytest.approx(0)
    assert fitted.variance[one, 2] == pytest.approx(0.8**2)
    assert (fitted.variance < stories.sd**2 + 1e-9).all()


def test_every_pick_is_in_a_bin() -> None:
    rng = np.random.default_rng(3)
    codes, option = rng.integers(0, 4, 500), rng.integers(0, 3, 500)
    counts, middles = binned(codes, option, rng.normal(5, 2, 500), (4, 3))
    assert counts.sum(axis=1).tolist() == [
        [((codes == q) & (option == o)).sum() for o in range(3)] for q in range(4)
    ]
    assert (np.diff(middles) > 0).all()
    assert middles.mean() == pytest.approx(0, abs=0.1)
