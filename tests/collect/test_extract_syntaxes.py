"""The same thing said in JSON-LD, microdata, RDFa and Open Graph: each tells the planted truth."""

import json
from typing import Any

import pytest
from pages_in_syntaxes import SYNTAXES, Node, only, page

from learnloop.collect import embedded


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
