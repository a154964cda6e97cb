"""A small school with known prerequisites, a real release trained on simulated learners, and good events."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from starlette.testclient import TestClient

from learnloop import schemas
from learnloop.prepare.answers import to_answers
from learnloop.recommend.als import IALS
from learnloop.recommend.ease import EASE
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.reasons import Companions
from learnloop.recommend.signals import signals
from learnloop.serve.app import create_app
from learnloop.settings import Settings
from learnloop.store import api_keys, loading, releases
from learnloop.store.pseudonyms import pseudonym
from learnloop.trace.logistic import LogisticTracer
from learnloop.trace.memory import Memory

KEY = "k" * 40
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)  # for the learners: soon after what the tests tell, not years
# Concepts a course teaches in order; each lesson needs the concept of the one before.
COURSES = {
    "python": ("en", ["Variables", "Conditions", "Loops", "Functions", "Modules", "Classes"]),
    "cells": ("en", ["Membranes", "Nucleus", "Mitosis", "Meiosis"]),
    "cocina": ("es", ["Cortar", "Hervir", "Freír", "Hornear"]),
}


def lesson(course: str, number: int) -> str:
    return f"school:{course}/lesson-{number}"


def concept(course: str, number: int) -> str:
    return f"school:{course}-{COURSES[course][1][number].lower()}"


def catalogue() -> dict[str, pd.DataFrame]:
    """Courses > lessons > two exercises each; lesson n requires what lesson n - 1 teaches."""
    items, concepts, taught, needs = [], [], [], []

    def item(item_id: str, kind: str, parent: str | None, place: int, title: str, language: str) -> None:
        items.append(
            {
                "item_id": item_id,
                "source": "school",
                "kind": kind,
                "parent_id": parent,
                "position": place,
                "title": title,
                "text": f"All about {title}." if kind == "lesson" else "",
                "abstract": None,
                "language": language,
                "subject": None,
                "level": ("beginner" if place < 2 else "advanced") if kind == "lesson" else None,
                "duration_s": 300.0 * (place + 1) if kind == "lesson" else None,
                "licence": "CC0-1.0" if language == "en" else "CC-BY-4.0",
                "url": f"http://127.0.0.1/{item_id.partition(':')[2]}",
                "answer": "the key of it" if kind == "exercise" else None,
                "attributes": {"hint": "the hint of it"} if kind == "exercise" else {},
            }
        )

    for course, (language, titles) in COURSES.items():
        item(f"school:{course}", "course", None, 0, course.capitalize(), language)
        for place, title in enumerate(titles):
            item(lesson(course, place), "lesson", f"school:{course}", place, title, language)
            concepts.append({"concept_id": concept(course, place), "title": title, "language": language})
            taught.append({"item_id": lesson(course, place), "concept_id": concept(course, place)})
            if place:
                needs.append(
                    {
                        "concept_id": concept(course, place),
                        "requires_id": concept(course, place - 1),
                        "origin": "authored",
                        "confidence": 1.0,
                    }
                )
            for number in (1, 2):
                name = f"{lesson(course, place)}#q{number}"
                item(name, "exercise", lesson(course, place), number, f"{title} {number}", language)
    return {
        "items": pd.DataFrame(items),
        "concepts": pd.DataFrame(concepts),
        "item_concepts": pd.DataFrame(taught),
        "prerequisites": pd.DataFrame(needs),
        "questions": questions(),
    }


def questions() -> pd.DataFrame:
    rows = [
        {
            "question_id": f"q-{origin}",
            "item_id": lesson("python", 0),
            "kind": "multiple_choice",
            "stem": "What holds a value?",
            "key": "the secret key",
            "options": ["the secret key", "a loop", "a class"],
            "quote": "A variable, the secret key, holds a value.",
            "span_start": 0,
            "span_end": 5,
            "source_sha256": "0" * 64,
            "language": "en",
            "origin": origin,
            "provenance": {"seed": 1},
        }
        for origin in ("authored", "generated")
    ]
    return pd.DataFrame(rows)


def simulated(learners: int = 40, seed: int = 7) -> pd.DataFrame:
    """INTERACTIONS: each learner walks one or two courses in order, more often right the later the try."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for number in range(learners):
        who = pseudonym(KEY.encode(), "simulated", str(number))
        skill = rng.normal(0.8, 0.5)
        moment = START + timedelta(hours=int(rng.integers(0, 400)))

        def add(item_id: str, verb: str, correct: bool | None = None, who: str = who) -> None:
            nonlocal moment
            moment += timedelta(minutes=3)
            rows.append(
                {
                    "event_id": f"sim:{len(rows)}",
                    "learner_id": who,
                    "item_id": item_id,
                    "verb": verb,
                    "correct": correct,
                    "score": None,
                    "duration_s": 60.0,
                    "occurred_at": moment,
                    "source": "simulated",
                }
            )

        for course in rng.permutation(list(COURSES))[: rng.integers(1, 3)]:
            for place in range(int(rng.integers(2, len(COURSES[course][1]) + 1))):
                add(lesson(course, place), "completed")
                for attempt in range(4):
                    right = rng.random() < 1 / (1 + np.exp(-(skill + 0.5 * attempt)))
                    add(f"{lesson(course, place)}#q{attempt % 2 + 1}", "answered", bool(right))
    return schemas.check(pd.DataFrame(rows), schemas.INTERACTIONS, "simulated")


@cache
def answered() -> pd.DataFrame:
    frames = catalogue()
    return to_answers(simulated(), frames["items"], frames["item_concepts"])


@cache
def tracer() -> LogisticTracer:
    return LogisticTracer().fit(answered())


@cache
def memory() -> Memory:
    return Memory().fit(answered())


def release_folder(folder: Path, factors: int, seed: int, with_tracer: bool = True) -> Path:
    """The layout of a release, fitted for real and sealed."""
    done = signals(simulated(), catalogue()["items"])
    models: dict[str, Any] = {
        "recommender/ials": IALS(factors=factors, iterations=5, seed=seed).fit(done),
        "recommender/popularity": Popularity().fit(done),
        "recommender/ranker": EASE().fit(done) if seed == 0 else IALS(factors=factors, seed=9).fit(done),
        "recommender/companions": Companions().fit(done),
    }
    if with_tracer:
        models |= {"tracer": tracer(), "memory": memory()}
    for name, model in models.items():
        (folder / name).mkdir(parents=True)
        model.save(folder / name)
    (folder / "metrics.json").write_text('{"ranking": {"ials": {"ndcg": {"value": 0.5}}}}')
    releases.seal(folder, {"split_at": "2026-01-20T00:00:00+00:00", "seed": seed})
    return folder


MODEL_CODE = """
import mlflow


class Nothing(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str], params=None) -> list[str]:
        return []


mlflow.models.set_model(Nothing())
"""


@dataclass
class School:
    """A database with the catalogue, two registered releases of which the first is champion, and keys."""

    settings: Settings
    database_url: str
    engine: sa.Engine
    registry: releases.Registry
    keys: dict[str, str]

    def token(self, learner_id: str) -> str:
        return api_keys.create(self.engine, "learner", learner_id)

    def headers(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[role]}"}

    def learner(self, name: str) -> dict[str, str]:
        """Headers of a new key of one learner."""
        return {"Authorization": f"Bearer {self.token(learner_id(name))}"}

    @contextmanager
    def client(self, role: str = "service", **options: Any) -> Iterator[TestClient]:
        app = create_app(self.settings, self.database_url, **{"clock": lambda: NOW, **options})
        with TestClient(app, headers=self.headers(role), raise_server_exceptions=False) as client:
            yield client

    @contextmanager
    def newer_lesson(self, item_id: str, concept_id: str | None = None) -> Iterator[None]:
        """One more lesson, for as long as the block runs."""
        lesson_row = catalogue()["items"].iloc[[1]].assign(item_id=item_id)
        try:
            loading.load(self.engine, "items", lesson_row)
            if concept_id is not None:
                pair = pd.DataFrame([{"item_id": item_id, "concept_id": concept_id}])
                loading.load(self.engine, "item_concepts", pair)
            self.engine.dispose()  # an idle session holds its statistics back for some seconds
            yield
        finally:
            with self.engine.begin() as connection:
                for table in ("items", "item_concepts"):
                    where = f"DELETE FROM {table} WHERE item_id = :item_id"  # noqa: S608
                    connection.execute(sa.text(where), {"item_id": item_id})
            self.engine.dispose()

    def rows(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.scalar(sa.text("SELECT count(*) FROM interactions")) or 0)


_numbers = count()


def event(item_id: str = lesson("python", 0), **changes: Any) -> dict[str, Any]:
    """A good event, new each time."""
    number = next(_numbers)
    base = {
        "event_id": f"test:{number}",
        "learner": {"source": "moodle", "id": "ana"},
        "item_id": item_id,
        "verb": "completed",
        "occurred_at": (datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=number)).isoformat(),
    }
    return {**base, **changes}


def learner_id(outside_id: str, source: str = "moodle") -> str:
    return pseudonym(KEY.encode(), source, outside_id)
