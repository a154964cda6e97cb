"""Performance Factors Analysis: planted easiness and slopes are found, and held to their signs."""

import numpy as np
import pandas as pd
import pytest

from learnloop.trace import pfa
from learnloop.trace.pfa import PFA

BETA = np.array([-0.8, 0.2, 0.6, -0.2])
GAMMA = np.array([0.25, 0.1, 0.3, 0.15])
RHO = np.array([-0.05, -0.15, -0.1, -0.2])


def planted(rho: np.ndarray) -> pd.DataFrame:
    """Answers on four concepts with BETA, GAMMA and `rho`, and P(correct) of each, p."""
    rng = np.random.default_rng(3)
    n_learners, n_each = 600, 40
    counts = np.zeros((n_learners, 4, 2))
    rows = []
    for step in range(n_each):
        concept = rng.integers(0, 4, n_learners)
        wins, fails = counts[np.arange(n_learners), concept].T
        p = 1 / (1 + np.exp(-(BETA[concept] + GAMMA[concept] * wins + rho[concept] * fails)))
        right = rng.random(n_learners) < p
        counts[np.arange(n_learners), concept, 1 - right.astype(int)] += 1
        rows.append(
            pd.DataFrame(
                {
                    "learner_id": [f"l{k:03d}" for k in range(n_learners)],
                    "item_id": [f"i:{c}" for c in concept],
                    "concept_ids": [(f"c:{c}",) for c in concept],
                    "correct": right,
                    "occurred_at": pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(minutes=step),
                    "p": p,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def test_planted_slopes_are_found() -> None:
    answers = planted(RHO)
    tracer = PFA(prior_variance=1.0).fit(answers)
    found = tracer.slopes().sort_values("concept_id")
    np.testing.assert_allclose(found["easiness"], BETA, atol=0.15)
    np.testing.assert_allclose(found["win"], GAMMA, atol=0.06)
    np.testing.assert_allclose(found["fail"], RHO, atol=0.06)
    assert np.abs(tracer.predict(answers) - answers["p"]).mean() < 0.02
    # a plain sum for one learner, and the covariance: the truth lies within it as often as it says
    z = (found[["easiness", "win", "fail"]].to_numpy() - np.stack([BETA, GAMMA, RHO], axis=1)) / np.sqrt(
        np.stack([np.diag(tracer.covariance[tracer.concepts[f"c:{c}"]]) for c in range(4)])
    )
    assert np.abs(z).max() < 3.5
    assert 0.2 < np.mean(z**2) < 2.5


def test_a_slope_of_the_wrong_sign_is_0_and_the_others_are_found() -> None:
    helped = np.array([-0.05, -0.15, 0.3, -0.2])  # of the third, failing teaches
    tracer = PFA(prior_variance=1.0).fit(planted(helped))
    found = tracer.slopes().sort_values("concept_id")
    np.testing.assert_allclose(found["fail"], np.minimum(helped, 0.0), atol=0.06)
    assert found["fail"].iloc[2] == 0
    np.testing.assert_allclose(found["win"].iloc[[0, 1, 3]], GAMMA[[0, 1, 3]], atol=0.06)
    own = tracer.covariance[tracer.concepts["c:2"]]
    assert (own[2] == 0).all()  # it is known
    assert (own[:, 2] == 0).all()
    assert (np.diag(own)[:2] > 0).all()


def test_of_many_concepts_the_covariance_is_the_same_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = planted(RHO).iloc[::20]
    exact = PFA().fit(answers)
    monkeypatch.setattr(pfa, "DENSE", 0)
    np.testing.assert_allclose(PFA().fit(answers).covariance, exact.covariance, rtol=1e-9)
