"""The demo's courses are the planted truth: through the mess of its site, every lesson is found again."""

from typing import Any

import pandas as pd
import pytest

from learnloop import schemas
from learnloop.collect.extract import extract
from learnloop.demo import site
from learnloop.prepare.pages import pages_to_frames

URL = "http://127.0.0.1:8765"


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory: pytest.TempPathFactory) -> schemas.Cleaned:
    folder = tmp_path_factory.mktemp("site")
    site.build(folder)
    records: list[dict[str, Any]] = []
    for path in sorted(folder.rglob("*.html")):
        if "private" not in path.parts:
            url = f"{URL}/{path.relative_to(folder).as_posix()}"
            records += extract(path.read_bytes(), url, "text/html; charset=utf-8")
    records += extract(b"gone", f"{URL}/courses/retired-course/index.html", "text/html", 404)
    return pages_to_frames(records, "demo")


def paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def test_every_lesson_is_found_as_its_author_wrote_it(cleaned: schemas.Cleaned) -> None:
    missing = {(entry.kind, f"demo:{entry.page}") for entry in site.mess() if entry.kind.startswith("no ")}
    items = cleaned.frames["items"].set_index("item_id")
    expected: set[str] = set()
    for course in site.courses():
        expected.add(f"demo:courses/{course.slug}")
        for position, lesson in enumerate(course.lessons, start=1):
            item_id = f"demo:courses/{course.slug}/{lesson.slug}"
            expected |= {item_id, *(f"{item_id}#q{n}" for n in range(1, len(lesson.exercises) + 1))}
            found = items.loc[item_id]
            told = {
                "title": lesson.title,
                "text": paragraphs(lesson.text),
                "abstract": " ".join(lesson.abstract.split()),
                "language": course.language,
                "subject": course.subject,
                "level": course.level,
                "parent_id": f"demo:courses/{course.slug}",
                "position": position,
                "duration_s": pd.NA if ("no duration", item_id) in missing else lesson.minutes * 60,
                "licence": pd.NA if ("no licence", item_id) in missing else course.licence,
            }
            wrong = {
                name: found[name]
                for name, value in told.items()
                if not (pd.isna(found[name]) if value is pd.NA else found[name] == value)
            }
            assert not wrong, item_id
    assert set(items.index) == expected  # no copy, no broken page, no page about the site


def test_every_prerequisite_is_found(cleaned: schemas.Cleaned) -> None:
    authored = {
        (f"demo:{concept}", f"demo:{required}")
        for concept, requires in site.concepts_required(site.courses()).items()
        for required in requires
    }
    frame = cleaned.frames["prerequisites"]
    assert set(zip(frame["concept_id"], frame["requires_id"], strict=True)) == authored
    assert dict(
        zip(cleaned.frames["concepts"]["concept_id"], cleaned.frames["concepts"]["title"], strict=True)
    ) == {f"demo:{lesson.teaches}": lesson.concept for course in site.courses() for lesson in course.lessons}


def test_every_exercise_has_its_key_among_its_options(cleaned: schemas.Cleaned) -> None:
    items = cleaned.frames["items"].set_index("item_id")
    for course in site.courses():
        for lesson in course.lessons:
            for n, exercise in enumerate(lesson.exercises, start=1):
                found = items.loc[f"demo:courses/{course.slug}/{lesson.slug}#q{n}"]
                assert found["text"] == exercise.question.replace("…", "...")  # NFKC
                assert found["answer"] == exercise.answer
                assert sorted(found["attributes"].get("options", [])) == sorted(exercise.options)


def test_the_mess_is_in_the_account(cleaned: schemas.Cleaned) -> None:
    account = cleaned.accounting
    assert account.balanced
    refused = dict(zip(cleaned.rejected["file"], cleaned.rejected["reason"], strict=True))
    for entry in site.mess():
        reason = refused.get(f"{URL}/{entry.page}.html")
        if entry.kind in ("duplicate page", "near duplicate"):
            assert reason == "duplicate"
        elif entry.kind in ("broken page", "no learning content", "dead link"):
            assert reason is not None
            assert reason != "duplicate"
        else:
            assert reason is None, entry
    for rule in ("fix_mojibake", "unescape_entities", "language detected", "collapse_whitespace"):
        assert account.repaired[rule] >= 1
