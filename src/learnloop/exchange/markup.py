"""HTML of other systems to plain text, and plain text to the little HTML that keeps it whole.

What a page of another system holds, and what becomes of it:

    <p>Water is <b>H<sub>2</sub>O</b>.<script>x()</script></p><p>Is it?</p>
    Water is H₂O.

    Is it?

Nothing of a page's markup is kept: a question is text here, and is escaped wherever it is shown. What would
be lost without a word (a picture, a formula in MathML without its text) raises Unheld instead.
"""

import re
from html import escape
from html.parser import HTMLParser

from learnloop.exchange.rows import Unheld

_PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "ul", "ol", "table", "blockquote", "dl"}
_LINES = {"div", "li", "tr", "dt", "dd", "section", "article", "figure", "figcaption", "caption", "hr"}
_VOID = {"br", "hr", "img", "input", "meta", "link", "source", "wbr", "col", "area", "base", "embed", "param"}
_UNSEEN = {"script", "style", "template", "head", "title", "noscript", "textarea", "select"}
_PICTURES = {"img", "object", "embed", "audio", "video", "svg", "canvas", "iframe", "applet", "picture"}
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])", re.IGNORECASE
)
_KEEPING = re.compile(r"white-space\s*:\s*(pre|pre-wrap|break-spaces)\b", re.IGNORECASE)
_LONGEST, _TAGS = 100_000, 2_000
_SPACES = re.compile(r"[ \t\r\n\f]+")
# What a browser would not show as it is written: runs of space, line breaks, space at the ends.
_FRAGILE = re.compile(r"[\t\r\n\f]|  |^ | $")
_UP = dict(zip("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ", strict=True))
_DOWN = dict(zip("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", strict=True))
_TAG = re.compile(
    r"</?(?:p|br|b|i|u|em|strong|span|div|sub|sup|ul|ol|li|table|tr|td|th|h[1-6]|a|img|pre|code|font|hr|script"
    r"|style|iframe|svg|object|embed|math|video|audio)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)


def as_html(text: str) -> str:
    """A fragment that shows `text` as it is; `as_text` gives it back.

    >>> as_html("a < b")
    '<p>a &lt; b</p>'
    """
    if _FRAGILE.search(text) or not text:
        return f'<div style="white-space: pre-wrap">{escape(text, quote=False)}</div>'
    return f"<p>{escape(text, quote=False)}</p>"


def as_text(html: str) -> str:
    """What a reader of `html` sees, as text. Raises Unheld where that is more than text.

    >>> as_text("<p>x<sup>2</sup> &lt; 4<br>and so on</p>")
    'x² < 4\\nand so on'
    """
    # A tag that is never closed is sought to the end, from each "<" anew.
    if len(html) > _LONGEST or html.count("<") > _TAGS:
        raise Unheld(f"a text of more than {_LONGEST:,} letters or {_TAGS:,} tags")
    parser = _Text()
    try:
        parser.feed(html)
        parser.close()
    except AssertionError:  # how HTMLParser says that a declaration, <![…, is none
        raise Unheld("markup that nobody can read") from None
    return parser.text()


def is_fragile(text: str) -> bool:
    """True where markup must say that spaces and lines of `text` count."""
    return bool(_FRAGILE.search(text))


def has_tags(text: str) -> bool:
    """True where `text` is meant as HTML: it has a tag that people use, not just a "<"."""
    return bool(_TAG.search(text))


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.loose = False  # the last part ends in a space that an end of line would swallow
        self.breaks = 0  # line breaks that wait for text to stand before
        self.open: list[tuple[str, bool, bool]] = []  # tag, unseen, its spaces count
        self.raised: list[tuple[str, int]] = []  # sup or sub, and where it began in parts

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        unseen, keeping = self.open[-1][1:] if self.open else (False, False)
        style = given.get("style", "")
        unseen = unseen or tag in _UNSEEN or "hidden" in given or bool(_HIDING.search(style))
        if not unseen and tag in _PICTURES:
            raise Unheld("it shows a picture or plays a sound")
        if not unseen and tag == "math":
            if not given.get("alttext"):
                raise Unheld("it has a formula in MathML")
            self.handle_data(given["alttext"])
            unseen = True
        if tag == "br" and not unseen:
            self._end_line(self.breaks + 1)
        self._block(tag)
        if tag in _VOID:
            return
        self.open.append((tag, unseen, keeping or tag == "pre" or bool(_KEEPING.search(style))))
        if tag in ("sup", "sub") and not unseen:
            self._flush()
            self.raised.append((tag, len(self.parts)))

    def handle_endtag(self, tag: str) -> None:
        if all(name != tag for name, _, _ in self.open):
            return
        while self.open.pop()[0] != tag:
            pass
        if tag in ("sup", "sub") and self.raised:
            kind, start = self.raised.pop()
            self._shift(kind, start)
        self._block(tag)

    def handle_data(self, data: str) -> None:
        unseen, keeping = self.open[-1][1:] if self.open else (False, False)
        if unseen or not data:
            return
        if keeping:
            self._flush()
            self.parts.append(data)
            self.loose = False
            return
        text = _SPACES.sub(" ", data)
        if self.breaks or self.loose or not self.parts:
            text = text.removeprefix(" ")
        if text:
            self._flush()
            self.parts.append(text)
            self.loose = text.endswith(" ")

    def text(self) -> str:
        self._tighten()
        return "".join(self.parts)

    def _block(self, tag: str) -> None:
        if tag in _PARAGRAPHS or tag in _LINES:
            self._end_line(max(self.breaks, 2 if tag in _PARAGRAPHS else 1))
        elif tag in ("td", "th") and self.parts and not self.breaks and not self.loose:
            self.parts.append(" ")
            self.loose = True

    def _end_line(self, breaks: int) -> None:
        if self.parts:
            self.breaks = breaks

    def _flush(self) -> None:
        if self.breaks and self.parts:
            self._tighten()
            self.parts.append("\n" * self.breaks)
            self.loose = False
        self.breaks = 0

    def _tighten(self) -> None:
        if self.loose and self.parts:
            self.parts[-1] = self.parts[-1].removesuffix(" ")
            self.loose = False

    def _shift(self, kind: str, start: int) -> None:
        """x<sup>2</sup> is x², and x<sup>ab</sup> is x^(ab): never x2 or xab."""
        inside = "".join(self.parts[start:]).strip()
        letters = _UP if kind == "sup" else _DOWN
        if inside:
            shifted = "".join(letters.get(letter, "") for letter in inside)
            mark = "^" if kind == "sup" else "_"
            self.parts[start:] = [shifted if len(shifted) == len(inside) else f"{mark}({inside})"]
            self.loose = False
