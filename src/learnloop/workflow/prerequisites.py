"""prerequisites: mined from answers and lessons' texts, then judged by instructors."""

from dataclasses import asdict
from typing import Any

import pandas as pd

from learnloop.errors import NothingToDo
from learnloop.prepare.answers import to_answers
from learnloop.prepare.mined_prerequisites import mined
from learnloop.prepare.prerequisite_graph import acyclic, combined, reduced
from learnloop.prepare.text_prerequisites import from_text
from learnloop.store import prerequisites, reading
from learnloop.store.prerequisites import GATES_FROM
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop

SHOWN = ["concept_id", "requires_id", "origin", "confidence", "verdict", "why", "decided_at", "gates"]
MOST_SHOWN = 200


def mine(
    loop: Loop,
    *,
    answers: bool = True,
    text: bool = True,
    authored_too: bool = False,
    dry_run: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """Looks for prerequisites and stores them, in place of those mined before.

    A source with authored prerequisites keeps to them, unless `authored_too`. What an instructor accepted
    stays, what one refused never comes back. Raises NothingToDo where there is nothing to look at.
    """
    items, item_concepts = reading.items(loop.engine), reading.item_concepts(loop.engine)
    concepts, known = reading.concepts(loop.engine), prerequisites.judged(loop.engine)
    if concepts.empty:
        raise NothingToDo("there are no concepts to find prerequisites of", "learnloop prepare")
    sources, notes = [], []
    if answers:
        with step("mined the answers"):
            told = to_answers(reading.interactions(loop.engine), items, item_concepts)
            try:
                sources.append(mined(told, seed))
            except NothingToDo as error:
                notes.append(str(error))
    if text:
        with step("mined the texts"):
            sources.append(from_text(items, concepts, item_concepts))
    if not sources:
        raise NothingToDo("nothing to mine prerequisites from", "learnloop import --help")
    found = combined(*sources)
    fixed = _edges(known[known["gates"] & _spoken(known)])
    refused = _edges(known[known["verdict"] == "refused"])
    authored = set(_sources(known[known["origin"] == "authored"]))
    kept_to = _sources(found).isin(authored) & (not authored_too)
    again = pd.Series([pair in refused or pair in fixed for pair in _pairs(found)], found.index, dtype=bool)
    whole, circles = acyclic(found[~kept_to & ~again], fixed)
    kept, shortcuts = reduced(whole, fixed)
    changes = {} if dry_run else asdict(prerequisites.replace_mined(loop.engine, kept))
    return {
        "found": {**dict.fromkeys(("mined", "text"), 0), **kept["origin"].value_counts().to_dict()},
        "gating": int((kept["confidence"] >= GATES_FROM).sum()),
        "waiting": int((kept["confidence"] < GATES_FROM).sum()),
        "gates_from": GATES_FROM,
        "left_out": {
            "source has authored ones": int(kept_to.sum()),
            "judged before": int((again & ~kept_to).sum()),
            "in a circle": len(circles),
            "shortcut": len(shortcuts),
        },
        "circles_broken": circles[["concept_id", "requires_id", "confidence"]].to_dict("records"),
        "changes": changes,
        "edges": kept.sort_values("confidence", ascending=False).head(MOST_SHOWN).to_dict("records"),
        "notes": notes,
    }


def listed(
    loop: Loop, *, origin: str | None = None, verdict: str | None = None, limit: int = MOST_SHOWN
) -> dict[str, Any]:
    """The edges there are, those without a verdict first. verdict: `accepted`, `refused` or `none`."""
    found = prerequisites.judged(loop.engine, origin, verdict)
    shown = found[SHOWN].head(limit).astype(object)
    return {
        "total": len(found),
        "gating": int(found["gates"].sum()),
        "prerequisites": shown.where(shown.notna(), None).to_dict("records"),
    }


def judge(
    loop: Loop, concept_id: str, requires_id: str, *, verdict: str, why: str = "", by: str = ""
) -> dict[str, Any]:
    """Accepts or refuses one edge. A running API follows within seconds."""
    changed = prerequisites.judge(loop.engine, concept_id, requires_id, verdict, why, by)
    return {"concept_id": concept_id, "requires_id": requires_id, "verdict": verdict, "changed": changed}


def _spoken(known: pd.DataFrame) -> pd.Series:
    return ((known["origin"] == "authored") | known["verdict"].notna()).astype(bool)


def _sources(frame: pd.DataFrame) -> pd.Series:
    """Of the concepts: what stands before the colon."""
    return frame["concept_id"].map(lambda concept: concept.partition(":")[0])


def _pairs(frame: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(frame["concept_id"], frame["requires_id"], strict=True))


def _edges(frame: pd.DataFrame) -> set[tuple[str, str]]:
    return set(_pairs(frame))
