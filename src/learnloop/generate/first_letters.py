"""How the words of a short answer begin, said in its question, so that no synonym is as right as the key.

    of("passive immunity", "en")   ->  "Hint: p…e i…y (7 and 8 letters)."
    of("temps de pose", "fr")      ->  "Indice : t… de p… (5 et 4 lettres)."
    of("cirque", "en")             ->  "Hint: ci…e (6 letters)."
    of("GPS", "de")                ->  "Hinweis: eine Abkürzung mit 3 Buchstaben."
    of("foot", "en")               ->  "Hint: f… (4 letters)."

"Potential difference" is as right as "voltage" for a description of it: "Hint: vo…e (7 letters)." asks for
one of the two. Words of the grammar ("of", "de", "von") stand as they are. A word of LONG letters shows its
last one as well, and two at its beginning where it stands alone: "cirque" and "corrie", "Dublette" and
"Duplikat" have one description, one length, and the same letters at their beginning.
"""

import re

from learnloop.generate import grammar, lemmas, wording

LONG = 6  # letters of a word that shows more than its first
SHORTEST = 4  # letters of a key that is to be written, no abbreviation
MOST_IN_SHORT = 7  # letters of an abbreviation
# Abbreviations have two capitals: GPS, GPhC, mRNA.
_SHORT = re.compile(r"(?=(?:[^A-ZÀ-Þ]*[A-ZÀ-Þ]){2})[\w&]+")
_ELIDED = re.compile(r"((?:qu|[ldnsjmtc])['’])(?=\w)", re.I)


def of(key: str, language: str) -> str:
    """A sentence that says how the words of `key` begin, end and how long they are; "" where that is no help.

    No help: fewer than SHORTEST letters, of which the first would leave nothing to know.
    """
    if is_abbreviation(key):
        return wording.hint("abbreviation", language, count=str(sum(map(str.isalnum, key))))
    begun, sizes = _begun(key, language)
    if sum(sizes) < SHORTEST or not any(size >= SHORTEST for size in sizes):
        return ""
    return wording.hint("words", language, letters=" ".join(begun), count=wording.listed(sizes, language))


def is_abbreviation(key: str) -> bool:
    return bool(_SHORT.fullmatch(key)) and len(key) <= MOST_IN_SHORT


def _begun(key: str, language: str) -> tuple[list[str], list[int]]:
    """The words of `key` as shown, and the letters of those that are not shown whole."""
    begun, sizes = [], []
    words = key.split()
    for word in words:
        if len(words) > 1 and word.lower() in grammar.FUNCTION_WORDS[language]:
            begun.append(word)
            continue
        kept = _ELIDED.match(word) if language == "fr" and len(words) > 1 else None
        lead, bare = (kept[1], word[kept.end() :]) if kept else ("", word)
        size = sum(map(str.isalnum, bare))
        shown = 2 if len(words) == 1 and size >= LONG and not bare[:2].isupper() else 1  # "IP-Adresse"
        begun.append(f"{lead}{bare[:shown]}…{bare[-1] if size >= LONG else ''}")
        sizes.append(size)
    return begun, sizes


def fits(name: str, hint: str, language: str) -> bool:
    """Whether `name` (a term, as written or normalised) has the words and letters of `hint`."""
    return any(lemmas.plain(of(form, language)) == lemmas.plain(hint) for form in (name, name.upper()))
