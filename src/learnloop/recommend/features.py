"""What is known of items before anybody has done them, as numbers: text and metadata.

An item, as it arrives (schemas.ITEMS):
    item_id=demo:courses/loops, kind=lesson, title=Loops, text=A loop repeats …, language=en, level=beginner
The sentence embedder is another room's: hand over its vectors of `texts`, or take `text_vectors`, which
needs no model and reads any language.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, NothingToDo
from learnloop.recommend.signals import recommendable
from learnloop.schemas import ItemFeatures

FIELDS = ("language", "level", "subject", "kind", "course")
MOST_VALUES = 200  # of one field: the most frequent ones; the rest are no value
TEXT_SHARE = 0.7  # of the squared length of a row; the fields share the rest
CHARACTERS = 2000  # of a text: what an item is about stands at its beginning


def texts(items: pd.DataFrame) -> list[str]:
    """Title, abstract and the beginning of the text of each row of `items`, to be embedded."""
    abstracts = items["abstract"].fillna("") if "abstract" in items else [""] * len(items)
    return [
        "\n".join(part for part in (title, abstract, text[:CHARACTERS]) if part)
        for title, abstract, text in zip(items["title"], abstracts, items["text"].fillna(""), strict=True)
    ]


def item_features(
    items: pd.DataFrame, embeddings: np.ndarray | None = None, text_basis: str = "", seed: int = 0
) -> ItemFeatures:
    """Features of every item of `items` that a learner can be sent to.

    items: schemas.ITEMS; embeddings: (n_items, d), a row a row of `items`, of any length, or None for
    `text_vectors`; text_basis says what made them. A row is [text, one-hot of each of FIELDS], scaled to
    length 1; where a part is not known the others fill the row. Raises NothingToDo without such items,
    BadInput on embeddings of another shape or not finite.
    """
    wanted = items["item_id"].isin(recommendable(items)).to_numpy()
    if not wanted.any():
        raise NothingToDo("no items to describe", "learnloop import or collect web")
    if embeddings is not None and (embeddings.ndim != 2 or len(embeddings) != len(items)):
        raise BadInput(
            f"embeddings of shape {embeddings.shape} do not fit {len(items)} items", field="embeddings"
        )
    if embeddings is not None and not np.isfinite(embeddings).all():
        raise BadInput("embeddings: a value is not a finite number", field="embeddings")
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(items["item_id"].to_numpy(object)[rows], kind="stable")]
    described = items.assign(course=_courses(items)).iloc[rows]
    if embeddings is None:
        text, text_basis = text_vectors(texts(described), seed=seed), "character n-grams"
    else:
        text = embeddings[rows]
    parts = [unit(text) * TEXT_SHARE**0.5]
    parts += [one_hot(described[name]) * ((1 - TEXT_SHARE) / len(FIELDS)) ** 0.5 for name in FIELDS]
    return ItemFeatures(
        item_ids=described["item_id"].to_numpy(object),
        matrix=unit(np.hstack(parts)).astype(np.float32),
        basis=", ".join([text_basis or "text embeddings", *FIELDS]),
    )


def unit(rows: np.ndarray) -> np.ndarray:
    """`rows` (n, d) scaled to length 1; rows of 0 stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def one_hot(values: pd.Series) -> np.ndarray:
    """(n, n_values): a column a value that two items have, in order of name; a row of 0 where unknown."""
    known = values.where(values.notna() & (values != "und"))
    counts = known.value_counts()
    shared = sorted(counts.index[counts >= 2], key=lambda value: (-counts[value], value))[:MOST_VALUES]
    codes = pd.Index(sorted(shared)).get_indexer(known)
    found = np.zeros((len(values), len(shared)))
    found[np.flatnonzero(codes >= 0), codes[codes >= 0]] = 1.0
    return found


def _courses(items: pd.DataFrame) -> np.ndarray:
    """(n_items,) the item_id of the topmost item above each, None where nothing is above it."""
    parents = dict(zip(items["item_id"], items["parent_id"], strict=True))
    found = np.full(len(items), None, dtype=object)
    for row, item_id in enumerate(items["item_id"]):
        climbed = {item_id}
        above = parents.get(item_id)
        while isinstance(above, str) and above not in climbed:  # a parent loop in the data ends the climb
            found[row] = above
            climbed.add(above)
            above = parents.get(above)
    return found


def text_vectors(texts: Sequence[str], dimensions: int = 128, seed: int = 0) -> np.ndarray:
    """(n_texts, d <= dimensions), of length 1: latent semantic analysis of character n-grams.

    TF-IDF of the 3- to 5-grams inside words, then a truncated SVD (Deerwester et al. 1990). Texts of no
    words are rows of 0.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not any(text.strip() for text in texts):
        return np.zeros((len(texts), 0))
    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, max_features=30_000
    )
    counted = vectorizer.fit_transform(texts)
    d = min(dimensions, min(counted.shape) - 1)
    if d < 1:
        return unit(counted.toarray()[:, :dimensions])
    return unit(TruncatedSVD(d, random_state=seed).fit_transform(counted))
