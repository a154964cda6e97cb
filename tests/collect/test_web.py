"""A real server on loopback, really crawled; what it was asked for is read from its own log."""

import gzip
import hashlib
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brotli
import pytest
from crawl_site import MemoryFrontier, Site, crawl, links, served

from learnloop.collect import web
from learnloop.collect.web import CrawlReport, source_label
from learnloop.errors import BadInput, LearnloopError
from learnloop.schemas import Answer

LIMIT = 20_000
LATIN = "<title>Año</title><p>año €</p>".encode("cp1252")


@dataclass
class Crawled:
    site: Site
    elsewhere: Site
    pages: dict[str, dict[str, Any]]
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
                "/target",
                "/loop",
                "/packed",
                "/bomb",
                "/deflated-bomb",
                "/brotli-bomb",
                "/latin",
                "/data",
                "/no-links",
                "/" + "long" * 600,
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
        site.add("/moved", status=301, Location="/target#here")
        site.add("/target", "here")
        site.add("/loop", status=302, Location="/pool")
        site.add("/pool", status=302, Location="/loop")
        zeros = bytes(100 * LIMIT)
        site.add("/packed", gzip.compress(b"<p>unpacked</p>"), Content_Encoding="gzip")
        site.add("/bomb", gzip.compress(zeros), Content_Encoding="gzip")
        site.add("/deflated-bomb", zlib.compress(zeros), Content_Encoding="deflate")
        site.add("/brotli-bomb", brotli.compress(zeros), Content_Encoding="br")
        site.add("/latin", LATIN, Content_Type="text/html")
        site.add("/data", '{"a": 1}', Content_Type="application/json")
        site.add("/no-links", '<meta name="robots" content="noindex, nofollow">' + links("/unwanted2"))
        progress: list[int] = []
        pages, report = crawl(
            site.url + "/",
            source="demo",
            progress=lambda report: progress.append(report.pages),
            max_body_bytes=LIMIT,
        )
        yield Crawled(
            site, elsewhere, {u.removeprefix(site.url): p for u, p in pages.items()}, report, progress
        )


def test_every_page_is_landed_as_sent_with_its_hash(crawled: Crawled) -> None:
    assert set(crawled.pages) == {
        *("/", "/a?x=1", "/missing", "/broken", "/target", "/packed", "/latin", "/data", "/no-links")
    }
    for path, page in crawled.pages.items():
        sent = crawled.site.pages.get(path, (404, {}, b"gone"))[2]
        body = gzip.decompress(sent) if path == "/packed" else sent
        assert page["body"] == body, path
        assert page["sha256"] == hashlib.sha256(body).hexdigest()
        assert page["fetched_at"].utcoffset() is not None
    assert crawled.pages["/latin"]["body"] == LATIN
    assert crawled.pages["/a?x=1"]["headers"]["X-Two-Words"] == "kept"
    assert crawled.pages["/data"]["content_type"] == "application/json"


def test_errors_of_the_server_are_landed_and_counted(crawled: Crawled) -> None:
    report = crawled.report
    assert {p: page["status"] for p, page in crawled.pages.items() if page["status"] != 200} == {
        "/missing": 404,
        "/broken": 500,
    }
    assert report.by_status == {200: 7, 404: 1, 500: 1}
    assert report.pages == sum(report.by_status.values()) == len(crawled.pages)
    assert sorted(set(crawled.progress)) == list(range(1, report.pages + 1))
    assert report.not_html == 1
    assert report.source == "demo"
    assert crawled.site.asked.count("/broken") == 3  # retried twice, no more


def test_a_forbidden_folder_is_never_asked_for(crawled: Crawled) -> None:
    assert crawled.site.asked[0] == "/robots.txt"
    assert not [path for path in crawled.site.asked if path.startswith("/private")]
    assert crawled.report.forbidden_by_robots == 1


def test_the_crawl_stays_on_its_host(crawled: Crawled) -> None:
    assert crawled.elsewhere.asked == []
    assert {"/otherwise", "/with-password", "/unwanted", "/unwanted2"}.isdisjoint(crawled.site.asked)
    assert max(map(len, crawled.site.asked)) < web.MAX_PAGES
    # two other places, a password, ftp, and the redirect; file:, data: and javascript: are no links
    assert crawled.report.off_site == 5


def test_bodies_over_the_limit_and_decompression_bombs_are_stopped(crawled: Crawled) -> None:
    assert crawled.report.errors == {"body over the limit": 5, "too many redirects": 1}
    for path in ("/big", "/endless", "/bomb", "/deflated-bomb", "/brotli-bomb"):
        assert crawled.site.asked.count(path) == 1
        assert path not in crawled.pages


def test_redirects_end_are_followed_on_the_host_and_lead_to_no_page_twice(crawled: Crawled) -> None:
    asked = crawled.site.asked
    assert asked.count("/target") == 1  # linked to, and moved to
    assert "/round6" in asked
    assert "/round7" not in asked
    assert asked.count("/loop") == asked.count("/pool") == 1
    assert crawled.report.redirects == 1 + 5 + 1 + 2  # away, round1 to round5, moved, the loop


def test_it_says_who_it_is(crawled: Crawled) -> None:
    assert crawled.site.agents == {"Learnloop/0.1 (+robots.txt obeyed)"}


def chain(site: Site, length: int) -> None:
    for i in range(length):
        site.add(f"/{i}", links(f"/{i + 1}", f"/leaf{i}"))
        site.add(f"/leaf{i}", "a leaf")


def test_depth_and_pages_are_limited_nearest_first() -> None:
    site = Site()
    with served(site):
        chain(site, 9)
        _, report = crawl(site.url + "/0", max_depth=2)
        assert sorted(site.asked) == ["/0", "/1", "/2", "/leaf0", "/leaf1", "/robots.txt"]
        assert (report.pages, report.source) == (5, "127_0_0_1")

        site.asked.clear()
        _, report = crawl(site.url + "/0", max_pages=3)
        assert sorted(site.asked) == ["/0", "/1", "/leaf0", "/robots.txt"]
        assert report.pages == 3


def test_redirects_and_lists_without_end_are_limited_too() -> None:
    site = Site()
    with served(site):
        site.add("/", links(*(f"/r{i}" for i in range(150))))
        for i in range(150):
            site.add(f"/r{i}", status=302, Location=f"/r{i}/")
            site.add(f"/r{i}/", status=302, Location=f"/r{i}/x")
        _, report = crawl(site.url + "/", max_pages=5)
    assert report.pages == 1
    assert report.redirects == 100


def test_a_server_that_never_comes_to_an_end_is_left() -> None:
    site = Site(drip_s=0.5)
    with served(site):
        site.add("/robots.txt", "")
        site.add("/", "x" * 1000)
        _, report = crawl(site.url + "/", timeout_s=2.0)
    assert report.errors == {"timeout": 1}
    assert site.asked.count("/") <= 6  # three tries, each cut


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the crawler's process in /proc")
def test_a_killed_crawler_is_an_error_and_what_was_settled_stays(tmp_path: Path) -> None:
    site, blamed = Site(), []

    class Frontier(MemoryFrontier):
        def settle(self, answer: Answer) -> set[str]:
            if len(self.pages) == 3:
                os.kill(_children()[0], signal.SIGKILL)
            return super().settle(answer)

    with served(site):
        chain(site, 30)
        frontier = Frontier()
        planned = web.plan([site.url + "/0"], delay_s=0, allow_hosts=["127.0.0.1"])
        frontier.known = {seed.url: seed for seed in planned.seeds}
        with pytest.raises(LearnloopError, match="stopped in the middle, after"):
            web.crawl(
                planned,
                frontier.take,
                frontier.settle,
                died=blamed.append,
                log_path=tmp_path / "logs" / "crawl.log",
            )
        assert len(frontier.pages) >= 3
        (in_hand,) = blamed
        assert 0 < len(in_hand) <= web.WINDOW
        assert set(in_hand).isdisjoint(frontier.done)
    assert "Spider opened" in (tmp_path / "logs" / "crawl.log").read_text()
    assert _children() == []


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the crawler's process in /proc")
def test_the_crawler_ends_with_its_parent_and_knows_none_of_its_secrets() -> None:
    site = Site()
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from crawl_site import MemoryFrontier, crawl\n"
        "class Told(MemoryFrontier):\n"
        "    def settle(self, answer):\n"
        "        print(answer.url, flush=True)\n"
        "        return super().settle(answer)\n"
        "crawl(sys.argv[1], frontier=Told(), delay_s=1)"
    )
    secrets = {
        "LEARNLOOP_DATABASE_URL": "postgresql://somebody:secret-word@db/x",
        "PGPASSWORD": "secret-word",
        "AWS_SECRET_ACCESS_KEY": "secret-word",
        "LEARNLOOP_PSEUDONYM_KEY": "secret-word" * 4,
    }
    with served(site):
        site.add("/", links("/1", "/2", "/3"))
        parent = subprocess.Popen(
            [sys.executable, "-c", script, site.url + "/", str(Path(__file__).parent)],
            stdout=subprocess.PIPE,
            env={**os.environ, **secrets},
        )
        with parent:
            assert parent.stdout is not None
            assert parent.stdout.readline()
            (spider,) = _children(parent.pid)
            environment = Path(f"/proc/{spider}/environ").read_bytes()
            parent.kill()
        deadline = time.monotonic() + 60
        while _running(spider) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _running(spider)
    assert b"PATH=" in environment
    assert b"secret-word" not in environment


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


def _running(pid: int) -> bool:
    try:
        return b"learnloop" in Path(f"/proc/{pid}/cmdline").read_bytes()  # empty in a zombie
    except OSError:
        return False


def test_an_error_while_settling_ends_the_crawler() -> None:
    site = Site()

    class Full(MemoryFrontier):
        def settle(self, answer: Answer) -> set[str]:
            raise OSError("disk full")

    with served(site):
        chain(site, 30)
        with pytest.raises(OSError, match="disk full"):
            crawl(site.url + "/0", frontier=Full())
    assert len(site.asked) <= 1 + web.WINDOW
    assert _children() == []


def test_a_page_that_is_one_error_of_the_child_does_not_end_the_crawl() -> None:
    site = Site()
    with served(site):
        site.add("/", links("/odd", "/fine"))
        site.add("/odd", "", status=302, Location="http://[broken/")
        site.add("/fine", "fine")
        pages, report = crawl(site.url + "/")
    assert site.url + "/fine" in pages
    assert (report.redirects, report.off_site) == (1, 1)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/", "example.org", "http://me:pw@example.org/", ""]
)
def test_bad_addresses_are_refused_before_anything_starts(url: str) -> None:
    with pytest.raises(BadInput, match="not an http or https address"):
        web.plan([url])


def test_bad_limits_and_sources_name_the_field() -> None:
    for kwargs, field_name in (({"max_pages": 0}, "max_pages"), ({"max_depth": -1}, "max_depth")):
        with pytest.raises(BadInput) as caught:
            web.plan(["http://example.org/"], **kwargs)
        assert caught.value.field == field_name
    with pytest.raises(BadInput, match="no address to crawl"):
        web.plan([])
    with pytest.raises(BadInput, match="characters"):
        source_label(["http://example.org/"], "My School")
    assert source_label(["https://Learn.Example.org:8080/x"]) == "learn_example_org"
