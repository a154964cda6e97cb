"""What every recommender promises, whatever it learned (schemas.Recommender)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from learnloop.errors import BadInput, ModelUnavailable, NothingToDo
from learnloop.recommend.ranking import recommend
from learnloop.schemas import ItemFeatures, Recommender, Span
from learnloop.workflow.recommenders import RECOMMENDERS

KINDS = list(RECOMMENDERS.values())
LEARNING = [kind for name, kind in RECOMMENDERS.items() if name != "random"]
PARTING = [kind for kind in LEARNING if hasattr(kind, "contributions")]


def some_signals(seed: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    pairs = {(f"l{rng.integers(40):02d}", f"demo:lesson{rng.integers(25):02d}") for _ in range(300)}
    frame = pd.DataFrame(sorted(pairs), columns=["learner_id", "item_id"]).astype(str)
    return frame.assign(
        weight=1 + np.log(rng.integers(1, 6, len(frame))), at=rng.permutation(len(frame)) * 60.0
    )


def some_features() -> ItemFeatures:
    """Of every item of training and of one that nobody has done."""
    item_ids = np.array([f"demo:lesson{number:02d}" for number in range(26)], dtype=object)
    rows = np.random.default_rng(3).standard_normal((len(item_ids), 8)).astype(np.float32)
    return ItemFeatures(item_ids, rows / np.linalg.norm(rows, axis=1, keepdims=True), "random numbers")


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
    assert scores.dtype in (np.float32, np.float64)
    assert model.scores([]).shape == (0, len(model.item_ids))


def test_fitting_again_in_any_row_order_gives_equal_scores(kind: type, model: Recommender) -> None:
    shuffled = some_signals().sample(frac=1, random_state=3)
    np.testing.assert_array_equal(kind().fit(shuffled).scores(HISTORIES), model.scores(HISTORIES))


@pytest.mark.parametrize("learning", LEARNING, ids=lambda kind: kind.name)
def test_other_data_gives_other_scores(learning: type) -> None:
    whole, part = learning().fit(some_signals()), learning().fit(some_signals().iloc[60:])
    assert whole.item_ids.tolist() == part.item_ids.tolist()
    assert not np.allclose(whole.scores(HISTORIES), part.scores(HISTORIES))


def test_a_batch_scores_as_one_by_one(model: Recommender) -> None:
    one_by_one = np.vstack([model.scores([history]) for history in HISTORIES])
    batch = model.scores(HISTORIES)
    np.testing.assert_allclose(batch, one_by_one, rtol=1e-5, atol=1e-6 * np.abs(one_by_one).max())


def test_long_and_short_histories_in_one_batch_keep_their_own_scores(model: Recommender) -> None:
    every = model.item_ids.tolist()
    mixed = [every[:size] * (1 + size % 3) for size in (1, 25, 0, 7, 13, 2, 19)]
    one_by_one = np.vstack([model.scores([history]) for history in mixed])
    scale = np.abs(one_by_one).max()
    np.testing.assert_allclose(model.scores(mixed), one_by_one, rtol=1e-4, atol=1e-5 * scale)


def test_the_scores_are_the_callers_to_change(model: Recommender) -> None:
    before = model.scores(HISTORIES).copy()
    for histories in (HISTORIES, HISTORIES[:1]):
        model.scores(histories)[:] = -1.0
    np.testing.assert_array_equal(model.scores(HISTORIES), before)


def test_loaded_scores_equal_saved_ones(kind: type, model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = kind.load(tmp_path)
    assert loaded.item_ids.tolist() == model.item_ids.tolist()
    np.testing.assert_array_equal(loaded.scores(HISTORIES), model.scores(HISTORIES))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors"}


def test_fitting_does_not_change_the_signals(kind: type) -> None:
    signals = some_signals()
    kind().fit(signals)
    pd.testing.assert_frame_equal(signals, some_signals())


@pytest.mark.parametrize("without", ["at", "features", "both"])
def test_times_and_features_may_be_missing(kind: type, without: str) -> None:
    signals = some_signals() if without == "features" else some_signals().drop(columns="at")
    model = kind().fit(signals, some_features() if without == "at" else None)
    assert np.isfinite(model.scores(HISTORIES)).all()


def test_features_of_an_item_nobody_has_done_are_no_error(kind: type, tmp_path: Path) -> None:
    model = kind().fit(some_signals(), some_features())
    assert set(some_signals()["item_id"]) <= set(model.item_ids)
    assert model.item_ids.tolist() == sorted(model.item_ids)
    scores = model.scores([*HISTORIES, ["demo:lesson25"]])
    assert scores.shape == (len(HISTORIES) + 1, len(model.item_ids))
    assert np.isfinite(scores).all()
    model.save(tmp_path)
    np.testing.assert_array_equal(kind.load(tmp_path).scores(HISTORIES), model.scores(HISTORIES))


@pytest.mark.parametrize("few", ["one learner", "one item", "one pair"])
def test_the_smallest_training_data_are_enough(kind: type, few: str) -> None:
    signals = some_signals()
    if few != "one item":
        signals = signals[signals["learner_id"] == "l03"]
    if few != "one learner":
        signals = signals[signals["item_id"] == signals["item_id"].iloc[0]]
    model = kind().fit(signals)
    assert model.item_ids.tolist() == sorted(signals["item_id"].unique())
    assert np.isfinite(model.scores([[], model.item_ids[:1].tolist(), ["demo:unknown"]])).all()


def test_the_stated_memory_is_about_that_of_what_is_saved(model: Recommender, tmp_path: Path) -> None:
    # Not less than what is written; what is made anew on loading (say, a second view of the factors,
    # solved once for every learner) may add to it.
    model.save(tmp_path)
    files = tmp_path.rglob("arrays.safetensors")  # a blend keeps its bases in folders below
    written = sum(array.nbytes for file in files for array in load_file(file).values())
    small = 8 * 128 * 128 + 8 * len(model.item_ids)  # a small square matrix, a number an item
    assert 0.9 * written <= model.nbytes <= 3 * written + small


def test_every_value_of_the_search_space_is_accepted(kind: type) -> None:
    for name, values in kind.space.items():
        ends = (values.low, values.high) if isinstance(values, Span) else values
        for value in ends:
            whole = isinstance(values, Span) and values.whole
            kind(**{name: int(value) if whole else value})


def test_settings_survive_saving(kind: type, tmp_path: Path) -> None:
    chosen = {name: _inside(values) for name, values in kind.space.items()}
    model = kind(**chosen).fit(some_signals())
    model.save(tmp_path)
    loaded = kind.load(tmp_path)
    assert {name: getattr(loaded, name) for name in chosen} == chosen
    np.testing.assert_array_equal(loaded.scores(HISTORIES), model.scores(HISTORIES))


def _inside(values: Span | tuple[object, ...]) -> object:
    """A value that is not the first: the defaults often are."""
    if not isinstance(values, Span):
        return values[-1]
    middle = (values.low * values.high) ** 0.5 if values.log else (values.low + values.high) / 2
    return int(middle) if values.whole else middle


@pytest.mark.parametrize("parting", PARTING, ids=lambda kind: kind.name)
def test_parts_of_a_score_name_items_of_the_history(parting: type) -> None:
    model = parting().fit(some_signals())
    history = ["demo:lesson03", "demo:lesson11", "demo:unknown"]
    parts = model.contributions(history, "demo:lesson07")
    assert parts or parting.name == "blend"  # which may find that nothing but popularity ranks chance well
    assert set(parts) <= {"demo:lesson03", "demo:lesson11"}
    assert model.explain(history, "demo:lesson07") in {None, *parts}
    assert model.contributions([], "demo:lesson07") == {}
    assert model.contributions(history, "demo:unknown") == {}
    assert model.explain(["demo:lesson07"], "demo:lesson07") is None


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


@pytest.mark.parametrize("learning", LEARNING, ids=lambda kind: kind.name)
def test_arrays_of_another_catalogue_are_refused(learning: type, tmp_path: Path) -> None:
    learning().fit(some_signals()).save(tmp_path)
    manifest = json.loads((tmp_path / "model.json").read_text())
    manifest["item_ids"].pop()
    (tmp_path / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelUnavailable):
        learning.load(tmp_path)
