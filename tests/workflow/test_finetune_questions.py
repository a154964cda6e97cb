"""From approved questions to an adapter that may be used: trained, measured, audited; on a tiny model."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from learnloop.errors import BadInput, ModelUnavailable, NothingToDo, UnknownThing
from learnloop.generate import adapters
from learnloop.schemas import ITEMS, empty
from learnloop.settings import Settings
from learnloop.store import loading
from learnloop.workflow import finetune
from learnloop.workflow.context import Loop

NOUNS = ("cell", "leaf", "river", "engine", "planet", "muscle", "crystal", "bridge")
VERBS = ("stores", "carries", "moves", "holds")
OCEAN = (
    "A tide is the regular rise and fall of the sea."
    " A gyre is a large ring of currents around an ocean basin."
    " The thermocline is the layer in which the temperature falls quickly with depth."
    " Upwelling is the rise of cold water from the deep to the surface of the sea."
)


def tiny(folder: Path) -> Path:
    """A random Llama of bytes, as a folder that `hf:` loads."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(["<end>", *letters])}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    words = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<end>")
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, bos_token_id=0, eos_token_id=0, pad_token_id=0,
        max_position_embeddings=2048,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    home = tmp_path_factory.mktemp("home")
    spec = f"hf:{tiny(home / 'tiny')}"
    loop = Loop(Settings(home=home, database_url=database_url, llm=spec, embedder="none"))
    absent = dict.fromkeys(empty(ITEMS).columns)
    names = {"item_id": "sea:tides", "source": "sea", "kind": "lesson", "parent_id": "sea:course"}
    lesson = absent | names | {"title": "The sea", "text": OCEAN, "language": "en", "attributes": {}}
    loading.load(loop.engine, "items", pd.DataFrame([lesson]))
    yield loop
    loop.close()


def paragraph(context: str, question: str, key: str) -> dict[str, Any]:
    """One of SQuAD's format."""
    answer = {"text": key, "answer_start": context.index(key)}
    return {"context": context, "qas": [{"question": question, "answers": [answer]}]}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = [
        {
            "title": noun,
            "paragraphs": [
                paragraph(f"A {noun} {verb} water.", f"What is it of {number} that {verb} water?", noun)
                for verb in VERBS
            ],
        }
        for number, noun in enumerate(NOUNS)
    ]
    path = tmp_path_factory.mktemp("bank") / "made.en.json"
    path.write_text(json.dumps({"data": data}))
    return path


OPTIONS: dict[str, Any] = {"epochs": 1, "rank": 2, "hold_out": ["made.en:bridge"]}


@pytest.fixture(scope="module")
def trained(loop: Loop, bank: Path) -> dict[str, Any]:
    return finetune.questions(loop, bank=[bank], **OPTIONS)


def test_the_adapter_says_what_it_was_made_of(loop: Loop, trained: dict[str, Any]) -> None:
    manifest = adapters.read_manifest(Path(trained["adapter"]))
    assert manifest["bank"]["kept"] == len(NOUNS) * len(VERBS)
    assert not [name for name in manifest["documents"] if name.startswith("made.en:bridge")]
    assert (
        manifest["training"]["validation_loss"]["after"] <= manifest["training"]["validation_loss"]["before"]
    )
    assert not list((loop.settings.models_dir / "training").iterdir())


def test_its_curves_are_in_mlflow(loop: Loop, trained: dict[str, Any]) -> None:
    client = loop.registry._client
    curve = client.get_metric_history(trained["run_id"], "validation_loss")
    assert [point.step for point in curve] == [trained["training"]["steps"]]
    names = {file.path for file in client.list_artifacts(trained["run_id"])}
    assert names >= {"losses.png", "adapter.json"}


def test_only_measured_and_audited_it_is_used(
    loop: Loop, trained: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, sheet = Path(trained["adapter"]).name, tmp_path / "sheet.csv"
    measured = finetune.measure(loop, adapter=name, most=4, sheet=sheet)
    assert measured["after"]["asked"] == measured["before"]["asked"] == 4
    assert measured["after"]["asked"] == measured["after"]["accepted"] + sum(
        measured["after"]["rejected"].values()
    )
    assert measured["used_by_default"] is False
    assert finetune.writer(loop.settings) is None
    verdicts(sheet, ["valid"] * 50 + ["dull"] * 5)
    said = finetune.audit(loop, adapter=name, sheet=sheet, by="somebody")
    assert (said["passed"], said["used_by_default"]) == (True, False)  # babble raised no rate
    adapters.note(Path(trained["adapter"]), measured={"accepted": {"before": 1.0, "after": 2.0}})
    found = finetune.writer(loop.settings)
    assert found is not None
    assert finetune.listed(loop)["adapters"][0]["used_by_default"] is True


@pytest.mark.parametrize(
    ("said", "passed"),
    [
        (["valid"] * 50, True),
        (["valid"] * 49, False),
        (["valid"] * 99 + ["invalid"], False),
        (["valid"] * 89 + ["dull"] * 11, False),
        (["valid"] * 90 + ["dull"] * 10 + [""] * 5, True),
    ],
)
def test_what_passes_an_audit(
    loop: Loop, trained: dict[str, Any], tmp_path: Path, said: list[str], passed: bool
) -> None:
    sheet = tmp_path / "sheet.csv"
    verdicts(sheet, said)
    assert finetune.audit(loop, adapter=trained["adapter"], sheet=sheet, by="somebody")["passed"] is passed


def verdicts(path: Path, said: list[str]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["question", "verdict"], *(["What?", one] for one in said)])


def test_a_strange_verdict_or_sheet_is_refused(loop: Loop, trained: dict[str, Any], tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    verdicts(sheet, ["splendid"])
    with pytest.raises(BadInput, match="splendid"):
        finetune.audit(loop, adapter=trained["adapter"], sheet=sheet, by="somebody")
    sheet.write_text("question\nWhat?\n")
    with pytest.raises(BadInput, match="verdict"):
        finetune.audit(loop, adapter=trained["adapter"], sheet=sheet, by="somebody")
    with pytest.raises(UnknownThing, match="finetune adapters"):
        finetune.audit(loop, adapter="nothing", sheet=sheet, by="somebody")


def test_without_a_model_or_examples_it_says_what_to_do(loop: Loop, bank: Path, tmp_path: Path) -> None:
    with pytest.raises(NothingToDo):
        finetune.questions(loop)
    none = Loop(Settings(home=loop.settings.home, database_url=loop.settings.database_url, llm="none"))
    with pytest.raises(ModelUnavailable, match="LEARNLOOP_LLM=embedded"):
        finetune.questions(none, bank=[bank])
    none.close()
    with pytest.raises(BadInput, match="does not say"):
        finetune.questions(loop, bank=[bank.rename(tmp_path / "made.json")], languages=["en", "es"])


def test_killed_the_command_goes_on_with_the_same_run(loop: Loop, tmp_path: Path) -> None:
    """The whole command, killed by SIGKILL after its first line of progress."""
    bank = tmp_path / "more.en.json"
    paragraphs = [
        paragraph(f"Number {n} is a cell.", f"What is it that number {n} is?", "cell") for n in range(400)
    ]
    data = [{"title": str(n), "paragraphs": paragraphs[10 * n : 10 * n + 10]} for n in range(40)]
    bank.write_text(json.dumps({"data": data}))
    environment = os.environ | {
        "LEARNLOOP_HOME": str(loop.settings.home),
        "LEARNLOOP_DATABASE_URL": loop.settings.database_url,
        "LEARNLOOP_LLM": loop.settings.llm,
        "LEARNLOOP_EMBEDDER": "none",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "learnloop.cli", "finetune", "questions", "--bank", str(bank), "--json"]
    command += ["--rank", "2", "--epochs", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("step "):
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    (folder,) = (loop.settings.models_dir / "training").iterdir()
    begun = json.loads((folder / "run.json").read_text())["run_id"]
    found = finetune.questions(loop, bank=[bank], rank=2, epochs=1)
    assert found["run_id"] == begun
    assert found["training"]["resumed_at"] >= 30
    assert found["training"]["steps"] == found["training"]["of"]
