"""A text in, the text a reader sees out: no hidden characters, no markup left over, nothing unseen.

What looks like an order to a machine stays: it is data, and the checks treat it so. What a reader of the
page never saw (zero-width letters, tag characters, `display:none`) goes, and is counted by kind:

    clean("The <b>mean</b>\\u200b is 5&nbsp;m²")
    Sanitised("The mean is 5\\u00a0m²", Counter({"markup": 2, "zero_width": 1, "entity": 1}))
"""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

PASSES = 20  # nested left-overs beyond this many lose their angle brackets
MOST_MARKS = 3  # combining marks on one letter; more is a trick, not a language


@dataclass(frozen=True)
class Sanitised:
    """`text` is what spans refer to; `removed` counts what was taken out or replaced, by kind."""

    text: str
    removed: Counter[str] = field(default_factory=Counter)


def clean(text: str) -> Sanitised:
    """`text` without what no reader sees. Deterministic and idempotent: cleaning again changes nothing.

    NFC throughout; NFKC only where the letter stays the same to a reader (ligatures, full-width forms,
    mathematical alphabets), so m², ½, ™ and no-break spaces stay (Unicode Standard Annex 15).
    """
    removed: Counter[str] = Counter()
    for turn in range(PASSES + 1):
        before = text
        text = _one_pass(text, removed)
        if turn == PASSES - 1:  # brackets inside brackets inside brackets: somebody's puzzle
            text = text.replace("<", " ").replace(">", " ")
        if text == before:
            break
    return Sanitised(text, removed)


def _one_pass(text: str, removed: Counter[str]) -> str:
    for name, pattern, replacement in _MARKUP:
        text = _replaced(text, name, pattern, replacement, removed)
    kept = []
    for letter in unicodedata.normalize("NFC", text):
        name = "" if letter.isascii() and (letter.isprintable() or letter in "\n\t") else _hidden(letter)
        if name:
            removed[name] += 1
            kept.append(_INSTEAD.get(letter, ""))
        elif not letter.isascii() and _COMPATIBLE.match(letter):
            removed["compatibility"] += 1
            kept.append(unicodedata.normalize("NFKC", letter))
        else:
            kept.append(letter)
    text = _replaced("".join(kept), "combining", _MARKS, r"\1", removed)
    return _JOINER.sub(lambda match: _count(removed, "zero_width", ""), text)


def _replaced(
    text: str,
    name: str,
    pattern: re.Pattern[str],
    replacement: str | Callable[[re.Match[str]], str],
    removed: Counter[str],
) -> str:
    def one(match: re.Match[str]) -> str:
        text = replacement(match) if callable(replacement) else match.expand(replacement)
        if text != match[0]:
            removed[name] += 1
        return text

    return pattern.sub(one, text)


def _count(removed: Counter[str], name: str, text: str) -> str:
    removed[name] += 1
    return text


# ---- characters ----

# Two joiners shape Persian, Hindi and Tamil: they stay beside letters of such scripts, see _JOINER.
_JOINERS = "\u200c\u200d"
_ARABIC_TO_INDIC = "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff\ufb50-\ufdff\ufe70-\ufefc"
_JOINER = re.compile(
    f"(?<![{_ARABIC_TO_INDIC}])[{_JOINERS}]+|[{_JOINERS}](?![{_ARABIC_TO_INDIC}])|[{_JOINERS}]{{2,}}"
)
_ZERO_WIDTH = frozenset("\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\u180e\u034f")
_BIDI = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5\ufffc")
_KEPT_SPACES = frozenset("\u00a0\u202f")  # of French and Spanish numbers
_INSTEAD = {
    "\x0b": "\n",
    "\x0c": "\n",
    "\x85": "\n",
    "\u2028": "\n",
    "\u2029": "\n",
} | dict.fromkeys("\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u205f\u3000", " ")
# Ligatures of Latin letters, full-width letters and figures, the alphabets of mathematics.
_COMPATIBLE = re.compile("[\ufb00-\ufb06\uff01-\uff5e\U0001d400-\U0001d7ff]")
_MARKS = re.compile(rf"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{{{MOST_MARKS}}})"
                    r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+")  # fmt: skip


def _hidden(letter: str) -> str:
    """The kind of hidden character `letter` is, "" where a reader sees it."""
    if letter in _ZERO_WIDTH:
        return "zero_width"
    if letter in _BIDI:
        return "bidi"
    if letter in _FILLERS:
        return "filler"
    if letter == "\u00ad":
        return "soft_hyphen"
    if "\U000e0000" <= letter <= "\U000e007f":
        return "tag_character"
    if "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef":
        return "variation_selector"
    category = unicodedata.category(letter)
    if category == "Co":
        return "private_use"
    if category in ("Zs", "Zl", "Zp"):
        return "" if letter in _KEPT_SPACES or letter == " " else "space"
    if letter in _JOINERS:
        return ""
    return "control" if category in ("Cc", "Cf", "Cs", "Cn") and letter not in "\n\t" else ""


# ---- markup ----

_INLINE = (
    "a abbr acronym address area applet audio b base basefont bdi bdo big body button canvas center cite"
    " code data datalist del dfn dialog em embed figcaption font form frame frameset head html i iframe img"
    " input ins kbd label legend link map mark marquee meta meter noscript object optgroup option output"
    " param picture portal progress q rp rt ruby s samp select slot small source span strike strong sub sup"
    " svg template textarea time title tt u var video wbr"
)
_BLOCK = (
    "article aside blockquote br caption col colgroup dd details div dl dt fieldset figure footer h1 h2 h3"
    " h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead tr ul"
)
_NAMES = "|".join(sorted(f"{_INLINE} {_BLOCK} script style math".split(), key=len, reverse=True))
_BLOCK_NAME = re.compile(rf"</?(?:{'|'.join(sorted(_BLOCK.split(), key=len, reverse=True))})(?![\w-])", re.I)
_HIDING = (
    r"(?:\shidden(?=[\s>=/])|aria-hidden\s*=\s*[\"']?true|(?:display\s*:\s*none|visibility\s*:\s*hidden"
    r"|font-size\s*:\s*0|opacity\s*:\s*0(?![.\d]*[1-9])|text-indent\s*:\s*-\d{3,}))"
)


def _tag(match: re.Match[str]) -> str:
    return "\n" if _BLOCK_NAME.match(match[0]) else ""


def _entity(match: re.Match[str]) -> str:
    return html.unescape(match[0])


_COMMENT = r"<!--.*?(?:-->|\Z)|<!\[CDATA\[|\]\]>|<!DOCTYPE[^>]*>|<\?[a-z][^>]*>"
_SCRIPT = r"<(script|style|template|noscript)\b[^<>]*>.*?(?:</\1\s*>|\Z)"
_HIDDEN_ELEMENT = rf"<(\w+)\b[^<>]*?{_HIDING}[^<>]*>(?:.{{0,20000}}?</\1\s*>|[^<]*)"
# Words that steer a chat model's template; to a reader they are noise.
_CHAT_MARK = r"<\|[\w ]{1,40}\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>"
_URL = r"[^()\s]*(?:\([^()\s]*\)[^()\s]*)?(?: [^()\n]*)?"
_LINK = rf"(?<!!)\[([^\]\n]{{1,200}})\]\((?:[a-z]{{2,12}}:|/|#|\.|www\.){_URL}\)"
_MARKUP: tuple[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    ("entity", re.compile(r"&(?:amp;)+"), "&"),
    ("entity", re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"), _entity),
    ("comment", re.compile(_COMMENT, re.S | re.I), ""),
    ("script", re.compile(_SCRIPT, re.S | re.I), ""),
    ("hidden_element", re.compile(_HIDDEN_ELEMENT, re.S | re.I), ""),
    ("control_token", re.compile(_CHAT_MARK), ""),
    ("markup", re.compile(rf"</?(?:{_NAMES})(?:\s[^<>]*|/)?>", re.I), _tag),
    ("markdown", re.compile(rf"!\[([^\]\n]{{0,200}})\]\({_URL}\)"), r"\1"),
    ("markdown", re.compile(_LINK, re.I), r"\1"),
    ("markdown", re.compile(r"(?<![\w*])(\*\*\*|\*\*)(?=[^\s*])([^*\n]+)(?<=\S)\1(?![\w*])"), r"\2"),
    # One # at a line's beginning may be a comment in a programme; two are a heading.
    ("markdown", re.compile(r"(?:\A#|^##)#{0,5}[ \t]+(?=\S)", re.M), ""),
    ("control", re.compile(r"\r\n?"), "\n"),
)
