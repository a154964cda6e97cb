"""Features of items: text and metadata as rows of length 1, in order of item_id."""

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput, NothingToDo
from learnloop.recommend.features import FIELDS, item_features, one_hot, text_vectors, texts


def some_items() -> pd.DataFrame:
    """Two courses of three lessons in an order that is not that of their names; a question of a lesson."""
    rows = [
        ("s:b", "course", None, "Biology", "", "en", None),
        ("s:a", "course", None, "Algebra", "", "en", None),
        ("s:b2", "lesson", "s:b", "Cells divide", "Mitosis splits one cell in two.", "en", "beginner"),
        ("s:a1", "lesson", "s:a", "Equations", "An equation has two sides.", "en", "beginner"),
        ("s:b1", "lesson", "s:b", "Cells live", "A cell has a membrane.", "en", "beginner"),
        ("s:a2", "lesson", "s:a", "Ecuaciones", "Una ecuación tiene dos lados.", "es", "advanced"),
        ("s:b3", "lesson", "s:b", "Cell walls", "A plant cell has a wall.", "en", None),
        ("s:a3", "lesson", "s:a", "Dos ecuaciones", "", "es", "advanced"),
        ("s:a1q", "question", "s:a1", "How many sides?", "", "en", None),
    ]
    columns = ["item_id", "kind", "parent_id", "title", "text", "language", "level"]
    return pd.DataFrame(rows, columns=columns).assign(subject=None, abstract=None)


def test_rows_are_of_unit_length_one_a_recommendable_item_in_order_of_name() -> None:
    found = item_features(some_items())
    assert found.item_ids.tolist() == ["s:a1", "s:a2", "s:a3", "s:b1", "s:b2", "s:b3"]
    assert found.matrix.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found.matrix, axis=1), 1, rtol=1e-5)
    assert found.basis == "character n-grams, " + ", ".join(FIELDS)


def test_likeness_follows_text_and_course() -> None:
    found = item_features(some_items())
    row = dict(zip(found.item_ids, found.matrix, strict=True))
    assert row["s:b1"] @ row["s:b3"] > row["s:b1"] @ row["s:a1"]
    assert row["s:a2"] @ row["s:a3"] > row["s:a2"] @ row["s:a1"] > row["s:a2"] @ row["s:b3"]


@pytest.mark.parametrize("given", [True, False])
def test_the_order_of_the_items_changes_nothing(given: bool) -> None:
    items = some_items()
    vectors = np.random.default_rng(0).standard_normal((len(items), 5))
    order = np.random.default_rng(1).permutation(len(items))
    plain = item_features(items, vectors if given else None)
    shuffled = item_features(items.iloc[order].reset_index(drop=True), vectors[order] if given else None)
    assert plain.item_ids.tolist() == shuffled.item_ids.tolist()
    np.testing.assert_array_equal(plain.matrix, shuffled.matrix)


def test_embeddings_go_to_the_rows_of_their_items() -> None:
    items = some_items()
    vectors = np.eye(len(items)) * 7.0  # the length of a vector is no information
    found = item_features(items, vectors, "one-hot text")
    place = {item_id: row for row, item_id in enumerate(items["item_id"])}
    for item_id, row in zip(found.item_ids, found.matrix, strict=True):
        assert row[: len(items)].argmax() == place[item_id]
    text = np.linalg.norm(found.matrix[:, : len(items)], axis=1) ** 2
    assert (text >= 0.7 - 1e-6).all()  # more where a field is unknown, and its share goes to the others
    assert found.basis.startswith("one-hot text")


def test_what_is_unknown_is_a_row_of_zeros_not_a_value() -> None:
    values = pd.Series(["en", "es", "en", None, "und", "es", "sv"])
    np.testing.assert_array_equal(
        one_hot(values), [[1, 0], [0, 1], [1, 0], [0, 0], [0, 0], [0, 1], [0, 0]]
    )  # and a value that only one item has says nothing of another


def test_a_loop_of_parents_ends() -> None:
    items = some_items()
    items.loc[items["item_id"] == "s:b", "parent_id"] = "s:b2"
    assert len(item_features(items).item_ids) == 6


def test_text_to_embed_is_title_abstract_and_the_beginning() -> None:
    items = some_items().assign(abstract=["short"] + [None] * 8)
    items.loc[2, "text"] = "x" * 5000
    found = texts(items)
    assert found[0] == "Biology\nshort"
    assert found[2] == "Cells divide\n" + "x" * 2000


def test_character_n_grams_bring_words_of_one_stem_together() -> None:
    found = text_vectors(["cell division", "cells dividing", "market prices", "price of a market", ""])
    assert found[0] @ found[1] > 0.2 > found[0] @ found[2]
    assert found[2] @ found[3] > found[1] @ found[3]
    np.testing.assert_array_equal(found[4], 0)
    assert text_vectors(["", " "]).shape == (2, 0)
    assert text_vectors(["alone"]).shape[0] == 1


def test_what_cannot_be_described_is_said() -> None:
    items = some_items()
    with pytest.raises(NothingToDo):
        item_features(items[items["kind"] == "course"])
    with pytest.raises(BadInput, match="embeddings"):
        item_features(items, np.zeros((3, 4)))
    with pytest.raises(BadInput, match="finite"):
        item_features(items, np.full((len(items), 4), np.nan))
