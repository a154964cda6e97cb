"""Each family's planted law, found again in what its learners do."""

from dataclasses import replace

import numpy as np
import pytest

from learnloop.simulate.bkt import Bkt
from learnloop.simulate.course import Course, planted_course
from learnloop.simulate.engagement import (
    BACK,
    BY_FAILING,
    LEAVE,
    LEAVE_FAILING,
    LEAVE_IDLE,
    LOSE,
    QUICK,
    Engagement,
)
from learnloop.simulate.environment import ANSWERS, GAP, HELD, UNREADY, sigmoid
from learnloop.simulate.factors import CEILING, Factors
from learnloop.simulate.memory import Memory
from learnloop.simulate.mixture import HIGH, Mixture
from learnloop.simulate.streams import learner_keys, mixed, two_uniforms, u64, uniform

COURSE = planted_course(n_concepts=8, items_per_concept=5, seed=2)
N_ITEMS = len(COURSE.item_ids)


def one_concept() -> Course:
    """Four items of the same difficulty."""
    course = planted_course(n_concepts=1, items_per_concept=4, seed=1)
    return replace(course, difficulty=np.zeros(4))


def test_bkt_follows_the_closed_form_of_its_parameters() -> None:
    n, init, learn, slip, guess = 20_000, 0.3, 0.2, 0.1, 0.25
    given = {"p_init": init, "p_learn": learn, "p_slip": slip, "p_guess": guess, "p_forget": 0.0}
    environment = Bkt(one_concept(), n, 1, pace_sd=0.0, **given)
    right = np.array([environment.answer(np.arange(n), np.zeros(n, dtype=int)).mean() for _ in range(12)])
    # P(known before answer k) = 1 - (1 - p_init)(1 - p_learn)^k
    known = 1.0 - (1.0 - init) * (1.0 - learn) ** np.arange(12)
    expected = known * (1.0 - slip) + (1.0 - known) * guess
    assert right == pytest.approx(expected, abs=4.0 * 0.5 / np.sqrt(n))


def test_bkt_forgets_overnight_at_its_rate_and_not_by_day() -> None:
    n = 20_000
    environment = Bkt(one_concept(), n, 2, p_init=1.0 - 1e-12, p_forget=0.03, pace_sd=0.0)
    assert environment.mastered().all()
    environment.wait(0.9)
    assert environment.mastered().all()
    environment.wait(10)
    assert environment.mastered().mean() == pytest.approx(0.97**10, abs=4.0 * 0.5 / np.sqrt(n))


def test_bkt_begins_with_nothing_built_on_the_unknown() -> None:
    environment = Bkt(COURSE, 500, 3)
    assert environment.ready()[environment.mastered()].all()
    assert 0.05 < environment.mastered().mean() < 0.4


def test_an_item_of_two_concepts_teaches_each_by_its_own_luck() -> None:
    course = planted_course(n_concepts=2, items_per_concept=2, seed=1)
    course = replace(course, requires=np.zeros((2, 2), dtype=bool), teaches=np.ones((4, 2), dtype=bool))
    environment = Bkt(course, 20_000, 4, p_init=1e-12, p_learn=0.5, pace_sd=0.0)
    environment.answer(np.arange(20_000), np.zeros(20_000, dtype=int))
    known = environment.known()
    assert known.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.015)
    assert known.all(axis=1).mean() == pytest.approx(0.25, abs=0.015)


def test_factors_equal_a_plain_loop_over_learners() -> None:
    n, steps = 25, 120
    environment = Factors(COURSE, n, 9, per_day=7)
    begin, slopes = environment.z[:, :8].copy(), environment.slopes
    items = np.random.default_rng(5).integers(0, N_ITEMS, (steps, n))
    right = np.array([environment.answer(np.arange(n), row) for row in items])
    keys = learner_keys(9, 0, n, ANSWERS)
    for i in range(n):
        z = begin[i].copy()
        for k in range(steps):
            item = items[k, i]
            concepts = np.flatnonzero(COURSE.teaches[item])
            ready = [all(z[p] >= HELD for p in np.flatnonzero(COURSE.requires[c])) for c in concepts]
            level = np.mean(COURSE.average_difficulty[concepts])
            stands = np.mean([z[c] - GAP * (not r) for c, r in zip(concepts, ready, strict=True)])
            u, _ = two_uniforms(mixed(keys[i : i + 1] + u64(4 * k)))
            assert right[k, i] == (u[0] < sigmoid(stands - (COURSE.difficulty[item] - level)))
            for c, r in zip(concepts, ready, strict=True):
                z[c] = max(z[c], min(z[c] + slopes[i, c] * (1.0 if r else UNREADY), CEILING))
        assert z == pytest.approx(environment.z[i, :8])


def test_the_slope_of_factors_is_found_again_by_logistic_regression() -> None:
    n, slope, easiness = 6_000, 0.3, -1.0
    alike = {"ability_sd": 0.0, "head_start_sd": 0.0, "pace_sd": 0.0}
    environment = Factors(one_concept(), n, 4, slope=slope, easiness=easiness, **alike)
    right = np.array([environment.answer(np.arange(n), np.ones(n, dtype=int)) for _ in range(10)])
    x = np.c_[np.ones(10), np.arange(10.0)]
    fitted = np.zeros(2)
    for _ in range(20):  # Newton
        p = sigmoid(x @ fitted)
        fitted += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, x.T @ (right.mean(axis=1) - p))
    assert fitted == pytest.approx([easiness, slope], abs=0.04)


def test_spaced_practice_is_kept_longer_than_massed() -> None:
    n = 200
    massed = Memory(one_concept(), n, 5, per_day=100)
    spaced = massed.copy()
    for k in range(6):
        massed.answer(np.arange(n), np.zeros(n, dtype=int))
        spaced.answer(np.arange(n), np.zeros(n, dtype=int), at_day=4.0 * k)
    assert (massed.half_life == Memory(one_concept(), n, 5).half_life).all()
    assert (spaced.half_life > 1.5 * massed.half_life).all()
    assert (massed.mastery() >= spaced.mastery() - 1e-9).all(), "cramming shows at once"
    for environment in (massed, spaced):
        environment.wait(30)
    assert (spaced.mastery() > massed.mastery()).all()
    assert spaced.mastery().mean() > massed.mastery().mean() + 0.15


def test_recall_halves_in_a_half_life_and_relearning_is_quicker() -> None:
    environment = Memory(one_concept(), 50, 6, half_life=8.0, step=1.0, pace_sd=0.0)
    first = environment.z[:, 0].copy()
    environment.answer(np.arange(50), np.zeros(50, dtype=int))
    learnt = environment.z[:, 0] - first
    environment.wait(8)
    assert environment.recall() == pytest.approx(0.5)
    assert environment.z[:, 0] - first == pytest.approx(learnt / 2)
    right = environment.answer(np.arange(50), np.zeros(50, dtype=int))
    # what is left, 0.6 of what had faded, and a new step
    assert environment.z[:, 0] - first == pytest.approx(np.full(50, 0.5 + 0.6 * 0.5 + 1.0))
    assert environment.recall() == pytest.approx(1.0)
    # half had faded: 1 + 2.5 x 0.5 after a right answer, 0.4 of that growth after a wrong one
    assert 0 < right.sum() < 50
    assert environment.half_life[:, 0] == pytest.approx(np.where(right, 18.0, 12.0))


def test_who_is_not_engaged_guesses_and_learns_nothing() -> None:
    environment = Engagement(COURSE, 2_000, 7, per_day=10_000, leave=0.0)
    rng = np.random.default_rng(0)
    for _ in range(30):
        environment.answer(np.arange(2_000), rng.integers(0, N_ITEMS, 2_000))
    away = np.flatnonzero(~environment.engaged)
    assert 0.05 < len(away) / 2_000 < 0.8
    assert (environment.p_correct(away) == QUICK).all()
    assert (environment.gain(away) == 0.0).all()
    before = environment.mastery()
    right = environment.answer(away, rng.integers(0, N_ITEMS, len(away)))
    assert (environment.mastery() == before).all()
    assert right.mean() == pytest.approx(QUICK, abs=4.0 * 0.5 / np.sqrt(len(away)))
    environment.wait(1)
    assert environment.engaged.all()
    assert environment.active.all()


def test_engagement_is_lost_and_found_and_learners_leave_at_the_planted_rates() -> None:
    n = 30_000
    environment = Engagement(COURSE, n, 11, per_day=10_000, leave=20.0)
    hard = environment.p_correct(np.arange(n)).mean(axis=0).argmin()
    environment.answer(np.arange(n), np.full(n, hard))
    assert (~environment.engaged).mean() == pytest.approx(LOSE, abs=4.0 * np.sqrt(LOSE / n))
    for _ in range(8):
        environment.answer(np.arange(n), np.full(n, hard))
    engaged, there = environment.engaged.copy(), environment.active.copy()
    environment.answer(np.arange(n), np.full(n, hard))
    strain = np.maximum(environment.failing - 0.4, 0.0)
    came, went = there & ~engaged, there & engaged
    assert environment.engaged[came].mean() == pytest.approx(BACK, abs=4.0 * 0.5 / np.sqrt(came.sum()))
    for who, chance in (
        (went, 20.0 * (LEAVE + LEAVE_FAILING * strain)),
        (came, 20.0 * (LEAVE + LEAVE_FAILING * strain + LEAVE_IDLE)),
    ):
        left, expected = (~environment.active[who]).sum(), chance[who].sum()
        assert expected > 100
        assert abs(left - expected) < 4.0 * np.sqrt(expected)
    lost = (~environment.engaged[went]).mean()
    assert lost == pytest.approx((LOSE + BY_FAILING * strain[went]).mean(), abs=4.0 * 0.5 / np.sqrt(n / 2))


def test_who_fails_much_leaves_sooner_and_does_nothing_more() -> None:
    n = 2_000
    hard, easy = Engagement(COURSE, n, 8), Engagement(COURSE, n, 8)
    for _ in range(150):
        last = hard.p_correct(np.arange(n)).argmin(axis=1)
        hard.answer(np.arange(n), last)
        p = easy.p_correct(np.arange(n))
        easy.answer(np.arange(n), np.abs(p - 0.75).argmin(axis=1))
    assert (~hard.active).mean() > 0.15
    assert (~easy.active).mean() < 0.7 * (~hard.active).mean()
    gone = np.flatnonzero(~hard.active)
    before, day, count = hard.mastery(), hard.day.copy(), hard.count.copy()
    assert not hard.p_correct(gone).any()
    assert not hard.gain(gone).any()
    assert not hard.answer(gone, np.zeros(len(gone), dtype=int), at_day=500.0).any()
    assert (hard.mastery() == before).all()
    assert (hard.day == day).all()
    assert (hard.count == count).all()


def test_the_mixture_has_kinds_tails_and_jumps() -> None:
    environment = Mixture(COURSE, 20_000, 9, per_day=10_000)
    shares = np.bincount(environment.kind) / 20_000
    assert shares == pytest.approx([0.4, 0.3, 0.3], abs=0.02)
    scaled = environment.ability / environment.ability.std()
    assert (scaled**4).mean() > 4.5, "heavier tails than a normal's 3"
    lone = [c for c in range(8) if environment.rival[c] == c and not COURSE.requires[c].any()]
    item = np.flatnonzero((COURSE.concepts_of == (lone[0], 8)).all(axis=1))[0]
    insight = environment.kind == 1
    before = environment.z[insight, lone[0]].copy()
    environment.answer(np.arange(20_000), np.full(20_000, item))
    after = environment.z[insight, lone[0]]
    jumped = after != before
    assert (after[jumped] == HIGH).all()
    assert 0.1 < jumped.mean() < 0.4


def test_practice_of_a_concept_disturbs_its_rival() -> None:
    environment = Mixture(COURSE, 500, 10, per_day=10_000)
    a = int(np.flatnonzero((environment.rival != np.arange(8)) & ~COURSE.requires.any(axis=1))[0])
    b = int(environment.rival[a])
    assert environment.rival[b] == a
    own = [int(np.flatnonzero((COURSE.concepts_of == (c, 8)).all(axis=1))[0]) for c in (a, b)]
    for _ in range(3):
        environment.answer(np.arange(500), np.full(500, own[1]))
    before = environment.z[:, b].copy()
    environment.answer(np.arange(500), np.full(500, own[0]))
    assert (environment.z[:, b] <= before).all()
    assert (environment.z[:, b] < before).mean() > 0.2


def test_numbers_of_learners_are_uniform_and_their_own() -> None:
    keys = learner_keys(1, 0, 4_000, 1)
    u = uniform(mixed(keys[:, None] + np.arange(50, dtype=u64)))
    assert u.mean() == pytest.approx(0.5, abs=0.003)
    assert u.var() == pytest.approx(1 / 12, abs=0.002)
    assert abs(np.corrcoef(u[:, 0], u[:, 1])[0, 1]) < 0.06
    assert abs(np.corrcoef(u[:-1, 0], u[1:, 0])[0, 1]) < 0.06
    high, low = two_uniforms(mixed(keys))
    assert abs(np.corrcoef(high, low)[0, 1]) < 0.06
    assert np.histogram(u, 20, (0, 1))[0] == pytest.approx(np.full(20, 10_000), abs=450)
