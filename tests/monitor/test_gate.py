"""The gate lets an equal or better challenger through and stops one that may be worse."""

import numpy as np
import pytest

from learnloop.monitor.gate import not_worse

RNG = np.random.default_rng(0)
CHAMPION = RNG.random(400)


@pytest.mark.parametrize(("change", "promote"), [(0.0, True), (0.05, True), (-0.005, True), (-0.03, False)])
def test_the_margin_decides(change: float, promote: bool) -> None:
    verdict = not_worse(CHAMPION, CHAMPION + change, margin=0.01)
    assert verdict.promote is promote
    assert verdict.difference == pytest.approx(change)


def test_lower_is_better_for_losses() -> None:
    assert not not_worse(CHAMPION, CHAMPION + 0.05, margin=0.01, higher_is_better=False).promote
    assert not_worse(CHAMPION, CHAMPION - 0.05, margin=0.01, higher_is_better=False).promote


def test_a_few_noisy_learners_do_not_prove_anything() -> None:
    noisy = CHAMPION[:10] + RNG.normal(0, 0.3, 10)
    verdict = not_worse(CHAMPION[:10], noisy, margin=0.01)
    assert not verdict.promote
    assert verdict.low < -0.01


def test_nobody_to_compare_on_is_a_no() -> None:
    assert not not_worse(np.array([]), np.array([]), margin=0.01).promote
