"""Words of one family: what is told holds a part of the name that is asked for ("plumas" tells "plumaje")."""

import re
from itertools import takewhile

from learnloop.generate import grammar, lemmas

# Letters that two words of one family begin with, and their share of the shorter word.
STEM, STEM_SHARE = 6, 0.6
SHORT_STEM, SHORT_SHARE = 4, 0.65  # "gramos" and "gramaje"
INSIDE = 5  # letters of a word that another ends with
WHOLE = 4  # letters of a word that another begins with
_PREFIX = {
    "en": r"(?:de|re|un|dis)",
    "es": r"(?:des|re|en|a)",
    "fr": r"(?:de|e|re|en)",
    "de": r"(?:nach|vor|ver|ent|be|ab|auf|aus|ein|ge)",
}


def is_derived(name: str, told: str, language: str) -> bool:
    """What is told holds a word of the name's family: "Nachbeben", "Beben"; "sampling frame", "sample"."""
    words = [lemmas.plain(word) for word in grammar.content_words(told, language)]
    if language == "de":  # "geändert" tells "Änderungsanomalie"
        words += [word[2:] for word in words if word.startswith("ge") and len(word) > STEM]
    for own in map(lemmas.plain, grammar.content_words(name, language)):
        bare = re.sub(rf"^{_PREFIX[language]}(?=\w{{4}})", "", own)
        for word in words:
            short, long = sorted((own, word), key=len)
            if own != word and len(short) >= INSIDE and long.endswith(short):
                return True  # "bioaccumulation" and "accumulation", "elastic" and "inelastic"
            if own != word and min(len(own), len(word)) >= WHOLE and _begins(own, word):
                return True  # "cata" and "catadores", "Daten" and "Datenbank"
            if _of_one(own, word) or (bare != own and _shared(bare, word) >= max(4, _share(bare, word))):
                return True
    return False


def _begins(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _of_one(one: str, other: str) -> bool:
    shared, shorter = _shared(one, other), min(len(one), len(other))
    return shared >= max(STEM, STEM_SHARE * shorter) or shared >= max(SHORT_STEM, SHORT_SHARE * shorter)


def _share(one: str, other: str) -> float:
    return STEM_SHARE * min(len(one), len(other))


def _shared(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
