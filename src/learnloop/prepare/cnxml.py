"""CNXML, the XML of OpenStax: parsed without any trust, and written as plain text.

    <para>The mean is <m:math><m:mi>μ</m:mi></m:math>.<newline/>See <link target-id="fig-1"/>.</para>

    The mean is μ.
    See [figure].

Entities, DTDs and the network are off. Paragraphs are parted by an empty line, list items stand on lines of
their own with the mark the book gives them, table cells are parted by " | ", pictures are their description.
"""

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from learnloop.prepare import mathml

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# Sections of a module that are no reading
LEFT_OUT = ("references", "contrib-auth", "sr-contrib-auth")
BLOCKS = frozenset(
    (
        *("para", "section", "note", "example", "figure", "equation", "quote", "caption", "title", "label"),
        *("problem", "solution", "content", "proof", "rule", "statement", "definition", "meaning", "div"),
    )
)
NO_TEXT = frozenset(("commentary", "metadata", "glossary", "iframe", "object", "param", "audio", "video"))
WORDS = {  # what a link without words of its own points at
    "en": {"figure": "figure", "table": "table", "example": "example", "equation": "equation"},
    "es": {"figure": "figura", "table": "tabla", "example": "ejemplo", "equation": "ecuación"},
}


class Malformed(Exception):
    """Why a text is not XML that we read, and on which line."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


def parsed(record: str) -> Any:
    """The root element. Raises Malformed: not well-formed, nested too deep, entities declared."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(record.encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        message = re.sub(r", line \d+, column \d+.*", "", (error.msg or "not XML").split("\n")[0])
        raise Malformed(f"not well-formed XML: {message}", error.lineno or 1) from error
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and any(True for _ in dtd.iterentities()):
        raise Malformed("declares entities, which are not read")
    return root


def name(element: Any) -> str:
    """'para' of '{http://cnx.rice.edu/cnxml}para'; '' of a comment or an entity."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def children(element: Any, *names: str) -> list[Any]:
    return [child for child in element if name(child) in names]


def first(element: Any, tag: str) -> Any:
    """The first child of that name, or None."""
    return next(iter(children(element, tag)), None)


def descendants(element: Any, *names: str) -> Iterator[Any]:
    return (found for found in element.iter() if name(found) in names)


class Writer:
    """Elements of one module as text. Of its exercises only those of worked examples are part of it."""

    def __init__(self, root: Any, language: str) -> None:
        self.words = WORDS.get(language, WORDS["en"])
        self.kinds = {e.get("id"): name(e) for e in root.iter() if name(e) and e.get("id")}

    def text(self, element: Any) -> str:
        out: list[str] = []
        self._inside(element, out)
        return tidy("".join(out))

    def line(self, element: Any) -> str:
        return " ".join(self.text(element).split())

    def _inside(self, element: Any, out: list[str]) -> None:
        out.append(_flat(element.text))
        for child in element:
            self._write(child, out)
            out.append(_flat(child.tail))

    def _write(self, element: Any, out: list[str]) -> None:
        kind = name(element)
        if not kind or kind in NO_TEXT or _left_out(element):
            return
        if kind == "math":
            out.append(mathml.text(element))
        elif kind == "newline":
            out.append("\n")
        elif kind == "list":
            self._list(element, out)
        elif kind == "table":
            rows = [
                " | ".join(self.line(entry) for entry in children(row, "entry"))
                for row in descendants(element, "row")
            ]
            out.append("\n\n" + "\n".join(row for row in rows if row.strip(" |")) + "\n\n")
        elif kind == "media":
            described = " ".join((element.get("alt") or "").split())
            out.append(f" [{described}] " if described else "")
        elif kind == "link":
            out.append(self._link(element))
        elif kind in ("sup", "sub"):
            inner = self.line(element)
            mark = "^" if kind == "sup" else "_"
            out.append(mark + (inner if re.fullmatch(r"[\w.]*", inner) else f"({inner})") if inner else "")
        elif kind == "footnote":
            out.append(f" ({self.line(element)})")
        elif kind in BLOCKS or kind == "exercise":
            self._block(element, out)
        else:
            self._inside(element, out)

    def _block(self, element: Any, out: list[str]) -> None:
        if name(element) == "section" and not self._has_body(element):
            return
        out.append("\n\n")
        self._inside(element, out)
        out.append("\n\n")

    def _has_body(self, section: Any) -> bool:
        """Whether a section has more than its title: one of exercises alone has not."""
        out: list[str] = [_flat(section.text)]
        for child in section:
            if name(child) not in ("title", "label"):
                self._write(child, out)
            out.append(_flat(child.tail))
        return bool("".join(out).strip())

    def _list(self, element: Any, out: list[str]) -> None:
        style = element.get("number-style") or ""
        numbered = element.get("list-type") == "enumerated" or element.get("type") == "enumerated"
        start = element.get("start-value") or "1"
        number = int(start) if start.isdigit() else 1
        lines = [self.text(child) for child in children(element, "title")]
        for item in children(element, "item"):
            mark = f"{numeral(number, style)}." if numbered else "-"
            lines.append(f"{mark} {re.sub(chr(10) + '+', chr(10), self.text(item))}")
            number += 1
        out.append("\n\n" + "\n".join(lines) + "\n\n")

    def _link(self, element: Any) -> str:
        own = self.line(element)
        if own:
            return own
        if element.get("url"):
            return str(element.get("url"))
        word = self.words.get(self.kinds.get(element.get("target-id"), ""), "")
        return f"[{word}]" if word else "[…]"


def _left_out(element: Any) -> bool:
    if name(element) == "exercise":
        return not any(name(parent) == "example" for parent in element.iterancestors())
    return name(element) == "section" and (element.get("class") or "") in LEFT_OUT


def numeral(number: int, style: str) -> str:
    """3 in the number-style of a list: 'c', 'C', 'iii', 'III' or '3'."""
    if style.endswith("alpha") and 1 <= number <= 26:
        letter = chr(ord("a") + number - 1)
        return letter.upper() if style.startswith("upper") else letter
    if style.endswith("roman") and 1 <= number <= 39:
        tens, ones = divmod(number, 10)
        roman = "x" * tens + ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")[ones]
        return roman.upper() if style.startswith("upper") else roman
    return str(number)


def _flat(text: str | None) -> str:
    """The source's own line breaks are no structure."""
    return re.sub(r"\s+", " ", text) if text else ""


def tidy(text: str) -> str:
    """Blanks at line ends and repeated blanks go; at most one empty line stays."""
    text = re.sub(r"[ \t\xa0]+", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    text = re.sub(r"\n{3,}", "\n\n", text)
    return re.sub(r" ([,;.:!?])(?=\s|$)", r"\1", text).strip()
