"""Questions about terms: which one fits the gap, which is described, which description fits it."""

import re
from collections.abc import Callable, Mapping, Sequence

from learnloop.generate import bearings, contrast, families, grammar, owners, sorts, wording
from learnloop.generate.questions import (
    HIGHEST_COSINE,
    TYPICAL_COSINE,
    Question,
    Source,
    blanked,
    overlaps,
)
from learnloop.generate.terms import Term

_HAS_ARTICLE = re.compile(
    r"(?:the|an?|any|all|el|la|los|las|una?|unos|unas|les?|une|des|der|die|das|den|eine?[nrms]?|alle)\b|l['’]",
    re.I,
)
OTHER_SORT = 0.5  # behind every distractor of the key's own sort
MIN_DESCRIBING_WORDS = 3  # content words of a description that is asked about


def cloze(source: Source, term: Term) -> Question:
    """The term's sentence with a gap, and terms of the course that fit its grammar."""
    lesson = source.lesson
    body = blanked(term.sentence, term.start, term.end, lesson.language)
    capital = term.text[:1].isupper() and not term.name[:1].isupper()
    ranked = rank_terms(term, source)
    names = source.some(_unlike(ranked, term.name, lesson.language), term.start)
    shown = {name[:1].upper() + name[1:] if capital else name: name for name in names}
    mine = source.description(term)
    told = [meaning for name in names if (meaning := source.pool.descriptions.get(grammar.normalised(name)))]
    if mine and _is_the_odd_one(mine, told, lesson.language):
        shown = {}  # refused for the want of options
    question = Question(
        lesson.item_id,
        lesson.language,
        "cloze",
        "term",
        wording.stem("cloze", "term", lesson.language, body=body),
        body,
        term.text,
        tuple(shown),
        term.start,
        term.end,
        term.sentence,
        notes=_term_notes(source, term, term.text, shown),
    )
    return source.with_options(question)


def _term_notes(
    source: Source, term: Term, key: str, shown: Mapping[str, str]
) -> tuple[Mapping[str, str], ...]:
    """Why each option is right or wrong, and where it comes from. shown: option -> name in the pool."""
    language = source.language
    notes = [wording.key_note(key, term.sentence.text, language)]
    for option, name in shown.items():
        meaning = source.pool.descriptions.get(grammar.normalised(name), "")
        notes.append(wording.term_note(option, meaning, language))
    return tuple(notes)


def which_term(source: Source, term: Term) -> Question | None:
    """ "Which term fits this description?"; None where the description cannot stand alone."""
    if not can_be_described(source, term) or has_weak_ending(term, source.language) or was_cut(term):
        return None
    lesson, description = source.lesson, source.description(term)
    weak = {other.name for other in source.pool.terms if has_weak_ending(other, source.language)}
    names = [
        name
        for name in rank_terms(term, source, gap=False)
        if name not in weak
        and (other := source.pool.descriptions.get(grammar.normalised(name)))
        and contrast.apart(description, other, lesson.language)
    ]
    chosen = source.some(_unlike(names, term.name, lesson.language), term.start)
    told = [source.pool.descriptions[grammar.normalised(name)] for name in chosen]
    if _is_the_odd_one(description, told, lesson.language):
        return None
    question = Question(
        lesson.item_id,
        lesson.language,
        "multiple_choice",
        "term",
        wording.stem("multiple_choice", "term", lesson.language, body=description),
        description,
        term.name,
        tuple(chosen),
        term.start,
        term.end,
        term.sentence,
        anchor=term.text,
        notes=_term_notes(source, term, term.name, {name: name for name in chosen}),
    )
    return source.with_options(question)


def which_description(source: Source, term: Term) -> Question | None:
    """ "Which description fits the term?"; None where its own cannot stand alone."""
    if not can_be_described(source, term) or was_cut(term):
        return None
    lesson, pool, similarity = source.lesson, source.pool, source.similarity
    start, end = term.predicate
    key, language = source.description(term), lesson.language
    ranked = []
    for other in pool.terms:
        text = pool.descriptions.get(grammar.normalised(other.name))
        if not text or overlaps(term.name, other.name) or overlaps(term.name, text):
            continue
        if (
            text in key
            or key in text
            or overlaps(other.name, text)
            or families.is_derived(other.name, text, language)
        ):
            continue  # one thing described twice, or an option that names what it describes
        if bool(_HAS_ARTICLE.match(key)) != bool(_HAS_ARTICLE.match(text)):
            continue  # "mot nouveau …" beside "un …"
        if was_cut(other):
            continue  # "a rocky body that circles the Sun" fits a meteoroid; ", and is too small …" is gone
        if points_elsewhere(text, language) or not contrast.apart(key, text, language):
            continue
        if term.number and other.number and term.number != other.number:
            continue
        if language != "de" and is_name(term.name) != is_name(other.name):
            continue  # a professor beside kinds of diagrams
        if are_kin(term, other, source) or sorts.clash(key, text, language):
            continue
        if similarity.lowest <= (cosine := similarity(key, text)) <= HIGHEST_COSINE:
            looks = abs(len(text) - len(key)) / max(len(text), len(key))
            looks += OTHER_SORT * sorts.differ(key, text, language)
            ranked.append((abs(cosine - TYPICAL_COSINE) + 0.5 * looks, text, other.name))
    owners_of: dict[str, str] = {}
    for _, text, name in sorted(ranked):
        if not any(text in other or other in text for other in owners_of):
            owners_of[text] = name
    distractors = _with_one_alike(key, source.some([*owners_of], start), [*owners_of], language)
    if _is_the_odd_one(key, distractors, language):
        return None
    stem = wording.stem("multiple_choice", "description", language, term=_titled(term, language))
    notes = [wording.key_note(key, term.sentence.text, language)]
    notes += [wording.description_note(text, owners_of[text], language) for text in distractors]
    question = Question(
        lesson.item_id,
        language,
        "multiple_choice",
        "description",
        stem,
        stem,
        key,
        tuple(distractors),
        start,
        end,
        term.sentence,
        term.name,
        notes=tuple(notes),
        bloom="understand",
    )
    return source.with_options(question)


def _is_the_odd_one(key: str, others: Sequence[str], language: str) -> bool:
    """Every other is of another sort, or none is known to be a process, say, as the key is."""
    own = sorts.sort(key, language)
    if not own or not others or any(_is_alike(key, other, language) for other in others):
        return False
    return own in sorts.SHOWS or all(sorts.differ(key, other, language) for other in others)


def _is_alike(one: str, other: str, language: str) -> bool:
    """Two descriptions of one sort, or with one noun at their head."""
    heads = contrast.genus(one, language), contrast.genus(other, language)
    own = sorts.sort(one, language)
    same = bool(own) and own == sorts.sort(other, language)
    return same or (all(heads) and grammar.same_word(*heads))


def _with_one_alike(key: str, chosen: Sequence[str], ranked: Sequence[str], language: str) -> list[str]:
    """`chosen` of `ranked`, the last one given up where another is of the key's sort and none of them is."""
    alike = [text for text in ranked if _is_alike(key, text, language)]
    if not alike or not chosen or any(text in alike for text in chosen):
        return list(chosen)
    return [*chosen[:-1], alike[0]]


def was_cut(term: Term) -> bool:
    """Its clause goes on after the description: what was cut away may be what tells the term apart."""
    rest = term.sentence.text[term.predicate[1] - term.sentence.start :] if term.predicate[1] else ""
    return not re.match(r"\s*[.;:]|$", rest)


def can_be_described(source: Source, term: Term) -> bool:
    """Its description is there, points at nothing outside, holds enough, and does not name the term."""
    text = source.description(term)
    if not text or points_elsewhere(text, source.language):
        return False
    told = grammar.content_words(text, source.language)
    named = any(
        grammar.same_word(word, other) or (source.language == "de" and _compounded(word, other))
        for word in grammar.content_words(term.name, source.language)
        for other in told
    )
    return (
        len(set(told)) >= MIN_DESCRIBING_WORDS
        and not named
        and not families.is_derived(term.name, text, source.language)
    )


def has_weak_ending(term: Term, language: str) -> bool:
    """ "der rechtfertigende Notstand": without its article the adjective would end otherwise."""
    first = term.name.split()[0]
    return language == "de" and first != term.name and first.endswith("e") and term.article in ("der", "das")


def is_told_by_a_part(term: Term, language: str) -> bool:
    """The sentence repeats a word of its term: "A ____ is a lens …" tells "prime lens".

    German: a part of a compound, too ("Ein ____ ist ein Vertrag …", "Mietvertrag").
    """
    text = term.sentence.text
    at = term.start - term.sentence.start
    told = grammar.content_words(text[:at] + " " + text[at + len(term.text) :], language)
    return any(
        grammar.same_word(word, other) or (language == "de" and _compounded(word, other))
        for word in grammar.content_words(term.name, language)
        for other in told
    )


def _compounded(one: str, other: str) -> bool:
    """One German word in the other, whatever its ending, or two of one last part ("-steuer")."""
    short, long = sorted((re.sub(r"(?:en|es|[sn])+$", "", word) for word in (one, other)), key=len)
    tail = contrast.SIBLING_ENDING
    return (len(short) >= 4 and short in long) or (len(short) > tail and short[-tail:] == long[-tail:])


def points_elsewhere(text: str, language: str) -> bool:
    return bool(
        grammar.POINTING[language].search(text)
        or grammar.EARLY_PRONOUN[language].search(text)
        or bearings.leans_out(text, language)
        or owners.lacks_owner(text, language)
        or owners.lacks_noun(text, language)
    )


def _unlike(names: Sequence[str], key: str, language: str) -> list[str]:
    """`names` without those that share a word with an earlier one, unless the key has that word, too.

    "Clinical psychology" and "forensic psychology" beside "theory" tell that the odd one out is asked for.
    """
    kept: list[str] = []
    own = grammar.content_words(key, language)
    for name in names:
        parts = [
            w for w in grammar.content_words(name, language) if not any(grammar.same_word(w, o) for o in own)
        ]
        told = [w for other in kept for w in grammar.content_words(other, language)]
        if not any(grammar.same_word(part, word) for part in parts for word in told):
            kept.append(name)
    return kept


def agrees(key: Term, other: Term, before: str) -> bool:
    """True where `other` fits the grammar of the key's place: gender, number, elided article."""
    if _clashes(key, other) and (key.how == "named" or not {*key.gender, *other.gender} & {*"cu"}):
        return False  # what can be counted is a matter of degree: rank_terms puts it behind
    if key.number and other.number and key.number != other.number:
        return False
    if key.number == "plural" and not other.number:
        return False  # "____ sind Taten": the verb would tell
    if other.number == "plural" and not key.number and key.how == "told":
        return False  # "____ entsteht, wenn …" beside "Mechanorezeptoren"
    # "ein" may be masculine or neuter: beside "der" its noun could be the only one that does not fit.
    if re.search(r"(?:^|\s)(?:der|das|die) $", before, re.I) and not set(other.gender) <= set(key.gender):
        return False
    if re.search(r"(?:^|\s)(?:der|das|die|eine?|el|la|una?|le|une) $", before, re.I) and not other.gender:
        return False  # the article would tell it from the others
    if "c" in key.gender and "u" in other.gender and re.search(r"\b[Aa]n? $", before):
        return False  # "a neuroplasticity"
    if re.search(r"\b[Ee]in(?:e[mnrs]?)? $", before) and other.name[:1].islower():
        return False  # "ein absolute Nullpunkt": the adjective's ending is the definite article's
    if before.endswith(("'", "’")):
        return grammar.normalised(other.name)[:1] in "aeiouyh"
    elided = re.search(r"(?:^|\s)(?:le|la|de) $", before, re.I) and other.article in ("l'", "l’")
    vowel = (
        re.search(r"(?:^|\s)(?:le|la|de) $", before, re.I) and grammar.normalised(other.name)[:1] in "aeiou"
    )
    return not (vowel or elided)


def is_name(term: str) -> bool:
    """ "Isaac Newton": a person, a place, an institution, as far as capitals tell (not in German)."""
    return " " in term and all(word[:1].isupper() for word in term.split() if len(word) > 3)


def _are_apart(one: Term, other: Term, source: Source) -> bool:
    """By what the course says of them; True where it says nothing of one."""
    described = source.pool.descriptions
    mine, theirs = (described.get(grammar.normalised(term.name), "") for term in (one, other))
    return not (mine and theirs) or contrast.apart(mine, theirs, source.language)


def are_kin(one: Term, other: Term, source: Source) -> bool:
    """The course calls one a kind of the other: a mortgage is a loan, so what a loan is, it is, too.

    Siblings by name ("short-term memory", "working memory") count as kin unless opposites part them.
    """
    language = source.language
    mine, theirs = (source.pool.descriptions.get(grammar.normalised(t.name), "") for t in (one, other))
    if contrast.are_siblings(one.name, other.name, language) and not contrast.are_opposed(
        mine, theirs, language
    ):
        return True
    for term, name in ((one, other.name), (other, one.name)):
        text = source.pool.descriptions.get(grammar.normalised(term.name), "")
        kind = contrast.genus(text, language) if text else ""
        if kind and any(grammar.same_word(kind, word) for word in grammar.content_words(name, language)):
            return True
    return False


def _stand_alike(one: Term, other: Term) -> bool:
    """Both with an indefinite article, both with another, or both without."""
    return (_indefinite(one), bool(one.article)) == (_indefinite(other), bool(other.article))


def _indefinite(term: Term) -> bool:
    return term.article in ("a", "an", "un", "una", "une", "ein", "eine")


def _clashes(key: Term, other: Term) -> bool:
    return bool(key.gender and other.gender and not set(key.gender) & set(other.gender))


def rank_terms(key: Term, source: Source, gap: bool = True) -> list[str]:
    """Names that may stand beside `key`, the closest to what people choose first.

    gap: they must fit the grammar of the key's place in its sentence.
    """
    lesson, pool, similarity = source.lesson, source.pool, source.similarity
    before = lesson.text[max(0, key.start - 5) : key.start].replace("\n", " ") if gap else ""
    found = []
    for other in pool.terms:
        if not agrees(key, other, before) or overlaps(key.name, other.name):
            continue
        if (
            gap
            and key.gender == "u"
            and other.gender == "c"
            and not re.search(r"\b(?:an?|the) $", before, re.I)
        ):
            continue  # "____ occurs when …": "module" wants an article
        if gap and key.how == "defined" and not _stand_alike(key, other):
            continue  # "____ is the tendency to …": "deductible" wants an article
        if gap and has_weak_ending(other, lesson.language) and not re.search(r"\b[Dd](?:er|as) $", before):
            continue  # "____ ist …": "blinde Fleck" wants its article
        if key.name[1:2].isupper() != other.name[1:2].isupper():
            continue  # an acronym among words is found by its looks
        if lesson.language != "de" and is_name(key.name) != is_name(other.name):
            continue  # "Isaac Newton" beside "friction"
        if not similarity.lowest <= (cosine := similarity(key.name, other.name)) <= HIGHEST_COSINE:
            continue
        if lesson.language != "de" and key.name[:1].isupper() != other.name[:1].isupper():
            continue  # "the Colosseum" beside "a toga"
        if are_kin(key, other, source) or not _are_apart(key, other, source):
            continue
        if _compare(sorts.clash, key, other, source):
            continue
        looks = abs(len(other.name.split()) - len(key.name.split())) * 0.1
        looks += 0.4 * (_clashes(key, other) or (bool(key.gender) and not other.gender))
        looks += 0.2 * (_indefinite(key) != _indefinite(other))
        looks += OTHER_SORT * _compare(sorts.differ, key, other, source)
        found.append((abs(cosine - TYPICAL_COSINE) + looks, other.name))
    return [name for _, name in sorted(set(found))]


def _compare(rule: Callable[[str, str, str], bool], one: Term, other: Term, source: Source) -> bool:
    """`rule` of what the course says of both; False where it says nothing of one."""
    mine, theirs = (source.pool.descriptions.get(grammar.normalised(term.name), "") for term in (one, other))
    return bool(mine and theirs) and rule(mine, theirs, source.language)


def _titled(term: Term, language: str) -> str:
    """The term as a title; a German adjective keeps the article that its ending agrees with."""
    article = {"m": "der", "f": "die", "n": "das"}.get(term.gender, "")
    return f"{article} {term.name}" if language == "de" and article and term.name[0].islower() else term.name
