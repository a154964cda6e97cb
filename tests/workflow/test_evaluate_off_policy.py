"""From the decisions and answers of a database to what another policy would have earned."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from learnloop.errors import BadInput, NothingToDo
from learnloop.recommend.decisions import decide
from learnloop.recommend.policy import Candidates
from learnloop.schemas import INTERACTIONS, Step
from learnloop.serve.decision_log import Made
from learnloop.settings import Settings
from learnloop.store import decisions, loading
from learnloop.workflow.context import Loop
from learnloop.workflow.evaluate_off_policy import episodes, evaluate_off_policy

START = pd.Timestamp("2026-03-02T10:00:00Z")
CONCEPTS = ["a", "b", "c", "d"]
WORTH = {"a": 0.9, "b": 0.7, "c": 0.4, "d": 0.2}  # P(right later) after being shown the concept


@pytest.fixture
def loop(database_url: str, tmp_path: Path) -> Iterator[Loop]:
    loop = Loop(Settings(home=tmp_path, database_url=database_url))
    yield loop
    with loop.engine.begin() as connection:
        for table in ("decisions", "interactions", "event_keys", "item_concepts"):
            connection.execute(sa.text(f'TRUNCATE "{table}"'))
    loop.close()


def logged(loop: Loop, temperature: float, learners: int = 150, each: int = 3, k: int = 2) -> None:
    """Decisions as serving logs them; a day and a half after each, an answer on what was shown first."""
    rng, rows, events = np.random.default_rng(1), [], []
    steps = [Step(f"t:{code}", score, ()) for code, score in zip(CONCEPTS, (3.0, 2.0, 1.0, 0.0), strict=True)]
    for number in range(learners * each):
        who, at = f"l{number % learners:03d}", START + timedelta(days=number // learners * 2)
        made = decide(Candidates(steps), k, rng, temperature)
        key = uuid.UUID(int=number)
        rows.append(Made(key, who, at, 1, "2", temperature, 0.0, {"k": k}, made).row())
        for place, step in enumerate(made.steps):
            right = bool(rng.random() < WORTH[step.item_id[2:]])
            event = {"event_id": f"t:{number}-{place}", "learner_id": who, "item_id": f"{step.item_id}-q"}
            later = at + timedelta(days=1.5, minutes=place)
            events.append({**event, "correct": right, "occurred_at": later, "verb": "answered"})
            # right now, whatever was shown: must not count
            soon = {"event_id": f"t:{number}-{place}-soon", "occurred_at": at + timedelta(minutes=1)}
            events.append({**event, **soon, "correct": True, "verb": "answered"})
    last = {"event_id": "t:last", "learner_id": "z", "item_id": "t:z", "verb": "completed"}
    events.append({**last, "occurred_at": START + timedelta(days=30)})
    decisions.append(loop.engine, rows)
    frame = pd.DataFrame(events).assign(source="t").reindex(columns=list(INTERACTIONS.columns))
    loading.load(loop.engine, "interactions", frame)
    pairs = [(f"t:{code}{end}", f"t:{code}") for code in CONCEPTS for end in ("", "-q")]
    loading.load(loop.engine, "item_concepts", pd.DataFrame(pairs, columns=["item_id", "concept_id"]))


def asked(loop: Loop, *targets: str, **options: Any) -> dict[str, Any]:
    given = {"targets": targets, "delay_days": 1.0, "horizon_days": 2.0, "n_bootstrap": 300, **options}
    return evaluate_off_policy(loop, **given)


def test_what_other_knobs_would_have_earned(loop: Loop) -> None:
    logged(loop, temperature=0.5)
    found = asked(loop, "greedy", "uniform", "temperature=0.5")
    assert found["decisions"] == 450
    assert found["learners"] == 150
    for name, truth in (("greedy", 0.9), ("uniform", np.mean(list(WORTH.values())))):
        for estimator in ("ips", "snips", "dr"):
            one = found["targets"][name]["estimates"][estimator]
            assert one["low"] <= truth <= one["high"], (name, estimator)
            assert one["high"] - one["low"] < 0.4
    same = found["targets"]["temperature=0.5"]["estimates"]["snips"]
    assert same["value"] == pytest.approx(found["logged"]["value"])
    lists = asked(loop, "uniform", places=2)["targets"]["uniform"]["estimates"]["snpdis"]
    assert lists["low"] <= 2 * np.mean(list(WORTH.values())) <= lists["high"]
    steps = asked(loop, "temperature=0.4", steps=3)["targets"]["temperature=0.4"]
    assert steps["overlap"]["decisions"] == 150
    assert steps["estimates"]["pdis"]["low"] < steps["estimates"]["pdis"]["high"]


def test_a_log_without_exploration_says_that_it_cannot_tell(loop: Loop) -> None:
    logged(loop, temperature=0.0)
    found = asked(loop, "uniform", "greedy")["targets"]
    assert found["uniform"]["estimates"]["snips"]["value"] is None
    assert "never shown" in " ".join(found["uniform"]["overlap"]["warnings"])
    assert found["greedy"]["estimates"]["snips"]["value"] == pytest.approx(0.9, abs=0.05)


def test_young_decisions_wait_and_an_empty_log_says_what_to_do(loop: Loop) -> None:
    with pytest.raises(NothingToDo, match="no decisions"):
        asked(loop, "greedy")
    logged(loop, temperature=0.5, learners=40)
    assert asked(loop, "greedy", horizon_days=27)["too_recent"] == 40
    with pytest.raises(NothingToDo, match=r"30\.5 days old"):
        asked(loop, "greedy", horizon_days=30.5)
    with pytest.raises(BadInput, match="delay"):
        asked(loop, "greedy", delay_days=3)
    with pytest.raises(BadInput, match="no target policy"):
        asked(loop, "best")
    with pytest.raises(BadInput, match="leave out"):
        asked(loop, "greedy", missing="guess", places=2)


def test_lists_whose_items_nobody_answered_after_are_left_out_or_earn_nothing(loop: Loop) -> None:
    logged(loop, temperature=0.5)
    with loop.engine.begin() as connection:
        gone = "DELETE FROM interactions WHERE event_id LIKE 't:%-1' AND item_id = 't:d-q'"
        connection.execute(sa.text(gone))
    found = {
        missing: asked(loop, "temperature=0.5", places=2, missing=missing)["targets"]["temperature=0.5"]
        for missing in ("leave out", "least")
    }
    assert found["leave out"]["missing"]["decisions"] == found["least"]["missing"]["decisions"] > 10
    # the worst items are those that are missing
    out, least = (found[name]["estimates"]["snpdis"]["value"] for name in ("leave out", "least"))
    assert least < out


def test_episodes_are_the_first_decisions_in_order() -> None:
    names, wide = episodes(np.array(["b", "a", "b", "b", "b"]), 3, np.arange(5.0))
    assert names.tolist() == ["a", "b"]
    np.testing.assert_array_equal(wide, [[1, np.nan, np.nan], [0, 2, 3]])
