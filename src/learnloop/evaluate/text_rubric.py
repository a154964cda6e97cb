"""A summary against its source alone, without a reference: a rubric of five parts, each in [0, 1].

    grounded   words and figures of the summary that the source has; a figure it has not counts five words
    central    of the source's ten most frequent long words, how many the summary has
    distinct   1 less the share of its word triples that it says again
    fluent     sentences that begin with a capital or figure, end in a stop and have 4 to 45 words
    brief      1 up to a third of the source's length, 0 from all of it on, straight between

The score is their mean. It needs no reader and no model, so it sees neither a swapped name nor a lost "not".
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from learnloop.evaluate.text import sentences, words_of

PARTS = ("grounded", "central", "distinct", "fluent", "brief")
FIGURE_WEIGHT = 5
CENTRAL_WORDS = 10
LONG = 5  # letters; shorter words are mostly of grammar, in each of our languages
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


def rubric(texts: Sequence[str], sources: Sequence[str]) -> pd.DataFrame:
    """(n, parts and `score`), one row a text."""
    rows = [_parts(text, source) for text, source in zip(texts, sources, strict=True)]
    frame = pd.DataFrame(rows, columns=list(PARTS), dtype=float)
    return frame.assign(score=frame[list(PARTS)].mean(axis=1))


def _parts(text: str, source: str) -> dict[str, float]:
    words, there = words_of().tokenize(text), words_of().tokenize(source)
    if not words:
        return dict.fromkeys(PARTS, 0.0)
    return {
        "grounded": _grounded(text, words, source, set(there)),
        "central": _central(set(words), there),
        "distinct": _distinct(words),
        "fluent": _fluent(text),
        "brief": float(np.clip((1 - len(words) / max(1, len(there))) / (1 - 1 / 3), 0, 1)),
    }


def _grounded(text: str, words: Sequence[str], source: str, there: set[str]) -> float:
    figures = _FIGURE.findall(text)
    known = set(_FIGURE.findall(source))
    plain = [word for word in words if not word.isdigit()]
    weights = len(plain) + FIGURE_WEIGHT * len(figures)
    held = sum(word in there for word in plain) + FIGURE_WEIGHT * sum(figure in known for figure in figures)
    return held / weights if weights else 0.0


def _central(words: set[str], there: Sequence[str]) -> float:
    counts = Counter(word for word in there if len(word) >= LONG and not word.isdigit())
    main = [word for word, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:CENTRAL_WORDS]]
    return sum(word in words for word in main) / len(main) if main else 0.0


def _distinct(words: Sequence[str]) -> float:
    triples = list(zip(words, words[1:], words[2:], strict=False))
    return len(set(triples)) / len(triples) if triples else 1.0


def _fluent(text: str) -> float:
    parts = sentences(text)
    good = [
        bool(re.match(r"[\"“«„'(¿¡]*[^\W_]", part))
        and not part[:1].islower()
        and bool(re.search(r"[.!?…。！？][\"”»“')]*$", part))
        and 4 <= len(words_of().tokenize(part)) <= 45
        for part in parts
    ]
    return sum(good) / len(good) if good else 0.0
