"""Draws have the probabilities they are logged with, and what is logged can be weighed."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from learnloop.errors import BadInput
from learnloop.recommend.exploration import draw, relevance

DRAWS = 20_000
VALUES = np.array([1.0, 0.7, 0.4, 0.0])
TEMPERATURE = 0.4


def plackett_luce(order: tuple[int, ...], values: np.ndarray, temperature: float) -> float:
    """The probability of a list by the formula, with nothing saved along the way."""
    left, probability = list(range(len(values))), 1.0
    for item in order:
        weights = {one: float(np.exp(values[one] / temperature)) for one in left}
        probability *= weights[item] / sum(weights.values())
        left.remove(item)
    return probability


def mmr(values: np.ndarray, likeness: np.ndarray, k: int, weight: float) -> list[int]:
    """Carbonell & Goldstein 1998, word for word; weight is their lambda."""
    chosen: list[int] = []
    while len(chosen) < k:
        best, best_worth = -1, -np.inf
        for item in range(len(values)):
            if item not in chosen:
                near = max((likeness[item, other] for other in chosen), default=0.0)
                worth = weight * values[item] - (1 - weight) * near
                if worth > best_worth + 1e-12:
                    best, best_worth = item, worth
        chosen.append(best)
    return chosen


def some_likeness(n: int, seed: int) -> np.ndarray:
    rows = np.abs(np.random.default_rng(seed).normal(size=(n, 3)))
    rows /= np.linalg.norm(rows, axis=1)[:, None]
    return rows @ rows.T


def close(frequency: float, probability: float) -> bool:
    """Within four standard errors of DRAWS draws."""
    return abs(frequency - probability) < 4 * np.sqrt(probability * (1 - probability) / DRAWS) + 1e-9


@pytest.fixture(scope="module")
def drawn() -> Counter[tuple[int, ...]]:
    rng = np.random.default_rng(11)
    return Counter(tuple(draw(VALUES, 2, rng, TEMPERATURE).order.tolist()) for _ in range(DRAWS))


def test_the_first_place_has_the_probabilities_of_the_softmax(drawn: Counter[tuple[int, ...]]) -> None:
    first = draw(VALUES, 2, np.random.default_rng(0), TEMPERATURE).first
    weights = np.exp(VALUES / TEMPERATURE)
    np.testing.assert_allclose(first, weights / weights.sum(), rtol=1e-12)
    for item in range(len(VALUES)):
        seen = sum(count for order, count in drawn.items() if order[0] == item) / DRAWS
        assert close(seen, first[item]), item


def test_each_list_comes_as_often_as_the_product_of_its_conditional_probabilities(
    drawn: Counter[tuple[int, ...]],
) -> None:
    logged: dict[tuple[int, ...], float] = {}
    rng = np.random.default_rng(5)
    while len(logged) < 12:
        one = draw(VALUES, 2, rng, TEMPERATURE)
        logged[tuple(one.order.tolist())] = one.propensity
    for order in permutations(range(4), 2):
        assert logged[order] == pytest.approx(plackett_luce(order, VALUES, TEMPERATURE), rel=1e-12)
        assert close(drawn[order] / DRAWS, logged[order]), order
    assert sum(logged.values()) == pytest.approx(1.0)


def test_with_diversity_too_the_logged_propensity_is_the_frequency() -> None:
    likeness = some_likeness(4, seed=2)
    rng = np.random.default_rng(3)
    logged: dict[tuple[int, ...], float] = {}
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(DRAWS):
        one = draw(VALUES, 2, rng, TEMPERATURE, 0.5, likeness)
        order = tuple(one.order.tolist())
        seen[order] += 1
        assert logged.setdefault(order, one.propensity) == pytest.approx(one.propensity)
    assert sum(logged.values()) == pytest.approx(1.0)
    for order, propensity in logged.items():
        assert close(seen[order] / DRAWS, propensity), order


def test_an_inverse_propensity_estimate_recovers_what_another_policy_would_earn() -> None:
    """Rewards of chance between 0 and 1 by item; logged by the softmax, judged for two other policies."""
    rng = np.random.default_rng(8)
    chance = rng.random(6)
    values = rng.random(6)
    shown, propensity, reward = np.empty(DRAWS, int), np.empty(DRAWS), np.empty(DRAWS)
    for number in range(DRAWS):
        one = draw(values, 1, rng, 0.5)
        shown[number], propensity[number] = one.order[0], one.propensity
        reward[number] = rng.random() < chance[shown[number]]
    assert abs(reward.mean() - chance.mean()) > 0.02, "the logging policy alone says something else"
    for target in (np.full(6, 1 / 6), np.eye(6)[int(chance.argmax())]):
        # V = mean of reward target(shown) / propensity(shown) (Horvitz & Thompson 1952)
        terms = reward * target[shown] / propensity
        error = terms.std(ddof=1) / np.sqrt(DRAWS)
        assert abs(terms.mean() - target @ chance) < 4 * error
        assert error < 0.02


def test_at_temperature_0_the_best_come_for_certain_and_a_tie_goes_to_the_earlier() -> None:
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    found = draw(np.array([0.5, 1.0, 0.5, 0.2]), 3, rng)
    assert found.order.tolist() == [1, 0, 2]
    assert found.probabilities.tolist() == [1.0, 1.0, 1.0]
    assert found.first.tolist() == [0.0, 1.0, 0.0, 0.0]
    assert rng.bit_generator.state == before, "certainty costs no randomness"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("diversity", [0.0, 0.3, 0.7, 1.0])
def test_without_chance_it_is_maximal_marginal_relevance(seed: int, diversity: float) -> None:
    values = relevance(np.random.default_rng(seed).normal(size=12))
    likeness = some_likeness(12, seed)
    found = draw(values, 8, np.random.default_rng(0), 0.0, diversity, likeness)
    assert found.order.tolist() == mmr(values, likeness, 8, 1 - diversity)


def test_one_seed_one_draw() -> None:
    values = np.random.default_rng(0).random(30)
    one, again, other = (draw(values, 10, np.random.default_rng(seed), 0.3).order for seed in (7, 7, 8))
    assert one.tolist() == again.tolist() != other.tolist()
    assert len(set(one.tolist())) == 10


def test_hot_and_cold_ends() -> None:
    rng = np.random.default_rng(0)
    np.testing.assert_allclose(draw(VALUES, 1, rng, 1e6).first, 0.25, atol=1e-5)
    assert draw(VALUES, 4, rng, 1e-3).order.tolist() == [0, 1, 2, 3]
    assert draw(VALUES, 4, rng, 1e-300).propensity == 1.0


def test_fewer_candidates_than_places() -> None:
    rng = np.random.default_rng(0)
    assert sorted(draw(VALUES, 9, rng, 0.5).order.tolist()) == [0, 1, 2, 3]
    for empty in (draw(VALUES, 0, rng, 0.5), draw(np.empty(0), 3, rng, 0.5)):
        assert (len(empty.order), empty.propensity) == (0, 1.0)


@pytest.mark.parametrize(
    ("knobs", "field"),
    [
        ({"diversity": -0.1}, "diversity"),
        ({"diversity": 1.1}, "diversity"),
        ({"diversity": np.nan}, "diversity"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": np.nan}, "temperature"),
        ({"temperature": np.inf}, "temperature"),
    ],
)
def test_a_knob_out_of_its_range_is_named(knobs: dict[str, float], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        draw(VALUES, 2, np.random.default_rng(0), **knobs)
    assert refused.value.field == field


def test_relevance_is_the_share_of_the_range() -> None:
    assert relevance(np.array([3.0, 1.0, 2.0])).tolist() == [1.0, 0.0, 0.5]
    assert relevance(np.array([4.0, 4.0])).tolist() == [1.0, 1.0]
    assert relevance(np.empty(0)).tolist() == []
