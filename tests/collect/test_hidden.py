"""What no reader sees of a page is not its text; what a reader sees stays."""

import re

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from soupsieve import SelectorSyntaxError

from learnloop.collect.extract import extract
from learnloop.collect.hidden import _names_of, _possible, _rules_of, _without_comments, drop_hidden, hides

SEEN = "The mean of a list is its sum, divided by how many values there are in the list."
SECRET = "Nobody shall read this canary."


def text_of(body: str, head: str = "") -> str:
    page = f'<!doctype html><html lang="en"><head><title>T</title>{head}</head><body>{body}</body></html>'
    return str(extract(page.encode(), "http://example.org/a", "text/html")[0]["text"])


@pytest.mark.parametrize(
    "style",
    [
        "display:none",
        "color: red; DISPLAY : NONE !important",
        "visibility:hidden",
        "opacity:0",
        "opacity: 0.0;",
        "font-size:0px",
        "font-size: 0;color:red",
        "text-indent:-999px",
        "position:absolute;left:-9999px",
        "position: fixed; top: -200vh",
        "height:0;overflow:hidden",
        "clip: rect(0, 0, 0, 0)",
        "clip-path:inset(100%)",
        "color:#fff;background:white",
        "color: transparent",
        "transform:scale(0)",
        "display:/**/none",
    ],
)
@pytest.mark.parametrize("wrapped", ["article", "div"])
def test_a_hiding_style_hides(style: str, wrapped: str) -> None:
    seen = f"<p>{SEEN}</p>" * 4
    inline = text_of(
        f'<{wrapped}>{seen}<p style="{style}">{SECRET}</p><p>a<b style="{style}">{SECRET}</b></p></{wrapped}>'
    )
    ruled = text_of(
        f'<{wrapped}>{seen}<p class="x y">{SECRET}</p></{wrapped}>', f"<style>.x, #z {{{style}}}</style>"
    )
    for text in (inline, ruled):
        assert SEEN in text
        assert "canary" not in text


@pytest.mark.parametrize(
    "style",
    [
        "",
        "opacity:0.5",
        "opacity: .05",
        "font-size:0.9em",
        "display:block",
        "margin-left:-480px;left:50%",
        "text-indent:-2em",
        "height:0;padding-top:50%",
        "color:white;background:navy",
        "width:0",
        "top:-100px",
    ],
)
def test_a_style_of_a_reader_does_not(style: str) -> None:
    assert not hides(style)


@pytest.mark.parametrize(
    "markup",
    [
        f"<p hidden>{SECRET}</p>",
        f'<div hidden="until-found"><p>{SECRET}</p></div>',
        f"<template><p>{SECRET}</p></template>",
        f"<noscript><p>{SECRET}</p></noscript>",
        f"<p>x<svg><title>{SECRET}</title></svg></p>",
        f"<p>x<!-- {SECRET} --></p>",
        f"<p>x<script>var a = '{SECRET}'</script></p>",
        f'<p>x<img alt="{SECRET}" title="{SECRET}" data-x="{SECRET}"></p>',
        f"<p>x<object>{SECRET}</object></p>",
    ],
)
@pytest.mark.parametrize("wrapped", ["article", "div"])
def test_what_shows_nothing_is_no_text(markup: str, wrapped: str) -> None:
    text = text_of(f"<{wrapped}>{f'<p>{SEEN}</p>' * 4}{markup}</{wrapped}>")
    assert SEEN in text
    assert "canary" not in text


def test_what_opens_on_a_click_or_is_read_by_eyes_alone_stays() -> None:
    body = f"<article><p>{SEEN}</p><details><summary>More</summary><p>It opens.</p></details>"
    text = text_of(body + '<p aria-hidden="true">Seen by eyes.</p></article>')
    assert "It opens." in text
    assert "Seen by eyes." in text


def test_rules_for_paper_and_broken_rules_hide_nothing() -> None:
    css = (
        "@media print { p { display: none } } p:nth-chil( { display:none } p::before { display: none }"
        " @media screen { .gone { display: none } } @import 'x.css';"
    )
    text = text_of(f"<article><p>{SEEN}</p><p class=gone>{SECRET}</p></article>", f"<style>{css}</style>")
    assert SEEN in text
    assert "canary" not in text


def test_a_page_that_hides_all_of_itself_until_a_script_runs_is_still_read() -> None:
    css = "<style>html, body, main, article { visibility: hidden }</style>"
    assert SEEN in text_of(f"<main><article><p>{SEEN}</p></article></main>", css)


def test_it_says_how_many_elements_went() -> None:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(f"<p hidden>{SECRET}<b hidden>x</b></p><p>{SEEN}</p>", "lxml")
    assert drop_hidden(soup) == 1
    assert drop_hidden(soup) == 0


def test_what_a_recipe_points_at_may_wait_behind_a_button() -> None:
    page = f'<html><body><article><p>{SEEN}</p></article><b class="level" hidden>beginner</b></body></html>'
    record = extract(page.encode(), "http://example.org/a", "text/html", 200, {"level": "b.level"})[0]
    assert record["level"] == "beginner"


CSS = st.lists(
    st.sampled_from(["{", "}", "@", ";", "a", ".b ", "/*", "*/", "*", "/", "\n"]), max_size=25
).map("".join)


@given(CSS)
def test_rules_and_comments_are_those_of_the_plain_patterns(css: str) -> None:
    """Which look from every place to the end: of a page with a font in it, for minutes."""
    assert _without_comments(css) == re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    plain = re.findall(r"([^{}@;]+)\{([^{}]*)\}", css)
    assert list(_rules_of(css)) == [rule for rule in plain if rule[0].strip()]


def test_a_font_within_the_page_hides_no_rule() -> None:
    font = f"@font-face {{ font-family: x; src: url(data:font/woff2;base64,{'A' * 400_000}) }}"
    text = text_of(
        f"<article><p>{SEEN}</p><p class=gone>{SECRET}</p></article>",
        f"<style>{font} .gone {{ display: none }} /* {'/* ' * 100_000}</style>",
    )
    assert SEEN in text
    assert "canary" not in text


def test_a_page_with_a_framework_of_rules_is_read() -> None:
    """A rule for what the page has not asks no element of it: 2,000 rules of 2,000 elements took a minute."""
    rules = "".join(f".far-{n} p, div.w-{n}:hover {{display: none}}" for n in range(1_900))
    hidden = f'<p class="X1">{SECRET}</p><p id="y1">{SECRET}</p><i><b>{SECRET}</b></i>'
    text = text_of(
        f"<article>{f'<p>{SEEN}</p>' * 2_000}{hidden}</article>",
        f"<style>{rules} .none, .X1, p.X1::before {{display: none}} #y1 {{opacity: 0}}"
        " i > b, [class='far-1'] {display: none}</style>",
    )
    assert SEEN in text
    assert "canary" not in text


SELECTORS = st.lists(
    st.sampled_from([*".#>+~ ", "a", "b", "p", "x", "*", "::before", ":not(.a)", "[id]", "[class=a]"]),
    max_size=6,
).map("".join)


@given(st.lists(SELECTORS, min_size=1, max_size=3).map(",".join))
def test_what_is_not_asked_for_could_not_have_been_found(selectors: str) -> None:
    page = BeautifulSoup('<p class="a B"><a id="x">1</a><b class="a">2</b></p><p id="b">3</p>', "lxml")
    elements = page.find_all(True)

    def chosen(one: str) -> set[int]:
        try:
            return {id(tag) for tag in page.select(one)}
        except (SelectorSyntaxError, NotImplementedError):
            return set()

    kept = _possible(selectors, _names_of(elements))
    assert (chosen(kept) if kept else set()) >= chosen(selectors)
