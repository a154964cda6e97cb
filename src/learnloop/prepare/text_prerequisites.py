"""Prerequisites from lessons' texts and their order: what a lesson speaks of that was taught before.

A concept's text is that of the lessons that teach it, its name their titles and its own. With tf-idf weights
of word stems within a language,

    alike(A, B)   cosine of the texts
    named(A, B)   how much A's text says of B's name: idf-weighted mean of log(1 + count) over its stems
    score(A, B)   alike + 0.3 named, where B is taught before A in a course

Each concept gets the best of what comes before it in its course, and whatever else scores above SURE. Where
no course orders two concepts, the reference distance does (RefD; Liang, Wu, Huang & Giles 2015): what is like
A speaks of B, and what is like B does not speak of A,

    RefD(A, B) = sum_c w(c, A) named(c, B) / sum_c w(c, A) - sum_c w(c, B) named(c, A) / sum_c w(c, B)

with w(c, A) = alike(c, A), 1 for A itself. Text is weak evidence: no confidence of it is above MOST.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

NAMED = 0.3
SURE = 0.25  # a score that needs no being the best
FAR = 0.4  # a RefD that orders two concepts
STEM, SHORT = 6, 3  # letters that are kept; words so short are none
# Of the demo's 28 edges that score above .25, 71% are authored; of all that come first, 65%.
BASE, MOST, UNORDERED = 0.4, 0.75, 0.4
COLUMNS = ("concept_id", "requires_id", "origin", "confidence", "score")


def from_text(items: pd.DataFrame, concepts: pd.DataFrame, item_concepts: pd.DataFrame) -> pd.DataFrame:
    """ITEMS, CONCEPTS, ITEM_CONCEPTS in; COLUMNS out, a row an edge, the surest first. Not yet acyclic.

    score: of the formula, or RefD where no course orders the two.
    """
    rows: list[tuple[str, str, str, float, float]] = []
    texts = _texts(items, concepts, item_concepts)
    for language in sorted({one.language for one in texts}):
        found = [one for one in texts if one.language == language]
        if len(found) > 1:
            rows += _edges(found)
    edges = pd.DataFrame(rows, columns=list(COLUMNS))
    return edges.sort_values(
        ["confidence", "concept_id", "requires_id"], ascending=[False, True, True], ignore_index=True
    )


@dataclass(frozen=True)
class _Concept:
    """places: course -> where it is first taught there."""

    concept_id: str
    language: str
    name: frozenset[str]
    words: tuple[str, ...]
    places: Mapping[str, float]


def stems(text: str) -> list[str]:
    """Words without accents and endings, as far as the first letters of a word do that.

    >>> stems("Proteínas y aminoácidos")
    ['protei', 'aminoa']
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return [word[:STEM] for word in re.findall(r"[^\W\d_]+", plain) if len(word) > SHORT]


def _texts(items: pd.DataFrame, concepts: pd.DataFrame, item_concepts: pd.DataFrame) -> list[_Concept]:
    """Of the concepts that a text teaches, by concept_id."""
    rows = items.set_index("item_id")
    taught: dict[str, list[str]] = {}
    for item_id, concept in zip(item_concepts["item_id"], item_concepts["concept_id"], strict=True):
        if item_id in rows.index:
            taught.setdefault(concept, []).append(item_id)
    found = []
    titles = dict(zip(concepts["concept_id"], concepts["title"], strict=True))
    languages = dict(zip(concepts["concept_id"], concepts["language"], strict=True))
    for concept in sorted(set(titles) & set(taught)):
        lessons = rows.loc[sorted(taught[concept])]
        lessons = lessons[lessons["kind"].isin(["lesson", "video", "activity"])]
        words = stems(" ".join([*lessons["title"], *lessons["text"]]))
        if not words:
            continue
        ordered = lessons[lessons["parent_id"].notna() & lessons["position"].notna()]
        places = ordered.groupby("parent_id")["position"].min().astype(float).to_dict()
        name = frozenset(stems(" ".join([titles[concept], *lessons["title"]])))
        found.append(_Concept(concept, languages[concept], name, tuple(words), places))
    return found


def _edges(concepts: Sequence[_Concept]) -> list[tuple[str, str, str, float, float]]:
    alike, named = _alike_and_named(concepts)
    before, known = _order(concepts)
    score = np.where(before, alike + NAMED * named, -np.inf)
    rows = []

    def add(a: int, b: int, confidence: float, value: float) -> None:
        rows.append((concepts[a].concept_id, concepts[b].concept_id, "text", confidence, float(value)))

    for a in range(len(concepts)):
        best = int(score[a].argmax())
        for b in np.flatnonzero(score[a] > 0):
            if b == best or score[a, b] > SURE:
                add(a, int(b), min(BASE + float(score[a, b]), MOST), score[a, b])
    # courses order these not: what the texts refer to does
    weights = alike + np.eye(len(concepts))
    weights /= weights.sum(axis=1, keepdims=True)
    reference = weights @ named
    distance = reference - reference.T
    for a, b in zip(*np.nonzero(~known & (distance > FAR)), strict=True):
        add(int(a), int(b), UNORDERED, distance[a, b])
    return rows


def _order(concepts: Sequence[_Concept]) -> tuple[np.ndarray, np.ndarray]:
    """(before, known), (n, n) bool: before[a, b]: some course teaches b before a, and none the other way;
    known: some course teaches both."""
    n = len(concepts)
    before, known = np.zeros((n, n), dtype=bool), np.eye(n, dtype=bool)
    by_course: dict[str, list[int]] = {}
    for number, one in enumerate(concepts):
        for course in one.places:
            by_course.setdefault(course, []).append(number)
    for course, numbers in by_course.items():
        place = np.array([concepts[number].places[course] for number in numbers])
        block = np.ix_(numbers, numbers)
        before[block] |= place[None, :] < place[:, None]
        known[block] = True
    return before & ~before.T, known


def _alike_and_named(concepts: Sequence[_Concept]) -> tuple[np.ndarray, np.ndarray]:
    """(n, n) each, 0 on the diagonal."""
    from scipy.sparse import diags_array

    counts, column = _counts(concepts)
    n = len(concepts)
    spread = np.bincount(counts.indices, minlength=counts.shape[1])
    # log((1 + n) / (1 + n_w)): a word of every text weighs nothing
    idf = np.log((1 + n) / (1 + spread))
    logs = counts.log1p()
    weighed = logs @ diags_array(idf)
    norms = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    norms[norms == 0] = 1.0
    unit = diags_array(1 / norms) @ weighed
    alike = (unit @ unit.T).toarray()
    named = np.zeros((n, n))
    for b, one in enumerate(concepts):
        own = [column[word] for word in sorted(one.name) if word in column]
        total = float(idf[own].sum())
        if total > 0:
            named[:, b] = logs[:, own] @ idf[own] / total
    np.fill_diagonal(alike, 0.0)
    np.fill_diagonal(named, 0.0)
    return alike, named


def _counts(concepts: Sequence[_Concept]) -> "tuple[csr_matrix, dict[str, int]]":
    from scipy.sparse import csr_matrix

    column = {word: place for place, word in enumerate(sorted({w for one in concepts for w in one.words}))}
    row = np.repeat(np.arange(len(concepts)), [len(one.words) for one in concepts])
    cell = np.array([column[word] for one in concepts for word in one.words])
    ones = np.ones(len(cell))
    matrix = csr_matrix((ones, (row, cell)), shape=(len(concepts), len(column)))  # adds up repeated cells
    return matrix, column
