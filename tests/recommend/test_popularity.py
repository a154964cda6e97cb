"""Popularity: counts, and their decay against the plain formula."""

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.recommend.popularity import Popularity


def some_signals(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    pairs = sorted({(f"l{rng.integers(30):02d}", f"s:{rng.integers(12):02d}") for _ in range(200)})
    frame = pd.DataFrame(pairs, columns=["learner_id", "item_id"]).astype(str)
    return frame.assign(weight=1.0, at=1.7e9 + rng.uniform(0, 1e6, len(frame)))


def test_without_decay_the_score_is_the_share_of_learners() -> None:
    signals = some_signals()
    model = Popularity().fit(signals)
    shares = signals.groupby("item_id")["learner_id"].nunique() / signals["learner_id"].nunique()
    np.testing.assert_allclose(model.scores([[]])[0], shares.sort_index())


@pytest.mark.parametrize("half_life", [0.02, 0.5, 3.0])
def test_decay_equals_the_plain_formula(half_life: float) -> None:
    signals = some_signals()
    model = Popularity(half_life).fit(signals)
    span = signals["at"].max() - signals["at"].min()
    weights = 2.0 ** (-(signals["at"].max() - signals["at"]) / (half_life * span))
    plain = weights.groupby(signals["item_id"]).sum().sort_index() / signals["learner_id"].nunique()
    np.testing.assert_allclose(model.scores([[]])[0], plain)
    assert model.counts == signals.groupby("item_id").size().to_dict()  # these do not decay


def test_what_became_popular_late_is_first_with_decay_only() -> None:
    early = [(f"l{n}", "s:early", float(n)) for n in range(6)]
    late = [(f"l{n}", "s:late", 100.0 + n) for n in range(4)]
    signals = pd.DataFrame(early + late, columns=["learner_id", "item_id", "at"]).assign(weight=1.0)
    for half_life, first in ((None, "s:early"), (0.1, "s:late")):
        model = Popularity(half_life).fit(signals)
        assert model.item_ids[model.scores([[]])[0].argmax()] == first


def test_nothing_decays_without_times_or_at_one_moment() -> None:
    signals = some_signals()
    plain = Popularity().fit(signals).scores([[]])
    for timeless in (signals.drop(columns="at"), signals.assign(at=5.0)):
        np.testing.assert_array_equal(Popularity(0.1).fit(timeless).scores([[]]), plain)


@pytest.mark.parametrize("half_life", [0.0, -1.0, float("nan")])
def test_a_half_life_that_is_not_positive_is_bad_input(half_life: float) -> None:
    with pytest.raises(BadInput, match="half_life"):
        Popularity(half_life)
