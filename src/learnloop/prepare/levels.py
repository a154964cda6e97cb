"""Levels as sources call them in, one scale of three out: beginner, intermediate, advanced.

    Principiantes · A2 · 101 · Grade 3      beginner
    B1 · intermédiaire · Mittelstufe        intermediate
    Fortgeschrittene · graduate · C1        advanced

The Common European Framework's A is a basic user, B an independent one, C a proficient one. A course's
number tells its year (101, 205, 340). A grade is placed within school: 1 to 5, 6 to 9, 10 to 12. What is
said of several levels ("all levels", "beginner to advanced") is none; the words themselves are kept.
"""

import re

import pandas as pd

from learnloop.prepare.units import without_accents

SCALE = ("beginner", "intermediate", "advanced")
_WORDS = {
    "beginner": "beginner beginners basic basics introductory introduction intro elementary easy novice"
    " foundation foundational fundamental fundamentals starter principiante principiantes basico basica"
    " introductorio introductoria inicial elemental facil debutant debutants debutante elementaire facile"
    " initiation anfanger einsteiger grundstufe grundlagen einfuhrung leicht grundkurs",
    "intermediate": "intermediate medium moderate intermedio intermedia medio intermediaire moyen"
    " mittelstufe mittel aufbaukurs",
    "advanced": "advanced expert experts hard difficult proficient avanzado avanzada experto dificil superior"
    " avance avancee difficile fortgeschritten fortgeschrittene fortgeschrittener experte schwer oberstufe"
    " graduate postgraduate master masters doctoral",
}
_LEVEL = {word: level for level, words in _WORDS.items() for word in words.split()}
_IGNORED_WORDS = (
    "level levels nivel niveau stufe course curso cours kurs for para pour fur students "
    "learners user cefr mcer cecr ger the a an de los"
)
_IGNORED = frozenset(_IGNORED_WORDS.split(" "))
_CEFR = re.compile(r"([abc])[12]\+?")
_COURSE = re.compile(r"(?:[a-z]{2,5}[ -]?)?([1-4])\d{2}")
_GRADE = re.compile(
    r"(?:grade|year|class|klasse|grado|grade level)\s*(\d{1,2})|(\d{1,2})(?:st|nd|rd|th)\s+grade"
)
UNKNOWN = "level on no known scale: NA"


def level(text: str) -> str | None:
    """One of SCALE; None where `text` says none, or several.

    >>> level("Principiantes"), level("B1"), level("Biology 101"), level("all levels")
    ('beginner', 'intermediate', None, None)
    >>> level("101"), level("Grade 11"), level("Niveau avancé")
    ('beginner', 'advanced', 'advanced')
    """
    plain = without_accents(text).casefold().strip(" .:")
    if match := _GRADE.fullmatch(plain):
        grade = int(match[1] or match[2])
        return None if not 1 <= grade <= 12 else SCALE[(grade > 5) + (grade > 9)]
    if match := _COURSE.fullmatch(plain):
        return SCALE[min(int(match[1]), 3) - 1]
    found = set()
    for word in re.findall(r"[^\W_]+\+?", plain):
        if match := _CEFR.fullmatch(word):
            found.add(SCALE["abc".index(match[1])])
        elif word in _LEVEL:
            found.add(_LEVEL[word])
        elif word not in _IGNORED:
            return None
    return found.pop() if len(found) == 1 else None


def levels(texts: pd.Series) -> tuple[pd.Series, dict[str, int]]:
    """(levels of SCALE or NA, repairs): what is on no scale becomes NA and is counted, NA stays NA."""
    found = [level(text) if isinstance(text, str) else None for text in texts.astype(object)]
    values = pd.Series(found, index=texts.index, dtype="str", name=texts.name)
    lost = int((values.isna() & texts.notna() & texts.ne("")).sum())
    moved = int((values.notna() & (values != texts.str.casefold())).sum())
    return values, {rule: n for rule, n in ((UNKNOWN, lost), ("level put on one scale", moved)) if n}
