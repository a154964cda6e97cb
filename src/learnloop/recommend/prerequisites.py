"""Concept prerequisites as they can be followed: no cycles, nothing that could never be taught first."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Dropped:
    """A prerequisite nobody could satisfy. `why` is `cycle` or `taught_together`."""

    concept_id: str
    requires_id: str
    why: str


def usable(
    prerequisites: Mapping[str, Collection[str]], teachers: Mapping[str, Collection[str]]
) -> tuple[dict[str, tuple[str, ...]], list[Dropped]]:
    """(concept -> what it requires, an acyclic graph; the edges left out, to be shown to an instructor).

    `teachers`: concept -> items that teach it. An edge is left out where every item that teaches the
    required concept teaches the requiring one too (none of them could come first), and where it closes
    a cycle. The choice depends on the names alone, not on the order of the input.
    """
    dropped: list[Dropped] = []
    kept: dict[str, list[str]] = {}
    for concept in sorted(prerequisites):
        for requires in sorted(set(prerequisites[concept])):
            first = set(teachers.get(requires, ()))
            if requires != concept and first and first <= set(teachers.get(concept, ())):
                dropped.append(Dropped(concept, requires, "taught_together"))
            else:
                kept.setdefault(concept, []).append(requires)
    closing = _closing_edges(kept)
    dropped += [Dropped(concept, requires, "cycle") for concept, requires in sorted(closing)]
    graph = {
        concept: tuple(requires for requires in needs if (concept, requires) not in closing)
        for concept, needs in kept.items()
    }
    return graph, dropped


def _closing_edges(graph: Mapping[str, Iterable[str]]) -> set[tuple[str, str]]:
    """The back edges of a depth-first walk in order of name: without them the graph has no cycle."""
    open_now: set[str] = set()  # on the path from the start to where the walk stands
    finished: set[str] = set()
    closing = set()
    for start in sorted(graph):
        if start in finished:
            continue
        open_now.add(start)
        path = [(start, iter(graph[start]))]  # a stack of our own: a chain may be longer than Python's
        while path:
            concept, following = path[-1]
            requires = next(following, None)
            if requires is None:
                path.pop()
                open_now.discard(concept)
                finished.add(concept)
            elif requires in open_now:
                closing.add((concept, requires))
            elif requires not in finished:
                open_now.add(requires)
                path.append((requires, iter(graph.get(requires, ()))))
    return closing
