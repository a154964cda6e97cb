"""A school's own items and interactions, from CSV or Parquet files with the columns below.

item_id,title,kind,text,language,parent_id,subject,level,duration_s,url,licence,concepts,prerequisites
loops,Loops,lesson,"A loop repeats …",en,python,programming,beginner,600,,CC-BY-4.0,loops,variables~lists

learner_id,item_id,occurred_at,verb,correct,score,duration_s,event_id
ana@school.example,loops,2025-02-03T10:00:00Z,completed,,,540,
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from learnloop.collect.delimited import Layout, read_delimited
from learnloop.errors import BadInput
from learnloop.schemas import RawChunk

SOURCE = "csv"
LAYOUTS = {
    "items": Layout(("item_id", "title")),
    "interactions": Layout(("learner_id", "item_id"), multiline=False),
}


def size(items: Path | None, interactions: Path | None) -> int:
    """Bytes to read, the end of the scale of RawChunk.consumed."""
    return sum(path.stat().st_size for path in (items, interactions) if path is not None and path.is_file())


def read(
    items: Path | None, interactions: Path | None, source: str = SOURCE, chunk_rows: int = 50_000
) -> Iterator[RawChunk]:
    """The items, then the interactions, in chunks; `.parquet` is read as Parquet, all else as CSV.

    Raises BadInput: no file given, a file missing, empty, without a required column or not UTF-8.
    """
    given = [(kind, path) for kind, path in (("items", items), ("interactions", interactions)) if path]
    if not given:
        raise BadInput("no file to import", "learnloop import csv --items F --interactions F")
    for _, path in given:
        if not path.is_file():
            raise BadInput(f"there is no file {path}", "check the path")
    before = 0
    for kind, path in given:
        reader = read_parquet if path.suffix.lower() in (".parquet", ".pq") else read_delimited
        yield from reader(path, source, kind, LAYOUTS[kind], chunk_rows, before)
        before += path.stat().st_size


def read_parquet(
    path: Path, source: str, kind: str, layout: Layout, chunk_rows: int, before: int = 0
) -> Iterator[RawChunk]:
    """The rows of a Parquet file as text, numbered as if a header were line 1; lists are joined by ~."""
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{path.name} is no Parquet file: {error}", "export it again, or as CSV") from error
    with file:
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
