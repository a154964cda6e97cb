"""The text of one JSON record into values, strictly; and back into something that may be shown.

    {"actor": {"mbox": "mailto:ana@school.example"}, "actor": …}      refused: the key 'actor' twice

Python's own reader takes the last of two equal keys, NaN, and numbers beyond any float. A record that
came in so says two things at once, and which of them was meant nobody knows. It also takes characters that
no text in a database can have (NUL, half a surrogate pair) and a nesting that other code cannot walk.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from learnloop.errors import BadInput

DEEPEST = 100  # objects and arrays inside each other
LONGEST_INTEGER = 300  # digits; a float has no more than 309
LONGEST_SHOWN = 500  # characters of a rejected record that are kept
_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_OUTSIDE = re.compile(r"\w")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        known = twice if twice.isidentifier() and twice.isascii() and len(twice) <= 30 else "…"
        raise BadInput(f"the key {known!r} twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise BadInput(f"{name}, which is no number of JSON")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BadInput("a number beyond 1e308")
    return number


def _integer(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise BadInput("a number beyond 1e308")
    return int(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_no_number, parse_float=_float, parse_int=_integer
)


def parsed(text: str) -> Any:
    """The value of a JSON text. Raises BadInput, saying what is wrong without quoting the text.

    >>> parsed('{"a": [1, 2]}')
    {'a': [1, 2]}
    """
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"not JSON: {error.msg.rstrip(':').removesuffix(' starting at')}") from error
    except RecursionError as error:
        raise BadInput(f"nested more than {DEEPEST} deep") from error
    suspect = _ESCAPED.search(text) is not None
    if suspect or text.count("{") + text.count("[") > DEEPEST:
        _walk(value, suspect)
    return value


def _walk(value: Any, suspect: bool) -> None:
    """Raises BadInput for what nests too deep and, where `suspect`, for a text that cannot be stored."""
    level, depth = [value], 0
    while level:
        if depth > DEEPEST:
            raise BadInput(f"nested more than {DEEPEST} deep")
        if suspect and any(isinstance(part, str) and _NO_TEXT.search(part) for part in level):
            raise BadInput("NUL character, or half a character")
        keys = [key for part in level if isinstance(part, dict) for key in part]
        if suspect and any(map(_NO_TEXT.search, keys)):
            raise BadInput("NUL character, or half a character")
        inside = [
            part.values() if isinstance(part, dict) else part
            for part in level
            if isinstance(part, dict | list)
        ]
        level, depth = [part for parts in inside for part in parts], depth + 1


def strings(value: Any) -> Iterator[str]:
    """Every string and number in a value, as text: keys are names, not values."""
    if isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def without(text: str, secrets: Iterable[str]) -> str:
    """`text` with every one of `secrets` in it, as a word of its own, replaced.

    >>> without("https://lms.example/u/ana/q/1", ["ana"])
    'https://lms.example/u/…/q/1'
    """
    for secret in sorted({secret for secret in secrets if secret.strip()}, key=len, reverse=True):
        if secret in text:
            text = re.sub(rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])", "…", text)
    return text


def blanked(text: str) -> str:
    """Letters and digits as x: the shape shows the fault, and nobody is named. Cut after LONGEST_SHOWN."""
    return _OUTSIDE.sub("x", text[:LONGEST_SHOWN])


def shown(value: dict[str, Any]) -> str:
    """One line of JSON for a rejected row, without what is empty."""
    kept = {name: part for name, part in value.items() if part not in ("", None)}
    return json.dumps(kept, ensure_ascii=False)[:LONGEST_SHOWN]
