"""What of a file is new to a bank, what changes it, and what it knows already.

One row of each, told by its question_id:

    new        not in the bank                                            inserted, a draft
    changed    other words in the file than in the bank                   the file's words, a draft again
    unchanged  the same, or the file leaves out what the bank knows       left alone
    refused    other words, of an older version than the bank has         kept out: it would undo an edit
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from learnloop.exchange.reads import as_frame
from learnloop.exchange.rows import Refusal

WORDING = ("kind", "stem", "key", "options", "answer", "aliases")
# What a file may say besides; what it does not say stays as it is.
ADDED = ("notes", "concept_ids", "bloom", "difficulty", "reading_level", "licence", "quote")


@dataclass(frozen=True)
class Merged:
    """questions: QUESTIONS to load, the new ones first; the counts and the refused make up the rest."""

    questions: pd.DataFrame
    new: int
    changed: int
    unchanged: int
    refused: list[Refusal]


def merge(found: pd.DataFrame, bank: pd.DataFrame, origin: Mapping[str, Any]) -> Merged:
    """found, bank: QUESTIONS with `version`, each question_id once. origin: where `found` is from.

    Checks are of the words that were checked: changed ones and new ones have none. A changed row keeps its
    lesson and the hash of its text, and what the bank knows of how it was made.
    """
    known = {str(row["question_id"]): _named(row) for row in bank.to_dict("records")}
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    refused: list[Refusal] = []
    unchanged = 0
    for raw in found.to_dict("records"):
        row = _named(raw)
        former = known.get(str(row["question_id"]))
        if former is None:
            provenance = {**(row["provenance"] or {}), **origin}
            new.append({**row, "provenance": provenance, "checks": None, "origin": "imported"})
            continue
        edited = _other(row, former, WORDING)
        added = [name for name in ADDED if not _nothing(row[name]) and _other(row, former, (name,))]
        if not edited and not added:
            unchanged += 1
        elif _older(row, former):
            reason = f"the file has version {row['version']}, the bank version {former['version']}"
            refused.append(Refusal(str(row["question_id"]), reason))
        else:
            changed.append(_changed(row, former, added, edited, origin))
    return Merged(as_frame([*new, *changed]), len(new), len(changed), unchanged, refused)


def _changed(
    row: Mapping[str, Any],
    former: Mapping[str, Any],
    added: Sequence[str],
    edited: bool,
    origin: Mapping[str, Any],
) -> dict[str, Any]:
    made = {**former, **{name: row[name] for name in added}}
    if edited:
        made |= {name: row[name] for name in WORDING}
        made |= {"origin": "imported", "checks": None, "span_start": None, "span_end": None}
        made["provenance"] = {**(former["provenance"] or {}), **origin}
    return made


def _older(row: Mapping[str, Any], former: Mapping[str, Any]) -> bool:
    mine, theirs = row.get("version"), former.get("version")
    return mine is not None and theirs is not None and mine < theirs


def _other(row: Mapping[str, Any], former: Mapping[str, Any], names: Sequence[str]) -> bool:
    return any(_canonical(row[name]) != _canonical(former[name]) for name in names)


def _canonical(value: Any) -> str:
    """No answer is {} and no aliases are [], told or not; a dict has no order."""
    return "" if _nothing(value) else json.dumps(value, sort_keys=True, default=str)


def _nothing(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _named(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A record with its missing values as None."""

    def plain(value: Any) -> Any:
        if value is pd.NA or (isinstance(value, float) and math.isnan(value)):
            return None
        return value.item() if hasattr(value, "item") else value

    return {str(name): plain(value) for name, value in row.items()}
