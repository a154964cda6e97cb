"""Declared languages and texts in, ISO 639 codes out; `und` where nobody can tell.

The author's declaration counts, in the form `en`. Where there is none the text decides, if it is long
enough and clear; against a declaration only a text that is very long and very clear.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from lingua import LanguageDetector

DETECTED = ("en", "es", "fr", "de", "pt", "it", "nl")
MIN_LETTERS, SURE = 40, 0.8  # to name a language that nobody declared
MIN_LETTERS_AGAINST, VERY_SURE = 200, 0.99  # to overrule a declaration
UNDETERMINED = "und"

_NAMES = {
    name: code
    for code, names in {
        "en": "eng english inglés anglais englisch",
        "es": "spa spanish español espagnol spanisch castellano",
        "fr": "fra fre french francés français französisch",
        "de": "deu ger german alemán allemand deutsch",
        "pt": "por portuguese portugués português",
        "it": "ita italian italiano",
        "nl": "nld dut dutch nederlands",
    }.items()
    for name in names.split()
}
_TAG = re.compile(r"^([a-z]{2,3})(?:[-_.][a-z0-9@_.-]*)?$")
_NO_LANGUAGE = {"und", "mul", "zxx", "mis"}


def normalise_language(declared: str) -> str | None:
    """The primary code of a language tag or name; None where it says nothing.

    >>> normalise_language("en-GB"), normalise_language("es_ES.UTF-8"), normalise_language("Deutsch")
    ('en', 'es', 'de')
    """
    text = declared.strip().lower()
    if text in _NAMES:
        return _NAMES[text]
    match = _TAG.match(text)
    if not match or match[1] in _NO_LANGUAGE:
        return None
    return _NAMES.get(match[1], match[1])


@cache
def _detector() -> "LanguageDetector":
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [IsoCode639_1.from_str(code) for code in DETECTED]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()


def detect(text: str, min_letters: int = MIN_LETTERS, sure: float = SURE) -> str:
    """The language of `text`, or `und` where it is shorter than `min_letters` or less clear than `sure`.

    >>> detect("El promedio es la suma de los valores dividida entre cuántos son.")
    'es'
    """
    return detect_with_confidence(text, min_letters, sure)[0]


def detect_with_confidence(
    text: str, min_letters: int = MIN_LETTERS, sure: float = SURE
) -> tuple[str, float]:
    """(`detect`'s code, the detector's confidence in it in [0, 1]; 0 for `und`).

    >>> detect_with_confidence("Hola")
    ('und', 0.0)
    """
    if sum(character.isalpha() for character in text) < min_letters:
        return UNDETERMINED, 0.0
    best = _detector().compute_language_confidence_values(text)[0]
    if best.value < sure:
        return UNDETERMINED, 0.0
    return best.language.iso_code_639_1.name.lower(), float(best.value)


def resolve_languages(declared: pd.Series, texts: pd.Series) -> tuple[pd.Series, pd.Series, dict[str, int]]:
    """(a code a row, confidence, repairs). declared: tags, names or NA; texts: on the same index.

    confidence: Float64, the detector's in [0, 1] where the text decided, else NA.
    """
    rows = [
        _resolve(normalise_language(told) if isinstance(told, str) else None, text)
        for told, text in zip(declared.astype(object), texts.astype(object).fillna(""), strict=True)
    ]
    repairs: dict[str, int] = {}
    for _, _, rule in rows:
        if rule:
            repairs[rule] = repairs.get(rule, 0) + 1
    codes = pd.Series([code for code, _, _ in rows], index=declared.index, dtype="str", name="language")
    sure = pd.Series([c for _, c, _ in rows], index=declared.index, dtype="Float64", name="confidence")
    return codes, sure, repairs


def _resolve(declared: str | None, text: str) -> tuple[str, float | None, str]:
    """(code, the detector's confidence where its word counts, the repair it took or "")."""
    if declared is None:
        found, confidence = detect_with_confidence(text)
        return (found, None, "") if found == UNDETERMINED else (found, confidence, "language detected")
    if declared not in DETECTED:  # what the detector does not know it cannot deny either
        return declared, None, ""
    found, confidence = detect_with_confidence(text, MIN_LETTERS_AGAINST, VERY_SURE)
    if found in (declared, UNDETERMINED):
        return declared, None, ""
    return found, confidence, "language declared wrongly"
