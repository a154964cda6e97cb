"""Two sentences that stand for a lesson, taken verbatim: central, early, and not saying the same."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learnloop.generate import grammar
from learnloop.generate.embeddings import Similarities
from learnloop.generate.sentences import Sentence, split
from learnloop.generate.terms import Lesson

SENTENCE_WORDS = (6, 40)
MAX_WORDS = 60
# Set by reading the demo's summaries, not tuned on a score: against the authors' abstracts they are level
# with the first two sentences (ROUGE-L +0.8, 95% interval -0.2 to 1.8).
OPENING = 0.25  # bonus of the lesson's first sentence
DEFINES = 0.15  # bonus of a sentence that says what something is
EXAMPLE = 0.3  # malus of a worked example or a sentence of figures
THIN = 0.2  # malus of a sentence of few words
PARAGRAPH = 0.08  # bonus of a paragraph's first sentence
TITLE = 0.5  # weight of the cosine to the title
REPETITION = 0.5  # MMR: weight of the cosine to the sentence already chosen


@dataclass(frozen=True)
class Summary:
    """`text` is two sentences of the lesson; `spans` are their characters in it."""

    item_id: str
    text: str
    spans: tuple[tuple[int, int], ...]


def extract(lesson: Lesson, similarity: Similarities) -> Summary | None:
    """The summary, or None where fewer than two sentences can stand in one."""
    eligible = [sentence for sentence in lesson.sentences if is_sentence(sentence, lesson.language)]
    if len(eligible) < 2:
        return None
    vectors = similarity.matrix([sentence.text for sentence in eligible])
    about = similarity.matrix([lesson.title])[0]
    centre = vectors.mean(axis=0)
    centre = centre / (np.linalg.norm(centre) or 1.0)
    bonus = np.array([_position_bonus(s, lesson) + _kind_bonus(s, lesson.language) for s in eligible])
    score = vectors @ centre + TITLE * (vectors @ about) + bonus
    alone = np.array([stands_alone(sentence, lesson.language) for sentence in eligible])
    if not alone.any():
        return None
    first = int(np.argmax(np.where(alone, score, -np.inf)))
    second = _second(first, eligible, alone, score - REPETITION * (vectors @ vectors[first]))
    if second is None:
        return None
    chosen = [eligible[index] for index in sorted((first, second))]
    text = " ".join(" ".join(sentence.text.split()) for sentence in chosen)
    return Summary(lesson.item_id, text, tuple((sentence.start, sentence.end) for sentence in chosen))


def _second(first: int, eligible: list[Sentence], alone: np.ndarray, score: np.ndarray) -> int | None:
    """The best partner of `first`: it stands alone, or follows `first` at once; together not too long."""
    budget = MAX_WORDS - len(eligible[first].text.split())
    allowed = [
        index
        for index, sentence in enumerate(eligible)
        if index != first
        and (alone[index] or sentence.start - eligible[first].end in (1, 2))
        and len(sentence.text.split()) <= budget
    ]
    return max(allowed, key=lambda index: float(score[index]), default=None)


def is_sentence(sentence: Sentence, language: str) -> bool:
    """A statement of fair length: no heading, list entry, question or code."""
    words = len(sentence.text.split())
    clean = not re.search(r"[=<>{}\[\]_|]|https?:", sentence.text)
    proper = bool(re.match(r"[\"“«„(]?[^\W_]", sentence.text)) and sentence.text[-1:] == "."
    return SENTENCE_WORDS[0] <= words <= SENTENCE_WORDS[1] and proper and clean


def stands_alone(sentence: Sentence, language: str) -> bool:
    """It begins with no word that leans on the sentence before, and points at nothing outside."""
    first = grammar.words(sentence.text)[:1]
    leans = bool(first) and first[0] in grammar.LEANING[language]
    return not (
        leans
        or grammar.POINTING[language].search(sentence.text)
        or grammar.EARLY_PRONOUN[language].search(sentence.text)
    )


def _position_bonus(sentence: Sentence, lesson: Lesson) -> float:
    index = lesson.sentences.index(sentence)
    if index == 0:
        return OPENING
    return PARAGRAPH if lesson.sentences[index - 1].paragraph != sentence.paragraph else 0.0


def _kind_bonus(sentence: Sentence, language: str) -> float:
    definition = grammar.DEFINITION[language].match(sentence.text)
    figures = len(re.findall(r"\d+(?:[.,]\d+)*", sentence.text))
    example = figures >= 2 or grammar.words(sentence.text)[0] in grammar.SUPPOSING[language]
    thin = len(sentence.text.split()) < 9
    return DEFINES * bool(definition) - EXAMPLE * example - THIN * (thin and not definition)


def refusal(summary: Summary, lesson: Lesson) -> str:
    """Why `summary` may not be kept, or "": two sentences, verbatim, short, in the lesson's language."""
    if len(split(summary.text, lesson.language)) != 2 or len(summary.spans) != 2:
        return "two_sentences"
    quoted: Sequence[str] = [" ".join(lesson.text[start:end].split()) for start, end in summary.spans]
    if " ".join(quoted) != summary.text:
        return "verbatim"
    if len(summary.text.split()) > MAX_WORDS:
        return "summary_length"
    if grammar.likely_language(summary.text) != lesson.language:
        return "language_matches"
    return ""
