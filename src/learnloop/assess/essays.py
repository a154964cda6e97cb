"""Feedback on an essay's form by rules: structure, sentences, repetition, connectives, readability. No score.

    Finding("long_sentence", {"words": 41, "most": 30}, [(120, 355)])
    -> "A sentence of 41 words: can it be parted?", with the place in the text

Rules see form, not thought: nothing here says whether an essay is good or true, and every report says that
it is rule-based. Spans are (start, end) in the text as given. English, Spanish, French and German.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from learnloop.assess import words
from learnloop.assess.connectives import CONNECTIVES
from learnloop.assess.reading_level import reading_level, sentence_spans
from learnloop.errors import BadInput
from learnloop.i18n import N_

LEAST_WORDS = 50  # below, there is too little to say anything of
LONG_SENTENCE = {"en": 30, "es": 38, "fr": 35, "de": 32}  # words
LONG_PARAGRAPH, ONE_PARAGRAPH = 220, 180  # words
ALIKE = 0.25  # standard deviation of sentence lengths, as a share of their mean
SAME_START = 3  # sentences in a row
OFTEN, OFTEN_SHARE = 6, 0.03  # of a content word
PHRASE = 4  # words of a phrase that stands twice
FEW, ENOUGH_KINDS = 1.0, 4  # connectives a hundred words, kinds of them
ONE_OF_ALL = 0.5
YEARS_OFF = 3.0
MOST_SPANS = 10

Span = tuple[int, int]


@dataclass(frozen=True)
class Finding:
    """`code` is one of WORDS; `values` fill its sentence; `spans` show where."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
    spans: Sequence[Span] = ()


@dataclass(frozen=True)
class EssayReport:
    """`measures` are counts and means, `findings` what is worth a second look, and what is well done."""

    measures: Mapping[str, Any]
    findings: Sequence[Finding]
    method: str = "rules"


WORDS: Mapping[str, str] = {
    "short": N_("A text of {words} words: too short for more feedback than this."),
    "one_paragraph": N_("All {words} words stand in one paragraph: a paragraph a thought helps the reader."),
    "long_paragraph": N_("A paragraph of {words} words: can it be parted?"),
    "one_sentence_paragraph": N_("A paragraph of one sentence: develop it, or join it to another."),
    "long_sentence": N_("A sentence of {words} words: can it be parted?"),
    "sentences_alike": N_("The sentences are all of about {words} words: vary their length."),
    "same_start": N_("{sentences} sentences in a row begin with “{word}”."),
    "repeated_word": N_("“{word}” stands here {times} times: is there another word for it?"),
    "repeated_phrase": N_("“{phrase}” stands here {times} times."),
    "few_connectives": N_(
        "Few words link the sentences (because, however, first): {count} in {words} words."
    ),
    "one_connective": N_("“{word}” makes up {share} of the linking words: use others, too."),
    "no_contrast": N_("No word of contrast (but, however): is there another side to it?"),
    "no_cause": N_("No word of cause (because, therefore): say why."),
    "linked": N_("Well linked: {count} linking words of {kinds} kinds."),
    "hard": N_("It reads as for {years} years of school; {wanted} were asked for: shorter sentences help."),
    "simple": N_("It reads as for {years} years of school; {wanted} were asked for."),
}


def essay_feedback(text: str, language: str, years: float | None = None) -> EssayReport:
    """The report on `text`; `years` of school it is written for, where they are known. Raises BadInput."""
    if language not in words.LANGUAGES:
        raise BadInput(
            f"no essay feedback in {language!r}; there are {', '.join(words.LANGUAGES)}",
            "--language en",
            field="language",
        )
    whole = _words(text)
    if not whole:
        raise BadInput("the essay has no words", "give a text with some prose", field="text")
    paragraphs, sentences = paragraph_spans(text), sentence_spans(text)
    lengths = [len(_words(text[start:end])) for start, end in sentences]
    linking = _connectives(text, language)
    level = reading_level(text, language)
    measures = {
        "words": len(whole),
        "sentences": len(sentences),
        "paragraphs": len(paragraphs),
        "words_a_sentence": round(float(np.mean(lengths)), 1),
        "reading_level": round(level, 1),
        "different_words": round(len({word for word, *_ in whole}) / len(whole), 3),
        "connectives": {kind: sum(map(len, found.values())) for kind, found in linking.items()},
    }
    if len(whole) < LEAST_WORDS:
        return EssayReport(measures, [Finding("short", {"words": len(whole)})])
    findings = [
        *_structure(text, paragraphs, len(whole)),
        *_sentences(text, sentences, lengths, language),
        *_repetition(text, language),
        *_linking(linking, len(whole)),
        *_level(level, years),
    ]
    return EssayReport(measures, findings)


def said(finding: Finding, _: Callable[[str], str]) -> str:
    """The sentence for `finding`; `_` is i18n.translator(language)."""
    return _(WORDS[finding.code]).format(**finding.values)


def paragraph_spans(text: str) -> list[Span]:
    """Blocks between blank lines; a text without any has its lines for paragraphs."""
    mark = r"\n\s*\n" if re.search(r"\n\s*\n", text.strip()) else r"\n"
    spans, start = [], 0
    for end, after in [*((m.start(), m.end()) for m in re.finditer(mark, text)), (len(text), len(text))]:
        if text[start:end].strip():
            spans.append((start, end))
        start = after
    return spans


def _structure(text: str, paragraphs: Sequence[Span], n_words: int) -> list[Finding]:
    if len(paragraphs) == 1:
        return [Finding("one_paragraph", {"words": n_words})] if n_words >= ONE_PARAGRAPH else []
    found = []
    for start, end in paragraphs:
        n = len(_words(text[start:end]))
        if n > LONG_PARAGRAPH:
            found.append(Finding("long_paragraph", {"words": n}, [(start, end)]))
    alone = [
        (start, end)
        for start, end in paragraphs
        # a line of a few words is a heading
        if len(sentence_spans(text[start:end])) == 1 and len(_words(text[start:end])) > 8
    ]
    return [*found, *([Finding("one_sentence_paragraph", {}, alone[:MOST_SPANS])] if alone else [])]


def _sentences(text: str, spans: Sequence[Span], lengths: Sequence[int], language: str) -> list[Finding]:
    most = LONG_SENTENCE[language]
    found = [
        Finding("long_sentence", {"words": n, "most": most}, [span])
        for span, n in zip(spans, lengths, strict=True)
        if n > most
    ]
    if len(lengths) >= 6 and np.std(lengths) < ALIKE * np.mean(lengths):
        found.append(Finding("sentences_alike", {"words": round(float(np.mean(lengths)))}))
    starts = [_words(text[start:end])[0][0] for start, end in spans]
    first = 0
    for place in range(1, len(starts) + 1):
        if place == len(starts) or starts[place] != starts[first]:
            run = spans[first:place]
            if len(run) >= SAME_START and starts[first] not in words.ARTICLES[language]:
                values = {"sentences": len(run), "word": starts[first]}
                found.append(Finding("same_start", values, list(run[:MOST_SPANS])))
            first = place
    return found


def _repetition(text: str, language: str) -> list[Finding]:
    """Content words that come too often, phrases that come again; the essay's own three main words may."""
    whole = _words(text)
    places: dict[str, list[Span]] = defaultdict(list)
    for word, start, end in whole:
        lemma = words.lemma(word, language)
        if len(word) > 3 and words.content([word], language) and words.content([lemma], language):
            places[lemma].append((start, end))
    found = []
    # what an essay is about has to be named: the commonest noun-like word is let be twice as often
    common = sorted(places, key=lambda one: -len(places[one]))
    for rank, lemma in enumerate(common[:8]):
        n = len(places[lemma])
        if n >= OFTEN * (2 if rank == 0 else 1) and n / len(whole) > OFTEN_SHARE * (2 if rank == 0 else 1):
            found.append(Finding("repeated_word", {"word": lemma, "times": n}, places[lemma][:MOST_SPANS]))
    phrases: dict[tuple[str, ...], list[Span]] = defaultdict(list)
    for at in range(len(whole) - PHRASE + 1):
        part = whole[at : at + PHRASE]
        if re.search(r"[.!?;:\n]", text[part[0][1] : part[-1][2]]):
            continue  # it runs over the end of a sentence
        phrases[tuple(word for word, *_ in part)].append((part[0][1], part[-1][2]))
    taken: list[Span] = []
    for spans in phrases.values():
        content = words.content([w for w, *_ in _words(text[spans[0][0] : spans[0][1]])], language)
        if len(spans) < 2 or len(content) < 2 or any(s < spans[0][1] and spans[0][0] < e for s, e in taken):
            continue
        taken += spans
        phrase = re.sub(r"\s+", " ", text[spans[0][0] : spans[0][1]])
        found.append(Finding("repeated_phrase", {"phrase": phrase, "times": len(spans)}, spans[:MOST_SPANS]))
    return found


def _linking(linking: Mapping[str, Mapping[str, Sequence[Span]]], n_words: int) -> list[Finding]:
    counted = Counter({word: len(spans) for kind in linking.values() for word, spans in kind.items()})
    total, kinds = counted.total(), sum(bool(found) for found in linking.values())
    values = {"count": total, "words": n_words}
    if 100 * total / n_words < FEW:
        return [Finding("few_connectives", values)]
    found = []
    word, n = counted.most_common(1)[0]
    if n >= 4 and n > ONE_OF_ALL * total:
        spans = next(kind[word] for kind in linking.values() if word in kind)
        share = f"{round(100 * n / total)}%"
        found.append(Finding("one_connective", {"word": word, "share": share}, list(spans)[:MOST_SPANS]))
    if not linking["contrast"]:
        found.append(Finding("no_contrast"))
    if not linking["cause"]:
        found.append(Finding("no_cause"))
    if not found and kinds >= ENOUGH_KINDS:
        spans = sorted(span for kind in linking.values() for spans in kind.values() for span in spans)
        found.append(Finding("linked", {"count": total, "kinds": kinds}, spans[:MOST_SPANS]))
    return found


def _level(level: float, years: float | None) -> list[Finding]:
    if years is None or abs(level - years) < YEARS_OFF:
        return []
    values = {"years": round(level, 1), "wanted": round(years, 1)}
    return [Finding("hard" if level > years else "simple", values)]


def _connectives(text: str, language: str) -> dict[str, dict[str, list[Span]]]:
    """kind -> connective -> where it stands; the longer of two that overlap counts."""
    found: dict[str, dict[str, list[Span]]] = {kind: {} for kind in CONNECTIVES[language]}
    taken: list[Span] = []
    every = [(word, kind) for kind, members in CONNECTIVES[language].items() for word in members]
    for word, kind in sorted(every, key=lambda pair: -len(pair[0])):
        pattern = rf"(?<!\w){re.escape(word).replace(chr(39), '[' + chr(39) + '’]')}(?!\w)"
        for match in re.finditer(pattern, text, re.IGNORECASE):
            span = match.span()
            if any(start < span[1] and span[0] < end for start, end in taken):
                continue
            taken.append(span)
            found[kind].setdefault(word, []).append(span)
    return found


def _words(text: str) -> list[tuple[str, int, int]]:
    """(word in lower case, start, end)."""
    return [(m[0].casefold(), m.start(), m.end()) for m in re.finditer(r"[^\W_]+(?:['’][^\W_]+)*", text)]
