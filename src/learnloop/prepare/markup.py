"""HTML from outside in, HTML that is safe to show out, by nh3 (the Rust library ammonia).

One fragment, and what becomes of it:

    <p onclick="x()">See <a href="javascript:x()">this</a> <script>x()</script><b>mean</b></p>
    <p>See <a rel="noopener noreferrer nofollow">this</a> <b>mean</b></p>

What is kept is listed; whatever is new in HTML is therefore dropped, not let through. Titles and texts of
items are no markup at all (prepare.text takes their tags off): where they are shown, they are escaped.
"""

from functools import cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import nh3

TAGS = {"a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "dfn", "dl", "dt", "em"}
TAGS |= {"figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark"}
TAGS |= {"ol", "p", "pre", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "table", "tbody", "td"}
TAGS |= {"tfoot", "th", "thead", "tr", "u", "ul", "var"}
# No <img>: an image tells its server who reads the page, and when. No style, class, id or name: they
# could cover or imitate the page around.
ATTRIBUTES = {
    "a": {"href", "title", "hreflang"},
    "abbr": {"title"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "*": {"lang", "dir"},
}
SCHEMES = {"http", "https", "mailto"}
# Dropped with what is in them; of other unknown tags the content stays
WHOLLY = {"script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "math", "title"}
WHOLLY |= {"textarea", "select", "xmp", "noembed", "noframes", "plaintext"}


def safe_html(html: str) -> str:
    """`html` with text, structure and links alone; a second call changes nothing.

    Addresses are http, https or mailto; relative ones are dropped, since what they are relative to is lost.

    >>> safe_html('<p style="x">a <img src=x onerror=y()><a href="data:text/html,x">b</a></p>')
    '<p>a <a rel="noopener noreferrer nofollow">b</a></p>'
    """
    return _cleaner().clean(html)


def text_as_html(text: str) -> str:
    """A plain text (paragraphs parted by blank lines) as HTML that shows it letter by letter.

    Escaped first, so that a lesson about HTML keeps its <b>, and then sanitised like all markup.

    >>> text_as_html("what does <b> do?\\n\\nIt is\\nbold.")
    '<p>what does &lt;b&gt; do?</p>\\n<p>It is\\nbold.</p>'
    """
    paragraphs = (escape(part, quote=False) for part in text.split("\n\n") if part.strip())
    return safe_html("\n".join(f"<p>{part}</p>" for part in paragraphs))


@cache
def _cleaner() -> "nh3.Cleaner":
    import nh3

    return nh3.Cleaner(
        tags=TAGS,
        clean_content_tags=WHOLLY,
        attributes=ATTRIBUTES,
        strip_comments=True,
        link_rel="noopener noreferrer nofollow",
        url_schemes=SCHEMES,
        url_relative="deny",
    )
