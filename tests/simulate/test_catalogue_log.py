"""The log of a large catalogue: equal seeds, and that each part of the planted truth is there and matters."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.simulate import catalogue_log as made
from learnloop.simulate.catalogue_log import CatalogueLog, Mix, catalogue_log, next_probabilities

SIZE = {"n_learners": 1_500, "n_items": 400, "n_interactions": 60_000}


@pytest.fixture(scope="module")
def log() -> CatalogueLog:
    return catalogue_log(**SIZE, seed=5)


def test_equal_seeds_give_equal_logs_and_others_do_not(log: CatalogueLog) -> None:
    pd.testing.assert_frame_equal(catalogue_log(**SIZE, seed=5).events, log.events)
    assert not catalogue_log(**SIZE, seed=6).events.equals(log.events)


def test_it_has_the_size_asked_for_in_order_of_time(log: CatalogueLog) -> None:
    events = log.events
    assert len(events) == SIZE["n_interactions"]
    assert events["learner_id"].nunique() == SIZE["n_learners"] == len(log.tastes)
    assert len(log.items) == SIZE["n_items"]
    assert events["at"].is_monotonic_increasing
    assert events["at"].between(made.START, made.START + made.SPAN).all()
    assert events["learner_id"].value_counts().min() >= made.FEWEST


def test_nothing_is_done_before_it_is_published_and_some_courses_come_later(log: CatalogueLog) -> None:
    both = log.events.merge(log.items, on="item_id")
    assert len(both) == len(log.events)
    assert (both["at"] >= both["published_at"]).all()
    late = log.items.loc[log.items["published_at"] > made.START, "course_id"].nunique()
    assert late == 8  # of 20 courses, 60% are there at the start
    assert log.items["published_at"].is_monotonic_increasing


def test_what_follows_is_the_next_lesson_of_the_event_before(log: CatalogueLog) -> None:
    events = log.events.merge(log.items[["item_id", "course_id", "lesson"]], on="item_id", how="left")
    events = events.sort_values(["learner_id", "at"], kind="stable")
    before = events.groupby("learner_id")[["course_id", "lesson"]].shift()
    follows = events["origin"] == "next"
    assert (events.loc[follows, "course_id"] == before.loc[follows, "course_id"]).all()
    assert (events.loc[follows, "lesson"] == before.loc[follows, "lesson"] + 1).all()
    # of the events that could follow one, the planted share does
    could = before["lesson"].notna() & (before["lesson"] < made.LESSONS - 1)
    assert follows[could].mean() == pytest.approx(log.mix.following, abs=0.01)


def test_the_other_origins_have_the_planted_shares(log: CatalogueLog) -> None:
    shares = log.events.loc[log.events["origin"] != "next", "origin"].value_counts(normalize=True)
    assert shares["taste"] == pytest.approx(log.mix.taste, abs=0.01)
    assert shares["popular"] == pytest.approx(log.mix.popular, abs=0.01)
    assert shares["noise"] == pytest.approx(log.mix.noise, abs=0.01)


def test_new_courses_are_done_more_while_they_are_new(log: CatalogueLog) -> None:
    popular = log.events[log.events["origin"] == "popular"].merge(log.items, on="item_id")
    popular = popular[popular["published_at"] > made.START]
    age = popular["at"] - popular["published_at"]
    rate_new = (age < made.FADE).sum() / made.FADE
    rate_old = (age > 4 * made.FADE).sum() / (made.SPAN / 2)
    assert rate_new > 1.5 * rate_old


def test_the_stated_probabilities_are_those_of_what_happened() -> None:
    """Learners who all have one taste: how often each item came next, against what is stated."""
    few = catalogue_log(n_learners=400, n_items=60, n_interactions=80_000, seed=2)
    rng = np.random.default_rng(0)
    row = {item_id: place for place, item_id in enumerate(few.items["item_id"])}
    column = {learner_id: place for place, learner_id in enumerate(few.learner_ids)}
    events = few.events.sort_values(["learner_id", "at"], kind="stable", ignore_index=True)
    before = events.groupby("learner_id")["item_id"].shift()
    expected, seen = np.zeros(60), np.zeros(60)
    for place in rng.choice(len(events), 2_500, replace=False):
        event, last = events.iloc[place], before.iloc[place]
        probabilities = next_probabilities(
            few, column[event["learner_id"]], None if pd.isna(last) else row[last], event["at"]
        )
        assert probabilities.sum() == pytest.approx(1.0)
        expected += probabilities
        seen[row[event["item_id"]]] += 1
    # Pearson's chi-square of 60 cells: its mean is 59, its standard deviation 11
    assert ((seen - expected) ** 2 / expected).sum() < 59 + 4 * 11


def _mean_rank(log: CatalogueLog, score: Callable[[int, int, float], np.ndarray]) -> float:
    """Mean place of what was done next among all items (0 is first), over 1,000 events."""
    row = {item_id: place for place, item_id in enumerate(log.items["item_id"])}
    column = {learner_id: place for place, learner_id in enumerate(log.learner_ids)}
    events = log.events.sort_values(["learner_id", "at"], kind="stable", ignore_index=True)
    before = events.groupby("learner_id")["item_id"].shift()
    known = np.flatnonzero(before.notna())
    ranks = []
    for place in np.random.default_rng(1).choice(known, 1_000, replace=False):
        event = events.iloc[place]
        scores = score(column[event["learner_id"]], row[before.iloc[place]], event["at"])
        ranks.append((scores > scores[row[event["item_id"]]]).sum())
    return float(np.mean(ranks))


def test_neither_popularity_nor_taste_nor_order_alone_explains_all(log: CatalogueLog) -> None:
    zipf = log.items["zipf"].to_numpy()
    places = np.arange(len(zipf))
    popularity = _mean_rank(log, lambda learner, last, at: zipf)
    taste = _mean_rank(log, lambda learner, last, at: log.item_tastes @ log.tastes[learner])
    order = _mean_rank(log, lambda learner, last, at: (places == last + 1) + zipf)
    all_of_it = _mean_rank(log, lambda learner, last, at: next_probabilities(log, learner, last, at))
    assert all_of_it < 0.8 * min(popularity, taste, order)
    assert max(taste, order) < popularity < len(zipf) / 2


@pytest.mark.parametrize("wrong", [{"following": 1.5}, {"taste": 0.9}, {"noise": -0.1, "taste": 0.85}])
def test_chances_that_are_none_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        Mix(**wrong)


@pytest.mark.parametrize("wrong", [{"n_learners": 0}, {"n_interactions": 100}, {"seed": -1}])
def test_sizes_that_cannot_be_made_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        catalogue_log(**(SIZE | {"seed": 0} | wrong))
