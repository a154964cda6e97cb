"""The kinds of question and what proposes each: a table of names and functions."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from learnloop.errors import BadInput
from learnloop.generate import (
    askable,
    clozes,
    families,
    figures,
    grammar,
    lemmas,
    matching,
    ordering,
    referents,
    short_answers,
    standing,
    true_false,
)
from learnloop.generate.questions import Question, Source
from learnloop.generate.terms import Lesson, Quantity, Term, definitions, mentions

# What people type for a kind, beside its name.
SHORT = {
    "mc": "multiple_choice",
    "choice": "multiple_choice",
    "tf": "true_false",
    "short": "short_answer",
    "sa": "short_answer",
    "order": "ordering",
    "match": "matching",
    "gap": "cloze",
}


@dataclass(frozen=True)
class Found:
    """What of a lesson can be asked about: its definitions, its figures, its uses of known terms."""

    defined: Sequence[Term]
    figures: Sequence[Quantity]
    mentioned: Sequence[Term]


def find(source: Source, main_terms: Collection[str] = ()) -> Found:
    """`main_terms` (normalised) go before all others."""
    lesson = source.lesson
    defined = sorted(definitions(lesson), key=lambda term: grammar.normalised(term.name) not in main_terms)
    defined = [term for term in defined if not _is_the_topic(term, lesson)]
    own = {(term.start, term.end) for term in defined}
    mentioned = [term for term in mentions(lesson, source.pool.terms) if (term.start, term.end) not in own]
    # Of questions about years and about rough figures one in eight could not be answered or had two answers.
    # Years are put in order.
    exact = [q for q in askable.askable(lesson) if not askable.is_year(q) and not _is_rough(q)]
    return Found(defined, exact, mentioned)


TOPIC_WORDS = 2


def _is_the_topic(term: Term, lesson: Lesson) -> bool:
    """What the whole lesson is about ("The tides", "tide") its learners know by name."""
    topic = grammar.content_words(lesson.topic, lesson.language)
    named = grammar.content_words(term.name, lesson.language)
    return len(topic) <= TOPIC_WORDS and all(
        any(lemmas.same(word, other, lesson.language) for other in topic) for word in named
    )


def _is_rough(quantity: Quantity) -> bool:
    """ "About 5 per cent", "usually 1.5 cm": who read 10 or 2 elsewhere is not wrong."""
    before, after = askable.around(quantity)
    rough = askable.ABOUT.search(before) or _OR_SO.match(after) or _USUALLY.search(quantity.sentence.text)
    return bool(rough or (quantity.sentence.text and _WHAT_WAS_TOLD.search(before)))


_OR_SO = re.compile(r"[ \u00a0]?[\w°%]*[ ](?:or so|environ|aproximadamente|más o menos|ungefähr)\b")
_USUALLY = re.compile(
    r"\b(?:usually|typically|generally|normally|on average|often|en général|généralement|le plus souvent"
    r"|en moyenne|souvent|normalement|por lo general|generalmente|normalmente|de media|suele\w*|a menudo"
    r"|in der Regel|meist(?:ens)?|üblicherweise|durchschnittlich|im Durchschnitt|normalerweise|oft)\b",
    re.I,
)
# "Un accident responsable l'augmente de 25 %": what goes up, the sentence before says.
_WHAT_WAS_TOLD = re.compile(r"[a-zà-ÿ] l['’][a-zà-ÿ]+e(?:nt)? (?:de|d['’]|à|par) ?$")


def _with_a_gap(source: Source, found: Found) -> list[Term]:
    """Terms whose sentence can be shown with a gap for them."""
    return [
        term
        for term in found.defined
        if not standing.objection(term.sentence, source.lesson)
        and not _is_adjective(term)
        and not clozes.is_told_by_a_part(term, source.language)
        and not _lacks_a_noun(term, source.language)
        and not families.is_derived(term.name, _around(term), source.language)
        and not (term.how == "named" and _names_what_was_told(term, source))
        and (term.how != "defined" or _describes_alone(source.description(term), source.language))
    ]


def _describes_alone(description: str, language: str) -> bool:
    """There is a description, and nothing in it that another sentence explains."""
    return bool(description) and not clozes.points_elsewhere(description, language)


def _clozes(source: Source, found: Found) -> list[Question]:
    # "The person who … is called ____": no description says what its options must be; it is written.
    asked = [term for term in _with_a_gap(source, found) if term.how in ("defined", "mentioned")]
    terms = [clozes.cloze(source, term) for term in asked]
    return _alternating(terms, [figures.cloze(source, quantity) for quantity in found.figures])


def _names_what_was_told(term: Term, source: Source) -> bool:
    """ "The smallest unit of the pattern is called a foot": of which pattern, the sentence before says."""
    return (
        referents.is_bare_subject(_before(term), source.language)
        or referents.is_part_of_the_told(term.sentence, source.lesson)
        or bool(referents.brought_in(term.sentence, source.lesson))
    )


def _around(term: Term) -> str:
    """Its sentence without it."""
    return f"{_before(term)} {term.sentence.text[term.end - term.sentence.start :]}"


def _before(term: Term) -> str:
    return term.sentence.text[: term.start - term.sentence.start]


def _lacks_a_noun(term: Term, language: str) -> bool:
    """ "Ein ____ liegt vor, wenn sie beibehalten wird": nothing stands before the pronoun but the gap."""
    pronoun = _PRONOUN.search(term.sentence.text) if language == "de" else None
    if pronoun is None or pronoun.start() < term.start - term.sentence.start:
        return False
    between = term.sentence.text[term.end - term.sentence.start : pronoun.start()]
    agrees = pronoun[1] == {"f": "sie", "m": "er", "n": "es"}.get(term.gender, "")
    return not agrees and not re.search(r"[A-ZÄÖÜ]", between)


_PRONOUN = re.compile(r"\b(sie|er|ihn|ihm|ihr|ihnen)\b")


def _is_adjective(term: Term) -> bool:
    """ "A distribution with two peaks is called bimodal": beside nouns it is the odd one out."""
    return term.how == "named" and not term.article and bool(_COUNTABLE.match(term.sentence.text))


_COUNTABLE = re.compile(r"(?:An?|Each|Every|Una?|Cada|Une?|Chaque|Eine?|Jede[rs]?)\b")


def _choices(source: Source, found: Found) -> list[Question]:
    """Asked in turn for the description of a term and for the term of a description."""
    pairs = [
        (clozes.which_description(source, term), clozes.which_term(source, term)) for term in found.defined
    ]
    first = [pair[turn % 2] for turn, pair in enumerate(pairs)]
    second = [pair[1 - turn % 2] for turn, pair in enumerate(pairs)]
    return [question for question in first + second if question is not None]


def _true_false(source: Source, found: Found) -> list[Question]:
    terms = [q for term in found.defined if (q := true_false.about_term(source, term)) is not None]
    taught = [term.name for term in found.defined]
    named = [  # "The cock crows and the sun rises" is no fact of the lesson
        sentence
        for sentence in source.lesson.sentences
        if any(lemmas.named_in(name, sentence.text, source.language) for name in taught)
    ]
    turned = [q for s in named if (q := true_false.about_direction(source, s)) is not None]
    return _alternating(terms, turned)


def _short_answers(source: Source, found: Found) -> list[Question]:
    """By what is said of a term; where that is cut or too little, by its whole sentence."""
    described = {t: q for t in found.defined if (q := short_answers.for_term(source, t)) is not None}
    named = [
        term
        for term in _with_a_gap(source, found)
        if term.how in ("named", "told", "defined") and term not in described
    ]
    terms = [*described.values()]
    terms += [q for term in named if (q := short_answers.for_name(source, term)) is not None]
    numbers = [
        short_answers.for_figure(source, quantity)
        for quantity in found.figures
        if short_answers.is_known_by_heart(quantity, source.lesson)
    ]
    return _alternating(terms, numbers)


def _ordering(source: Source, found: Found) -> list[Question]:
    return ordering.propose(source)


def _matching(source: Source, found: Found) -> list[Question]:
    return matching.propose(source, found.defined)


def _alternating(one: Sequence[Question], other: Sequence[Question]) -> list[Question]:
    both = [question for pair in zip(one, other, strict=False) for question in pair]
    shorter = min(len(one), len(other))
    return [*both, *one[shorter:], *other[shorter:]]


# In the order of their turns: what few texts give comes first.
KINDS: Mapping[str, Callable[[Source, Found], list[Question]]] = {
    "ordering": _ordering,
    "matching": _matching,
    "multiple_choice": _choices,
    "cloze": _clozes,
    "true_false": _true_false,
    "short_answer": _short_answers,
}


def named(text: str) -> tuple[str, ...]:
    """Kinds from names or short forms, separated by commas; all of them for "". Raises BadInput.

    >>> named("mc, cloze")
    ('multiple_choice', 'cloze')
    """
    found = []
    for part in filter(None, (part.strip().lower().replace("-", "_") for part in text.split(","))):
        name = SHORT.get(part, part)
        if name not in KINDS:
            raise BadInput(
                f"there is no kind of question {part!r}; there are {', '.join(KINDS)}", "--kinds mc,cloze"
            )
        found.append(name)
    return tuple(dict.fromkeys(found)) or tuple(KINDS)


def queues(
    source: Source, wanted: Collection[str], main_terms: Collection[str] = ()
) -> dict[str, list[Question]]:
    """kind -> its proposals for one lesson, the most promising first.

    Several may rest on one sentence: the pipeline takes one of them.
    """
    if source.language not in grammar.LANGUAGES:
        return {}
    found = find(source, main_terms)
    return {kind: propose(source, found) for kind, propose in KINDS.items() if kind in wanted}


def propose(source: Source, wanted: Collection[str], main_terms: Collection[str] = ()) -> list[Question]:
    """All proposals of `queues`, the kinds in turn."""
    parted = queues(source, wanted, main_terms).values()
    longest = max((len(queue) for queue in parted), default=0)
    return [queue[turn] for turn in range(longest) for queue in parted if turn < len(queue)]
