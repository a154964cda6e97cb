"""A real server on loopback that keeps a log, and a frontier in memory, the plain one of the database's."""

import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from learnloop.collect import web
from learnloop.collect.recipes import Recipe
from learnloop.collect.web import CrawlReport
from learnloop.schemas import Answer, Target


@dataclass
class Site:
    """Pages by path, and the log of what was asked for."""

    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)  # paths whose body went out with status 200
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[tuple[float, float]] = field(default_factory=list)  # begin and end of each answer
    slow_s: float = 0.0
    drip_s: float = 0.0  # between two bytes of a body
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def agents(self) -> set[str]:
        return {headers["User-Agent"] for headers in self.headers}

    def add(self, path: str, body: str | bytes = "", status: int = 200, **headers: str) -> None:
        body = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (status, {"Content-Type": "text/html; charset=utf-8", **named}, body)


@contextmanager
def served(site: Site, host: str = "127.0.0.1") -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            begun = time.monotonic()
            site.asked.append(self.path)
            site.headers.append(dict(self.headers))
            time.sleep(site.slow_s)
            status, headers, body = site.pages.get(self.path, (404, {"Content-Type": "text/html"}, b"gone"))
            if self._unchanged(headers):
                status, body = 304, b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if headers.get("Connection") != "close":  # else the length is not told beforehand
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status == 200 and self.path != "/robots.txt":
                site.sent.append(self.path)
            try:
                self._write(body)
            except OSError:
                site.asked.append(f"cut {self.path}")
            site.times.append((begun, time.monotonic()))

        def _unchanged(self, headers: dict[str, str]) -> bool:
            for asked, told in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified")):
                if told in headers and self.headers.get(asked):
                    return bool(self.headers[asked] == headers[told])
            return False

        def _write(self, body: bytes) -> None:
            if not site.drip_s:
                self.wfile.write(body)
                return
            for i in range(len(body)):
                self.wfile.write(body[i : i + 1])
                time.sleep(site.drip_s)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def links(*urls: str) -> str:
    return "<html><body>" + "".join(f'<a href="{url}">{url}</a>' for url in urls) + "</body></html>"


class MemoryFrontier:
    """What store/frontier.py does, for one crawl and without a database."""

    def __init__(self, seeds: Collection[Target] = ()) -> None:
        self.known = {seed.url: seed for seed in seeds}
        self.done: dict[str, Answer] = {}
        self.pages: dict[str, dict[str, Any]] = {}

    def take(self, host: str, limit: int, out: Collection[str]) -> list[Target]:
        queued = [
            target
            for url, target in self.known.items()
            if url not in self.done and url not in out and urlsplit(url).hostname == host
        ]
        return sorted(queued, key=lambda target: target.depth)[:limit]

    def settle(self, answer: Answer) -> set[str]:
        assert answer.url not in self.done, "asked for twice"
        self.done[answer.url] = answer
        if answer.page is not None:
            self.pages[answer.url] = dict(answer.page)
        new = [target for target in answer.found if target.url not in self.known]
        self.known |= {target.url: target for target in new}
        return {urlsplit(target.url).hostname or "" for target in new}


def crawl(
    *urls: str,
    recipe: Recipe | None = None,
    frontier: MemoryFrontier | None = None,
    log_path: Path | None = None,
    progress: Any = None,
    **options: Any,
) -> tuple[dict[str, dict[str, Any]], CrawlReport]:
    """A crawl without a delay, loopback allowed, unless said otherwise: (pages by address, report)."""
    options = {"delay_s": 0, "allow_hosts": ["127.0.0.1"], **options}
    planned = web.plan(urls, options.pop("source", None), recipe=recipe, **options)
    frontier = frontier or MemoryFrontier()
    frontier.known = {seed.url: seed for seed in planned.seeds} | frontier.known
    report = web.crawl(planned, frontier.take, frontier.settle, log_path=log_path, progress=progress)
    return frontier.pages, report
