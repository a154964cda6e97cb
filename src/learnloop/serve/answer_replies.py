"""What the routes of answers and practice take and tell; what an answer's reply shows of its question.

{"event_id": "answer:5d41…", "version": 2, "picked": "a name", "correct": false, "score": 0.0, "points": 0.0,
 "how": "exact", "feedback": ["Not right. The answer is: a loop"], "key": "a loop", "quote": "A loop …", …}
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool

from learnloop.assess import feedback
from learnloop.assess.grading import FREE
from learnloop.assess.key_points import missed_points
from learnloop.i18n import translator
from learnloop.serve.events import LEARNER_ID, PRINTED, OutsideLearner
from learnloop.serve.question_replies import TEXT, Kind, QuestionReply
from learnloop.serve.replies import LEARNER

LONGEST = 10_000  # characters of an answer
MOST_PARTS = 100
Said = Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=TEXT)]
Part = Annotated[str, Field(max_length=2000, pattern=TEXT)]
Pair = Annotated[list[Part], Field(min_length=2, max_length=2)]


class PracticeAnswer(BaseModel):
    """`answer`: text, an option, true or false; the parts in order; pairs of a left side and an option."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    version: Annotated[int, Field(ge=1, description="As the question told it")]
    answer: (
        StrictBool
        | Said
        | Annotated[list[Part], Field(min_length=1, max_length=MOST_PARTS)]
        | Annotated[list[Pair], Field(min_length=1, max_length=MOST_PARTS)]
    )
    seconds: Annotated[float | None, Field(strict=True, ge=0, le=1e6, description="It took")] = None
    event_id: Annotated[
        str | None,
        Field(
            min_length=1, max_length=200, pattern=PRINTED, description="The same one again changes nothing"
        ),
    ] = None
    learner_id: Annotated[
        str | None, Field(pattern=LEARNER_ID, examples=[LEARNER], description="A learner's key leaves it out")
    ] = None
    learner: OutsideLearner | None = None


class ConceptAfter(BaseModel):
    concept_id: str
    title: str
    mastery: float
    low: float
    high: float
    attempts: int
    due_at: datetime | None = Field(description="When to review it")


class AnswerReply(BaseModel):
    """What came of an answer, and what the question kept to itself until then."""

    event_id: str
    question_id: str
    version: int
    learner_id: str
    picked: Any
    correct: bool | None = Field(description="Null: a teacher will grade it")
    score: float | None = Field(description="0 to 1")
    points: float | None
    how: str = Field(examples=["exact"], description="The rule or model that decided; `teacher`; `abstained`")
    feedback: list[str] = Field(description="In the language of Accept-Language")
    comment: str | None = Field(None, description="What the teacher who graded it wrote")
    key: str
    answer: dict[str, Any] = Field(description="The right order, pairs, number; the corrected statement")
    corrected: str | None = Field(description="Of a false statement")
    aliases: list[str]
    rationale: list[str] = Field(description="Why what was picked is wrong, and why the key is right")
    quote: str | None = Field(description="What the lesson says")
    next_review: datetime | None = Field(description="When the first of its concepts is to be reviewed")
    mastery: list[ConceptAfter] = Field(description="Of its concepts, after the answer")


class QueuedAnswer(BaseModel):
    event_id: str
    question_id: str
    version: int
    learner_id: str
    picked: Any
    correct: bool | None
    score: float | None
    seconds: float | None
    answered_at: datetime
    how: str
    graded_by: str | None
    kind: Kind | None = Field(description="Of the question as it is now; null where it is gone")
    stem: str | None
    key: str | None
    language: str | None


class Answers(BaseModel):
    answers: list[QueuedAnswer]


class AnsweredQuestion(BaseModel):
    question_id: str
    stem: str | None = Field(description="Null where the question is gone")
    waiting: int
    teacher: int = Field(description="Graded by a teacher")
    machine: int = Field(description="Graded by a rule or by the trained grader")


class Answered(BaseModel):
    questions: list[AnsweredQuestion] = Field(description="The most answered first")


class KeyPoint(BaseModel):
    text: str
    met: bool = Field(description="Half of its own words are in the answer: a hint, and no judgement")


class Alike(BaseModel):
    answer: str
    score: float


class OneAnswer(QueuedAnswer):
    """An answer with all that helps to grade it; the question is as it was answered."""

    item_id: str | None = Field(description="The lesson that the question asks about")
    lesson: str | None
    options: list[str]
    answer: dict[str, Any] = Field(description="The right order, pairs, number")
    aliases: list[str]
    quote: str | None
    points: list[KeyPoint] = Field(description="Of the key, where free text is expected")
    suggested: float | None = Field(description="What the trained grader would say: 1 or 0")
    confidence: float | None = Field(description="In that, 0 to 1")
    why: list[str] = Field(description="Why it waits, in the language of Accept-Language")
    alike: Alike | None = Field(description="The nearest answer that a teacher has marked before")
    same: int = Field(
        description="Others with the very same answer who get another grade along with it: they wait, were"
        " graded along with it, or have the same score from a machine"
    )
    comment: str | None
    graded_at: datetime | None
    seen_at: datetime | None = Field(description="When the learner saw the grade")


class GradeBody(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    score: Annotated[float, Field(strict=True, ge=0, le=1, description="1 is right")]
    comment: Annotated[str, Field(max_length=2000, pattern=TEXT, description="For the learner")] = ""
    was: Annotated[
        float | None, Field(strict=True, ge=0, le=1, description="The score that this one puts right")
    ] = None


class Graded(AnswerReply):
    also: int = Field(description="Others who wrote the very same, and were graded or put right along")


class OwnAnswer(BaseModel):
    """An answer as its learner sees it, now or years later."""

    event_id: str
    question_id: str
    version: int
    kind: Kind | None = Field(description="Null where the question is gone")
    stem: str | None
    picked: Any
    correct: bool | None = Field(description="Null: a teacher will grade it")
    score: float | None
    how: str
    feedback: list[str] = Field(description="In the language of Accept-Language")
    comment: str | None = Field(description="What the teacher who graded it wrote")
    answered_at: datetime
    graded_at: datetime | None = Field(description="By a teacher")
    seen_at: datetime | None = Field(description="When the learner saw that grade")
    key: str | None
    answer: dict[str, Any]
    corrected: str | None
    aliases: list[str]
    rationale: list[str]
    quote: str | None


class OwnAnswers(BaseModel):
    answers: list[OwnAnswer]
    waiting: int = Field(description="How many wait for a teacher")
    new: int = Field(description="How many a teacher has graded since the learner last looked")


class SeenBody(BaseModel):
    """`until`: the last `graded_at` that the learner saw."""

    model_config = ConfigDict(extra="forbid")
    until: Annotated[AwareDatetime, Field(examples=["2026-03-02T10:00:00Z"])]


class Seen(BaseModel):
    seen: int = Field(description="How many of them were new")


class PracticeLesson(BaseModel):
    item_id: str
    title: str
    language: str
    questions: int


class PracticeLessons(BaseModel):
    lessons: list[PracticeLesson]


class PracticeRound(BaseModel):
    item_id: str
    title: str
    questions: list[QuestionReply] = Field(description="Never answered ones first, then the longest ago")


def how(row: Mapping[str, Any]) -> str:
    """What decided: a rule, the model, or a teacher."""
    return "teacher" if row["graded_by"] else str(row["grade"]["how"])


def said(row: Mapping[str, Any], question: Mapping[str, Any] | None, language: str) -> list[str]:
    """The feedback of a row of question_answers, in words; a teacher's grade takes its place, with what the
    answer leaves out. question: as it was answered, None where it is gone."""
    _ = translator(language)
    if not row["graded_by"]:
        codes = (feedback.Feedback(one["code"], one["values"]) for one in row["grade"]["feedback"])
        return [feedback.said(one, _) for one in codes]
    told = [_("Your teacher has graded this answer: {score}.").format(score=f"{row['score']:.0%}")]
    if question is None or row["score"] == 1 or not isinstance(row["picked"], str):
        return told
    if question["kind"] in FREE and not question["options"]:
        asked = (question["key"], row["picked"], question["stem"], question["language"])
        if missed := missed_points(*asked):
            note = feedback.Feedback("missed", {"points": "; ".join(missed)})
            return [*told, feedback.said(note, _)]
    return told


def revealed(question: Mapping[str, Any], picked: Any) -> dict[str, Any]:
    """What a learner may see of a question (its row, of the version answered) after the answer."""
    answer = question["answer"] or {}
    return {
        "key": question["key"],
        "answer": answer,
        "corrected": answer.get("corrected"),
        "aliases": list(question["aliases"] or ()),
        "rationale": _rationale(question, picked),
        "quote": question["quote"],
    }


def _rationale(question: Mapping[str, Any], picked: Any) -> list[str]:
    """Of the option that was picked and of the key, where there is a note an option; else of all notes."""
    notes: Sequence[Any] = question["notes"] if isinstance(question["notes"], list) else ()
    options = list(question["options"] or ())
    texts = [str(note.get("rationale") or "") if isinstance(note, Mapping) else "" for note in notes]
    if len(options) == len(texts) > 1 and question["kind"] in ("multiple_choice", "cloze"):
        texts = [
            text for option, text in zip(options, texts, strict=True) if option in (picked, question["key"])
        ]
    return list(dict.fromkeys(text for text in texts if text))
