"""OATutor's records one by one: JSON read with care, texts, licences and identifiers put into form."""

import json
import re
from dataclasses import dataclass
from typing import Any

from learnloop.schemas import ITEMS

SOURCE = "oatutor"
# The pool writes a line break as a backslash and an n, and \neq, \nu, \nabla, \not as LaTeX does.
BREAK = re.compile(r"\\n(?!eq\b|e\b|u\b|ot\b|abla\b)")
SUSPECT = re.compile(
    r"\\u(?:0000|d[89a-f])", re.IGNORECASE
)  # only an escape can write NUL or half a character


@dataclass
class Course:
    item_id: str
    language: str
    licence: str | None
    lessons: dict[str, int]  # lessonId -> 1-based place in the course


class Refused(Exception):
    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


def parsed(record: str, wanted: type) -> Any:
    try:
        value = json.loads(record, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Refused("not JSON", error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise Refused("not JSON") from error
    if not isinstance(value, wanted):
        raise Refused(f"not a JSON {'object' if wanted is dict else 'list'}")
    if SUSPECT.search(record) and not _storable(value):
        raise Refused("NUL or half a character in a text")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _storable(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, dict):
        return all(_storable(key) and _storable(part) for key, part in value.items())
    return all(_storable(part) for part in value) if isinstance(value, list) else True


def fresh_id(value: dict[str, Any], known: set[str]) -> str:
    key = text_of(value, "id").strip()
    if not re.fullmatch(r"\S.*", key):
        raise Refused("no id")
    if key in known:
        raise Refused("duplicate id")
    return key


def text_of(value: dict[str, Any], name: str) -> str:
    text = value.get(name, "")
    if not isinstance(text, str):
        raise Refused(f"{name} is not a text")
    return text


def lines(text: str) -> tuple[str, bool]:
    """With real line breaks where the pool writes backslash-n (never inside $$ formulas $$)."""
    parts = text.split("$$")
    broken = [BREAK.sub("\n", part) if n % 2 == 0 else part for n, part in enumerate(parts)]
    return "$$".join(broken).strip(), broken != parts


def licence(text: object) -> str | None:
    """'https://creativecommons.org/licenses/by/4.0/ <CC BY 4.0>' -> its address, or None."""
    found = re.match(r"https?://\S+", text) if isinstance(text, str) else None
    return found.group() if found else None


def slug(name: str) -> str:
    return re.sub(r"[^\w.]+", "-", name.lower()).strip("-") or "unnamed"


def trailing_number(key: str) -> int | None:
    found = re.search(r"(\d{1,9})$", key)
    return int(found.group()) if found else None


def letter(key: str, problem_id: str) -> int | None:
    """Steps of a problem are called a, b, c …: 1, 2, 3."""
    rest = key.removeprefix(problem_id.removeprefix("oatutor:problem/"))
    return ord(rest) - ord("a") + 1 if re.fullmatch("[a-z]", rest) else None


def item(
    item_id: str,
    kind: str,
    title: str,
    course: Course,
    *,
    attributes: dict[str, Any],
    parent_id: str | None = None,
    position: int | None = None,
    text: str = "",
    licence: str | None = None,
) -> dict[str, Any]:
    return {
        **dict.fromkeys(ITEMS.columns),
        "item_id": item_id,
        "source": SOURCE,
        "kind": kind,
        "parent_id": parent_id,
        "position": position,
        "title": title,
        "text": text,
        "language": course.language,
        "licence": licence or course.licence,
        "attributes": attributes,
    }
