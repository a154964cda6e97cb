"""CSS selectors of a recipe and a page in, the fields that they find out, not cleaned.

One recipe's selectors:

    title = "h1.course-title"              the text of the first element that matches
    level = "meta[name=level]@content"     an attribute of it
    requires = "ul.prereqs li"             every match: teaches, about, requires and their like are lists
    text = "div.lesson-body"               the paragraphs within
    is_course = "body.course-home"         a match says what the page is, where structured data does not
    provider = "=Example Open Courses"     no selector but the value itself
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from learnloop.collect import mainmatter
from learnloop.collect.values import prerequisites, terms
from learnloop.errors import BadInput

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import Tag

TEXTS: tuple[str, ...] = ("title", "abstract", "description", "language", "duration", "level", "licence")
TEXTS += ("position", "subject", "modified", "provider", "age_range", "credential", "text")
LISTS: Mapping[str, Callable[[Sequence[str]], list[Any]]] = {
    "teaches": lambda texts: terms(list(texts)),
    "assesses": lambda texts: terms(list(texts)),
    "about": lambda texts: terms(list(texts)),
    "requires": lambda texts: prerequisites(list(texts)),
    "price": lambda texts: [{"amount": text} for text in texts],
    "workload": list,
    "resource_types": list,
    "educational_use": list,
    "parent_urls": list,
    "part_urls": list,
}
_ADDRESSES = ("parent_urls", "part_urls", "licence")
KINDS = {"is_course": "course", "is_lesson": "lesson"}
FIELDS = (*TEXTS, *LISTS, *KINDS)
_ATTRIBUTE = re.compile(r"@([A-Za-z_][\w:.-]*)\s*$")


def check_selectors(selectors: Mapping[str, Any]) -> None:
    """Raises BadInput, naming the field, where one is unknown or its selector cannot be read."""
    for field, selector in selectors.items():
        if field not in FIELDS:
            raise BadInput(f"unknown field {field!r}", f"use one of: {', '.join(FIELDS)}", field=field)
        if not isinstance(selector, str) or not selector.strip(" ="):
            raise BadInput(
                f"{field}: a CSS selector is a text, not {selector!r}", f'{field} = "h1.title"', field=field
            )
        if selector.startswith("="):
            continue
        import soupsieve

        try:
            soupsieve.compile(_parted(selector)[0])
        except (soupsieve.SelectorSyntaxError, NotImplementedError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise BadInput(
                f"{field}: {selector!r} is no CSS selector: {first}",
                'write it as in a style sheet, with @attribute at the end where wanted: "a.licence@href"',
                field=field,
            ) from error


def shaped(field: str, texts: Sequence[str]) -> Any:
    """What a record holds under `field` where `texts` were found for it: a str, or a list; None for nothing.

    Also for what comes from elsewhere than a page, a JSON API say. Raises BadInput for an unknown field.

    >>> shaped("teaches", ["Mean"]), shaped("title", [" ", "Statistics", "x"]), shaped("title", [])
    ([{'code': '', 'name': 'Mean'}], 'Statistics', None)
    """
    if field not in FIELDS or field in KINDS:
        check_selectors({field: ""})
    told = [text for text in texts if text.strip()]
    if not told:
        return None
    return LISTS[field](told) if field in LISTS else told[0]


def select(soup: "BeautifulSoup", selectors: Mapping[str, str]) -> dict[str, Any]:
    """Fields of a record that the selectors find; `kind` where one of is_course, is_lesson matches.

    Raises BadInput as `check_selectors` does.
    """
    check_selectors(selectors)
    found: dict[str, Any] = {}
    for field, selector in selectors.items():
        if field in KINDS:
            if "kind" not in found and (selector.startswith("=") or soup.select_one(_parted(selector)[0])):
                found["kind"] = KINDS[field]
            continue
        value = shaped(field, _texts(soup, field, selector))
        if value is not None:
            found[field] = value
    return found


def _texts(soup: "BeautifulSoup", field: str, selector: str) -> list[str]:
    if selector.startswith("="):
        return [selector[1:].strip()]
    css, attribute = _parted(selector)
    matches = soup.select(css)
    if attribute:
        return [
            " ".join(value) if isinstance(value := tag.get(attribute), list) else value or ""
            for tag in matches
        ]
    if field == "text":
        return ["\n\n".join(filter(None, (_body(tag) for tag in matches)))]
    if field in _ADDRESSES:  # a link without @href means its address
        return [str(tag.get("href") or tag.get_text()) for tag in matches]
    return [_said(tag) for tag in matches]


def _said(tag: "Tag") -> str:
    """The content of <meta>, else the text."""
    return str(tag.get("content") or "") if tag.name == "meta" else tag.get_text(" ", strip=True)


def _body(tag: "Tag") -> str:
    return mainmatter.paragraphs(tag) or tag.get_text(" ", strip=True)


def _parted(selector: str) -> tuple[str, str]:
    """(CSS, attribute or "") of `a.licence@href`.

    >>> _parted("a[title='x@y']"), _parted("meta[name=level]@content")
    (("a[title='x@y']", ''), ('meta[name=level]', 'content'))
    """
    match = _ATTRIBUTE.search(selector)
    return (selector[: match.start()], match[1]) if match else (selector, "")
