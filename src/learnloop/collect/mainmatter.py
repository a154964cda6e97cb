"""The DOM of a page in, its main text and what its head says about it out, as they were found."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import Tag

BLOCKS = ("p", "pre", "li", "blockquote", "dd")
BESIDES = ("nav", "footer", "aside", "header", "form", "fieldset", "button", "script", "style", "template")
# class or id of what stands within an article and is not its text
_NOT_TEXT = re.compile(
    r"\b(?:quiz|exercises?|questions?|comments?|breadcrumbs?|share|related|pager|pagination)\b", re.IGNORECASE
)
_HEAD = {
    "description": ("og:description", "description", "twitter:description"),
    "modified": ("article:modified_time", "article:published_time", "date", "last-modified"),
    "og_type": ("og:type",),
}


def main_text(soup: "BeautifulSoup", html: str, url: str) -> tuple[str, str]:
    """(text, from): paragraphs joined by blank lines, and which of article, trafilatura, main gave them.

    An author who marks the one <article> of a page has said what its text is; only where nobody did is
    it worked out, by trafilatura, and where that finds nothing, from <main>.
    """
    articles = soup.find_all("article")
    if len(articles) == 1 and (text := paragraphs(articles[0])):
        return text, "article"
    import trafilatura  # a second to import, and many sites do not need it

    found = trafilatura.extract(html, url=url, include_comments=False, include_tables=False)
    if found and found.strip():
        return re.sub(r"\n+", "\n\n", found.strip()), "trafilatura"
    main = soup.find("main")
    if main is not None and (text := paragraphs(main)):
        return text, "main"
    return "", ""


def paragraphs(root: "Tag") -> str:
    """Text of the innermost blocks under `root`, in order, without what stands beside the text."""
    found = root.find_all(BLOCKS)
    holds, beside = _above(found, root), {id(root): False}
    blocks = [block for block in found if id(block) not in holds and not _is_beside(block, beside)]
    return "\n\n".join(text for block in blocks if (text := block.get_text().strip()))


def _above(blocks: Iterable["Tag"], root: "Tag") -> set[int]:
    """The ids of all elements under `root` that hold one of `blocks`; each is come by once, however deep."""
    found = {id(root)}
    for block in blocks:
        for parent in block.parents:
            if id(parent) in found:
                break
            found.add(id(parent))
    return found


def _is_beside(block: "Tag", known: dict[int, bool]) -> bool:
    """known: of elements by their id, the root's among them; what is found out on the way up is added, for a
    thousand paragraphs share what is above them."""
    above: list[int] = []
    found = False
    for parent in (block, *block.parents):
        if id(parent) in known:
            found = known[id(parent)]
            break
        above.append(id(parent))
        if parent.name in BESIDES or _NOT_TEXT.search(" ".join(_names(parent))):
            found = True
            break
    known.update(dict.fromkeys(above, found))
    return found


def _names(tag: "Tag") -> Iterator[str]:
    for attribute in ("class", "id"):
        value = tag.get(attribute)
        yield from value if isinstance(value, list) else [value] if value else []


def link_share(soup: "BeautifulSoup") -> float:
    """Share of the visible characters of <main> (or <body>) that are links: high on lists of pages."""
    root = soup.find("main") or soup.body or soup
    everything = len(" ".join(root.get_text(" ").split()))
    linked = sum(len(" ".join(link.get_text(" ").split())) for link in root.find_all("a"))
    return min(1.0, linked / everything) if everything else 0.0


def head(soup: "BeautifulSoup") -> dict[str, str]:
    """Open Graph, meta, <title>, <h1>, <html lang> and links, by the names of our records."""
    meta: dict[str, str] = {}
    for tag in soup.find_all("meta"):
        name = tag.get("property") or tag.get("name") or tag.get("http-equiv")
        content = tag.get("content")
        if isinstance(name, str) and isinstance(content, str) and content.strip():
            meta.setdefault(name.lower(), content)
    record = {
        field: next((meta[name] for name in names if name in meta), "") for field, names in _HEAD.items()
    }
    titles = [meta.get("og:title", ""), *(_tag_text(soup, name) for name in ("h1", "title"))]
    lang = soup.html.get("lang") if soup.html else None
    record["title"] = next(filter(str.strip, titles), "")
    record["language"] = (
        (lang if isinstance(lang, str) else "")
        or meta.get("content-language", "")
        or meta.get("og:locale", "")
    )
    record["licence"] = _link(soup, "license")
    record["canonical"] = _link(soup, "canonical")
    return {field: value for field, value in record.items() if value}


def _tag_text(soup: "BeautifulSoup", name: str) -> str:
    tag = soup.find(name)
    return tag.get_text() if tag else ""


def _link(soup: "BeautifulSoup", relation: str) -> str:
    for tag in soup.find_all(["link", "a"], rel=relation):
        href = tag.get("href")
        if isinstance(href, str) and href.strip():
            return href
    return ""
