"""What a crawl asks for next: addresses in one spelling, the rules of a recipe, and lists of addresses.

    <urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
      <url><loc>https://learn.example.org/courses/statistics/</loc><lastmod>2026-05-04</lastmod></url>
    </urlset>

A sitemap, an RSS or an Atom feed is known by its root element, not by its name or content type.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Self
from urllib.parse import urljoin, urlsplit, urlunsplit

MOST_CHARACTERS = 2000  # of an address; longer ones are traps, and no index holds them
# two kinds of errors, as the spider says them and the report counts them
FORBIDDEN = "forbidden by robots.txt"
PRIVATE = "private address"
_PORTS = {"http": 80, "https": 443}
_LISTS = {"urlset": "loc", "sitemapindex": "loc", "rss": "link", "RDF": "link", "feed": "link"}
_ENTRIES = {"url", "sitemap", "item", "entry"}


def normal(url: str, base: str = "") -> str:
    """The address in one spelling, without its fragment; "" where a crawl cannot ask for it.

    >>> normal("../b c#top", "HTTP://Learn.example.org:80/a/")
    'http://learn.example.org/b%20c'
    >>> normal("mailto:somebody@example.org"), normal("https://me:word@example.org/")
    ('', '')
    """
    from w3lib.url import safe_url_string

    try:
        parts = urlsplit(safe_url_string(urljoin(base, url.strip())))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc:
        return ""
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS[parts.scheme]:
        place += f":{port}"
    whole = urlunsplit((parts.scheme, place, parts.path or "/", parts.query, ""))
    return whole if len(whole) <= MOST_CHARACTERS else ""


def place_of(url: str) -> tuple[str, int]:
    """Host and port; http and https on their default ports are one place."""
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme, 0)
    return (parts.hostname or "").lower(), 443 if port == 80 else port


@dataclass(frozen=True)
class Rules:
    """Which addresses a crawl asks for (`wanted`), and which of them it lands (`lands`).

    `allow`: patterns of pages to follow links from; None allows all. `items`: patterns of pages to land;
    None lands all. `deny` has the last word. Patterns are searched for in the whole address.
    """

    places: frozenset[tuple[str, int]]
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    items: tuple[str, ...] | None = None
    max_depth: int = 5
    api: Mapping[str, Any] = field(default_factory=dict)

    def on_site(self, url: str) -> bool:
        try:
            return "@" not in urlsplit(url).netloc and place_of(url) in self.places
        except ValueError:  # brackets or a port that are none
            return False

    def wanted(self, url: str) -> bool:
        """A link to this address is followed (it is on the site already)."""
        if _any(self.deny, url):
            return False
        return (self.allow is None or _any(self.allow, url)) or (
            self.items is not None and _any(self.items, url)
        )

    def asked(self, url: str) -> bool:
        """Whether an address that a list or an API gives out on purpose is asked for."""
        return not _any(self.deny, url)

    def lands(self, url: str) -> bool:
        return self.items is None or _any(self.items, url)

    def to_dict(self) -> dict[str, Any]:
        return {
            "places": sorted(self.places),
            "allow": self.allow,
            "deny": self.deny,
            "items": self.items,
            "max_depth": self.max_depth,
            "api": dict(self.api),
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Self:
        return cls(
            places=frozenset((host, int(port)) for host, port in told["places"]),
            allow=None if told["allow"] is None else tuple(told["allow"]),
            deny=tuple(told["deny"]),
            items=None if told["items"] is None else tuple(told["items"]),
            max_depth=int(told["max_depth"]),
            api=told["api"],
        )


def _any(patterns: Sequence[str], url: str) -> bool:
    return any(re.search(pattern, url) for pattern in patterns)


def listed(body: bytes, base: str) -> tuple[str, list[str]] | None:
    """(root element, addresses in their order) of a sitemap or feed; None where the body is neither.

    A list that is cut short or broken in the middle gives what can be read of it.
    """
    from lxml import etree

    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") or b"<!ENTITY" in body[:4096]:
        return None  # entities have no use in a list, but to swell it
    found: list[str] = []
    root = ""
    try:
        for event, element in etree.iterparse(
            BytesIO(body),
            events=("start", "end"),
            recover=True,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
        ):
            name = _local(element.tag)
            if not root:
                root = name
                if root not in _LISTS:
                    return None
            if event == "end" and name in _ENTRIES:
                found.append(_address(element, _LISTS[root]))
                element.clear()
    except etree.LxmlError:
        pass  # what was read until then counts
    if not root:
        return None
    return root, [url for address in found if address and (url := normal(address, base))]


def _local(tag: Any) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _address(entry: Any, name: str) -> str:
    """The address of one entry: text in sitemaps and RSS, the alternate link in Atom."""
    for child in entry:
        if _local(child.tag) == name:
            if child.get("href") and child.get("rel", "alternate") == "alternate":
                return str(child.get("href"))
            if child.text and child.text.strip():
                return str(child.text).strip()
    return ""
