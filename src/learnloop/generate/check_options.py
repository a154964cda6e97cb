"""Checks of key and distractors: distinct, of one kind, one of them right, none given away."""

import re
from collections.abc import Collection, Sequence

from learnloop.generate import grammar, lemmas
from learnloop.generate.also_right import also_right, same_words
from learnloop.generate.evidence import Evidence, Verdict
from learnloop.generate.questions import BLANK, Question
from learnloop.generate.terms import decimal_style, number_value

MIN_DISTRACTORS = 2
TERM_WORDS = 3  # long options that differ in a word have a high cosine and another meaning
LENGTH_RATIO = 1.5  # key to the longest distractor, in characters
LIKE_THE_KEY = 0.95  # cosine; the rules propose below it
RELATED = 0.28  # what a distractor has to do with its question, at least
SYNONYM = 0.6  # cosine of terms that share no word
NUMBER_FACTOR = 20.0
TOLD_SHARE = 0.5  # of the key's content words in the stem
PLAIN_NUMBER = re.compile(r"[-−+]?\s?\d[\d.,\u00a0\u202f ]*[^\W\d]{0,12}(?: [^\W\d]+)?\s?%?\.?")
FIGURES = re.compile(r"\d+(?:[.,]\d+)*")


def enough_distractors(question: Question, evidence: Evidence) -> Verdict:
    return Verdict("enough_distractors", len(question.distractors) >= MIN_DISTRACTORS)


def options_distinct(question: Question, evidence: Evidence) -> Verdict:
    """Key and distractors differ beyond case, accents, punctuation and inflection, and all are there."""
    expected = sorted([question.key, *question.distractors])
    if sorted(question.options) != expected:
        return Verdict("options_distinct", False, "the options are not key and distractors")
    seen: dict[str, str] = {}
    for option in question.options:
        form = _comparable(option, question)
        if not form or form in seen:
            return Verdict("options_distinct", False, f"{seen.get(form, '')} = {option}")
        seen[form] = option
    return Verdict("options_distinct", True)


_FORMULA = re.compile(r"[<>=≤≥≠≈±√^*+~|/(){}\[\]\\$]|\d")


def _comparable(option: str, question: Question) -> str:
    """What two options must differ in: a value, a formula as written, the dictionary forms of words."""
    if question.form == "number" and PLAIN_NUMBER.fullmatch(option.strip()):
        value = value_of(option.strip("-−+ "), decimal_style(question.language))
        sign = "-" if option.strip()[0] in "-−" else ""
        return f"{sign}{value} {grammar.normalised(re.sub(r'[0-9.,]', '', option))}"
    form = grammar.normalised(option)
    if _FORMULA.search(option) or not form:  # "+" and "−" are options too
        return " ".join(option.lower().split())
    if len(form.split()) > TERM_WORDS:
        return form
    return " ".join(lemmas.lemma(word, question.language) for word in grammar.words(option))


def value_of(text: str, style: str) -> float | None:
    match = re.match(r"[\d.,\u00a0\u202f ]*\d", text)
    try:
        return number_value(match[0], style) if match else None
    except ValueError:
        return None


def key_not_in_stem(question: Question, evidence: Evidence) -> Verdict:
    """The stem does not hold the key: at most half of its content words, however inflected, stand there.

    Numbers: not the same figure. A word that a distractor shares gives nothing away ("blood cell", "nerve
    cell"), and people name the kind of a thing on both sides ("Which river …": "Red River"): of one word
    in two, word_repeat decides.
    """
    if question.form == "number":
        leading = FIGURES.search(question.key)
        told = [figure for figure in FIGURES.findall(question.body) if leading and figure == leading[0]]
        return Verdict("key_not_in_stem", not told, " ".join(told))
    told = told_words(question.key, question)
    words = grammar.content_words(question.key, question.language)
    whole = len(told) == len(words)  # a shared word excuses a part of the key, never all of it
    given = told if whole else [word for word in told if not _shared(word, question)]
    fits = len(given) <= TOLD_SHARE * len(words) or _others_told(question, len(given) / len(words))
    return Verdict("key_not_in_stem", fits, " ".join(given))


def told_words(option: str, question: Question) -> list[str]:
    """The content words of `option` that stand in the stem, however inflected."""
    language = question.language
    in_stem = grammar.content_words(question.subject or question.body.replace(BLANK, " "), language)
    return [
        word
        for word in grammar.content_words(option, language)
        if any(_tells(word, other, language) for other in in_stem)
    ]


def _others_told(question: Question, share: float) -> bool:
    """A stem that names another option too gives neither away ("Is it continuous or discrete?")."""
    return any(
        len(told_words(text, question)) >= share * len(grammar.content_words(text, question.language)) > 0
        for text in question.distractors
    )


def _tells(word: str, other: str, language: str) -> bool:
    """German: "Gewichtskraft" in the stem tells "Kraft", not the other way round."""
    held = language == "de" and len(word) >= 4 and word in other
    return held or lemmas.same(word, other, language)


def _shared(word: str, question: Question) -> bool:
    return any(
        lemmas.same(word, other, question.language)
        for text in question.distractors
        for other in grammar.words(text)
    )


def one_right_answer(question: Question, evidence: Evidence) -> Verdict:
    """No distractor is true as well, by the source, by the course's descriptions or by its value."""
    for distractor in question.distractors:
        if why := also_right(question, distractor, evidence):
            return Verdict("one_right_answer", False, f"{distractor}: {why}")
    return Verdict("one_right_answer", True)


def length_cue(question: Question, evidence: Evidence) -> Verdict:
    """The key is not much longer than every distractor: test-wise learners pick the longest."""
    longest = max((len(text) for text in question.distractors), default=len(question.key))
    return Verdict("length_cue", len(question.key) <= max(LENGTH_RATIO * longest, longest + 4))


def distractors_plausible(question: Question, evidence: Evidence) -> Verdict:
    """Numbers within a factor of 20; texts neither absurd nor, of a term, the key over again.

    Absurd, by an embedder whose cosines are calibrated: what the weakest distractor d has to do with the
    question, r(d) = cos(d, key) + cos(d, stem) + share of its content words in the lesson / 2, lies below
    RELATED. Without a lesson: the mean cosine of distractors and key lies below what unlike texts have. By
    character n-grams, whose cosines do not tell: no distractor has a word that stands in the course.
    """
    if question.form == "number":
        style = decimal_style(question.language)
        key = value_of(question.key, style)
        for text in question.distractors:
            value = value_of(text, style)
            if value is None or key is None or not _comparable_size(key, value):
                return Verdict("distractors_plausible", False, text)
        return Verdict("distractors_plausible", True)
    others = [text for text in question.distractors if not same_words(question.key, text)]
    if absurd := _absurd(question, others, evidence):
        return Verdict("distractors_plausible", False, absurd)
    highest = max((evidence.similarity(question.key, text) for text in others), default=0.0)
    same = highest > LIKE_THE_KEY and len(grammar.words(question.key)) <= TERM_WORDS
    return Verdict("distractors_plausible", not same, f"like the key: {highest:.2f}" if same else "")


def _absurd(question: Question, others: Sequence[str], evidence: Evidence) -> str:
    """Which of `others` has nothing to do with the question, "" where none."""
    if not others:
        return ""
    lowest = evidence.similarity.lowest
    if not evidence.text:
        cosines = [evidence.similarity(question.key, text) for text in others]
        mean = sum(cosines) / len(cosines)
        return f"unlike the key: {mean:.2f}" if mean < lowest else ""
    if lowest > 0:
        weakest, text = min((relatedness(question, text, evidence), text) for text in others)
        return f"{text}: {weakest:.2f}" if weakest < RELATED else ""
    told = [_share(text, evidence.course_lemmas, question.language) for text in others]
    return "" if any(told) else f"none of the course: {others[0]}"


def relatedness(question: Question, option: str, evidence: Evidence) -> float:
    """cos(option, key) + cos(option, stem) + half the share of its content words that the lesson holds."""
    asked = question.subject or question.body.replace(BLANK, " ")
    cosines = evidence.similarity(option, question.key) + evidence.similarity(option, asked)
    return cosines + 0.5 * _share(option, evidence.lemmas, question.language)


def _share(option: str, known: Collection[str], language: str) -> float:
    """Of the content words of `option`, however inflected, those in `known`; 1 where it has none."""
    words = grammar.content_words(option, language) or grammar.words(option)
    return sum(lemmas.lemma(word, language) in known for word in words) / len(words) if words else 1.0


def no_synonym(question: Question, evidence: Evidence) -> Verdict:
    """No distractor means what a short key means in other words: "cirque" beside "corrie".

    Asked of terms that share no word (siblings do: "short-term memory", "long-term memory"), by an embedder
    whose cosines are calibrated.
    """
    short = len(grammar.words(question.key)) <= TERM_WORDS and question.form != "number"
    if not short or evidence.similarity.lowest <= 0:
        return Verdict("no_synonym", True)
    language = question.language
    key = grammar.content_words(question.key, language)
    for text in question.distractors:
        apart = any(letter.isalpha() for letter in text) and not any(
            lemmas.same(word, other, language)
            for word in grammar.content_words(text, language)
            for other in key
        )
        if apart and (cosine := evidence.similarity(question.key, text)) > SYNONYM:
            return Verdict("no_synonym", False, f"{text}: {cosine:.2f}")
    return Verdict("no_synonym", True)


def _comparable_size(key: float, value: float) -> bool:
    return key == 0 or value == 0 or 1 / NUMBER_FACTOR <= value / key <= NUMBER_FACTOR


def options_alike(question: Question, evidence: Evidence) -> Verdict:
    """Key and distractors are of one kind, so that the key is not the odd one out, nor a distractor absurd.

    Compared: figure or words, unit, grammatical number of the last word, name or common word, acronym.
    A trait speaks only where the key has it and no distractor, or every distractor and the key not.
    """
    for name, traits in _traits(question).items():
        key, others = traits[0], traits[1:]
        if key is not None and others and all(other is not None and other != key for other in others):
            return Verdict("options_alike", False, f"{name}: only the key is {key}")
    return Verdict("options_alike", True)


def _traits(question: Question) -> dict[str, list[object]]:
    """trait -> its value for the key, then for each distractor; None where it cannot be told."""
    texts = [question.key, *question.distractors]
    language = question.language
    short = max(len(text.split()) for text in texts) <= 4
    traits: dict[str, list[object]] = {
        "figure": [bool(re.match(r"[-−+$€£]?\s?\d", text)) for text in texts],
        "acronym": [bool(re.fullmatch(r"[A-Z][A-Z0-9&-]+", text)) for text in texts],
    }
    if short and language != "de":
        traits["name"] = [_is_name(text) for text in texts]
    if question.form == "number":
        traits["unit"] = [grammar.normalised(FIGURES.sub("", text)) for text in texts]
    elif short:
        traits["plural"] = [_plural(text, language) for text in texts]
    return traits


def _is_name(text: str) -> bool | None:
    """ "Isaac Newton" is a name; a capital at an option's beginning alone does not say."""
    words = text.split()
    if not words or not words[0][:1].isalpha() or text.isupper():
        return None
    if len(words) == 1:
        return None
    capitals = [word[:1].isupper() for word in words if word[:1].isalpha() and len(word) > 3]
    return all(capitals) if len(capitals) > 1 else None


def _plural(text: str, language: str) -> bool | None:
    words = re.findall(r"[^\W\d_][\w’'-]*", text)
    if not words:
        return None
    return lemmas.is_plural(words[-1] if language == "en" else words[0], language)
