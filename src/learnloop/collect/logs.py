"""A table of who did what, read whole and fast, for an evaluation that needs no database.

    learner_id,item_id,occurred_at,value
    007,loops,2026-03-01T10:00:00Z,1        -> learner_id "007", item_id "loops", at 1772359200.0

CSV, TSV (comma, semicolon, tab, pipe; plain, gzip or zip) or Parquet. Identifiers are text as written.
`at` is seconds since 1970 (UTC where no zone is named); unix seconds, milliseconds and finer are told apart
by their size, one unit a file; without times, the order of rows is the order of time. Arrow parses: five
million rows in seconds.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.collect import inputs, mapping, tables
from learnloop.collect.delimited import Layout, inspect_delimited, read_header
from learnloop.errors import BadInput, NothingToDo

COLUMNS: Mapping[str, Sequence[str]] = {
    "interactions": ("learner_id", "item_id", "occurred_at", "value"),
    "items": ("item_id", "title", "text", "language", "level", "subject", "kind"),
}
_ASKED = ("problem_id", "question_id", "exercise_id")
# How others call them, the commonest first.
SYNONYMS: Mapping[str, Sequence[str]] = {
    "learner_id": ("user_id", "userid", "user", "student_id", "id_student", "student", "uid", "learner"),
    "item_id": (
        "movieid",
        "itemid",
        "id_site",
        "course_id",
        "lesson_id",
        "product_id",
        "item",
        "iid",
        *_ASKED,
    ),
    "concept_id": ("skill_id", "concept_ids", "skill", "skills", "kc", "kcs", "concept", "tags"),
    "occurred_at": ("timestamp", "start_time", "time", "datetime", "created_at", "at"),
    "correct": ("is_correct", "answered_correctly", "outcome", "score", "right", "label"),
}
MISSING = ("", "nan", "NaN", "null", "NULL", "None")
LARGEST = (
    (1e17, 1e9),
    (1e14, 1e6),
    (1e11, 1e3),
)  # above: nano-, micro-, milliseconds; a second has 10 digits
EXACT = 2.0**53  # a larger float is not one whole number


@dataclass(frozen=True)
class Log:
    """frame: learner_id, item_id (str), at (float), and the columns kept as text. rows: of the file.

    refused: why rows are not in the frame -> how many. times: whether `at` is a time or the row number.
    """

    frame: pd.DataFrame
    file: str
    sha256: str
    rows: int
    times: bool
    refused: dict[str, int] = field(default_factory=dict)


def read_log(
    path: Path, columns: str = "", min_value: float | None = None, keep: Collection[str] | None = ()
) -> Log:
    """columns: as --map has them ("learner_id=user_id"). keep: other columns wanted, None for all.

    Rows without a learner or an item, and rows whose value is at or below 0 (below `min_value` where given)
    or missing, are counted and left out. Raises BadInput naming file, line and column: missing column,
    empty, not UTF-8, a row of too many fields, a time or a value that is none.
    """
    table, sha256, lines = _table(path, "interactions", ("learner_id", "item_id"), columns, keep)
    rows = table.num_rows
    where = _Where(path.name, lines == rows + 1)
    frame = pd.DataFrame({name: _texts(table[name]) for name in ("learner_id", "item_id")})
    times = "occurred_at" in table.column_names
    frame["at"] = _moments(table["occurred_at"], where) if times else np.arange(rows, dtype=float)
    refused: dict[str, int] = {}
    good = np.ones(rows, dtype=bool)
    for name in ("learner_id", "item_id"):
        lacking = frame[name].isna().to_numpy() & good
        good &= ~lacking
        refused[f"no {name}"] = int(lacking.sum())
    if "value" in table.column_names:
        values = _numbers(table["value"], where)
        unknown = np.isnan(values) & good
        low = (values < min_value if min_value is not None else values <= 0) & good
        good &= ~(unknown | low)
        limit = "at or below 0" if min_value is None else f"below {min_value:g}"
        refused |= {"no value": int(unknown.sum()), f"value {limit}": int(low.sum())}
    elif min_value is not None:
        raise BadInput(
            f"{path.name} has no column 'value' to be at least {min_value:g}",
            "--map value=COLUMN, or leave --min-value out",
            "value",
        )
    for name in table.column_names:
        if name not in ("learner_id", "item_id", "occurred_at"):
            frame[name] = _texts(table[name])
    refused = {reason: count for reason, count in refused.items() if count}
    if not good.any():
        why = ", ".join(f"{count:,} {reason}" for reason, count in refused.items()) or "it has none"
        raise NothingToDo(f"{path.name} has no row that says something: {why}", f"look at {path.name}")
    return Log(frame[good].reset_index(drop=True), path.name, sha256, rows, times, refused)


def read_items(path: Path, columns: str = "") -> pd.DataFrame:
    """item_id and the file's other columns as text, NA where empty; the first row of an item counts."""
    table, _, _ = _table(path, "items", ("item_id",), columns, None)
    frame = pd.DataFrame({name: _texts(table[name]) for name in table.column_names})
    return frame[frame["item_id"].notna()].drop_duplicates("item_id", ignore_index=True)


def read_predictions(path: Path, columns: str = "") -> pd.DataFrame:
    """learner_id, item_id, best first within a learner: by rank upwards, else score downwards, else by row.

    Equal ranks or scores go to the smaller item_id, as in every ranking here. Raises BadInput.
    """
    table, _, lines = _table(path, "interactions", ("learner_id", "item_id"), columns, ("rank", "score"))
    frame = pd.DataFrame({name: _texts(table[name]) for name in ("learner_id", "item_id")})
    where = _Where(path.name, lines == table.num_rows + 1)
    order = np.arange(len(frame), dtype=float)
    for name, sign in (("rank", 1.0), ("score", -1.0)):
        if name in table.column_names:
            order = sign * _numbers(table[name], where, name)
            if np.isnan(order).any():
                raise where.error(int(np.isnan(order).argmax()), name, "is empty", "fill it or drop the row")
            break
    lacking = int(frame.isna().any(axis=1).sum())
    if lacking:
        raise BadInput(f"{path.name}: {lacking:,} rows lack a learner_id or an item_id", "remove those rows")
    frame = frame.assign(order=order).sort_values(["learner_id", "order", "item_id"], kind="stable")
    return frame[["learner_id", "item_id"]].reset_index(drop=True)


@dataclass(frozen=True)
class _Where:
    """How to name a row: by its line where each row has one."""

    file: str
    by_line: bool

    def error(self, row: int, column: str, fault: str, next_step: str) -> BadInput:
        place = f"line {row + 2}" if self.by_line else f"row {row + 1}"
        return BadInput(f"{self.file} {place}: column {column!r} {fault}", next_step, column)


def _table(
    path: Path,
    kind: str,
    needed: Sequence[str],
    columns: str,
    keep: Collection[str] | None,
    ours: Mapping[str, Sequence[str]] = COLUMNS,
) -> tuple[Any, str, int]:
    """(an Arrow table with our names, sha256 of the file, its lines or 0 for Parquet)."""
    wanted = mapping.from_text(columns, ours) if columns else {}
    parquet = path.suffix.lower() in (".parquet", ".pq")
    if parquet:
        inspected = inputs.inspect(path, text=False)
        header, delimiter = tables._parquet_columns(path), ","
    else:
        layout = Layout((), delimiter="")
        inspected = inspect_delimited(path, layout)
        header, delimiter = read_header(path, layout)
    renamed = mapping.for_file(wanted, kind, ours, {kind: header})
    for name in needed:
        if renamed.get(name, name) not in header:
            raise _lacking(path.name, name, header, "items." if kind == "items" else "")
    names = {own: renamed.get(own, own) for own in ours[kind] if renamed.get(own, own) in header}
    taken = set(names.values())
    others = [name for name in header if name not in taken and name not in names]
    names |= {name: name for name in others if keep is None or name in keep}
    absent = sorted(set(keep or ()) - set(header) - {"rank", "score"})
    if absent:
        has = f"{path.name} line 1 lacks column {absent[0]!r}; it has {', '.join(header)}"
        raise BadInput(has, f"--group-by one of them, not {absent[0]}", absent[0])
    read = _parquet if parquet else _delimited
    table = read(path, header, delimiter, list(names.values()))
    return table.rename_columns(list(names)), inspected.sha256, inspected.lines


def _lacking(name: str, column: str, header: Sequence[str], table: str) -> BadInput:
    by_lower = {other.lower(): other for other in header}
    known = next((by_lower[other] for other in SYNONYMS.get(column, ()) if other in by_lower), None)
    has = f"{name} line 1 lacks column {column!r}; it has {', '.join(header)}"
    if known is None and column == "item_id" and table == "" and "concept_id" in header:
        return BadInput(has, "--map item_id=concept_id, where a concept is all that is known", column)
    if known is None and column == "correct":  # no name is like it by its letters alone
        return BadInput(has, "--map correct=COLUMN, the one that says which answers were right", column)
    if known is None:
        return mapping.lacking(name, column, header, table=table)
    return BadInput(has, f"--map {table}{column}={known}", column)


def _delimited(path: Path, header: Sequence[str], delimiter: str, wanted: Sequence[str]) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    # An id comes often: as a dictionary it is made once.
    ids = pa.dictionary(pa.int32(), pa.string())
    types = {name: ids if place < 2 else pa.string() for place, name in enumerate(wanted)}

    def read(threads: bool) -> Any:
        with inputs.open_bytes(path) as file:
            return csv.read_csv(
                pa.PythonFile(file, "r"),
                csv.ReadOptions(column_names=list(header), skip_rows=1, use_threads=threads),
                csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                csv.ConvertOptions(column_types=types, include_columns=list(wanted), check_utf8=True),
            )

    try:
        return read(True)
    except pa.ArrowInvalid as error:
        raise _damage(path, error, read) from error


def _damage(path: Path, error: Exception, read: Any) -> BadInput:
    """Which line it is: only a read by one thread can say, and only Python which bytes are no text."""
    if "utf8" in str(error).lower():
        with inputs.open_bytes(path) as file:
            for line, content in enumerate(file, 1):
                if content != content.decode("utf-8", "ignore").encode():
                    return BadInput(f"{path.name} line {line} is not UTF-8 text", inputs.recode(path.name))
    try:
        read(False)
    except Exception as again:
        error = again
    row = re.search(r"Row #(\d+)", str(error))
    counts = re.search(r"Expected (\d+) columns, got (\d+)", str(error))
    place = f" line {row[1]}" if row else ""
    fault = f"has {counts[2]} fields, not {counts[1]}" if counts else "cannot be parted into fields"
    return BadInput(f"{path.name}{place} {fault}", "quote a field that holds the delimiter, or drop the row")


def _parquet(path: Path, header: Sequence[str], delimiter: str, wanted: Sequence[str]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables._read_through(path)  # an archive that unpacks without end, a damaged group
    try:
        return pq.read_table(path, columns=list(wanted)).select(list(wanted))
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{path.name} is damaged: {error}", "export it again") from error


def _texts(column: Any) -> pd.Series:
    """Text as written, NA where MISSING. Whole numbers that a gap made floats lose their .0."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_nested(kind):
        raise BadInput(f"a column of identifiers or names holds {kind}, not text", "export it as plain text")
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
        exact = pc.and_(pc.equal(column, pc.round(column)), pc.less(pc.abs(column), EXACT))
        column = column.cast(pa.int64()) if pc.all(exact).as_py() else column
    elif pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    texts = column.cast(pa.string()).to_pandas().astype("str")
    return texts.mask(texts.isin(MISSING))


def _moments(column: Any, where: _Where) -> np.ndarray:
    """Seconds since 1970, UTC."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        micro = column.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False).cast(pa.int64())
        found = micro.to_pandas().to_numpy(float) / 1e6
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        found = _seconds(column.cast(pa.float64()).to_pandas().to_numpy(float))
    else:
        found = _parsed(column.cast(pa.string()))
    wrong = ~np.isfinite(found)
    if wrong.any():
        row = int(wrong.argmax())
        text = str(column[row].as_py() or "")[:40]
        fault = f"has no time that can be read: {text!r}" if text else "is empty"
        raise where.error(
            row, "occurred_at", fault, "write it as 2026-03-01T10:00:00Z, or as unix seconds, or drop the row"
        )
    return found


def _parsed(texts: Any) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(texts)
    try:
        return _seconds(texts.cast(pa.float64()).to_pandas().to_numpy(float))
    except pa.ArrowInvalid:
        pass
    for zone in ("UTC", None):  # Arrow wants all of a column with a zone, or none
        try:
            micro = texts.cast(pa.timestamp("us", zone)).cast(pa.int64())
            return micro.to_pandas().to_numpy(float) / 1e6
        except pa.ArrowInvalid:
            continue
    words = texts.to_pandas()
    numbers = pd.to_numeric(words.astype(object), errors="coerce").to_numpy(float)
    if np.isfinite(numbers).sum() > 0.5 * len(numbers):  # unix times, and what is none among them
        return _seconds(numbers)
    moments = pd.to_datetime(words, format="ISO8601", utc=True, errors="coerce")
    seconds = moments.dt.as_unit("us").astype("int64").to_numpy(float) / 1e6
    return np.where(moments.isna(), np.nan, seconds)


def _seconds(numbers: np.ndarray) -> np.ndarray:
    """Of the unit that most are in; NaN for what would be another one's, as in two logs put together."""
    sizes = np.abs(numbers)
    size = float(np.nanmedian(sizes)) if np.isfinite(numbers).any() else 0.0
    least, unit = next(((least, unit) for least, unit in LARGEST if size > least), (0.0, 1.0))
    most = min((other for other, _ in LARGEST if other > least), default=np.inf)
    foreign = (sizes > most) | ((sizes < least) & (sizes > 0))
    return np.where(foreign, np.nan, numbers / unit)


def _numbers(column: Any, where: _Where, name: str = "value") -> np.ndarray:
    """NaN where a field is empty. Raises BadInput on a text that is no number."""
    import pyarrow as pa

    if (
        pa.types.is_integer(column.type)
        or pa.types.is_floating(column.type)
        or pa.types.is_boolean(column.type)
    ):
        return column.cast(pa.float64()).to_pandas().to_numpy(float)
    texts = _texts(column).str.strip()
    numbers = pd.to_numeric(texts.astype(object), errors="coerce").to_numpy(float)
    wrong = np.isnan(numbers) & texts.notna().to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        raise where.error(row, name, f"holds no number: {texts.iloc[row][:40]!r}", "mend or drop the row")
    return numbers
