"""What is as right as the key: another number, another spelling, another name that the text gives."""

import re

from learnloop.generate import grammar, lemmas
from learnloop.generate.terms import Lesson, Quantity, Term

_NUMBER_WORDS = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
}
_ALSO = {
    "en": r"(?:also|sometimes|often) (?:called|known as)(?: an?| the)?",
    "es": r"también (?:llamad[ao]s?|conocid[ao]s? como|denominad[ao]s?)(?: una?| el| la)?",
    "fr": r"(?:aussi|également) (?:appelée?s?|nommée?s?)(?: une?| le| la)?",
    "de": r"auch(?: als)?",
}
_COUNTED = ("a", "an", "un", "una", "une", "ein", "eine")
_TERM = r"[\"“„«‘ ]*(?P<other>[^\W\d_][\w’'-]*(?: [^\W\d_][\w’'-]*){0,2}?)[\"”»’]*"


def of_term(term: Term, lesson: Lesson) -> list[str]:
    """Other forms of `term`: plural or singular, without its hyphen, what the text also calls it."""
    found = _spellings(term.name)
    if term.article in _COUNTED or term.number == "plural":  # "erosions", "natural selections" help nobody
        found += _in_other_number(term.name, lesson.language)
    sentence = term.sentence.text
    name = re.escape(term.text)
    if short := re.search(rf"{name} \(([A-Z][A-Z0-9-]{{1,7}})\)", sentence):
        found.append(short[1])
    also = re.search(rf"{name},? \(?{_ALSO[lesson.language]} {_TERM}[,).]", sentence, re.I)
    if also and grammar.words(also["other"])[0] not in grammar.FUNCTION_WORDS[lesson.language]:
        found.append(also["other"])
    return _without_repeats(found, term.name)


def _spellings(name: str) -> list[str]:
    return [name.replace("-", " "), name.replace("-", "")] if "-" in name else []


def _in_other_number(name: str, language: str) -> list[str]:
    """The plural of a singular, the singular of a plural, by the endings that are nearly always regular."""
    words = name.split()
    place = len(words) - 1 if language == "en" else 0
    if language == "de" or (language != "en" and len(words) > 1) or name[1:2].isupper():
        return []
    word = words[place]
    if re.search(
        r"(?:ss|us|is|ics|ing|ive|x|z|f|fe|y|ch|sh|o|s['’]|au|eu|al|ail|ou|í|ú|á|é|ó|n[oa]s)$", word, re.I
    ):
        return []
    if word.endswith("s"):
        regular = word[-2] in ("aeo" if language == "es" else "bcdfgklmnprtvwe")
        other = word[:-1] if regular and len(word) > 5 and not word.endswith("es") else ""
    elif language == "es" and word[-1] not in "aeio":
        other = ""
    else:
        other = word + "s"
    known = other and lemmas.is_word(other, language)  # "undercoverages" is no word
    return [" ".join([*words[:place], other, *words[place + 1 :]])] if known else []


def of_number(key: str, quantity: Quantity, language: str) -> list[str]:
    """The figure without marks between thousands, and small whole numbers as words."""
    digits = re.match(r"[\d.,\u00a0\u202f ]*\d", key)
    written = digits[0] if digits else key
    tail = key[len(written) :]
    found = []
    if quantity.value == int(quantity.value):
        plain = str(int(quantity.value))
        found.append(plain + tail)
        names = _NUMBER_WORDS[language].split()
        if quantity.value < len(names) and not tail:
            found.append(names[int(quantity.value)])
    return _without_repeats(found, key)


def _without_repeats(found: list[str], key: str) -> list[str]:
    return [text for text in dict.fromkeys(found) if text and text.casefold() != key.casefold()]
