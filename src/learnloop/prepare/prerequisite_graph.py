"""Edges from several sources, one graph out: no circles, no shortcuts.

concept_id  requires_id    origin  confidence
demo:loops  demo:booleans  mined   .97
"""

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pandas as pd

COLUMNS = ("concept_id", "requires_id", "origin", "confidence")
Edge = tuple[str, str]  # (concept, what it requires)


def combined(*sources: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS, a row an edge. Where several say the same, confidence is 1 - product of (1 - confidence) (a
    noisy or: sources are taken to err apart), and the origin that of the surest."""
    whole = pd.concat([source[list(COLUMNS)] for source in sources], ignore_index=True)
    whole = whole.sort_values("confidence", ascending=False, kind="stable")
    both = whole.groupby(["concept_id", "requires_id"], as_index=False, sort=True)
    return both.agg(
        origin=("origin", "first"), confidence=("confidence", lambda c: 1 - float(np.prod(1 - c)))
    )[list(COLUMNS)]


def acyclic(edges: pd.DataFrame, fixed: Collection[Edge] = ()) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(kept, dropped), both COLUMNS. Edges are taken the surest first, ties by name; one that would close a
    circle with those taken, or with `fixed` (authored or accepted, always there), is dropped: the weakest of
    its circle."""
    needs: dict[str, set[str]] = {}
    for concept, required in fixed:
        needs.setdefault(concept, set()).add(required)
    order = edges.sort_values(
        ["confidence", "concept_id", "requires_id"], ascending=[False, True, True], kind="stable"
    )
    kept = np.zeros(len(order), dtype=bool)
    for row, (concept, required) in enumerate(zip(order["concept_id"], order["requires_id"], strict=True)):
        if concept != required and not reaches(needs, required, concept):
            needs.setdefault(concept, set()).add(required)
            kept[row] = True
    return order[kept].reset_index(drop=True), order[~kept].reset_index(drop=True)


def reduced(edges: pd.DataFrame, fixed: Collection[Edge] = ()) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(kept, shortcuts) of an acyclic graph: c -> a is a shortcut where c -> p -> … -> a is there as well
    (Aho, Garey & Ullman 1972). `fixed` edges make ways but are none of the rows."""
    needs: dict[str, set[str]] = {}
    for concept, required in [*zip(edges["concept_id"], edges["requires_id"], strict=True), *fixed]:
        needs.setdefault(concept, set()).add(required)
    shortcut = np.array(
        [
            any(reaches(needs, other, required) for other in needs[concept] - {required})
            for concept, required in zip(edges["concept_id"], edges["requires_id"], strict=True)
        ],
        dtype=bool,
    )
    return edges[~shortcut].reset_index(drop=True), edges[shortcut].reset_index(drop=True)


def reaches(needs: Mapping[str, Iterable[str]], start: str, goal: str) -> bool:
    """Does `start` need `goal`, directly or through others? Everything needs itself."""
    waiting, seen = [start], {start}
    while waiting:
        at = waiting.pop()
        if at == goal:
            return True
        fresh = set(needs.get(at, ())) - seen
        seen |= fresh
        waiting.extend(fresh)
    return False


def agreement(found: Collection[Edge], truth: Collection[Edge]) -> dict[str, float]:
    """precision and recall of edges, against the truth without its shortcuts; sound: the share of what was
    found that the truth implies, if through others; reversed: the share that it implies the other way."""
    needs: dict[str, set[str]] = {}
    for concept, required in truth:
        needs.setdefault(concept, set()).add(required)
    frame = pd.DataFrame(sorted(truth), columns=["concept_id", "requires_id"])
    direct, _ = reduced(frame)
    wanted = set(zip(direct["concept_id"], direct["requires_id"], strict=True))
    n = max(len(set(found)), 1)
    hits = len(set(found) & set(truth))
    return {
        "precision": hits / n,
        "recall": len(set(found) & wanted) / max(len(wanted), 1),
        "sound": sum(a != b and reaches(needs, a, b) for a, b in set(found)) / n,
        "reversed": sum(a != b and reaches(needs, b, a) for a, b in set(found)) / n,
        "found": len(set(found)),
        "planted": len(set(truth)),
    }
