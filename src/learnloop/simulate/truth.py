"""The known truth behind simulated learners: catalogue, knowledge parameters, what learners are like."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from learnloop.errors import NothingToDo

EXERCISES = ("exercise", "question")


@dataclass(frozen=True)
class Truth:
    """What generated the events; a model is right as far as it finds this again.

    learners   learner_id (outside id), ability (logits, sd 1), languages, interests (course ids; tuples)
    concepts   concept_id, p_init, p_learn (each lesson), p_slip, p_guess, p_forget (each day)
    exercises  item_id, difficulty (logits, added to both slip and guess; mean 0)
    knowledge  learner_id, concept_id, known (when the learner was last seen), opportunities
    """

    learners: pd.DataFrame
    concepts: pd.DataFrame
    exercises: pd.DataFrame
    knowledge: pd.DataFrame


@dataclass(frozen=True)
class Lesson:
    item_id: str
    concepts: tuple[int, ...]  # codes
    seconds: float  # typical dwell
    exercises: tuple[tuple[str, tuple[int, ...]], ...]  # (item_id, concept codes)


@dataclass(frozen=True)
class Catalogue:
    """The item frames as nested lists, in course order; concepts as codes."""

    courses: dict[str, list[Lesson]]  # a lesson without a course is a course of its own
    languages: dict[str, str]  # of each course
    subjects: dict[str, str]
    concept_ids: list[str]
    requires: list[tuple[int, ...]] = field(default_factory=list)


def catalogue(items: pd.DataFrame, item_concepts: pd.DataFrame, prerequisites: pd.DataFrame) -> Catalogue:
    """Lessons in course order with their exercises. Raises NothingToDo where there is no lesson.

    An exercise without concepts of its own asks about its lesson's.
    """
    if not (items["kind"] == "lesson").any():
        raise NothingToDo("no lessons to simulate learners on", "learnloop demo")
    concept_ids = sorted(set(item_concepts["concept_id"]) | set(prerequisites["concept_id"]))
    code = {concept_id: i for i, concept_id in enumerate(concept_ids)}
    taught: dict[str, list[int]] = {}
    for item_id, concept_id in sorted(
        zip(item_concepts["item_id"], item_concepts["concept_id"], strict=True)
    ):
        taught.setdefault(item_id, []).append(code[concept_id])
    requires: list[list[int]] = [[] for _ in concept_ids]
    for concept_id, needed in zip(prerequisites["concept_id"], prerequisites["requires_id"], strict=True):
        if needed in code:
            requires[code[concept_id]].append(code[needed])

    ordered = items.sort_values(["position", "item_id"], na_position="last")
    children: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for row in ordered[ordered["kind"].isin(EXERCISES) & ordered["parent_id"].notna()].itertuples():
        concepts = tuple(taught.get(row.item_id) or taught.get(row.parent_id, []))
        children.setdefault(row.parent_id, []).append((row.item_id, concepts))
    courses: dict[str, list[Lesson]] = {}
    about = items.set_index("item_id")
    for row in ordered[ordered["kind"] == "lesson"].itertuples():
        course = row.parent_id if pd.notna(row.parent_id) and row.parent_id in about.index else row.item_id
        seconds = float(row.duration_s) if pd.notna(row.duration_s) and row.duration_s > 0 else 300.0
        lesson = Lesson(
            row.item_id, tuple(taught.get(row.item_id, [])), seconds, tuple(children.get(row.item_id, []))
        )
        courses.setdefault(course, []).append(lesson)
    courses = dict(sorted(courses.items()))
    subjects = about["subject"].where(about["subject"].notna(), about.index.to_series())
    return Catalogue(
        courses=courses,
        languages={c: str(about.loc[lessons[0].item_id, "language"]) for c, lessons in courses.items()},
        subjects={course: str(subjects[course]) for course in courses},
        concept_ids=concept_ids,
        requires=[tuple(sorted(set(needed))) for needed in requires],
    )


def knowledge_parameters(concept_ids: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """One row a concept. p_guess + p_slip < 1 always, so that knowing a thing helps."""
    n = len(concept_ids)
    return pd.DataFrame(
        {
            "concept_id": pd.array(concept_ids, dtype="str"),
            "p_init": rng.beta(2.0, 8.0, n),
            "p_learn": rng.beta(8.0, 5.0, n),
            "p_slip": rng.beta(2.0, 20.0, n).clip(0.01, 0.3),
            "p_guess": rng.beta(4.0, 16.0, n).clip(0.05, 0.4),
            "p_forget": rng.beta(2.0, 150.0, n),
        }
    )


def draw_learner(courses: Catalogue, popularity: np.ndarray, rng: np.random.Generator) -> dict[str, object]:
    """Languages (by the catalogue's share), a taste for subjects, and one to three courses to suit them."""
    names = list(courses.courses)
    spoken = [courses.languages[name] for name in names]
    tongues, counts = np.unique(spoken, return_counts=True)
    wanted = 2 if len(tongues) > 1 and rng.random() < 0.3 else 1
    languages = rng.choice(tongues, size=wanted, replace=False, p=counts / counts.sum())
    subjects = sorted(set(courses.subjects.values()))
    taste = dict(zip(subjects, rng.dirichlet(np.full(len(subjects), 0.4)) + 0.01, strict=True))
    readable = np.isin(spoken, languages)
    weight = popularity * readable * [taste[courses.subjects[name]] for name in names]
    size = min(int(rng.choice([1, 2, 3], p=[0.3, 0.45, 0.25])), int(readable.sum()))
    chosen = rng.choice(len(names), size=size, replace=False, p=weight / weight.sum())
    return {
        "ability": float(rng.normal()),
        "languages": tuple(str(language) for language in languages),
        "interests": tuple(names[i] for i in chosen),
    }
