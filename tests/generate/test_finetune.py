import os
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import tiny_model
import tiny_training
import torch
from tiny_training import RECIPE, train

from learnloop.errors import ModelUnavailable, NothingToDo
from learnloop.generate import adapters, finetune
from learnloop.generate.finetune import Encoded, Recipe, batches, encode, rate
from learnloop.generate.language_model import LanguageModel
from learnloop.generate.training_bank import Example


def same(one: Any, other: Any) -> bool:
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> finetune.Trained:
    """A training nobody disturbed."""
    return train(tmp_path_factory.mktemp("whole"))


def test_it_learns_a_planted_rule(whole: finetune.Trained) -> None:
    first, last = whole.state.history[0]["validation"], whole.state.best_loss
    assert last < 0.8 * first
    assert whole.state.history[0]["step"] == 0
    assert [row["step"] for row in whole.state.history][-1] == whole.steps
    assert whole.ended == "epochs"


def test_same_seed_same_weights_another_seed_others(tmp_path: Path, whole: finetune.Trained) -> None:
    assert same(whole.weights, train(tmp_path / "again").weights)
    assert not same(whole.weights, train(tmp_path / "other", replace(RECIPE, seed=1)).weights)


def test_killed_it_goes_on_and_ends_as_if_nothing_had_happened(
    tmp_path: Path, whole: finetune.Trained
) -> None:
    script = Path(tiny_training.__file__)
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), "--slowly"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 8:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    resumed = train(tmp_path)
    assert 7 <= resumed.resumed_at <= 9
    assert same(resumed.weights, whole.weights)
    assert [row["validation"] for row in resumed.state.history] == [
        row["validation"] for row in whole.state.history
    ]


def test_a_checkpoint_about_something_else_or_damaged_is_left_alone(tmp_path: Path) -> None:
    clock = count().__next__
    stopped = train(tmp_path, most_seconds=20, clock=clock, checkpoint_every=1e9)
    assert stopped.ended == "stopped"
    assert 0 < stopped.state.step < stopped.steps
    assert train(tmp_path, facts={"base": "another"}, most_seconds=-1).resumed_at == 0
    (place,) = tmp_path.glob("checkpoint-*")  # the other training's
    tensors = place / "state.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"\x00")
    assert train(tmp_path, facts={"base": "another"}, most_seconds=-1).resumed_at == 0


def test_it_stops_when_validation_no_longer_falls_and_keeps_the_best(tmp_path: Path) -> None:
    wild = replace(RECIPE, learning_rate=3.0, epochs=20, patience=2, validate_every=3)
    trained = train(tmp_path, wild)
    assert trained.ended == "patience"
    assert trained.state.step < trained.steps
    losses = {row["step"]: row["validation"] for row in trained.state.history}
    assert trained.state.best_loss == min(losses.values()) == losses[trained.state.best_step]


def test_nothing_to_train_on_is_said(tmp_path: Path) -> None:
    with pytest.raises(NothingToDo, match="too few"):
        finetune.train(None, [], [], RECIPE, tmp_path, {}, clock=lambda: 0.0)


def test_the_loss_is_that_of_the_questions_tokens_alone() -> None:
    """Against the plain way: one example at a time, no padding, every position's logits."""
    language_model = tiny_model.model()
    model, tokenizer = language_model._model, language_model._tokenizer
    some = encode(tokenizer, [*tiny_model.examples()[:3], longer()], 100)
    total = tokens = 0.0
    for one in some:
        logits = model(input_ids=torch.tensor([one.ids])).logits[0].log_softmax(dim=-1)
        for place in range(len(one.ids) - one.answer, len(one.ids)):
            total -= float(logits[place - 1, one.ids[place]].detach())
            tokens += 1
    assert float(finetune.loss_of(model, some).detach()) == pytest.approx(total / tokens, abs=1e-5)
    assert finetune.validation_loss(model, some, 2) == pytest.approx(total / tokens, abs=1e-5)


def longer() -> Example:
    return Example(
        "A river moves . The leaf stores water .",
        20,
        "leaf",
        "Which leaf stores what ?",
        "en",
        "made",
        "made:x",
    )


def test_an_encoded_example_ends_with_the_end_token_and_too_long_ones_are_left_out() -> None:
    words = tiny_model.tokenizer()
    (one,) = encode(words, [tiny_model.examples()[0]], 100)
    assert words.decode(one.ids[-one.answer :]) == "What stores water ? <end>"
    assert encode(words, [tiny_model.examples()[0]], 10) == []


def test_batches_hold_everything_once_and_differ_by_epoch() -> None:
    some = [Encoded(tuple(range(n % 17 + 2)), 1) for n in range(333)]
    one, other = batches(some, 8, 0, 0), batches(some, 8, 0, 1)
    assert sorted(id(entry) for batch in one for entry in batch) == sorted(map(id, some))
    assert one != other
    assert one == batches(some, 8, 0, 0)
    widths = [max(len(e.ids) for e in batch) - min(len(e.ids) for e in batch) for batch in one]
    assert sum(widths) / len(widths) < 4  # by chance about 14


def test_the_learning_rate_rises_then_falls_to_nothing() -> None:
    recipe = Recipe(learning_rate=1.0, warmup_share=0.1)
    rates = [rate(step, 100, recipe) for step in range(100)]
    assert rates[9] == max(rates) == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.01


def adapter(folder: Path, trained: finetune.Trained, **facts: Any) -> Path:
    language_model = tiny_model.model()
    model = adapters.attach(language_model._model, RECIPE.rank, RECIPE.alpha, RECIPE.targets, RECIPE.seed)
    base = {"name": "tiny", "sha256": adapters.fingerprint(language_model._model)}
    adapters.save(folder, model, trained.weights, {"base": base, "prompt": "question-1", **facts})
    return folder


def test_an_adapter_comes_back_and_leaves_the_base_as_it_was(tmp_path: Path, whole: finetune.Trained) -> None:
    folder = adapter(tmp_path / "a", whole)
    language_model = tiny_model.model()
    before = adapters.fingerprint(language_model._model)
    model, manifest = adapters.load(folder, language_model._model)
    assert same(adapters.weights(model), whole.weights)
    assert manifest["base"]["sha256"] == before == adapters.fingerprint(language_model._model)
    ids = torch.tensor([[5, 6, 7]])
    with torch.inference_mode():
        plain = tiny_model.model()._model(input_ids=ids).logits
        assert torch.equal(language_model._model(input_ids=ids).logits, plain)
        assert not torch.equal(model(input_ids=ids).logits, plain)
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".json", ".safetensors"]


def test_an_adapter_of_another_base_or_damaged_is_refused(tmp_path: Path, whole: finetune.Trained) -> None:
    folder = adapter(tmp_path / "a", whole)
    with pytest.raises(ModelUnavailable, match="not on this model"):
        adapters.load(folder, tiny_model.model(seed=1)._model)
    weights = folder / adapters.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelUnavailable, match="damaged"):
        adapters.load(folder, tiny_model.model()._model)
    (folder / adapters.MANIFEST).unlink()
    with pytest.raises(ModelUnavailable, match="no readable adapter"):
        adapters.read_manifest(folder)


@pytest.mark.parametrize(
    ("measured", "audit", "stands"),
    [
        ({"accepted": {"before": 10, "after": 20}}, {"passed": True}, True),
        ({"accepted": {"before": 20, "after": 20}}, {"passed": True}, False),
        ({"accepted": {"before": 10, "after": 20}}, {"passed": False}, False),
        ({"accepted": {"before": 10, "after": 20}}, None, False),
        (None, {"passed": True}, False),
    ],
)
def test_an_adapter_stands_only_measured_and_audited(measured: Any, audit: Any, stands: bool) -> None:
    assert adapters.stands({"measured": measured, "audit": audit}) is stands


def test_notes_stay_beside_the_rest(tmp_path: Path, whole: finetune.Trained) -> None:
    folder = adapter(tmp_path / "a", whole)
    adapters.note(folder, audit={"passed": True})
    manifest = adapters.note(folder, measured={"accepted": {"before": 1, "after": 2}})
    assert adapters.stands(manifest)
    assert manifest == adapters.read_manifest(folder)


def test_the_embedded_model_can_be_trained(model: LanguageModel, tmp_path: Path) -> None:
    """Two steps on two examples: they become likelier."""
    passage = "A glacier is a mass of ice that moves slowly."
    asked = ("What is a mass of ice that moves slowly?", "What moves slowly and is made of ice?")
    pairs = [Example(passage, 2, "glacier", question, "en", "made", "made:g") for question in asked]
    some = encode(model._tokenizer, pairs, 100)
    recipe = Recipe(rank=4, learning_rate=2e-3, epochs=2, batch_size=2, warmup_share=0.0, validate_every=1)
    attached = adapters.attach(model._model, recipe.rank, recipe.alpha, recipe.targets, recipe.seed)
    trained = finetune.train(attached, some, some, recipe, tmp_path, {}, clock=lambda: 0.0)
    losses = [row["validation"] for row in trained.state.history]
    assert len(losses) == 3
    assert losses[2] < losses[1] < losses[0]
