"""What the reader of any format found, as rows of QUESTIONS with origin `imported`.

One question as a reader found it (a GIFT file with our remark above it):

    Read(where="line 2", kind="short_answer", stem="What falls with g?", key="a body", rationales=[""],
         meta={"question_id": "generated:0c3f", "version": 2, "item_id": "demo:fall", "kind": "short_answer"})

The wording in a file (stem, options, answers, feedback) always wins over its remarks (`meta`), so that an
edit made elsewhere is read as one. Remarks add what the format has no field for, and are believed only
where they have the right type and agree with the wording.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from learnloop.exchange.rows import (
    CARRIED,
    CONTROL,
    Question,
    Refusal,
    Unheld,
    derived_key,
    is_finite,
    refuse_unsound,
    texts,
)
from learnloop.schemas import BLOOM, IDENTIFIER, QUESTIONS, check, empty

_LONGEST = 200  # of an identifier


@dataclass(frozen=True)
class Loaded:
    """questions: QUESTIONS and `version` (Int64, NA where the file says none); refused: what was not read."""

    questions: pd.DataFrame
    refused: list[Refusal]


@dataclass
class Read:
    """One question as a file has it. `kind` is what the format calls it; `rationales` are of `answers`.

    where and identifier name it in reports; tags and category are the other system's own.
    """

    where: str
    kind: str
    stem: str
    key: str = ""
    options: list[str] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
    rationales: list[str] = field(default_factory=list)
    general: str = ""
    identifier: str = ""
    category: str = ""
    tags: list[str] = field(default_factory=list)
    language: str = ""
    meta: dict[str, Any] = field(default_factory=dict)


def load_each(reads: Sequence[Read | Refusal], item_id: str, language: str) -> Loaded:
    """Rows of what was read. item_id and language: of the questions that do not say their own."""
    rows: list[dict[str, Any]] = []
    refused: list[Refusal] = []
    seen: set[str] = set()
    for read in reads:
        if isinstance(read, Refusal):
            refused.append(read)
            continue
        try:
            row = _row(read, item_id, language)
            if row["question_id"] in seen:
                raise Unheld("the same question twice")
        except Unheld as unheld:
            refused.append(Refusal(read.where, unheld.reason))
            continue
        seen.add(row["question_id"])
        rows.append(row)
    return Loaded(as_frame(rows), refused)


def as_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Dicts with the fields of QUESTIONS and `version` as a frame that passes the contract."""
    if not rows:
        return empty(QUESTIONS).assign(version=pd.Series([], dtype="Int64"))
    columns = {
        name: pd.Series([row.get(name) for row in rows], dtype=str(column.dtype) if column.dtype else object)
        for name, column in QUESTIONS.columns.items()
    }
    checked = check(pd.DataFrame(columns), QUESTIONS, "imported questions")
    return checked.assign(version=pd.Series([row.get("version") for row in rows], dtype="Int64"))


def _row(read: Read, item_id: str, language: str) -> dict[str, Any]:
    meta = believed(read.meta)
    kind = _kind(read, meta.get("kind"))
    answer = _answer(read, meta.get("answer", {}))
    key = derived_key(kind, read.key, answer)
    if meta.get("key_of") == key:
        key = meta.get("key", key)
    options = _shown(read.options, meta.get("shown")) if kind in ("ordering", "matching") else read.options
    provenance = _provenance(read, meta, kind, answer)
    question = Question(
        kind,
        read.stem,
        key,
        options,
        answer,
        list(read.aliases) or list(meta.get("aliases", []) if "value" in answer else []),
        [],
        {"question_id": meta.get("question_id", ""), "provenance": provenance},
    )
    if not question.stem.strip() or not question.key.strip():
        raise Unheld("no stem" if question.key.strip() else "no right answer")
    refuse_unsound(question)
    row = {**dict.fromkeys(QUESTIONS.columns), **{name: meta.get(name) for name in CARRIED}}
    row |= {"kind": kind, "stem": question.stem, "key": key, "options": options, "answer": answer}
    row |= {"aliases": question.aliases, "notes": _notes(question, read.rationales, meta.get("notes", []))}
    row |= {"provenance": provenance, "origin": "imported", "concept_ids": meta.get("concept_ids", [])}
    row["item_id"] = meta.get("item_id", item_id)
    row["language"] = read.language or meta.get("language") or language
    row["source_sha256"] = meta.get("source_sha256") or hashlib.sha256(b"").hexdigest()
    row["question_id"] = meta.get("question_id") or _digest(row)
    return row


_NATIVE = ("value", "unit", "tolerance", "order", "pairs", "corrected")


def _answer(read: Read, stated: Mapping[str, Any]) -> dict[str, Any]:
    """The file's answer; the remarks' where it says the same, and what they add to it."""
    answer = {**read.answer, **{name: part for name, part in stated.items() if name not in _NATIVE}}
    if "value" not in answer:
        return answer
    value, tolerance = answer["value"], answer.get("tolerance") or 0.0
    if not is_finite(value) or not is_finite(tolerance):
        raise Unheld("its number is not finite")
    unit = answer.get("unit") or stated.get("unit")
    same = stated.get("value") == value and (stated.get("tolerance") or 0.0) == tolerance
    if same and stated.get("unit") == unit:
        return dict(stated)
    return answer | {"tolerance": tolerance} | ({"unit": unit} if isinstance(unit, str) else {})


def _provenance(read: Read, meta: Mapping[str, Any], kind: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Where it comes from, and what is said after any answer, unless that is `corrected` or `quote`."""
    provenance, general = dict(meta.get("provenance") or {}), read.general
    said = meta.get("general", "")
    if said == "corrected" and kind == "true_false" and general:
        former = str(meta.get("answer", {}).get("corrected") or "")
        answer["corrected"] = former if _same(former, general) else general
    elif general and not (said == "quote" and _same(general, meta.get("quote", ""))):
        former = str(provenance.get("feedback") or "")
        provenance["feedback"] = former if _same(former, general) else general
    if "question_id" not in meta:
        theirs = {"identifier": read.identifier, "category": read.category, "tags": read.tags}
        provenance |= {name: value for name, value in theirs.items() if value}
    return provenance


def _kind(read: Read, stated: object) -> str:
    """A format may know fewer kinds than we do: a cloze is its multiple choice or its short answer."""
    if read.kind == "cloze" or (
        stated == "cloze" and read.kind in ("multiple_choice", "short_answer") and "value" not in read.answer
    ):
        return "cloze"
    return read.kind


def _shown(options: list[str], stated: object) -> list[str]:
    """The order that was shown, where the remarks say it; else one that does not give the answer away."""
    if isinstance(stated, list) and Counter(map(str, stated)) == Counter(options):
        return [str(option) for option in stated]
    mixed = sorted(options, key=lambda text: hashlib.sha256(text.encode()).digest())
    return mixed if mixed != options or len(options) < 2 else [*mixed[1:], mixed[0]]


def _notes(
    question: Question, rationales: Sequence[str], stated: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """A note an answer: what the file says of it, and what the remarks add (its origin).

    rationales: none at all where the format has no place for them.
    """
    if (
        not rationales
        or question.kind in ("ordering", "matching")
        or len(stated) not in (0, len(question.answers))
    ):
        return [dict(note) for note in stated]
    notes = []
    for number in range(len(question.answers)):
        note = dict(stated[number]) if stated else {}
        rationale = rationales[number] if number < len(rationales) else ""
        if not _same(str(note.get("rationale") or ""), rationale):
            note["rationale"] = rationale
        notes.append(note)
    return notes if any(notes) or stated else []


def _same(one: str, other: str) -> bool:
    """Systems trim what they are given."""
    return one.strip() == other.strip()


def _digest(row: Mapping[str, Any]) -> str:
    """The same question for the same lesson has the same id, whatever file it came in."""
    parts = [row["item_id"], row["kind"], row["stem"], row["key"], *row["options"], *row["aliases"]]
    return "imported:" + hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:20]


# What a remark may be, by name. Whatever is none of these is not believed.
_IS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(
        ("question_id", "item_id"), lambda v: _is_text(v, _LONGEST) and bool(re.match(IDENTIFIER, v))
    ),
    "version": lambda v: _is_whole(v) and v >= 1,
    "language": lambda v: _is_text(v, 3) and bool(re.fullmatch("[a-z]{2,3}", v)),
    **dict.fromkeys(("quote", "key", "key_of", "kind"), lambda v: _is_text(v, 100_000)),
    **dict.fromkeys(("licence", "general", "blank"), lambda v: _is_text(v, 1_000)),
    **dict.fromkeys(("span_start", "span_end"), lambda v: _is_whole(v) and v >= 0),
    "source_sha256": lambda v: _is_text(v, 64) and bool(re.fullmatch("[0-9a-f]{64}", v)),
    **dict.fromkeys(("provenance", "checks", "answer"), lambda v: isinstance(v, dict) and _is_json(v)),
    "concept_ids": lambda v: _aretexts(v) and all(re.match(IDENTIFIER, name) for name in v),
    "bloom": lambda v: v in BLOOM,
    **dict.fromkeys(("difficulty", "reading_level"), lambda v: _is_number(v)),
    **dict.fromkeys(("shown", "aliases"), lambda v: _aretexts(v)),
    "notes": lambda v: isinstance(v, list) and all(isinstance(n, dict) and _is_json(n) for n in v),
}


def believed(meta: object) -> dict[str, Any]:
    """The remarks of a file that have the right type; {} where it has none."""
    if not isinstance(meta, Mapping):
        return {}
    return {name: meta[name] for name, fits in _IS.items() if name in meta and fits(meta[name])}


def parsed_remarks(text: str) -> dict[str, Any]:
    """JSON that a file says is ours; {} where it is not."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest and not CONTROL.search(value)


def _aretexts(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(part, str) and not CONTROL.search(part) for part in value
    )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value < 2**53


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and is_finite(value)


def _is_json(value: object) -> bool:
    """What PostgreSQL's jsonb takes: no NUL, no half a character, no NaN."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return not any(CONTROL.search(text) for text in texts(value))
