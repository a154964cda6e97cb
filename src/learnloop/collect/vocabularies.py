"""The names of several vocabularies in, schema.org's short names out, and references between nodes followed.

One node as RDFa gives it, and what becomes of it (microdata and JSON-LD become the same):

    {"@id": "_:b0", "@type": ["https://schema.org/Course"],
     "https://schema.org/name": [{"@value": "Statistics"}],
     "http://purl.org/dc/terms/language": [{"@value": "en"}],
     "https://schema.org/provider": [{"@id": "_:b1"}]}

    {"@type": ["https://schema.org/Course"], "name": ["Statistics"], "inLanguage": ["en"],
     "provider": [{"@type": ["https://schema.org/Organization"], "name": ["A school"]}]}

Nothing is fetched: a context that is only an address is taken for schema.org's. What a page nests more
than LEVELS deep is dropped, so that no page can exhaust the stack of whoever reads its nodes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any

from learnloop.collect.values import is_address

Node = dict[str, Any]

LEVELS = 16  # of nesting in one node; the deepest honest one seen is 7 (Course > Quiz > Question > Answer)
HOPS = 4  # references followed from one node
_PLACE_HOPS = 2  # references followed to tell where on the page a value stands
_MOST_WORDS = 500  # texts looked for to tell it
PART = "@part"
EXPANSIONS = 5_000  # references followed on one page: shared parts could multiply without end

_SCHEMA: tuple[str, ...] = (
    "http://schema.org/",
    "https://schema.org/",
    "http://www.schema.org/",
    "https://www.schema.org/",
)
_SCHEMA += ("schema:", "http://purl.org/dcx/lrmi-terms/", "lrmi:")  # LRMI's names became schema.org's
_DUBLIN_CORE = ("http://purl.org/dc/terms/", "http://purl.org/dc/elements/1.1/", "dcterms:", "dc:")
_DUBLIN_CORE_NAMES = {
    "title": "name",
    "language": "inLanguage",
    "subject": "about",
    "educationLevel": "educationalLevel",
    "modified": "dateModified",
    "issued": "datePublished",
}
_SAME_NAMES = {"abstract", "description", "license", "publisher", "isPartOf", "hasPart"}
_LICENCES = {"http://creativecommons.org/ns#license", "cc:license"}
_LICENCES |= {"http://www.w3.org/1999/xhtml/vocab#license", "xhv:license"}


def short_name(name: str) -> str:
    """schema.org's name of a property; a name of a vocabulary we do not know stays as it is.

    >>> short_name("https://schema.org/teaches"), short_name("dc:title"), short_name("foaf:name")
    ('teaches', 'name', 'foaf:name')
    """
    if name in _LICENCES:
        return "license"
    for prefix in _SCHEMA:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    for prefix in _DUBLIN_CORE:
        if name.startswith(prefix):
            term = name.removeprefix(prefix)
            return term if term in _SAME_NAMES else _DUBLIN_CORE_NAMES.get(term, name)
    return name


def plain(value: Any, aliases: Mapping[str, str] | None = None, level: int = 0) -> Any:
    """`value` (JSON-LD, read) with short names, contexts applied, @list, @set and @value unwrapped.

    aliases: what contexts further up call things ({"type": "@type", "titel": "http://schema.org/name"}).
    """
    if level > LEVELS:
        return None
    if isinstance(value, list):
        return [plain(member, aliases, level + 1) for member in value]
    if not isinstance(value, dict):
        return value
    known: dict[str, str] = {**(aliases or {}), **_aliases(value.get("@context"))}
    for wrapper in ("@list", "@set", "@value"):
        if wrapper in value:
            return plain(value[wrapper], known, level + 1)
    node: Node = {}
    for key, member in value.items():
        if key == "@context":
            continue
        name = short_name(str(known.get(key, key)))
        found = plain(member, known, level + 1)
        # two names of one property ("name" and "dc:title"): the first that says something holds
        if node.get(name) in (None, "", [], {}):
            node[name] = found
    return node


def _aliases(context: Any) -> dict[str, str]:
    """Names that a context written out on the page gives to others."""
    found: dict[str, str] = {}
    for part in context if isinstance(context, list) else [context]:
        for name, meant in part.items() if isinstance(part, dict) else ():
            target = meant.get("@id") if isinstance(meant, dict) else meant
            # a prefix ("schema": "https://schema.org/") is no name; prefixes in use are known anyway
            if not name.startswith("@") and isinstance(target, str) and not target.endswith(("/", "#")):
                found[name] = target
    return found


def of_microdata(item: Mapping[str, Any], level: int = 0) -> Node:
    """A microdata item of extruct ({"type", "id", "properties"}) as a node."""
    node: Node = {"@type": item.get("type") or []}
    if item.get("id"):
        node["@id"] = item["id"]
    if "value" in item:  # an itemscope without properties: its text
        node["name"] = item["value"]
    for name, value in item.get("properties", {}).items():
        node.setdefault(short_name(name), _of_property(value, level + 1))
    return node


def _of_property(value: Any, level: int) -> Any:
    if level > LEVELS:
        return None
    if isinstance(value, list):
        return [_of_property(member, level + 1) for member in value]
    return of_microdata(value, level) if isinstance(value, dict) else value


def in_page_order(nodes: Sequence[Node], html: str) -> list[Node]:
    """Flat RDFa `nodes` with their values, which RDF does not order, ordered as they stand on the page.

    The same page gives the same result: rdflib's own order changes from run to run.
    """
    by_id = {node["@id"]: node for node in nodes if isinstance(node.get("@id"), str)}
    where = cache(html.find)

    def place(value: Any) -> tuple[int, str]:
        words = sorted(islice(_words(value, by_id, 0), _MOST_WORDS))
        found = [at for word in words if (at := where(word)) >= 0]
        return (min(found, default=len(html)), " ".join(words))

    ordered = [
        {
            name: sorted(value, key=place) if isinstance(value, list) and len(value) > 1 else value
            for name, value in node.items()
        }
        for node in nodes
    ]
    return sorted(ordered, key=place)


def _words(value: Any, by_id: Mapping[str, Node], hops: int) -> Iterable[str]:
    """Texts and addresses of a value of flat RDFa, and of what it refers to."""
    if isinstance(value, str):
        if not value.startswith("_:"):
            yield value
    elif isinstance(value, list):
        for member in value:
            yield from _words(member, by_id, hops)
    elif isinstance(value, dict):
        target = by_id.get(str(value.get("@id"))) if set(value) == {"@id"} else None
        if target is not None and hops < _PLACE_HOPS:
            value, hops = target, hops + 1
        for name, member in value.items():
            if name != "@type":
                yield from _words(member, by_id, hops)


def connect(nodes: Sequence[Node], whole: Callable[[Node], object]) -> list[Node]:
    """`nodes` with each {"@id": …} replaced by the node of that name, and without the names of blank nodes.

    References to what the page does not hold, in a circle, more than HOPS away or beyond EXPANSIONS stay
    addresses. A node that one of
    which `whole` is true refers to gets the key PART: it describes a part of that one, perhaps not the page.
    """
    by_id: dict[str, Node] = {}
    for node in _all_nodes(list(nodes)):
        name = node.get("@id")
        if isinstance(name, str) and len(node) > 1:
            by_id.setdefault(name, node)
    left = [EXPANSIONS]

    def expand(value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [expand(member, path) for member in value]
        if not isinstance(value, dict):
            return value
        name = value.get("@id")
        if isinstance(name, str):
            if len(value) == 1 and name in by_id and name not in path and len(path) <= HOPS and left[0] > 0:
                left[0] -= 1
                value = by_id[name]
            elif len(value) == 1 and (name.startswith("_:") or is_address(name)):
                return None if name.startswith("_:") else name
            path = (*path, name)
        return {
            key: expand(member, path)
            for key, member in value.items()
            if not (key == "@id" and isinstance(member, str) and member.startswith("_:"))
        }

    parts = {
        name for node in nodes if whole(node) for name in _references(list(node.values())) - {node.get("@id")}
    }
    return [expand(node, ()) | ({PART: True} if node.get("@id") in parts else {}) for node in nodes]


def _references(values: list[Any]) -> set[str]:
    return {str(node["@id"]) for node in _all_nodes(values) if len(node) == 1 and "@id" in node}


def _all_nodes(value: Any) -> Iterable[Node]:
    if isinstance(value, list):
        for member in value:
            yield from _all_nodes(member)
    elif isinstance(value, dict):
        yield value
        for member in value.values():
            yield from _all_nodes(member)
