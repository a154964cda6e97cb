"""Folds as arrays say what plain dicts of lists and sets say."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, settings
from hypothesis import given as generated
from hypothesis import strategies as st

from learnloop.evaluate.grouped import Grouped, distinct
from learnloop.evaluate.protocols import given
from learnloop.evaluate.ranking import Relevance

ROWS = st.lists(
    st.tuples(st.sampled_from(["ana", "ben", "çan", "d"]), st.sampled_from("uvwxyz"), st.integers(0, 5)),
    max_size=25,
)
COLUMNS = ["learner_id", "item_id", "at"]


def frame(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=COLUMNS)
    return found.astype({"learner_id": "str", "item_id": "str", "at": float})


def plain(
    train: pd.DataFrame, test: pd.DataFrame, hide_seen: bool
) -> tuple[dict[str, list[str]], dict[str, set[str]]]:
    """(histories, relevant), a learner at a time."""
    done: dict[str, list[str]] = {}
    for learner, item in zip(train["learner_id"], train["item_id"], strict=True):
        done.setdefault(learner, []).append(item)
    doing: dict[str, set[str]] = {}
    for learner, item in zip(test["learner_id"], test["item_id"], strict=True):
        doing.setdefault(learner, set()).add(item)
    relevant = {
        learner: doing[learner] - set(done.get(learner, ()) if hide_seen else ()) for learner in sorted(doing)
    }
    relevant = {learner: items for learner, items in relevant.items() if items}
    return {learner: done.get(learner, []) for learner in relevant}, relevant


@settings(max_examples=200, deadline=None)
@generated(ROWS, ROWS.filter(len), st.booleans())
@example([("ana", "x", 1)], [("ben", "x", 2)], True)
def test_a_fold_is_that_of_plain_steps(
    before: list[tuple[str, str, int]], after: list[tuple[str, str, int]], hide_seen: bool
) -> None:
    train, test = frame(before).sort_values("at", kind="stable"), frame(after)
    histories, relevant = plain(train, test, hide_seen)
    if not relevant:
        return
    fold = given(train, test, hide_seen)
    assert (dict(fold.histories), dict(fold.relevant)) == (histories, relevant)
    assert list(fold.histories) == list(fold.relevant) == list(relevant), "in order of learner"
    assert isinstance(fold.relevant, Grouped)
    assert isinstance(fold.histories, Grouped)
    catalogue = sorted({*train["item_id"], "another"})
    for ours, theirs in (
        (fold.relevant, list(relevant.values())),
        (fold.histories, [set(items) for items in histories.values()]),
    ):
        found, wanted = Relevance.grouped(ours, catalogue), Relevance.of(theirs, catalogue)
        np.testing.assert_array_equal(found.keys, wanted.keys)
        np.testing.assert_array_equal(found.sizes, wanted.sizes)
        assert found.n_items == wanted.n_items


def test_a_mapping_becomes_arrays_and_arrays_stay() -> None:
    told = {"ben": ["loops"], "ana": ["lists", "loops", "lists"], "new": []}
    found = Grouped.of(told, ["ana", "new", "ben"], list)
    assert dict(found) == {"ana": told["ana"], "new": [], "ben": ["loops"]}
    assert list(found) == ["ana", "new", "ben"]
    assert Grouped.of(found, ["ana", "new", "ben"], list) is found
    assert dict(Grouped.of(found, ["ben"], list)) == {"ben": ["loops"]}
    assert "new" in found
    assert "eve" not in found
    with pytest.raises(KeyError):
        found["eve"]
    nobody: dict[str, set[str]] = {}
    assert len(Grouped.of(nobody, [], set)) == 0


@generated(st.lists(st.integers(-5, 5)))
def test_distinct_is_numpy_s_unique(keys: list[int]) -> None:
    given = np.array(keys, dtype=np.int64)
    np.testing.assert_array_equal(distinct(given), np.unique(given))
