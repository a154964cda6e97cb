"""Web pages in, politely: each answer is handed over as it comes, unchanged, with its hash and headers.

The crawler (Scrapy) lives in a child process, `learnloop.collect.spider`, because Twisted's reactor
starts once in a process and its logging and signal handlers are no guests for a command line. It knows
nothing but what it is told: a first line says how to crawl, every further one what to ask for; of each
address it says what came of it. Which addresses are known and which are next is kept by whoever calls
`crawl` (the frontier, in the database, whose password the child never sees).

    to it    {"rules": {…}, "delay_s": 1.0, "allow_hosts": [], "max_body_bytes": 10485760, "timeout_s": 30}
             {"ask": [{"url": "https://example.org/a", "depth": 1, "hops": 0, "etag": "", …}]}
             {"end": true}
    from it  {"answer": {"url": "https://example.org/a", "status": 200, "etag": "\\"5f3a\\"", "page":
              {"url": …, "status": 200, "content_type": "text/html", "headers": {…}, "body": "<base64>",
               "fetched_at": "2026-05-04T10:00:00+00:00"}, "found": [["https://example.org/b", 2, 0]]}}
             {"report": {"off_site": 3}}
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from learnloop.collect.follow import FORBIDDEN
from learnloop.collect.recipes import Recipe
from learnloop.errors import BadInput, LearnloopError
from learnloop.schemas import Answer, Target

MAX_BODY_BYTES = 10 * 2**20
DELAY_S = 1.0
MAX_PAGES = 500
MAX_DEPTH = 5
WINDOW = 2  # addresses of a host in the child's hands: one asked for, one waiting; so many may be asked twice
HTML_TYPES = ("text/html", "application/xhtml+xml")
# -P: nothing in the current folder can pass for a module of ours or of Scrapy
CHILD = [sys.executable, "-P", "-m", "learnloop.collect.spider"]
AGAIN = "the same command again: it goes on where it stopped"


@dataclass(frozen=True)
class Plan:
    """What to crawl and how. Made by `plan`; `job` is what the child is told of it."""

    source: str
    seeds: tuple[Target, ...]
    recipe: Recipe
    job: Mapping[str, Any]
    max_pages: int

    @property
    def signature(self) -> str:
        """Of all that decides which pages are asked for: another one is another crawl."""
        told = [[seed.url for seed in self.seeds], self.job["rules"]]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass
class CrawlReport:
    """What a crawl met. landed = sum(by_status): errors of the server are landed, too."""

    source: str
    pages: int = 0  # landed by this run
    by_status: dict[int, int] = field(default_factory=dict)
    not_modified: int = 0  # asked for, and unchanged since the last crawl: no body was sent
    not_html: int = 0  # of the pages with status 200
    redirects: int = 0
    lists: int = 0  # sitemaps, feeds and pages that are only followed
    forbidden_by_robots: int = 0
    off_site: int = 0  # links and redirects to other hosts, ports or schemes: not followed
    over_limit: int = 0  # addresses left unvisited because max_pages was reached
    resumed_after: int = 0  # pages a former run of this crawl had landed
    errors: dict[str, int] = field(default_factory=dict)  # no answer, by kind


Take = Callable[[str, int, Collection[str]], list[Target]]  # host, how many, those in hand -> what is next
Settle = Callable[[Answer], Collection[str]]  # -> the hosts of which something new is known


def source_label(urls: Sequence[str], source: str | None = None, recipe: Recipe | None = None) -> str:
    """The source of the items to come: `source`, or the first host, or the recipe's name. Raises BadInput.

    >>> source_label(["https://learn.example.org/courses"])
    'learn_example_org'
    """
    if source is None:
        if not urls and recipe is not None:
            return recipe.name
        return re.sub(r"[^a-z0-9]+", "_", (urlsplit(urls[0]).hostname or "").lower()).strip("_")
    if not re.fullmatch(r"[a-z0-9_]+", source):
        raise BadInput(
            f"the source {source!r} has other characters than a-z, 0-9 and _",
            "learnloop collect web --source my_school URL",
            field="source",
        )
    return source


def plan(
    urls: Sequence[str],
    source: str | None = None,
    *,
    recipe: Recipe | None = None,
    max_pages: int | None = None,
    max_depth: int | None = None,
    delay_s: float | None = None,
    allow_hosts: Sequence[str] = (),
    max_body_bytes: int = MAX_BODY_BYTES,
    timeout_s: float = 30.0,
) -> Plan:
    """A crawl of `urls` (or of the recipe's site) and what they link to on the same hosts.

    At most `max_pages` pages are landed (robots.txt, redirects and sitemaps apart), `max_depth` links away
    from the start (0: the start alone). `delay_s` seconds lie between two requests to a host, more where
    the server is slow or its robots.txt wants more. What is not said here the recipe says, or 500 pages,
    5 links and 1 s. An address that is not public is refused when it is about to be connected to, unless
    its host is among `allow_hosts`, by the name or number that is written in the address.

    Raises BadInput on addresses that are not http(s), and on limits that make no sense.
    """
    used = recipe or Recipe()
    depth = _said("max_depth", max_depth, used.max_depth, MAX_DEPTH, 0)
    pages = _said("max_pages", max_pages, used.max_pages, MAX_PAGES, 1)
    delay = _said("delay_s", delay_s, used.delay_s, DELAY_S, 0)
    seeds = used.seeds(urls)
    return Plan(
        source=source_label(list(urls) or ([] if used.name else seeds), source, used),
        seeds=tuple(Target(url) for url in seeds),
        recipe=used,
        job={
            "rules": used.rules(seeds, int(depth)).to_dict(),
            "delay_s": delay,
            "allow_hosts": list(allow_hosts),
            "max_body_bytes": max_body_bytes,
            "timeout_s": timeout_s,
        },
        max_pages=int(pages),
    )


def _said(name: str, given: float | None, recipe: float | None, default: float, least: float) -> float:
    value = next(value for value in (given, recipe, default) if value is not None)
    if value < least:
        raise BadInput(f"{name}={value} is below {least}", f"{name}={default}", field=name)
    return value


class _Desk:
    """Who is asking for what: gives the child new addresses, and counts what came of them."""

    def __init__(
        self, planned: Plan, take: Take, settle: Settle, landed: int, other: int, report: CrawlReport
    ) -> None:
        self.take, self.settle, self.report = take, settle, report
        self.pages, self.max_pages = landed, planned.max_pages
        # sitemaps and redirects are no pages, but no site shall keep us busy with them for ever
        self.other, self.max_other = other, max(100, planned.max_pages)
        self.in_hand: dict[str, str] = {}  # url -> host
        self.waiting = {host for host, _ in planned.job["rules"]["places"]}  # hosts that may have more

    def more(self) -> list[Target]:
        """What to ask for now: a few addresses of each host, within the limits."""
        found: list[Target] = []
        held = Counter(self.in_hand.values())
        for host in sorted(self.waiting):
            room = min(WINDOW - held[host], self._left())
            if room <= 0:
                continue
            targets = self.take(host, room, self.in_hand)
            if len(targets) < room:
                self.waiting.discard(host)
            self.in_hand.update((target.url, host) for target in targets)
            found += targets
        return found

    def _left(self) -> int:
        return min(self.max_pages - self.pages, self.max_other - self.other) - len(self.in_hand)

    def answered(self, answer: Answer) -> None:
        self.waiting |= set(self.settle(answer))
        self.in_hand.pop(answer.url, None)
        self._count(answer)

    def _count(self, answer: Answer) -> None:
        report, page = self.report, answer.page
        if answer.error == FORBIDDEN:
            report.forbidden_by_robots += 1
        elif answer.error:
            report.errors[answer.error] = report.errors.get(answer.error, 0) + 1
        elif page is not None:
            report.pages += 1
            status = page["status"]
            report.by_status[status] = report.by_status.get(status, 0) + 1
            kind = page["content_type"].partition(";")[0].strip().lower()
            report.not_html += status == 200 and kind not in HTML_TYPES
        elif answer.status == 304:
            report.not_modified += 1
        elif answer.status is not None and 300 <= answer.status < 400:
            report.redirects += 1
        else:
            report.lists += 1
        counts = bool(answer.error) or page is not None or answer.status == 304
        self.pages += counts
        self.other += not counts


def crawl(
    planned: Plan,
    take: Take,
    settle: Settle,
    *,
    landed: int = 0,
    other: int = 0,
    progress: Callable[[CrawlReport], None] | None = None,
    died: Callable[[Collection[str]], None] | None = None,
    log_path: Path | None = None,
) -> CrawlReport:
    """Asks for what `take` gives until there is no more, and hands each answer to `settle`.

    landed, other: what a former run of the same crawl had landed and asked else. `progress` is called
    after each answer, `died` with the addresses that a crawler had in hand which ended by itself.
    Raises LearnloopError if that happens: what was settled until then stays settled.
    """
    report = CrawlReport(planned.source, resumed_after=landed)
    desk = _Desk(planned, take, settle, landed, other, report)
    with _log(log_path) as log, _child(log) as child:
        _send(child, planned.job)
        if not _ask(child, desk):
            return report
        for message in _messages(child):
            if "report" in message:
                report.off_site = message["report"]["off_site"]
                report.by_status = dict(sorted(report.by_status.items()))
                return report
            desk.answered(_answer(message["answer"]))
            if progress is not None:
                progress(report)
            _ask(child, desk)
        if died is not None:
            died(list(desk.in_hand))
        raise LearnloopError(
            f"the crawler stopped in the middle, after {report.pages} pages: {_last_line(log)}", AGAIN
        )


def _ask(child: "subprocess.Popen[bytes]", desk: _Desk) -> bool:
    """Gives the child what there is to ask for, or says that this was all; has it anything in hand?"""
    targets = desk.more()
    if targets:
        _send(child, {"ask": [asdict(target) for target in targets]})
    elif not desk.in_hand:
        _send(child, {"end": True})
    return bool(desk.in_hand)


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
    """The crawler's process, ended in every case: also when `settle` raises or the user interrupts."""
    child = subprocess.Popen(
        CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=_environment()
    )
    try:
        with child:
            try:
                yield child
            finally:
                child.kill()  # after its report there is nothing left for it to do, and it keeps no state
    except BrokenPipeError as error:  # a rest of a message is flushed when its pipe is closed
        raise LearnloopError(f"the crawler stopped: {_last_line(log)}", AGAIN) from error


# what Python, TLS and the resolver of names need; nothing of ours, nor of a database, nor of a cloud
_PASSED_ON = re.compile(
    r"PATH|HOME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT|WINDIR|COMSPEC|PYTHON\w+|VIRTUAL_ENV"
    r"|LD_LIBRARY_PATH|SSL_CERT_FILE|SSL_CERT_DIR|\w+_PROXY|RES_OPTIONS|LOCALDOMAIN",
    re.IGNORECASE,
)


def _environment() -> dict[str, str]:
    """The little of ours that a crawler needs, with loopback kept away from a proxy that it may name."""
    direct = ",".join([*filter(None, [getproxies().get("no", "")]), "localhost,127.0.0.1,::1"])
    ours = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    return {**ours, "no_proxy": direct, "NO_PROXY": direct, "PYTHONUTF8": "1"}


def _send(child: "subprocess.Popen[bytes]", message: Mapping[str, Any]) -> None:
    """One line. The pipe stays open: its end tells the child that we are gone."""
    if child.stdin is None:
        raise LearnloopError("the crawler cannot be reached")
    try:
        child.stdin.write(json.dumps(message).encode() + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        pass  # it is dead; what it still said is read, and then its end is seen


def _messages(child: "subprocess.Popen[bytes]") -> Iterator[dict[str, Any]]:
    """The child's lines, until it ends; a line cut short by its death is not a message."""
    for line in child.stdout or ():
        if not line.endswith(b"\n"):
            return
        yield json.loads(line)


def _answer(message: Mapping[str, Any]) -> Answer:
    page = message.get("page")
    if page is not None:
        body = base64.b64decode(page["body"])
        page = page | {
            "body": body,
            "sha256": hashlib.sha256(body).hexdigest(),
            "fetched_at": datetime.fromisoformat(page["fetched_at"]),
        }
    return Answer(
        url=message["url"],
        status=message["status"],
        error=message.get("error", ""),
        etag=message.get("etag", ""),
        last_modified=message.get("last_modified", ""),
        page=page,
        found=tuple(Target(url, depth, hops) for url, depth, hops in message.get("found", ())),
    )


def _last_line(log: IO[bytes]) -> str:
    log.flush()
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - 10_000))
    lines = [line for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
