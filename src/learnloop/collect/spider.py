"""The crawler's own process: told over a pipe what to ask for, it answers with pages and links. See web.py.

Scrapy's defaults are for people who write crawlers; these are for people who are answered for by us:
robots.txt obeyed, one request at a time and a delay between two, http and https only, no address that is
not public, bodies limited, certificates checked, no console and no remote control (Scrapy 2.19 opens
both), no state on disk. What is known and what is next is not decided here but by whoever asks.
"""

import asyncio
import json
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.core.downloader import Slot
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import DontCloseSpider, IgnoreRequest
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from twisted.python.failure import Failure

from learnloop.collect import egress, reading_pages
from learnloop.collect.connecting import PublicResolver
from learnloop.collect.follow import FORBIDDEN, PRIVATE, Rules
from learnloop.collect.reading_pages import Asked

USER_AGENT = "Learnloop/0.1 (+robots.txt obeyed)"
LONGEST_WAIT_S = 60.0  # that a site may ask for between two requests, by Crawl-delay or Retry-After

ERROR_KINDS = {
    "DownloadCancelledError": "body over the limit",
    "DownloadTimeoutError": "timeout",
    "CannotResolveHostError": "host not found",
    "DownloadConnectionRefusedError": "connection refused",
    "DownloadFailedError": "connection broken",
    "ResponseDataLossError": "connection broken",
    "NotSupported": "scheme not supported",
    "UnsupportedURLSchemeError": "scheme not supported",
}
Emit = Callable[[dict[str, Any]], None]


def settings_for(job: dict[str, Any]) -> dict[str, Any]:
    """Scrapy's settings, hardened; every one that differs from a default we would not sign."""
    return {
        "USER_AGENT": USER_AGENT,
        "ROBOTSTXT_OBEY": True,
        "DOWNLOAD_DELAY": job["delay_s"],
        "DOWNLOAD_DELAY_JITTER": 0,  # the delay is the least there is, not the average
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": job["delay_s"],
        "AUTOTHROTTLE_TARGET_CONCURRENCY": 1.0,
        # in the order they were told: what is near the start comes before what is far
        "SCHEDULER_MEMORY_QUEUE": "scrapy.squeues.FifoMemoryQueue",
        "CONCURRENT_REQUESTS": 64,  # hosts, since each has one at a time
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "DOWNLOAD_HANDLERS": {"data": None, "file": None, "ftp": None, "s3": None},
        "DOWNLOAD_MAXSIZE": job["max_body_bytes"],
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_TIMEOUT": job["timeout_s"],  # of the whole answer: a drop now and then is no progress
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "TWISTED_DNS_RESOLVER": PublicResolver,
        "LEARNLOOP_ALLOW_HOSTS": job["allow_hosts"],
        "RETRY_TIMES": 2,
        "REDIRECT_MAX_TIMES": 5,  # of a robots.txt; those of pages are addresses of their own
        "METAREFRESH_ENABLED": False,
        "COOKIES_ENABLED": False,
        "HTTPCACHE_ENABLED": False,
        "DOWNLOADER_MIDDLEWARES": {
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,  # lets other ports pass
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            Door: 50,
            Robots: 100,
        },
        "EXTENSIONS": {
            "scrapy.extensions.telnet.TelnetConsole": None,
            "scrapy.extensions.remote_control.RemoteControl": None,
            "scrapy.extensions.throttle.AutoThrottle": None,
            Throttle: 0,
        },
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "LOG_LEVEL": "INFO",
        "STATS_DUMP": False,
    }


class Door:
    """Downloader middleware: which requests may leave. robots.txt and its redirects pass it as well."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        spider = self.crawler.spider
        if not isinstance(spider, Pages):
            raise IgnoreRequest("no spider")
        parts = urlsplit(request.url)
        # a robots.txt may be kept elsewhere (RFC 9309); pages may not
        here = request.meta.get("dont_obey_robotstxt") or spider.rules.on_site(request.url)
        # "@": Scrapy takes a name and password out of the address and into a header
        if parts.scheme not in ("http", "https") or "@" in parts.netloc or not here:
            raise IgnoreRequest("off site")
        host = parts.hostname or ""
        if egress.is_private_name(host) and not egress.allowed(host, spider.allow_hosts):
            raise IgnoreRequest(PRIVATE)

    def process_response(self, request: Request, response: Response) -> Response:
        """Of robots.txt, a missing one forbids nothing, one that cannot be had everything (RFC 9309)."""
        if not request.meta.get("dont_obey_robotstxt") or response.status < 400:
            return response
        cannot = response.status >= 500 or response.status == 429
        return response.replace(body=b"User-agent: *\nDisallow: /" if cannot else b"")


class Robots(RobotsTxtMiddleware):
    """Scrapy asks on where a robots.txt could not be fetched; we do not: its pages fail as it did."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.unreachable: dict[str, Exception] = {}

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        self.unreachable[netloc] = exc
        super()._robots_error(exc, netloc)

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        if rp is None:
            raise self.unreachable.get(urlsplit(request.url).netloc) or IgnoreRequest("no robots.txt")
        super().process_request_2(rp, request)


class Throttle(AutoThrottle):
    """Slower where a server is slow (AutoThrottle), and never faster than the site asks."""

    def _adjust_delay(self, slot: Slot, latency: float, response: Response) -> None:
        super()._adjust_delay(slot, latency, response)
        told = response.headers.get("Retry-After") or b""
        if response.status in (429, 503) and told.isdigit():
            slot.delay = max(slot.delay, min(float(told), LONGEST_WAIT_S))
        spider = self.crawler.spider
        if isinstance(spider, Pages):
            host = urlsplit(response.url).hostname or ""
            slot.delay = max(slot.delay, spider.least_delay.get(host, 0.0))


class Pages(Spider):
    """Asks for what it is told to, and hands every answer to `emit`."""

    name = "pages"
    # errors of the server are landed like other pages
    custom_settings = {"HTTPERROR_ALLOW_ALL": True}  # noqa: RUF012

    def __init__(self, job: dict[str, Any], emit: Emit, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rules = Rules.from_dict(job["rules"])
        self.allow_hosts = frozenset(job["allow_hosts"])
        self.emit = emit
        self.least_delay: dict[str, float] = {}
        self.off_site: set[int] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.slow_down, signal=signals.robots_parsed)
        crawler.signals.connect(spider.stay, signal=signals.spider_idle)
        return spider

    def stay(self) -> None:
        """Idle means waiting for the next message; the end is said by the other side."""
        raise DontCloseSpider

    def slow_down(self, robotparser: RobotParser, request: Request) -> None:
        """Crawl-delay of a host's robots.txt becomes its least delay."""
        host = urlsplit(request.url).hostname or ""
        wanted = min(robotparser.crawl_delay(USER_AGENT) or 0.0, LONGEST_WAIT_S)
        engine = self.crawler.engine
        if engine is None or wanted <= max(self.crawler.settings.getfloat("DOWNLOAD_DELAY"), 0.0):
            return
        self.least_delay[host] = max(wanted, self.least_delay.get(host, 0.0))
        # also for the slot that takes its place after a minute without requests
        engine.downloader.per_slot_settings[host] = {"concurrency": 1, "delay": self.least_delay[host]}
        slot = engine.downloader.slots.get(host)
        if slot is not None:
            slot.delay = max(slot.delay, self.least_delay[host])

    async def start(self) -> AsyncIterator[Any]:
        threading.Thread(target=self.listen, args=(sys.stdin.buffer,), daemon=True).start()
        return
        yield  # a generator of nothing: all is asked for by the other side

    def listen(self, stream: Any) -> None:
        """Messages from the other side; its end, however it came, is ours."""
        from twisted.internet import reactor

        for line in stream:
            if not line.endswith(b"\n"):
                break
            message = json.loads(line)
            if "end" in message:
                self.emit({"report": {"off_site": len(self.off_site)}})
                return
            call: Any = reactor.callFromThread
            call(self.ask, [Asked(**target) for target in message["ask"]])
        os._exit(3)

    def ask(self, targets: list[Asked]) -> None:
        engine = self.crawler.engine
        if engine is None:
            os._exit(3)
        for target in targets:
            headers = {"If-None-Match": target.etag, "If-Modified-Since": target.last_modified}
            try:
                request = Request(
                    target.url,
                    callback=partial(self.answered, target=target),
                    errback=partial(self.failed, target=target),
                    headers={name: value for name, value in headers.items() if value},
                    dont_filter=True,  # the frontier knows each address once
                    meta={"dont_redirect": True},
                )
            except ValueError:
                self.say(target, error="not an address")
                continue
            engine.crawl(request)

    def answered(self, response: Response, target: Asked) -> None:
        try:
            read = reading_pages.read(response, target, self.rules)
        except Exception as error:  # whoever asked waits for an answer, and would wait for ever
            self.logger.exception("an answer that could not be read")
            self.say(target, error=f"not readable: {type(error).__name__}")
            return
        self.off_site |= {hash(url) for url in read.pop("off_site")}
        self.say(target, **read)

    def failed(self, failure: Failure, target: Asked) -> None:
        problem = failure.value
        message = str(problem)
        host = urlsplit(target.url).hostname or ""
        kind = ERROR_KINDS.get(type(problem).__name__, type(problem).__name__)
        if PRIVATE in message or self.was_refused(host):
            kind = PRIVATE
        elif isinstance(problem, IgnoreRequest):
            kind = "off site"
            if "robots.txt" in message:
                kind = FORBIDDEN
            elif "DOWNLOAD_MAXSIZE" in message or "exceeded" in message:  # unpacked, it is too large
                kind = ERROR_KINDS["DownloadCancelledError"]
        self.say(target, error=kind)

    @staticmethod
    def was_refused(host: str) -> bool:
        from twisted.internet import reactor

        resolver = getattr(reactor, "nameResolver", None)
        return isinstance(resolver, PublicResolver) and egress.same_host(host) in resolver.refused

    def say(self, target: Asked, **answer: Any) -> None:
        self.emit({"answer": {"url": target.url, "status": None, **answer}})


def main() -> None:
    job = json.loads(sys.stdin.buffer.readline())
    # stray prints of any library must not end up among our lines
    lines = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    one_at_a_time = threading.Lock()

    def emit(message: dict[str, Any]) -> None:
        try:
            with one_at_a_time:
                lines.write(json.dumps(message).encode() + b"\n")
                lines.flush()
        except OSError:  # nobody listens any more
            os._exit(3)

    process = AsyncCrawlerProcess(settings_for(job))
    crawling: asyncio.Task[None] = process.crawl(process.create_crawler(Pages), job=job, emit=emit)
    process.start()
    crawling.result()  # raises what the crawl raised


if __name__ == "__main__":
    main()
