"""What a text is about, in a few words of its title: questions that need it show it.

    "Chapter 4: The Panama Canal"  ->  "The Panama Canal"
    "TEMA 3. EL PROCESO PENAL"     ->  "El proceso penal"
    "Introduction"                 ->  ""

"The canal opened in ____." says of which canal nobody speaks; "(The Panama Canal)" before it does.
"""

import re

MOST_WORDS = 10
HEADING_WORDS = 12  # of a first line that is taken for a title

# The number of a part of a course, and its name.
_NUMBERING = re.compile(
    r"^\s*(?:(?:chapter|unit|lesson|module|section|part|week|topic|session|lecture|capítulo|tema|unidad"
    r"|lección"
    r"|módulo|sección|parte|semana|sesión|chapitre|cours|leçon|unité|module|partie|séance|semaine|thème"
    r"|fiche|ficha|arbeitsblatt|worksheet|kapitel|lektion|einheit|modul|teil|woche|thema|lernfeld|abschnitt|sitzung)\s*)?"
    r"(?:n[°º]\s*)?(?:\d+(?:\.\d+)*|[IVX]+(?=[.:) ]))\s*[.:)–—-]*\s+",
    re.I,
)
_PARTS = re.compile(r"\s[–—|]\s|\s?[:;]\s|\s-\s|\.\s|\s?[?!]\s")
_SAYS_NOTHING = re.compile(
    r"(?:introduction|overview|summary|worksheet|handout|notes|contents|untitled|document|readme|text"
    r"|introducción|resumen|apuntes|ficha|índice|introducción general|résumé|fiche|notes de cours|sommaire"
    r"|einleitung|einführung|zusammenfassung|arbeitsblatt|übersicht|skript|inhalt)",
    re.I,
)


def topic(title: str, text: str = "") -> str:
    """What `title`, or a heading at the beginning of `text`, says; "" where neither says."""
    found = title.strip() or _heading(text)
    pieces = _PARTS.split(found)
    parts = sorted(filter(None, map(_plain, pieces)), key=lambda part: -len(part.split()))
    whole = [_plain(found)] if len(parts) == len(pieces) else []  # else one of them says nothing
    for name in (*whole, *parts):
        if name and len(name.split()) <= MOST_WORDS and not re.search(r"[()\[\]{}<>\"“”«»„_]", name):
            return name
    return ""


def _plain(name: str) -> str:
    """`name` without its numbering and its stops; capitals alone become a sentence's."""
    name = _NUMBERING.sub("", name + " ").strip(" .,:;–—-*#?!¿¡·•|\t")
    if _SAYS_NOTHING.fullmatch(name) or not re.search(r"[^\W\d_]{3}", name) or name.isdigit():
        return ""
    return name.capitalize() if name.isupper() and " " in name else name[:1].upper() + name[1:]


def _heading(text: str) -> str:
    """The first line, where it is short, no sentence, and followed by an empty line or a long one."""
    first, _, rest = text.strip().partition("\n")
    first = first.strip()
    follows = rest.split("\n", 1)[0].strip()
    if not first or len(first.split()) > HEADING_WORDS or first[-1] in ".,;!?:" or first[:1] in "-*•–":
        return ""
    return first if not follows or len(follows.split()) > HEADING_WORDS else ""
