"""Which points of a reference an answer leaves out.

"It is a series circuit and the gap breaks it" has two points; "there is a gap" leaves out "It is a series
circuit". A point is a clause; it is met where half of its content words, without the question's, are there.
"""

import re

from learnloop.assess import words

MET = 0.5
_JOINTS = {
    "en": r"\band\b|\bbecause\b|\bso\b|\bbut\b|\bwhile\b|\bwhich\b|\btherefore\b",
    "es": r"\by\b|\bporque\b|\bpero\b|\bmientras\b|\bpor eso\b|\bya que\b",
    "fr": r"\bet\b|\bparce que?\b|\bcar\b|\bmais\b|\btandis que\b|\bdonc\b",
    "de": r"\bund\b|\bweil\b|\baber\b|\bwährend\b|\bdeshalb\b|\bdenn\b",
}


def points(reference: str, language: str) -> list[str]:
    """The clauses of `reference`, each of two content words or more; a shorter one joins the one before."""
    pieces = [
        piece.strip()
        for piece in re.split(rf"[.;,:]\s+|{_JOINTS.get(language, '(?!)')}", words.visible(reference))
    ]
    found: list[str] = []
    for piece in (one.strip(" .,;:") for one in pieces if one.strip(" .,;:")):
        if found and len(words.content(words.tokens(piece, language), language)) < 2:
            found[-1] = f"{found[-1]} {piece}"
        else:
            found.append(piece)
    return found


def missed_points(reference: str, answer: str, stem: str, language: str) -> tuple[str, ...]:
    """The points of `reference` that fewer than half of the new content words in `answer` speak for."""
    said = set(words.lemmas(answer, language))
    asked = set(words.lemmas(stem, language))
    missed = []
    for point in points(reference, language):
        content = set(_content_lemmas(point, language))
        new = (content - asked) or content
        if new and len(new & said) < MET * len(new):
            missed.append(point)
    return tuple(missed)


def _content_lemmas(text: str, language: str) -> list[str]:
    return [words.lemma(word, language) for word in words.content(words.tokens(text, language), language)]
