"""Which of a file's columns is which of ours: from a command line or a TOML file.

    --map "learner_id=Student,item_id=Exercise,items.title=Name"

    [interactions]
    learner_id = "Student"
    item_id = "Exercise"

A name without a table in front counts for every file that has the column; one column of the file may fill
several of ours.
"""

import csv
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from learnloop.collect import inputs
from learnloop.errors import BadInput

Columns = Mapping[str, str]  # ours, with or without "items." or "interactions.": the file's


def from_text(text: str, ours: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """'learner_id=Student' -> {"learner_id": "Student"}. ours: the columns of each table. Raises BadInput."""
    found: dict[str, str] = {}
    for part in next(csv.reader([text], skipinitialspace=True), []):
        name, equals, column = (piece.strip() for piece in part.partition("="))
        if not (name and equals and column):
            raise BadInput(f"--map: {part!r} is not ours=theirs", '--map "learner_id=Student"', "map")
        if name in found:
            raise BadInput(f"--map names {name!r} twice", "keep one of the two", "map")
        found[name] = column
    _known(found, ours, "--map")
    return found


def from_toml(path: Path, ours: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The tables of a mapping file, as `from_text` gives them. Raises BadInput."""
    inputs.inspect(path)
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{path.name} is no TOML: {error}", 'write lines such as item_id = "Exercise"'
        ) from error
    found: dict[str, str] = {}
    for key, value in tables.items():
        entries = (
            {f"{key}.{name}": column for name, column in value.items()}
            if isinstance(value, dict)
            else {key: value}
        )
        for name, column in entries.items():
            if not isinstance(column, str) or not column.strip():
                raise BadInput(f"{path.name}: {name} is not a column's name", f'{name} = "Column"', name)
            found[name] = column.strip()
    _known(found, ours, path.name)
    return found


def _known(wanted: Columns, ours: Mapping[str, Sequence[str]], where: str) -> None:
    for name in wanted:
        table, dot, column = name.rpartition(".")
        tables = [table] if dot else list(ours)
        if not any(column in ours.get(table, ()) for table in tables):
            every = sorted({column for table in tables for column in ours.get(table, ())} or ours)
            raise BadInput(
                f"{where}: Learnloop has no column {name!r}; it has {', '.join(every)}",
                f"use {_closest(column, every)!r}",
                name,
            )


def for_file(
    wanted: Columns, kind: str, ours: Mapping[str, Sequence[str]], headers: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Our columns -> those of the file of `kind`, of what `wanted` says.

    headers: what each given file is called, with its columns: {"interactions": […]}. Raises BadInput where
    a column that `wanted` names is in no file it could mean.
    """
    found: dict[str, str] = {}
    for name, column in wanted.items():
        table, dot, own = name.rpartition(".")
        meant = [table] if dot else [other for other in headers if own in ours[other]]
        if kind not in meant or kind not in headers:
            continue
        if column in headers[kind]:
            found[own] = column
        elif not any(column in headers.get(other, ()) for other in meant):
            raise BadInput(
                f"the {kind} file has no column {column!r}; it has {', '.join(headers[kind])}",
                f'--map "{name}={_closest(column, headers[kind])}"',
                column,
            )
    return found


def lacking(name: str, column: str, columns: Sequence[str], rename: str = "", table: str = "") -> BadInput:
    """The error for a file without a needed column. rename: what to do instead, where --map is not known;
    table: "items.", where --map would take the bare name for that of another file."""
    near = _closest(column, columns)
    hint = f"{rename} {column!r}; closest is {near!r}" if rename else f'--map "{table}{column}={near}"'
    return BadInput(f"{name} line 1 lacks column {column!r}; it has {', '.join(columns)}", hint, column)


def _closest(name: str, names: Sequence[str]) -> str:
    by_lower = {other.lower(): other for other in names}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.0)
    return by_lower[near[0]] if near else "COLUMN"
