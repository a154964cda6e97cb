"""Activities that statements are about, as mentions of items: what they are called, and what they belong to.

    {"id": "https://lms.example/q/1", "definition": {"type": "http://adlnet.gov/expapi/activities/question",
     "name": {"en-GB": "Sums"}, "description": {"en-GB": "What is 2 + 3?"}, "interactionType": "numeric",
     "correctResponsesPattern": ["5"]}}

    item_id xapi:https://lms.example/q/1  kind question  title Sums  text What is 2 + 3?  answer 5

The first definition with a name counts; of several languages the context's own, else the first. The parent
is the context's first `parent`, else its first `grouping`.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from learnloop.prepare import xapi_rules as rules
from learnloop.prepare.catalogue import LONGEST_ID, Catalogue
from learnloop.prepare.language import normalise_language
from learnloop.prepare.text import repair

TELLING = 5  # letters from which a learner's name inside an activity's id is no accident
MOST_CHOICES = 50
_DELIMITERS = re.compile(r"\[[.,:]\]")


def mention(statement: dict[str, Any], source: str, catalogue: Catalogue, names: Iterable[str]) -> None:
    """The activity of a valid statement, and those it belongs to. names: the actor's, kept out of ids."""
    context = statement.get("context", {})
    above = next((a for a in _around(context) if a["id"] != statement["object"]["id"]), None)
    if above is not None and (tells(above["id"], names) or len(above["id"]) > LONGEST_ID):
        above = None
    language = context.get("language", "")
    result = statement.get("result", {})
    extensions = {**result.get("extensions", {}), **context.get("extensions", {})}
    catalogue.mention(
        f"{source}:{statement['object']['id']}",
        parent_id=f"{source}:{above['id']}" if above else None,
        duration_s=_length(extensions.get(f"{rules.VIDEO}length")),
        **_fields(statement["object"], language, source, catalogue),
    )
    if above is not None:
        catalogue.mention(f"{source}:{above['id']}", **_fields(above, language, source, catalogue))


def tells(activity_id: str, names: Iterable[str]) -> bool:
    """Whether an activity's id holds one of `names` as a word of its own (…/of/ana@school.example)."""
    return any(
        len(name) >= TELLING
        and name in activity_id
        and re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", activity_id) is not None
        for name in names
    )


def _around(context: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the activity belongs to, the nearest first."""
    for name in ("parent", "grouping"):
        found = context.get("contextActivities", {}).get(name, [])
        yield from found if isinstance(found, list) else [found]


def _length(value: Any) -> float | None:
    sound = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6
    return float(value) if sound else None


def _fields(activity: dict[str, Any], language: str, source: str, catalogue: Catalogue) -> dict[str, Any]:
    """Of ITEMS, what an activity's definition says; {} where one with a name was read before."""
    if catalogue.named(f"{source}:{activity['id']}"):
        return {}
    definition = activity.get("definition", {})
    names, texts = definition.get("name", {}), definition.get("description", {})
    tag = next((t for t in (language, *names, *texts) if t in names or t in texts), "")
    kind, sort = definition.get("type", ""), definition.get("interactionType")
    page = definition.get("moreInfo", "")
    return {
        "kind": rules.KINDS.get(rules.word(kind)) or ("question" if sort else None),
        "title": _plain(names, tag),
        "text": _plain(texts, tag),
        "language": normalise_language(tag) if tag else None,
        "url": page if page.startswith(("http://", "https://")) else None,
        "answer": _answer(definition),
        "attributes": _attributes(definition),
    }


def _plain(texts: dict[str, str], tag: str) -> str:
    text = texts.get(tag) or next(iter(texts.values()), "")
    return repair(text)[0] if text else ""


def _answer(definition: dict[str, Any]) -> str | None:
    """The key of a question, where there is one and it is a text: choices by their wording."""
    right = definition.get("correctResponsesPattern", [])
    if len(right) != 1 or definition.get("interactionType") not in (
        *("true-false", "choice", "fill-in", "long-fill-in", "numeric"),
    ):
        return None
    pattern = right[0]
    if _DELIMITERS.search(pattern) or pattern.startswith("{"):
        return None
    return _wordings(definition.get("choices", [])).get(pattern, pattern) or None


def _wordings(components: list[dict[str, Any]]) -> dict[str, str]:
    return {part["id"]: next(iter(part.get("description", {}).values()), "") for part in components}


def _attributes(definition: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    if "type" in definition:
        kept["activity_type"] = definition["type"]
    if "interactionType" in definition:
        kept["interaction_type"] = definition["interactionType"]
    if definition.get("correctResponsesPattern"):
        kept["correct_responses"] = definition["correctResponsesPattern"]
    if definition.get("choices"):
        kept["choices"] = _wordings(definition["choices"][:MOST_CHOICES])
    return kept
