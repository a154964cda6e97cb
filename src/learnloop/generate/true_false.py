"""Statements that are true or false: a sentence of the lesson, or the same with one thing exchanged.

    {"stem": "True or false? A spring tide is a tide of small range.", "key": "false",
     "answer": {"corrected": "A neap tide is a tide of small range."}}

Exchanged is the term of a definition (for another of the course), a figure, or a word for its opposite.
Whether a sentence is changed is drawn from seed and place, so about half the statements are true.
"""

from learnloop.generate import clozes, contrast, figures, grammar, opposites, sorts, standing, wording
from learnloop.generate.questions import Question, Source
from learnloop.generate.sentences import Sentence
from learnloop.generate.terms import Quantity, Term

NEAREST = 6  # terms whose descriptions are compared
ALIKE = 0.4  # cosine of two descriptions, English; "a transistor is a path of low resistance" has .1


def about_term(source: Source, term: Term) -> Question | None:
    """What the lesson says of `term`, said of it or of another term of the course."""
    if term.how != "defined" or standing.objection(term.sentence, source.lesson):
        return None
    if not clozes.can_be_described(source, term) or clozes.was_cut(term):
        return None  # "brand equity is the extra value that a product has" [because of its name]
    text, end = source.lesson.text, term.predicate[1]
    truth = _one_line(text[term.sentence.start : end] + ".")
    span = (term.start, term.end)
    others = _exchangeable(source, term)
    if not others:
        return None  # were it asked as it is, "true" would be right more often than not
    if source.draws(source.lesson.item_id, term.start, "true_false").random() < 0.5:
        return _statement(source, "definition", truth, truth, term.sentence, span, term)
    other = others[0]
    if term.start == term.sentence.start:
        other = other[:1].upper() + other[1:]
    told = text[term.sentence.start : term.start] + other + text[term.end : end] + "."
    return _statement(source, "definition", _one_line(told), truth, term.sentence, span, term)


def _exchangeable(source: Source, term: Term) -> list[str]:
    """Terms of which it is surely wrong what is said of `term`, the closest by description first."""
    mine, language, pool = source.description(term), source.language, source.pool
    article = source.lesson.text[max(0, term.start - 4) : term.start]
    found = []
    articles = {other.name: other.article for other in pool.terms}
    for name in clozes.rank_terms(term, source):
        if not _of_one_sort(articles[name], term.article):
            continue  # "a blood pressure"
        theirs = pool.descriptions.get(grammar.normalised(name))
        if not theirs or clozes.points_elsewhere(theirs, language):
            continue
        if sorts.clash(mine, theirs, language):
            continue  # "a lock is a viral disease …"
        if not contrast.apart(mine, theirs, language) or _begins_otherwise(article, name, language):
            continue
        if not _of_one_class(mine, theirs, source):
            continue  # "a transistor is a path …", "productivity is a mixture …"
        # The nearest in what is said of it: "a mixed forest is a cubic metre" is wrong at a glance.
        found.append((sorts.differ(mine, theirs, language), -source.similarity(mine, theirs), name))
    return [name for *_, name in sorted(found[:NEAREST])]


def _of_one_class(mine: str, theirs: str, source: Source) -> bool:
    """One class by name or sort; in English, where neither says, descriptions much alike.

    Elsewhere n-grams do not say how much alike two descriptions are, and unlike things exchanged are absurd.
    """
    language = source.language
    heads = contrast.genus(mine, language), contrast.genus(theirs, language)
    kinds = sorts.sort(mine, language), sorts.sort(theirs, language)
    if (all(heads) and grammar.same_word(*heads)) or (all(kinds) and kinds[0] == kinds[1]):
        return True
    return not all(kinds) and language == "en" and source.similarity(mine, theirs) >= ALIKE


_INDEFINITE = ("a", "an", "un", "una", "une", "ein", "eine")


def _of_one_sort(one: str, other: str) -> bool:
    """Both with an indefinite article, both with another, or both without."""
    return (one in _INDEFINITE, bool(one)) == (other in _INDEFINITE, bool(other))


def _begins_otherwise(before: str, name: str, language: str) -> bool:
    """ "a" before a vowel, "an" before another letter."""
    if language != "en" or not before.lower().endswith(("a ", "an ")):
        return False
    return before.lower().endswith("an ") != (name[:1].lower() in "aeiou")


def about_figure(source: Source, quantity: Quantity) -> Question | None:
    """The sentence with its figure, or with another."""
    sentence = quantity.sentence
    truth = _one_line(sentence.text)
    span = (quantity.start, quantity.end)
    if source.draws(source.lesson.item_id, quantity.start, "true_false").random() < 0.5:
        return _statement(source, "number", truth, truth, sentence, span)
    options = figures.changed(source, quantity)
    if not options:
        return None
    at = quantity.start - sentence.start
    told = sentence.text[:at] + options[0] + sentence.text[at + len(quantity.text) :]
    return _statement(source, "number", _one_line(told), truth, sentence, span)


def about_direction(source: Source, sentence: Sentence) -> Question | None:
    """A sentence that says which way something goes, as it is or turned round."""
    found = opposites.turned(sentence, source.lesson)
    if found is None:
        return None
    start, end, opposite = found
    truth = _one_line(sentence.text)
    if source.draws(source.lesson.item_id, start, "true_false").random() < 0.5:
        return _statement(source, "direction", truth, truth, sentence, (start, end))
    told = sentence.text[: start - sentence.start] + opposite + sentence.text[end - sentence.start :]
    return _statement(source, "direction", _one_line(told), truth, sentence, (start, end))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _statement(
    source: Source,
    form: str,
    told: str,
    truth: str,
    sentence: Sentence,
    span: tuple[int, int],
    term: Term | None = None,
) -> Question:
    language = source.language
    true = told == truth
    topic = "" if form == "definition" else source.shown_topic(told)
    key = "true" if true else "false"
    return Question(
        source.lesson.item_id,
        language,
        "true_false",
        form,
        wording.stem("true_false", form, language, topic, body=told),
        told,
        key,
        (),
        *span,
        sentence,
        term.name if term else "",
        anchor=source.lesson.text[slice(*span)],
        answer={} if true else {"corrected": truth},
        notes=(wording.key_note(key, sentence.text, language),),
        bloom="remember" if form == "number" else "understand",
    )
