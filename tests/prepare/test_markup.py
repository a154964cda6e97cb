import doctest
import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.prepare import markup
from learnloop.prepare.markup import ATTRIBUTES, SCHEMES, TAGS, safe_html, text_as_html


class Seen(HTMLParser):
    """The tags and attributes that a reader's browser would meet."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def assert_safe(html: str) -> None:
    assert "<!" not in html
    assert "<?" not in html
    for tag, attributes in Seen(html).tags:
        assert tag in TAGS, tag
        for name, value in attributes.items():
            assert name in ATTRIBUTES.get(tag, set()) | ATTRIBUTES["*"] | {"rel"}, (tag, name)
            if name == "href":
                assert re.match(rf"(?:{'|'.join(SCHEMES)}):", str(value), re.IGNORECASE), value
        if tag == "a":
            assert "noopener" in str(attributes["rel"])


def test_the_example_holds() -> None:
    result = doctest.testmod(markup)
    assert (result.attempted, result.failed) == (2, 0)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<scr<script>ipt>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='java\tscript:alert(1)'>x</a>",
        "<a href='&#106;avascript:alert(1)'>x</a>",
        "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
        "<a href='//evil.example'>x</a>",
        "<p style='position:fixed;inset:0'>x</p>",
        "<p onclick=alert(1) class=alert id=main>x</p>",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<math><mi xlink:href='data:x,<script>alert(1)</script>'></math>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<form action='https://evil.example'><input name=password></form>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'>",
        "<base href='https://evil.example/'><link rel=stylesheet href=x>",
        "<style>*{background:url(https://evil.example)}</style>",
        "<!--[if IE]><script>alert(1)</script><![endif]-->",
        "<template><script>alert(1)</script></template>",
        "<textarea></textarea><img src=x onerror=alert(1)></textarea>",
        "<table><td background='javascript:alert(1)'>x",
    ],
)
def test_hostile_markup_is_harmless(hostile: str) -> None:
    clean = safe_html(f"<p>before</p>{hostile}<p>after</p>")
    assert_safe(clean)
    assert "<p>before</p>" in clean


def test_structure_and_honest_links_stay() -> None:
    html = (
        '<h2 lang="en">Mean</h2><p>A <b>mean</b> of x<sup>2</sup> &lt; 3</p><ol start="2"><li>one</li></ol>'
        '<table><tbody><tr><td colspan="2">1</td></tr></tbody></table><pre><code>a &amp; b</code></pre>'
    )
    assert safe_html(html) == html
    link = safe_html('<a href="https://example.org/mean" target="_blank">x</a>')
    assert link == '<a href="https://example.org/mean" rel="noopener noreferrer nofollow">x</a>'


PIECES = st.sampled_from(
    [
        "<",
        ">",
        "</",
        "<a·href=",
        "javascript:",
        "'",
        '"',
        "<script",
        "onerror=x·",
        "<img·",
        "<p·",
        "style=",
        "x",
        "<!--",
        "-->",
        "<svg",
        "<style>",
        "&lt;",
        "&#60;",
        "\x00",
        "data:",
        "<![CDATA[",
        "<title>",
        "`",
        "/",
        "·",
    ]
).map(lambda piece: piece.replace("·", " "))


@settings(max_examples=150)
@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=60))
def test_whatever_comes_in_only_what_is_allowed_goes_out(html: str) -> None:
    clean = safe_html(html)
    assert_safe(clean)
    assert safe_html(clean) == clean


@settings(max_examples=100)
@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=60))
def test_a_plain_text_is_shown_as_it_is(text: str) -> None:
    shown = text_as_html(text)
    assert {tag for tag, _ in Seen(shown).tags} <= {"p"}
    assert_safe(shown)
    if text.isprintable():
        assert unescape(re.sub(r"</?p>", "", shown)).replace("\xa0", " ") == (
            text.replace("\xa0", " ") if text.strip() else ""
        )
