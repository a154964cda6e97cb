"""What passes a filter, and for whom a rule is."""

import pandas as pd
import pytest

from learnloop.recommend.filters import Filters, Rule, Rules, above, pick

ITEMS = pd.DataFrame(
    [
        ("s:x", "course", None, "en", None, None, None),
        ("s:x/unit", "course", "s:x", "en", None, None, None),
        ("s:a", "lesson", "s:x", "en", "Beginner", "CC-BY-4.0", 600.0),
        ("s:a#1", "exercise", "s:a", "en", None, None, None),
        ("s:b", "lesson", "s:x/unit", "es", "advanced", "CC-BY-SA-4.0", 1200.0),
        ("s:b#1", "exercise", "s:b", "es", "beginner", "CC-BY-4.0", 60.0),
        ("s:c", "video", "s:y", "und", None, None, None),
        ("s:d", "exercise", None, "en", "beginner", None, 30.0),
    ],
    columns=["item_id", "kind", "parent_id", "language", "level", "licence", "duration_s"],
).astype({"item_id": str, "parent_id": str, "level": str, "licence": str, "duration_s": "Float64"})


def passing(**wishes: object) -> set[str]:
    """Who passes, beside the courses, which always stay."""
    found = pick(ITEMS, Filters(**wishes))  # type: ignore[arg-type]
    assert {"s:x", "s:x/unit"} <= set(found["item_id"])
    return set(found["item_id"]) - {"s:x", "s:x/unit"}


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({}, {"s:a", "s:a#1", "s:b", "s:b#1", "s:c", "s:d"}),
        ({"languages": frozenset(["en", "und"])}, {"s:a", "s:a#1", "s:c", "s:d"}),
        ({"level": "BEGINNER"}, {"s:a", "s:a#1", "s:d"}),
        ({"level": "expert"}, set()),
        ({"licence": "cc-by-4.0"}, {"s:a", "s:a#1"}),
        ({"max_duration_s": 600}, {"s:a", "s:a#1", "s:d"}),
        ({"max_duration_s": 599.9}, {"s:d"}),
        ({"course": "s:x"}, {"s:a", "s:a#1", "s:b", "s:b#1"}),
        ({"course": "s:x/unit"}, {"s:b", "s:b#1"}),
        ({"course": "s:nowhere"}, set()),
        ({"course": "s:x", "max_duration_s": 2000, "languages": frozenset(["es"])}, {"s:b", "s:b#1"}),
    ],
)
def test_an_item_passes_by_what_it_says_an_exercise_by_its_lesson(
    wishes: dict[str, object], expected: set[str]
) -> None:
    assert passing(**wishes) == expected


def test_a_loop_of_parents_ends() -> None:
    loop = ITEMS.assign(parent_id=ITEMS["item_id"].shift(-1).fillna(ITEMS["item_id"].iloc[0]))
    assert set(pick(loop, Filters(course="s:d"))["item_id"]) >= {"s:c"}


def test_what_holds_an_item_at_any_depth() -> None:
    found = above(dict(zip(ITEMS["item_id"], ITEMS["parent_id"], strict=True)))
    assert found["s:b#1"] == ("s:b", "s:x/unit", "s:x")
    assert found["s:c"] == ("s:y",), "also what there is no row of"
    assert found["s:x"] == found["s:d"] == ()
    assert set(above({"s:1": "s:2", "s:2": "s:1"})["s:1"]) == {"s:1", "s:2"}, "a loop of parents ends"


def test_rules_are_for_everybody_a_course_or_a_learner() -> None:
    rules = Rules(
        (
            Rule("pin", "s:everybody", "all", ""),
            Rule("pin", "s:of-x", "course", "s:x"),
            Rule("pin", "s:mine", "learner", "l1"),
            Rule("pin", "s:of-x", "learner", "l1"),
            Rule("block", "s:bad", "all", ""),
            Rule("block", "s:not-in-x", "course", "s:x"),
            Rule("block", "s:not-for-me", "learner", "l1"),
        )
    )
    assert rules.pinned("l1", {"s:x"}) == ["s:mine", "s:of-x", "s:everybody"]
    assert rules.pinned("l2", {"s:x"}) == ["s:of-x", "s:everybody"]
    assert rules.pinned("l2", set()) == ["s:everybody"]
    assert rules.blocked("l1", {"s:x"}) == {"s:bad", "s:not-in-x", "s:not-for-me"}
    assert rules.blocked("l2", set()) == {"s:bad"}
    assert Rules().pinned("l1", {"s:x"}) == []
