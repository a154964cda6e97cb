"""Item-writing flaws that a rule can see, one function a flaw, in English, Spanish, French and German.

The list is the rubric of 19 flaws used on students' and models' questions (Moore et al. 2023), which goes
back to the guidelines of Haladyna, Downing & Rodriguez (2002) and Tarrant et al. (2006):

    all of the above            all_of_the_above       negatively worded stem     negative_stem
    none of the above           none_of_the_above      absolute terms             absolute_terms
    K-type combinations         complex_options        vague terms                vague_terms
    true and false as options   true_false_options     word repeats (clang)       word_repeat
    fill in the middle blank    blank_in_the_middle    grammatical cue            grammar_cue
    lost sequence               lost_sequence          convergence cue            convergence_cue
    unfocused stem              unfocused_stem         gratuitous information     gratuitous_information
    longest option is right     check_options.length_cue
    implausible distractors     check_options.distractors_plausible, options_alike
    more than one right answer  check_options.one_right_answer, no_synonym
    logical cue                 check_options.options_alike and logical_cue, in part: that an answer follows
                                from the stem by reasoning cannot be seen in its words
    ambiguous information       check_grounding.stands_alone, no_dangling_pronoun, in part: whether readers
                                understand a sentence in two ways, only readers can say
"""

import re
from collections.abc import Sequence

from learnloop.generate import flaw_words as said
from learnloop.generate import grammar, lemmas
from learnloop.generate.check_options import told_words
from learnloop.generate.evidence import Evidence, Verdict
from learnloop.generate.questions import BLANK, Question
from learnloop.generate.terms import decimal_style, number_value

CONVERGENCE = 2  # words the key has from the distractors more than the next best option
RARE_LETTERS = 5
STEM_LIMIT = 60  # words; more is a passage
CHOICE_KINDS = ("multiple_choice",)


def all_of_the_above(question: Question, evidence: Evidence) -> Verdict:
    return _found("all_of_the_above", said.ALL_ABOVE, question.options, question.language)


def none_of_the_above(question: Question, evidence: Evidence) -> Verdict:
    return _found("none_of_the_above", said.NONE_ABOVE, question.options, question.language)


def complex_options(question: Question, evidence: Evidence) -> Verdict:
    """K-type: an option combines others by their letters or numbers ("a and c", "I, II")."""
    return _found("complex_options", said.COMBINED, question.options, question.language)


def true_false_options(question: Question, evidence: Evidence) -> Verdict:
    """ "True", "false", "yes", "no" as options: a question that is none, or a true/false one in disguise."""
    return _found("true_false_options", said.TRUE_FALSE, question.options, question.language)


def _found(check: str, words: dict[str, re.Pattern[str]], texts: Sequence[str], language: str) -> Verdict:
    pattern = words.get(language)
    hit = next((text for text in texts if pattern and pattern.search(text)), "")
    return Verdict(check, not hit, hit)


def negative_stem(question: Question, evidence: Evidence) -> Verdict:
    """The stem asks for what is not so; in a sentence to complete or to judge, a "not" as well.

    "Which is NOT …" asks a learner to hold the wrong in mind; of "a tide is not a ____" much is right.
    """
    words = said.NEGATIVE_STEM if question.kind in CHOICE_KINDS else said.NEGATION
    return _found("negative_stem", words, [question.body], question.language)


def absolute_terms(question: Question, evidence: Evidence) -> Verdict:
    """ "Always", "never" in a distractor and not in the key, or in a statement to judge: mostly false."""
    pattern = said.ABSOLUTE.get(question.language)
    if pattern is None:
        return Verdict("absolute_terms", True)
    if question.kind == "true_false":
        return _found("absolute_terms", said.ABSOLUTE, [question.body], question.language)
    above = [said.ALL_ABOVE[question.language], said.NONE_ABOVE[question.language]]
    strict = [
        option
        for option in question.distractors
        if pattern.search(option) and not any(whole.search(option) for whole in above)
    ]
    cue = bool(strict) and not pattern.search(question.key)
    return Verdict("absolute_terms", not cue, strict[0] if cue else "")


def vague_terms(question: Question, evidence: Evidence) -> Verdict:
    """ "Often", "usually" in options, or in a statement to judge: how often is that?"""
    texts = [question.body] if question.kind == "true_false" else question.options
    return _found("vague_terms", said.VAGUE, texts, question.language)


def word_repeat(question: Question, evidence: Evidence) -> Verdict:
    """Clang: of all options only the key repeats a word of the stem, one of five letters and more."""
    if any(told_words(text, question) for text in question.distractors):
        return Verdict("word_repeat", True)
    told = [word for word in told_words(question.key, question) if len(word) >= RARE_LETTERS]
    return Verdict("word_repeat", not told, " ".join(told))


def convergence_cue(question: Question, evidence: Evidence) -> Verdict:
    """The key is the mix of the others: it shares more words with the options than any other does."""
    if len(question.distractors) < 2:
        return Verdict("convergence_cue", True)
    bags = [set(lemmas.lemmas(option, question.language)) for option in question.options]
    scores = [
        sum(len(bag & other) for at, other in enumerate(bags) if at != index)
        for index, bag in enumerate(bags)
    ]
    at = question.options.index(question.key) if question.key in question.options else 0
    rest = max(score for index, score in enumerate(scores) if index != at)
    lead = scores[at] - rest
    return Verdict("convergence_cue", lead < CONVERGENCE, f"{scores[at]} and {rest}" if lead > 0 else "")


def grammar_cue(question: Question, evidence: Evidence) -> Verdict:
    """Only some options fit the word before the blank: an article, an elision, a number.

    "an ____" beside "gyre"; "l'____" beside "courant"; "un ____" beside "tasas". What cannot be told of an
    option (a gender, in most cases) is not held against it.
    """
    before = _before_blank(question)
    if not before or question.form == "number":
        return Verdict("grammar_cue", True)
    fits = [_fits(before, option, question.language) for option in (question.key, *question.distractors)]
    bad = [option for option, fit in zip((question.key, *question.distractors), fits, strict=True) if not fit]
    return Verdict("grammar_cue", not bad, f"{before} {bad[0]}" if bad else "")


def _before_blank(question: Question) -> str:
    """The word before the blank, or the last of a stem that its options continue."""
    if BLANK in question.body:
        head = question.body.partition(BLANK)[0]
    elif question.body.rstrip()[-1:] not in ".?!:":
        head = question.body
    else:
        return ""
    match = re.search(r"([^\W\d_]+(?:\(n\)|['’])?)\s*$", head)
    return match[1].lower() if match else ""


_VOWEL_SOUND = re.compile(r"(?!(?:eu|uni|use|usu|ute|uti|one|once|ou)\w*)[aeiou]|hour|hono|heir", re.I)


def _fits(before: str, option: str, language: str) -> bool:
    first = lemmas.plain(option.split()[0]) if option.split() else ""
    if not first or not first[0].isalpha():
        return True
    if language == "en" and before in ("a", "an") and not option.isupper():
        return bool(_VOWEL_SOUND.match(first)) == (before == "an")
    if language == "fr" and before in ("l'", "l’", "d'", "d’", "qu'", "qu’"):
        return first[0] in "aeiouyh"
    if language == "fr" and before in ("le", "la", "de", "ce", "ma", "sa"):
        return first[0] not in "aeiou"
    if language in ("es", "fr") and before in said.NUMBER_WORDS[language]:
        plural = lemmas.is_plural(option.split()[0], language)
        return plural is None or plural == (said.NUMBER_WORDS[language][before] == "plural")
    return True


def logical_cue(question: Question, evidence: Evidence) -> Verdict:
    """Only the key answers the kind of question asked: who, when, how many.

    "How many …" with a word for a key, or with one number among words, is answered by its form.
    """
    pattern = said.HOW_MANY.get(question.language)
    if pattern is None or not pattern.search(question.body) or BLANK in question.body:
        return Verdict("logical_cue", True)
    figures = [_is_figure(option, question.language) for option in (question.key, *question.distractors)]
    odd = not figures[0] or (len(figures) > 1 and not any(figures[1:]))
    return Verdict("logical_cue", not odd, question.key if odd else "")


def _is_figure(text: str, language: str) -> bool:
    words = grammar.words(text)
    return bool(re.search(r"\d", text)) or bool(said.NUMERALS.get(language, frozenset()) & set(words))


def unfocused_stem(question: Question, evidence: Evidence) -> Verdict:
    """The stem asks nothing by itself ("Which of these is true?", "Gyres:"): only the options tell."""
    if question.kind not in CHOICE_KINDS:
        return Verdict("unfocused_stem", True)
    pattern = said.UNFOCUSED.get(question.language)
    text = question.body.replace(BLANK, " ").strip()
    hit = bool(pattern and pattern.search(text))
    bare = len(grammar.content_words(f"{text} {question.subject}", question.language)) < 1
    return Verdict("unfocused_stem", not (hit or bare), text[:60] if hit or bare else "")


def gratuitous_information(question: Question, evidence: Evidence) -> Verdict:
    """The stem is longer than a question needs, or greets and encourages before it asks."""
    words = len(question.body.split())
    chat = said.CHATTER.get(question.language)
    hit = chat.search(question.body) if chat else None
    return Verdict(
        "gratuitous_information", words <= STEM_LIMIT and not hit, hit[0] if hit else f"{words} words"
    )


def blank_in_the_middle(question: Question, evidence: Evidence) -> Verdict:
    """A multiple-choice stem with a blank before its end; a cloze is meant to have one anywhere."""
    if question.kind not in CHOICE_KINDS or BLANK not in question.body:
        return Verdict("blank_in_the_middle", True)
    after = question.body.rpartition(BLANK)[2].strip(" .!?:;)\"'”»’")
    several = question.body.count(BLANK) > 1
    return Verdict("blank_in_the_middle", not (after or several), after[:40])


def lost_sequence(question: Question, evidence: Evidence) -> Verdict:
    """Options that are all numbers go up or down."""
    values = [_number(option, decimal_style(question.language)) for option in question.options]
    if len(values) < 3 or any(value is None for value in values):
        return Verdict("lost_sequence", True)
    numbers = [value for value in values if value is not None]
    ordered = numbers in (sorted(numbers), sorted(numbers, reverse=True))
    return Verdict("lost_sequence", ordered, "" if ordered else " ".join(question.options)[:60])


def _number(text: str, style: str) -> float | None:
    match = re.fullmatch(
        r"[$€£]?\s?([-−+]?)\s?(\d[\d.,\u00a0\u202f ]*)(\s?[^\W\d]{0,12}|\s?%)\.?", text.strip()
    )
    if match is None:
        return None
    try:
        value = number_value(match[2].strip(), style)
    except ValueError:
        return None
    return -value if match[1] in ("-", "−") else value
