"""The door of this room: lessons in; questions that passed every check, summaries, and the counts out.

Rules propose, the language model may veto, structural checks decide. What fails is not returned, and
nothing is made up to reach the number asked for.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from learnloop import schemas
from learnloop.generate import checks, grammar, questions, summaries
from learnloop.generate.checks import Evidence, Verdict
from learnloop.generate.embeddings import CharacterTfidf, Embedder, Similarities
from learnloop.generate.language_model import LanguageModel, one_thread_each
from learnloop.generate.questions import Pool, Question
from learnloop.generate.terms import Lesson, glossary

MIN_WORDS = 40
WORKERS = 2
VETO_LANGUAGES = ("en",)  # the embedded model was trained on English


@dataclass(frozen=True)
class Generated:
    """Frames of schemas.QUESTIONS and schemas.SUMMARIES, and what became of every proposal.

    `counts["questions"]`: `requested` (lessons x questions_per_lesson), `proposed` (examined: accepted
    plus all rejected), `accepted`, `rejected` by the check that failed, `skipped` lessons by reason.
    `counts["summaries"]` has the same fields.
    """

    questions: pd.DataFrame
    summaries: pd.DataFrame
    counts: dict[str, dict[str, Any]]


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
) -> Generated:
    """Questions and summaries of `lessons` (columns item_id, parent_id, title, text, language).

    `concepts` (title) says which terms a course is about; these are asked first. `course_mates` are
    lessons that lend distractors and are not asked about. `embedder` is used for English, character
    n-grams elsewhere or where it is None. `progress(1)` is called after each lesson. Same input, same output.
    """
    asked = _lessons(lessons)
    mates = [lesson for lesson in _lessons(course_mates) if lesson.item_id not in {a.item_id for a in asked}]
    everyone = [lesson for lesson in (*asked, *mates) if lesson.language in grammar.LANGUAGES]
    similar = _similarities(everyone, embedder)
    pools = _pools(everyone, similar)
    main_terms = {grammar.normalised(title) for title in concepts["title"]} if concepts is not None else set()
    examine = _Examiner(model, questions_per_lesson, seed, pools, similar, main_terms)
    outcomes = []
    # A lesson a thread: the arithmetic of a small model keeps one core busy, and nothing is shared.
    with one_thread_each(), ThreadPoolExecutor(WORKERS) as workers:
        for outcome in workers.map(examine, asked):
            outcomes.append(outcome)
            if progress:
                progress(1)
    return _gathered(outcomes, questions_per_lesson)


@dataclass
class _Outcome:
    """What became of one lesson."""

    questions: list[dict[str, Any]] = field(default_factory=list)
    summaries: list[dict[str, Any]] = field(default_factory=list)
    rejected_questions: Counter[str] = field(default_factory=Counter)
    rejected_summaries: Counter[str] = field(default_factory=Counter)
    skipped: str = ""


@dataclass(frozen=True)
class _Examiner:
    """Lesson in, outcome out; holds what all lessons have in common."""

    model: LanguageModel | None
    per_lesson: int
    seed: int
    pools: Mapping[tuple[str, str], Pool]
    similar: Mapping[str, Similarities]
    main_terms: set[str]

    def __call__(self, lesson: Lesson) -> _Outcome:
        if lesson.language not in grammar.LANGUAGES:
            return _Outcome(skipped="language_without_rules")
        if len(lesson.text.split()) < MIN_WORDS:
            return _Outcome(skipped="too_short")
        outcome = _Outcome()
        self._ask(lesson, outcome)
        self._summarise(lesson, outcome)
        return outcome

    def _ask(self, lesson: Lesson, outcome: _Outcome) -> None:
        similarity = self.similar[lesson.language]
        pool = self.pools[lesson.course, lesson.language]
        evidence = Evidence(lesson.text, lesson.language, pool.descriptions, similarity)
        asked: set[object] = set()
        for proposal in questions.propose(lesson, pool, similarity, self.seed, self.main_terms):
            if len(outcome.questions) == self.per_lesson:
                return
            subject = grammar.normalised(proposal.subject or proposal.key)
            if asked & {proposal.sentence.start, subject}:
                continue  # this sentence or term has its question already
            found = self._verdicts(proposal, evidence)
            if found[-1].passed:
                asked |= {proposal.sentence.start, subject}
                outcome.questions.append(self._question_row(proposal, found, lesson))
            else:
                outcome.rejected_questions[found[-1].check] += 1

    def _verdicts(self, proposal: Question, evidence: Evidence) -> list[Verdict]:
        """The structural checks', then, where all passed and a model is at hand, its veto."""
        found = checks.verdicts(proposal, evidence)
        if found[-1].passed and self.model is not None and proposal.language in VETO_LANGUAGES:
            found.append(checks.model_agrees(proposal, self.model))
        return found

    def _summarise(self, lesson: Lesson, outcome: _Outcome) -> None:
        similarity = self.similar[lesson.language]
        summary = summaries.extract(lesson, similarity)
        reason = summaries.refusal(summary, lesson) if summary else "too_few_sentences"
        if summary is None or reason:
            outcome.rejected_summaries[reason] += 1
            return
        provenance = {
            "method": "extractive",
            "embedder": similarity.name,
            "spans": [list(span) for span in summary.spans],
        }
        outcome.summaries.append(
            {
                "item_id": lesson.item_id,
                "text": summary.text,
                "source_sha256": _sha256(lesson.text),
                "provenance": provenance,
            }
        )

    def _question_row(self, question: Question, found: Sequence[Verdict], lesson: Lesson) -> dict[str, Any]:
        vetoed = any(verdict.check == "model_agrees" for verdict in found)
        return {
            "question_id": question.question_id,
            "item_id": question.item_id,
            "kind": question.kind,
            "stem": question.stem,
            "key": question.key,
            "options": list(question.options),
            "quote": question.sentence.text,
            "span_start": question.start,
            "span_end": question.end,
            "source_sha256": _sha256(lesson.text),
            "language": question.language,
            "origin": "generated",
            "provenance": {
                "form": question.form,
                "model": self.model.name if self.model and vetoed else None,
                "embedder": self.similar[lesson.language].name,
                "template_version": questions.TEMPLATE_VERSION,
                "prompt_version": checks.VETO_VERSION if vetoed else None,
                "seed": self.seed,
                "quote_span": [question.sentence.start, question.sentence.end],
                "checks": {verdict.check: verdict.passed for verdict in found},
            },
        }


def _gathered(outcomes: Sequence[_Outcome], per_lesson: int) -> Generated:
    asked = [row for outcome in outcomes for row in outcome.questions]
    summed = [row for outcome in outcomes for row in outcome.summaries]
    skipped = Counter(outcome.skipped for outcome in outcomes if outcome.skipped)

    def counts(requested: int, accepted: int, rejected: Counter[str]) -> dict[str, Any]:
        return {
            "requested": requested,
            "proposed": accepted + rejected.total(),
            "accepted": accepted,
            "rejected": dict(sorted(rejected.items())),
            "skipped": dict(sorted(skipped.items())),
        }

    refused = sum((outcome.rejected_questions for outcome in outcomes), Counter[str]())
    refused_summaries = sum((outcome.rejected_summaries for outcome in outcomes), Counter[str]())
    return Generated(
        _frame(asked, schemas.QUESTIONS, "generated questions"),
        _frame(summed, schemas.SUMMARIES, "generated summaries"),
        {
            "questions": counts(len(outcomes) * per_lesson, len(asked), refused),
            "summaries": counts(len(outcomes), len(summed), refused_summaries),
        },
    )


def _frame(rows: list[dict[str, Any]], contract: Any, door: str) -> pd.DataFrame:
    return schemas.check(pd.DataFrame(rows), contract, door) if rows else schemas.empty(contract)


def _lessons(frame: pd.DataFrame | None) -> list[Lesson]:
    if frame is None:
        return []
    found = []
    for row in frame.to_dict("records"):
        parent = row.get("parent_id")
        course = str(parent) if isinstance(parent, str) else str(row["item_id"]).split(":")[0]
        found.append(Lesson.of(row["item_id"], course, row["title"], row["text"], row["language"]))
    return sorted(found, key=lambda lesson: lesson.item_id)


def _similarities(lessons: Sequence[Lesson], embedder: Embedder | None) -> dict[str, Similarities]:
    """language -> cosines; the n-grams are fitted on that language's sentences."""
    by_language: dict[str, list[Lesson]] = defaultdict(list)
    for lesson in lessons:
        by_language[lesson.language].append(lesson)
    return {
        language: Similarities(
            embedder
            if embedder is not None and language == "en"
            else CharacterTfidf([s.text for lesson in members for s in lesson.sentences])
        )
        for language, members in by_language.items()
    }


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


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
