"""What the API answers, for its documentation and its tests; routes build the same shapes as plain dicts."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

LEARNER = "9f86d081884c7d659a2feaa0c55ad015"


class Accepted(BaseModel):
    accepted: int = Field(examples=[2], description="Events that were new, and are committed")
    duplicates: int = Field(examples=[0], description="Events that were there already, unchanged")
    learner_ids: list[str] = Field(examples=[[LEARNER]])


class ReasonReply(BaseModel):
    code: str = Field(examples=["fills_gap"])
    evidence: dict[str, Any] = Field(
        examples=[{"concept": "demo:variables", "item": "demo:courses/python-basics/loops"}]
    )
    text: str = Field(examples=["Fills the gap in “Variables” before “Loops”"])


class Recommended(BaseModel):
    item_id: str = Field(examples=["demo:courses/python-basics/variables"])
    title: str = Field(examples=["Variables"])
    url: str | None
    kind: str = Field(examples=["lesson"])
    language: str = Field(examples=["en"])
    score: float = Field(description="What speaks for it, weighed; comparable within one answer only")
    p_correct: float | None = Field(
        description="P(correct) of the learner's next answer there; null where the release has no tracer"
    )
    components: dict[str, float] = Field(
        examples=[{"readiness": 0.9, "challenge": 1.0, "gain": 0.7, "review": 0.0, "relevance": 1.0}],
        description="What speaks for it, each in [0, 1]: the score is their weighted sum",
    )
    reasons: list[ReasonReply]


class Recommendations(BaseModel):
    learner_id: str = Field(examples=[LEARNER])
    release: int
    decision_id: UUID = Field(description="This answer in the log of decisions")
    items: list[Recommended]


class Hidden(BaseModel):
    learner_id: str = Field(examples=[LEARNER])
    item_ids: list[str]


class RuleReply(BaseModel):
    item_id: str
    scope: str = Field(examples=["course"], description="all, course or learner")
    course: str | None
    learner_id: str | None
    created_at: datetime


class RulesReply(BaseModel):
    rules: list[RuleReply] = Field(description="The oldest first")


class PrerequisiteReply(BaseModel):
    concept_id: str
    requires_id: str
    title: str = Field(description="Of the concept")
    requires_title: str
    origin: str = Field(examples=["mined"], description="authored, mined (from answers) or text")
    confidence: float = Field(ge=0, le=1)
    verdict: str | None = Field(examples=["accepted"], description="accepted, refused, or none yet")
    why: str | None
    decided_at: datetime | None
    gates: bool = Field(description="Whether it decides what is recommended")


class PrerequisitesReply(BaseModel):
    total: int = Field(description="That fit the filters; `prerequisites` holds at most `limit` of them")
    prerequisites: list[PrerequisiteReply] = Field(
        description="Those that wait for a verdict first, the surest of them first"
    )


class ConceptMastery(BaseModel):
    concept_id: str
    title: str
    mastery: float = Field(ge=0, le=1, description="P(correct) now on an average item of the concept")
    sd: float
    low: float = Field(ge=0, le=1, description="Lower end of the central 95% interval")
    high: float = Field(ge=0, le=1)
    attempts: int
    recall: float | None = Field(
        ge=0, le=1, description="Share of what was known after the last practice that is recalled now"
    )
    due_at: datetime | None = Field(description="When a review is due; null where it was never practised")


class MasteryReply(BaseModel):
    learner_id: str
    release: int
    goal: float = Field(description="From here on a concept counts as mastered, and opens what waits for it")
    total: int = Field(description="Concepts there are; `concepts` holds at most `limit` of them")
    concepts: list[ConceptMastery] = Field(description="The most practised first")


class ReviewReply(BaseModel):
    concept_id: str
    title: str
    recall: float = Field(ge=0, le=1)
    half_life_days: float = Field(ge=0, description="After so many days without practice recall is one half")
    due_at: datetime = Field(description="When recall falls to the target")
    due: bool
    mastery: float | None = Field(description="Null where the release has no tracer")
    item_id: str | None = Field(description="What to review it with; null where nothing can be started")
    item_title: str | None


class ReviewsReply(BaseModel):
    learner_id: str = Field(examples=[LEARNER])
    release: int
    target: float = Field(examples=[0.9], description="Below it a concept wants a review")
    total: int
    due: int = Field(description="How many are due now")
    concepts: list[ReviewReply] = Field(description="The first to be due first")


class Day(BaseModel):
    date: date
    events: int
    answers: int
    correct: int
    minutes: float | None = Field(description="Where the events say how long they took")


class Progress(BaseModel):
    learner_id: str
    events: int
    items_done: int = Field(description="Lessons and other items; exercises count for their lesson")
    answers: int
    correct: int
    correct_rate: float | None
    first_at: datetime | None
    last_at: datetime | None
    days: list[Day] = Field(description="Days (UTC) with activity, the oldest first")


class LearnerRow(BaseModel):
    learner_id: str
    interactions: int
    last_at: datetime


class Learners(BaseModel):
    learners: list[LearnerRow]


class ConceptRef(BaseModel):
    concept_id: str
    title: str


class ItemReply(BaseModel):
    item_id: str
    kind: str
    source: str
    parent_id: str | None
    position: int | None
    title: str
    text: str = Field(description="Plain: a client that shows it as HTML or Markdown escapes it")
    text_html: str = Field(description="The text as HTML that is safe to show: paragraphs, nothing else")
    abstract: str | None
    summary: str | None = Field(description="Generated, and checked against the text")
    language: str
    subject: str | None
    level: str | None
    duration_s: float | None
    licence: str | None
    url: str | None
    concepts: list[ConceptRef]
    answer: str | None = Field(None, description="For instructor, admin and service alone")
    attributes: dict[str, Any] | None = Field(None, description="For instructor, admin and service alone")


class SimilarItem(BaseModel):
    item_id: str
    title: str
    url: str | None
    kind: str
    score: float


class Similar(BaseModel):
    item_id: str
    basis: str = Field(
        examples=["activity"],
        description="`activity`: done by the same learners; `concepts`: shared, for items nobody did",
    )
    items: list[SimilarItem]


class Me(BaseModel):
    role: str = Field(examples=["learner"])
    learner_id: str | None = Field(examples=[LEARNER])


class ReleaseReply(BaseModel):
    version: int
    run_id: str
    split_at: datetime | None = Field(description="Activity from here on was held back to measure")
    manifest: dict[str, Any]


class VersionReply(BaseModel):
    version: int
    run_id: str
    created_at: datetime
    champion: bool
    replaced: int | None = Field(description="The champion that it took over from")
    metrics: dict[str, float]


class Operations(BaseModel):
    release: ReleaseReply | None
    metrics: dict[str, Any] = Field(description="As measured before the release: ranking, tracing, language")
    counts: dict[str, int] = Field(description="Rows by table")
    versions: list[VersionReply] = Field(description="The newest first")
    trouble: list[str] = Field(description="What does not work now, and what to do about it")


class Alive(BaseModel):
    status: str = Field(examples=["alive"])


class Ready(BaseModel):
    status: str = Field(examples=["ready"])
    release: int
