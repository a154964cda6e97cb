"""What Moodle's two formats share: tags, categories, wildcards, and marks that become a key.

The tags of one question, which outlive a stay in Moodle, where comments and strange elements do not:

    concept:demo:vectors   bloom:remember   difficulty:-0.5   language:en   version:2   item:demo:unit-1
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from learnloop.exchange.reads import Read
from learnloop.exchange.rows import Question, Unheld

_FIELDS = {
    "bloom": "bloom",
    "difficulty": "difficulty",
    "reading-level": "reading_level",
    "language": "language",
    "version": "version",
    "item": "item_id",
    "licence": "licence",
}
_LONGEST = 255  # of a tag, in Moodle
_STAR = re.compile(r"(?<!\\)\*")


def of(question: Question) -> list[str]:
    found = [f"concept:{concept}" for concept in question.meta.get("concept_ids", [])]
    found += [f"{name}:{question.meta[field]}" for name, field in _FIELDS.items() if field in question.meta]
    return [tag for tag in found if _is_tag(tag)]


def apply(read: Read) -> None:
    """Tags of ours become remarks: they win, since they are what a teacher edits. Others stay tags."""
    concepts: list[str] = []
    others = []
    for tag in read.tags:
        name, _, value = tag.partition(":")
        if name == "concept" and value:
            concepts.append(value)
        elif name in _FIELDS and value:
            field = _FIELDS[name]
            if field in _NUMBERS:
                _number(read, field, value)
            else:
                read.meta[field] = value
        else:
            others.append(tag)
    if concepts:
        stated = [str(name) for name in read.meta.get("concept_ids") or []]
        untold = [name for name in stated if not _is_tag(f"concept:{name}")]
        same = Counter(stated) == Counter(concepts) + Counter(untold)
        read.meta["concept_ids"] = stated if same else concepts + untold
    read.tags = others
    if "item_id" in read.meta and read.identifier:  # only we tag an item: its identifier is ours as well
        read.meta.setdefault("question_id", read.identifier)


_NUMBERS = ("difficulty", "reading_level", "version")


def _number(read: Read, field: str, value: str) -> None:
    try:
        number = int(value) if field == "version" else float(value)
    except ValueError:
        return
    read.meta[field] = number


def _is_tag(text: str) -> bool:
    """GIFT ends a tag at a bracket."""
    return len(text) <= _LONGEST and not {"]", "\n"} & set(text)


def remarks(question: Question, **more: Any) -> str:
    """One line of ASCII: it survives any editor."""
    return json.dumps(question.remarks(**more), ensure_ascii=True, allow_nan=False)


def category(item_id: str) -> str:
    """A category of Moodle; a slash in a name is doubled there."""
    return "$course$/top/Learnloop/" + " ".join(item_id.split()).replace("/", "//")


def extra_options(question: Question) -> list[str]:
    """Options of a matching that belong to no pair."""
    used = Counter(right for _, right in question.pairs)
    left = Counter(question.options) - used
    return [text for text in dict.fromkeys(question.options) for _ in range(left[text])]


def without_wildcards(text: str) -> str:
    """Moodle reads * in a short answer as anything; \\* is an asterisk."""
    return text.replace("*", "\\*")


def choose(read: Read, marked: Sequence[tuple[float, str, str]]) -> None:
    """Options and the key of (share of the mark, text, feedback). Raises Unheld without exactly one key."""
    right = [text for share, text, _ in marked if share == 1.0]
    if any(0 < share < 1 for share, _, _ in marked):
        raise Unheld("an answer with partial credit")
    if len(right) != 1:
        raise Unheld("no right answer" if not right else "several right answers")
    if len(marked) < 2:
        raise Unheld("fewer than two options")
    read.key = right[0]
    read.options = [text for _, text, _ in marked]
    read.rationales = [feedback for _, _, feedback in marked]


def accept(read: Read, marked: Sequence[tuple[float, str, str]]) -> None:
    """The key and its aliases of (share of the mark, text, feedback): all that get the full mark."""
    right = [(text, feedback) for share, text, feedback in marked if share == 1.0]
    if any(0 < share < 1 for share, _, _ in marked):
        raise Unheld("an answer with partial credit")
    if not right:
        raise Unheld("no right answer")
    if any(_STAR.search(text) for text, _ in right):
        raise Unheld("an answer with a wildcard")
    texts = [text.replace("\\*", "*") for text, _ in right]
    read.key, read.aliases = texts[0], texts[1:]
    read.rationales = [feedback for _, feedback in right]
