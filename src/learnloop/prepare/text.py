"""Text as found in, text as meant out: small rules, each named, each counted where it changed a row.

The order matters: mojibake is mended while its bytes can still be told, entities before tags because
an escaped tag is a tag, Unicode before whitespace because it turns no-break spaces into spaces.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from html import unescape
from itertools import groupby

import pandas as pd

Rule = Callable[[str], str]

_INLINE_NAMES = (
    "a|abbr|b|big|cite|code|del|em|font|i|img|ins|kbd|mark|q|s|samp|small|span|strong|sub|sup|tt|u|var"
)
_BLOCK_NAMES = (
    "address|article|blockquote|br|center|dd|div|dl|dt|figcaption|figure|footer|h[1-6]|header|hr|li"
    "|main|ol|p|pre|section|table|tbody|td|tfoot|th|thead|tr|ul"
)
_INLINE = frozenset(_INLINE_NAMES.split("|"))
_VOID = {"br", "hr", "img"}
_ATTRIBUTES = r"(?:\s+[a-zA-Z][\w:-]*(?:\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'|[^\s\"'<>]+))?)*\s*/?"
_TAG = re.compile(rf"</?({_INLINE_NAMES}|{_BLOCK_NAMES}){_ATTRIBUTES}>", re.IGNORECASE)
_TAG_NAME = re.compile(rf"<(/?)({_INLINE_NAMES}|{_BLOCK_NAMES})\b[^<>]*>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
# What acts or shows nothing goes with what is in it.
_ACTIVE = re.compile(r"<(script|style|template|noscript|iframe|object|svg)\b[^<>]*>", re.IGNORECASE)
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u2064\u2066-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_NESTED = 10  # an entity of an entity of …: a page of nothing else takes as many passes as it is long
# Compatibility forms that carry meaning: x² is not x2, 2½ is not 21⁄2, 1.º is not 1.o
_MEANT = re.compile(
    "(["
    + "".join(
        re.escape(chr(code))
        for code in range(0xA0, 0x2200)
        if unicodedata.decomposition(chr(code)).startswith(("<super>", "<sub>", "<fraction>"))
        and not unicodedata.combining(chr(code))
    )
    + "])"
)


def fix_mojibake(text: str) -> str:
    """UTF-8 that was read as something else, undone (ftfy: only where the evidence is clear).

    >>> fix_mojibake("dÃ©finition")
    'définition'
    """
    import ftfy

    return ftfy.fix_encoding(text)


def unescape_entities(text: str) -> str:
    """HTML entities, also those escaped twice, as the characters they stand for.

    >>> unescape_entities("Ca&ntilde;&oacute;n &amp;amp; r&#237;o")
    'Cañón & río'
    """
    # with their semicolon only: without it, the &copy=2 of an address would become ©=2
    for _ in range(_NESTED):
        plain = _ENTITY.sub(lambda match: unescape(match[0]), text)
        if plain == text:
            break
        text = plain
    return text


def strip_tags(text: str) -> str:
    """HTML that was left over: blocks become paragraph breaks, the rest goes; List<String> stays.

    A tag that is never closed may be what the text is about ("what does <b> do?"), so only pairs and
    void tags go, and never the whole text. Of a script, with a beginning and an end, nothing stays.

    >>> strip_tags("<p>A <b>mean</b><br/>of List<String>, a < b</p>").strip()
    'A mean\\n\\nof List<String>, a < b'
    """
    balance: dict[str, int] = {}
    for close, name in _TAG_NAME.findall(text):
        balance[name.lower()] = balance.get(name.lower(), 0) + (-1 if close else 1)
    leftover = {name for name, count in balance.items() if count == 0 or name in _VOID}

    def replacement(match: re.Match[str]) -> str:
        name = match[1].lower()
        return match[0] if name not in leftover else "" if name in _INLINE else "\n\n"

    plain = _TAG.sub(replacement, _without_active(_without_comments(text)))
    return plain if plain.strip() else text


def _without_comments(text: str) -> str:
    """Looks for each end once: a pattern would look from every beginning, and a page of them take hours."""
    kept, place = [], 0
    while (begin := text.find("<!--", place)) >= 0 and (end := text.find("-->", begin + 4)) >= 0:
        kept.append(text[place:begin])
        place = end + 3
    return "".join([*kept, text[place:]])


def _without_active(text: str) -> str:
    """The same for elements that act or show nothing; one without an end stays, as it is no element."""
    kept, place, endless = [], 0, set[str]()
    while begin := _ACTIVE.search(text, place):
        name = begin[1].lower()
        end = None
        if name not in endless:
            end = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(text, begin.end())
        if end is None:
            endless.add(name)
        kept.append(text[place : begin.end() if end is None else begin.start()])
        place = begin.end() if end is None else end.end()
    return "".join([*kept, text[place:]])


def drop_invisible(text: str) -> str:
    """Control characters, soft hyphens, zero-width spaces, fillers, tags, marks of byte order and direction.

    >>> drop_invisible("pro\\u00adbability\\x00")
    'probability'
    """
    return _INVISIBLE.sub("", text)


def normalise_unicode(text: str) -> str:
    """NFKC, but superscripts, subscripts and fractions are kept: there NFKC changes what is said.

    >>> normalise_unicode("ﬁnd x² of ２５ m")
    'find x² of 25 m'
    """
    parts = _MEANT.split(text)  # every second part is one of the characters that stay
    return "".join(part if i % 2 else unicodedata.normalize("NFKC", part) for i, part in enumerate(parts))


def collapse_whitespace(text: str) -> str:
    """Single spaces within a paragraph, one blank line between paragraphs, none around.

    >>> collapse_whitespace("  one \\t line\\nbroken \\n \\n\\n two ")
    'one line broken\\n\\ntwo'
    """
    # By lines: a pattern for what lies between paragraphs would try every blank of a long row of them.
    lines = (" ".join(line.split()) for line in text.replace("\u2029", "\n\n").split("\n"))
    paragraphs = (" ".join(part) for filled, part in groupby(lines, bool) if filled)
    return "\n\n".join(paragraphs)


RULES: tuple[Rule, ...] = (
    fix_mojibake,
    unescape_entities,
    strip_tags,
    drop_invisible,
    normalise_unicode,
    collapse_whitespace,
)
# For text that an HTML parser gave: a tag that is still there was escaped on purpose, to be read.
PARSED_RULES = tuple(rule for rule in RULES if rule is not strip_tags)
_ROUNDS = 10


def repair(text: str, rules: Sequence[Rule] = RULES) -> tuple[str, set[str]]:
    """(`text` after `rules`, names of those that changed it), until nothing changes any more.

    One rule can make work for another (NFKC turns ＆ into &), so a text is not clean after one round;
    a second call changes nothing.
    """
    fired: set[str] = set()
    for _ in range(_ROUNDS):
        before = text
        for rule in rules:
            changed = rule(text)
            if changed != text:
                fired.add(rule.__name__)
                text = changed
        if text == before:
            break
    return text, fired


def clean_text(texts: pd.Series, rules: Sequence[Rule] = RULES) -> tuple[pd.Series, dict[str, int]]:
    """(clean texts, rows changed by each rule). NA stays NA; a text of nothing but space becomes ""."""
    repairs: dict[str, int] = {}
    cleaned: list[str | None] = []
    for text in texts.astype(object):
        if not isinstance(text, str):
            cleaned.append(None)
            continue
        clean, fired = repair(text, rules)
        cleaned.append(clean)
        for name in fired:
            repairs[name] = repairs.get(name, 0) + 1
    return pd.Series(cleaned, index=texts.index, dtype="str", name=texts.name), dict(sorted(repairs.items()))
