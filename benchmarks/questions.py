"""Questions a minute: the demo's lessons, all kinds, by language and kind, without a model and with one.

    python benchmarks/questions.py [--lessons N] [--count N] [--models none embedded]

The first N lessons of each course are asked for `count` questions each. Seconds are CPU seconds of this
process (all threads), loading not counted; on two cores a minute has up to 120 of them, so `a_minute` is
accepted x 60 / CPU seconds: what one busy core does. Goal: 20.
"""

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.assess.reading_level import reading_level
from learnloop.demo import authored
from learnloop.generate import embeddings, kinds, language_model, pipeline
from learnloop.settings import load as settings

RESULTS = Path(__file__).parent / "results" / "questions.json"


def lessons(per_course: int) -> pd.DataFrame:
    """The first lessons of each course of the demo."""
    rows = [
        {
            "item_id": f"demo:{course.slug}/{lesson.slug}",
            "parent_id": f"demo:{course.slug}",
            "title": lesson.title,
            "text": lesson.text,
            "language": course.language,
        }
        for course in authored.courses()
        for lesson in course.lessons[:per_course]
    ]
    return pd.DataFrame(rows)


def measured(frame: pd.DataFrame, model: Any, embedder: Any, count: int) -> dict[str, Any]:
    started = time.process_time()
    made = pipeline.generate(
        frame,
        model=model,
        embedder=embedder,
        questions_per_lesson=count,
        kinds=tuple(kinds.KINDS),
        reading_level=reading_level,
        summarise=False,
    )
    seconds = time.process_time() - started
    counts = made.counts["questions"]
    return {
        "lessons": len(frame),
        "requested": counts["requested"],
        "proposed": counts["proposed"],
        "accepted": counts["accepted"],
        "cpu_seconds": round(seconds, 2),
        "a_minute": round(60 * counts["accepted"] / seconds, 1),
        "by_kind": {name: [part["accepted"], part["proposed"]] for name, part in counts["by_kind"].items()},
        "rejected": counts["rejected"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lessons", type=int, default=100, help="of each course, at most")
    parser.add_argument("--count", type=int, default=10, help="questions a lesson, at most")
    parser.add_argument("--models", nargs="+", default=["none", "embedded"])
    chosen = parser.parse_args()
    frame = lessons(chosen.lessons)
    embedder = embeddings.load()
    embedder.embed(["warm"])
    report: dict[str, Any] = {"date": datetime.now(UTC).date().isoformat(), "count": chosen.count}
    for spec in chosen.models:
        model = language_model.load(spec, settings().models_dir)
        report[spec] = {
            language: measured(part, model, embedder, chosen.count)
            for language, part in frame.groupby("language")
        }
        print(json.dumps({spec: report[spec]}, ensure_ascii=False), flush=True)
    RESULTS.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
