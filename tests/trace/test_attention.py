"""The attention tracer: NumPy against PyTorch, its additive part against plain references, planted truths."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.schemas import ANSWERS, empty
from learnloop.simulate.planted import Planted, planted_answers
from learnloop.trace.attention import Attention, scale_of
from learnloop.trace.attention_additive import Additive, averages, cross_fitted, fit, inputs
from learnloop.trace.attention_forward import Seen, residual
from learnloop.trace.attention_rows import Rows, arranged

START = pd.Timestamp("2026-01-05T08:00:00Z")


@pytest.fixture(scope="module")
def planted() -> Planted:
    return planted_answers(n_learners=200, n_items=30, n_concepts=6, answers_per_learner=40, seed=3)


@pytest.fixture(scope="module")
def fitted(planted: Planted) -> Attention:
    return Attention(epochs=12).fit(planted.answers)


def messy(n: int, seed: int, n_learners: int = 3) -> pd.DataFrame:
    """Answers with none to three concepts, at few distinct moments, in no order."""
    rng = np.random.default_rng(seed)
    pool = ["c:a", "c:b", "c:c", "c:d"]
    concepts = {
        f"i:{k}": tuple(rng.choice(pool, rng.integers(0, 4), replace=False).tolist()) for k in range(7)
    }
    items = rng.choice(list(concepts), n)
    return pd.DataFrame(
        {
            "learner_id": rng.choice([f"l{k:02d}" for k in range(n_learners)], n),
            "item_id": items,
            "concept_ids": [concepts[item] for item in items],
            "correct": rng.random(n) < 0.6,
            "occurred_at": START + pd.to_timedelta(rng.integers(0, 2 * n // n_learners, n), "h"),
        }
    )


def sticky(n_learners: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """A learner does as the last time on that concept, 9 times of 10; (answers, the true P of each)."""
    rng = np.random.default_rng(seed)
    concepts = rng.integers(0, 3, (n_learners, 30))
    correct, truth = np.zeros(concepts.shape, dtype=bool), np.full(concepts.shape, 0.5)
    for learner in range(n_learners):
        last: dict[int, bool] = {}
        for step, concept in enumerate(concepts[learner].tolist()):
            if concept in last:
                truth[learner, step] = 0.9 if last[concept] else 0.1
            correct[learner, step] = last[concept] = bool(rng.random() < truth[learner, step])
    frame = pd.DataFrame(
        {
            "learner_id": np.repeat([f"l{k:03d}" for k in range(n_learners)], 30),
            "item_id": [f"i:{c}" for c in concepts.ravel()],
            "concept_ids": [(f"c:{c}",) for c in concepts.ravel()],
            "correct": correct.ravel(),
            "occurred_at": START + pd.to_timedelta(np.tile(np.arange(30), n_learners), "min"),
        }
    )
    return frame, truth.ravel()


def log_loss(p: np.ndarray, correct: pd.Series) -> float:
    return float(-np.log(np.where(correct, p, 1 - p)).mean())


@pytest.mark.parametrize(("blocks", "heads", "length"), [(1, 1, 50), (1, 4, 3), (2, 2, 4)])
def test_numpy_answers_as_pytorch(blocks: int, heads: int, length: int) -> None:
    import torch

    from learnloop.trace.attention import _for_serving
    from learnloop.trace.attention_network import Network, Plan, Tensors

    rows = arranged(messy(60, seed=1, n_learners=2))
    model = Attention(factors=8, blocks=blocks, heads=heads, length=length)
    plan = Plan(**{name: getattr(model, name) for name in Plan.__annotations__})
    _, told = cross_fitted(rows, np.array([0, 1]), 0.5)
    network = Network(plan, rows.n_items, rows.n_concepts, told.features.shape[1])
    rng = np.random.default_rng(2)
    with torch.no_grad():
        for values in network.parameters():  # what starts as zeros and ones too
            values.add_(torch.from_numpy(rng.normal(0, 0.3, values.shape).astype(np.float32)))
    arrays = _for_serving({name: v.numpy() for name, v in network.state_dict().items()}, rows)
    network.eval()
    for start, end in pairwise(rows.starts.tolist()):
        chosen = torch.cat([torch.full((1, 3), -1), torch.arange(start, end)[None]], dim=1)
        wanted = network(Tensors(rows, told), chosen, end - start)[0].detach().numpy()
        seen = Seen.of(rows, told, rows.items, rows.concepts, slice(start, end))
        found = told.logits[start:end] + residual(arrays, heads, length, seen)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_attention_equals_the_plain_formula() -> None:
    """One head, one block, answer by answer."""
    rows = arranged(messy(25, seed=4, n_learners=1))
    rng, d, k = np.random.default_rng(5), 4, rows.features.shape[1] + 1
    shapes = {
        "concepts": (rows.n_concepts + 1, d), "variation": (rows.n_concepts + 1, d),
        "common_variation": (d,), "item_vectors": (rows.n_items + 1, d), "features": (k, d),
        "outcome": (2, d), "outcome_variation": (2, d), "state_norm": (1, 2, d), "value_norm": (1, 2, d),
        "feed_norm": (1, 2, d), "last_norm": (2, d), "attention": (1, 4, d, d), "feed": (1, 2, d, d),
        "feed_bias": (1, 2, d), "log_decay": (1, 1), "log_fading": (1, 1), "same_item": (1, 1),
        "same_concept": (1, 1), "sink": (1, 1), "last": (d,),
    }  # fmt: skip
    w = {name: rng.normal(0, 0.5, shape) for name, shape in shapes.items()}
    told = inputs(fit(rows, np.arange(len(rows)), 0.5), rows, rows.items, rows.concepts)

    def norm(x: np.ndarray, by: np.ndarray) -> np.ndarray:
        return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * by[0] + by[1]

    concepts = [[c for c in row if c >= 0] for row in rows.concepts.tolist()]
    states, values = [], []
    for i in range(len(rows)):
        e, own, right = told.easiness[i], concepts[i], int(rows.correct[i])
        mean = [
            sum((w[name][c] for c in own), np.zeros(d)) / max(len(own), 1)
            for name in ("concepts", "variation")
        ]
        states.append(mean[0] + e * (w["common_variation"] + mean[1]) + w["item_vectors"][rows.items[i]]
                      + told.features[i] @ w["features"])  # fmt: skip
        values.append(states[i] + w["outcome"][right] + e * w["outcome_variation"][right])
    query, key, value, out = w["attention"][0]
    wanted = []
    for i in range(len(rows)):
        weights, mixed = [np.exp(w["sink"][0, 0])], [np.zeros(d)]
        for j in range(len(rows)):
            steps = rows.before[i] - rows.before[j]
            if not 1 <= steps <= 6:
                continue
            a = norm(states[i], w["state_norm"][0]) @ query @ (norm(states[j], w["state_norm"][0]) @ key) / 2
            a -= np.exp(w["log_decay"][0, 0]) * (steps - 1)
            a -= np.exp(w["log_fading"][0, 0]) * np.log1p((rows.seconds[i] - rows.seconds[j]) / 60)
            a += w["same_item"][0, 0] * (rows.items[i] == rows.items[j])
            shared = len(set(concepts[i]) & set(concepts[j])) / max(len(concepts[i]), 1)
            weights.append(np.exp(a + w["same_concept"][0, 0] * shared))
            mixed.append(norm(values[j], w["value_norm"][0]) @ value)
        h = states[i] + np.average(mixed, axis=0, weights=weights) @ out
        hidden = np.maximum(norm(h, w["feed_norm"][0]) @ w["feed"][0, 0] + w["feed_bias"][0, 0], 0)
        h = h + hidden @ w["feed"][0, 1] + w["feed_bias"][0, 1]
        wanted.append(norm(h, w["last_norm"]) @ w["last"])
    seen = Seen.of(rows, told, rows.items, rows.concepts, slice(0, len(rows)))
    np.testing.assert_allclose(residual(w, 1, 6, seen), wanted, rtol=1e-9)


def test_the_additive_part_is_the_mode_of_its_posterior() -> None:
    rows = arranged(messy(80, seed=6))
    model = fit(rows, np.arange(len(rows)), 0.5)
    n_items = rows.n_items
    items, concepts = np.eye(n_items)[rows.items], np.zeros((len(rows), rows.n_concepts))
    for row, own in enumerate(rows.concepts):
        concepts[row, own[own >= 0]] = 1 / max((own >= 0).sum(), 1)
    theta = np.concatenate([model.slopes, model.items[:n_items], model.concepts[:-1]])
    X = np.hstack([rows.features, items, concepts])
    z = model.intercept + X @ theta
    p = 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(X.T @ (p - rows.correct) + theta / 0.5, 0, atol=0.02)
    # the pseudo-answers, half a right and half a wrong one, have nothing but the intercept
    assert (p - rows.correct).sum() + 1 / (1 + np.exp(-model.intercept)) - 0.5 == pytest.approx(0, abs=0.02)
    told = inputs(model, rows, rows.items, rows.concepts)
    np.testing.assert_allclose(told.logits, z, atol=1e-9)
    # the average item of a concept: its items, by answers
    on = concepts[:, 2] > 0
    expected = model.items[rows.items[on]].mean()
    assert (averages(rows, np.arange(len(rows))) @ model.items[:n_items])[2] == pytest.approx(expected)
    assert model.items[n_items + 2] == pytest.approx(expected)
    assert model.items[-1] == model.concepts[-1] == 0


def test_nobody_is_told_of_their_own_outcomes() -> None:
    rows = arranged(messy(90, seed=7, n_learners=6))
    folds = np.array([0, 1, 2, 0, 1, 2])
    _, told = cross_fitted(rows, folds, 0.5)
    mine = rows.of(np.flatnonzero(folds == 1))
    flipped = rows.correct.copy()
    flipped[mine] = 1 - flipped[mine]
    _, again = cross_fitted(Rows(**{**vars(rows), "correct": flipped}), folds, 0.5)
    np.testing.assert_array_equal(again.easiness[mine], told.easiness[mine])
    assert (again.easiness != told.easiness).any()


def test_every_answer_is_asked_once_with_what_was_before_it() -> None:
    from learnloop.trace.attention_network import batches, windows_of

    rows = arranged(messy(100, seed=8, n_learners=4))
    asked = []
    for chosen, is_asked in batches(windows_of(rows, np.array([0, 2, 3]), 7), 60, np.random.default_rng(0)):
        width = is_asked.shape[1]
        assert chosen.numel() <= 60 or len(chosen) == 1
        for line, which in zip(chosen.numpy(), is_asked.numpy(), strict=True):
            seen = line[line >= 0]
            np.testing.assert_array_equal(np.diff(seen), 1)
            own = line[-width:][which]
            asked += own.tolist()
            first = rows.starts[np.searchsorted(rows.starts, own[0], side="right") - 1]
            assert seen[0] == max(first, own[0] - 7)
    np.testing.assert_array_equal(np.sort(asked), rows.of(np.array([0, 2, 3])))


def test_times_that_only_number_the_rows_are_told_from_real_ones() -> None:
    answers = messy(60, seed=9)
    assert arranged(answers).seconds.any()
    numbered = answers.assign(
        occurred_at=START + pd.to_timedelta(answers.groupby("learner_id").cumcount(), "s")
    )
    assert not arranged(numbered).seconds.any()


def test_it_finds_which_former_answer_counts() -> None:
    """Counts of wins and tries cannot tell what the last answer on the concept was; attention can."""
    train, _ = sticky(150, seed=0)
    test, truth = sticky(60, seed=1)
    model = Attention(epochs=40, members=1, learning_rate=3e-3, dropout=0.1).fit(train)
    found = log_loss(model.predict(test), test["correct"])
    model.networks = []
    additive = log_loss(model.predict(test), test["correct"])
    best = log_loss(truth, test["correct"])
    assert found - best < 0.3 * (additive - best)


def test_planted_probabilities_are_found(planted: Planted, fitted: Attention) -> None:
    fresh = planted_answers(n_learners=40, n_items=30, n_concepts=6, answers_per_learner=40, seed=3)
    np.testing.assert_array_equal(fresh.items["easiness"], planted.items["easiness"])
    assert np.abs(fitted.predict(fresh.answers) - fresh.probabilities).mean() < 0.05


def test_mastery_rises_with_right_answers_and_falls_with_wrong(fitted: Attention) -> None:
    def after(outcomes: list[bool]) -> pd.Series:
        rows = pd.DataFrame({"correct": outcomes}).assign(learner_id="l", item_id="planted:i0001")
        rows["concept_ids"] = [("planted:c001",)] * len(rows)
        rows["occurred_at"] = START + pd.to_timedelta(rows.index, "min")
        return fitted.mastery(rows if outcomes else empty(ANSWERS), ["planted:c001"]).iloc[0]

    for outcomes in ([], [True, False, False], [True] * 6, [False] * 6):
        assert after([*outcomes, False])["mastery"] < after([*outcomes, True])["mastery"]
    assert after([True, False] * 10)["sd"] < after([])["sd"]


def test_the_stated_sd_is_the_size_of_the_real_error() -> None:
    """Rates drawn from Beta(m k, (1 - m) k) for each learner and concept: mean squared z near 1."""
    rng = np.random.default_rng(4)
    rates = rng.beta(0.6 * 5, 0.4 * 5, (200, 4))
    learner, place = (grid.ravel() for grid in np.mgrid[:200, :40])
    concept = place % 4
    answers = pd.DataFrame(
        {
            "learner_id": [f"l{k:03d}" for k in learner],
            "item_id": [f"c:{c}-{k}" for c, k in zip(concept, rng.integers(0, 8, len(concept)), strict=True)],
            "concept_ids": [(f"c:{c}",) for c in concept],
            "correct": rng.random(len(concept)) < rates[learner, concept],
            "occurred_at": START + pd.to_timedelta(place, "min"),
        }
    )
    model = Attention(epochs=10, members=2).fit(answers)
    squares = []
    for code in range(0, 200, 4):
        mastery = model.mastery(answers[learner == code], [f"c:{c}" for c in range(4)])
        squares.append((mastery["mastery"] - rates[code]) ** 2 / mastery["sd"] ** 2)
    assert 0.6 < np.mean(squares) < 1.7


def test_a_temperature_is_found_where_there_is_enough_to_see_it() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, 20_000)
    correct = (rng.random(len(logits)) < 1 / (1 + np.exp(-0.7 * logits))).astype(float)
    assert scale_of(logits, correct) == pytest.approx(0.7, abs=0.04)
    assert scale_of(logits[:5], correct[:5]) == pytest.approx(1.0, abs=0.15)


def test_fitting_leaves_pytorch_as_it_was_and_one_learner_needs_none() -> None:
    import torch

    torch.manual_seed(3)
    expected, threads = torch.rand(2), torch.get_num_threads()
    torch.manual_seed(3)
    Attention(epochs=1, members=1).fit(messy(40, seed=1))
    assert torch.equal(torch.rand(2), expected)
    assert torch.get_num_threads() == threads
    assert Attention().fit(messy(40, seed=1, n_learners=1)).networks == []


def test_an_additive_part_comes_back_from_its_arrays() -> None:
    model = Additive(0.5, np.ones(2), np.arange(3.0), np.zeros(1), np.ones(3))
    again = Additive.of(model.arrays())
    assert again.intercept == 0.5
    np.testing.assert_array_equal(again.items, model.items)


@pytest.mark.parametrize(
    "wrong",
    [{"factors": 10, "heads": 3}, {"dropout": 1.0}, {"epochs": 0}, {"members": 9}, {"item_variance": 0.0}],
)
def test_settings_out_of_range_are_bad_input(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        Attention(**wrong)  # type: ignore[arg-type]
