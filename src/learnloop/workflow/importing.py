"""import: export files in, clean rows in the database, and an account of every row."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.collect import oatutor as read_oatutor
from learnloop.collect import oulad as read_oulad
from learnloop.collect import tables as read_tables
from learnloop.errors import BadInput
from learnloop.prepare import oatutor as clean_oatutor
from learnloop.prepare import oulad as clean_oulad
from learnloop.prepare import tables as clean_tables
from learnloop.schemas import Accounting, Cleaned, RawChunk
from learnloop.store import loading, reading
from learnloop.store.loading import Loaded
from learnloop.store.pseudonyms import pseudonyms
from learnloop.workflow.console import bar
from learnloop.workflow.context import Loop


def import_oulad(loop: Loop, folder: Path) -> dict[str, Any]:
    """The Open University dataset: courses, assessments, activities, enrolments, submissions, clicks."""
    context = clean_oulad.Context(pseudonymise=pseudonymise(loop, "oulad"), now=_now())
    chunks = read_oulad.read(folder)
    return _import(
        loop, "oulad", chunks, lambda chunk: clean_oulad.clean(chunk, context), read_oulad.size(folder)
    )


def import_oatutor(loop: Loop, folder: Path) -> dict[str, Any]:
    """OATutor's content pool: problems, steps, hints, skills, and its multiple-choice questions."""
    context = clean_oatutor.Context()
    chunks = read_oatutor.read(folder)
    return _import(
        loop, "oatutor", chunks, lambda chunk: clean_oatutor.clean(chunk, context), read_oatutor.size(folder)
    )


def import_csv(
    loop: Loop, *, items: Path | None, interactions: Path | None, source: str = "csv"
) -> dict[str, Any]:
    """Items and interactions from CSV or Parquet. Interactions may name items imported earlier."""
    context = clean_tables.Context(
        pseudonymise=pseudonymise(loop, source),
        now=_now(),
        known_items=set(reading.items(loop.engine)["item_id"]),
    )
    chunks = read_tables.read(items, interactions, source)
    return _import(
        loop,
        source,
        chunks,
        lambda chunk: clean_tables.clean(chunk, context),
        read_tables.size(items, interactions),
    )


def pseudonymise(loop: Loop, source: str) -> Callable[[pd.Series], pd.Series]:
    return lambda ids: pseudonyms(loop.pseudonym_key, source, ids)


def learners_of(interactions: pd.DataFrame, source: str) -> pd.DataFrame:
    """LEARNERS rows, without attributes, for everybody in `interactions`."""
    ids = interactions["learner_id"].drop_duplicates().sort_values(ignore_index=True)
    return pd.DataFrame(
        {"learner_id": ids, "source": source, "attributes": pd.Series([{} for _ in ids], dtype=object)}
    )


def _import(
    loop: Loop,
    source: str,
    chunks: Iterable[RawChunk],
    clean: Callable[[RawChunk], Cleaned],
    size: int,
) -> dict[str, Any]:
    started, consumed = datetime.now(UTC), 0
    by_kind: dict[str, Accounting] = {}
    changes: dict[str, Loaded] = {}
    files: dict[str, dict[str, Any]] = {}
    chunks = iter(chunks)
    first = list(islice(chunks, 1))  # what cannot be read is said before a server is started
    engine = loop.engine  # started before the bar is drawn
    with bar(f"imported {source}", size) as advance:
        for chunk in chain(first, chunks):
            cleaned = clean(chunk)
            for table, result in loading.load_cleaned(engine, cleaned, source).items():
                changes[table] = changes.get(table, Loaded()) + result
            by_kind.setdefault(chunk.kind, Accounting()).add(cleaned.accounting)
            for kind, part in cleaned.by_kind.items():
                if kind != chunk.kind:
                    by_kind.setdefault(kind, Accounting()).add(part)
            files.setdefault(chunk.file, {"name": chunk.file, "kind": chunk.kind})
            advance(chunk.consumed - consumed)
            consumed = chunk.consumed
    rows = {kind: accounting.to_dict() for kind, accounting in by_kind.items()}
    report = {
        "source": source,
        "rows": rows,
        "changes": {table: asdict(result) for table, result in changes.items()},
    }
    report["import_id"] = loading.record_import(
        loop.engine, source, list(files.values()), report, started, datetime.now(UTC)
    )
    for kind, accounting in by_kind.items():
        if kind in ("items", "interactions") and accounting.read and not accounting.kept:
            why = max(accounting.rejected, key=lambda reason: accounting.rejected[reason])
            raise BadInput(
                f"none of the {accounting.read:,} {kind} could be kept; most often: {why}",
                "learnloop import csv --help",
            )
    return report


def _now() -> pd.Timestamp:
    return pd.Timestamp.now(tz="UTC")
