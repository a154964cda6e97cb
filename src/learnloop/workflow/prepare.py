"""prepare: landed pages in, clean items, concepts and prerequisites out."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from learnloop.collect.extract import extract
from learnloop.prepare.pages import pages_to_frames
from learnloop.schemas import Accounting
from learnloop.store import loading, reading
from learnloop.store.reading import RawPage
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop


def prepare(loop: Loop) -> dict[str, Any]:
    """Every source's newest version of each page, cleaned anew; nothing to do is not an error."""
    accounting, changes = Accounting(), {}
    sources: dict[str, list[dict[str, Any]]] = {}
    with step("extracted and cleaned the landed pages"):
        for page in _newest(reading.raw_pages(loop.engine)):
            records = extract(page.body, page.url, page.content_type, page.status)
            sources.setdefault(page.source, []).extend(records)
        for source, records in sorted(sources.items()):
            cleaned = pages_to_frames(records, source)
            accounting.add(cleaned.accounting)
            for table, result in loading.load_cleaned(loop.engine, cleaned, source).items():
                changes[f"{source}.{table}"] = asdict(result)
    return {"sources": sorted(sources), "rows": accounting.to_dict(), "changes": changes}


def _newest(pages: Iterator[RawPage]) -> Iterator[RawPage]:
    """The last version of each address; `pages` come by address and time."""
    for _, versions in groupby(pages, key=lambda page: page.url):
        newest = None
        for newest in versions:  # noqa: B007 - the last one is wanted
            pass
        if newest is not None:
            yield newest
