"""A tracer in its folder is loaded by its kind; one that cannot be read says what to type."""

import json
from pathlib import Path

import numpy as np
import pytest

from learnloop.errors import ModelUnavailable
from learnloop.simulate.planted import planted_answers
from learnloop.trace import stored
from learnloop.trace.logistic import LogisticTracer
from learnloop.trace.memory import Memory

ANSWERS = planted_answers(n_learners=20, n_items=10, n_concepts=3, answers_per_learner=10, seed=2).answers


@pytest.mark.parametrize("name", ["rate", "irt", "pfa", "logistic", "bkt", "memory"])
def test_what_is_loaded_predicts_what_was_saved(name: str, tmp_path: Path) -> None:
    tracer = stored.kind(name)().fit(ANSWERS)
    stored.save(tracer, tmp_path / "deep" / "tracer")
    again = stored.load(tmp_path / "deep" / "tracer")
    assert type(again) is type(tracer)
    np.testing.assert_array_equal(again.predict(ANSWERS), tracer.predict(ANSWERS))


def refused(folder: Path) -> ModelUnavailable:
    with pytest.raises(ModelUnavailable) as error:
        stored.load(folder)
    assert error.value.next_step == "learnloop train"
    return error.value


def test_nobody_knows_the_kind(tmp_path: Path) -> None:
    folder = tmp_path / "tracer"
    stored.save(LogisticTracer().fit(ANSWERS), folder)
    told = json.loads((folder / "tracer.json").read_text())
    (folder / "tracer.json").write_text(json.dumps({**told, "kind": "oracle"}))
    assert "no tracer is called 'oracle'; there are attention, bkt" in str(refused(folder))


@pytest.mark.parametrize("text", ["", "[]", "{}", "\x00"])
def test_a_manifest_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "tracer.json").write_text(text)
    assert "no readable tracer" in str(refused(tmp_path))
    assert "no readable tracer" in str(refused(tmp_path / "nowhere"))


@pytest.mark.parametrize("lost", ["version", "features", "item_ids", "prior_variance"])
def test_an_older_save_says_so_and_what_to_type(lost: str, tmp_path: Path) -> None:
    folder = tmp_path / "tracer"
    stored.save(LogisticTracer().fit(ANSWERS), folder)
    told = json.loads((folder / "tracer.json").read_text())
    del told[lost]
    (folder / "tracer.json").write_text(json.dumps(told))
    refused(folder)


def test_memory_is_memory(tmp_path: Path) -> None:
    stored.save(Memory().fit(ANSWERS), tmp_path / "memory")
    stored.save(LogisticTracer().fit(ANSWERS), tmp_path / "other")
    assert stored.load_memory(tmp_path / "memory").decay == Memory().decay
    with pytest.raises(ModelUnavailable, match="kind logistic, not memory"):
        stored.load_memory(tmp_path / "other")
