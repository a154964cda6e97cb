"""Files of texts into a frame of `id` and `text`: lines, CSV, or JSON lines.

    texts.txt     Loops repeat a block of code.            id "1": the line
    texts.csv     id,text                                  other columns are kept (score)
    texts.jsonl   {"id": "loops", "text": "Loops repeat a block of code."}

In CSV and JSON lines the text may also be called prediction, reference, source, summary or abstract, and the
id item_id or question_id. Without an id the place in the file is the id. UTF-8, quietly without its mark.
Lines that begin with # above a table's header are skipped.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.errors import BadInput, NothingToDo

TEXT_NAMES = ("text", "prediction", "reference", "source", "summary", "abstract")
ID_NAMES = ("id", "item_id", "question_id")
MAX_BYTES = 200_000_000
JSON_ENDINGS = (".jsonl", ".ndjson")
TABLE_ENDINGS = (".csv", ".tsv")


def read_texts(path: Path, prefer: str = "text") -> pd.DataFrame:
    """`id` (text), `text`, and the other columns; one row a text, in the order of the file.

    prefer: the name of the text's column where there are several. Raises BadInput, NothingToDo.
    """
    records = read_records(path)
    if not records:
        raise NothingToDo(f"{path.name} holds no text", "give a file of lines, CSV or JSON lines")
    names = list(records[0])
    text = next((name for name in dict.fromkeys((prefer, *TEXT_NAMES)) if name in names), None)
    if text is None:
        raise BadInput(
            f"{path.name} has no column of texts; it has {', '.join(map(str, names))}", "call it text", "text"
        )
    id_name = next((name for name in ID_NAMES if name in names), None)
    rows = []
    for place, record in enumerate(records, 1):
        if not isinstance(record.get(text), str):
            raise BadInput(f"{path.name}: record {place} has no {text}", "give each record one", text)
        rows.append(
            {name: value for name, value in record.items() if name not in (id_name, text)}
            | {"id": str(record[id_name]) if id_name and record.get(id_name) is not None else str(place)}
            | {"text": record[text]}
        )
    frame = pd.DataFrame(rows)
    if (twice := frame["id"][frame["id"].duplicated()]).size:
        raise BadInput(f"{path.name}: the id {twice.iloc[0]!r} is there twice", "one text an id", "id")
    return frame[["id", "text", *(name for name in frame if name not in ("id", "text"))]]


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records of a file by its ending; of other endings one {"text": line} a line, a blank one too.

    Raises BadInput: not there, too large, not UTF-8, a line that is no JSON object.
    """
    text = _read(path)
    ending = path.suffix.lower()
    if ending in JSON_ENDINGS:
        return [
            _object(line, number, path) for number, line in enumerate(text.split("\n"), 1) if line.strip()
        ]
    if ending == ".json":
        return _objects(text, path)
    if ending in TABLE_ENDINGS:
        csv.field_size_limit(MAX_BYTES)
        while text.startswith(("#", '"#')):  # instructions for whoever fills in a sheet
            text = text.partition("\n")[2]
        header = text.partition("\n")[0]
        mark = "\t" if ending == ".tsv" else max(",;", key=header.count)  # spreadsheets of Europe write ;
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark)
        return [{str(name): value for name, value in row.items()} for row in rows]
    lines = text.split("\n")
    return [{"text": line} for line in (lines[:-1] if lines and not lines[-1] else lines)]


def _read(path: Path) -> str:
    if not path.is_file():
        raise BadInput(f"there is no file {path}", "give one that exists", "path")
    if path.stat().st_size > MAX_BYTES:
        raise BadInput(f"{path.name} is larger than {MAX_BYTES:,} bytes", "give a part of it", "path")
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path.name} is not UTF-8 (byte {error.start:,})", "iconv -t UTF-8", "path"
        ) from error


def _object(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path.name}: line {number} is not JSON", "one JSON object a line", "path") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path.name}: line {number} is no JSON object", "one JSON object a line", "path")
    return value


def _objects(text: str, path: Path) -> list[dict[str, Any]]:
    """A JSON list of objects, an object that holds one, or one object alone."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} is not JSON", "give JSON, JSON lines or CSV", "path") from error
    if isinstance(value, dict):
        alone = {"stem", *TEXT_NAMES} & value.keys()  # the lists in it are its options, not the records
        value = next((one for one in value.values() if isinstance(one, list) and not alone), [value])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise BadInput(f"{path.name} is no list of JSON objects", "give a list of objects", "path")
    return value
