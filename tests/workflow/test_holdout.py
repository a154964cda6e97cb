"""What is asked of a memory: the answers that had time to be forgotten."""

import numpy as np
import pandas as pd

from learnloop.workflow.holdout import Holdout

START = pd.Timestamp("2026-01-01", tz="UTC")


def test_rested_is_a_concept_met_before_and_not_lately() -> None:
    rng = np.random.default_rng(0)
    n = 300
    answers = pd.DataFrame(
        {
            "learner_id": rng.choice(["a", "b", "c"], n),
            "item_id": "s:1",
            "concept_ids": [
                tuple(rng.choice(list("vwxyz"), size=rng.integers(0, 3), replace=False)) for _ in range(n)
            ],
            "correct": True,
            # in steps of half a day, so that some fall on one moment and some a whole day apart
            "occurred_at": START + pd.to_timedelta(rng.integers(0, 120, n) * 12, unit="h"),
        }
    )
    asked = rng.random(n) < 0.5
    found = Holdout({}, {}, answers, asked, 0).rested()
    expected = []
    for row in answers[asked].itertuples():
        days = []
        for concept in row.concept_ids:
            before = answers[
                (answers["learner_id"] == row.learner_id) & (answers["occurred_at"] < row.occurred_at)
            ]
            before = before[[concept in taught for taught in before["concept_ids"]]]
            if len(before):
                days.append((row.occurred_at - before["occurred_at"].max()) / pd.Timedelta(days=1))
        expected.append(bool(days) and min(days) >= 1)
    assert 20 < sum(expected) < len(expected) - 20
    np.testing.assert_array_equal(found, expected)


def test_rested_without_a_concept_or_without_answers() -> None:
    answers = pd.DataFrame(
        {
            "learner_id": ["a", "a"],
            "concept_ids": [(), ()],
            "occurred_at": [START, START + pd.Timedelta(days=3)],
        }
    )
    assert Holdout({}, {}, answers, np.array([False, True]), 0).rested().tolist() == [False]
    assert Holdout({}, {}, answers[:0], np.zeros(0, dtype=bool), 0).rested().tolist() == []
