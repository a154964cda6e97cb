"""The demo's courses as a static web site, as messy as real ones, served on loopback.

What it writes, under one folder:

    index.html  about.html  robots.txt  sitemap.xml  private/drafts.html (forbidden, yet linked)
    courses/mean-and-more/index.html      schema.org Course as JSON-LD, and links to its lessons
    courses/mean-and-more/median.html     LearningResource as JSON-LD, the text in <article>, a quiz

The truth stays in the course files; what is wrong on the site, and on which page, is MESS and nothing else.
"""

import html
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

from learnloop.demo.authored import Course, Exercise, Lesson, concepts_required, courses
from learnloop.demo.spoils import JSON_LD, SPOILS, as_json
from learnloop.errors import BadInput

__all__ = ["MESS", "Course", "Exercise", "Lesson", "Mess", "SiteSummary", "build"]
__all__ += ["concepts_required", "courses", "mess", "serve"]

ADDRESS = "http://127.0.0.1:8765/"  # where the demo serves it, unless the port is taken


@dataclass(frozen=True)
class Mess:
    """One thing wrong: its kind, the page it is on (path without `.html`), and what a reader should do."""

    kind: str
    page: str
    note: str


MESS = (
    Mess("no duration", "courses/cell-biology/{3}", "stays missing"),
    Mess("no licence", "courses/everyday-economics/{2}", "stays missing"),
    Mess("no language", "courses/nutricion-basica/{2}", "found from the text: Spanish"),
    Mess("wrong duration format", "courses/python-foundations/{2}", "'12 min' instead of PT12M"),
    Mess("entities escaped twice", "courses/introduction-a-la-geometrie/{3}", "&amp;eacute; is é, title too"),
    Mess("mojibake", "courses/clima-y-energia/{1}", "UTF-8 once read as Windows-1252"),
    Mess("mojibake", "courses/introduction-a-la-geometrie/{4}", "UTF-8 once read as Windows-1252"),
    Mess("mojibake", "courses/grundlagen-der-physik/{1}", "UTF-8 once read as Windows-1252"),
    Mess("stray markup and spaces", "courses/statistics-first-steps/{2}", "tags, tabs, no-break spaces"),
    Mess("duplicate page", "courses/cell-biology/{1}-copy", "the same lesson at a second address"),
    Mess("near duplicate", "courses/python-foundations/{1}-print", "a print version with one more sentence"),
    Mess("broken page", "courses/everyday-economics/unfinished", "cut off in the middle of its JSON-LD"),
    Mess("dead link", "courses/retired-course/index", "linked, gone: 404"),
    Mess("no learning content", "about", "a page about the site"),
    Mess("forbidden", "private/drafts", "robots.txt says no"),
)
# Kinds that are a page (or a missing one) of their own, which no course lists: the index links them.
EXTRA = {"duplicate page", "near duplicate", "broken page", "dead link", "no learning content", "forbidden"}


@dataclass(frozen=True)
class SiteSummary:
    """What a site holds; `pages` counts HTML files, the messy extra ones included."""

    courses: int
    lessons: int
    pages: int
    lessons_by_language: dict[str, int]


def mess() -> tuple[Mess, ...]:
    """MESS with `{n}` replaced by the slug of the course's n-th lesson."""
    slugs = {
        f"courses/{course.slug}": ["", *(lesson.slug for lesson in course.lessons)] for course in courses()
    }
    found = []
    for entry in MESS:
        folder, _, name = entry.page.rpartition("/")
        page = f"{folder}/{name.format(*slugs.get(folder, ()))}".lstrip("/")
        found.append(Mess(entry.kind, page, entry.note))
    return tuple(found)


def build(folder: Path, address: str = ADDRESS) -> SiteSummary:
    """Writes the site into `folder`, replacing files of the same names.

    `address`: where it will be served; only sitemap.xml holds it, whose protocol wants whole addresses.
    """
    pages = _pages()
    for entry in mess():
        _make_mess(entry, pages)
    for path, text in pages.items():
        file = folder / f"{path}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (folder / "robots.txt").write_text("User-agent: *\nDisallow: /private/\n")
    (folder / "sitemap.xml").write_text(_sitemap(address), encoding="utf-8")
    by_language = Counter(course.language for course in courses() for _ in course.lessons)
    return SiteSummary(len(courses()), by_language.total(), len(pages), dict(sorted(by_language.items())))


@contextmanager
def serve(folder: Path, port: int = 0) -> Iterator[str]:
    """The address of `folder` on loopback while the block runs; port 0 takes a free one.

    Raises BadInput where the port is taken.
    """
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Quiet, directory=str(folder)))
    except OSError as error:
        raise BadInput(f"the demo's site cannot be served on port {port}: {error}", field="port") from error
    # a short poll, since shutdown waits for the next one
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012
        **SimpleHTTPRequestHandler.extensions_map,
        ".html": "text/html; charset=utf-8",
        ".txt": "text/plain; charset=utf-8",
        ".xml": "application/xml; charset=utf-8",
    }

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def list_directory(self, path: Any) -> IO[bytes] | None:  # type: ignore[override]
        """A folder without index.html is no page."""
        self.send_error(404)
        return None


# --- pages as they should be


def _pages() -> dict[str, str]:
    """Path without `.html` -> the page, before anything is spoiled."""
    pages = {
        "index": _index(),
        "about": _page("About", "en", "<main><h1>About</h1><p>A small site of short courses.</p></main>"),
        "private/drafts": _page("Drafts", "en", "<main><article><p>Not for robots.</p></article></main>"),
    }
    concepts = {lesson.teaches: lesson.concept for course in courses() for lesson in course.lessons}
    for course in courses():
        pages[f"courses/{course.slug}/index"] = _course_page(course)
        for position, lesson in enumerate(course.lessons, 1):
            pages[_path(course, lesson)] = _lesson_page(course, lesson, position, concepts)
    return pages


def _path(course: Course, lesson: Lesson) -> str:
    return f"courses/{course.slug}/{lesson.slug}"


def _lesson_page(course: Course, lesson: Lesson, position: int, concepts: Mapping[str, str]) -> str:
    def term(slug: str) -> dict[str, str]:
        return {"@type": "DefinedTerm", "termCode": slug, "name": concepts[slug]}

    data = {
        "@context": "https://schema.org",
        "@type": "LearningResource",
        "name": lesson.title,
        "abstract": lesson.abstract,
        "inLanguage": course.language,
        "timeRequired": f"PT{lesson.minutes}M",
        "educationalLevel": course.level,
        "about": course.subject,
        "license": course.licence,
        "position": position,
        "isPartOf": {"@type": "Course", "url": f"/courses/{course.slug}/index.html"},
        "teaches": term(lesson.teaches),
        "competencyRequired": [term(slug) for slug in lesson.requires],
        "hasPart": {"@type": "Quiz", "hasPart": [_question(exercise) for exercise in lesson.exercises]},
    }
    paragraphs = "\n".join(f"<p>{html.escape(part)}</p>" for part in lesson.text.split("\n\n"))
    quiz = "\n".join(_quiz_entry(exercise) for exercise in lesson.exercises)
    body = (
        f"<main><h1>{html.escape(lesson.title)}</h1>\n<article>\n{paragraphs}\n</article>\n"
        f'<aside class="quiz"><ol>\n{quiz}\n</ol></aside></main>'
    )
    beside = [(f"/courses/{course.slug}/index.html", course.title)]
    for mark, other in (("← ", position - 2), ("→ ", position)):
        if 0 <= other < len(course.lessons):
            neighbour = course.lessons[other]
            beside.append((f"/{_path(course, neighbour)}.html", mark + neighbour.title))
    return _page(lesson.title, course.language, body, data, beside)


def _question(exercise: Exercise) -> dict[str, Any]:
    return {
        "@type": "Question",
        "text": exercise.question,
        "acceptedAnswer": {"@type": "Answer", "text": exercise.answer},
        "suggestedAnswer": [
            {"@type": "Answer", "text": option} for option in exercise.options if option != exercise.answer
        ],
    }


def _quiz_entry(exercise: Exercise) -> str:
    options = "".join(f"<li>{html.escape(option)}</li>" for option in exercise.options)
    return f"<li>{html.escape(exercise.question)}{f'<ul>{options}</ul>' if options else ''}</li>"


def _course_page(course: Course) -> str:
    urls = [f"/{_path(course, lesson)}.html" for lesson in course.lessons]
    data = {
        "@context": "https://schema.org",
        "@type": "Course",
        "name": course.title,
        "description": course.description,
        "inLanguage": course.language,
        "about": course.subject,
        "educationalLevel": course.level,
        "license": course.licence,
        "hasPart": urls,
    }
    links = _links(zip(urls, (lesson.title for lesson in course.lessons), strict=True))
    body = f"<main><h1>{html.escape(course.title)}</h1><p>{html.escape(course.description)}</p>{links}</main>"
    return _page(course.title, course.language, body, data)


def _index() -> str:
    listed = _links((f"/courses/{course.slug}/index.html", course.title) for course in courses())
    others = [f"/{entry.page}.html" for entry in mess() if entry.kind in EXTRA]
    more = _links((url, url.rpartition("/")[2]) for url in others)
    return _page("Courses", "en", f"<main><h1>Courses</h1>{listed}<h2>More</h2>{more}</main>")


def _sitemap(address: str) -> str:
    """What the site is proud of: the courses and lessons. https://www.sitemaps.org/protocol.html"""
    paths = ["index"]
    for course in courses():
        paths += [f"courses/{course.slug}/index", *(_path(course, lesson) for lesson in course.lessons)]
    urls = "".join(f"<url><loc>{html.escape(address)}{path}.html</loc></url>\n" for path in paths)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n'
    )


def _links(pairs: Iterable[tuple[str, str]]) -> str:
    return "<ul>" + "".join(f"<li>{_link(url, text)}</li>" for url, text in pairs) + "</ul>"


def _link(url: str, text: str) -> str:
    return f'<a href="{url}">{html.escape(text)}</a>'


STYLE = (
    "body{font:17px/1.6 Georgia,serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#223}"
    "nav,footer,aside{font-family:system-ui;font-size:.85rem;color:#667}a{color:#1f6f78}h1{line-height:1.2}"
    "nav a{margin-right:1rem}aside{border-top:1px solid #ccd;margin-top:2rem}footer{margin-top:3rem}"
)


def _page(
    title: str,
    language: str,
    body: str,
    data: Mapping[str, Any] | None = None,
    beside: Iterable[tuple[str, str]] = (),
) -> str:
    script = f"{JSON_LD}{as_json(data)}</script>" if data else ""
    nav = " ".join(_link(url, text) for url, text in [("/index.html", "All courses"), *beside])
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)} - Short Courses</title><style>{STYLE}</style>{script}</head>\n<body>\n"
        f"<nav>{nav}</nav>\n{body}\n"
        "<footer>Short Courses. All texts may be shared under their licence.</footer>\n</body></html>\n"
    )


# --- and as they are


def _make_mess(entry: Mess, pages: dict[str, str]) -> None:
    """Spoils `pages` as the entry says. Raises KeyError where the page it speaks of is not there."""
    page = entry.page
    match entry.kind:
        case "dead link" | "no learning content" | "forbidden":
            pass  # the index links a page that is not there, or a plain one that is
        case "duplicate page":
            pages[page] = pages[page.removesuffix("-copy")]
        case "near duplicate":
            once_more = "<p>This is the version for printing.</p></article>"
            pages[page] = pages[page.removesuffix("-print")].replace("</article>", once_more)
        case "broken page":
            whole = pages[f"{page.rpartition('/')[0]}/index"]
            pages[page] = whole[: whole.index("application/ld+json") + 120]
        case _:
            pages[page] = SPOILS[entry.kind](pages[page])
