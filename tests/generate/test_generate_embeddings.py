import json
from pathlib import Path

import numpy as np
import pytest

from learnloop.errors import BadSettings, ModelUnavailable
from learnloop.generate import embeddings
from learnloop.generate.embeddings import UNRELATED, CharacterTfidf, MiniLM, SentenceModel, Similarities

TEXTS = [
    "A cat sleeps on the mat.",
    "",
    "A kitten naps on a rug, and nobody wakes it up all day long.",
    "Tax law.",
]


@pytest.fixture(params=["minilm", "characters"])
def any_embedder(request: pytest.FixtureRequest, embedder: MiniLM) -> MiniLM | CharacterTfidf:
    return embedder if request.param == "minilm" else CharacterTfidf(TEXTS)


def test_rows_are_unit_vectors_in_order_whatever_the_batch(any_embedder: MiniLM | CharacterTfidf) -> None:
    together = any_embedder.embed(TEXTS)
    assert together.shape[0] == 4
    lengths = np.linalg.norm(together[[0, 2, 3]], axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)
    for text, row in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(any_embedder.embed([text])[0], row, atol=1e-5)
    assert any_embedder.embed([]).shape == (0, together.shape[1])
    assert np.isfinite(together).all()


def test_minilm_puts_meaning_before_letters(embedder: MiniLM) -> None:
    similar = Similarities(embedder)
    assert similar("A cat sleeps.", "A kitten naps.") > similar("A cat sleeps.", "A cart sells.") + 0.1


def test_characters_know_inflected_forms() -> None:
    similar = Similarities(CharacterTfidf(["la célula", "las células", "el precio"]))
    assert similar("célula", "células") > 0.5 > similar("célula", "precio")


def test_nothing_to_fit_is_no_error() -> None:
    assert CharacterTfidf([]).embed(["abc"]).shape[0] == 1


@pytest.fixture
def folder(embedder: MiniLM, tmp_path: Path) -> Path:
    """A sentence model of two random layers, and what sentence-transformers writes beside one."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(3)
    size = len(embedder._tokenizer)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=size, **shape)).save_pretrained(tmp_path)
    embedder._tokenizer.save_pretrained(tmp_path)
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    (tmp_path / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"query": "query: "}, "default_prompt_name": "query"})
    )
    return tmp_path


def test_a_model_of_a_folder_serves_every_language_as_its_files_say(folder: Path) -> None:
    model = embeddings.load(f"hf:{folder}")
    assert model is not None
    assert (model.name, model.languages) == (str(folder), None)
    assert (model._pooling, model._prefix) == ("first", "query: ")
    rows = model.embed(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(model.embed([TEXTS[2]])[0], rows[2], atol=1e-4)
    assert embeddings.by_language({"fr": [], "de": []}, model)["fr"].name == str(folder)


def test_unrelated_sentences_are_far_apart_whatever_the_model(folder: Path) -> None:
    centred = SentenceModel.of(str(folder))
    plain = SentenceModel(centred._tokenizer, centred._model, name="plain", languages=None, centred=False)

    def mean_cosine(model: SentenceModel) -> float:
        rows = model.embed([*UNRELATED[1::2]])
        return float((rows @ rows.T)[~np.eye(len(rows), dtype=bool)].mean())

    assert mean_cosine(plain) > 0.5, "the random model's vectors are not alike: the test proves nothing"
    assert abs(mean_cosine(centred)) < 0.1


def test_centring_keeps_meaning_before_letters(embedder: MiniLM) -> None:
    centred = SentenceModel(embedder._tokenizer, embedder._model, name="centred", languages=None)
    similar = Similarities(centred)
    assert similar("A cat sleeps.", "A kitten naps.") > similar("A cat sleeps.", "A cart sells.") + 0.1
    assert abs(similar("A cat sleeps.", "The court reduced his sentence.")) < 0.3


def test_a_language_that_the_embedder_does_not_know_gets_characters(embedder: MiniLM) -> None:
    corpora = {"en": ["A cell."], "es": ["La célula."]}
    found = embeddings.by_language(corpora, embedder)
    assert {language: cosines.name for language, cosines in found.items()} == {
        "en": "all-MiniLM-L6-v2",
        "es": "character-tfidf",
    }
    without = embeddings.by_language(corpora, embeddings.load("none"))
    assert {cosines.name for cosines in without.values()} == {"character-tfidf"}


def test_a_bad_embedder_is_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="LEARNLOOP_EMBEDDER"):
        embeddings.load("word2vec")
    with pytest.raises(ModelUnavailable, match="LEARNLOOP_EMBEDDER"):
        embeddings.load(f"hf:{tmp_path}")
