"""CSV and JSON: every field of every question, for spreadsheets and for programs.

One question in CSV (some columns); what is a list or a dict in a frame is JSON in a cell:

    question_id,version,kind,stem,key,options,language,bloom
    generated:0c3f,2,multiple_choice,Which is a vector?,velocity,"[""mass"", ""velocity""]",en,remember

and in JSON, where nothing is nothing and no empty text:

    {"format": "learnloop questions 1", "questions": [{"question_id": "generated:0c3f", "version": 2, …}]}

A cell that a spreadsheet would run as a formula (it begins with =, +, - or @) gets an apostrophe before it,
which reading takes away again.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from learnloop.errors import BadInput
from learnloop.exchange.decoding import decoded
from learnloop.exchange.reads import Loaded, Read, load_each
from learnloop.exchange.rows import (
    CARRIED,
    Dumped,
    Question,
    Refusal,
    Unheld,
    derived_key,
    is_finite,
    texts,
    write_each,
)
from learnloop.schemas import QUESTION_KINDS

FORMAT = "learnloop questions 1"
LIMIT = 64 << 20  # bytes of a file
_OWN = ("question_id", "version", "kind", "stem", "key", "options", "answer", "aliases", "notes")
COLUMNS = (*_OWN, *(name for name in CARRIED if name not in _OWN))
_WHOLE = ("version", "span_start", "span_end")
_REAL = ("difficulty", "reading_level")
_STRUCTURED = ("options", "answer", "aliases", "notes", "provenance", "concept_ids", "checks")
_WANTED = ("kind", "stem", "key")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_CELL = 1 << 22  # characters


def dump_csv(questions: pd.DataFrame) -> Dumped:
    """`questions` (QUESTIONS, plus `version`) as UTF-8 with its mark, which spreadsheets want."""
    made, refused = write_each(questions, _record)
    sink = io.StringIO()
    writer = csv.DictWriter(sink, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for _, record in made:
        writer.writerow({name: _cell(value) for name, value in record.items()})
    return Dumped(sink.getvalue().encode("utf-8-sig"), len(made), refused)


def dump_json(questions: pd.DataFrame) -> Dumped:
    """`questions` (QUESTIONS, plus `version`) as one object."""
    made, refused = write_each(questions, _record)
    whole = {"format": FORMAT, "questions": [record for _, record in made]}
    return Dumped(
        json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1).encode(), len(made), refused
    )


def load_csv(data: bytes, item_id: str, language: str = "und") -> Loaded:
    """Questions of a table with the columns kind, stem, key and any other of ours, in any order.

    item_id and language: of rows that have none. Raises BadInput where it is no such table.
    """
    text = decoded(data, "a CSV file", LIMIT)
    former = csv.field_size_limit(_CELL)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        lacking = [name for name in _WANTED if name not in (reader.fieldnames or [])]
        if lacking:
            raise BadInput(f"the CSV file has no column {lacking[0]!r}", "export one to see how it looks")
        found = [_from_cells(f"line {reader.line_num}", cells) for cells in reader]
    except csv.Error as error:
        raise BadInput(f"the CSV file is damaged: {error}", "save it again") from error
    finally:
        csv.field_size_limit(former)
    return load_each(found, item_id, language)


def load_json(data: bytes, item_id: str, language: str = "und") -> Loaded:
    """Questions of an object as `dump_json` writes it, or of a bare list. Raises BadInput on other JSON.

    item_id and language: of questions that have none.
    """
    try:
        whole = json.loads(decoded(data, "a JSON file", LIMIT))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the file is not JSON: {error}", "export it again") from error
    listed = whole.get("questions") if isinstance(whole, Mapping) else whole
    if not isinstance(listed, list):
        raise BadInput("the JSON file has no list of questions", "export one to see how it looks")
    found = [_from_record(f"question {number}", record) for number, record in enumerate(listed, start=1)]
    return load_each(found, item_id, language)


def _record(question: Question) -> dict[str, Any]:
    named = {name: getattr(question, name) for name in COLUMNS if name not in CARRIED}
    both = {**named, **{name: question.meta.get(name) for name in CARRIED}}
    return {name: both[name] for name in COLUMNS if both[name] is not None}


def _cell(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)
    return f"'{text}" if isinstance(value, str) and _FORMULA.match(text) else text


def _from_cells(where: str, cells: Mapping[str | None, Any]) -> Read | Refusal:
    if None in cells or None in cells.values():
        return Refusal(where, "more or fewer cells than columns")
    record: dict[str, Any] = {}
    for name, text in cells.items():
        if name not in COLUMNS or text == "":
            continue
        if name in (*_STRUCTURED, *_WHOLE, *_REAL):
            try:
                record[name] = json.loads(text)
            except (ValueError, RecursionError):
                return Refusal(where, f"{name} is not JSON")
        else:
            record[str(name)] = text[1:] if text[:1] == "'" and _FORMULA.match(text) else text
    return _from_record(where, record)


_IS: Mapping[str, Callable[[Any], bool]] = {
    "kind": lambda value: value in QUESTION_KINDS,
    "stem": lambda value: isinstance(value, str),
    "key": lambda value: isinstance(value, str),
    "options": lambda value: _are_texts(value),
    "aliases": lambda value: _are_texts(value),
    "answer": lambda value: isinstance(value, dict),
    "notes": lambda value: isinstance(value, list) and all(isinstance(note, dict) for note in value),
}


def _from_record(where: str, record: object) -> Read | Refusal:
    if not isinstance(record, Mapping):
        return Refusal(where, "it is no object")
    for name, fits in _IS.items():
        if name in record and record[name] is not None and not fits(record[name]):
            return Refusal(where, f"{name} is not what it should be")
    try:
        answer = _answer(dict(record.get("answer") or {}), str(record.get("kind")))
    except Unheld as unheld:
        return Refusal(where, unheld.reason)
    kind, key = str(record.get("kind") or ""), str(record.get("key") or "")
    if not kind:
        return Refusal(where, "no kind")
    meta: dict[str, Any] = {name: record[name] for name in CARRIED if record.get(name) is not None}
    read = Read(where, kind, str(record.get("stem") or ""), key, meta=meta)
    read.options, read.answer = list(record.get("options") or []), answer
    read.aliases = list(record.get("aliases") or [])
    # What the row says is what counts: its order of options, and its own word for the key.
    meta |= {"kind": kind, "answer": answer, "shown": read.options, "notes": list(record.get("notes") or [])}
    meta |= {"key": key, "key_of": derived_key(kind, key, answer)}
    return read


def _answer(answer: dict[str, Any], kind: str) -> dict[str, Any]:
    """Raises Unheld where its parts have not the type that the kind wants."""
    if "value" in answer:
        for name, value in (("value", answer["value"]), ("tolerance", answer.get("tolerance") or 0)):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise Unheld(f"its {name} is no number")
            if not is_finite(value):
                raise Unheld("its number is not finite")
    if kind == "ordering" and not _are_texts(answer.get("order")):
        raise Unheld("its order is no list of texts")
    if kind == "matching":
        pairs = answer.get("pairs")
        if not isinstance(pairs, list) or not all(_are_texts(pair) and len(pair) == 2 for pair in pairs):
            raise Unheld("its pairs are no list of two texts each")
    if len(list(texts(answer))) > 1000:
        raise Unheld("an answer of more than 1,000 texts")
    return answer


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)
