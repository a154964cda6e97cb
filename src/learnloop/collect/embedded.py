"""HTML in, the nodes of its microdata and RDFa and the fields of its Open Graph out, through extruct.

One real page in each of the three, shortened:

    <div itemscope itemtype="https://schema.org/Course"><h1 itemprop="name">Statistics</h1></div>
    <div vocab="https://schema.org/" typeof="Course"><h1 property="name">Statistics</h1></div>
    <meta property="og:title" content="Statistics"><meta property="og:locale" content="en_GB">

A syntax whose parser fails gives nothing and says so: `broken` counts it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learnloop.collect import vocabularies
from learnloop.collect.structured import kind_of
from learnloop.collect.vocabularies import Node

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# Seen in the source before extruct is imported and the page parsed once more: most pages have neither.
_MICRODATA = re.compile(r"<[^<>]*\sitemscope[\s=>/]", re.IGNORECASE)
_RDFA = re.compile(
    r"<[^<>]*\s(?:typeof\s*=|property\s*=\s*[\"']?\s*(?:schema|lrmi|dc|dcterms|cc):)", re.IGNORECASE
)
_OPEN_GRAPH = re.compile(r"<meta\s[^<>]*property\s*=", re.IGNORECASE)
# What one page may ask of the parsers: 4,000 properties take up to 2 s, and microdata's itemref, which lets
# n items have the same m properties, took 36 s for 1,000 of each.
MAX_ATTRIBUTES = 4_000
MAX_SHARED = 20_000  # properties times the elements that itemrefs name
_ATTRIBUTE = re.compile(r"\s(?:itemprop|itemscope|property|typeof|rel)\b", re.IGNORECASE)

_ITEMREF = re.compile(r"\sitemref\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)

_GRAPH_FIELDS = {
    "title": ("og:title",),
    "description": ("og:description",),
    "language": ("og:locale",),
    "provider": ("og:site_name",),
    "modified": ("og:updated_time", "article:modified_time", "article:published_time"),
    "subject": ("article:section",),
    "og_type": ("og:type",),
}
_GRAPH_PRICES = (("og:price:amount", "og:price:currency"), ("product:price:amount", "product:price:currency"))


@dataclass
class Embedded:
    microdata: list[Node] = field(default_factory=list)
    rdfa: list[Node] = field(default_factory=list)
    open_graph: dict[str, Any] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)  # syntax -> what its parser raised


def read(html: str, url: str) -> Embedded:
    """What the three syntaxes say. Raises nothing."""
    found = Embedded()
    wanted: dict[str, tuple[re.Pattern[str], Callable[[HtmlElement, str, str], Any]]] = {
        "microdata": (_MICRODATA, _microdata),
        "rdfa": (_RDFA, _rdfa),
        "open_graph": (_OPEN_GRAPH, _open_graph),
    }
    wanted = {name: (seen, reader) for name, (seen, reader) in wanted.items() if seen.search(html)}
    if not wanted:
        return found
    tree: HtmlElement | None = None
    too_many = _too_many(html)
    for name, (_, reader) in wanted.items():
        if too_many and name != "open_graph":
            found.broken[name] = too_many
            continue
        # Other people's parsers on other people's pages: whatever they raise means the same to us, that
        # this syntax of this page cannot be read, and is counted; the other syntaxes still are.
        try:
            tree = _parse(html) if tree is None else tree
            setattr(found, name, reader(tree, url, html))
        except Exception as error:
            found.broken[name] = f"{type(error).__name__}: {error}"
    return found


def _too_many(html: str) -> str:
    """What there is too much of to be read, or ""."""
    properties = len(_ATTRIBUTE.findall(html))
    if properties > MAX_ATTRIBUTES:
        return f"more than {MAX_ATTRIBUTES} properties"
    shared = properties * sum(len(names.split()) for names in _ITEMREF.findall(html))
    return f"more than {MAX_SHARED} properties by itemref" if shared > MAX_SHARED else ""


def _parse(html: str) -> "HtmlElement":
    import lxml.html
    from extruct.xmldom import XmlDomHTMLParser

    # bytes: a str with an XML declaration is refused
    raw = html.encode("utf-8", "replace")
    tree = lxml.html.document_fromstring(raw, parser=XmlDomHTMLParser(encoding="utf-8"))
    for tag in tree.iter("time"):
        # the text of <time> is its value where it has no datetime; extruct reads the attribute alone
        if tag.get("datetime") is None and tag.get("content") is None:
            tag.set("datetime", tag.text_content().strip())
    return tree


def _microdata(tree: "HtmlElement", url: str, html: str) -> list[Node]:
    from extruct.w3cmicrodata import MicrodataExtractor

    return [vocabularies.of_microdata(item) for item in MicrodataExtractor().extract_items(tree, url)]


def _rdfa(tree: "HtmlElement", url: str, html: str) -> list[Node]:
    from extruct.rdfa import RDFaExtractor

    flat = RDFaExtractor().extract_items(tree, base_url=url)
    nodes = [vocabularies.plain(node) for node in vocabularies.in_page_order(flat, html)]
    return vocabularies.connect(nodes, kind_of)


def _open_graph(tree: "HtmlElement", url: str, html: str) -> dict[str, Any]:
    from extruct.opengraph import OpenGraphExtractor

    said: dict[str, str] = {}
    for graph in OpenGraphExtractor().extract_items(tree, url):
        for name, value in graph["properties"]:
            if value.strip():
                said.setdefault(name.strip().lower(), value)
    fields: dict[str, Any] = {
        name: next((said[one] for one in names if one in said), "") for name, names in _GRAPH_FIELDS.items()
    }
    for amount, currency in _GRAPH_PRICES:
        if amount in said and not fields.get("price"):
            fields["price"] = [
                {"amount": said[amount], **({"currency": said[currency]} if currency in said else {})}
            ]
    return {name: value for name, value in fields.items() if value}
