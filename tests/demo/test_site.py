"""The site says what the course files say, is wrong exactly where MESS says so, and stays on this machine."""

import errno
import html
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import pytest
from bs4 import BeautifulSoup

from learnloop.demo import site
from learnloop.errors import BadInput

AUTHORED = {f"courses/{c.slug}/{lesson.slug}": (c, lesson) for c in site.courses() for lesson in c.lessons}
OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open  # never through a proxy


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    site.build(folder)
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with site.serve(folder) as url:
        yield url


def soup_of(page: str) -> BeautifulSoup:
    return BeautifulSoup(page, "lxml")


def data_of(page: str) -> dict[str, Any]:
    """The page's JSON-LD, read as strictly as the standard is."""
    (block,) = soup_of(page).find_all("script", type="application/ld+json")
    found: dict[str, Any] = json.loads(block.get_text())
    return found


def article_of(page: str) -> str:
    article = soup_of(page).find("article")
    assert article is not None
    return "\n\n".join(paragraph.get_text() for paragraph in article.find_all("p"))


def fetch(url: str) -> "tuple[int, Message[str, str], bytes]":
    try:
        with OPEN(url, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


# --- what the site says


def expected(path: str) -> dict[str, Any]:
    """The lesson's JSON-LD, written out from the course file."""
    course, lesson = AUTHORED[path]
    concepts = {known.teaches: known.concept for _, known in AUTHORED.values()}
    return {
        "@context": "https://schema.org",
        "@type": "LearningResource",
        "name": lesson.title,
        "abstract": lesson.abstract,
        "inLanguage": course.language,
        "timeRequired": f"PT{lesson.minutes}M",
        "educationalLevel": course.level,
        "about": course.subject,
        "license": course.licence,
        "position": course.lessons.index(lesson) + 1,
        "isPartOf": {"@type": "Course", "url": f"/courses/{course.slug}/index.html"},
        "teaches": {"@type": "DefinedTerm", "termCode": lesson.teaches, "name": lesson.concept},
        "competencyRequired": [
            {"@type": "DefinedTerm", "termCode": slug, "name": concepts[slug]} for slug in lesson.requires
        ],
        "hasPart": {
            "@type": "Quiz",
            "hasPart": [
                {
                    "@type": "Question",
                    "text": exercise.question,
                    "acceptedAnswer": {"@type": "Answer", "text": exercise.answer},
                    "suggestedAnswer": [
                        {"@type": "Answer", "text": option}
                        for option in exercise.options
                        if option != exercise.answer
                    ],
                }
                for exercise in lesson.exercises
            ],
        },
    }


def test_a_page_that_mess_does_not_name_says_what_its_author_wrote(folder: Path) -> None:
    named = {entry.page for entry in site.mess()}
    untouched = [path for path in AUTHORED if path not in named]
    assert len(untouched) >= 50
    for path in untouched:
        page = (folder / f"{path}.html").read_text(encoding="utf-8")
        course, lesson = AUTHORED[path]
        soup = soup_of(page)
        assert data_of(page) == expected(path), path
        assert article_of(page) == lesson.text, path
        assert soup.html is not None
        assert soup.html["lang"] == course.language
        assert soup.find_all("h1")[0].get_text() == lesson.title


def test_a_course_page_lists_its_lessons_in_order(folder: Path) -> None:
    for course in site.courses():
        data = data_of((folder / f"courses/{course.slug}/index.html").read_text(encoding="utf-8"))
        assert data["hasPart"] == [f"/courses/{course.slug}/{lesson.slug}.html" for lesson in course.lessons]
        told = ("@type", "name", "description", "inLanguage", "about", "educationalLevel", "license")
        assert [data[name] for name in told] == [
            "Course",
            course.title,
            course.description,
            course.language,
            course.subject,
            course.level,
            course.licence,
        ]


def test_navigation_footer_and_quiz_are_beside_the_article(folder: Path) -> None:
    for path, (_, lesson) in AUTHORED.items():
        soup = soup_of((folder / f"{path}.html").read_text(encoding="utf-8"))
        (article,) = soup.find_all("article")
        assert not article.find_all(["nav", "footer", "aside", "a"])
        assert all(soup.find(name) for name in ("nav", "footer", "aside"))
        assert len(soup.select("aside.quiz > ol > li")) == len(lesson.exercises)


def test_the_summary_counts_what_lies_in_the_folder(tmp_path: Path) -> None:
    summary = site.build(tmp_path)
    assert summary.courses == len(list((tmp_path / "courses").iterdir())) == len(site.courses())
    assert summary.pages == len(list(tmp_path.rglob("*.html")))
    assert summary.lessons == len(AUTHORED) == sum(summary.lessons_by_language.values())
    assert set(summary.lessons_by_language) == {"en", "es", "fr", "de"}


def test_the_same_courses_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    for _ in range(2):  # also over what lies there
        site.build(tmp_path)
    files = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert files == {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


# --- what is wrong with it


def title_of(page: str) -> str:
    return soup_of(page).find_all("h1")[0].get_text()


def lacks(field: str) -> Callable[[Path, str], None]:
    def check(folder: Path, path: str) -> None:
        data = data_of((folder / f"{path}.html").read_text(encoding="utf-8"))
        wanted = expected(path)
        wanted.pop(field)
        assert data == wanted

    return check


def lacks_language(folder: Path, path: str) -> None:
    lacks("inLanguage")(folder, path)
    assert "lang=" not in (folder / f"{path}.html").read_text(encoding="utf-8")
    assert AUTHORED[path][0].language == "es"


def human_duration(folder: Path, path: str) -> None:
    data = data_of((folder / f"{path}.html").read_text(encoding="utf-8"))
    assert data == expected(path) | {"timeRequired": f"{AUTHORED[path][1].minutes} min"}


def escaped_twice(folder: Path, path: str) -> None:
    page = (folder / f"{path}.html").read_text(encoding="utf-8")
    _, lesson = AUTHORED[path]
    for once, truth in ((title_of(page), lesson.title), (article_of(page), lesson.text)):
        assert "&eacute;" in once
        assert html.unescape(once) == truth
    assert "&amp;eacute;" in data_of(page)["name"]


def mojibake(folder: Path, path: str) -> None:
    from ftfy import fix_encoding

    page = (folder / f"{path}.html").read_text(encoding="utf-8")
    _, lesson = AUTHORED[path]
    for misread, truth in ((article_of(page), lesson.text), (data_of(page)["abstract"], lesson.abstract)):
        assert "Ã" in misread
        assert "\ufffd" not in misread  # nothing is lost for good
        assert fix_encoding(misread) == truth


def untidy(folder: Path, path: str) -> None:
    page = (folder / f"{path}.html").read_text(encoding="utf-8")
    _, lesson = AUTHORED[path]
    assert article_of(page).count("\u00a0\t ") >= 5
    assert "<article>\n<p>&nbsp;\t <font color=red></font> " in page
    assert [" ".join(part.split()) for part in article_of(page).split("\n\n")] == lesson.text.split("\n\n")
    assert data_of(page) == expected(path)


def duplicate(folder: Path, path: str) -> None:
    original = path.removesuffix("-copy")
    assert original in AUTHORED
    assert (folder / f"{path}.html").read_bytes() == (folder / f"{original}.html").read_bytes()


def near_duplicate(folder: Path, path: str) -> None:
    _, lesson = AUTHORED[path.removesuffix("-print")]
    text = article_of((folder / f"{path}.html").read_text(encoding="utf-8"))
    assert text.startswith(lesson.text)
    assert 3 <= len(text.split()) - len(lesson.text.split()) <= 12


def broken(folder: Path, path: str) -> None:
    page = (folder / f"{path}.html").read_text(encoding="utf-8")
    assert "</html>" not in page
    assert "</script>" not in page
    with pytest.raises(ValueError, match="line 1"):
        data_of(page)


def dead_link(folder: Path, path: str) -> None:
    assert not (folder / f"{path}.html").exists()


def no_learning_content(folder: Path, path: str) -> None:
    page = (folder / f"{path}.html").read_text(encoding="utf-8")
    assert "ld+json" not in page
    assert len(soup_of(page).get_text(" ").split()) < 80


def forbidden(folder: Path, path: str) -> None:
    assert (folder / f"{path}.html").exists()
    robots = RobotFileParser()
    robots.parse((folder / "robots.txt").read_text().splitlines())
    assert not robots.can_fetch("learnloop", f"{site.ADDRESS}{path}.html")
    assert all(robots.can_fetch("learnloop", f"{site.ADDRESS}{other}.html") for other in AUTHORED)


CHECKS: dict[str, Callable[[Path, str], None]] = {
    "no duration": lacks("timeRequired"),
    "no licence": lacks("license"),
    "no language": lacks_language,
    "wrong duration format": human_duration,
    "entities escaped twice": escaped_twice,
    "mojibake": mojibake,
    "stray markup and spaces": untidy,
    "duplicate page": duplicate,
    "near duplicate": near_duplicate,
    "broken page": broken,
    "dead link": dead_link,
    "no learning content": no_learning_content,
    "forbidden": forbidden,
}


@pytest.mark.parametrize("entry", site.mess(), ids=lambda entry: f"{entry.kind}: {entry.page}")
def test_the_mess_is_on_its_page(folder: Path, entry: site.Mess) -> None:
    CHECKS[entry.kind](folder, entry.page)


def test_every_kind_of_mess_is_there_and_each_has_a_page_of_its_own() -> None:
    assert {entry.kind for entry in site.MESS} == set(CHECKS)
    pages = [entry.page for entry in site.mess()]
    assert len(set(pages)) == len(pages)
    misread = {AUTHORED[entry.page][0].language for entry in site.mess() if entry.kind == "mojibake"}
    assert misread == {"es", "fr", "de"}


# --- how it is served


def links_of(page: str, url: str) -> set[str]:
    return {urljoin(url, str(link["href"])) for link in soup_of(page).find_all("a", href=True)}


def test_all_pages_can_be_reached_and_only_the_dead_link_is_dead(address: str, folder: Path) -> None:
    seen: dict[str, int] = {}
    waiting = {address}
    while waiting:
        url = waiting.pop()
        seen[url], _, body = fetch(url)
        if seen[url] == 200:
            waiting |= links_of(body.decode(), url) - set(seen)
    paths = {urlsplit(url).path.strip("/").removesuffix(".html") for url, code in seen.items() if code == 200}
    built = {str(file.relative_to(folder).with_suffix("")) for file in folder.rglob("*.html")}
    assert paths - {""} == built
    assert {urlsplit(url).path: code for url, code in seen.items() if code != 200} == {
        "/courses/retired-course/index.html": 404
    }


def test_the_sitemap_lists_what_can_be_fetched(tmp_path: Path) -> None:
    with site.serve(tmp_path) as url:
        site.build(tmp_path, url)
        _, headers, body = fetch(f"{url}sitemap.xml")
        assert headers["Content-Type"] == "application/xml; charset=utf-8"
        places = [place.get_text() for place in BeautifulSoup(body, "xml").select("urlset > url > loc")]
        assert {f"{url}{path}.html" for path in AUTHORED} < set(places)
        assert len(set(places)) == len(places)
        assert not [place for place in places if "/private/" in place]
        assert {fetch(place)[0] for place in places} == {200}


@pytest.mark.parametrize(
    ("path", "kind"), [("", "text/html"), ("about.html", "text/html"), ("robots.txt", "text/plain")]
)
def test_the_encoding_is_told(address: str, path: str, kind: str) -> None:
    status, headers, _ = fetch(f"{address}{path}")
    assert (status, headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")


def test_folders_are_not_listed(address: str) -> None:
    for path in ("private/", "courses/"):
        status, _, body = fetch(f"{address}{path}")
        assert status == 404
        assert b"drafts" not in body


def test_only_this_machine_is_answered(address: str) -> None:
    port = urlsplit(address).port
    assert address == f"http://127.0.0.1:{port}/"
    # bound to every address, it would answer at this one too
    with socket.socket() as client:
        client.settimeout(5)
        assert client.connect_ex(("127.0.0.2", port or 0)) == errno.ECONNREFUSED


def test_a_client_that_says_nothing_keeps_nobody_waiting(address: str) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(address).port or 0), timeout=5):
        assert fetch(address)[0] == 200
        with ThreadPoolExecutor(4) as pool:
            assert {status for status, _, _ in pool.map(fetch, [address] * 8)} == {200}


def test_it_is_quiet_and_ends_with_its_block(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with site.serve(folder) as url:
        assert [fetch(f"{url}{path}")[0] for path in ("index.html", "nothing.html")] == [200, 404]
    assert capfd.readouterr() == ("", "")
    with pytest.raises(urllib.error.URLError):
        OPEN(url, timeout=5)


def test_a_taken_port_is_named(address: str, folder: Path) -> None:
    port = urlsplit(address).port or 0
    with pytest.raises(BadInput, match=str(port)) as caught, site.serve(folder, port):
        pass
    assert caught.value.field == "port"
