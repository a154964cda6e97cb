"""The simulated bank: the same seed, the same answers; what was planted is so."""

import pandas as pd
import pytest

from learnloop.simulate.question_answers import KINDS, Parameters, Simulated, question_answers


@pytest.fixture(scope="module")
def made() -> Simulated:
    return question_answers(Parameters(answers_per_question=400), seed=4)


def test_a_seed_is_a_bank() -> None:
    small = Parameters(n_questions=30, answers_per_question=20, per_learner=10)
    one, same, other = (question_answers(small, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.answers, same.answers)
    assert not one.answers["picked"].equals(other.answers["picked"])


def test_each_learner_answers_a_part_once(made: Simulated) -> None:
    assert not made.answers.duplicated(["learner_id", "question_id"]).any()
    assert set(made.answers.groupby("learner_id").size()) == {40}
    assert made.answers.groupby("question_id").size().mean() == pytest.approx(400, rel=0.01)


def test_the_able_are_right_more_often(made: Simulated) -> None:
    share = made.answers.groupby("learner_id")["correct"].mean()
    ability = made.learners.set_index("learner_id")["ability"]
    assert share.corr(ability.loc[share.index]) > 0.75


def test_right_is_the_key(made: Simulated) -> None:
    keys = made.answers["question_id"].map(made.questions.set_index("question_id")["key"])
    assert (made.answers["correct"] == (made.answers["picked"] == keys)).all()


def test_what_is_planted_is_so(made: Simulated) -> None:
    truth = made.truth.set_index("question_id")
    assert truth["planted"].value_counts().loc[list(KINDS)].tolist() == [6] * 4
    shares = (
        made.answers.groupby("question_id")["picked"].value_counts(normalize=True).unstack(fill_value=0.0)
    )
    key = made.questions.set_index("question_id")["key"]
    for name, row in truth.iterrows():
        if row["planted"] == "dead_distractor":
            assert shares.loc[name, row["second"]] < 0.03
        if row["planted"] == "two_right":
            assert shares.loc[name, row["second"]] > 0.15
        assert (row["true_key"] == key[name]) == (row["planted"] != "wrong_key")
    means = truth.groupby("planted")["share_right"].mean()
    assert means["guessable"] > 0.8 > 0.3 > means["wrong_key"]
