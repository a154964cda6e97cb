"""Picked answers: graded as the same answer in words would be, and never split, screened or misread."""

from itertools import permutations
from typing import Any

import pytest

from learnloop.assess.grading import grade
from learnloop.assess.picked import grade_picked
from learnloop.errors import BadInput

PARTS = ["mix, then wait", "knead → fold", "bake > 200", "1"]
ORDERING: dict[str, Any] = {
    "kind": "ordering",
    "stem": "Put in order.",
    "key": " → ".join(PARTS),
    "options": PARTS[::-1],
    "answer": {"order": PARTS},
    "language": "en",
}
PAIRS = [["l: x", "repeats; holds"], ["m", "holds"], ["n", "holds"]]
MATCHING: dict[str, Any] = {
    "kind": "matching",
    "stem": "Match.",
    "key": "any",
    "options": ["holds", "repeats; holds"],
    "answer": {"pairs": PAIRS},
    "language": "en",
}
CHOICE: dict[str, Any] = {
    "kind": "multiple_choice",
    "stem": "What is the right answer: none or all?",
    "key": "none",
    "options": ["all", "none", "1"],
    "answer": {},
    "language": "en",
}


def test_an_order_of_parts_that_hold_separators() -> None:
    whole = grade_picked(ORDERING, PARTS)
    assert (whole.score, whole.how, whole.feedback[0].code) == (1.0, "order", "right")
    swapped = grade_picked(ORDERING, [PARTS[1], PARTS[0], *PARTS[2:]])
    assert swapped.score == pytest.approx(2 * 5 / 6 - 1)
    assert swapped.feedback[0].values == {"right": 5, "all": 6}
    assert grade_picked(ORDERING, PARTS[::-1]).score == 0


def test_a_list_and_the_same_order_in_words_have_one_grade() -> None:
    plain = {**ORDERING, "options": ["c", "a", "d", "b"], "answer": {"order": ["a", "b", "c", "d"]}}
    plain |= {"key": "a → b → c → d"}
    for order in permutations(["a", "b", "c", "d"]):
        assert grade_picked(plain, order) == grade(plain, " → ".join(order))


def test_pairs_with_credit_for_each() -> None:
    assert grade_picked(MATCHING, PAIRS).score == 1.0
    part = grade_picked(MATCHING, [["l: x", "repeats; holds"], ["m", "repeats; holds"]])
    assert part.score == pytest.approx(1 / 3)
    assert part.missed == ("m: holds", "n: holds")


def test_an_option_is_taken_by_its_letters() -> None:
    assert grade_picked(CHOICE, "none").score == 1.0, "not 'I know nothing'"
    wrong = grade_picked(CHOICE, "1")
    assert (wrong.score, wrong.feedback[0].values) == (0.0, {"key": "none"}), "not the first option"
    assert grade_picked(CHOICE, "b").score == 1.0, "in words a letter is one"


def test_true_and_false() -> None:
    question = {**CHOICE, "kind": "true_false", "key": "false", "answer": {"corrected": "It holds."}}
    assert grade_picked(question, False).score == 1.0
    assert grade_picked(question, True).feedback[0].values == {"statement": "It holds."}
    assert grade_picked({**question, "language": "es"}, False).score == 1.0


@pytest.mark.parametrize(
    ("question", "picked"),
    [
        (ORDERING, [PARTS[0], PARTS[0]]),
        (ORDERING, ["bread"]),
        (ORDERING, True),
        (ORDERING, [["a", "b"]]),
        (MATCHING, [["q", "holds"]]),
        (MATCHING, [["m", "eats"]]),
        (MATCHING, [["m", "holds"], ["m", "repeats; holds"]]),
        (CHOICE, ["all"]),
        ({**ORDERING, "answer": {}}, ["a"]),
    ],
)
def test_what_is_no_answer_to_it_is_refused(question: dict[str, Any], picked: Any) -> None:
    with pytest.raises(BadInput) as refused:
        grade_picked(question, picked)
    assert refused.value.field == "answer"
