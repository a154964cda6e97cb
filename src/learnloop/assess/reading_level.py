"""How many years of school a text asks for, from the length of its sentences and words; four languages.

"The cat sat on the mat." -> 0.0 (at most the first year); a page of a law book -> 14 and more.

    en  Flesch-Kincaid: 0.39 W/S + 11.8 Y/W - 15.59 (Kincaid et al. 1975)
    es  Szigriszt-Pazos 1993: 206.835 - 62.3 Y/W - W/S, on the INFLESZ scale (Barrio-Cantalejo et al. 2008)
    fr  Kandel & Moles 1958: 207 - 1.015 W/S - 73.6 Y/W, on Flesch's scale (1949)
    de  first Wiener Sachtextformel (Bamberger & Vanecek 1984): 0.1935 MS + 0.1672 W/S + 0.1297 IW
        - 0.0327 ES - 0.875; MS, ES, IW: percent of words with 3 syllables or more, with one, above 6 letters

W words, S sentences, Y syllables. A formula sees length, not sense: a hint, no verdict.
"""

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from learnloop.assess.words import LANGUAGES, visible_lines
from learnloop.errors import BadInput

MOST = 20.0
# (ease, years of school): between two points a straight line.
_INFLESZ = ((0, 18), (15, 16), (40, 12), (55, 10), (65, 8), (80, 6), (100, 2), (120, 0))
_FLESCH = ((0, 18), (30, 16), (50, 12), (60, 9), (70, 7), (80, 6), (90, 5), (100, 4), (120, 0))
_ABBREVIATIONS = re.compile(
    r"\b(?:e\.g|i\.e|etc|vs|Dr|Mr|Mrs|Ms|St|Fig|No|p\.ej|Sr|Sra|Dra|Ud|Uds|M|Mme|cf|z\.B|d\.h|bzw|usw|Nr"
    r"|ca|Abb|u\.a|[A-Z])\.(?=\s)"
)
_END = re.compile(r"[.!?…]+[\"”»')\]]*(?=\s|$)|\n\s*\n|\n(?=\s*[-*•])")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_STRONG, _ACCENTED_WEAK = "aeoáéó", "íú"


@dataclass(frozen=True)
class Counts:
    """What the formulas are made of."""

    sentences: int
    words: int
    syllables: int
    long_words: int  # three syllables or more
    short_words: int  # one syllable
    many_letters: int  # more than six letters


def reading_level(text: str, language: str) -> float:
    """Years of school in [0, 20]. Raises BadInput: no formula for `language`, or no words in `text`.

    Below about 100 words the number is coarse: one long sentence moves it by years.
    """
    found = counts(text, language)
    per_sentence, per_word = found.words / found.sentences, found.syllables / found.words
    if language == "en":
        years = 0.39 * per_sentence + 11.8 * per_word - 15.59
    elif language == "es":
        years = _years(206.835 - 62.3 * per_word - per_sentence, _INFLESZ)
    elif language == "fr":
        years = _years(207 - 1.015 * per_sentence - 73.6 * per_word, _FLESCH)
    else:
        percent = 100 / found.words
        years = (
            0.1935 * percent * found.long_words
            + 0.1672 * per_sentence
            + 0.1297 * percent * found.many_letters
            - 0.0327 * percent * found.short_words
            - 0.875
        )
    return float(np.clip(years, 0.0, MOST))


def years_or_nan(text: str, language: str) -> float:
    """`reading_level`, NaN where it is not to be told: a text without words, a language without a formula."""
    try:
        return reading_level(text, language)
    except BadInput:
        return math.nan


def counts(text: str, language: str) -> Counts:
    """Raises BadInput."""
    if language not in LANGUAGES:
        raise BadInput(
            f"no reading level in {language!r}; there are {', '.join(LANGUAGES)}", field="language"
        )
    found = _WORD.findall(visible_lines(text))
    if not found:
        raise BadInput("a text without words has no reading level", field="text")
    lengths = [syllables(word, language) for word in found]
    return Counts(
        max(1, len(sentences(text))),
        len(found),
        sum(lengths),
        sum(n >= 3 for n in lengths),
        sum(n == 1 for n in lengths),
        sum(len(word) > 6 for word in found),
    )


def sentences(text: str) -> list[str]:
    """The sentences of `text` that have a word; a blank line or a list's next line ends one too."""
    return [text[start:end] for start, end in sentence_spans(text)]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence in `text`, without the white space around it."""
    shielded = _ABBREVIATIONS.sub(lambda found: found[0].replace(".", "\0"), text)
    spans, start = [], 0
    for end in [*(match.end() for match in _END.finditer(shielded)), len(text)]:
        piece = text[start:end]
        if _WORD.search(piece):
            left = len(piece) - len(piece.lstrip())
            spans.append((start + left, start + len(piece.rstrip())))
        start = end
    return spans


def syllables(word: str, language: str) -> int:
    """At least 1. Hyphenation never parts a vowel that stands alone ("i-dea"), so vowels are counted, too.

    The larger of pyphen's parts and the groups of vowels; Spanish by its rule: every strong or accented
    weak vowel is the heart of a syllable ("dí-a", "a-gua").
    """
    plain = word.casefold()
    vowels = _spanish(plain) if language == "es" else _vowel_groups(plain, language)
    return max(1, vowels, _hyphenated(plain, language))


def _vowel_groups(word: str, language: str) -> int:
    groups = len(re.findall(r"[aeiouyäöüàâéèêëîïôûùœæ]+", word))
    if (
        language == "en"
        and re.search(r"[^aeiouy](?:e|es|ed)$", word)
        and not re.search(r"(?:[^aeiouyl]le|[^aeiouy]les|[td]ed|[sxz]es|ces|ges|shes|ches)$", word)
    ):
        groups -= 1  # a silent e
    if language == "fr" and groups > 1 and re.search(r"[^aeiouyéèêâîôû](?:e|es|ent)$", word):
        groups -= 1
    return groups


def _spanish(word: str) -> int:
    """Strong vowels and accented weak ones, and groups of weak vowels that touch none of them."""
    plain = re.sub(r"qu(?=[eiéí])|gu(?=[eiéí])", "g", word)
    hearts = sum(c in _STRONG + _ACCENTED_WEAK for c in plain)
    alone = re.findall(
        rf"(?<![{_STRONG}{_ACCENTED_WEAK}iuüy])[iuüy]+(?![{_STRONG}{_ACCENTED_WEAK}iuüy])", plain
    )
    return hearts + sum(1 for one in alone if one != "y" or plain == "y")


def _hyphenated(word: str, language: str) -> int:
    # English and German patterns at their own margins: nearer the edge they guess ("t-able")
    return len(_dictionary(language).positions(word)) + 1


@cache
def _dictionary(language: str) -> Any:
    from pyphen import Pyphen

    return Pyphen(lang={"en": "en_US", "de": "de_DE"}.get(language, language))


def _years(ease: float, scale: tuple[tuple[int, int], ...]) -> float:
    return float(np.interp(ease, [point[0] for point in scale], [point[1] for point in scale]))
