"""Feedback as codes with values, and the words for them in the learner's language.

Feedback("missed", {"points": "the bulbs are in parallel"})
-> "Your answer leaves out: the bulbs are in parallel"
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from learnloop.i18n import N_


@dataclass(frozen=True)
class Feedback:
    """`code` is one of WORDS; `values` fill its sentence."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


WORDS: Mapping[str, str] = {
    "right": N_("Right."),
    "right_alias": N_("Right. It is also called “{key}”."),
    "right_model": N_("Right: your answer says what it has to."),
    "marked_before": N_("Your teacher has marked this very answer before."),
    "wrong": N_("Not right. The answer is: {key}"),
    "wrong_choice": N_("Not right."),
    "corrected": N_("Not right. What is true: {statement}"),
    "missed": N_("Not yet right. Your answer leaves out: {points}"),
    "wrong_number": N_("The number is not right. The answer is: {key}"),
    "wrong_unit": N_("The number is right, the unit is not: it has to be {unit}."),
    "missing_unit": N_("The number is right. Its unit is missing: {unit}."),
    "wrong_both": N_("Neither the number nor the unit is right. The answer is: {key}"),
    "order": N_("{right} of {all} pairs stand in the right order."),
    "pairs": N_("{right} of {all} pairs are right."),
    "empty": N_("There is no answer here yet."),
    "knows_nothing": N_("No answer yet. Read the passage once more and try again."),
    "repeats_question": N_("This repeats the question. What is the answer?"),
    "teacher": N_("Your teacher will look at this answer."),
    "too_long": N_("The answer is much longer than this question needs."),
    "marked_up": N_("The answer has links or code in it: plain words are enough."),
    "addresses_grader": N_("The answer speaks of marks: only what it says about the question counts."),
    "other_script": N_("The answer has letters of another script in it."),
    "key_words": N_("The answer is a list of words: say it in a sentence."),
    "hedged": N_("The answer says this or that: decide for one."),
    "reference_denied": N_("The answer says something and denies it."),
}


def said(feedback: Feedback, _: Callable[[str], str]) -> str:
    """The sentence for `feedback`; `_` is i18n.translator(language)."""
    return _(WORDS[feedback.code]).format(**feedback.values)
