"""How a crawl behaves towards a server: read from the server's own clock and log."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from crawl_site import MemoryFrontier, Site, crawl, links, served
from scrapy.http import Response

from learnloop.collect import spider, web
from learnloop.collect.reading_pages import Asked
from learnloop.schemas import Target


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with served(site):
        yield site


def gaps(site: Site) -> list[float]:
    """Seconds between the beginnings of two answers."""
    return [later - earlier for (earlier, _), (later, _) in pairwise(sorted(site.times))]


def overlaps(site: Site) -> int:
    return sum(later < end for (_, end), (later, _) in pairwise(sorted(site.times)))


def test_the_defaults_are_one_request_at_a_time_and_one_a_second() -> None:
    planned = web.plan(["https://example.org/"])
    assert planned.job["delay_s"] == 1.0
    assert planned.job["max_body_bytes"] == 10 * 2**20
    settings = spider.settings_for(dict(planned.job))
    told = {name: settings[name] for name in settings if name in WANTED}
    assert told == WANTED


WANTED = {
    "ROBOTSTXT_OBEY": True,
    "DOWNLOAD_DELAY": 1.0,
    "DOWNLOAD_DELAY_JITTER": 0,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
    "DOWNLOAD_MAXSIZE": 10 * 2**20,
    "DOWNLOAD_VERIFY_CERTIFICATES": True,
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    "COOKIES_ENABLED": False,
}


def test_one_request_at_a_time_and_never_less_than_the_delay_between_two(site: Site) -> None:
    site.slow_s = 0.1
    site.add("/", links(*(f"/{i}" for i in range(5))))
    crawl(site.url + "/", delay_s=0.3)
    assert len(site.asked) == 7  # robots.txt too
    assert overlaps(site) == 0
    assert min(gaps(site)) > 0.28


def test_a_slow_server_is_asked_one_thing_at_a_time_without_any_delay(site: Site) -> None:
    site.slow_s = 0.1
    site.add("/", links(*(f"/{i}" for i in range(5))))
    crawl(site.url + "/", delay_s=0)
    assert len(site.asked) == 7
    assert overlaps(site) == 0


def test_the_delay_of_robots_txt_is_kept_by_the_host_that_asks_for_it(site: Site) -> None:
    site.add("/robots.txt", "User-agent: *\nCrawl-delay: 0.6\n", Content_Type="text/plain")
    site.add("/", links("/1", "/2"))
    crawl(site.url + "/", delay_s=0, max_depth=1)
    assert len(site.asked) == 4
    assert min(gaps(site)[1:]) > 0.58


def test_a_delay_of_robots_txt_that_is_shorter_than_ours_changes_nothing(site: Site) -> None:
    site.add("/robots.txt", "User-agent: *\nCrawl-delay: 0.01\n", Content_Type="text/plain")
    site.add("/", links("/1", "/2"))
    crawl(site.url + "/", delay_s=0.3)
    assert min(gaps(site)) > 0.28


def test_who_asks_for_a_pause_gets_it(site: Site) -> None:
    site.add("/", "busy", status=503, Retry_After="1")
    crawl(site.url + "/", delay_s=0)
    assert site.asked.count("/") == 3
    assert min(gaps(site)[1:]) > 0.95


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_robots_txt_that_cannot_be_had_forbids_everything(site: Site, status: int) -> None:
    site.add("/robots.txt", "User-agent: *\nAllow: /\n", status=status, Content_Type="text/plain")
    site.add("/", "page")
    _, report = crawl(site.url + "/")
    assert set(site.asked) == {"/robots.txt"}
    assert (report.pages, report.forbidden_by_robots) == (0, 1)


def test_a_robots_txt_without_an_answer_is_no_permission(site: Site) -> None:
    site.add("/robots.txt", b"x" * 2000)
    site.add("/", "page")
    _, report = crawl(site.url + "/", max_body_bytes=1000)
    # whether the site is still writing when the crawler hangs up ("cut …") is chance
    assert {path.removeprefix("cut ") for path in site.asked} == {"/robots.txt"}
    assert report.errors == {"body over the limit": 1}


def test_a_missing_robots_txt_forbids_nothing(site: Site) -> None:
    site.add("/", "page")
    _, report = crawl(site.url + "/")
    assert (report.pages, report.forbidden_by_robots) == (1, 0)


def test_a_robots_txt_for_us_goes_before_one_for_everybody(site: Site) -> None:
    site.add(
        "/robots.txt",
        "User-agent: *\nDisallow:\n\nUser-agent: learnloop\nDisallow: /no\n",
        Content_Type="text/plain",
    )
    site.add("/", links("/no/1", "/yes"))
    _, report = crawl(site.url + "/")
    assert "/no/1" not in site.asked
    assert report.forbidden_by_robots == 1


def test_what_has_not_changed_is_not_sent_again(site: Site) -> None:
    site.add("/", links("/dated", "/plain"), ETag='"v1"')
    site.add("/dated", "dated", Last_Modified="Mon, 04 May 2026 10:00:00 GMT")
    site.add("/plain", "says nothing of itself")
    first = MemoryFrontier()
    crawl(site.url + "/", frontier=first)
    assert first.done[site.url + "/"].etag == '"v1"'

    site.sent.clear()
    known = [
        Target(url, first.known[url].depth, 0, answer.etag, answer.last_modified)
        for url, answer in first.done.items()
    ]
    again = MemoryFrontier(known)
    pages, report = crawl(site.url + "/", frontier=again)
    assert site.sent == ["/plain"]
    assert list(pages) == [site.url + "/plain"]
    assert (report.not_modified, report.pages) == (2, 1)
    assert site.headers[-3]["If-None-Match"] == '"v1"'


class Unreadable(Response):
    @property
    def headers(self) -> Any:
        raise LookupError("no such header")

    @headers.setter
    def headers(self, value: Any) -> None:
        pass


def test_an_answer_that_breaks_its_reader_is_answered_all_the_same() -> None:
    """Whoever asked waits for it."""
    said: list[dict[str, Any]] = []
    asking = spider.Pages(dict(web.plan(["https://example.org/"]).job), said.append)
    asked = Asked("https://example.org/", 0, 0, "", "")
    asking.answered(Unreadable("https://example.org/"), asked)
    told = {"url": asked.url, "status": None, "error": "not readable: LookupError"}
    assert said == [{"answer": told}]
