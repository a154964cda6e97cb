"""Crawls into a real database: killed and taken up again, repeated, and with the recipes that ship."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from crawl_site import Site, links, served

from learnloop.collect import web
from learnloop.errors import BadInput, LearnloopError
from learnloop.settings import Settings
from learnloop.store import frontier, reading, tables
from learnloop.workflow.collect import collect_web, note
from learnloop.workflow.context import Loop
from learnloop.workflow.prepare import prepare

ALLOWED = ["127.0.0.1"]
PAGES, KILLS = 80, 6


@pytest.fixture
def loop(tmp_path: Path, database_url: str) -> Iterator[Loop]:
    loop = Loop(Settings(home=tmp_path, database_url=database_url))
    yield loop
    with loop.engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE frontier, crawls, raw_pages, items, concepts, item_concepts"))
    loop.close()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with served(site):
        yield site


def tree(site: Site, pages: int) -> None:
    """Pages that link to their two children and back to the root, each with an ETag."""
    for i in range(1, pages + 1):
        further = [f"/{n}" for n in (2 * i, 2 * i + 1) if n <= pages]
        site.add(f"/{i}", links(*further, "/1") + f"page {i}", ETag=f'"{i}"')


def crawl(loop: Loop, site: Site, path: str = "/1", **options: Any) -> dict[str, Any]:
    options = {"source": "school", "delay_s": 0.0, "max_depth": 50, "allow_hosts": ALLOWED, **options}
    return collect_web(loop, [site.url + path], **options)


def paths(loop: Loop, site: Site) -> list[str]:
    return [page.url.removeprefix(site.url) for page in reading.raw_pages(loop.engine)]


def done(loop: Loop) -> set[str]:
    table = tables.frontier
    with loop.engine.connect() as connection:
        return set(connection.execute(sa.select(table.c.url).where(table.c.state == "done")).scalars())


def test_an_immediate_second_crawl_downloads_no_body(loop: Loop, site: Site) -> None:
    tree(site, 20)
    first = crawl(loop, site)
    assert (first["pages"], first["new_pages"], first["not_modified"]) == (20, 20, 0)
    assert len(site.sent) == 20
    site.sent.clear()
    again = crawl(loop, site)
    assert site.sent == []
    assert (again["pages"], again["new_pages"], again["not_modified"]) == (0, 0, 20)
    assert again["errors"] == {}

    # one that changed, with a link to a new one, is a new version beside the old
    site.add("/7", links("/new") + "page 7, revised", ETag='"7b"')
    site.add("/new", "new")
    third = crawl(loop, site)
    assert site.sent == ["/7", "/new"]
    assert (third["new_pages"], third["not_modified"]) == (2, 19)
    assert Counter(paths(loop, site))["/7"] == 2


def test_a_site_beyond_the_page_limit_is_finished_by_crawling_it_again(loop: Loop, site: Site) -> None:
    tree(site, 20)
    first = crawl(loop, site, max_pages=5)
    assert first["over_limit"] > 0
    assert "again" in first["next_step"]
    assert len(paths(loop, site)) == 5
    # another limit is no other crawl: what is known stays known, and waits for what is not
    again = crawl(loop, site, max_pages=8)
    assert (again["new_pages"], again["not_modified"]) == (8, 0)
    last = crawl(loop, site, max_pages=30)
    assert (last["not_modified"], last["over_limit"]) == (13, 0)
    assert "next_step" not in last
    assert len(paths(loop, site)) == 13 + last["new_pages"] == len(set(paths(loop, site)))


def test_two_crawls_of_one_source_at_once_are_refused(loop: Loop, site: Site) -> None:
    site.add("/1", "page")
    with (
        frontier.alone(loop.engine, "school"),
        pytest.raises(LearnloopError, match="another crawl of school"),
    ):
        crawl(loop, site)
    assert site.asked == []


def test_a_private_address_is_refused_and_the_way_to_allow_it_is_said(loop: Loop, site: Site) -> None:
    site.add("/1", "inside")
    with pytest.raises(LearnloopError, match=r"private address \(1\).*--allow-host 127\.0\.0\.1"):
        crawl(loop, site, allow_hosts=[])
    assert site.asked == []


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the crawler's process in /proc")
def test_killed_again_and_again_every_page_lands_once_and_none_is_asked_for_again(
    loop: Loop, site: Site, tmp_path: Path
) -> None:
    site.slow_s = 0.02
    tree(site, PAGES)
    generator = random.Random(7)
    loop.engine.connect().close()
    environment = {
        **os.environ,
        "LEARNLOOP_HOME": str(tmp_path),
        "LEARNLOOP_DATABASE_URL": loop.settings.database_url,
    }
    command = [sys.executable, "-m", "learnloop.cli", "collect", "web", site.url + "/1", "--json"]
    command += ["--source", "school", "--delay", "0", "--max-depth", "50", "--allow-host", "127.0.0.1"]
    progress = [0]
    before_it: set[str] = set()  # paths that had landed by the last kill
    since = 0  # how much of the server's log is older than that
    for kill in range(KILLS):
        before = len(site.asked)
        parent = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with parent:
            deadline = time.monotonic() + 120
            enough = before + 2 + generator.randrange(12)  # by what was asked for: machines differ in speed
            while len(site.asked) < enough and parent.poll() is None and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(generator.uniform(0, 0.02))
            spiders = _spiders(parent.pid)
            if kill % 3 != 0:
                for spider in spiders:
                    os.kill(spider, signal.SIGKILL)
            if kill % 3 != 1:
                parent.kill()
            parent.wait(60)
        _wait_until_gone(spiders)
        landed = done(loop)
        progress.append(len(landed))
        assert not before_it & set(site.asked[since:]), "asked for what had landed"
        before_it, since = {url.removeprefix(site.url) for url in landed}, len(site.asked)
        if len(landed) == PAGES:
            break
    assert progress == sorted(progress)
    finished = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=300)
    report = json.loads(finished.stdout)
    assert not before_it & set(site.asked[since:])
    assert report["resumed_after"] >= progress[-1] > 0
    assert sorted(paths(loop, site)) == sorted(f"/{i}" for i in range(1, PAGES + 1))
    asked_for = Counter(path for path in site.asked if path[1:].isdigit())
    twice = sum(asked_for.values()) - len(asked_for)
    assert twice <= web.WINDOW * (len(progress) - 1)  # what was in hand when the crawl was killed
    assert len(asked_for) == PAGES


def _spiders(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            mine = int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if mine and b"learnloop.collect.spider" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _wait_until_gone(pids: list[int]) -> None:
    """A crawler ends when its parent has; until then it may be asking for one more page."""
    deadline = time.monotonic() + 60
    for pid in pids:
        while time.monotonic() < deadline:
            try:
                if not Path(f"/proc/{pid}/cmdline").read_bytes():
                    break  # a zombie
            except OSError:
                break
            time.sleep(0.02)


def test_the_progress_bar_says_pages_rate_and_errors_by_kind() -> None:
    report = web.CrawlReport(
        "a", pages=12, by_status={200: 10, 404: 2}, not_modified=3, errors={"timeout": 1}
    )
    assert note(report, 6.0) == "15 pages, 2.5 a second; errors: 404 2, timeout 1"
    assert note(web.CrawlReport("a"), 0.0) == "0 pages, 0.0 a second"


# --- the recipes that ship, on pages of our own in the structure of those sites

WORDS = " ".join(["A linear map sends sums to sums and multiples to multiples of the same number."] * 8)


def items(loop: Loop, source: str) -> pd.DataFrame:
    return reading.items(loop.engine, source=source).set_index("item_id")


def test_open_edx_by_its_courses_api(loop: Loop, site: Site) -> None:
    def answer(numbers: range, following: str | None) -> str:
        courses = [
            {
                "course_id": f"course-v1:Uni+ALG{n}+2026",
                "name": f"Algebra {n}",
                "short_description": f"Groups and rings, part {n}, for people who like proofs.",
                "org": "Uni",
                "effort": "04:00",
                "start": "2026-09-01T00:00:00Z",
                "hidden": False,
            }
            for n in numbers
        ]
        paging = {"next": following, "previous": None, "count": 5, "num_pages": 2}
        return json.dumps({"results": courses, "pagination": paging})

    api = "/api/courses/v1/courses/?page_size=100"
    site.add(api, answer(range(3), f"{site.url}{api}&page=2"), Content_Type="application/json")
    site.add(f"{api}&page=2", answer(range(3, 5), None), Content_Type="application/json")
    crawl(loop, site, "/", recipe="openedx", max_depth=None)
    assert site.asked == ["/robots.txt", api, f"{api}&page=2"]
    report = prepare(loop)
    assert report["rows"]["kept"] == 5
    found = items(loop, "school")
    assert set(found["kind"]) == {"course"}
    assert sorted(found["title"]) == [f"Algebra {n}" for n in range(5)]
    assert found["url"].str.endswith("/about").all()
    assert found["text"].str.startswith("Groups and rings").all()


def test_the_open_textbook_library_by_its_json(loop: Loop, site: Site) -> None:
    def book(n: int) -> dict[str, Any]:
        return {
            "id": n,
            "title": f"Statistics {n}",
            "description": f"<p>Means &amp; medians, volume {n}.</p><p>With exercises.</p>",
            "language": "eng",
            "license": "Attribution-ShareAlike",
            "subjects": [{"id": 7, "name": "Mathematics"}, {"id": 8, "name": "Statistics"}],
            "publishers": [{"name": "A Press"}],
            "contributors": [{"first_name": "A", "last_name": "B"}],
        }

    start = "/opentextbooks/textbooks.json"
    pages = {start: ([book(1), book(2)], f"{site.url}{start}?page=2"), f"{start}?page=2": ([book(3)], None)}
    for path, (books, following) in pages.items():
        body = json.dumps({"data": books, "links": {"self": path, "next": following}})
        site.add(path, body, Content_Type="application/json; charset=utf-8")
    crawl(loop, site, "/", recipe="open_textbook_library", max_depth=None)
    assert sorted(site.asked) == sorted(["/robots.txt", *pages])
    prepare(loop)
    found = items(loop, "school")
    assert sorted(found["title"]) == ["Statistics 1", "Statistics 2", "Statistics 3"]
    first = found.loc["school:opentextbooks/textbooks/1"]
    assert (first["kind"], first["subject"]) == ("course", "mathematics")
    assert "ShareAlike" in first["licence"] or "sa" in first["licence"].lower()
    assert "Means & medians" in first["text"]


def ocw_page(title: str, main: str, course: str = "Linear Algebra") -> str:
    return (
        f'<html lang="en"><head><title>{title} | {course}</title></head><body class="course-home-page">'
        '<div id="course-banner"><span class="course-number-term-detail">18.06 | Undergraduate</span>'
        f'<h1><a href="/courses/algebra/">{course}</a></h1></div>{main}'
        '<a class="course-info-level" href="/search/?l=Undergraduate">Undergraduate</a>'
        '<a class="course-info-topic" href="/search/?t=Mathematics">Mathematics</a>'
        '<a href="/courses/algebra/resources/notes/">notes</a></body></html>'
    )


def test_mit_opencourseware_by_its_sitemaps(loop: Loop, site: Site) -> None:
    def sitemap(kind: str, entry: str, *urls: str) -> str:
        inner = "".join(f"<{entry}><loc>{site.url}{url}</loc></{entry}>" for url in urls)
        name = "http://www.sitemaps.org/schemas/sitemap/0.9"
        return f'<?xml version="1.0" encoding="utf-8"?><{kind} xmlns="{name}">{inner}</{kind}>'

    home, syllabus = "/courses/algebra/", "/courses/algebra/pages/syllabus/"
    lists = {
        "/sitemap.xml": sitemap("sitemapindex", "sitemap", "/sitemap-www.xml", f"{home}sitemap.xml"),
        "/sitemap-www.xml": sitemap("urlset", "url", "/about/", "/contact/"),
        f"{home}sitemap.xml": sitemap("urlset", "url", home, syllabus, f"{home}resources/notes/"),
    }
    for path, body in lists.items():
        site.add(path, body, Content_Type="application/xml")
    description = f'<div id="course-description"><div id="full-description">{WORDS}</div></div>'
    site.add(home, ocw_page("Linear Algebra", description))
    title = '<div id="course-title"><h2>Syllabus</h2></div>'
    article = f'<article><main id="course-content-section"><p>{WORDS}</p></main></article>'
    site.add(syllabus, ocw_page("Syllabus", f'<div id="main-course-section">{title}{article}</div>'))
    crawl(loop, site, "/", recipe="mit_ocw", max_depth=None)
    assert sorted(site.asked) == sorted(["/robots.txt", *lists, home, syllabus])
    prepare(loop)
    found = items(loop, "school")
    assert set(found.index) == {"school:courses/algebra", "school:courses/algebra/pages/syllabus"}
    course, lesson = found.loc["school:courses/algebra"], found.loc["school:courses/algebra/pages/syllabus"]
    assert (course["kind"], course["title"], course["subject"]) == ("course", "Linear Algebra", "mathematics")
    assert (lesson["kind"], lesson["title"]) == ("lesson", "Syllabus")
    assert lesson["parent_id"] == "school:courses/algebra"
    assert (course["language"], lesson["language"]) == ("en", "en")
    assert "linear map" in course["text"]


def test_a_recipe_that_is_not_there_is_named(loop: Loop) -> None:
    with pytest.raises(BadInput, match="no recipe 'nowhere'"):
        collect_web(loop, recipe="nowhere")
    with pytest.raises(BadInput, match="serves many sites and names none"):
        collect_web(loop, recipe="openedx")
