"""A made-up catalogue of any size, for tests and load benchmarks; the demo's own courses are real text."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from learnloop.schemas import CONCEPTS, ITEM_CONCEPTS, ITEMS, PREREQUISITES, check


@dataclass(frozen=True)
class MadeUp:
    """Frames that pass their contracts."""

    items: pd.DataFrame
    concepts: pd.DataFrame
    item_concepts: pd.DataFrame
    prerequisites: pd.DataFrame


def made_up_catalogue(
    *,
    n_courses: int = 8,
    lessons_per_course: int = 7,
    exercises_per_lesson: int = 3,
    languages: tuple[str, ...] = ("en", "en", "en", "es"),
    seed: int = 0,
) -> MadeUp:
    """Courses of lessons of exercises; a concept a lesson, which needs its predecessor in the course.

    In the second half of a course each lesson's last exercise asks about the lesson before as well.
    """
    rng = np.random.default_rng(seed)
    items: list[dict[str, object]] = []
    pairs: list[tuple[str, str]] = []
    needs: list[tuple[str, str, str, float]] = []
    concept_ids: list[str] = []

    def item(item_id: str, kind: str, parent: str | None, position: int, course: int, seconds: float) -> None:
        about: dict[str, object] = {
            "item_id": item_id,
            "source": "made",
            "kind": kind,
            "parent_id": parent,
            "position": position,
            "title": item_id.removeprefix("made:"),
            "text": "",
            "language": languages[course % len(languages)],
            "subject": f"subject {course % 4}",
            "duration_s": seconds,
            "attributes": {},
        }
        items.append({**dict.fromkeys(ITEMS.columns), **about})

    for c in range(n_courses):
        course = f"made:course-{c}"
        item(course, "course", None, c, c, 3600.0)
        for k in range(lessons_per_course):
            lesson, concept = f"{course}/{k}", f"made:concept-{c}-{k}"
            item(lesson, "lesson", course, k, c, float(rng.integers(120, 900)))
            pairs.append((lesson, concept))
            concept_ids.append(concept)
            if k:
                needs.append((concept, concept_ids[-2], "authored", 1.0))
            for e in range(exercises_per_lesson):
                exercise = f"{lesson}/{e}"
                item(exercise, "exercise", lesson, e, c, 40.0)
                pairs.append((exercise, concept))
                if k > lessons_per_course // 2 and e == exercises_per_lesson - 1:
                    pairs.append((exercise, concept_ids[-2]))
    concepts = pd.DataFrame({"concept_id": concept_ids, "title": concept_ids, "language": "en"})
    columns = ["concept_id", "requires_id", "origin", "confidence"]
    return MadeUp(
        items=check(pd.DataFrame(items), ITEMS, "made-up items"),
        concepts=check(concepts, CONCEPTS, "made-up concepts"),
        item_concepts=check(
            pd.DataFrame(pairs, columns=["item_id", "concept_id"]), ITEM_CONCEPTS, "made-up item concepts"
        ),
        prerequisites=check(pd.DataFrame(needs, columns=columns), PREREQUISITES, "made-up prerequisites"),
    )
