"""The blend: planted weights it must find, its measure against a plain one, and what it holds out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput, ModelUnavailable
from learnloop.recommend.blend import Blend, Placed, bands, hold_out
from learnloop.recommend.blend_weights import Candidates, candidates, learnt, learnt_by_band
from learnloop.recommend.ease import EASE
from learnloop.recommend.stored import load

BASES = {"random": {}, "popularity": {}, "ease": {}}


def planted(seed: int, n_learners: int = 250) -> pd.DataFrame:
    """Learners of a group do mostly the group's items, some items more than others, in any order."""
    rng = np.random.default_rng(seed)
    liked = rng.gamma(1.0, size=40) + 0.2
    frames = []
    for learner in range(n_learners):
        chance = liked * np.where(np.arange(40) % 4 == learner % 4, 1.0, 0.05)
        items = rng.choice(40, 7, replace=False, p=chance / chance.sum())
        done = {"item_id": [f"s:item{item:02d}" for item in items], "weight": 1.0, "at": np.arange(7.0)}
        frames.append(pd.DataFrame(done).assign(learner_id=f"l{learner:03d}"))
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def signals() -> pd.DataFrame:
    return planted(0)


@pytest.fixture(scope="module")
def model(signals: pd.DataFrame) -> Blend:
    return Blend(BASES).fit(signals)


def some_candidates(seed: int, truth: list[float], n: int = 600) -> Candidates:
    """What is relevant has the highest sum of `truth` times the scores, and a little chance."""
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((n, 50, len(truth))).astype(np.float32)
    utility = scores @ np.array(truth) + 0.3 * rng.standard_normal((n, 50))
    relevant = utility >= np.sort(utility, axis=1)[:, [-3]]
    return Candidates(scores, relevant, np.full(n, (1 / np.log2([2, 3, 4])).sum()))


def test_planted_weights_are_found_and_a_base_of_noise_is_dropped() -> None:
    weights, measured = learnt(some_candidates(0, [0.6, 0.0, 0.4]), np.random.default_rng(0))
    assert weights.sum() == pytest.approx(1)
    assert weights[1] == 0
    assert weights[[0, 2]] == pytest.approx([0.6, 0.4], abs=0.08)
    assert measured[3] > max(measured[:3]) + 0.1


def test_chance_does_not_lift_weights_off_the_best_single_base() -> None:
    for seed in range(5):
        weights, _ = learnt(some_candidates(seed, [1.0, 0.0, 0.0], n=40), np.random.default_rng(seed))
        assert weights[0] > 0.85


def test_a_band_gets_weights_of_its_own_only_where_it_differs() -> None:
    parts = [some_candidates(0, [1.0, 0.0, 0.0]), some_candidates(1, [0.0, 0.2, 0.8])]
    found = Candidates.joined([parts[0], parts[0], parts[1], some_candidates(2, [0.0, 1.0, 0.0], n=20)])
    of = np.repeat([0, 1, 2, 3], [600, 600, 600, 20])
    weights, measured = learnt_by_band(found, of, 5, np.random.default_rng(0))
    assert weights[0] == pytest.approx([1, 0, 0], abs=0.1)
    assert weights[2] == pytest.approx([0, 0.2, 0.8], abs=0.1)
    np.testing.assert_array_equal(weights[3], weights[4])  # too few learners, and none: as all
    assert measured[-1] > found.ndcg(weights[4]) + 0.05
    same = Candidates.joined([parts[0], parts[0]])
    alike, _ = learnt_by_band(same, np.repeat([0, 1], 600), 2, np.random.default_rng(0))
    assert alike[0] == pytest.approx(alike[1], abs=0.05)


def test_a_history_is_as_long_as_the_different_items_that_are_known() -> None:
    known = {f"s:{number}" for number in range(20)}
    histories = [[], ["s:x"] * 3, ["s:0"] * 12, [f"s:{n}" for n in range(9)], [f"s:{n}" for n in range(10)]]
    assert bands(histories, known).tolist() == [0, 0, 1, 1, 2]


def test_ndcg_equals_the_plain_formula() -> None:
    found = some_candidates(3, [0.5, 0.5], n=8)
    found.scores[0, 5:] = -np.inf  # a learner with five candidates
    found.relevant[0, 5:] = False
    weights = np.array([0.25, 0.75])
    for row in range(8):
        blended = found.scores[row] @ weights
        order = [place for place in np.argsort(-blended) if np.isfinite(blended[place])][:10]
        gains = [1 / np.log2(rank + 2) for rank, place in enumerate(order) if found.relevant[row, place]]
        assert found.ndcgs(weights)[row] == pytest.approx(sum(gains) / found.ideal[row])
    assert np.isfinite(found.ndcgs(np.array([1.0, 0.0]))).all()


def test_candidates_rank_as_the_whole_catalogue_does() -> None:
    rng = np.random.default_rng(4)
    item_ids = np.array([f"s:{number:03d}" for number in range(300)], dtype=object)
    normed = rng.standard_normal((2, 3, 300)).astype(np.float32)
    histories = [list(item_ids[:20]), [], ["s:unknown"]]
    wanted = [list(item_ids[20:24]), list(item_ids[:1]), list(item_ids[50:90])]
    found = candidates(normed, item_ids, histories, wanted)
    for single in range(2):
        for row, history in enumerate(histories):
            scores = normed[single, row].copy()
            scores[np.isin(item_ids, history)] = -np.inf
            hits = np.isin(item_ids[np.argsort(-scores)[:10]], wanted[row])
            ideal = (1 / np.log2(np.arange(2, min(len(wanted[row]), 10) + 2))).sum()
            plain = (hits / np.log2(np.arange(2, 12))).sum() / ideal
            assert found.ndcgs(np.eye(2)[single])[row] == pytest.approx(plain)


def test_a_useless_base_is_neither_fitted_nor_stored(model: Blend, tmp_path: Path) -> None:
    assert "random" not in model.models
    assert model.validation["ease"] > 2 * model.validation["random"]
    assert model.validation["blend"] >= max(model.validation[base] for base in BASES)
    model.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [
        str(number) for number in range(len(model.models))
    ]
    loaded = load(tmp_path)
    assert isinstance(loaded, Blend)
    assert loaded.validation == model.validation


def test_one_base_ranks_as_it_does_alone(signals: pd.DataFrame) -> None:
    histories = [["s:item03"], ["s:item01", "s:item20"], []]
    blended, alone = (fitted.fit(signals).scores(histories) for fitted in (Blend({"ease": {}}), EASE()))
    np.testing.assert_array_equal(np.argsort(blended, axis=1)[:, -5:], np.argsort(alone, axis=1)[:, -5:])


def test_a_kind_may_come_twice(signals: pd.DataFrame) -> None:
    blend = Blend({"popularity": {}, "popularity:recent": {"half_life": 0.02}}).fit(signals)
    assert set(blend.validation) == {"popularity", "popularity:recent", "blend"}


def test_scores_are_normalised_over_what_is_not_done(signals: pd.DataFrame) -> None:
    ease = EASE().fit(signals)
    history = ["s:item03", "s:item03", "s:item07", "s:unknown"]
    more = np.array(sorted([*ease.item_ids, "s:cold"]), dtype=object)
    scores, scales = Placed.among(more, ease).scores([history])
    unseen = ~np.isin(more, [*history, "s:cold"])
    assert scores[0, unseen].mean() == pytest.approx(0, abs=1e-5)
    assert scores[0, unseen].std() == pytest.approx(1, abs=1e-5)
    assert scores[0, more == "s:cold"] == scores[0].min()
    own = ease.scores([history])[0]
    assert scales[0] == pytest.approx(1 / own[~np.isin(ease.item_ids, history)].std(), rel=1e-5)


def test_parts_are_the_weighted_parts_of_the_bases(signals: pd.DataFrame, model: Blend) -> None:
    history, item_id = ["s:item00", "s:item05", "s:item08"], "s:item04"
    parts = model.contributions(history, item_id)
    ease = model.models["ease"]
    weight = model.weights[1, list(model.models).index("ease")]  # three items: a short history
    unseen = ~np.isin(ease.item_ids, history)
    deviation = ease.scores([history])[0][unseen].std()
    for done, part in ease.contributions(history, item_id).items():  # type: ignore[attr-defined]
        assert parts[done] == pytest.approx(weight * part / deviation, rel=1e-4)
    assert model.explain(history, item_id) in history


def test_the_last_fifth_of_each_learner_is_held_out() -> None:
    signals = pd.DataFrame(
        {
            "learner_id": ["a"] * 10 + ["b"] * 3 + ["c"] * 2,
            "item_id": [f"s:{number}" for number in [*range(10), 0, 1, 2, 0, 1]],
            "at": [*range(10), 5.0, 9.0, 1.0, 0.0, 1.0],
        }
    ).sample(frac=1, random_state=0)
    past, held = hold_out(signals, "last")
    assert sorted(zip(held["learner_id"], held["item_id"], strict=True)) == [
        ("a", "s:8"),
        ("a", "s:9"),
        ("b", "s:1"),
    ]
    assert len(past) + len(held) == len(signals)


def test_the_tenth_of_the_learners_who_came_last_is_held_out_whole() -> None:
    signals = planted(4, 40)
    first = signals["learner_id"].map({f"l{n:03d}": 100.0 * ((7 * n) % 40) for n in range(40)})
    past, held = hold_out(signals.assign(at=signals["at"] + first), "last")
    whole = set(held["learner_id"]) - set(past["learner_id"])
    assert whole == {f"l{n:03d}" for n in range(40) if (7 * n) % 40 >= 36}


def test_one_instant_parts_past_from_held_out() -> None:
    signals = planted(1, 30).assign(at=lambda frame: np.random.default_rng(0).permutation(len(frame)) // 3)
    past, held = hold_out(signals, "time")
    assert past["at"].max() < held["at"].min()
    assert len(held) / len(signals) == pytest.approx(0.1, abs=0.02)
    assert len(hold_out(signals.assign(at=1.0), "time")[1]) == 0


def test_learners_who_come_only_in_the_held_out_time_are_validated_on() -> None:
    late = planted(2, 150).assign(at=lambda frame: np.arange(len(frame), dtype=float))  # one after another
    blend = Blend(BASES, holdout="time").fit(late)
    assert blend.validation["popularity"] > 0


def test_without_anything_to_validate_on_weights_are_equal() -> None:
    signals = planted(3, 60).groupby("learner_id").head(2)  # six newcomers, and nobody with three items
    blend = Blend(BASES).fit(signals)
    assert blend.weights == pytest.approx(np.full((3, 3), 1 / 3))
    assert blend.validation == {}


def test_what_cannot_be_blended_is_said() -> None:
    with pytest.raises(BadInput, match="at least one"):
        Blend({})
    with pytest.raises(BadInput, match="holdout"):
        Blend(BASES, holdout="random")
    with pytest.raises(ModelUnavailable, match="no recommender is called"):
        Blend({"crystal-ball": {}})


def test_bases_of_another_catalogue_are_refused(model: Blend, tmp_path: Path) -> None:
    model.save(tmp_path)
    below = tmp_path / "0"
    type(next(iter(model.models.values())))().fit(planted(0).iloc[:20]).save(below)
    with pytest.raises(ModelUnavailable, match="do not match"):
        Blend.load(tmp_path)
