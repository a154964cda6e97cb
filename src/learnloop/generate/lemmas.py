"""Words in, their dictionary forms out, in English, Spanish, French and German.

simplemma (Barbaresi; MIT) looks a form up in a word list and, failing that, cuts endings by rule: "mice"
is "mouse", "Kräfte" is "kraft". A language it does not know keeps its words as they are.
"""

import unicodedata
from functools import lru_cache

from learnloop.generate import grammar

KNOWN = ("en", "es", "fr", "de")


@lru_cache(maxsize=100_000)
def lemma(word: str, language: str) -> str:
    """The dictionary form of `word`, lower case and without accents."""
    return plain(_looked_up(word, language))


def lemmas(text: str, language: str) -> list[str]:
    """The dictionary forms of the content words of `text`, in order."""
    return [lemma(word, language) for word in grammar.content_words(text, language)]


def same(one: str, other: str, language: str) -> bool:
    """One word in two forms: by dictionary, or equal but for an ending."""
    return lemma(one, language) == lemma(other, language) or grammar.same_word(one, other)


def named_in(term: str, text: str, language: str) -> bool:
    """Every content word of `term`, however inflected, stands in `text`."""
    parts = grammar.content_words(term, language) or grammar.words(term)
    there = grammar.words(text)
    return bool(parts) and all(any(same(part, word, language) for word in there) for part in parts)


def is_plural(word: str, language: str) -> bool | None:
    """Whether `word` is a plural form, None where its form does not say (always so in German)."""
    if language not in ("en", "es", "fr"):
        return None
    bare, written = lemma(word, language), plain(word)
    if written == bare:
        return None if written.endswith(("ics", "ies")) else False
    irregular = ("i", "a", "ae", "men", "ren", "ice", "eet", "eth")
    return True if written.endswith(("s", "x", *(irregular if language == "en" else ()))) else None


@lru_cache(maxsize=100_000)
def is_word(word: str, language: str) -> bool:
    """True where the word list holds `word`; German nouns by their capital."""
    if language not in KNOWN:
        return False
    import simplemma

    forms = (word.lower(), word.capitalize()) if language == "de" else (word.lower(),)
    return any(simplemma.is_known(form, lang=language) for form in forms)


def plain(text: str) -> str:
    """Case folded, accents taken off."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _looked_up(word: str, language: str) -> str:
    if language not in KNOWN or word.isdigit():
        return word
    import simplemma

    # German nouns are listed with their capital.
    found = simplemma.lemmatize(word.capitalize() if language == "de" else word.lower(), lang=language)
    if language == "de" and plain(found) == plain(word):
        found = simplemma.lemmatize(word.lower(), lang=language)
    return str(found)
