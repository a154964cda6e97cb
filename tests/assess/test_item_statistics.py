"""Statistics of questions against ten plain lines, against planted truth, and where nothing can be said."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from learnloop.assess.item_statistics import (
    LEAST_REST,
    SHRINK,
    ItemStatistics,
    first_attempts,
    item_statistics,
    rest_scores,
)
from learnloop.simulate.question_answers import Parameters, Simulated, question_answers

SMALL = Parameters(n_questions=24, answers_per_question=250, per_learner=12, planted={"wrong_key": 2})


@pytest.fixture(scope="module")
def made() -> Simulated:
    return question_answers(SMALL, seed=1)


@pytest.fixture(scope="module")
def found(made: Simulated) -> ItemStatistics:
    return item_statistics(made.answers, made.questions)


def test_the_first_attempt_alone_counts() -> None:
    rows: list[Any] = [
        ("ana", "s:1", 1, "b", True, "2026-01-02T10:00Z"),
        ("ana", "s:1", 1, "a", False, "2026-01-01T10:00Z"),
        ("ana", "s:1", 2, "c", True, "2026-01-03T10:00Z"),
        ("ben", "s:1", 1, "b", True, None),
        ("ben", "s:1", 1, "a", False, None),
    ]
    frame = pd.DataFrame(
        rows, columns=["learner_id", "question_id", "version", "picked", "correct", "occurred_at"]
    )
    first = first_attempts(frame.assign(occurred_at=pd.to_datetime(frame["occurred_at"], format="ISO8601")))
    assert first[["learner_id", "version", "picked"]].to_numpy().tolist() == [
        ["ana", 1, "a"],
        ["ana", 2, "c"],
        ["ben", 1, "b"],
    ]


def test_rest_scores_are_the_plain_ones(made: Simulated) -> None:
    answers = made.answers.head(600)
    learners = pd.factorize(answers["learner_id"])[0]
    questions, _ = pd.factorize(answers["question_id"])
    x = answers["correct"].to_numpy(dtype=float)
    counted = np.arange(questions.max() + 1) % 5 != 0
    found, others = rest_scores(learners, questions, x, counted)
    share = np.array([x[questions == q].mean() for q in range(questions.max() + 1)])
    for at in range(len(x)):
        rest = (learners == learners[at]) & counted[questions] & (np.arange(len(x)) != at)
        k = rest.sum()
        assert others[at] == k
        if k < LEAST_REST:
            assert np.isnan(found[at])
        else:
            mean = (x[rest] - share[questions[rest]]).mean()
            assert found[at] == pytest.approx(k / (k + SHRINK) * mean)


def test_shares_and_picks_are_counted(made: Simulated, found: ItemStatistics) -> None:
    of = made.answers[made.answers["question_id"] == "sim:q0003"]
    row = found.questions.set_index("question_id").loc["sim:q0003"]
    assert (row["n"], row["difficulty"]) == (len(of), pytest.approx(of["correct"].mean()))
    assert row["difficulty_low"] < row["difficulty"] < row["difficulty_high"]
    options = found.options[found.options["question_id"] == "sim:q0003"].set_index("option")
    assert options["share"].sum() == pytest.approx(1)
    assert options["picked"].to_dict() == of["picked"].value_counts().reindex(options.index).to_dict()
    assert options["is_key"].sum() == 1
    assert options["upper"].sum() == pytest.approx(1)
    assert row["seconds"] == pytest.approx(of["seconds"].median())
    assert row["seconds_low"] <= row["seconds"] <= row["seconds_high"]


def test_the_correlation_of_an_option_is_numpys(made: Simulated, found: ItemStatistics) -> None:
    """The key's is the discrimination itself: picking it is being right."""
    keys = found.options[found.options["is_key"]].set_index("question_id")["discrimination"]
    questions = found.questions.set_index("question_id")["discrimination"]
    assert keys.to_numpy() == pytest.approx(questions.loc[keys.index].to_numpy())


def test_order_and_names_of_learners_do_not_matter(made: Simulated, found: ItemStatistics) -> None:
    mixed = made.answers.sample(frac=1, random_state=3)
    again = item_statistics(mixed.assign(learner_id="x" + mixed["learner_id"]), made.questions)
    pd.testing.assert_frame_equal(again.questions, found.questions)


def test_discrimination_knows_who_was_given_easy_questions() -> None:
    """Weak learners get the easy half, strong ones the hard half; all meet in question 0."""
    rng = np.random.default_rng(0)
    rows = []
    for learner in range(400):
        strong = learner % 2 == 0
        for question in [0, *(range(1, 11) if strong else range(11, 21))]:
            p = (0.9 if strong else 0.3) if question == 0 else (0.4 if strong else 0.9)
            rows.append((f"l{learner}", f"s:{question:02d}", rng.random() < p))
    frame = pd.DataFrame(rows, columns=["learner_id", "question_id", "correct"])
    row = item_statistics(frame).questions.iloc[0]
    # by shares right the weak look strong, and question 0 would be suspended; that is not said
    assert row["discrimination_low"] < 0 < row["discrimination_high"]


def test_true_discrimination_is_within_its_interval() -> None:
    """The interval of a correlation from a part of the learners covers that of very many."""
    many = Parameters(n_questions=20, answers_per_question=6000, per_learner=10, planted={})
    truth = question_answers(many, seed=5).answers
    true = item_statistics(truth).questions["discrimination"].to_numpy()
    learners = truth["learner_id"].drop_duplicates()
    inside = []
    for part in range(8):
        mine = truth[truth["learner_id"].isin(learners[part * 400 : (part + 1) * 400])]
        found = item_statistics(mine).questions
        inside += list((found["discrimination_low"] <= true) & (true <= found["discrimination_high"]))
    assert 0.88 <= np.mean(inside) <= 0.995


def test_where_nothing_can_be_said_nothing_is() -> None:
    frame = pd.DataFrame(
        {"learner_id": ["a", "b", "a"], "question_id": ["s:1", "s:1", "s:2"], "correct": [True, True, False]}
    )
    found = item_statistics(frame, pd.DataFrame(columns=["question_id", "version", "key", "options"]))
    assert found.questions["discrimination"].isna().all()
    assert found.questions["p_negative"].isna().all()
    assert found.questions["n_seconds"].tolist() == [0, 0]
    assert found.options.empty


def test_outliers_of_time_are_counted() -> None:
    seconds = [20.0, 21, 22, 19, 18, 20, 23, 21, 20, 900, 0.2]
    frame = pd.DataFrame(
        {
            "learner_id": [f"l{i}" for i in range(len(seconds))],
            "question_id": "s:1",
            "correct": True,
            "seconds": seconds,
        }
    )
    row = item_statistics(frame).questions.iloc[0]
    assert (row["seconds"], row["too_fast"], row["too_slow"], row["n_seconds"]) == (20, 1, 1, 11)
