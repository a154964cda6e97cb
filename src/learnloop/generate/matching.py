"""Terms of one lesson with their descriptions, to be put together.

{"stem": "Match each term with its description: crest, trough, fetch.",
 "key": "crest: the highest point of a wave; trough: …", "options": ["the distance …", …],
 "answer": {"pairs": [["crest", "the highest point of a wave"], …]}}
"""

from collections.abc import Sequence

from learnloop.generate import clozes, contrast, wording
from learnloop.generate.questions import Question, Source, overlaps
from learnloop.generate.terms import Term

FEWEST, MOST = 3, 5


def propose(source: Source, terms: Sequence[Term]) -> list[Question]:
    """Questions of 3 to 5 pairs, each term once; terms in text order."""
    left = [term for term in terms if clozes.can_be_described(source, term)]
    found = []
    while len(chosen := _group(source, left)) >= FEWEST:
        found.append(_question(source, chosen))
        left = [term for term in left if term not in chosen]
    return found


def _group(source: Source, terms: Sequence[Term]) -> list[Term]:
    """The first of `terms` and those that fit to it: one number, no description that suits two of them."""
    best: list[Term] = []
    for first in terms:
        chosen: list[Term] = []
        for term in terms:
            if (
                len(chosen) < MOST
                and term.number == first.number
                and all(_fit(source, term, c) for c in chosen)
            ):
                chosen.append(term)
        if len(chosen) > len(best):
            best = chosen
        if len(best) >= FEWEST:
            break
    return best


def _fit(source: Source, one: Term, other: Term) -> bool:
    mine, theirs = source.description(one), source.description(other)
    return (
        contrast.apart(mine, theirs, source.language)
        and not overlaps(one.name, other.name)
        and not overlaps(one.name, theirs)
        and not overlaps(other.name, mine)
        and bool(one.gender) == bool(other.gender)
    )


def _question(source: Source, terms: Sequence[Term]) -> Question:
    lesson, language = source.lesson, source.language
    pairs = [[term.name, source.description(term)] for term in terms]
    start, end = terms[0].predicate
    shown = [description for _, description in pairs]
    source.draws(lesson.item_id, start, "matching").shuffle(shown)
    if shown == [description for _, description in pairs]:
        shown = shown[1:] + shown[:1]
    body = ", ".join(name for name, _ in pairs)
    return Question(
        lesson.item_id,
        language,
        "matching",
        "definitions",
        wording.stem("matching", "definitions", language, body=body),
        body,
        "; ".join(f"{name}: {description}" for name, description in pairs),
        (),
        start,
        end,
        terms[0].sentence,
        options=tuple(shown),
        anchor=lesson.text[start:end],
        answer={"pairs": pairs},
        notes=tuple(
            wording.key_note(source.description(term), term.sentence.text, language) for term in terms
        ),
        bloom="understand",
    )
