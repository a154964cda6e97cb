"""Pseudonyms: stable, keyed, and not to be had without the key."""

import hashlib
import hmac

import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.store.pseudonyms import pseudonym, pseudonyms

KEY = bytes(range(32))


def test_it_is_the_hmac_it_says() -> None:
    whole = hmac.digest(KEY, b"oulad:11391", hashlib.sha256).hex()
    assert pseudonym(KEY, "oulad", "11391") == whole[:32]


def test_key_source_and_id_all_matter() -> None:
    made = {
        pseudonym(KEY, "oulad", "1"),
        pseudonym(KEY, "oulad", "2"),
        pseudonym(KEY, "csv", "1"),
        pseudonym(KEY[::-1], "oulad", "1"),
    }
    assert len(made) == 4


def test_a_series_keeps_order_index_repeats_and_gaps() -> None:
    ids = pd.Series(["b", "a", None, "b"], index=[5, 3, 9, 1], dtype="str")
    made = pseudonyms(KEY, "demo", ids)
    one, two = pseudonym(KEY, "demo", "b"), pseudonym(KEY, "demo", "a")
    pd.testing.assert_series_equal(made, pd.Series([one, two, None, one], index=ids.index, dtype="str"))


def test_numbers_and_their_text_are_the_same_id() -> None:
    assert (
        pseudonyms(KEY, "demo", pd.Series([7])).tolist() == pseudonyms(KEY, "demo", pd.Series(["7"])).tolist()
    )


def test_a_short_key_is_refused() -> None:
    with pytest.raises(BadInput, match="32 bytes"):
        pseudonym(b"short", "demo", "1")


def test_two_ways_of_typing_one_id_are_one_learner() -> None:
    composed, decomposed = "Mar\u00eda", "Mari\u0301a"
    assert pseudonym(KEY, "school", composed) == pseudonym(KEY, "school", f" {decomposed} ")
