"""What a proposed question is, what a course lends to it, and what all kinds need to propose one.

Proposals are made by rule: a verbatim key, the sentence it rests on, distractors from the same course.
Nothing here decides whether a proposal is good: checks.py does.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from learnloop.generate import grammar
from learnloop.generate.sentences import Sentence
from learnloop.generate.terms import Lesson, Quantity, Term, decimal_style, number_value, quantities

TEMPLATE_VERSION = "questions-4"  # of rules and wording; part of a question's provenance
BLANK = "____"
DISTRACTORS = 3
SPARE = 2  # so many more are in the draw
HIGHEST_COSINE = 0.85  # only 1% of the distractors that people write lie above
TYPICAL_COSINE = 0.36  # the median of human distractors


class Similarity(Protocol):
    """The cosine of two texts of one language; below `lowest` they have nothing in common."""

    @property
    def lowest(self) -> float: ...

    def __call__(self, one: str, other: str) -> float: ...


@dataclass(frozen=True)
class Question:
    """A proposal. `source.text[start:end] == verbatim`; `body` is the stem without its instruction.

    What the kinds hold; BLANK stands in the body where a sentence is to be completed:

        kind             form                 body         key              distractors     verbatim
        cloze            term, number         a sentence   TERM, FIGURE     some            the key
        multiple_choice  description          question     DESCRIPTION      some            the key
        multiple_choice  term                 description  TERM             some            the term
        short_answer     term                 description  TERM             ()              the term
        short_answer     name                 a sentence   TERM             ()              the key
        short_answer     number               a sentence   FIGURE           ()              the key
        true_false       definition, number,  a statement  "true", "false"  ()              what was exchanged
                         direction
        ordering         steps, dates         a topic      "A → B → C"      ()              first to last step
        matching         definitions          the terms    "A: X; B: Y"     ()              first description

    `subject` is the term that is asked about or whose sentence was changed, or "". `sentence` is the
    evidence. `options` are what is shown (true_false and short_answer: none), `answer` and `notes` as in
    schemas.QUESTIONS; `aliases` are right as well as the key. `proposer` names the model that wrote the
    stem, "" where the rules did.
    """

    item_id: str
    language: str
    kind: str
    form: str
    stem: str
    body: str
    key: str
    distractors: tuple[str, ...]
    start: int
    end: int
    sentence: Sentence
    subject: str = ""
    options: tuple[str, ...] = ()
    anchor: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    notes: tuple[Mapping[str, str], ...] = ()
    bloom: str = "remember"
    proposer: str = ""

    @property
    def verbatim(self) -> str:
        """What the source holds at the span: the key, where that is text of the source."""
        return self.anchor or self.key

    @property
    def question_id(self) -> str:
        """Deterministic: the same lesson, span, stem and options give the same id."""
        parts = [self.item_id, str(self.start), str(self.end), self.stem, *self.options]
        if self.kind not in ("cloze", "multiple_choice"):  # these two have no other key at one place
            parts += [self.kind, self.key]
        return "generated:" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Pool:
    """What one course can lend: its terms, their descriptions by normalised name, its quantities."""

    terms: tuple[Term, ...]
    descriptions: Mapping[str, str]
    numbers: tuple[Quantity, ...]

    @classmethod
    def of(cls, lessons: Sequence[Lesson], terms: Sequence[Term]) -> "Pool":
        texts = {lesson.item_id: lesson.text for lesson in lessons}
        described = {
            grammar.normalised(term.name): texts[term.item_id][slice(*term.predicate)]
            for term in terms
            if term.predicate[1]
        }
        numbers = tuple(number for lesson in lessons for number in quantities(lesson))
        return cls(tuple(terms), described, numbers)


@dataclass(frozen=True)
class Source:
    """What one lesson's questions are made from; `similarity` is that of its language."""

    lesson: Lesson
    pool: Pool
    similarity: Similarity
    seed: int = 0

    @property
    def language(self) -> str:
        return self.lesson.language

    def description(self, term: Term) -> str:
        """What the lesson says that `term` is; "" where it says nothing that can stand alone."""
        return self.lesson.text[slice(*term.predicate)] if term.predicate[1] else ""

    def shown_topic(self, body: str) -> str:
        """The lesson's topic for a question about `body`; "" where `body` says it."""
        topic = self.lesson.topic
        said = grammar.content_words(body, self.language)
        words = grammar.content_words(topic, self.language)
        told = all(any(grammar.same_word(word, other) for other in said) for word in words)
        return "" if told or any(letter.isdigit() for letter in topic) else topic

    def draws(self, *place: object) -> np.random.Generator:
        """Draws that depend on seed and place alone, not on what was drawn before."""
        digest = hashlib.sha256("|".join(map(str, (self.seed, *place))).encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8], "big"))

    def some(self, ranked: Sequence[str], start: int) -> list[str]:
        """DISTRACTORS of the best few, by seed and place, so that the same ones do not stand everywhere."""
        best = list(ranked[: DISTRACTORS + SPARE])
        picked = self.draws(start).permutation(len(best))[:DISTRACTORS]
        return [best[index] for index in sorted(picked)]

    def with_options(self, question: Question) -> Question:
        """`question` with its key and distractors in seeded order; numbers go up, as people write them."""
        options = [question.key, *question.distractors]
        if question.form == "number":
            style = decimal_style(question.language)
            options.sort(key=lambda text: leading_value(text, style))
        else:
            self.draws(question.item_id, question.start, question.form).shuffle(options)
        return replace(question, options=tuple(options))


def blanked(sentence: Sentence, start: int, end: int, language: str) -> str:
    """The sentence with BLANK at [start, end) of the source, on one line."""
    before, after = sentence.text[: start - sentence.start], sentence.text[end - sentence.start :]
    if language == "en":  # "a" or "an" would tell how the key begins
        before = re.sub(r"\b([Aa])n? $", r"\1(n) ", before)
    return " ".join(f"{before}{BLANK}{after}".split())


def overlaps(one: str, other: str) -> bool:
    """True where all words of one term are in the other: "mean", "mean squared error"."""
    left, right = grammar.words(one), grammar.words(other)
    shorter, longer = sorted((left, right), key=len)
    return all(any(grammar.same_word(word, match) for match in longer) for word in shorter)


def leading_value(text: str, style: str) -> float:
    match = re.match(r"[\d.,\u00a0\u202f ]*\d", text)
    return number_value(match[0], style) if match else 0.0
