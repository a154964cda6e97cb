"""Terms of one lesson with their descriptions, to be put together.

{"stem": "Match each term with its description: crest, trough, fetch.",
 "key": "crest: the highest point of a wave; trough: …", "options": ["the distance …", …],
 "answer": {"pairs": [["crest", "the highest point of a wave"], …]}}
"""

from collections.abc import Sequence

from learnloop.generate import clozes, contrast, families, wording
from learnloop.generate.questions import Question, Source, overlaps
from learnloop.generate.terms import Term

FEWEST, MOST = 3, 4
ENOUGH = 6  # definitions of a lesson; with fewer they are better asked one by one


def propose(source: Source, terms: Sequence[Term]) -> list[Question]:
    """Questions of 3 or 4 pairs, those of the last terms first: the other kinds begin with the first."""
    able = [
        term
        for term in terms
        if clozes.can_be_described(source, term)
        and not families.is_derived(term.name, source.description(term), source.language)
        # a German adjective needs its article: "der hydraulische Abgleich"
        and not (source.language == "de" and term.name[:1].islower())
    ][::-1]
    if len(able) < ENOUGH:
        return []
    groups = [_group(source, able[at:]) for at in range(len(able) - FEWEST + 1)]
    return [_question(source, chosen[::-1]) for chosen in groups if len(chosen) >= FEWEST]


def _group(source: Source, terms: Sequence[Term]) -> list[Term]:
    """The first of `terms` and those that fit to it: one number, no description that suits two of them."""
    chosen: list[Term] = []
    for term in terms:
        same = term.number == terms[0].number
        if len(chosen) < MOST and same and all(_fit(source, term, other) for other in chosen):
            chosen.append(term)
    return chosen


def _fit(source: Source, one: Term, other: Term) -> bool:
    mine, theirs = source.description(one), source.description(other)
    return (
        contrast.apart(mine, theirs, source.language)
        and not overlaps(one.name, other.name)
        and not clozes.are_kin(one, other, source)
        and not overlaps(one.name, theirs)
        and not overlaps(other.name, mine)
        and (source.language == "de" or clozes.is_name(one.name) == clozes.is_name(other.name))
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
