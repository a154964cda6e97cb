import json
from itertools import takewhile
from typing import Any

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.collect import mainmatter
from learnloop.collect.extract import decode, extract
from learnloop.collect.structured import parse_blocks, record_of

URL = "http://example.org/courses/statistics/mean.html"
HTML = "text/html; charset=utf-8"
LESSON: dict[str, Any] = {
    "@context": "https://schema.org",
    "@type": "LearningResource",
    "name": "Mean &amp; Median",
    "abstract": "Two kinds of middle.",
    "inLanguage": "en-GB",
    "timeRequired": "PT12M",
    "educationalLevel": "beginner",
    "license": "https://creativecommons.org/licenses/by/4.0/",
    "position": 3,
    "isPartOf": {"@type": "Course", "url": "/courses/statistics/"},
    "teaches": {"@type": "DefinedTerm", "termCode": "mean-and-median", "name": "Mean and median"},
    "competencyRequired": [{"@type": "DefinedTerm", "termCode": "table", "name": "Reading a table"}],
    "hasPart": {
        "@type": "Quiz",
        "hasPart": [
            {
                "@type": "Question",
                "text": "What is the median of 3, 9, 4?",
                "acceptedAnswer": {"@type": "Answer", "text": "4"},
                "suggestedAnswer": [{"@type": "Answer", "text": "3"}, {"@type": "Answer", "text": "9"}],
            }
        ],
    },
}
ARTICLE = (
    "<nav><p>All courses</p></nav><main><h1>Mean</h1><article><p>The <b>mean</b> is\n a sum &lt; all.</p>"
    "<p> </p><p>The median is the middle.</p><ul><li>one</li></ul>"
    "<aside class='quiz'><ol><li>Q?</li></ol></aside>"
    "<div class='comments'><p>First!</p></div></article></main><footer><p>Share!</p></footer>"
)
HEAD = (
    '<meta property="og:title" content="From Open Graph"><meta name="description" content="What it is about">'
    '<link rel="license" href="https://licence.example/"><link rel="canonical" href="/here">'
)


def page(*blocks: Any, body: str = ARTICLE, head: str = "", lang: str = "en") -> bytes:
    scripts = "".join(
        f'<script type="application/ld+json">{block}</script>'
        for block in (block if isinstance(block, str) else json.dumps(block) for block in blocks)
    )
    return (
        f'<!doctype html><html lang="{lang}"><head><title>From title</title>{head}{scripts}</head>'
        f"<body>{body}</body></html>"
    ).encode()


def only(raw: bytes, content_type: str = HTML, url: str = URL) -> dict[str, Any]:
    records = extract(raw, url, content_type)
    assert len(records) == 1
    return records[0]


def test_a_lesson_as_its_author_described_it() -> None:
    record = only(page(LESSON))
    expected = {
        "url": URL,
        "kind": "lesson",
        "title": "Mean &amp; Median",  # unchanged: cleaning is prepare's
        "abstract": "Two kinds of middle.",
        "language": "en-GB",
        "duration": "PT12M",
        "level": "beginner",
        "licence": "https://creativecommons.org/licenses/by/4.0/",
        "position": "3",
        "parent_urls": ["/courses/statistics/"],
        "teaches": [{"code": "mean-and-median", "name": "Mean and median"}],
        "requires": [{"code": "table", "name": "Reading a table"}],
        "questions": [{"text": "What is the median of 3, 9, 4?", "answer": "4", "options": ["3", "9"]}],
        "found": ["json-ld", "head", "article"],
    }
    assert {name: record[name] for name in expected} == expected
    assert "part_urls" not in record


def test_the_text_is_the_paragraphs_of_the_article_alone() -> None:
    assert only(page(LESSON))["text"] == "The mean is\n a sum < all.\n\nThe median is the middle.\n\none"


def test_a_course_with_its_lessons() -> None:
    course = {
        "@type": "Course",
        "name": "Statistics",
        "description": "First steps.",
        "hasPart": ["/a.html", "b.html"],
    }
    record = only(page(course, body="<main><h1>x</h1></main>"))
    assert (record["kind"], record["part_urls"], record["description"]) == (
        "course",
        ["/a.html", "b.html"],
        "First steps.",
    )


def test_the_head_fills_what_json_ld_leaves_open() -> None:
    record = only(page({"@type": "LearningResource", "name": "From JSON-LD"}, head=HEAD, lang="fr"))
    assert record["title"] == "From JSON-LD"
    assert (record["language"], record["licence"], record["canonical"]) == (
        "fr",
        "https://licence.example/",
        "/here",
    )
    assert record["description"] == "What it is about"
    assert "duration" not in record


@pytest.mark.parametrize(
    "broken", ['{"@type": "LearningResource", "name": "cut o', "not json", "[" * 100_000]
)
def test_broken_json_ld_falls_back_to_head_and_text(broken: str) -> None:
    record = only(page(broken, head=HEAD))
    assert (record["kind"], record["title"], record["broken_json_ld"]) == ("page", "From Open Graph", "1")
    assert record["text"].startswith("The mean is")


def test_json_ld_that_is_only_a_little_wrong_is_read() -> None:
    for block in (
        '{"@type": "Course", "name": "raw\nline break"}',
        '<!-- {"@type": "Course", "name": "raw\nline break"} -->',
        '//<![CDATA[\n{"@type": "Course", "name": "raw\nline break"}\n//]]>',
        "{&quot;@type&quot;: &quot;Course&quot;, &quot;name&quot;: &quot;raw\nline break&quot;};",
    ):
        nodes, unreadable = parse_blocks([block])
        assert unreadable == 0, block
        assert record_of(nodes[0])["title"] == "raw\nline break"


def test_the_many_ways_to_write_one_thing() -> None:
    graph = {
        "@context": "http://schema.org",
        "@graph": [
            {"@type": "WebSite", "name": "A site"},
            {
                "@type": ["http://schema.org/LearningResource", "Thing"],
                "headline": ["Loops"],
                "inLanguage": {"@type": "Language", "name": "Spanish", "alternateName": "es"},
                "license": {"@type": "CreativeWork", "url": "https://l.example"},
                "teaches": ["Loops", {"@type": "DefinedTerm", "termCode": "for"}],
                "isPartOf": [{"@id": "http://example.org/c"}, "/d"],
            },
            {"@type": "schema:Quiz", "hasPart": {"@type": "Question", "name": "Q?", "acceptedAnswer": "A"}},
        ],
    }
    record = only(page(graph))
    assert (record["kind"], record["title"], record["language"]) == ("lesson", "Loops", "Spanish")
    assert record["licence"] == "https://l.example"
    assert record["teaches"] == [{"code": "", "name": "Loops"}, {"code": "for", "name": ""}]
    assert record["parent_urls"] == ["http://example.org/c", "/d"]
    assert record["questions"] == [{"text": "Q?", "answer": "A", "options": []}]


def test_a_catalogue_that_describes_other_pages_is_a_page() -> None:
    listed = [{"@type": "Course", "name": n, "url": f"/courses/{n}"} for n in ("a", "b")]
    record = only(page({"@type": "ItemList", "name": "All"}, listed))
    assert (record["kind"], record["types"]) == ("page", ["Course", "ItemList"])
    here = only(page([*listed, {"@type": "LearningResource", "name": "this", "url": URL}]))
    assert (here["kind"], here["title"]) == ("lesson", "this")


def test_text_without_an_article_is_worked_out() -> None:
    sentences = ["Loops repeat a block of statements for each value of a list that stands in the head."] * 4
    body = (
        "<nav><a href='/'>Home</a></nav><main><h1>Loops</h1>"
        + "".join(f"<p>{i}. {text}</p>" for i, text in enumerate(sentences))
        + "</main><footer>All rights reserved</footer>"
    )
    record = only(page(body=body))
    assert record["found"] == ["head", "trafilatura"]
    assert "0. Loops repeat" in record["text"]
    assert "All rights reserved" not in record["text"]
    assert only(page(body="<main><p>Short.</p></main>"))["text"].strip() == "Short."


def test_links_are_measured() -> None:
    index = (
        "<main><ul>"
        + "".join(f"<li><a href='/{i}'>A lesson number {i}</a></li>" for i in range(20))
        + "</ul></main>"
    )
    assert float(only(page(body=index))["link_share"]) > 0.9
    assert float(only(page(LESSON))["link_share"]) == 0


@pytest.mark.parametrize(
    ("raw", "content_type", "status", "problem"),
    [
        (b"<p>gone</p>", HTML, 404, "the server answered 404"),
        (b"%PDF-1.7", "application/pdf", 200, "not HTML but application/pdf"),
        (b" \n ", HTML, 200, "empty page"),
        (b"", "", 200, "empty page"),
        (b"\x89PNG\x00\x01", HTML, 200, "not text"),
    ],
)
def test_what_cannot_be_read_says_why(raw: bytes, content_type: str, status: int, problem: str) -> None:
    assert extract(raw, URL, content_type, status) == [
        {"url": URL, "kind": "broken", "problem": problem, "text": "", "found": []}
    ]


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        ("año €".encode(), "text/html; charset=utf-8"),
        ("año €".encode(), "text/html"),
        ("año €".encode("cp1252"), "text/html"),
        ("año €".encode("cp1252"), "text/html; charset=iso-8859-1"),  # as browsers read it
        (b'<meta charset="iso-8859-15">' + "año €".encode("iso-8859-15"), "text/html"),
        ("\ufeffaño €".encode("utf-16"), "text/html; charset=utf-8"),
    ],
)
def test_encodings(raw: bytes, content_type: str) -> None:
    assert decode(raw, content_type).replace("\ufeff", "").endswith("año €")


def test_half_a_character_from_json_can_be_stored() -> None:
    record = only(page('{"@type": "Course", "name": "half \\ud83d and whole \\ud83d\\ude00"}'))
    assert record["title"] == "half \ufffd and whole 😀"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "@type",
                    "@graph",
                    "name",
                    "text",
                    "url",
                    "hasPart",
                    "teaches",
                    "isPartOf",
                    "suggestedAnswer",
                ]
            ),
            inner | st.sampled_from(["Course", "Quiz", "Question", "LearningResource"]),
            max_size=5,
        )
    ),
    max_leaves=15,
)


@settings(deadline=None, max_examples=60)
@given(JSON | st.binary(max_size=60))
def test_no_page_is_an_error(content: Any) -> None:
    raw = content if isinstance(content, bytes) else page(content)
    records = extract(raw, URL, HTML)
    assert records
    for record in records:
        json.dumps(record).encode()
        assert {"url", "kind", "text", "found"} <= set(record)


BLOCKY = st.recursive(
    st.sampled_from(["a ", "<p>b</p>", "<nav>c</nav>", "<li>d"]),
    lambda inner: st.tuples(
        st.sampled_from(["div", "li", "blockquote", "aside", 'div class="quiz"', "dd"]),
        st.lists(inner, max_size=3),
    ).map(lambda made: f"<{made[0]}>{''.join(made[1])}</{made[0].split()[0]}>"),
    max_leaves=12,
)


@given(BLOCKY)
def test_paragraphs_are_those_of_the_plain_search(body: str) -> None:
    """Which asks each block for all above and below it: of 20,000 nested ones, for minutes."""
    root = BeautifulSoup(f"<article>{body}</article>", "lxml").article
    assert root is not None

    def beside(block: Any) -> bool:
        up = takewhile(lambda parent: parent is not root, (block, *block.parents))
        return any(tag.name in mainmatter.BESIDES or "quiz" in tag.get("class", []) for tag in up)

    plain = [
        block.get_text().strip()
        for block in root.find_all(mainmatter.BLOCKS)
        if not block.find(mainmatter.BLOCKS) and not beside(block)
    ]
    assert mainmatter.paragraphs(root) == "\n\n".join(filter(None, plain))


def test_deep_and_wide_articles_are_read() -> None:
    for body in ("<blockquote>" * 8_000 + "a mean", "<div>" * 200 + "<p>a mean</p>" * 8_000):
        (record,) = extract(f"<article>{body}</article>".encode(), "https://x.org/", "text/html")
        assert "a mean" in record["text"]
