"""OATutor's steps as a bank of questions: what `learnloop import oatutor` keeps as items, made to be asked.

A step as the cleaner of prepare leaves it, and the question it becomes:

    item oatutor:acc585clocation6b  kind question  title "What proportion think that …?"  answer $$0.63$$
         parent oatutor:problem/acc585clocation6  attributes {problem_type: TextBox, answer_type: arithmetic}
    question oatutor:acc585clocation6b  kind short_answer  key 0.63  answer {"value": 0.63, "tolerance": 0}

Multiple choice are questions of the importer's own (prepare.oatutor): taken as they are, as imported ones.
A text box is a short answer: a number where its key is one, a text where the pool compares texts. A key that
is a formula (x^2, \\sqrt{2}) is refused: equality of formulas is not what a bank of short answers can mark.
Hints of a step that say the answer's reason are not notes of an option, and stay with the item.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from learnloop.exchange.reads import Loaded, as_frame
from learnloop.exchange.rows import Refusal

_FIGURE = re.compile(r"##\S+\.(?:gif|png|jpe?g|svg|webp)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?")
_FRACTION = re.compile(r"([-+]?\d+)\s*/\s*(\d+)|\\frac\{([-+]?\d+)\}\{(\d+)\}")
# A text that is a word or a few, and no formula
_WORDS = re.compile(r"[^\W\d_][\w'’ -]{0,80}")


def questions(items: pd.DataFrame, item_concepts: pd.DataFrame, choices: pd.DataFrame) -> Loaded:
    """Questions of the steps of `items` (ITEMS, with their problems), all with origin `imported`.

    item_concepts: ITEM_CONCEPTS; choices: QUESTIONS that the importer made of multiple choice.
    """
    concepts = item_concepts.groupby("item_id")["concept_id"].agg(list).to_dict()
    texts = dict(zip(items["item_id"], items["text"], strict=True))
    rows: list[dict[str, Any]] = [
        {**row, "origin": "imported", "concept_ids": concepts.get(row["item_id"], [])}
        for row in choices.to_dict("records")
    ]
    refused = []
    made = {row["question_id"] for row in rows}
    for step in items[items["kind"] == "question"].to_dict("records"):
        if step["item_id"] in made:
            continue
        found = _question({str(name): value for name, value in step.items()}, texts)
        if isinstance(found, str):
            refused.append(Refusal(str(step["item_id"]), found))
        else:
            rows.append({**found, "concept_ids": concepts.get(step["item_id"], [])})
    empty_lists: dict[str, Any] = {"answer": {}, "aliases": [], "notes": []}
    return Loaded(as_frame([{**empty_lists, **row} for row in rows]), refused)


def _question(step: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any] | str:
    """A row of QUESTIONS, or why there is none."""
    about = step["attributes"] or {}
    title = "" if "title" in about.get("imputed", []) else step["title"]
    stem = "\n\n".join(part for part in (texts.get(step["parent_id"], ""), title, step["text"]) if part)
    key = str(step["answer"] or "").strip()
    if about.get("problem_type") != "TextBox":
        return "a multiple choice that the importer refused"
    if not stem or not key:
        return "no stem" if key else "no right answer"
    if _FIGURE.search(f"{stem}\n{key}"):
        return "needs a picture that the pool has not"
    if re.search(r"@\{|\{\{|%\w+%", stem + key):
        return "has variables to fill in"
    answer = _answered(key.strip("$ "), str(about.get("answer_type") or ""))
    if answer is None:
        return "its key is a formula"
    return {
        "question_id": step["item_id"],
        "item_id": step["item_id"],
        "kind": "short_answer",
        "stem": stem,
        "key": key.strip("$ "),
        "options": [],
        "source_sha256": hashlib.sha256(str(step["text"]).encode()).hexdigest(),
        "language": step["language"],
        "origin": "imported",
        "provenance": {"source": "oatutor", "answer_type": about.get("answer_type") or ""},
        "answer": answer,
        "licence": step["licence"],
    }


def _answered(key: str, kind: str) -> dict[str, Any] | None:
    """{"value": …} of a number, {} of words, None of a formula.

    >>> _answered("3/4", "arithmetic")
    {'value': 0.75, 'tolerance': 1e-06}
    """
    if key and _NUMBER.fullmatch(key) and re.search(r"\d", key):
        return {"value": float(key.replace(",", "")), "tolerance": 0.0}
    if found := _FRACTION.fullmatch(key):
        over, under = (float(part) for part in found.groups() if part is not None)
        # 5/6 as its decimals is right, 0.83 is not.
        return {"value": over / under, "tolerance": 1e-6} if under else None
    if kind == "string" and _WORDS.fullmatch(key):
        return {}
    return None
