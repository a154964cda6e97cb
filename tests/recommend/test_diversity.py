"""Likeness by hand, and lists that grow more varied as the knob is turned."""

import numpy as np
import pandas as pd
import pytest

from learnloop.recommend.diversity import Likeness, intra_list_diversity, item_texts
from learnloop.recommend.exploration import draw
from learnloop.schemas import ItemFeatures

CONCEPTS = {"s:a": ["c:1", "c:2"], "s:b": ["c:2", "c:3"], "s:c": ["c:4"], "s:d": []}
COURSES = {"s:a": "s:x", "s:b": "s:x", "s:c": "s:y", "s:d": "s:x"}
ITEMS = sorted(CONCEPTS)


def test_it_is_the_mean_over_the_parts_that_both_have() -> None:
    found = Likeness(ITEMS, CONCEPTS, COURSES).matrix(ITEMS)
    expected = np.eye(4)
    expected[0, 1] = expected[1, 0] = (0.5 + 1) / 2  # one concept of two each; one course
    expected[0, 3] = expected[3, 0] = expected[1, 3] = expected[3, 1] = 1.0  # d teaches nothing: the course
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_features_are_a_part_and_never_negative() -> None:
    rows = np.array([[1, 0], [-1, 0], [0.6, 0.8]], dtype=np.float32)
    features = ItemFeatures(np.array(["s:a", "s:b", "s:c"], dtype=object), rows, "text")
    found = Likeness(ITEMS, CONCEPTS, COURSES, features).matrix(["s:c", "s:a", "s:b"])
    assert found[0, 1] == pytest.approx((0 + 0 + 0.6) / 3)
    assert found[1, 2] == pytest.approx((0.5 + 1 + 0) / 3)


def test_the_order_asked_for_and_unknown_items() -> None:
    found = Likeness(ITEMS, CONCEPTS, COURSES).matrix(["s:nowhere", "s:b", "s:a"])
    assert found[0].tolist() == [1.0, 0.0, 0.0]
    assert found[1, 2] == pytest.approx(0.75)
    assert Likeness(ITEMS, CONCEPTS, COURSES).matrix([]).shape == (0, 0)
    assert Likeness([], {}, {}).matrix(["s:a", "s:b"]).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_the_most_alike_of_a_history_by_concepts_or_text_not_by_course() -> None:
    plain = Likeness(ITEMS, CONCEPTS, COURSES)
    name, cosine, by = plain.most_like(["s:c", "s:b", "s:d"], "s:a") or ("", 0.0, "")
    assert (name, by) == ("s:b", "concepts")
    assert cosine == pytest.approx(0.5)
    assert plain.most_like(["s:d", "s:c"], "s:a") is None, "one course is no likeness"
    assert plain.most_like(["s:a"], "s:a") is None
    assert plain.most_like(["s:a"], "s:nowhere") is None
    assert plain.most_like([], "s:a") is None


def test_texts_are_alike_where_few_pairs_are_closer() -> None:
    """A hundred texts about nothing in common, of which two are near and two are nearly as near as those."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(100, 60))
    rows[1] = rows[0] + rng.normal(size=60)
    rows /= np.linalg.norm(rows, axis=1)[:, None]
    ids = [f"s:{n:03d}" for n in range(100)]
    told = Likeness(ids, {}, {}, ItemFeatures(np.array(ids, dtype=object), rows.astype(np.float32)))
    name, cosine, by = told.most_like(ids[1:], "s:000") or ("", 0.0, "")
    assert (name, by) == ("s:001", "text")
    assert cosine == pytest.approx(float(rows[0] @ rows[1]), abs=1e-6)
    pairs = rows @ rows.T
    for one in range(2, 100):
        found = told.most_like(ids, ids[one])
        best = max(pairs[one][other] for other in range(100) if other != one)
        usual = np.quantile(pairs[np.triu_indices(100, 1)], 0.995)
        assert (found is not None) == (best >= max(0.25, usual) - 1e-6)
    assert told.most_like(["s:gone"], "s:000") is None


def test_the_texts_of_a_catalogue_tell_lessons_apart() -> None:
    about = {
        "s:a": "Photosynthesis turns light into sugar in the chloroplast of the leaf.",
        "s:b": "Cellular respiration turns sugar from photosynthesis into energy in the mitochondrion.",
        "s:c": "A list in Python holds values in order and is changed by append.",
        "s:d": "A dictionary in Python holds values by key; a list holds values in order.",
        "s:e": "Una lista guarda valores en orden.",
    }
    items = pd.DataFrame({"item_id": list(about), "text": list(about.values())}).assign(
        kind="lesson", parent_id=None, title="", language=["en"] * 4 + ["es"]
    )
    found = item_texts(items.sample(frac=1, random_state=0))
    assert found.item_ids.tolist() == sorted(about)
    likeness = Likeness(sorted(about), {}, {}, found)
    matrix = likeness.matrix(sorted(about))
    assert matrix[0, 1] > max(matrix[0, 2], matrix[0, 3])
    assert matrix[2, 3] > max(matrix[2, 0], matrix[2, 1])
    assert item_texts(items.iloc[:1]).matrix.shape[0] == 1


def test_the_diversity_of_a_list_is_the_mean_distance_of_its_pairs() -> None:
    likeness = np.array([[1, 0.5, 0], [0.5, 1, 0.2], [0, 0.2, 1]])
    assert intra_list_diversity(likeness) == pytest.approx(1 - (0.5 + 0 + 0.2) / 3)
    assert intra_list_diversity(likeness[:1, :1]) == 0.0


def test_turning_the_knob_varies_the_list_and_costs_relevance() -> None:
    """Ten groups of five that are alike; the plain ranking takes whole groups."""
    rng = np.random.default_rng(4)
    group = np.repeat(np.arange(10), 5)
    values = 1 - group / 10 + rng.normal(0, 0.01, 50)
    likeness = np.where(group[:, None] == group[None, :], 0.9, 0.1) + 0.1 * np.eye(50)
    lists = [draw(values, 10, rng, 0.0, knob, likeness).order for knob in (0.0, 0.2, 0.5, 0.9)]
    varied = [intra_list_diversity(likeness[np.ix_(one, one)]) for one in lists]
    relevant = [float(values[one].sum()) for one in lists]
    assert varied == sorted(varied)
    assert relevant == sorted(relevant, reverse=True)
    assert varied[-1] - varied[0] > 0.3
