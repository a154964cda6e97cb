"""Whether a distractor is right as well: by the source's sentences, by definitions, by other names.

A distractor is refused on suspicion: a question less costs nothing, a second right answer a learner's trust.
"""

import re

from learnloop.generate import grammar, lemmas
from learnloop.generate.evidence import Evidence
from learnloop.generate.flaw_words import NEGATIVE_STEM
from learnloop.generate.questions import BLANK, Question, overlaps
from learnloop.generate.terms import decimal_style, number_value

SAME_MEANING = 0.75  # cosine of two descriptions above which both fit
SAME_WORDS = 0.6  # share of common content words above which both fit
TOLD_AGAIN = 0.75  # share of the stem's content words in a sentence that names the distractor
TERM_WORDS = 4  # of an option that is a term
TOLD_WORDS = 3  # fewer content words in a stem are common to too many sentences


def also_right(question: Question, distractor: str, evidence: Evidence) -> str:
    """Why `distractor` may be right as well, "" where nothing says so."""
    if question.form == "number":
        return _same_number(question, distractor)
    if question.form == "description":
        return "means the same" if same_meaning(question.key, distractor, evidence) else ""
    if lemmas.named_in(distractor, question.sentence.text, question.language):
        return "named in the quote"
    if _wider(question.key, distractor):
        return "holds the key"
    if why := _by_description(question, distractor, evidence):
        return why
    if are_aliases(question.key, distractor, evidence.text):
        return "another name of the key"
    if negative(question):
        return ""  # of "which is not …" the distractors are what the text says
    return "said of it elsewhere" if _told_elsewhere(question, distractor, evidence) else ""


def _wider(one: str, other: str) -> bool:
    """Two terms, one with a word more ("mean", "mean error"); in whole sentences that says nothing."""
    short = max(len(one.split()), len(other.split())) <= TERM_WORDS
    return short and overlaps(one, other) and not same_words(one, other)


def negative(question: Question) -> bool:
    """The stem asks for what is not so."""
    pattern = NEGATIVE_STEM.get(question.language)
    return bool(pattern and pattern.search(question.body))


def same_words(one: str, other: str) -> bool:
    """The words of one in another order ("higher; lower", "lower; higher"): another answer."""
    return sorted(grammar.words(one)) == sorted(grammar.words(other))


def _same_number(question: Question, distractor: str) -> str:
    style = decimal_style(question.language)
    value = _value(distractor, style)
    if value == _value(question.key, style):
        return "the same value"
    figures = re.findall(r"\d+(?:[.,]\d+)*", question.body)
    return "a figure of the stem" if any(_value(figure, style) == value for figure in figures) else ""


def _value(text: str, style: str) -> float | str:
    match = re.match(r"[\d.,\u00a0\u202f ]*\d", text)
    try:
        return number_value(match[0], style) if match else text
    except ValueError:
        return text


def _by_description(question: Question, distractor: str, evidence: Evidence) -> str:
    """What the course says of both: one meaning, each named in the other's, or one a kind of the other."""
    mine = evidence.descriptions.get(grammar.normalised(question.key), question.sentence.text)
    theirs = evidence.descriptions.get(grammar.normalised(distractor), "")
    language = evidence.language
    if theirs and same_meaning(mine, theirs, evidence):
        return "described alike"
    if theirs and lemmas.named_in(question.key, theirs, language):
        if lemmas.named_in(distractor, mine, language):
            return "described by each other"
        if lemmas.named_in(question.key, _head(theirs), language):
            return "a kind of the key"
    if mine and lemmas.named_in(distractor, _head(mine), language):
        return "what the key is a kind of"
    return ""


_HEAD_ENDS = re.compile(
    r"\b(?:that|which|who|whose|where|when|of|in|on|with|for|from|by|made|used|que|cuyo|cuya|donde|de|en"
    r"|con"
    r"|para|qui|dont|où|dans|avec|pour|der|die|das|den|dem|des|von|in|mit|für|zu)\b|[,;:(]"
)


def _head(description: str) -> str:
    """The noun phrase a description begins with: "a large ring" of "a large ring of currents"."""
    words = description.split()
    ends = _HEAD_ENDS.search(description, len(words[0]) if words else 0)
    return description[: ends.start()] if ends else " ".join(words[:4])


def same_meaning(one: str, other: str, evidence: Evidence) -> bool:
    """Most content words in common, or a high cosine."""
    left = set(grammar.content_words(one, evidence.language))
    right = set(grammar.content_words(other, evidence.language))
    shared = len(left & right) / max(1, min(len(left), len(right)))
    return shared >= SAME_WORDS or evidence.similarity(one, other) >= SAME_MEANING


def _told_elsewhere(question: Question, distractor: str, evidence: Evidence) -> bool:
    """Another sentence of the source names the distractor and says of it most of what the stem says."""
    language = question.language
    stem = set(lemmas.lemmas(question.body.replace(BLANK, " "), language))
    stem -= set(lemmas.lemmas(distractor, language))
    if len(stem) < TOLD_WORDS:
        return False
    for sentence, said in zip(evidence.sentences, evidence.sentence_lemmas, strict=True):
        if sentence.start == question.sentence.start or len(stem & said) < TOLD_AGAIN * len(stem):
            continue
        # A sentence that also names the key tells the two apart.
        if lemmas.named_in(distractor, sentence.text, language) and not lemmas.named_in(
            question.key, sentence.text, language
        ):
            return True
    return False


_OTHER_NAME = (
    r"(?:,? ?\(?(?:(?:is|are) )?(?:also|sometimes|often) (?:called|known as)(?: an?| the)?"
    r"|,? also(?: called)?|, i\.e\.,?|, that is,?"
    r"|,? (?:también|a veces) (?:llamad[ao]s?|conocid[ao]s? como|denominad[ao]s?)(?: una?| el| la)?"
    r"|,? es decir,?|,? (?:aussi|également|parfois) (?:appelée?s?|nommée?s?|dite?s?)(?: une?| le| la)?"
    r"|,? c['’]est-à-dire,?|,? auch|,? das heißt,?|,? d\. ?h\.,?|,? (?:oder|ou|o) (?:auch|aussi|también)"
    r"|,? \()"
)
# "A tsunami, or harbour wave, …" is a name; "of normative or informational influence" is a choice.
_ARTICLE = r"(?:an?|the|el|la|los|las|una?|les?|une|l['’]|der|die|das|eine?)"
_OR = rf"(?:,? (?:or|o|u|ou|oder))(?: {_ARTICLE})?"


def are_aliases(one: str, other: str, text: str) -> bool:
    """ "The mean, also called the average": two names of one thing."""
    pair = (re.escape(one), re.escape(other))
    return any(
        re.search(rf"\b{left}\b[\"”»’]?{_OTHER_NAME} ?[\"“«‘„]?{right}\b", text, re.I)
        or re.search(
            rf"(?:^|\. |\b){_ARTICLE} ?{left}{_OR} {right}(?:,| is\b| are\b| es\b| est\b| ist\b)", text, re.I
        )
        for left, right in (pair, pair[::-1])
    )
