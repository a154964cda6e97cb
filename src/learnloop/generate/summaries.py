"""Sentences that stand for a lesson, taken verbatim: central, near its title, and not saying the same.

    lesson "Tides"   ->   "A tide is the regular rise and fall of the sea. The tides are caused mainly by …"

Maximal marginal relevance (Carbonell & Goldstein 1998): each step takes the sentence i outside the summary
S with the highest

    lambda * relevance_i - (1 - lambda) * max over j in S of cos(v_i, v_j)
    relevance_i = cos(v_i, mean of v) + TITLE * cos(v_i, v_title) + bonuses - EASIER * years above the level

What is chosen is told in the order of the text, each sentence with its characters in it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from learnloop.errors import BadInput
from learnloop.generate import grammar
from learnloop.generate.embeddings import Similarities
from learnloop.generate.instructions import reads_as_instruction
from learnloop.generate.sentences import Sentence, split
from learnloop.generate.terms import Lesson

SENTENCE_WORDS = (6, 40)
MAX_WORDS = 60
MAX_SENTENCES = 50
Level = Callable[[str], float]  # a text's reading level, in years of school


@dataclass(frozen=True)
class Weights:
    """Measured with benchmarks/summaries.py against what authors wrote; see docs/6-language.md."""

    mmr: float = 0.67  # lambda: relevance against repetition
    title: float = 0.5
    opening: float = 0.25  # the lesson's first sentence
    paragraph: float = 0.08  # a paragraph's first sentence
    defines: float = 0.15  # a sentence that says what something is
    example: float = 0.3  # malus of a worked example or a sentence of figures
    thin: float = 0.2  # malus of a sentence of few words
    easier: float = 0.05  # malus a year of school above the level asked for


WEIGHTS = Weights()


@dataclass(frozen=True)
class Wanted:
    """How long, in at most `sentences` and at most `words`, and how easy, in years of school (None: any)."""

    sentences: int = 2
    words: int = MAX_WORDS
    level: float | None = None

    @classmethod
    def of(cls, sentences: int | None, words: int | None, level: float | None = None) -> "Wanted":
        """From what a person asks for: one of the two bounds, both or none. Raises BadInput."""
        if sentences is None and words is None:
            return cls(level=level)
        for name, value, least in (("sentences", sentences, 1), ("words", words, SENTENCE_WORDS[0])):
            if value is not None and value < least:
                raise BadInput(f"a summary has {least} {name} or more", f"--{name} {least}", name)
        at_most = MAX_SENTENCES if sentences is None else sentences
        return cls(at_most, at_most * SENTENCE_WORDS[1] if words is None else words, level)


@dataclass(frozen=True)
class Summary:
    """`text` is sentences of the lesson; `spans` are their characters in it, in order."""

    item_id: str
    text: str
    spans: tuple[tuple[int, int], ...]
    sentences: tuple[str, ...] = ()  # as they stand in the lesson, line breaks and all


def extract(
    lesson: Lesson,
    similarity: Similarities,
    wanted: Wanted = Wanted(),
    *,
    reading_level: Level | None = None,
    weights: Weights = WEIGHTS,
) -> Summary | None:
    """The summary, or None where no sentence can stand in one, or one of at most two is all there is.

    reading_level: needed where `wanted.level` is given (BadInput without).
    """
    if wanted.level is not None and reading_level is None:
        raise BadInput("a level was asked for, and nothing measures it", "leave the level out", "level")
    eligible = [sentence for sentence in lesson.sentences if is_sentence(sentence, lesson.language)]
    if len(eligible) < min(2, wanted.sentences):
        return None
    vectors = similarity.matrix([sentence.text for sentence in eligible])
    score = _relevance(lesson, eligible, vectors, similarity, weights)
    if wanted.level is not None and reading_level is not None:
        years = np.array([reading_level(sentence.text) for sentence in eligible])
        score = score - weights.easier * np.clip(np.nan_to_num(years) - wanted.level, 0.0, 20.0)
    chosen = _chosen(eligible, vectors, score, lesson.language, wanted, weights.mmr)
    if len(chosen) < min(2, wanted.sentences):
        return None
    return _told(lesson, [eligible[index] for index in sorted(chosen)])


def _told(lesson: Lesson, sentences: Sequence[Sentence]) -> Summary:
    text = " ".join(" ".join(sentence.text.split()) for sentence in sentences)
    spans = tuple((sentence.start, sentence.end) for sentence in sentences)
    return Summary(lesson.item_id, text, spans, tuple(sentence.text for sentence in sentences))


def _relevance(
    lesson: Lesson, eligible: Sequence[Sentence], vectors: np.ndarray, similarity: Similarities, w: Weights
) -> np.ndarray:
    """(n,) of the n eligible sentences: how much each says of the lesson."""
    about = similarity.matrix([lesson.title])[0]
    centre = vectors.mean(axis=0)
    centre = centre / (np.linalg.norm(centre) or 1.0)
    places = {sentence.start: index for index, sentence in enumerate(lesson.sentences)}
    bonus = [
        _position_bonus(places[s.start], lesson.sentences, w) + _kind_bonus(s, lesson.language, w)
        for s in eligible
    ]
    return np.asarray(vectors @ centre + w.title * (vectors @ about) + np.array(bonus))


def _chosen(
    eligible: Sequence[Sentence],
    vectors: np.ndarray,
    score: np.ndarray,
    language: str,
    wanted: Wanted,
    mmr: float,
) -> list[int]:
    """Rows of `eligible` in the order of choice. A sentence stands alone, or follows a chosen one at once."""
    alone = [stands_alone(sentence, language) for sentence in eligible]
    sizes = [len(sentence.text.split()) for sentence in eligible]
    closest = np.zeros(len(eligible))  # cosine to the nearest chosen sentence
    chosen: list[int] = []
    while len(chosen) < wanted.sentences:
        left = wanted.words - sum(sizes[index] for index in chosen)
        ends = {eligible[index].end for index in chosen}
        allowed = [
            index
            for index, sentence in enumerate(eligible)
            if index not in chosen
            and sizes[index] <= left
            and (alone[index] or bool({sentence.start - 1, sentence.start - 2} & ends))
        ]
        if not allowed:
            break
        worth = mmr * score - (1 - mmr) * closest
        best = max(allowed, key=lambda index: float(worth[index]))
        chosen.append(best)
        closest = np.maximum(closest, vectors @ vectors[best])
    return chosen


def is_sentence(sentence: Sentence, language: str) -> bool:
    """A statement of fair length: no heading, list entry, question, code, or command to whoever reads it."""
    words = len(sentence.text.split())
    clean = not re.search(r"[=<>{}\[\]_|]|https?:|(?:javascript|data|vbscript):", sentence.text, re.I)
    proper = bool(re.match(r"[\"“«„(]?[^\W_]", sentence.text)) and sentence.text[-1:] == "."
    fits = SENTENCE_WORDS[0] <= words <= SENTENCE_WORDS[1]
    return fits and proper and clean and not reads_as_instruction(sentence.text)


def stands_alone(sentence: Sentence, language: str) -> bool:
    """It begins with no word that leans on the sentence before, and points at nothing outside."""
    first = grammar.words(sentence.text)[:1]
    leans = bool(first) and first[0] in grammar.LEANING[language]
    return not (
        leans
        or grammar.POINTING[language].search(sentence.text)
        or grammar.EARLY_PRONOUN[language].search(sentence.text)
    )


def _position_bonus(index: int, sentences: Sequence[Sentence], weights: Weights) -> float:
    if index == 0:
        return weights.opening
    return weights.paragraph if sentences[index - 1].paragraph != sentences[index].paragraph else 0.0


def _kind_bonus(sentence: Sentence, language: str, weights: Weights) -> float:
    definition = grammar.DEFINITION[language].match(sentence.text)
    figures = len(re.findall(r"\d+(?:[.,]\d+)*", sentence.text))
    example = figures >= 2 or grammar.words(sentence.text)[0] in grammar.SUPPOSING[language]
    thin = len(sentence.text.split()) < 9
    return (
        weights.defines * bool(definition)
        - weights.example * example
        - weights.thin * (thin and not definition)
    )


def placed(summary: Summary, original: str) -> Summary | None:
    """`summary` with its spans in the text as it came; None where a sentence is not there word for word."""
    spans, start = [], 0
    for sentence in summary.sentences:
        begin = original.find(sentence, start)
        if begin < 0:
            return None
        start = begin + len(sentence)
        spans.append((begin, start))
    return replace(summary, spans=tuple(spans))


def refusal(summary: Summary, lesson: Lesson, wanted: Wanted = Wanted()) -> str:
    """Why an extract may not be kept, or "": its length, its words, its language, commands."""
    quoted: Sequence[str] = [" ".join(lesson.text[start:end].split()) for start, end in summary.spans]
    if not min(2, wanted.sentences) <= len(summary.spans) <= wanted.sentences:
        return "sentence_count"
    if len(split(summary.text, lesson.language)) != len(summary.spans):
        return "sentence_count"
    if " ".join(quoted) != summary.text:
        return "verbatim"
    if len(summary.text.split()) > wanted.words:
        return "summary_length"
    if grammar.likely_language(summary.text) != lesson.language:
        return "language_matches"
    if any(reads_as_instruction(sentence) for sentence in quoted):
        return "reads_as_instruction"
    return ""
