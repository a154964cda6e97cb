"""What the placement routes take and answer."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from learnloop.assess.questions import MOST_CONCEPTS
from learnloop.serve.events import LEARNER_ID, ItemId
from learnloop.serve.replies import LEARNER


class StartBody(BaseModel):
    """Of a course, or of some concepts."""

    model_config = ConfigDict(extra="forbid")
    learner_id: Annotated[
        str | None, Field(pattern=LEARNER_ID, examples=[LEARNER], description="A learner's key leaves it out")
    ] = None
    course: Annotated[ItemId | None, Field(examples=["demo:courses/python-basics"])] = None
    concepts: Annotated[list[ItemId] | None, Field(min_length=1, max_length=MOST_CONCEPTS)] = None
    most: Annotated[int, Field(ge=1, le=100, description="Questions, at most")] = 60


class AnswerBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    item_id: Annotated[ItemId, Field(examples=["demo:courses/python-basics/loops#q1"])]
    correct: Annotated[bool, Field(strict=True)]


class PlacementQuestion(BaseModel):
    item_id: str = Field(examples=["demo:courses/python-basics/loops#q1"])
    kind: str = Field(examples=["exercise"])
    title: str
    text: str = Field(description="Plain: a client that shows it as HTML or Markdown escapes it")
    options: list[str] = Field(description="To choose from; none where the answer is written")
    language: str
    url: str | None


class PlacedConcept(BaseModel):
    concept_id: str
    title: str
    mastery: float = Field(ge=0, le=1, description="P(correct) on an average question of the concept")
    sd: float
    p_mastered: float = Field(ge=0, le=1, description="P(that it is mastered)")
    attempts: int = Field(description="Questions asked of it")
    verdict: str = Field(examples=["known"], description="known, unknown or unsure")


class PlacementReply(BaseModel):
    placement_id: UUID
    learner_id: str = Field(examples=[LEARNER])
    course: str | None
    concepts: list[str] | None
    status: str = Field(examples=["open"], description="open or finished")
    stopped: str | None = Field(
        description="Why no question comes any more: precise, little (to gain), most or exhausted"
    )
    answered: int
    most: int
    question: PlacementQuestion | None = Field(description="To be answered next; null when it is finished")
    result: list[PlacedConcept] | None = Field(description="Null until it is finished")
    created_at: datetime
    updated_at: datetime


class PlacementResult(BaseModel):
    placement_id: UUID
    learner_id: str = Field(examples=[LEARNER])
    status: str = Field(examples=["finished"], description="open: as far as the answers go")
    answered: int
    expected_wrong: float = Field(description="Share of concepts that are expected to be judged wrongly")
    concepts: list[PlacedConcept]


class PlacementRow(BaseModel):
    placement_id: UUID
    course: str | None
    concepts: list[str] | None
    status: str
    answered: int
    created_at: datetime
    updated_at: datetime


class Placements(BaseModel):
    learner_id: str = Field(examples=[LEARNER])
    placements: list[PlacementRow] = Field(description="The newest first")
