"""What holds in every family: each learner its own fate, honest truth, gates that hold, nights that fade."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from learnloop.errors import BadInput
from learnloop.simulate.course import Course, planted_course
from learnloop.simulate.environment import Environment
from learnloop.simulate.families import FAMILIES

COURSE = planted_course(n_concepts=8, items_per_concept=5, seed=2)
N_ITEMS = len(COURSE.item_ids)

families = pytest.mark.parametrize("family", FAMILIES)
Make = Callable[..., Environment]


def practised(family: str, n: int = 400, steps: int = 60, **parameters: object) -> Environment:
    """Learners who have answered some items each, other ones each."""
    environment = FAMILIES[family](COURSE, n, 7, **parameters)
    rng = np.random.default_rng(3)
    for _ in range(steps):
        environment.answer(np.arange(n), rng.integers(0, N_ITEMS, n))
    return environment


def play(environment: Environment, learners: np.ndarray, items: np.ndarray) -> np.ndarray:
    """items: (steps, n) of all learners; (steps, len(learners)) answers of some."""
    return np.array([environment.answer(learners, row[learners]) for row in items])


@families
def test_a_learner_depends_on_the_seed_and_the_number_alone(family: str) -> None:
    items = np.random.default_rng(0).integers(0, N_ITEMS, (50, 30))
    make = FAMILIES[family]
    many = make(COURSE, 30, 5)
    right = play(many, np.arange(30), items)
    fewer, later, backwards = make(COURSE, 12, 5), make(COURSE, 10, 5, first=20), make(COURSE, 30, 5)
    assert (play(fewer, np.arange(12), items) == right[:, :12]).all()
    assert (play(later, np.arange(10), items[:, 20:]) == right[:, 20:]).all()
    some = np.array([29, 3, 11])
    assert (play(backwards, some, items) == right[:, some]).all()
    assert (many.mastery()[20:] == later.mastery()).all()
    assert (many.pace[20:] == later.pace).all()
    assert (many.learners_frame()["learner_id"][20:] == later.learners_frame()["learner_id"].array).all()
    assert (play(make(COURSE, 30, 6), np.arange(30), items) != right).any()


@families
def test_a_copy_goes_its_own_way_and_meets_the_same_luck(family: str) -> None:
    one = practised(family, 50, 20)
    two = one.copy()
    before = one.mastery()
    items = np.random.default_rng(1).integers(0, N_ITEMS, (10, 50))
    right = play(two, np.arange(50), items)
    assert (one.mastery() == before).all()
    assert (one.count[one.active] == 20).all()
    assert (play(one, np.arange(50), items) == right).all()


@families
def test_answers_come_out_right_as_often_as_p_correct_says(family: str) -> None:
    n = 3_000
    environment = FAMILIES[family](COURSE, n, 11)
    rng = np.random.default_rng(8)
    p, right = [], []
    for _ in range(40):
        live = np.flatnonzero(environment.active)
        items = rng.integers(0, N_ITEMS, len(live))
        p.append(environment.p_correct(live)[np.arange(len(live)), items])
        right.append(environment.answer(live, items))
    said, came = np.concatenate(p), np.concatenate(right)
    band = np.digitize(said, np.quantile(said, np.linspace(0.1, 0.9, 9)))
    for k in range(10):
        one = band == k
        error = (came[one] - said[one]).sum() / np.sqrt((said[one] * (1 - said[one])).sum() + 1e-9)
        assert abs(error) < 4.0, f"band {k} of P, {said[one].mean():.3f}"


@families
def test_mastery_rises_by_what_gain_says(family: str) -> None:
    n = 6_000
    environment = practised(family, n, 30, per_day=10_000)
    live = np.flatnonzero(environment.active)
    items = np.random.default_rng(4).integers(0, N_ITEMS, len(live))
    gain = environment.gain(live)[np.arange(len(live)), items]
    before = environment.mastery()[live].sum(axis=1)
    environment.answer(live, items)
    rise = environment.mastery()[live].sum(axis=1) - before
    assert np.corrcoef(rise, gain)[0, 1] > 0.3
    for part in np.array_split(np.argsort(gain, kind="stable"), 5):
        error = rise[part] - gain[part]
        assert abs(error.mean()) < 4.0 * error.std() / np.sqrt(len(part)) + 1e-6
    both = COURSE.teaches[items].sum(axis=1) == 2
    assert abs((rise - gain)[both].mean()) < 4.0 * (rise - gain)[both].std() / np.sqrt(both.sum()) + 1e-6


@families
def test_mastery_is_p_correct_on_an_average_item(family: str) -> None:
    flat = replace(COURSE, difficulty=np.zeros(N_ITEMS))
    environment = FAMILIES[family](flat, 60, 1, **({"leave": 0.0} if family == "engagement" else {}))
    rng = np.random.default_rng(2)
    for _ in range(30):
        environment.answer(np.arange(60), rng.integers(0, N_ITEMS, 60))
    environment.wait(1)  # in the morning everybody tries
    alone = np.array([np.flatnonzero((COURSE.concepts_of == (c, 8)).all(axis=1))[0] for c in range(8)])
    p, mastery = environment.p_correct(np.arange(60)), environment.mastery()
    assert p[:, alone] == pytest.approx(mastery)
    both = np.flatnonzero(COURSE.teaches.sum(axis=1) == 2)
    one, two = (mastery[:, COURSE.concepts_of[both, k]] for k in (0, 1))
    if family == "irt":  # the mean of two logits
        expected = 1.0 / (1.0 + np.sqrt((1.0 / one - 1.0) * (1.0 / two - 1.0)))
    else:
        expected = np.minimum(one, two)
    assert p[:, both] == pytest.approx(expected)


@families
def test_a_missing_prerequisite_stops_learning_and_lowers_answers(family: str) -> None:
    chain, free = two_concepts(True), two_concepts(False)
    n = 800
    gated, open_ = FAMILIES[family](chain, n, 3, per_day=100), FAMILIES[family](free, n, 3, per_day=100)
    stuck = np.flatnonzero(~gated.ready()[:, 1])
    assert len(stuck) > n / 2
    if family == "bkt":  # nobody knows at first what is built on something unknown
        stuck = stuck[~open_.mastered()[stuck, 1]]
    second = np.full(n, 4)
    assert (gated.p_correct(stuck)[:, 4] < open_.p_correct(stuck)[:, 4]).all()
    own_gated, own_open = gated.z[stuck, 1].copy(), open_.z[stuck, 1].copy()
    for _ in range(8):
        gated.answer(np.arange(n), second)
        open_.answer(np.arange(n), second)
    kept = gated.active[stuck] & open_.active[stuck]
    slow, quick = (gated.z[stuck, 1] - own_gated)[kept].mean(), (open_.z[stuck, 1] - own_open)[kept].mean()
    assert quick > 0.8
    assert slow < 0.15 * quick
    for _ in range(20):
        gated.answer(np.arange(n), np.zeros(n, dtype=int))
    assert gated.ready()[gated.active, 1].mean() > 0.75, "the prerequisite opens what is built on it"


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "irt"])
def test_what_is_not_used_fades(family: str) -> None:
    environment = practised(family, 300, 100)
    before = environment.mastery().sum(axis=1)
    later, nightly = environment.copy(), environment.copy()
    later.wait(30)
    for _ in range(30):
        nightly.wait(1)
    assert (later.mastery().sum(axis=1) <= before + 1e-9).all()
    assert later.mastery().mean() < environment.mastery().mean() - 0.05
    assert nightly.day == pytest.approx(later.day)
    if family == "bkt":  # other nights, other luck, the same chances
        assert nightly.mastery().mean() == pytest.approx(later.mastery().mean(), abs=0.02)
    else:
        assert nightly.mastery() == pytest.approx(later.mastery())


def test_factors_forget_nothing() -> None:
    environment = practised("irt", 50, 20)
    before = environment.mastery()
    environment.wait(100)
    assert (environment.mastery() == before).all()


@families
def test_the_slow_half_learns_more_slowly(family: str) -> None:
    environment = practised(family, 1_000, 80)
    assert environment.slow.mean() == pytest.approx(0.5, abs=0.06)
    mastery = environment.mastery().mean(axis=1)
    assert mastery[environment.slow].mean() < mastery[~environment.slow].mean() - 0.05


def test_a_day_has_so_many_answers_and_then_a_night() -> None:
    environment = FAMILIES["irt"](COURSE, 3, 0, per_day=4)
    days = [environment.day.copy()]
    for _ in range(9):
        environment.answer(np.arange(3), np.arange(3))
        days.append(environment.day.copy())
    clock = np.array(days)
    assert (np.diff(clock, axis=0) > 0).all()
    assert np.floor(clock[:, 0]).tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert clock[1] == pytest.approx(COURSE.minutes[:3] / 1440)
    environment.answer(np.array([1]), np.array([0]), at_day=5.25)
    assert environment.day[1] == pytest.approx(5.25 + COURSE.minutes[0] / 1440)
    assert environment.day[0] < 3
    environment.answer(np.array([1]), np.array([0]), at_day=1.0)
    assert environment.day[1] > 5.25, "clocks do not go back"
    assert environment.seconds(np.array([1]))[0] > environment.seconds(np.array([0]))[0] + 2 * 86_400


def test_one_learner_answers_one_item_at_a_time() -> None:
    environment = FAMILIES["bkt"](COURSE, 3, 0)
    with pytest.raises(BadInput, match="each learner once"):
        environment.answer(np.array([1, 1]), np.array([0, 1]))
    with pytest.raises(BadInput, match="one item for each"):
        environment.answer(np.array([1, 2]), np.array([0]))
    with pytest.raises(BadInput, match="0 learners"):
        FAMILIES["bkt"](COURSE, 0, 0)


def two_concepts(chained: bool) -> Course:
    """Four items of concept 0, four of concept 1, which needs 0 where `chained`."""
    course = planted_course(n_concepts=2, items_per_concept=4, seed=1)
    teaches = np.repeat(np.eye(2, dtype=bool), 4, axis=0)
    requires = np.array([[False, False], [chained, False]])
    return replace(course, teaches=teaches, requires=requires, difficulty=np.zeros(8))
