"""The tracer on real answers, where they are present."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from learnloop.evaluate.calibration import tracing_metrics
from learnloop.trace.logistic import LogisticTracer
from learnloop.trace.rate import RateTracer


def test_it_beats_the_rate_on_learners_it_has_not_seen(shared_data: Path) -> None:
    from scipy import sparse

    folder = shared_data / "ednet-small"
    if not folder.is_dir():
        pytest.skip(f"no real answers at {folder}")
    raw = pd.read_csv(folder / "preprocessed_data_test.csv", sep="\t")
    skills = sparse.load_npz(folder / "q_mat.npz").tocsr()
    by_item = {i: tuple(f"ednet:s{s}" for s in skills[[i]].indices) for i in raw["item_id"].unique().tolist()}
    answers = pd.DataFrame(
        {
            "learner_id": raw["user_id"].astype(str),
            "item_id": "ednet:" + raw["item_id"].astype(str),
            "concept_ids": raw["item_id"].map(by_item),
            "correct": raw["correct"] == 1,
            "occurred_at": pd.to_datetime(raw["timestamp"], unit="s", utc=True),
        }
    )
    learners = np.sort(answers["learner_id"].unique())
    held_out = answers["learner_id"].isin(np.random.default_rng(0).choice(learners, 200, replace=False))
    test = answers[held_out]
    auc = {
        tracer.name: tracing_metrics(test["correct"], tracer.predict(test), test["learner_id"])["auc"]
        for tracer in (LogisticTracer().fit(answers[~held_out]), RateTracer().fit(answers[~held_out]))
    }
    assert auc["logistic"]["low"] > auc["rate"]["high"]
    # above .75 would smell of a leak: honest figures for this family on this set lie near .71
    assert 0.69 < auc["logistic"]["value"] < 0.75
