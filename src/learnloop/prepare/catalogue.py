"""Items that a log only mentions: gathered from every mention, told once, not told again if known.

    mention 1   xapi:https://lms.example/v/7                 no name
    mention 2   xapi:https://lms.example/v/7   "Fractions"   video, 312.5 s, below xapi:https://lms.example/c/1

    item        xapi:https://lms.example/v/7   "Fractions"   video, 312.5 s, below xapi:https://lms.example/c/1

The first mention that says a thing counts. A mention is no reason to rename an item that somebody imported
with care: what is known already stays as it is, unless its title is only the end of its identifier.
"""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from learnloop.errors import BadInput
from learnloop.schemas import ITEMS, check, empty

MOST_WAITING = 100_000  # items held back for a better mention; beyond it the memory would be the log's
DEEPEST = 100  # steps from an item to the top of its course
LONGEST_ID = 1_000  # characters: an index holds no more than 2,700 bytes

_EMPTY = dict.fromkeys(ITEMS.columns, None) | {"text": "", "language": "und", "kind": "activity"}


def placeholder(item_id: str) -> str:
    """The title of an item whose name nobody said: the last word of its identifier.

    >>> placeholder("xapi:https://lms.example/c/loops-1/"), placeholder("openedx:block-v1:X+block@a0e")
    ('loops-1', 'a0e')
    """
    key = item_id.partition(":")[2].rstrip("/#?")
    for mark in ("/", "#", "@", ":"):
        key = key.rsplit(mark, 1)[-1] or key
    return key or item_id


class Catalogue:
    """known: the titles of the items there are already, by item_id. Raises BadInput for an odd source."""

    def __init__(self, source: str, known: Mapping[str, str] | None = None) -> None:
        if not re.fullmatch(r"[a-z0-9_]+", source):
            raise BadInput(f"source {source!r} is not made of a-z, 0-9 and _", "--source my_school", "source")
        self.source = source
        self.titles = dict(known or {})
        self.parents: dict[str, str] = {}
        self.waiting: dict[str, dict[str, Any]] = {}

    def mention(self, item_id: str, **fields: Any) -> None:
        """fields: of ITEMS; None and "" say nothing. `attributes` are merged."""
        entry = self.waiting.setdefault(item_id, {"attributes": {}})
        for name, value in fields.items():
            if name == "attributes":
                entry["attributes"] = {**value, **entry["attributes"]}
            elif value not in (None, "") and name not in entry:
                entry[name] = value

    def named(self, item_id: str) -> bool:
        """Whether a mention since the last `taken` said a title."""
        return "title" in self.waiting.get(item_id, ())

    def taken(self, last: bool) -> pd.DataFrame:
        """ITEMS rows to be stored now: all that wait where the input ends, none before (or too many wait)."""
        if not last and len(self.waiting) < MOST_WAITING:
            return empty(ITEMS)
        rows = []
        for item_id, entry in self.waiting.items():
            title, stands_in = entry.get("title"), placeholder(item_id)
            known = self.titles.get(item_id)
            if known is not None and not (title and known == stands_in != title):
                continue
            self.titles[item_id] = title or stands_in
            rows.append(
                _EMPTY | entry | {"item_id": item_id, "source": self.source, "title": title or stands_in}
            )
        self.waiting = {}
        if not rows:
            return empty(ITEMS)
        for row in rows:
            key = row["item_id"].partition(":")[2]
            row["url"] = row["url"] or (key if key.startswith(("http://", "https://")) else None)
            row["parent_id"] = self._parent(row["item_id"], row["parent_id"])
        frame = pd.DataFrame(rows, columns=list(ITEMS.columns))
        return check(frame, ITEMS, "items")

    def _parent(self, item_id: str, parent_id: str | None) -> str | None:
        """`parent_id`, unless the item would then be above itself."""
        above = parent_id
        for _ in range(DEEPEST):
            if above is None:
                break
            if above == item_id:
                return None
            above = self.parents.get(above)
        if parent_id is None or above is not None:
            return None
        self.parents[item_id] = parent_id
        return parent_id
