"""Vectors of texts without a model: hashed character n-grams, for languages that have no sentence embedder.

"Fotosíntesis" and "fotosintética" share most of their n-grams of 3 to 5 letters.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

NAME = "hashed-character-ngrams"
DIMENSIONS = 1024


def embed(texts: Sequence[str]) -> np.ndarray[Any, Any]:
    """(n, DIMENSIONS), rows of length 1, 0 for a text without letters. Nothing is fitted or stored."""
    from sklearn.feature_extraction.text import HashingVectorizer

    if not len(texts):
        return np.zeros((0, DIMENSIONS))
    hashed = HashingVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), n_features=DIMENSIONS, alternate_sign=False, norm="l2"
    )
    return np.asarray(hashed.transform(list(texts)).toarray(), dtype=np.float64)
