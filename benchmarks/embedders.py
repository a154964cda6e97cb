"""Which embedder for which language: does a question find the paragraph that answers it?

    python benchmarks/embedders.py --xquad DIR [--embedder hf:PATH] [--out benchmarks/results/embedders.json]

XQuAD is the same 240 paragraphs and 1190 questions in many languages, translated by people (Artetxe, Ruder &
Yogatama 2020). For each language, a question's cosine to every paragraph: hit@1 is the share of questions
whose own paragraph is first, MRR the mean of 1 / rank, with a 95% bootstrap interval over paragraphs.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from learnloop.generate import embeddings
from learnloop.generate.embeddings import CharacterTfidf, Embedder

LANGUAGES = ("en", "es", "de")
BOOTSTRAPS = 1000


def read(path: Path, articles: int) -> tuple[list[str], list[str], np.ndarray]:
    """Of the first `articles`: paragraphs, questions, and for each question the place of its paragraph."""
    paragraphs, questions, own = [], [], []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"][:articles]:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                questions.append(asked["question"])
                own.append(len(paragraphs))
            paragraphs.append(paragraph["context"])
    return paragraphs, questions, np.array(own)


def ranks(embedder: Embedder, paragraphs: Sequence[str], questions: Sequence[str], own: Any) -> np.ndarray:
    """(questions,), from 1; ties count against the embedder."""
    scores = embedder.embed(questions) @ embedder.embed(paragraphs).T
    return (scores >= scores[np.arange(len(own)), own][:, None]).sum(axis=1)


def interval(values: np.ndarray, own: np.ndarray) -> dict[str, float]:
    rng = np.random.default_rng(0)
    sums, counts = np.bincount(own, values), np.bincount(own)
    drawn = rng.integers(0, len(sums), size=(BOOTSTRAPS, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"value": round(float(values.mean()), 3), "low": round(low, 3), "high": round(high, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--xquad", type=Path, required=True, help="the folder of xquad.LANGUAGE.json")
    parser.add_argument("--embedder", help="one more, as LEARNLOOP_EMBEDDER names it")
    parser.add_argument("--articles", type=int, default=48, help="how many of the 48")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    sentence_models = [embeddings.load()]
    if asked.embedder and (more := embeddings.load(asked.embedder)):
        sentence_models.append(more)
    found: dict[str, Any] = {}
    for language in LANGUAGES:
        paragraphs, questions, own = read(asked.xquad / f"xquad.{language}.json", asked.articles)
        for embedder in (*sentence_models, CharacterTfidf(paragraphs)):
            began = time.process_time()
            rank = ranks(embedder, paragraphs, questions, own)
            found[f"{language} {Path(embedder.name).name}"] = {
                "paragraphs": len(paragraphs),
                "questions": len(questions),
                "hit@1": interval((rank == 1).astype(float), own),
                "mrr": interval(1 / rank, own),
                "cpu_s": round(time.process_time() - began, 1),
            }
    report = {
        "date": date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}",
        "found": found,
    }
    print(json.dumps(report, indent=2))
    if asked.out:
        asked.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
