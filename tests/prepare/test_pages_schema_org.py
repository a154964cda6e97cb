"""From the page as its author marked it up to items, concepts and prerequisites: the truth is planted."""

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop import schemas
from learnloop.collect.extract import extract
from learnloop.prepare.page_account import Account
from learnloop.prepare.page_facts import duration_of, facts_of
from learnloop.prepare.pages import pages_to_frames

SITE = "https://school.example"
WORDS = "The mean is the sum of all values divided by how many there are, and the median is the middle one."


def prepared(pages: dict[str, bytes]) -> schemas.Cleaned:
    records = [record for path, raw in pages.items() for record in extract(raw, SITE + path, "text/html")]
    cleaned = pages_to_frames(records, "s")
    assert cleaned.accounting.balanced
    return cleaned


def from_records(*records: dict[str, Any]) -> schemas.Cleaned:
    cleaned = pages_to_frames(list(records), "s")
    assert cleaned.accounting.balanced
    return cleaned


def html(node: dict[str, Any] | None = None, body: str = "", head: str = "") -> bytes:
    script = f'<script type="application/ld+json">{json.dumps(node)}</script>' if node else ""
    article = f"<article><p>{WORDS}</p></article>"
    return f'<html lang="en"><head>{head}{script}</head><body>{body or article}</body></html>'.encode()


def item(cleaned: schemas.Cleaned, item_id: str) -> dict[str, Any]:
    return dict(cleaned.frames["items"].set_index("item_id").loc[item_id])


def links(cleaned: schemas.Cleaned) -> set[tuple[str, str]]:
    frame = cleaned.frames["item_concepts"]
    return set(zip(frame["item_id"], frame["concept_id"], strict=True))


def needs(cleaned: schemas.Cleaned) -> set[tuple[str, str]]:
    frame = cleaned.frames["prerequisites"]
    return set(zip(frame["concept_id"], frame["requires_id"], strict=True))


def titles(cleaned: schemas.Cleaned) -> dict[str, str]:
    frame = cleaned.frames["concepts"]
    return dict(zip(frame["concept_id"], frame["title"], strict=True))


COURSE = {
    "@type": "Course",
    "name": "Statistics",
    "description": "First steps in statistics.",
    "inLanguage": "en",
    "educationalLevel": "Beginner",
    "license": "https://licence.example/by",
    "provider": {"@type": "Organization", "name": "A &amp; B  school"},
    "offers": [{"@type": "Offer", "category": "Paid", "price": "49.90", "priceCurrency": "eur"}],
    "educationalCredentialAwarded": "Certificate",
    "typicalAgeRange": "12-14",
    "teaches": [{"@type": "DefinedTerm", "termCode": "mean", "name": "Mean"}, "Median"],
    "about": {"@type": "Thing", "name": "Averages"},
    "coursePrerequisites": ["Division", {"@type": "AlignmentObject", "targetName": "Reading tables"}],
    "syllabusSections": [{"@type": "Syllabus", "name": "One", "timeRequired": "PT1H"}],
    "hasCourseInstance": {
        "@type": "CourseInstance",
        "courseMode": "Online",
        "startDate": "2026-09-01",
        "endDate": "some day",
        "instructor": {"@type": "Person", "name": "Somebody"},
        "courseSchedule": {
            "@type": "Schedule",
            "duration": "PT3H",
            "repeatFrequency": "Weekly",
            "repeatCount": 7,
        },
    },
}


def test_a_course_becomes_an_item_with_concepts_and_prerequisites() -> None:
    cleaned = prepared({"/courses/statistics": html(COURSE)})
    found = item(cleaned, "s:courses/statistics")
    expected: dict[str, Any] = {
        "kind": "course",
        "title": "Statistics",
        "text": "First steps in statistics.",
        "language": "en",
        "subject": "averages",
        "level": "beginner",
        "licence": "https://licence.example/by",
        "duration_s": 7 * 3 * 3600.0,
        "attributes": {
            "provider": "A & B school",
            "credential": "Certificate",
            "age_range": "12-14",
            "price": {"amount": 49.9, "currency": "EUR"},
            "instances": [
                {"starts_at": "2026-09-01T00:00:00+00:00", "mode": ["online"], "workload_s": 75600.0}
            ],
            "syllabus": [{"title": "One", "duration_s": 3600.0}],
        },
    }
    found["attributes"] = {name: found["attributes"].get(name) for name in expected["attributes"]}
    assert {name: found[name] for name in expected} == expected
    assert links(cleaned) == {
        ("s:courses/statistics", f"s:{code}") for code in ("mean", "median", "averages")
    }
    assert needs(cleaned) == {
        (f"s:{taught}", f"s:{needed}")
        for taught in ("mean", "median")
        for needed in ("division", "reading-tables")
    }
    assert titles(cleaned) == {
        "s:mean": "Mean",
        "s:median": "Median",
        "s:averages": "Averages",
        "s:division": "Division",
        "s:reading-tables": "Reading tables",
    }
    assert cleaned.accounting.repaired["date unreadable: NA"] == 1
    assert cleaned.accounting.repaired["duration from the workload"] == 1
    for frame in cleaned.frames.values():
        assert "Somebody" not in frame.to_json()


MICRODATA = f"""<main itemscope itemtype="https://schema.org/LearningResource"><h1 itemprop="name">Mean</h1>
<time itemprop="timeRequired" datetime="PT12M">12 min</time><article><p>{WORDS}</p></article>
<p itemprop="teaches" itemscope itemtype="https://schema.org/DefinedTerm"><b itemprop="name">Mean</b></p>
<p itemprop="competencyRequired">Division</p>
<a itemprop="isPartOf" href="/courses/statistics">up</a></main>"""
RDFA = f"""<main vocab="https://schema.org/" typeof="LearningResource"><h1 property="name">Mode</h1>
<time property="timeRequired" datetime="PT9M">9 min</time>
<article><p>{WORDS} The mode is the commonest.</p></article>
<p property="teaches" typeof="DefinedTerm"><b property="name">Mode</b></p>
<p property="competencyRequired">Mean</p><a property="isPartOf" href="/courses/statistics">up</a></main>"""


def test_lessons_in_microdata_and_rdfa_join_a_course_in_json_ld() -> None:
    cleaned = prepared(
        {
            "/courses/statistics": html({"@type": "Course", "name": "Statistics", "inLanguage": "en"}),
            "/lessons/mean": html(body=MICRODATA),
            "/lessons/mode": html(body=RDFA),
        }
    )
    items = cleaned.frames["items"].set_index("item_id")
    assert items["kind"].to_dict() == {
        "s:courses/statistics": "course",
        "s:lessons/mean": "lesson",
        "s:lessons/mode": "lesson",
    }
    assert items["duration_s"].fillna(0).to_dict() == {
        "s:courses/statistics": 0,
        "s:lessons/mean": 720,
        "s:lessons/mode": 540,
    }
    assert set(items["parent_id"].dropna()) == {"s:courses/statistics"}
    assert links(cleaned) == {("s:lessons/mean", "s:mean"), ("s:lessons/mode", "s:mode")}
    assert needs(cleaned) == {("s:mean", "s:division"), ("s:mode", "s:mean")}


def test_a_quiz_page_of_questions_alone_is_kept_with_its_exercises() -> None:
    quiz = {
        "@type": "Quiz",
        "name": "Test yourself",
        "inLanguage": "en",
        "about": {"@type": "Thing", "name": "Median"},
        "hasPart": [
            {
                "@type": "Question",
                "text": "The median of 3, 9, 4?",
                "acceptedAnswer": "4",
                "suggestedAnswer": ["3"],
            }
        ],
    }
    cleaned = prepared({"/quiz": html(quiz, body="<div></div>")})
    assert cleaned.frames["items"][["item_id", "kind", "text"]].values.tolist() == [
        ["s:quiz", "lesson", ""],
        ["s:quiz#q1", "exercise", "The median of 3, 9, 4?"],
    ]
    assert item(cleaned, "s:quiz#q1")["attributes"] == {"options": ["3", "4"]}
    assert links(cleaned) == {("s:quiz", "s:median"), ("s:quiz#q1", "s:median")}


def test_exercises_test_what_their_lesson_aims_at_not_all_it_touches() -> None:
    lesson = {
        "url": f"{SITE}/a",
        "kind": "lesson",
        "title": "A",
        "text": WORDS,
        "teaches": [{"code": "", "name": "Mean"}],
        "about": [{"code": "", "name": "Averages"}],
        "requires": [{"code": "", "name": "Division"}],
        "questions": [{"text": "?!", "answer": "x", "options": []}],
    }
    cleaned = from_records(lesson)
    assert links(cleaned) == {("s:a", "s:mean"), ("s:a", "s:averages"), ("s:a#q1", "s:mean")}
    assert needs(cleaned) == {("s:mean", "s:division")}


# --- one course requires another


def course(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "url": f"{SITE}/courses/{name.lower().replace(' ', '-')}",
        "kind": "course",
        "title": name,
        "description": f"About {name}.",
        "text": "",
        **fields,
    }


@pytest.mark.parametrize(
    "told",
    [{"name": "Algebra"}, {"name": "the first course", "url": "/courses/algebra"}, {"name": "algebra."}],
)
def test_a_required_course_stands_for_what_it_teaches(told: dict[str, str]) -> None:
    cleaned = from_records(
        course("Algebra", teaches=[{"code": "eq", "name": "Equations"}, {"code": "", "name": "Powers"}]),
        course("Statistics", teaches=[{"code": "", "name": "Mean"}], requires=[{"code": "", **told}]),
    )
    assert needs(cleaned) == {("s:mean", "s:eq"), ("s:mean", "s:powers")}


def test_courses_that_say_nothing_of_concepts_still_have_an_order() -> None:
    cleaned = from_records(
        course("Algebra"), course("Statistics", requires=[{"code": "", "name": "Algebra"}]), course("Art")
    )
    assert needs(cleaned) == {("s:statistics", "s:algebra")}
    assert links(cleaned) == {
        ("s:courses/algebra", "s:algebra"),
        ("s:courses/statistics", "s:statistics"),
    }
    assert cleaned.accounting.repaired["concept from the title of a course"] == 2
    assert "s:art" not in titles(cleaned)  # nothing is made up where nothing needs it


def test_a_course_that_requires_itself_requires_nothing() -> None:
    cleaned = from_records(course("Algebra", requires=[{"code": "", "name": "Algebra"}]))
    assert needs(cleaned) == set()


@pytest.mark.parametrize(
    ("text", "names", "prose"),
    [
        ("Algebra", ["algebra"], 0),
        ("Algebra; trigonometry", ["algebra", "trigonometry"], 0),
        ("Prerequisites: algebra, plane geometry", ["algebra", "plane-geometry"], 0),
        ("• Loops\n• Functions", ["functions", "loops"], 0),
        ("None.", [], 0),
        ("Ninguno", [], 0),
        ("You should have taken at least one course on programming before.", [], 1),
        ("Loops; you should have written at least one long program before", ["loops"], 1),
        ("Reading a long table of values, well", ["reading-a-long-table-of-values-well"], 0),
    ],
)
def test_prerequisites_written_as_text(text: str, names: list[str], prose: int) -> None:
    cleaned = from_records(
        course("Statistics", teaches=[{"code": "", "name": "Mean"}], requires=[{"code": "", "name": text}])
    )
    assert sorted(required for _, required in needs(cleaned)) == [f"s:{name}" for name in names]
    kept = item(cleaned, "s:courses/statistics")["attributes"].get("prerequisites_text", [])
    assert len(kept) == prose


# --- facts, one by one


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (None, None),
        ([{"amount": "49.90", "currency": "EUR"}], {"amount": 49.9, "currency": "EUR"}),
        ([{"amount": "0"}], {"amount": 0.0, "currency": None}),
        ([{"category": "Free"}], {"amount": 0.0, "currency": None}),
        ([{"amount": "49", "currency": "EUR"}, {"category": "free"}], {"amount": 0.0, "currency": None}),
        (
            [{"amount": "49", "currency": "EUR"}, {"amount": "5", "currency": "EUR"}],
            {"amount": 5.0, "currency": "EUR"},
        ),
        # 5 of one currency may be more than 49 of another
        (
            [{"amount": "49", "currency": "EUR"}, {"amount": "5", "currency": "USD"}],
            {"amount": 49.0, "currency": "EUR"},
        ),
        ([{"amount": "49", "currency": "Taler"}], {"amount": 49.0, "currency": None}),
        ([{"category": "Paid"}], None),
    ],
)
def test_the_price_is_the_cheapest_way_in(price: Any, expected: dict[str, Any] | None) -> None:
    assert facts_of({"price": price}, Account()).get("price") == expected


def test_a_price_nobody_can_read_stays_as_it_stands_and_is_counted() -> None:
    account = Account()
    facts = facts_of({"price": [{"amount": "ask&nbsp;us"}]}, account)
    assert facts == {"price_text": ["ask us"]}
    assert account.repaired == {"price unreadable: NA": 1}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"duration": "PT1H", "workload": ["PT9H"]}, "PT1H"),
        ({"workload": ["PT22H"]}, "PT79200S"),
        ({"workload": ["2 to 4 hours a week"]}, None),
        ({"instances": [{"workload": "PT22H"}]}, "PT79200S"),
        (
            {"instances": [{"schedule": {"duration": "PT3H", "frequency": "Weekly", "count": "7"}}]},
            "PT75600S",
        ),
        (
            {"instances": [{"schedule": {"duration": "PT3H", "frequency": "Weekly"}, "workload": "PT3H"}]},
            None,
        ),
        ({"instances": [{"workload": "PT22H"}, {"workload": "PT22H"}]}, "PT79200S"),
        ({"instances": [{"workload": "PT22H"}, {"workload": "PT11H"}]}, None),
        ({}, None),
    ],
)
def test_the_length_of_a_course_is_told_once_or_unknown(record: dict[str, Any], expected: str | None) -> None:
    assert duration_of(record, Account()) == expected


def test_a_workload_a_week_is_kept_as_text() -> None:
    facts = facts_of(
        {"workload": ["2 to 4 hours a week"], "instances": [{"workload": "3 h / week"}]}, Account()
    )
    assert facts == {
        "workload": ["2 to 4 hours a week"],
        "workload_a_week_s": [7200.0, 14400.0],
        "instances": [{"workload": "3 h / week"}],
    }


def test_markup_that_cannot_be_read_is_in_the_account() -> None:
    broken = '<div vocab="https://schema.org/" typeof="Course" resource="http://[b"></div>'
    page = html({"@type": "LearningResource", "name": "A"}, body=f"<article><p>{WORDS}</p></article>{broken}")
    assert prepared({"/a": page}).accounting.repaired["broken rdfa: read without it"] == 1


TERMS = st.lists(
    st.fixed_dictionaries(
        {
            "code": st.sampled_from(["", "k"]),
            "name": st.sampled_from(["", "A", "B; C", "A, B", "none", "C " * 12]),
        },
        optional={"url": st.sampled_from(["/courses/a", "/courses/b", "http://[bad", ""])},
    ),
    max_size=3,
)


@settings(deadline=None, max_examples=20)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"url": st.sampled_from([f"{SITE}/courses/{one}" for one in "abc"]), "kind": st.just("course")},
            optional={
                **dict.fromkeys(("teaches", "assesses", "about", "requires"), TERMS),
                "title": st.sampled_from(["A", "B", "", "!"]),
                "price": st.lists(
                    st.dictionaries(st.sampled_from(["amount", "currency", "category"]), st.text())
                ),
                "workload": st.lists(st.text(max_size=5)),
                "sections": st.lists(
                    st.dictionaries(st.sampled_from(["title", "duration"]), st.text(max_size=5))
                ),
                "instances": st.lists(
                    st.fixed_dictionaries(
                        {}, optional={"start": st.text(max_size=9), "mode": st.lists(st.text())}
                    )
                ),
            },
        ),
        max_size=4,
    )
)
def test_any_courses_keep_the_contracts_in_any_order(records: list[dict[str, Any]]) -> None:
    cleaned = from_records(*records)
    again = from_records(*reversed(records))
    for name, frame in cleaned.frames.items():
        pd.testing.assert_frame_equal(again.frames[name], frame)
    known = set(cleaned.frames["concepts"]["concept_id"])
    assert {concept for _, concept in links(cleaned)} <= known
    assert {one for pair in needs(cleaned) for one in pair} <= known
    json.dumps(cleaned.frames["items"]["attributes"].tolist())
