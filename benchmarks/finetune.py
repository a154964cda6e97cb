"""Accepted of a hundred keys asked: the rules, the embedded model as it is, shown examples, with an adapter.

Lessons: the demo's English ones and articles of a SQuAD file that the adapter was not trained on (its
manifest says which documents it saw). The keys are the rules' own in the demo and people's in the articles,
the same for all; what `rules` gives in the articles is what people asked. The accepted questions
go into a folder as CSV, to be read by a person: the checks are not the judge of what they let through.

    python benchmarks/finetune.py --squad xquad.en.json --adapter FOLDER --out FOLDER
"""

import argparse
import csv
import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import torch

from learnloop.demo.authored import courses
from learnloop.generate import adapters, embeddings, language_model, trial
from learnloop.generate.language_model import LanguageModel
from learnloop.generate.proposer import Proposer, stands
from learnloop.generate.questions import Question, Source
from learnloop.generate.training_bank import from_squad, window

ZERO_SHOT = (
    'Write one question about the passage. The answer to the question must be "{key}", and the question'
    " must not contain it. Reply with the question alone.\n\nPassage: {passage}"
)
RESULTS = Path(__file__).parent / "results" / "finetune.json"
SYSTEMS = ("rules", "zero_shot", "few_shot", "few_shot_ranked", "adapter", "adapter_ranked")


class ZeroShot:
    """The instruction-tuned model, asked in its chat template."""

    def __init__(self, model: LanguageModel) -> None:
        self.name = f"{model.name}, zero-shot chat"
        self._model = model

    def stems(self, passages: Sequence[str], keys: Sequence[str], language: str) -> list[str]:
        near = [
            window(passage, at, at + len(key), language)[0] if (at := passage.find(key)) >= 0 else passage
            for passage, key in zip(passages, keys, strict=True)
        ]
        prompts = [ZERO_SHOT.format(key=key, passage=text) for key, text in zip(keys, near, strict=True)]
        texts = [text.strip().split("\n")[0] for text in self._model.generate(prompts, 40)]
        return [
            text if stands(text, key, passage, language) else ""
            for text, key, passage in zip(texts, keys, near, strict=True)
        ]


def demo_lessons(language: str) -> list[dict[str, str]]:
    return [
        {
            "item_id": f"demo:{course.slug}/{lesson.slug}",
            "parent_id": f"demo:{course.slug}",
            "title": lesson.title,
            "text": lesson.text,
            "language": language,
        }
        for course in courses()
        if course.language == language
        for lesson in course.lessons
    ]


def articles(path: Path, language: str, seen: set[str]) -> list[dict[str, str]]:
    """The articles of a SQuAD file whose documents are not among `seen`, a lesson each."""
    found = []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        name = f"{path.stem}:{article['title']}"
        if name not in seen:
            text = "\n\n".join(paragraph["context"] for paragraph in article["paragraphs"])
            found.append(
                {
                    "item_id": name,
                    "parent_id": name,
                    "title": article["title"].replace("_", " "),
                    "text": text,
                    "language": language,
                }
            )
    return found


def asked_by_people(path: Path, language: str) -> Callable[[Source], list[Question]]:
    """The answers of a SQuAD file as keys, each with what people asked, where they stand in the lesson."""
    by_document: dict[str, list[tuple[str, str]]] = {}
    for one in from_squad(json.loads(path.read_text(encoding="utf-8")), language, path.stem).examples:
        by_document.setdefault(one.document, []).append((one.key, one.question))

    def keys(source: Source) -> list[Question]:
        found = []
        for key, asked in by_document.get(source.lesson.item_id, []):
            hits = [
                s for s in source.lesson.sentences if re.search(rf"(?<!\w){re.escape(key)}(?!\w)", s.text)
            ]
            if len(hits) == 1:  # else it is not known which sentence the question is about
                at = hits[0].start + hits[0].text.index(key)
                place = (key, (), at, at + len(key), hits[0])
                found.append(
                    Question(
                        source.lesson.item_id, language, "short_answer", "proposed", asked, asked, *place
                    )
                )
        return found

    return keys


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--squad", type=Path, required=True)
    parser.add_argument("--adapter", type=Path, required=True, help="its folder, or a JSON list of documents")
    parser.add_argument("--models", type=Path, required=True, help="where the embedded model is converted to")
    parser.add_argument("--out", type=Path, required=True, help="for the accepted questions")
    parser.add_argument("--systems", nargs="*", choices=SYSTEMS, default=SYSTEMS)
    parser.add_argument("--parts", nargs="*", choices=("demo", "articles"), default=("demo", "articles"))
    parser.add_argument("--most", type=int, default=60, help="keys of the demo, and as many of the articles")
    parser.add_argument("--skip", type=int, default=0, help="keys of each lesson of the demo")
    parser.add_argument("--label", default="", help="after the system's name in the results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    seen = (
        set(json.loads(options.adapter.read_text()))
        if options.adapter.is_file()
        else set(adapters.read_manifest(options.adapter)["documents"])
    )
    model = language_model.load("embedded", options.models)
    assert model is not None
    embedder = embeddings.load()
    sets = {
        "demo": trial.sources_of(pd.DataFrame(demo_lessons("en")), embedder),
        "articles": trial.sources_of(pd.DataFrame(articles(options.squad, "en", seen)), embedder),
    }
    keys = {
        "demo": lambda source: trial.by_rule(source)[options.skip :],
        "articles": asked_by_people(options.squad, "en"),
    }
    for name in options.systems:
        proposer = {
            "rules": lambda: None,
            "zero_shot": lambda: ZeroShot(model),
            "few_shot": lambda: Proposer.of(model, 1),
            "few_shot_ranked": lambda: Proposer.of(model, 4),
            "adapter": lambda: Proposer.with_adapter(model, options.adapter, 1),
            "adapter_ranked": lambda: Proposer.with_adapter(model, options.adapter, 4),
        }[name]()
        for part in options.parts:
            begun = time.process_time()
            outcome = trial.run(sets[part], proposer, keys=keys[part], most=options.most)
            seconds = time.process_time() - begun
            report = outcome.report()
            report["cpu_seconds_a_key"] = round(seconds / max(1, report["asked"]), 2)
            known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            known.setdefault(name + options.label, {})[part] = report
            RESULTS.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n")
            print(name, part, json.dumps(report), flush=True)
            with (options.out / f"{name}{options.label}-{part}.csv").open(
                "w", newline="", encoding="utf-8"
            ) as file:
                writer = csv.DictWriter(file, ["lesson", "passage", "key", "question", "by_rule", "reason"])
                writer.writeheader()
                writer.writerows(outcome.rows)


if __name__ == "__main__":
    main()
