"""Questions out to human raters as a sheet, and their ratings back: agreement.

    # What to do … (lines that begin with #)
    row,passage,question,options,answer,grounded,answerable,single_key,distinct,fluent,level,comment
    3f1c0a5b9d2e,"A tide is …",What is a tide?,A) …; B) …,…,,,,,,,

A sheet is blind and shuffled: who or what made a question, its id and its score are not in it, and `row`
says nothing to a person. A cell that a spreadsheet would take for a formula begins with an apostrophe.
"""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from learnloop.errors import BadInput
from learnloop.evaluate.agreement import WEIGHTS, agreement
from learnloop.evaluate.question_rubric import PARTS
from learnloop.evaluate.text_systems import correlations

SCALE = (0, 1, 2)
COLUMNS = ("row", "passage", "question", "options", "answer", *PARTS, "comment")
INSTRUCTIONS = (
    "Rate each question alone, in the order of the sheet, without speaking to other raters.",
    "Write 2 (yes), 1 (partly) or 0 (no) in each column; leave a cell empty where you cannot tell.",
    "grounded: the passage says that the answer is right.",
    "answerable: a learner who has read the passage can answer, and one who has not can hardly.",
    "single_key: there is one right answer, and it is the one given.",
    "distinct: the options differ, and the wrong ones are neither absurd nor right.",
    "fluent: the question is good, clear language.",
    "level: it fits learners who can read the passage.",
    "Save as CSV in UTF-8. Leave the column row as it is.",
)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def row_of(question_id: str) -> str:
    """The name of a question on a sheet: the same on every sheet, and no more than a name."""
    return hashlib.sha256(f"sheet:{question_id}".encode()).hexdigest()[:12]


def sheet(questions: pd.DataFrame, passages: Mapping[str, str], seed: int = 0) -> str:
    """The CSV text of a sheet. passages: question_id -> what a rater reads; else the quote."""
    order = np.random.default_rng(seed).permutation(len(questions))
    out = io.StringIO(newline="")
    out.writelines(f"# {line}\n" for line in INSTRUCTIONS)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    records = questions.to_dict("records")
    for place in order:
        row = records[place]
        options = row["options"] if isinstance(row["options"], (list, tuple, np.ndarray)) else []
        shown = "; ".join(f"{letter}) {option}" for letter, option in zip(LETTERS, options, strict=False))
        quote = row["quote"] if isinstance(row["quote"], str) else ""
        passage = passages.get(str(row["question_id"])) or quote
        said = (passage, str(row["stem"]), shown, _answer(row))
        writer.writerow([row_of(str(row["question_id"])), *map(_harmless, said), *[""] * (len(PARTS) + 1)])
    return out.getvalue()


def _answer(row: Mapping[str, Any]) -> str:
    corrected = (row.get("answer") or {}).get("corrected") if isinstance(row.get("answer"), Mapping) else None
    return f"{row['key']} ({corrected})" if corrected else str(row["key"])


def _harmless(text: str) -> str:
    """No formula of a spreadsheet, whatever a lesson says (OWASP: CSV injection)."""
    flat = " ".join(text.split())
    return f"'{flat}" if flat[:1] in ("=", "+", "-", "@", "\t") else flat


def ratings(sheets: Mapping[str, Sequence[Mapping[str, Any]]], questions: pd.DataFrame) -> pd.DataFrame:
    """rater, question_id, part, value (0, 1 or 2): what is filled in on the sheets, rater -> records.

    A column `rater` of a sheet names several raters in one file. Raises BadInput: a rating off the scale, a
    row of no question here, a question rated twice by one rater.
    """
    known = {row_of(str(name)): str(name) for name in questions["question_id"]}
    found = []
    for name, records in sheets.items():
        for record in records:
            row = str(record.get("row") or "").strip()
            if row not in known:
                raise BadInput(
                    f"{name}: row {row!r} is no question here",
                    "give the questions the sheet was made of",
                    "row",
                )
            rater = str(record.get("rater") or name)
            for part in PARTS:
                value = _value(record.get(part), name, row)
                if value is not None:
                    found.append({"rater": rater, "question_id": known[row], "part": part, "value": value})
    frame = pd.DataFrame(found, columns=["rater", "question_id", "part", "value"])
    twice = frame[frame.duplicated(["rater", "question_id", "part"])]
    if len(twice):
        fault = f"{twice['rater'].iloc[0]} rated {twice['question_id'].iloc[0]} twice"
        raise BadInput(fault, "one rating a question and rater", "ratings")
    return frame


def _value(told: Any, name: str, row: str) -> int | None:
    text = "" if told is None else str(told).strip()
    if not text:
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = -1.0
    if value not in SCALE:
        raise BadInput(f"{name}: row {row} has the rating {text!r}", "write 0, 1 or 2", "ratings")
    return int(value)


def between_raters(rated: pd.DataFrame, n_bootstrap: int = 500, seed: int = 0) -> dict[str, Any]:
    """part -> {"pairs": {"a, b": agreement}, weights -> mean kappa over pairs (Light 1971), "n"}."""
    found: dict[str, Any] = {}
    for part in PARTS:
        wide = rated[rated["part"] == part].pivot(index="question_id", columns="rater", values="value")
        pairs = {}
        for one, other in combinations(sorted(wide.columns), 2):
            both = wide[[one, other]].dropna()
            if len(both):
                pairs[f"{one}, {other}"] = agreement(
                    both[one].astype(int).tolist(), both[other].astype(int).tolist(), n_bootstrap, seed
                )
        if pairs:
            found[part] = {"pairs": pairs, "n": int(wide.notna().sum(axis=1).ge(2).sum())}
            for weights in WEIGHTS:
                known = [p[weights]["value"] for p in pairs.values() if p[weights]["value"] is not None]
                found[part][weights] = float(np.mean(known)) if known else None
    return found


def with_rubric(
    rated: pd.DataFrame, scores: pd.DataFrame, n_bootstrap: int = 500, seed: int = 0
) -> dict[str, Any]:
    """part -> {"spearman": {value, low, high, n}, "people": mean rating in [0, 1], "rubric": mean, "kappa"}.

    scores: question_id and the parts. The rating of a question is the mean over its raters. `kappa` is that
    of "good" by people (mean rating above 1) and "good" by the rubric (above .5). `score`, over all parts,
    is the last entry.
    """
    by_question = scores.set_index("question_id")
    found: dict[str, Any] = {}
    means = rated.groupby(["question_id", "part"])["value"].mean().unstack() / max(SCALE)
    means["score"] = means.mean(axis=1)
    for part in (*PARTS, "score"):
        if part not in means or part not in by_question:
            continue
        both = pd.concat(
            [means[part], by_question[part]], axis=1, keys=["people", "rubric"], join="inner"
        ).dropna()
        if both.empty:
            continue
        told = correlations(both[["rubric"]], both["people"].to_numpy(float), n_bootstrap, seed)["rubric"]
        good = ((both["people"] > 0.5).tolist(), (both["rubric"] > 0.5).tolist())
        found[part] = {
            "spearman": told,
            "people": float(both["people"].mean()),
            "rubric": float(both["rubric"].mean()),
            "kappa": agreement(*good, n_bootstrap, seed)["none"],
            "n": len(both),
        }
    return found
