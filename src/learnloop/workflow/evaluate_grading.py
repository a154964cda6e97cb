"""evaluate grading: graded answers in, how well a grader trained on them grades what it has not seen, out.

Needs no database and keeps nothing.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess.short_answers import ShortAnswerGrader
from learnloop.errors import BadInput
from learnloop.evaluate.grading import f1_scores, grading_metrics
from learnloop.settings import load
from learnloop.workflow import graded_answers
from learnloop.workflow.console import bar
from learnloop.workflow.grading import Embed, embedder_of

SHOWN = ("answers", "questions", "macro_f1", "weighted_f1", "accuracy", "majority", "overlap", "sure")


def evaluate_grading(
    data: Path,
    *,
    test: Path | None = None,
    language: str = "en",
    folds: int = 3,
    trust: float = 0.8,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> dict[str, Any]:
    """{"embedder", "unseen_questions": {…}, "unseen_answers": {…}} as evaluate.grading says them.

    With `test`, a grader trained on `data` grades it: answers to questions of `data` are unseen answers,
    those to others unseen questions. Without it, `data` is parted by question into `folds`. Raises BadInput.
    """
    rows = graded_answers.read(data)
    embed, name = embedder_of(load(), language)
    result: dict[str, Any] = {"embedder": name, "language": language, "trained_on": len(rows)}
    if test is None:
        predicted = _held_out(rows, embed, language, folds, trust, seed)
        result["unseen_questions"] = measured(rows, predicted, n_bootstrap, seed)
        return result
    asked = graded_answers.read(test)
    with bar(f"trained on {len(rows)} answers", 7) as advance:
        grader = ShortAnswerGrader.fit(
            rows, embed, language=language, trust=trust, seed=seed, progress=advance
        )
    predicted = grader.predict(asked, rows)
    known = asked["question_id"].isin(set(rows["question_id"]))
    for kind, part in (("unseen_answers", known), ("unseen_questions", ~known)):
        if part.any():
            result[kind] = measured(asked[part], predicted[part], n_bootstrap, seed)
    return result


def measured(rows: pd.DataFrame, predicted: pd.DataFrame, n_bootstrap: int, seed: int) -> dict[str, Any]:
    """evaluate.grading's metrics, and the macro-F1 of plain word overlap at its best threshold."""
    y = rows["correct"].to_numpy(dtype=float) >= 0.5
    found = grading_metrics(
        y,
        predicted["probability"].to_numpy(dtype=float),
        predicted["score"].to_numpy(dtype=float) >= 0.5,
        predicted["sure"].to_numpy(dtype=bool),
        rows["question_id"].to_numpy(dtype=str),
        n_bootstrap,
        seed,
    )
    share = _overlap(rows)
    # the threshold is chosen on the very answers: more than plain overlap can do in earnest
    found["overlap"] = max(f1_scores(share >= cut, y)["macro_f1"] for cut in np.linspace(0.05, 1, 20))
    return found


def brief(result: dict[str, Any]) -> dict[str, Any]:
    """For a person: the numbers that are compared."""
    told = {name: value for name, value in result.items() if not isinstance(value, dict)}
    for kind, found in result.items():
        if isinstance(found, dict):
            told[kind] = {name: found[name] for name in SHOWN}
            told[kind]["accuracy where sure"] = found["accuracy_where_sure"]
            told[kind]["ECE"] = found["ece"]
    return told


def _held_out(
    rows: pd.DataFrame, embed: Embed, language: str, folds: int, trust: float, seed: int
) -> pd.DataFrame:
    codes, questions = pd.factorize(rows["question_id"])
    if folds > len(questions):
        fault = f"{len(questions)} question{'s' * (len(questions) > 1)} cannot be parted into {folds}"
        enough = f"--folds {len(questions)}" if len(questions) > 1 else "give answers to several questions"
        raise BadInput(fault, enough, "folds")
    order = np.random.default_rng(seed).permutation(len(questions))
    fold = np.empty(len(questions), dtype=int)
    fold[order] = np.arange(len(questions)) % folds
    parts = []
    with bar(f"trained and judged {folds} times", folds) as advance:
        for one in range(folds):
            asked = fold[codes] == one
            grader = ShortAnswerGrader.fit(rows[~asked], embed, language=language, trust=trust, seed=seed)
            parts.append(grader.predict(rows[asked]))
            advance(1)
    return pd.concat(parts).reindex(rows.index)


def _overlap(rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    """(n,) the largest share of a reference's words that the answer has."""
    found = []
    for references, answer in zip(rows["references"], rows["answer"], strict=True):
        said = set(str(answer).lower().split())
        found.append(
            max(len(set(one.lower().split()) & said) / len(set(one.lower().split())) for one in references)
        )
    return np.array(found)
