"""Interactions in, answers out: what a tracer learns from."""

import pandas as pd

from learnloop import schemas


def item_concept_lookup(items: pd.DataFrame, item_concepts: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """item_id -> its concepts, sorted; an item without any has those of the nearest parent with some.

    >>> exercise = {"item_id": "d:l#q1", "parent_id": "d:l"}; lesson = {"item_id": "d:l", "parent_id": None}
    >>> taught = pd.DataFrame({"item_id": ["d:l"], "concept_id": ["d:loops"]})
    >>> item_concept_lookup(pd.DataFrame([exercise, lesson]), taught)["d:l#q1"]
    ('d:loops',)
    """
    own = item_concepts.groupby("item_id")["concept_id"].agg(lambda ids: tuple(sorted(ids))).to_dict()
    parent = dict(zip(items["item_id"], items["parent_id"], strict=True))
    found = dict(own)  # an item may be answered and taught by before its own record arrives
    for item_id in parent:
        at, climbed = item_id, {item_id}
        while at not in own and isinstance(parent.get(at), str) and parent[at] not in climbed:
            at = parent[at]
            climbed.add(at)  # a parent loop in the data ends the climb
        found[item_id] = own.get(at, ())
    return found


def to_answers(interactions: pd.DataFrame, items: pd.DataFrame, item_concepts: pd.DataFrame) -> pd.DataFrame:
    """ANSWERS from INTERACTIONS that were answered and marked right or wrong, by learner and time."""
    answered = interactions[(interactions["verb"] == "answered") & interactions["correct"].notna()]
    answered = answered.sort_values(["learner_id", "occurred_at", "event_id"], ignore_index=True)
    lookup = item_concept_lookup(items, item_concepts)
    concept_ids = [lookup.get(item_id, ()) for item_id in answered["item_id"]]
    answers = answered.assign(concept_ids=pd.Series(concept_ids, index=answered.index, dtype=object))
    return schemas.check(answers, schemas.ANSWERS, "answers")
