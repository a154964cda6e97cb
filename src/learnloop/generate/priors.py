"""How hard a question will be, before anybody has answered it: a prior in logits, 0 as with four options."""

import math

from learnloop.generate.questions import TYPICAL_COSINE, Question, Similarity

COSINE_WEIGHT = 1.0  # logits from unrelated to identical distractors
RARITY_WEIGHT = 0.1  # logits for each halving of the key's mentions in the text
MOST_MENTIONS = 8
REFERENCE_CHANCE = 0.25


def chance(question: Question) -> float:
    """The probability of a right answer by guessing."""
    if question.kind == "true_false":
        return 0.5
    if question.kind in ("ordering", "matching"):
        return 1 / math.factorial(len(question.options))
    return 1 / len(question.options) if question.options else 0.0


def difficulty(question: Question, text: str, similarity: Similarity) -> float:
    """A prior in logits: guessing + COSINE_WEIGHT (cosine - .36) + RARITY_WEIGHT log2(3 / mentions).

    Guessing: a learner who knows half has P = c + (1 - c) / 2 at chance c (three-parameter model, Birnbaum
    1968); the term is logit P at c = 1/4 minus logit P. cosine: mean of distractors to key, 0 term without
    distractors or for figures. mentions: of the key in the text, 1 to 8; no term for true_false, ordering,
    matching and figures. Weights are set, not fitted: answers replace the prior (assess).
    """
    value = _logit(REFERENCE_CHANCE) - _logit(chance(question))
    if question.form != "number" and question.kind in ("cloze", "multiple_choice", "short_answer"):
        if question.distractors:
            cosines = [similarity(question.key, text) for text in question.distractors]
            value += COSINE_WEIGHT * (sum(cosines) / len(cosines) - TYPICAL_COSINE)
        mentions = min(MOST_MENTIONS, max(1, text.lower().count(question.verbatim.lower())))
        value += RARITY_WEIGHT * math.log2(3 / mentions)
    return round(value, 3)


def _logit(chance: float) -> float:
    p = chance + (1 - chance) / 2
    return math.log(p / (1 - p))
