"""A JSON API's answers as pages of records, by the paths a recipe gives.

    {"pagination": {"next": "https://…/?page=2", "count": 230}, "results": [{"course_id": "course-v1:X+Y+Z",
     "name": "Statistics", "short_description": "…", "effort": "4 hours per week", "org": "X"}]}

A path is names joined by dots; a number picks from a list, and on a list any other name is taken of each
member: "results", "links.next", "subjects.name". What has braces is a template of paths,
"/courses/{course_id}/about", and what begins with = is the value itself, "=CC BY 4.0".
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from learnloop.collect.follow import normal
from learnloop.collect.selectors import shaped

_BLOCKS = re.compile(r"</(?:p|div|li|ul|ol|h[1-6]|blockquote|tr|table|section)>|<br\s*/?>", re.IGNORECASE)
_MISSING = object()


def at(value: Any, path: str) -> Any:
    """What `path` leads to; None where it leads nowhere.

    >>> at({"subjects": [{"name": "Law"}, {"name": "Ethics"}]}, "subjects.name")
    ['Law', 'Ethics']
    """
    for name in path.split(".") if path else []:
        if isinstance(value, list):
            if name.isdecimal():
                value = value[int(name)] if int(name) < len(value) else None
            else:
                members = [at(member, name) for member in value]
                value = [member for member in members if member is not None]
        elif isinstance(value, Mapping):
            value = value.get(name)
        else:
            return None
    return value


def further(body: bytes, url: str, api: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """(addresses of the next page of the list, addresses of pages its records name). Raises nothing."""
    document = _parsed(body)
    if document is _MISSING:
        return [], []
    records = _records(document, api)
    pages = [
        page
        for record in records
        for template in api.get("follow", ())
        if (told := filled(record, template)) and (page := normal(told, url))
    ]
    following = ""
    if api.get("next"):
        told = at(document, api["next"])
        if isinstance(told, str | int) and not isinstance(told, bool) and told != "":
            following = with_query(url, api["next_param"], told) if api.get("next_param") else str(told)
    elif api.get("page_param") and records:
        query = dict(parse_qsl(urlsplit(url).query))
        now = query.get(api["page_param"], "1")
        following = with_query(url, api["page_param"], int(now) + 1) if now.isdecimal() else ""
    following = normal(following, url) if following else ""
    return [following] if following else [], pages


def with_query(url: str, name: str, value: str | int) -> str:
    """`url` with one parameter of its query set."""
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), name: str(value)}
    return urlunsplit((*parts[:3], urlencode(query), ""))


def records_of(body: bytes, url: str, recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Records as `extract` makes them, one a member of the list; raises nothing.

    `recipe` is a recipe as `Recipe.to_dict` gives it. `url` is where the list came from: what a record
    gives as its own address is joined to it. A record without an address is `broken`.
    """
    api = recipe["api"]
    document = _parsed(body)
    if document is _MISSING:
        return [_broken(url, "not JSON")]
    members = _records(document, api)
    if not members and at(document, api["records"]) != []:
        return [_broken(url, f"no list at {api['records']!r}")]
    return [_record(member, url, api) for member in members]


def _record(member: Any, url: str, api: Mapping[str, Any]) -> dict[str, Any]:
    fields = api["fields"]
    told = filled(member, fields["url"])
    address = normal(told, url) if told else ""
    if not address:
        return _broken(url, f"a record without an address at {fields['url']!r}")
    record: dict[str, Any] = {"url": address, "kind": api["kind"], "text": "", "found": ["api"]}
    for name, path in fields.items():
        texts = [] if name == "url" else said(member, path)
        texts = [plain_text(text) for text in texts] if name == "text" else texts
        value = shaped(name, texts) if texts else None
        if value is not None:
            record[name] = value
    record["origins"] = {name: "api" for name in record if name in fields and name != "url"}
    return record


def said(member: Any, path: str) -> list[str]:
    """The texts a path, a template or a value written down leads to."""
    if path.startswith("="):
        return [path[1:].strip()]
    if "{" in path:
        return [text] if (text := filled(member, path)) else []
    return _texts(at(member, path))


def filled(member: Any, template: str) -> str:
    """A path's value as text, or a template with each {path} filled in; "" where a part is missing."""
    if "{" not in template:
        told = _texts(at(member, template))
        return told[0] if told else ""
    parts = re.split(r"\{([^{}]*)\}", template)
    for i in range(1, len(parts), 2):
        told = _texts(at(member, parts[i]))
        if not told:
            return ""
        parts[i] = quote(told[0], safe=":+@!$,;=")
    return "".join(parts)


def plain_text(markup: str) -> str:
    """Paragraphs of a text that may be HTML, parted by empty lines."""
    if "<" not in markup:
        return markup
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(_BLOCKS.sub(lambda end: "\n\n" + end.group(0), markup), "lxml")
    for tag in soup(["script", "style"]):
        tag.decompose()
    paragraphs = re.split(r"\n\s*\n", soup.get_text())
    return "\n\n".join(" ".join(part.split()) for part in paragraphs if part.strip())


def _texts(value: Any) -> list[str]:
    """Scalars as text; of a list each of its own. Whole objects have no text."""
    if isinstance(value, list):
        return [text for member in value for text in _texts(member)]
    if isinstance(value, bool) or value is None or isinstance(value, Mapping):
        return []
    text = str(value).strip()
    return [text] if text else []


def _records(document: Any, api: Mapping[str, Any]) -> list[Any]:
    members = at(document, api["records"])
    return [member for member in members if isinstance(member, Mapping)] if isinstance(members, list) else []


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _MISSING


def _broken(url: str, problem: str) -> dict[str, Any]:
    return {"url": url, "kind": "broken", "problem": problem, "text": "", "found": []}
