"""The few words that a sheet or a card needs, in the languages questions are in, and answers in words.

words("es")["answer"]  ->  "Respuesta"
answered(question)     ->  "B) velocity"
"""

from collections.abc import Sequence

from learnloop.exchange.rows import ARROW, Question

_ENGLISH = {
    "questions": "Questions",
    "key_title": "Answer key",
    "name": "Name",
    "date": "Date",
    "answer": "Answer",
    "true": "True",
    "false": "False",
    "order": "Order",
    "also": "also right",
    "corrected": "Corrected",
    "source": "Source",
    "why": "Why",
    "tolerance": "tolerance",
}
_WORDS = {
    "en": _ENGLISH,
    "es": {
        "questions": "Preguntas",
        "key_title": "Respuestas",
        "name": "Nombre",
        "date": "Fecha",
        "answer": "Respuesta",
        "true": "Verdadero",
        "false": "Falso",
        "order": "Orden",
        "also": "también correcto",
        "corrected": "Corregido",
        "source": "Fuente",
        "why": "Por qué",
        "tolerance": "tolerancia",
    },
    "fr": {
        "questions": "Questions",
        "key_title": "Corrigé",
        "name": "Nom",
        "date": "Date",
        "answer": "Réponse",
        "true": "Vrai",
        "false": "Faux",
        "order": "Ordre",
        "also": "également juste",
        "corrected": "Rectifié",
        "source": "Source",
        "why": "Pourquoi",
        "tolerance": "tolérance",
    },
    "de": {
        "questions": "Fragen",
        "key_title": "Lösungen",
        "name": "Name",
        "date": "Datum",
        "answer": "Antwort",
        "true": "Richtig",
        "false": "Falsch",
        "order": "Reihenfolge",
        "also": "auch richtig",
        "corrected": "Berichtigt",
        "source": "Quelle",
        "why": "Warum",
        "tolerance": "Toleranz",
    },
}


def words(language: str) -> dict[str, str]:
    """Of another language: the English ones."""
    return _WORDS.get(language, _ENGLISH)


def letter(number: int) -> str:
    """
    >>> letter(0), letter(25), letter(26)
    ('A', 'Z', 'AA')
    """
    name = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def lettered(options: Sequence[str]) -> list[str]:
    return [f"{letter(number)}) {text}" for number, text in enumerate(options)]


def answered(question: Question) -> str:
    """What is right, as a teacher would write it on a key."""
    said = words(question.language)
    if question.kind == "true_false":
        return said[question.key]
    if question.kind == "ordering":
        places = _places(question.order, question.options)
        return f"{' '.join(letter(place) for place in places)}\n{ARROW.join(question.order)}"
    if question.kind == "matching":
        places = _places([right for _, right in question.pairs], question.options)
        pairs = zip(question.pairs, places, strict=True)
        return "\n".join(
            f"{n}{letter(p)}) {left}: {right}" for n, ((left, right), p) in enumerate(pairs, start=1)
        )
    if question.options:
        return f"{letter(question.options.index(question.key))}) {question.key}"
    tolerance = question.answer.get("tolerance") if question.numeric else None
    point = "." if said is _ENGLISH else ","
    also = [f"({said['tolerance']} ± {tolerance:g})".replace(".", point)] if tolerance else []
    also += [f"({said['also']}: {'; '.join(question.aliases)})"] if question.aliases else []
    return " ".join([question.key, *also])


def _places(texts: Sequence[str], shown: Sequence[str]) -> list[int]:
    """Where each text stands among those shown; one that stands twice is taken twice."""
    taken: list[int] = []
    for text in texts:
        taken.append(next(n for n, other in enumerate(shown) if other == text and n not in taken))
    return taken
