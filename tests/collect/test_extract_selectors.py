import doctest
from typing import Any

import pytest

from learnloop.collect import selectors, values, vocabularies
from learnloop.collect.extract import check_selectors, extract
from learnloop.collect.selectors import shaped
from learnloop.errors import BadInput

URL = "https://school.example/courses/statistics"
PAGE = b"""<!doctype html><html lang="fr"><head><title>Statistics | A school</title>
<meta name="level" content="beginner"></head><body class="course home">
<h1 class="title">Statistics <small>I</small></h1>
<a class="licence" href="https://licence.example/">Some rights</a> <span data-price="49 EUR">see below</span>
<ul class="prereqs"><li>Algebra</li><li>Tables</li><li> </li></ul>
<ol class="lessons"><li><a href="/courses/statistics/1">One</a></li><li><a href="2.html">Two</a></li></ol>
<div class="body"><p>First part.</p><nav><p>Menu</p></nav><p>Second part.</p></div>
<article><p>What the article says.</p></article></body></html>"""


def only(chosen: dict[str, str], raw: bytes = PAGE) -> dict[str, Any]:
    (record,) = extract(raw, URL, "text/html", selectors=chosen)
    return record


@pytest.mark.parametrize("module", [selectors, values, vocabularies])
def test_the_examples_hold(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted >= 1
    assert result.failed == 0


@pytest.mark.parametrize(
    ("field", "selector", "found"),
    [
        ("title", "h1.title", "Statistics I"),
        ("level", "meta[name=level]@content", "beginner"),
        ("level", "meta[name=level]", "beginner"),
        ("licence", "a.licence", "https://licence.example/"),
        ("licence", "a.licence@href", "https://licence.example/"),
        ("provider", "=A school = ours", "A school = ours"),
        ("description", "body@class", "course home"),
        (
            "requires",
            "ul.prereqs li",
            [{"code": "", "name": "Algebra"}, {"code": "", "name": "Tables"}],
        ),
        ("part_urls", "ol.lessons a", ["/courses/statistics/1", "2.html"]),
        ("price", "[data-price]@data-price", [{"amount": "49 EUR"}]),
        ("text", "div.body", "First part.\n\nSecond part."),
        ("text", "ul.prereqs", "Algebra\n\nTables"),
        ("abstract", "div.nowhere", None),
    ],
)
def test_what_a_selector_finds(field: str, selector: str, found: Any) -> None:
    record = only({field: selector})
    assert record.get(field) == found
    if found is not None:
        assert record["origins"][field] == "css"
        assert "css" in record["found"]


def test_the_text_of_the_page_stays_where_no_selector_finds_any() -> None:
    record = only({"text": "div.nowhere"})
    assert (record["text"], record["origins"]["text"]) == ("What the article says.", "article")


@pytest.mark.parametrize(
    ("chosen", "kind"),
    [
        ({}, "page"),
        ({"is_course": "body.course"}, "course"),
        ({"is_lesson": "body.lesson"}, "page"),
        ({"is_lesson": "body.lesson", "is_course": "body.course"}, "course"),
        ({"is_lesson": "=yes"}, "lesson"),
    ],
)
def test_a_selector_can_say_what_the_page_is(chosen: dict[str, str], kind: str) -> None:
    record = only(chosen)
    assert record["kind"] == kind
    assert "is_course" not in record


def test_structured_data_says_what_the_page_is_before_a_selector_does() -> None:
    raw = b'<div itemscope itemtype="https://schema.org/Quiz"><p itemprop="name">x</p></div>'
    assert only({"is_course": "div"}, raw)["kind"] == "lesson"


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"titel": "h1"}, "titel"),
        ({"title": "h1["}, "title"),
        ({"title": "h1:nonsense"}, "title"),
        ({"title": " "}, "title"),
        ({"title": "="}, "title"),
        ({"title": ["h1"]}, "title"),
        ({"title": "@href"}, "title"),
        ({"title": "h1", "kind": "div"}, "kind"),
    ],
)
def test_selectors_that_cannot_be_used_are_refused_by_field(chosen: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        check_selectors(chosen)
    assert refusal.value.field == field
    assert field in refusal.value.problem
    assert refusal.value.next_step
    with pytest.raises(BadInput):
        extract(PAGE, URL, "text/html", selectors=chosen)


def test_what_is_found_elsewhere_gets_the_same_shape() -> None:
    assert shaped("requires", ["https://school.example/courses/algebra", ""]) == [
        {"code": "algebra", "name": "", "url": "https://school.example/courses/algebra"}
    ]
    assert shaped("workload", ["3 hours a week"]) == ["3 hours a week"]
    assert shaped("title", []) is None
    with pytest.raises(BadInput):
        shaped("titel", ["x"])
    with pytest.raises(BadInput):
        shaped("is_course", ["x"])
