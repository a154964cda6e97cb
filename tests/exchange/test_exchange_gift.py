"""GIFT as people and Moodle write it, read; and what of it is no question of ours."""

import pytest
from exchange_questions import frame, plain

from learnloop.errors import BadInput
from learnloop.exchange import gift

# Every shape of Moodle's manual, in words of our own
SAMPLES = [
    ("Which is a metal?{=iron ~wood ~glass}", "multiple_choice", "iron", ["iron", "wood", "glass"]),
    ("Which is a metal?{\n  ~ wood\n  = iron\n}", "multiple_choice", "iron", ["wood", "iron"]),
    ("Iron {=rusts ~melts ~sings} in the rain.", "cloze", "rusts", ["rusts", "melts", "sings"]),
    ("Which is a metal?{~%100%iron ~%-50%wood}", "multiple_choice", "iron", ["iron", "wood"]),
    ("Iron rusts.{T}", "true_false", "true", []),
    ("Iron sings.{FALSE#It does not.#Right: it does not.}", "true_false", "false", []),
    ("What rusts?{=iron =%100%steel}", "short_answer", "iron", []),
    ("What rusts?{iron}", "short_answer", "iron", []),
    ("The ____ thing {=is} that it rusts.", "cloze", "is", []),
    ("How many legs has a spider?{#8}", "short_answer", "8", []),
    ("How long is a foot?{#30.48:0.01}", "short_answer", "30.48", []),
    ("Pi?{#3.141..3.142}", "short_answer", "3.1415", []),
    ("Pi?{#=3.14:0.01#Well done ~#Look it up}", "short_answer", "3.14", []),
    ("::Name \\: of it::What is 2\\=2?{=a \\{set\\} of \\~ \\#1}", "short_answer", "a {set} of ~ #1", []),
]


@pytest.mark.parametrize(("text", "kind", "key", "options"), SAMPLES)
def test_a_question_of_the_manual_is_read(text: str, kind: str, key: str, options: list[str]) -> None:
    loaded = gift.load(text.encode(), "s:x", "en")
    assert loaded.refused == []
    row = loaded.questions.iloc[0]
    assert (row["kind"], row["key"], row["options"]) == (kind, key, options)
    assert (row["item_id"], row["language"], row["origin"]) == ("s:x", "en", "imported")
    assert row["question_id"].startswith("imported:")


def test_a_missing_word_leaves_a_blank_and_feedback_stays_with_its_answer() -> None:
    text = "Iron {=rusts#With water. ~melts ####Look at old cars.} in the rain."
    row = gift.load(text.encode(), "s:x").questions.iloc[0]
    assert row["stem"] == "Iron ____ in the rain."
    assert row["notes"] == [{"rationale": "With water."}, {}]
    assert row["provenance"] == {"feedback": "Look at old cars."}


def test_numbers_have_their_tolerance() -> None:
    text = "A?{#1..3}\n\nB?{#5:0.5}\n\nC?{#7}\n\nD?{#-1e3:2}"
    answers = gift.load(text.encode(), "s:x").questions["answer"].tolist()
    assert answers == [
        {"value": value, "tolerance": tolerance}
        for value, tolerance in [(2.0, 1.0), (5.0, 0.5), (7.0, 0.0), (-1000.0, 2.0)]
    ]


def test_a_matching_shows_its_right_side_in_another_order() -> None:
    text = "Match.{=France -> Paris =Spain -> Madrid =Italy -> Rome = -> Oslo}"
    row = gift.load(text.encode(), "s:x").questions.iloc[0]
    assert row["answer"] == {"pairs": [["France", "Paris"], ["Spain", "Madrid"], ["Italy", "Rome"]]}
    assert sorted(row["options"]) == ["Madrid", "Oslo", "Paris", "Rome"]
    assert row["options"] != ["Paris", "Madrid", "Rome", "Oslo"]
    assert row["key"] == "France: Paris; Spain: Madrid; Italy: Rome"


def test_moodles_own_ordering_is_read() -> None:
    text = "Order them.{>3 ALL VERTICAL ABSOLUTE_POSITION SHOW none\nboil\nadd\ndrain\n}"
    row = gift.load(text.encode(), "s:x").questions.iloc[0]
    assert (row["kind"], row["answer"]) == ("ordering", {"order": ["boil", "add", "drain"]})
    assert row["options"] != ["boil", "add", "drain"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Just a text.", "a description: it asks nothing"),
        ("Write an essay.{}", "an essay: it has no key"),
        ("Half a brace {=a", "braces that do not match"),
        ("Two {=a} fields {=b}.", "several answers in one question"),
        ("Which?{~a ~b}", "no right answer"),
        ("Which?{=a =b ~c}", "several right answers"),
        ("Which?{=a ~%50%b ~c}", "an answer with partial credit"),
        ("What?{=%50%a}", "an answer with partial credit"),
        ("What?{=a*b}", "an answer with a wildcard"),
        ("How many?{#=1 =2}", "several numbers as answers"),
        ("How many?{#many}", "'many' is no number"),
        ("How many?{#1e999}", "its number is not finite"),
        ("Match.{=a -> b =c}", "a pair without ->"),
        ("{=a}", "no stem"),
        ("[html]<img src=x> What is it?{=a}", "it shows a picture or plays a sound"),
    ],
)
def test_what_is_no_question_of_ours_is_refused_with_its_line(text: str, reason: str) -> None:
    loaded = gift.load(f"// a comment\n\n{text}\n\nGood?{{TRUE}}".encode(), "s:x")
    assert [(one.where, one.reason) for one in loaded.refused] == [("line 3", reason)]
    assert loaded.questions["stem"].tolist() == ["Good?"]


def test_markup_is_read_as_markup_only_where_it_is_some() -> None:
    text = "[html]<p>Is x<sup>2</sup> &gt; 1?</p>{T}\n\nIs a < b and b > c?{T}\n\n[plain]What is <b>?{=bold}"
    stems = gift.load(text.encode(), "s:x").questions["stem"].tolist()
    assert stems == ["Is x² > 1?", "Is a < b and b > c?", "What is <b>?"]


@pytest.mark.parametrize("said", ["[plain]x*", " [html]<b>", "\n[plain] [markdown]y"])
def test_what_looks_like_a_format_is_text(said: str) -> None:
    row = plain(kind="true_false", key="false", notes=[{"rationale": said}, {}], quote=said)
    loaded = gift.load(gift.dump(frame([row])).data, "s:x").questions.loc[0]
    assert (loaded["notes"], loaded["quote"]) == (row["notes"], said)
    assert "feedback" not in loaded["provenance"]


def test_the_same_question_twice_is_one() -> None:
    loaded = gift.load(b"Iron rusts.{T}\n\nIron rusts.{T}", "s:x")
    assert len(loaded.questions) == 1
    assert [one.reason for one in loaded.refused] == ["the same question twice"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_letters_of_any_marked_encoding(encoding: str) -> None:
    loaded = gift.load("¿Qué es π?{=número}".encode(encoding), "s:x")
    assert loaded.questions.loc[0, "stem"] == "¿Qué es π?"


def test_an_encoding_that_is_not_said_is_not_guessed() -> None:
    with pytest.raises(BadInput, match=r"a GIFT file is not UTF-8\. Try: save it as UTF-8"):
        gift.load("¿Qué?{=sí}".encode("latin-1"), "s:x")


def test_remarks_that_lie_are_not_believed() -> None:
    lies = (
        '{"question_id": 7, "version": -1, "item_id": "no colon", "language": "english", "bloom": "smell",'
        ' "difficulty": NaN, "concept_ids": ["x"], "kind": "ordering", "key": "b", "key_of": "z"}'
    )
    row = gift.load(f"// learnloop: {lies}\nWhat?{{=a}}".encode(), "s:x", "en").questions.iloc[0]
    assert (row["kind"], row["key"], row["item_id"], row["language"]) == ("short_answer", "a", "s:x", "en")
    assert row["concept_ids"] == []
    assert row[["bloom", "difficulty", "version"]].isna().all()


def test_an_edit_of_the_text_wins_over_the_remarks() -> None:
    question = plain(kind="ordering", options=["b", "a"], answer={"order": ["a", "b"]}, key="a → b")
    assert gift.dump(frame([question])).refused[0].reason == "GIFT has no ordering questions"
    number = plain(key="9.81 m/s²", answer={"value": 9.81, "unit": "m/s²", "tolerance": 0.01})
    text = gift.dump(frame([number])).data.decode().replace("9.81:0.01", "1.62:0.01")
    row = gift.load(text.encode(), "s:x").questions.iloc[0]
    assert row["answer"] == {"value": 1.62, "unit": "m/s²", "tolerance": 0.01}
    assert row["key"] == "1.62 m/s²"
    assert row["question_id"] == "s:1"
