"""A page as it should be in, the same page as real sites have it out: one function a kind of mess."""

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from html.entities import codepoint2name
from typing import Any

JSON_LD = '<script type="application/ld+json">'


def as_json(data: Mapping[str, Any]) -> str:
    """For use between JSON_LD and `</script>`: no text can end the script."""
    return json.dumps(data, ensure_ascii=False).replace("</", "<\\/")


def _without(field: str, page: str) -> str:
    return _edited(page, lambda data: {name: value for name, value in data.items() if name != field})


def _without_language(page: str) -> str:
    return re.sub(r"<html lang=\"\w+\">", "<html>", _without("inLanguage", page))


def _human_duration(page: str) -> str:
    return _edited(page, lambda data: data | {"timeRequired": f"{data['timeRequired'][2:-1]} min"})


def _escaped_twice(page: str) -> str:
    """As when every letter with a name was made an entity, and the result escaped once more."""
    names = {code: f"&amp;{name};" for code, name in codepoint2name.items() if code > 127}
    return page.translate(names)


def _misread(page: str) -> str:
    """UTF-8 read as Windows-1252; the five bytes it leaves undefined become controls, as in browsers."""
    return "".join(
        bytes([byte]).decode("cp1252" if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else "latin-1")
        for byte in page.encode()
    )


def _untidy(page: str) -> str:
    head, end, body = page.partition("</head>")  # a tab within its JSON-LD would break that
    body = body.replace(". ", ".\u00a0\t ")
    return head + end + body.replace("<article>\n<p>", "<article>\n<p>&nbsp;\t <font color=red></font> ")


SPOILS: Mapping[str, Callable[[str], str]] = {
    "no duration": partial(_without, "timeRequired"),
    "no licence": partial(_without, "license"),
    "no language": _without_language,
    "wrong duration format": _human_duration,
    "entities escaped twice": _escaped_twice,
    "mojibake": _misread,
    "stray markup and spaces": _untidy,
}


def _edited(page: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> str:
    start = page.index(JSON_LD) + len(JSON_LD)
    end = page.index("</script>", start)
    return page[:start] + as_json(change(json.loads(page[start:end]))) + page[end:]
