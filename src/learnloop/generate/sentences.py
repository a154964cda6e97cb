"""Sentences of a plain text with their character offsets, by rule, for English, Spanish, French, German."""

import re
from dataclasses import dataclass
from itertools import pairwise

# After these a full stop does not end a sentence. Compared in lower case without the last stop.
_COMMON = "etc approx vs cf fig eq no vol pp p ca dr prof st max min e.g i.e a.m p.m ph.d u.s u.k al"
_ABBREVIATIONS = {
    "en": _COMMON + " mr mrs ms jr sr inc ltd co dept est jan feb mar apr jun jul aug sep sept oct nov dec",
    "es": _COMMON + " sr sra srta dra ud uds p.ej ej pág págs núm aprox tel av ee.uu a.c d.c máx mín art",
    "fr": _COMMON + " m mm mme mlle me p.ex ex env av apr n° chap éd art janv févr juil sept oct nov déc",
    "de": _COMMON
    + " z.b d.h u.a bzw usw ggf sog vgl evtl abb nr hr fr str s.o s.u o.ä v.a mio mrd tsd bspw z u d s o"
    " inkl zzgl jh z.t i.d.r u.ä",
}
_ABBREVIATION_SETS = {language: frozenset(words.split()) for language, words in _ABBREVIATIONS.items()}
# "Im 19. Jahrhundert": a German ordinal keeps its stop and is followed by one of these, or by small letters.
AFTER_ORDINAL = re.compile(
    r"(?:Jahrhundert|Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
    r"|Klasse|Kapitel|Auflage|Stelle|Platz|Tag|Schritt|Spalte|Zeile|Element|Grad|Ordnung)"
)
# Sentence ends: stops, then closing quotes or brackets, then space.
_END = re.compile(r"[.!?…]+(?:[\"'”’“)\]]|[ \u00a0\u202f]?»)*(?=\s)")
_LINE_BREAK = re.compile(r"[ \t]*\n[ \t]*")
_BULLET = re.compile(r"[-*•–]\s|\d{1,2}[.)]\s")
_HEADING_WIDTH = 60  # a shorter line without a full stop, before a capital, is a heading


@dataclass(frozen=True)
class Sentence:
    """`text == source[start:end]`; `paragraph` counts from 0 (a blank line begins the next)."""

    start: int
    end: int
    text: str
    paragraph: int


def split(text: str, language: str) -> list[Sentence]:
    """Sentences in order, without the space around them. Unknown languages use English abbreviations."""
    breaks = {0, len(text)}
    for line in _LINE_BREAK.finditer(text):
        if _breaks_at_line(text, line.start(), line.end()):
            breaks.add(line.end())
    for stop in _END.finditer(text):
        if _ends_sentence(text, stop.start(), stop.end(), language):
            breaks.add(stop.end())
    edges = sorted(breaks)
    found = []
    for left, right in pairwise(edges):
        start = left + len(text[left:right]) - len(text[left:right].lstrip())
        end = right - (len(text[left:right]) - len(text[left:right].rstrip()))
        if start < end:
            paragraph = len(re.findall(r"\n\s*\n", text[:start]))
            found.append(Sentence(start, end, text[start:end], paragraph))
    return found


def _breaks_at_line(text: str, start: int, end: int) -> bool:
    """A blank line, a bullet or a heading ends a sentence; a line that was merely wrapped does not."""
    before = text[text.rfind("\n", 0, start) + 1 : start]
    after = text[end : end + 4]
    if not before.strip() or not after.strip() or _BULLET.match(text[end:]):
        return True
    return len(before) < _HEADING_WIDTH and before.rstrip()[-1] not in ",;-" and after[:1].isupper()


def _ends_sentence(text: str, start: int, end: int, language: str) -> bool:
    following = text[end:].lstrip()
    if not following:
        return True
    word = re.split(r"[\s(\[“«\"]", text[max(0, start - 20) : start])[-1]
    if text[start] == "." and text[end - 1] == ".":
        measured = re.search(r"\d[\s\u00a0]?$", text[max(0, start - len(word) - 2) : start - len(word)])
        era = re.match(r"J\.|C\.|Chr", following)  # "vers 330 av. J.-C."
        if measured and following[0].isupper() and not era:  # "330 m. The underground …"
            return True
        if word.lower() in _ABBREVIATION_SETS.get(language, _ABBREVIATION_SETS["en"]):
            return False
        if len(word) == 1 and word.isupper() and word not in "XY":  # the initial of a name, "z. B."
            return False
        if language == "de" and re.fullmatch(r"\d{1,2}", word) and AFTER_ORDINAL.match(following):
            return False
    # A small letter continues the sentence ("approx. five", "!= means"); a digit or a capital begins one.
    return not following[0].islower()
