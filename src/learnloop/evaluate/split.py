"""One instant cuts past from future: what a model may learn from, and what it has to foresee."""

from math import ceil

import pandas as pd

from learnloop.errors import BadInput, NothingToDo


def time_split(
    interactions: pd.DataFrame, test_share: float = 0.2
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Timestamp]:
    """(train, test, split_at): every event at or after the instant `split_at` is test.

    One instant for all learners, so that no model learns from a time it is tested before (a split by
    learner leaks it). `split_at` is the (1 - test_share) quantile of `occurred_at`; where many events
    share an instant, the test part is larger than asked for, never empty on the training side if that
    can be had. Raises BadInput on a share outside (0, 1), NothingToDo where a side would be empty.
    """
    if not 0 < test_share < 1:
        raise BadInput(f"test_share must lie between 0 and 1, not {test_share}", field="test_share")
    times = interactions["occurred_at"].sort_values(ignore_index=True)
    if times.empty or times.iloc[0] == times.iloc[-1]:
        raise NothingToDo(
            f"{len(times)} interactions do not span two instants, so no time can split them",
            "learnloop import oulad DIR, or collect more activity first",
        )
    # round() first: 1 - 0.2 of ten rows is 8.000000000000002 in floating point
    split_at = times.iloc[min(ceil(round(len(times) * (1 - test_share), 6)), len(times) - 1)]
    if split_at == times.iloc[0]:
        split_at = times[times > split_at].iloc[0]
    past = interactions["occurred_at"] < split_at
    return interactions[past], interactions[~past], split_at
