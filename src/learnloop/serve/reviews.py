"""What a learner is about to forget, and what to review it with. Empty where the release has no memory."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from learnloop.recommend.policy import Catalogue, ordered
from learnloop.schemas import Reason, Step
from learnloop.serve import beliefs
from learnloop.serve.beliefs import AIMS, THRESHOLD
from learnloop.serve.histories import History
from learnloop.serve.state import Serving, Shelf

MOST = 10  # reviews among the candidates


def added(
    serving: Serving,
    history: History,
    shelf: Shelf,
    steps: Sequence[Step],
    mastery: Mapping[str, float],
    closed: Collection[str],
    at: pd.Timestamp,
) -> list[Step]:
    """`steps` and, at the end, what to go back to: what is fading, and what is not mastered though all that
    teaches it was done. Each as relevant as the least of `steps`."""
    told = {step.item_id: step for step in steps}
    lowest = min((step.score for step in steps), default=0.0)
    fading = dict(due(serving, history, at)[:MOST])
    back = [*fading, *(c for c in unfinished(serving, history, shelf.catalogue, mastery) if c not in fading)]
    for concept in back:
        item_id = to_review_with(serving, history, shelf.catalogue, concept, mastery, closed)
        if item_id is None:
            continue
        step = told.get(item_id, Step(item_id, lowest, ()))
        given = {reason.code: reason for reason in step.reasons}
        evidence = {"concept": concept, "mastery": round(mastery.get(concept, 0.0), 2)}
        given.setdefault("review", Reason("review", evidence))
        if concept in fading:
            recall = round(fading[concept], 2)
            given.setdefault("fading", Reason("fading", {"concept": concept, "recall": recall}))
        told[item_id] = Step(item_id, step.score, ordered(given.values()))
    return list(told.values())


def unfinished(
    serving: Serving, history: History, catalogue: Catalogue, mastery: Mapping[str, float]
) -> list[str]:
    """Concepts answered on and not mastered that no new item teaches: MOST of them, the least mastered first.

    Without this a learner who has done all there is for a concept, and failed, would never see it again
    unless something waits for it.
    """
    since, _ = beliefs.since(serving, history)
    answered = {c for event in history.answers for c in serving.content.taught.get(event.item_id, ())}
    lacking = [
        concept
        for concept in answered
        if not mastery.get(concept, 0.0) >= THRESHOLD
        and all(item_id in since for item_id in catalogue.teachers.get(concept, ()))
    ]
    return sorted(lacking, key=lambda concept: (mastery.get(concept, 0.0), concept))[:MOST]


def due(serving: Serving, history: History, at: pd.Timestamp) -> list[tuple[str, float]]:
    """(concept_id, recall) where it fell below its target, the least recalled first."""
    found = beliefs.recall(serving, history, at)
    below = [(c, one.recall) for c, one in found.items() if one.recall < AIMS.recall_target]
    return sorted(below, key=lambda pair: (pair[1], pair[0]))


def to_review_with(
    serving: Serving,
    history: History,
    catalogue: Catalogue,
    concept: str,
    mastery: Mapping[str, float],
    closed: Collection[str],
) -> str | None:
    """Of the items done that teach it, the one done longest ago; none where it needs what is not mastered."""
    since, _ = beliefs.since(serving, history)
    whole = serving.shelf().catalogue
    ready = [
        item_id
        for item_id in catalogue.teachers.get(concept, ())
        if item_id in since
        and item_id not in closed
        and all(mastery.get(needed, 0.0) >= THRESHOLD for needed in whole.requires(item_id))
    ]
    return max(ready, key=lambda item_id: (since[item_id], item_id), default=None)


def table(
    serving: Serving, history: History, at: pd.Timestamp, closed: Collection[str]
) -> list[dict[str, Any]]:
    """concept_id, title, recall, half_life_days, due_at, due, mastery, item_id of every concept practised,
    the first to be due first.

    recall: the share of what was known right after the last practice that is recalled at `at`; due_at: when
    it falls to AIMS.recall_target; due: whether it has. item_id: what to review with, never of the `closed`
    (as of `advice.closed_to`), or None.
    """
    titles, mastery = serving.content.concept_titles, beliefs.known(serving, history, at)
    catalogue = serving.shelf().catalogue
    rows = [
        {
            "concept_id": concept,
            "title": titles.get(concept, concept),
            **one._asdict(),
            "due": one.recall < AIMS.recall_target,
            "mastery": mastery.get(concept),
            "item_id": to_review_with(serving, history, catalogue, concept, mastery, closed),
        }
        for concept, one in beliefs.recall(serving, history, at).items()
    ]
    return sorted(rows, key=lambda row: (row["due_at"], row["concept_id"]))
