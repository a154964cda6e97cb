"""One more answer, later: right leaves mastery no lower than wrong does, and no lower than it was."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.errors import ModelUnavailable
from learnloop.trace.logistic import LogisticTracer
from learnloop.trace.practice_features import Groups

CONCEPTS = ["c:a", "c:b", "c:c"]
ITEMS = [f"i:{k}" for k in range(7)]
OF_ITEM = [("c:a",), ("c:b",), ("c:c",), ("c:a", "c:b"), ("c:b", "c:c"), (), ("c:a",)]
START = pd.Timestamp("2026-01-01", tz="UTC")


def some_answers(
    rng: np.random.Generator, n: int, n_learners: int, timed: bool, lasting: bool
) -> pd.DataFrame:
    """No rule in them at all, so the slopes are what chance, or a contrary school, would make them."""
    items = rng.integers(0, len(ITEMS), n)
    gaps = rng.choice([0.0, 5.0, 600.0, 9e4, 3e6], n) if timed else np.ones(n)
    falling = rng.random() < 0.5  # everybody gets worse, the more they answer
    chance = np.linspace(0.95, 0.05, n) if falling else rng.random(n)
    took = np.where(rng.random(n) < 0.3, np.nan, rng.exponential(rng.choice([1.0, 300.0]), n))
    return pd.DataFrame(
        {
            "learner_id": [f"l{k}" for k in rng.integers(0, n_learners, n)],
            "item_id": [ITEMS[k] for k in items],
            "concept_ids": [OF_ITEM[k] for k in items],
            "correct": rng.random(n) < chance,
            "duration_s": took if lasting else np.nan,
            "occurred_at": START + pd.to_timedelta(np.cumsum(gaps), "s"),
        }
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n_train=st.integers(1, 60),
    n_past=st.integers(0, 25),
    timed=st.booleans(),
    lasting=st.booleans(),
)
def test_any_small_training_set_and_any_history(
    seed: int, n_train: int, n_past: int, timed: bool, lasting: bool
) -> None:
    rng = np.random.default_rng(seed)
    tracer = LogisticTracer(prior_variance=rng.choice([0.1, 0.5, 3.0]))
    tracer.fit(some_answers(rng, n_train, rng.integers(1, 6), timed, lasting))
    past = some_answers(rng, n_past, 1, timed, lasting)
    last = past["occurred_at"].max() if n_past else START
    now = last + pd.Timedelta(seconds=float(rng.choice([1.0, 3e3, 1e7])))
    for item in rng.choice(len(ITEMS), 3, replace=False):
        one = {"learner_id": "l0", "item_id": ITEMS[item], "concept_ids": OF_ITEM[item], "occurred_at": now}
        one["duration_s"] = float(rng.choice([1.0, 1e4])) if lasting else np.nan
        right, wrong = (
            pd.concat([past, pd.DataFrame([{**one, "correct": outcome}])]) if n_past
            else pd.DataFrame([{**one, "correct": outcome}])
            for outcome in (True, False)
        )  # fmt: skip
        on = list(OF_ITEM[item])
        before, after, failed = (tracer.mastery(h, CONCEPTS, now)["mastery"] for h in (past, right, wrong))
        assert (after >= failed - 1e-12).all()
        assert (after >= before - 1e-12)[[c in on for c in CONCEPTS]].all()
        p, p_failed = (tracer.predict_next(h, ITEMS, OF_ITEM, now) for h in (right, wrong))
        assert (p >= p_failed - 1e-12).all()
        later = now + pd.Timedelta(seconds=float(rng.choice([60.0, 1e5, 1e8])))  # and when time has passed
        before, after, failed = (tracer.mastery(h, CONCEPTS, later)["mastery"] for h in (past, right, wrong))
        assert (after >= failed - 1e-12).all()
        assert (after >= before - 1e-12)[[c in on for c in CONCEPTS]].all()


def test_free_slopes_would_break_it() -> None:
    """So the signs are what keeps it: learners who only ever get worse teach that answers do harm."""

    class Free(LogisticTracer):
        @property
        def signs(self) -> np.ndarray:
            return np.zeros(self.n_features)

    rng = np.random.default_rng(0)
    steps = np.tile(np.arange(20), 30)
    answers = pd.DataFrame(
        {
            "learner_id": np.repeat([f"l{k:02d}" for k in range(30)], 20),
            "item_id": [ITEMS[k] for k in rng.integers(0, 3, 600)],
            "concept_ids": [("c:a",)] * 600,
            "correct": rng.random(600) < np.where(steps < 8, 0.95, 0.1),
            "occurred_at": START + pd.to_timedelta(steps, "h"),
        }
    )
    past = answers.iloc[:8].assign(correct=True)

    def change(tracer: LogisticTracer) -> float:
        now = past["occurred_at"].max()
        earlier, later = (tracer.mastery(h, ["c:a"], now)["mastery"][0] for h in (past.iloc[:7], past))
        return float(later - earlier)

    assert change(Free().fit(answers)) < -0.05
    assert change(LogisticTracer().fit(answers)) >= 0


def test_every_slope_has_its_sign_and_says_so() -> None:
    tracer = LogisticTracer().fit(some_answers(np.random.default_rng(3), 200, 9, True, True))
    assert tracer.groups == Groups(timed=True, lasting=True)
    assert len(tracer.signs) == len(tracer.features) == len(tracer.slopes)
    assert (tracer.signs * tracer.slopes >= 0).all()
    rising = {name for name, sign in zip(tracer.features, tracer.signs, strict=True) if sign > 0}
    assert {name.split(":")[1] for name in rising} == {
        "log_wins",
        "success",
        "log_quick_wins",
        "mean",
        "fresh",
        "fresh_by_answers",
    }


@pytest.mark.parametrize("older", ["version 1", "other features", "no features"])
def test_a_folder_of_an_older_design_is_refused(tmp_path: Path, older: str) -> None:
    import json

    LogisticTracer().fit(some_answers(np.random.default_rng(3), 40, 3, True, False)).save(tmp_path)
    about = json.loads((tmp_path / "tracer.json").read_text())
    if older == "version 1":
        about["version"] = 1
    elif older == "other features":
        about["features"] = [name.replace("log_fails", "log_tries") for name in about["features"]]
    else:
        del about["features"]
    (tmp_path / "tracer.json").write_text(json.dumps(about))
    with pytest.raises(ModelUnavailable, match="learnloop train"):
        LogisticTracer.load(tmp_path)
