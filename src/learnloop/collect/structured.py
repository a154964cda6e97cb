"""JSON-LD blocks of a page in, schema.org courses, lessons and questions out, as they were found.

One real block, shortened:

    {"@context": "https://schema.org", "@type": "LearningResource", "name": "Mean and Median",
     "timeRequired": "PT12M", "isPartOf": {"@type": "Course", "url": "/courses/statistics/"},
     "teaches": {"@type": "DefinedTerm", "termCode": "mean-and-median", "name": "Mean and median"},
     "hasPart": {"@type": "Quiz", "hasPart": [{"@type": "Question", "text": "What is …?",
       "acceptedAnswer": {"@type": "Answer", "text": "4"}, "suggestedAnswer": […]}]}}

Sites write the same thing in many ways (a dict, a list, a bare string, "schema:Course", "@graph");
all of them are read, and nothing is cleaned here.
"""

import json
import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

COURSE_TYPES = {"Course"}
LESSON_TYPES = {"LearningResource", "Quiz"}
_PROPERTIES = {
    "title": ("name", "headline"),
    "abstract": ("abstract",),
    "description": ("description",),
    "language": ("inLanguage",),
    "duration": ("timeRequired", "duration"),
    "level": ("educationalLevel",),
    "licence": ("license",),
    "position": ("position",),
    "subject": ("about",),
    "modified": ("dateModified", "datePublished"),
}


def parse_blocks(blocks: Sequence[str]) -> tuple[list[dict[str, Any]], int]:
    """Top-level nodes of JSON-LD script blocks, and how many blocks could not be read."""
    nodes: list[dict[str, Any]] = []
    broken = 0
    for block in blocks:
        try:
            nodes.extend(_top_level(_lenient_json(block)))
        except (ValueError, RecursionError):
            broken += 1
    return nodes, broken


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
        if "@type" in value:
            yield value


def types_of(node: dict[str, Any]) -> set[str]:
    """Names of the node's types without their vocabulary.

    >>> types_of({"@type": ["http://schema.org/Course", "schema:Thing"]}) == {"Course", "Thing"}
    True
    """
    return {re.split(r"[/#:]", name)[-1] for name in _list(node.get("@type")) if isinstance(name, str)}


def kind_of(node: dict[str, Any]) -> str:
    """course, lesson, or "" for what is no learning matter (WebSite, BreadcrumbList, …)."""
    types = types_of(node)
    return "course" if types & COURSE_TYPES else "lesson" if types & LESSON_TYPES else ""


def node_url(node: dict[str, Any]) -> str:
    """The address the node says it is about, or ""."""
    return string(node.get("url")) or string(node.get("@id"))


def record_of(node: dict[str, Any]) -> dict[str, Any]:
    """Plain record of a course or lesson node; keys that the node lacks are absent."""
    record: dict[str, Any] = {}
    for field, names in _PROPERTIES.items():
        value = next((found for name in names if (found := string(node.get(name)))), "")
        if value:
            record[field] = value
    parents = [url for part in _list(node.get("isPartOf")) if (url := address(part))]
    members = [
        url for part in _list(node.get("hasPart")) if not _holds_questions(part) and (url := address(part))
    ]
    lists = {
        "parent_urls": parents,
        "part_urls": members,
        "teaches": _terms(node.get("teaches")),
        "requires": _terms(node.get("competencyRequired")),
        "questions": list(_questions(node)),
    }
    return record | {name: found for name, found in lists.items() if found}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def string(value: Any) -> str:
    """What a person would read of a value: itself, or its name, text, code or address; "" for nothing."""
    if isinstance(value, list):
        return next((found for member in value if (found := string(member))), "")
    if isinstance(value, dict):
        names = ("name", "text", "alternateName", "@value", "url", "@id")
        return next((found for name in names if (found := string(value.get(name)))), "")
    if isinstance(value, str):
        # half a surrogate pair is no character and could be stored nowhere
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "" if value is None or isinstance(value, bool) else str(value)


def address(value: Any) -> str:
    """The address of a part or whole: a bare string or its url."""
    return string(value) if isinstance(value, str) else node_url(value) if isinstance(value, dict) else ""


def _terms(value: Any) -> list[dict[str, str]]:
    """DefinedTerms as {"code", "name"}; a bare string is a name."""
    terms = []
    for term in _list(value):
        code = string(term.get("termCode")) if isinstance(term, dict) else ""
        name = string(term)
        if code or name:
            terms.append({"code": code, "name": name})
    return terms


def _holds_questions(value: Any) -> bool:
    return isinstance(value, dict) and bool(types_of(value) & {"Quiz", "Question"})


def _questions(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Questions of a node: its own parts, those of its quizzes, or a quiz itself."""
    for part in _list(node.get("hasPart")) + _list(node.get("mainEntity")):
        if not _holds_questions(part):
            continue
        if "Question" not in types_of(part):
            yield from _questions(part)
            continue
        yield {
            "text": string(part.get("text")) or string(part.get("name")),
            "answer": string(part.get("acceptedAnswer")),
            "options": [text for option in _list(part.get("suggestedAnswer")) if (text := string(option))],
        }
