"""Texts that speak of what was taught before, in small made-up courses and in the demo's."""

import itertools

import pandas as pd
import pytest

from learnloop.demo.authored import concepts_required, courses
from learnloop.prepare.prerequisite_graph import acyclic, agreement, reduced
from learnloop.prepare.text_prerequisites import MOST, from_text, stems


def frames(
    *lessons: tuple[str, str, str], course: str | None = "t:course", language: str = "en"
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Lessons (concept, title, text) in the order of their course."""
    items = pd.DataFrame(
        {
            "item_id": [f"t:{concept}-lesson" for concept, *_ in lessons],
            "kind": "lesson",
            "parent_id": course,
            "position": range(len(lessons)),
            "title": [title for _, title, _ in lessons],
            "text": [text for *_, text in lessons],
        }
    )
    concepts = pd.DataFrame(
        {
            "concept_id": [f"t:{concept}" for concept, *_ in lessons],
            "title": [title for _, title, _ in lessons],
            "language": language,
        }
    )
    pairs = pd.DataFrame({"item_id": items["item_id"], "concept_id": concepts["concept_id"]})
    return items, concepts, pairs


LESSONS = (
    ("fractions", "Fractions", "Cut a cake into equal parts. The fraction tells how many parts you took."),
    ("poems", "Poems", "A poem has verses. Verses may rhyme, or they may not rhyme at all."),
    ("percent", "Percentages", "A fraction of a hundred is a percentage. Write the fraction of parts anew."),
)


def edges(frame: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(frame["concept_id"].str[2:], frame["requires_id"].str[2:], strict=True))


def test_a_lesson_needs_what_it_speaks_of_and_not_what_merely_came_before() -> None:
    found = from_text(*frames(*LESSONS))
    assert edges(found) == {("percent", "fractions")}
    assert (found["origin"] == "text").all()
    assert found["confidence"].between(0, MOST).all()


def test_the_course_decides_the_direction() -> None:
    found = from_text(*frames(*reversed(LESSONS)))
    assert edges(found) == {("fractions", "percent")}


def test_without_a_course_the_reference_distance_decides() -> None:
    """What is like percentages speaks of fractions; what is like fractions does not speak of percentages."""
    items, concepts, pairs = frames(
        *LESSONS,
        ("ratios", "Ratios", "A fraction compares parts; a fraction of a fraction, too."),
        course=None,
    )
    found = from_text(items, concepts, pairs)
    assert ("fractions", "percent") not in edges(found)
    assert ("percent", "fractions") in edges(found)


def test_languages_are_kept_apart_and_empty_texts_say_nothing() -> None:
    english, spanish = frames(*LESSONS), frames(*LESSONS, language="es")
    spanish[1]["concept_id"] = spanish[1]["concept_id"] + "-es"
    spanish[2]["concept_id"] = spanish[1]["concept_id"]
    both = [pd.concat(pair, ignore_index=True) for pair in zip(english, spanish, strict=True)]
    both[0] = both[0].drop_duplicates("item_id")
    assert edges(from_text(*both)) == {("percent", "fractions"), ("percent-es", "fractions-es")}
    silent = frames(("a", "!", ""), ("b", "?", ""))
    assert from_text(*silent).empty
    assert from_text(*(frame.iloc[:0] for frame in english)).empty
    assert stems("Höhere MATHEMATIK, y más") == ["hohere", "mathem"]


def test_the_demos_authored_graph_is_found_better_than_by_the_order_of_lessons() -> None:
    truth = {(f"t:{a}", f"t:{b}") for a, needs in concepts_required(courses()).items() for b in needs}
    parts, previous = [], set()
    for course in courses():
        rows = [
            (lesson.teaches, f"{lesson.title}. {lesson.concept}", lesson.text) for lesson in course.lessons
        ]
        parts.append(frames(*rows, course=f"t:{course.slug}", language=course.language))
        previous |= {(f"t:{b[0]}", f"t:{a[0]}") for a, b in itertools.pairwise(rows)}
    found = from_text(*(pd.concat(frame, ignore_index=True) for frame in zip(*parts, strict=True)))
    kept, _ = reduced(acyclic(found)[0])
    text = agreement({(a, b) for a, b in zip(kept["concept_id"], kept["requires_id"], strict=True)}, truth)
    chain = agreement(previous, truth)
    assert text["precision"] >= 0.6 > chain["precision"]
    assert text["sound"] >= 0.75 > chain["sound"]
    assert text["recall"] >= chain["recall"] == pytest.approx(0.49, abs=0.01)
    assert text["reversed"] == 0
