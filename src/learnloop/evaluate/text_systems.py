"""Several ways to a text against one set of references: what a score is worth beside copying and chance.

    documents: id, reference, prediction[, source][, score]
    systems:   {"prediction": [...], "lead": [...], "random": [...], "other": [...]}

`lead` is the first sentences of the source, `random` as many sentences drawn from it, `other` the prediction
for another document. A metric on which the prediction does not beat them says nothing about understanding.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.ranking import interval
from learnloop.evaluate.text import bleu_samples, lead, sentences, words_of

METRICS = ("bleu", "chrf", "rouge1", "rouge2", "rougeL")
ALIGNMENT = "alignment"
BASELINES = ("lead", "random", "other")
N_EXAMPLES = 3  # of the best, the middle and the worst
Align = Callable[[Sequence[str], Sequence[str]], np.ndarray]  # texts, references -> (n,) from -1 to 1


def systems(documents: pd.DataFrame, seed: int = 0) -> dict[str, list[str]]:
    """name -> (n,) texts: the predictions, and the baselines that the columns allow.

    The baselines have as many sentences as the prediction has, so that length alone decides nothing.
    """
    told = [str(text) for text in documents["prediction"]]
    found = {"prediction": told}
    sizes = [max(1, len(sentences(text))) for text in told]
    rng = np.random.default_rng(seed)
    if "source" in documents:
        sources = [str(text) for text in documents["source"]]
        found["lead"] = [lead(source, size) for source, size in zip(sources, sizes, strict=True)]
        found["random"] = [_drawn(source, size, rng) for source, size in zip(sources, sizes, strict=True)]
    if len(told) > 1:
        found["other"] = _derangement(told, rng)
    return found


def _drawn(source: str, size: int, rng: np.random.Generator) -> str:
    parts = sentences(source)
    chosen = sorted(rng.permutation(len(parts))[:size])
    return " ".join(parts[index] for index in chosen)


def _derangement(texts: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Each document gets another one's text: a random cycle through all (Sattolo 1986)."""
    order = rng.permutation(len(texts))
    found = [""] * len(texts)
    for here, there in zip(order, np.roll(order, 1), strict=True):
        found[here] = texts[there]
    return found


def compare(
    documents: pd.DataFrame,
    align: Align | None = None,
    rubric: Sequence[float] | None = None,
    n_bootstrap: int = 500,
    seed: int = 0,
    tokenize: str = "",
) -> dict[str, Any]:
    """What `learnloop evaluate text` says of `documents`; the unit of every interval is the document.

    Result: `n`; `systems` name -> metric -> {value, low, high}, from 0 to 100 (`alignment` from 0 to 1);
    `differences` baseline -> metric -> {value, low, high}, prediction less baseline on the same resamples;
    `correlations` judge -> metric -> {value, low, high}: Spearman's over documents, where `rubric` or a
    column `score` judges; `notes`. Raises BadInput on an empty reference, NothingToDo without documents.
    """
    if documents.empty:
        raise NothingToDo("no texts to score", "learnloop evaluate text --references F --predictions F")
    references = [str(text) for text in documents["reference"]]
    if empty := [i for i, text in zip(documents["id"], references, strict=True) if not text.strip()]:
        raise BadInput(f"the reference of {str(empty[0])!r} is empty", field="references")
    n = len(documents)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_bootstrap)
    times = np.vstack([np.ones(n, dtype=int), drawn])
    tokens = tokenize or tokens_for(references)
    told = systems(documents, seed)
    each = {name: per_document(texts, references, align) for name, texts in told.items()}
    samples = {
        name: {"bleu": bleu_samples(texts, references, times, tokens)} | _means(each[name], times)
        for name, texts in told.items()
    }
    judges = {"rubric": rubric} if rubric is not None else {}
    if "score" in documents and documents["score"].notna().any():
        judges["score"] = documents["score"].astype(float).to_numpy()
    return {
        "n": n,
        "tokens": tokens,
        "systems": {name: {m: _estimate(v) for m, v in of.items()} for name, of in samples.items()},
        "differences": {
            name: {m: _estimate(samples["prediction"][m] - v) for m, v in of.items()}
            for name, of in samples.items()
            if name != "prediction"
        },
        "correlations": {
            name: correlations(each["prediction"], np.asarray(judge, float), n_bootstrap, seed)
            for name, judge in judges.items()
        },
        "examples": _examples(documents, each["prediction"]),
    }


def tokens_for(references: Sequence[str]) -> str:
    """sacreBLEU's tokens: `13a`, or `char` where the references are written without spaces (CJK, Thai)."""
    letters = "".join(references)
    unspaced = sum(
        "\u0e00" <= c <= "\u0e7f" or "\u3040" <= c <= "\u30ff" or "\u3400" <= c <= "\u9fff" for c in letters
    )
    return "char" if unspaced > 0.3 * max(1, len(letters)) else "13a"


def per_document(texts: Sequence[str], references: Sequence[str], align: Align | None = None) -> pd.DataFrame:
    """(n, metrics): `sentence_bleu` (effective order, exponential smoothing), chrF, ROUGE, alignment."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU, CHRF

    kinds = ["rouge1", "rouge2", "rougeL"]
    chrf, rouge = CHRF(), RougeScorer(kinds, tokenizer=words_of())
    bleu = BLEU(effective_order=True, tokenize=tokens_for(references))
    rows = []
    for text, reference in zip(texts, references, strict=True):
        shared = rouge.score(reference, text)
        rows.append(
            {"sentence_bleu": bleu.sentence_score(text, [reference]).score}
            | {"chrf": chrf.sentence_score(text, [reference]).score}
            | {name: 100 * shared[name].fmeasure for name in kinds}
        )
    frame = pd.DataFrame(rows)
    return frame if align is None else frame.assign(alignment=align(texts, references))


def greedy_alignment(
    texts: Sequence[str], references: Sequence[str], vectors: Callable[[Sequence[str]], list[np.ndarray]]
) -> np.ndarray:
    """(n,) F1 of the greedy alignment of token vectors, in the manner of BERTScore (Zhang et al. 2020).

    P is the mean over the text's tokens of the highest cosine to a token of the reference, R the same the
    other way, F1 = 2PR / (P + R). Another model, without its layers' choice, weights and rescaling: scores
    are not BERTScore's. vectors: texts -> a (tokens, d) matrix each, rows of length 1. 0 for no tokens.
    """
    found = []
    for one, other in zip(vectors(texts), vectors(references), strict=True):
        if not len(one) or not len(other):
            found.append(0.0)
            continue
        cosines = one @ other.T
        precision, recall = float(cosines.max(axis=1).mean()), float(cosines.max(axis=0).mean())
        found.append(2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0)
    return np.array(found)


def correlations(
    each: pd.DataFrame, judge: np.ndarray, n_bootstrap: int = 500, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """metric -> {value, low, high, n}: Spearman's rank correlation over documents with what `judge` says.

    None where a metric or the judge does not vary, or fewer than three documents are judged.
    """
    known = ~np.isnan(judge)
    kept, scores = each[known], judge[known]
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, max(1, len(scores)), size=(n_bootstrap, len(scores)))
    found: dict[str, dict[str, Any]] = {}
    for name in kept.columns:
        values = kept[name].to_numpy(float)
        value = spearman(values, scores)
        drawn = [r for row in rows if (r := spearman(values[row], scores[row])) is not None]
        low, high = interval(np.array(drawn)) if value is not None and drawn else (None, None)
        found[name] = {"value": value, "low": low, "high": high, "n": len(scores)}
    return found


def spearman(one: np.ndarray, other: np.ndarray) -> float | None:
    """Pearson's correlation of ranks, ties sharing their mean rank; None without variance or three pairs."""
    from scipy.stats import rankdata

    if len(one) < 3:
        return None
    left, right = rankdata(one), rankdata(other)
    if left.std() == 0 or right.std() == 0:
        return None
    return float(np.corrcoef(left, right)[0, 1])


def _means(each: pd.DataFrame, times: np.ndarray) -> dict[str, np.ndarray]:
    """metric -> (samples,), the mean over the drawn documents."""
    frame = each.drop(columns="sentence_bleu")
    means = times @ frame.to_numpy(float) / times.sum(axis=1, keepdims=True)
    return {name: means[:, column] for column, name in enumerate(frame.columns)}


def _estimate(values: np.ndarray) -> dict[str, float]:
    low, high = interval(values[1:])
    return {"value": float(values[0]), "low": low, "high": high}


def _examples(documents: pd.DataFrame, each: pd.DataFrame) -> list[dict[str, Any]]:
    """The best, the middle and the worst by chrF, so that a reader sees what the numbers mean."""
    order = np.argsort(-each["chrf"].to_numpy(float), kind="stable")
    middle = len(order) // 2
    places = [
        *range(min(N_EXAMPLES, len(order))),
        middle,
        *range(max(0, len(order) - N_EXAMPLES), len(order)),
    ]
    found = []
    for place in sorted(set(places)):
        row = order[place]
        record: Mapping[str, Any] = documents.iloc[row].to_dict()
        scores = {name: round(float(value), 2) for name, value in each.iloc[row].items()}
        texts = {name: str(record[name]) for name in ("id", "prediction", "reference")}
        found.append({"rank": place + 1, **texts, **scores})
    return found
