"""Next steps: the invariant on any graph, what fills a gap, and a true reason for each step."""

from collections.abc import Mapping
from math import nan

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.i18n import REASONS, reason_text
from learnloop.recommend.decisions import decide, wanted
from learnloop.recommend.diversity import Likeness
from learnloop.recommend.policy import ORDER, Catalogue, candidates, next_steps
from learnloop.recommend.prerequisites import Dropped, usable
from learnloop.schemas import Reason, Step

COURSE = "s:course"


def lessons(*names: str) -> dict[str, dict[str, object]]:
    return {COURSE: {"kind": "course", "parent_id": None, "position": None}} | {
        f"s:{name}": {"kind": "lesson", "parent_id": COURSE, "position": place}
        for place, name in enumerate(names)
    }


def ids(steps: list[Step]) -> list[str]:
    return [step.item_id for step in steps]


def codes(step: Step) -> list[str]:
    return [reason.code for reason in step.reasons]


def evidence(step: Step, code: str) -> Mapping[str, object]:
    return next(reason.evidence for reason in step.reasons if reason.code == code)


# variables <- loops <- functions, a lesson each
CHAIN = {
    "items": lessons("variables", "loops", "functions"),
    "item_concepts": {"s:variables": ["c:var"], "s:loops": ["c:loop"], "s:functions": ["c:fun"]},
    "prerequisites": {"c:loop": ["c:var"], "c:fun": ["c:loop"]},
}
RANKED = [("s:functions", 3.0), ("s:loops", 2.0), ("s:variables", 1.0)]


def test_a_beginner_is_led_down_the_chain_to_what_can_be_learned_first() -> None:
    (step,) = next_steps(RANKED, mastery={}, history=[], **CHAIN)
    assert (step.item_id, step.score) == ("s:variables", 3.0)
    assert evidence(step, "fills_gap") == {"concept": "c:var", "item": "s:functions"}
    assert "start_here" in codes(step)


def test_the_next_in_the_chain_opens_when_its_prerequisite_is_mastered() -> None:
    (step,) = next_steps(RANKED, mastery={"c:var": 0.6}, history=["s:variables"], **CHAIN)
    assert step.item_id == "s:loops"
    assert codes(step) == ["fills_gap", "next_in_course", "ready"]
    assert evidence(step, "fills_gap") == {"concept": "c:loop", "item": "s:functions"}
    assert evidence(step, "next_in_course") == {"course": COURSE}


@pytest.mark.parametrize("forgotten", [0.59, 0.0, nan])
def test_a_seen_prerequisite_that_fell_below_the_threshold_is_reviewed(forgotten: float) -> None:
    mastery = {"c:var": forgotten}
    (step,) = next_steps(RANKED, mastery=mastery, history=["s:variables"], **CHAIN)
    assert step.item_id == "s:variables"
    expected = 0.0 if forgotten != forgotten else forgotten
    assert [(r.code, dict(r.evidence)) for r in step.reasons] == [
        ("review", {"concept": "c:var", "mastery": expected})
    ]


def test_an_unseen_item_that_teaches_the_gap_comes_before_a_review() -> None:
    other = {
        **CHAIN,
        "items": CHAIN["items"] | lessons("names"),
        "item_concepts": CHAIN["item_concepts"] | {"s:names": ["c:var"]},
    }
    (step,) = next_steps(RANKED[:1], mastery={"c:var": 0.2}, history=["s:variables"], **other)
    assert step.item_id == "s:names"
    assert codes(step) == ["fills_gap"]


def test_what_was_seen_is_not_recommended_when_all_is_mastered() -> None:
    mastery = {"c:var": 0.9, "c:loop": 0.9, "c:fun": 0.9}
    assert (
        next_steps(RANKED, mastery=mastery, history=["s:loops", "s:functions", "s:variables"], **CHAIN) == []
    )


def test_a_mastered_beginner_is_not_sent_back() -> None:
    found = next_steps(RANKED, mastery={"c:var": 0.9, "c:loop": 0.9}, history=["s:loops"], **CHAIN)
    assert ids(found) == ["s:functions", "s:variables"]


def test_the_reason_names_the_history_item_that_explains() -> None:
    found = next_steps(
        [("s:b", 1.0), ("s:c", 0.5)],
        mastery={},
        history=["s:a"],
        items=lessons("a", "c", "b"),
        explain=lambda history, item_id: (
            [Reason("because_finished", {"item": history[0], "share": 1.0})] if item_id == "s:b" else []
        ),
    )
    assert evidence(found[0], "because_finished") == {"item": "s:a", "share": 1.0}
    assert codes(found[1]) == ["next_in_course"]


def test_only_the_most_done_fifth_is_called_popular() -> None:
    names = [f"l{number}" for number in range(10)]
    popularity = {f"s:{name}": 10 * place for place, name in enumerate(names, start=1)}
    ranked = [(f"s:{name}", 1.0) for name in names]
    found = next_steps(ranked, mastery={}, history=[], items=lessons(*names), popularity=popularity)
    assert {step.item_id for step in found if "popular" in codes(step)} == {"s:l8", "s:l9"}
    assert evidence(found[-1], "popular") == {"learners": 100}
    assert all("start_here" in codes(step) for step in found)


def test_popular_in_a_course_is_said_to_those_who_began_it() -> None:
    items = lessons(*"abcde") | {
        f"t:{name}": {"kind": "lesson", "parent_id": "t:course", "position": place}
        for place, name in enumerate("vwxyz")
    }
    popularity = {f"s:{name}": 5 + place for place, name in enumerate("abcde")}
    popularity |= {f"t:{name}": 50 + place for place, name in enumerate("vwxyz")}
    ranked = [("s:e", 3.0), ("s:d", 2.0), ("t:z", 1.0)]
    found = next_steps(ranked, mastery={}, history=["s:a"], items=items, popularity=popularity)
    assert evidence(found[0], "popular_in_course") == {"course": COURSE, "learners": 9}
    assert "popular" not in codes(found[0])
    assert codes(found[1]) == ["start_here"], "neither in its course nor at large"
    assert evidence(found[2], "popular") == {"learners": 54}
    assert "popular_in_course" not in codes(found[2]), "a course not begun is nobody's"


def test_a_pin_comes_first_and_is_said_to_be_one() -> None:
    items = lessons(*"abc")
    ranked = [("s:a", 3.0), ("s:b", 2.0)]
    found = next_steps(ranked, mastery={}, history=[], items=items, pinned=["s:c", "s:gone", "s:b"])
    assert ids(found) == ["s:c", "s:b", "s:a"]
    assert [codes(step)[0] for step in found] == ["pinned", "pinned", "start_here"]
    assert [step.score for step in found] == [3.0, 3.0, 3.0], "no lower than what it is put before"
    assert ids(next_steps(ranked, mastery={}, history=["s:c"], items=items, pinned=["s:c"])) == ["s:a", "s:b"]
    assert ids(next_steps(ranked, mastery={}, history=[], items=items, pinned=["s:c"], k=1)) == ["s:c"]


def test_before_a_pin_comes_what_it_needs() -> None:
    found = next_steps(RANKED, mastery={}, history=[], pinned=["s:functions"], **CHAIN)
    assert ids(found) == ["s:variables"]
    assert evidence(found[0], "fills_gap") == {"concept": "c:var", "item": "s:functions"}
    catalogue = Catalogue(CHAIN["items"], CHAIN["item_concepts"], CHAIN["prerequisites"])
    more = candidates(
        [("s:loops", 1.0)], mastery={}, history=[], catalogue=catalogue, pinned=["s:functions"], k=5
    )
    assert (ids(more.steps), more.fixed) == (["s:variables"], 1), "what a pin needs is as fixed as the pin"


def test_what_is_closed_is_not_shown_as_a_pin_or_to_fill_a_gap() -> None:
    found = next_steps(RANKED, mastery={}, history=[], closed={"s:variables"}, **CHAIN)
    assert found == [], "nothing else teaches what is missing"
    items = lessons(*"ab")
    ranked = [("s:a", 2.0), ("s:b", 1.0)]
    found = next_steps(ranked, mastery={}, history=[], items=items, pinned=["s:a"], closed={"s:a"})
    assert ids(found) == ["s:b"]


def test_a_part_of_the_catalogue_keeps_prerequisites_and_what_is_next() -> None:
    """Lesson b is too long: c is neither next in the course, nor open before b's concept is mastered."""
    items, taught = lessons(*"abcd"), {"s:b": ["c:b"], "s:c": ["c:c"]}
    whole = Catalogue(items, taught, {"c:c": ["c:b"]}, {"s:d": 9})
    part = Catalogue({name: row for name, row in items.items() if name != "s:b"}, taught, {"c:c": ["c:b"]})
    ranked = [("s:b", 3.0), ("s:c", 2.0), ("s:d", 1.0)]
    found = candidates(ranked, mastery={}, history=["s:a"], catalogue=part, whole=whole).steps
    assert ids(found) == ["s:d"]
    assert codes(found[0]) == ["popular_in_course"]
    found = candidates(ranked, mastery={"c:b": 1.0}, history=["s:a"], catalogue=part, whole=whole).steps
    assert ids(found) == ["s:c", "s:d"]
    assert "next_in_course" not in codes(found[0])


def test_one_learner_makes_nothing_popular() -> None:
    (step,) = next_steps([("s:a", 1.0)], mastery={}, history=[], items=lessons("a"), popularity={"s:a": 1})
    assert codes(step) == ["start_here"]


def test_an_exercise_counts_for_its_lesson_in_history_and_concepts() -> None:
    items = lessons("a", "b") | {"s:a-1": {"kind": "exercise", "parent_id": "s:a", "position": 1}}
    steps = next_steps(
        [("s:a-1", 9.0), ("s:b", 1.0)],
        mastery={},
        history=[],
        items=items,
        item_concepts={"s:a-1": ["c:a"], "s:b": ["c:b"]},
        prerequisites={"c:b": ["c:a"]},
    )
    assert ids(steps) == ["s:a"]
    assert evidence(steps[0], "fills_gap") == {"concept": "c:a", "item": "s:b"}
    assert ids(next_steps([("s:a", 1.0), ("s:b", 0.5)], mastery={}, history=["s:a-1"], items=items)) == [
        "s:b"
    ]


def test_items_gone_from_the_catalogue_and_courses_are_passed_over() -> None:
    ranked = [("s:gone", 3.0), (COURSE, 2.0), ("s:a", 1.0)]
    assert ids(next_steps(ranked, mastery={}, history=["s:gone-too"], items=lessons("a"))) == ["s:a"]
    assert next_steps(ranked, mastery={}, history=[]) == []


def test_never_more_than_k_and_never_padded() -> None:
    names = list("abcde")
    ranked = [(f"s:{name}", 1.0) for name in names]
    for k, expected in ((0, 0), (2, 2), (5, 5), (50, 5)):
        assert len(next_steps(ranked, mastery={}, history=[], items=lessons(*names), k=k)) == expected


def test_a_prerequisite_nobody_teaches_blocks_and_is_reported() -> None:
    catalogue = Catalogue(lessons("a"), {"s:a": ["c:a"]}, {"c:a": ["c:nowhere"]})
    assert catalogue.untaught == ["c:nowhere"]
    assert next_steps([("s:a", 1.0)], mastery={}, history=[], catalogue=catalogue) == []
    assert ids(next_steps([("s:a", 1.0)], mastery={"c:nowhere": 1.0}, history=[], catalogue=catalogue)) == [
        "s:a"
    ]


def test_a_prerequisite_only_taught_together_does_not_block() -> None:
    catalogue = Catalogue(lessons("a"), {"s:a": ["c:for", "c:while"]}, {"c:while": ["c:for"]})
    assert catalogue.dropped == [Dropped("c:while", "c:for", "taught_together")]
    assert ids(next_steps([("s:a", 1.0)], mastery={}, history=[], catalogue=catalogue)) == ["s:a"]


def test_an_exam_over_all_concepts_waits_for_the_lessons() -> None:
    steps = next_steps(
        [("s:exam", 1.0)],
        mastery={},
        history=[],
        items=lessons("for", "while", "exam"),
        item_concepts={"s:for": ["c:for"], "s:while": ["c:while"], "s:exam": ["c:for", "c:while"]},
        prerequisites={"c:while": ["c:for"]},
    )
    assert ids(steps) == ["s:for"]


def test_a_cycle_is_reported_and_broken_alike_for_any_order_of_input() -> None:
    teachers = {name: [f"s:{name}"] for name in "abc"}
    graph = {"a": ["b"], "b": ["c"], "c": ["a"]}
    kept, dropped = usable(graph, teachers)
    assert dropped == [Dropped("c", "a", "cycle")]
    assert kept == {"a": ("b",), "b": ("c",), "c": ()}
    assert usable(dict(reversed(graph.items())), teachers) == (kept, dropped)
    assert usable({"a": ["a"]}, teachers)[1] == [Dropped("a", "a", "cycle")]


def test_a_chain_longer_than_the_stack_of_python_is_followed() -> None:
    n = 5000
    steps = next_steps(
        [(f"s:{n - 1}", 1.0)],
        mastery={},
        history=[],
        items=lessons(*map(str, range(n))),
        item_concepts={f"s:{number}": [f"c:{number}"] for number in range(n)},
        prerequisites={f"c:{number}": [f"c:{number - 1}"] for number in range(1, n)},
    )
    assert ids(steps) == ["s:0"]


def test_a_catalogue_of_frames_with_missing_values() -> None:
    items = pd.DataFrame(
        [(COURSE, "course", None, None), ("s:a", "lesson", COURSE, 1), ("s:b", "lesson", COURSE, None)],
        columns=["item_id", "kind", "parent_id", "position"],
    ).astype({"item_id": str, "kind": str, "parent_id": str, "position": "Int64"})
    taught = pd.DataFrame({"item_id": ["s:a", "s:b"], "concept_id": ["c:a", "c:b"]})
    needs = pd.DataFrame({"concept_id": ["c:b"], "requires_id": ["c:a"]})
    catalogue = Catalogue.from_frames(items, taught, needs, {"s:a": 3})
    assert ids(next_steps([("s:b", 1.0)], mastery={}, history=[], catalogue=catalogue)) == ["s:a"]
    empty = Catalogue.from_frames(items.iloc[:0], taught.iloc[:0], needs.iloc[:0])
    assert next_steps([("s:b", 1.0)], mastery={}, history=[], catalogue=empty) == []


def test_every_code_has_a_sentence_and_an_order() -> None:
    assert set(ORDER) == set(REASONS)


names = st.integers(0, 6).map(lambda number: f"c:{number}")
item_names = st.integers(0, 8).map(lambda number: f"s:{number}")
graphs = st.dictionaries(names, st.lists(names, max_size=3), max_size=7)
taught = st.dictionaries(item_names, st.lists(names, max_size=3), max_size=9)
beliefs = st.dictionaries(names, st.floats(0, 1), max_size=7)


@settings(max_examples=400, deadline=None)
@given(
    graph=graphs,
    item_concepts=taught,
    mastery=beliefs,
    history=st.lists(item_names, max_size=5),
    order=st.permutations([f"s:{number}" for number in range(9)]),
    pinned=st.lists(item_names, max_size=3, unique=True),
    closed=st.sets(item_names, max_size=3),
    left_out=st.sets(item_names, max_size=3),
    k=st.integers(0, 12),
    threshold=st.floats(0.05, 0.95),
    knobs=st.tuples(st.sampled_from([0.0, 0.3]), st.sampled_from([0.0, 0.6])),
    seed=st.integers(0, 3),
)
def test_the_invariant_holds_on_any_graph(
    graph: dict[str, list[str]],
    item_concepts: dict[str, list[str]],
    mastery: dict[str, float],
    history: list[str],
    order: list[str],
    pinned: list[str],
    closed: set[str],
    left_out: set[str],
    k: int,
    threshold: float,
    knobs: tuple[float, float],
    seed: int,
) -> None:
    """With pins, blocks, a filter, exploration and diversity too."""
    items = lessons(*map(str, range(9)))
    whole = Catalogue(items, item_concepts, graph)
    passing = {name: row for name, row in items.items() if name not in left_out}
    ranked = [(item_id, float(-place)) for place, item_id in enumerate(order)]
    found = candidates(
        ranked,
        mastery=mastery,
        history=history,
        catalogue=Catalogue(passing, item_concepts, graph),
        whole=whole,
        pinned=pinned,
        closed=closed,
        threshold=threshold,
        k=wanted(k, *knobs),
    )
    likeness = Likeness([*items], item_concepts, {})
    steps = decide(found, k, np.random.default_rng(seed), *knobs, likeness.matrix).steps
    let_go = {(edge.concept_id, edge.requires_id) for edge in whole.dropped}
    assert {step.item_id for step in steps}.isdisjoint(closed | left_out)
    for step in steps:
        for concept in item_concepts.get(step.item_id, []):
            for requires in graph.get(concept, []):
                assert mastery.get(requires, 0.0) >= threshold or (concept, requires) in let_go
        assert step.reasons
        for reason in step.reasons:
            assert "{" not in reason_text(reason, "en")
            assert set(reason.evidence) <= {"item", "course", "concept", "mastery", "learners"}
        if step.item_id in history:
            assert codes(step) == ["review"]
            assert evidence(step, "review")["mastery"] <= threshold
            taught_here = item_concepts[step.item_id]
            assert any(mastery.get(concept, 0.0) < threshold for concept in taught_here)
        else:
            assert "review" not in codes(step)
        if "pinned" in codes(step):
            assert step.item_id in pinned
    assert len(steps) <= k
    assert len(set(ids(steps))) == len(steps)
    shown_pins = [step.item_id for step in steps if "pinned" in codes(step)]
    # a pin that an earlier pin needs comes before that one
    in_order = [step.item_id for step in steps if "pinned" in codes(step) and "fills_gap" not in codes(step)]
    assert in_order == [item_id for item_id in pinned if item_id in in_order]
    assert shown_pins == [step.item_id for step in steps[: found.fixed] if "pinned" in codes(step)]
    scores = [step.score for step in found.steps]
    assert scores == sorted(scores, reverse=True)


@settings(max_examples=300, deadline=None)
@given(graph=graphs)
def test_what_is_kept_is_acyclic_and_nothing_needless_is_dropped(graph: dict[str, list[str]]) -> None:
    kept, dropped = usable(graph, {})
    edges = {(concept, requires) for concept, needs in graph.items() for requires in needs}
    assert {(c, r) for c, needs in kept.items() for r in needs} | {
        (edge.concept_id, edge.requires_id) for edge in dropped
    } == edges
    for edge in dropped:  # each one alone closes a cycle
        assert edge.concept_id in below(kept, edge.requires_id)
    assert all(concept not in below(kept, requires) for concept, needs in kept.items() for requires in needs)


def below(graph: Mapping[str, tuple[str, ...]], start: str) -> set[str]:
    """Everything that `start` requires, itself included."""
    found, waiting = set(), [start]
    while waiting:
        concept = waiting.pop()
        if concept not in found:
            found.add(concept)
            waiting.extend(graph.get(concept, ()))
    return found
