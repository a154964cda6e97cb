"""The door of this room: lessons in; questions that passed every check, summaries, and the counts out.

Rules propose, the language model may veto, structural checks decide. What fails is not returned, and
nothing is made up to reach the number asked for.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pandas as pd

from learnloop import schemas
from learnloop.generate import embeddings, grammar
from learnloop.generate.embeddings import Embedder, Similarities
from learnloop.generate.examine import Examiner, Outcome, Proposer, Row, Tally
from learnloop.generate.language_model import LanguageModel, one_thread_each
from learnloop.generate.lessons import lesson_of
from learnloop.generate.questions import Pool
from learnloop.generate.terms import Lesson, glossary

WORKERS = 2
CHOICES = ("multiple_choice", "cloze")


@dataclass(frozen=True)
class Generated:
    """Frames of schemas.QUESTIONS and schemas.SUMMARIES, and what became of every proposal.

    `counts["questions"]`: `requested` (lessons x questions_per_lesson), `proposed` (examined: accepted
    plus all rejected), `accepted`, `rejected` by the check that failed, `skipped` lessons by reason, the
    `sentences` read and why they were set aside before anything was proposed, and the accounts of proposals
    `by_kind` and `by_language`. `counts["summaries"]` has the first five. `stopped`,
    where it is there: why the run ended early, in words; lessons it did not come to are skipped as `stopped`.
    `embedders`: language -> name of what compared its texts.
    """

    questions: pd.DataFrame
    summaries: pd.DataFrame
    counts: dict[str, dict[str, Any]]
    embedders: dict[str, str]


def generate(
    lessons: pd.DataFrame,
    concepts: pd.DataFrame | None = None,
    *,
    model: LanguageModel | None,
    embedder: Embedder | None,
    questions_per_lesson: int = 3,
    seed: int = 0,
    progress: Callable[[float], Any] | None = None,
    course_mates: pd.DataFrame | None = None,
    kinds: Collection[str] = CHOICES,
    proposer: Proposer | None = None,
    reading_level: Callable[[str, str], float] | None = None,
    summarise: bool = True,
) -> Generated:
    """Questions and summaries of `lessons` (columns item_id, parent_id, title, text, language).

    `lessons` may have `licence` and `concept_ids` (a list), which their questions take over. `concepts`
    (title) says which terms a course is about; these are asked first. `course_mates` are lessons that lend
    distractors and are not asked about. `embedder` is used for the languages it knows, character n-grams
    elsewhere or where it is None. `model` may veto in its `languages`. `proposer` words questions whose key
    the rules chose. `reading_level(text, language)`: years of school. `progress(1)` is called after each
    lesson. Same input, same output.

    Where the model's budget is spent, or the model goes away, what was made before is returned and
    `counts["questions"]["stopped"]` says why. Raises that error (BudgetSpent, ModelUnavailable) where nothing
    was made.
    """
    asked = _lessons(lessons)
    mates = [lesson for lesson in _lessons(course_mates) if lesson.item_id not in {a.item_id for a in asked}]
    everyone = [lesson for lesson in (*asked, *mates) if lesson.language in grammar.LANGUAGES]
    similar = _similarities(everyone, embedder)
    examine = Examiner(
        scorer=model,
        model_name=model.name if model else None,
        per_lesson=questions_per_lesson,
        seed=seed,
        kinds=kinds,
        pools=_pools(everyone, similar),
        similar=similar,
        main_terms={grammar.normalised(t) for t in concepts["title"]} if concepts is not None else set(),
        rows={str(row["item_id"]): _row(row) for row in lessons.to_dict("records")},
        proposer=proposer,
        reading_level=reading_level,
        summarise=summarise,
        veto_languages=model.languages if model is not None else (),
    )
    outcomes = []
    # A lesson a thread: the arithmetic of a small model keeps one core busy, and nothing is shared.
    with one_thread_each(), ThreadPoolExecutor(WORKERS) as workers:
        for outcome in workers.map(examine, asked):
            outcomes.append(outcome)
            if progress:
                progress(1)
    _refuse_nothing(outcomes)
    names = {language: cosines.name for language, cosines in similar.items()}
    return _gathered(outcomes, questions_per_lesson, names)


def _row(row: Mapping[Any, Any]) -> Row:
    licence, concepts = row.get("licence"), row.get("concept_ids")
    return Row(
        licence if isinstance(licence, str) and licence else None,
        tuple(concepts) if isinstance(concepts, list | tuple) else None,
        str(row["text"]),
    )


def _refuse_nothing(outcomes: Sequence[Outcome]) -> None:
    """Of a run that was stopped, having nothing to return is an error like any other."""
    stopped = next((outcome.stopped for outcome in outcomes if outcome.stopped), None)
    if stopped is not None and not any(outcome.questions or outcome.summaries for outcome in outcomes):
        raise stopped


def _gathered(outcomes: Sequence[Outcome], per_lesson: int, embedders: dict[str, str]) -> Generated:
    asked = [row for outcome in outcomes for row in outcome.questions]
    summed = [row for outcome in outcomes for row in outcome.summaries]
    skipped = Counter(outcome.skipped for outcome in outcomes if outcome.skipped)
    told = [
        (outcome.language, kind, tally) for outcome in outcomes for kind, tally in outcome.tallies.items()
    ]
    refused = sum((tally.rejected for _, _, tally in told), Counter[str]())
    refused_summaries = sum((outcome.rejected_summaries for outcome in outcomes), Counter[str]())
    requested = {"requested": len(outcomes) * per_lesson}
    ends = [str(outcome.stopped) for outcome in outcomes if outcome.stopped]
    stopped = {"stopped": ends[0]} if ends else {}
    return Generated(
        _frame(asked, schemas.QUESTIONS, "generated questions"),
        _frame(summed, schemas.SUMMARIES, "generated summaries"),
        {
            "questions": requested
            | _accounts(len(asked), refused)
            | {"skipped": dict(sorted(skipped.items()))}
            | {"sentences": _sentences(outcomes)}
            | {"by_kind": _parted([(kind, tally) for _, kind, tally in told])}
            | {"by_language": _parted([(language, tally) for language, _, tally in told])}
            | stopped,
            "summaries": {"requested": len(outcomes)}
            | _accounts(len(summed), refused_summaries)
            | {"skipped": dict(sorted(skipped.items()))},
        },
        embedders,
    )


def _sentences(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """How many were read, how many stand alone, and why the others do not (`standing.objection`)."""
    read = sum((outcome.sentences for outcome in outcomes), Counter[str]())
    aside = {reason: count for reason, count in sorted(read.items()) if reason}
    return {"read": read.total(), "stand_alone": read[""], "set_aside": aside}


def _accounts(accepted: int, rejected: Counter[str]) -> dict[str, Any]:
    return {
        "proposed": accepted + rejected.total(),
        "accepted": accepted,
        "rejected": dict(sorted(rejected.items())),
    }


def _parted(tallies: Sequence[tuple[str, Tally]]) -> dict[str, dict[str, Any]]:
    """`_accounts` for each first part of `tallies`."""
    names = sorted({name for name, _ in tallies})
    of = {name: [tally for other, tally in tallies if other == name] for name in names}
    return {
        name: _accounts(
            sum(tally.accepted for tally in members),
            sum((tally.rejected for tally in members), Counter[str]()),
        )
        for name, members in of.items()
    }


def _frame(rows: list[dict[str, Any]], contract: Any, door: str) -> pd.DataFrame:
    return schemas.check(pd.DataFrame(rows), contract, door) if rows else schemas.empty(contract)


def _lessons(frame: pd.DataFrame | None) -> list[Lesson]:
    rows = [] if frame is None else frame.to_dict("records")
    return sorted(map(lesson_of, rows), key=lambda lesson: lesson.item_id)


def _similarities(lessons: Sequence[Lesson], embedder: Embedder | None) -> dict[str, Similarities]:
    """language -> cosines; the n-grams are fitted on that language's sentences."""
    corpora: dict[str, list[str]] = defaultdict(list)
    for lesson in lessons:
        corpora[lesson.language] += [sentence.text for sentence in lesson.sentences]
    return embeddings.by_language(corpora, embedder)


def _pools(lessons: Sequence[Lesson], similar: Mapping[str, Similarities]) -> dict[tuple[str, str], Pool]:
    """What each course lends in each language, and every text the rules compare embedded in one batch."""
    by_course: dict[tuple[str, str], list[Lesson]] = defaultdict(list)
    texts: dict[str, list[str]] = defaultdict(list)
    for lesson in lessons:
        by_course[lesson.course, lesson.language].append(lesson)
        texts[lesson.language] += [lesson.title, *(sentence.text for sentence in lesson.sentences)]
    pools = {}
    for (course, language), members in by_course.items():
        terms = glossary(members).get(course, [])
        pool = pools[course, language] = Pool.of(members, terms)
        texts[language] += [term.name for term in terms] + list(pool.descriptions.values())
    for language, known in texts.items():
        similar[language].prepare(known)
    return pools
