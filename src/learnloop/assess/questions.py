"""Which questions a placement may ask: those of a course, or of some concepts, as a bank.

item_id demo:courses/python-basics/loops#q1   asks for demo:loops, which needs demo:conditions
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess.bank import Bank
from learnloop.errors import BadInput
from learnloop.schemas import ANSWERS, Tracer, empty

KINDS = ("exercise", "question")
OF_THE_BANK = "question:"  # those have a status, and their answers are graded: a placement's caller does both
LEAST_QUESTIONS = 3
MOST_CONCEPTS = 60  # more take seconds an answer, and hundreds of questions
PER_CONCEPT = 12  # more say little more, and each costs time and memory


def questions_of(
    kinds: Mapping[str, str],
    parents: Mapping[str, str | None],
    taught: Mapping[str, Sequence[str]],
    *,
    course: str = "",
    concept_ids: Collection[str] = (),
) -> pd.DataFrame:
    """item_id, concept_id of the questions below `course`, at any depth, and of `concept_ids` alone.

    kinds and parents: of every item; taught: its concepts. Without `course`, of all courses; without
    `concept_ids`, of all concepts. A question whose own parts are questions is left out: the parts are
    answered; and so is a question of the bank. Raises BadInput where too few are left, or too many concepts.
    """
    whole = {parents.get(item_id) for item_id, kind in kinds.items() if kind in KINDS}
    wanted = set(concept_ids)
    found = [
        (item_id, concept_id)
        for item_id, kind in kinds.items()
        if kind in KINDS and item_id not in whole and taught.get(item_id)
        if not item_id.startswith(OF_THE_BANK)
        if not wanted or wanted.issuperset(taught[item_id])
        if not course or course in _above(item_id, parents)
        for concept_id in taught[item_id]
    ]
    frame = pd.DataFrame(found, columns=["item_id", "concept_id"]).astype("str")
    n_items, n_concepts = frame["item_id"].nunique(), frame["concept_id"].nunique()
    where, field = (f"course {course!r}", "course") if course else ("these concepts", "concepts")
    if n_items < LEAST_QUESTIONS:
        raise BadInput(
            f"{where}: {n_items} questions that have a concept; a placement needs {LEAST_QUESTIONS} or more",
            field=field,
        )
    if n_concepts > MOST_CONCEPTS:
        raise BadInput(
            f"{where}: {n_concepts} concepts; a placement takes {MOST_CONCEPTS} at most",
            "name the concepts you want to know of",
            field,
        )
    return frame


def bank_of(
    questions: pd.DataFrame,
    prerequisites: pd.DataFrame,
    difficulties: pd.DataFrame | None = None,
    p_new: Mapping[str, float] | None = None,
) -> Bank:
    """The bank of `questions_of`, at most PER_CONCEPT for each concept, from easy to hard.

    difficulties: item_id, difficulty (logits) as a tracer tells them; p_new: P(correct) of a learner nobody
    knows, by item_id, from any tracer. It says how easy each concept is, and where there are no
    difficulties, how hard each question is. Without both, all are alike.
    """
    harder, easiness = difficulties, None
    if p_new:
        p = np.clip([p_new[item_id] for item_id in questions["item_id"]], 0.01, 0.99)
        told = questions.assign(easiness=np.log(p / (1 - p)))
        easiness = told.groupby("concept_id", as_index=False)["easiness"].mean()
        if harder is None:
            harder = told.drop_duplicates("item_id").assign(difficulty=-told["easiness"])
    if harder is not None:
        harder = harder[harder["item_id"].isin(questions["item_id"])]
        if not np.isfinite(harder["difficulty"].to_numpy(dtype=float)).all() or harder.empty:
            harder = None
    return Bank.of(_few(questions, harder), prerequisites, harder, easiness)


def told_by(tracer: Tracer, questions: pd.DataFrame) -> tuple[pd.DataFrame | None, dict[str, float]]:
    """(difficulties, None where it has none; p_new) that `bank_of` takes, of `questions_of`."""
    concepts_of = questions.groupby("item_id")["concept_id"].agg(tuple)
    item_ids = concepts_of.index.tolist()
    p = tracer.predict_next(empty(ANSWERS), item_ids, concepts_of.tolist())
    difficulties = getattr(tracer, "difficulties", None)
    return difficulties() if difficulties else None, dict(zip(item_ids, p.tolist(), strict=True))


def options_of(attributes: Mapping[str, Any] | None) -> list[str]:
    """What an exercise of multiple choice lets a learner choose from, in its own order; else none."""
    found = (attributes or {}).get("options")
    return [str(one) for one in found] if isinstance(found, list) else []


def _few(questions: pd.DataFrame, difficulties: pd.DataFrame | None) -> pd.DataFrame:
    """PER_CONCEPT questions of each concept, spread evenly over the difficulties there are."""
    known = {} if difficulties is None else difficulties.set_index("item_id")["difficulty"].to_dict()
    middle = float(np.median(list(known.values()))) if known else 0.0
    harder = questions["item_id"].map(lambda item_id: known.get(item_id, middle)).astype(float)
    ordered = questions.assign(harder=harder).sort_values(["concept_id", "harder", "item_id"])
    kept = set[str]()
    for _, rows in ordered.groupby("concept_id"):
        n = len(rows)
        places = np.unique(np.linspace(0, n - 1, min(n, PER_CONCEPT)).round().astype(int))
        kept.update(rows["item_id"].iloc[places])
    return questions[questions["item_id"].isin(kept)]


def _above(item_id: str, parents: Mapping[str, str | None]) -> set[str]:
    """The items that it lies in; a circle of parents ends the climb."""
    found = set[str]()
    at = parents.get(item_id)
    while at is not None and at not in found:
        found.add(at)
        at = parents.get(at)
    return found
