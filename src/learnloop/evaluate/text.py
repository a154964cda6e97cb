"""Generated texts against references: BLEU, chrF, ROUGE, always beside a copy of the source's lead.

These scores reward copying (chrF above all): a summary that scores no better than the first sentences
of its source has shown nothing. A document is the unit of the intervals.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.ranking import interval

ROUGE = ("rouge1", "rougeL")
BLEU_ORDER = 4
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+|(?<=[。！？])(?![」』）])|\n\s*\n")
# Chinese and Japanese are written without spaces: each character is a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")


class _Words:
    """The tokens ROUGE counts. rouge_score's own keep only a to z and cut "año" into "a" and "o"."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(text.lower())


def words_of() -> _Words:
    """The tokens of ROUGE as its scorer takes them: words of any alphabet, in lower case."""
    return _Words()


def sentences(text: str) -> list[str]:
    """The sentences of `text` by their stops, whatever the language; without the space around them."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def lead(source: str, count: int = 2) -> str:
    """The first sentences of `source`: what a reader gets from copying."""
    return " ".join(sentences(source)[:count])


def text_metrics(
    predictions: Sequence[str],
    references: Sequence[str],
    sources: Sequence[str],
    lead_sentences: int = 2,
    n_bootstrap: int = 500,
    seed: int = 0,
) -> dict[str, Any]:
    """{"n", "model": M, "copy": M, "difference": M} where M is metric -> {value, low, high}.

    Metrics, all from 0 to 100: `bleu` of the corpus (Papineni et al. 2002, as sacrebleu counts it, 13a
    tokens, exponential smoothing), `chrf` (Popović 2015), `rouge1` and `rougeL` (Lin 2004, F1 of words,
    no stemming), the last three means over documents. `copy` scores the first `lead_sentences`
    sentences of each source; `difference` is model minus copy on the same resampled documents.
    Raises BadInput on unequal lengths or an empty reference, NothingToDo without documents.
    """
    if not len(predictions) == len(references) == len(sources):
        lengths = f"{len(predictions)}, {len(references)} and {len(sources)}"
        raise BadInput(f"predictions, references and sources differ in length: {lengths}", field="references")
    if len(predictions) == 0:
        raise NothingToDo("no texts to score", "learnloop generate")
    if any(not reference.strip() for reference in references):
        raise BadInput("a reference text is empty", field="references")
    n = len(predictions)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_bootstrap)
    times = np.vstack([np.ones(n, dtype=int), drawn])  # the first row is the data itself
    model = _samples(predictions, references, times)
    copy = _samples([lead(source, lead_sentences) for source in sources], references, times)
    difference = {name: model[name] - copy[name] for name in model}
    parts = {"model": model, "copy": copy, "difference": difference}
    return {"n": n} | {
        part: {name: _estimate(values) for name, values in samples.items()} for part, samples in parts.items()
    }


def _estimate(values: np.ndarray) -> dict[str, float]:
    low, high = interval(values[1:])
    return {"value": float(values[0]), "low": low, "high": high}


def _samples(texts: Sequence[str], references: Sequence[str], times: np.ndarray) -> dict[str, np.ndarray]:
    """metric -> (n_samples,), one value a row of `times` (how often each document was drawn)."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import CHRF

    chrf, rouge = CHRF(), RougeScorer(list(ROUGE), tokenizer=_Words())
    rows = []
    for text, reference in zip(texts, references, strict=True):
        shared = rouge.score(reference, text)
        rows.append(
            [chrf.sentence_score(text, [reference]).score] + [100 * shared[name].fmeasure for name in ROUGE]
        )
    means = times @ np.array(rows) / times.sum(axis=1, keepdims=True)
    found = {"bleu": bleu_samples(texts, references, times)}
    return found | {name: means[:, column] for column, name in enumerate(("chrf", *ROUGE))}


def bleu_samples(
    texts: Sequence[str], references: Sequence[str], times: np.ndarray, tokenize: str = "13a"
) -> np.ndarray:
    """(n_samples,) corpus BLEU, one a row of `times`: from the n-gram counts of the documents added up, for
    it is no mean over documents."""
    from sacrebleu.metrics import BLEU

    bleu = BLEU(tokenize=tokenize)
    counts = []
    for text, reference in zip(texts, references, strict=True):
        one = bleu.corpus_score([text], [[reference]])
        counts.append([*one.counts, *one.totals, one.sys_len, one.ref_len])
    summed = (times @ np.array(counts)).tolist()
    return np.array(
        [
            BLEU.compute_bleu(
                correct=row[:BLEU_ORDER],
                total=row[BLEU_ORDER : 2 * BLEU_ORDER],
                sys_len=row[-2],
                ref_len=row[-1],
                smooth_method="exp",
            ).score
            for row in summed
        ]
    )
