"""A few candidates by name are judged as all items by arrays are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.recommend import merits
from learnloop.recommend.candidate_merits import Known, Waiting, components, total
from learnloop.recommend.merits import Aims, Beliefs, Weights
from learnloop.recommend.policy import Catalogue
from learnloop.recommend.syllabus import Syllabus

AIMS = Aims(weights=Weights(0.1, 0.2, 1.0, 0.3, 0.5, 0.4, 0.6))


@given(seed=st.integers(0, 10_000), relevant=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_numbers_are_those_of_the_arrays(seed: int, relevant: bool) -> None:
    rng = np.random.default_rng(seed)
    n_items, n_concepts = int(rng.integers(1, 9)), int(rng.integers(1, 7))
    items = [f"s:item-{n}" for n in range(n_items)]
    concepts = [f"s:concept-{n}" for n in range(n_concepts)]
    teaches = rng.random((n_items, n_concepts)) < 0.4
    teaches[rng.integers(0, n_items, n_concepts), np.arange(n_concepts)] = True  # each is taught
    requires = np.tril(rng.random((n_concepts, n_concepts)) < 0.4, -1)
    syllabus = Syllabus.of(items, concepts, teaches, requires)
    mastery, recall = rng.random(n_concepts), rng.random(n_concepts)
    mastery[rng.random(n_concepts) < 0.3] = np.nan
    since_item = np.where(rng.random(n_items) < 0.5, rng.integers(0, 40, n_items), np.inf)
    since_concept = np.where(rng.random(n_concepts) < 0.5, rng.integers(0, 9, n_concepts), np.inf)
    p_correct, gain, relevance = rng.random(n_items), rng.random(n_items), rng.normal(size=n_items)
    beliefs = Beliefs(
        mastery=mastery[None],
        p_correct=p_correct[None],
        gain=gain[None],
        recall=recall[None],
        relevance=relevance[None] if relevant else None,
        since_item=since_item[None],
        since_concept=since_concept[None],
    )
    wanted = merits.components(syllabus, beliefs, AIMS, merits.missing(beliefs, AIMS))
    catalogue = Catalogue(
        {item_id: {"kind": "lesson", "parent_id": None, "position": None} for item_id in items},
        {item: [concepts[c] for c in np.flatnonzero(row)] for item, row in zip(items, teaches, strict=True)},
        {
            c: [concepts[p] for p in np.flatnonzero(row)]
            for c, row in zip(concepts, requires, strict=True)
            if row.any()
        },
    )
    known = Known(
        mastery={c: v for c, v in zip(concepts, mastery, strict=True) if v >= 0},
        recall=dict(zip(concepts, recall, strict=True)),
        p_correct=dict(zip(items, p_correct, strict=True)),
        gain=dict(zip(items, gain, strict=True)),
        relevance=dict(zip(items, relevance, strict=True)) if relevant else {},
        since_item={i: int(v) for i, v in zip(items, since_item, strict=True) if np.isfinite(v)},
        since_concept={c: int(v) for c, v in zip(concepts, since_concept, strict=True) if np.isfinite(v)},
    )
    found = components(items, catalogue, Waiting(catalogue), known, AIMS)
    for name in merits.COMPONENTS:
        assert [found[item][name] for item in items] == pytest.approx(wanted[name][0].tolist()), name
    sums = merits.total(wanted, AIMS.weights)[0].tolist()
    assert [total(found[item], AIMS) for item in items] == pytest.approx(sums)


def test_what_waits_for_a_concept_waits_through_others() -> None:
    catalogue = Catalogue(
        {f"s:{one}": {"kind": "lesson"} for one in "abcd"},
        {f"s:{one}": [f"c:{one}"] for one in "abcd"},
        {"c:b": ["c:a"], "c:c": ["c:b"], "c:d": ["c:c"]},
    )
    waiting = Waiting(catalogue)
    assert [sorted(waiting.on(f"c:{one}")) for one in "abcd"] == [
        ["c:b", "c:c", "c:d"],
        ["c:c", "c:d"],
        ["c:d"],
        [],
    ]


def test_nothing_is_known_of_a_stranger_and_nothing_breaks() -> None:
    catalogue = Catalogue({"s:a": {"kind": "lesson"}}, {}, {})
    assert components([], catalogue, Waiting(catalogue), Known(), AIMS) == {}
    found = components(["s:a"], catalogue, Waiting(catalogue), Known(), AIMS)["s:a"]
    assert found == {
        "readiness": 1.0,
        "challenge": 0.0,
        "gain": 0.0,
        "review": 0.0,
        "relevance": 0.0,
        "variety": 1.0,
        "opens": 0.0,
    }
