"""JSON-LD blocks of a page in, schema.org nodes out; nodes of any syntax in, plain records out, not cleaned.

One real block, shortened:

    {"@context": "https://schema.org", "@type": "LearningResource", "name": "Mean and Median",
     "timeRequired": "PT12M", "isPartOf": {"@type": "Course", "url": "/courses/statistics/"},
     "teaches": {"@type": "DefinedTerm", "termCode": "mean-and-median", "name": "Mean and median"},
     "hasPart": {"@type": "Quiz", "hasPart": [{"@type": "Question", "text": "What is …?",
       "acceptedAnswer": {"@type": "Answer", "text": "4"}, "suggestedAnswer": […]}]}}

Sites write the same thing in many ways (a dict, a list, a bare string, "schema:Course", "@graph");
all of them are read, and nothing is cleaned here. JSON-LD is read here and not by extruct, which gives up
a whole block for the raw line break, the comment marks or the escaped quotes that are common in it.
"""

import json
import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

from learnloop.collect import teaching, vocabularies
from learnloop.collect.values import (
    address,
    as_list,
    node_url,
    prerequisites,
    string,
    strings,
    terms,
    types_of,
)

__all__ = ["kind_of", "node_url", "parse_blocks", "record_of", "string", "types_of"]

COURSE_TYPES = {"Course", "CourseInstance", "EducationalOccupationalProgram"}
LESSON_TYPES = {"LearningResource", "Quiz"}
# What tells a creative work of any type (VideoObject, Article, …) that was made to be learned from: LRMI
_LRMI: tuple[str, ...] = (
    "learningResourceType",
    "educationalAlignment",
    "educationalUse",
    "educationalLevel",
    "teaches",
)
_LRMI += ("assesses", "competencyRequired")
_NO_WORK = {"Organization", "Person", "WebSite", "CollectionPage", "ItemList", "SearchResultsPage"}
_NO_WORK |= {"AlignmentObject", "DefinedTerm"}
_PROPERTIES = {
    "title": ("name", "headline"),
    "abstract": ("abstract",),
    "description": ("description",),
    "language": ("inLanguage",),
    "duration": ("timeRequired", "duration", "timeToComplete"),
    "level": ("educationalLevel",),
    "licence": ("license",),
    "position": ("position",),
    "modified": ("dateModified", "datePublished"),
    "age_range": ("typicalAgeRange",),
    "credential": ("educationalCredentialAwarded",),
}
_WHOLES = ("isPartOf",)
_PARTS = ("hasPart", "hasCourse", "syllabusSections")


def parse_blocks(blocks: Sequence[str]) -> tuple[list[dict[str, Any]], int]:
    """Top-level nodes of JSON-LD script blocks, and how many blocks could not be read."""
    nodes: list[dict[str, Any]] = []
    broken = 0
    for block in blocks:
        try:
            nodes.extend(_top_level(vocabularies.plain(_lenient_json(block))))
        except (ValueError, RecursionError):
            broken += 1
    return vocabularies.connect(nodes, kind_of), broken


def _lenient_json(block: str) -> Any:
    """JSON with what often surrounds or inhabits it: comment marks, raw line breaks, escaped quotes."""
    text = re.sub(r"^\s*(?:<!--|//\s*<!\[CDATA\[)|(?:-->|//\s*\]\]>)\s*$", "", block).strip().rstrip(";")
    try:
        return json.loads(text, strict=False)
    except ValueError:
        if "&quot;" not in text:
            raise
        return json.loads(unescape(text), strict=False)


def _top_level(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for member in value:
            yield from _top_level(member)
    elif isinstance(value, dict):
        if "@graph" in value:
            yield from _top_level(value["@graph"])
        if "@type" in value or "@id" in value:
            yield value


def kind_of(node: dict[str, Any]) -> str:
    """course, lesson, or "" for what is no learning matter (WebSite, BreadcrumbList, …)."""
    types = types_of(node)
    if types & COURSE_TYPES:
        return "course"
    made_to_learn_from = types and not types & _NO_WORK and any(map(node.get, _LRMI))
    return "lesson" if types & LESSON_TYPES or made_to_learn_from else ""


def record_of(node: dict[str, Any]) -> dict[str, Any]:
    """Plain record of a course or lesson node; keys that the node lacks are absent."""
    record: dict[str, Any] = {}
    for field, names in _PROPERTIES.items():
        value = next((found for name in names if (found := string(node.get(name)))), "")
        if value:
            record[field] = value
    aligned = teaching.alignments(node)
    instances = teaching.instances(node)
    parts = [part for name in _PARTS for part in as_list(node.get(name))]
    others = {
        "level": record.get("level") or string(aligned["level"]),
        "subject": teaching.subject(node) or string(aligned["subject"]),
        "provider": teaching.provider(node),
        "price": teaching.prices(node),
        "parent_urls": [
            url for name in _WHOLES for part in as_list(node.get(name)) if (url := address(part))
        ],
        "part_urls": [url for part in parts if not _holds_questions(part) and (url := address(part))],
        "teaches": terms([*as_list(node.get("teaches")), *aligned["teaches"]]),
        "assesses": terms([*as_list(node.get("assesses")), *aligned["assesses"]]),
        "about": terms(teaching.topics(node)),
        "requires": prerequisites(
            [
                *as_list(node.get("coursePrerequisites")),
                *as_list(node.get("programPrerequisites")),
                *as_list(node.get("competencyRequired")),
                *aligned["requires"],
            ]
        ),
        "workload": strings(node.get("courseWorkload")),
        "instances": instances,
        "sections": teaching.sections(node),
        "resource_types": strings(node.get("learningResourceType")),
        "educational_use": strings(node.get("educationalUse")),
        "questions": list(_questions(node)),
    }
    return record | {name: found for name, found in others.items() if found}


def _holds_questions(value: Any) -> bool:
    return isinstance(value, dict) and bool(types_of(value) & {"Quiz", "Question"})


def _questions(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Questions of a node: its own parts, those of its quizzes, or a quiz itself."""
    for part in as_list(node.get("hasPart")) + as_list(node.get("mainEntity")):
        if not _holds_questions(part):
            continue
        if "Question" not in types_of(part):
            yield from _questions(part)
            continue
        yield {
            "text": string(part.get("text")) or string(part.get("name")),
            "answer": string(part.get("acceptedAnswer")),
            "options": [text for option in as_list(part.get("suggestedAnswer")) if (text := string(option))],
        }
