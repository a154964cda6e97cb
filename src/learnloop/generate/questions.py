"""Questions proposed by rule: a verbatim key, the sentence it rests on, distractors from the same course.

Nothing here decides whether a proposal is good: checks.py does.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from learnloop.generate import grammar
from learnloop.generate.sentences import Sentence
from learnloop.generate.terms import (
    Lesson,
    Quantity,
    Term,
    decimal_style,
    definitions,
    mentions,
    number_value,
    quantities,
)

TEMPLATE_VERSION = "questions-1"  # of the templates below; part of a question's provenance
BLANK = "____"
CLOZE = {
    "en": "Complete the sentence: {body}",
    "es": "Completa la frase: {body}",
    "fr": "Complétez la phrase : {body}",
    "de": "Ergänzen Sie den Satz: {body}",
}
DESCRIPTION = {
    "en": "Which description fits “{term}”?",
    "es": "¿Qué descripción corresponde a «{term}»?",
    "fr": "Quelle description correspond à « {term} » ?",
    "de": "Welche Beschreibung passt zu „{term}“?",
}
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

        kind             form                 body        key              distractors     verbatim
        cloze            term, number         a sentence  TERM, FIGURE     some            the key
        multiple_choice  description          question    DESCRIPTION      some            the key
        multiple_choice  term                 description TERM             some            the key
        multiple_choice  proposed             question    TERM, FIGURE     some            the key
        short_answer     term, proposed       description TERM             ()              the key
        short_answer     number               a sentence  FIGURE           ()              the key
        true_false       definition, number   a statement "true", "false"  ()              what was exchanged
        ordering         steps, dates         a request   "A → B → C"      ()              first to last step
        matching         definitions          a request   "A: X; B: Y"     ()              first description

    `subject` is the term that is asked about or whose sentence was changed, or "". `sentence` is the
    evidence. `options` are what is shown (true_false and short_answer: none), `answer` and `notes` as in
    schemas.QUESTIONS; `aliases` are right as well as the key.
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


def propose(
    lesson: Lesson, pool: Pool, similarity: Similarity, seed: int, main_terms: Collection[str] = ()
) -> list[Question]:
    """Proposals for `lesson`, the most promising first; several may rest on one sentence.

    Definitions come first (their answer is on the page), asked in turn for the term and for its
    description; then results of calculations and facts with numbers, then other uses of known terms.
    `main_terms` (normalised) go before all others.
    """
    if lesson.language not in grammar.LANGUAGES:
        return []
    defined = sorted(definitions(lesson), key=lambda term: grammar.normalised(term.name) not in main_terms)
    own = {(term.start, term.end) for term in defined}
    first, second = [], []
    for turn, term in enumerate(defined):
        pair = [_term_question(lesson, term, pool, similarity, seed)]
        if term.predicate[1]:
            pair.append(_description_question(lesson, term, pool, similarity, seed))
        preferred = turn % 2 if len(pair) == 2 else 0
        first.append(pair.pop(preferred))
        second += pair
    rest = [
        _number_question(lesson, number, pool, seed) for number in quantities(lesson) if _is_askable(number)
    ]
    rest += [
        _term_question(lesson, term, pool, similarity, seed)
        for term in mentions(lesson, pool.terms)
        if (term.start, term.end) not in own
    ]
    return [_with_options(question, seed) for question in first + second + rest]


def _rng(seed: int, *place: object) -> np.random.Generator:
    """Draws that depend on seed and place alone, not on what was drawn before."""
    digest = hashlib.sha256("|".join(map(str, (seed, *place))).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _with_options(question: Question, seed: int) -> Question:
    """`question` with its key and distractors in seeded order; numbers go up, as people write them."""
    options = [question.key, *question.distractors]
    if question.form == "number":
        style = decimal_style(question.language)
        options.sort(key=lambda text: _leading_value(text, style))
    else:
        _rng(seed, question.item_id, question.start, question.form).shuffle(options)
    return replace(question, options=tuple(options))


# ---- terms ----


def _term_question(lesson: Lesson, term: Term, pool: Pool, similarity: Similarity, seed: int) -> Question:
    body = _blanked(term.sentence, term.start, term.end, lesson.language)
    ranked = _rank_terms(term, lesson, pool, similarity)
    capital = term.text[:1].isupper() and not term.name[:1].isupper()
    distractors = [
        name[:1].upper() + name[1:] if capital else name for name in _some(ranked, term.start, seed)
    ]
    return _cloze(lesson, "term", body, term.text, distractors, term.start, term.end, term.sentence)


def _cloze(
    lesson: Lesson,
    form: str,
    body: str,
    key: str,
    distractors: Sequence[str],
    start: int,
    end: int,
    sentence: Sentence,
) -> Question:
    stem = CLOZE[lesson.language].format(body=body)
    return Question(
        lesson.item_id,
        lesson.language,
        "cloze",
        form,
        stem,
        body,
        key,
        tuple(distractors),
        start,
        end,
        sentence,
    )


def _some(ranked: Sequence[str], start: int, seed: int) -> list[str]:
    """DISTRACTORS of the best few, by `seed` and place, so that the same ones do not stand everywhere."""
    best = list(ranked[: DISTRACTORS + SPARE])
    picked = _rng(seed, start).permutation(len(best))[:DISTRACTORS]
    return [best[index] for index in sorted(picked)]


def _blanked(sentence: Sentence, start: int, end: int, language: str) -> str:
    before, after = sentence.text[: start - sentence.start], sentence.text[end - sentence.start :]
    if language == "en":  # "a" or "an" would tell how the key begins
        before = re.sub(r"\b([Aa])n? $", r"\1(n) ", before)
    return " ".join(f"{before}{BLANK}{after}".split())


def agrees(key: Term, other: Term, before: str) -> bool:
    """True where `other` fits the grammar of the key's place: gender, number, elided article."""
    if _clashes(key, other) and (key.how == "named" or not {*key.gender, *other.gender} & {*"cu"}):
        return False  # what can be counted is a matter of degree: _rank_terms puts it behind
    if key.number and other.number and key.number != other.number:
        return False
    if re.search(r"\b[Ee]in(?:e[mnrs]?)? $", before) and other.name[:1].islower():
        return False  # "ein absolute Nullpunkt": the adjective's ending is the definite article's
    if before.endswith(("'", "’")):
        return grammar.normalised(other.name)[:1] in "aeiouyh"
    return not (
        before.lower().endswith((" le ", " la ", " de ")) and grammar.normalised(other.name)[:1] in "aeiou"
    )


def _clashes(key: Term, other: Term) -> bool:
    return bool(key.gender and other.gender and not set(key.gender) & set(other.gender))


def _rank_terms(key: Term, lesson: Lesson, pool: Pool, similarity: Similarity) -> list[str]:
    """Names that may stand beside `key`, the closest to what people choose first."""
    before = lesson.text[max(0, key.start - 5) : key.start].replace("\n", " ")
    found = []
    for other in pool.terms:
        if not agrees(key, other, before) or overlaps(key.name, other.name):
            continue
        if key.name[1:2].isupper() != other.name[1:2].isupper() and len(pool.terms) > 12:
            continue  # an acronym among words is found by its looks
        if not similarity.lowest <= (cosine := similarity(key.name, other.name)) <= HIGHEST_COSINE:
            continue
        looks = abs(len(other.name.split()) - len(key.name.split())) * 0.1
        looks += 0.4 * (_clashes(key, other) or (bool(key.gender) and not other.gender))
        looks += 0.2 * (key.name[:1].isupper() != other.name[:1].isupper())
        found.append((abs(cosine - TYPICAL_COSINE) + looks, other.name))
    return [name for _, name in sorted(set(found))]


def overlaps(one: str, other: str) -> bool:
    """True where all words of one term are in the other: "mean", "mean squared error"."""
    left, right = grammar.words(one), grammar.words(other)
    shorter, longer = sorted((left, right), key=len)
    return all(any(grammar.same_word(word, match) for match in longer) for word in shorter)


# ---- descriptions ----


def _description_question(
    lesson: Lesson, term: Term, pool: Pool, similarity: Similarity, seed: int
) -> Question:
    start, end = term.predicate
    key = lesson.text[start:end]
    ranked = []
    pointing, leaning = grammar.POINTING[lesson.language], grammar.EARLY_PRONOUN[lesson.language]
    for other in pool.terms:
        text = pool.descriptions.get(grammar.normalised(other.name))
        if not text or overlaps(term.name, other.name) or pointing.search(text) or leaning.search(text):
            continue
        if overlaps(term.name, text):  # it names what is asked for
            continue
        if term.number and other.number and term.number != other.number:
            continue
        if similarity.lowest <= (cosine := similarity(key, text)) <= HIGHEST_COSINE:
            looks = abs(len(text) - len(key)) / max(len(text), len(key))
            ranked.append((abs(cosine - TYPICAL_COSINE) + 0.5 * looks, text))
    distractors = tuple(_some([text for _, text in sorted(set(ranked))], start, seed))
    stem = DESCRIPTION[lesson.language].format(term=_named(term, lesson.language))
    return Question(
        lesson.item_id,
        lesson.language,
        "multiple_choice",
        "description",
        stem,
        stem,
        key,
        distractors,
        start,
        end,
        term.sentence,
        term.name,
    )


def _named(term: Term, language: str) -> str:
    """The term as a title; a German adjective keeps the article that its ending agrees with."""
    article = {"m": "der", "f": "die", "n": "das"}.get(term.gender, "")
    return f"{article} {term.name}" if language == "de" and article and term.name[0].islower() else term.name


# ---- numbers ----


def _is_askable(quantity: Quantity) -> bool:
    """A conclusion: the last figure of a sentence, after a verb of result, or its only one with a unit.

    Figures that come first are what an example starts from; nobody can work them out.
    """
    text = quantity.sentence.text
    after = text[quantity.end - quantity.sentence.start :]
    figures = re.findall(r"\d+(?:[.,]\d+)*", text)
    again = len(re.findall(rf"(?<![\d.,]){re.escape(quantity.text)}(?!\d)", text))
    code = re.search(r"[=<>\[\]{}_\"]|\w\(", text)
    supposed = grammar.words(text)[0] in grammar.SUPPOSING["en"] and len(figures) == 1
    concluded = quantity.is_result or (bool(quantity.unit) and len(figures) == 1)
    return (
        concluded and again == 1 and len(figures) <= 7 and not (re.search(r"\d", after) or code or supposed)
    )


def _number_question(lesson: Lesson, quantity: Quantity, pool: Pool, seed: int) -> Question:
    body = _blanked(quantity.sentence, quantity.start, quantity.end, lesson.language)
    question = _cloze(
        lesson, "number", body, quantity.text, (), quantity.start, quantity.end, quantity.sentence
    )
    rng = _rng(seed, question.item_id, question.start, question.form)
    style = decimal_style(lesson.language)
    digits = re.match(r"[\d.,\u00a0\u202f ]*\d", quantity.text)
    written = digits[0] if digits else quantity.text
    tail = quantity.text[len(written) :]
    # Figures of the source sentence would be right answers to something else on the page.
    taken = {quantity.value} | {
        number.value for number in pool.numbers if number.sentence.text == quantity.sentence.text
    }
    near = [
        number.value
        for number in pool.numbers
        if number.unit == quantity.unit and quantity.unit and 0.2 <= number.value / (quantity.value or 1) <= 5
    ]
    chosen: list[str] = []
    for value in [*dict.fromkeys(near[:1]), *_plausible(quantity.value, written, quantity.unit, rng)]:
        text = written_like(value, written, style) + tail
        if value not in taken and text not in (*chosen, quantity.text) and len(chosen) < DISTRACTORS:
            chosen.append(text)
            taken.add(value)
    return replace(question, distractors=tuple(chosen))


def _plausible(value: float, written: str, unit: str, rng: np.random.Generator) -> list[float]:
    """Values someone could take for `value`: near ones, doubles, halves, a slipped decimal point."""
    percent = unit.lower() in ("%", "percent", "per cent", "por ciento", "pour cent", "prozent")
    if re.fullmatch(r"(?:1[0-9]|20)\d\d", written) and not unit:  # a year
        around = [value + step for step in (-50, -25, -10, -5, 5, 10, 25)]
        top = 2100.0
    elif value == int(value) and value <= 12:
        around = [value + step for step in (-3, -2, -1, 1, 2, 3, 4)] + [2 * value]
        top = 100.0
    elif value == int(value):
        grain = 10 ** max(0, len(str(int(value)).rstrip("0")) - 1) * 10 ** (
            len(str(int(value))) - len(str(int(value)).rstrip("0"))
        )
        step = max(1, round(value * 0.2 / max(1, grain / 10)) * max(1, grain / 10))
        around = [value - 2 * step, value - step, value + step, value + 2 * step, 2 * value, value / 2]
        top = 100.0 if percent else float("inf")
    else:
        around = [value / 2, value * 2, value * 1.5, value * 10, value / 10]
        top = 100.0 if percent else float("inf")
        top = 1.0 if value < 1 and not unit and value * 2 <= 1 else top  # a share stays a share
    fitting = [number for number in around if 0 <= number <= top and (number > 0 or value <= 3)]
    return [float(fitting[index]) for index in rng.permutation(len(fitting))]


def written_like(value: float, example: str, style: str) -> str:
    """`value` with the decimals and the thousands mark of `example`."""
    point, thousands = (".", ",") if style == "point" else (",", ".")
    decimals = len(example.rsplit(point, 1)[1]) if point in example else 0
    if not decimals and value != int(value):
        value = round(value)
    text = f"{value:,.{decimals}f}"
    blank = next((mark for mark in ("\u202f", "\u00a0", " ") if mark in example), "")
    grouped = thousands in example or blank or value >= 10_000
    mark = blank or (thousands if grouped else "")
    return text.replace(",", "\x00").replace(".", point).replace("\x00", mark)


def _leading_value(text: str, style: str) -> float:
    match = re.match(r"[\d.,\u00a0\u202f ]*\d", text)
    return number_value(match[0], style) if match else 0.0
