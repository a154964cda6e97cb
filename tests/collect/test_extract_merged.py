"""Several syntaxes on one page: who is believed where they differ, and how graphs are read."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages_in_syntaxes import HTML, SYNTAXES, URL, json_ld, microdata, only, page, rdfa

from learnloop.collect.extract import extract

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
