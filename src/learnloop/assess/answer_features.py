"""What a grader sees of an answer: how well it and the reference cover each other, in words and meaning.

"Will the lamps stay lit?"  reference "The other two stay lit."  answer "They do not go out."
    cosine .55  recall .33  aligned .71  negation 1 …

The words of the question are looked at apart: repeating them earns nothing (Sultan, Salazar & Sumner 2016,
"question demoting"). Alignment is of each word to its nearest in the other text by cosine of word vectors.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from learnloop.assess import words

Embed = Callable[[Sequence[str]], np.ndarray[Any, Any]]
Array = np.ndarray[Any, Any]

MAX_CHARACTERS = 2_000  # of an answer that are looked at; nobody needs more for a short answer
ANTONYMS = {
    "en": (
        "more/less/fewer increase/decrease/reduce rise/fall/sink/drop high/low hot/cold warm/cool big/small "
        "large/small long/short heavy/light thick/thin fast/slow hard/soft strong/weak loud/quiet "
        "open/closed wet/dry on/off up/down before/after same/different all/none most/least bright/dim "
        "positive/negative same/change add/remove attract/repel push/pull expand/contract "
        "gain/lose true/false connect/disconnect connected/separated many/few right/left first/last "
        "always/never smooth/rough full/empty young/old "
        "far/near above/below faster/slower higher/lower bigger/smaller longer/shorter larger/smaller "
        "hotter/colder warmer/cooler heavier/lighter louder/quieter harder/softer greater/less inside/outside"
    ),
    "es": "más/menos aumentar/disminuir subir/bajar alto/bajo caliente/frío grande/pequeño largo/corto "
    "rápido/lento antes/después igual/diferente todos/ninguno positivo/negativo",
    "fr": "plus/moins augmenter/diminuer monter/descendre haut/bas chaud/froid grand/petit long/court "
    "rapide/lent avant/après même/différent tous/aucun positif/négatif",
    "de": "mehr/weniger steigen/fallen zunehmen/abnehmen hoch/niedrig heiß/kalt warm/kalt groß/klein "
    "lang/kurz schnell/langsam vor/nach gleich/verschieden alle/keine positiv/negativ",
}


def _opposites(language: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for group in ANTONYMS.get(language, "").split():
        first, *others = group.split("/")
        for other in others:
            found.setdefault(first, set()).add(other)
            found.setdefault(other, set()).add(first)
    return found


NAMES = (
    *("cosine", "cosine_question", "question_reference"),
    *("recall", "precision", "f1", "recall_idf", "precision_idf", "new_recall", "new_recall_idf"),
    *("aligned", "aligned_least", "aligned_idf", "aligned_new", "aligned_new_least", "aligned_back"),
    *("aligned_back_idf", "aligned_back_new", "trigrams", "trigram_recall", "bigrams", "longest"),
    *("numbers_missed", "numbers_other", "negation", "negations", "opposites", "log_length", "length_ratio"),
    *("fresh", "from_question", "reference_length", "reference_new", "question_length", "references"),
    *("cosine_mean", "recall_mean", "residual", "first_word_same"),
)


@dataclass(frozen=True)
class Text:
    """One text taken apart once."""

    words: tuple[str, ...]
    lemmas: tuple[str, ...]
    content: tuple[str, ...]  # lemmas without function words
    grams: Mapping[str, int]
    numbers: frozenset[str]
    negations: int


@dataclass
class AnswerFeatures:
    """(question, references, answer) in, rows of NAMES out.

    `embed(texts) -> (n, d)` with rows of length 1. `idf`: lemma -> weight from the training texts, a
    stranger's being `unknown`. What was embedded is kept, so that a class's answers cost little.
    """

    embed: Embed
    language: str = "en"
    idf: Mapping[str, float] = field(default_factory=dict)
    unknown: float = 1.0
    _texts: dict[str, Text] = field(default_factory=dict, repr=False)
    _vectors: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict, repr=False)

    @property
    def kept(self) -> int:
        """How many texts and vectors are kept; a vector of 384 numbers takes 3 kB."""
        return len(self._texts) + len(self._vectors)

    def text(self, text: str) -> Text:
        if text not in self._texts:
            found = words.tokens(text[:MAX_CHARACTERS], self.language)
            lemmas = [words.lemma(word, self.language) for word in found]
            kept = [
                lemma
                for word, lemma in zip(found, lemmas, strict=True)
                if words.content([word], self.language) and words.content([lemma], self.language)
            ]
            joined = f" {' '.join(found)} "
            grams = Counter(joined[i : i + 3] for i in range(len(joined) - 2))
            numbers = frozenset(word for word in found if re.match(r"\d", word))
            self._texts[text] = Text(
                tuple(found),
                tuple(lemmas),
                tuple(kept) or tuple(lemmas),
                grams,
                numbers,
                words.negations(found, self.language),
            )
        return self._texts[text]

    def prepare(self, texts: Sequence[str]) -> None:
        """Embeds what is new in one batch."""
        fresh = sorted({text[:MAX_CHARACTERS] for text in texts} - self._vectors.keys())
        if fresh:
            found = np.asarray(self.embed(fresh), dtype=np.float64)
            self._vectors.update(zip(fresh, found, strict=True))

    def vectors(self, texts: Sequence[str]) -> Array:
        """(n, d)"""
        self.prepare(texts)
        return np.stack([self._vectors[text[:MAX_CHARACTERS]] for text in texts])

    def rows(
        self, questions: Sequence[str], references: Sequence[Sequence[str]], answers: Sequence[str]
    ) -> tuple[Array, list[int]]:
        """(n, len(NAMES)), and which of its references each answer is nearest to: that one counts."""
        seen = [*questions, *answers, *(one for many in references for one in many)]
        texts = [self.text(one) for one in dict.fromkeys(seen)]
        self.prepare([*seen, *(lemma for text in texts for lemma in text.content)])
        found = [self._row(q, r, a) for q, r, a in zip(questions, references, answers, strict=True)]
        return (
            np.array([row for row, _ in found]).reshape(len(answers), len(NAMES)),
            [nearest for _, nearest in found],
        )

    def _row(self, question: str, references: Sequence[str], answer: str) -> tuple[Array, int]:
        each = np.array([self._against(question, one, answer) for one in references])
        cosine, recall = NAMES.index("cosine"), NAMES.index("recall")
        nearest = int(np.argmax(each[:, cosine] + each[:, recall] + each[:, NAMES.index("f1")]))
        best = each[nearest].copy()
        best[NAMES.index("references")] = np.log(len(references))
        best[NAMES.index("cosine_mean")] = each[:, cosine].mean()
        best[NAMES.index("recall_mean")] = each[:, recall].mean()
        return best, nearest

    def _against(self, question: str, reference: str, answer: str) -> list[float]:
        q, r, a = self.text(question), self.text(reference), self.text(answer)
        asked, wanted, said = set(q.content), set(r.content), set(a.content)
        new_wanted, new_said = (wanted - asked) or wanted, said - asked
        vq, vr, va = self.vectors([question, reference, answer])
        shared = wanted & said
        recall, precision = _share(shared, wanted), _share(shared, said)
        there = self._aligned(r.content, a.content)
        back = self._aligned(a.content, r.content)
        new_there = [s for w, s in zip(r.content, there, strict=True) if w in new_wanted]
        new_back = [s for w, s in zip(a.content, back, strict=True) if w in new_said]
        grams = sum((Counter(r.grams) & Counter(a.grams)).values())
        n_r, n_a = sum(r.grams.values()), sum(a.grams.values())
        residual = float(_rest(vr, vq) @ _rest(va, vq))
        return [
            *(vr @ va, vq @ va, vq @ vr),
            *(recall, precision, _f1(recall, precision)),
            *(self._weighted(shared, wanted), self._weighted(shared, said)),
            *(_share(new_wanted & said, new_wanted), self._weighted(new_wanted & said, new_wanted)),
            *(_mean(there), min(there, default=0.0), self._mean_idf(r.content, there)),
            *(_mean(new_there), min(new_there, default=0.0), _mean(back), self._mean_idf(a.content, back)),
            *(_mean(new_back), 2 * grams / max(1, n_r + n_a), grams / max(1, n_r)),
            *(_bigrams(r.lemmas, a.lemmas), _longest(r.lemmas, a.lemmas) / max(1, len(r.lemmas))),
            *(float(len(r.numbers - a.numbers)), float(len(a.numbers - r.numbers - q.numbers))),
            *(float((r.negations > 0) != (a.negations > 0)), float(a.negations)),
            float(_against_sense(wanted | set(r.words), said | set(a.words), self.language)),
            *(np.log1p(len(a.words)), np.log((1 + len(a.words)) / (1 + len(r.words)))),
            *(_share(said - asked - wanted, said), _share(said & asked, said)),
            *(np.log1p(len(r.words)), _share(wanted - asked, wanted), np.log1p(len(q.words))),
            *(0.0, 0.0, 0.0, residual, float(r.lemmas[:1] == a.lemmas[:1])),
        ]

    def _aligned(self, of: Sequence[str], to: Sequence[str]) -> list[float]:
        """For each word of `of` the cosine of its nearest in `to`; equal words 1."""
        if not of or not to:
            return [0.0] * len(of)
        return list((self.vectors(of) @ self.vectors(to).T).max(axis=1))

    def _weight(self, lemma: str) -> float:
        return self.idf.get(lemma, self.unknown)

    def _weighted(self, part: set[str], whole: set[str]) -> float:
        total = sum(self._weight(one) for one in whole)
        return sum(self._weight(one) for one in part) / total if total else 0.0

    def _mean_idf(self, lemmas: Sequence[str], values: Sequence[float]) -> float:
        weights = [self._weight(one) for one in lemmas]
        return float(np.average(values, weights=weights)) if sum(weights) else 0.0


def idf_of(texts: Sequence[Sequence[str]]) -> tuple[dict[str, float], float]:
    """Inverse document frequency ln((1 + n) / (1 + df)) of each lemma, and that of a stranger."""
    seen = Counter(lemma for text in texts for lemma in set(text))
    n = len(texts)
    return {lemma: float(np.log((1 + n) / (1 + df))) for lemma, df in seen.items()}, float(np.log(1 + n))


def _share(part: set[str], whole: set[str]) -> float:
    return len(part) / len(whole) if whole else 0.0


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def _f1(recall: float, precision: float) -> float:
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


def _rest(vector: Array, without: Array) -> Array:
    """What of `vector` does not point where `without` points, scaled to length 1."""
    left = vector - (vector @ without) * without
    length = float(np.linalg.norm(left))
    return left / length if length > 1e-6 else left * 0.0


def _bigrams(wanted: Sequence[str], said: Sequence[str]) -> float:
    pairs, others = set(pairwise(wanted)), set(pairwise(said))
    return len(pairs & others) / len(pairs) if pairs else 0.0


def _longest(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        above = row[:]
        for place, twin in enumerate(other, 1):
            row[place] = above[place - 1] + 1 if word == twin else max(above[place], row[place - 1])
    return row[-1]


def _against_sense(wanted: set[str], said: set[str], language: str) -> int:
    """How many words of the reference have an opposite in the answer and are not there themselves."""
    known = _OPPOSITES.get(language, {})
    return sum(1 for word in wanted - said if known.get(word, set()) & (said - wanted))


_OPPOSITES = {language: _opposites(language) for language in ANTONYMS}
