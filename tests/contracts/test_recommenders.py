"""What every recommender promises, whatever it learned (schemas.Recommender)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput, ModelUnavailable, NothingToDo
from learnloop.recommend.als import IALS
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.random_ranking import RandomRanking
from learnloop.recommend.ranking import recommend
from learnloop.schemas import Recommender

KINDS: list[type] = [IALS, Popularity, RandomRanking]


def some_signals(seed: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    pairs = {(f"l{rng.integers(40):02d}", f"demo:lesson{rng.integers(25):02d}") for _ in range(300)}
    frame = pd.DataFrame(sorted(pairs), columns=["learner_id", "item_id"]).astype(str)
    return frame.assign(weight=1 + np.log(rng.integers(1, 6, len(frame))))


HISTORIES = [
    [],
    ["demo:lesson03"],
    ["demo:lesson03", "demo:lesson03", "demo:lesson11"],
    ["demo:nobody-has-seen-this"],
    ["demo:nobody-has-seen-this", "demo:lesson07"],
]


@pytest.fixture(params=KINDS, ids=[kind.name for kind in KINDS])
def kind(request: pytest.FixtureRequest) -> type:
    return request.param


@pytest.fixture
def model(kind: type) -> Recommender:
    return kind().fit(some_signals())


def test_item_ids_are_those_of_training_sorted(model: Recommender) -> None:
    assert model.item_ids.tolist() == sorted(some_signals()["item_id"].unique())


def test_scores_have_a_finite_row_for_every_history(model: Recommender) -> None:
    scores = model.scores(HISTORIES)
    assert scores.shape == (len(HISTORIES), len(model.item_ids))
    assert np.isfinite(scores).all()
    assert model.scores([]).shape == (0, len(model.item_ids))


def test_fitting_again_in_any_row_order_gives_equal_scores(kind: type, model: Recommender) -> None:
    shuffled = some_signals().sample(frac=1, random_state=3)
    np.testing.assert_array_equal(kind().fit(shuffled).scores(HISTORIES), model.scores(HISTORIES))


@pytest.mark.parametrize("learning", [IALS, Popularity])
def test_other_data_gives_other_scores(learning: type) -> None:
    whole, part = learning().fit(some_signals()), learning().fit(some_signals().iloc[60:])
    assert whole.item_ids.tolist() == part.item_ids.tolist()
    assert not np.allclose(whole.scores(HISTORIES), part.scores(HISTORIES))


def test_a_batch_scores_as_one_by_one(model: Recommender) -> None:
    one_by_one = np.vstack([model.scores([history]) for history in HISTORIES])
    np.testing.assert_allclose(model.scores(HISTORIES), one_by_one, rtol=1e-12, atol=1e-14)


def test_loaded_scores_equal_saved_ones(kind: type, model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = kind.load(tmp_path)
    assert loaded.item_ids.tolist() == model.item_ids.tolist()
    np.testing.assert_array_equal(loaded.scores(HISTORIES), model.scores(HISTORIES))
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_items_unknown_to_training_change_nothing(model: Recommender) -> None:
    scores = model.scores([["demo:lesson07"], ["demo:lesson07", "demo:unknown"], [], ["demo:unknown"]])
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[2], scores[3])


def test_seen_items_are_hidden_when_asked(model: Recommender) -> None:
    history = ["demo:lesson03", "demo:lesson11"]
    (hidden,), (shown,) = (recommend(model, [history], 100, hide_seen=hide) for hide in (True, False))
    assert {item for item, _ in hidden} == set(model.item_ids) - set(history)
    assert {item for item, _ in shown} == set(model.item_ids)


def test_blocks_do_not_change_a_ranking(model: Recommender) -> None:
    whole = recommend(model, HISTORIES, 7)
    blocked = recommend(model, HISTORIES, 7, block=2)
    assert [[item for item, _ in row] for row in whole] == [[item for item, _ in row] for row in blocked]


def test_no_signals_is_nothing_to_do(kind: type) -> None:
    with pytest.raises(NothingToDo, match="learnloop"):
        kind().fit(some_signals().iloc[:0])


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_a_weight_that_is_no_positive_number_is_bad_input(kind: type, weight: float) -> None:
    with pytest.raises(BadInput, match="weight"):
        kind().fit(some_signals().assign(weight=weight))


def test_a_pair_given_twice_is_bad_input(kind: type) -> None:
    with pytest.raises(BadInput, match="more than one row"):
        kind().fit(pd.concat([some_signals(), some_signals().head(1)]))


@pytest.mark.parametrize(
    "damage", ["no manifest", "no arrays", "cut manifest", "cut arrays", "other model", "no settings"]
)
def test_a_damaged_folder_is_refused(kind: type, model: Recommender, tmp_path: Path, damage: str) -> None:
    model.save(tmp_path)
    file = tmp_path / ("arrays.safetensors" if "arrays" in damage else "model.json")
    if damage in ("no manifest", "no arrays"):
        file.unlink()
    elif damage.startswith("cut"):
        file.write_bytes(file.read_bytes()[:-1])
    else:
        manifest = json.loads(file.read_text())
        manifest |= {"name": "other"} if damage == "other model" else {"settings": {}}
        file.write_text(json.dumps(manifest))
    with pytest.raises(ModelUnavailable):
        kind.load(tmp_path)


@pytest.mark.parametrize("learning", [IALS, Popularity])
def test_arrays_of_another_catalogue_are_refused(learning: type, tmp_path: Path) -> None:
    learning().fit(some_signals()).save(tmp_path)
    manifest = json.loads((tmp_path / "model.json").read_text())
    manifest["item_ids"].pop()
    (tmp_path / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelUnavailable):
        learning.load(tmp_path)
