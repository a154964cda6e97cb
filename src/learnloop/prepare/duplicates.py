"""Items in, the same items once each out: copies are found by their text and merged into one of them.

Exact: the same words. Near: the sets of three-word shingles of two texts, Jaccard |A ∩ B| / |A ∪ B| of at
least 0.9 (Broder 1997). Candidates by prefix filtering, which loses none (Bayardo, Ma & Srikant 2007): with
shingles ordered by rarity, two sets of Jaccard >= t share one among the first |A| - ceil(t |A|) + 1 of A
and likewise of B.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection

import pandas as pd

NEAR = 0.9
SHINGLE_WORDS = 3
LONG_WORDS = 50  # shorter texts are the same only if their titles are, too
NEAR_KINDS = ("lesson", "activity", "video")
_WORD = re.compile(r"\w+")


def shingles(text: str) -> frozenset[str]:
    """Runs of three words, case and punctuation aside.

    >>> sorted(shingles("The mean, the median!"))
    ['mean the median', 'the mean the']
    """
    words = _WORD.findall(text.casefold())
    return frozenset(" ".join(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - SHINGLE_WORDS + 1))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Share of common members, in [0, 1]; two empty sets have none."""
    union = len(a | b)
    return len(a & b) / union if union else 0.0


def find_duplicates(
    items: pd.DataFrame, preferred: Collection[str] = (), threshold: float = NEAR
) -> dict[str, str]:
    """Which item is a copy of which: {item_id of the copy: item_id that stays}, never in chains.

    items: ITEMS. Compared are items of one kind and language; near copies only among long texts. Of two
    copies the one stays that is in `preferred` (named by its course, say), then the one that has a parent,
    then the first by item_id. Exercises are copies only within one lesson, or copies of one lesson, and
    word for word: another number makes another exercise.
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
    sets = {
        str(item["item_id"]): (item["language"], shingles(str(item["text"])))
        for item in group
        if len(_WORD.findall(str(item["text"]))) >= LONG_WORDS
    }
    frequency = Counter(shingle for _, members in sets.values() for shingle in members)
    staying: dict[tuple[object, str], list[str]] = defaultdict(list)  # (language, rare shingle) -> item_ids
    copies: dict[str, str] = {}
    for item_id, (language, members) in sets.items():
        rare_first = sorted(members, key=lambda shingle: (frequency[shingle], shingle))
        # the tiny amount keeps 0.9 * 30 = 27.000000000000004 from being rounded up to 28
        prefix = rare_first[: len(members) - math.ceil(threshold * len(members) - 1e-9) + 1]
        candidates = dict.fromkeys(other for shingle in prefix for other in staying[language, shingle])
        kept = next((other for other in candidates if jaccard(members, sets[other][1]) >= threshold), None)
        if kept is not None:
            copies[item_id] = kept
            continue
        for shingle in prefix:
            staying[language, shingle].append(item_id)
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
