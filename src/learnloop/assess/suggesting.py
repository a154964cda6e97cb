"""What helps a teacher to grade an answer: key points, what the grader would say, and why it did not decide.

    {"kind": "short_answer", "stem": "How do loops end?", "key": "by a condition that is false"}
    answer "when the condition does not hold"
    -> Suggestion(score=1.0, confidence=0.71, points=(("by a condition that is false", True),),
                  why=(Feedback("unsure_right", {"confidence": "71%"}),), …)

It is a suggestion and no grade: nothing here is kept or told to the learner. What no machine should mark
(`screening`) gets none, so a text written for a grader cannot ask a teacher for marks either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from learnloop.assess import screening
from learnloop.assess.feedback import WORDS, Feedback
from learnloop.assess.grading import FREE, references
from learnloop.assess.key_points import missed_points, points
from learnloop.i18n import N_

if TYPE_CHECKING:
    from learnloop.assess.short_answers import ShortAnswerGrader

ALIKE = 0.6  # cosine from which on an answer that was marked before is shown beside

REASONS: Mapping[str, str] = {
    "no_rule": N_("No rule can read this answer."),
    "no_grader": N_("No grader is trained for answers in this language: learnloop train-grader"),
    "no_machine": N_("No machine marks it. The learner was told: {said}"),
    "unsure_right": N_("The trained grader takes it for right, but is only {confidence} sure."),
    "unsure_wrong": N_("The trained grader takes it for wrong, but is only {confidence} sure."),
    "sure_right": N_("By now the trained grader would decide by itself: right, {confidence} sure."),
    "sure_wrong": N_("By now the trained grader would decide by itself: wrong, {confidence} sure."),
}


@dataclass(frozen=True)
class Suggestion:
    """`score` 1.0, 0.0 or None, `confidence` in it; `why`: codes of REASONS; `points`: of the key, and
    whether the answer speaks for them; `alike`: (answer, score) that a teacher has marked, or None."""

    score: float | None
    confidence: float | None
    why: tuple[Feedback, ...]
    points: tuple[tuple[str, bool], ...] = ()
    alike: tuple[str, float] | None = None


def suggest(
    question: Mapping[str, Any],
    answer: Any,
    grader: "ShortAnswerGrader | None" = None,
    graded: Sequence[tuple[str, float]] = (),
) -> Suggestion:
    """For an answer to `question` (a row of schemas.QUESTIONS) that a teacher is to grade.

    graded: answers to the same question that a teacher has marked, with their scores in [0, 1]; the very same
    words are left out: they are this answer's own mark.
    """
    if question["kind"] not in FREE or question["options"] or not isinstance(answer, str):
        return Suggestion(None, None, (Feedback("no_rule"),))
    stem, language, wanted = question["stem"], question["language"], references(question)
    screened = screening.screen(answer, stem, wanted, language)
    missed = missed_points(wanted[0], screened.text, stem, language)
    found = tuple((one, one not in missed) for one in points(wanted[0], language))
    if screened.doubt:
        return Suggestion(None, None, (Feedback("no_machine", {"code": screened.doubt}),), found)
    if grader is None:
        return Suggestion(None, None, (Feedback("no_grader"),), found)
    graded = [(text, score) for text, score in graded if text != answer]
    judged = grader.judge(stem, wanted, screened.text, graded)
    code = ("sure" if judged.sure else "unsure") + ("_right" if judged.score >= 0.5 else "_wrong")
    why = (Feedback(code, {"confidence": f"{judged.confidence:.0%}"}),)
    return Suggestion(judged.score, judged.confidence, why, found, _alike(grader, screened.text, graded))


def said(why: Feedback, _: Callable[[str], str]) -> str:
    """The sentence for one of `why`; `_` is i18n.translator(language)."""
    values = dict(why.values)
    if why.code == "no_machine":
        told = WORDS[values["code"]]
        values = {"said": _(told)}
    return _(REASONS[why.code]).format(**values)


def _alike(
    grader: "ShortAnswerGrader", text: str, graded: Sequence[tuple[str, float]]
) -> tuple[str, float] | None:
    """The marked answer whose sentence vector is nearest, where it is near."""
    if not graded:
        return None
    vectors = grader.features.vectors([text, *(one for one, _ in graded)])
    near = np.asarray(vectors[1:] @ vectors[0])
    best = int(near.argmax())
    return graded[best] if near[best] >= ALIKE else None
