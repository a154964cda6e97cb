"""The crawler's own process: one JSON line in (what to crawl), one JSON line out a page. See web.py.

Scrapy's defaults are for people who write crawlers; these are for people who are answered for by us:
robots.txt obeyed, one request at a time, http and https only, bodies limited, certificates checked,
no console and no remote control (Scrapy 2.19 opens both), nothing pickled in the cache.
"""

import asyncio
import base64
import ipaddress
import json
import os
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import HtmlResponse, Response
from scrapy.linkextractors import LinkExtractor
from scrapy.resolver import CachingThreadedResolver
from scrapy.robotstxt import RobotParser
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.python.failure import Failure

from learnloop.collect.web import HTML_TYPES

USER_AGENT = "Learnloop/0.1 (+robots.txt obeyed)"

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


def settings_for(job: dict[str, Any]) -> dict[str, Any]:
    """Scrapy's settings, hardened; every one that differs from a default we would not sign."""
    return {
        "USER_AGENT": USER_AGENT,
        "ROBOTSTXT_OBEY": True,
        "DOWNLOAD_DELAY": job["delay_s"],
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": job["delay_s"],
        "AUTOTHROTTLE_TARGET_CONCURRENCY": 1.0,
        "CONCURRENT_REQUESTS": 8,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "DEPTH_LIMIT": job["max_depth"],
        # breadth first: with a page limit, what is near the start comes before what is far
        "DEPTH_PRIORITY": 1,
        "SCHEDULER_MEMORY_QUEUE": "scrapy.squeues.FifoMemoryQueue",
        # a second lock behind Door's exact one; it counts the robots.txt of each host as a page
        "CLOSESPIDER_PAGECOUNT": job["max_pages"] + len(job["urls"]),
        "DOWNLOAD_HANDLERS": {"data": None, "file": None, "ftp": None, "s3": None},
        "DOWNLOAD_MAXSIZE": job["max_body_bytes"],
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_TIMEOUT": 30,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "TWISTED_DNS_RESOLVER": PublicResolver,
        "LEARNLOOP_ALLOW_PRIVATE": job["allow_private"],
        "RETRY_TIMES": 2,
        "REDIRECT_MAX_TIMES": 5,
        "METAREFRESH_ENABLED": False,
        "COOKIES_ENABLED": False,
        "HTTPCACHE_ENABLED": bool(job["cache_dir"]),
        "HTTPCACHE_DIR": job["cache_dir"],
        "HTTPCACHE_EXPIRATION_SECS": job["cache_s"],
        "HTTPCACHE_STORAGE": "learnloop.collect.cache.JsonCache",
        "DOWNLOADER_MIDDLEWARES": {
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,  # lets other ports pass
            Door: 50,
        },
        "EXTENSIONS": {
            "scrapy.extensions.telnet.TelnetConsole": None,
            "scrapy.extensions.remote_control.RemoteControl": None,
        },
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "LOG_LEVEL": "INFO",
        "STATS_DUMP": False,
    }


def endpoint(url: str) -> tuple[str, int]:
    """Host and port; http and https on their default ports are one place."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return (parts.hostname or "").lower(), 443 if port == 80 else port


class Door:
    """Downloader middleware: which requests may leave. Redirects and robots.txt pass it as well."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.admitted = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        spider = self.crawler.spider
        if not isinstance(spider, Pages):
            raise IgnoreRequest("no spider")
        parts = urlsplit(request.url)
        if (
            parts.scheme not in ("http", "https")
            or parts.username
            or endpoint(request.url) not in spider.places
        ):
            spider.counts["off_site"] += 1
            raise IgnoreRequest("off site")
        if "admitted" in request.meta or request.meta.get("dont_obey_robotstxt"):
            return  # a redirect or retry of an admitted request, or a robots.txt
        if self.admitted >= spider.max_pages:
            spider.counts["over_limit"] += 1
            raise IgnoreRequest("page limit")
        self.admitted += 1
        request.meta["admitted"] = True

    def process_response(self, request: Request, response: Response) -> Response:
        """Of robots.txt, a missing one forbids nothing, one that cannot be had everything (RFC 9309)."""
        if not request.meta.get("dont_obey_robotstxt") or response.status < 400:
            return response
        rules = b"User-agent: *\nDisallow: /" if response.status >= 500 else b""
        return response.replace(body=rules)


class PublicResolver(CachingThreadedResolver):
    """Refuses names that lead to loopback, private or link-local addresses: a name can be re-pointed."""

    allow_private = False

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: Any) -> Self:
        resolver = super().from_crawler(crawler, reactor)
        resolver.allow_private = crawler.settings.getbool("LEARNLOOP_ALLOW_PRIVATE")
        return resolver

    def getHostByName(self, name: str, timeout: Any = ()) -> "Deferred[str]":
        found: Deferred[str] = super().getHostByName(name, timeout)
        if self.allow_private or name == "localhost" or _is_number(name):
            return found
        return found.addCallback(self._public, name)

    @staticmethod
    def _public(address: str, name: str) -> str:
        if not ipaddress.ip_address(address).is_global:
            raise DNSLookupError(f"{name} leads to the private address {address}")
        return address


def _is_number(name: str) -> bool:
    """Is this host an address already, as the user wrote it?"""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Pages(Spider):
    """Follows links within the start hosts and hands every answer to `self.emit`."""

    name = "pages"
    # our own check is at the Door; server errors are landed like other pages
    custom_settings = {"HTTPERROR_ALLOW_ALL": True}  # noqa: RUF012

    def __init__(self, job: dict[str, Any], emit: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_urls = job["urls"]
        self.max_pages = int(job["max_pages"])
        self.places = {endpoint(url) for url in job["urls"]}
        self.links = LinkExtractor()
        self.emit = emit
        self.counts: Counter[str] = Counter()
        self.by_status: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.slow_down, signal=signals.robots_parsed)
        return spider

    def slow_down(self, robotparser: RobotParser, request: Request) -> None:
        """Crawl-delay of robots.txt becomes the least delay; a minute is the most we wait."""
        wanted = min(robotparser.crawl_delay(USER_AGENT) or 0.0, 60.0)
        throttle = self.crawler.get_extension(AutoThrottle)
        engine = self.crawler.engine
        if throttle is None or engine is None or wanted <= throttle.mindelay:
            return
        throttle.mindelay = wanted
        for slot in engine.downloader.slots.values():
            slot.delay = max(slot.delay, wanted)

    async def start(self) -> AsyncIterator[Any]:
        for url in self.start_urls:
            yield Request(url, errback=self.failed)

    def parse(self, response: Response, **kwargs: Any) -> Iterator[Request]:
        self.land(response)
        if not isinstance(response, HtmlResponse) or response.status != 200:
            return
        for link in self.links.extract_links(response):
            if not link.nofollow:
                yield Request(link.url.partition("#")[0], errback=self.failed)

    def land(self, response: Response) -> None:
        content_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
        asked = response.request.meta if response.request else {}
        when = asked.get("cache_timestamp")
        fetched_at = datetime.fromtimestamp(when, UTC) if when else datetime.now(UTC)
        self.by_status[response.status] += 1
        self.counts["from_cache"] += "cached" in response.flags
        html = content_type.partition(";")[0].strip().lower() in HTML_TYPES
        self.counts["not_html"] += response.status == 200 and not html
        page = {
            "url": response.url,
            "status": response.status,
            "content_type": content_type,
            "headers": {
                name.decode("latin-1"): b", ".join(values).decode("latin-1")
                for name, values in response.headers.items()
            },
            "body": base64.b64encode(response.body).decode("ascii"),
            "fetched_at": fetched_at.isoformat(),
        }
        self.emit({"page": page})

    def failed(self, failure: Failure) -> None:
        """No answer. What robots.txt and the Door refused is counted where it was refused."""
        problem = failure.value
        message = str(problem)
        if isinstance(problem, IgnoreRequest):
            if "max redirections" in message:
                self.errors["too many redirects"] += 1
            elif "DOWNLOAD_MAXSIZE" in message or "exceeded" in message:  # unpacked, it is too large
                self.errors["body over the limit"] += 1
            return
        self.errors[ERROR_KINDS.get(type(problem).__name__, type(problem).__name__)] += 1


def _leave_with_parent(stream: Any) -> None:
    """Ends this process when the other end of standard input is gone, however it went."""
    stream.read()
    os._exit(3)


def main() -> None:
    line = sys.stdin.buffer.readline()
    job = json.loads(line)
    # stray prints of any library must not end up among our lines
    lines = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    threading.Thread(target=_leave_with_parent, args=(sys.stdin.buffer,), daemon=True).start()

    def emit(message: dict[str, Any]) -> None:
        try:
            lines.write(json.dumps(message).encode() + b"\n")
            lines.flush()
        except OSError:  # nobody listens any more
            os._exit(3)

    process = AsyncCrawlerProcess(settings_for(job))
    crawler = process.create_crawler(Pages)
    crawling: asyncio.Task[None] = process.crawl(crawler, job=job, emit=emit)
    process.start()
    crawling.result()  # raises what the crawl raised
    spider, stats = crawler.spider, crawler.stats
    if not isinstance(spider, Pages) or stats is None:
        raise SystemExit("the crawl did not start")
    report = {
        "by_status": dict(spider.by_status),
        "forbidden_by_robots": stats.get_value("robotstxt/forbidden", 0),
        "errors": dict(spider.errors),
        **{name: spider.counts[name] for name in ("not_html", "from_cache", "off_site", "over_limit")},
    }
    emit({"report": report})


if __name__ == "__main__":
    main()
