"""Sheets and keys on paper: what is on them, in whose language, and what the font cannot set."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from exchange_questions import frame, plain

from learnloop.exchange import printed
from learnloop.exchange.words import letter, words

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CHOICE = plain(
    kind="multiple_choice", stem="Is 2 < 3?", options=["yes & no", "yes"], key="yes", quote="Two is less."
)
MATCH = {"pairs": [["France", "Paris"], ["Spain", "Madrid"]]}


class _Page(HTMLParser):
    """The lines of a page by class."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []
        self.languages: list[str] = []
        self.style = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.style = given.get("class") or ""
        if tag == "section":
            self.languages.append(given.get("lang") or "")

    def handle_data(self, data: str) -> None:
        if self.style:
            self.lines.append((self.style, data))

    def handle_endtag(self, tag: str) -> None:
        self.style = ""


def _lines(row: dict[str, Any], key: bool = False) -> list[tuple[str, str]]:
    return _Page(printed.dump_html(frame([row]), key=key).data).lines


def test_the_sheet_asks_and_does_not_answer() -> None:
    assert _lines(CHOICE) == [("stem", "1. Is 2 < 3?"), ("option", "A) yes & no"), ("option", "B) yes")]


def test_the_key_answers_and_says_why() -> None:
    row = CHOICE | {"notes": [{"rationale": "Not both."}, {"rationale": "Count."}], "version": 3}
    assert _lines(row, key=True) == [
        ("stem", "1. Is 2 < 3?"),
        ("answer", "B) yes"),
        ("note", "yes & no: Not both."),
        ("note", "Why: Count."),
        ("note", "Source: “Two is less.”"),
        ("id", "s:1 v3"),
    ]


@pytest.mark.parametrize(
    ("row", "sheet", "answer"),
    [
        (plain(kind="true_false", key="true", language="fr"), ["☐ Vrai    ☐ Faux"], "Vrai"),
        (plain(language="de"), ["Antwort: "], "a"),
        (plain(answer={"value": 1.0, "unit": "m"}, key="1 m", language="es"), ["Respuesta (m): "], "1 m"),
        (
            plain(kind="ordering", options=["b", "a"], answer={"order": ["a", "b"]}),
            ["A) b", "B) a", "Order: ____ → ____"],
            "B A\na → b",
        ),
        (
            plain(kind="matching", options=["Rome", "Madrid", "Paris"], answer=MATCH),
            ["1) ____  France", "2) ____  Spain", "A) Rome", "B) Madrid", "C) Paris"],
            "1C) France: Paris\n2B) Spain: Madrid",
        ),
    ],
)
def test_every_kind_in_its_language(row: dict[str, Any], sheet: list[str], answer: str) -> None:
    assert [text for style, text in _lines(row) if style != "stem"] == sheet
    assert ("answer", answer) in _lines(row, key=True)


def test_every_question_keeps_its_language_on_a_mixed_sheet() -> None:
    rows = [plain(question_id=f"s:{code}", language=code) for code in ("en", "es", "fr", "de", "sv")]
    page = printed.dump_html(frame(rows), title="T", language="es")
    assert _Page(page.data).languages == ["en", "es", "fr", "de", "sv"]
    assert "Nombre" in page.data.decode()
    assert len({tuple(words(code)) for code in ("en", "es", "fr", "de")}) == 1


def test_letters_go_on_after_z() -> None:
    assert [letter(number) for number in (0, 25, 26, 51, 52, 701, 702)] == [
        "A",
        "Z",
        "AA",
        "AZ",
        "BA",
        "ZZ",
        "AAA",
    ]


def test_a_pdf_has_pages_and_no_clock_of_its_own() -> None:
    rows = [CHOICE | {"question_id": f"s:{number}", "stem": "¿Größe ∑ œuvre √2 ≤ π?"} for number in range(40)]
    one, two = (printed.dump_pdf(frame(rows), NOW, "Ünit 1", key=False) for _ in range(2))
    assert one.data[:5] == b"%PDF-"
    assert one.data.count(b"/Type /Page\n") == 4
    assert one.data == two.data
    assert one.written == 40


def test_a_letter_that_the_font_has_not_is_refused_and_not_printed_as_a_hole() -> None:
    rows = [plain(), plain(question_id="s:2", stem="漢字?"), plain(question_id="s:3", key="🦋")]
    sheet = printed.dump_pdf(frame(rows), NOW)
    assert [(one.where, one.reason) for one in sheet.refused] == [
        ("s:2", "the PDF's font has no letter '字'")
    ]
    key = printed.dump_pdf(frame(rows), NOW, key=True)
    assert [one.where for one in key.refused] == ["s:2", "s:3"]
