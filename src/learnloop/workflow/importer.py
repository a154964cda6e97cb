"""One import, whatever the source: check every file, then load chunk by chunk, and account for every row.

    inspect   each file is read through; a bad one ends the import here, and nothing was written
    load      read -> clean -> one transaction a chunk; the import is on record from before the first
    account   read = kept + rejected, repairs by rule, what changed in the database

A dry run does the same without the database: nothing is written anywhere, no home and no key is made.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from learnloop import settings as configuration
from learnloop.collect.inputs import Advance, Inspected
from learnloop.errors import BadInput, LearnloopError
from learnloop.prepare.interactions import births
from learnloop.schemas import ENROLMENTS, Accounting, Cleaned, RawChunk, empty
from learnloop.store import database, embedded, imports, loading, reading
from learnloop.store.loading import Loaded
from learnloop.store.pseudonyms import pseudonyms
from learnloop.workflow.console import bar
from learnloop.workflow.context import Loop

MUST_KEEP = ("items", "interactions", "statements", "events")  # an import that keeps none of these has failed
SHOWN = 20  # rejected rows in the report of a dry run


@dataclass(frozen=True)
class Surroundings:
    """What cleaning needs from outside its files.

    known_items: ids of the items imported earlier. titles: of those of the import's own source, by item_id.
    enrolments: ENROLMENTS imported earlier, of any source. born: when those items came to be, where known.
    """

    pseudonymise: Callable[[pd.Series], pd.Series]
    now: pd.Timestamp
    known_items: Callable[[], set[str]]
    titles: Callable[[], dict[str, str]]
    enrolments: Callable[[], pd.DataFrame]
    born: Callable[[], dict[str, pd.Timestamp]]


Cleaner = Callable[[RawChunk], Cleaned]


@dataclass(frozen=True)
class Import:
    """One source's part of an import, as functions that the steps above call in their order.

    inspect: reads every file through, telling how many bytes. read: their records. clean: given the
    surroundings, the function of one chunk. size: bytes to read, the scale of RawChunk.consumed.
    """

    source: str
    inspect: Callable[[Advance], list[Inspected]]
    read: Callable[[], Iterator[RawChunk]]
    clean: Callable[[Surroundings], Cleaner]
    size: Callable[[], int]


@dataclass
class _Account:
    by_kind: dict[str, Accounting] = field(default_factory=dict)
    changes: dict[str, Loaded] = field(default_factory=dict)
    would_write: dict[str, int] = field(default_factory=dict)
    shown: list[dict[str, Any]] = field(default_factory=list)
    files: set[str] = field(default_factory=set)  # kinds that are files' own, not what was made of them

    def add(self, chunk: RawChunk, cleaned: Cleaned) -> None:
        self.files.add(chunk.kind)
        self.by_kind.setdefault(chunk.kind, Accounting()).add(cleaned.accounting)
        for kind, part in cleaned.by_kind.items():
            if kind != chunk.kind:
                self.by_kind.setdefault(kind, Accounting()).add(part)

    def nothing_kept(self) -> str:
        """Says so where nothing was read, or of one kind of file not a single row could be kept; else ""."""
        if not any(accounting.read for accounting in self.by_kind.values()):
            return "there is not a single row in it"
        for kind, accounting in self.by_kind.items():
            if kind in self.files and accounting.read and not accounting.kept:
                why = max(accounting.rejected, key=lambda reason: accounting.rejected[reason])
                return f"none of the {accounting.read:,} {kind} could be kept; most often: {why}"
        return ""


def run_import(loop: Loop, plan: Import, dry_run: bool = False) -> dict[str, Any]:
    """The report: source, files, rows by kind, changes by table; of a dry run the rows it would write.

    Raises BadInput before anything is written for what damns a file, and after an import that kept no
    row of one kind of file (its account and its rejected rows stay).
    """
    with bar(f"checked {plan.source}", plan.size()) as advance:
        inspected = plan.inspect(advance)
    report: dict[str, Any] = {
        "source": plan.source,
        "files": {"count": len(inspected), "bytes": sum(file.packed_bytes for file in inspected)},
    }
    return _rehearse(loop, plan, inspected, report) if dry_run else _load(loop, plan, inspected, report)


def _load(loop: Loop, plan: Import, inspected: list[Inspected], report: dict[str, Any]) -> dict[str, Any]:
    engine, account = loop.engine, _Account()
    clean = plan.clean(
        Surroundings(
            pseudonymise=pseudonymise(loop, plan.source),
            now=_now(),
            known_items=lambda: reading.item_ids(engine),
            titles=lambda: reading.item_titles(engine, plan.source),
            enrolments=lambda: reading.enrolments(engine),
            born=lambda: births(reading.item_origins(engine)),
        )
    )
    report["imported_before"] = _imported_before(engine, plan.source, inspected)
    files = [
        {"name": f.path.name, "sha256": f.sha256, "bytes": f.packed_bytes, "lines": f.lines}
        for f in inspected
    ]
    import_id = imports.begin(engine, plan.source, files, datetime.now(UTC))
    try:
        with bar(f"imported {plan.source}", plan.size()) as advance:
            for chunk, cleaned in _cleaned(plan, clean, advance):
                loaded = loading.load_cleaned(engine, cleaned, plan.source, import_id)
                for table, result in loaded.items():
                    account.changes[table] = account.changes.get(table, Loaded()) + result
                account.add(chunk, cleaned)
    except BaseException as error:
        told = error.problem if isinstance(error, LearnloopError) else type(error).__name__
        with suppress(sa.exc.SQLAlchemyError):  # the database may be what is gone
            imports.finish(engine, import_id, report | _rows(account) | {"stopped": told}, None)
        raise
    report |= _rows(account)
    report["changes"] = {table: asdict(result) for table, result in account.changes.items()}
    report["import_id"] = import_id
    imports.finish(engine, import_id, report, datetime.now(UTC))
    if problem := account.nothing_kept():
        raise BadInput(problem, f"learnloop import rejected --import-id {import_id}")
    return report


def _rehearse(loop: Loop, plan: Import, inspected: list[Inspected], report: dict[str, Any]) -> dict[str, Any]:
    account = _Account()
    key = configuration.known_pseudonym_key(loop.settings) or secrets.token_bytes(32)
    with _database_if_any(loop) as engine:
        clean = plan.clean(
            Surroundings(
                pseudonymise=lambda ids: pseudonyms(key, plan.source, ids),
                now=_now(),
                known_items=lambda: reading.item_ids(engine) if engine else set(),
                titles=lambda: reading.item_titles(engine, plan.source) if engine else {},
                enrolments=lambda: reading.enrolments(engine) if engine else empty(ENROLMENTS),
                born=lambda: births(reading.item_origins(engine)) if engine else {},
            )
        )
        report["dry_run"] = True
        report["imported_before"] = engine is not None and _imported_before(engine, plan.source, inspected)
        with bar(f"tried {plan.source}", plan.size()) as advance:
            for chunk, cleaned in _cleaned(plan, clean, advance):
                for table, frame in cleaned.frames.items():
                    account.would_write[table] = account.would_write.get(table, 0) + len(frame)
                first = cleaned.rejected.head(SHOWN - len(account.shown))
                account.shown += first.to_dict("records")
                account.add(chunk, cleaned)
    report |= _rows(account)
    report["would_write"], report["rejected_rows"] = account.would_write, account.shown
    if problem := account.nothing_kept():
        report["problem"] = problem
    return report


def _cleaned(plan: Import, clean: Cleaner, advance: Advance) -> Iterator[tuple[RawChunk, Cleaned]]:
    consumed = 0
    for chunk in plan.read():
        yield chunk, clean(chunk)
        advance(chunk.consumed - consumed)
        consumed = chunk.consumed


def _rows(account: _Account) -> dict[str, Any]:
    """rows by kind; parts: the kinds that are parts of others, or made of them: rows are counted once."""
    return {
        "rows": {kind: accounting.to_dict() for kind, accounting in account.by_kind.items()},
        "parts": sorted(set(account.by_kind) - account.files),
    }


def _imported_before(engine: sa.Engine, source: str, inspected: list[Inspected]) -> bool:
    """Whether every file, byte for byte, has been imported from this source."""
    sums = {file.sha256 for file in inspected}
    return bool(sums) and imports.seen_before(engine, source, sums) == sums


@contextmanager
def _database_if_any(loop: Loop) -> Iterator[sa.Engine | None]:
    """The database as it is, unmigrated; None where there is none yet, or none of ours."""
    settings = loop.settings
    if not settings.database_url and embedded.status(settings.home)["version"] is None:
        yield None
        return
    engine = database.connect(loop.database_url)
    try:
        there = sa.inspect(engine)
        yield engine if there.has_table("items") and there.has_table("imports") else None
    finally:
        engine.dispose()


def pseudonymise(loop: Loop, source: str) -> Callable[[pd.Series], pd.Series]:
    return lambda ids: pseudonyms(loop.pseudonym_key, source, ids)


def _now() -> pd.Timestamp:
    return pd.Timestamp.now(tz="UTC")
