"""The recommender of a release is the one that is best inside the training data, and the report says so."""

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.recommend.als import IALS
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.random_ranking import RandomRanking
from learnloop.schemas import Recommender
from learnloop.workflow.choose import choose

START = pd.Timestamp("2026-01-01", tz="UTC")


def some_items(n: int) -> pd.DataFrame:
    ids = [f"s:{number:02d}" for number in range(n)]
    return pd.DataFrame({"item_id": ids, "kind": "lesson", "parent_id": None}).astype(
        {"item_id": str, "kind": str, "parent_id": str}
    )


def in_groups(learners: int = 120, items: int = 40, seed: int = 0) -> pd.DataFrame:
    """INTERACTIONS: each learner does one group of items in a random order, one a day; starts are spread."""
    rng = np.random.default_rng(seed)
    rows = []
    for learner in range(learners):
        first = int(rng.integers(0, 20))
        for day, item in enumerate(rng.permutation(np.arange(learner % 4, items, 4))[:8]):
            rows.append((f"l{learner:03d}", f"s:{item:02d}", START + pd.Timedelta(days=first + 3 * day)))
    frame = pd.DataFrame(rows, columns=["learner_id", "item_id", "occurred_at"])
    return frame.assign(verb="completed", event_id="e:" + frame.index.astype(str))


def only_popular(learners: int = 120, items: int = 40, seed: int = 0) -> pd.DataFrame:
    """The same days, but what is done next hangs on the item alone."""
    frame, rng = in_groups(learners, items, seed), np.random.default_rng(seed)
    chances = 0.8 ** np.arange(items)
    lists = [rng.choice(items, size=8, replace=False, p=chances / chances.sum()) for _ in range(learners)]
    return frame.assign(item_id=[f"s:{item:02d}" for one in lists for item in one])


MAKE: dict[str, type] = {"random": RandomRanking, "popularity": Popularity, "ials": IALS}


def test_what_is_best_on_validation_is_chosen() -> None:
    found = choose(in_groups(), some_items(40), MAKE)
    assert found.name == "ials"
    assert set(found.validation) == set(MAKE)
    assert found.validation["ials"] > found.validation["popularity"] + 0.05
    assert found.learners > 50
    assert "NDCG@10" in found.why
    plain = choose(only_popular(), some_items(40), MAKE)
    assert plain.name == "popularity"
    assert plain.validation["popularity"] > plain.validation["random"]


def test_a_tie_goes_to_the_plainer_one() -> None:
    found = choose(in_groups(), some_items(40), {"popularity": Popularity, "again": Popularity})
    assert found.name == "popularity"
    assert len(set(found.validation.values())) == 1


def test_a_model_that_cannot_be_fitted_is_left_out_and_named() -> None:
    class TooLarge(Popularity):
        def fit(self, *given: object, **more: object) -> Recommender:  # type: ignore[override]
            raise BadInput("40 items are more than fit into memory")

    found = choose(in_groups(), some_items(40), {"large": TooLarge, "popularity": Popularity})
    assert found.name == "popularity"
    assert found.left_out == {"large": "40 items are more than fit into memory"}
    none = choose(in_groups(), some_items(40), {"large": TooLarge})
    assert (none.name, none.validation) == ("ials", {})


@pytest.mark.parametrize("case", ["nobody", "one instant", "no one twice"])
def test_without_anybody_to_validate_on_it_is_ials_and_says_so(case: str) -> None:
    known = in_groups()
    if case == "nobody":
        known = known.iloc[:0]
    elif case == "one instant":
        known = known.assign(occurred_at=START)
    else:
        known = known.assign(learner_id=known["event_id"])
    found = choose(known, some_items(40), MAKE)
    assert found.name == "ials"
    assert "nothing to validate on" in found.why
