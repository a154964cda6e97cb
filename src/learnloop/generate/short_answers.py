"""Questions answered in one's own words: the term for a description, a missing name, or a missing figure.

{"stem": "Write the term for the description “the highest point of a moving wave”. Hint: c… (5 letters).",
 "key": "crest", "aliases": ["crests"]}
{"stem": "Write the missing number with its unit: Water boils at ____ at sea level.", "key": "100 °C",
 "answer": {"value": 100.0, "unit": "°C", "tolerance": 0.0}}
"""

import re

from learnloop.generate import (
    aliases,
    askable,
    clozes,
    families,
    first_letters,
    grammar,
    lemmas,
    owners,
    wording,
)
from learnloop.generate.questions import Question, Source, blanked
from learnloop.generate.terms import Lesson, Quantity, Term, decimal_style

FEWEST_WORDS = 4  # content words of a description whose name is to be written
FAMILY = 4  # letters that a word of the lesson shares with one it could be taken for
ABOUT_TOLERANCE = 0.05  # of the value, where the text says "about"
_PHYSICAL = re.compile(r"°[CF]|(?:k|c|m|n|µ)?m(?:²|³)?|(?:k|m)?g|(?:m|c)?l|k?Hz|[kMG]B")


def for_term(source: Source, term: Term) -> Question | None:
    """The description is given, the term is asked for, with the letters its words begin with."""
    hint = _hint(term.name, source)
    if clozes.has_weak_ending(term, source.language) or not clozes.can_be_described(source, term):
        return None
    if not hint:
        return None  # "str": who writes "string" is right, too
    lesson, description = source.lesson, source.description(term)
    if families.is_derived(term.name, description, lesson.language):
        return None
    if _is_of_one(term.name, description, lesson.language) or not _is_whole(source, term):
        return None
    if len(set(grammar.content_words(description, lesson.language))) < FEWEST_WORDS:
        return None  # "a net of sacs and tubes": too little to know the name by
    return Question(
        lesson.item_id,
        lesson.language,
        "short_answer",
        "term",
        f"{wording.stem('short_answer', 'term', lesson.language, body=description)} {hint}",
        description,
        term.name,
        (),
        term.start,
        term.end,
        term.sentence,
        anchor=term.text,
        aliases=tuple(aliases.of_term(term, lesson)),
        notes=(wording.key_note(term.name, term.sentence.text, lesson.language),),
    )


def _is_whole(source: Source, term: Term) -> bool:
    """The description is all that the sentence says: what was cut away may be what tells the term apart."""
    sentence = term.sentence
    rest = sentence.text[term.predicate[1] - sentence.start :]
    return rest.strip() in (".", "")


def _is_of_one(name: str, description: str, language: str) -> bool:
    """The name of one thing, described by its kind ("GPhC": "the governing body for …"): of which place?"""
    if language == "de":  # its capitals do not tell names
        return False
    return name[:1].isupper() and not re.search(r"\b[A-ZÀ-Ý]", description)


def for_name(source: Source, term: Term) -> Question | None:
    """The sentence that names a term, with a gap for its name and the letters its words begin with."""
    lesson, language = source.lesson, source.language
    hint = _hint(term.text, source)
    if not hint:
        return None
    if families.is_derived(term.name, term.sentence.text.replace(term.text, " "), language):
        return None  # "L'écoulage consiste à laisser couler …"
    body = blanked(term.sentence, term.start, term.end, language)
    if owners.lacks_owner(body, language):
        return None
    topic = source.shown_topic(f"{body} {term.text}")
    if families.is_derived(term.name, topic, language) or any(
        grammar.same_word(word, other)
        for word in grammar.content_words(topic, language)
        for other in grammar.content_words(term.name, language)
    ):
        topic = ""  # it would tell the name: "Käserei", "Käse"
    return Question(
        lesson.item_id,
        language,
        "short_answer",
        "name",
        f"{wording.stem('short_answer', 'name', language, topic, body=body)} {hint}",
        body,
        term.text,
        (),
        term.start,
        term.end,
        term.sentence,
        aliases=tuple(aliases.of_term(term, lesson)),
        notes=(wording.key_note(term.text, term.sentence.text, language),),
    )


def _hint(name: str, source: Source) -> str:
    """How `name` begins; "" where that says nothing or another word of the lesson begins and ends so, too."""
    language = source.language
    hint = first_letters.of(name, language)
    if not hint:
        return ""
    own, others = lemmas.plain(name), {lemmas.plain(other.name) for other in source.pool.terms}
    if " " not in name:
        words = set(map(lemmas.plain, grammar.words(source.lesson.text)))
        others |= {word for word in words if len(word) == len(own) and word[:FAMILY] == own[:FAMILY]}
    clash = any(other != own and first_letters.fits(other, hint, language) for other in others)
    return "" if clash else hint  # "iterable" and "iterator"


def is_known_by_heart(quantity: Quantity, lesson: Lesson) -> bool:
    """The result of a calculation, or a measure with a physical unit; a count is asked with options."""
    return bool(_PHYSICAL.fullmatch(quantity.unit)) or askable.is_result(quantity, lesson)


def for_figure(source: Source, quantity: Quantity) -> Question:
    """The figure is asked for, with its unit where that is a physical one; else the unit stays."""
    lesson, language = source.lesson, source.language
    physical = bool(_PHYSICAL.fullmatch(quantity.unit))
    digits = re.match(r"[\d.,\u00a0\u202f ]*\d", quantity.text)
    key = quantity.text if physical or not digits else digits[0]
    body = blanked(quantity.sentence, quantity.start, quantity.start + len(key), language)
    kind = "quantity" if physical else "year" if askable.is_year(quantity) else "number"
    return Question(
        lesson.item_id,
        language,
        "short_answer",
        "number",
        wording.stem("short_answer", kind, language, source.shown_topic(body), body=body),
        body,
        key,
        (),
        quantity.start,
        quantity.start + len(key),
        quantity.sentence,
        answer={
            "value": quantity.value,
            "unit": quantity.unit if physical else "",
            "tolerance": tolerance(quantity, decimal_style(language)),
        },
        aliases=tuple(aliases.of_number(key, quantity, language)),
        notes=(wording.key_note(key, quantity.sentence.text, language),),
        bloom="apply" if askable.is_result(quantity, lesson) else "remember",
    )


def tolerance(quantity: Quantity, style: str) -> float:
    """5% where the text says "about", half of the last decimal where there are decimals, else 0."""
    before = quantity.sentence.text[: quantity.start - quantity.sentence.start]
    if askable.ABOUT.search(before):
        return round(ABOUT_TOLERANCE * abs(quantity.value), 10)
    point = "." if style == "point" else ","
    decimals = re.search(rf"{re.escape(point)}(\d+)(?!\d*{re.escape(point)})", quantity.text)
    grouped = decimals and len(decimals[1]) == 3 and quantity.value == int(quantity.value)
    return 0.5 * 10.0 ** -len(decimals[1]) if decimals and not grouped else 0.0
