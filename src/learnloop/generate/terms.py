"""What in a lesson is worth asking: defined terms, named terms, quantities; each a verbatim span."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from learnloop.generate import bearings, defining, grammar, lemmas, naming, standing, topics
from learnloop.generate.sentences import Sentence, split

MIN_PREDICATE_WORDS, MAX_PREDICATE_WORDS = 4, 22  # a description that can stand as an option


@dataclass(frozen=True)
class Lesson:
    """A lesson as the rules see it; `course` groups the lessons that lend each other distractors."""

    item_id: str
    course: str
    title: str
    text: str
    language: str
    sentences: tuple[Sentence, ...]

    @cached_property
    def topic(self) -> str:
        """What it is about, by its title or its first line; "" where neither says."""
        return topics.topic(self.title, self.text)

    @classmethod
    def of(cls, item_id: str, course: str, title: str, text: str, language: str) -> "Lesson":
        return cls(item_id, course, title, text, language, tuple(split(text, language)))


@dataclass(frozen=True)
class Term:
    """A span of a lesson: `lesson.text[start:end] == text`. `name` is its form inside a sentence.

    `how` is `defined` ("X is a …"), one of `naming` ("… is called X"), or `mentioned` (a known term
    elsewhere).
    `predicate` is the span of what a definition says, (0, 0) elsewhere. `gender` and `number` may be "".
    """

    item_id: str
    sentence: Sentence
    start: int
    end: int
    text: str
    name: str
    how: str
    gender: str
    number: str
    predicate: tuple[int, int] = (0, 0)
    verb: str = ""
    article: str = ""


@dataclass(frozen=True)
class Quantity:
    """A number of a lesson with the unit written to it ("" without). `is_result`: it ends a statement."""

    item_id: str
    sentence: Sentence
    start: int
    end: int
    text: str
    value: float
    unit: str
    is_result: bool


def definitions(lesson: Lesson) -> list[Term]:
    """Terms that a sentence of `lesson` defines or names, in text order."""
    if bearings.is_exercises(lesson):
        return []
    found = []
    listed = naming.glossary(_lines(lesson), lesson.language)
    for place, sentence in enumerate(lesson.sentences):
        language = lesson.language
        match = (
            grammar.DEFINITION[language].match(sentence.text)
            or grammar.BARE[language].match(sentence.text)
            or _in_the_past(sentence, lesson)
        )
        end = match.start("predicate") + len(defining.first_part(match["predicate"])) if match else 0
        if match and _is_definition(match, lesson.language) and not _leans_on_others(sentence, lesson, end):
            found.append(_defined(lesson, sentence, match, "defined"))
        elif place in listed:
            found += _described(lesson, sentence, listed[place], "listed")
        known = {term.start for term in found}
        found += [term for term in _in_passing(lesson, sentence) if term.start not in known]
    return found


def _lines(lesson: Lesson) -> list[str]:
    """The sentences that begin a line and are not the title; "" for the others."""
    title = " ".join(lesson.title.split())
    return [
        sentence.text
        if not lesson.text[: sentence.start].rstrip(" \t").rpartition("\n")[2]
        and " ".join(sentence.text.split()) != title
        else ""
        for sentence in lesson.sentences
    ]


def _in_the_past(sentence: Sentence, lesson: Lesson) -> re.Match[str] | None:
    """ "El ayllu era el grupo de familias que …": a word of its own (no person, no thing told before)."""
    match = grammar.PAST[lesson.language].match(sentence.text)
    if match is None or standing.objection(sentence, lesson):
        return None
    known = all(
        lemmas.is_word(word, lesson.language)
        for word in (match["term"].split() if lesson.language != "de" else match["term"].split()[-1:])
    )
    return None if known else match


def _in_passing(lesson: Lesson, sentence: Sentence) -> Iterator[Term]:
    """Terms that the sentence names without defining them by "X is a …"."""
    language = lesson.language
    for how, match in naming.spans(sentence.text, language):
        if how in ("apposed", "inverse"):
            yield from _described(lesson, sentence, match, how)
        elif _names_something(match["term"], language):
            term = _term(lesson, sentence, match, how)
            if how == "named" and language == "en" and not term.article and _ADJECTIVE.search(match["term"]):
                continue  # "They are called substantive": an adjective
            told = defining.is_term(match["term"], term.article, term.verb, language)
            if how == "named" or (told and not _leans_on_others(sentence, lesson)):
                yield term


_ADJECTIVE = re.compile(r"(?:ive|ous|ical|able|ible|ful|less)$")


def _described(lesson: Lesson, sentence: Sentence, match: re.Match[str], how: str) -> Iterator[Term]:
    """The term with what is said of it, where that is a description; its sentence is not asked about."""
    article = (match.groupdict().get("article") or "").strip()
    if (
        _names_something(match["term"], lesson.language)
        and defining.is_term(match["term"], "" if how == "inverse" else article, "", lesson.language)
        and defining.says_what_it_is(defining.first_part(match["predicate"]), "a", lesson.language)
    ):
        term = _defined(lesson, sentence, match, how)
        if term.predicate[1]:
            yield term


def mentions(lesson: Lesson, glossary: Iterable[Term]) -> list[Term]:
    """The glossary's terms where a sentence of `lesson` uses them once, without defining them."""
    found = []
    for term in glossary:
        pattern = re.compile(rf"(?<![\w-]){re.escape(term.name)}(?![\w-])", re.I)
        for sentence in lesson.sentences:
            hits = list(pattern.finditer(sentence.text))
            if len(hits) != 1 or sentence.text == term.sentence.text:
                continue
            before = sentence.text[: hits[0].start()]
            if before and not _WHOLE_PHRASE[lesson.language].search(before):
                continue
            start, end = sentence.start + hits[0].start(), sentence.start + hits[0].end()
            number = term.number if hits[0][0].lower() == term.name.lower() else ""
            found.append(
                replace(
                    term,
                    item_id=lesson.item_id,
                    sentence=sentence,
                    start=start,
                    end=end,
                    text=hits[0][0],
                    how="mentioned",
                    number=number,
                    predicate=(0, 0),
                )
            )
    return found


def _leans_on_others(sentence: Sentence, lesson: Lesson, end: int | None = None) -> bool:
    """ "The data are the ages of 20 pupils.": of an example, or of something brought in before."""
    return (
        standing.is_in_example(sentence, lesson, end)
        or standing.is_anaphoric(sentence, lesson)
        or bool(standing.PERSONS[lesson.language].search(sentence.text.split(",")[0]))
        or standing.is_shown(sentence.text.split(",")[0])
        or bearings.has_lost_bearings(sentence.text[:end], lesson.language)
    )


def _is_definition(match: re.Match[str], language: str) -> bool:
    article = (match["article"] or "").strip()
    return (
        _names_something(match["term"], language)
        and defining.is_term(match["term"], article, match["verb"].strip(), language)
        and defining.says_what_it_is(defining.first_part(match["predicate"]), article, language)
    )


def _names_something(term: str, language: str) -> bool:
    parts = grammar.words(term)
    if _ADVERB_FIRST[language].match(term):
        return False  # "heißt zusammenfassend Tephra"
    if any(word in _EITHER[language] for word in parts[1:-1]):
        return False  # "somebody's son or daughter"
    if not parts or len(term) < 3 or len(parts[-1]) < 2 or parts[0] in grammar.LEANING[language]:
        return False
    empty = grammar.EMPTY_SUBJECTS[language]
    stop = grammar.FUNCTION_WORDS[language]
    inner_stop = [word for word in parts[1:-1] if word in stop and word not in _LINKS[language]]
    # "The value of x is …", "number of cells": the head of the phrase decides.
    head_empty = parts[0] in empty or (language == "en" and parts[-1] in empty and len(parts) < 3)
    return not (head_empty or inner_stop or parts[0] in stop or parts[-1] in stop or parts[-1].endswith("ly"))


_EITHER = {"en": {"or"}, "es": {"o", "u"}, "fr": {"ou"}, "de": {"oder"}}
_ADVERB_FIRST = {
    "en": re.compile(r"(?:also|often|simply|usually|sometimes|commonly|\w+ly) ", re.I),
    "es": re.compile(r"(?:también|simplemente|a veces|\w+mente) ", re.I),
    "fr": re.compile(r"(?:aussi|parfois|souvent|\w+ment) ", re.I),
    # Without an ending it is no attribute of the noun behind it.
    "de": re.compile(r"[a-zäöüß]+(?<!e)(?<!e[rsnm]) "),
}
# After an article or at the beginning a term is the whole noun phrase, not half of another term.
_WHOLE_PHRASE = {
    language: re.compile(rf"(?<!\w){article}(?: |(?<=['’]))$", re.I)
    for language, article in grammar.ARTICLE.items()
}
# Function words that may stand inside a term: "cost of living", "tasa de interés", "coût de la vie".
_LINKS = {
    "en": {"of", "in", "for", "with", "and", "if", "while", "or", "not", "to"},
    "es": {"de", "del", "la", "el", "en", "los", "las"},
    "fr": {"de", "du", "la", "des", "à", "en", "d", "le", "l"},
    "de": {"der", "des", "von", "für"},
}


def _term(lesson: Lesson, sentence: Sentence, match: re.Match[str], how: str) -> Term:
    text, groups = match["term"], match.groupdict()
    article = (groups.get("article") or groups.get("article2") or "").strip()
    verb = (groups.get("verb") or "").strip()
    start = sentence.start + match.start("term")
    number = grammar.grammatical_number(article, verb if how == "defined" else "", text, lesson.language)
    return Term(
        lesson.item_id,
        sentence,
        start,
        start + len(text),
        text,
        _inner_form(
            text,
            start == sentence.start or how == "listed",
            lesson,
            article or ("" if how == "defined" else how),
        ),
        how,
        grammar.gender(article, lesson.language),
        number,
        verb=verb.lower().strip(),
        article=article.lower(),
    )


def _defined(lesson: Lesson, sentence: Sentence, match: re.Match[str], how: str) -> Term:
    term = _term(lesson, sentence, match, how)
    predicate = defining.first_statement(match["predicate"])
    if not MIN_PREDICATE_WORDS <= len(predicate.split()) <= MAX_PREDICATE_WORDS:
        return term
    start = sentence.start + match.start("predicate")
    return replace(term, predicate=(start, start + len(predicate)))


def _inner_form(text: str, at_start: bool, lesson: Lesson, article: str) -> str:
    """`text` as written inside a sentence: the capital of a sentence's first word goes, a name's stays.

    `article`: what shows that it is a common noun, "" where nothing does.
    """
    if not at_start or lesson.language == "de" or not text[:1].isupper() or text[1:2].isupper():
        return text
    if re.search(rf"(?<=[\w,] ){re.escape(text)}\b", lesson.text):  # capitalised inside a sentence, too
        return text
    if lesson.language in ("es", "fr") and not article:  # a common noun would have one
        return text
    if re.search(r"[ -][A-Z][\w’'-]+", text):  # the last word of a name has a capital, too
        return text
    return text[0].lower() + text[1:]


_NUMBER = {
    "point": r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?",
    "comma": r"\d{1,3}(?:[.\u00a0\u202f ]\d{3})+(?:,\d+)?|\d+(?:,\d+)?",
}
_UNITS = (
    r"%|°C|°F|percent|per cent|por ciento|pour cent|Prozent|(?:k|c|m|n|µ)?m(?:²|³)?|(?:k|m)?g|(?:m|c)?l|k?Hz"
    r"|[kMG]B|euros?|dollars?|dólares|Euro|€|million|billion|trillion|millones|millions?|milliards?"
    r"|Millionen|Milliarden"
)
_QUANTITY = {
    style: re.compile(
        rf"(?<![\w.,$€^*/=+(\[-])(?P<number>{number})(?:[ \u00a0]?(?P<unit>{_UNITS})(?!\w))?(?![\w^*/=(\[])"
    )
    for style, number in _NUMBER.items()
}
_RESULT_VERB = re.compile(
    r"\b(?:is|are|equals|gives|makes|returns|prints|holds|has|contains|about|roughly|exactly"
    r"|es|son|da|vale|tiene|unos|unas|contiene|est|sont|donne|vaut|compte|environ|contient"
    r"|ist|sind|ergibt|beträgt|etwa|hat|rund|enthält)"
    r"(?: (?:about|around|roughly|only|therefore|then|again|exactly|aproximadamente|unos|unas|environ|alors"
    r"|donc|also|etwa|rund|dann|nur))?[ \u00a0]$"
)


def decimal_style(language: str) -> str:
    """`point` (1,000.5) or `comma` (1.000,5; in French 1 000,5)."""
    return "point" if language == "en" else "comma"


def quantities(lesson: Lesson) -> list[Quantity]:
    """Numbers that stand free in the prose of `lesson` (not in code, lists of values, or ranges)."""
    style = decimal_style(lesson.language)
    found = []
    for sentence in lesson.sentences:
        for match in _QUANTITY[style].finditer(sentence.text):
            before, after = sentence.text[: match.start()], sentence.text[match.end() :]
            if _in_a_series(before, after):
                continue
            found.append(
                Quantity(
                    lesson.item_id,
                    sentence,
                    sentence.start + match.start(),
                    sentence.start + match.end(),
                    match[0],
                    number_value(match["number"], style),
                    match["unit"] or "",
                    bool(_RESULT_VERB.search(before)),
                )
            )
    return found


def number_value(text: str, style: str) -> float:
    plain = re.sub(r"[\u00a0\u202f ]", "", text)
    if style == "point":
        return float(plain.replace(",", ""))
    return float(plain.replace(".", "").replace(",", "."))


_SERIES_AFTER = re.compile(
    r"^(?:,? ?(?:and|y|et|und|or|o|ou|to|a|à|bis|,|[-–+*/×:]|divided by|times|by) ?\d)"
)


def _in_a_series(before: str, after: str) -> bool:
    ends_in_number = re.search(
        r"\d[\w%]*(?:,| and| y| et| und| or| o| ou| to| a| à| bis| ?[-–+*/×:]| times| divided by) $", before
    )
    return bool(ends_in_number or _SERIES_AFTER.match(after) or re.search(r"[-+*/×^(\[{'\"] ?$", before))


def glossary(lessons: Sequence[Lesson]) -> dict[str, list[Term]]:
    """course -> its defined and named terms, the first definition of each, in lesson order."""
    by_course: dict[str, dict[str, Term]] = {}
    for lesson in lessons:
        known = by_course.setdefault(lesson.course, {})
        for term in definitions(lesson):
            known.setdefault(grammar.normalised(term.name), term)
    return {course: list(terms.values()) for course, terms in by_course.items()}
