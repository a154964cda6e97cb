"""A row of QUESTIONS as the writer of any format sees it.

One question as a writer sees it, and the `meta` that goes where a format has a place for remarks:

    Question(kind="multiple_choice", stem="Which is a vector?", key="velocity", options=["mass", "velocity"],
             answer={}, aliases=[], notes=[{"rationale": "has no direction"}, {}],
             meta={"question_id": "generated:0c3f", "version": 2, "item_id": "demo:fall", "language": "en"})

What a file of this becomes again is the business of `exchange.reads`.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

BLANK = "____"  # where the missing word of a cloze was
_BLANKS = re.compile(r"_{3,}")
ARROW = " → "
# No text format holds these, and XML 1.0 forbids them.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
TRUTH = ("true", "false")
# Fields of the row that no format needs to show: they travel in `meta`.
CARRIED = (
    "question_id",
    "version",
    "item_id",
    "language",
    "quote",
    "span_start",
    "span_end",
    "source_sha256",
    "licence",
    "provenance",
    "concept_ids",
    "bloom",
    "difficulty",
    "reading_level",
    "checks",
)


class Unheld(Exception):
    """This question cannot be written in this format, or read from it; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Refusal:
    """where: a question_id on the way out; a line, an identifier or a file's name on the way in."""

    where: str
    reason: str


@dataclass(frozen=True)
class Dumped:
    """`data` is the file; `written` questions are in it, the others are refused by name."""

    data: bytes
    written: int
    refused: list[Refusal]


@dataclass(frozen=True)
class Question:
    """A row with its missing values resolved: [] and {} where there is nothing."""

    kind: str
    stem: str
    key: str
    options: list[str]
    answer: dict[str, Any]
    aliases: list[str]
    notes: list[dict[str, Any]]
    meta: dict[str, Any]

    @property
    def question_id(self) -> str:
        return str(self.meta["question_id"])

    @property
    def language(self) -> str:
        return str(self.meta.get("language") or "und")

    @property
    def numeric(self) -> bool:
        return "value" in self.answer

    @property
    def answers(self) -> list[str]:
        """What a learner can say, as `notes` speaks of it: options, true and false, or key and aliases."""
        if self.kind == "true_false":
            return list(TRUTH)
        return self.options or [self.key, *([] if self.numeric else self.aliases)]

    @property
    def rationales(self) -> list[str]:
        """(len(answers),) what `notes` say of each answer, "" for nothing."""
        if len(self.notes) != len(self.answers) or self.kind in ("ordering", "matching"):
            return [""] * len(self.answers)
        return [str(note.get("rationale") or "") for note in self.notes]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [(str(left), str(right)) for left, right in self.answer.get("pairs", [])]

    @property
    def order(self) -> list[str]:
        return [str(text) for text in self.answer.get("order", [])]

    @property
    def general(self) -> tuple[str, str]:
        """What is said after any answer, and which field that is: corrected, feedback or quote."""
        said = self.meta.get("provenance") or {}
        found = {
            "corrected": self.answer.get("corrected"),
            "feedback": said.get("feedback"),
            "quote": self.meta.get("quote"),
        }
        return next(((str(text), name) for name, text in found.items() if text), ("", ""))

    def remarks(self, **more: Any) -> dict[str, Any]:
        """`meta` and what else a reader needs to give the same row back; `more` is the format's own."""
        made = derived_key(self.kind, self.key, self.answer)
        remarks = {**self.meta, "kind": self.kind, **more}
        if made != self.key:
            remarks |= {"key": self.key, "key_of": made}
        if self.kind in ("ordering", "matching"):
            remarks["shown"] = self.options
        if self.notes:
            remarks["notes"] = self.notes
        if self.answer and self.kind not in ("ordering", "matching"):
            remarks["answer"] = self.answer
        if self.numeric and self.aliases:
            remarks["aliases"] = self.aliases
        if self.general[1]:
            remarks["general"] = self.general[1]
        return {name: value for name, value in remarks.items() if value is not None}


def of_row(row: Mapping[str, Any]) -> Question:
    """A row of QUESTIONS (with `version`, where the bank has one) as a writer sees it."""

    def given(name: str) -> Any:
        value = row.get(name)
        missing = value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))
        return None if missing else value

    meta = {name: given(name) for name in CARRIED}
    return Question(
        kind=str(row["kind"]),
        stem=str(row["stem"]),
        key=str(row["key"]),
        options=[str(option) for option in given("options") or []],
        answer=dict(given("answer") or {}),
        aliases=[str(alias) for alias in given("aliases") or []],
        notes=[dict(note) for note in given("notes") or []],
        meta={name: _plain(value) for name, value in meta.items() if value is not None},
    )


def write_each(
    questions: pd.DataFrame, write: Callable[[Question], Any]
) -> tuple[list[tuple[Question, Any]], list[Refusal]]:
    """What `write` made of each question, and those that the format cannot hold, with the reason."""
    made: list[tuple[Question, Any]] = []
    refused = []
    for row in questions.to_dict("records"):
        question = of_row({str(name): value for name, value in row.items()})
        try:
            refuse_unsound(question)
            made.append((question, write(question)))
        except Unheld as unheld:
            refused.append(Refusal(question.question_id, unheld.reason))
    return made, refused


def refuse_unsound(question: Question) -> None:
    """Raises Unheld where a row contradicts itself, or has a character that no file can hold."""
    for text in texts([question.stem, question.key, question.options, question.aliases, question.answer]):
        if CONTROL.search(text):
            raise Unheld("a control character in its text")
    if question.kind == "true_false":
        if question.key not in TRUTH:
            raise Unheld(f"its key is {question.key!r}, neither true nor false")
    elif question.kind == "ordering":
        if not question.order or Counter(question.order) != Counter(question.options):
            raise Unheld("its order is not that of its options")
    elif question.kind == "matching":
        if not question.pairs or Counter(right for _, right in question.pairs) - Counter(question.options):
            raise Unheld("its pairs are not of its options")
    elif question.options and question.options.count(question.key) != 1:
        raise Unheld("its key is not one of its options")
    elif question.kind == "multiple_choice" and not question.options:
        raise Unheld("it has no options")


def split_blank(stem: str) -> tuple[str, str, str] | None:
    """(before, blank, after) where `stem` has exactly one blank, else None.

    >>> split_blank("The ____ rises.")
    ('The ', '____', ' rises.')
    """
    found = list(_BLANKS.finditer(stem))
    if len(found) != 1:
        return None
    return stem[: found[0].start()], found[0].group(), stem[found[0].end() :]


def derived_key(kind: str, key: str, answer: Mapping[str, Any]) -> str:
    """The key in words of an answer that is no text: "A → B", "A: X; B: Y", "9.81 m/s²"."""
    if kind == "ordering":
        return ARROW.join(str(text) for text in answer.get("order", []))
    if kind == "matching":
        return "; ".join(f"{left}: {right}" for left, right in answer.get("pairs", []))
    if "value" in answer:
        return f"{answer['value']:.15g} {answer.get('unit') or ''}".strip()
    return key


def is_finite(value: float) -> bool:
    """JSON has whole numbers that no float can hold."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def title(question: Question, longest: int = 60) -> str:
    """The stem's first words, on one line: what a list of questions shows."""
    line = " ".join(question.stem.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _plain(value: Any) -> Any:
    """Values as JSON has them: NumPy's numbers and arrays, which a frame may hold, made Python's own."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    return [_plain(part) for part in value] if isinstance(value, (list, tuple)) else value


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from texts(part)
