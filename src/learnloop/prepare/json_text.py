"""The text of one JSON record into values, strictly; and back into something that may be shown.

    {"actor": {"mbox": "mailto:ana@school.example"}, "actor": …}      refused: the key 'actor' twice

Python's own reader takes the last of two equal keys, NaN, and numbers beyond any float. A record that
came in so says two things at once, and which of them was meant nobody knows.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from learnloop.errors import BadInput

LONGEST_SHOWN = 500  # characters of a rejected record that are kept
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


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_number, parse_float=_float)


def parsed(text: str) -> Any:
    """The value of a JSON text. Raises BadInput, saying what is wrong without quoting the text.

    >>> parsed('{"a": [1, 2]}')
    {'a': [1, 2]}
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"not JSON: {error.msg.rstrip(':')}") from error
    except (ValueError, RecursionError) as error:  # more digits than Python reads; brackets without end
        raise BadInput("not JSON: a number or a nesting without end") from error


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
