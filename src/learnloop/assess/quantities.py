"""Numbers with units as learners write them, compared with a key: "9,81 m/s^2" and "9.81 m/s²" are one.

    key {"value": 9.81, "unit": "m/s²", "tolerance": 0.01}   answer "981 cm/s²" -> right
    "9.81 km/s^2" -> wrong_unit   "9.81" -> missing_unit   "8.2 m/s²" -> wrong_number

Units are pint's, looked up one name at a time: no text of a learner is ever parsed as an expression.
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from learnloop.assess.words import visible

DECIMAL_COMMA = ("es", "fr", "de")
EQUAL = 1e-6  # relative difference that rounding alone explains, where a key names no tolerance
MAX_UNIT = 40  # characters
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
# The powers of a unit ("m/s^2", "m s-2") are no numbers of their own: they touch a letter or ^.
_NUMBER = re.compile(
    r"(?<![\w.,^])(?<!\^[-+])(?<![^\W\d_][-+])[-+−–]?\s?"
    r"(?:\d{1,3}(?:[ \u00a0\u2009\u202f'’]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*|[.,]\d+)"
    r"(?:\s?[eE][-+−]?\d{1,3}(?!\w)|\s?[x×·*]\s?10\s?(?:\^|\*\*)\s?\(?[-+−]?\d{1,3}\)?)?"
)
_FACTOR = re.compile(r"^([^\W\d_]+|°[^\W\d_]*|%|‰|[µμΩ][^\W\d_]*)(?:\^?\(?([-+−]?\d)\)?)?$")
_PER = re.compile(r"\b(?:per|por|par|pro|je)\b")
_POWER_WORDS = (
    (
        re.compile(
            r"\b(?:square|sq\.?)\s+(\w+)|(\w+)\s+(?:squared|(?:al )?cuadrados?|(?:au )?carrés?|zum quadrat)\b"
        ),
        "^2",
    ),
    (re.compile(r"\bcubic\s+(\w+)|(\w+)\s+(?:cubed|cúbicos?|(?:al |au )?cubes?)\b"), "^3"),
)
# What pint does not know by itself: names in other languages, and how people shorten.
_NAMES = {
    **dict.fromkeys(["metro", "metros", "mètre", "mètres"], "meter"),
    **dict.fromkeys(["segundo", "segundos", "sekunde", "sekunden", "seconde", "secondes", "seg"], "second"),
    **dict.fromkeys(["minuto", "minutos", "minuten"], "minute"),
    **dict.fromkeys(["hora", "horas", "heure", "heures", "stunde", "stunden", "std", "hrs", "hr"], "hour"),
    **dict.fromkeys(["día", "días", "dia", "dias", "jour", "jours", "tag", "tage"], "day"),
    **dict.fromkeys(["año", "años", "an", "ans", "année", "années", "jahr", "jahre"], "year"),
    **dict.fromkeys(["kilo", "kilos", "kilogramo", "kilogramos", "kilogramme", "kilogrammes"], "kilogram"),
    **dict.fromkeys(["gramo", "gramos", "gramme", "grammes", "gramm"], "gram"),
    **dict.fromkeys(["kilómetro", "kilómetros", "kilomètre", "kilomètres", "kilometro"], "kilometer"),
    **dict.fromkeys(["centímetro", "centímetros", "centimètre", "centimètres", "zentimeter"], "centimeter"),
    **dict.fromkeys(["litro", "litros", "litre", "litres"], "liter"),
    **dict.fromkeys(["julio", "julios"], "joule"),
    **dict.fromkeys(["vatio", "vatios"], "watt"),
    **dict.fromkeys(["voltio", "voltios"], "volt"),
    **dict.fromkeys(["amperio", "amperios", "ampère", "ampères"], "ampere"),
    **dict.fromkeys(["percent", "prozent", "%"], "percent"),
    **dict.fromkeys(["°", "grado", "grados", "degré", "degrés", "grad"], "degree"),
    **dict.fromkeys(["°c", "celsius"], "degC"),
    **dict.fromkeys(["°f", "fahrenheit"], "degF"),
    **dict.fromkeys(["kmh", "kph"], "kph"),
    "ohms": "ohm",
    "‰": "permille",
}


@dataclass(frozen=True)
class Quantity:
    """A number and the text of its unit, "" where there is none."""

    value: float
    unit: str = ""


@dataclass(frozen=True)
class Comparison:
    """verdict: right, wrong_number, wrong_unit, missing_unit, wrong_both or no_number."""

    verdict: str
    value: float | None = None  # the answer's, in the key's unit where it can be told


def number(text: str, language: str = "en") -> float | None:
    """A number as `language` writes it; None where `text` is none.

    The last of two kinds of separators is the decimal one. A lone separator before exactly three digits
    groups thousands where the language does so ("1,234" in English, "1.234" in German), else it is decimal.

    >>> number("9,81"), number("1.234,5"), number("1,234"), number("1.234", "de"), number("3 × 10^-2")
    (9.81, 1234.5, 1234.0, 1234.0, 0.03)
    """
    plain = _lowered(text).replace("−", "-").replace("–", "-").strip()
    match = re.fullmatch(
        r"([-+]?)\s?([\d.,'’ ]*\d)"
        r"(?:\s?e([-+]?\d{1,3})|\s?[x×·*]\s?10\s?(?:\^|\*\*)\s?\(?([-+]?\d{1,3})\)?)?",
        plain.lower(),
    )
    if not match:
        return None
    digits = re.sub(r"(?<=\d)[ '’](?=\d{3})", "", match[2])
    marks = re.findall(r"[.,]", digits)
    if len(set(marks)) == 2:
        last = marks[-1]
        digits = digits.replace("," if last == "." else ".", "").replace(last, ".")
    elif len(marks) > 1:
        digits = digits.replace(marks[0], "")
    elif marks:
        groups = "." if language in DECIMAL_COMMA else ","
        thousands = marks[0] == groups and re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", digits)
        digits = digits.replace(marks[0], "" if thousands else ".")
    try:
        value = float(digits) * 10.0 ** int(match[3] or match[4] or 0)
    except (ValueError, OverflowError):
        return None
    value = -value if match[1] == "-" else value
    return value if math.isfinite(value) else None


def quantity(text: str, language: str = "en") -> Quantity | None:
    """The one number of `text` and what follows it as its unit; None where there are none or several.

    >>> quantity("g ≈ 9,81 m/s²", "de"), quantity("50 %"), quantity("5 or 6 m")
    (Quantity(value=9.81, unit='m/s^2'), Quantity(value=50.0, unit='%'), None)
    """
    plain = _lowered(text)
    found = []
    place = 0
    while match := _NUMBER.search(plain, place):
        found.append(match)
        place = match.end()
    if len(found) != 1:
        return None
    value = number(found[0][0], language)
    if value is None:
        return None
    rest = plain[found[0].end() :].strip().rstrip(".!;,").strip()
    pieces = [piece.rstrip(",;") for piece in rest.split(" ")]
    # "5 m high": the unit is the longest beginning that is one
    unit = next(
        (part for n in range(min(len(pieces), 6), 0, -1) if is_unit(part := " ".join(pieces[:n]))), rest
    )
    return Quantity(value, unit)


def compare(key: Mapping[str, Any], text: str, language: str = "en") -> Comparison:
    """Does `text` say the quantity of `key` ({"value": v, "unit": u, "tolerance": t}, t in the key's unit)?

    right where |answer - v| <= t after conversion; without t they may differ by rounding alone.
    """
    value, unit = float(key["value"]), str(key.get("unit") or "")
    tolerance = abs(float(key.get("tolerance") or 0.0))
    tolerance = max(tolerance, EQUAL * abs(value), 1e-12)
    said = quantity(text, language)
    if said is None:
        return Comparison("no_number")

    def near(number: float | None) -> bool:
        return number is not None and abs(number - value) <= tolerance * (1 + 1e-9)

    if not said.unit and unit:
        bare = _converted(said.value, "", unit)  # 0.5 for "50 %"
        if near(bare):
            return Comparison("right", bare)
        return Comparison("missing_unit" if near(said.value) else "wrong_number", said.value)
    converted = said.value if _lowered(unit) == said.unit else _converted(said.value, said.unit, unit)
    if near(converted):
        return Comparison("right", converted)
    if near(said.value):
        return Comparison("wrong_unit", said.value)
    return Comparison("wrong_both" if converted is None else "wrong_number", converted)


def is_unit(text: str) -> bool:
    return bool(text) and _unit(_lowered(text)) is not None


def _lowered(text: str) -> str:
    """Superscripts as ^digits before NFKC would make "m²" into "m2"; other look-alikes plain."""
    raised = _RAISED.sub(lambda found: "^" + found[0].translate(_SUPERSCRIPTS), text)
    return visible(raised).replace("µ", "µ").replace("−", "-")


def _converted(value: float, unit: str, wanted: str) -> float | None:
    """`value` in `wanted`; None where a unit is unknown or of another dimension."""
    of, to = _unit(unit), _unit(_lowered(wanted))
    if of is None or to is None or of.dimensionality != to.dimensionality:
        return None
    from pint import PintError

    try:
        return float(_registry().Quantity(value, of).to(to).magnitude)
    except (PintError, ArithmeticError):
        return None


def _unit(text: str) -> Any:
    """A pint unit from products and quotients of known names with one-digit powers; None otherwise."""
    if len(text) > MAX_UNIT:
        return None
    plain = unicodedata.normalize("NFC", text.replace("**", "^"))
    for pattern, power in _POWER_WORDS:
        plain = pattern.sub(lambda found, power=power: f"{found[1] or found[2]}{power}", plain)  # type: ignore[misc]
    plain = _PER.sub("/", plain)
    plain = re.sub(r"[()]", " ", plain) if plain.count("/") <= 1 else plain
    result, sign = _registry().dimensionless, 1
    for piece in re.split(r"([/·*⋅×\s]+)", plain.strip()):
        if not piece:
            continue
        if re.fullmatch(r"[/·*⋅×\s]+", piece):
            sign = -1 if "/" in piece else sign
            continue
        match = _FACTOR.match(piece)
        factor = _named(match[1]) if match else None
        if match is None or factor is None:
            return None
        result = result * factor ** (sign * int((match[2] or "1").replace("−", "-")))
    return result


@cache
def _named(name: str) -> Any:
    """The unit of one name, as it stands or in lower case ("Km", "Kg", "Sekunden")."""
    from pint import PintError

    for candidate in (name, name.lower()):
        known = _NAMES.get(candidate.lower(), candidate) if candidate != "°" else "degree"
        if not re.fullmatch(r"[^\W\d_]+", known):
            continue
        try:
            return _registry().Unit(known)
        except (PintError, ValueError, TypeError, AttributeError):
            continue
    return None


@cache
def _registry() -> Any:
    from pint import UnitRegistry

    return UnitRegistry(autoconvert_offset_to_baseunit=True)
