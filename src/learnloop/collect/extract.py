"""The bytes of a page in, raw records out: what its author said about it, and its main text, unchanged.

A record (keys that the page does not fill are absent, except url, kind, text, found and origins):

    {"url": "http://…/courses/statistics/mean.html", "kind": "lesson", "title": "Mean and Median",
     "abstract": "…", "language": "en", "duration": "PT12M", "level": "beginner", "licence": "https://…",
     "position": "3", "parent_urls": ["/courses/statistics/"], "teaches": [{"code": "mean", "name": "Mean"}],
     "requires": [{"code": "table", "name": "Reading a table"}], "provider": "A school",
     "price": [{"amount": "49.90", "currency": "EUR"}],
     "questions": [{"text": "What is …?", "answer": "4", "options": ["3", "4"]}],
     "text": "The mean is …\\n\\nThe median …", "found": ["json-ld", "microdata", "head", "article"],
     "origins": {"title": "json-ld", "licence": "microdata", "text": "article", …}}

kind is course or lesson where the page says so, page where it does not, and broken, with `problem`,
where nothing can be read. Each field is taken from the first of these that fills it: JSON-LD, microdata,
RDFa, Open Graph, the selectors of a recipe, the head (<title>, <meta>, <html lang>, licence links), and the
text from a selector, the one <article>, trafilatura or <main>. `broken_json_ld`, `broken_microdata`,
`broken_rdfa` and `broken_open_graph` count what could not be read (JSON-LD: its blocks).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from learnloop.collect import embedded, mainmatter, structured
from learnloop.collect.hidden import drop_hidden
from learnloop.collect.selectors import check_selectors, select
from learnloop.collect.vocabularies import PART, Node

__all__ = ["check_selectors", "decode", "extract"]

HTML_TYPES = ("text/html", "application/xhtml+xml", "")
Thing = dict[str, Node]  # one course or lesson: syntax -> its node
# Where nothing on the page is a course or lesson, a work that it is about still has title and licence
_WORKS = {"Article", "BlogPosting", "Book", "Chapter", "CreativeWork", "NewsArticle", "ScholarlyArticle"}
_WORKS |= {"TechArticle", "VideoObject"}
_FIELDS_OF_WORKS = (
    "title",
    "abstract",
    "description",
    "language",
    "licence",
    "modified",
    "provider",
    "price",
)


def extract(
    body: bytes, url: str, content_type: str, status: int = 200, selectors: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """At least one record a page; several where it describes several things.

    selectors: a recipe's, field -> CSS selector. Raises BadInput for those that `check_selectors` refuses,
    and nothing for any page.
    """
    problem = _problem(body, content_type, status)
    if problem:
        return [{"url": url, "kind": "broken", "problem": problem, "text": "", "found": []}]
    from bs4 import BeautifulSoup

    html = decode(body, content_type)
    soup = BeautifulSoup(html, "lxml")
    blocks = [tag.get_text() for tag in soup.find_all("script", type=_JSON_LD)]
    nodes, unreadable = structured.parse_blocks(blocks)
    besides = embedded.read(html, url)
    said = {"json-ld": nodes, "microdata": besides.microdata, "rdfa": besides.rdfa}
    chosen = select(soup, selectors or {})  # a person chose them: an answer may wait behind a button
    if drop_hidden(soup):
        html = str(soup)
        chosen |= select(soup, {"text": selectors["text"]}) if selectors and "text" in selectors else {}
    kind = chosen.pop("kind", "page")
    fallbacks = [("opengraph", besides.open_graph), ("css", chosen), ("head", mainmatter.head(soup))]
    if "text" not in chosen:
        text, text_from = mainmatter.main_text(soup, html, url)
        fallbacks.append((text_from, {"text": text} if text else {}))
    common: dict[str, Any] = {"url": url, "link_share": f"{mainmatter.link_share(soup):.3f}"}
    broken = {"json_ld": str(unreadable) if unreadable else "", **dict.fromkeys(besides.broken, "1")}
    common |= {f"broken_{syntax}": count for syntax, count in broken.items() if count}

    described = {syntax: _with_parts(_about_this_page(found, url)) for syntax, found in said.items()}
    things = _things(described, url)
    if things:
        return [common | _merged(_sources(thing), fallbacks) | {"kind": _kind(thing)} for thing in things]
    types = sorted(set().union(*(structured.types_of(node) for found in said.values() for node in found)))
    works = [(syntax, _work(found)) for syntax, found in said.items()]
    return [common | _merged(works, fallbacks) | {"kind": kind, "types": types}]


_JSON_LD = re.compile(r"^\s*application/ld\+json", re.IGNORECASE)


def _problem(body: bytes, content_type: str, status: int) -> str:
    """Why the page cannot be read at all, or ""."""
    if status != 200:
        return f"the server answered {status}"
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in HTML_TYPES:
        return f"not HTML but {kind}"
    if not body.strip():
        return "empty page"
    wide = body.startswith((b"\xff\xfe", b"\xfe\xff"))  # UTF-16 is full of zeros
    if not wide and b"\x00" in body[:4096]:
        return "not text"
    return ""


# --- which nodes describe this page


def _about_this_page(nodes: Iterable[Node], url: str) -> list[Node]:
    """Learning nodes that describe this page, not the pages a catalogue lists, nor parts of one another.

    The only one on a page is taken as meant, whatever address it gives; of several, those that give
    none or this page's path.
    """
    learning = _learning(nodes)
    if len(learning) <= 1:
        return learning
    near = [node for node in learning if not _is_elsewhere(node, url)]
    # a part that gives this page's address is what the page is about, and not only a part
    wholes = [node for node in near if PART not in node or structured.node_url(node).partition("#")[0]]
    return wholes or near


def _learning(nodes: Iterable[Node]) -> list[Node]:
    """Courses and lessons at the top, or as what a page at the top is mainly about."""
    found: list[Node] = []
    for node in nodes:
        entity = node.get("mainEntity")
        for one in [node] if structured.kind_of(node) else entity if isinstance(entity, list) else [entity]:
            if isinstance(one, dict) and structured.kind_of(one):
                name = one.get("@id")
                if one not in found and not (name and any(name == other.get("@id") for other in found)):
                    found.append(one)
    return found


def _is_elsewhere(node: Node, url: str) -> bool:
    """Does the node give the address of another page?"""
    told = structured.node_url(node)
    try:
        return urlsplit(urljoin(url, told)).path.rstrip("/") != urlsplit(url).path.rstrip("/")
    except ValueError:  # brackets that are no IPv6 address
        return bool(told)


def _with_parts(nodes: list[Node]) -> list[Node]:
    """A quiz beside the one lesson of its page becomes a part of it, an offering one of its course."""
    for name, type_, kind in (
        ("hasPart", "Quiz", "lesson"),
        ("hasCourseInstance", "CourseInstance", "course"),
    ):
        parts = [node for node in nodes if structured.types_of(node) == {type_}]
        others = [node for node in nodes if structured.types_of(node) != {type_}]
        wholes = [node for node in others if structured.kind_of(node) == kind]
        if parts and len(wholes) == 1:
            has = wholes[0].get(name) or []
            whole = {**wholes[0], name: [*(has if isinstance(has, list) else [has]), *parts]}
            nodes = [whole if node is wholes[0] else node for node in others]
    return nodes


def _things(described: Mapping[str, list[Node]], url: str) -> list[Thing]:
    """What the syntaxes describe, the same thing in several of them once.

    One in each is the same; of several, those of one title. What only a later syntax describes, and places
    elsewhere, is a link to something else.
    """
    things: list[Thing] = []
    for syntax, nodes in described.items():
        known = list(things)
        for node in nodes:
            same = [thing for thing in known if syntax not in thing and _title(thing) == _title({"": node})]
            if not same and len(nodes) == len(known) == 1 and not _is_elsewhere(node, url):
                same = known
            if same:
                same[0][syntax] = node
            elif not known or not _is_elsewhere(node, url):
                things.append({syntax: node})
    return things


def _title(thing: Thing) -> str:
    return " ".join(structured.string(next(iter(thing.values())).get("name")).casefold().split())


def _kind(thing: Thing) -> str:
    return structured.kind_of(next(iter(thing.values())))


# --- what they say, merged by field


def _sources(thing: Thing) -> list[tuple[str, dict[str, Any]]]:
    return [(syntax, structured.record_of(node)) for syntax, node in thing.items()]


def _work(nodes: Iterable[Node]) -> dict[str, Any]:
    """The plain fields of the one work that a page is about; nothing where there are several."""
    works = [node for node in nodes if structured.types_of(node) & _WORKS]
    record = structured.record_of(works[0]) if len(works) == 1 else {}
    return {name: record[name] for name in _FIELDS_OF_WORKS if name in record}


def _merged(*groups: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """Each field from the first source that fills it; `found` names the sources that said something."""
    record: dict[str, Any] = {"text": ""}
    origins: dict[str, str] = {}
    found: list[str] = []
    for source, fields in (pair for group in groups for pair in group):
        if not fields:
            continue
        found.append(source)
        for name, value in fields.items():
            if name not in origins:
                record[name], origins[name] = value, source
    return {**record, "found": found, "origins": origins}


def decode(body: bytes, content_type: str) -> str:
    """Text of a page: byte order mark, then header, then <meta charset>, then UTF-8 or Windows-1252.

    What the declared encoding cannot read becomes U+FFFD; a wrong declaration gives mojibake, which is
    prepare's to mend.
    """
    from w3lib.encoding import html_to_unicode

    _, text = html_to_unicode(content_type, body, auto_detect_fun=_guess_encoding)
    return text


def _guess_encoding(body: bytes) -> str:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"
