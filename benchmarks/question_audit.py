"""What became of questions that people read: which bad ones are still asked, which good ones are lost.

    python benchmarks/question_audit.py [--models embedded] [--languages en fr] [--unread sheet.csv]

`audit/texts` holds texts that were written to be asked about, `audit/verdicts.jsonl` each question that was
once accepted for one of them, with the verdict of whoever read it (valid, invalid, flawed, dull; why). The
texts are asked again as `learnloop generate questions --count 20` does. A good question is the same where its
kind, its key and its words are; its hint or topic may say more than it did. A bad one is the same where these
are, too. What nobody has read is counted, and written to a sheet with --unread, to be read and added.

The texts are not fresh: rules were mended after each reading. So this tells what a change costs and what it
brings, never how good fresh questions are.
"""

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.generate import embeddings, kinds, language_model, pipeline, wording
from learnloop.settings import load as settings
from learnloop.workflow.generate_questions import of_file

HERE = Path(__file__).parent
TEXTS, VERDICTS = HERE / "audit" / "texts", HERE / "audit" / "verdicts.jsonl"
RESULTS = HERE / "results" / "question_audit.json"
COUNT = 20  # questions a text, at most

Key = tuple[str, str, str, str]


def same(row: Mapping[str, Any], *, bare: bool) -> Key:
    """Text, kind, words of the stem and key; bare: without hint and topic."""
    stem = re.sub(r"\([^)]*\)", " ", wording.without_hint(row["stem"])) if bare else row["stem"]
    return row["text"], row["kind"], " ".join(re.findall(r"\w+", stem.casefold())), str(row["key"]).casefold()


def verdicts() -> list[dict[str, Any]]:
    return [json.loads(line) for line in VERDICTS.read_text(encoding="utf-8").splitlines()]


def with_verdicts(now: pd.DataFrame, read: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """For each question what was said of it; None where nobody has read it."""
    exact = {same(row, bare=False): row for row in read}
    good = {same(row, bare=True): row for row in read if row["verdict"] == "valid"}
    return [
        exact.get(same(row, bare=False)) or good.get(same(row, bare=True)) for row in now.to_dict("records")
    ]


def asked(spec: str, languages: list[str]) -> pd.DataFrame:
    """The questions that are accepted now, with `text`, the name of their file."""
    model = language_model.load(spec, settings().models_dir)
    embedder = embeddings.load()
    found = []
    for path in sorted(TEXTS.iterdir()):
        language = path.stem.split("_")[1][:2]
        if language not in languages:
            continue
        lesson, _ = of_file(path, language)
        made = pipeline.generate(
            lesson,
            model=model,
            embedder=embedder,
            questions_per_lesson=COUNT,
            kinds=tuple(kinds.KINDS),
            summarise=False,
        )
        found.append(made.questions.assign(text=path.stem))
    return pd.concat(found, ignore_index=True)


def compared(now: pd.DataFrame, read: list[dict[str, Any]], texts: int) -> dict[str, Any]:
    said = with_verdicts(now, read)
    still = Counter(row["verdict"] for row in said if row)
    before = Counter(row["verdict"] for row in read)
    return {
        "texts": texts,
        "accepted": len(now),
        "a_text": round(len(now) / texts, 2),
        "texts_without": texts - now["text"].nunique(),
        "unread": said.count(None),
        "by_kind": now["kind"].value_counts().to_dict(),
        "still_asked": {name: [still[name], before[name]] for name in ("valid", "flawed", "dull", "invalid")},
        "invalid_still_asked": [
            {key: row[key] for key in ("text", "stem", "key", "why")}
            for row in said
            if row and row["verdict"] == "invalid"
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", default="embedded", help="what vetoes: embedded, none, hf:PATH …")
    parser.add_argument("--languages", nargs="+", default=["en", "es", "fr", "de"])
    parser.add_argument("--unread", type=Path, help="CSV of the questions that nobody has read")
    chosen = parser.parse_args()
    started = time.process_time()
    now, read = asked(chosen.models, chosen.languages), verdicts()
    report: dict[str, Any] = {"date": datetime.now(UTC).date().isoformat(), "model": chosen.models}
    for language in chosen.languages:
        texts = [path for path in TEXTS.iterdir() if path.stem.split("_")[1][:2] == language]
        own = [row for row in read if row["language"] == language]
        report[language] = compared(now[now["language"] == language], own, len(texts))
    report["cpu_seconds"] = round(time.process_time() - started, 1)
    if chosen.unread:
        fresh = [said is None for said in with_verdicts(now, read)]
        now.loc[fresh, ["text", "language", "kind", "stem", "options", "key"]].to_csv(
            chosen.unread, index=False
        )
    RESULTS.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
