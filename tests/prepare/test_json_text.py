"""JSON read strictly, and what of it may be shown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnloop.errors import BadInput
from learnloop.prepare.json_text import LONGEST_SHOWN, blanked, parsed, shown, strings, without


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' twice"),
        ('{"ana@x": 1, "ana@x": 2}', "the key '…' twice"),
        ("[NaN]", "NaN, which is no number of JSON"),
        ("[-Infinity]", "-Infinity, which is no number of JSON"),
        ("[-1e400]", "a number beyond 1e308"),
        ("1" * 5_000, "a number beyond 1e308"),
        ("[" * 50_000 + "]" * 50_000, "nested more than 100 deep"),
        ("[" * 102 + "]" * 102, "nested more than 100 deep"),
        (r'{"a": ["\u0000"]}', "NUL character, or half a character"),
        (r'{"\ud800": 1}', "NUL character, or half a character"),
        ("{} {}", "not JSON: Extra data"),
        ("", "not JSON: Expecting value"),
    ],
)
def test_what_is_no_strict_json_is_refused_without_quoting_it(text: str, problem: str) -> None:
    with pytest.raises(BadInput) as refusal:
        parsed(text)
    assert refusal.value.problem == problem


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
        lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
        max_leaves=8,
    )
)
def test_strict_json_is_read_as_python_reads_it(value: object) -> None:
    assert parsed(json.dumps(value)) == value


def test_whole_pairs_escaped_backslashes_and_deep_records_are_read() -> None:
    assert parsed(r'["\ud83d\ude00", "\\u0000"]') == ["😀", "\\u0000"]
    deep = "[" * 100 + "1" + "]" * 100
    assert json.dumps(parsed(deep)) == deep


def test_words_are_hidden_but_not_parts_of_words() -> None:
    assert without("u/17/q17/17", ["17"]) == "u/…/q17/…"
    assert without("ana.b and ana", ["ana", "ana.b", " "]) == "… and …"
    assert without("nothing", []) == "nothing"


def test_all_values_count_as_strings_but_keys_and_truths_do_not() -> None:
    value = {"name": "Ana", "member": [{"mbox": "m", "n": 7}], "yes": True, "none": None}
    assert list(strings(value)) == ["Ana", "m", "7"]


def test_what_is_shown_is_short_and_nameless() -> None:
    assert blanked('{"mbox": "ana@é.example"}') == '{"xxxx": "xxx@x.xxxxxxx"}'
    assert len(blanked("a" * 9_999)) == len(shown({"a": "b" * 9_999})) == LONGEST_SHOWN
    assert shown({"a": "é", "b": "", "c": None, "d": 0}) == '{"a": "é", "d": 0}'
