"""What is wrong with a question, by its picks: planted faults, what a bank teaches, and the ends."""

import numpy as np
import pandas as pd
import pytest

from learnloop.assess.item_choices import LOOKS, SHIFT, Fitted
from learnloop.assess.item_statistics import item_statistics
from learnloop.assess.item_stories import (
    GIVEN,
    GRID,
    LEAST,
    Posterior,
    _corrected,
    before,
    learned,
    posterior,
)
from learnloop.simulate.question_answers import Parameters, Simulated, question_answers

FAULTS = {"two_right": "two", "wrong_key": "instead", "dead_distractor": "unpicked"}
BANK = Parameters(n_questions=60, answers_per_question=500, planted=dict.fromkeys([*FAULTS, "guessable"], 3))


@pytest.fixture(scope="module")
def made() -> Simulated:
    return question_answers(BANK, seed=11)


@pytest.fixture(scope="module")
def told(made: Simulated) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Questions and options with the truth beside."""
    found = item_statistics(made.answers, made.questions)
    truth = made.truth[["question_id", "planted", "true_key", "second", "share_right"]]
    return found.questions.merge(truth, on="question_id"), found.options.merge(truth, on="question_id")


def test_one_of_the_stories_is_true(told: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    questions, options = told
    of_options = options.groupby("question_id")[list(FAULTS.values())].sum().sum(axis=1)
    total = questions.set_index("question_id")[["sound", "given"]].sum(axis=1) + of_options
    assert total.to_numpy() == pytest.approx(np.ones(60))


@pytest.mark.parametrize("planted", list(FAULTS))
def test_a_planted_fault_is_told_of_its_option(told: tuple[pd.DataFrame, pd.DataFrame], planted: str) -> None:
    questions, options = told
    at = "true_key" if planted == "wrong_key" else "second"
    mine = options[(options["planted"] == planted) & (options["option"] == options[at])]
    assert len(mine) == 3
    assert mine[FAULTS[planted]].mean() > 0.8
    assert questions.loc[questions["planted"] == planted, "sound"].mean() < 0.2


def test_good_questions_are_sound(told: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    questions, _ = told
    good = questions["planted"] == "good"
    assert questions.loc[good, "sound"].mean() > 0.9
    # what is believed of all adds up to about what is true of all
    assert questions["sound"].mean() == pytest.approx(good.mean(), abs=0.06)
    assert questions.loc[questions["planted"] == "guessable", "given"].mean() > 2 * questions["given"].mean()


def _counts(seed: int, lean: float, appeal: float) -> tuple[np.ndarray, np.ndarray]:
    """(80, 9, 4) picks of sound questions whose options lean and look as said."""
    rng = np.random.default_rng(seed)
    z = np.linspace(-2, 2, 9)
    d, h, tilt = rng.normal(0, 1, 80), rng.normal(0, appeal, (80, 4)), rng.normal(0, lean, (80, 4))
    w = (0.98 / (1 + np.exp(-1.4 * (z - d[:, None]))))[..., None]
    g = np.exp(h[:, None] + tilt[:, None] * z[:, None])
    p = w * np.array([1.0, 0, 0, 0]) + (1 - w) * g / g.sum(axis=2, keepdims=True)
    return rng.multinomial(60, p).astype(float), z


def test_the_bank_teaches_what_its_questions_are_like() -> None:
    plain, varied = (learned(*_counts(4, lean, look), before(1.0)) for lean, look in ((0, 0.2), (0.5, 0.7)))
    assert plain.typical == pytest.approx(1.4, rel=0.15)
    first = before(1.0)  # .45 and .15: two rounds go most of the way
    assert plain.look < 0.33 < first.look < 0.55 < varied.look < 0.75
    assert plain.lean < 0.12 < first.lean < 0.33 < varied.lean < 0.55
    assert plain.faults.max() < 0.05  # less than was said before: nothing is wrong with any


def test_the_names_of_distractors_do_not_matter() -> None:
    counts, z = _counts(5, 0.1, 0.4)
    bank, order = before(1.4), [0, 3, 1, 2]
    one, other = posterior(counts[:20], z, bank), posterior(counts[:20][:, :, order], z, bank)
    assert other.sound == pytest.approx(one.sound, abs=1e-6)
    assert other.two == pytest.approx(one.two[:, order], abs=1e-6)


def test_of_two_options_none_is_unpicked_and_not_both_are_right() -> None:
    counts, z = _counts(6, 0.1, 0.4)
    found = posterior(counts[:10, :, :2], z, before(1.4))
    assert not found.two.any()
    assert not found.unpicked.any()
    assert found.sound + found.given + found.instead.sum(axis=1) == pytest.approx(np.ones(10))


@pytest.mark.parametrize("n_options", [2, 3, 5])
def test_without_picks_all_is_as_it_was_said_before(n_options: int) -> None:
    found = posterior(np.zeros((2, 3, n_options)), np.array([-1.0, 0, 1]), before(1.0))
    # where the key is given away it has .75 of the guesses, however many others there are
    assert found.guess == pytest.approx(1 / (1 + np.exp(-GIVEN[0])))
    faults = before(1.0).faults * ([1, 0, 1, 0] if n_options == 2 else [1, 1, 1, 1])
    assert found.sound == pytest.approx(1 - faults.sum(), abs=1e-3)
    told = (found.given, *(one.sum(axis=1) for one in (found.two, found.instead, found.unpicked)))
    for one, fault in zip(told, faults, strict=True):
        assert one == pytest.approx(fault, abs=1e-3)


def test_a_difficulty_that_is_twice_as_common_doubles_the_evidence() -> None:
    """Bayes: evidence under another prior is evidence times the mean of their ratio over the posterior."""
    at, variance = np.zeros((1, 4, LOOKS + 6)), np.full((1, 4, LOOKS + 6), 0.01)
    at[0, :, SHIFT] = [-2, -1, 1, 2]
    wide = before(1.0).density
    density = np.where(GRID > 0, 2 * wide, 0.5 * wide)
    found = _corrected(Fitted(np.full((1, 4), -7.0), at, variance), density)
    assert found[0] == pytest.approx(-7 + np.log([0.5, 0.5, 2, 2]), abs=0.01)


def test_without_questions_or_picks_nothing_is_said(made: Simulated) -> None:
    empty: Posterior = posterior(np.zeros((0, 9, 4)), np.zeros(9), before(1.0))
    assert empty.sound.shape == (0,)
    few = made.answers.groupby("question_id").head(LEAST - 1)
    assert item_statistics(few, made.questions).questions["sound"].isna().all()
    blind = item_statistics(made.answers.drop(columns="picked"), made.questions)
    assert blind.questions["sound"].isna().all()
