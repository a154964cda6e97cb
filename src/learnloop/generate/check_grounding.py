"""Checks of a question against its source: what it says is there, in one language, and stands alone."""

import re

from learnloop.generate import grammar, lemmas
from learnloop.generate.evidence import NO_SOURCE, Evidence, Verdict
from learnloop.generate.questions import BLANK, Question
from learnloop.generate.terms import decimal_style, number_value

STEM_WORDS = (5, 45)
STEM_CONTENT_WORDS = 3  # beside the blank; fewer say too little to have one answer
LANGUAGE_WORDS = 8  # fewer words hold too few function words to tell a language
STRANGE_NAMES = 0  # names of the stem that the source does not hold
NUMBER = re.compile(r"\d+(?:[.,\u00a0\u202f]\d+)*")


def key_verbatim(question: Question, evidence: Evidence) -> Verdict:
    """The span of the source holds the key (or what was exchanged in it), inside the quoted sentence."""
    found = evidence.text[question.start : question.end]
    inside = question.sentence.start <= question.start and question.end <= question.sentence.end
    if question.kind == "ordering":  # its steps may be sentences of their own
        inside = True
    return Verdict("key_verbatim", bool(found) and found == question.verbatim and inside, found)


def quote_verbatim(question: Question, evidence: Evidence) -> Verdict:
    """The sentence shown as evidence stands in the source where it is said to stand."""
    sentence = question.sentence
    found = evidence.text[sentence.start : sentence.end]
    return Verdict("quote_verbatim", bool(found) and found == sentence.text, found[:80])


def stem_grounded(question: Question, evidence: Evidence) -> Verdict:
    """Every number and every name in the stem stands in the source or its title."""
    if not evidence.text:
        return Verdict("stem_grounded", True, NO_SOURCE)
    text = question.body.replace(BLANK, " ")
    strange = _strange_numbers(text, evidence) + _strange_names(text, evidence)
    # A statement of true_false may hold one figure or name of its own: what was exchanged.
    allowed = 1 if question.kind == "true_false" and question.key == "false" else STRANGE_NAMES
    return Verdict("stem_grounded", len(strange) <= allowed, ", ".join(strange[:3]))


def _strange_numbers(text: str, evidence: Evidence) -> list[str]:
    style = decimal_style(evidence.language)
    there = {_value(match[0], style) for match in NUMBER.finditer(f"{evidence.title} {evidence.text}")}
    return [m[0] for m in NUMBER.finditer(text) if _value(m[0], style) not in there]


def _value(text: str, style: str) -> float | str:
    try:
        return number_value(text, style)
    except ValueError:  # a date, a version: 1.2.3
        return text


_NAME = re.compile(r"[^\W\d_][\w’'-]*")


def _strange_names(text: str, evidence: Evidence) -> list[str]:
    """Capitalised words inside a sentence that the source does not hold. German: every noun is one."""
    found = []
    for match in _NAME.finditer(text):
        word = re.sub(r"(?:['’]s?|-)$", "", match[0])
        before = text[: match.start()].rstrip(" \"'“„«¿¡(\u00a0\u202f")
        first = not before or before[-1] in ".!?:–—…" or text[: match.start()].rstrip()[-1:] in "“„«\"'¿¡"
        if not word[:1].isupper() or len(word) < 2 or (first and not word.isupper()):
            continue
        if evidence.language == "de" and not _is_german_name(word):
            continue
        if not _is_there(word, evidence):
            found.append(word)
    return found


def _is_german_name(word: str) -> bool:
    """Every German noun has a capital: a name is what no word list holds, in whole or by its last part."""
    return not any(lemmas.is_word(word[at:], "de") for at in (0, *range(3, len(word) - 3)))


def _is_there(word: str, evidence: Evidence) -> bool:
    if "-" in word:
        return all(_is_there(part, evidence) for part in word.split("-") if len(part) > 1)
    bare = lemmas.plain(word)
    if bare in evidence.plain_words or lemmas.lemma(word, evidence.language) in evidence.lemmas:
        return True
    stop = grammar.FUNCTION_WORDS.get(evidence.language, frozenset())
    if word.lower() in stop:
        return True
    return any(grammar.same_word(bare, other) for other in evidence.plain_words if other[:4] == bare[:4])


def no_dangling_pronoun(question: Question, evidence: Evidence) -> Verdict:
    """What is asked does not begin with a word that leans on the sentence before.

    Where the stem is the source's sentence, that sentence; a question in its own words, the question.
    """
    own_words = BLANK not in question.body and question.form not in ("description", "term")
    text = question.body if own_words and question.kind != "true_false" else question.sentence.text
    first = re.match(r"[^\w]*([\w]+(?:['’]\w+)?)", text)
    word = first[1].lower() if first else ""
    leaning = grammar.LEANING.get(question.language, frozenset())
    return Verdict("no_dangling_pronoun", word not in leaning and word.split("'")[0] not in leaning, word)


def stands_alone(question: Question, evidence: Evidence) -> Verdict:
    """Nothing in the stem points at what its reader does not see ("the first list", "in this case").

    A word that can point inside the stem may: a pronoun after its noun, "this" in a second sentence, "those
    who", "our" of everybody, "the following" before options.
    """
    if question.language not in grammar.POINTING:
        return Verdict("stands_alone", True)
    text = question.key if question.form == "description" else question.body
    early = grammar.EARLY_PRONOUN[question.language].search(text)
    if early and not _has_noun(early[0].rpartition(" ")[0], question.language):
        return Verdict("stands_alone", False, early[0])
    for match in grammar.POINTING[question.language].finditer(text):
        if not _points_inside(match, text, question):
            return Verdict("stands_alone", False, match[0])
    return Verdict("stands_alone", True)


# "It" and "its" are EARLY_PRONOUN's.
_PERSONAL = {"he", "she", "him", "his", "her", "they", "them", "their", "él", "ella", "ellos", "ellas", "eux"}
_EVERYBODY = {
    "we",
    "our",
    "us",
    "nuestro",
    "nuestra",
    "nuestros",
    "nuestras",
    "notre",
    "nos",
    "unser",
    "unsere",
}
_FOLLOWING = ("siguiente", "suivant", "folgende")
_DEMONSTRATIVE = re.compile(r"(?:this|these|those|est[aeo]s?|es[ao]s?|ce|cet|cette|ces|dies\w*)$", re.I)
_WHO = re.compile(r"\s+(?:who|whose|with|of|in|on|at|to|for|from|that|which|without|living)\b", re.I)
_PAGE = re.compile(
    r"\s+(?:example|case|list|table|figure|lesson|course|chapter|ejemplo|lección|exemple|leçon|Beispiel)",
    re.I,
)


def _points_inside(match: re.Match[str], text: str, question: Question) -> bool:
    word, before, after = match[0].lower(), text[: match.start()], text[match.end() :]
    if word in _EVERYBODY:
        return not _PAGE.match(after)
    if word in _PERSONAL:
        return _has_noun(before, question.language)
    if word.startswith(_FOLLOWING):
        return question.kind == "multiple_choice" and bool(question.options)
    if word == "those" and _WHO.match(after):
        return True
    # A demonstrative in a later sentence or clause: what it points at was said in the stem.
    told = re.search(r"[.?!;,]\s+\S*$|[.?!;]\s", before)
    return bool(_DEMONSTRATIVE.match(word) and told and _has_noun(before[: told.start()], question.language))


def _has_noun(text: str, language: str) -> bool:
    """A word before that a pronoun may stand for: a name, or two content words."""
    content = grammar.content_words(text.replace(BLANK, " noun name "), language)
    return len(content) >= 2


def stem_length(question: Question, evidence: Evidence) -> Verdict:
    """Enough words to have one answer, few enough to be read at once; a sentence ends as one."""
    if question.form == "description":
        size = len(question.key.split())
        return Verdict("stem_length", 3 <= size <= STEM_WORDS[1], str(size))
    size = len(question.body.split())
    told = question.body.replace(BLANK, " ")
    content = [w for w in grammar.content_words(told, question.language) if w != "_"]
    fits = STEM_WORDS[0] <= size <= STEM_WORDS[1] and len(content) >= STEM_CONTENT_WORDS
    whole = BLANK not in question.body or question.body.rstrip(" \"'”»“’)")[-1:] in ".!?"
    return Verdict("stem_length", fits and whole, f"{size} words")


def language_matches(question: Question, evidence: Evidence) -> Verdict:
    """Quote, stem and options, where long enough to tell, are in the question's language."""
    for text in (question.sentence.text, question.body, " ".join(question.options)):
        if len(grammar.words(text)) < LANGUAGE_WORDS:
            continue
        found = grammar.likely_language(text)
        if found not in ("", question.language) and _is_clear(text, found, question.language):
            return Verdict("language_matches", False, found)
    return Verdict("language_matches", True)


def _is_clear(text: str, found: str, wanted: str) -> bool:
    """At least two function words more of `found` than of `wanted`: one may be a name or a formula."""
    words = grammar.words(text)
    hits = [
        sum(word in grammar.FUNCTION_WORDS.get(language, ()) for word in words)
        for language in (found, wanted)
    ]
    return hits[0] - hits[1] >= 2
