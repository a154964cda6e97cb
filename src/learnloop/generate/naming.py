"""Terms that a sentence names in passing: "is called X", "the aorta, a vessel that …", "X occurs when …".

Running prose defines few things by "An X is a …". Three other forms, each with groups `term`, `article`:

    named   "Sacs of this kind are known as thylakoids."          the sentence with a gap for its term
    apposed "It opens into the aorta, a vessel that carries …"    a description that stands alone
    told    "Shear occurs when the skin stays where it is …"      the sentence with a gap for its term
"""

import re
from collections.abc import Iterator

from learnloop.generate.grammar import ARTICLE, NAMED_AFTER, QUOTE_CLOSES, QUOTE_OPENS, TERM

_THE = {
    "en": r"(?:(?P<article>the|an?) )?(?:its |their )?",
    "es": r"(?:(?P<article>el|la|los|las|una?) )?",
    "fr": r"(?:(?P<article>les?|la|une?|des|l['’]) ?)?",
    "de": r"(?:(?P<article>der|die|das|eine?n?) )?",
}


def _named(language: str, *verbs: str) -> tuple[re.Pattern[str], ...]:
    return tuple(
        re.compile(rf"{verb} {_THE[language]}{QUOTE_OPENS}{TERM}{QUOTE_CLOSES}{NAMED_AFTER}")
        for verb in verbs
    )


# "… is called TERM.": a name at the end of a clause. German has its verb behind the name as well.
NAMED = {
    "en": _named(
        "en",
        r"\b(?P<verb>is|are|be) (?:also |usually |often )?(?:called|known as|named|termed|referred to as)",
        r"\b(?:goes|go) by the name of",
    ),
    "es": _named(
        "es",
        r"\b(?:se (?:le |les )?(?:llaman?|denominan?|conocen? como)|(?:es|son) llamad[ao]s?)",
        r"\b(?:recibe|reciben) el nombre de",
    ),
    "fr": _named(
        "fr",
        r"(?:s['’]appelle(?:nt)?|se nomme(?:nt)?|(?:est|sont) appelée?s?)",
        r"\bon appelle",
        r"\bporte(?:nt)? le nom (?:de|d['’])",
    ),
    "de": (
        *_named("de", r"\b(?:heißt|heißen|nennt man)"),
        re.compile(
            rf"\b(?:wird|werden) (?:auch )?(?:als )?{QUOTE_OPENS}(?P<article>)"
            rf"(?P<term>[A-ZÄÖÜ][\w-]+){QUOTE_CLOSES}"
            r" (?:bezeichnet|genannt)(?=[.,;])"
        ),
        re.compile(
            rf"\b(?:bezeichnet man|nennt man) (?:auch )?(?:als )?{QUOTE_OPENS}(?P<article>)"
            rf"(?P<term>[A-ZÄÖÜ][\w-]+){QUOTE_CLOSES}(?=\.)"
        ),
    ),
}
# "On appelle TERM la première fermentation.", "Unter TERM versteht man …": the name stands first.
TOLD = {
    "en": re.compile(
        rf"^(?:(?P<article>{ARTICLE['en']}) )?{QUOTE_OPENS}{TERM}{QUOTE_CLOSES} "
        r"(?P<verb>occurs|arises|happens|takes place|consists (?:in|of)|means that|develops)"
        r"(?: (?:when|if|whenever|where)|(?<=of)|(?<=in)|(?<=that)) .+",
        re.I,
    ),
    "es": re.compile(
        rf"^(?:(?P<article>{ARTICLE['es']}) )?{QUOTE_OPENS}{TERM}{QUOTE_CLOSES} "
        r"(?P<verb>consiste en(?= [a-z]+r\b)|(?:se produce|ocurre|aparece|tiene lugar)(?= cuando\b)"
        r"|significa(?= que\b)) .+",
        re.I,
    ),
    "fr": re.compile(
        rf"^(?:(?:(?P<article>{ARTICLE['fr']})(?: |(?<=['’])))?{QUOTE_OPENS}{TERM}{QUOTE_CLOSES} "
        r"(?P<verb>consiste à|(?:survient|se produit|apparaît)(?= (?:lorsqu|quand)))"
        r"|On (?P<verb2>appelle|nomme) (?:(?P<article2>les?|la|l['’]) ?)?(?P<term2>[a-zà-ÿ][\w-]+)"
        r"(?= (?:l[ea]s?|l['’]|une?|ce|celui|celle)\b)) .+",
        re.I,
    ),
    "de": re.compile(
        r"^(?:(?:(?P<article>Der|Die|Das|Eine?) )?"
        rf"{QUOTE_OPENS}(?P<term>[A-ZÄÖÜ][\wäöüß-]+){QUOTE_CLOSES} "
        r"(?P<verb>bedeutet(?=, dass)|(?:entsteht|liegt vor|tritt auf|tritt ein)(?=, wenn))"
        r"|Unter (?:(?P<article2>der|dem) )?(?P<term2>[A-ZÄÖÜ][\wäöüß-]+) (?P<verb2>versteht)(?= man\b)).+"
    ),
}
# An aside between commas that says what the noun before it is. It holds a relative clause: lists have none.
APPOSED = {
    "en": re.compile(
        r"\b(?P<article>the|an?) (?P<term>[a-z][\w-]+(?: [a-z][\w-]+)?), "
        r"(?P<predicate>an? (?:[\w-]+ ){1,6}?(?:that|which|who|in which|where|used|made) [^,;:()—–]{10,120})"
        r"(?=[,.])"
    ),
    "es": re.compile(
        r"\b(?P<article>el|la|los|las|una?) (?P<term>[a-zñáéíóúü]{3,}(?: (?:de )?[a-zñáéíóúü]{3,})?), "
        r"(?P<predicate>(?:una?|unos|unas) (?:[\w-]+ ){1,6}?(?:que|cuy[oa]s?|en (?:el|la) que|donde)"
        r" [^,;:()—–]{10,120})"
        r"(?=[,.])"
    ),
    "fr": re.compile(
        r"(?:\b(?P<article>les?|la|une?) |\b(?P<article2>l['’]))"
        r"(?P<term>[a-zà-ÿ]{3,}(?:[ -](?:de )?[a-zà-ÿ]{3,})?), "
        r"(?P<predicate>(?:une?|des) (?:[\w’'-]+ ){1,6}?(?:qui|que|dont|où|dans (?:lequel|laquelle))"
        r" [^,;:()—–]{10,120})"
        r"(?=[,.])"
    ),
    "de": re.compile(
        r"\b(?P<article>der|die|das|Der|Die|Das) (?P<term>[A-ZÄÖÜ][\wäöüß-]+), "
        r"(?P<predicate>eine? (?:[\wäöüß-]+ ){1,6}?[A-ZÄÖÜ][\wäöüß-]+, "
        r"(?:(?:in|an|auf|mit|aus|bei|durch) )?(?:der|die|das|dem|den|deren|dessen) [^,;:()—–]{10,120})"
        r"(?=[,.])"
    ),
}


def spans(sentence: str, language: str) -> Iterator[tuple[str, re.Match[str], str]]:
    """(how, match, suffix of its groups' names) for each term that `sentence` names in one of the forms."""
    for pattern in NAMED[language]:
        for match in pattern.finditer(sentence):
            yield "named", match, ""
    for match in APPOSED[language].finditer(sentence):
        yield "apposed", match, ""
    told = TOLD[language].match(sentence)
    if told:
        yield "told", told, "" if told["term"] else "2"
