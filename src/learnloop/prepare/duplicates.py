"""Items in, the same items once each out: copies are found by their text and merged into one of them.

    item_id      url                           text
    demo:maps    http://x/courses/maps         A map shows where things are. …
    demo:maps-1  http://x/courses/maps?print   Home Courses Log in A map shows where things are. …

    demo:maps stays, with attributes {"also_at": ["http://x/courses/maps?print"]}

Exact: the same words. Near: texts of 50 words and more whose runs of three words overlap by a Jaccard of at
least 0.85 (`overlap`). What that finds and what it takes for a copy by mistake, by kind of edit, is measured
in benchmarks/near_duplicates.py: sentences moved, words misspelt, a tenth cut off are found; a menu around a
page is, where it is less than a sixth of it; a page of which each fourth sentence is another is no copy.
"""

import re
from collections import defaultdict
from collections.abc import Collection

import pandas as pd

from learnloop.prepare.overlap import near_copies

NEAR = 0.85
LONG_WORDS = 50  # shorter texts are the same only if their titles are, too
NEAR_KINDS = ("lesson", "activity", "video")
_WORD = re.compile(r"\w+")


def find_duplicates(
    items: pd.DataFrame, preferred: Collection[str] = (), threshold: float = NEAR
) -> dict[str, str]:
    """Which item is a copy of which: {item_id of the copy: item_id that stays}, never in chains.

    items: ITEMS. Compared are items of one kind and language; near copies only among long texts. Of two
    copies the one stays that is in `preferred` (named by its course, say), then the one that has a parent,
    then the first by item_id. Exercises are copies only within one lesson, or copies of one lesson, and
    word for word: another number makes another exercise.

    >>> row = {"kind": "lesson", "language": "en", "parent_id": None, "title": "Maps", "answer": None}
    >>> texts = {"s:a": "A map shows where things are.", "s:b": "A map shows where things are!"}
    >>> find_duplicates(pd.DataFrame([{"item_id": key, "text": text, **row} for key, text in texts.items()]))
    {'s:b': 's:a'}
    """
    named = set(preferred)
    order = sorted(
        items.to_dict("records"),
        key=lambda item: (item["item_id"] not in named, pd.isna(item["parent_id"]), item["item_id"]),
    )
    found: dict[str, str] = {}
    for kind in sorted(items["kind"].unique(), key=lambda kind: (kind in ("exercise", "question"), kind)):
        group = [item for item in order if item["kind"] == kind]
        group.sort(key=lambda item: item["parent_id"] in found)  # children of what stays come first
        exact = _exact(group, found)
        found |= exact
        if kind in NEAR_KINDS:
            found |= _near([item for item in group if item["item_id"] not in exact], threshold)
            # a copy of an item that turned out to be a copy itself
            found = {copy: found.get(kept, kept) for copy, kept in found.items()}
    return found


def _exact(group: list[dict[str, object]], found: dict[str, str]) -> dict[str, str]:
    """Copies by equal words. `found` maps parents that are copies themselves."""
    first: dict[tuple[object, ...], str] = {}
    copies: dict[str, str] = {}
    for item in group:
        words = tuple(_WORD.findall(str(item["text"]).casefold()))
        if not words:
            continue
        key: tuple[object, ...] = (item["language"], words)
        if item["kind"] in ("exercise", "question"):
            # signs matter here: 3 - 4 is not 3 + 4
            parent = str(item["parent_id"])
            key = (found.get(parent, parent), " ".join(str(item["text"]).split()), str(item["answer"]))
        elif len(words) < LONG_WORDS or item["kind"] not in NEAR_KINDS:
            key += (str(item["title"]).casefold(),)
        item_id = str(item["item_id"])
        kept = first.setdefault(key, item_id)
        if kept != item_id:
            copies[item_id] = kept
    return copies


def _near(group: list[dict[str, object]], threshold: float) -> dict[str, str]:
    """Copies by overlap among long texts of one language; each is compared with those that stay."""
    long = [item for item in group if len(_WORD.findall(str(item["text"]))) >= LONG_WORDS]
    copies: dict[str, str] = {}
    for language in dict.fromkeys(item["language"] for item in long):
        ids = [str(item["item_id"]) for item in long if item["language"] == language]
        found = near_copies([str(i["text"]) for i in long if i["language"] == language], threshold)
        copies |= {ids[copy]: ids[kept] for copy, kept in found.items()}
    return copies


def merge(frames: dict[str, pd.DataFrame], copies: dict[str, str]) -> dict[str, pd.DataFrame]:
    """items and item_concepts without the copies: children and concepts go to the item that stays.

    `attributes["also_at"]` of an item that stays lists the addresses of its copies.
    """
    items, concepts = frames["items"], frames["item_concepts"]
    also_at: dict[str, set[str]] = defaultdict(set)
    pages = items[~items["kind"].isin(["exercise", "question"])]
    for item_id, url, attributes in zip(pages["item_id"], pages["url"], pages["attributes"], strict=True):
        if item_id in copies:
            also_at[copies[item_id]] |= {url, *attributes.get("also_at", [])} - {None, pd.NA}
        else:
            also_at[item_id] |= set(attributes.get("also_at", []))
    stay = items[~items["item_id"].isin(list(copies))].copy()
    stay["parent_id"] = stay["parent_id"].replace(copies)
    stay["attributes"] = pd.Series(
        [
            {**attributes, "also_at": sorted(also_at[item_id])} if also_at.get(item_id) else attributes
            for item_id, attributes in zip(stay["item_id"], stay["attributes"], strict=True)
        ],
        index=stay.index,
        dtype=object,
    )
    linked = concepts.assign(item_id=concepts["item_id"].replace(copies)).drop_duplicates()
    return {
        **frames,
        "items": stay.reset_index(drop=True),
        "item_concepts": linked.reset_index(drop=True),
    }
