"""Text from outside in, Markdown that shows it as text out.

One title, scraped from a page, and what a reader must see of it, letter by letter:

    Loops <img src=x onerror="steal()"> **bold** [win](javascript:steal()) www.evil.example

Escaped here and not where it is collected, stored or served: what is harmless depends on where it is shown
(Markdown here, JSON in the API, HTML in a report), and a lesson about HTML needs its <b>. Whatever comes
from the API and was written by strangers goes through `plain` before any call that reads Markdown.
"""

import re
import unicodedata
from urllib.parse import urlsplit

_MARKDOWN = frozenset(r"\`*_{}[]()#+-.!|~$:>")
# Streamlit's Markdown makes links of bare addresses even where every letter is escaped, since it looks for
# them when the escapes are gone. An invisible word joiner in the address is what stops it.
_ADDRESS = re.compile(r"(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_JOINER = "\u2060"
_HIDDEN = ("Cc", "Cf", "Co", "Cs", "Cn")  # categories of what nobody sees, or what moves the letters about
_SHOWN = "\n\t\u200c\u200d"  # of them: lines, and what joins letters and parts them in Persian and Hindi
_PILES = re.compile(r"(?<=[\u0300-\u036f]{2})[\u0300-\u036f]+")


def plain(text: str) -> str:
    """Markdown that shows `text` as it is, on one line: nothing in it formats, links, loads or runs.

    >>> plain("2 * 3 <b>")
    '2 \\\\* 3 &lt;b&gt;'
    """
    text = _ADDRESS.sub(_JOINER, " ".join(text.split()))
    entities = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
    return "".join(
        entities.get(letter) or (f"\\{letter}" if letter in _MARKDOWN else letter) for letter in text
    )


def unhidden(text: str) -> tuple[str, int]:
    """`text` without what nobody sees (marks of direction, tags, piles of accents), and how many such there
    were; lines stay lines. For what shows text as text: it escapes nothing.

    >>> unhidden("a" + chr(0x200B) + " loop" + chr(0x202E))
    ('a loop', 2)
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = [c for c in lines if c in _SHOWN or unicodedata.category(c) not in _HIDDEN]
    shown = _PILES.sub("", "".join(kept))
    return shown.strip(), len(lines) - len(shown)


def web_address(url: str | None) -> str:
    """`url` where a reader may follow it, else "": javascript: and data: are addresses, too.

    >>> web_address("https://example.org/mean"), web_address("javascript:x()"), web_address("http://[bad")
    ('https://example.org/mean', '', '')
    """
    try:
        return str(url) if urlsplit(str(url)).scheme in ("http", "https") else ""
    except ValueError:
        return ""
