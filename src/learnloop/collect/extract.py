"""The bytes of a page in, raw records out: what its author said about it, and its main text, unchanged.

A record (keys that the page does not fill are absent, except url, kind, text and found):

    {"url": "http://…/courses/statistics/mean.html", "kind": "lesson", "title": "Mean and Median",
     "abstract": "…", "language": "en", "duration": "PT12M", "level": "beginner", "licence": "https://…",
     "position": "3", "parent_urls": ["/courses/statistics/"], "teaches": [{"code": "mean", "name": "Mean"}],
     "requires": [{"code": "table", "name": "Reading a table"}],
     "questions": [{"text": "What is …?", "answer": "4", "options": ["3", "4"]}],
     "text": "The mean is …\\n\\nThe median …", "found": ["json-ld", "head", "article"]}

kind is course or lesson where the page says so, page where it does not, and broken, with `problem`,
where nothing can be read. JSON-LD comes first; what it leaves open the head fills.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from learnloop.collect import mainmatter, structured

HTML_TYPES = ("text/html", "application/xhtml+xml", "")


def extract(body: bytes, url: str, content_type: str, status: int = 200) -> list[dict[str, Any]]:
    """At least one record a page; several where its JSON-LD describes several things. Raises nothing."""
    problem = _problem(body, content_type, status)
    if problem:
        return [{"url": url, "kind": "broken", "problem": problem, "text": "", "found": []}]
    from bs4 import BeautifulSoup

    html = decode(body, content_type)
    soup = BeautifulSoup(html, "lxml")
    blocks = [tag.get_text() for tag in soup.find_all("script", type=_JSON_LD)]
    nodes, unreadable = structured.parse_blocks(blocks)
    head = mainmatter.head(soup)
    text, text_from = mainmatter.main_text(soup, html, url)
    found = [*(["head"] if head else []), *([text_from] if text_from else [])]
    common = {**head, "url": url, "text": text, "link_share": f"{mainmatter.link_share(soup):.3f}"}
    if unreadable:
        common["broken_json_ld"] = str(unreadable)
    records = [
        {
            **common,
            **structured.record_of(node),
            "kind": structured.kind_of(node),
            "found": ["json-ld", *found],
        }
        for node in _with_quizzes(_about_this_page(nodes, url))
    ]
    if records:
        return records
    types = sorted(set().union(*(structured.types_of(node) for node in nodes)))
    return [{**common, "kind": "page", "types": types, "found": found}]


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


def _about_this_page(nodes: list[dict[str, Any]], url: str) -> list[dict[str, Any]]:
    """Learning nodes that describe this page, not the pages a catalogue lists.

    The only one on a page is taken as meant, whatever address it gives; of several, those that give
    none or this page's path.
    """
    learning = [node for node in nodes if structured.kind_of(node)]
    if len(learning) <= 1:
        return learning
    here = urlsplit(url).path.rstrip("/")
    return [
        node
        for node in learning
        if not (told := structured.node_url(node)) or urlsplit(told).path.rstrip("/") == here
    ]


def _with_quizzes(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A quiz that stands beside the one lesson of its page becomes a part of that lesson."""
    quizzes = [node for node in nodes if structured.types_of(node) == {"Quiz"}]
    others = [node for node in nodes if structured.types_of(node) != {"Quiz"}]
    lessons = [node for node in others if structured.kind_of(node) == "lesson"]
    if not quizzes or len(lessons) != 1:
        return nodes
    parts = lessons[0].get("hasPart") or []
    merged = {**lessons[0], "hasPart": [*(parts if isinstance(parts, list) else [parts]), *quizzes]}
    return [merged if node is lessons[0] else node for node in others]


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
