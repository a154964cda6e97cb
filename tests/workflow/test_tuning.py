"""Tuning in memory: the planted setting is found, the hopeless one given up, and the budget kept."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import NothingToDo
from learnloop.evaluate.protocols import Fold
from learnloop.recommend.blend import DEFAULTS
from learnloop.recommend.random_ranking import RandomRanking
from learnloop.schemas import Space, Span
from learnloop.workflow.tuning import MOST_LEARNERS, OnFold, tuned, tuned_bases
from learnloop.workflow.tuning_study import CHEAP_SHARE, STARTUP, finished, search, study_in, summary

ITEMS = 30
SHIFT = 3  # learners go from item n to item n + 3


class Shifted:
    """Recommends the item `shift` after the last one, blurred by noise: right with shift 3 and no blur."""

    name = "shifted"
    space: ClassVar[Space] = {"shift": (1, 2, 3, 4, 5, 6), "blur": Span(0.01, 10.0, log=True)}

    def __init__(self, shift: int = 1, blur: float = 1.0, seed: int = 0) -> None:
        self.shift, self.blur, self.seed = shift, blur, seed
        self.item_ids = np.empty(0, dtype=object)

    def fit(self, signals: pd.DataFrame, features: object = None) -> "Shifted":
        if signals.empty:
            raise NothingToDo("no signals")
        self.item_ids = np.array([f"i{n:02d}" for n in range(ITEMS)], dtype=object)
        return self

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        noise = np.random.default_rng(self.seed).normal(size=(len(histories), ITEMS))
        found = self.blur * noise
        for row, history in enumerate(histories):
            found[row, (int(history[-1][1:]) + self.shift) % ITEMS] += 1
        return found


def fold_of(learners: int) -> Fold:
    names = [f"l{n:05d}" for n in range(learners)]
    last = {name: n % ITEMS for n, name in enumerate(names)}
    train = pd.DataFrame(
        [(name, f"i{at:02d}", float(at)) for name, at in last.items()],
        columns=["learner_id", "item_id", "at"],
    ).astype({"learner_id": str, "item_id": str})
    return Fold(
        "planted",
        train,
        {name: [f"i{at:02d}"] for name, at in last.items()},
        {name: {f"i{(at + SHIFT) % ITEMS:02d}"} for name, at in last.items()},
    )


class Table:
    """A measure that looks its values up by the parameter x, and keeps what it was asked."""

    def __init__(self, values: Mapping[Any, Sequence[float]]) -> None:
        self.values, self.asked = values, list[tuple[Any, int]]()
        self.rungs = len(next(iter(values.values())))

    def __call__(self, params: Mapping[str, Any], rung: int) -> float:
        self.asked.append((params["x"], rung))
        value = self.values[params["x"]][rung]
        if np.isnan(value):
            raise ValueError("singular")
        return value


def test_the_planted_setting_is_found_and_said_to_matter() -> None:
    told = list[tuple[int, float | None]]()
    params, found = tuned(Shifted, fold_of(60), trials=25, report=lambda *one: told.append(one))
    assert params["shift"] == SHIFT
    assert params["blur"] < 0.3
    assert found["best_value"] > 0.9 > 0.5 > found["default_value"]
    assert found["history"][0]["params"] == {"shift": 1, "blur": 1.0}
    assert found["history"][0]["value"] == found["default_value"]
    assert next(iter(found["importance"])) == "shift"
    assert sum(found["importance"].values()) == pytest.approx(1, abs=1e-3)
    assert [done for done, _ in told] == list(range(26))
    assert told[-1] == (25, found["best_value"])


def test_equal_seeds_try_equal_settings_and_others_do_not() -> None:
    def tried(seed: int) -> list[dict[str, Any]]:
        _, found = tuned(Shifted, fold_of(30), trials=14, seed=seed)
        return [(one["params"], one["value"]) for one in found["history"]]

    assert tried(1) == tried(1)
    assert tried(1) != tried(2)


def test_a_kind_with_nothing_to_tune_is_measured_once() -> None:
    params, found = tuned(RandomRanking, fold_of(30), trials=9)
    assert params == {}
    assert (found["trials"], found["importance"]) == (1, {})
    assert found["best_value"] == found["default_value"]


def test_the_cheap_rung_trains_on_the_same_quarter_of_the_learners() -> None:
    fold = fold_of(800)
    cheap, whole = OnFold(Shifted, fold, seed=4).training
    assert len(whole) == 800
    assert cheap["learner_id"].nunique() == 800 * CHEAP_SHARE
    again, _ = OnFold(Shifted, fold, seed=4).training
    assert cheap.equals(again)
    assert OnFold(Shifted, fold_of(100)).rungs == 1


def test_no_more_learners_are_asked_than_keeps_a_trial_cheap() -> None:
    measure = OnFold(Shifted, fold_of(MOST_LEARNERS + 1000))
    assert len(measure.histories) == len(set(measure.relevant)) == MOST_LEARNERS
    assert measure({"shift": SHIFT, "blur": 0.001}, 1) == pytest.approx(1)


def test_a_hopeless_setting_is_given_up_on_the_cheap_rung() -> None:
    values = {x: (0.5 + x / 100, 0.6 + x / 100) for x in range(10)} | {99: (0.1, 0.9)}
    measure, space = Table(values), {"x": tuple(values)}
    study = study_in(None, "hopeless", 0)
    for x in (*range(STARTUP), 99, 9):
        study.enqueue_trial({"x": x})
    search(study, space, {"x": 0}, measure, trials=STARTUP + 2)
    assert (99, 0) in measure.asked
    assert (99, 1) not in measure.asked
    assert (9, 1) in measure.asked
    found = summary(study)
    assert (found["pruned"], found["trials"]) == (1, STARTUP + 2)
    assert found["best_params"] == {"x": 9}
    assert found["history"][STARTUP] | {"seconds": 0} == {
        "trial": STARTUP,
        "state": "pruned",
        "value": None,
        "rungs": [0.1],
        "seconds": 0,
        "params": {"x": 99},
    }


def test_settings_tried_before_are_not_measured_again() -> None:
    measure = Table({x: (x / 10,) for x in range(4)})
    study = study_in(None, "few", 0)
    search(study, {"x": (0, 1, 2, 3)}, {"x": 0}, measure, trials=20)
    assert len(measure.asked) == len(set(measure.asked)) <= 4
    assert summary(study)["trials"] == 20


def test_settings_that_fail_are_counted_and_said() -> None:
    measure = Table({0: (0.2,), 1: (np.nan,), 2: (0.4,)})
    study = study_in(None, "failing", 0)
    for x in (0, 1, 2):
        study.enqueue_trial({"x": x})
    search(study, {"x": (0, 1, 2)}, {"x": 0}, measure, trials=3)
    found = summary(study)
    assert (found["trials"], found["failed"], found["best_params"]) == (3, 1, {"x": 2})
    assert found["history"][1]["error"] == "ValueError: singular"


def test_defaults_that_fail_are_an_error() -> None:
    with pytest.raises(ValueError, match="singular"):
        search(study_in(None, "broken", 0), {"x": (0, 1)}, {"x": 0}, Table({0: (np.nan,)}), trials=3)


def test_a_default_outside_of_the_space_is_tried_all_the_same() -> None:
    measure = Table({x: (x,) for x in (-5.0, None)})
    search(study_in(None, "outside", 0), {"x": Span(0, 1)}, {"x": -5.0}, measure, trials=1)
    search(study_in(None, "joined", 0), {"x": ("a", "b")}, {"x": -5.0}, measure, trials=1)
    assert measure.asked == [(-5.0, 0), (-5.0, 0)]


def test_no_trial_begins_once_the_seconds_are_spent() -> None:
    measure = Table({x: (x / 10,) for x in range(10)})
    study = study_in(None, "hurried", 0)
    search(study, {"x": tuple(range(10))}, {"x": 7}, measure, trials=1000, timeout=0.0)
    assert measure.asked == [(7, 0)], "the defaults alone, whatever the time"
    search(study, {"x": tuple(range(10))}, {"x": 7}, measure, trials=40, timeout=1e6)
    assert len(finished(study.trials)) == 40


def test_a_blend_takes_what_was_found_of_each_base() -> None:
    found = {"neighbours": {"order": "after", "decay": 0.5}, "popularity": {"half_life": 0.02}}
    bases = tuned_bases(lambda kind: found.get(kind.name, {"regularization": 7.0}))
    assert bases["neighbours:after"] == found["neighbours"]
    assert bases["neighbours"] == DEFAULTS["neighbours"]  # of the other order nothing was found
    assert bases["popularity:recent"] == {"half_life": 0.02}
    assert bases["popularity"] == {}
    assert bases["ease"] == bases["ials"] == {"regularization": 7.0}
    assert bases.keys() == DEFAULTS.keys()
