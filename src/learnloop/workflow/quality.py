"""prepare --report: what came, what was done to it and what is stored, as one page of HTML."""

import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from learnloop.errors import BadInput
from learnloop.prepare import dwell
from learnloop.prepare.joins import unmatched
from learnloop.prepare.quality_tables import Quality, Run, Stored, accounts_of, imports_of, spent
from learnloop.store import counted, imports, reading

MOST_IMPORTS = 10_000
MARK_WITHIN = 1_000  # bytes from the start of a report


def refuse_target(out: Path) -> None:
    """Raises BadInput where no report can be written to `out`, or it would replace something else."""
    from learnloop.prepare.quality_page import MARK

    if not out.absolute().parent.is_dir():
        raise BadInput(f"no folder {out.parent} for the report", f"mkdir -p {out.parent}", "report")
    if out.is_dir():
        raise BadInput(f"{out} is a folder", f"learnloop prepare --report {out / 'quality.html'}", "report")
    try:
        with out.open("rb") as file:
            ours = MARK.encode() in file.read(MARK_WITHIN)
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadInput(
            f"{out}: {error.strerror}", "learnloop prepare --report quality.html", "report"
        ) from None
    if not ours:
        raise BadInput(
            f"{out} exists and is no report of ours; it stays as it is",
            f"learnloop prepare --report {out.with_name('quality-' + out.name)}",
            "report",
        )


def write_report(engine: sa.Engine, run: Run, out: Path) -> None:
    """The page, whole or not at all: written beside `out` and then put in its place."""
    from learnloop.prepare.quality_page import page  # draws: slow to import

    refuse_target(out)
    document = page(gather(engine, run, datetime.now(UTC)))
    beside = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        beside.write_bytes(document.encode("utf-8", "replace"))
        beside.replace(out)
    except OSError as error:
        raise BadInput(
            f"{out}: {error.strerror}", "learnloop prepare --report quality.html", "report"
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def gather(engine: sa.Engine, run: Run, now: datetime) -> Quality:
    """The report's numbers: of the pages of this `run`, of the imports there were, of what is stored."""
    rows, accounts, parts = imports_of(imports.past(engine, MOST_IMPORTS))
    told, repairs, refusals = accounts_of({**accounts, **run.accounts}, parts)
    return Quality(now, told, repairs, refusals, run, stored(engine), rows)


def stored(engine: sa.Engine) -> Stored:
    """Counted in the database, so that a hundred million events come as some thousands of numbers."""
    parents, times = counted.parents(engine), counted.times_spent(engine, dwell.BINS)
    kinds = dict(zip(parents["item_id"], parents["kind"], strict=True))
    table, histogram = spent(times, kinds)
    learners = counted.learners_of_events(engine)
    references = unmatched(
        {
            "items": parents,
            "concepts": reading.concepts(engine),
            "item_concepts": reading.item_concepts(engine),
            "prerequisites": reading.prerequisites(engine),
            "enrolments": counted.enrolments(engine),
            "interactions": times.groupby("item_id", as_index=False)["n"].sum(),
        }
    )
    nameless = unmatched({"interactions": learners, "learners": counted.learner_ids(engine)})
    return Stored(
        items=counted.items(engine),
        languages=counted.languages(engine),
        lengths=counted.item_lengths(engine),
        filled=counted.filled_in(engine),
        events=counted.interactions(engine),
        learners=learners,
        spent=table,
        times=histogram,
        joins=pd.concat([references.head(1), nameless, references.tail(-1)], ignore_index=True),
    )
