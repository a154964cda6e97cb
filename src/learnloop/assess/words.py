"""Words of an answer as a grader compares them: normal forms, lemmas, function words, negations.

`Die Häuser` and `haus` are one in German (article, plural, case); `si` and `sí` stay two in Spanish.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

LANGUAGES = ("en", "es", "fr", "de")

_ARTICLES = {
    "en": "a an the",
    "es": "el la los las un una unos unas lo",
    "fr": "le la les un une des du l",
    "de": "der die das den dem des ein eine einen einem einer eines",
}
# Words that carry no content of an answer. Negations, comparisons and numbers are left in.
_FUNCTION_WORDS = {
    "en": """a an the and or but if of at by for with about to from in on into onto as is are was were be
        been being am do does did done have has had having it its this that these those there here they
        them their he she his her him we us our you your i my me who whom which what when where why how
        then so than because would could should can will may might just also very some such s t""",
    "es": """el la los las un una unos unas lo al del de a ante con contra desde en entre hacia hasta para
        por según sobre tras y e o u pero si que qué quien cual como cuando donde porque es son era eran
        fue ser está están estar ha han haber hay se su sus me te le les nos yo tú él ella ellos ellas
        este esta estos estas ese esa esos esas eso esto muy también""",
    "fr": """le la les un une des du de l d à au aux en dans par pour sur sous avec et ou mais si que qu
        qui quoi dont où quand comme parce car est sont était être a ont avoir il elle ils elles on nous
        vous je tu me te se son sa ses leur leurs ce cet cette ces c s y très aussi""",
    "de": """der die das den dem des ein eine einen einem einer eines und oder aber wenn dass daß weil denn
        als wie wo wann warum was wer in im an am auf aus bei mit nach von vom zu zum zur über unter vor
        für durch um ist sind war waren sein wird werden wurde hat haben hatte er sie es wir ihr ich du
        sich man dieser diese dieses so sehr auch da""",
}
_NEGATIONS = {
    "en": """no not never none nothing neither nor without cannot cant dont doesnt didnt isnt arent wasnt
        werent wont wouldnt couldnt shouldnt hasnt havent hadnt nobody nowhere""",
    "es": "no nunca nada nadie ningún ninguna ninguno sin ni tampoco jamás",
    "fr": "ne n pas jamais rien personne aucun aucune sans ni non",
    "de": "nicht kein keine keinen keinem keiner keines nie niemals nichts niemand ohne",
}


def _sets(texts: Mapping[str, str]) -> dict[str, frozenset[str]]:
    return {language: frozenset(text.split()) for language, text in texts.items()}


ARTICLES, FUNCTION_WORDS, NEGATIONS = _sets(_ARTICLES), _sets(_FUNCTION_WORDS), _sets(_NEGATIONS)
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*", re.UNICODE)
_APOSTROPHES = re.compile(r"(?<=\w)['’ʼ`´](?=\w)")


def visible(text: str) -> str:
    """NFKC, without control, format and private characters (hidden text), white space made plain.

    Full-width letters and ligatures become plain ones; soft hyphens, zero-width characters, tags and
    marks of direction go. Combining marks beyond two on a letter go as well.
    """
    plain = unicodedata.normalize("NFKC", text)
    kept = "".join(
        " " if c.isspace() else c
        for c in plain
        if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs", "Cn")
    )
    kept = re.sub(r"([\u0300-\u036f]{2})[\u0300-\u036f]+", r"\1", kept)
    return re.sub(r" +", " ", kept).strip()


def visible_lines(text: str) -> str:
    """`visible`, line by line."""
    return "\n".join(visible(line) for line in text.splitlines()).strip()


def without_accents(text: str) -> str:
    """'Fotosíntesis' -> 'Fotosintesis'."""
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def tokens(text: str, language: str) -> list[str]:
    """Words and numbers in lower case, in order. English "don't" is one word, French "l'eau" two."""
    plain = _APOSTROPHES.sub(" " if language == "fr" else "", visible(text).casefold())
    return _WORD.findall(plain)


@lru_cache(maxsize=65536)
def lemma(word: str, language: str) -> str:
    """The dictionary form of a word in lower case; the word itself where the language has no table.

    German nouns are looked up with their capital, too.
    """
    if language not in LANGUAGES or word.isdigit():
        return word
    from simplemma import lemmatize

    found = lemmatize(word, lang=language)
    if language == "de" and found == word:
        found = lemmatize(word.capitalize(), lang=language)
    return found.casefold()


def lemma_forms(word: str, language: str) -> set[str]:
    """What a word may be the form of: in German as a noun and as another word, in English as a plural, too.

    >>> sorted(lemma_forms("leaves", "en"))
    ['leaf', 'leave']
    """
    found = {lemma(word, language)}
    if language == "de":
        from simplemma import lemmatize

        found.add(lemmatize(word.capitalize(), lang=language).casefold())
    if language == "en" and word.endswith("ves"):
        found |= {one for one in (f"{word[:-3]}f", f"{word[:-3]}fe") if lemma(one, language) == one}
    return found


def lemmas(text: str, language: str) -> list[str]:
    return [lemma(word, language) for word in tokens(text, language)]


def content(words: list[str], language: str) -> list[str]:
    """Those that are no function words."""
    return [word for word in words if word not in FUNCTION_WORDS.get(language, frozenset())]


def negations(words: list[str], language: str) -> int:
    return sum(word in NEGATIONS.get(language, frozenset()) for word in words)
