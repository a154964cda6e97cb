"""Summaries against what people wrote: ours, the first sentences, drawn ones, the model's raw rewriting.

    python benchmarks/summaries.py [SHARED_DATA] [--books N] [--rewritten N]

Corpora: the demo's lessons with their authors' abstracts (two sentences), and, where SHARED_DATA lies, the
first N sections of two OpenStax books that have a summary section (at most 120 words). Every system has as
many sentences as ours. Also: each weight of the extract switched off; how many rewritings of the embedded
model survive and why not; how many planted corruptions of sentences pass the check (goal: none); and what
one corruption costs in each metric, which is what these metrics cannot say.
"""

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

import summary_data
from learnloop.evaluate import text_systems
from learnloop.evaluate.text_rubric import rubric
from learnloop.generate import embeddings, language_model, rewriting, summaries
from learnloop.generate.embeddings import Similarities, by_language
from learnloop.generate.lessons import lesson_of
from learnloop.generate.rewriting_words import GUARDED
from learnloop.generate.sentences import split
from learnloop.generate.summaries import WEIGHTS, Wanted, Weights
from learnloop.generate.terms import Lesson
from learnloop.generate.token_vectors import TokenVectors
from learnloop.settings import load as settings

RESULTS = Path(__file__).parent / "results" / "summaries.json"
WANTED = {"demo": Wanted()}
BATCH = 8  # sentences the model rewrites at a time
OF_BOOKS = Wanted(summaries.MAX_SENTENCES, 120)
STRONGER = {
    "en": (("some", "all"), ("may", "must"), ("often", "always"), ("many", "all"), ("can", "must")),
    "es": (("algunos", "todos"), ("puede", "debe"), ("muchos", "todos"), ("pueden", "deben")),
    "fr": (("certains", "tous"), ("peut", "doit"), ("souvent", "toujours"), ("peuvent", "doivent")),
    "de": (("einige", "alle"), ("kann", "muss"), ("oft", "immer"), ("viele", "alle"), ("können", "müssen")),
}
NOT = {"en": " not ", "es": " no ", "fr": " pas ", "de": " nicht "}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--books", type=int, default=24)
    parser.add_argument("--rewritten", type=int, default=20)
    asked = parser.parse_args()
    data = summary_data.texts(asked.shared)
    data = data[(data["corpus"] == "demo") | (data.groupby("corpus").cumcount() < asked.books)]
    embedder = embeddings.load()
    lessons, cosines = read(data, embedder)
    align = partial(text_systems.greedy_alignment, vectors=TokenVectors(embedder))
    result: dict[str, Any] = {"corpora": {}, "weights": {}}
    for corpus, rows in data.groupby("corpus"):
        documents = predicted(rows, lessons, cosines, WEIGHTS)
        result["corpora"][corpus] = measured(documents, align)
        result["weights"][corpus] = ablations(rows, lessons, cosines)
        save(result)
    demo = data[data["corpus"] == "demo"]
    result["corruptions"] = corrupted(lessons, demo)
    result["blind"] = blind(demo, align)
    save(result)
    model = language_model.load("embedded", settings().models_dir)
    if model is not None:
        english = demo[demo["language"] == "en"].head(asked.rewritten)
        result["rewriting"] = rewritten(english, lessons, cosines, model, align)
    save(result)


def save(result: dict[str, Any]) -> None:
    RESULTS.write_text(json.dumps(rounded(result), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(data: pd.DataFrame, embedder: Any) -> tuple[dict[str, Lesson], dict[str, Similarities]]:
    """item_id -> lesson, corpus and language -> cosines, every sentence embedded."""
    lessons = {row["item_id"]: lesson_of(row) for row in data.to_dict("records")}
    cosines: dict[str, Similarities] = {}
    for (corpus, language), rows in data.groupby(["corpus", "language"]):
        members = [lessons[item] for item in rows["item_id"]]
        texts = [text for one in members for text in (one.title, *(s.text for s in one.sentences))]
        cosines[f"{corpus} {language}"] = by_language({language: texts}, embedder)[language]
        cosines[f"{corpus} {language}"].prepare(texts)
        print(f"embedded {corpus} {language}: {len(texts)} texts", flush=True)
    return lessons, cosines


def predicted(
    rows: pd.DataFrame, lessons: dict[str, Lesson], cosines: dict[str, Similarities], weights: Weights
) -> pd.DataFrame:
    """The documents of a corpus that have a summary, with it as prediction."""
    told = []
    for row in rows.to_dict("records"):
        wanted = WANTED.get(row["corpus"], OF_BOOKS)
        similarity = cosines[f"{row['corpus']} {row['language']}"]
        found = summaries.extract(lessons[row["item_id"]], similarity, wanted, weights=weights)
        if found is not None:
            told.append(
                {"id": row["item_id"], "prediction": found.text, "reference": row["reference"]}
                | {"source": lessons[row["item_id"]].text, "language": row["language"]}
            )
    return pd.DataFrame(told)


def measured(documents: pd.DataFrame, align: Any) -> dict[str, Any]:
    judged = rubric(documents["prediction"].tolist(), documents["source"].tolist())
    found = text_systems.compare(documents, align, judged["score"].tolist())
    means = {name: float(judged[name].mean()) for name in judged}
    return {name: found[name] for name in ("n", "systems", "differences", "correlations")} | {"rubric": means}


def ablations(rows: pd.DataFrame, lessons: Any, cosines: Any) -> dict[str, dict[str, float]]:
    """rouge1 and rougeL with one weight switched off (mmr: 1, no malus of repetition)."""
    found = {}
    kinds: dict[str, Weights] = {"as they are": WEIGHTS}
    for field in fields(Weights):
        if field.name != "easier":
            kinds[f"{field.name} off"] = replace(WEIGHTS, **{field.name: 1.0 if field.name == "mmr" else 0.0})
    for name, weights in kinds.items():
        documents = predicted(rows, lessons, cosines, weights)
        each = text_systems.per_document(documents["prediction"].tolist(), documents["reference"].tolist())
        found[name] = {metric: float(each[metric].mean()) for metric in ("rouge1", "rougeL", "chrf")}
    return found


# --- corruptions


def number(text: str, language: str, rng: random.Random) -> str:
    return re.sub(r"\d+", lambda match: str(int(match[0]) + rng.randint(1, 9)), text, count=1)


def negation(text: str, language: str, rng: random.Random) -> str:
    """A "not" less where there is one."""
    return text.replace(NOT[language], " ", 1)


def strengthened(text: str, language: str, rng: random.Random) -> str:
    for weak, strong in STRONGER[language]:
        changed = re.sub(rf"\b{weak}\b", strong, text, count=1, flags=re.I)
        if changed != text:
            return changed
    return text


def swapped(text: str, language: str, rng: random.Random) -> str:
    """Two long words change places."""
    words = sorted(set(re.findall(r"[^\W\d_]{6,}", text[1:])))
    if len(words) < 2:
        return text
    one, other = rng.sample(words, 2)
    marked = re.sub(rf"\b{one}\b", "\0", text)
    return re.sub(rf"\b{other}\b", one, marked).replace("\0", other)


def dropped(text: str, language: str, rng: random.Random) -> str:
    """A word of quantity, possibility or limit less."""
    for word in text.split()[1:]:
        if word.lower() in GUARDED[language]["quantifiers"]:
            return text.replace(f" {word} ", " ", 1)
    return text


CORRUPTIONS: dict[str, Callable[[str, str, random.Random], str]] = {
    "number": number,
    "negation": negation,
    "strengthened": strengthened,
    "swapped": swapped,
    "dropped": dropped,
}


def corrupted(lessons: dict[str, Lesson], demo: pd.DataFrame) -> dict[str, Any]:
    """kind -> how many sentences of the demo could be corrupted so, and how many of these passed."""
    rng, found = random.Random(0), {}
    for kind, corrupt in CORRUPTIONS.items():
        tried: Counter[str] = Counter()
        for row in demo.to_dict("records"):
            for sentence in lessons[row["item_id"]].sentences:
                source = " ".join(sentence.text.split())
                changed = corrupt(source, row["language"], rng)
                if changed != source and summaries.is_sentence(sentence, row["language"]):
                    tried["planted"] += 1
                    tried[rewriting.refusal(source, changed, row["language"]) or "passed"] += 1
        found[kind] = dict(tried)
        print(kind, found[kind], flush=True)
    return found


def blind(demo: pd.DataFrame, align: Any) -> dict[str, Any]:
    """kind -> scores of the authors' own abstracts after one corruption; 100 and 1 before it."""
    rng, found = random.Random(0), {}
    for kind, corrupt in CORRUPTIONS.items():
        pairs = [
            (changed, row["reference"])
            for row in demo.to_dict("records")
            if (changed := corrupt(row["reference"], row["language"], rng)) != row["reference"]
        ]
        if pairs:
            texts, references = map(list, zip(*pairs, strict=True))
            each = text_systems.per_document(texts, references, align)
            found[kind] = {"n": len(pairs)} | {name: float(each[name].mean()) for name in each}
    return found


def rewritten(rows: pd.DataFrame, lessons: Any, cosines: Any, model: Any, align: Any) -> dict[str, Any]:
    """What became of the model's rewritings, and how the raw ones score against the abstracts."""
    documents = predicted(rows, lessons, cosines, WEIGHTS)
    asked = [
        (row["id"], row["language"], one.text)
        for row in documents.to_dict("records")
        for one in split(row["prediction"], row["language"])
    ]
    counts: Counter[str] = Counter()
    raw: dict[str, list[str]] = {}
    for begin in range(0, len(asked), BATCH):
        batch = asked[begin : begin + BATCH]
        prompts = [rewriting.REWRITE_PROMPT.format(sentence=text) for _, _, text in batch]
        said = [rewriting.parsed(text) for text in model.generate(prompts, rewriting.MAX_NEW_TOKENS)]
        for (item, language, source), text in zip(batch, said, strict=True):
            counts[rewriting.refusal(source, text, language) or "survived"] += 1
            raw.setdefault(item, []).append(text)
        print(begin + len(batch), dict(counts), flush=True)
    texts = [" ".join(raw[item]) for item in documents["id"]]
    return {
        "sentences": dict(counts),
        "extract": measured(documents, align)["systems"]["prediction"],
        "raw": measured(documents.assign(prediction=texts), align),
    }


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {str(key): rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
