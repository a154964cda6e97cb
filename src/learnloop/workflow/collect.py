"""collect: web addresses in, pages landed in the database exactly as they were received."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from learnloop.collect import web
from learnloop.errors import LearnloopError
from learnloop.store import loading
from learnloop.store.loading import Loaded
from learnloop.workflow.console import bar
from learnloop.workflow.context import Loop

BATCH = 20  # pages a transaction: little is crawled again after a crash


def collect_web(
    loop: Loop,
    urls: Sequence[str],
    *,
    source: str | None = None,
    max_pages: int = 500,
    max_depth: int = 5,
    delay_s: float = 1.0,
    cache: bool = True,
) -> dict[str, Any]:
    """Crawls from `urls`, staying on their hosts. An unchanged page lands once, however often it is seen.

    cache: a page younger than a day is not asked for again.
    """
    landed, waiting, engine = Loaded(), list[web.RawPage](), loop.engine
    label = web.source_label(urls, source)

    def flush() -> None:
        nonlocal landed
        if waiting:
            frame = pd.DataFrame([asdict(page) | {"source": label} for page in waiting])
            landed += loading.load(engine, "raw_pages", frame)
            waiting.clear()

    def land(page: web.RawPage) -> None:
        waiting.append(page)
        advance(1)
        if len(waiting) >= BATCH:
            flush()

    with bar(f"crawled {', '.join(urls)}") as advance:
        try:
            report = web.crawl(
                urls,
                source,
                land,
                max_pages=max_pages,
                max_depth=max_depth,
                delay_s=delay_s,
                cache_dir=loop.settings.home / "http-cache" if cache else None,
                log_path=loop.settings.logs_dir / "crawl.log",
            )
        finally:
            flush()  # what arrived before an interruption stays
    if 200 not in report.by_status:
        found = report.by_status or report.errors or {"forbidden by robots.txt": report.forbidden_by_robots}
        raise LearnloopError(
            f"nothing could be fetched from {', '.join(urls)}: {', '.join(map(str, found))}",
            "open the address in a browser, or read logs/crawl.log",
        )
    return {**asdict(report), "new_pages": landed.inserted, "unchanged_pages": landed.unchanged}
