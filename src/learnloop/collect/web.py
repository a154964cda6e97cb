"""Web pages in, politely: each page is handed over as it comes, unchanged, with its hash and headers.

The crawler (Scrapy) lives in a child process, `learnloop.collect.spider`, because Twisted's reactor
starts once in a process and its logging and signal handlers are no guests for a command line. The
child reads one JSON line (what to crawl) and writes one JSON line a page and a last one with counts:

    {"page": {"url": "https://example.org/a", "status": 200, "content_type": "text/html", "headers": {...},
              "body": "<base64>", "fetched_at": "2026-05-04T10:00:00+00:00"}}
    {"report": {"by_status": {"200": 12}, "forbidden_by_robots": 3, "errors": {"timeout": 1}, ...}}
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from learnloop.errors import BadInput, LearnloopError

MAX_BODY_BYTES = 10 * 2**20
CACHE_SECONDS = 24 * 3600  # RFC 9309: a robots.txt should not be older than 24 hours
HTML_TYPES = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True)
class RawPage:
    """One answer of a server. `body`: the bytes of the document, as sent (content coding undone)."""

    url: str
    status: int
    content_type: str
    headers: dict[str, str]
    body: bytes
    sha256: str
    fetched_at: datetime


@dataclass
class CrawlReport:
    """What a crawl met. pages = sum(by_status): every answer is landed, errors of the server included."""

    source: str
    pages: int = 0
    by_status: dict[int, int] = field(default_factory=dict)
    not_html: int = 0  # of the pages with status 200
    from_cache: int = 0
    forbidden_by_robots: int = 0
    off_site: int = 0  # links and redirects to other hosts, ports or schemes: not followed
    over_limit: int = 0  # addresses left unvisited because max_pages was reached
    errors: dict[str, int] = field(default_factory=dict)  # no answer, by kind


def source_label(urls: Sequence[str], source: str | None = None) -> str:
    """The source of the items to come: `source`, or the first host. Raises BadInput.

    >>> source_label(["https://learn.example.org/courses"])
    'learn_example_org'
    """
    if source is None:
        return re.sub(r"[^a-z0-9]+", "_", (urlsplit(urls[0]).hostname or "").lower()).strip("_")
    if not re.fullmatch(r"[a-z0-9_]+", source):
        raise BadInput(
            f"the source {source!r} has other characters than a-z, 0-9 and _",
            "learnloop collect web --source my_school URL",
            field="source",
        )
    return source


def crawl(
    urls: Sequence[str],
    source: str | None,
    land: Callable[[RawPage], None],
    *,
    max_pages: int = 500,
    max_depth: int = 5,
    delay_s: float = 1.0,
    cache_dir: Path | None = None,
    progress: Callable[[int], None] | None = None,
    log_path: Path | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    allow_private: bool = False,
) -> CrawlReport:
    """Asks for `urls` and what they link to on the same hosts, and calls `land` with each page.

    At most `max_pages` addresses are asked for (robots.txt, redirects and retries apart), `max_depth`
    links away from the start (0: the start alone). `delay_s` seconds lie between two requests to a
    host, more where the server is slow or its robots.txt wants more. With `cache_dir` a page younger
    than a day is not asked for again. A host name that leads to a private address is refused unless
    `allow_private`; addresses written as numbers, and localhost, are taken as meant.

    Raises BadInput on addresses that are not http(s); LearnloopError if the crawler dies: what was
    landed until then stays landed.
    """
    _check(urls, max_pages, max_depth, delay_s)
    report = CrawlReport(source_label(urls, source))
    job = {
        "urls": list(urls),
        "max_pages": max_pages,
        "max_depth": max_depth,
        "delay_s": delay_s,
        "cache_dir": str(cache_dir.absolute()) if cache_dir else "",
        "cache_s": CACHE_SECONDS,
        "max_body_bytes": max_body_bytes,
        "allow_private": allow_private,
    }
    with _log(log_path) as log, _child(log) as child:
        for message in _messages(child, job):
            if "report" in message:
                _fill(report, message["report"])
                return report
            land(_page(message["page"]))
            report.pages += 1
            if progress is not None:
                progress(report.pages)
        raise LearnloopError(
            f"the crawler stopped in the middle, after {report.pages} pages: {_last_line(log)}",
            "learnloop collect web URL… again: with a cache it goes on where it stopped",
        )


def _check(urls: Sequence[str], max_pages: int, max_depth: int, delay_s: float) -> None:
    if not urls:
        raise BadInput("no address to crawl", "learnloop collect web https://…", field="urls")
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise BadInput(
                f"{url!r} is not an http or https address without a user name",
                "learnloop collect web https://…",
                field="urls",
            )
    for name, value, least in (("max_pages", max_pages, 1), ("max_depth", max_depth, 0)):
        if value < least:
            raise BadInput(f"{name}={value} is below {least}", field=name)
    if delay_s < 0:
        raise BadInput(f"delay_s={delay_s} is below 0", field="delay_s")


@contextmanager
def _log(path: Path | None) -> Iterator[IO[bytes]]:
    """Where the crawler's own log goes; never to the terminal of the command."""
    if path is None:
        with tempfile.TemporaryFile() as file:
            yield file
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            yield file


@contextmanager
def _child(log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The crawler's process, ended in every case: also when `land` raises or the user interrupts."""
    # -P: nothing in the current folder can pass for a module of ours or of Scrapy
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "learnloop.collect.spider"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=_environment(),
    )
    try:
        with child:
            try:
                yield child
            finally:
                child.kill()  # after its report there is nothing left for it to do; the cache is atomic
    except BrokenPipeError as error:  # it died before it read its job
        raise LearnloopError(f"the crawler did not start: {_last_line(log)}") from error


def _environment() -> dict[str, str]:
    """Ours, with loopback kept away from a proxy that the environment may name."""
    direct = ",".join([*filter(None, [getproxies().get("no", "")]), "localhost,127.0.0.1,::1"])
    return {**os.environ, "no_proxy": direct, "NO_PROXY": direct, "PYTHONUTF8": "1"}


def _messages(child: "subprocess.Popen[bytes]", job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The child's lines, until it ends; a line cut short by its death is not a message."""
    if child.stdin is None or child.stdout is None:
        return
    child.stdin.write(json.dumps(job).encode() + b"\n")
    child.stdin.flush()  # left open: its end tells the child that we are gone
    for line in child.stdout:
        if not line.endswith(b"\n"):
            return
        yield json.loads(line)


def _page(message: dict[str, Any]) -> RawPage:
    body = base64.b64decode(message["body"])
    return RawPage(
        url=message["url"],
        status=message["status"],
        content_type=message["content_type"],
        headers=message["headers"],
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        fetched_at=datetime.fromisoformat(message["fetched_at"]),
    )


def _fill(report: CrawlReport, counts: dict[str, Any]) -> None:
    report.by_status = {int(status): n for status, n in sorted(counts.pop("by_status").items())}
    for name, value in counts.items():
        setattr(report, name, value)


def _last_line(log: IO[bytes]) -> str:
    log.flush()
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - 10_000))
    lines = [line for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
