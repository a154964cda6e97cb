"""A school's own items and interactions, from CSV or Parquet files with the columns below, or others.

item_id,title,kind,text,language,parent_id,subject,level,duration_s,url,licence,concepts,prerequisites
loops,Loops,lesson,"A loop repeats …",en,python,programming,beginner,600,,CC-BY-4.0,loops,variables~lists

learner_id,item_id,occurred_at,verb,correct,score,duration_s,event_id
ana@school.example,loops,2025-02-03T10:00:00Z,completed,,,540,

`created_at` tells, where it is given, when an item was made. Other names are told by a mapping
(`learnloop.collect.mapping`); fields may also be parted by ; or | or a tab, and the file packed by gzip or
zip.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from learnloop.collect import inputs, mapping
from learnloop.collect.delimited import Layout, inspect_delimited, read_delimited, read_header
from learnloop.collect.inputs import Advance, Inspected
from learnloop.errors import BadInput
from learnloop.schemas import RawChunk

SOURCE = "csv"
LAYOUTS = {
    "items": Layout(("item_id", "title"), delimiter=""),
    "interactions": Layout(("learner_id", "item_id"), multiline=False, delimiter=""),
}
COLUMNS = {
    "items": (
        *("item_id", "title", "kind", "text", "abstract", "language", "parent_id", "position", "subject"),
        *("level", "duration_s", "url", "licence", "answer", "concepts", "prerequisites", "created_at"),
    ),
    "interactions": (
        *("learner_id", "item_id", "occurred_at", "verb", "correct", "score", "duration_s", "event_id"),
    ),
}
DELIMITER_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "": ""}
OURS = ("line", "damage", "raw")


@dataclass(frozen=True)
class Form:
    """How the files are written: whose column is which, and the delimiter ("" finds it out)."""

    columns: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ""

    @classmethod
    def of(cls, text: str = "", file: Path | None = None, delimiter: str = "") -> "Form":
        """From the options of the command line. Raises BadInput."""
        columns = mapping.from_toml(file, COLUMNS) if file else {}
        columns |= mapping.from_text(text, COLUMNS) if text else {}
        mark = DELIMITER_NAMES.get(delimiter, delimiter)
        if len(mark) > 1 or mark in ('"', "\n", "\r", "\0"):
            raise BadInput(
                f"{delimiter!r} is no delimiter", "--delimiter comma, semicolon, tab, pipe or one character"
            )
        return cls(columns, mark)


@dataclass(frozen=True)
class _Table:
    kind: str
    path: Path
    layout: Layout
    columns: Mapping[str, str]  # ours -> the file's

    @property
    def parquet(self) -> bool:
        return _is_parquet(self.path)


def size(items: Path | None, interactions: Path | None) -> int:
    """Bytes to read, the end of the scale of RawChunk.consumed."""
    return sum(path.stat().st_size for path in (items, interactions) if path is not None and path.is_file())


def inspect(
    items: Path | None, interactions: Path | None, form: Form | None = None, advance: Advance | None = None
) -> list[Inspected]:
    """Both files read through before either is imported, all of a Parquet file too. Raises BadInput."""
    found = []
    for kind, path in _given(items, interactions):
        if _is_parquet(path):
            found.append(inputs.inspect(path, text=False, advance=advance))
            _read_through(path)
        else:
            delimiter = form.delimiter if form else ""
            layout = replace(LAYOUTS[kind], columns=(), delimiter=delimiter)
            found.append(inspect_delimited(path, layout, advance))
    _tables(items, interactions, form or Form())
    return found


def read(
    items: Path | None,
    interactions: Path | None,
    source: str = SOURCE,
    chunk_rows: int = 50_000,
    form: Form | None = None,
) -> Iterator[RawChunk]:
    """The items, then the interactions, in chunks; `.parquet` is read as Parquet, all else as text.

    Columns have our names, by `form`; those of the file that have no name of ours keep their own.
    Raises BadInput: no file given, a file missing, empty, without a required column or not UTF-8.
    """
    before = 0
    for table in _tables(items, interactions, form or Form()):
        reader = read_parquet if table.parquet else read_delimited
        for chunk in reader(table.path, source, table.kind, table.layout, chunk_rows, before):
            yield replace(chunk, frame=_renamed(chunk.frame, table.columns)) if table.columns else chunk
        before += table.path.stat().st_size


def _given(items: Path | None, interactions: Path | None) -> list[tuple[str, Path]]:
    given = [(kind, path) for kind, path in (("items", items), ("interactions", interactions)) if path]
    if not given:
        raise BadInput("no file to import", "learnloop import csv --items F --interactions F")
    for _, path in given:
        if not path.is_file():
            lacking = f"{path} is a folder" if path.is_dir() else f"there is no file {path}"
            raise BadInput(lacking, "give the path of one file")
    return given


def _tables(items: Path | None, interactions: Path | None, form: Form) -> list[_Table]:
    """The given files with their columns found. Raises BadInput where one is lacking."""
    given, headers, marks = _given(items, interactions), dict[str, list[str]](), dict[str, str]()
    for kind, path in given:
        if _is_parquet(path):
            headers[kind], marks[kind] = _parquet_columns(path), ","
        else:
            bare = replace(LAYOUTS[kind], columns=(), delimiter=form.delimiter)
            headers[kind], marks[kind] = read_header(path, bare)
    tables = []
    for kind, path in given:
        columns = mapping.for_file(form.columns, kind, COLUMNS, headers)
        needed = tuple(columns.get(name, name) for name in LAYOUTS[kind].columns)
        for column in needed:
            if column not in headers[kind]:
                raise mapping.lacking(path.name, column, headers[kind])
        tables.append(
            _Table(kind, path, replace(LAYOUTS[kind], columns=needed, delimiter=marks[kind]), columns)
        )
    return tables


def _renamed(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The file's columns under our names; a column of the file that only happens to have one is dropped."""
    taken = set(columns.values())
    rest = {
        name: frame[name] for name in frame if name not in taken and name not in columns and name not in OURS
    }
    return pd.DataFrame(
        {ours: frame[theirs] for ours, theirs in columns.items()}
        | rest
        | {name: frame[name] for name in OURS}
    )


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in (".parquet", ".pq")


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{path.name} is no Parquet file: {error}", "export it again, or as CSV") from error


def _parquet_columns(path: Path) -> list[str]:
    with _opened(path) as file:
        return list(file.schema_arrow.names)


def _read_through(path: Path) -> None:
    """Every row group, so that a damaged one is known before anything is written."""
    done = 0
    with _opened(path) as file:
        groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
        unpacked, packed = sum(group.total_byte_size for group in groups), path.stat().st_size
        if unpacked > inputs.UNPACKED_FREE and unpacked > inputs.UNPACKED_RATIO * packed:
            raise BadInput(
                f"{path.name} unpacks to {unpacked >> 20} MiB, over {inputs.UNPACKED_RATIO} times its size",
                "look at what it holds; if it is sound, write it again uncompressed",
            )
        try:
            for batch in file.iter_batches():
                done += batch.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise BadInput(f"{path.name} is damaged after row {done}: {error}", "export it again") from error


def read_parquet(
    path: Path, source: str, kind: str, layout: Layout, chunk_rows: int, before: int = 0
) -> Iterator[RawChunk]:
    """The rows of a Parquet file as text, numbered as if a header were line 1; lists are joined by ~."""
    with _opened(path) as file:
        names = file.schema_arrow.names
        missing = [name for name in layout.columns if name not in names]
        repeated = [name for name in names if names.count(name) > 1]
        if missing or repeated:
            fault = f"lacks column {missing[0]!r}" if missing else f"has column {repeated[0]!r} twice"
            column = (missing or repeated)[0]
            raise BadInput(f"{path.name} {fault}", f"it needs {', '.join(layout.columns)}", column)
        total, done = file.metadata.num_rows, 0
        whole = path.stat().st_size
        try:
            for batch in file.iter_batches(chunk_rows):
                if batch.num_rows == 0:
                    continue
                frame = pd.DataFrame(
                    {
                        name: _as_text(path, name, column)
                        for name, column in zip(names, batch.columns, strict=True)
                    }
                )
                marked = pd.concat([frame[name].str.contains("\0", regex=False) for name in names], axis=1)
                torn = marked.any(axis=1)
                frame["line"] = range(done + 2, done + 2 + len(frame))
                frame["damage"] = pd.Series(pd.NA, index=frame.index, dtype="str").mask(torn, "NUL byte")
                frame["raw"] = pd.Series(pd.NA, index=frame.index, dtype="str").mask(torn, "")
                frame.loc[torn, names] = None
                done += len(frame)
                yield RawChunk(
                    source, path.name, kind, frame, done == total, before + whole * done // max(total, 1)
                )
        except (pa.ArrowInvalid, OSError) as error:
            raise BadInput(f"{path.name} is damaged after row {done}: {error}", "export it again") from error
    if total == 0:
        nothing = pd.DataFrame({name: pd.Series([], dtype="str") for name in (*names, "damage", "raw")})
        nothing["line"] = pd.Series([], dtype="int64")
        yield RawChunk(source, path.name, kind, nothing, True, before + whole)


def _as_text(path: Path, name: str, column: pa.Array) -> pd.Series:
    kind = column.type
    try:
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            # Arrow's strftime writes the offset; the zone's own name would not be ISO 8601.
            column = pc.strftime(column.cast(pa.timestamp("us", "UTC")), format="%Y-%m-%dT%H:%M:%SZ")
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
            texts = column.cast(pa.list_(pa.string()))
            column = pc.binary_join(texts, "~")
        text = column.cast(pa.string()).to_pandas()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadInput(f"{path.name}: column {name!r} of type {kind} is no text", field=name) from error
    return text.astype("str").fillna("")
