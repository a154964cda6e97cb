"""The door of this room: lessons in; questions that passed every check, summaries, and the counts out.

Rules propose, the language model may veto, structural checks decide. What fails is not returned, and
nothing is made up to reach the number asked for.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from learnloop import schemas
from learnloop.generate import checks, grammar, questions, summaries
from learnloop.generate.checks import Evidence, Verdict
from learnloop.generate.embeddings import CharacterTfidf, Embedder, Similarities
from learnloop.generate.language_model import LanguageModel
from learnloop.generate.questions import Pool, Question
from learnloop.generate.terms import Lesson, glossary

MIN_WORDS = 40
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
    maker = _Maker(model, questions_per_lesson, seed, pools, similar, main_terms)
    for lesson in asked:
        maker.make(lesson)
        if progress:
            progress(1)
    return maker.result(len(asked))


class _Maker:
    """Collects what is accepted and counts what is not, lesson by lesson."""

    def __init__(
        self,
        model: LanguageModel | None,
        per_lesson: int,
        seed: int,
        pools: Mapping[tuple[str, str], Pool],
        similar: Mapping[str, Similarities],
        main_terms: set[str],
    ) -> None:
        self._model, self._per_lesson, self._seed = model, per_lesson, seed
        self._pools, self._similar, self._main_terms = pools, similar, main_terms
        self._questions: list[dict[str, Any]] = []
        self._summaries: list[dict[str, Any]] = []
        self._rejected: dict[str, Counter[str]] = {"questions": Counter(), "summaries": Counter()}
        self._skipped: Counter[str] = Counter()

    def make(self, lesson: Lesson) -> None:
        if lesson.language not in grammar.LANGUAGES:
            self._skipped["language_without_rules"] += 1
        elif len(lesson.text.split()) < MIN_WORDS:
            self._skipped["too_short"] += 1
        else:
            self._ask(lesson)
            self._summarise(lesson)

    def _ask(self, lesson: Lesson) -> None:
        similarity = self._similar[lesson.language]
        pool = self._pools[lesson.course, lesson.language]
        evidence = Evidence(lesson.text, lesson.language, pool.descriptions, similarity)
        proposals = questions.propose(lesson, pool, similarity, self._seed, self._main_terms)
        sentences: set[int] = set()
        keys: set[str] = set()
        for proposal in proposals:
            if len(keys) == self._per_lesson:
                return
            subject = grammar.normalised(proposal.subject or proposal.key)
            if proposal.sentence.start in sentences or subject in keys:
                continue  # asked already; not a proposal of its own
            found = self._verdicts(proposal, evidence, lesson)
            if found[-1].passed:
                sentences.add(proposal.sentence.start)
                keys.add(subject)
                self._questions.append(self._question_row(proposal, found, lesson))
            else:
                self._rejected["questions"][found[-1].check] += 1

    def _verdicts(self, proposal: Question, evidence: Evidence, lesson: Lesson) -> list[Verdict]:
        """The structural checks', then, where all passed and a model is at hand, its veto."""
        found = checks.verdicts(proposal, evidence)
        if found[-1].passed and self._model is not None and lesson.language in VETO_LANGUAGES:
            found.append(checks.model_agrees(proposal, _passage(proposal, lesson), self._model))
        return found

    def _summarise(self, lesson: Lesson) -> None:
        similarity = self._similar[lesson.language]
        summary = summaries.extract(lesson, similarity)
        reason = summaries.refusal(summary, lesson) if summary else "too_few_sentences"
        if summary is None or reason:
            self._rejected["summaries"][reason] += 1
            return
        self._summaries.append(
            {
                "item_id": lesson.item_id,
                "text": summary.text,
                "source_sha256": _sha256(lesson.text),
                "provenance": {
                    "method": "extractive",
                    "embedder": similarity.name,
                    "spans": [list(span) for span in summary.spans],
                },
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
                "model": self._model.name if self._model and vetoed else None,
                "embedder": self._similar[lesson.language].name,
                "template_version": questions.PROMPT_VERSION,
                "prompt_version": checks.VETO_VERSION if vetoed else None,
                "seed": self._seed,
                "quote_span": [question.sentence.start, question.sentence.end],
                "checks": {verdict.check: verdict.passed for verdict in found},
            },
        }

    def result(self, lessons: int) -> Generated:
        counts = {}
        made = {"questions": self._questions, "summaries": self._summaries}
        wanted = {"questions": lessons * self._per_lesson, "summaries": lessons}
        for name, rows in made.items():
            rejected = dict(sorted(self._rejected[name].items()))
            counts[name] = {
                "requested": wanted[name],
                "proposed": len(rows) + sum(rejected.values()),
                "accepted": len(rows),
                "rejected": rejected,
                "skipped": dict(sorted(self._skipped.items())),
            }
        return Generated(
            _frame(self._questions, schemas.QUESTIONS, "generated questions"),
            _frame(self._summaries, schemas.SUMMARIES, "generated summaries"),
            counts,
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


def _passage(question: Question, lesson: Lesson) -> str:
    """The source sentence with its neighbours, as one line: enough to answer from, short to read."""
    index = lesson.sentences.index(question.sentence)
    around = lesson.sentences[max(0, index - 1) : index + 2]
    return " ".join(" ".join(sentence.text.split()) for sentence in around)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
