"""A grader of short answers: trained on graded answers, honest about how sure it is, kept without pickle.

    question_id  question                  reference                  answer                  correct
    ME_65a       What happens to the …?    The other two stay lit.    They keep on burning.   1

Two models. The cold one knows question, references and answer: the mean of extremely randomised trees on
AnswerFeatures and of a logistic regression on these and on u*v, |u - v| of the sentence vectors of
answer and reference (Conneau et al. 2017). The warm one also sees how alike the answer is to answers to the
same question that a teacher has graded. Both are calibrated (Platt 1999) on questions they were not
trained on, and an answer below the least confidence is left to the teacher.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from learnloop.assess.answer_features import AnswerFeatures, Array, Embed, idf_of
from learnloop.assess.forest import Forest
from learnloop.assess.graded_answers import NAMES as GRADED
from learnloop.assess.graded_answers import pools, similar_to_graded
from learnloop.assess.linear import Linear
from learnloop.errors import BadInput

FOLDS = 5
LEAST_ROWS, LEAST_QUESTIONS = 40, 4
STRENGTH_COLD, STRENGTH_WARM = 0.001, 0.1  # C of the logistic parts, chosen over questions held out
TREES, FEW_TREES, FEW_ROWS = 200, 60, 1000  # fewer for fewer answers: the data's noise is then larger
TRUST = 0.8  # of the answers that are graded so many should be graded rightly
_SURE = 1e-4


@dataclass(frozen=True)
class Judged:
    """`probability` that the answer is right; `score` 1.0 or 0.0; `confidence` in that score, in [0.5, 1)."""

    probability: float
    score: float
    confidence: float
    sure: bool


@dataclass
class Part:
    """One of the two models: trees and a line, then sigmoid(a + b logit of their mean)."""

    trees: Forest
    line: Linear
    platt: tuple[float, float]
    cut: float  # of the calibrated probability from which on an answer counts as right
    least: float  # confidence below which the teacher is asked
    curve: list[dict[str, float]] = field(default_factory=list)  # measured out of question, see `abstention`

    def raw(self, narrow: Array, wide: Array) -> Array:
        return (self.trees.predict(narrow) + self.line.predict(wide)) / 2

    def probability(self, narrow: Array, wide: Array) -> Array:
        a, b = self.platt
        return np.asarray(1 / (1 + np.exp(-(a + b * _logit(self.raw(narrow, wide))))), dtype=float)


class ShortAnswerGrader:
    """Fit on graded answers, then `predict` many or `judge` one. `embed(texts)`: (n, d), rows of length 1."""

    def __init__(
        self, features: AnswerFeatures, cold: Part, warm: Part | None, about: dict[str, Any]
    ) -> None:
        self.features, self.cold, self.warm, self.about = features, cold, warm, about

    @classmethod
    def fit(
        cls,
        rows: pd.DataFrame,
        embed: Embed,
        *,
        language: str = "en",
        trust: float = TRUST,
        trees: int | None = None,
        seed: int = 0,
        progress: Callable[[float], Any] | None = None,
    ) -> Self:
        """rows: question_id, question, references (list of str), answer, correct (in [0, 1]).

        From 0.5 on an answer counts as right. `progress(1)` is called after each of FOLDS + 2 parts.
        Raises BadInput: too few rows or questions, or all of one mark.
        """
        _checked(rows)
        advance = progress or (lambda _: None)
        trees = trees or (FEW_TREES if len(rows) < FEW_ROWS else TREES)
        features = _features(rows, embed, language)
        narrow, wide = _cold_columns(features, rows)
        y = rows["correct"].to_numpy(dtype=float) >= 0.5
        groups = pd.factorize(rows["question_id"])[0]
        advance(1)
        own, prior = pools(groups, y, seed), float(y.mean())
        vectors = features.vectors(rows["answer"].tolist())
        graded = np.array([similar_to_graded(vectors[i], vectors[p], y[p], prior) for i, p in enumerate(own)])
        warm_x = np.hstack([narrow, graded])
        fold = _folds(groups, seed)
        seen: dict[str, Array] = {"cold": np.zeros(len(y)), "warm": np.zeros(len(y))}
        for one in range(fold.max() + 1):
            train, asked = fold != one, fold == one
            if y[train].all() or not y[train].any():  # nothing to learn from: the rest is of one mark
                for found in seen.values():
                    found[asked] = prior
                advance(1)
                continue
            for name, x, w, strength in (
                ("cold", narrow, wide, STRENGTH_COLD),
                ("warm", warm_x, warm_x, STRENGTH_WARM),
            ):
                grown, line = _fitted(x[train], w[train], y[train], strength, trees, seed)
                seen[name][asked] = (grown.predict(x[asked]) + line.predict(w[asked])) / 2
            advance(1)
        cold = _part(narrow, wide, y, seen["cold"], STRENGTH_COLD, trust, trees, seed)
        known = graded[:, GRADED.index("log_count")] > 0
        warm = None
        if known.sum() >= LEAST_ROWS and 0 < y[known].mean() < 1:
            warm = _part(
                warm_x[known], warm_x[known], y[known], seen["warm"][known], STRENGTH_WARM, trust, trees, seed
            )
        advance(1)
        about = {
            "language": language,
            "answers": len(rows),
            "questions": int(groups.max() + 1),
            "prior": prior,
            "trust": trust,
            "seed": seed,
        }
        return cls(features, cold, warm, about)

    def predict(self, rows: pd.DataFrame, graded: pd.DataFrame | None = None) -> pd.DataFrame:
        """probability, score, confidence, sure of `rows` (question_id, question, references, answer).

        graded: question_id, answer, correct: what teachers have marked of these questions; a row's own
        answer should not be among them.
        """
        narrow, wide = _cold_columns(self.features, rows)
        probability = self.cold.probability(narrow, wide)
        cut, least = np.full(len(rows), self.cold.cut), np.full(len(rows), self.cold.least)
        if graded is not None and len(graded) and self.warm is not None:
            columns, known = self._graded_columns(rows, graded)
            if known.any():
                warm_x = np.hstack([narrow, columns])[known]
                probability[known] = self.warm.probability(warm_x, warm_x)
                cut[known], least[known] = self.warm.cut, self.warm.least
        right = probability >= cut
        confidence = np.where(right, probability, 1 - probability)
        return pd.DataFrame(
            {
                "probability": probability,
                "score": right.astype(float),
                "confidence": confidence,
                "sure": confidence >= least,
            },
            index=rows.index,
        )

    def judge(
        self,
        question: str,
        references: Sequence[str],
        answer: str,
        graded: Sequence[tuple[str, float]] = (),
    ) -> Judged:
        """One answer; `graded` are (answer, score) of the same question."""
        rows = pd.DataFrame(
            {
                "question_id": ["asked"],
                "question": [question],
                "references": [list(references)],
                "answer": [answer],
            }
        )
        known = pd.DataFrame(
            {
                "question_id": "asked",
                "answer": [text for text, _ in graded],
                "correct": [score for _, score in graded],
            }
        )
        found = self.predict(rows, known).iloc[0]
        return Judged(
            float(found["probability"]),
            float(found["score"]),
            float(found["confidence"]),
            bool(found["sure"]),
        )

    def _graded_columns(self, rows: pd.DataFrame, graded: pd.DataFrame) -> tuple[Array, np.ndarray[Any, Any]]:
        """((n, len(GRADED)), (n,) whether there is any graded answer to the row's question)."""
        pool = self.features.vectors(graded["answer"].tolist())
        marks = graded["correct"].to_numpy(dtype=float) >= 0.5
        own = self.features.vectors(rows["answer"].tolist())
        of = graded["question_id"].to_numpy(dtype=str)
        columns = []
        for vector, question_id in zip(own, rows["question_id"].astype("str"), strict=True):
            there = of == question_id
            columns.append(similar_to_graded(vector, pool[there], marks[there], self.about["prior"]))
        found = np.array(columns)
        return found, found[:, GRADED.index("log_count")] > 0


def abstention(probability: Array, cut: float, y: Array, steps: int = 20) -> list[dict[str, float]]:
    """For shares of the answers, the surest first: {coverage, confidence (the least), accuracy}."""
    right = probability >= cut
    confidence = np.where(right, probability, 1 - probability)
    order = np.argsort(-confidence, kind="stable")
    hits = (right == y)[order]
    found = []
    for step in range(1, steps + 1):
        n = max(1, round(len(y) * step / steps))
        found.append(
            {
                "coverage": n / len(y),
                "confidence": float(confidence[order[n - 1]]),
                "accuracy": float(hits[:n].mean()),
            }
        )
    return found


def macro_f1(right: Array, y: Array) -> float:
    """Mean of the F1 of both marks."""
    each = []
    for mark in (True, False):
        hits = ((right == mark) & (y == mark)).sum()
        each.append(2 * hits / max(1, (right == mark).sum() + (y == mark).sum()))
    return float(np.mean(each))


def _features(rows: pd.DataFrame, embed: Embed, language: str) -> AnswerFeatures:
    features = AnswerFeatures(embed, language)
    texts = [*rows["answer"], *rows["question"], *(one for many in rows["references"] for one in many)]
    features.idf, features.unknown = idf_of([features.text(one).content for one in dict.fromkeys(texts)])
    return features


def _cold_columns(features: AnswerFeatures, rows: pd.DataFrame) -> tuple[Array, Array]:
    """(n, k) for the trees and (n, k + 2 d) for the line."""
    references = rows["references"].tolist()
    narrow, nearest = features.rows(rows["question"].tolist(), references, rows["answer"].tolist())
    said = features.vectors(rows["answer"].tolist())
    meant = features.vectors([many[i] for many, i in zip(references, nearest, strict=True)])
    return narrow, np.hstack([narrow, said * meant, np.abs(said - meant)])


def _fitted(
    narrow: Array, wide: Array, y: Array, strength: float, trees: int, seed: int
) -> tuple[Forest, Linear]:
    return Forest.fit(narrow, y, seed=seed, trees=trees), Linear.fit(wide, y, strength)


def _part(
    narrow: Array,
    wide: Array,
    y: Array,
    out_of_question: Array,
    strength: float,
    trust: float,
    trees: int,
    seed: int,
) -> Part:
    """The model on all rows, with what its predictions on strange questions teach about its confidence."""
    grown, line = _fitted(narrow, wide, y, strength, trees, seed)
    platt = _platt(out_of_question, y)
    calibrated = 1 / (1 + np.exp(-(platt[0] + platt[1] * _logit(out_of_question))))
    grid = np.linspace(0.3, 0.7, 41)
    score = np.array([macro_f1(calibrated >= cut, y) for cut in grid])
    # the middle of what is as good as the best within a hair: a single best point is noise
    cut = float(np.mean(grid[score >= score.max() - 0.002]))
    curve = abstention(calibrated, cut, y)
    enough = [point["confidence"] for point in curve if point["accuracy"] >= trust]
    return Part(grown, line, platt, cut, min(enough, default=1.0), curve)


def _platt(p: Array, y: Array) -> tuple[float, float]:
    """(a, b) of sigmoid(a + b logit p) with the least log-loss; b is not negative."""
    from scipy.optimize import minimize

    z = _logit(p)
    target = np.where(y, (y.sum() + 1) / (y.sum() + 2), 1 / ((~y).sum() + 2))

    def loss(w: Array) -> float:
        q = w[0] + w[1] * z
        return float(np.mean(np.logaddexp(0, q) - target * q))

    found = minimize(loss, np.array([0.0, 1.0]), method="L-BFGS-B", bounds=[(None, None), (0.0, None)])
    return float(found.x[0]), float(found.x[1])


def _logit(p: Array) -> Array:
    q = np.clip(p, _SURE, 1 - _SURE)
    return np.asarray(np.log(q / (1 - q)), dtype=float)


def _folds(groups: Array, seed: int) -> Array:
    """(n,) fold of each row: whole questions, dealt out at random."""
    n = int(groups.max() + 1)
    order = np.random.default_rng(seed).permutation(n)
    of = np.empty(n, dtype=int)
    of[order] = np.arange(n) % min(FOLDS, n)
    return of[groups]


def _checked(rows: pd.DataFrame) -> None:
    missing = {"question_id", "question", "references", "answer", "correct"} - set(rows.columns)
    if missing:
        raise BadInput(f"graded answers without {', '.join(sorted(missing))}", field=sorted(missing)[0])
    if len(rows) < LEAST_ROWS or rows["question_id"].nunique() < LEAST_QUESTIONS:
        raise BadInput(
            f"{len(rows)} graded answers to {rows['question_id'].nunique()} questions are too few: a grader"
            f" learns from {LEAST_ROWS} answers to {LEAST_QUESTIONS} questions on",
            field="data",
        )
    marks = rows["correct"].to_numpy(dtype=float)
    if not ((marks >= 0) & (marks <= 1)).all():
        raise BadInput("a mark in `correct` is not between 0 and 1", field="correct")
    if (marks >= 0.5).all() or (marks < 0.5).all():
        raise BadInput(
            "every answer has the same mark: there is nothing to learn from",
            "add answers that are wrong, and some that are right",
            field="correct",
        )
