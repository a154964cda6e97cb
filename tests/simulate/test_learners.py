"""Simulated learners: what leaves is what the door expects, and what drives it is the stated truth."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput, NothingToDo
from learnloop.schemas import INTERACTIONS, ITEM_CONCEPTS, PREREQUISITES, check, empty
from learnloop.simulate.catalogues import MadeUp, made_up_catalogue
from learnloop.simulate.learners import Simulation, simulate
from learnloop.simulate.planted import planted_answers

START = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def made() -> MadeUp:
    return made_up_catalogue()


@pytest.fixture(scope="module")
def simulation(made: MadeUp) -> Simulation:
    return run(made, n_learners=400)


def run(made: MadeUp, **options: object) -> Simulation:
    arguments = {"seed": 7, "start": START, "n_learners": 30, **options}
    return simulate(made.items, made.item_concepts, made.prerequisites, **arguments)  # type: ignore[arg-type]


def typed(events: pd.DataFrame) -> pd.DataFrame:
    """The events as the common door types them."""
    return check(
        events.assign(
            correct=events["correct"].map({"true": True, "false": False}).astype("boolean"),
            score=events["score"].astype("Float64"),
            duration_s=events["duration_s"].astype("Float64"),
            occurred_at=pd.to_datetime(events["occurred_at"], utc=True),
            source="simulated",
        ),
        INTERACTIONS,
        "simulated events",
    )


def test_events_pass_the_door(made: MadeUp, simulation: Simulation) -> None:
    events = typed(simulation.events)
    assert set(events["item_id"]) <= set(made.items["item_id"])
    start = pd.Timestamp(START)
    assert events["occurred_at"].between(start, start + pd.Timedelta(days=90)).all()
    answered = events["verb"] == "answered"
    assert events.loc[answered, "correct"].notna().all()
    assert (events.loc[answered, "score"] == events.loc[answered, "correct"].astype(float)).all()
    assert events.loc[~answered, ["correct", "score"]].isna().all().all()
    assert (events["duration_s"] > 0).all()


def test_a_seed_is_a_simulation(made: MadeUp) -> None:
    one, two, other = run(made), run(made), run(made, seed=8)
    assert one.events.to_csv() == two.events.to_csv()
    for name in ("learners", "concepts", "exercises", "knowledge"):
        pd.testing.assert_frame_equal(getattr(one.truth, name), getattr(two.truth, name))
    assert one.events.to_csv() != other.events.to_csv()


def test_a_learner_does_not_depend_on_the_others(made: MadeUp) -> None:
    few, many = run(made, n_learners=3), run(made, n_learners=10)
    first = many.events[many.events["learner_id"] <= "sim-0003"]
    pd.testing.assert_frame_equal(few.events, first)


def test_rows_of_the_catalogue_in_any_order(made: MadeUp) -> None:
    shuffled = MadeUp(
        *(
            frame.sample(frac=1, random_state=1)
            for frame in (made.items, made.concepts, made.item_concepts, made.prerequisites)
        )
    )
    pd.testing.assert_frame_equal(run(made).events, run(shuffled).events)


def test_activity_looks_like_activity(made: MadeUp, simulation: Simulation) -> None:
    events = typed(simulation.events)
    per_learner = events.groupby("learner_id").size()
    assert len(per_learner) == 400
    assert 30 <= per_learner.median() <= 60
    assert per_learner.quantile(0.9) > 1.5 * per_learner.quantile(0.1)
    for _, own in events.groupby("learner_id")["occurred_at"]:
        assert own.is_monotonic_increasing
        assert own.is_unique
    # popularity is skewed: the first course of eight draws well above an eighth
    course = events["item_id"].str.split("/").str[0]
    assert course.value_counts(normalize=True).iloc[0] > 0.2
    # several days each
    days = events.assign(day=events["occurred_at"].dt.date).groupby("learner_id")["day"].nunique()
    assert days.median() >= 4


def test_learners_keep_to_their_interests_and_languages(made: MadeUp, simulation: Simulation) -> None:
    learners = simulation.truth.learners.set_index("learner_id")
    course = simulation.events["item_id"].str.split("/").str[0]
    visited = course.groupby(simulation.events["learner_id"]).agg(set)
    language = made.items.set_index("item_id")["language"]
    for learner_id, courses in visited.items():
        assert courses <= set(learners.loc[learner_id, "interests"])
        assert {language[c] for c in courses} <= set(learners.loc[learner_id, "languages"])
    assert set(map(len, learners["interests"])) == {1, 2, 3}


def test_lessons_are_read_mostly_in_order(simulation: Simulation) -> None:
    events = simulation.events
    lessons = events[events["item_id"].str.count("/") == 1].drop_duplicates(["learner_id", "item_id"])
    parts = lessons["item_id"].str.rsplit("/", n=1)
    place = parts.str[1].astype(int)
    step = place.groupby([lessons["learner_id"], parts.str[0]]).diff().dropna()
    assert 0.7 < (step == 1).mean() < 0.99


def test_truth_shows_in_the_answers(simulation: Simulation) -> None:
    truth, events = simulation.truth, simulation.events
    answered = events[events["verb"] == "answered"].assign(right=lambda frame: frame["correct"] == "true")
    by_item = (
        answered.groupby("item_id")["right"].agg(["mean", "size"]).join(truth.exercises.set_index("item_id"))
    )
    often = by_item[by_item["size"] >= 40]
    assert often["mean"].corr(often["difficulty"]) < -0.5
    by_learner = answered.groupby("learner_id")["right"].mean()
    ability = truth.learners.set_index("learner_id")["ability"]
    assert by_learner.corr(ability) > 0.35
    # the last answers on a concept tell what is known at the end
    concept = answered["item_id"].str.extract(r"course-(\d+)/(\d+)/").agg("-".join, axis=1)
    last = answered.assign(concept_id="made:concept-" + concept).groupby(["learner_id", "concept_id"]).tail(1)
    both = last.merge(truth.knowledge, on=["learner_id", "concept_id"])
    rate = both.groupby("known")["right"].mean()
    assert rate[True] > rate[False] + 0.3


def test_prerequisites_gate_learning(made: MadeUp) -> None:
    """Without prerequisites the same lessons teach more."""
    free = MadeUp(made.items, made.concepts, made.item_concepts, empty(PREREQUISITES))

    def known_late(catalogue: MadeUp) -> float:
        knowledge = run(catalogue, n_learners=200).truth.knowledge
        late = knowledge["concept_id"].str.endswith(("-4", "-5", "-6"))
        return float(knowledge.loc[late & (knowledge["opportunities"] > 0), "known"].mean())

    assert known_late(made) < known_late(free) - 0.1


def test_nobody_starts_out_knowing_more_than_its_prerequisites_allow(simulation: Simulation) -> None:
    untouched = simulation.truth.knowledge.query("opportunities == 0")
    first = untouched["concept_id"].str.endswith("-0")
    assert 0.05 < untouched.loc[first, "known"].mean() < 0.4
    assert untouched.loc[~first, "known"].mean() < 0.5 * untouched.loc[first, "known"].mean()


def test_knowledge_parameters_are_probabilities_and_knowing_helps(simulation: Simulation) -> None:
    concepts = simulation.truth.concepts
    values = concepts.drop(columns="concept_id").to_numpy()
    assert ((values > 0) & (values < 1)).all()
    assert (concepts["p_guess"] + concepts["p_slip"] < 1).all()


def test_a_thin_catalogue_will_do(made: MadeUp) -> None:
    """Lessons alone: no course, no exercise, no concept, no length, no place."""
    lessons = made.items[made.items["kind"] == "lesson"].head(4)
    lessons = lessons.assign(parent_id=None, position=pd.NA, duration_s=pd.NA, subject=None)
    found = simulate(lessons, empty(ITEM_CONCEPTS), empty(PREREQUISITES), n_learners=20, seed=1, start=START)
    assert set(found.events["verb"]) == {"completed", "experienced"}
    assert len(found.truth.knowledge) == 0
    typed(found.events)


def test_a_day_is_short_but_not_an_error(made: MadeUp) -> None:
    events = typed(run(made, days=1).events)
    assert (events["occurred_at"] < pd.Timestamp(START) + pd.Timedelta(days=1)).all()


def test_a_cycle_of_prerequisites_does_not_hang(made: MadeUp) -> None:
    cycle = made.prerequisites.head(1)
    back = cycle.rename(columns={"concept_id": "requires_id", "requires_id": "concept_id"})
    both = MadeUp(made.items, made.concepts, made.item_concepts, pd.concat([cycle, back]))
    assert len(run(both).events) > 100


def test_bad_input_is_refused(made: MadeUp) -> None:
    courses = made.items[made.items["kind"] == "course"]
    with pytest.raises(NothingToDo, match="no lessons"):
        simulate(courses, made.item_concepts, made.prerequisites, seed=1, start=START)
    with pytest.raises(BadInput, match="0 learners"):
        run(made, n_learners=0)


def test_planted_answers_follow_their_probabilities() -> None:
    planted = planted_answers(seed=2)
    again = planted_answers(seed=2)
    pd.testing.assert_frame_equal(planted.answers, again.answers)
    right = planted.answers["correct"].to_numpy()
    for low in np.arange(0.1, 0.9, 0.1):
        band = (planted.probabilities >= low) & (planted.probabilities < low + 0.1)
        assert right[band].mean() == pytest.approx(planted.probabilities[band].mean(), abs=0.03)
