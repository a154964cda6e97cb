"""One job in a process of its own, `python -m learnloop.serve.generation_worker`: lessons in, drafts out.

What it needs comes by stdin, for the environment and the command line are read by others:

    {"settings": {"home": "…", "llm": "embedded", …}, "database_url": "postgresql://…",
     "generation_id": "0b7c…", "worker": "77ab…"}

It is nice and has one thread of arithmetic, so that the API beside it answers as before. It ends without a
word where the job is not its own any more, or where the API that started it is gone.
"""

import hashlib
import json
import logging
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pandas as pd
import sqlalchemy as sa

from learnloop.assess.reading_level import years_or_nan
from learnloop.errors import BadInput, LearnloopError, NothingToDo
from learnloop.settings import Settings, remote_access
from learnloop.store import database, generations, reading

log = logging.getLogger("learnloop.serve")

NICE = 15
BEAT_SECONDS = 2.0
LOST = 3  # the exit code of a process whose job is another's, or whose API is gone


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    given = json.load(sys.stdin)
    os.nice(NICE)
    engine = database.connect(given["database_url"], pool_size=2)
    job, worker = UUID(given["generation_id"]), UUID(given["worker"])
    progress = Progress()
    threading.Thread(target=_beat, args=(engine, job, worker, progress, os.getppid()), daemon=True).start()
    try:
        made, counts = _make(engine, _settings(given["settings"]), job, progress)
        progress.over.set()
        generations.finish(engine, job, worker, made, counts)
    except LearnloopError as error:
        progress.over.set()
        generations.fail(engine, job, worker, str(error))
    except Exception as error:
        progress.over.set()
        log.exception("generation %s", job)
        generations.fail(engine, job, worker, f"unexpected {type(error).__name__}; the API's log says more")
    engine.dispose()
    return 0


def as_json(settings: Settings) -> dict[str, Any]:
    """Every setting as JSON has it; `_settings` is the way back."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in vars(settings).items()}


def _settings(given: Mapping[str, Any]) -> Settings:
    paths = {"home"} | {name for name in given if name.endswith("_file")}
    values: dict[str, Any] = {
        name: Path(value) if name in paths and value else value for name, value in given.items()
    }
    return Settings(**values)


class Progress:
    """Lessons done of all, from the threads that do them."""

    def __init__(self) -> None:
        self.total, self.done = 1, 0.0
        self.over = threading.Event()  # all that is left is to say so
        self._turn = threading.Lock()

    def advance(self, amount: float = 1) -> None:
        with self._turn:
            self.done += amount

    @property
    def share(self) -> float:
        return min(1.0, self.done / self.total)


def _beat(engine: sa.Engine, job: UUID, worker: UUID, progress: Progress, parent: int) -> None:
    """Says that this process lives, and ends it at once where nobody waits for it any more."""
    while not progress.over.wait(BEAT_SECONDS):
        try:
            own = generations.beat(engine, job, worker, progress.share)
        except sa.exc.SQLAlchemyError:
            own = True  # the database is away for a moment; where it stays away, others judge
        if (not own and not progress.over.is_set()) or os.getppid() != parent:
            os._exit(LOST)


def _make(
    engine: sa.Engine, settings: Settings, job: UUID, progress: Progress
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """QUESTIONS that passed every check, and what became of the others."""
    import torch

    from learnloop.generate import embeddings, kinds, language_model, pipeline, proposer
    from learnloop.generate.language_model import Access

    torch.set_num_threads(1)
    request = generations.get(engine, job)["request"]
    lessons = _text_as_lesson(request) if "text" in request else _lessons(engine, request)
    mates = reading.items(engine, kinds=["lesson"], parents=lessons["parent_id"].dropna().tolist())
    progress.total = len(lessons)
    made = pipeline.generate(
        lessons,
        reading.concepts(engine),
        model=language_model.load(
            settings.verifier_llm,
            settings.models_dir,
            Access.within(**remote_access(settings)),
            settings.llm_precision,
        ),
        embedder=embeddings.load(settings.embedder),
        questions_per_lesson=request["count"],
        seed=request["seed"],
        course_mates=mates[mates["text"] != ""],
        kinds=kinds.named(",".join(request["kinds"])),
        reading_level=years_or_nan,
        summarise=False,
        progress=progress.advance,
        proposer=proposer.chosen(
            settings.question_adapter,
            settings.models_dir,
            lambda: language_model.load(settings.proposer_llm, settings.models_dir),
        ),
    )
    return made.questions, made.counts["questions"]


def _lessons(engine: sa.Engine, request: Mapping[str, Any]) -> pd.DataFrame:
    """The items asked for that have a text, in the language asked for, with the concepts they teach."""
    items = reading.items(engine, ids=request["item_ids"])
    items = items[items["text"] != ""]
    if request["language"]:
        items = items[items["language"] == request["language"]]
    if items.empty:
        raise NothingToDo("none of these items has a text in that language", "learnloop prepare")
    taught = reading.item_concepts(engine).groupby("item_id")["concept_id"].agg(list).to_dict()
    return items.assign(concept_ids=[sorted(taught.get(item_id, [])) for item_id in items["item_id"]])


def _text_as_lesson(request: Mapping[str, Any]) -> pd.DataFrame:
    """A text of the caller's own: its questions are of the item `text:…`, which is no item to recommend.

    Raises BadInput where its language is not clear, or has no rules.
    """
    from learnloop.generate import grammar, sanitise
    from learnloop.prepare.language import detect

    text = sanitise.clean(request["text"]).text
    language = request["language"] or detect(text)
    if language not in grammar.LANGUAGES:
        known = ", ".join(grammar.LANGUAGES)
        raise BadInput(f"the text is in none of {known}, as far as one can see", "say its language")
    row = {"item_id": item_of(text), "parent_id": None, "title": request["title"], "text": text}
    row |= {"language": language, "licence": request["licence"]}
    return pd.DataFrame([row])


def item_of(text: str) -> str:
    """The item_id of a text that is no item: the same text, the same questions."""
    return f"text:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


if __name__ == "__main__":
    sys.exit(main())
