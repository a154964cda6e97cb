import doctest
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnloop.dashboard import escaping
from learnloop.dashboard.escaping import plain, unhidden, web_address


def read_back(markdown: str) -> str:
    """What CommonMark shows of a line without formatting: escapes and our three entities undone."""
    shown = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown)
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        shown = shown.replace(entity, letter)
    return shown.replace("\u2060", "")


def test_the_examples_hold() -> None:
    result = doctest.testmod(escaping)
    assert (result.attempted, result.failed) == (3, 0)


@given(st.text(alphabet=st.characters(exclude_characters="\u2060", exclude_categories=["Cs"])))
def test_what_is_shown_is_what_was_written(text: str) -> None:
    assert read_back(plain(text)) == " ".join(text.split())


@given(st.text(alphabet="<>&[]()!*_`$:#~|\\ab/wht.ps@\n", max_size=40))
def test_no_letter_that_markdown_acts_on_is_left(text: str) -> None:
    escaped = re.sub(r"\\[!-/:-@\[-`{-~]|&(?:lt|gt|amp);", "", plain(text))
    assert not set(escaped) & set("<>&[]()!*_`$:#~|\\\n")


@pytest.mark.parametrize(
    "address", ["http://evil.example", "HTTPS://evil.example", "www.evil.example", "a@b.example"]
)
def test_bare_addresses_are_broken_by_a_joiner(address: str) -> None:
    assert "\u2060" in plain(f"see {address} now")


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", " javascript:x", "data:text/html,x", "//evil.example", "file:///etc", "", None],
)
def test_only_web_addresses_are_followed(url: str | None) -> None:
    assert web_address(url) == ""


@given(st.text(max_size=60))
def test_what_is_hidden_is_counted_and_nothing_seen_is_lost(text: str) -> None:
    shown, hidden = unhidden(text)
    again, none = unhidden(shown)
    assert again == shown
    assert hidden - none >= 0
    seen = [letter for letter in text if letter.isprintable() and not letter.isspace()]
    assert [letter for letter in shown if not letter.isspace() and letter.isprintable()] == seen
    assert not any(letter in shown for letter in "\u202e\u200b\u2066\x00\x1b")


def test_lines_and_joined_letters_stay_and_piles_of_accents_do_not() -> None:
    assert unhidden("one\r\ntwo") == ("one\ntwo", 0)
    assert unhidden("\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645") == (
        "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        0,
    )
    assert unhidden("a" + "\u0301" * 40) == ("a\u0301\u0301", 38)
