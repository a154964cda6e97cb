import doctest
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnloop.dashboard import escaping
from learnloop.dashboard.escaping import plain, web_address


def read_back(markdown: str) -> str:
    """What CommonMark shows of a line without formatting: escapes and our three entities undone."""
    shown = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown)
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        shown = shown.replace(entity, letter)
    return shown.replace("\u2060", "")


def test_the_examples_hold() -> None:
    result = doctest.testmod(escaping)
    assert (result.attempted, result.failed) == (2, 0)


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
