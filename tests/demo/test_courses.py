"""The courses as their authors should write them, and the errors they get where they do not."""

import re
from pathlib import Path

import pytest

from learnloop.demo import authored
from learnloop.demo.authored import Course, Lesson, courses
from learnloop.errors import BadInput

LESSONS = [(course, lesson) for course in courses() for lesson in course.lessons]
IDS = [f"{course.slug}/{lesson.slug}" for course, lesson in LESSONS]

GOOD = """\
slug = "figures"
title = "Figures"
language = "en"
subject = "mathematics"
level = "beginner"
description = "Two lessons."
licence = "https://creativecommons.org/licenses/by/4.0/"

[[lessons]]
slug = "points"
title = "Points"
teaches = "points"
concept = "Points"
requires = []
minutes = 3
abstract = "Short."
text = "A point is a place."
[[lessons.exercises]]
question = "What is a point?"
answer = "A place"
options = ["A place", "A line", "A plane"]

[[lessons]]
slug = "lines"
title = "Lines"
teaches = "lines"
concept = "Lines"
requires = ["points"]
minutes = 4
abstract = "Short."
text = "A line joins two points."
[[lessons.exercises]]
question = "How many points does a line join?"
answer = "2"
"""


def test_there_are_enough_courses_in_four_languages() -> None:
    by_language = {
        language: sum(course.language == language for course, _ in LESSONS) for language in authored.LANGUAGES
    }
    assert len(courses()) >= 8
    assert sum(by_language.values()) >= 60
    assert min(by_language.values()) >= 6
    assert len({course.subject for course in courses()}) >= 6
    assert all(6 <= len(course.lessons) <= 8 for course in courses())


@pytest.mark.parametrize(("course", "lesson"), LESSONS, ids=IDS)
def test_a_lesson_has_the_length_and_the_exercises_that_the_demo_wants(
    course: Course, lesson: Lesson
) -> None:
    assert 140 <= len(lesson.text.split()) <= 220
    assert 25 <= len(lesson.abstract.split()) <= 45
    sentences = re.split(r"(?<=[.!?])\s+", lesson.abstract)
    assert len(sentences) == 2
    assert not [sentence for sentence in sentences if sentence in lesson.text], "copied from the text"
    assert len(lesson.exercises) == 2
    assert len(lesson.exercises[0].options) == 4


@pytest.mark.parametrize(
    ("language", "letters"), [("es", "áéíóúñ¿"), ("fr", "éèàêç"), ("de", "äöüß")], ids=["es", "fr", "de"]
)
def test_each_language_is_written_with_its_letters(language: str, letters: str) -> None:
    text = " ".join(
        " ".join(
            [
                lesson.title,
                lesson.abstract,
                lesson.text,
                *(exercise.question for exercise in lesson.exercises),
            ]
        )
        for course, lesson in LESSONS
        if course.language == language
    ).lower()
    assert not [letter for letter in letters if letter not in text]


def test_prerequisites_can_be_followed_to_the_end() -> None:
    """Every lesson can be reached by studying only what is ready: no cycle, nothing untaught."""
    required = authored.concepts_required(courses())
    known: set[str] = set()
    while ready := {concept for concept, needs in required.items() if known.issuperset(needs)} - known:
        known |= ready
    assert known == set(required)
    assert len(known) == len(LESSONS)  # one concept a lesson, none taught twice
    home = {lesson.teaches: course.slug for course, lesson in LESSONS}
    assert any(home[need] != home[concept] for concept, needs in required.items() for need in needs)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "figures.toml").write_text(GOOD)
    (course,) = courses(tmp_path)
    assert [lesson.slug for lesson in course.lessons] == ["points", "lines"]
    assert course.lessons[0].exercises[0].options == ("A place", "A line", "A plane")
    assert course.lessons[1].exercises[0].options == ()
    assert course.lessons[1].requires == ("points",)


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ('title = "Figures"\n', "", "title"),
        ('language = "en"', 'language = "la"', "language"),
        ('level = "beginner"', 'level = "easy"', "level"),
        ('slug = "figures"', 'slug = "../figures"', "slug"),
        ("minutes = 4", 'minutes = "4"', "lessons[2].minutes"),
        ("minutes = 4", "minutes = true", "lessons[2].minutes"),
        ("minutes = 4", "minutes = 0", "lessons[2].minutes"),
        ('title = "Lines"', 'title = " "', "lessons[2].title"),
        ('slug = "lines"', 'slug = "index"', "lessons[2].slug"),
        ('slug = "lines"', 'slug = "points"', "lessons[2].slug"),
        ('teaches = "lines"', 'teaches = "points"', "lessons[2].teaches"),
        ('requires = ["points"]', 'requires = "points"', "lessons[2].requires"),
        ('requires = ["points"]', 'requires = ["planes"]', "lessons[2].requires"),
        ('requires = ["points"]', "requires = [1]", "lessons[2].requires"),
        ("requires = []", 'requires = ["lines"]', "requires"),
        ('answer = "2"', 'answers = "2"', "lessons[2].exercises[1].answers"),
        ('answer = "A place"', 'answer = "A plaice"', "lessons[1].exercises[1].answer"),
        ('"A line", "A plane"', '"A line", "A line"', "lessons[1].exercises[1].options"),
        ('options = ["A place"', 'option = ["A place"', "lessons[1].exercises[1].option"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, before: str, after: str, field: str) -> None:
    assert before in GOOD
    (tmp_path / "figures.toml").write_text(GOOD.replace(before, after))
    with pytest.raises(BadInput) as caught:
        courses(tmp_path)
    assert caught.value.field == field
    assert f"figures.toml: {field}" in caught.value.problem
    assert caught.value.next_step


@pytest.mark.parametrize("text", [b"slug = ", b'slug = "caf\xe9"', b"lessons = []"])
def test_a_file_that_is_no_course_is_named(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "odd.toml").write_bytes(text)
    with pytest.raises(BadInput, match=r"odd\.toml"):
        courses(tmp_path)


def test_two_files_cannot_share_a_folder_or_a_concept(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    (tmp_path / "b.toml").write_text(GOOD)
    with pytest.raises(BadInput, match=r"b.toml: slug is 'figures', as in a.toml"):
        courses(tmp_path)
    (tmp_path / "b.toml").write_text(GOOD.replace('slug = "figures"', 'slug = "shapes"'))
    with pytest.raises(BadInput, match=r"b.toml: lessons\[1\].teaches is 'points', as in a.toml"):
        courses.__wrapped__(tmp_path)
