"""Addresses in, keys of items out: `http://…/courses/python/loops.html` is `courses/python/loops`."""

import re
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

_EXTENSION = re.compile(r"\.(?:x?html?|php\d?|aspx?|jsp)$", re.IGNORECASE)
_INDEX = re.compile(r"(?:^|/)(?:index|default)$", re.IGNORECASE)
_TRACKING = re.compile(r"^(?:utm_\w+|fbclid|gclid|mc_[ce]id|ref)$", re.IGNORECASE)
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f]+")


def item_key(url: str) -> str:
    """Path without leading slash, extension and index page; a query stays, tracking marks apart.

    >>> item_key("http://example.org/courses/python/index.html"), item_key("/courses/python/loops.html?id=7")
    ('courses/python', 'courses/python/loops?id=7')
    """
    parts = urlsplit(url)
    path = _INDEX.sub("", _EXTENSION.sub("", unquote(parts.path).strip("/")))
    query = "&".join(
        f"{name}={value}" for name, value in parse_qsl(parts.query, True) if not _TRACKING.match(name)
    )
    key = (path or "index") + (f"?{query}" if query else "")
    return _UNFIT.sub("_", key)


def key_from(page_url: str, link: str) -> str:
    """The key of `link` as it stands on `page_url`; "" where it is no address.

    >>> key_from("http://example.org/courses/python/loops.html", "../statistics/")
    'courses/statistics'
    """
    try:
        return item_key(urljoin(page_url, link.strip()))
    except ValueError:  # brackets that are no IPv6 address
        return ""


def folders(key: str) -> list[str]:
    """Folders above a key, the nearest first: candidates for its course.

    >>> folders("courses/python/loops")
    ['courses/python', 'courses']
    """
    parts = key.partition("?")[0].split("/")
    return ["/".join(parts[:n]) for n in range(len(parts) - 1, 0, -1)]
