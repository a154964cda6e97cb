"""From a ranking to next steps: prerequisites decide what may come, and each step says why it is there.

The invariant, kept for any graph: no step has a concept with a prerequisite that the learner has not
mastered. Where a ranked item breaks it, the missing prerequisite's own item takes its place, down the
chain to the first one the learner can start. An instructor's pin comes first, and obeys it too.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Self

import numpy as np
import pandas as pd

from learnloop.recommend.prerequisites import Dropped, usable
from learnloop.recommend.signals import roll_up
from learnloop.schemas import Reason, Step

VERSION = "4"  # of what decides which steps are shown; logged with each decision

# A step's reasons come in this order, the most telling first.
ORDER = (
    *("pinned", "fills_gap", "review", "fading", "because_finished", "next_in_course", "others_did"),
    *("similar", "popular_in_course", "right_level", "opens", "ready", "popular", "start_here"),
)
# A step that has one of these alone did not come by its own place in the ranking.
SENT_FOR = frozenset({"pinned", "fills_gap", "review", "fading"})
POPULAR_SHARE = 0.2  # the most done fifth of the items may be called popular

# (history, item_id) -> what speaks for the item: `recommend.reasons`
Explain = Callable[[Sequence[str], str], Sequence[Reason]]


class Catalogue:
    """What the policy needs to know of items and concepts, indexed once for many learners.

    items: item_id -> {"kind", "parent_id", "position"} (missing values None or NA). item_concepts:
    item_id -> concepts taught; an exercise's concepts count for its lesson where the lesson names none.
    prerequisites: concept_id -> required concept_ids. popularity: item_id -> learners who did it.
    `dropped` holds the prerequisites nobody could satisfy, `untaught` those no item teaches.
    """

    def __init__(
        self,
        items: Mapping[str, Mapping[str, Any]],
        item_concepts: Mapping[str, Sequence[str]],
        prerequisites: Mapping[str, Sequence[str]],
        popularity: Mapping[str, int] | None = None,
    ) -> None:
        parents = {item_id: item.get("parent_id") for item_id, item in items.items()}
        self.rolls_up = roll_up({item_id: item.get("kind") for item_id, item in items.items()}, parents)
        self.reachable = set(self.rolls_up.values())
        self.concepts = self._concepts(item_concepts)
        self.teachers: dict[str, list[str]] = {}
        for item_id in sorted(self.concepts):
            for concept in self.concepts[item_id]:
                self.teachers.setdefault(concept, []).append(item_id)
        self.dropped: list[Dropped]
        self.prerequisites, self.dropped = usable(prerequisites, self.teachers)
        self._requires: dict[str, list[str]] = {}  # by item, once asked for
        self.untaught = sorted(
            {requires for needs in self.prerequisites.values() for requires in needs} - set(self.teachers)
        )
        self.learners = {item_id: int(count) for item_id, count in (popularity or {}).items() if count > 0}
        self.course = {
            item_id: parent for item_id in self.reachable if isinstance(parent := parents[item_id], str)
        }
        counts: dict[str | None, list[int]] = {}
        for item_id, count in self.learners.items():
            if item_id in self.reachable:
                for group in {None, self.course.get(item_id)}:
                    counts.setdefault(group, []).append(count)
        # None stands for the whole catalogue
        self._popular_from = {
            group: max(2.0, float(np.quantile(found, 1 - POPULAR_SHARE))) for group, found in counts.items()
        }
        self._courses, self._places = self._by_position(items)

    def _concepts(self, item_concepts: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        own: dict[str, set[str]] = {}
        from_exercises: dict[str, set[str]] = {}
        for item_id, concepts in item_concepts.items():
            target = self.rolls_up.get(item_id)
            if target is not None:
                (own if target == item_id else from_exercises).setdefault(target, set()).update(concepts)
        return {item_id: tuple(sorted(found)) for item_id, found in {**from_exercises, **own}.items()}

    @classmethod
    def from_frames(
        cls,
        items: pd.DataFrame,
        item_concepts: pd.DataFrame,
        prerequisites: pd.DataFrame,
        popularity: Mapping[str, int] | None = None,
    ) -> Self:
        """From schemas.ITEMS, ITEM_CONCEPTS and PREREQUISITES."""
        names = ("kind", "parent_id", "position")
        columns = (items[name].astype(object).tolist() for name in ("item_id", *names))
        lookup = {item_id: dict(zip(names, row, strict=True)) for item_id, *row in zip(*columns, strict=True)}
        needs = _listed(prerequisites["concept_id"], prerequisites["requires_id"])
        return cls(lookup, _listed(item_concepts["item_id"], item_concepts["concept_id"]), needs, popularity)

    def _by_position(
        self, items: Mapping[str, Mapping[str, Any]]
    ) -> tuple[dict[str, list[str]], dict[str, tuple[str, int]]]:
        """(course -> its items in order, item -> its course and place); only those with a position."""
        placed: dict[str, list[tuple[float, str]]] = {}
        for item_id in self.reachable:
            parent, position = items[item_id].get("parent_id"), items[item_id].get("position")
            if isinstance(parent, str) and not (position is None or pd.isna(position)):
                placed.setdefault(parent, []).append((float(position), item_id))
        courses = {course: [item_id for _, item_id in sorted(found)] for course, found in placed.items()}
        places = {
            item_id: (course, place)
            for course, found in courses.items()
            for place, item_id in enumerate(found)
        }
        return courses, places

    def requires(self, item_id: str) -> list[str]:
        """The prerequisites of all concepts of `item_id`, each once, sorted."""
        found = self._requires.get(item_id)
        if found is None:
            concepts = self.concepts.get(item_id, ())
            found = sorted({needed for concept in concepts for needed in self.prerequisites.get(concept, ())})
            self._requires[item_id] = found
        return found

    def next_in_course(self, seen: set[str]) -> dict[str, str]:
        """item_id -> course, for the item after the furthest one done in each course begun."""
        furthest: dict[str, int] = {}
        for course, place in (self._places[item_id] for item_id in seen if item_id in self._places):
            furthest[course] = max(place, furthest.get(course, 0))
        return {
            self._courses[course][place + 1]: course
            for course, place in furthest.items()
            if place + 1 < len(self._courses[course])
        }

    def is_popular(self, item_id: str, course: str | None = None) -> bool:
        """Among the most done fifth, of everything or of one course."""
        return self.learners.get(item_id, 0) >= self._popular_from.get(course, inf)


def _listed(keys: pd.Series, values: pd.Series) -> dict[str, list[str]]:
    """key -> its values. In plain Python: pandas makes a Series a group, 1.4 s for 100,000 of them."""
    found: dict[str, list[str]] = {}
    for key, value in zip(keys.astype(object).tolist(), values.astype(object).tolist(), strict=True):
        found.setdefault(key, []).append(value)
    return found


@dataclass
class _Plan:
    """The steps of one learner while they are being found; insertion order is the order of the steps."""

    catalogue: Catalogue
    whole: Catalogue
    mastery: Mapping[str, float]
    seen: set[str]
    threshold: float
    place: Mapping[str, int]  # item_id -> place in the ranking
    closed: Collection[str]  # items that must not be shown
    scores: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, list[Reason]] = field(default_factory=dict)
    lacks: dict[str, list[str]] = field(default_factory=dict)  # by item, once found
    ways: dict[str, tuple[str, str] | None] = field(default_factory=dict)  # by concept, once found

    def missing(self, item_id: str) -> list[str]:
        found = self.lacks.get(item_id)
        if found is None:
            # `not >=`, so that a mastery that is unknown or NaN counts as missing
            needs = self.whole.requires(item_id)
            found = self.lacks[item_id] = [c for c in needs if not self.mastery.get(c, 0.0) >= self.threshold]
        return found

    def add(self, item_id: str, score: float, reason: Reason) -> None:
        self.scores.setdefault(item_id, score)
        given = self.reasons.setdefault(item_id, [])
        if all(reason.code != other.code for other in given):
            given.append(reason)

    def fill(self, concept: str, wanted: str, score: float) -> None:
        """Adds the first item on the way down from `concept` that the learner can start."""
        found = self.way(concept)
        if found is None:
            return
        item_id, gap = found
        code = "review" if item_id in self.seen else "fills_gap"
        if all(reason.code != code for reason in self.reasons.get(item_id, ())):  # it mostly is there already
            self.add(item_id, score, self._filling(item_id, gap, wanted))

    def way(self, concept: str) -> tuple[str, str] | None:
        """(the first item on the way down from `concept` that the learner can start, the concept it is for).

        Depth first, each concept once for the whole plan: the graph has no cycle, so what was found from a
        concept holds wherever it is met again.
        """
        path = [self._enter(concept)] if concept not in self.ways else []
        while path:
            here, deeper = path[-1]
            found = self.ways[here]
            needed = next(deeper, None) if found is None else None
            if needed is None:
                path.pop()
                if path and found is not None:
                    self.ways[path[-1][0]] = found
            elif needed not in self.ways:
                path.append(self._enter(needed))
            else:
                self.ways[here] = self.ways[needed]
        return self.ways[concept]

    def _enter(self, concept: str) -> tuple[str, Iterator[str]]:
        """Notes what of `concept` itself can be started; and what its teachers lack."""
        teachers = sorted(
            (one for one in self.catalogue.teachers.get(concept, ()) if one not in self.closed),
            key=lambda item_id: (item_id in self.seen, self.place.get(item_id, inf), item_id),
        )
        start = next((one for one in teachers if not self.missing(one)), None)
        self.ways[concept] = (start, concept) if start is not None else None
        return concept, (needed for item_id in teachers for needed in self.missing(item_id))

    def _filling(self, item_id: str, concept: str, wanted: str) -> Reason:
        if item_id in self.seen:
            known = float(self.mastery.get(concept, 0.0))
            known = known if known >= 0 else 0.0  # NaN: nothing is known
            return Reason("review", {"concept": concept, "mastery": round(known, 2)})
        return Reason("fills_gap", {"concept": concept, "item": wanted})


@dataclass(frozen=True)
class Candidates:
    """Steps that may be shown, in order; the first `fixed` of them are an instructor's will."""

    steps: list[Step]
    fixed: int = 0


def candidates(
    ranked: Sequence[tuple[str, float]],
    *,
    mastery: Mapping[str, float],
    history: Sequence[str],
    catalogue: Catalogue,
    whole: Catalogue | None = None,
    pinned: Sequence[str] = (),
    closed: Collection[str] = (),
    threshold: float = 0.6,
    k: int = 10,
) -> Candidates:
    """At most k steps in the order of `ranked`, with the reasons that need no model (`explained` adds those).

    As `next_steps`; also: `catalogue` may hold a part of the items (a filter), `whole` then holds all, so
    that what is required, next or popular is said of the course and not of the part. `pinned` come first, or
    what their missing prerequisites are taught by, with the best score there is. `closed` are never shown,
    not as a pin or a prerequisite either.
    """
    whole = whole or catalogue
    seen = {whole.rolls_up.get(item_id, item_id) for item_id in history}
    place = {item_id: number for number, (item_id, _) in enumerate(ranked)}
    plan = _Plan(catalogue, whole, mastery, seen, threshold, place, closed)
    following, begun = (
        whole.next_in_course(seen),
        {whole.course[item] for item in seen if item in whole.course},
    )
    best = float(ranked[0][1]) if ranked else 0.0
    wishes = [(item_id, best, True) for item_id in pinned] + [(*pair, False) for pair in ranked]
    fixed = 0
    for item_id, score, is_pin in wishes:
        if len(plan.scores) >= k:
            break
        if item_id not in catalogue.reachable or item_id in seen or item_id in closed:
            continue
        missing = plan.missing(item_id)
        for concept in missing:
            plan.fill(concept, item_id, float(score))
        if not missing:
            reasons = _why(whole, item_id, not history, following.get(item_id), begun)
            for reason in [Reason("pinned"), *reasons] if is_pin else reasons:
                plan.add(item_id, float(score), reason)
        fixed = len(plan.scores) if is_pin else fixed
    chosen = list(plan.scores.items())[: max(k, 0)]
    steps = [Step(item_id, score, ordered(plan.reasons[item_id])) for item_id, score in chosen]
    return Candidates(steps, min(fixed, len(steps)))


def next_steps(
    ranked: Sequence[tuple[str, float]],
    *,
    mastery: Mapping[str, float],
    history: Sequence[str],
    item_concepts: Mapping[str, Sequence[str]] | None = None,
    prerequisites: Mapping[str, Sequence[str]] | None = None,
    items: Mapping[str, Mapping[str, Any]] | None = None,
    popularity: Mapping[str, int] | None = None,
    catalogue: Catalogue | None = None,
    explain: Explain | None = None,
    pinned: Sequence[str] = (),
    closed: Collection[str] = (),
    threshold: float = 0.6,
    k: int = 10,
) -> list[Step]:
    """At most k steps in the order of `ranked`, each with reasons; fewer where fewer can be justified.

    ranked: (item_id, score), best first, the whole ranking where possible. mastery: concept_id ->
    P(knows); a concept that is absent is below any threshold. Either `catalogue`, or what makes one:
    `items`, `item_concepts`, `prerequisites`, `popularity`. A filling item inherits the score of the item
    it opens the way to. Items the catalogue does not hold are passed over.
    """
    if catalogue is None:
        catalogue = Catalogue(items or {}, item_concepts or {}, prerequisites or {}, popularity)
    found = candidates(
        ranked,
        mastery=mastery,
        history=history,
        catalogue=catalogue,
        pinned=pinned,
        closed=closed,
        threshold=threshold,
        k=k,
    )
    return explained(found.steps, history, explain) if explain is not None else found.steps


def explained(steps: Sequence[Step], history: Sequence[str], explain: Explain) -> list[Step]:
    """The steps with what `explain` says for each that came by its own place in the ranking."""
    return [_explained(step, history, explain) for step in steps]


def _explained(step: Step, history: Sequence[str], explain: Explain) -> Step:
    if not history or {reason.code for reason in step.reasons} <= SENT_FOR:
        return step
    told = explain(history, step.item_id)
    if not told:
        return step
    # to somebody who has done something, `start_here` is what is said when nothing else can be
    kept = [reason for reason in step.reasons if reason.code != "start_here"]
    return Step(step.item_id, step.score, ordered([*kept, *told]))


def _why(
    whole: Catalogue, item_id: str, is_new: bool, next_in: str | None, begun: Collection[str]
) -> list[Reason]:
    """The reasons for an item the learner can start; at least one. begun: the learner's courses."""
    found = []
    if next_in is not None:
        found.append(Reason("next_in_course", {"course": next_in}))
    needs = whole.requires(item_id)
    if needs:
        found.append(Reason("ready"))
    course = whole.course.get(item_id)
    if course in begun and whole.is_popular(item_id, course):
        evidence = {"course": course, "learners": whole.learners[item_id]}
        found.append(Reason("popular_in_course", evidence))
    elif whole.is_popular(item_id):
        found.append(Reason("popular", {"learners": whole.learners[item_id]}))
    if is_new and not needs:
        found.append(Reason("start_here"))
    return found or [Reason("start_here")]  # it needs nothing: a place to start, if not in this course


def ordered(reasons: Collection[Reason]) -> tuple[Reason, ...]:
    """The most telling first."""
    return tuple(sorted(reasons, key=lambda reason: ORDER.index(reason.code)))
