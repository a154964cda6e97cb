"""Lessons and a proposer in; how many of a hundred of its questions the checks accept, and why not, out.

The keys are the rules' own (terms and figures as short answers ask for them), so that two proposers are
asked for the same. Nothing is left out of the hundred: a key for which the proposer has nothing counts as
asked, and is told apart from what the checks refused.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from learnloop.generate import checks, grammar, kinds
from learnloop.generate.checks import Evidence
from learnloop.generate.embeddings import CharacterTfidf, Embedder, Similarities
from learnloop.generate.examine import Proposer, cleaned, worded
from learnloop.generate.questions import Pool, Question, Source
from learnloop.generate.terms import Lesson, glossary

NOTHING = "nothing_written"


@dataclass
class Trial:
    """`rows`: lesson, passage, key, question, by_rule (the rules' stem for it), reason ("": accepted)."""

    proposer: str
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def accepted(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if not row["reason"]]

    def report(self) -> dict[str, Any]:
        """asked, written, accepted, accepted_of_100 (asked), rejected by check."""
        reasons = Counter(row["reason"] for row in self.rows if row["reason"])
        return {
            "proposer": self.proposer,
            "asked": len(self.rows),
            "written": len(self.rows) - reasons[NOTHING],
            "accepted": len(self.accepted),
            "accepted_of_100": round(100 * len(self.accepted) / max(1, len(self.rows)), 1),
            "rejected": dict(sorted(reasons.items())),
        }


def sources_of(lessons: pd.DataFrame, embedder: Embedder | None) -> list[Source]:
    """What the rules know of each lesson; columns item_id, parent_id, title, text, language."""
    by_course: dict[tuple[str, str], list[Lesson]] = defaultdict(list)
    for row in lessons.sort_values("item_id").to_dict("records"):
        if row["language"] in grammar.LANGUAGES:
            course = str(row["parent_id"])
            text = cleaned(str(row["text"]))
            lesson = Lesson.of(row["item_id"], course, row["title"], text, row["language"])
            by_course[course, lesson.language].append(lesson)
    found = []
    for (course, language), members in by_course.items():
        sentences = [sentence.text for lesson in members for sentence in lesson.sentences]
        english = embedder if language == "en" else None
        similarity = Similarities(english or CharacterTfidf(sentences))
        pool = Pool.of(members, glossary(members).get(course, []))
        found += [Source(lesson, pool, similarity) for lesson in members]
    return found


def run(
    sources: Sequence[Source],
    proposer: Proposer | None,
    *,
    keys: Callable[[Source], list[Question]] | None = None,
    most: int | None = None,
    told: Callable[[int], Any] | None = None,
) -> Trial:
    """The proposer's questions for the keys of `sources`, judged; None: the rules' own, as a measure.

    keys: what to ask for in a source, short answers; default: what the rules find. most: keys, as evenly
    from all lessons as can be. told: how many keys are done, after each lesson.
    """
    trial = Trial(proposer.name if proposer else "rules")
    asked = [(keys or by_rule)(source) for source in sources]
    if most is not None:
        asked = _evenly(asked, most)
    for source, questions in zip(sources, asked, strict=True):
        passages = [_passage(source.lesson, question) for question in questions]
        texts = [question.verbatim for question in questions]
        if proposer is None:
            stems = [question.stem for question in questions]
        else:
            stems = proposer.stems(passages, texts, source.language) if texts else []
        evidence = Evidence(
            source.lesson.text,
            source.language,
            source.pool.descriptions,
            source.similarity,
            title=source.lesson.title,
        )
        for question, passage, stem in zip(questions, passages, stems, strict=True):
            asked_so = question if proposer is None else worded(question, stem, trial.proposer)
            trial.rows.append(
                {
                    "lesson": source.lesson.item_id,
                    "passage": passage,
                    "key": question.key,
                    "question": stem,
                    "by_rule": question.stem,
                    "reason": _reason(replace(asked_so, proposer=trial.proposer), evidence)
                    if stem
                    else NOTHING,
                }
            )
        if told:
            told(len(questions))
    return trial


def by_rule(source: Source) -> list[Question]:
    """The rules' short answers, one for each place."""
    places: dict[tuple[int, int], Question] = {}
    for question in kinds.propose(source, ("short_answer",)):
        places.setdefault((question.start, question.end), question)
    return list(places.values())


def _evenly(asked: Sequence[Sequence[Question]], most: int) -> list[list[Question]]:
    """The first of each lesson, then the second of each, until there are `most`."""
    taken: list[list[Question]] = [[] for _ in asked]
    for turn in range(max((len(some) for some in asked), default=0)):
        for some, mine in zip(asked, taken, strict=True):
            if turn < len(some) and sum(map(len, taken)) < most:
                mine.append(some[turn])
    return taken


def _passage(lesson: Lesson, question: Question) -> str:
    """The sentence of the key and those beside it in its paragraph, as the pipeline hands them over."""
    place = lesson.sentences.index(question.sentence)
    near = lesson.sentences[max(0, place - 1) : place + 2]
    return " ".join(s.text for s in near if s.paragraph == question.sentence.paragraph)


def _reason(question: Question, evidence: Evidence) -> str:
    """The check that refused it, or ""."""
    last = checks.verdicts(question, evidence)[-1]
    return "" if last.passed else last.check
