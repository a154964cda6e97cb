"""XML of other systems, read so that it can do nothing: no DTD, no entities of its own, no outside files.

<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>     refused
"""

from typing import Any
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from learnloop.errors import BadInput
from learnloop.exchange.decoding import decoded

LIMIT = 32 << 20  # bytes of a file
_TAGS = 1_000_000  # an element costs far more memory than the four letters that make it
_DEPTH = 200
LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def parse(data: bytes, name: str, limit: int = LIMIT) -> Element:
    """The root of `data`, tags and attributes without their namespaces (xml:lang is `lang`).

    `name` is how the file is called in an error. Raises BadInput where it is not XML, too large, too deep,
    or has a DTD, which is where all attacks on readers of XML begin.
    """
    text = decoded(data, name, limit, xml=True)
    if text.count("<") > _TAGS:
        raise BadInput(f"{name} has more than {_TAGS:,} tags", "export fewer questions a file")
    try:
        root = fromstring(text, forbid_dtd=True)
    except DefusedXmlException as error:
        raise BadInput(
            f"{name} declares a DTD or entities, which are not read", "export it without"
        ) from error
    except (ParseError, ValueError) as error:
        raise BadInput(f"{name} is not XML: {error}", "export the file again") from error
    _strip_namespaces(root, name)
    return root


def _strip_namespaces(root: Element, name: str) -> None:
    level, depth = [root], 0
    while level:
        if (depth := depth + 1) > _DEPTH:
            raise BadInput(f"{name} nests deeper than {_DEPTH} elements", "look at the file")
        for element in level:
            element.tag = _local(element.tag)
            for key in [key for key in element.attrib if "}" in key]:
                element.attrib.setdefault(_local(key), element.attrib.pop(key))
        level = [child for element in level for child in element]


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def inner(element: Element) -> str:
    """What is between its tags, as HTML."""
    parts = [_escaped(element.text)]
    parts += [tostring(child, encoding="unicode", method="xml") for child in element]
    return "".join(parts)


def _escaped(text: str | None) -> str:
    return (text or "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def added(parent: Element, tag: str, text: str | None = None, **attributes: Any) -> Element:
    """A new child; attributes that are None are left out."""
    child = SubElement(
        parent, tag, {name: str(value) for name, value in attributes.items() if value is not None}
    )
    child.text = text
    return child


def written(root: Element) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode").encode()
