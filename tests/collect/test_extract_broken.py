"""Markup that is broken, huge or hostile: what can be read is, in bounded work, and nothing is fetched."""

import json
import socket
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages_in_syntaxes import HTML, URL, json_ld, microdata, only, page, rdfa

from learnloop.collect import embedded, vocabularies
from learnloop.collect.extract import extract


def test_broken_json_ld_is_mended_by_the_other_syntaxes() -> None:
    record = only(
        page(
            '<script type="application/ld+json">{"@type": "Course", "name": </script>',
            microdata({"@type": "Course", "name": "Statistics"}),
        )
    )
    assert record["broken_json_ld"] == "1"
    assert record["origins"]["title"] == "microdata"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('<div itemscope itemtype="https://schema.org/Course"><p itemprop="name">Cut o', "course"),
        ('<div itemscope itemtype="Course" itemref="nowhere"><p itemprop="name">x</p></div>', "course"),
        ('<div itemscope itemtype=""><p itemprop="name">x</p></div>', "page"),
        ('<div itemscope itemprop="x" itemtype="https://schema.org/Course"></div>', "course"),
        ('<div typeof="Course"><p property="name">no vocabulary', "page"),
        ('<div vocab="https://schema.org/" typeof="Course"><p property="name">Cut o', "course"),
        ('<div vocab="::bad::" prefix="x" typeof="y:Course"><p property="z:name">x</p></div>', "course"),
    ],
)
def test_damaged_microdata_and_rdfa_give_what_can_be_read(body: str, kind: str) -> None:
    assert only(page(body))["kind"] == kind


def test_a_syntax_whose_parser_fails_is_counted_and_the_others_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*given: Any) -> Any:
        raise KeyError("inside the parser")

    monkeypatch.setattr("extruct.w3cmicrodata.MicrodataExtractor.extract_items", fails)
    raw = page(microdata({"@type": "Course", "name": "micro"}), rdfa({"@type": "Course", "name": "rdfa"}))
    record = only(raw)
    assert (record["title"], record["broken_microdata"], "broken_rdfa" in record) == ("rdfa", "1", False)
    assert embedded.read(raw.decode(), URL).broken == {"microdata": "KeyError: 'inside the parser'"}


def test_an_address_that_is_none_breaks_what_needs_it_alone() -> None:
    raw = page(microdata({"@type": "Course", "name": "x", "license": "https://licence.example/"}))
    for url in ("http://[bad", "", "mailto:x", "\x00"):
        (record,) = extract(raw, url, HTML)
        assert record["url"] == url
    subject = '<div vocab="https://schema.org/" typeof="Course" resource="http://[b"><p property="name">x'
    record = only(page(subject, microdata({"@type": "Course", "name": "micro"})))
    assert (record["broken_rdfa"], record["title"], "broken_microdata" in record) == ("1", "micro", False)


def test_too_many_properties_are_not_read() -> None:
    many = "".join(f'<p itemprop="name">{n}</p>' for n in range(embedded.MAX_ATTRIBUTES + 1))
    raw = page(f'<div itemscope itemtype="https://schema.org/Course">{many}</div>', head="<title>t</title>")
    record = only(raw)
    assert (record["kind"], record["title"], record["broken_microdata"]) == ("page", "t", "1")


def test_properties_shared_too_often_are_not_read_and_a_few_are() -> None:
    shared = '<div id="b"><meta itemprop="inLanguage" content="en"></div>'
    course = '<div itemscope itemtype="https://schema.org/Course" itemref="b"><p itemprop="name">x</p></div>'
    assert only(page(shared, course))["language"] == "en"
    refs = "b " * (embedded.MAX_SHARED // 4 + 1)
    greedy = page(shared, course.replace('"b"', f'"{refs}"'), '<p itemprop="a" rel="x"></p>')
    assert only(greedy)["broken_microdata"] == "1"


def test_nothing_on_a_page_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any, **options: Any) -> Any:
        raise AssertionError(f"the network was asked: {given}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    context = {"@context": "https://evil.example/context.jsonld", "@type": "Course", "name": "json"}
    raw = page(
        f'<script type="application/ld+json">{json.dumps(context)}</script>',
        '<div vocab="https://evil.example/vocabulary#" profile="https://evil.example/" typeof="Course">'
        '<p property="name">rdfa</p></div>',
        '<div itemscope itemtype="https://evil.example/type"><p itemprop="name">micro</p></div>',
        head='<base href="https://evil.example/"><link rel="profile" href="https://evil.example/profile">',
    )
    record = only(raw)
    assert record["title"] == "json"
    assert not [name for name in record if name.startswith("broken")]


def test_a_graph_that_refers_in_circles_or_multiplies_is_read_in_bounded_work() -> None:
    circle = [
        {"@type": "Course", "@id": "#a", "name": "a", "hasPart": {"@id": "#b"}},
        {"@type": "LearningResource", "@id": "#b", "name": "b", "isPartOf": {"@id": "#a"}},
    ]
    assert [one["title"] for one in extract(page(json_ld(*circle)), URL, HTML)] == ["a", "b"]
    wide = [
        {"@type": "Thing", "@id": f"#{n}", "about": [{"@id": f"#{m}"} for m in range(40)]} for n in range(40)
    ]
    started = time.process_time()
    record = only(page(json_ld({"@type": "Course", "name": "c", "about": [{"@id": "#0"}]}, *wide)))
    assert record["title"] == "c"
    assert time.process_time() - started < 60  # without a bound 40**4 nodes: hours


def test_deep_nesting_is_cut() -> None:
    deep: Any = "bottom"
    for _ in range(300):
        deep = {"@type": "Course", "name": [deep], "hasPart": [deep]}
    value = vocabularies.plain({"@type": "Course", "name": "top", "isPartOf": [[[[deep["name"]]]]]})
    assert value["name"] == "top"
    nested = "<div itemscope itemtype='https://schema.org/Course' itemprop='hasPart'>" * 500
    for raw in (
        page(nested),
        page("<div vocab='https://schema.org/' typeof='Course' property='hasPart'>" * 300),
    ):
        assert only(raw)["kind"] in ("course", "page")


ATTRIBUTES = ["itemscope", 'itemprop="name"', 'itemprop="hasPart"', 'itemtype="https://schema.org/Course"']
ATTRIBUTES += ['itemid="x"', 'itemref="a b"', 'id="a"', 'vocab="https://schema.org/"', 'typeof="Course Quiz"']
ATTRIBUTES += [
    'property="name"',
    'property="teaches schema:about"',
    'resource="_:a"',
    'resource="#"',
    'rel="license"',
]
ATTRIBUTES += [
    'href="http://[x"',
    'href="/a"',
    'content="c"',
    'prefix="a: b"',
    'about="_:"',
    'datetime="x"',
    'lang=""',
]
TAGS = st.tuples(
    st.sampled_from(["div", "a", "meta", "time", "p", "/div", "html", "head"]),
    st.lists(st.sampled_from(ATTRIBUTES), max_size=4),
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(TAGS.map(lambda tag: f"<{tag[0]} {' '.join(tag[1])}>x"), max_size=12) | st.binary(max_size=80)
)
def test_no_markup_is_an_error(content: Any) -> None:
    raw = content if isinstance(content, bytes) else "".join(content).encode()
    for record in extract(raw, URL, HTML):
        json.dumps(record).encode()
        assert (
            set(record["origins"].values()) <= set(record["found"])
            if "origins" in record
            else record["problem"]
        )
