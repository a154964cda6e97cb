"""Text from outside in, Markdown that shows it as text out.

One title, scraped from a page, and what a reader must see of it, letter by letter:

    Loops <img src=x onerror="steal()"> **bold** [win](javascript:steal()) www.evil.example

Escaped here and not where it is collected, stored or served: what is harmless depends on where it is shown
(Markdown here, JSON in the API, HTML in a report), and a lesson about HTML needs its <b>. Whatever comes
from the API and was written by strangers goes through `plain` before any call that reads Markdown.
"""

import re
from urllib.parse import urlsplit

_MARKDOWN = frozenset(r"\`*_{}[]()#+-.!|~$:>")
# Streamlit's Markdown makes links of bare addresses even where every letter is escaped, since it looks for
# them when the escapes are gone. An invisible word joiner in the address is what stops it.
_ADDRESS = re.compile(r"(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_JOINER = "\u2060"


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


def web_address(url: str | None) -> str:
    """`url` where a reader may follow it, else "": javascript: and data: are addresses, too.

    >>> web_address("https://example.org/mean"), web_address("javascript:x()"), web_address("http://[bad")
    ('https://example.org/mean', '', '')
    """
    try:
        return str(url) if urlsplit(str(url)).scheme in ("http", "https") else ""
    except ValueError:
        return ""
