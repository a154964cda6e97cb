"""Many questions together: no fact twice, the text covered, kinds mixed, the key in no favourite place.

Rows of schemas.QUESTIONS that passed every check of their own come in; a set to hand to a teacher comes out.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from learnloop.generate import grammar, lemmas

SAME_FACT = 0.7  # share of the shorter quote's words in the other's
FIXED_ORDER = ("ordering", "matching", "true_false", "short_answer")
ROW = Mapping[str, Any]


@dataclass(frozen=True)
class Chosen:
    """`rows` in the order chosen; `rejected` by reason: same_fact, same_key, one_sided, not_needed."""

    rows: list[dict[str, Any]]
    rejected: Counter[str] = field(default_factory=Counter)


def choose(rows: Sequence[ROW], count: int, kinds: Mapping[str, float] | Sequence[str] = ()) -> Chosen:
    """At most `count` of `rows`, which come best first; never padded.

    `kinds`: the shares wanted (normalised here), or names for equal shares; () takes kinds as they come.
    Greedy: the kind that is most behind its share, of it the row from the part of its text with the
    fewest questions so far, of these the first. A row that asks a chosen fact again is rejected, and
    true/false statements stay within one of as many true as false.
    """
    shares = _shares(kinds)
    left = [dict(row) for row in rows if not shares or row["kind"] in shares]
    rejected: Counter[str] = Counter()
    if len(rows) > len(left):
        rejected["kind_not_asked"] = len(rows) - len(left)
    chosen: list[dict[str, Any]] = []
    while left and len(chosen) < count:
        best = min(range(len(left)), key=lambda at: (*_need(left[at], chosen, shares), at))
        row = left.pop(best)
        if reason := _clash(row, chosen):
            rejected[reason] += 1
        else:
            chosen.append(row)
    if left:
        rejected["not_needed"] = len(left)
    return Chosen(chosen, rejected)


def _shares(kinds: Mapping[str, float] | Sequence[str]) -> dict[str, float]:
    wanted = dict(kinds) if isinstance(kinds, Mapping) else dict.fromkeys(kinds, 1.0)
    total = sum(wanted.values())
    return {kind: share / total for kind, share in wanted.items() if share > 0} if total > 0 else {}


def _need(row: ROW, chosen: Sequence[ROW], shares: Mapping[str, float]) -> tuple[float, int, int]:
    """Smaller is more needed: the kind's lead over its share, its side, how full its part of the text is."""
    same = sum(other["kind"] == row["kind"] for other in chosen)
    lead = same / shares[row["kind"]] if shares else 0.0
    side = sum(other["kind"] == "true_false" and other["key"] == row["key"] for other in chosen)
    crowd = sum(_part(other) == _part(row) for other in chosen)
    return lead, side if row["kind"] == "true_false" else 0, crowd


def _part(row: ROW) -> tuple[str, int]:
    """The item and which thousand characters of it a question rests on."""
    start = row.get("span_start")
    known = isinstance(start, int | float | np.integer | np.floating) and start == start
    return str(row["item_id"]), int(start or 0) // 1000 if known else -1


def _clash(row: ROW, chosen: Sequence[ROW]) -> str:
    for other in chosen:
        if same_fact(row, other):
            return "same_fact"
        if same_key(row, other):
            return "same_key"
    if row["kind"] == "true_false":
        sides = Counter(other["key"] for other in chosen if other["kind"] == "true_false")
        opposite = "false" if row["key"] == "true" else "true"
        if sides[row["key"]] > sides[opposite]:
            return "one_sided"
    return ""


def same_fact(one: ROW, other: ROW) -> bool:
    """Both rest on one sentence, or on two that say the same in mostly the same words."""
    quotes = [_text(row.get("quote")) for row in (one, other)]
    if not all(quotes):
        return grammar.normalised(_text(one["stem"])) == grammar.normalised(_text(other["stem"]))
    if one["language"] != other["language"]:
        return False
    if one["item_id"] == other["item_id"] and grammar.normalised(quotes[0]) == grammar.normalised(quotes[1]):
        return True
    left, right = (set(lemmas.lemmas(quote, str(one["language"]))) for quote in quotes)
    return len(left & right) > SAME_FACT * min(len(left), len(right)) > 0


def same_key(one: ROW, other: ROW) -> bool:
    """One answer to both; "true" and a figure may be the answer to many."""
    if "true_false" in (one["kind"], other["kind"]) or one["language"] != other["language"]:
        return False
    language = str(one["language"])
    left, right = (tuple(lemmas.lemmas(_text(row["key"]), language)) for row in (one, other))
    return bool(left) and left == right and not all(word.isdigit() for word in left)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def balanced(rows: Sequence[ROW], seed: int) -> list[dict[str, Any]]:
    """`rows` with their options in another order, so that the key stands equally often in each place.

    Among questions with as many options, places differ by at most one in how often they hold the key.
    Numbers go up, and ordering and matching show their options as they are: these stay. `notes` go
    with their options. Deterministic: the same rows and seed give the same order, in any order of rows.
    """
    found = [dict(row) for row in rows]
    groups: dict[int, list[int]] = defaultdict(list)
    for at, row in enumerate(found):
        if _can_move(row):
            groups[len(row["options"])].append(at)
    for size, members in groups.items():
        members.sort(key=lambda at: str(found[at]["question_id"]))
        rng = np.random.default_rng([seed, size])
        blocks = [rng.permutation(size) for _ in range(-(-len(members) // size))]
        places = [int(place) for block in blocks for place in block]
        for at, place in zip(members, places, strict=False):
            _move_key(found[at], place, seed)
    return found


def _can_move(row: ROW) -> bool:
    options = [str(option) for option in row["options"]]
    if row["kind"] in FIXED_ORDER or len(options) < 2 or row["key"] not in options:
        return False
    return not all(option.strip().lstrip("-−+$€£ ")[:1].isdigit() for option in options)


def _move_key(row: dict[str, Any], place: int, seed: int) -> None:
    options = list(row["options"])
    key = options.index(row["key"])
    digest = hashlib.sha256(f"{seed}|{row['question_id']}".encode()).digest()
    others = [at for at in range(len(options)) if at != key]
    rest = np.random.default_rng(int.from_bytes(digest[:8], "big")).permutation(others)
    order = [int(at) for at in rest]
    order.insert(place, key)
    row["options"] = [options[at] for at in order]
    notes = row.get("notes")
    if isinstance(notes, list) and len(notes) == len(options):
        row["notes"] = [notes[at] for at in order]
