"""Items in, the same with copies of known kind planted among them: truth for whoever looks for copies.

    item_id  "s:a"            text "A map shows where things are. …"
    item_id  "s:a~typos"      text "A map sohws where things are. …"          is a copy of s:a
    item_id  "s:a~half"       text "A map shows … Rain falls when …"          is none: half is another's

A kind of copy is an edit that leaves a page the same page to a reader; a kind of lookalike changes what it
says, and is none. Both keep the title, which so tells nothing.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)")
_NUMBER = re.compile(r"\d+")
_FRAME = (  # what a print view, a mirror or another theme puts around a page
    "Home Courses About Contact Log in Search this site Skip to the main content",
    "Share this page Print this page Report a problem Terms of use Privacy All rights reserved",
)


@dataclass(frozen=True)
class Planted:
    """items: the originals, then the planted. truth: item_id of each copy -> its original. kinds: of each
    planted item_id, a key of COPIES, LOOKALIKES or OF_EXERCISES.
    """

    items: pd.DataFrame
    truth: Mapping[str, str]
    kinds: Mapping[str, str]


def _spelling(text: str, rng: random.Random, other: str) -> str:
    """The same words in another dress: capitals, dashes, quotes, line breaks, hard spaces."""
    text = text.replace(" - ", " — ").replace('"', "”").replace("'", "’")
    return "\n\n".join(part.upper() if rng.random() < 0.2 else part for part in _SENTENCE.split(text))


def _typos(text: str, rng: random.Random, other: str) -> str:
    """Two neighbouring letters swapped in one word of a hundred, at least in one."""
    words = text.split(" ")
    long = [n for n, word in enumerate(words) if len(word) > 3 and word.isalpha() and word[1] != word[2]]
    for n in rng.sample(long, min(len(long), max(1, len(words) // 100))):
        words[n] = words[n][0] + words[n][2] + words[n][1] + words[n][3:]
    return " ".join(words)


def _blocks(text: str, rng: random.Random, other: str) -> str:
    """Sentences in another order, in blocks of five."""
    sentences = _SENTENCE.split(text)
    blocks = [sentences[n : n + 5] for n in range(0, len(sentences), 5)]
    rng.shuffle(blocks)
    return " ".join(sentence for block in blocks for sentence in block)


def _sentences(text: str, rng: random.Random, other: str) -> str:
    """Every sentence in another place."""
    sentences = _SENTENCE.split(text)
    rng.shuffle(sentences)
    return " ".join(sentences)


def _cut(text: str, rng: random.Random, other: str) -> str:
    """The last tenth is missing."""
    words = text.split(" ")
    return " ".join(words[: len(words) - len(words) // 10])


def _framed(text: str, rng: random.Random, other: str) -> str:
    """A menu above and a footer below."""
    return f"{_FRAME[0]}\n{text}\n{_FRAME[1]}"


def _half(text: str, rng: random.Random, other: str) -> str:
    """The second half is that of another page."""
    words, others = text.split(" "), other.split(" ")
    return " ".join(words[: len(words) // 2] + others[-(len(words) // 2) :])


def _excerpt(text: str, rng: random.Random, other: str) -> str:
    """The first third alone: a teaser."""
    words = text.split(" ")
    return " ".join(words[: len(words) // 3])


def _rewritten(text: str, rng: random.Random, other: str) -> str:
    """Every sixth word is another: the subject changed, the template stayed."""
    words, others = text.split(" "), other.split(" ")
    return " ".join(rng.choice(others) if n % 6 == 5 else word for n, word in enumerate(words))


def _updated(text: str, rng: random.Random, other: str) -> str:
    """Every fourth sentence is another page's: a later edition."""
    others = _SENTENCE.split(other)
    return " ".join(
        rng.choice(others) if n % 4 == 3 else sentence for n, sentence in enumerate(_SENTENCE.split(text))
    )


def _numbers(text: str, rng: random.Random, other: str) -> str:
    """Every number is another: of an exercise, another exercise."""
    return _NUMBER.sub(lambda found: str(int(found[0][:9]) + rng.randint(1, 9)), text)


Edit = Callable[[str, random.Random, str], str]
COPIES: Mapping[str, Edit] = {
    "spelling": _spelling,
    "typos": _typos,
    "blocks": _blocks,
    "sentences": _sentences,
    "cut": _cut,
    "framed": _framed,
}
LOOKALIKES: Mapping[str, Edit] = {
    "half": _half,
    "excerpt": _excerpt,
    "rewritten": _rewritten,
    "updated": _updated,
}
OF_EXERCISES: Mapping[str, Edit] = {"numbers": _numbers}  # planted only where asked for


def planted_copies(items: pd.DataFrame, *, seed: int, edits: Sequence[str] = ()) -> Planted:
    """items: ITEMS with text. Each gets one planted beside it for every kind in `edits`: none given, all of
    COPIES and LOOKALIKES.

    A planted item is its original in everything but item_id and text. An edit that changes nothing (no long
    word to misspell) plants nothing.
    """
    rng = random.Random(seed)
    rows = items.to_dict("records")
    every = {**COPIES, **LOOKALIKES, **OF_EXERCISES}
    planted, truth, kinds = [], {}, {}
    for number, row in enumerate(rows):
        text, other = str(row["text"]), str(rows[number - 1]["text"])
        for kind in edits or (*COPIES, *LOOKALIKES):
            item_id = f"{row['item_id']}~{kind}"
            changed = every[kind](text, rng, other)
            if changed == text:
                continue
            planted.append({**row, "item_id": item_id, "text": changed})
            kinds[item_id] = kind
            if kind in COPIES:
                truth[item_id] = str(row["item_id"])
    frame = pd.concat([items, pd.DataFrame(planted, columns=list(items.columns))], ignore_index=True)
    return Planted(frame, truth, kinds)
