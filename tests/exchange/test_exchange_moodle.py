"""Moodle XML as Moodle exports it, read; and what of it is no question of ours."""

import pytest
from exchange_questions import frame, plain

from learnloop.errors import BadInput
from learnloop.exchange import moodle_xml
from learnloop.exchange.reads import Loaded


def _quiz(*questions: str) -> Loaded:
    return moodle_xml.load(f'<?xml version="1.0"?><quiz>{"".join(questions)}</quiz>'.encode(), "s:x", "en")


def _question(kind: str, inside: str, text: str = "<p>What is it?</p>") -> str:
    shown = f'<questiontext format="html"><text><![CDATA[{text}]]></text></questiontext>'
    return f'<question type="{kind}"><name><text>It</text></name>{shown}{inside}</question>'


def _answer(fraction: str, text: str, feedback: str = "") -> str:
    said = f"<feedback><text>{feedback}</text></feedback>" if feedback else ""
    return f'<answer fraction="{fraction}" format="html"><text>{text}</text>{said}</answer>'


def test_a_multiple_choice_with_all_that_moodle_says_of_it() -> None:
    category = '<question type="category"><category><text>$course$/Metals</text></category></question>'
    answers = (
        _answer("100", "&lt;b&gt;iron&lt;/b&gt;", "It rusts.")
        + _answer("0", "wood")
        + _answer("-33.33", "ice")
    )
    tags = "<tags><tag><text>metals</text></tag><tag><text>concept:s:iron</text></tag></tags>"
    more = (
        "<generalfeedback format='html'><text>Think of cars.</text></generalfeedback><idnumber>7</idnumber>"
    )
    row = _quiz(category, _question("multichoice", answers + tags + more)).questions.iloc[0]
    assert (row["stem"], row["key"], row["options"]) == ("What is it?", "iron", ["iron", "wood", "ice"])
    assert row["notes"] == [{"rationale": "It rusts."}, {}, {}]
    assert row["concept_ids"] == ["s:iron"]
    assert row["provenance"] == {
        **{"feedback": "Think of cars.", "identifier": "7"},
        **{"category": "$course$/Metals", "tags": ["metals"]},
    }


def test_a_truth_in_another_language_is_told_by_its_place() -> None:
    english = _answer("0", "true") + _answer("100", "false", "No.")
    swapped = _answer("100", "false") + _answer("0", "true")
    german = _answer("100", "Wahr") + _answer("0", "Falsch")
    pages = (
        _question("truefalse", each, text=f"<p>{n}</p>") for n, each in enumerate((english, swapped, german))
    )
    found = _quiz(*pages).questions
    assert found["key"].tolist() == ["false", "false", "true"]
    assert found.loc[0, "notes"] == [{}, {"rationale": "No."}]


def test_a_number_has_its_tolerance_and_unit() -> None:
    number = '<answer fraction="100"><text>9.81</text><tolerance>0.05</tolerance></answer>'
    unit = "<units><unit><multiplier>1</multiplier><unit_name>m/s²</unit_name></unit></units>"
    row = _quiz(_question("numerical", number + unit)).questions.iloc[0]
    assert row["answer"] == {"value": 9.81, "tolerance": 0.05, "unit": "m/s²"}
    assert row["key"] == "9.81 m/s²"


def test_short_answers_are_letters_not_markup() -> None:
    answers = _answer("100", "&lt;b&gt;") + _answer("100", "2 \\* 3") + _answer("0", "*", "No.")
    row = _quiz(_question("shortanswer", answers)).questions.iloc[0]
    assert (row["key"], row["aliases"]) == ("<b>", ["2 * 3"])


def test_an_ordering_and_a_matching() -> None:
    order = _answer("2", "add") + _answer("1", "boil") + _answer("3", "drain")
    pair = "<subquestion format='html'><text>{}</text><answer><text>{}</text></answer></subquestion>"
    pairs = (
        pair.format("&lt;i&gt;Spain&lt;/i&gt;", "Madrid")
        + pair.format("", "Oslo")
        + pair.format("Italy", "Rome")
    )
    found = _quiz(_question("ordering", order), _question("matching", pairs)).questions
    assert found.loc[0, "answer"] == {"order": ["boil", "add", "drain"]}
    assert found.loc[1, "answer"] == {"pairs": [["Spain", "Madrid"], ["Italy", "Rome"]]}
    assert sorted(found.loc[1, "options"]) == ["Madrid", "Oslo", "Rome"]


@pytest.mark.parametrize(
    ("embedded", "key", "aliases", "options"),
    [
        ("{1:SHORTANSWER:=iron~=steel#also}", "iron", ["steel"], []),
        ("{:SA:%100%iron~%0%wood#no}", "iron", [], []),
        ("{1:MULTICHOICE:wood~=iron#yes~glass}", "iron", [], ["wood", "iron", "glass"]),
        ("{2:MCH:=a \\} b~c \\# d}", "a } b", [], ["a } b", "c # d"]),
        ("{1:MC:=&#125;~&lt;b&gt;}", "}", [], ["}", "<b>"]),
    ],
)
def test_an_embedded_answer_is_a_cloze(
    embedded: str, key: str, aliases: list[str], options: list[str]
) -> None:
    row = _quiz(_question("cloze", "", text=f"<p>It is {embedded} today.</p>")).questions.iloc[0]
    assert (row["kind"], row["stem"]) == ("cloze", "It is ____ today.")
    assert (row["key"], row["aliases"], row["options"]) == (key, aliases, options)


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (_question("essay", ""), "a question of type essay"),
        (_question("calculated", ""), "a question of type calculated"),
        (_question("multichoice", _answer("50", "a") + _answer("50", "b")), "an answer with partial credit"),
        (_question("multichoice", _answer("100", "a") + _answer("100", "b")), "several right answers"),
        (_question("multichoice", _answer("100", "a")), "fewer than two options"),
        (_question("multichoice", _answer("x", "a")), "a fraction that is no number"),
        (_question("shortanswer", _answer("100", "a*")), "an answer with a wildcard"),
        (_question("shortanswer", ""), "no right answer"),
        (_question("numerical", _answer("100", "many")), "'many' is no number"),
        (_question("cloze", "", text="{1:SA:=a} and {1:SA:=b}"), "several embedded answers"),
        (_question("cloze", "", text="nothing"), "no embedded answer"),
        (_question("cloze", "", text="{1:ESSAY:=a}"), "an embedded answer of type ESSAY"),
        (_question("truefalse", _answer("0", "true")), "neither true nor false is right"),
        (
            _question("truefalse", "", text='<p>Look: <img src="@@PLUGINFILE@@/a.png"></p>'),
            "it shows a picture",
        ),
    ],
)
def test_what_is_no_question_of_ours_is_refused_with_its_name(question: str, reason: str) -> None:
    found = _quiz(question)
    assert found.questions.empty
    assert found.refused[0].where == "question 1 (It)"
    assert found.refused[0].reason.startswith(reason)


def test_another_file_is_named_for_what_it_is() -> None:
    with pytest.raises(BadInput, match=r"begins with <quiz>, not with <html>"):
        moodle_xml.load(b"<html/>", "s:x")
    with pytest.raises(BadInput, match="a Moodle XML file is not XML"):
        moodle_xml.load(b"::GIFT::x{=a}", "s:x")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252", "shift_jis"])
def test_the_declared_encoding_is_the_one(encoding: str) -> None:
    word = "日本" if encoding == "shift_jis" else "año"
    question = _question("shortanswer", _answer("100", word))
    text = f'<?xml version="1.0" encoding="{encoding}"?><quiz>{question}</quiz>'
    assert moodle_xml.load(text.encode(encoding), "s:x").questions.loc[0, "key"] == word


def test_what_outlives_moodle_is_in_tags_and_idnumber() -> None:
    """Moodle drops elements and comments that it does not know, and keeps tags and idnumber."""
    import re

    row = plain(bloom="apply", difficulty=-0.5, concept_ids=["s:a"], licence="CC0", version=3)
    text = moodle_xml.dump(frame([row])).data.decode()
    back = moodle_xml.load(
        re.sub("<learnloop>.*?</learnloop>", "", text, flags=re.DOTALL).encode(), "s:y"
    ).questions
    found = back.iloc[0]
    assert (found["bloom"], found["difficulty"], found["concept_ids"]) == ("apply", -0.5, ["s:a"])
    assert (found["licence"], found["version"], found["item_id"], found["language"]) == (
        "CC0",
        3,
        "s:x",
        "en",
    )
    assert found["question_id"] == "s:1"
