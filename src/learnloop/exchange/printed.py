"""Questions on paper: a sheet for learners or a key for teachers, as HTML that stands alone or as PDF.

One question on the sheet, and in the key:

    1. Which is a vector?               1. Which is a vector?
       A) mass                             B) velocity
       B) velocity                         Why: it has a size and a direction
                                           Source: “Velocity has a size and a direction.”

Every question is in its own language, words like “True” with it. HTML has no script and asks for nothing
from outside; a text is escaped, so markup in a question is shown and not obeyed. PDF is set in DejaVu Sans,
which has the letters of most European languages and the signs of mathematics; a question with another letter
is refused by name, not printed with a hole in it.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from learnloop.exchange.rows import Dumped, Question, Unheld, write_each
from learnloop.exchange.words import answered, lettered, words

if TYPE_CHECKING:
    from fpdf import FPDF

_FONT = "DejaVu"
_STYLE = """
body { font-family: "DejaVu Sans", "Noto Sans", sans-serif; max-width: 44em; margin: 2em auto; padding: 0 1em;
       line-height: 1.4; color: #111; background: #fff }
h1 { font-size: 1.4em }
header p { display: flex; gap: 2em } header span { flex: 1; border-bottom: 1px solid #555 }
section { break-inside: avoid; margin: 1.4em 0 } section p { margin: .3em 0 .3em 2em; white-space: pre-wrap }
section .stem { margin-left: 0; font-weight: bold }
.fill { border-bottom: 1px solid #555; padding-bottom: .4em }
.answer { font-weight: bold } .note { color: #333; font-size: .9em } .id { color: #555; font-size: .75em }
@page { margin: 2cm }
"""

_PAGE = """<!doctype html>
<html lang="{language}">
<head><meta charset="utf-8"><title>{heading}</title>
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>{style}</style></head>
<body>
<header><h1>{heading}</h1>{asked}</header>
{sections}</body>
</html>
"""


@dataclass(frozen=True)
class _Line:
    """style: stem, option, fill (an empty line to write on, after `text`), answer, note or id."""

    style: str
    text: str


def dump_html(questions: pd.DataFrame, title: str = "", key: bool = False, language: str = "en") -> Dumped:
    """`questions` (QUESTIONS) as one page in the order given. language: of the heading.

    title: "" is the word for questions. key: what is right and why, instead of places to answer.
    """
    said = words(language)
    made, refused = write_each(questions, lambda question: list(_lines(question, key)))
    sections = [
        _section(number, question.language, lines) for number, (question, lines) in enumerate(made, start=1)
    ]
    heading = escape(_heading(title, key, language))
    asked = f"<p>{said['name']}: <span></span> {said['date']}: <span></span></p>"
    page = _PAGE.format(
        language=escape(language),
        heading=heading,
        style=_STYLE,
        asked="" if key else asked,
        sections="".join(sections),
    )
    return Dumped(page.encode(), len(made), refused)


def dump_pdf(
    questions: pd.DataFrame, now: datetime, title: str = "", key: bool = False, language: str = "en"
) -> Dumped:
    """`questions` (QUESTIONS) on A4, otherwise as `dump_html`. now: the file's date of making."""
    pdf = _paper(now)
    letters = _letters(pdf)

    def checked(question: Question) -> list[_Line]:
        lines = list(_lines(question, key))
        strange = sorted({letter for line in lines for letter in line.text} - {"\n"})
        lacking = next((letter for letter in strange if ord(letter) not in letters), "")
        if lacking:
            raise Unheld(f"the PDF's font has no letter {lacking!r}")
        return lines

    made, refused = write_each(questions, checked)
    said = words(language)
    _write(pdf, "b", 15, _readable(_heading(title, key, language), letters), 0)
    if not key:
        _write(pdf, "", 10, f"{said['name']}: {'_' * 34}   {said['date']}: {'_' * 16}", 0)
    for number, (_, lines) in enumerate(made, start=1):
        _print(pdf, number, lines)
    return Dumped(bytes(pdf.output()), len(made), refused)


def _heading(title: str, key: bool, language: str) -> str:
    said = words(language)
    if not key:
        return title or said["questions"]
    return f"{title}: {said['key_title']}" if title else said["key_title"]


def _lines(question: Question, key: bool) -> Iterator[_Line]:
    yield _Line("stem", question.stem.expandtabs(4))
    for line in _key(question) if key else _sheet(question):
        hanging = "\n    " if line.style == "option" else "\n"
        yield _Line(line.style, line.text.expandtabs(4).replace("\n", hanging))


def _sheet(question: Question) -> Iterator[_Line]:
    said = words(question.language)
    if question.kind == "true_false":
        yield _Line("option", f"☐ {said['true']}    ☐ {said['false']}")
    elif question.kind == "matching":
        for number, (left, _) in enumerate(question.pairs, start=1):
            yield _Line("option", f"{number}) ____  {left}")
        yield from (_Line("option", text) for text in lettered(question.options))
    else:
        yield from (_Line("option", text) for text in lettered(question.options))
        if question.kind == "ordering":
            yield _Line("option", f"{said['order']}: " + " → ".join(["____"] * len(question.options)))
        elif not question.options:
            unit = str(question.answer.get("unit") or "") if question.numeric else ""
            yield _Line("fill", f"{said['answer']}{f' ({unit})' if unit else ''}: ")


def _key(question: Question) -> Iterator[_Line]:
    said = words(question.language)
    yield _Line("answer", answered(question))
    if corrected := question.answer.get("corrected"):
        yield _Line("note", f"{said['corrected']}: {corrected}")
    for answer, text in zip(question.answers, question.rationales, strict=True):
        if text:
            shown = said.get(answer, answer) if question.kind == "true_false" else answer
            yield _Line("note", f"{said['why']}: {text}" if answer == question.key else f"{shown}: {text}")
    if feedback := (question.meta.get("provenance") or {}).get("feedback"):
        yield _Line("note", str(feedback))
    if quote := question.meta.get("quote"):
        yield _Line("note", f"{said['source']}: “{quote}”")
    version = question.meta.get("version")
    yield _Line("id", f"{question.question_id}{f' v{version}' if version else ''}")


def _section(number: int, language: str, lines: Sequence[_Line]) -> str:
    parts = []
    for line in lines:
        text = f"{number}. {line.text}" if line.style == "stem" else line.text
        parts.append(f'<p class="{line.style}">{escape(text)}</p>')
    return f'<section lang="{escape(language)}">{"".join(parts)}</section>\n'


# ---- PDF ----


def _paper(now: datetime) -> "FPDF":
    import matplotlib
    from fpdf import FPDF

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    pdf = FPDF(format="A4", unit="mm")
    pdf.set_creation_date(now)
    pdf.set_margins(20, 20)
    pdf.set_auto_page_break(True, 20)
    pdf.add_font(_FONT, "", folder / "DejaVuSans.ttf")
    pdf.add_font(_FONT, "b", folder / "DejaVuSans-Bold.ttf")
    pdf.add_page()
    return pdf


_SHAPES = {  # font style, size in points
    "stem": ("b", 11),
    "option": ("", 11),
    "fill": ("", 11),
    "answer": ("b", 11),
    "note": ("", 9),
    "id": ("", 7),
}


def _print(pdf: "FPDF", number: int, lines: Sequence[_Line]) -> None:
    """One question; on a new page where it would be parted and a page can hold it."""
    shaped = [
        (*_SHAPES[line.style], f"{number}. {line.text}" if line.style == "stem" else line.text, line.style)
        for line in lines
    ]
    pdf.ln(4)
    height = sum(
        _write(pdf, style, size, text, 0 if of == "stem" else 8, dry=True) for style, size, text, of in shaped
    )
    if pdf.get_y() + height > pdf.h - pdf.b_margin and height < pdf.eph:
        pdf.add_page()
    for style, size, text, of in shaped:
        _write(pdf, style, size, text, 0 if of == "stem" else 8)
        if of == "fill":
            left = pdf.l_margin + 8
            pdf.line(left, pdf.get_y() + 4, pdf.w - pdf.r_margin, pdf.get_y() + 4)
            pdf.ln(6)


def _write(pdf: "FPDF", style: str, size: int, text: str, indent: float, dry: bool = False) -> float:
    """Sets `text` in a paragraph; returns its height in mm. dry: only measures it."""
    from fpdf.enums import MethodReturnValue, XPos, YPos

    pdf.set_font(_FONT, style, size)
    pdf.set_x(pdf.l_margin + indent)
    height = pdf.multi_cell(
        pdf.epw - indent,
        size * 0.5,
        text,
        align="L",
        new_x=XPos.LMARGIN,
        new_y=YPos.NEXT,
        dry_run=dry,
        output=MethodReturnValue.HEIGHT,
    )
    assert isinstance(height, (int, float))  # noqa: S101 - what was asked for
    return float(height)


def _letters(pdf: "FPDF") -> Collection[int]:
    """Code points that the font has."""
    from fpdf.fonts import TTFFont

    font = pdf.fonts[_FONT.lower()]
    return font.cmap if isinstance(font, TTFFont) else range(128)


def _readable(text: str, letters: Collection[int]) -> str:
    """A title's letters that the font has."""
    return "".join(letter if ord(letter) in letters else "?" for letter in text)
