"""Items that a log only mentions: what is gathered, what waits, what is not told again."""

from typing import Any

import pytest

from learnloop.errors import BadInput
from learnloop.prepare import catalogue as catalogues
from learnloop.prepare.catalogue import Catalogue, placeholder
from learnloop.schemas import ITEMS


def taken(catalogue: Catalogue, last: bool = True) -> dict[str, dict[str, Any]]:
    rows = ITEMS.validate(catalogue.taken(last)).to_dict("records")
    return {row["item_id"]: row for row in rows}


def test_the_first_mention_that_says_a_thing_counts() -> None:
    catalogue = Catalogue("s")
    catalogue.mention("s:1", attributes={"a": 1})
    catalogue.mention("s:1", title="One", kind=None, duration_s=3.0, attributes={"a": 2, "b": 2})
    catalogue.mention("s:1", title="Other", kind="video")
    assert [key for key in ("s:1", "s:2") if catalogue.named(key)] == ["s:1"]
    item = taken(catalogue)["s:1"]
    assert (item["title"], item["kind"], item["duration_s"]) == ("One", "video", 3.0)
    assert item["attributes"] == {"a": 1, "b": 2}
    assert (item["language"], item["text"], item["source"]) == ("und", "", "s")


def test_items_wait_for_the_end_unless_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = Catalogue("s")
    catalogue.mention("s:1")
    assert taken(catalogue, last=False) == {}
    assert list(taken(catalogue)) == ["s:1"]
    assert taken(catalogue) == {}
    monkeypatch.setattr(catalogues, "MOST_WAITING", 2)
    for key in ("2", "3"):
        catalogue.mention(f"s:{key}")
    assert list(taken(catalogue, last=False)) == ["s:2", "s:3"]


def test_what_was_told_is_told_again_only_when_it_gets_a_name() -> None:
    catalogue = Catalogue("s", {"s:known": "Title", "s:path/x": "x"})
    for key in ("s:known", "s:path/x", "s:new/y"):
        catalogue.mention(key)
    assert list(taken(catalogue)) == ["s:new/y"]
    for key in ("s:known", "s:path/x", "s:new/y"):
        catalogue.mention(key, title="A name")
    assert list(taken(catalogue)) == ["s:path/x", "s:new/y"]
    for key in ("s:known", "s:path/x", "s:new/y"):
        catalogue.mention(key, title="A newer name")
    assert taken(catalogue) == {}


def test_nothing_is_above_itself() -> None:
    catalogue = Catalogue("s")
    for key, above in (("s:a", "s:b"), ("s:b", "s:c"), ("s:c", "s:a"), ("s:d", "s:d")):
        catalogue.mention(key, parent_id=above)
    parents = {key: item["parent_id"] for key, item in taken(catalogue).items()}
    assert (parents["s:a"], parents["s:b"]) == ("s:b", "s:c")
    assert [str(parents[key]) for key in ("s:c", "s:d")] == ["nan", "nan"]


def test_an_identifier_that_is_an_address_is_the_address() -> None:
    catalogue = Catalogue("s")
    catalogue.mention("s:https://lms.example/q/1")
    catalogue.mention("s:https://lms.example/q/2", url="https://lms.example/two")
    catalogue.mention("s:urn:x")
    addresses = [str(item["url"]) for item in taken(catalogue).values()]
    assert addresses == ["https://lms.example/q/1", "https://lms.example/two", "nan"]


@pytest.mark.parametrize(
    ("item_id", "title"),
    [
        ("s:https://lms.example/a/b?x=1#frag", "frag"),
        ("s:urn:x:7", "7"),
        ("s:course-v1:X+Y+Z", "X+Y+Z"),
        ("s:https://lms.example/", "lms.example"),
        ("s:///", "s:///"),
    ],
)
def test_a_title_stands_in_where_there_is_none(item_id: str, title: str) -> None:
    assert placeholder(item_id) == title


def test_a_source_is_a_prefix() -> None:
    with pytest.raises(BadInput, match="'My school' is not made of"):
        Catalogue("My school")
