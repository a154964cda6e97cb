"""One node in, pages that say it in JSON-LD, microdata and RDFa out: the truth is planted once."""

import json
from collections.abc import Callable
from html import escape
from typing import Any

from learnloop.collect.extract import extract

Node = dict[str, Any]
URL = "https://school.example/courses/statistics"
HTML = "text/html; charset=utf-8"


def only(raw: bytes, url: str = URL, **options: Any) -> dict[str, Any]:
    records = extract(raw, url, HTML, **options)
    assert len(records) == 1, [record.get("title") for record in records]
    return records[0]


def page(*parts: str, head: str = "", lang: str = "") -> bytes:
    said = f' lang="{lang}"' if lang else ""
    return f"<!doctype html><html{said}><head>{head}</head><body>{''.join(parts)}</body></html>".encode()


def json_ld(*nodes: Node) -> str:
    text = json.dumps({"@context": "https://schema.org", "@graph": list(nodes)}, ensure_ascii=False).replace(
        "</", "<\\/"
    )
    return f'<script type="application/ld+json">{text}</script>'


def microdata(node: Node, prop: str = "") -> str:
    itemid = f' itemid="{escape(node["@id"])}"' if "@id" in node else ""
    inner = "".join(_values(node, "itemprop", microdata))
    return f'<div itemscope itemtype="https://schema.org/{node["@type"]}"{itemid}{prop}>{inner}</div>'


def rdfa(node: Node, prop: str = "") -> str:
    resource = f' resource="{escape(node["@id"])}"' if "@id" in node else ""
    inner = "".join(_values(node, "property", rdfa))
    return f'<div vocab="https://schema.org/" typeof="{node["@type"]}"{resource}{prop}>{inner}</div>'


def _values(node: Node, attribute: str, render: Callable[..., str]) -> list[str]:
    found = []
    for name, value in node.items():
        for one in value if isinstance(value, list) else [value]:
            prop = f' {attribute}="{name}"'
            if name.startswith("@"):
                continue
            if isinstance(one, dict):
                found.append(render(one, prop))
            elif str(one).startswith(("http://", "https://")):
                found.append(f'<a{prop} href="{escape(one)}">there</a>')
            elif name in ("inLanguage", "termCode", "alignmentType"):
                found.append(f'<meta{prop} content="{escape(str(one))}">')
            else:
                found.append(f"<p{prop}>{escape(str(one))}</p>")
    return found


SYNTAXES: dict[str, Callable[..., str]] = {"json-ld": json_ld, "microdata": microdata, "rdfa": rdfa}
