"""One answer of a server in: what is landed of it, what it says of itself, and the addresses it gives out.

    {"status": 200, "etag": '"5f3a"', "last_modified": "", "page": {"url": …, "body": "<base64>", …},
     "found": [["https://learn.example.org/courses/mean", 1, 0]], "off_site": ["https://elsewhere.org/"]}

found: address, links away from a start, redirects that led there.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scrapy.http import HtmlResponse, Response
from scrapy.linkextractors import LinkExtractor

from learnloop.collect import json_api
from learnloop.collect.follow import MOST_CHARACTERS, Rules, listed, normal

MOVED = (301, 302, 303, 307, 308)
MOST_HOPS = 5  # redirects in a row
MOST_UNPACKED = 10 * 2**20  # bytes of a packed sitemap
_LINKS = LinkExtractor()
Found = list[tuple[str, int, int]]


@dataclass(frozen=True)
class Asked:
    """A schemas.Target on this side of the pipe, where pandas need not be imported for it."""

    url: str
    depth: int
    hops: int
    etag: str
    last_modified: str


def read(response: Response, target: Asked, rules: Rules) -> dict[str, Any]:
    """The parts of a schemas.Answer to `target`, as JSON has them, and `off_site`: addresses not followed."""
    answer: dict[str, Any] = {"status": response.status, "off_site": []}
    if response.status == 304:
        return answer | _validators(response)
    location = _header(response, "Location")
    if response.status in MOVED and location:
        return answer | _moved(response, location, target, rules)
    answer["page"] = _page(response, target)
    if response.status != 200:
        return answer if rules.lands(target.url) else answer | {"page": None}
    answer |= _validators(response)
    found, off_site, is_list = _addresses(response, target, rules)
    if is_list or not (rules.lands(target.url) or (rules.api and _is_json(response))):
        answer["page"] = None
    return answer | {"found": found, "off_site": off_site}


def _moved(response: Response, location: str, target: Asked, rules: Rules) -> dict[str, Any]:
    """A redirect leads to an address of its own, which is asked for once however many lead there."""
    url = normal(location, response.url)
    if not rules.on_site(url):
        return {"off_site": [url or location]}
    if target.hops >= MOST_HOPS:
        return {"error": "too many redirects"}
    return {"found": [(url, target.depth, target.hops + 1)] if rules.asked(url) else []}


def _addresses(response: Response, target: Asked, rules: Rules) -> tuple[Found, list[str], bool]:
    """(what to ask for next, what is off the site, whether this is a sitemap or feed)."""
    if rules.api and _is_json(response):
        following, pages = json_api.further(response.body, response.url, rules.api)
        # the next page of the list comes after the pages of this one
        more, off_site = _sift(following, min(target.depth + 1, rules.max_depth), rules, always=True)
        found, beside = _sift(pages, target.depth, rules, always=True)
        return [*found, *more], [*off_site, *beside], False
    entries = listed(_unpacked(response), response.url)  # first: some are sent as text/html
    if entries is None:
        if isinstance(response, HtmlResponse):
            return *_sift(_links(response), target.depth + 1, rules), False
        return [], [], False
    root, urls = entries
    # pages of a list are where a crawl starts; a further list waits until the pages of the last are done
    depth = min(1, rules.max_depth) if root == "sitemapindex" else 0
    return *_sift(urls, depth, rules, always=root == "sitemapindex"), True


def _sift(urls: list[str], depth: int, rules: Rules, always: bool = False) -> tuple[Found, list[str]]:
    """always: what an API gives out is meant, whatever the patterns for links say, unless denied."""
    on_site = {url: rules.on_site(url) for url in urls}
    wanted = rules.asked if always else rules.wanted
    found: Found = [
        (url, depth, 0) for url, here in on_site.items() if here and depth <= rules.max_depth and wanted(url)
    ]
    return found, [url for url, here in on_site.items() if not here]


def _links(response: HtmlResponse) -> list[str]:
    """Links of a page, in its order. What the page or a link asks not to follow is not followed."""
    robots = " ".join(
        [*response.xpath("//meta[@name='robots']/@content").getall(), _header(response, "X-Robots-Tag")]
    ).lower()
    if "nofollow" in robots or "none" in robots.replace(",", " ").split():
        return []
    links = [link.url for link in _LINKS.extract_links(response) if not link.nofollow]
    return [normal(url) or url for url in links if len(url) <= MOST_CHARACTERS]


def _page(response: Response, target: Asked) -> dict[str, Any]:
    return {
        "url": target.url,
        "status": response.status,
        "content_type": _header(response, "Content-Type"),
        "headers": {
            name.decode("latin-1"): b", ".join(values).decode("latin-1")
            for name, values in response.headers.items()
        },
        "body": base64.b64encode(response.body).decode("ascii"),
        "fetched_at": datetime.now(UTC).isoformat(),
    }


def _validators(response: Response) -> dict[str, str]:
    """What the next crawl may ask by; one that is no plain text could not be sent back."""
    told = {"etag": _header(response, "ETag"), "last_modified": _header(response, "Last-Modified")}
    return {name: value for name, value in told.items() if value.isascii() and value.isprintable()}


def _is_json(response: Response) -> bool:
    kind = _header(response, "Content-Type").partition(";")[0].strip().lower()
    return kind.endswith(("/json", "+json"))


def _unpacked(response: Response) -> bytes:
    """A sitemap may be a gzip file; one that unpacks to too much is no sitemap."""
    from scrapy.utils.gz import gunzip

    if not response.body.startswith(b"\x1f\x8b"):
        return response.body
    try:
        return gunzip(response.body, max_size=MOST_UNPACKED)
    except (OSError, EOFError, ValueError):
        return b""


def _header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1").strip()
