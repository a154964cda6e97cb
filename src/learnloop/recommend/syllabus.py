"""What is taught by what and needs what, as arrays: who may start which item, and what stands in the way.

    teaches    demo:loops-1 -> demo:loops        requires    demo:loops -> demo:variables

An item is open to a learner where every prerequisite of every concept it teaches is mastered. Where a wanted
item is closed, its value is handed down the chain to the first items that the learner can start.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from learnloop.errors import BadInput
from learnloop.recommend.prerequisites import Dropped, usable


@dataclass(frozen=True)
class Syllabus:
    """item_ids: (n_items,) and concept_ids: (n_concepts,) of str; teaches: (n_items, n_concepts) bool;
    requires: (n_concepts, n_concepts) bool, [c, p] where p is needed for c, without a cycle; minutes:
    (n_items,). `dropped`: the prerequisites nobody could satisfy, for an instructor to see. `needs`:
    (n_items, n_concepts), the prerequisites of all concepts of an item. `waits`: [c, d] where d is somewhere
    above c: it cannot be started before c is mastered.
    """

    item_ids: np.ndarray
    concept_ids: np.ndarray
    teaches: np.ndarray
    requires: np.ndarray
    minutes: np.ndarray
    dropped: tuple[Dropped, ...] = ()
    needs: np.ndarray = field(init=False, repr=False)
    waits: np.ndarray = field(init=False, repr=False)
    teachers: tuple[np.ndarray, ...] = field(init=False, repr=False)  # of each concept, item codes

    def __post_init__(self) -> None:
        teaches = self.teaches.astype(np.float32)
        object.__setattr__(self, "needs", teaches @ self.requires.astype(np.float32) > 0)
        object.__setattr__(self, "waits", _closure(self.requires).T.copy())
        object.__setattr__(self, "teachers", tuple(np.flatnonzero(row) for row in self.teaches.T))

    @classmethod
    def of(
        cls,
        item_ids: Sequence[str] | np.ndarray,
        concept_ids: Sequence[str] | np.ndarray,
        teaches: np.ndarray,
        requires: np.ndarray,
        minutes: np.ndarray | None = None,
    ) -> Self:
        """requires: any graph; what `prerequisites.usable` leaves out of it is in `dropped`. minutes: None is
        0 for all. Raises BadInput where the shapes do not match."""
        n_items, n_concepts = len(item_ids), len(concept_ids)
        minutes = np.zeros(n_items) if minutes is None else np.asarray(minutes, dtype=float)
        for name, array, shape in (
            ("teaches", teaches, (n_items, n_concepts)),
            ("requires", requires, (n_concepts, n_concepts)),
            ("minutes", minutes, (n_items,)),
        ):
            if array.shape != shape:
                raise BadInput(f"{name} has shape {array.shape}, not {shape}", field=name)
        names = [str(one) for one in concept_ids]
        codes = {name: code for code, name in enumerate(names)}
        teachers = {names[c]: [str(i) for i in np.flatnonzero(teaches[:, c])] for c in range(n_concepts)}
        wanted = {names[c]: [names[p] for p in np.flatnonzero(requires[c])] for c in range(n_concepts)}
        graph, dropped = usable(wanted, teachers)
        kept = np.zeros((n_concepts, n_concepts), dtype=bool)
        for concept, needed in graph.items():
            kept[codes[concept], [codes[one] for one in needed]] = True
        return cls(
            np.asarray(item_ids),
            np.asarray(concept_ids),
            teaches.astype(bool),
            kept,
            minutes,
            tuple(dropped),
        )


def _closure(requires: np.ndarray) -> np.ndarray:
    """[c, p] where p is somewhere below c. An acyclic graph settles in as many rounds as its depth."""
    below = requires.copy()
    while True:
        wider = below | (below.astype(np.float32) @ requires.astype(np.float32) > 0)
        if (wider == below).all():
            return below
        below = wider


def locked(syllabus: Syllabus, missing: np.ndarray) -> np.ndarray:
    """(m, n_items) bool: which items have a prerequisite among `missing`, (m, n_concepts) bool."""
    return missing.astype(np.float32) @ syllabus.needs.T.astype(np.float32) > 0


def handed_down(
    syllabus: Syllabus, missing: np.ndarray, closed: np.ndarray, wishes: np.ndarray, merit: np.ndarray
) -> np.ndarray:
    """(m, n_items) the largest wish for a locked item that each item opens the way to; -inf where for none.

    missing: (m, n_concepts) bool, not mastered. closed: (m, n_items) bool, must not be shown, whatever is
    mastered. wishes: (m, n_items), how much each item is wanted, -inf where it is not. Of each missing
    concept's open teachers the one of the largest `merit` (m, n_items) takes the value; where there is none,
    it goes on to what the teachers need, and so on down.
    """
    if not np.isfinite(wishes).any():  # as without any pin
        return np.full(closed.shape, -np.inf)
    shut = locked(syllabus, missing)
    startable = ~shut & ~closed
    waiting = _to_needs(syllabus, np.where(shut & ~closed, wishes, -np.inf), missing)
    taught = startable.astype(np.float32) @ syllabus.teaches.astype(np.float32) > 0
    for _ in range(len(syllabus.concept_ids)):
        stuck = np.where(taught, -np.inf, waiting)
        if not np.isfinite(stuck).any():
            break
        through = np.where(shut & ~closed, _of_concepts(syllabus, stuck), -np.inf)
        further = np.maximum(waiting, _to_needs(syllabus, through, missing))
        if (further == waiting).all():
            break
        waiting = further
    return _to_teachers(syllabus, waiting, startable, merit)


def _to_needs(syllabus: Syllabus, values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """(m, n_concepts) the largest value of an item that needs the concept, where that is missing."""
    found = np.full(missing.shape, -np.inf)
    for concept in np.flatnonzero(syllabus.needs.any(axis=0)):
        found[:, concept] = values[:, syllabus.needs[:, concept]].max(axis=1)
    return np.where(missing, found, -np.inf)


def _of_concepts(syllabus: Syllabus, values: np.ndarray) -> np.ndarray:
    """(m, n_items) the largest value among the concepts of each item."""
    found = np.full((len(values), len(syllabus.item_ids)), -np.inf)
    for concept in np.flatnonzero(np.isfinite(values).any(axis=0)):
        teachers = syllabus.teachers[concept]
        found[:, teachers] = np.maximum(found[:, teachers], values[:, concept, None])
    return found


def _to_teachers(
    syllabus: Syllabus, values: np.ndarray, startable: np.ndarray, merit: np.ndarray
) -> np.ndarray:
    found = np.full(startable.shape, -np.inf)
    everyone = np.arange(len(values))
    for concept in np.flatnonzero(np.isfinite(values).any(axis=0)):
        teachers = syllabus.teachers[concept]
        if not len(teachers):
            continue
        own = np.where(startable[:, teachers], merit[:, teachers], -np.inf)
        best = teachers[own.argmax(axis=1)]
        value = np.where(np.isfinite(own.max(axis=1)), values[:, concept], -np.inf)
        found[everyone, best] = np.maximum(found[everyone, best], value)
    return found
