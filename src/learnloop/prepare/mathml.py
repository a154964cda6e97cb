"""Presentation MathML as text that a person can read and a search can find.

<mfrac><mrow><mi>x</mi><mo>-</mo><mi>μ</mi></mrow><mi>σ</mi></mfrac>    (x - μ)/σ
<mover><mi>x</mi><mo>¯</mo></mover>                                      x̄
"""

import re
from typing import Any

BINARY = frozenset("=+-−–*×÷·±∓≤≥<>≠≈≅∼~→←↔⇒⇔∩∪∈∉⊂⊆∧∨|∣:∝")
INVISIBLE = re.compile("[\u2061-\u2064\u200b\ufeff]")
# What stands over a letter, as the combining mark that Unicode has for it
ACCENTS = {
    **dict.fromkeys("¯‾_―—–-−\u0304\u0305", "\u0304"),
    **dict.fromkeys("^ˆ\u0302", "\u0302"),
    **dict.fromkeys("~˜∼\u0303", "\u0303"),
    **dict.fromkeys("→⃗", "\u20d7"),
    "˙": "\u0307",
}
ATOM = re.compile(r"[^\W_][\w.,\u0300-\u036f%']*|√\w+|\S")
SKIPPED = ("annotation", "annotation-xml", "mphantom", "mprescripts")


def text(element: Any) -> str:
    """element: an lxml `math` element, of any namespace prefix. Content elements give their own text."""
    written = INVISIBLE.sub("", _written(element))
    return re.sub(r"\s+", " ", written).strip()


def _written(element: Any) -> str:
    name = _name(element)
    if name in SKIPPED or not name:
        return ""
    children = [child for child in element if _name(child)]
    if not children:
        return " " if name == "mspace" else _leaf(name, element)
    if name in ("mfrac", "msup", "msub", "msubsup", "mover", "munder", "munderover", "mroot"):
        return _scripted(name, [text(child) for child in children])
    if name == "msqrt":
        return "√" + _wrapped(_row(children))
    if name == "mfenced":
        inside = f"{element.get('separators', ',').strip()[:1] or ' '} ".join(
            text(child) for child in children
        )
        return f"{element.get('open', '(')}{inside}{element.get('close', ')')}"
    if name == "mtable":
        return "[" + "; ".join(", ".join(text(cell) for cell in row) for row in children) + "]"
    return _row(children)


def _leaf(name: str, element: Any) -> str:
    own = re.sub(r"\s+", " ", element.text or "")
    return own if name == "mtext" else own.strip()


def _row(children: list[Any]) -> str:
    """Binary operators stand between blanks; a sign before its number does not."""
    out = ""
    for child in children:
        part = _written(child)
        if _name(child) == "mo" and part in BINARY:
            before = out.rstrip()
            unary = part in "+-−–±" and (not before or before[-1] in "([{,;|" or before[-1] in BINARY)
            out = out + part if unary else f"{before} {part} "
        elif _name(child) == "mo" and part in (",", ";"):
            out = f"{out.rstrip()}{part} "
        else:
            out += part
    return out


def _scripted(name: str, parts: list[str]) -> str:
    base, *rest = parts + [""] * 2
    if name == "mfrac":
        return f"{_wrapped(base)}/{_wrapped(rest[0])}"
    if name == "mroot":
        return f"{_wrapped(rest[0])}√{_wrapped(base)}"
    if name == "mover" and rest[0] in ACCENTS and base:
        return base + ACCENTS[rest[0]]
    if name in ("msub", "munder"):
        return f"{base}_{_wrapped(rest[0])}" if rest[0] else base
    if name in ("msup", "mover"):
        return f"{_wrapped(base)}^{_wrapped(rest[0])}" if rest[0] else base
    return f"{base}_{_wrapped(rest[0])}^{_wrapped(rest[1])}"


def _wrapped(part: str) -> str:
    """'x + 1' -> '(x + 1)'; a number, a name and what is in brackets already stay."""
    part = part.strip()
    inside = part[1:-1]
    bracketed = part.startswith("(") and part.endswith(")") and "(" not in inside and ")" not in inside
    return part if not part or bracketed or ATOM.fullmatch(part) else f"({part})"


def _name(element: Any) -> str:
    """'mrow' of '{http://www.w3.org/1998/Math/MathML}mrow'; '' of a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
