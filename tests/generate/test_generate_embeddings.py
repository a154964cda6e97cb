import numpy as np
import pytest

from learnloop.generate.embeddings import CharacterTfidf, MiniLM, Similarities

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
