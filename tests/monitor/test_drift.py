"""Planted drift is found, and quiet days stay quiet."""

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import NothingToDo
from learnloop.monitor.drift import benjamini_hochberg, detect, learner_features


def activity(
    seed: int, n_learners: int, *, p_correct: float = 0.7, offset: int = 0, items: int = 20
) -> pd.DataFrame:
    """Learners differ from one another (ability, busyness), as real ones do."""
    rng = np.random.default_rng(seed)
    rows = []
    for learner in range(offset, offset + n_learners):
        ability = rng.normal(0, 0.15)
        for event in range(rng.integers(5, 40)):
            right = bool(rng.random() < np.clip(p_correct + ability, 0.02, 0.98))
            rows.append(
                {
                    "learner_id": f"l{learner}",
                    "item_id": f"d:{rng.integers(0, items)}",
                    "correct": right,
                    "score": float(right),
                    "duration_s": rng.lognormal(3 + ability),
                    "occurred_at": pd.Timestamp("2026-01-05", tz="UTC") + pd.Timedelta(days=event // 5),
                }
            )
    frame = pd.DataFrame(rows)
    frame["correct"] = frame["correct"].astype("boolean")
    frame["score"] = frame["score"].astype("Float64")
    return frame


def test_a_planted_drop_in_success_is_found_and_named() -> None:
    report = detect(activity(1, 150), activity(2, 150, p_correct=0.5, offset=150))
    assert report.drift
    found = {finding.feature: finding for finding in report.findings if finding.drift}
    assert "correct_rate" in found
    assert found["correct_rate"].effect < -0.5
    assert "median_duration_s" not in found


def test_a_planted_move_to_other_items_is_found() -> None:
    moved = activity(4, 120, offset=120)
    moved["item_id"] = moved["item_id"].replace({f"d:{item}": f"d:{item + 20}" for item in range(10)})
    report = detect(activity(3, 120), moved)
    assert [finding.feature for finding in report.findings if finding.drift] == ["item_mix"]


@pytest.mark.parametrize("n_learners", [30, 200])
def test_without_drift_false_alarms_are_rare(n_learners: int) -> None:
    alarms = sum(
        detect(
            activity(seed, n_learners),
            activity(seed + 500, n_learners, offset=n_learners),
            n_permutations=100,
        ).drift
        for seed in range(20)
    )
    assert alarms <= 2  # at most 5% of days are expected; three in twenty happen once in thirteen runs


def test_the_same_learners_in_both_windows_are_paired() -> None:
    """A small drop in everyone is buried among strangers, and plain when each is compared with oneself."""
    before = activity(7, 60)
    after = before.copy()
    after["duration_s"] *= 1.06
    finding = next(f for f in detect(before, after).findings if f.feature == "median_duration_s")
    assert finding.adjusted_p < 0.05
    stranger = after.assign(learner_id="other-" + after["learner_id"])
    unpaired = next(f for f in detect(before, stranger).findings if f.feature == "median_duration_s")
    assert unpaired.p_value > finding.p_value


def test_too_few_learners_is_said_not_guessed() -> None:
    with pytest.raises(NothingToDo, match="5 learners"):
        detect(activity(1, 100), activity(2, 5))


def test_features_of_a_learner_by_hand() -> None:
    frame = activity(1, 1).iloc[:0]
    rows = pd.DataFrame(
        {
            "learner_id": ["a", "a", "a", "b"],
            "item_id": ["d:1"] * 4,
            "correct": pd.array([True, False, None, None], dtype="boolean"),
            "score": pd.array([1.0, 0.0, None, None], dtype="Float64"),
            "duration_s": [10.0, 20.0, 60.0, 5.0],
            "occurred_at": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-01-02", "2026-01-02"], utc=True),
        }
    )
    features = learner_features(pd.concat([frame, rows]))
    assert features.loc["a"].tolist() == [0.5, 0.5, 20.0, 1.5]
    assert features.loc["b"].isna().tolist() == [True, True, False, False]


def test_benjamini_hochberg_by_hand() -> None:
    adjusted = benjamini_hochberg(np.array([0.01, 0.04, 0.03, 0.005]))
    assert adjusted == pytest.approx([0.02, 0.04, 0.04, 0.02])


def test_a_difference_that_is_certain_but_small_is_no_drift() -> None:
    """With thousands of learners any change is significant; only one worth acting on is drift."""
    before = activity(11, 2500)
    after = activity(12, 2500, offset=2500)
    after["duration_s"] *= 1.03
    finding = next(
        f for f in detect(before, after, n_permutations=100).findings if f.feature == "median_duration_s"
    )
    assert finding.adjusted_p < 0.05
    assert 0 < finding.effect < 0.2
    assert not finding.drift


@pytest.mark.parametrize("same", [True, False])
def test_windows_in_which_nothing_varies_differ_all_the_same(same: bool) -> None:
    before, after = activity(7, 60), activity(8, 60, offset=60)
    before["correct"], after["correct"] = True, same
    report = detect(before, after, n_permutations=100)
    (found,) = (finding for finding in report.findings if finding.feature == "correct_rate")
    assert found.drift is not same
    assert (found.p_value == 1) is same
    assert found.effect == pytest.approx(0.0 if same else -2.0, abs=0.05)
