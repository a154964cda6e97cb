"""Signals: roll-up, what counts, how much; and histories that fold in with the same weights."""

from math import log

import numpy as np
import pandas as pd
import pytest

from learnloop.recommend.signals import (
    histories,
    matrix,
    recommendable,
    sequences,
    signals,
    targets,
    weigh,
    weighed,
)

ITEMS = pd.DataFrame(
    [
        ("s:course", "course", None),
        ("s:lesson", "lesson", "s:course"),
        ("s:exercise", "exercise", "s:lesson"),
        ("s:question", "question", "s:exercise"),
        ("s:orphan", "exercise", "s:course"),
        ("s:exam", "assessment", "s:course"),
        ("s:forum", "activity", "s:course"),
        ("s:film", "video", "s:lesson"),
        ("s:loop-a", "exercise", "s:loop-b"),
        ("s:loop-b", "exercise", "s:loop-a"),
        ("s:lost", "question", "s:not-in-the-catalogue"),
    ],
    columns=["item_id", "kind", "parent_id"],
).astype({"item_id": str, "kind": str, "parent_id": str})


def events(*rows: tuple[str, str, str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["learner_id", "item_id", "verb", "day"])
    frame["occurred_at"] = pd.to_datetime("2024-01-01", utc=True) + pd.to_timedelta(frame.pop("day"), "D")
    frame["event_id"] = [f"e{number}" for number in range(len(frame))]
    return frame.astype({"learner_id": str, "item_id": str, "verb": str})


def test_every_item_goes_to_its_lesson_or_itself() -> None:
    assert targets(ITEMS) == {
        "s:lesson": "s:lesson",
        "s:exercise": "s:lesson",
        "s:question": "s:lesson",
        "s:orphan": "s:orphan",
        "s:exam": "s:exam",
        "s:forum": "s:forum",
        "s:film": "s:film",
        "s:loop-a": "s:loop-a",
        "s:loop-b": "s:loop-b",
        "s:lost": "s:lost",
    }


def test_recommendable_leaves_out_courses_and_what_rolls_up() -> None:
    assert recommendable(ITEMS) == sorted(
        ["s:lesson", "s:orphan", "s:exam", "s:forum", "s:film", "s:loop-a", "s:loop-b", "s:lost"]
    )


def test_weight_is_one_plus_log_of_the_rolled_up_count() -> None:
    found = signals(
        events(
            ("b", "s:exercise", "answered", 2),
            ("b", "s:question", "answered", 1),
            ("b", "s:lesson", "experienced", 0),
            ("a", "s:exam", "scored", 0),
            ("a", "s:course", "registered", 0),
            ("a", "s:course", "experienced", 0),
            ("a", "s:lesson", "registered", 0),
            ("a", "s:unheard-of", "experienced", 0),
        ),
        ITEMS,
    )
    expected = pd.DataFrame(
        {"learner_id": ["a", "b"], "item_id": ["s:exam", "s:lesson"], "weight": [1.0, 1 + log(3)]}
    ).astype({"learner_id": str, "item_id": str})
    pd.testing.assert_frame_equal(found.drop(columns="at"), expected)
    last = pd.to_datetime(found["at"], unit="s", utc=True)
    assert last.dt.day.tolist() == [1, 3]  # the exercise of day 2 is the lesson's last


@pytest.mark.parametrize("verb", ["registered", "experienced"])
def test_nothing_that_counts_gives_an_empty_frame_with_the_columns(verb: str) -> None:
    rows = events(("a", "s:course", verb, 0))
    for interactions in (rows, rows.iloc[:0]):
        found = signals(interactions, ITEMS)
        assert found.columns.tolist() == ["learner_id", "item_id", "weight", "at"]
        assert len(found) == 0
        assert histories(interactions, ITEMS) == {}


def test_histories_are_in_time_order_with_repeats() -> None:
    rows = events(
        ("a", "s:exam", "scored", 9),
        ("b", "s:film", "completed", 1),
        ("a", "s:question", "answered", 3),
        ("a", "s:lesson", "experienced", 1),
    )
    assert histories(rows, ITEMS) == {"a": ["s:lesson", "s:lesson", "s:exam"], "b": ["s:film"]}


def test_a_history_weighs_what_training_weighed() -> None:
    rng = np.random.default_rng(0)
    chosen = [item for item in ITEMS["item_id"] if item != "s:course"]
    rows = events(
        *(
            (f"l{rng.integers(9)}", str(rng.choice(chosen)), "answered", int(rng.integers(30)))
            for _ in range(300)
        )
    )
    weights, learner_ids, item_ids = matrix(signals(rows, ITEMS))
    column = {item_id: place for place, item_id in enumerate(item_ids)}
    past = histories(rows, ITEMS)
    for row, learner_id in enumerate(learner_ids):
        columns, folded = weigh(past[learner_id], column)
        np.testing.assert_array_equal(columns, weights[row].indices)
        np.testing.assert_allclose(folded, weights[row].data)


def test_sequences_follow_time_and_then_the_name() -> None:
    rows = pd.DataFrame(
        {"learner_id": ["b", "a", "a", "a"], "item_id": ["x", "z", "y", "x"], "at": [5.0, 1.0, 2.0, 2.0]}
    ).astype({"learner_id": str, "item_id": str})
    item_ids = np.array(["x", "y", "z"], dtype=object)
    assert [row.tolist() for row in sequences(rows, item_ids)] == [[2, 0, 1], [0]]
    assert [row.tolist() for row in sequences(rows.drop(columns="at"), item_ids)] == [[0, 1, 2], [0]]
    assert sequences(rows.iloc[:0], item_ids) == []


def test_many_histories_weigh_as_one_by_one() -> None:
    column = {"x": 0, "y": 1, "z": 2}
    past = [["z", "x", "z"], [], ["unknown"], ["y", "unknown", "y", "y"]]
    found = weighed(past, column)
    assert found.shape == (4, 3)
    for row, history in enumerate(past):
        columns, weights = weigh(history, column)
        np.testing.assert_array_equal(found[row].indices, columns)
        np.testing.assert_allclose(found[row].data, weights)
