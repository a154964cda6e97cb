"""collect: web addresses in, pages landed in the database exactly as they were received."""

import time
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from learnloop.collect import recipes, web
from learnloop.collect.follow import PRIVATE
from learnloop.collect.web import CrawlReport
from learnloop.errors import LearnloopError
from learnloop.schemas import Answer, Target
from learnloop.store import frontier
from learnloop.workflow.console import bar
from learnloop.workflow.context import Loop


def collect_web(
    loop: Loop,
    urls: Sequence[str] = (),
    *,
    source: str | None = None,
    recipe: str | None = None,
    max_pages: int | None = None,
    max_depth: int | None = None,
    delay_s: float | None = None,
    allow_hosts: Sequence[str] = (),
) -> dict[str, Any]:
    """Crawls from `urls`, or the site of `recipe` (a file, or the name of one that ships), on its hosts.

    A crawl that was interrupted, however that was, goes on; one that had ended begins again and asks only
    for what has changed since. An unchanged page lands once, however often it is seen.
    """
    planned = web.plan(
        urls,
        source,
        recipe=recipes.read(recipe) if recipe else None,
        max_pages=max_pages,
        max_depth=max_depth,
        delay_s=delay_s,
        allow_hosts=allow_hosts,
    )
    with frontier.alone(loop.engine, planned.source):
        report, fresh = _crawl(loop, planned)
    told = {**asdict(report), "new_pages": fresh, "unchanged_pages": report.pages - fresh}
    if report.over_limit:
        told["next_step"] = (
            "the same command again asks for the pages that are left, or give more --max-pages"
        )
    return told


def _crawl(loop: Loop, planned: web.Plan) -> tuple[CrawlReport, int]:
    """(the report, how many pages were new). Raises LearnloopError where nothing could be fetched."""
    engine, source, started, fresh = loop.engine, planned.source, time.monotonic(), 0
    begun = frontier.begin(engine, source, planned.signature, planned.recipe.to_dict(), planned.seeds)

    def take(host: str, limit: int, out: Collection[str]) -> list[Target]:
        return frontier.take(engine, source, host, limit, out)

    def settle(answer: Answer) -> Collection[str]:
        nonlocal fresh
        is_new, hosts = frontier.settle(engine, source, answer)
        fresh += is_new
        return hosts

    with bar(f"crawled {', '.join(seed.url for seed in planned.seeds[:3])}") as advance:
        told = 0

        def progress(report: CrawlReport) -> None:
            nonlocal told
            pages = report.pages + report.not_modified
            advance(pages - told, note(report, time.monotonic() - started))
            told = pages

        report = web.crawl(
            planned,
            take,
            settle,
            landed=begun.landed,
            other=begun.other,
            progress=progress,
            died=lambda urls: frontier.blame(engine, source, urls),
            log_path=loop.settings.logs_dir / "crawl.log",
        )
        report.over_limit = frontier.finish(engine, source)
        if 200 not in report.by_status and not report.not_modified and not report.resumed_after:
            raise _nothing(report, planned)
    return report, fresh


def note(report: CrawlReport, seconds: float) -> str:
    """What the progress bar says of a crawl.

    >>> note(CrawlReport("a", pages=12, by_status={200: 10, 404: 2}, errors={"timeout": 1}), 6.0)
    '12 pages, 2.0 a second; errors: 404 2, timeout 1'
    """
    pages = report.pages + report.not_modified
    errors = {str(status): n for status, n in sorted(report.by_status.items()) if status >= 400}
    told = ", ".join(f"{kind} {n}" for kind, n in (errors | report.errors).items())
    rate = pages / seconds if seconds > 0 else 0.0
    return f"{pages} pages, {rate:.1f} a second" + (f"; errors: {told}" if told else "")


def _nothing(report: CrawlReport, planned: web.Plan) -> LearnloopError:
    found: dict[Any, int] = {**report.by_status, **report.errors}
    if report.forbidden_by_robots:
        found["forbidden by robots.txt"] = report.forbidden_by_robots
    where = ", ".join(seed.url for seed in planned.seeds)
    told = ", ".join(f"{kind} ({n})" for kind, n in found.items()) or "no page is there"
    hosts = sorted({host for host, _ in planned.job["rules"]["places"]})
    mend = "open the address in a browser, or read logs/crawl.log"
    if PRIVATE in report.errors:
        allow = " ".join(f"--allow-host {host}" for host in hosts)
        mend = f"if it is yours and meant: learnloop collect web URL… {allow}"
    return LearnloopError(f"nothing could be fetched from {where}: {told}", mend)


def list_recipes() -> dict[str, str]:
    """What ships, and what it is for."""
    return {recipe.name: recipe.description for recipe in recipes.shipped()}
