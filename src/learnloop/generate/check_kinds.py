"""Checks of the kinds that are not a choice: true/false, short answer, ordering, matching."""

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

from learnloop.generate import contrast, first_letters, grammar, lemmas, wording
from learnloop.generate.also_right import also_right, same_meaning
from learnloop.generate.evidence import Evidence, Verdict
from learnloop.generate.questions import BLANK, Question

EXCHANGED_WORDS = 8  # more is another sentence, not a wrong word
SAID_AGAIN = 0.75  # share of a false statement's words in another sentence that makes it said there
KEY_WORDS = 10  # a short answer's; longer ones cannot be told right from wrong by comparing
STEPS = (3, 8)
PAIRS = (3, 6)
ORDER_SIGN, PAIR_SIGN = " → ", "; "


def well_formed(question: Question, evidence: Evidence) -> Verdict:
    """Key, options and answer fit each other as schemas.QUESTIONS says for the kind."""
    return Verdict("well_formed", not (why := _misfit(question)), why)


def _misfit(question: Question) -> str:
    key, options, answer = question.key, list(question.options), question.answer
    if not key.strip() or not question.stem.strip():
        return "key or stem is empty"
    match question.kind:
        case "true_false":
            if key not in ("true", "false") or options:
                return "true_false has the key true or false and no options"
            if (key == "false") != bool(answer.get("corrected")):
                return "a false statement has its corrected one, a true one has none"
        case "short_answer":
            return "a short answer has no options" if options else _misfit_number(answer)
        case "ordering":
            order = list(answer.get("order") or [])
            if sorted(order) != sorted(options) or len(set(order)) != len(order) or order == options:
                return "options are the steps in another order"
            if key != ORDER_SIGN.join(order) or not STEPS[0] <= len(order) <= STEPS[1]:
                return "key is the order"
        case "matching":
            pairs = pairs_of(answer)
            if sorted(right for _, right in pairs) != sorted(options):
                return "options are the right sides"
            if key != PAIR_SIGN.join(f"{left}: {right}" for left, right in pairs):
                return "key is the pairs"
        case _:
            if options and options.count(key) != 1:
                return "the key is one of the options"
    return ""


def _misfit_number(answer: Any) -> str:
    if "value" not in answer:
        return ""
    value, tolerance = answer["value"], answer.get("tolerance", 0)
    if not isinstance(value, int | float) or not isinstance(tolerance, int | float):
        return "value and tolerance are numbers"
    return "" if 0 <= tolerance <= max(abs(value), 1) / 2 else "the tolerance covers other values"


def pairs_of(answer: Any) -> list[tuple[str, str]]:
    return [(str(left), str(right)) for left, right in answer.get("pairs") or []]


# ---- true/false ----


def exchange(statement: str, corrected: str) -> tuple[str, str] | None:
    """(wrong, right): the one run of words in which the two differ, None where there is no such run.

    Compared word by word, without case and punctuation.
    """
    wrong, right = _tokens(statement), _tokens(corrected)
    head = 0
    while head < min(len(wrong), len(right)) and wrong[head][0] == right[head][0]:
        head += 1
    tail = 0
    while tail < min(len(wrong), len(right)) - head and wrong[-1 - tail][0] == right[-1 - tail][0]:
        tail += 1
    lost, kept = wrong[head : len(wrong) - tail], right[head : len(right) - tail]
    if not lost or not kept:
        return None
    return statement[lost[0][1] : lost[-1][2]], corrected[kept[0][1] : kept[-1][2]]


def _tokens(text: str) -> list[tuple[str, int, int]]:
    return [(lemmas.plain(m[0]), m.start(), m.end()) for m in re.finditer(r"\w+(?:[.,]\d+)*|%", text)]


def one_exchange(question: Question, evidence: Evidence) -> Verdict:
    """A true statement is the source's; a false one differs from it in the exchanged words alone."""
    said = grammar.normalised(question.sentence.text)
    if question.key == "true":
        return Verdict("one_exchange", grammar.normalised(question.body) in said, "not the source's words")
    corrected = str(question.answer.get("corrected", ""))
    if grammar.normalised(corrected) not in said:
        return Verdict("one_exchange", False, "the corrected statement is not the source's")
    found = exchange(question.body, corrected)
    if found is None or max(len(part.split()) for part in found) > EXCHANGED_WORDS:
        return Verdict("one_exchange", False, "not one exchange")
    inside = grammar.normalised(found[1]) in grammar.normalised(question.verbatim)
    return Verdict("one_exchange", inside, f"{found[1]} became {found[0]}")


def statement_is_false(question: Question, evidence: Evidence) -> Verdict:
    """Nothing makes the changed statement true: another sentence, another name, a broader term."""
    if question.key != "false":
        return Verdict("statement_is_false", True)
    found = exchange(question.body, str(question.answer.get("corrected", "")))
    if found is None:
        return Verdict("statement_is_false", False, "not one exchange")
    wrong, right = found
    asked = replace(
        question,
        key=right,
        form="number" if re.match(r"\d", right) else "term",
        body=question.body.replace(wrong, BLANK, 1),
        subject="",
    )
    if why := also_right(asked, wrong, evidence):
        return Verdict("statement_is_false", False, why)
    stated = set(lemmas.lemmas(question.body, evidence.language))
    marks = set(lemmas.lemmas(wrong, evidence.language))
    for sentence, said in zip(evidence.sentences, evidence.sentence_lemmas, strict=True):
        again = marks <= said and len(stated & said) >= SAID_AGAIN * len(stated)
        if again and sentence.start != question.sentence.start:
            return Verdict("statement_is_false", False, sentence.text[:60])
    return Verdict("statement_is_false", True)


# ---- short answer ----


def answer_is_short(question: Question, evidence: Evidence) -> Verdict:
    """Few enough words to be compared with what a learner writes."""
    size = len(question.key.split())
    return Verdict("answer_is_short", size <= KEY_WORDS, f"{size} words")


def no_other_answer(question: Question, evidence: Evidence) -> Verdict:
    """No other term of the course is described as the stem describes its key and begins as its hint says."""
    if "value" in question.answer or re.match(r"\d", question.key):
        return Verdict("no_other_answer", True)
    own = {grammar.normalised(name) for name in (question.key, *question.aliases)}
    asked, hint = question.body.replace(BLANK, " "), wording.hint_of(question.stem)
    for name, description in evidence.descriptions.items():
        if name in own or (hint and not first_letters.fits(name, hint, question.language)):
            continue
        if same_meaning(asked, description, evidence) or contrast.are_near(
            asked, description, evidence.language
        ):
            return Verdict("no_other_answer", False, name)
    return Verdict("no_other_answer", True)


# ---- ordering ----


def steps_distinct(question: Question, evidence: Evidence) -> Verdict:
    """No step is another one, nor a part of another one."""
    forms = [grammar.normalised(step) for step in question.options]
    for at, one in enumerate(forms):
        if not one or any(one in other for index, other in enumerate(forms) if index != at):
            return Verdict("steps_distinct", False, question.options[at][:60])
    return Verdict("steps_distinct", True)


_YEAR = re.compile(r"\b(?:1\d{3}|20\d{2}|[1-9]\d{2})\b")


def order_told(question: Question, evidence: Evidence) -> Verdict:
    """The source tells the order: each step once, one after the other, or each with its own year."""
    order = [str(step) for step in question.answer.get("order") or []]
    places = [[m.start() for m in re.finditer(re.escape(step), evidence.text)] for step in order]
    for step, found in zip(order, places, strict=True):
        if len(found) != 1:
            return Verdict("order_told", False, f"{step[:40]}: {len(found)} times in the source")
    if question.form == "dates":
        years = [_year_of(evidence, found[0], step) for step, found in zip(order, places, strict=True)]
        told = all(years) and all(one < other for one, other in pairwise(years))
        return Verdict("order_told", told, " ".join(map(str, years)))
    rising = all(one[0] < other[0] for one, other in pairwise(places))
    return Verdict("order_told", len(order) >= STEPS[0] and rising)


def _year_of(evidence: Evidence, place: int, step: str) -> int:
    """The only year of the step's sentence, 0 where there is none or more than one."""
    inside = next((s.text for s in evidence.sentences if s.start <= place < s.end), step)
    years = set(_YEAR.findall(inside))
    return int(years.pop()) if len(years) == 1 else 0


_ORDER_WORDS = {
    "en": r"first(?:ly)?|second(?:ly)?|third(?:ly)?|then|next|finally|lastly|afterwards?|after that|at last",
    "es": r"primero|primera|en primer lugar|segundo|tercero|luego|después|a continuación|finalmente"
    r"|por último|entonces",
    "fr": r"d['’]abord|premièrement|deuxièmement|puis|ensuite|enfin|finalement|après cela|pour finir",
    "de": r"zuerst|zunächst|erstens|zweitens|drittens|dann|danach|anschließend|schließlich|zuletzt|am ende",
}
_NUMBERED = re.compile(r"^\s*(?:\(?\d{1,2}[.):]|step \d|paso \d|étape \d|schritt \d)", re.I)


def order_not_shown(question: Question, evidence: Evidence) -> Verdict:
    """No step says its own place ("then", "3.", a year)."""
    words = _ORDER_WORDS.get(question.language, "")
    for step in question.options:
        shown = (
            _NUMBERED.search(step)
            or (words and re.search(rf"(?<!\w)(?:{words})(?!\w)", step, re.I))
            or (question.form == "dates" and _YEAR.search(step))
        )
        if shown:
            return Verdict("order_not_shown", False, step[:60])
    return Verdict("order_not_shown", True)


# ---- matching ----


def pairs_told(question: Question, evidence: Evidence) -> Verdict:
    """Every side stands in the source, and there are enough pairs, each side once."""
    pairs = pairs_of(question.answer)
    lefts = {grammar.normalised(left) for left, _ in pairs}
    rights = {grammar.normalised(right) for _, right in pairs}
    if not PAIRS[0] <= len(pairs) <= PAIRS[1] or len(lefts) != len(pairs) or len(rights) != len(pairs):
        return Verdict("pairs_told", False, f"{len(pairs)} pairs")
    said = grammar.normalised(evidence.text)
    missing = next((s for pair in pairs for s in pair if grammar.normalised(s) not in said), "")
    return Verdict("pairs_told", not missing, missing[:60])


def one_match_each(question: Question, evidence: Evidence) -> Verdict:
    """No left fits two rights: no two rights mean the same, none names a left, its own or another's."""
    pairs = pairs_of(question.answer)
    for at, (left, right) in enumerate(pairs):
        for other, (name, description) in enumerate(pairs):
            if lemmas.named_in(name, right, question.language):
                return Verdict("one_match_each", False, f"{name} in: {right[:40]}")
            if at < other and same_meaning(right, description, evidence):
                return Verdict("one_match_each", False, f"{left}, {name}")
    return Verdict("one_match_each", True)
