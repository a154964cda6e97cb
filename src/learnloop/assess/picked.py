"""Answers that were picked, not written: an option, true or false, an order as a list, pairs.

    ordering   ["mix", "knead", "bake"]                    matching   [["loop", "repeats"], ["list", "holds"]]

A click is no text: nothing is split, normalised or screened, so an option may hold a comma, an arrow or the
words of its question. Scores are those of `grading` for the same answer in words. Text goes to `grading`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from learnloop.assess.arrangements import ordered
from learnloop.assess.feedback import Feedback
from learnloop.assess.grading import Grade, grade
from learnloop.errors import BadInput

if TYPE_CHECKING:
    from learnloop.assess.short_answers import ShortAnswerGrader

Picked = str | bool | Sequence[str] | Sequence[Sequence[str]]
RIGHT = Feedback("right")


def grade_picked(
    question: Mapping[str, Any],
    picked: Any,
    grader: "ShortAnswerGrader | None" = None,
    graded: Sequence[tuple[str, float]] = (),
) -> Grade:
    """The grade of `picked` to `question` (a row of schemas.QUESTIONS), of 1 point.

    picked: text for any kind; a bool for true_false, a list of the options for ordering, pairs (left, option)
    for matching. Raises BadInput (field `answer`) where it is of another kind, or names what there is not.
    """
    kind = question["kind"]
    if isinstance(picked, str):
        if kind in ("multiple_choice", "cloze") and picked in (question["options"] or ()):
            return _option(question, picked)
        return grade(question, picked, grader, graded=graded)
    if isinstance(picked, bool):
        _of(kind, "true_false", "true or false")
        return grade(question, "true" if picked else "false")
    if all(isinstance(one, str) for one in picked):
        _of(kind, "ordering", "a list of texts")
        return _order(question, picked)
    _of(kind, "matching", "pairs")
    return _pairs(question, picked)


def _of(kind: str, wanted: str, given: str) -> None:
    if kind != wanted:
        raise BadInput(f"a question of kind {kind} is not answered with {given}", field="answer")


def _option(question: Mapping[str, Any], picked: str) -> Grade:
    key = str(question["key"])
    if picked == key:
        return _whole(1.0, "exact", (), RIGHT)
    return _whole(0.0, "exact", (key,), Feedback("wrong", {"key": key}))


def _order(question: Mapping[str, Any], picked: Sequence[str]) -> Grade:
    order = [str(one) for one in (question["answer"] or {}).get("order", ())]
    _known(picked, order)
    # by number, so that no separator within a part is taken for one between parts
    names = {part: f"n{place}" for place, part in enumerate(order)}
    shown = list(names.values())
    share, pairs = ordered(" → ".join(names[one] for one in picked), shown, shown, "en")
    score = max(0.0, 2 * share - 1)  # Kendall's tau, as in `grading`
    if score == 1:
        return _whole(1.0, "order", (), RIGHT)
    told = Feedback("order", {"right": round(share * pairs), "all": pairs})
    return _whole(score, "order", (str(question["key"]),), told)


def _pairs(question: Mapping[str, Any], picked: Sequence[Sequence[str]]) -> Grade:
    pairs = {str(one): str(other) for one, other in (question["answer"] or {}).get("pairs", ())}
    _known([left for left, _ in picked], pairs)
    _known([right for _, right in picked], pairs.values(), again=True)
    put = {str(left): str(right) for left, right in picked}
    right = [left for left, other in pairs.items() if put.get(left) == other]
    score = len(right) / len(pairs)
    if score == 1:
        return _whole(1.0, "pairs", (), RIGHT)
    missed = tuple(f"{left}: {other}" for left, other in pairs.items() if left not in right)
    return _whole(score, "pairs", missed, Feedback("pairs", {"right": len(right), "all": len(pairs)}))


def _known(named: Sequence[str], there: Any, again: bool = False) -> None:
    """Raises BadInput on a part that there is not, and on one named twice unless it may be `again`."""
    known = set(there)
    if not known:
        raise BadInput("the question has no parts to put together", field="answer")
    if not set(named) <= known:
        raise BadInput("the answer names a part that the question does not have", field="answer")
    if not again and len(set(named)) < len(named):
        raise BadInput("the answer names a part twice", field="answer")


def _whole(score: float, how: str, missed: tuple[str, ...], told: Feedback) -> Grade:
    return Grade(score, score, how, 1.0, missed, (told,))
