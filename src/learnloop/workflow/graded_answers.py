"""Graded answers from a file: what a grader is trained on and judged by.

    question_id,question,reference,answer,correct
    q1,Why does ice float?,It is less dense than water. || Its density is lower.,because it is lighter,1

Several references stand in one cell with `||` between, or in several rows of the question. `correct` is a
share of the points in [0, 1], or a word: correct, incorrect, true, false, yes, no. One may add `language`.
"""

from pathlib import Path

import pandas as pd

from learnloop.errors import BadInput, NothingToDo
from learnloop.workflow import paths

BETWEEN = "||"
COLUMNS = ("question_id", "question", "reference", "answer", "correct")
_MARKS = {
    **dict.fromkeys(["correct", "true", "yes", "right"], 1.0),
    **dict.fromkeys(["incorrect", "false", "no", "wrong", "contradictory"], 0.0),
}


def read(path: Path) -> pd.DataFrame:
    """question_id, question, references (list of str), answer, correct (float).

    Raises BadInput, NothingToDo.
    """
    table = paths.table(path, COLUMNS, "data")
    if table.empty:
        raise NothingToDo(f"{path} has no answers", "give a row an answer that a teacher has graded")
    references = {
        question_id: list(
            dict.fromkeys(
                one.strip() for cell in group["reference"] for one in cell.split(BETWEEN) if one.strip()
            )
        )
        for question_id, group in table.groupby("question_id", sort=False)
    }
    without = [one for one, many in references.items() if not many]
    if without:
        raise BadInput(f"question {without[0]!r} has no reference", "write a right answer there", "reference")
    return pd.DataFrame(
        {
            "question_id": table["question_id"],
            "question": table["question"],
            "references": table["question_id"].map(references),
            "answer": table["answer"],
            "correct": [_mark(value, line) for line, value in enumerate(table["correct"], 2)],
        }
    )


def _mark(value: str, line: int) -> float:
    plain = value.strip().lower()
    if plain in _MARKS:
        return _MARKS[plain]
    try:
        mark = float(plain.replace(",", "."))
    except ValueError:
        mark = -1.0
    if not 0 <= mark <= 1:
        raise BadInput(f"line {line}: {value!r} is no mark between 0 and 1", "write 0, 1 or 0.5", "correct")
    return mark
