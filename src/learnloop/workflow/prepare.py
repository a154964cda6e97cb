"""prepare: landed pages in, clean items, concepts and prerequisites out."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from learnloop.collect.extract import extract
from learnloop.collect.recipes import records_of
from learnloop.prepare.pages import pages_to_frames
from learnloop.prepare.quality_tables import Run
from learnloop.schemas import Accounting
from learnloop.store import frontier, loading, reading
from learnloop.store.reading import RawPage
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop
from learnloop.workflow.quality import refuse_target, write_report


def prepare(loop: Loop, report: Path | None = None) -> dict[str, Any]:
    """Every source's newest version of each page, cleaned anew; nothing to do is not an error.

    report: where to write the data quality report, if anywhere. Raises BadInput before anything is done
    where it cannot be written there.
    """
    if report is not None:
        refuse_target(report)
    quality = Run()
    accounting, changes = Accounting(), {}
    sources: dict[str, list[dict[str, Any]]] = {}
    recipes = frontier.recipes(loop.engine)
    with step("extracted and cleaned the landed pages"):
        for page in _newest(reading.raw_pages(loop.engine)):
            records = records_of_page(page, recipes.get(page.source, {}))
            sources.setdefault(page.source, []).extend(records)
        for source, records in sorted(sources.items()):
            cleaned = pages_to_frames(records, source)
            accounting.add(cleaned.accounting)
            if report is not None:
                quality.add(source, records, cleaned)
            for table, result in loading.load_cleaned(loop.engine, cleaned, source).items():
                changes[f"{source}.{table}"] = asdict(result)
    told = {"sources": sorted(sources), "rows": accounting.to_dict(), "changes": changes}
    if report is not None:
        with step("wrote the data quality report"):
            write_report(loop.engine, quality, report)
        told["report"] = str(report)
    return told


def records_of_page(page: RawPage, recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a page says; `recipe` ({}: none) knows its selectors, its API and the language it leaves open."""
    kind = page.content_type.partition(";")[0].strip().lower()
    if recipe.get("api") and page.status == 200 and kind.endswith(("/json", "+json")):
        records = records_of(page.body, page.url, recipe)
    else:
        selectors = recipe.get("fields") or None
        records = extract(page.body, page.url, page.content_type, page.status, selectors)
    if recipe.get("language"):
        for record in records:
            record.setdefault("language", recipe["language"])
    return records


def _newest(pages: Iterator[RawPage]) -> Iterator[RawPage]:
    """The last version of each address of a source; `pages` come by source, address and time."""
    for _, versions in groupby(pages, key=lambda page: (page.source, page.url)):
        newest = None
        for newest in versions:  # noqa: B007 - the last one is wanted
            pass
        if newest is not None:
            yield newest
