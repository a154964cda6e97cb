"""Texts with summaries that people wrote: our own lessons' abstracts, and OpenStax's summary sections.

    {"corpus": "openstax-psychology-en", "item_id": "m82181", "title": …, "text": …,
     "reference": …, "language": "en"}

A module's reference is its section of class `summary`; its text is the reading alone, without that section,
exercises and references. Books are read from shared data and nothing of them is written anywhere.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.demo import authored
from learnloop.prepare import cnxml

BOOKS = {"openstax-psychology-en": "en", "openstax-estadistica-es": "es"}
NO_READING = {
    *("summary", "references", "review-questions", "critical-thinking", "personal-application"),
    *("free-response", "practice", "formula-review", "contrib-auth", "sr-contrib-auth"),
    *("bring-together-exercises", "bring-together-homework"),
}
MIN_WORDS = {"text": 120, "reference": 20}


def texts(shared: Path | None) -> pd.DataFrame:
    """corpus, item_id, title, text, reference, language; the demo alone where shared is None or not there."""
    rows = demo()
    for book, language in BOOKS.items():
        if shared is not None and (shared / book).is_dir():
            rows += openstax(shared / book, language)
    return pd.DataFrame(rows)


def demo() -> list[dict[str, Any]]:
    return [
        {
            "corpus": "demo",
            "item_id": f"demo:{course.slug}/{lesson.slug}",
            "title": lesson.title,
            "text": lesson.text.strip(),
            "reference": lesson.abstract.strip(),
            "language": course.language,
        }
        for course in authored.courses()
        for lesson in course.lessons
    ]


def openstax(folder: Path, language: str) -> list[dict[str, Any]]:
    found = []
    for file in sorted(folder.glob("modules/*/index.cnxml")):
        root = cnxml.parsed(file.read_text(encoding="utf-8"))
        content, title = cnxml.first(root, "content"), cnxml.first(root, "title")
        if content is None or title is None:
            continue
        writer = cnxml.Writer(root, language)
        told: list[str] = []
        for section in list(cnxml.descendants(content, "section")):
            kind = section.get("class") or ""
            if kind in NO_READING:
                if kind == "summary":
                    told.append(_reading(writer, section))
                section.getparent().remove(section)
        text, reference = _reading(writer, content), " ".join(told)
        if len(text.split()) >= MIN_WORDS["text"] and len(reference.split()) >= MIN_WORDS["reference"]:
            found.append(
                {
                    "corpus": folder.name,
                    "item_id": file.parent.name,
                    "title": writer.line(title),
                    "text": text,
                    "reference": reference,
                    "language": language,
                }
            )
    return found


def _reading(writer: cnxml.Writer, element: Any) -> str:
    """The paragraphs of `element` outside notes, examples, figures and tables, a blank line between them."""
    inside = {"note", "example", "figure", "table", "exercise", "glossary"}
    kept = [
        writer.line(para)
        for para in cnxml.descendants(element, "para")
        if not any(cnxml.name(above) in inside for above in para.iterancestors())
    ]
    return "\n\n".join(text for text in kept if text)
