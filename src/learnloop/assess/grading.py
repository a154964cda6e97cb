"""The door of grading: a question and an answer in, a grade with its reason out.

    {"kind": "short_answer", "stem": "How fast does it fall?", "key": "9.81 m/s²",
     "answer": {"value": 9.81, "unit": "m/s²", "tolerance": 0.01}, "language": "en"}   answer "9,81 m/s^2"
    -> Grade(score=1.0, points=1.0, how="numeric", confidence=1.0, …)

What can be decided by rule is: equal to the key or an alias in normal form, a number with its unit, an
order, pairs. Free text goes to a trained model, and where that is unsure, or there is none, to the teacher.
An answer is only ever compared; it is never part of a prompt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from learnloop.assess import arrangements, quantities, screening
from learnloop.assess.feedback import Feedback
from learnloop.assess.key_points import missed_points
from learnloop.assess.normal_forms import same_text, true_or_false
from learnloop.errors import BadInput

if TYPE_CHECKING:
    from learnloop.assess.short_answers import ShortAnswerGrader

HOW = ("exact", "alias", "numeric", "order", "pairs", "model", "abstained")
HALF = 0.5  # of the points for the right number without its unit
FREE = ("cloze", "short_answer")
ARRANGED = ("ordering", "matching")
NO_ARRANGEMENT = ("addresses_grader", "marked_up", "hedged")  # a list of words is one, and may be long


@dataclass(frozen=True)
class Grade:
    """`score` in [0, 1], `points` in [0, max_points]; both None where the teacher is asked ("abstained").

    `confidence` in [0, 1] is 1 for a rule and the calibrated probability for the model. `missed` holds the
    key points of the reference that the answer leaves out, `feedback` codes with values for `said`.
    """

    score: float | None
    points: float | None
    how: str
    confidence: float
    missed: tuple[str, ...] = ()
    feedback: tuple[Feedback, ...] = ()


def grade(
    question: Mapping[str, Any],
    answer: str,
    grader: "ShortAnswerGrader | None" = None,
    *,
    max_points: float = 1.0,
    graded: Sequence[tuple[str, float]] = (),
) -> Grade:
    """The grade of `answer` to `question` (a row of schemas.QUESTIONS: kind, stem, key, options, answer, …).

    `grader` judges free text; without one, what no rule decides is left to the teacher. `graded`: answers to
    the same question that a teacher has marked, with their scores in [0, 1]. Raises BadInput.
    """
    if not max_points > 0:
        raise BadInput(f"max_points is {max_points}: it has to be above 0", field="max_points")
    kind, language = _field(question, "kind"), str(question.get("language") or "en")
    _field(question, "key")
    screened = screening.screen(answer, str(question.get("stem") or ""), references(question), language)
    if screened.nothing:
        return _graded(0.0, max_points, "exact", 1.0, (), Feedback(screened.nothing))
    if kind in ARRANGED and (screened.denies or screened.doubt in NO_ARRANGEMENT):
        return _abstained(0.0, Feedback("teacher"))
    if kind == "ordering":
        return _ordering(question, screened.text, language, max_points)
    if kind == "matching":
        return _matching(question, screened.text, language, max_points)
    if kind == "true_false":
        return _true_false(question, screened.text, language, max_points)
    if kind == "multiple_choice" or (kind == "cloze" and _options(question)):
        return _chosen(question, screened.text, language, max_points)
    if kind not in FREE:
        raise BadInput(
            f"no rule grades a question of kind {kind!r}", "learnloop questions list", field="kind"
        )
    by_rule = _by_rule(question, screened, language, max_points)
    return by_rule or _free_text(question, screened, language, max_points, grader, graded)


def references(question: Mapping[str, Any]) -> list[str]:
    """The key and its aliases."""
    aliases = question.get("aliases")
    return [
        str(question["key"]),
        *(str(one) for one in (aliases if isinstance(aliases, list | tuple) else [])),
    ]


def _by_rule(
    question: Mapping[str, Any], screened: screening.Screened, language: str, max_points: float
) -> Grade | None:
    """Equal to the key, to an alias, or to the number; None where no rule says anything."""
    if screened.denies:
        return None  # "not oxygen", "9.81 m/s² is wrong": for whoever can read
    key, *aliases = references(question)
    if same_text(screened.text, key, language):
        return _graded(1.0, max_points, "exact", 1.0, (), Feedback("right"))
    if any(same_text(screened.text, alias, language) for alias in aliases):
        return _graded(1.0, max_points, "alias", 1.0, (), Feedback("right_alias", {"key": key}))
    if screened.doubt:
        return None
    wanted = question.get("answer")
    if not (isinstance(wanted, Mapping) and "value" in wanted):
        bare = quantities.quantity(key, language)
        # a key such as "206" or "9.81 m/s²" is a quantity; one such as "the 3 laws" is not
        if bare is None or not key.strip()[:1].lstrip("-+−").isdigit() or len(key.split()) > 3:
            return None
        if bare.unit and not quantities.is_unit(bare.unit):
            return None
        wanted = {"value": bare.value, "unit": bare.unit}
    return _numeric(wanted, key, screened.text, language, max_points)


def _numeric(
    wanted: Mapping[str, Any], key: str, answer: str, language: str, max_points: float
) -> Grade | None:
    found = quantities.compare(wanted, answer, language)
    if found.verdict == "no_number":
        return None
    values = {"key": key, "unit": str(wanted.get("unit") or "")}
    score = {"right": 1.0, "missing_unit": HALF}.get(found.verdict, 0.0)
    missed = () if found.verdict == "right" else (key,)
    if found.verdict == "wrong_unit" and not values["unit"]:
        return None  # a number and words the key does not know: "5 dogs" for 5
    return _graded(score, max_points, "numeric", 1.0, missed, Feedback(found.verdict, values))


def _free_text(
    question: Mapping[str, Any],
    screened: screening.Screened,
    language: str,
    max_points: float,
    grader: "ShortAnswerGrader | None",
    graded: Sequence[tuple[str, float]],
) -> Grade:
    wanted, stem = references(question), str(question.get("stem") or "")
    for text, score in graded:  # the teacher has marked these very words
        if same_text(screened.text, text, language) and not screened.denies:
            code = "right" if score >= 1 else "marked_before"
            return _graded(score, max_points, "alias", 1.0, (), Feedback(code))
    if screened.doubt:
        return _abstained(0.0, Feedback("teacher"), Feedback(screened.doubt))
    if grader is None:
        return _abstained(0.0, Feedback("teacher"))
    judged = grader.judge(stem, wanted, screened.text, graded)
    missed = missed_points(wanted[0], screened.text, stem, language)
    if not judged.sure:
        return _abstained(judged.confidence, Feedback("teacher"))
    if judged.score >= HALF:
        return _graded(1.0, max_points, "model", judged.confidence, (), Feedback("right_model"))
    told = (
        Feedback("missed", {"points": "; ".join(missed)}) if missed else Feedback("wrong", {"key": wanted[0]})
    )
    return _graded(0.0, max_points, "model", judged.confidence, missed, told)


def _true_false(question: Mapping[str, Any], answer: str, language: str, max_points: float) -> Grade:
    key, said = true_or_false(str(question["key"]), language), true_or_false(answer, language)
    if key is None:
        raise BadInput(
            f"the key of a true/false question is {question['key']!r}", "write true or false", field="key"
        )
    if said is None:
        return _abstained(0.0, Feedback("teacher"))
    if said == key:
        return _graded(1.0, max_points, "exact", 1.0, (), Feedback("right"))
    told = question.get("answer")
    corrected = str(told.get("corrected") or "") if isinstance(told, Mapping) else ""
    note = Feedback("corrected", {"statement": corrected}) if corrected else Feedback("wrong_choice")
    return _graded(0.0, max_points, "exact", 1.0, (), note)


def _chosen(question: Mapping[str, Any], answer: str, language: str, max_points: float) -> Grade:
    """The text of an option, or its letter; of several that are alike in normal form the literal one."""
    options, key = _options(question), str(question["key"])
    picked = arrangements.option(answer, options, language)
    right = picked == key if picked is not None else same_text(answer, key, language)
    aliased = picked is None and any(same_text(answer, one, language) for one in references(question)[1:])
    if right or aliased:
        return _graded(1.0, max_points, "alias" if aliased else "exact", 1.0, (), Feedback("right"))
    return _graded(0.0, max_points, "exact", 1.0, (key,), Feedback("wrong", {"key": key}))


def _ordering(question: Mapping[str, Any], answer: str, language: str, max_points: float) -> Grade:
    order = _answer(question, "order")
    share, pairs = arrangements.ordered(answer, [str(one) for one in order], _options(question), language)
    # random order agrees on half of the pairs: Kendall's tau, clamped at 0
    score = max(0.0, 2 * share - 1)
    missed = () if score == 1 else (str(question["key"]),)
    note = (
        Feedback("right") if score == 1 else Feedback("order", {"right": round(share * pairs), "all": pairs})
    )
    return _graded(score, max_points, "order", 1.0, missed, note)


def _matching(question: Mapping[str, Any], answer: str, language: str, max_points: float) -> Grade:
    pairs = [(str(one), str(other)) for one, other in _answer(question, "pairs")]
    right = arrangements.matched(answer, pairs, language)
    score = len(right) / len(pairs)
    missed = tuple(f"{one}: {other}" for one, other in pairs if one not in right)
    note = Feedback("right") if score == 1 else Feedback("pairs", {"right": len(right), "all": len(pairs)})
    return _graded(score, max_points, "pairs", 1.0, missed, note)


def _field(question: Mapping[str, Any], name: str) -> str:
    value = question.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"the question has no {name}", "see schemas.QUESTIONS", field=name)
    return value


def _answer(question: Mapping[str, Any], name: str) -> Sequence[Any]:
    told = question.get("answer")
    found = told.get(name) if isinstance(told, Mapping) else None
    if not isinstance(found, list | tuple) or not found:
        raise BadInput(f"the question's answer has no {name!r}", "see schemas.QUESTIONS", field="answer")
    return found


def _options(question: Mapping[str, Any]) -> list[str]:
    found = question.get("options")
    return [str(one) for one in found] if isinstance(found, list | tuple) else []


def _graded(
    score: float, max_points: float, how: str, confidence: float, missed: tuple[str, ...], *feedback: Feedback
) -> Grade:
    score = min(1.0, max(0.0, score))
    return Grade(score, score * max_points, how, confidence, missed, feedback)


def _abstained(confidence: float, *feedback: Feedback) -> Grade:
    return Grade(None, None, "abstained", confidence, (), feedback)
