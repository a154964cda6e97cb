"""Short answers graded on SemEval-2013 task 7: SciEntsBank and Beetle, two-way, all three kinds of test.

    python benchmarks/short_answers.py FOLDER [--corpus sciEntsBank,beetle] [--vectors FOLDER] [--json F]

FOLDER holds semeval2013-3way.zip (Dzikovska et al. 2013). Everything was chosen on the training answers, over
questions and over domains held out; the tests are asked once. --vectors keeps the sentence vectors between
runs: making them is most of the time.
"""

import argparse
import json
import os
import platform
import resource
import time
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from defusedxml.ElementTree import fromstring

from learnloop.assess.short_answers import ShortAnswerGrader
from learnloop.generate import embeddings
from learnloop.workflow.evaluate_grading import measured

ARCHIVE = "semeval2013-3way.zip"
TESTS = ("unseen-answers", "unseen-questions", "unseen-domains")
SHOWN = ("macro_f1", "weighted_f1", "accuracy", "sure", "accuracy_where_sure")


class Vectors:
    """Sentence vectors, each made once; `folder` keeps them as JSON and .npy between runs."""

    def __init__(self, folder: Path | None) -> None:
        self.folder, self.known, self.seconds = folder, {}, 0.0
        self.embedder = embeddings.load()
        if folder and (folder / "texts.json").exists():
            texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
            self.known = dict(zip(texts, np.load(folder / "vectors.npy"), strict=True))

    def __call__(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        fresh = [text for text in texts if text not in self.known]
        started = time.process_time()
        if fresh:
            self.known.update(zip(fresh, self.embedder.embed(fresh), strict=True))
            self.seconds += time.process_time() - started
            self._keep()
        return np.stack([self.known[text] for text in texts])

    def _keep(self) -> None:
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "texts.json").write_text(json.dumps(list(self.known)), encoding="utf-8")
            np.save(self.folder / "vectors.npy", np.stack(list(self.known.values())))


def rows(archive: zipfile.ZipFile, folder: str) -> pd.DataFrame:
    """Graded answers as workflow.graded_answers has them."""
    found = []
    for name in sorted(archive.namelist()):
        if folder not in name or not name.endswith(".xml"):
            continue
        question = fromstring(archive.read(name))
        references = [one.text.strip() for one in question.iter("referenceAnswer") if one.text]
        found += [
            {
                "question_id": question.get("id"),
                "question": (question.findtext("questionText") or "").strip(),
                "references": references,
                "answer": (answer.text or "").strip(),
                "correct": float(answer.get("accuracy") == "correct"),
            }
            for answer in question.iter("studentAnswer")
        ]
    return pd.DataFrame(found)


def judged(archive: zipfile.ZipFile, corpus: str, embed: Vectors, seed: int) -> dict[str, Any]:
    train = rows(archive, f"training/2way/{corpus}/")
    started = time.process_time()
    grader = ShortAnswerGrader.fit(train, embed, seed=seed)
    result: dict[str, Any] = {
        "trained_on": len(train),
        "cpu_seconds_training": round(time.process_time() - started, 1),
        "held_out_questions": {
            name: {"cut": part.cut, "least": part.least, "curve": part.curve}
            for name, part in (("cold", grader.cold), ("warm", grader.warm))
            if part is not None
        },
    }
    for name in TESTS:
        asked = rows(archive, f"test/2way/{corpus}/test-{name}/")
        if asked.empty:
            continue
        started = time.process_time()
        result[name] = measured(asked, grader.predict(asked, train), 1000, seed)
        result[name]["cpu_seconds"] = round(time.process_time() - started, 1)
        told = {one: round(result[name][one], 4) for one in SHOWN}
        print(corpus, name, told, "overlap", round(result[name]["overlap"], 4), flush=True)
        if name == "unseen-answers":
            result["unseen-answers, marks unknown"] = measured(asked, grader.predict(asked), 1000, seed)
    return result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--corpus", default="sciEntsBank,beetle")
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    embed = Vectors(given.vectors)
    with zipfile.ZipFile(given.folder / ARCHIVE) as archive:
        found: dict[str, Any] = {
            corpus: judged(archive, corpus, embed, given.seed) for corpus in given.corpus.split(",")
        }
    found |= {
        "embedder": embed.embedder.name,
        "cpu_seconds_embedding": round(embed.seconds, 1),
        "seed": given.seed,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
