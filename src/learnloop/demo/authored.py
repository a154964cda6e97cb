"""Course files in, courses out, checked field by field.

A course is one TOML file in `courses/`:

    slug = "statistics-first-steps"
    title = "First Steps in Statistics"
    language = "en"
    subject = "statistics"
    level = "beginner"
    description = "One or two sentences."
    licence = "https://creativecommons.org/licenses/by/4.0/"

    [[lessons]]
    slug = "mean-and-median"
    title = "Mean and Median"
    teaches = "mean-and-median"       # concept slug, unique over all courses
    concept = "Mean and median"       # its title
    requires = ["reading-a-table"]    # concept slugs of any course, without a cycle
    minutes = 12
    abstract = "Two sentences."
    text = "Paragraphs, with blank lines between them."

    [[lessons.exercises]]
    question = "What is the median of 3, 9, 4?"
    answer = "4"
    options = ["3", "4", "9"]         # left out for free text
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from learnloop.errors import BadInput

COURSES = Path(__file__).parent / "courses"
LANGUAGES = ("en", "es", "fr", "de")
LEVELS = ("beginner", "intermediate", "advanced")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Exercise:
    """Multiple choice where there are options, the answer among them; else free text."""

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


@cache
def courses(folder: Path = COURSES) -> tuple[Course, ...]:
    """The courses of all `*.toml` in `folder`, by file name. Raises BadInput naming file and field."""
    found = {path.name: _course(path) for path in sorted(folder.glob("*.toml"))}
    _check_together(found)
    return tuple(found.values())


def concepts_required(all_courses: Sequence[Course]) -> dict[str, tuple[str, ...]]:
    """concept slug -> the slugs it requires: the authored graph, for comparison with what is prepared."""
    return {lesson.teaches: lesson.requires for course in all_courses for lesson in course.lessons}


@dataclass(frozen=True)
class _Table:
    """One table of a file, and where it stands, for the message when a field of it is wrong."""

    file: str
    where: str
    values: Mapping[str, Any]

    def wrong(self, name: str, problem: str) -> BadInput:
        field = f"{self.where}{name}"
        return BadInput(
            f"{self.file}: {field} {problem}", "compare it with the other files of demo/courses", field=field
        )

    def only(self, *names: str) -> None:
        """A misspelt field must not pass for one that was left out."""
        for name in self.values:
            if name not in names:
                raise self.wrong(name, f"is not a field; there are {', '.join(names)}")

    def get(self, name: str, kind: type) -> Any:
        value = self.values.get(name)
        if name not in self.values:
            raise self.wrong(name, "is missing")
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.wrong(name, f"should be {kind.__name__}, not {type(value).__name__}")
        return value

    def text(self, name: str, among: Sequence[str] = ()) -> str:
        value: str = self.get(name, str).strip()
        if not value:
            raise self.wrong(name, "is empty")
        if among and value not in among:
            raise self.wrong(name, f"is {value!r}, not one of {', '.join(among)}")
        return value

    def slug(self, name: str) -> str:
        value = self.text(name)
        if not _SLUG.fullmatch(value) or value == "index":
            raise self.wrong(name, f"is {value!r}; wanted are a-z and 0-9 joined by -, and not 'index'")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.get(name, list)
        for value in values:
            if not isinstance(value, str) or not value.strip():
                raise self.wrong(name, f"holds {value!r} where a text belongs")
        if len(set(values)) < len(values):
            raise self.wrong(name, "names one thing twice")
        return tuple(values)

    def tables(self, name: str) -> list["_Table"]:
        values = self.get(name, list)
        if not values or not all(isinstance(value, dict) for value in values):
            raise self.wrong(name, f"should be one or more [[{name}]]")
        return [_Table(self.file, f"{self.where}{name}[{n}].", value) for n, value in enumerate(values, 1)]


def _course(path: Path) -> Course:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path.name} is not TOML in UTF-8: {error}", "mend that line") from error
    table = _Table(path.name, "", raw)
    table.only(*Course.__dataclass_fields__)
    return Course(
        slug=table.slug("slug"),
        title=table.text("title"),
        language=table.text("language", LANGUAGES),
        subject=table.text("subject"),
        level=table.text("level", LEVELS),
        description=table.text("description"),
        licence=table.text("licence"),
        lessons=tuple(_lesson(lesson) for lesson in table.tables("lessons")),
    )


def _lesson(table: _Table) -> Lesson:
    table.only(*Lesson.__dataclass_fields__)
    minutes = table.get("minutes", int)
    if minutes < 1:
        raise table.wrong("minutes", f"is {minutes}; at least 1 is wanted")
    return Lesson(
        slug=table.slug("slug"),
        title=table.text("title"),
        teaches=table.slug("teaches"),
        concept=table.text("concept"),
        requires=table.texts("requires"),
        minutes=minutes,
        abstract=table.text("abstract"),
        text=table.text("text"),
        exercises=tuple(_exercise(exercise) for exercise in table.tables("exercises")),
    )


def _exercise(table: _Table) -> Exercise:
    table.only(*Exercise.__dataclass_fields__)
    answer = table.text("answer")
    options = table.texts("options") if "options" in table.values else ()
    if options and answer not in options:
        raise table.wrong("answer", f"is {answer!r}, which is not among the options")
    return Exercise(table.text("question"), answer, options)


def _check_together(found: Mapping[str, Course]) -> None:
    """What no single table can know: slugs are unique, prerequisites are taught, and there is no cycle."""
    folders: dict[str, str] = {}
    taught: dict[str, str] = {}
    for file, course in found.items():
        if course.slug in folders:
            raise _clash(file, "slug", course.slug, folders[course.slug])
        folders[course.slug] = file
        slugs: dict[str, str] = {}
        for n, lesson in enumerate(course.lessons, 1):
            where = f"lessons[{n}]."
            if lesson.slug in slugs:
                raise _clash(file, f"{where}slug", lesson.slug, slugs[lesson.slug])
            if lesson.teaches in taught:
                raise _clash(file, f"{where}teaches", lesson.teaches, taught[lesson.teaches])
            slugs[lesson.slug] = taught[lesson.teaches] = f"{file}: lessons[{n}]"
    for file, course in found.items():
        for n, lesson in enumerate(course.lessons, 1):
            for required in lesson.requires:
                if required not in taught:
                    raise _Table(file, f"lessons[{n}].", {}).wrong(
                        "requires", f"names {required!r}, which no lesson teaches"
                    )
    try:
        TopologicalSorter(concepts_required(tuple(found.values()))).prepare()
    except CycleError as error:
        circle = error.args[1]
        file = taught[circle[0]].partition(":")[0]
        raise _Table(file, "", {}).wrong("requires", f"goes in a circle: {' < '.join(circle)}") from error


def _clash(file: str, field: str, value: str, other: str) -> BadInput:
    return _Table(file, "", {}).wrong(field, f"is {value!r}, as in {other}")
