"""Files with a broken part: that question is refused by name, the others are read, and none takes long."""

import io
import json
import zipfile
from html import escape
from typing import Any

import pytest

from learnloop.errors import BadInput
from learnloop.exchange import moodle_xml, qti_reading, table
from learnloop.exchange.markup import as_text
from learnloop.exchange.rows import Unheld

BEYOND = int("9" * 400)  # JSON has it, a float has not


def moodle(kind: str, text: str, rest: str = "") -> bytes:
    stem = f'<questiontext format="html"><text>{escape(text)}</text></questiontext>'
    good = '<question type="shortanswer"><questiontext format="plain_text"><text>Why?</text></questiontext>'
    good += '<answer fraction="100" format="plain_text"><text>so</text></answer></question>'
    return f'<quiz><question type="{kind}">{stem}{rest}</question>{good}</quiz>'.encode()


def number(multiplier: str) -> str:
    answer = '<answer fraction="100"><text>9.8</text><tolerance>0.1</tolerance></answer>'
    unit = f"<multiplier>{multiplier}</multiplier><unit_name>m</unit_name>"
    return f"{answer}<units><unit>{unit}</unit></units>"


@pytest.mark.parametrize("multiplier", ["abc", "nan", "1e999", "2"])
def test_a_unit_that_is_none_refuses_its_question_alone(multiplier: str) -> None:
    loaded = moodle_xml.load(moodle("numerical", "g?", number(multiplier)), "s:x")
    assert loaded.questions["stem"].tolist() == ["Why?"]
    assert [one.reason for one in loaded.refused] == ["several units"]


@pytest.mark.parametrize("multiplier", ["", "1", " 1.0 ", "1.0000000"])
def test_a_unit_of_one_is_the_unit(multiplier: str) -> None:
    loaded = moodle_xml.load(moodle("numerical", "g?", number(multiplier)), "s:x")
    assert loaded.questions["answer"][0] == {"value": 9.8, "tolerance": 0.1, "unit": "m"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{1:A:" * 50_000, "no embedded answer"),  # each opening alone would be sought to the end
        ("{1:SA:=a" + "\\" * 50_001, "no embedded answer"),
        ("<a " * 50_000, "more than 100,000 letters or 2,000 tags"),
        ("<![" * 20, "markup that nobody can read"),
    ],
)
def test_markup_that_never_ends_does(text: str, reason: str) -> None:
    loaded = moodle_xml.load(moodle("cloze" if text[0] == "{" else "shortanswer", text), "s:x")
    assert loaded.questions["stem"].tolist() == ["Why?"]
    assert reason in loaded.refused[0].reason


def test_an_embedded_answer_may_hold_braces_and_ends_before_another() -> None:
    found = moodle_xml.load(moodle("cloze", r"Sets: {1:SA:={a\}~={ a \}} and {so}"), "s:x")
    assert found.questions["key"].tolist() == ["{a}", "so"]
    both = moodle_xml.load(moodle("cloze", "{1:SA:=a} {2:SA:=b}"), "s:x")
    assert [one.reason for one in both.refused] == ["several embedded answers"]


def test_a_text_has_a_longest_length() -> None:
    assert as_text("<b>" * 2_000 + "x") == "x"
    for html in ("x" * 100_001, "<b>" * 2_001):
        with pytest.raises(Unheld, match="more than"):
            as_text(html)


@pytest.mark.parametrize("tolerance", ["", " ", "  "])
def test_a_tolerance_that_is_not_said_is_none(tolerance: str) -> None:
    item = (
        '<assessmentItem identifier="a"><responseDeclaration identifier="R" cardinality="single"'
        ' baseType="float"><correctResponse><value>9.8</value></correctResponse></responseDeclaration>'
        '<itemBody><p>g?</p><p><textEntryInteraction responseIdentifier="R"/></p></itemBody>'
        f'<responseProcessing><equal toleranceMode="absolute" tolerance="{tolerance}"/></responseProcessing>'
        "</assessmentItem>"
    )
    assert qti_reading.load(item.encode(), "s:x").questions["answer"][0] == {"value": 9.8, "tolerance": 0.0}


@pytest.mark.parametrize("answer", [{"value": BEYOND}, {"value": 1, "tolerance": BEYOND}])
def test_a_number_that_no_float_holds_refuses_its_question_alone(answer: dict[str, Any]) -> None:
    good = {"kind": "short_answer", "stem": "Why?", "key": "so", "difficulty": BEYOND}
    wrong = {"kind": "short_answer", "stem": "How many?", "key": "many", "answer": answer}
    loaded = table.load_json(json.dumps([wrong, good]).encode(), "s:x")
    assert loaded.questions["stem"].tolist() == ["Why?"]
    assert loaded.questions["difficulty"].isna().all(), "a remark that is none is not believed"
    assert [one.reason for one in loaded.refused] == ["its number is not finite"]


def test_a_row_of_more_or_fewer_cells_than_columns_is_refused_alone() -> None:
    head = "kind,stem,key\r\n"
    rows = ["short_answer,Why?,so", "short_answer,How?", "short_answer,When?,now,then"]
    loaded = table.load_csv((head + "\r\n".join(rows)).encode(), "s:x")
    assert loaded.questions["stem"].tolist() == ["Why?"]
    refused = [(one.where, one.reason) for one in loaded.refused]
    assert refused == [(f"line {line}", "more or fewer cells than columns") for line in (3, 4)]


def test_a_record_that_says_no_key_is_refused_as_such() -> None:
    record = {"kind": "ordering", "stem": "?", "options": ["b", "a"], "answer": {"order": ["a", "b"]}}
    loaded = table.load_json(json.dumps([record | {"key": ""}, record]).encode(), "s:x")
    assert len(loaded.questions) + len(loaded.refused) == 2


def test_a_package_of_a_later_zip_is_refused() -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("imsmanifest.xml", "<manifest/>")
    data = bytearray(sink.getvalue())
    data[data.index(b"PK\x01\x02") + 6] = 99  # the version that is needed to read it
    with pytest.raises(BadInput, match=r"the package is damaged: zip file version 9\.9"):
        qti_reading.load(bytes(data), "s:x")
