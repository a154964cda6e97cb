"""What the API takes and answers about questions, and which part of a question a learner may see.

{"question_id": "demo:9f86…", "version": 2, "kind": "matching", "stem": "Match each term.",
 "left": ["loop", "list"], "options": ["holds values", "repeats"], "language": "en", …}
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from learnloop.serve.events import PRINTED

STAFF_ALONE = "For instructor, admin and service alone"
TEXT = r"^[^\x00]*$"  # a NUL is what PostgreSQL cannot store
Status = Literal["draft", "approved", "suspended", "retired"]
Kind = Literal["cloze", "multiple_choice", "true_false", "short_answer", "ordering", "matching"]
Origin = Literal["authored", "generated", "imported"]
Reason = Literal["wrong_key", "two_right", "unclear", "typo", "offensive", "other"]

# A quote gives the key away, and so may a concept: a learner sees neither before the answer.
FOR_ALL = (
    *("question_id", "item_id", "version", "kind", "stem", "options", "language", "origin", "status"),
    *("bloom", "reading_level", "licence"),
)
FOR_STAFF = (
    *("key", "answer", "aliases", "notes", "quote", "span_start", "span_end", "source_sha256"),
    *("concept_ids", "difficulty", "checks", "provenance"),
)


def shown(row: Mapping[str, Any], trusted: bool) -> dict[str, Any]:
    """A row of `questions` for whoever asks: all of it, or what a learner sees before the answer."""
    found = {name: row[name] for name in FOR_ALL}
    found["options"] = options_of(row)
    if row["kind"] == "matching":
        found["left"] = [str(left) for left, _ in (row["answer"] or {}).get("pairs", [])]
    if trusted:
        found |= {name: row[name] for name in FOR_STAFF}
        found["created_at"] = row["created_at"].isoformat()
    return found


def options_of(row: Mapping[str, Any]) -> list[str]:
    """The options in the order to show: never the order that is the answer."""
    options = [str(option) for option in row["options"]]
    answer = row["answer"] or {}
    if row["kind"] == "ordering":
        right = answer.get("order", [])
    elif row["kind"] == "matching":
        right = [pair[1] for pair in answer.get("pairs", [])]
    else:
        return options
    return _shuffled(options, f"{row['question_id']} {row['version']}") if options == right else options


def _shuffled(options: Sequence[str], seed: str) -> list[str]:
    """Another order of `options`, the same for the same seed."""
    mixed = sorted(options, key=lambda option: hashlib.sha256(f"{seed} {option}".encode()).digest())
    return mixed if mixed != list(options) else [*mixed[1:], *mixed[:1]]


class FlagSeen(BaseModel):
    rule: str = Field(examples=["negative_discrimination"])
    action: str = Field(description="What the rule asks for: suspend, review, replace, practice")
    option: str | None = Field(description="Of a rule about one option")
    why: str = Field(description="With the numbers, in the language of Accept-Language")


class QuestionReply(BaseModel):
    question_id: str
    item_id: str
    version: int = Field(description="Another one where what a learner sees, or what is right, is another")
    kind: Kind
    stem: str
    options: list[str] = Field(description="In the order to show; empty where free text is expected")
    left: list[str] | None = Field(None, description="Of a matching question: what to match the options with")
    language: str
    origin: Origin
    status: Status
    bloom: str | None
    reading_level: float | None = Field(description="Years of school")
    licence: str | None
    key: str | None = Field(None, description=STAFF_ALONE)
    answer: dict[str, Any] | None = Field(None, description=STAFF_ALONE)
    aliases: list[str] | None = Field(None, description=STAFF_ALONE)
    notes: Any = Field(None, description=STAFF_ALONE)
    quote: str | None = Field(None, description=STAFF_ALONE)
    span_start: int | None = Field(None, description=STAFF_ALONE)
    span_end: int | None = Field(None, description=STAFF_ALONE)
    source_sha256: str | None = Field(None, description=STAFF_ALONE)
    concept_ids: list[str] | None = Field(None, description=STAFF_ALONE)
    difficulty: float | None = Field(None, description=STAFF_ALONE)
    checks: dict[str, Any] | None = Field(None, description=STAFF_ALONE)
    provenance: dict[str, Any] | None = Field(None, description=STAFF_ALONE)
    created_at: datetime | None = Field(None, description=STAFF_ALONE)
    flags: list[FlagSeen] | None = Field(
        None,
        description=f"{STAFF_ALONE}: what the last kept statistics of this version say, the gravest first",
    )
    reporters: int | None = Field(None, description=f"{STAFF_ALONE}: learners who report this version")


class Questions(BaseModel):
    questions: list[QuestionReply]


class StatusEntry(BaseModel):
    version: int
    status: Status
    by: str = Field(description="The id of a key, the command line, or a rule: `rule:source`")
    name: str | None = Field(description="Of that key, where it has one")
    why: str
    at: datetime


class Context(BaseModel):
    before: str
    quote: str
    after: str


class ReportSeen(BaseModel):
    version: int
    reason: Reason
    comment: str
    at: datetime


class Interval(BaseModel):
    value: float
    low: float | None
    high: float | None


class OptionSeen(BaseModel):
    option: str
    is_key: bool
    share: float | None = Field(description="Of the answers whose pick is known")


class StatisticsSeen(BaseModel):
    """Of first answers to this version, as `learnloop questions statistics --apply` kept them."""

    computed_at: datetime
    n: int
    difficulty: Interval | None = Field(description="Share right")
    discrimination: Interval | None = Field(description="Correlation with the score on other questions")
    seconds: Interval | None = Field(description="Median")
    options: list[OptionSeen]


class OneQuestion(QuestionReply):
    statistics: StatisticsSeen | None = Field(None, description=STAFF_ALONE)
    history: list[StatusEntry] | None = Field(None, description=f"{STAFF_ALONE}; the oldest first")
    context: Context | None = Field(None, description=f"{STAFF_ALONE}: the quote within its lesson")
    reports: list[ReportSeen] | None = Field(None, description=f"{STAFF_ALONE}; the newest first")


class StatusBody(BaseModel):
    """version, was: what was seen; the answer is 409 where it is another by now."""

    model_config = ConfigDict(extra="forbid")
    status: Status
    why: Annotated[str, Field(pattern=PRINTED, max_length=2000)] = ""
    version: Annotated[int, Field(ge=1)] | None = None
    was: Status | None = None


class ReportBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Reason
    comment: Annotated[str, Field(pattern=TEXT, max_length=2000)] = ""
    version: Annotated[int, Field(ge=1)] | None = Field(None, description="The version that was seen")


class ReportReply(BaseModel):
    question_id: str
    version: int
    learner_id: str
    reason: Reason
    comment: str
    at: datetime
