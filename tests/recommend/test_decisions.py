"""What is shown: pins first, the rest as drawn, all with their probabilities."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.recommend.decisions import CANDIDATES, decide, wanted
from learnloop.recommend.exploration import draw, relevance
from learnloop.recommend.policy import Candidates
from learnloop.schemas import Reason, Step


def steps(*scores: float) -> list[Step]:
    return [Step(f"s:{n}", score, (Reason("ready"),)) for n, score in enumerate(scores)]


def alike(item_ids: Sequence[str]) -> np.ndarray:
    return np.full((len(item_ids), len(item_ids)), 0.3) + 0.7 * np.eye(len(item_ids))


def test_with_both_knobs_at_0_it_is_the_candidates_own_order_for_certain() -> None:
    found = decide(Candidates(steps(3, 2, 1), fixed=1), 2, np.random.default_rng(0))
    assert [step.item_id for step in found.steps] == ["s:0", "s:1"]
    assert (found.probabilities, found.propensity) == ((1.0, 1.0), 1.0)
    assert found.first == (1.0, 1.0, 0.0), "the pin, and the one that is sure to follow it"


def test_pins_stay_first_whatever_is_drawn() -> None:
    candidates = Candidates(steps(9, 9, 3, 2, 1, 0), fixed=2)
    rng = np.random.default_rng(1)
    seconds = set()
    for _ in range(100):
        found = decide(candidates, 4, rng, temperature=1.0)
        assert found.shown[:2] == (0, 1)
        assert found.probabilities[:2] == (1.0, 1.0)
        seconds.add(found.shown[2])
    assert seconds == {2, 3, 4, 5}
    assert decide(candidates, 1, rng, temperature=1.0).shown == (0,)


def test_the_rest_is_a_draw_over_the_rest() -> None:
    candidates = Candidates(steps(9, 5, 3, 2), fixed=1)
    found = decide(candidates, 3, np.random.default_rng(6), 0.5, 0.4, alike)
    drawn = draw(
        relevance(np.array([5.0, 3.0, 2.0])), 2, np.random.default_rng(6), 0.5, 0.4, alike(["a", "b", "c"])
    )
    assert found.shown == (0, *(drawn.order + 1).tolist())
    assert found.probabilities == (1.0, *drawn.probabilities.tolist())
    assert found.first[1:] == tuple(drawn.first.tolist())
    assert found.propensity == pytest.approx(drawn.propensity)


@settings(max_examples=200, deadline=None)
@given(
    scores=st.lists(st.floats(-5, 5), max_size=12),
    fixed=st.integers(0, 3),
    k=st.integers(0, 15),
    temperature=st.sampled_from([0.0, 0.05, 1.0]),
    diversity=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 5),
)
def test_any_decision_shows_each_once_with_probabilities(
    scores: list[float], fixed: int, k: int, temperature: float, diversity: float, seed: int
) -> None:
    candidates = Candidates(steps(*sorted(scores, reverse=True)), min(fixed, len(scores)))
    found = decide(candidates, k, np.random.default_rng(seed), temperature, diversity, alike)
    assert len(found.shown) == len(set(found.shown)) == min(k, len(scores))
    assert found.shown[:fixed] == tuple(range(min(k, candidates.fixed)))
    assert all(0 < p <= 1 + 1e-12 for p in found.probabilities)
    if temperature == 0:
        assert found.propensity == 1.0
    if len(scores) > candidates.fixed and k > candidates.fixed:
        assert sum(found.first[candidates.fixed :]) == pytest.approx(1.0)
        assert found.first[found.shown[candidates.fixed]] == pytest.approx(
            found.probabilities[candidates.fixed]
        )


def test_more_candidates_are_looked_for_only_where_there_is_a_choice() -> None:
    assert wanted(5, 0.0, 0.0) == 5
    assert wanted(5, 0.1, 0.0) == wanted(5, 0.0, 0.1) == CANDIDATES
    assert wanted(50, 0.1, 0.0) == 100
