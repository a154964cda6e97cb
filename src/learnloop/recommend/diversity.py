"""How alike two items are, and how varied a list is.

An item is a vector of unit length: its concepts and its course, each a set as the indicator vector scaled to
length 1, and its features (text embeddings) where the release has them. The cosine of two items is then the
mean over the parts that exist of the cosines of the parts; between sets that is |A and B| / sqrt(|A| |B|).

Maximal marginal relevance (Carbonell & Goldstein 1998) trades it against relevance, a place at a time:

    argmax over the left i of  lambda relevance_i - (1 - lambda) max over the chosen j of sim(i, j)

`recommend.exploration.draw` does so with diversity = 1 - lambda.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from learnloop.recommend.features import text_vectors, texts, unit
from learnloop.recommend.signals import recommendable
from learnloop.schemas import ItemFeatures

ALIKE = 0.5  # two items that share one of two concepts each
# Cosines of texts depend on the collection; in the demo's, lessons that belong together have .28 to .34.
ALIKE_TEXT, CLOSEST, SAMPLE = 0.25, 0.995, 1000


class Likeness:
    """Cosines in [0, 1] between items. An item that is not known is like none but itself.

    concepts: item_id -> its concepts; courses: item_id -> its course.
    """

    def __init__(
        self,
        item_ids: Sequence[str],
        concepts: Mapping[str, Sequence[str]],
        courses: Mapping[str, Any],
        features: ItemFeatures | None = None,
    ) -> None:
        self._row = {item_id: row for row, item_id in enumerate(item_ids)}
        self._sets = [frozenset(concepts.get(item_id, ())) for item_id in item_ids]
        self._concepts = _indicators(self._sets)
        own = [courses.get(item_id) for item_id in item_ids]
        self._courses = _indicators([(course,) if isinstance(course, str) else () for course in own])
        self._features: np.ndarray | None = None
        self._text_from = ALIKE_TEXT
        if features is not None and len(features.item_ids):
            place = {item_id: row for row, item_id in enumerate(features.item_ids)}
            self._features = np.zeros((len(item_ids), features.matrix.shape[1]), np.float32)
            for item_id, row in self._row.items():
                if item_id in place:
                    self._features[row] = features.matrix[place[item_id]]
            self._text_from = max(ALIKE_TEXT, _usual(features.matrix))

    def matrix(self, item_ids: Sequence[str]) -> np.ndarray:
        """(n, n), 1 on the diagonal; the mean over the parts that two items both have."""
        n = len(item_ids)
        known = np.array([self._row.get(item_id, -1) for item_id in item_ids], dtype=int)
        rows = np.where(known >= 0, known, 0)
        sums, parts = np.zeros((n, n)), np.zeros((n, n))
        for part in (self._concepts, self._courses, self._features):
            if part is None or part.shape[0] == 0:
                continue
            chosen = part[rows]
            if isinstance(chosen, csr_matrix):
                cosines, has = (chosen @ chosen.T).toarray(), np.diff(chosen.indptr) > 0
            else:
                cosines, has = chosen @ chosen.T, chosen.any(axis=1)
            both = np.outer(has & (known >= 0), has & (known >= 0))
            sums += np.where(both, np.clip(cosines, 0.0, 1.0), 0.0)
            parts += both
        found = np.divide(sums, parts, out=np.zeros((n, n)), where=parts > 0)
        np.fill_diagonal(found, 1.0)
        return found

    def most_like(self, history: Sequence[str], item_id: str) -> tuple[str, float, str] | None:
        """(history item, cosine, "concepts" or "text") of the one most like `item_id` in what it teaches, or
        else in what it says; the course says nothing here. None where nothing is alike: that takes a cosine
        of ALIKE between concepts, and between texts one that CLOSEST of all pairs do not reach, at least
        ALIKE_TEXT.
        """
        if item_id not in self._row:
            return None
        names = sorted({done for done in history if done in self._row and done != item_id})
        own, best, name = self._row[item_id], 0.0, ""
        for done in names:
            theirs = self._sets[self._row[done]]
            shared = len(self._sets[own] & theirs)
            cosine = shared / (len(self._sets[own]) * len(theirs)) ** 0.5 if shared else 0.0
            if cosine > best:
                best, name = cosine, done
        if best >= ALIKE:
            return name, best, "concepts"
        if self._features is None or not names:
            return None
        said = self._features[[self._row[done] for done in names]] @ self._features[own]
        best, name = min(float(said.max()), 1.0), names[int(said.argmax())]
        return (name, best, "text") if best >= self._text_from else None


def _usual(vectors: np.ndarray) -> float:
    """The cosine that CLOSEST of the pairs of (some of) the rows do not reach."""
    some = vectors[:: max(len(vectors) // SAMPLE, 1)]
    pairs = (some @ some.T)[np.triu_indices(len(some), 1)]
    return float(np.quantile(pairs, CLOSEST)) if len(pairs) else 1.0


def item_texts(items: pd.DataFrame) -> ItemFeatures:
    """What the items a learner can be sent to say, as vectors: text alone, no metadata. items: schemas.ITEMS.

    The mean of a language is taken off first: what all its texts share says nothing about two of them.
    """
    rows = items[items["item_id"].isin(recommendable(items))].sort_values("item_id", ignore_index=True)
    vectors = text_vectors(texts(rows)) if len(rows) > 1 else np.zeros((len(rows), 0))
    for language in sorted(set(rows["language"])):
        own = (rows["language"] == language).to_numpy()
        vectors[own] -= vectors[own].mean(axis=0)
    return ItemFeatures(rows["item_id"].to_numpy(object), unit(vectors).astype(np.float32), "text")


def _indicators(sets: Sequence[Iterable[str]]) -> csr_matrix:
    """(n, n_names), a row a set, of length 1."""
    column: dict[str, int] = {}
    indices, indptr, data = [], [0], []
    for names in sets:
        own = sorted(set(names))
        indices += [column.setdefault(name, len(column)) for name in own]
        data += [len(own) ** -0.5] * len(own) if own else []
        indptr.append(len(indices))
    return csr_matrix((data, indices, indptr), shape=(len(sets), max(len(column), 1)))


def intra_list_diversity(likeness: np.ndarray) -> float:
    """likeness: (k, k) of one list. The mean of 1 - sim over its pairs (Ziegler et al. 2005); 0 below two."""
    k = len(likeness)
    if k < 2:
        return 0.0
    return float(1 - (likeness.sum() - np.trace(likeness)) / (k * (k - 1)))
