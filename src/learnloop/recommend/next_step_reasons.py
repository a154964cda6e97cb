"""Why an item is a learner's next step, in the codes that `i18n` puts into words."""

from typing import TYPE_CHECKING

import numpy as np

from learnloop.recommend.merits import missing
from learnloop.recommend.policy import ORDER
from learnloop.recommend.syllabus import locked
from learnloop.schemas import Reason

if TYPE_CHECKING:
    from learnloop.recommend.next_step import NextSteps


def reasons(found: "NextSteps", learner: int, item: int) -> tuple[Reason, ...]:
    """At least one, the most telling first. learner: its row; item: the code of one that is open to it."""
    syllabus, beliefs = found.syllabus, found.beliefs
    lacking = missing(beliefs, found.aims)
    own = lacking[learner]
    told = [Reason("pinned")] if np.isfinite(found.pinned[learner, item]) else []
    filled = _filled(found, lacking, learner, item)
    if filled is not None:
        concept, wanted = filled
        told.append(_gap(found, learner, concept, str(syllabus.item_ids[wanted])))
    elif beliefs.since_concept is not None:
        # practised, and below the threshold or the target of recall
        low = (
            own | (beliefs.recall[learner] < found.aims.recall_target) if beliefs.recall is not None else own
        )
        worn = np.isfinite(beliefs.since_concept[learner]) & syllabus.teaches[item] & low
        told += [_review(found, learner, int(concept)) for concept in np.flatnonzero(worn)[:1]]
    if all(reason.code == "pinned" for reason in told):
        told.append(Reason("ready") if syllabus.needs[item].any() else Reason("start_here"))
    return tuple(sorted(told, key=lambda reason: ORDER.index(reason.code)))


def _filled(found: "NextSteps", lacking: np.ndarray, learner: int, item: int) -> tuple[int, int] | None:
    """(concept, the item it opens the way to) where `item` came in that one's place."""
    by_pin, by_wish = found.for_pins[learner, item], found.inherited[learner, item]
    if np.isfinite(by_pin):
        value, wishes = by_pin, found.pinned[learner]
    elif np.isfinite(by_wish) and by_wish >= found.wishes[learner, item]:
        value, wishes = by_wish, found.wishes[learner]
    else:
        return None
    shut = locked(found.syllabus, lacking[learner : learner + 1])[0]
    for goal in np.flatnonzero(shut & (wishes == value)).tolist():
        concept = _leads(found, lacking[learner], learner, item, goal)
        if concept is not None:
            return concept, goal
    return None


def _leads(found: "NextSteps", lacking: np.ndarray, learner: int, item: int, goal: int) -> int | None:
    """The concept of `item` that is met on the way down from `goal`, if one is."""
    syllabus = found.syllabus
    waiting, tried = list(np.flatnonzero(syllabus.needs[goal] & lacking)), set[int]()
    while waiting:
        concept = int(waiting.pop())
        if concept in tried:
            continue
        tried.add(concept)
        teachers = syllabus.teachers[concept]
        if syllabus.teaches[item, concept]:
            return concept
        if not found.open[learner, teachers].any():
            waiting.extend(np.flatnonzero(syllabus.needs[teachers].any(axis=0) & lacking))
    return None


def _gap(found: "NextSteps", learner: int, concept: int, wanted: str) -> Reason:
    since = found.beliefs.since_concept
    if since is not None and np.isfinite(since[learner, concept]):
        return _review(found, learner, concept)
    return Reason("fills_gap", {"concept": str(found.syllabus.concept_ids[concept]), "item": wanted})


def _review(found: "NextSteps", learner: int, concept: int) -> Reason:
    known = float(np.nan_to_num(found.beliefs.mastery[learner, concept]))
    return Reason("review", {"concept": str(found.syllabus.concept_ids[concept]), "mastery": round(known, 2)})
