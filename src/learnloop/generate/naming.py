"""Terms that a sentence names in passing: "is called X", "the aorta, a vessel that …", "X occurs when …".

Running prose defines few things by "An X is a …". Other forms, each with groups `term`, `article`:

    named   "Sacs of this kind are known as thylakoids."          the sentence with a gap for its term
    apposed "It opens into the aorta, a vessel that carries …"    a description that stands alone
    inverse "On appelle pointage la première fermentation."       a description that stands alone
    listed  "- Moral hazard: a tendency to take …"                a line of a list of terms, its description
    told    "Shear occurs when the skin stays where it is …"      the sentence with a gap for its term
"""

import re
from collections.abc import Iterator, Sequence

from learnloop.generate import labels
from learnloop.generate.grammar import ARTICLE, DETERMINER, NAMED_AFTER, QUOTE_CLOSES, QUOTE_OPENS, TERM

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
        # "Affineur heißt der Fachmann, der …" names Affineur: behind an article stands the class.
        re.compile(
            rf"\b(?:heißt|heißen)(?P<article>) (?!(?:der|die|das|eine?) ){QUOTE_OPENS}{TERM}{QUOTE_CLOSES}"
            rf"{NAMED_AFTER}(?!, (?:\w+ )?(?:der|die|das|dem|den|deren|dessen|welche\w*|wo|was)\b)"
        ),
        # "X nennt man eine Lage, in der …" names X: here the name stands without an article.
        re.compile(rf"\bnennt man {QUOTE_OPENS}(?P<article>)(?P<term>[A-ZÄÖÜ][\w-]+){QUOTE_CLOSES}(?=[.;])"),
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
# The term is the subject of a verb that says when or how.
TOLD = {
    "en": re.compile(
        rf"^(?:(?P<article>{ARTICLE['en']}) )?{QUOTE_OPENS}{TERM}{QUOTE_CLOSES} "
        r"(?P<verb>occurs|arises|happens|takes place|consists in|means that|develops)"
        r"(?: (?:when|if|whenever|where)|(?<=in)|(?<=that)) .+",
        re.I,
    ),
    "es": re.compile(
        rf"^(?:(?P<article>{ARTICLE['es']}) )?{QUOTE_OPENS}{TERM}{QUOTE_CLOSES} "
        r"(?P<verb>consiste en(?= [a-z]+r\b)|(?:se produce|ocurre|aparece|tiene lugar)(?= cuando\b)"
        r"|significa(?= que\b)) .+",
        re.I,
    ),
    "fr": re.compile(
        rf"^(?:(?P<article>{ARTICLE['fr']})(?: |(?<=['’])))?{QUOTE_OPENS}{TERM}{QUOTE_CLOSES} "
        r"(?P<verb>consiste à|(?:survient|se produit|apparaît)(?= (?:lorsqu|quand))) .+",
        re.I,
    ),
    "de": re.compile(
        rf"^(?:(?P<article>Der|Die|Das|Eine?) )?{QUOTE_OPENS}"
        rf"(?P<term>[A-ZÄÖÜ][\wäöüß-]+(?: [\wäöüß-]+){{0,2}}?){QUOTE_CLOSES} "
        r"(?P<verb>bedeutet(?=, dass)|(?:entsteht|liegt vor|tritt auf|tritt ein)(?=, wenn)).+"
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


# "Moral hazard: a tendency to …", "Población: conjunto de …", one of several such lines.
_LOWER = {  # what a description without an article begins with
    "en": r"(?=[a-z]+[ ,](?!is |are |was ))",
    "es": r"(?=[a-zñáéíóú]{3,}[ ,])",
    "fr": r"(?=[a-zà-ÿ]{3,}[ ,])",
    "de": r"(?=(?:[a-zäöüß]+e[rsn]?,? ){0,3}[A-ZÄÖÜ][\w-]+[ ,])",
}
_LISTED = {
    language: re.compile(
        rf"^(?:[-*•–] |\d{{1,2}}[.)] )?(?P<article>)?{QUOTE_OPENS}{TERM}{QUOTE_CLOSES}(?: \([^)]{{1,30}}\))?"
        rf"(?: ?:| –| —| -) (?P<predicate>(?:(?i:{DETERMINER[language]})(?:[ ]|(?<=['’]))|{begins}).+)$"
    )
    for language, begins in _LOWER.items()
}
FEWEST_LISTED, NEIGHBOURS = 3, 2  # lines; of lines that follow each other, one may be something else
# "Motivation: Die Folgen entscheiden, ob …" says something of it, "Wie Verhalten entsteht" heads a text.
_IS_SENTENCE = {
    "en": re.compile(
        r"^(?:How|What|When|Why|All|some|many|most) |^[a-z-]+ [a-z]{2,}(?<!s)s (?!of\b|that\b|which\b)"
        r"|^(?:(?!that\b|which\b|who\b|where\b|in which\b)[^,\s]+ ){1,8}?(?:is|are|was|were|can|may|must) "
    ),
    "es": re.compile(
        r"^(?:Cómo|Qué|Cuándo|Por qué|Todo) "
        r"|^(?:(?!que\b|donde\b|cuy\w+\b)[^,\s]+ ){1,8}?(?:es|son|está|están) "
    ),
    "fr": re.compile(
        r"^(?:Comment|Pourquoi|Quand|Ce qu|Tout) |^(?:(?!qu[ie]\b|dont\b|où\b)[^,\s]+ ){1,8}?(?:est|sont) "
    ),
    "de": re.compile(
        r"^(?:Wie|Was|Wann|Warum|Wenn|Alle|Den) |^[^,]*\b(?:ist|sind|wird|werden|hat|haben|kann|können|muss"
        r"|müssen|soll|darf)\b|^[^,]*[A-ZÄÖÜ][\w-]+ (?!mit\b|seit\b|oft\b|nicht\b|meist\b|zwischen\b"
        r"|neben\b|gegen\b)[a-zäöüß]{2,}(?:t|en)(?=[,.]|$)"
    ),
}
# "On appelle X la première …", "Unter X versteht man eine …": the term first, what it is behind it.
_INVERSE = {
    "fr": re.compile(
        r"^On (?:appelle|nomme|désigne par) (?:(?P<article>les?|la|une?|l['’]) ?)?"
        rf"{QUOTE_OPENS}(?P<term>[a-zà-ÿ][\w-]+(?: [a-zà-ÿ][\w-]+)?){QUOTE_CLOSES} "
        r"(?P<predicate>(?:les?|la|l['’]|une?|tout|toute)(?: |(?<=['’])).+)$"
    ),
    "es": re.compile(
        r"^(?:Se (?:llama|denomina)|Llamamos) (?P<article>)?"
        rf"{QUOTE_OPENS}(?P<term>[a-zñáéíóú][\w-]+(?: [a-zñáéíóú][\w-]+)?){QUOTE_CLOSES} "
        r"(?:a |al? )(?P<predicate>(?:la|los|las|una?|todo|toda) .+)$"
    ),
    "de": re.compile(
        rf"^(?:Unter )?(?:(?P<article>der|dem|einer|einem) )?{QUOTE_OPENS}"
        rf"(?P<term>[A-ZÄÖÜ][\wäöüß-]+){QUOTE_CLOSES} "
        r"(?:versteht|nennt) man (?P<predicate>(?:eine|die|das|alle) .+)$"
    ),
}


def glossary(lines: Sequence[str], language: str) -> dict[int, re.Match[str]]:
    """place -> match of the lines "term: description", where at least FEWEST_LISTED of them are neighbours.

    lines: "" where a sentence goes on in the line before. Lines of a lesson's frame ("Duration: …") are none.
    """
    begun = [at for at, line in enumerate(lines) if line]
    found = {
        rank: match
        for rank, at in enumerate(begun)
        if (match := _LISTED[language].match(lines[at]))
        and not _IS_SENTENCE[language].search(match["predicate"])
        and not labels.is_label(match["term"], language)
    }
    kept: dict[int, re.Match[str]] = {}
    run: list[int] = []
    for rank in [*found, len(begun) + NEIGHBOURS]:
        if run and rank - run[-1] > NEIGHBOURS:
            if len(run) >= FEWEST_LISTED:
                kept |= {begun[one]: found[one] for one in run}
            run = []
        run.append(rank)
    return kept


# "Veins have thin walls and, above all in the legs, valves that …": the noun is of an adverbial.
_ADVERBIAL = re.compile(
    r"(?:,|\b(?:especially|mainly|particularly|above all|surtout|notamment|parfois|souvent|sobre todo|también"
    r"|principalmente|especialmente|vor allem|besonders|auch)) (?:in|on|at|dans|sur|à|en|con|chez|an"
    r"|auf|bei) $",
    re.I,
)
# "pores that are often found on the lower side": where, not what.
_WHERE = re.compile(
    r"\b(?:(?:that|which) (?:is|are) (?:often |mainly |mostly )?(?:found|located|most)"
    r"|que (?:se (?:encuentra|halla)n?"
    r"|suelen?|abundan?)|qui se trouvent?|qui sont (?:souvent|surtout)|befinde[nt]|vorkomm\w+)\b"
)


def spans(sentence: str, language: str) -> Iterator[tuple[str, re.Match[str]]]:
    """(how, match) for each term that `sentence` names in one of the forms."""
    for pattern in NAMED[language]:
        for match in pattern.finditer(sentence):
            yield "named", match
    for match in APPOSED[language].finditer(sentence):
        if not _ADVERBIAL.search(sentence[: match.start()]) and not _WHERE.search(match["predicate"]):
            yield "apposed", match
    inverse = _INVERSE[language].match(sentence) if language in _INVERSE else None
    if inverse:
        yield "inverse", inverse
    told = TOLD[language].match(sentence)
    if told:
        yield "told", told
