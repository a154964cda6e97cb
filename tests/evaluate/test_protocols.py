"""Splits: nothing that is asked for is known, and every event is on the side its time says."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.protocols import SPLITS, Fold, folds, given, validation


def log_of(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["learner_id", "item_id", "at"])
    return frame.astype({"learner_id": str, "item_id": str})


def some_log(seed: int = 0, rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return log_of(
        *((f"l{rng.integers(20)}", f"i{rng.integers(15)}", float(rng.integers(200))) for _ in range(rows))
    )


def pairs(log: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(log["learner_id"], log["item_id"], strict=True))


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("n_folds", [1, 3])
def test_what_is_asked_is_in_no_training_row_and_no_history(split: str, n_folds: int) -> None:
    for fold in folds(some_log(), split, n_folds):
        known = pairs(fold.train)
        assert fold.histories.keys() == fold.relevant.keys()
        for learner, wanted in fold.relevant.items():
            assert wanted
            assert not wanted & set(fold.histories[learner])
            assert not {(learner, item) for item in wanted} & known


def test_time_parts_at_one_instant_for_everybody() -> None:
    log = some_log()
    first, second, third = folds(log, "time", 3, test_share=0.3)
    assert len(first.train) < len(second.train) < len(third.train) < len(log)
    assert first.train["at"].max() < log["at"].quantile(0.72)
    later = log[log["at"] > first.train["at"].max()]
    asked = {(learner, item) for learner, items in first.relevant.items() for item in items}
    assert asked <= pairs(later)


def test_events_of_the_instant_of_the_cut_are_all_test() -> None:
    log = log_of(("a", "x", 1), ("b", "x", 2), ("a", "y", 2), ("b", "y", 2))
    (fold,) = folds(log, "time", 1, 0.25)
    assert fold.train["at"].tolist() == [1]
    assert fold.relevant == {"a": {"y"}, "b": {"x", "y"}}
    assert fold.histories == {"a": ["x"], "b": []}


def test_the_last_new_item_is_asked_and_what_came_after_it_is_not_known() -> None:
    log = log_of(("a", "x", 1), ("a", "y", 2), ("a", "x", 3), ("a", "z", 4), ("a", "y", 5), ("b", "x", 1))
    last, before = folds(log.sample(frac=1, random_state=1), "leave-last-out", 2)
    assert (last.histories, last.relevant) == ({"a": ["x", "y", "x"]}, {"a": {"z"}})
    assert (before.histories, before.relevant) == ({"a": ["x"]}, {"a": {"y"}})
    assert ("b", "x") in pairs(last.train)  # too short to be asked: all of it is for training


def test_learners_of_the_test_are_not_in_training() -> None:
    found = folds(some_log(), "learners", 4)
    asked = [set(fold.relevant) for fold in found]
    assert sum(map(len, asked)) == len(set().union(*asked)) == 20
    for fold, learners in zip(found, asked, strict=True):
        assert not learners & set(fold.train["learner_id"])
        assert all(fold.histories[learner] for learner in learners)


@pytest.mark.parametrize("split", SPLITS)
def test_the_order_of_rows_changes_nothing_where_times_differ(split: str) -> None:
    log = some_log().assign(at=np.random.default_rng(1).permutation(400).astype(float))
    shuffled = log.sample(frac=1, random_state=2)
    (one,), (two,) = folds(log, split), folds(shuffled, split)
    assert (one.histories, one.relevant) == (two.histories, two.relevant)


def test_a_validation_fold_knows_nothing_of_the_test() -> None:
    (fold,) = folds(some_log(), "time")
    inner = validation(fold, "time")
    assert pairs(inner.train) <= pairs(fold.train)
    asked = {(learner, item) for learner, items in inner.relevant.items() for item in items}
    assert asked <= pairs(fold.train)


def test_two_files_make_a_fold_with_new_learners() -> None:
    train = log_of(("a", "x", 2), ("a", "w", 1))
    test = log_of(("a", "x", 5), ("a", "y", 6), ("b", "x", 6), ("c", "x", 7))
    fold = given(train, test)
    assert fold.histories == {"a": ["w", "x"], "b": [], "c": []}
    assert fold.relevant == {"a": {"y"}, "b": {"x"}, "c": {"x"}}
    assert given(train, test, hide_seen=False).relevant["a"] == {"x", "y"}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"split": "random"}, BadInput),
        ({"n_folds": 0}, BadInput),
        ({"test_share": 1.0}, BadInput),
        ({"split": "leave-last-out", "n_folds": 40}, NothingToDo),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        folds(some_log(), **options)  # type: ignore[arg-type]
    with pytest.raises(NothingToDo):
        folds(some_log().iloc[:0])
    with pytest.raises(NothingToDo):
        given(some_log(), some_log())


@settings(max_examples=60, deadline=None)
@generated(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("uvwxyz"), st.integers(0, 5)),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from(SPLITS),
    st.integers(1, 3),
)
def test_any_log_is_parted_without_a_leak_or_refused(
    rows: list[tuple[str, str, int]], split: str, n_folds: int
) -> None:
    log = log_of(*((learner, item, float(at)) for learner, item, at in rows))
    try:
        found: list[Fold] = folds(log, split, n_folds, test_share=0.3)
    except NothingToDo:
        return
    for fold in found:
        known = pairs(fold.train)
        for learner, wanted in fold.relevant.items():
            assert not {(learner, item) for item in wanted} & (
                known | {(learner, item) for item in fold.histories[learner]}
            )


@pytest.mark.parametrize(("n_folds", "advice"), [(3, "fewer --folds, another"), (1, "Try: another --split")])
def test_fewer_folds_are_advised_where_there_are_several(n_folds: int, advice: str) -> None:
    with pytest.raises(NothingToDo, match=advice):
        folds(log_of(("ana", "loops", 1.0), ("ben", "loops", 1.0)), "time", n_folds)
