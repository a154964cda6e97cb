"""generate: lessons in, checked questions and summaries out, with what was refused and why."""

from typing import Any

from learnloop.assess.reading_level import years_or_nan
from learnloop.errors import NothingToDo, UnknownThing
from learnloop.evaluate.text import text_metrics
from learnloop.generate import pipeline
from learnloop.generate.kinds import named
from learnloop.store import loading, reading
from learnloop.workflow import candidate, finetune, language_models
from learnloop.workflow.console import bar, step
from learnloop.workflow.context import Loop

KINDS = "mc,cloze,true_false,ordering,matching"  # a short answer may have to wait for a teacher


def generate(
    loop: Loop,
    *,
    questions_per_lesson: int = 3,
    item_ids: list[str] | None = None,
    kinds: str = KINDS,
    seed: int = 0,
) -> dict[str, Any]:
    """Questions and summaries of every lesson that has text (or of `item_ids`), replacing none by nothing.

    A home without lesson text has nothing to generate from; its authored questions, if any, serve.
    """
    wanted = named(kinds)
    items = reading.items(loop.engine)
    taught = reading.item_concepts(loop.engine).groupby("item_id")["concept_id"].agg(list).to_dict()
    items = items.assign(concept_ids=[sorted(taught.get(item_id, [])) for item_id in items["item_id"]])
    lessons = items[(items["kind"] == "lesson") & (items["text"] != "")]
    everything = lessons
    if item_ids:
        if strangers := sorted(set(item_ids) - set(lessons["item_id"])):
            raise UnknownThing(f"there is no lesson {strangers[0]!r} with text", "learnloop prepare")
        lessons = lessons[lessons["item_id"].isin(item_ids)]
    authored = int((reading.questions(loop.engine)["origin"] == "authored").sum())
    if lessons.empty:
        return {"lessons": 0, "authored_questions": authored, "questions": {}, "summaries": {}, "text": {}}
    with step("loaded the language models"):
        models = language_models.load(loop.settings, propose=False)
    with bar(f"proposed and checked questions for {len(lessons)} lessons", len(lessons)) as advance:
        made = pipeline.generate(
            lessons,
            reading.concepts(loop.engine),
            model=models.verifier,
            embedder=models.embedder,
            proposer=finetune.writer(loop.settings),
            questions_per_lesson=questions_per_lesson,
            seed=seed,
            kinds=wanted,
            reading_level=years_or_nan,
            course_mates=everything,
            progress=advance,
        )
    loaded = {
        "questions": loading.load(loop.engine, "questions", made.questions),
        "summaries": loading.load(loop.engine, "summaries", made.summaries),
    }
    text = _text_quality(lessons, made.summaries)
    _log(loop, {"counts": made.counts, "text": text})
    return {
        "lessons": len(lessons),
        "authored_questions": authored,
        **made.counts,
        "models": models.names,
        "embedder": made.embedders,
        "text": text,
        "changes": {table: vars(result) for table, result in loaded.items()},
    }


def _text_quality(lessons: Any, summaries: Any) -> dict[str, Any]:
    """Summaries against the authors' own abstracts, beside the copy baseline; {} where there are none."""
    both = summaries.merge(lessons[["item_id", "abstract", "text"]], on="item_id", suffixes=("", "_source"))
    both = both[both["abstract"].notna()]
    if both.empty:
        return {}
    return text_metrics(both["text"].tolist(), both["abstract"].tolist(), both["text_source"].tolist())


def _log(loop: Loop, report: dict[str, Any]) -> None:
    """Into the candidate's run where there is one: language is measured beside the models it serves with."""
    try:
        kept = candidate.latest(loop.settings)
    except NothingToDo:
        return
    kept.with_metrics("language", report)
    run = loop.registry.resume(kept.run_id)
    run.document(report, "language.json")
    run.metrics(
        {
            f"text_{model}_{name}": value["value"] if isinstance(value, dict) else value
            for model, scores in report["text"].items()
            if isinstance(scores, dict)
            for name, value in scores.items()
            if isinstance(value, (int, float)) or (isinstance(value, dict) and "value" in value)
        }
    )
