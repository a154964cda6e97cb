"""A real server on loopback, really crawled; what it was asked for is read from its own log."""

import gzip
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from learnloop.collect.web import CrawlReport, RawPage, crawl, source_label
from learnloop.errors import BadInput, LearnloopError

LIMIT = 20_000
LATIN = "<title>Año</title><p>año €</p>".encode("cp1252")


@dataclass
class Site:
    """Pages by path, and the log of what was asked for."""

    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, path: str, body: str | bytes = "", status: int = 200, **headers: str) -> None:
        body = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (status, {"Content-Type": "text/html; charset=utf-8", **named}, body)


@contextmanager
def served(site: Site) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            site.agents.add(self.headers["User-Agent"])
            status, headers, body = site.pages.get(self.path, (404, {"Content-Type": "text/html"}, b"gone"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if headers.get("Connection") != "close":  # else the length is not told beforehand
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                site.asked.append(f"cut {self.path}")

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
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


@dataclass
class Crawled:
    site: Site
    elsewhere: Site
    pages: dict[str, RawPage]
    report: CrawlReport
    progress: list[int]


@pytest.fixture(scope="module")
def crawled() -> Iterator[Crawled]:
    """One crawl of a site with everything on it that a crawler must not trip over."""
    site, elsewhere = Site(), Site()
    with served(site), served(elsewhere):
        elsewhere.add("/", "another server")
        site.add("/robots.txt", "User-agent: *\nDisallow: /private/\n", Content_Type="text/plain")
        site.add(
            "/",
            links(
                "/a?x=1#part",
                "/private/secret",
                "/missing",
                "/broken",
                "/big",
                "/endless",
                "/away",
                "/round1",
                "/moved",
                "/packed",
                "/latin",
                "/data",
                f"http://127.0.0.1:{elsewhere.port}/",
                f"http://localhost:{site.port}/otherwise",
                f"http://user:word@127.0.0.1:{site.port}/with-password",
                "file:///etc/hostname",
                "ftp://127.0.0.1/x",
                "data:text/html,hello",
                "javascript:alert(1)",
            )
            + '<a rel="nofollow" href="/unwanted">x</a>',
        )
        site.add("/a?x=1", links("/"), X_Two_Words="kept")
        site.add("/private/secret", "secret")
        site.add("/broken", "<h1>Error</h1>", status=500)
        site.add("/big", b"x" * (LIMIT + 1))
        site.add("/endless", b"x" * (50 * LIMIT), Connection="close")
        site.add("/away", status=302, Location=f"http://127.0.0.1:{elsewhere.port}/")
        site.add("/round1", status=302, Location="/round2")
        for i in range(2, 12):
            site.add(f"/round{i}", status=302, Location=f"/round{i + 1}")
        site.add("/moved", status=301, Location="/target")
        site.add("/target", "here")
        site.add("/packed", gzip.compress(b"<p>unpacked</p>"), Content_Encoding="gzip")
        site.add("/latin", LATIN, Content_Type="text/html")
        site.add("/data", '{"a": 1}', Content_Type="application/json")
        pages: dict[str, RawPage] = {}
        progress: list[int] = []

        def land(page: RawPage) -> None:
            assert page.url not in pages, "landed twice"
            pages[page.url] = page

        report = crawl(
            [site.url + "/"], "demo", land, delay_s=0, progress=progress.append, max_body_bytes=LIMIT
        )
        yield Crawled(
            site, elsewhere, {u.removeprefix(site.url): p for u, p in pages.items()}, report, progress
        )


def test_every_page_is_landed_as_sent_with_its_hash(crawled: Crawled) -> None:
    assert set(crawled.pages) == {
        *("/", "/a?x=1", "/missing", "/broken", "/target", "/packed", "/latin", "/data")
    }
    for path, page in crawled.pages.items():
        sent = crawled.site.pages.get(path, (404, {}, b"gone"))[2]
        body = gzip.decompress(sent) if path == "/packed" else sent
        assert page.body == body, path
        assert page.sha256 == hashlib.sha256(body).hexdigest()
        assert page.fetched_at.utcoffset() is not None
    assert crawled.pages["/latin"].body == LATIN
    assert crawled.pages["/a?x=1"].headers["X-Two-Words"] == "kept"
    assert crawled.pages["/data"].content_type == "application/json"


def test_errors_of_the_server_are_landed_and_counted(crawled: Crawled) -> None:
    report = crawled.report
    assert {p: page.status for p, page in crawled.pages.items() if page.status != 200} == {
        "/missing": 404,
        "/broken": 500,
    }
    assert report.by_status == {200: 6, 404: 1, 500: 1}
    assert report.pages == sum(report.by_status.values()) == len(crawled.pages)
    assert crawled.progress == list(range(1, report.pages + 1))
    assert report.not_html == 1
    assert report.source == "demo"
    assert crawled.site.asked.count("/broken") == 3  # retried twice, no more


def test_a_forbidden_folder_is_never_asked_for(crawled: Crawled) -> None:
    assert crawled.site.asked[0] == "/robots.txt"
    assert not [path for path in crawled.site.asked if path.startswith("/private")]
    assert crawled.report.forbidden_by_robots == 1


def test_the_crawl_stays_on_its_host(crawled: Crawled) -> None:
    assert crawled.elsewhere.asked == []
    assert {"/otherwise", "/with-password", "/unwanted"}.isdisjoint(crawled.site.asked)
    # two other places, a password, ftp, and the redirect; file:, data: and javascript: are no links
    assert crawled.report.off_site == 5


def test_bodies_over_the_limit_are_stopped(crawled: Crawled) -> None:
    assert crawled.report.errors == {"body over the limit": 2, "too many redirects": 1}
    assert crawled.site.asked.count("/big") == crawled.site.asked.count("/endless") == 1


def test_redirects_end_and_are_followed_on_the_host(crawled: Crawled) -> None:
    assert crawled.site.asked.count("/target") == 1
    assert "/round6" in crawled.site.asked
    assert "/round7" not in crawled.site.asked


def test_it_says_who_it_is(crawled: Crawled) -> None:
    assert crawled.site.agents == {"Learnloop/0.1 (+robots.txt obeyed)"}


def chain(site: Site, length: int) -> None:
    for i in range(length):
        site.add(f"/{i}", links(f"/{i + 1}", f"/leaf{i}"))
        site.add(f"/leaf{i}", "a leaf")


def test_depth_pages_and_the_cache(tmp_path: Path) -> None:
    site = Site()
    with served(site):
        chain(site, 9)
        start = [site.url + "/0"]
        first: dict[str, RawPage] = {}
        report = crawl(
            start,
            None,
            lambda p: first.update({p.url: p}),
            delay_s=0,
            max_depth=2,
            cache_dir=tmp_path / "cache",
        )
        assert sorted(Counter(site.asked)) == ["/0", "/1", "/2", "/leaf0", "/leaf1", "/robots.txt"]
        assert (report.pages, report.from_cache, report.source) == (5, 0, "127_0_0_1")

        site.asked.clear()
        again: dict[str, RawPage] = {}
        report = crawl(
            start,
            None,
            lambda p: again.update({p.url: p}),
            delay_s=0,
            max_depth=2,
            cache_dir=tmp_path / "cache",
        )
        assert site.asked == ["/robots.txt"]  # a 404 is not kept
        assert again == first  # the time it was fetched, too
        assert report.from_cache == 5

        # nearest first: the limit leaves out what is far
        site.asked.clear()
        report = crawl(start, None, lambda p: None, delay_s=0, max_pages=3)
        assert sorted(site.asked) == ["/0", "/1", "/leaf0", "/robots.txt"]
        assert report.pages == 3
        assert report.over_limit > 0
    assert not [p for p in (tmp_path / "cache").rglob("*") if "pickle" in p.name]


def test_the_delay_of_robots_txt_is_kept() -> None:
    site = Site()
    with served(site):
        site.add("/robots.txt", "User-agent: *\nCrawl-delay: 0.8\n", Content_Type="text/plain")
        site.add("/", links("/1", "/2"))
        times = []
        crawl([site.url + "/"], None, lambda p: times.append(p.fetched_at), delay_s=0, max_depth=1)
    gaps = [(b - a).total_seconds() for a, b in pairwise(times)]
    assert len(gaps) == 2
    assert min(gaps) > 0.35  # half of it at least: Scrapy varies a delay from 0.5 to 1.5 of itself


def test_a_robots_txt_that_cannot_be_had_forbids_everything() -> None:
    site = Site()
    with served(site):
        site.add("/robots.txt", "User-agent: *\nAllow: /\n", status=503, Content_Type="text/plain")
        site.add("/", "page")
        report = crawl([site.url + "/"], None, lambda page: None, delay_s=0)
    assert set(site.asked) == {"/robots.txt"}
    assert (report.pages, report.forbidden_by_robots) == (0, 1)


def _children(of: int | None = None) -> list[int]:
    """Children of a process, or of this one, whose command line names the spider."""
    me, found = of or os.getpid(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == me and b"learnloop.collect.spider" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the crawler's process in /proc")
def test_a_killed_crawler_is_an_error_and_what_landed_stays(tmp_path: Path) -> None:
    site, landed = Site(), []
    with served(site):
        chain(site, 30)

        def land(page: RawPage) -> None:
            landed.append(page.url)
            if len(landed) == 3:
                os.kill(_children()[0], signal.SIGKILL)

        with pytest.raises(LearnloopError, match="stopped in the middle, after"):
            crawl([site.url + "/0"], None, land, delay_s=0, log_path=tmp_path / "logs" / "crawl.log")
    assert len(landed) >= 3
    assert "Spider opened" in (tmp_path / "logs" / "crawl.log").read_text()
    assert _children() == []


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the crawler's process in /proc")
def test_the_crawler_ends_with_its_parent() -> None:
    site = Site()
    script = (
        "import sys; from learnloop.collect.web import crawl\n"
        "crawl([sys.argv[1]], None, lambda p: print(p.url, flush=True), delay_s=1)"
    )
    with served(site):
        site.add("/", links("/1", "/2", "/3"))
        parent = subprocess.Popen([sys.executable, "-c", script, site.url + "/"], stdout=subprocess.PIPE)
        with parent:
            assert parent.stdout is not None
            assert parent.stdout.readline()
            (spider,) = _children(parent.pid)
            parent.kill()
        deadline = time.monotonic() + 10
        while _running(spider) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _running(spider)


def _running(pid: int) -> bool:
    try:
        return b"learnloop" in Path(f"/proc/{pid}/cmdline").read_bytes()  # empty in a zombie
    except OSError:
        return False


def test_an_error_while_landing_ends_the_crawler() -> None:
    site = Site()
    with served(site):
        chain(site, 30)

        def land(page: RawPage) -> None:
            raise OSError("disk full")

        with pytest.raises(OSError, match="disk full"):
            crawl([site.url + "/0"], None, land, delay_s=0)
    assert len(site.asked) < 20
    assert _children() == []


def test_a_name_that_leads_to_a_private_address_is_refused() -> None:
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        pytest.skip("this machine's own name does not resolve")
    if not address.startswith(("10.", "127.", "172.", "192.168.")):
        pytest.skip("this machine's own name leads to a public address")
    site = Site()
    with served(site):
        site.add("/", "inside")
        report = crawl([f"http://{name}:{site.port}/"], None, lambda page: None, delay_s=0)
    assert site.asked == []
    assert report.pages == 0
    assert report.errors == {"host not found": 1}


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/", "example.org", "http://me:pw@example.org/", ""]
)
def test_bad_addresses_are_refused_before_anything_starts(url: str) -> None:
    with pytest.raises(BadInput, match="not an http or https address"):
        crawl([url], None, lambda page: None)


def test_bad_limits_and_sources_name_the_field() -> None:
    for kwargs, field_name in (({"max_pages": 0}, "max_pages"), ({"max_depth": -1}, "max_depth")):
        with pytest.raises(BadInput) as caught:
            crawl(["http://example.org/"], None, lambda page: None, **kwargs)
        assert caught.value.field == field_name
    with pytest.raises(BadInput, match="characters"):
        source_label(["http://example.org/"], "My School")
    assert source_label(["https://Learn.Example.org:8080/x"]) == "learn_example_org"
