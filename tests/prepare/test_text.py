import doctest
import re

import ftfy.bad_codecs  # noqa: F401 - sloppy: Windows-1252 as browsers read it
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.prepare import text
from learnloop.prepare.text import PARSED_RULES, RULES, clean_text, repair

# pieces that make work for each other, so that random texts are not all harmless
PIECES = st.sampled_from(
    [
        *(
            "&amp;",
            "&lt;",
            "&am",
            "p;",
            "&#38;",
            "&amp;lt;",
            "&#xFF1C;",
            "＆",
            "＜",
            "<",
            ">",
            "b",
            "br",
            "/",
            "<p>",
        ),
        *(
            "<b>",
            "</",
            "!--",
            "-->",
            "lt;",
            "Ã©",
            "â€™",
            "Ã",
            "é",
            "e\u0301",
            "²",
            "½",
            "ﬁ",
            "\u00ad",
            "\ufeff",
        ),
        *(
            "\n",
            "\n\n",
            " ",
            "\t",
            "\u00a0",
            "\u2029",
            "\r\n",
            "\x85",
            "\x00",
            "㎡",
            "①",
            "x",
            "word",
            "\u0301",
        ),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


def test_every_rule_does_what_its_example_says() -> None:
    result = doctest.testmod(text)
    assert result.attempted >= len(RULES)
    assert result.failed == 0


@settings(deadline=None)
@given(TEXTS)
def test_cleaning_twice_changes_nothing(raw: str) -> None:
    for rules in (RULES, PARSED_RULES):
        once, _ = repair(raw, rules)
        again, fired = repair(once, rules)
        assert again == once
        assert fired == set()


@settings(deadline=None)
@given(TEXTS)
def test_a_clean_text_can_be_stored(raw: str) -> None:
    clean, _ = repair(raw)
    assert "\x00" not in clean
    clean.encode("utf-8")
    assert clean == clean.strip()


@pytest.mark.parametrize(
    "meant",
    [
        "The naïve café’s résumé costs £5 – “cheap”",
        "El niño aprendió matemáticas: ¿cuántos años?",
        "La définition précise de l’élève à Genève",
        "Größe und Länge der Übung, natürlich schön",
    ],
)
@pytest.mark.parametrize("wrong", ["latin-1", "sloppy-windows-1252"])
def test_mojibake_in_four_languages(meant: str, wrong: str) -> None:
    broken = meant.encode().decode(wrong)
    assert broken != meant
    assert text.fix_mojibake(broken) == meant
    assert text.fix_mojibake(meant) == meant


@pytest.mark.parametrize(
    "kept",
    [
        "E = mc²",
        "H₂O and 10⁻³",
        "2½ cups",
        "el 1.º y la 3.ª",
        "if a < b and c > d: print(List<String>)",
        "dict<p1, p2> and x<y",
        "see example.org/?a=1&copy=2&reg=3",
        "100 °C",
        "R&D; AT&T",
    ],
)
def test_what_looks_like_dirt_and_is_not_stays(kept: str) -> None:
    assert repair(kept) == (kept, set())


def test_tags_that_an_author_shows_stay_in_parsed_text() -> None:
    shown = "A page is written as <p>text</p>."
    assert repair(shown, PARSED_RULES)[0] == shown
    assert repair(shown, RULES)[0] == "A page is written as\n\ntext\n\n."


@pytest.mark.parametrize("shown", ["What does <b> do?", "<p>", "<br>", "<em></em>", "</li>", "The <p> tag"])
def test_a_question_about_a_tag_keeps_it(shown: str) -> None:
    assert repair(shown, RULES) == (shown, set())


def test_rows_changed_are_counted_by_rule() -> None:
    raw = pd.Series(
        ["clean", "caf&eacute;", "<b>bold</b> &amp; caf\u00e9", None, "  ", "dÃ©finition"],
        index=list("abcdef"),
    )
    clean, repairs = clean_text(raw)
    assert clean.tolist()[:3] == ["clean", "café", "bold & café"]
    assert pd.isna(clean["d"])
    assert clean["e"] == ""
    assert clean["f"] == "définition"
    assert repairs == {"collapse_whitespace": 1, "fix_mojibake": 1, "strip_tags": 1, "unescape_entities": 2}
    assert clean.index.equals(raw.index)
    assert clean.dtype == "str"


def test_paragraphs_are_kept() -> None:
    clean, _ = repair("<p>One\nline.</p>\n<p>Two&nbsp;words.</p><ul><li>a</li><li>b</li></ul>")
    assert clean == "One line.\n\nTwo words.\n\na\n\nb"


MARKUP = st.lists(
    st.sampled_from(
        [
            "<!--",
            "-->",
            "--",
            "<script>",
            "<SVG a>",
            "</script >",
            "</svg>",
            "</script",
            "<style",
            ">",
            "a",
            "\n",
        ]
    ),
    max_size=25,
).map("".join)


@given(MARKUP)
def test_comments_and_scripts_go_as_by_the_plain_patterns(markup: str) -> None:
    """Which look from every beginning to the end of the text: of a page of beginnings, for hours."""
    comments = re.compile(r"<!--.*?-->", re.DOTALL)
    active = re.compile(
        r"<(script|style|template|noscript|iframe|object|svg)\b[^<>]*>.*?</\1\s*>", re.DOTALL | re.IGNORECASE
    )
    assert text._without_comments(markup) == comments.sub("", markup)
    assert text._without_active(markup) == active.sub("", markup)


def test_a_page_of_beginnings_is_read() -> None:
    cleaned, _ = clean_text(pd.Series(["<!--" * 20_000 + "<script>" * 20_000 + "a mean"]), RULES)
    assert "a mean" in cleaned[0]


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a" + " " * 200_000 + "b", "a b"),
        ("a" + " \t" * 100_000 + "\n\n" + " " * 100_000 + "b", "a\n\nb"),
        ("a &" + "amp;" * 50_000, "a &" + "amp;" * (50_000 - 10 * text._NESTED)),
    ],
    ids=["blanks", "blanks between paragraphs", "entities of entities"],
)
def test_rows_of_one_thing_are_read_once(raw: str, clean: str) -> None:
    """A pattern that looks from each blank to the last takes hours for a page of them."""
    assert repair(raw)[0] == clean


@given(st.text(st.sampled_from(" \n\r\t\x0b\x85\u2028\u2029ab"), max_size=30))
def test_paragraphs_as_by_the_plain_pattern(raw: str) -> None:
    between = re.compile(r"[^\S\n]*\n(?:[^\S\n]*\n)+\s*|\u2029+")
    plain = (" ".join(part.split()) for part in between.split(raw))
    assert text.collapse_whitespace(raw) == "\n\n".join(filter(None, plain))
