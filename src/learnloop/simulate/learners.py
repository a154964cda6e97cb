"""Learners with a known mind: Bayesian knowledge tracing with forgetting, played forward.

One event, as it leaves (raw text, as a CSV would hold it; the common door does the rest):

    event_id     learner_id  item_id         verb      correct  score  duration_s  occurred_at
    sim-7-1-12   sim-0001    demo:loops-q1   answered  true     1.0    31.5        2026-03-02T18:04:11Z

Each learner knows or does not know each concept (Corbett & Anderson 1994). A lesson teaches what the
learner does not know with p_learn, far less where a prerequisite is missing; an exercise is answered
right with 1 - p_slip or p_guess, shifted by its difficulty; an unused concept is forgotten with p_forget
a day. Abler learners know more at first, learn faster and slip less.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from learnloop.errors import BadInput
from learnloop.simulate.truth import Catalogue, Lesson, Truth, catalogue, draw_learner, knowledge_parameters

WITHOUT_PREREQUISITE = 0.15  # factor on p_learn where a prerequisite is not known
BY_ANSWERING = 0.4  # factor on p_learn of an exercise, against a lesson
DAY = 86_400.0

# item_id, verb, correct, score, duration_s, seconds since the start
Event = tuple[str, str, str, str, float, float]


@dataclass(frozen=True)
class Simulation:
    """events: raw rows as text, by learner and time; truth: what generated them."""

    events: pd.DataFrame
    truth: Truth


def simulate(
    items: pd.DataFrame,
    item_concepts: pd.DataFrame,
    prerequisites: pd.DataFrame,
    *,
    n_learners: int = 600,
    seed: int,
    start: datetime,
    days: int = 90,
) -> Simulation:
    """Events of `n_learners` in the `days` after `start` (UTC where it names no zone).

    items, item_concepts, prerequisites: the contract frames (course > lesson > exercise). The same seed
    gives the same bytes, and learner i does not depend on how many there are. Raises NothingToDo where
    there is no lesson, BadInput for n_learners or days below 1.
    """
    if n_learners < 1 or days < 1:
        raise BadInput(f"cannot simulate {n_learners} learners over {days} days", "--learners 600 --days 90")
    courses = catalogue(items, item_concepts, prerequisites)
    rng = np.random.default_rng([seed, 0])
    concepts = knowledge_parameters(courses.concept_ids, rng)
    # Zipf: the k-th most popular course draws 1/k of the first; which one is first, the seed says
    popularity = 1.0 / (1.0 + rng.permutation(len(courses.courses)))
    asked = [
        item_id for lessons in courses.courses.values() for les in lessons for item_id, _ in les.exercises
    ]
    difficulty = dict(zip(asked, rng.normal(0.0, 0.6, len(asked)), strict=True))

    rows: list[tuple[object, ...]] = []
    learners, knowledge = [], []
    for i in range(1, n_learners + 1):
        own = np.random.default_rng([seed, i])
        name = f"sim-{i:04d}"
        traits = {"learner_id": name, **draw_learner(courses, popularity, own)}
        mind = Mind(courses, concepts, difficulty, float(str(traits["ability"])), own)
        events = live(courses, traits["interests"], mind, own, days)  # type: ignore[arg-type]
        rows += [(f"sim-{seed}-{i}-{k}", name, *event) for k, event in enumerate(events, 1)]
        learners.append(traits)
        knowledge.append(mind.frame(name, courses.concept_ids))
    truth = Truth(
        learners=pd.DataFrame(learners),
        concepts=concepts,
        exercises=pd.DataFrame(
            {"item_id": pd.array(asked, dtype="str"), "difficulty": [difficulty[a] for a in asked]}
        ).astype({"difficulty": float}),
        knowledge=pd.concat(knowledge, ignore_index=True),
    )
    return Simulation(_as_text(rows, start), truth)


class Mind:
    """What one learner knows, concept by concept, as days (float) go by."""

    def __init__(
        self,
        courses: Catalogue,
        concepts: pd.DataFrame,
        difficulty: dict[str, float],
        ability: float,
        rng: np.random.Generator,
    ) -> None:
        def shifted(column: str, logits: float) -> list[float]:
            return _sigmoid(_logit(concepts[column].to_numpy()) + logits).tolist()

        self.requires, self.difficulty, self.rng = courses.requires, difficulty, rng
        self.p_learn = shifted("p_learn", 0.7 * ability)
        self.p_slip = shifted("p_slip", -0.4 * ability)
        self.p_guess = concepts["p_guess"].tolist()
        self.p_forget = concepts["p_forget"].tolist()
        self.last_used = [0.0] * len(concepts)
        self.opportunities = [0] * len(concepts)
        willing = (rng.random(len(concepts)) < shifted("p_init", 0.7 * ability)).tolist()
        # nobody starts out knowing a thing whose prerequisite they do not know; settles in any order
        while True:
            held = [w and all(willing[r] for r in self.requires[c]) for c, w in enumerate(willing)]
            if held == willing:
                break
            willing = held
        self.known = held
        self.now = 0.0

    def knows(self, concept: int) -> bool:
        """Now, after what has been forgotten since the last use."""
        if self.known[concept]:
            idle = self.now - self.last_used[concept]
            # P(still known) = (1 - p_forget)^days; drawn for the days not drawn for yet
            self.known[concept] = self.rng.random() < (1.0 - self.p_forget[concept]) ** idle
        self.last_used[concept] = self.now
        return self.known[concept]

    def practise(self, concepts: tuple[int, ...], factor: float) -> None:
        for concept in concepts:
            self.opportunities[concept] += 1
            if not self.knows(concept):
                ready = all(self.knows(needed) for needed in self.requires[concept])
                chance = self.p_learn[concept] * factor * (1.0 if ready else WITHOUT_PREREQUISITE)
                self.known[concept] = self.rng.random() < chance

    def answer(self, item_id: str, concepts: tuple[int, ...]) -> bool:
        """Right or wrong; the mean over concepts where an exercise asks about several."""
        right = [1.0 - self.p_slip[c] if self.knows(c) else self.p_guess[c] for c in concepts] or [0.5]
        p = float(_sigmoid(_logit(np.mean(right)) - self.difficulty[item_id]))
        correct = bool(self.rng.random() < p)
        self.practise(concepts, BY_ANSWERING)
        return correct

    def frame(self, learner_id: str, concept_ids: list[str]) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "learner_id": pd.array([learner_id] * len(concept_ids), dtype="str"),
                "concept_id": pd.array(concept_ids, dtype="str"),
                "known": pd.array([self.knows(c) for c in range(len(concept_ids))], dtype=bool),
                "opportunities": self.opportunities,
            }
        )


def live(
    courses: Catalogue, interests: tuple[str, ...], mind: Mind, rng: np.random.Generator, days: int
) -> list[Event]:
    """One learner's events, in time order."""
    ahead = {course: list(courses.courses[course]) for course in interests}
    read: list[Lesson] = []
    events: list[Event] = []
    wish = float(np.clip(rng.lognormal(np.log(42), 0.45), 8, 140))  # events this learner has time for
    rhythm = rng.lognormal(0.9, 0.5)  # days between sessions
    day = float(rng.uniform(0, 0.75 * days))
    while len(events) < wish and (any(ahead.values()) or rng.random() < 0.8):
        clock = (np.floor(day) + np.clip(rng.normal(18.5, 3.0), 6, 23) / 24) * DAY + rng.integers(0, 3600)
        clock = max(clock, events[-1][5] + 600 if events else 0.0)
        if clock >= days * DAY:
            break
        for lesson, is_new in _session(ahead, read, rng):
            clock = _study(lesson, is_new, clock, days * DAY, mind, events, rng)
        day = max(day, clock / DAY - 0.5) + rng.exponential(rhythm) + 0.3
    return events


def _session(
    ahead: dict[str, list[Lesson]], read: list[Lesson], rng: np.random.Generator
) -> list[tuple[Lesson, bool]]:
    """One to three lessons: mostly the next of a course, sometimes further on, sometimes one to revisit."""
    plan: list[tuple[Lesson, bool]] = []
    for _ in range(int(rng.integers(1, 4))):
        open_courses = [course for course, lessons in ahead.items() if lessons]
        if read and (not open_courses or rng.random() < 0.15):
            plan.append((read[int(rng.integers(len(read)))], False))
        elif open_courses:
            # the first interest is the strongest
            lessons = ahead[open_courses[min(int(rng.geometric(0.6)) - 1, len(open_courses) - 1)]]
            lesson = lessons.pop(0 if rng.random() < 0.88 else int(rng.integers(len(lessons))))
            read.append(lesson)
            plan.append((lesson, True))
    return plan


def _study(
    lesson: Lesson,
    is_new: bool,
    clock: float,
    end: float,
    mind: Mind,
    events: list[Event],
    rng: np.random.Generator,
) -> float:
    """Reads the lesson, answers its exercises; the time after it. A revisit may go straight to them."""
    if is_new or rng.random() < 0.4:
        finished = rng.random() < 0.85
        spent = round(lesson.seconds * rng.lognormal(0.0, 0.4) * (1.0 if finished else 0.25), 1)
        clock += spent
        if clock >= end:
            return clock
        mind.now = clock / DAY
        events.append((lesson.item_id, "completed" if finished else "experienced", "", "", spent, clock))
        if not finished:
            return clock
        mind.practise(lesson.concepts, 1.0)
    for item_id, concepts in lesson.exercises:
        if rng.random() < 0.1:  # skipped
            continue
        spent = round(float(rng.lognormal(3.4, 0.5)), 1)
        clock += spent + float(rng.integers(2, 20))
        if clock >= end:
            return clock
        mind.now = clock / DAY
        correct = mind.answer(item_id, concepts)
        score = "1.0" if correct else "0.0"
        events.append((item_id, "answered", str(correct).lower(), score, spent, clock))
    return clock


def _as_text(rows: list[tuple[object, ...]], start: datetime) -> pd.DataFrame:
    columns = ["event_id", "learner_id", "item_id", "verb", "correct", "score", "duration_s", "occurred_at"]
    events = pd.DataFrame(rows, columns=columns)
    origin = pd.Timestamp(start)
    origin = origin.tz_localize("UTC") if origin.tzinfo is None else origin.tz_convert("UTC")
    times = origin + pd.to_timedelta(events["occurred_at"].astype(float).astype("int64"), unit="s")
    events["occurred_at"] = times.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    events["duration_s"] = events["duration_s"].map(str)
    events = events.astype(dict.fromkeys(columns, "str"))
    return events.mask(events == "")


def _sigmoid(x: np.ndarray | float) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.asarray(x)))


def _logit(p: np.ndarray | float) -> np.ndarray:
    return np.log(np.asarray(p) / (1.0 - np.asarray(p)))
