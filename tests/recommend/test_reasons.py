"""Evidence is true: counts as counted by hand, shares of the model's own score, likeness as measured."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import ModelUnavailable, NothingToDo
from learnloop.recommend.als import IALS
from learnloop.recommend.diversity import Likeness
from learnloop.recommend.ease import EASE
from learnloop.recommend.neighbours import ItemNeighbours
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.reasons import Companions, because, others_did, similar, told_by


def some_signals(learners: int = 200, items: int = 30, seed: int = 3) -> pd.DataFrame:
    """Two groups of items; a learner does mostly one group."""
    rng = np.random.default_rng(seed)
    rows = []
    for learner in range(learners):
        group = learner % 2
        for item in range(items):
            done = rng.random() < (0.35 if item % 2 == group else 0.05)
            rows += [(f"l{learner:03d}", f"s:{item:02d}")] if done else []
    return pd.DataFrame(rows, columns=["learner_id", "item_id"]).assign(weight=1.0)


def learners_of(signals: pd.DataFrame) -> dict[str, set[str]]:
    return signals.groupby("item_id")["learner_id"].agg(set).to_dict()


@pytest.fixture(scope="module")
def table() -> Companions:
    return Companions().fit(some_signals())


def test_counts_are_those_of_the_learners_who_did_both(table: Companions) -> None:
    did = learners_of(some_signals())
    for one in did:
        counts = {other: len(did[one] & did[other]) for other in did if other != one}
        assert table.both(one) == {other: count for other, count in counts.items() if count}


def test_the_nearest_come_first_where_not_all_are_kept() -> None:
    signals = some_signals(items=80)
    table = Companions().fit(signals)
    did = learners_of(signals)
    for one in did:
        found = table.both(one)
        assert len(found) == 50
        near = {
            other: len(did[one] & did[other]) / np.sqrt(len(did[one]) * len(did[other]))
            for other in did
            if other != one
        }
        worst = min(near[other] for other in found)
        assert all(value <= worst + 1e-12 for other, value in near.items() if other not in found)


def test_who_did_one_did_the_other_more_often_than_anybody(table: Companions) -> None:
    did = learners_of(some_signals())
    name, learners = table.best(["s:02", "s:04", "s:05"], "s:00") or ("", 0)
    shares = {done: len(did[done] & did["s:00"]) / len(did[done]) for done in ("s:02", "s:04")}
    assert name == max(shares, key=lambda done: shares[done]), "of the same group, the larger share"
    assert learners == len(did[name] & did["s:00"])
    assert table.best(["s:01"], "s:00") is None, "the other group did it less than anybody"
    assert table.best(["s:00"], "s:00") is None
    assert table.best(["s:02"], "s:nowhere") is None


def test_few_learners_are_nobodys_evidence() -> None:
    pairs = [(f"l{n}", item) for n in range(4) for item in ("s:a", "s:b")] + [
        (f"m{n}", "s:c") for n in range(20)
    ]
    few = pd.DataFrame(pairs, columns=["learner_id", "item_id"]).assign(weight=1.0)
    assert Companions().fit(few).both("s:a") == {"s:b": 4}
    assert Companions().fit(few).best(["s:a"], "s:b") is None
    more = pd.concat([few, pd.DataFrame({"learner_id": "l9", "item_id": ["s:a", "s:b"], "weight": 1.0})])
    assert Companions().fit(more).best(["s:a"], "s:b") == ("s:a", 5)


def test_loaded_equals_saved_and_damage_is_refused(table: Companions, tmp_path: Path) -> None:
    table.save(tmp_path)
    loaded = Companions.load(tmp_path)
    assert loaded.n_learners == table.n_learners
    assert all(loaded.both(item_id) == table.both(item_id) for item_id in table.item_ids)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    (tmp_path / "arrays.safetensors").write_bytes(b"cut")
    with pytest.raises(ModelUnavailable):
        Companions.load(tmp_path)
    with pytest.raises(NothingToDo):
        Companions().fit(some_signals().iloc[:0])


@pytest.mark.parametrize("kind", [IALS, EASE, ItemNeighbours])
def test_the_share_is_that_of_the_models_own_score(kind: type) -> None:
    model = kind().fit(some_signals())
    history = ["s:02", "s:05", "s:08"]
    said = 0
    for item_id in model.item_ids:
        parts = model.contributions(history, item_id)
        reason = because(parts, item_id)
        if reason is None:
            continue
        said += 1
        adding = {done: part for done, part in parts.items() if part > 0}
        name = reason.evidence["item"]
        assert name in history
        assert name != item_id
        assert parts[name] == max(part for done, part in adding.items() if done != item_id)
        assert reason.evidence["share"] == pytest.approx(parts[name] / sum(adding.values()), abs=5e-4)
    assert said > 5


def test_what_takes_away_or_hardly_adds_is_no_reason() -> None:
    assert because({}, "s:x") is None
    assert because({"s:a": -1.0, "s:x": 5.0}, "s:x") is None
    assert because({"s:a": 0.01, "s:x": 5.0}, "s:x") is None
    reason = because({"s:b": 1.0, "s:a": 1.0, "s:c": -9.0}, "s:x")
    assert reason is not None
    assert reason.evidence == {"item": "s:a", "share": 0.5}, "a tie goes to the smaller name"


def test_similar_from_half_on() -> None:
    likeness = Likeness(
        ["s:a", "s:b", "s:c"],
        {"s:a": ["c:1", "c:2"], "s:b": ["c:1"], "s:c": ["c:1", "c:3", "c:4", "c:5"]},
        {},
    )
    reason = similar(likeness, ["s:b"], "s:a")
    assert reason is not None
    assert reason.evidence == {"item": "s:b", "similarity": 0.71, "by": "concepts"}
    assert similar(likeness, ["s:c"], "s:a") is None
    assert similar(None, ["s:b"], "s:a") is None


def test_a_ranker_that_cannot_take_its_scores_apart_borrows_no_others_account(table: Companions) -> None:
    signals = some_signals()
    apart, whole = told_by(EASE().fit(signals), table), told_by(Popularity().fit(signals), table)
    history = ["s:02", "s:04"]
    assert [reason.code for reason in apart(history, "s:00")] == ["because_finished", "others_did"]
    assert [reason.code for reason in whole(history, "s:00")] == ["others_did"]
    assert others_did(None, history, "s:00") is None
    assert told_by(None)(history, "s:00") == []
