"""A grader on planted answers: it finds the rule, knows its confidence, and comes back from disk the same."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from graded_school import planted

from learnloop.assess import ngrams, stored_grader
from learnloop.assess.answer_features import NAMES, AnswerFeatures
from learnloop.assess.graded_answers import NAMES as GRADED
from learnloop.assess.graded_answers import pools, similar_to_graded
from learnloop.assess.short_answers import ShortAnswerGrader, abstention, macro_f1
from learnloop.errors import BadInput, ModelUnavailable


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return planted(18, 16, seed=1)


@pytest.fixture(scope="module")
def grader(rows: pd.DataFrame) -> ShortAnswerGrader:
    train = rows[rows["question_id"].str[1:].astype(int) < 12]
    return ShortAnswerGrader.fit(train, ngrams.embed, trees=30, seed=5)


def strangers(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["question_id"].str[1:].astype(int) >= 12]


def test_it_finds_the_planted_rule_on_questions_it_has_not_seen(
    rows: pd.DataFrame, grader: ShortAnswerGrader
) -> None:
    asked = strangers(rows)
    found = grader.predict(asked)
    y = asked["correct"].to_numpy() >= 0.5
    assert macro_f1(found["score"].to_numpy() >= 0.5, y) > 0.9
    assert found["confidence"].between(0.3, 1).all()
    assert abs(found["probability"].mean() - y.mean()) < 0.15


def test_the_same_seed_is_the_same_grader(rows: pd.DataFrame, grader: ShortAnswerGrader) -> None:
    train = rows[rows["question_id"].str[1:].astype(int) < 12]
    again = ShortAnswerGrader.fit(train, ngrams.embed, trees=30, seed=5)
    asked = strangers(rows)
    pd.testing.assert_frame_equal(again.predict(asked), grader.predict(asked))


def test_one_answer_is_judged_as_in_a_thousand(rows: pd.DataFrame, grader: ShortAnswerGrader) -> None:
    asked = strangers(rows).head(3)
    table = grader.predict(asked)
    for (_, row), (_, found) in zip(asked.iterrows(), table.iterrows(), strict=True):
        judged = grader.judge(row["question"], row["references"], row["answer"])
        assert judged.probability == pytest.approx(found["probability"])
        assert judged.sure == found["sure"]


def test_it_comes_back_from_disk(tmp_path: Path, rows: pd.DataFrame, grader: ShortAnswerGrader) -> None:
    stored_grader.save(grader, tmp_path)
    again = stored_grader.load(tmp_path, ngrams.embed)
    asked = strangers(rows)
    pd.testing.assert_frame_equal(again.predict(asked, rows), grader.predict(asked, rows))
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    with (tmp_path / stored_grader.ARRAYS).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    with pytest.raises(ModelUnavailable, match="is not what"):
        stored_grader.load(tmp_path, ngrams.embed)
    (tmp_path / stored_grader.MANIFEST).write_text("{}")
    with pytest.raises(ModelUnavailable, match="another version"):
        stored_grader.load(tmp_path, ngrams.embed)
    with pytest.raises(ModelUnavailable, match="no grader has been trained"):
        stored_grader.load(tmp_path / "nowhere", ngrams.embed)


def test_answers_that_are_graded_already_help() -> None:
    """Half of the right answers share words that no reference has: only earlier marks can tell."""
    rows = planted(14, 24, seed=2, other_way=0.5)
    asked = rows.groupby("question_id").tail(6)
    train = rows.drop(asked.index)
    grader = ShortAnswerGrader.fit(train, ngrams.embed, trees=30)
    y = asked["correct"].to_numpy() >= 0.5
    alone, helped = (
        macro_f1(grader.predict(asked, known)["score"].to_numpy() >= 0.5, y) for known in (None, train)
    )
    assert helped > 0.85
    assert helped > alone + 0.05


def test_the_pool_of_graded_answers_never_holds_the_answer_itself() -> None:
    groups = np.array([0, 0, 0, 1, 1, 2])
    for row, pool in enumerate(pools(groups, np.ones(6, dtype=bool), seed=0)):
        assert row not in pool
        assert (groups[pool] == groups[row]).all()


def test_what_few_graded_answers_say() -> None:
    pool = np.eye(3)
    found = dict(
        zip(GRADED, similar_to_graded(pool[0], pool, np.array([True, False, False]), 0.4), strict=True)
    )
    assert (found["nearest_right"], found["nearest_wrong"]) == (1.0, 0.0)
    assert found["kernel_sharp"] > 0.9
    nothing = similar_to_graded(pool[0], pool[:0], np.zeros(0, dtype=bool), 0.4)
    assert nothing[GRADED.index("kernel_wide")] == 0.4


def test_features_of_a_denial_a_number_and_an_opposite() -> None:
    features = AnswerFeatures(ngrams.embed)
    answers = [
        "The metal does not expand by 5 mm.",
        "The metal contracts by 7 mm",
        "The metal expands by 5 mm",
    ]
    rows, nearest = features.rows(["What does it do?"] * 3, [["The metal expands by 5 mm."]] * 3, answers)
    told = pd.DataFrame(rows, columns=list(NAMES))
    assert told["negation"].tolist() == [1, 0, 0]
    assert told["numbers_missed"].tolist() == [0, 1, 0]
    assert told["f1"].iloc[2] == told["recall"].iloc[2] == told["longest"].iloc[2] == 1
    assert nearest == [0, 0, 0]


def test_the_curve_of_abstention_ends_at_everybody() -> None:
    y = np.array([True, False, True, False])
    curve = abstention(np.array([0.9, 0.1, 0.4, 0.45]), 0.5, y, steps=4)
    assert [point["coverage"] for point in curve] == [0.25, 0.5, 0.75, 1.0]
    assert [point["accuracy"] for point in curve] == [1, 1, pytest.approx(2 / 3), 0.75]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.head(20), "too few"),
        (lambda rows: rows.assign(correct=1.0), "same mark"),
        (lambda rows: rows.assign(correct=3.0), "between 0 and 1"),
        (lambda rows: rows.drop(columns="answer"), "without answer"),
    ],
)
def test_what_nothing_can_be_learnt_from(rows: pd.DataFrame, change: object, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        ShortAnswerGrader.fit(change(rows), ngrams.embed)  # type: ignore[operator]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_mark_that_one_question_alone_has_is_no_crash(seed: int) -> None:
    """The fold that holds the question leaves the others of one mark: nothing is learnt there."""
    rows = planted(6, 10, seed=2).assign(correct=lambda frame: (frame["question_id"] == "q0").astype(float))
    assert 0 < rows["correct"].mean() < 1
    found = ShortAnswerGrader.fit(rows, ngrams.embed, trees=10, seed=seed).predict(rows)
    assert found["probability"].between(0, 1, inclusive="neither").all()
