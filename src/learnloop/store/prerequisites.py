"""Which prerequisites hold: what was authored or mined, and what instructors said of it.

concept_id demo:loops  requires_id demo:booleans  verdict refused  why "taught side by side"
decided_by 3f2a…  decided_at 2026-03-02 10:00:00+00

An edge gates (decides what may be recommended) where it was accepted, was authored and not refused, or was
mined with a confidence of GATES_FROM or more and not refused. Others wait for an instructor: a wrong edge
keeps learners from what they could do, a missing one costs a hard lesson.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from learnloop import schemas
from learnloop.errors import BadInput, UnknownThing
from learnloop.store import loading, tables

GATES_FROM = 0.9
VERDICTS = ("accepted", "refused")
ORIGINS = ("authored", "mined", "text")
_edges, _said = tables.prerequisites, tables.prerequisite_verdicts


@dataclass(frozen=True)
class Replaced:
    """What one mining changed: edges new, changed, the same, gone; left: those that an author or an
    instructor had spoken of, which mining does not touch."""

    new: int
    changed: int
    unchanged: int
    gone: int
    left: int


def judged(
    engine: sa.Engine | sa.Connection, origin: str | None = None, verdict: str | None = None
) -> pd.DataFrame:
    """PREREQUISITES with verdict, why, decided_by, decided_at (NA where nobody spoke) and gates (bool).

    Those without a verdict first, the surest of them first. verdict: `accepted`, `refused` or `none`.
    """
    both = (_edges.c.concept_id == _said.c.concept_id) & (_edges.c.requires_id == _said.c.requires_id)
    said = (_said.c.verdict, _said.c.why, _said.c.decided_by, _said.c.decided_at)
    query = sa.select(*_edges.columns, *said).select_from(_edges.outerjoin(_said, both))
    if origin is not None:
        _among(origin, ORIGINS, "origin")
        query = query.where(_edges.c.origin == origin)
    if verdict is not None:
        _among(verdict, (*VERDICTS, "none"), "verdict")
        query = query.where(_said.c.verdict.is_(None) if verdict == "none" else _said.c.verdict == verdict)
    order = (_said.c.verdict.is_not(None), _edges.c.confidence.desc(), *_edges.primary_key)
    if isinstance(engine, sa.Connection):
        rows = engine.execute(query.order_by(*order)).all()
    else:
        with engine.connect() as connection:
            rows = connection.execute(query.order_by(*order)).all()
    names = [*_edges.columns.keys(), "verdict", "why", "decided_by", "decided_at"]
    frame = pd.DataFrame([tuple(row) for row in rows], columns=names).astype({"confidence": float})
    sure = (frame["origin"] == "authored") | (frame["confidence"] >= GATES_FROM)
    gates = (frame["verdict"] == "accepted") | (sure & (frame["verdict"] != "refused"))
    return frame.assign(gates=gates.astype(bool))


def gating(engine: sa.Engine | sa.Connection) -> pd.DataFrame:
    """PREREQUISITES that decide what is recommended, by concept_id and requires_id; accepted ones are as sure
    as authored ones, 1."""
    frame = judged(engine)
    sure = frame["confidence"].where(frame["verdict"] != "accepted", 1.0)
    frame = frame.assign(confidence=sure)[frame["gates"]]
    frame = frame.sort_values(["concept_id", "requires_id"], ignore_index=True)
    return schemas.check(frame, schemas.PREREQUISITES, "prerequisites")


def judge(
    engine: sa.Engine, concept_id: str, requires_id: str, verdict: str, why: str = "", by: str = ""
) -> bool:
    """Accepts or refuses an edge there is; False where that was said before, in the same words.

    by: the key_id, or a name given to the command line. Raises UnknownThing where there is no such edge, and
    BadInput where accepting it would close a circle of edges that gate.
    """
    _among(verdict, VERDICTS, "verdict")
    with engine.begin() as connection:
        # one at a time: two that close a circle together would each see none
        connection.execute(sa.text('LOCK TABLE "prerequisite_verdicts" IN SHARE ROW EXCLUSIVE MODE'))
        there = sa.select(_edges.c.origin).where(
            _edges.c.concept_id == concept_id, _edges.c.requires_id == requires_id
        )
        if connection.scalar(there) is None:
            raise UnknownThing(
                f"nobody said or found that {concept_id!r} requires {requires_id!r}",
                "learnloop prerequisites list",
            )
        if verdict == "accepted":
            way = _way(gating(connection), requires_id, concept_id)
            if way:
                raise BadInput(
                    f"that would close a circle, for already {' requires '.join(way)}",
                    f"learnloop prerequisites refuse {way[0]} {way[1]}",
                    field="requires_id",
                )
        row = {"concept_id": concept_id, "requires_id": requires_id}
        said = {"verdict": verdict, "why": why, "decided_by": by}
        new = insert(_said).values({**row, **said})
        changed = sa.or_(_said.c.verdict != new.excluded.verdict, _said.c.why != new.excluded.why)
        saying = new.on_conflict_do_update(
            index_elements=list(row), set_={**said, "decided_at": sa.func.now()}, where=changed
        )
        return connection.scalar(saying.returning(_said.c.verdict)) is not None


def replace_mined(engine: sa.Engine, found: pd.DataFrame) -> Replaced:
    """The mined and text edges nobody spoke of become those of `found` (PREREQUISITES); all or nothing."""
    checked = schemas.check(found, schemas.PREREQUISITES, "mined prerequisites")
    if (checked["origin"] == "authored").any():
        raise BadInput("what is mined is not authored", field="origin")
    with engine.begin() as connection:
        connection.execute(sa.text('LOCK TABLE "prerequisite_verdicts" IN SHARE ROW EXCLUSIVE MODE'))
        before = judged(connection)
        spoken = before[before["verdict"].notna() | (before["origin"] == "authored")]
        untouchable = set(zip(spoken["concept_id"], spoken["requires_id"], strict=True))
        pairs = list(zip(checked["concept_id"], checked["requires_id"], strict=True))
        # as a Series: an empty list would choose columns
        fresh = checked[pd.Series([pair not in untouchable for pair in pairs], checked.index, dtype=bool)]
        wanted = set(zip(fresh["concept_id"], fresh["requires_id"], strict=True))
        old = [
            pair
            for pair in zip(before["concept_id"], before["requires_id"], strict=True)
            if pair not in untouchable and pair not in wanted
        ]
        if old:
            key = sa.tuple_(_edges.c.concept_id, _edges.c.requires_id)
            connection.execute(sa.delete(_edges).where(key.in_(old)))
        loaded = loading.load(connection, "prerequisites", fresh)
        return Replaced(
            loaded.inserted, loaded.updated, loaded.unchanged, len(old), len(checked) - len(fresh)
        )


def _way(edges: pd.DataFrame, start: str, goal: str) -> list[str]:
    """The concepts from `start` down to `goal`, each requiring the next; [] where there is no way."""
    needs: Mapping[str, Any] = edges.groupby("concept_id")["requires_id"].agg(list).to_dict()
    came: dict[str, str] = {start: ""}
    waiting = [start]
    while waiting:
        at = waiting.pop()
        if at == goal:
            way = [at]
            while came[way[-1]]:
                way.append(came[way[-1]])
            return way[::-1]
        for needed in needs.get(at, ()):
            if needed not in came:
                came[needed] = at
                waiting.append(needed)
    return []


def _among(value: str, known: tuple[str, ...], field: str) -> None:
    if value not in known:
        raise BadInput(f"{value!r} is not one of {', '.join(known)}", field=field)
