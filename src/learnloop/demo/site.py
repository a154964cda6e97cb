"""The demo's courses as a static web site, as messy as real ones, served on loopback.

A course is one TOML file in `courses/`:

    slug = "python-foundations"; title = "Python Foundations"; language = "en"; subject = "programming"
    [[lessons]]
    slug = "loops"; title = "Loops"; teaches = "python-loops"; concept = "Loops in Python"
    requires = ["python-conditions"]; minutes = 12; abstract = "…"; text = "…"
    exercises = [{question = "…", answer = "…", options = ["…", "…"]}]

The truth stays there; what is wrong on the site, and on which page, is MESS and nothing else.
"""

import html
import json
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from learnloop.errors import BadInput

COURSES = Path(__file__).parent / "courses"


@dataclass(frozen=True)
class Exercise:
    question: str
    answer: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """`teaches` and `requires` are concept slugs, unique over all courses."""

    slug: str
    title: str
    teaches: str
    concept: str
    requires: tuple[str, ...]
    minutes: int
    abstract: str
    text: str
    exercises: tuple[Exercise, ...]


@dataclass(frozen=True)
class Course:
    slug: str
    title: str
    language: str
    subject: str
    level: str
    description: str
    licence: str
    lessons: tuple[Lesson, ...]


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
    Mess("entities escaped twice", "courses/introduction-a-la-geometrie/{1}", "&amp;eacute; is é"),
    Mess("mojibake", "courses/clima-y-energia/{1}", "UTF-8 once read as Windows-1252"),
    Mess("mojibake", "courses/grundlagen-der-physik/{1}", "UTF-8 once read as Windows-1252"),
    Mess(
        "stray markup and spaces", "courses/statistics-first-steps/{2}", "tags, tabs, no-break spaces in text"
    ),
    Mess("duplicate page", "courses/cell-biology/{1}-copy", "the same lesson at a second address"),
    Mess("near duplicate", "courses/python-foundations/{1}-print", "a print version with one more sentence"),
    Mess("broken page", "courses/everyday-economics/unfinished", "cut off in the middle of its JSON-LD"),
    Mess("dead link", "courses/retired-course/index", "linked, gone: 404"),
    Mess("no learning content", "about", "a page about the site"),
    Mess("forbidden", "private/drafts", "robots.txt says no"),
)


@cache
def courses() -> tuple[Course, ...]:
    """All courses, by slug. Raises BadInput naming file and field."""
    return tuple(_course(path) for path in sorted(COURSES.glob("*.toml")))


def mess() -> tuple[Mess, ...]:
    """MESS with `{n}` replaced by the slug of the course's n-th lesson."""
    by_course = {course.slug: [lesson.slug for lesson in course.lessons] for course in courses()}
    found = []
    for entry in MESS:
        folder, _, name = entry.page.rpartition("/")
        lessons = by_course.get(folder.removeprefix("courses/"), [""] * 9)
        found.append(Mess(entry.kind, f"{folder}/{name.format('', *lessons)}".lstrip("/"), entry.note))
    return tuple(found)


def build(folder: Path) -> int:
    """Writes the site into `folder`; returns the number of lessons. Existing files are replaced."""
    pages = {
        "index": _index(),
        "about": _page("About", "en", "<main><p>A small site of short courses.</p></main>"),
    }
    pages["private/drafts"] = _page("Drafts", "en", "<main><article><p>Not for robots.</p></article></main>")
    titles = {lesson.teaches: lesson.concept for course in courses() for lesson in course.lessons}
    for course in courses():
        pages[f"courses/{course.slug}/index"] = _course_page(course)
        for position, lesson in enumerate(course.lessons, 1):
            pages[f"courses/{course.slug}/{lesson.slug}"] = _lesson_page(course, lesson, position, titles)
    for entry in mess():
        _make_mess(entry, pages)
    for path, text in pages.items():
        file = folder / f"{path}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (folder / "robots.txt").write_text("User-agent: *\nDisallow: /private/\n")
    return sum(len(course.lessons) for course in courses())


@contextmanager
def serve(folder: Path, port: int = 0) -> Iterator[str]:
    """The address of `folder` on loopback while the block runs; port 0 takes a free one."""
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".html": "text/html; charset=utf-8"}  # noqa: RUF012

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _course(path: Path) -> Course:
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    lessons = []
    try:
        for lesson in raw["lessons"]:
            exercises = tuple(
                Exercise(e["question"], e["answer"], tuple(e.get("options", ()))) for e in lesson["exercises"]
            )
            fields = {name: lesson[name] for name in ("slug", "title", "teaches", "concept", "minutes")}
            text = {name: lesson[name].strip() for name in ("abstract", "text")}
            lessons.append(Lesson(**fields, **text, requires=tuple(lesson["requires"]), exercises=exercises))
        names = ("slug", "title", "language", "subject", "level", "description", "licence")
        return Course(**{name: raw[name] for name in names}, lessons=tuple(lessons))
    except KeyError as error:
        raise BadInput(f"{path.name} has no {error.args[0]!r}", field=str(error.args[0])) from error


def _lesson_page(course: Course, lesson: Lesson, position: int, titles: Mapping[str, str]) -> str:
    def term(slug: str) -> dict[str, str]:
        return {"@type": "DefinedTerm", "termCode": slug, "name": titles[slug]}

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
    quiz = "\n".join(f"<li>{html.escape(exercise.question)}</li>" for exercise in lesson.exercises)
    body = (
        f"<main><h1>{html.escape(lesson.title)}</h1>\n<article>\n{paragraphs}\n</article>\n"
        f'<aside class="quiz"><ol>\n{quiz}\n</ol></aside></main>'
    )
    up = f'<a href="/courses/{course.slug}/index.html">{html.escape(course.title)}</a>'
    return _page(lesson.title, course.language, body, data, up)


def _question(exercise: Exercise) -> dict[str, Any]:
    return {
        "@type": "Question",
        "text": exercise.question,
        "acceptedAnswer": {"@type": "Answer", "text": exercise.answer},
        "suggestedAnswer": [
            {"@type": "Answer", "text": option} for option in exercise.options if option != exercise.answer
        ],
    }


def _course_page(course: Course) -> str:
    urls = [f"/courses/{course.slug}/{lesson.slug}.html" for lesson in course.lessons]
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
    links = _links((f"/courses/{course.slug}/index.html", course.title) for course in courses())
    others = [f"/{entry.page}.html" for entry in mess() if _is_extra(entry)]
    more = _links((url, url.rpartition("/")[2]) for url in others)
    return _page("Courses", "en", f"<main><h1>Courses</h1>{links}<h2>More</h2>{more}</main>")


def _is_extra(entry: Mess) -> bool:
    kinds = (
        "duplicate page",
        "near duplicate",
        "broken page",
        "dead link",
        "no learning content",
        "forbidden",
    )
    return entry.kind in kinds


def _links(pairs: Any) -> str:
    return (
        "<ul>" + "".join(f'<li><a href="{url}">{html.escape(text)}</a></li>' for url, text in pairs) + "</ul>"
    )


STYLE = (
    "body{font:17px/1.6 Georgia,serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#223}"
    "nav,footer,aside{font-family:system-ui;font-size:.85rem;color:#667}a{color:#1f6f78}h1{line-height:1.2}"
)


def _page(title: str, language: str, body: str, data: Mapping[str, Any] | None = None, up: str = "") -> str:
    script = (
        f'<script type="application/ld+json">{json.dumps(data, ensure_ascii=False)}</script>' if data else ""
    )
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head><meta charset="utf-8">'
        f"<title>{html.escape(title)} - Short Courses</title><style>{STYLE}</style>{script}</head>\n<body>\n"
        f'<nav><a href="/index.html">All courses</a> {up}</nav>\n{body}\n'
        "<footer>Short Courses. All texts may be shared under their licence.</footer>\n</body></html>\n"
    )


def _make_mess(entry: Mess, pages: dict[str, str]) -> None:
    """Spoils `pages` as the entry says; a page that is not there yet (a course not written) stays so."""
    page = entry.page
    original = pages.get(page.removesuffix("-copy").removesuffix("-print"))
    match entry.kind:
        case "duplicate page" if original:
            pages[page] = original
        case "near duplicate" if original:
            pages[page] = original.replace("</article>", "<p>This is the version for printing.</p></article>")
        case "broken page":
            whole = pages[next(path for path in pages if path.startswith(page.rpartition("/")[0]))]
            pages[page] = whole[: whole.index("application/ld+json") + 120]
        case _ if original:
            pages[page] = _spoiled(entry.kind, original)


def _spoiled(kind: str, page: str) -> str:
    match kind:
        case "no duration":
            return _without(page, "timeRequired")
        case "no licence":
            return _without(page, "license")
        case "no language":
            return _without(page, "inLanguage").replace('<html lang="es">', "<html>")
        case "wrong duration format":
            return _edited(page, lambda data: data | {"timeRequired": f"{data['timeRequired'][2:-1]} min"})
        case "entities escaped twice":
            return page.replace("é", "&amp;eacute;")
        case "mojibake":
            return page.encode("utf-8").decode("cp1252", errors="replace")
        case "stray markup and spaces":
            return page.replace("<article>\n<p>", "<article>\n<p>&nbsp;\t <font color=red></font> ").replace(
                ". ", ".\u00a0\t "
            )
    return page


def _without(page: str, field: str) -> str:
    return _edited(page, lambda data: {name: value for name, value in data.items() if name != field})


def _edited(page: str, change: Any) -> str:
    opening = '<script type="application/ld+json">'
    start = page.index(opening) + len(opening)
    end = page.index("</script>", start)
    return page[:start] + json.dumps(change(json.loads(page[start:end])), ensure_ascii=False) + page[end:]


def lessons_by_language() -> dict[str, int]:
    """How many lessons there are in each language."""
    found: dict[str, int] = {}
    for course in courses():
        found[course.language] = found.get(course.language, 0) + len(course.lessons)
    return found


def concepts_required(all_courses: Sequence[Course]) -> dict[str, tuple[str, ...]]:
    """concept slug -> the slugs it requires: the authored graph, for comparison with what is prepared."""
    return {lesson.teaches: lesson.requires for course in all_courses for lesson in course.lessons}
