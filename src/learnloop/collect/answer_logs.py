"""A log of answers, as somebody has it: who answered what, about which concepts, and was it right.

    learner_id,item_id,concept_id,occurred_at,correct
    007,loops-1,loops~counting,2026-03-01T10:00:00Z,1     -> concept_ids ("loops", "counting"), correct True

CSV, TSV (comma, semicolon, tab, pipe; plain, gzip or zip) or Parquet, times as in `logs`. Several concepts
are joined by `~` (in Parquet they may be a list); where there is none, the item is its own concept. Where no
learner has two different times, the order of rows is the order of time; where some of a learner's times tie,
it breaks the tie.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.collect.logs import SYNONYMS, _moments, _numbers, _table, _texts, _Where
from learnloop.errors import BadInput, NothingToDo

COLUMNS: Mapping[str, Sequence[str]] = {
    "answers": ("learner_id", "item_id", "concept_id", "occurred_at", "correct", "duration_s"),
    "predictions": ("row", "p_correct"),
}
NEEDED = ("learner_id", "item_id", "correct")
WORDS = {"true": 1.0, "false": 0.0, "t": 1.0, "f": 0.0, "yes": 1.0, "no": 0.0}
OWN = "item:"  # and an item: the concept of an item that has none
TIES = ("order", "together")
FRACTION = "correct is neither 0 nor 1"
LATEST = 9e12  # seconds, of what a frame of microseconds can hold


@dataclass(frozen=True)
class AnswerLog:
    """frame: learner_id, item_id (str), concept_ids (tuple), correct (bool), duration_s, at (seconds since
    1970; NaN without times), row (its place in the file, from 0), and the columns kept as text; in the
    file's order. rows: of the file. refused: why rows are not in the frame -> how many.

    concepts: whether the file has them; own: how many answers have none, so that the item is its own.
    likely: our columns that the file lacks, and what they seem to be called there.
    """

    frame: pd.DataFrame
    file: str
    sha256: str
    rows: int
    times: bool
    concepts: bool
    own: int
    refused: dict[str, int] = field(default_factory=dict)
    likely: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ordered:
    """frame: ANSWERS and the other columns, by learner and time. tied: answers at the same moment as the
    one before. timed: whether times say more than the order. expanded: rows that look like the row before
    with another concept, as where an answer was written once for each of its concepts. repeated: rows that
    are the row before once more, its time too.
    """

    frame: pd.DataFrame
    tied: int
    timed: bool
    expanded: int
    repeated: int


def read_answers(
    path: Path, columns: str = "", threshold: float | None = None, keep: Collection[str] = ()
) -> AnswerLog:
    """columns: as --map has them ("learner_id=user_id"). threshold: right is what is at least that; without
    it, right is 1 and wrong is 0 and other rows are refused. keep: other columns wanted.

    Rows without a learner, an item or an outcome are counted and left out; a duration below 0 is unknown.
    Raises BadInput naming file, line and column, NothingToDo where no row is left.
    """
    table, sha256, lines = _table(path, "answers", NEEDED, columns, keep, COLUMNS)
    rows, names = table.num_rows, table.column_names
    where = _Where(path.name, lines == rows + 1)
    frame = pd.DataFrame({name: _texts(table[name]) for name in ("learner_id", "item_id")})
    outcome, faults = _outcomes(table["correct"], threshold)
    reasons = {f"no {name}": frame[name].isna().to_numpy() for name in ("learner_id", "item_id")} | faults
    good, refused = np.ones(rows, dtype=bool), dict[str, int]()
    for reason, wrong in reasons.items():
        if n := int((wrong & good).sum()):
            refused[reason] = n
        good &= ~wrong
    if not good.any():
        why = ", ".join(f"{count:,} {reason}" for reason, count in refused.items()) or "it has none"
        step = "--threshold 0.5" if FRACTION in refused else f"look at {path.name}"
        raise NothingToDo(f"{path.name} has no row that is an answer: {why}", step)
    none = pd.Series([pd.NA] * rows, dtype="str")
    texts = _texts(_joined(table["concept_id"])) if "concept_id" in names else none
    frame["concept_ids"], alone = _concepts(texts, frame["item_id"])
    frame["correct"] = outcome > 0
    took = (
        _numbers(table["duration_s"], where, "duration_s") if "duration_s" in names else np.full(rows, np.nan)
    )
    frame["duration_s"] = pd.array(np.where(took >= 0, took, np.nan), dtype="Float64")
    times = "occurred_at" in names
    frame["at"] = _times(table["occurred_at"], where) if times else np.nan
    frame["row"] = np.arange(rows)
    for name in keep:
        if name not in frame:
            frame[name] = _texts(table[name])
    return AnswerLog(
        frame=frame[good].reset_index(drop=True),
        file=path.name,
        sha256=sha256,
        rows=rows,
        times=times,
        concepts="concept_id" in names,
        own=int(alone[good].sum()),
        refused=refused,
        likely=_likely(path, names),
    )


def in_order(frame: pd.DataFrame, ties: str = "order") -> Ordered:
    """The frame of an AnswerLog as ANSWERS, by learner and time, strictly increasing within a learner.

    Where times tie, the later row is a microsecond later; with ties "together" tied answers keep their
    moment, and a tracer lets none of them see another. Without times, or where each learner has but one,
    answers are a second apart in the order of rows.
    """
    if ties not in TIES:
        raise BadInput(f"ties cannot be {ties!r}", f"--ties {' or '.join(TIES)}", "ties")
    codes, _ = pd.factorize(frame["learner_id"])
    given = frame["at"].notna().to_numpy()
    micro = np.where(given, np.round(frame["at"].fillna(0.0).to_numpy(float) * 1e6), 0).astype(np.int64)
    order = np.lexsort((np.arange(len(frame)), micro, codes))
    codes, micro = codes[order], micro[order]
    same = np.r_[False, codes[1:] == codes[:-1]] if len(codes) else np.zeros(0, dtype=bool)
    level = np.r_[False, micro[1:] == micro[:-1]] if len(codes) else np.zeros(0, dtype=bool)
    timed = bool((same & ~level).any())
    ordered = frame.iloc[order].reset_index(drop=True)
    expanded, repeated = _alike(ordered, same & level)
    place = np.arange(len(frame))
    if not timed and (ties == "order" or not given.any()):
        micro = 1_000_000 * (place - np.maximum.accumulate(np.where(same, 0, place)))
    elif ties == "order":
        # t'_i = max(t_i, t'_{i-1} + 1), so t'_i - i is the running maximum of t_i - i
        micro = pd.Series(micro - place).groupby(codes).cummax().to_numpy() + place
    at = pd.DatetimeIndex(micro.astype("datetime64[us]")).tz_localize("UTC")
    ordered = ordered.assign(occurred_at=at).drop(columns="at")
    tied = int((same & level).sum()) if given.any() else 0
    return Ordered(ordered, tied, timed, expanded, repeated if timed else 0)


def read_probabilities(path: Path, columns: str, n_rows: int) -> np.ndarray:
    """(n_rows,) P(correct) that another tool gave the rows of a file; NaN for rows it does not speak of.

    The file has p_correct and, in `row`, the number of the record (the first after the header is 1);
    without it, its n-th record is of the n-th row and there must be as many. Raises BadInput.
    """
    table, _, lines = _table(path, "predictions", ("p_correct",), columns, (), COLUMNS)
    where = _Where(path.name, lines == table.num_rows + 1)
    p = _numbers(table["p_correct"], where, "p_correct")
    wrong = ~((p >= 0) & (p <= 1)) & ~np.isnan(p)
    if wrong.any():
        row = int(wrong.argmax())
        raise where.error(row, "p_correct", f"is {p[row]:g}, no probability", "give what is from 0 to 1")
    if "row" not in table.column_names:
        if len(p) != n_rows:
            fault = f"{path.name} has {len(p):,} predictions, the file of answers {n_rows:,} rows"
            raise BadInput(fault, "add a column `row` (1 is the first record), or predict each row", "row")
        return p
    rows = _numbers(table["row"], where, "row")
    wrong = ~((rows >= 1) & (rows <= n_rows) & (rows == np.floor(rows)))
    if wrong.any():
        row = int(wrong.argmax())
        raise where.error(row, "row", f"is not from 1 to {n_rows}", "number the records, 1 is the first")
    found = np.full(n_rows, np.nan)
    places = rows.astype(np.int64) - 1
    if len(np.unique(places)) < len(places):
        row = int(pd.Series(places).duplicated().argmax())
        raise where.error(row, "row", f"names row {places[row] + 1} twice", "predict each row once")
    found[places] = p
    return found


def _outcomes(column: Any, threshold: float | None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(n,) 1 and 0, and why a row has neither."""
    texts = _texts(column)
    numbers = texts.str.strip().str.lower().map(WORDS).to_numpy(float)
    plain = pd.to_numeric(texts.astype(object), errors="coerce").to_numpy(float)
    numbers = np.where(np.isnan(numbers), plain, numbers)
    missing = texts.isna().to_numpy()
    no_number = ~np.isfinite(numbers) & ~missing
    faults = {"no correct": missing, "correct is no number": no_number}
    if threshold is not None:
        return (numbers >= threshold).astype(float), faults
    return numbers, faults | {FRACTION: ~np.isin(numbers, (0.0, 1.0)) & ~missing & ~no_number}


def _joined(column: Any) -> Any:
    """Lists of concepts, as Parquet may hold them, by `~`; a list with a gap in it has none there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        return column
    texts = column.cast(pa.list_(pa.string()))
    return pc.binary_join(texts, "~")


def _concepts(texts: pd.Series, items: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Tuples, each text parted once; which rows have none of their own."""
    codes, names = pd.factorize(texts)
    parted = [
        tuple(dict.fromkeys(filter(None, (part.strip() for part in name.split("~"))))) for name in names
    ]
    none = np.array([not concepts for concepts in parted] + [True])[codes]
    item_codes, item_ids = pd.factorize(items)
    own = [(f"{OWN}{item_id}",) for item_id in item_ids] + [()]
    found = [own[i] if alone else parted[c] for c, i, alone in zip(codes, item_codes, none, strict=True)]
    return pd.Series(found, index=texts.index, dtype=object), none


def _times(column: Any, where: _Where) -> np.ndarray:
    seconds = _moments(column, where)
    wrong = np.abs(seconds) > LATEST
    if wrong.any():
        row = int(wrong.argmax())
        raise where.error(row, "occurred_at", "is no time of ours", "write it as unix seconds")
    return seconds


def _alike(ordered: pd.DataFrame, level: np.ndarray) -> tuple[int, int]:
    """(rows like the row before but for the concepts, and those with the same). level: (n,) whether a row is
    of the learner and the moment of the row before."""
    alike = level.copy()
    for name in ("item_id", "correct"):
        codes, _ = pd.factorize(ordered[name])
        alike[1:] &= codes[1:] == codes[:-1]
    places = np.flatnonzero(alike)
    concepts = ordered["concept_ids"].to_numpy()
    others = int(sum(concepts[place] != concepts[place - 1] for place in places))
    return others, len(places) - others


def _likely(path: Path, names: Sequence[str]) -> dict[str, str]:
    """occurred_at -> "timestamp", where the file has that and not this."""
    lacking = [name for name in ("concept_id", "occurred_at") if name not in names]
    if not lacking:
        return {}
    by_lower = {name.lower(): name for name in _header(path)}
    found = {
        ours: next((by_lower[name] for name in SYNONYMS[ours] if name in by_lower), None) for ours in lacking
    }
    return {ours: theirs for ours, theirs in found.items() if theirs is not None}


def _header(path: Path) -> Sequence[str]:
    from learnloop.collect import tables
    from learnloop.collect.delimited import Layout, read_header

    if path.suffix.lower() in (".parquet", ".pq"):
        return tables._parquet_columns(path)
    return read_header(path, Layout((), delimiter=""))[0]
