"""import: export files in, clean rows in the database, and an account of every row.

Each function says which reader and which cleaner make one source's import; `importer` runs it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.collect import movielens as read_movielens
from learnloop.collect import oatutor as read_oatutor
from learnloop.collect import openedx as read_openedx
from learnloop.collect import openstax as read_openstax
from learnloop.collect import oulad as read_oulad
from learnloop.collect import responses as read_responses
from learnloop.collect import tables as read_tables
from learnloop.collect import xapi as read_xapi
from learnloop.collect.inputs import Advance, Inspected
from learnloop.errors import BadInput
from learnloop.prepare import movielens as clean_movielens
from learnloop.prepare import oatutor as clean_oatutor
from learnloop.prepare import openedx as clean_openedx
from learnloop.prepare import openstax as clean_openstax
from learnloop.prepare import oulad as clean_oulad
from learnloop.prepare import responses as clean_responses
from learnloop.prepare import tables as clean_tables
from learnloop.prepare import xapi as clean_xapi
from learnloop.prepare.local_times import Clock, refuse_ambiguous
from learnloop.store import reading
from learnloop.workflow.context import Loop
from learnloop.workflow.importer import Cleaner, Import, Surroundings, run_import


def import_oulad(loop: Loop, folder: Path, dry_run: bool = False) -> dict[str, Any]:
    """The Open University dataset: courses, assessments, activities, enrolments, submissions, clicks."""

    def cleaner(around: Surroundings) -> Cleaner:
        context = clean_oulad.Context(pseudonymise=around.pseudonymise, now=around.now)
        return lambda chunk: clean_oulad.clean(chunk, context)

    plan = Import(
        "oulad",
        inspect=lambda advance: read_oulad.inspect(folder, advance),
        read=lambda: read_oulad.read(folder),
        clean=cleaner,
        size=lambda: read_oulad.size(folder),
    )
    return run_import(loop, plan, dry_run)


def import_oatutor(loop: Loop, folder: Path, dry_run: bool = False) -> dict[str, Any]:
    """OATutor's content pool: problems, steps, hints, skills, and its multiple-choice questions."""

    def cleaner(_: Surroundings) -> Cleaner:
        context = clean_oatutor.Context()
        return lambda chunk: clean_oatutor.clean(chunk, context)

    plan = Import(
        "oatutor",
        inspect=lambda advance: read_oatutor.inspect(folder, advance),
        read=lambda: read_oatutor.read(folder),
        clean=cleaner,
        size=lambda: read_oatutor.size(folder),
    )
    return run_import(loop, plan, dry_run)


def import_openstax(loop: Loop, folder: Path, dry_run: bool = False) -> dict[str, Any]:
    """An OpenStax book in CNXML: lessons, exercises with their solutions, terms."""

    def inspect(advance: Advance) -> list[Inspected]:
        found = read_openstax.inspect(folder, advance)
        for chunk in read_openstax.read(folder):
            clean_openstax.refuse_malformed(chunk)
        return found

    def cleaner(_: Surroundings) -> Cleaner:
        context = clean_openstax.Context()
        return lambda chunk: clean_openstax.clean(chunk, context)

    plan = Import(
        "openstax",
        inspect=inspect,
        read=lambda: read_openstax.read(folder),
        clean=cleaner,
        size=lambda: read_openstax.size(folder),
    )
    return run_import(loop, plan, dry_run)


def import_csv(
    loop: Loop,
    *,
    items: Path | None,
    interactions: Path | None,
    source: str = "csv",
    columns: str = "",
    mapping: Path | None = None,
    delimiter: str = "",
    date_formats: Sequence[str] = (),
    timezone: str = "",
    dry_run: bool = False,
) -> dict[str, Any]:
    """Items and interactions from CSV or Parquet. Interactions may name items imported earlier."""
    form = read_tables.Form.of(columns, mapping, delimiter)
    clock = Clock.of(tuple(date_formats), timezone)

    def inspect(advance: Advance) -> list[Inspected]:
        found = read_tables.inspect(items, interactions, form, advance)
        if interactions:
            first = next(read_tables.read(None, interactions, source, 1_000, form))
            refuse_ambiguous(first.frame, first.file, clock)
        return found

    def cleaner(around: Surroundings) -> Cleaner:
        context = clean_tables.Context(
            around.pseudonymise, around.now, around.known_items(), clock, born=around.born()
        )
        return lambda chunk: clean_tables.clean(chunk, context)

    plan = Import(
        source,
        inspect=inspect,
        read=lambda: read_tables.read(items, interactions, source, form=form),
        clean=cleaner,
        size=lambda: read_tables.size(items, interactions),
    )
    return run_import(loop, plan, dry_run)


def import_responses(
    loop: Loop, file: Path, source: str = "responses", epoch: str = "", dry_run: bool = False
) -> dict[str, Any]:
    """A table of answers. epoch: the date its stamps count from, where that is not 1970."""
    start = _moment(epoch)

    def inspect(advance: Advance) -> list[Inspected]:
        found = read_responses.inspect(file, advance)
        clean_responses.refuse_relative(next(read_responses.read(file, source, 1_000)), start)
        return found

    def cleaner(around: Surroundings) -> Cleaner:
        context = clean_responses.Context(around.pseudonymise, around.now, start)
        return lambda chunk: clean_responses.clean(chunk, context)

    plan = Import(
        source,
        inspect=inspect,
        read=lambda: read_responses.read(file, source),
        clean=cleaner,
        size=lambda: read_responses.size(file),
    )
    return run_import(loop, plan, dry_run)


def import_movielens(loop: Loop, folder: Path, dry_run: bool = False) -> dict[str, Any]:
    """The benchmark set MovieLens: films and their ratings."""

    def cleaner(around: Surroundings) -> Cleaner:
        context = clean_movielens.Context(around.pseudonymise, around.now)
        return lambda chunk: clean_movielens.clean(chunk, context)

    plan = Import(
        "movielens",
        inspect=lambda advance: read_movielens.inspect(folder, advance),
        read=lambda: read_movielens.read(folder),
        clean=cleaner,
        size=lambda: read_movielens.size(folder),
    )
    return run_import(loop, plan, dry_run)


def import_xapi(loop: Loop, path: Path, source: str = "xapi", dry_run: bool = False) -> dict[str, Any]:
    """xAPI statements of 1.0.3 and 2.0: JSON or JSON lines, packed or not, a file or a folder of them.

    The report has voided_but_stored where something is voided: events of earlier imports stay stored.
    """
    voided: set[str] = set()

    def cleaner(around: Surroundings) -> Cleaner:
        voided.update(read_xapi.voided(path))
        context = clean_xapi.Context(around.pseudonymise, around.now, around.titles(), voided)
        return lambda chunk: clean_xapi.clean(chunk, context)

    plan = Import(
        source,
        inspect=lambda advance: read_xapi.inspect(path, advance),
        read=lambda: read_xapi.read(path, source),
        clean=cleaner,
        size=lambda: read_xapi.size(path),
    )
    report = run_import(loop, plan, dry_run)
    if voided and not dry_run:
        ids = [f"{source}:{statement_id}" for statement_id in voided]
        report["voided_but_stored"] = reading.stored_events(loop.engine, ids)
    return report


def import_openedx(loop: Loop, path: Path, source: str = "openedx", dry_run: bool = False) -> dict[str, Any]:
    """The tracking logs of an Open edX site: a file or a folder of them."""

    def cleaner(around: Surroundings) -> Cleaner:
        context = clean_openedx.Context(
            around.pseudonymise, around.now, around.titles(), around.enrolments(), born=around.born()
        )
        return lambda chunk: clean_openedx.clean(chunk, context)

    plan = Import(
        source,
        inspect=lambda advance: read_openedx.inspect(path, advance),
        read=lambda: read_openedx.read(path, source),
        clean=cleaner,
        size=lambda: read_openedx.size(path),
    )
    return run_import(loop, plan, dry_run)


def _moment(text: str) -> pd.Timestamp | None:
    if not text:
        return None
    moment = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    if pd.isna(moment):
        raise BadInput(f"--epoch {text!r} is no date", "--epoch 2012-09-01", "epoch")
    return pd.Timestamp(moment)


def learners_of(interactions: pd.DataFrame, source: str) -> pd.DataFrame:
    """LEARNERS rows, without attributes, for everybody in `interactions`."""
    ids = interactions["learner_id"].drop_duplicates().sort_values(ignore_index=True)
    return pd.DataFrame(
        {"learner_id": ids, "source": source, "attributes": pd.Series([{} for _ in ids], dtype=object)}
    )
