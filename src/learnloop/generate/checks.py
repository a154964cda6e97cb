"""Checks that decide whether a proposed question stands. Each is pure, named, and gives a verdict.

The language model has one say, `model_agrees`: it can veto, never accept.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from learnloop.generate import grammar
from learnloop.generate.questions import BLANK, HIGHEST_COSINE, Question, Similarity, overlaps
from learnloop.generate.terms import decimal_style, number_value

MIN_DISTRACTORS = 2
STEM_WORDS = (5, 45)
STEM_CONTENT_WORDS = 3  # beside the blank; fewer say too little to have one answer
LENGTH_RATIO = 1.35  # key to the longest distractor, in characters
SAME_MEANING = 0.75  # cosine of two descriptions above which both fit
SAME_WORDS = 0.6  # share of common content words above which both fit


@dataclass(frozen=True)
class Verdict:
    """What one check said; `detail` names what it stumbled over."""

    check: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True)
class Evidence:
    """What the checks may look at: the lesson, the course's descriptions by normalised term, a cosine."""

    text: str
    language: str
    descriptions: Mapping[str, str]
    similarity: Similarity


def key_verbatim(question: Question, evidence: Evidence) -> Verdict:
    found = evidence.text[question.start : question.end]
    inside = question.sentence.start <= question.start and question.end <= question.sentence.end
    return Verdict("key_verbatim", found == question.key and inside, found)


def key_not_in_stem(question: Question, evidence: Evidence) -> Verdict:
    """No content word of the key, however inflected, stands in the stem (numbers: not the same figure)."""
    if question.form == "number":
        figures = re.findall(r"\d+(?:[.,]\d+)*", question.body)
        leading = re.match(r"\d+(?:[.,]\d+)*", question.key)
        told = [figure for figure in figures if leading and figure == leading[0]]
        return Verdict("key_not_in_stem", not told, " ".join(told))
    stem = question.subject or question.body.replace(BLANK, " ")
    in_stem = grammar.content_words(stem, question.language)
    told = [
        word
        for word in grammar.content_words(question.key, question.language)
        if any(grammar.same_word(word, other) or _compounded(word, other, question) for other in in_stem)
    ]
    return Verdict("key_not_in_stem", not told, " ".join(told))


def _compounded(one: str, other: str, question: Question) -> bool:
    """German: one word is a part of the other ("Kraft", "Gewichtskraft")."""
    short, long = sorted((one, other), key=len)
    return question.language == "de" and len(short) >= 4 and short in long


def options_distinct(question: Question, evidence: Evidence) -> Verdict:
    """Key and distractors differ beyond case, accents, spaces and punctuation, and all are there."""
    forms = [_comparable(option, question) for option in question.options]
    expected = sorted([question.key, *question.distractors])
    distinct = len(set(forms)) == len(forms) and all(forms) and sorted(question.options) == expected
    return Verdict("options_distinct", distinct)


def enough_distractors(question: Question, evidence: Evidence) -> Verdict:
    return Verdict("enough_distractors", len(question.distractors) >= MIN_DISTRACTORS)


def one_right_answer(question: Question, evidence: Evidence) -> Verdict:
    """No distractor is true as well: named in the source sentence, of equal value, or of one meaning."""
    for distractor in question.distractors:
        if _also_right(question, distractor, evidence):
            return Verdict("one_right_answer", False, distractor)
    return Verdict("one_right_answer", True)


def no_dangling_pronoun(question: Question, evidence: Evidence) -> Verdict:
    """The source sentence does not begin with a word that leans on the sentence before."""
    first = re.match(r"[^\w]*([\w]+(?:['’]\w+)?)", question.sentence.text)
    word = first[1].lower() if first else ""
    leaning = grammar.LEANING.get(question.language, frozenset())
    return Verdict("no_dangling_pronoun", word not in leaning and word.split("'")[0] not in leaning, word)


def stands_alone(question: Question, evidence: Evidence) -> Verdict:
    """Nothing in the stem points at what its reader does not see ("the first list", "in this case")."""
    text = question.key if question.form == "description" else question.body
    pointer = grammar.POINTING[question.language].search(text)
    early = grammar.EARLY_PRONOUN[question.language].search(text)
    found = pointer or early
    return Verdict("stands_alone", found is None, found[0] if found else "")


def stem_length(question: Question, evidence: Evidence) -> Verdict:
    if question.form == "description":
        size = len(question.key.split())
        return Verdict("stem_length", 3 <= size <= STEM_WORDS[1], str(size))
    size = len(question.body.split())
    content = [
        w for w in grammar.content_words(question.body.replace(BLANK, " "), question.language) if w != "_"
    ]
    fits = STEM_WORDS[0] <= size <= STEM_WORDS[1] and len(content) >= STEM_CONTENT_WORDS
    return Verdict("stem_length", fits and question.body[-1:] in ".!?", f"{size} words")


def length_cue(question: Question, evidence: Evidence) -> Verdict:
    """The key is not much longer than every distractor: test-wise learners pick the longest."""
    longest = max((len(text) for text in question.distractors), default=0)
    return Verdict("length_cue", len(question.key) <= max(LENGTH_RATIO * longest, longest + 4))


def language_matches(question: Question, evidence: Evidence) -> Verdict:
    found = grammar.likely_language(question.sentence.text)
    return Verdict("language_matches", found in ("", question.language) or not _is_clear(question), found)


def distractors_plausible(question: Question, evidence: Evidence) -> Verdict:
    """Numbers within a factor of 20; texts neither unrelated to the key nor the same thing."""
    if question.form == "number":
        style = decimal_style(question.language)
        key = _value(question.key, style)
        for text in question.distractors:
            value = _value(text, style)
            if value is None or key is None or not (key == 0 or value == 0 or 1 / 20 <= value / key <= 20):
                return Verdict("distractors_plausible", False, text)
        return Verdict("distractors_plausible", True)
    for text in question.distractors:
        if not evidence.similarity.lowest <= evidence.similarity(question.key, text) <= HIGHEST_COSINE:
            return Verdict("distractors_plausible", False, text)
    return Verdict("distractors_plausible", True)


Check = Callable[[Question, Evidence], Verdict]
CHECKS: tuple[Check, ...] = (
    enough_distractors,
    key_verbatim,
    options_distinct,
    no_dangling_pronoun,
    stands_alone,
    stem_length,
    language_matches,
    key_not_in_stem,
    length_cue,
    one_right_answer,
    distractors_plausible,
)


def verdicts(question: Question, evidence: Evidence) -> list[Verdict]:
    """Every check's verdict, up to and with the first that fails."""
    found = []
    for check in CHECKS:
        found.append(check(question, evidence))
        if not found[-1].passed:
            break
    return found


def _comparable(option: str, question: Question) -> str:
    if question.form == "number":
        value = _value(option, decimal_style(question.language))
        return f"{value} {grammar.normalised(re.sub(r'[0-9.,]', '', option))}"
    return grammar.normalised(option)


def _value(text: str, style: str) -> float | None:
    match = re.match(r"[\d.,\u00a0\u202f ]*\d", text)
    return number_value(match[0], style) if match else None


def _is_clear(question: Question) -> bool:
    """Short or formal sentences hold too few function words to tell a language."""
    return len(grammar.words(question.sentence.text)) >= 8


def _also_right(question: Question, distractor: str, evidence: Evidence) -> bool:
    if question.form == "number":
        figures = re.findall(r"\d+(?:[.,]\d+)*", question.body)
        style = decimal_style(question.language)
        value = _value(distractor, style)
        return value == _value(question.key, style) or any(
            _value(figure, style) == value for figure in figures
        )
    if question.form == "description":
        return _same_meaning(question.key, distractor, evidence)
    if _named_in(distractor, question.sentence.text) or overlaps(question.key, distractor):
        return True
    mine = evidence.descriptions.get(grammar.normalised(question.key), question.sentence.text)
    theirs = evidence.descriptions.get(grammar.normalised(distractor), "")
    if theirs and (
        _same_meaning(mine, theirs, evidence)
        or (_named_in(question.key, theirs) and _named_in(distractor, mine))
    ):
        return True
    return _are_aliases(question.key, distractor, evidence.text)


def _named_in(term: str, text: str) -> bool:
    """Every content word of `term`, however inflected, stands in `text`."""
    there = grammar.words(text)
    parts = grammar.words(term)
    return bool(parts) and all(any(grammar.same_word(part, word) for word in there) for part in parts)


def _same_meaning(one: str, other: str, evidence: Evidence) -> bool:
    left = set(grammar.content_words(one, evidence.language))
    right = set(grammar.content_words(other, evidence.language))
    shared = len(left & right) / max(1, min(len(left), len(right)))
    return shared >= SAME_WORDS or evidence.similarity(one, other) >= SAME_MEANING


_ALIAS = (
    r"(?:,? ?\(?(?:(?:is|are) )?(?:also|sometimes|often) (?:called|known as)(?: an?| the)?"
    r"|,? or|, también (?:llamad[ao]|conocid[ao] como)(?: una?| el| la)?"
    r"|,? (?:aussi|également) appelée?(?: une?| le| la)?|, auch|,? \()"
)


def _are_aliases(one: str, other: str, text: str) -> bool:
    """ "The mean, also called the average": two names of one thing."""
    pair = (re.escape(one), re.escape(other))
    return any(re.search(rf"\b{left}\b{_ALIAS} ?{right}\b", text, re.I) for left, right in (pair, pair[::-1]))


class Scorer(Protocol):
    """What `model_agrees` needs of a language model."""

    def log_probability(
        self, prompt: str, continuations: Sequence[str], shared: str = ""
    ) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]": ...


# One worked example, then the question: version it with VETO_VERSION when it changes.
VETO_VERSION = "veto-1"
VETO_EXAMPLE = (
    "Passage: Plants make sugar in their leaves. "
    "The process that turns light into sugar is called photosynthesis."
    "\nQuestion: Complete the sentence: The process that turns light into sugar is called ____."
    "\nAnswer: photosynthesis\n\n"
)
VETO_PROMPT = "Passage: {passage}\nQuestion: {stem}\nAnswer:"


def model_agrees(question: Question, model: Scorer) -> Verdict:
    """The key is the most probable option after source sentence and stem; a veto where it is not.

    The sentence alone is read: with its neighbours the model refused more of 84 sound questions (12%
    instead of 8%). It notices a key that is not the sentence's; of 30 planted second right answers it
    refused 6 (20%, beside 15% of sound term clozes), so those are left to one_right_answer.
    """
    passage = " ".join(question.sentence.text.split())
    prompt = VETO_PROMPT.format(passage=passage, stem=question.stem)
    scores = model.log_probability(prompt, [f" {text}" for text in question.options], VETO_EXAMPLE)
    favourite = question.options[int(np.argmax(scores))]
    return Verdict("model_agrees", favourite == question.key, favourite)
