"""The same thing said in JSON-LD, microdata, RDFa and Open Graph, and who is believed where they differ."""

import json
import socket
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages_in_syntaxes import SYNTAXES, Node, json_ld, microdata, page, rdfa

from learnloop.collect import embedded, vocabularies
from learnloop.collect.extract import extract

URL = "https://school.example/courses/statistics"
HTML = "text/html; charset=utf-8"


def only(raw: bytes, url: str = URL, **options: Any) -> dict[str, Any]:
    records = extract(raw, url, HTML, **options)
    assert len(records) == 1, [record.get("title") for record in records]
    return records[0]


def term(code: str, name: str) -> Node:
    return {"@type": "DefinedTerm", "termCode": code, "name": name}


# (a node, what it is in a record), field by field; each is true in every syntax
PLANTED: dict[str, tuple[Node, dict[str, Any]]] = {
    "course": (
        {
            "@type": "Course",
            "name": "Statistics & <data>",
            "description": "First steps.",
            "abstract": "In short.",
            "inLanguage": "en-GB",
            "license": "https://licence.example/by",
            "educationalLevel": "Beginner",
            "timeRequired": "PT20H",
            "dateModified": "2026-01-02",
            "typicalAgeRange": "12-14",
            "educationalCredentialAwarded": "A certificate",
            "provider": {"@type": "Organization", "name": "A school"},
        },
        {
            "kind": "course",
            "title": "Statistics & <data>",
            "description": "First steps.",
            "abstract": "In short.",
            "language": "en-GB",
            "licence": "https://licence.example/by",
            "level": "Beginner",
            "duration": "PT20H",
            "modified": "2026-01-02",
            "age_range": "12-14",
            "credential": "A certificate",
            "provider": "A school",
        },
    ),
    "concepts of a course": (
        {
            "@type": "Course",
            "name": "c",
            "teaches": [term("mean", "Mean"), term("mode", "Mode"), "Spread"],
            "assesses": {"@type": "DefinedTerm", "name": "Median"},
            "about": [{"@type": "Thing", "name": "Averages"}, "https://terms.example/centre"],
        },
        {
            "teaches": [
                {"code": "mean", "name": "Mean"},
                {"code": "mode", "name": "Mode"},
                {"code": "", "name": "Spread"},
            ],
            "assesses": [{"code": "", "name": "Median"}],
            "about": [{"code": "", "name": "Averages"}, {"code": "centre", "name": ""}],
            "subject": "Averages",
        },
    ),
    "prerequisites of a course": (
        {
            "@type": "Course",
            "name": "c",
            "coursePrerequisites": [
                "Reading tables",
                {"@type": "Course", "name": "Algebra", "url": "https://school.example/courses/algebra"},
                {"@type": "AlignmentObject", "alignmentType": "requires", "targetName": "Fractions"},
                "https://school.example/courses/logic",
            ],
            "competencyRequired": term("chart", "Charts"),
        },
        {
            "requires": [
                {"code": "", "name": "Reading tables"},
                {"code": "", "name": "Algebra", "url": "https://school.example/courses/algebra"},
                {"code": "", "name": "Fractions"},
                {"code": "logic", "name": "", "url": "https://school.example/courses/logic"},
                {"code": "chart", "name": "Charts"},
            ]
        },
    ),
    "offers": (
        {
            "@type": "Course",
            "name": "c",
            "offers": [
                {"@type": "Offer", "category": "Paid", "price": "49.90", "priceCurrency": "EUR"},
                {"@type": "AggregateOffer", "lowPrice": "10", "priceCurrency": "USD"},
            ],
            "isAccessibleForFree": "true",
        },
        {
            "price": [
                {"amount": "49.90", "currency": "EUR", "category": "Paid"},
                {"amount": "10", "currency": "USD"},
                {"category": "free"},
            ]
        },
    ),
    "offerings, without their teachers": (
        {
            "@type": "Course",
            "name": "c",
            "hasCourseInstance": [
                {
                    "@type": "CourseInstance",
                    "courseMode": ["online", "part-time"],
                    "startDate": "2026-09-01",
                    "endDate": "2026-12-01",
                    "courseWorkload": "PT22H",
                    "instructor": {"@type": "Person", "name": "Somebody"},
                },
                {
                    "@type": "CourseInstance",
                    "courseMode": "onsite",
                    "courseSchedule": {
                        "@type": "Schedule",
                        "duration": "PT3H",
                        "repeatFrequency": "Weekly",
                        "repeatCount": "7",
                    },
                },
            ],
        },
        {
            "instances": [
                {
                    "start": "2026-09-01",
                    "end": "2026-12-01",
                    "mode": ["online", "part-time"],
                    "workload": "PT22H",
                },
                {"mode": ["onsite"], "schedule": {"duration": "PT3H", "frequency": "Weekly", "count": "7"}},
            ]
        },
    ),
    "syllabus": (
        {
            "@type": "Course",
            "name": "c",
            "syllabusSections": [
                {"@type": "Syllabus", "name": "One", "description": "The start", "timeRequired": "PT1H"},
                {"@type": "Syllabus", "name": "Two"},
            ],
        },
        {
            "sections": [
                {"title": "One", "description": "The start", "duration": "PT1H"},
                {"title": "Two"},
            ]
        },
    ),
    "LRMI on a work of another type": (
        {
            "@type": "VideoObject",
            "name": "The mean",
            "learningResourceType": ["Video", "Lecture"],
            "educationalUse": "Self study",
            "educationalAlignment": [
                {"@type": "AlignmentObject", "alignmentType": "teaches", "targetName": "Mean"},
                {"@type": "AlignmentObject", "alignmentType": "assesses", "targetName": "Median"},
                {"@type": "AlignmentObject", "alignmentType": "requires", "targetName": "Division"},
                {"@type": "AlignmentObject", "alignmentType": "educationalLevel", "targetName": "Grade 6"},
                {"@type": "AlignmentObject", "alignmentType": "educationalSubject", "targetName": "Maths"},
                {"@type": "AlignmentObject", "alignmentType": "textComplexity", "targetName": "900L"},
            ],
        },
        {
            "kind": "lesson",
            "resource_types": ["Video", "Lecture"],
            "educational_use": ["Self study"],
            "teaches": [{"code": "", "name": "Mean"}],
            "assesses": [{"code": "", "name": "Median"}],
            "requires": [{"code": "", "name": "Division"}],
            "level": "Grade 6",
            "subject": "Maths",
        },
    ),
    "quiz": (
        {
            "@type": "Quiz",
            "name": "Test yourself",
            "about": {"@type": "Thing", "name": "Median"},
            "hasPart": [
                {
                    "@type": "Question",
                    "text": "The median of 3, 9, 4?",
                    "acceptedAnswer": {"@type": "Answer", "text": "4"},
                    "suggestedAnswer": [
                        {"@type": "Answer", "text": "3"},
                        {"@type": "Answer", "text": "9"},
                    ],
                },
                {
                    "@type": "Question",
                    "name": "And the mean?",
                    "acceptedAnswer": {"@type": "Answer", "text": "16/3"},
                },
            ],
        },
        {
            "kind": "lesson",
            "title": "Test yourself",
            "about": [{"code": "", "name": "Median"}],
            "questions": [
                {"text": "The median of 3, 9, 4?", "answer": "4", "options": ["3", "9"]},
                {"text": "And the mean?", "answer": "16/3", "options": []},
            ],
        },
    ),
    "a lesson of a course": (
        {
            "@type": "LearningResource",
            "name": "Mean",
            "position": "3",
            "isPartOf": {"@type": "Course", "name": "Statistics", "url": "https://school.example/courses/st"},
        },
        {"kind": "lesson", "position": "3", "parent_urls": ["https://school.example/courses/st"]},
    ),
}


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("name", PLANTED)
def test_every_syntax_tells_the_planted_truth(name: str, syntax: str) -> None:
    node, expected = PLANTED[name]
    record = only(page(SYNTAXES[syntax](node)))
    assert {field: record.get(field) for field in expected} == expected
    assert {record["origins"][field] for field in expected if field != "kind"} == {syntax}
    assert syntax in record["found"]
    # no teacher's name anywhere but in the text of the page
    assert "Somebody" not in json.dumps({**record, "text": ""})


def test_the_table_plants_every_field() -> None:
    planted = {field for _, expected in PLANTED.values() for field in expected}
    assert planted >= set(embedded_fields()) - {"og_type"}
    assert planted >= {"teaches", "assesses", "about", "requires", "price", "provider", "instances", "level"}


def embedded_fields() -> list[str]:
    return list(embedded._GRAPH_FIELDS)


# --- who is believed


FIELDS = {  # field -> (schema.org property, Open Graph or None, selector in the page, head)
    "title": ("name", "og:title"),
    "description": ("description", "og:description"),
    "language": ("inLanguage", "og:locale"),
    "provider": ("provider", "og:site_name"),
    "modified": ("dateModified", "article:modified_time"),
    "subject": ("about", "article:section"),
    "level": ("educationalLevel", None),
    "duration": ("timeRequired", None),
    "licence": ("license", None),
    "abstract": ("abstract", None),
}
ORDER = ["json-ld", "microdata", "rdfa", "opengraph", "css"]
SELECTORS = {field: f"#css-{field}" for field in FIELDS}


def said_by(speakers: dict[str, list[str]]) -> bytes:
    """A page on which each speaker says of its fields that they are `<speaker> <field>`."""
    parts, head = [], ""
    for speaker, fields in speakers.items():
        if speaker == "opengraph":
            head = "".join(
                f'<meta property="{FIELDS[name][1]}" content="{speaker} {name}">'
                for name in fields
                if FIELDS[name][1]
            )
        elif speaker == "css":
            parts += [f'<p id="css-{name}">{speaker} {name}</p>' for name in fields]
        else:
            node = {"@type": "Course"} | {FIELDS[name][0]: f"{speaker} {name}" for name in fields}
            parts.append(SYNTAXES[speaker](node))
    return page(*parts, head=head)


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_is_taken_from_the_first_that_fills_it(field: str) -> None:
    able = [one for one in ORDER if one != "opengraph" or FIELDS[field][1]]
    for start in range(len(able)):
        speakers = {one: [field] for one in able[start:]}
        record = only(said_by(speakers), selectors=SELECTORS)
        assert record[field] == f"{able[start]} {field}"
        assert record["origins"][field] == able[start]


@settings(deadline=None, max_examples=30)
@given(st.fixed_dictionaries({one: st.sets(st.sampled_from(sorted(FIELDS))) for one in ORDER}))
def test_any_mixture_is_merged_by_field(mixture: dict[str, set[str]]) -> None:
    mixture["opengraph"] = {name for name in mixture["opengraph"] if FIELDS[name][1]}
    speakers = {one: sorted(fields) for one, fields in mixture.items()}
    record = only(said_by(speakers), selectors=SELECTORS)
    for field in FIELDS:
        first = next((one for one in ORDER if field in mixture[one]), None)
        if first is not None:
            assert (record[field], record["origins"][field]) == (f"{first} {field}", first)
        else:
            assert field not in record


def test_a_licence_missing_in_json_ld_comes_from_microdata() -> None:
    course = {"@type": "Course", "name": "Statistics", "inLanguage": "en"}
    other = {"@type": "Course", "name": "Other", "license": "https://licence.example/", "teaches": "Mean"}
    record = only(page(json_ld(course), microdata(other), head='<link rel="license" href="/from-head">'))
    assert (record["title"], record["licence"]) == ("Statistics", "https://licence.example/")
    assert record["teaches"] == [{"code": "", "name": "Mean"}]
    assert record["origins"] == {
        "title": "json-ld",
        "language": "json-ld",
        "licence": "microdata",
        "teaches": "microdata",
        "text": record["origins"]["text"],
    }
    assert record["found"][:3] == ["json-ld", "microdata", "head"]


def test_several_things_on_a_page_are_matched_by_title() -> None:
    first, second = ({"@type": "Course", "name": name} for name in ("One", "Two"))
    licensed = {"@type": "Course", "name": " two ", "license": "https://licence.example/"}
    records = extract(page(json_ld(first, second), microdata(licensed)), URL, HTML)
    assert [(one["title"], one.get("licence")) for one in records] == [
        ("One", None),
        ("Two", "https://licence.example/"),
    ]


def test_a_link_to_another_course_in_another_syntax_is_not_this_one() -> None:
    related = {"@type": "Course", "name": "Related", "url": "https://school.example/other", "license": "x"}
    record = only(page(json_ld({"@type": "Course", "name": "This"}), microdata(related)))
    assert (record["title"], "licence" in record, record["found"][0]) == ("This", False, "json-ld")
    assert "microdata" not in record["found"]


def test_a_page_without_a_course_takes_title_and_licence_from_its_article() -> None:
    article = {"@type": "Article", "headline": "Loops", "license": "https://licence.example/"}
    record = only(page(json_ld(article), "<p>x</p>", head="<title>Loops | A site</title>"))
    assert (record["kind"], record["title"], record["types"]) == ("page", "Loops", ["Article"])
    assert record["licence"] == "https://licence.example/"
    two = only(page(json_ld(article, {**article, "headline": "More"}), head="<title>Loops | A site</title>"))
    assert two["title"] == "Loops | A site"


# --- the shapes of graphs


def test_references_in_a_graph_are_followed() -> None:
    graph = [
        {"@type": "WebPage", "@id": "#page", "mainEntity": {"@id": "#course"}},
        {"@type": "Course", "@id": "#course", "name": "Statistics", "provider": {"@id": "#school"}},
        {"@type": "Organization", "@id": "#school", "name": "A school"},
    ]
    record = only(page(json_ld(*graph)))
    assert (record["kind"], record["title"], record["provider"]) == ("course", "Statistics", "A school")


def test_a_course_within_the_page_it_is_the_main_entity_of() -> None:
    record = only(
        page(json_ld({"@type": "WebPage", "mainEntity": {"@type": "Course", "name": "Statistics"}}))
    )
    assert (record["kind"], record["title"]) == ("course", "Statistics")


@pytest.mark.parametrize(
    ("path", "title"), [("/c", "The course"), ("/c/1", "Lesson 1"), ("/c/2", "Lesson 2")]
)
def test_of_a_course_and_its_lessons_in_one_graph_the_page_has_its_own(path: str, title: str) -> None:
    site = "https://school.example"
    lessons = [
        {
            "@type": "LearningResource",
            "@id": f"{site}/c/{n}",
            "name": f"Lesson {n}",
            "isPartOf": {"@id": f"{site}/c"},
        }
        for n in (1, 2)
    ]
    course = {
        "@type": "Course",
        "@id": f"{site}/c",
        "name": "The course",
        "hasPart": [{"@id": lesson["@id"]} for lesson in lessons],
    }
    record = only(page(json_ld(course, *lessons)), url=site + path)
    assert record["title"] == title
    if path == "/c":
        assert record["part_urls"] == [f"{site}/c/1", f"{site}/c/2"]
    else:
        assert record["parent_urls"] == [f"{site}/c"]


def test_lessons_without_addresses_are_parts_of_their_course() -> None:
    for syntax in SYNTAXES:
        course = {
            "@type": "Course",
            "name": "Statistics",
            "hasPart": [{"@type": "LearningResource", "name": f"Lesson {n}"} for n in (1, 2)],
        }
        assert only(page(SYNTAXES[syntax](course)))["title"] == "Statistics"


def test_an_offering_beside_its_course_belongs_to_it() -> None:
    offering = {"@type": "CourseInstance", "name": "Autumn", "startDate": "2026-09-01"}
    record = only(page(json_ld({"@type": "Course", "name": "Statistics"}, offering)))
    assert (record["title"], record["instances"]) == ("Statistics", [{"start": "2026-09-01"}])
    alone = only(page(json_ld(offering)))
    assert (alone["kind"], alone["title"], alone["instances"]) == (
        "course",
        "Autumn",
        [{"start": "2026-09-01"}],
    )


def test_names_by_prefix_address_context_and_dublin_core() -> None:
    told = {
        "@context": {"titel": "http://schema.org/name", "type": "@type", "lehrt": {"@id": "schema:teaches"}},
        "type": "schema:Course",
        "titel": "Statistics",
        "lehrt": {"@list": ["Mean", "Mode"]},
        "http://schema.org/inLanguage": {"@value": "en"},
        "dc:license": "https://licence.example/",
    }
    record = only(page(f'<script type="application/ld+json">{json.dumps(told)}</script>'))
    assert (record["title"], record["language"], record["licence"]) == (
        "Statistics",
        "en",
        "https://licence.example/",
    )
    assert [one["name"] for one in record["teaches"]] == ["Mean", "Mode"]
    curies = page(
        '<div typeof="schema:Course"><p property="dc:title">Statistics</p>'
        '<a property="cc:license" href="https://licence.example/">x</a></div>'
    )
    assert only(curies)["title"] == "Statistics"
    assert only(curies)["licence"] == "https://licence.example/"


def test_open_graph_alone() -> None:
    head = "".join(
        f'<meta property="{name}" content="{value}">'
        for name, value in {
            "og:title": "Statistics",
            "og:site_name": "A school",
            "og:locale": "en_GB",
            "og:type": "website",
            "product:price:amount": "12.50",
            "product:price:currency": "EUR",
        }.items()
    )
    record = only(page("<p>x</p>", head=head, lang="fr"))
    assert (record["kind"], record["title"], record["language"]) == ("page", "Statistics", "en_GB")
    assert (record["provider"], record["og_type"]) == ("A school", "website")
    assert record["price"] == [{"amount": "12.50", "currency": "EUR"}]
    assert record["found"][:2] == ["opengraph", "head"]


def test_the_text_of_time_is_its_value() -> None:
    body = (
        '<div itemscope itemtype="https://schema.org/Course"><time itemprop="timeRequired">PT3H</time></div>'
    )
    assert only(page(body))["duration"] == "PT3H"


def test_rdfa_says_the_same_each_time() -> None:
    node = {"@type": "Course", "name": "c", "teaches": [f"Concept {letter}" for letter in "qwertzuiop"]}
    raw = page(rdfa(node))
    first = only(raw)
    assert [one["name"] for one in first["teaches"]] == node["teaches"]  # RDF has no order; the page has
    assert all(only(raw) == first for _ in range(5))


# --- what is broken


def test_broken_json_ld_is_mended_by_the_other_syntaxes() -> None:
    record = only(
        page(
            '<script type="application/ld+json">{"@type": "Course", "name": </script>',
            microdata(PLANTED["course"][0]),
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
