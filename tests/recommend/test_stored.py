"""A release's recommenders back from disk, whichever was chosen, and those of older releases."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import ModelUnavailable
from learnloop.recommend import stored
from learnloop.recommend.als import IALS
from learnloop.recommend.ease import EASE
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.reasons import Companions
from learnloop.recommend.stored import Recommenders
from learnloop.schemas import ItemFeatures
from learnloop.workflow.recommenders import RECOMMENDERS

HISTORIES = [[], ["s:01"], ["s:01", "s:07", "s:03"]]


@pytest.fixture(scope="module")
def signals() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    pairs = sorted({(f"l{rng.integers(30):02d}", f"s:{rng.integers(12):02d}") for _ in range(200)})
    return pd.DataFrame(pairs, columns=["learner_id", "item_id"]).assign(weight=1.0, at=np.arange(len(pairs)))


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_every_recommender_is_found_by_its_name(name: str) -> None:
    assert stored.kind(name) is RECOMMENDERS[name]


def test_the_chosen_one_ranks_the_same_after_loading(signals: pd.DataFrame, tmp_path: Path) -> None:
    ranker, ials = EASE().fit(signals), IALS(factors=4).fit(signals)
    texts = ItemFeatures(np.array(["s:01", "s:02"], dtype=object), np.eye(2, dtype=np.float32), "text")
    Recommenders(ranker, ials, Popularity().fit(signals), Companions().fit(signals), texts).save(tmp_path)
    loaded = Recommenders.load(tmp_path)
    assert isinstance(loaded.ranker, EASE)
    assert isinstance(loaded.ials, IALS)
    np.testing.assert_array_equal(loaded.ranker.scores(HISTORIES), ranker.scores(HISTORIES))
    assert loaded.companions is not None
    assert loaded.texts is not None
    assert (loaded.texts.item_ids.tolist(), loaded.texts.basis) == (["s:01", "s:02"], "text")
    np.testing.assert_array_equal(loaded.texts.matrix, texts.matrix)
    assert loaded.companions.both("s:01") == Companions().fit(signals).both("s:01")


def test_a_release_from_before_there_was_a_choice_ranks_by_ials(
    signals: pd.DataFrame, tmp_path: Path
) -> None:
    for name, model in (("ials", IALS(factors=4).fit(signals)), ("popularity", Popularity().fit(signals))):
        (tmp_path / name).mkdir()
        model.save(tmp_path / name)
    loaded = Recommenders.load(tmp_path)
    assert loaded.ranker is loaded.ials
    assert loaded.companions is None


def test_ials_chosen_is_kept_once(signals: pd.DataFrame, tmp_path: Path) -> None:
    ials = IALS(factors=4).fit(signals)
    Recommenders(ials, ials, Popularity().fit(signals)).save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"ials", "popularity"}
    loaded = Recommenders.load(tmp_path)
    assert loaded.ranker is loaded.ials


@pytest.mark.parametrize("damage", ["gone", "cut", "stranger"])
def test_a_damaged_ranker_is_refused(damage: str, signals: pd.DataFrame, tmp_path: Path) -> None:
    ials = IALS(factors=4).fit(signals)
    Recommenders(EASE().fit(signals), ials, Popularity().fit(signals)).save(tmp_path)
    manifest = tmp_path / "ranker" / "model.json"
    if damage == "gone":
        manifest.unlink()
    elif damage == "cut":
        manifest.write_bytes(manifest.read_bytes()[:-1])
    else:
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "name": "os.system"}))
    with pytest.raises(ModelUnavailable):
        Recommenders.load(tmp_path)
