"""The time split: nothing after the instant is learned from, nothing before it is tested."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.split import time_split

START = pd.Timestamp("2024-01-01", tz="UTC")


def at(days: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "event_id": [f"e{number}" for number in range(len(days))],
            "occurred_at": pd.Series(
                [START + pd.Timedelta(days=day) for day in days], dtype="datetime64[us, UTC]"
            ),
        }
    )


def test_a_fifth_of_ten_distinct_days_is_the_last_two() -> None:
    train, test, split_at = time_split(at([9, 1, 2, 3, 4, 5, 6, 7, 8, 0]), 0.2)
    assert split_at == START + pd.Timedelta(days=8)
    assert test["event_id"].tolist() == ["e0", "e8"]
    assert len(train) == 8


@given(
    days=st.lists(st.integers(0, 8), min_size=2, max_size=40).filter(lambda days: len(set(days)) > 1),
    share=st.floats(0.01, 0.99),
)
def test_the_past_and_the_future_do_not_overlap(days: list[int], share: float) -> None:
    frame = at(days)
    train, test, split_at = time_split(frame, share)
    assert len(train) > 0
    assert len(test) > 0
    assert train["occurred_at"].max() < split_at == test["occurred_at"].min()
    assert sorted([*train["event_id"], *test["event_id"]]) == sorted(frame["event_id"])
    if train["occurred_at"].nunique() > 1:  # else the first instant alone fills the past
        assert len(test) >= int(share * len(days))


@pytest.mark.parametrize("days", [[], [3], [3, 3, 3]])
def test_one_instant_cannot_be_split(days: list[int]) -> None:
    with pytest.raises(NothingToDo, match="split"):
        time_split(at(days))


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_a_share_that_is_none_is_bad_input(share: float) -> None:
    with pytest.raises(BadInput) as error:
        time_split(at([1, 2]), share)
    assert error.value.field == "test_share"
