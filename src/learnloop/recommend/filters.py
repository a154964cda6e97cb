"""What a reader wants to see, as items; what an instructor wants to be seen, as pins and blocks."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from learnloop.recommend.signals import targets

DEPTH = 20  # parents above an item: more would be a loop in the data


@dataclass(frozen=True)
class Filters:
    """Empty or None: anything. An item that does not say its level, licence or duration does not pass a
    filter on it. `languages`: any of them. `course`: the item lies in it, at any depth."""

    languages: frozenset[str] = frozenset()
    course: str = ""
    level: str = ""
    licence: str = ""
    max_duration_s: float | None = None


def pick(items: pd.DataFrame, filters: Filters) -> pd.DataFrame:
    """The rows of `items` (item_id, kind, parent_id, language, level, licence, duration_s) that pass.

    An exercise passes where the lesson does that a learner is sent to for it. What nobody is sent to (a
    course) stays: it holds the others together.
    """
    passes = pd.Series(True, index=items.index)
    if filters.languages:
        passes &= items["language"].isin(filters.languages)
    for name, wanted in (("level", filters.level), ("licence", filters.licence)):
        if wanted:
            passes &= items[name].str.lower().eq(wanted.lower()).fillna(False).astype(bool)
    if filters.max_duration_s is not None:
        passes &= items["duration_s"].le(filters.max_duration_s).fillna(False).astype(bool)
    if filters.course:
        passes &= _below(items, filters.course)
    good = set(items.loc[passes, "item_id"])
    sent_to = items["item_id"].map(targets(items))
    return items[sent_to.isna() | sent_to.isin(good)]


def _below(items: pd.DataFrame, course: str) -> pd.Series:
    item_ids, above = items["item_id"].astype(object), items["parent_id"].astype(object)
    parents = dict(zip(item_ids.tolist(), above.tolist(), strict=True))
    found = pd.Series(False, index=items.index)
    for _ in range(DEPTH):
        if not above.notna().any():
            break
        found |= above.eq(course).fillna(False).astype(bool)
        above = above.map(parents)
    return found


def above(parents: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """item_id -> what holds it, the nearest first, at most DEPTH; from item_id -> parent (anything but a str
    where there is none)."""
    found: dict[str, tuple[str, ...]] = {}
    for item_id in parents:
        holders: list[str] = []
        holder = parents[item_id]
        while isinstance(holder, str) and len(holders) < DEPTH:
            holders.append(holder)
            holder = parents.get(holder)
        found[item_id] = tuple(dict.fromkeys(holders))
    return found


class Rule(NamedTuple):
    """kind: `pin` or `block`. scope: `all`, `course` or `learner`; target: which one, "" for all."""

    kind: str
    item_id: str
    scope: str
    target: str


@dataclass(frozen=True, eq=False)
class Rules:
    """What instructors pinned and blocked, by whom it is for; in the order given."""

    rules: tuple[Rule, ...] = ()
    _of: Mapping[tuple[str, str, str], list[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found: dict[tuple[str, str, str], list[str]] = {}
        for rule in self.rules:
            found.setdefault((rule.kind, rule.scope, rule.target), []).append(rule.item_id)
        object.__setattr__(self, "_of", found)

    def pinned(self, learner_id: str, courses: Collection[str]) -> list[str]:
        """Each item once: what is pinned for the learner, then for the courses, then for all."""
        return list(dict.fromkeys(self._about("pin", learner_id, courses)))

    def blocked(self, learner_id: str, courses: Collection[str]) -> frozenset[str]:
        return frozenset(self._about("block", learner_id, courses))

    def _about(self, kind: str, learner_id: str, courses: Collection[str]) -> Iterable[str]:
        yield from self._of.get((kind, "learner", learner_id), ())
        for course in sorted(courses):
            yield from self._of.get((kind, "course", course), ())
        yield from self._of.get((kind, "all", ""), ())
