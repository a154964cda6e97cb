"""Titles in, the same titles out unless they shout or whisper.

    INTRODUCTION TO SQL AND DNA DATA      Introduction to SQL and DNA Data
    introducción a la estadística         Introducción a la estadística

A title of mixed case is as its author wants it. How names and nouns are written, the item's own text knows;
where it does not, nothing is guessed: German keeps a capital on every longer word.
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
_SMALL_WORDS = {
    "en": "a an and as at but by for from in into nor of on or per the to vs via with",
    "de": "als am an auf aus bei das dem den der des die ein eine für im in mit und von zu",
}
_SMALL = {code: frozenset(words.split(" ")) for code, words in _SMALL_WORDS.items()}
_INSIDE = re.compile(r"(?<=[\w,;] )[^\W\d_]+")  # words that open no sentence: their case is their own
_SHOUTED_LETTERS = 8  # one word in capitals may be an acronym that nobody listed


def fix_title_case(title: str, language: str = "und", text: str = "") -> str:
    """A title in capitals or in small letters as its language writes titles; acronyms and names as in `text`.

    >>> fix_title_case("INTRODUCTION TO SQL AND DNA DATA", "en")
    'Introduction to SQL and DNA Data'
    """
    words = _WORD.findall(title)
    letters = "".join(words)
    if not letters or _CODE.search(title) or letters.upper() == letters.lower():
        return title
    if letters.isupper() and len(letters) >= _SHOUTED_LETTERS and any(_unlisted(word) for word in words):
        return _quiet(title, language, _spellings(text))
    if letters.islower() and len(words) >= 2 and title[:1].isalpha():
        return title[:1].upper() + title[1:]
    return title


def _spellings(text: str) -> dict[str, str]:
    """How `text` writes its words within sentences, by their small letters; two ways are none."""
    found: dict[str, str] = {}
    for word in _INSIDE.findall(text):
        if found.setdefault(word.lower(), word) != word:
            found[word.lower()] = ""
    return {lower: word for lower, word in found.items() if word and word.casefold() == lower.casefold()}


def _unlisted(word: str) -> bool:
    return word not in ACRONYMS and not _ROMAN.match(word) and len(word) > 3


def _quiet(title: str, language: str, spelled: dict[str, str]) -> str:
    """English and German capitalise words, other languages the first one."""
    small = _SMALL.get(language)
    first = next(_WORD.finditer(title))

    def written(match: re.Match[str]) -> str:
        word = match[0]
        lower = word.lower()
        if lower in spelled and spelled[lower] != lower:
            return spelled[lower]
        known = word in ACRONYMS or (len(word) > 1 and _ROMAN.match(word) and match.start() > 0)
        if known and lower not in spelled:
            return word
        opens = match.start() == first.start() or title[: match.start()].rstrip().endswith((":", "?", "!"))
        if opens or (small is not None and lower not in small):
            return lower[:1].upper() + lower[1:]
        return lower

    return _WORD.sub(written, title)


def case_titles(
    titles: pd.Series, languages: pd.Series, texts: pd.Series
) -> tuple[pd.Series, dict[str, int]]:
    """(titles, repairs); NA stays NA. languages: codes; texts: what the items say; all on one index."""
    rows = zip(*(column.astype(object) for column in (titles, languages, texts)), strict=True)
    fixed = [
        fix_title_case(title, code, text if isinstance(text, str) else "") if isinstance(title, str) else None
        for title, code, text in rows
    ]
    clean = pd.Series(fixed, index=titles.index, dtype="str", name=titles.name)
    changed = int((clean.notna() & (clean != titles)).sum())
    return clean, {"fix_title_case": changed} if changed else {}
