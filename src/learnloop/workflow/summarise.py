"""generate summaries: one text or stored lesson in, sentences that stand for it out, each with its place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from learnloop.assess.reading_level import years_or_nan
from learnloop.errors import BadInput, NothingToDo
from learnloop.generate import rewriting, summaries
from learnloop.generate.embeddings import Similarities, by_language
from learnloop.generate.lessons import lesson_of
from learnloop.generate.summaries import Wanted
from learnloop.generate.terms import Lesson
from learnloop.workflow import language_models
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop
from learnloop.workflow.generate_questions import of_file, of_item


def summary(
    loop: Loop,
    *,
    text: Path | None = None,
    item_id: str = "",
    sentences: int | None = None,
    words: int | None = None,
    level: float | None = None,
    rewrite: bool = False,
    language: str = "",
) -> dict[str, Any]:
    """The summary of a file's text (or of a lesson), its sentences with their spans, and what was refused.

    Nothing is stored. `level` in years of school; `rewrite` lets the model say sentences more plainly where
    every claim survives. Raises BadInput (an option, a text), NothingToDo where no sentence can stand alone.
    """
    if (text is None) == (not item_id):
        raise BadInput("one text is summed up", "learnloop generate summaries --text lesson.txt")
    wanted = Wanted.of(sentences, words, level)
    rows = of_file(text, language)[0] if text is not None else of_item(loop, item_id, language)[0]
    row = rows.to_dict("records")[0]
    lesson = lesson_of(row)
    with step("loaded the language models"):
        models = language_models.load(loop.settings, propose=rewrite, verify=False)
    corpus = {lesson.language: [sentence.text for sentence in lesson.sentences] or [lesson.title]}
    similarity = by_language(corpus, models.embedder)[lesson.language]
    found = extracted(lesson, str(row["text"]), similarity, wanted)
    told: dict[str, Any] = {
        "item_id": lesson.item_id,
        "language": lesson.language,
        "method": "extractive",
        "embedder": similarity.name,
        "requested": {"sentences": sentences, "words": words, "level": level},
        "text": found.text,
        "sentences": [
            {"text": " ".join(sentence.split()), "span": list(span)}
            for sentence, span in zip(found.sentences, found.spans, strict=True)
        ],
    }
    if rewrite:
        told |= _rewritten(told["sentences"], lesson.language, models, similarity)
    return told | {
        "words": len(told["text"].split()),
        "reading_level": _rounded(years_or_nan(told["text"], lesson.language)),
        "reading_level_of_the_text": _rounded(years_or_nan(lesson.text, lesson.language)),
    }


def extracted(lesson: Lesson, original: str, similarity: Similarities, wanted: Wanted) -> summaries.Summary:
    """A summary that nothing speaks against, its spans in `original`. Raises NothingToDo."""
    level: Callable[[str], float] | None = None
    if wanted.level is not None:

        def level(text: str) -> float:
            return years_or_nan(text, lesson.language)

    found = summaries.extract(lesson, similarity, wanted, reading_level=level)
    reason = summaries.refusal(found, lesson, wanted) if found else "too_few_sentences"
    placed = summaries.placed(found, original) if found and not reason else None
    if placed is None:
        raise NothingToDo(
            f"no summary of {lesson.item_id} stands ({reason or 'verbatim'})", "give a text with more prose"
        )
    return placed


def _rewritten(
    sentences: list[dict[str, Any]], language: str, models: Any, similarity: Similarities
) -> dict[str, Any]:
    """The text with what the model said better, and how many of its sentences survived and why not."""
    if models.proposer is None:
        raise BadInput(
            "there is no language model to rewrite with", "export LEARNLOOP_LLM=embedded", "rewrite"
        )
    with step("asked the model for plainer sentences, and checked them"):
        made = rewriting.rewrite([one["text"] for one in sentences], language, models.proposer, similarity)
    rows = [
        one | {"text": new.text, "source": new.source, "rewritten": not new.reason}
        | ({"refused": new.reason} if new.reason else {})
        for one, new in zip(sentences, made.sentences, strict=True)
    ]  # fmt: skip
    return {
        "method": "rewritten" if made.counts["survived"] else "extractive",
        "model": models.proposer.name,
        "prompt_version": rewriting.REWRITE_VERSION,
        "text": " ".join(row["text"] for row in rows),
        "sentences": rows,
        "rewriting": made.counts,
    }


def _rounded(years: float) -> float | None:
    return None if years != years else round(years, 1)
