"""place: one learner's placement test at the command line, from the database and the champion alone.

It is the same test as over the API: one that was begun here goes on there, and each answer is an event.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd

from learnloop.assess import questions
from learnloop.assess.bank import Bank
from learnloop.assess.placement import Rules
from learnloop.assess.sitting import Sitting
from learnloop.errors import BadInput, LearnloopError, UnknownThing
from learnloop.prepare.answers import item_concept_lookup
from learnloop.schemas import Tracer
from learnloop.store import placements, prerequisites, reading
from learnloop.store.pseudonyms import pseudonym
from learnloop.workflow import paths
from learnloop.workflow.context import Loop

Ask = Callable[["Question"], bool | None]  # whether it was answered rightly; None: not now


@dataclass(frozen=True)
class Question:
    """What is asked. options: [] where the answer is written; key: "" where nobody told it."""

    number: int
    item_id: str
    title: str
    text: str
    options: list[str]
    key: str


def place(
    loop: Loop,
    *,
    learner: str,
    outside_id: str = "",
    course: str = "",
    concepts: tuple[str, ...] = (),
    most: int = 60,
    ask: Ask = lambda question: None,
) -> dict[str, Any]:
    """Asks until the test is over, or `ask` says None; then it waits, and the same call goes on with it.

    learner: a learner_id, or the source of `outside_id`. Raises UnknownThing for a course or a concept there
    is not, BadInput where there are too few questions, NothingToDo before the first release.
    """
    learner_id = _learner_id(loop, learner, outside_id)
    items = reading.items(loop.engine)
    row = _begun(loop, items, learner_id, _scope(loop, items, course, concepts), most)
    sitting = Sitting.resume(Bank.from_dict(row["bank"]), row["session"])
    rows = items.set_index("item_id")
    while sitting.asked is not None:
        question = _question(rows, sitting)
        correct = ask(question)
        if correct is None:
            return {**_head(row), "status": "open", "question": _shown(question)}
        sitting.answer(correct)
        kept = sitting.to_dict()
        if placements.answer(loop.engine, row, kept, datetime.now(UTC), "placement") is None:
            raise LearnloopError(
                "somebody answered this question meanwhile", "type the same command again to go on"
            )
        row = {**row, "session": kept, "answered": len(kept["answers"])}
    return {**_head(row), "status": "finished", "stopped": row["session"]["stopped"], **_found(loop, sitting)}


def from_file(path: Path) -> Ask:
    """Answers from a CSV file with the columns item_id and correct (1 or 0); None for what is not in it.

    Raises BadInput.
    """
    frame = paths.table(path, ["item_id", "correct"], "answers")
    right = (
        frame["correct"].str.strip().str.lower().map({"1": True, "true": True, "0": False, "false": False})
    )
    if right.isna().any():
        line = int(right.isna().to_numpy().argmax()) + 2
        raise BadInput(
            f"{path}: line {line}: correct is 1 or 0", "write 1 for right and 0 for wrong", "correct"
        )
    known = dict(zip(frame["item_id"], right.astype(bool), strict=True))
    return lambda question: known.get(question.item_id)


def _learner_id(loop: Loop, learner: str, outside_id: str) -> str:
    if outside_id:
        return pseudonym(loop.pseudonym_key, learner, outside_id)
    if not re.fullmatch(r"[0-9a-f]{32}", learner):
        raise BadInput(f"{learner!r} is no learner_id", "learnloop learner SOURCE ID", "learner")
    return learner


def _scope(loop: Loop, items: pd.DataFrame, course: str, concepts: tuple[str, ...]) -> dict[str, Any]:
    if bool(course) == bool(concepts):
        raise BadInput("give a course or concepts, one of them", "--course ITEM_ID", "course")
    if course:
        if course not in set(items["item_id"]):
            raise UnknownThing(f"there is no course {course!r}", "learnloop status")
        return {"course": course}
    known = set(reading.concepts(loop.engine)["concept_id"])
    for concept_id in concepts:
        if concept_id not in known:
            raise UnknownThing(f"there is no concept {concept_id!r}", "learnloop status")
    return {"concepts": sorted(set(concepts))}


def _begun(
    loop: Loop, items: pd.DataFrame, learner_id: str, scope: Mapping[str, Any], most: int
) -> dict[str, Any]:
    row = placements.unfinished(loop.engine, learner_id, scope)
    if row is not None:
        return row
    parents = items["parent_id"].astype(object).where(items["parent_id"].notna(), None)
    found = questions.questions_of(
        dict(zip(items["item_id"], items["kind"], strict=True)),
        dict(zip(items["item_id"], parents, strict=True)),
        item_concept_lookup(items, reading.item_concepts(loop.engine)),
        course=scope.get("course", ""),
        concept_ids=scope.get("concepts", ()),
    )
    tracer = _tracer(loop)
    told = (None, None) if tracer is None else questions.told_by(tracer, found)
    bank = questions.bank_of(found, prerequisites.gating(loop.engine), *told)
    placement_id = uuid4()
    sitting = Sitting.begin(bank, Rules(most=most), placement_id.int % 2**32)
    given = (placement_id, learner_id, scope, sitting.to_dict(), bank.to_dict(), datetime.now(UTC))
    return placements.begin(loop.engine, *given)


def _tracer(loop: Loop) -> Tracer | None:
    """The champion's; None where it was trained without answers. Raises NothingToDo without a champion."""
    from learnloop.trace import stored

    folder = loop.registry.champion().folder / "tracer"
    return stored.load(folder) if folder.exists() else None


def _question(rows: pd.DataFrame, sitting: Sitting) -> Question:
    item_id, number = str(sitting.asked), len(sitting.session.state.answers) + 1
    if item_id not in rows.index:  # gone since the test began
        return Question(number, item_id, item_id, "", [], "")
    row = rows.loc[item_id]
    key = str(row["answer"]) if pd.notna(row["answer"]) else ""
    return Question(number, item_id, row["title"], row["text"], questions.options_of(row["attributes"]), key)


def _shown(question: Question) -> dict[str, Any]:
    return {name: value for name, value in vars(question).items() if name != "key"}


def _head(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "placement_id": str(row["placement_id"]),
        "learner_id": row["learner_id"],
        **row["scope"],
        "answered": row["answered"],
    }


def _found(loop: Loop, sitting: Sitting) -> dict[str, Any]:
    concepts = reading.concepts(loop.engine)
    titles = dict(zip(concepts["concept_id"], concepts["title"], strict=True))
    found = sitting.result()
    found.insert(1, "title", [titles.get(one, one) for one in found["concept_id"]])
    return {"expected_wrong": sitting.session.expected_wrong, "concepts": found.to_dict("records")}
