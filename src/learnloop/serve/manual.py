"""The page at /docs: the API's own description as plain HTML.

FastAPI's page loads its scripts from a public server: it is blank offline, and on a page where people paste
keys nothing foreign should run. This one is written from the same OpenAPI document and runs nothing.
"""

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title} API {version}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
h2 {{ margin-top: 2.5rem; border-bottom: 2px solid #1f4e5f }} summary {{ cursor: pointer; padding: .3rem 0 }}
code, pre {{ font: 14px/1.4 ui-monospace, monospace }}
pre {{ background: #f3f6f7; padding: .8rem; overflow: auto }}
td, th {{ text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top }}
b.method {{ display: inline-block; min-width: 3.2rem; color: #1f4e5f }}
</style></head><body><h1>{title} <small>{version}</small></h1>{intro}
<p>For machines: <a href="openapi.json"><code>openapi.json</code></a></p>{body}</body></html>"""


def page(document: Mapping[str, Any], address: str) -> str:
    """HTML of an OpenAPI 3.1 `document` of an API at `address`, for its examples."""
    sections = []
    for tag in document["tags"]:
        sections.append(f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>")
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation.get("tags", ()):
                    sections.append(_operation(document, address, method, path, operation))
    info = document["info"]
    return PAGE.format(
        title=escape(info["title"]),
        version=escape(info["version"]),
        intro=_prose(info.get("description", "")),
        body="".join(sections),
    )


def _operation(
    document: Mapping[str, Any], address: str, method: str, path: str, operation: Mapping[str, Any]
) -> str:
    parts = [_prose(operation.get("description", ""))]
    if operation.get("parameters"):
        parts.append(_parameters(operation["parameters"]))
    bodies = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    sent = [example["value"] for example in bodies.get("examples", {}).values()]
    parts.append(f"<pre>{escape(_curl(address, method, path, operation, sent[:1]))}</pre>")
    parts += [f"<p>or</p><pre>{escape(json.dumps(other, indent=2))}</pre>" for other in sent[1:]]
    parts.append(_responses(document, operation["responses"]))
    head = (
        f'<b class="method">{method.upper()}</b> <code>{escape(path)}</code> – {escape(operation["summary"])}'
    )
    return f"<details><summary>{head}</summary>{''.join(parts)}</details>"


def _parameters(parameters: list[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{escape(one.get('description', ''))}</td>"
        f"<td>{'required' if one.get('required') else escape(_default(one['schema']))}</td></tr>"
        for one in parameters
    )
    return f"<table>{rows}</table>"


def _default(schema: Mapping[str, Any]) -> str:
    return f"default {schema['default']}" if schema.get("default") not in (None, "") else ""


def _curl(address: str, method: str, path: str, operation: Mapping[str, Any], sent: list[Any]) -> str:
    for one in operation.get("parameters", []):
        examples = one["schema"].get("examples") or [one["name"].upper()]
        path = path.replace("{" + one["name"] + "}", str(examples[0]))
    lines = [f"curl {'-X ' + method.upper() + ' ' if method != 'get' else ''}'{address}{path}'"]
    if operation.get("security"):
        lines.append("-H 'Authorization: Bearer ll_…'")
    if sent:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d '{json.dumps(sent[0], indent=2)}'")
    return " \\\n  ".join(lines)


def _responses(document: Mapping[str, Any], responses: Mapping[str, Any]) -> str:
    rows = []
    for status, response in sorted(responses.items()):
        fields = ""
        kinds = response.get("content", {}).values()
        schema: Mapping[str, Any] = next((kind["schema"] for kind in kinds if "schema" in kind), {})
        if status.startswith("2"):
            fields = _fields(document, schema)
        rows.append(f"<tr><td>{status}</td><td>{_inline(response['description'])}{fields}</td></tr>")
    return f"<table>{''.join(rows)}</table>"


def _fields(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The fields of an answer, those of nested objects below them."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found = document["components"]["schemas"].get(name, {}).get("properties", {})
    rows = []
    for field, about in found.items():
        inner = _fields(document, about.get("items", about))
        rows.append(f"<li><code>{escape(field)}</code> {_inline(about.get('description', ''))}{inner}</li>")
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def _prose(text: str) -> str:
    """Paragraphs, `code` and **bold** of a docstring; everything else as it stands."""
    return "".join(f"<p>{part}</p>" for part in _inline(text.strip()).split("\n\n") if part)


def _inline(text: str) -> str:
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", marked)
