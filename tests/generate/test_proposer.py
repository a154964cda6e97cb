from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_model
import tiny_training
import torch
from tiny_training import RECIPE

from learnloop.errors import ModelUnavailable
from learnloop.generate import adapters, language_model, proposer
from learnloop.generate.finetune import ATTENTION
from learnloop.generate.language_model import LanguageModel
from learnloop.generate.proposer import Candidate, Proposer, stands
from learnloop.generate.question_prompt import (
    EXAMPLES,
    PROMPT_VERSION,
    prompt_of,
    shots,
    tokens,
    verifying_prompt,
)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter of the tiny model, trained to ask one question."""
    home = tmp_path_factory.mktemp("models")
    recipe = replace(
        RECIPE, rank=8, alpha=16, targets=(*ATTENTION, "gate_proj", "up_proj", "down_proj"), epochs=6
    )
    trained = tiny_training.train(home / "training", recipe, examples=tiny_model.one_question())
    language_model = tiny_model.model()
    model = adapters.attach(language_model._model, recipe.rank, recipe.alpha, recipe.targets, recipe.seed)
    base = {"name": "tiny", "sha256": adapters.fingerprint(language_model._model)}
    folder = home / proposer.FOLDER / "2026-01-01-made"
    facts = {"base": base, "prompt": PROMPT_VERSION, "bank": {"languages": {"en": 100}}}
    adapters.save(folder, model, trained.weights, facts)
    return folder


PASSAGES = ["The river stores water .", "A cell moves . The leaf stores water .", "The engine stores water ."]
KEYS = ["river", "leaf", "engine"]
PLACES = [(passage, passage.find(key), key) for passage, key in zip(PASSAGES, KEYS, strict=True)]


def texts(found: list[list[Candidate]]) -> list[list[str]]:
    return [[one.text for one in candidates] for candidates in found]


def plainly_continued(model: Any, words: Any, prompt: str, most: int) -> list[int]:
    """Greedy, one prompt, the whole text read again for every token."""
    ids = tokens(words, prompt)
    begun = len(ids)
    with torch.inference_mode():
        for _ in range(most):
            token = int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
            if token == words.eos_token_id or words.decode([token]) == "\n":
                break
            ids.append(token)
    return ids[begun:]


@pytest.mark.parametrize("with_shots", [True, False])
def test_the_batch_writes_what_one_plain_prompt_would(with_shots: bool) -> None:
    language_model = tiny_model.model()
    words = language_model._tokenizer
    batch = Proposer.of(language_model, 1, shots=with_shots).written(PLACES, "en")
    lead = shots("en") if with_shots else ""
    for (one,), place in zip(batch, PLACES, strict=True):
        plain = plainly_continued(
            language_model._model, words, lead + prompt_of(*place), proposer.MOST_NEW_TOKENS
        )
        assert one.text == words.decode(plain, skip_special_tokens=True).strip()


def test_candidates_begin_differently_and_like_questions() -> None:
    found = Proposer.of(tiny_model.model(), 3).written(PLACES, "en")
    for candidates in found:
        first = [one.text.split()[0] for one in candidates]
        assert len(set(first)) == len(first) == 3
        assert set(first) <= {"What", "Which", "Who", "When", "Where", "Why", "How", "In", "At", "By"}


def test_the_reading_equals_the_plain_log_probability() -> None:
    language_model = tiny_model.model()
    asked = ["What stores water ?", "Which river ?", "What ?"]
    found = Proposer.of(language_model)._answered(PASSAGES[0], asked, "river")
    shared, rest = verifying_prompt(PASSAGES[0], asked)
    plain = [float(language_model.log_probability(shared + one, [" river"])[0]) for one in rest]
    assert found == pytest.approx(plain, abs=1e-4)


def test_an_adapter_makes_another_writer_and_leaves_the_model_alone(adapter: Path) -> None:
    language_model = tiny_model.model()
    before = Proposer.of(language_model, 4, shots=False)
    plain = texts(before.written(PLACES, "en"))
    trained = Proposer.with_adapter(language_model, adapter, 4)
    assert texts(trained.written(PLACES, "en")) != plain
    assert texts(before.written(PLACES, "en")) == plain
    assert trained.name != before.name


def test_a_trained_adapter_asks_the_planted_question(adapter: Path) -> None:
    asked = Proposer.with_adapter(tiny_model.model(), adapter, 1).stems(PASSAGES, KEYS, "en")
    assert asked == ["What stores water ?"] * 3
    assert Proposer.of(tiny_model.model(), 1, shots=False).stems(PASSAGES, KEYS, "en") == [""] * 3


def test_an_adapter_writes_only_in_the_languages_it_was_trained_on(adapter: Path) -> None:
    one = Proposer.with_adapter(tiny_model.model(), adapter, 1)
    assert any(one.stems(PASSAGES, KEYS, "en"))
    assert one.stems(PASSAGES, KEYS, "es") == [""] * 3


def test_what_cannot_be_asked_has_no_question() -> None:
    one = Proposer.of(tiny_model.model())
    assert one.stems([], [], "en") == []
    assert one.stems(["The river stores water ."], ["mountain"], "en") == [""]
    assert one.stems(["The river stores water ."], [" "], "en") == [""]


def test_the_order_of_the_questions_changes_none_of_them(adapter: Path) -> None:
    one = Proposer.with_adapter(tiny_model.model(), adapter, 2)
    there = one.stems(PASSAGES, KEYS, "en")
    assert one.stems(PASSAGES[::-1], KEYS[::-1], "en") == there[::-1]


@pytest.mark.parametrize(
    ("question", "fit"),
    [
        ("What stores the DNA of a cell?", True),
        ("What stores the DNA of a cell", False),
        ("What? Which part stores the DNA?", False),
        ("What is it?", False),
        ("What does the nucleus store in a cell?", False),
        ("What stores the 47 chromosomes of a cell?", False),
        ("What stores the 46 chromosomes of a cell?", True),
        ("What stores the proteins of a cell?", False),
    ],
)
def test_what_a_candidate_must_have(question: str, fit: bool) -> None:
    passage = "The nucleus of a cell stores the DNA, on 46 chromosomes."
    assert stands(question, "nucleus", passage, "en") is fit


@pytest.mark.parametrize(
    ("key", "question", "fit"),
    [
        ("3", "How many base pairs does the genome hold?", False),
        ("3", "How many billion base pairs does the genome hold?", True),
        ("16", "What is the range of the genome?", False),
        ("16", "How many metres is the range?", True),
        ("2001", "In which year was the genome read?", True),
    ],
)
def test_a_figure_is_asked_for_in_its_unit(key: str, question: str, fit: bool) -> None:
    passage = "The genome, read in 2001, holds 3 billion base pairs. The range is 16 metres."
    assert stands(question, key, passage, "en") is fit


def test_examples_follow_their_own_rules() -> None:
    for language, some in EXAMPLES.items():
        for passage, key, question in some:
            assert passage.count(key) == 1
            assert stands(question, key, passage, language)


def test_auto_takes_only_what_proved_itself(adapter: Path) -> None:
    model, home = tiny_model.model(), adapter.parents[1]
    assert proposer.load(model, "auto", home) is None
    adapters.note(adapter, measured={"accepted": {"before": 1.0, "after": 2.0}})
    assert proposer.load(model, "auto", home) is None
    adapters.note(adapter, audit={"passed": True})
    found = proposer.load(model, "auto", home)
    assert found is not None
    assert adapters.read_manifest(adapter)["files"][adapters.WEIGHTS][:12] in found.name
    assert proposer.load(tiny_model.model(seed=1), "auto", home) is None  # another base
    assert proposer.load(model, "none", home) is None
    assert proposer.load(None, "auto", home) is None


def test_a_model_that_no_adapter_fits_has_none_and_is_refused_where_one_is_named(
    adapter: Path, tmp_path: Path
) -> None:
    home = adapter.parents[1]
    adapters.note(adapter, measured={"accepted": {"before": 1.0, "after": 2.0}}, audit={"passed": True})
    elsewhere = language_model.load("openai:http://127.0.0.1:1/v1#m", tmp_path)
    rough = tiny_model.model()
    rough._model.bfloat16()
    assert proposer.chosen("auto", home, tiny_model.model) is not None
    for other in (elsewhere, rough, None):
        model: list[LanguageModel | None] = [other]
        assert proposer.chosen("auto", home, model.copy().pop) is None
        with pytest.raises(ModelUnavailable, match="needs a model of this machine"):
            proposer.chosen(str(adapter), home, model.pop)

    def never() -> None:
        raise AssertionError("a model is loaded that nobody needs")

    assert proposer.chosen("none", home, never) is None
    assert proposer.chosen("auto", tmp_path, never) is None


def test_a_named_adapter_has_only_to_fit(adapter: Path) -> None:
    assert proposer.load(tiny_model.model(), str(adapter), Path("nowhere")) is not None
    with pytest.raises(ModelUnavailable, match="not on this model"):
        proposer.load(tiny_model.model(seed=1), str(adapter), Path("nowhere"))
    with pytest.raises(ModelUnavailable, match="no readable adapter"):
        proposer.load(tiny_model.model(), str(adapter.parent), Path("nowhere"))


def test_an_adapter_of_another_prompt_is_refused(adapter: Path, tmp_path: Path) -> None:
    manifest = adapters.read_manifest(adapter)
    try:
        adapters.note(adapter, prompt="question-0")
        with pytest.raises(ModelUnavailable, match="prompt"):
            Proposer.with_adapter(tiny_model.model(), adapter)
    finally:
        adapters.note(adapter, prompt=manifest["prompt"])


def test_the_embedded_model_writes_only_what_the_passage_says(model: LanguageModel) -> None:
    passage = "A ribosome is a particle that assembles proteins from amino acids."
    (asked,) = Proposer.of(model, 2).stems([passage], ["ribosome"], "en")
    assert asked == "" or stands(asked, "ribosome", passage, "en")
