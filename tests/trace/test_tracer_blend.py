"""The blend: planted weights, learners its bases have not seen, and a place it has to earn."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput, ModelUnavailable
from learnloop.simulate.planted import planted_answers
from learnloop.trace.blend import Blend, kind, log_loss, stack
from learnloop.workflow.tracers import TRACERS

START = pd.Timestamp("2026-01-05T08:00:00Z")
# the one knows items alone, the other learners and concepts alone
LIGHT: dict[str, dict[str, float]] = {"rate": {}, "bkt": {"per_item": False}}


def rare_items(n_learners: int, seed: int) -> pd.DataFrame:
    """Items of two answers each, all equally hard: what an item's rate says is chance."""
    rng = np.random.default_rng(seed)
    n = n_learners * 10
    return pd.DataFrame(
        {
            "learner_id": np.repeat([f"l{k:03d}" for k in range(n_learners)], 10),
            "item_id": [f"i:{k}" for k in rng.permutation(n) // 2],
            "concept_ids": [("c:a",)] * n,
            "correct": rng.random(n) < 0.7,
            "occurred_at": START + pd.to_timedelta(np.tile(np.arange(10), n_learners), "min"),
        }
    )


def test_planted_weights_are_found() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (60_000, 3))
    z = 0.3 + logits @ [0.7, 0.4, 0.0]
    b, weights = stack(logits, (rng.random(len(z)) < 1 / (1 + np.exp(-z))).astype(float))
    assert b == pytest.approx(0.3, abs=0.04)
    np.testing.assert_allclose(weights, [0.7, 0.4, 0.0], atol=0.04)
    assert (weights >= 0).all()


def test_the_weights_are_the_mode_of_their_posterior() -> None:
    rng = np.random.default_rng(1)
    logits, correct = rng.normal(0, 1, (200, 2)), (rng.random(200) < 0.5).astype(float)
    logits[:, 0] += 2 * correct - 1

    def plain(b: float, weights: np.ndarray) -> float:
        p = 1 / (1 + np.exp(-(b + logits @ weights)))
        likelihood = np.log(np.where(correct > 0, p, 1 - p)).sum()
        return float(likelihood - (b**2 + ((weights - 0.5) ** 2).sum()) / (2 * 0.25))

    b, weights = stack(logits, correct)
    best = plain(b, weights)
    for _ in range(200):
        near = np.maximum(weights + rng.normal(0, 0.05, 2), 0)
        assert plain(b + rng.normal(0, 0.05), near) <= best + 1e-6
    # with nothing to go by, equal weights
    few = stack(np.zeros((0, 4)), np.zeros(0))
    assert few[0] == 0
    np.testing.assert_allclose(few[1], 0.25)


def test_a_base_that_has_the_answers_by_heart_gets_no_weight() -> None:
    """On what the bases were trained on, the rate without smoothing would be the better one by far."""
    answers = rare_items(200, seed=2)
    bases = {"rate:by_heart": {"smoothing": 0.05}, "rate:calm": {"smoothing": 50.0}}
    blend = Blend(bases).fit(answers)
    by_heart = kind("rate")(**bases["rate:by_heart"]).fit(answers).predict(answers)
    calm = kind("rate")(**bases["rate:calm"]).fit(answers).predict(answers)
    correct = answers["correct"].to_numpy(dtype=float)
    seen = [log_loss(np.log(p / (1 - p)), correct) for p in (by_heart, calm)]
    assert seen[0] < seen[1]
    assert blend.validation["rate:by_heart"] > blend.validation["rate:calm"]
    weights = dict(zip(blend.models, blend.weights.tolist(), strict=True))
    assert weights.get("rate:by_heart", 0.0) < 0.2 * weights["rate:calm"]


def test_it_beats_its_bases_where_each_knows_something_of_its_own() -> None:
    answers = planted_answers(n_learners=250, n_items=40, answers_per_learner=30, seed=4).answers
    blend = Blend(LIGHT).fit(answers)
    assert blend.earned
    assert sorted(blend.models) == ["bkt", "rate"]
    assert blend.validation["blend"] < min(blend.validation[name] for name in LIGHT) - 0.01


def test_a_blend_that_is_no_better_says_so() -> None:
    for seed in range(20):
        blend = Blend({"rate:one": {"smoothing": 1e6}, "rate:two": {"smoothing": 1.0}})
        blend.fit(rare_items(40, seed))
        best = min(["rate:one", "rate:two"], key=blend.validation.__getitem__)
        if blend.validation["blend"] >= blend.validation[best]:
            assert not blend.earned
            assert list(blend.models) == [best]
            assert (blend.intercept, blend.weights.tolist()) == (0.0, [1.0])
            return
    pytest.fail("chance never made the blend worse: this test does not test")


def test_few_learners_leave_equal_weights() -> None:
    blend = Blend(LIGHT).fit(rare_items(8, seed=1))
    assert blend.weights.tolist() == [0.5, 0.5]
    assert blend.validation == {}


def test_mastery_is_the_mixture_of_what_means_the_same(tmp_path: Path) -> None:
    answers = planted_answers(n_learners=40, n_items=10, answers_per_learner=15, seed=6).answers
    blend = Blend({"rate": {}, "rate:calm": {"smoothing": 100.0}, "bkt": {}})
    blend.models = {name: blend._new(name).fit(answers) for name in blend.bases}
    blend.weights = np.array([0.6, 0.2, 0.9])
    history, concepts = answers.iloc[:15], ["planted:c000", "planted:c001"]
    one, two = (blend.models[name].mastery(history, concepts) for name in ("rate", "rate:calm"))
    found = blend.mastery(history, concepts)
    mean = 0.75 * one["mastery"] + 0.25 * two["mastery"]
    np.testing.assert_allclose(found["mastery"], mean)
    second = 0.75 * (one["sd"] ** 2 + one["mastery"] ** 2) + 0.25 * (two["sd"] ** 2 + two["mastery"] ** 2)
    np.testing.assert_allclose(found["sd"], np.sqrt(second - mean**2))
    blend.models = {"bkt": blend.models["bkt"]}
    blend.weights = np.ones(1)
    expected = blend.models["bkt"].mastery(history, concepts)["mastery"]
    np.testing.assert_allclose(blend.mastery(history, concepts)["mastery"], expected)
    blend.save(tmp_path)
    pd.testing.assert_frame_equal(
        Blend.load(tmp_path).mastery(history, concepts), blend.mastery(history, concepts)
    )


def test_a_base_nobody_knows_is_named() -> None:
    with pytest.raises(ModelUnavailable, match="oracle"):
        Blend({"oracle": {}})
    with pytest.raises(BadInput, match="at least one"):
        Blend({})


@pytest.mark.parametrize("name", sorted(set(TRACERS) - {"blend"}))
def test_every_tracer_can_be_a_base(name: str) -> None:
    assert kind(name) is TRACERS[name]
