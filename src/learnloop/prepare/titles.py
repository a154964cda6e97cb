"""Titles in, the same titles out unless they shout or whisper.

    INTRODUCTION TO SQL AND DNA DATA      Introduction to SQL and DNA Data
    introducción a la estadística         Introducción a la estadística

A title of mixed case is as its author wants it. What cannot be told from capitals (which German words are
nouns, which words are names) is not guessed: German keeps a capital on every longer word.
"""

import re

import pandas as pd

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_CODE = re.compile(r"[_(){}\[\]=<>/\\@#$]|\w\.\w|::")
_ROMAN = re.compile(r"(?:X{1,3}(?:IX|IV|V?I{0,3})|IX|IV|V|VI{1,3}|I{1,3})$")
ACRONYMS = frozenset(
    [
        *("AI", "ANOVA", "API", "AWS", "BBC", "CAD", "CPU", "CSS", "CSV", "DNA", "EU", "GCSE", "GDP"),
        *("GIS", "GPU", "HIV", "HTML", "HTTP", "ICT", "IELTS", "IP", "JSON", "LAN", "MIT", "ML", "MOOC"),
        *("NASA", "NATO", "NLP", "OOP", "PDF", "PHP", "RNA", "SEO", "SQL", "STEM", "TCP", "TOEFL"),
        *("UI", "UK", "UML", "UN", "UNESCO", "URL", "US", "USA", "UX", "VBA", "XML", "ADN", "ARN", "UE"),
    ]
)
_SMALL = {
    "en": frozenset(["a", "an", "and", "as", "at", "but", "by", "for", "from", "in", "into", "nor", "of", "on", "or", "per", "the", "to", "vs", "via", "with"]),
    "de": frozenset(
        ["als", "am", "an", "auf", "aus", "bei", "das", "dem", "den", "der", "des", "die", "ein", "eine", "für", "im", "in", "mit", "und", "von", "zu"]
    ),
}
_SHOUTED_LETTERS = 8  # one word in capitals may be an acronym that nobody listed


def fix_title_case(title: str, language: str = "und") -> str:
    """A title in capitals or in small letters as titles are written in its language; acronyms stay.

    >>> fix_title_case("INTRODUCTION TO SQL AND DNA DATA", "en")
    'Introduction to SQL and DNA Data'
    """
    words = _WORD.findall(title)
    letters = "".join(words)
    if not letters or _CODE.search(title) or letters.upper() == letters.lower():
        return title
    if letters.isupper() and len(letters) >= _SHOUTED_LETTERS and any(_unlisted(word) for word in words):
        return _quiet(title, language)
    if letters.islower() and len(words) >= 2 and title[:1].isalpha():
        return title[:1].upper() + title[1:]
    return title


def _unlisted(word: str) -> bool:
    return word not in ACRONYMS and not _ROMAN.match(word) and len(word) > 3


def _quiet(title: str, language: str) -> str:
    """English and German capitalise words, other languages the first one."""
    small = _SMALL.get(language)
    first = next(_WORD.finditer(title))

    def written(match: re.Match[str]) -> str:
        word = match[0]
        if word in ACRONYMS or (len(word) > 1 and _ROMAN.match(word) and match.start() > 0):
            return word
        lower = word.lower()
        opens = match.start() == first.start() or title[: match.start()].rstrip().endswith((":", "?", "!"))
        if opens or (small is not None and lower not in small):
            return lower[:1].upper() + lower[1:]
        return lower

    return _WORD.sub(written, title)


def clean_titles(titles: pd.Series, languages: pd.Series) -> tuple[pd.Series, dict[str, int]]:
    """(titles, repairs); NA stays NA. languages: codes on the same index."""
    pairs = zip(titles.astype(object), languages.astype(object), strict=True)
    fixed = [fix_title_case(title, code) if isinstance(title, str) else None for title, code in pairs]
    clean = pd.Series(fixed, index=titles.index, dtype="str", name=titles.name)
    changed = int((clean.notna() & (clean != titles)).sum())
    return clean, {"fix_title_case": changed} if changed else {}
