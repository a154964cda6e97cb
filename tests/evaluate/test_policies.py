"""Measures of teaching, on learners whose numbers are known."""

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.evaluate import policies
from learnloop.evaluate.policy_report import is_report, report_page


def table(reached: list[float], broken: np.ndarray | None) -> pd.DataFrame:
    n = len(reached)
    return policies.per_learner(
        reached=np.array(reached),
        limit=100,
        answered=np.array([10, 50, 100, 0][:n]),
        over=np.array([1, 0, 25, 0][:n]),
        unready=np.array([5, 0, 10, 0][:n]),
        broken=broken,
        final=np.tile([0.9, 0.7], (n, 1)),
        kept=np.tile([0.5, 0.7], (n, 1)),
        unmastered=np.array([0, 1, 2, 0][:n]),
    )


def test_who_never_gets_there_counts_with_the_limit() -> None:
    found = table([10.0, 50.0, np.inf, 0.0], np.array([0, 2, 1, 0]))
    assert found["steps"].tolist() == [10, 50, 100, 0]
    assert found["reached"].tolist() == [1, 1, 0, 1]
    np.testing.assert_allclose(found["over_share"], [0.1, 0.0, 0.25, np.nan])
    np.testing.assert_allclose(found["unready_share"], [0.5, 0.0, 0.1, np.nan])
    np.testing.assert_allclose(found["final_mastery"], 0.8)
    np.testing.assert_allclose(found["retention"], 0.6)
    summary = policies.summary(found, np.array([True, True, False, False]), 200)
    assert summary["steps"]["value"] == 40
    assert summary["violations"] == 3
    assert summary["under_practice"]["value"] == 0.75


def test_a_policy_that_believes_nothing_has_no_violations_to_count() -> None:
    found = policies.summary(table([10.0, 50.0, np.inf], None), np.array([True, False, False]), 100)
    assert found["violations"] is None


def test_fairness_is_slow_less_fast() -> None:
    rng = np.random.default_rng(0)
    slow = np.arange(400) % 2 == 0
    values = np.where(slow, 80.0, 50.0) + rng.normal(0, 10, 400)
    found = policies.between_groups(values, slow, 500, 1)
    assert found is not None
    assert found["low"] < 30 < found["high"]
    assert found["value"] == pytest.approx(found["slow"] - found["fast"])
    assert found["high"] - found["low"] < 5
    assert policies.between_groups(values, np.ones(400, bool)) is None


def test_a_saving_is_paired_by_learner() -> None:
    rng = np.random.default_rng(1)
    rival = rng.gamma(4.0, 50.0, 300)
    ours = 0.7 * rival + rng.normal(0, 2, 300)
    found = policies.saving(ours, rival, 500, 2)
    assert found["low"] < 0.3 < found["high"]
    assert found["high"] - found["low"] < 0.01  # unpaired, it would be about .1
    with pytest.raises(BadInput, match="same learners"):
        policies.saving(ours, rival[:-1])


def test_the_best_simple_policy_is_the_one_of_the_fewest_steps() -> None:
    steps = {"next step": np.array([1.0]), "a": np.array([5.0]), "b": np.array([4.0]), "c": np.array([4.0])}
    assert policies.best_simple(steps, ("a", "c", "b")) == "c"


def test_a_curve_counts_those_who_are_there() -> None:
    found = policies.curve(np.array([2.0, 4.0, np.inf, 0.0]), np.array([1.0, 1.5, 2.0, 2.5, 3.0]))
    assert found["steps"] == [0, 1, 2, 3, 4]
    assert found["reached"] == [0.25, 0.25, 0.5, 0.5, 0.75]
    assert found["mastered"] == [1.0, 1.5, 2.0, 2.5, 3.0]


def test_the_page_tells_the_goal_and_every_family() -> None:
    def policy(steps: float, broken: int | None) -> dict[str, object]:
        number = {"value": 0.5, "low": 0.4, "high": 0.6}
        names = ("reached", "final_mastery", "retention", "over_share", "unready_share", "under_practice")
        return {
            "steps": {"value": steps, "low": steps - 5, "high": steps + 5},
            **dict.fromkeys(names, number),
            "violations": broken,
            "fairness": {"steps": number, "final_mastery": None},
            "curve": {"steps": [0, 50, 100], "reached": [0.0, 0.2, 0.9], "mastered": [1.0, 3.0, 8.0]},
        }

    family = {
        "best_simple": "fixed order",
        "saving": {"value": 0.25, "low": 0.2, "high": 0.3},
        "goal_reached": True,
        "tracers": {"names": ["bkt"]},
        "policies": {
            "next step": policy(75, 0),
            "fixed order": policy(100, None),
            "<b>odd</b>": policy(120, None),
            "oracle": policy(60, None),
        },
    }
    result = {
        "learners": 30,
        "steps": 100,
        "seed": 1,
        "goal": 0.2,
        "policy": "next-step-1",
        "temperature": 0.0,
        "aims": {"threshold": 0.8, "weights": {"gain": 1.0}},
        "course": {"concepts": 20, "items": 160, "prerequisites": 19},
        "log": {"learners": 500, "answers_per_learner": 160},
        "families": {"bkt": family, "irt": {**family, "goal_reached": False}},
        "reached_goal": ["bkt"],
    }
    page = report_page(result)
    assert is_report(page.encode()[:1000])
    assert "In 1 of 2 families" in page
    assert "25% [20, 30]" in page
    assert page.count("<svg") == 5
    assert "<b>odd</b>" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
