"""One lesson in, its questions and summary out, with what became of every proposal.

The order: sanitised text -> language -> proposals by rule (key, schema) -> the checks of the kind, first to
last -> the language model's veto -> the level of the lesson: no fact twice, as many true statements as false.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from learnloop.errors import LearnloopError, ModelUnavailable
from learnloop.generate import (
    checks,
    grammar,
    kinds,
    priors,
    questions,
    sanitise,
    set_checks,
    standing,
    summaries,
    wording,
)
from learnloop.generate.budget import BudgetSpent
from learnloop.generate.checks import Evidence, Scorer, Verdict
from learnloop.generate.embeddings import Similarities
from learnloop.generate.questions import Pool, Question, Source
from learnloop.generate.terms import Lesson

MIN_WORDS = 40
BALANCE = 1  # true statements beyond the false ones of a lesson, or false beyond true


class Proposer(Protocol):
    """Writes the question that a key of a passage answers."""

    name: str

    def stems(self, passages: Sequence[str], keys: Sequence[str], language: str) -> list[str]:
        """A question a pair, "" where it has none."""
        ...


@dataclass
class Tally:
    """What became of the proposals of one kind in one language."""

    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


@dataclass
class Outcome:
    """What became of one lesson; `tallies` by kind, `sentences` by why they cannot be asked about."""

    language: str = ""
    questions: list[dict[str, Any]] = field(default_factory=list)
    summaries: list[dict[str, Any]] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=dict)
    sentences: Counter[str] = field(default_factory=Counter)  # by objection, "" where there is none
    rejected_summaries: Counter[str] = field(default_factory=Counter)
    skipped: str = ""
    stopped: LearnloopError | None = None  # why its questions end before all was tried


@dataclass(frozen=True)
class Row:
    """What the caller knows of a lesson beside its text: it goes into its questions."""

    licence: str | None = None
    concept_ids: tuple[str, ...] | None = None
    original: str = ""  # the text as it came; spans refer to it


@dataclass(frozen=True)
class Examiner:
    """Lesson in, outcome out; holds what all lessons have in common."""

    scorer: Scorer | None
    model_name: str | None
    per_lesson: int
    seed: int
    kinds: Collection[str]
    pools: Mapping[tuple[str, str], Pool]
    similar: Mapping[str, Similarities]
    main_terms: Collection[str]
    rows: Mapping[str, Row]
    proposer: Proposer | None = None
    reading_level: Callable[[str, str], float] | None = None
    summarise: bool = True
    veto_languages: Collection[str] = ()  # () for all
    ended: threading.Event = field(default_factory=threading.Event)  # no model any more: no lesson is begun

    def __call__(self, lesson: Lesson) -> Outcome:
        if lesson.language not in grammar.LANGUAGES:
            return Outcome(lesson.language, skipped="language_without_rules")
        if len(lesson.text.split()) < MIN_WORDS:
            return Outcome(lesson.language, skipped="too_short")
        if grammar.likely_language(lesson.text) != lesson.language:
            return Outcome(lesson.language, skipped="other_language")
        if self.ended.is_set():
            return Outcome(lesson.language, skipped="stopped")
        outcome = Outcome(lesson.language)
        outcome.sentences.update(standing.objection(sentence, lesson) for sentence in lesson.sentences)
        try:
            self._ask(lesson, outcome)
        except (BudgetSpent, ModelUnavailable) as error:
            outcome.stopped = error
            self.ended.set()
        self._settle(outcome)
        if self.summarise:
            self._summarise(lesson, outcome)
        return outcome

    def _ask(self, lesson: Lesson, outcome: Outcome) -> None:
        pool = self.pools[lesson.course, lesson.language]
        source = Source(lesson, pool, self.similar[lesson.language], self.seed)
        evidence = Evidence(
            lesson.text, lesson.language, pool.descriptions, source.similarity, title=lesson.title
        )
        queues = {kind: iter(queue) for kind, queue in self._queues(source).items()}
        taken, truths = set[object](), Counter[str]()
        while queues and len(outcome.questions) < self.per_lesson:
            for kind, queue in list(queues.items()):  # the kinds in turn, each gives its next that stands
                if len(outcome.questions) < self.per_lesson and not self._next(
                    queue, evidence, source, taken, truths, outcome
                ):
                    del queues[kind]

    def _settle(self, outcome: Outcome) -> None:
        """The level of the set: what asks again for what another question asks goes back."""
        chosen = set_checks.choose(outcome.questions, self.per_lesson).rows
        kept = {row["question_id"] for row in chosen}
        for row in outcome.questions:
            if row["question_id"] not in kept:
                outcome.tallies[row["kind"]].accepted -= 1
                outcome.tallies[row["kind"]].rejected["set_level"] += 1
        outcome.questions = [row for row in outcome.questions if row["question_id"] in kept]

    def _next(
        self,
        queue: Iterator[Question],
        evidence: Evidence,
        source: Source,
        taken: set[object],
        truths: Counter[str],
        outcome: Outcome,
    ) -> bool:
        """Takes the first of `queue` that asks something new and passes; False where none is left."""
        for proposal in queue:
            facts = _facts(proposal, source.lesson)
            if taken & facts or truths[proposal.key] - truths[_OTHER.get(proposal.key, "")] >= BALANCE:
                continue  # this sentence or term has its question already
            tally = outcome.tallies.setdefault(proposal.kind, Tally())
            found = self._verdicts(proposal, evidence)
            placed = self._placed(proposal, source.lesson) if found[-1].passed else None
            if placed is None:
                tally.rejected[found[-1].check if not found[-1].passed else "sanitised"] += 1
                continue
            taken |= facts
            tally.accepted += 1
            truths[proposal.key] += proposal.kind == "true_false"
            outcome.questions.append(self._row(placed, found, source))
            return True
        return False

    def _queues(self, source: Source) -> dict[str, list[Question]]:
        """By rule; before each of those that a proposer can word better, its wording."""
        queues = kinds.queues(source, self.kinds, self.main_terms)
        if self.proposer is None:
            return queues
        asked = [q for queue in queues.values() for q in queue if (q.kind, q.form) in _WORDED]
        passages = [_passage(source.lesson, question) for question in asked]
        stems = self.proposer.stems(passages, [q.verbatim for q in asked], source.language)
        written = {
            id(question): worded(question, stem, self.proposer.name)
            for question, stem in zip(asked, stems, strict=True)
            if stem
        }
        return {
            kind: [q for rule in queue for q in (written.get(id(rule)), rule) if q is not None]
            for kind, queue in queues.items()
        }

    def _verdicts(self, proposal: Question, evidence: Evidence) -> list[Verdict]:
        """The structural checks', then, where all passed and a model is at hand, its veto."""
        found = checks.verdicts(proposal, evidence)
        asked = not self.veto_languages or proposal.language in self.veto_languages
        wanted = self.scorer is not None and asked and bool(proposal.distractors)
        if self.scorer is not None and wanted and found[-1].passed:
            found.append(checks.model_agrees(proposal, self.scorer))
            if found[-1].passed:
                found.append(checks.text_helps(proposal, self.scorer))
        return found

    def _placed(self, question: Question, lesson: Lesson) -> Question | None:
        """`question` with its spans in the text as it came; None where the quote is not there once."""
        original = self.rows[lesson.item_id].original
        if original == lesson.text:
            return question
        quote = question.sentence.text
        if original.count(quote) != 1 or original.count(question.verbatim) < 1:
            return None
        start = original.index(quote)
        place = original.find(question.verbatim, start)
        if question.sentence.start <= question.start < question.sentence.end:
            place = start + question.start - question.sentence.start
        if original[place : place + len(question.verbatim)] != question.verbatim:
            return None
        moved = replace(question.sentence, start=start, end=start + len(quote))
        return replace(question, sentence=moved, start=place, end=place + len(question.verbatim))

    def _summarise(self, lesson: Lesson, outcome: Outcome) -> None:
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
                "source_sha256": _sha256(self.rows[lesson.item_id].original),
                "provenance": provenance,
            }
        )

    def _row(self, question: Question, found: Sequence[Verdict], source: Source) -> dict[str, Any]:
        """A row of schemas.QUESTIONS."""
        vetoed = any(verdict.check == "model_agrees" for verdict in found)
        lesson, row = source.lesson, self.rows[question.item_id]
        level = self.reading_level
        read = " ".join([wording.without_hint(question.stem), *question.options])
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
            "source_sha256": _sha256(row.original),
            "language": question.language,
            "origin": "generated",
            "answer": dict(question.answer),
            "aliases": list(question.aliases),
            "notes": [dict(note) for note in question.notes],
            "concept_ids": list(row.concept_ids) if row.concept_ids is not None else None,
            "bloom": question.bloom,
            "difficulty": priors.difficulty(question, lesson.text, source.similarity),
            "reading_level": level(read, question.language) if level else None,
            "licence": row.licence,
            "checks": {v.check: {"passed": v.passed, "detail": v.detail} for v in found},
            "provenance": {
                "form": question.form,
                "model": self.model_name if vetoed else None,
                "proposer": question.proposer or None,
                "embedder": self.similar[lesson.language].name,
                "template_version": questions.TEMPLATE_VERSION,
                "prompt_version": checks.VETO_VERSION if vetoed else None,
                "seed": self.seed,
                "quote_span": [question.sentence.start, question.sentence.end],
                "checks": {verdict.check: verdict.passed for verdict in found},
            },
        }


_WORDED = {("multiple_choice", "term"), ("short_answer", "term"), ("short_answer", "number")}
_OTHER = {"true": "false", "false": "true"}


def worded(question: Question, stem: str, proposer: str) -> Question:
    """`question` in a proposer's words; how its key begins is said behind them."""
    shown = f"{stem} {hint}" if (hint := wording.hint_of(question.stem)) else stem
    return replace(question, stem=shown, body=stem, proposer=proposer)


def _facts(question: Question, lesson: Lesson) -> set[object]:
    """What a question tells or asks: its sentence and its term; of matching and ordering, every one."""
    if question.kind == "matching":
        return {grammar.normalised(str(left)) for left, _ in question.answer["pairs"]}
    if question.kind == "ordering":
        places = [lesson.text.find(str(step), question.start) for step in question.answer["order"]]
        return {s.start for s in lesson.sentences for place in places if s.start <= place < s.end}
    return {question.sentence.start, grammar.normalised(question.subject or question.key)} - {"true", "false"}


def _passage(lesson: Lesson, question: Question) -> str:
    """The sentence of the key and those beside it in its paragraph."""
    place = lesson.sentences.index(question.sentence)
    near = lesson.sentences[max(0, place - 1) : place + 2]
    return " ".join(s.text for s in near if s.paragraph == question.sentence.paragraph)


def cleaned(text: str) -> str:
    """`text` without what no reader sees."""
    return sanitise.clean(text).text


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
