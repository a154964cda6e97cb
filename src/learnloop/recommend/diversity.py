"""How alike two items are, and how varied a list is.

An item is a vector of unit length: its concepts and its course, each a set as the indicator vector scaled to
length 1, and its features (text embeddings) where the release has them. The cosine of two items is then the
mean over the parts that exist of the cosines of the parts; between sets that is |A and B| / sqrt(|A| |B|).

Maximal marginal relevance (Carbonell & Goldstein 1998) trades it against relevance, a place at a time:

    argmax over the left i of  lambda relevance_i - (1 - lambda) max over the chosen j of sim(i, j)

`recommend.exploration.draw` does so with diversity = 1 - lambda.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from learnloop.schemas import ItemFeatures


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
        self._concepts = _indicators([concepts.get(item_id, ()) for item_id in item_ids])
        own = [courses.get(item_id) for item_id in item_ids]
        self._courses = _indicators([(course,) if isinstance(course, str) else () for course in own])
        self._features: np.ndarray | None = None
        if features is not None and len(features.item_ids):
            place = {item_id: row for row, item_id in enumerate(features.item_ids)}
            self._features = np.zeros((len(item_ids), features.matrix.shape[1]), np.float32)
            for item_id, row in self._row.items():
                if item_id in place:
                    self._features[row] = features.matrix[place[item_id]]

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
        """(history item, cosine, "text" or "concepts") of the one most like `item_id` in what it teaches or
        says; the course says nothing here. None where nothing is alike."""
        if item_id not in self._row:
            return None
        names = sorted({done for done in history if done in self._row and done != item_id})
        if not names:
            return None
        rows, own = [self._row[done] for done in names], self._row[item_id]
        best: tuple[str, float, str] | None = None
        taught = np.asarray((self._concepts[rows] @ self._concepts[own].T).todense()).ravel()
        if taught.max(initial=0.0) > 0:
            best = (names[int(taught.argmax())], min(float(taught.max()), 1.0), "concepts")
        if self._features is not None:
            said = self._features[rows] @ self._features[own]
            if said.max(initial=0.0) > (best[1] if best else 0.0):
                best = (names[int(said.argmax())], min(float(said.max()), 1.0), "text")
        return best


def _indicators(sets: Sequence[Sequence[str]]) -> csr_matrix:
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
