"""One graph out of many edges: no circle, no shortcut, and nothing that depends on the order of rows."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.prepare.prerequisite_graph import acyclic, agreement, combined, reaches, reduced

CODES = st.sampled_from("abcdef")
DRAWN = st.dictionaries(
    st.tuples(CODES, CODES).filter(lambda pair: pair[0] != pair[1]), st.floats(0, 1), max_size=20
)


def edges(found: dict[tuple[str, str], float], origin: str = "mined") -> pd.DataFrame:
    rows = [(a, b, origin, confidence) for (a, b), confidence in found.items()]
    return pd.DataFrame(rows, columns=["concept_id", "requires_id", "origin", "confidence"]).astype(
        {"confidence": float}
    )


def needs(frame: pd.DataFrame) -> dict[str, set[str]]:
    return {concept: set(group["requires_id"]) for concept, group in frame.groupby("concept_id")}


@settings(max_examples=40, deadline=None)
@given(DRAWN)
def test_no_circle_is_left_and_what_was_dropped_would_close_one(found: dict[tuple[str, str], float]) -> None:
    kept, dropped = acyclic(edges(found))
    graph = needs(kept)
    for a, b in zip(kept["concept_id"], kept["requires_id"], strict=True):
        assert not reaches(graph, b, a)
    for a, b, confidence in zip(
        *(dropped[c] for c in ("concept_id", "requires_id", "confidence")), strict=True
    ):
        surer = needs(kept[kept["confidence"] >= confidence])
        assert reaches(surer, b, a), "the weakest edge of its circle"
    assert len(kept) + len(dropped) == len(found)
    again, _ = acyclic(edges(dict(reversed(list(found.items())))))
    pd.testing.assert_frame_equal(kept, again)


@settings(max_examples=40, deadline=None)
@given(DRAWN)
def test_a_reduction_implies_the_same_with_as_few_edges_as_there_can_be(
    found: dict[tuple[str, str], float],
) -> None:
    whole, _ = acyclic(edges(found))
    kept, shortcuts = reduced(whole)
    before, after = needs(whole), needs(kept)
    for a in "abcdef":
        for b in "abcdef":
            assert reaches(before, a, b) == reaches(after, a, b)
    for a, b in zip(kept["concept_id"], kept["requires_id"], strict=True):
        fewer = {concept: set(required) for concept, required in after.items()}
        fewer[a].discard(b)
        assert not reaches(fewer, a, b)
    assert len(kept) + len(shortcuts) == len(whole)


def test_what_is_fixed_neither_moves_nor_is_repeated() -> None:
    fixed = [("c", "b"), ("b", "a")]
    kept, dropped = acyclic(edges({("a", "c"): 0.99, ("c", "a"): 0.2, ("d", "c"): 0.5}), fixed)
    assert dropped[["concept_id", "requires_id"]].to_numpy().tolist() == [["a", "c"]]
    kept, shortcuts = reduced(kept, fixed)
    assert kept["concept_id"].tolist() == ["d"]
    assert shortcuts["concept_id"].tolist() == ["c"]


def test_two_sources_of_one_edge_make_it_surer() -> None:
    both = combined(edges({("b", "a"): 0.6}), edges({("b", "a"): 0.5, ("c", "a"): 0.4}, "text"))
    assert both["confidence"].tolist() == pytest.approx([0.8, 0.4])
    assert both["origin"].tolist() == ["mined", "text"]
    assert combined(edges({}), edges({}, "text")).empty


def test_agreement_counts_what_is_implied_and_what_is_turned_round() -> None:
    truth = {("b", "a"), ("c", "b"), ("c", "a"), ("d", "c")}  # c -> a is a shortcut
    told = agreement({("b", "a"), ("c", "a"), ("d", "b"), ("a", "d"), ("c", "e")}, truth)
    assert told["precision"] == pytest.approx(2 / 5)
    assert told["recall"] == pytest.approx(1 / 3)
    assert told["sound"] == pytest.approx(3 / 5)
    assert told["reversed"] == pytest.approx(1 / 5)
