"""A value of a schema.org property in, what a person would read of it out, not cleaned.

One value, in the ways sites write it, and the text of each: {"@type": "Language", "name": "Spanish"} and
["Spanish", "es"] and "Spanish" are "Spanish"; {"@type": "QuantitativeValue", "value": 3, "unitCode": "HUR"}
is "3 hours".
"""

import re
from typing import Any
from urllib.parse import unquote, urlsplit

_READ = ("name", "text", "alternateName", "targetName", "@value", "url", "targetUrl", "@id")
# UN/CEFACT codes, which schema.org asks for in unitCode
_UNITS = {"SEC": "seconds", "MIN": "minutes", "HUR": "hours", "DAY": "days", "WEE": "weeks"}
_PAGES = {"Course", "CourseInstance", "LearningResource", "EducationalOccupationalProgram"}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def types_of(node: dict[str, Any]) -> set[str]:
    """Names of the node's types without their vocabulary.

    >>> types_of({"@type": ["http://schema.org/Course", "schema:Thing"]}) == {"Course", "Thing"}
    True
    """
    return {re.split(r"[/#:]", name)[-1] for name in as_list(node.get("@type")) if isinstance(name, str)}


def string(value: Any) -> str:
    """What a person would read of a value: itself, or its name, text, code or address; "" for nothing."""
    if isinstance(value, list):
        return next((found for member in value if (found := string(member))), "")
    if isinstance(value, dict):
        return _quantity(value) or next((found for name in _READ if (found := string(value.get(name)))), "")
    if isinstance(value, str):
        # half a surrogate pair is no character and could be stored nowhere
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "" if value is None or isinstance(value, bool) else str(value)


def strings(value: Any) -> list[str]:
    """The texts of all members of a value, each once."""
    return list(dict.fromkeys(text for member in as_list(value) if (text := string(member).strip())))


def _quantity(value: dict[str, Any]) -> str:
    amount = value.get("value")
    if isinstance(amount, (list, dict, bool)) or amount in (None, ""):
        return ""
    unit = string(value.get("unitText")) or _UNITS.get(string(value.get("unitCode")), "")
    return f"{string(amount)} {unit}".strip() if unit else ""


def node_url(node: dict[str, Any]) -> str:
    """The address the node says it is about, or ""."""
    return string(node.get("url")) or string(node.get("@id"))


def address(value: Any) -> str:
    """The address of a part or whole: a bare string or its url."""
    return string(value) if isinstance(value, str) else node_url(value) if isinstance(value, dict) else ""


def is_address(text: str) -> bool:
    """
    >>> is_address("https://example.org/mean"), is_address("Mean"), is_address("http://[bad")
    (True, False, False)
    """
    try:
        return bool(re.match(r"https?://\S+$", text.strip())) and bool(urlsplit(text.strip()).netloc)
    except ValueError:
        return False


def terms(value: Any) -> list[dict[str, str]]:
    """DefinedTerms, AlignmentObjects, Things and bare strings as {"code", "name"}, each once.

    A bare string is a name, an address is a code: its last part.
    """
    found: list[dict[str, str]] = []
    for member in as_list(value):
        code = string(member.get("termCode")) if isinstance(member, dict) else ""
        name = string(member)
        if is_address(name):
            code, name = code or last_part(name), ""
        term = {"code": code, "name": name}
        if (code or name) and term not in found:
            found.append(term)
    return found


def prerequisites(value: Any) -> list[dict[str, str]]:
    """As `terms`; a course or page that is required keeps its address as `url` besides."""
    found: list[dict[str, str]] = []
    for member in as_list(value):
        link = ""
        if isinstance(member, dict) and types_of(member) & _PAGES:
            link = node_url(member)
        elif isinstance(member, str) and is_address(member):
            link = member.strip()
        for term in terms(member):
            term = {**term, "url": link} if link else term
            if term not in found:
                found.append(term)
    return found


def last_part(url: str) -> str:
    """The fragment of an address, or the last part of its path.

    >>> last_part("https://example.org/terms/mean/"), last_part("https://example.org/terms#mode")
    ('mean', 'mode')
    """
    parts = urlsplit(url.strip())
    return unquote(parts.fragment or parts.path.rstrip("/").rpartition("/")[2])
