"""The words of stems and notes in the four languages; what a learner reads around the text's own words."""

import re
from collections.abc import Mapping, Sequence

STEMS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("cloze", "term"): {
        "en": "Complete the sentence{topic}: {body}",
        "es": "Completa la frase{topic}: {body}",
        "fr": "Complétez la phrase{topic} : {body}",
        "de": "Ergänzen Sie den Satz{topic}: {body}",
    },
    ("multiple_choice", "description"): {
        "en": "Which description fits “{term}”?",
        "es": "¿Qué descripción corresponde a «{term}»?",
        "fr": "Quelle description correspond à « {term} » ?",
        "de": "Welche Beschreibung passt zu „{term}“?",
    },
    ("multiple_choice", "term"): {
        "en": "Which term fits the description “{body}”?",
        "es": "¿Qué término corresponde a la descripción «{body}»?",
        "fr": "Quel terme correspond à la description « {body} » ?",
        "de": "Welcher Begriff passt zur Beschreibung „{body}“?",
    },
    ("short_answer", "term"): {
        "en": "Write the term for the description “{body}”.",
        "es": "Escribe el término que corresponde a la descripción «{body}».",
        "fr": "Écrivez le terme qui correspond à la description « {body} ».",
        "de": "Nennen Sie den Begriff zur Beschreibung „{body}“.",
    },
    ("short_answer", "name"): {
        "en": "Write the missing term{topic}: {body}",
        "es": "Escribe el término que falta{topic}: {body}",
        "fr": "Écrivez le terme qui manque{topic} : {body}",
        "de": "Nennen Sie den fehlenden Begriff{topic}: {body}",
    },
    ("short_answer", "number"): {
        "en": "Write the missing number{topic}: {body}",
        "es": "Escribe el número que falta{topic}: {body}",
        "fr": "Écrivez le nombre qui manque{topic} : {body}",
        "de": "Nennen Sie die fehlende Zahl{topic}: {body}",
    },
    ("short_answer", "quantity"): {
        "en": "Write the missing number with its unit{topic}: {body}",
        "es": "Escribe el número que falta con su unidad{topic}: {body}",
        "fr": "Écrivez le nombre qui manque avec son unité{topic} : {body}",
        "de": "Nennen Sie die fehlende Zahl mit ihrer Einheit{topic}: {body}",
    },
    ("short_answer", "year"): {
        "en": "Write the missing year{topic}: {body}",
        "es": "Escribe el año que falta{topic}: {body}",
        "fr": "Écrivez l’année qui manque{topic} : {body}",
        "de": "Nennen Sie das fehlende Jahr{topic}: {body}",
    },
    ("true_false", ""): {
        "en": "True or false?{topic} {body}",
        "es": "¿Verdadero o falso?{topic} {body}",
        "fr": "Vrai ou faux ?{topic} {body}",
        "de": "Richtig oder falsch?{topic} {body}",
    },
    ("ordering", "steps"): {
        "en": "Put the steps in order: {body}",
        "es": "Ordena los pasos: {body}",
        "fr": "Mettez les étapes dans l’ordre : {body}",
        "de": "Bringen Sie die Schritte in die richtige Reihenfolge: {body}",
    },
    ("ordering", "dates"): {
        "en": "Put the events in order, the earliest first{topic}.",
        "es": "Ordena los acontecimientos, del más antiguo al más reciente{topic}.",
        "fr": "Mettez les événements dans l’ordre, du plus ancien au plus récent{topic}.",
        "de": "Bringen Sie die Ereignisse in die zeitliche Reihenfolge, das früheste zuerst{topic}.",
    },
    ("matching", "definitions"): {
        "en": "Match each term with its description: {body}.",
        "es": "Relaciona cada término con su descripción: {body}.",
        "fr": "Associez chaque terme à sa description : {body}.",
        "de": "Ordnen Sie jedem Begriff seine Beschreibung zu: {body}.",
    },
}
_NOTES: Mapping[str, Mapping[str, str]] = {
    "key": {
        "en": "The text says: “{quote}”",
        "es": "El texto dice: «{quote}»",
        "fr": "Le texte dit : « {quote} »",
        "de": "Im Text steht: „{quote}“",
    },
    "term": {
        "en": "Another term of the course.",
        "es": "Otro término del curso.",
        "fr": "Un autre terme du cours.",
        "de": "Ein anderer Begriff des Kurses.",
    },
    "defined": {
        "en": "Another term of the course: {meaning}.",
        "es": "Otro término del curso: {meaning}.",
        "fr": "Un autre terme du cours : {meaning}.",
        "de": "Ein anderer Begriff des Kurses: {meaning}.",
    },
    "description": {
        "en": "That describes “{term}”.",
        "es": "Eso describe «{term}».",
        "fr": "Cela décrit « {term} ».",
        "de": "Das beschreibt „{term}“.",
    },
    "number": {
        "en": "A changed figure; the text says {key}.",
        "es": "Una cifra cambiada; el texto dice {key}.",
        "fr": "Un chiffre modifié ; le texte dit {key}.",
        "de": "Eine veränderte Zahl; im Text steht {key}.",
    },
}

# How the key of a short answer begins.
_HINTS: Mapping[str, Mapping[str, str]] = {
    "words": {
        "en": "Hint: {letters} ({count} letters).",
        "es": "Pista: {letters} ({count} letras).",
        "fr": "Indice : {letters} ({count} lettres).",
        "de": "Hinweis: {letters} ({count} Buchstaben).",
    },
    "abbreviation": {
        "en": "Hint: an abbreviation of {count} letters.",
        "es": "Pista: una sigla de {count} letras.",
        "fr": "Indice : un sigle de {count} lettres.",
        "de": "Hinweis: eine Abkürzung mit {count} Buchstaben.",
    },
}
_HINT = re.compile(
    r" (?:Hint: |Pista: |Indice : |Hinweis: )(?=[^.]*(?:letters|letras|lettres|Buchstaben)\)?\.$)"
)
_AND = {"en": "and", "es": "y", "fr": "et", "de": "und"}


def hint(form: str, language: str, **parts: str) -> str:
    return _HINTS[form][language].format(**parts)


def hint_of(stem: str) -> str:
    """The hint at the end of `stem`, "" where there is none."""
    found = _HINT.search(stem)
    return stem[found.start() + 1 :] if found else ""


def without_hint(stem: str) -> str:
    found = _HINT.search(stem)
    return stem[: found.start()] if found else stem


def listed(numbers: Sequence[int], language: str) -> str:
    """ "4, 5 and 6"."""
    *rest, last = map(str, numbers)
    return f"{', '.join(rest)} {_AND[language]} {last}" if rest else last


def stem(kind: str, form: str, language: str, topic: str = "", **parts: str) -> str:
    """The question with its instruction; `parts` are text of the lesson and stay as they are.

    `topic`: what the text is about, in brackets after the instruction, "" where it need not be said.
    """
    words = STEMS.get((kind, form)) or STEMS[kind, ""]
    return words[language].format(topic=f" ({topic})" if topic else "", **parts)


def key_note(key: str, quote: str, language: str) -> dict[str, str]:
    text = _NOTES["key"][language].format(quote=" ".join(quote.split()))
    return {"option": key, "rationale": text, "origin": "source"}


def term_note(option: str, meaning: str, language: str) -> dict[str, str]:
    """A distractor that is a term of the course; `meaning` is what the course says of it, or ""."""
    words = _NOTES["defined" if meaning else "term"][language]
    return {"option": option, "rationale": words.format(meaning=meaning), "origin": "course term"}


def description_note(option: str, term: str, language: str) -> dict[str, str]:
    words = _NOTES["description"][language]
    return {"option": option, "rationale": words.format(term=term), "origin": "course description"}


def number_note(option: str, key: str, language: str) -> dict[str, str]:
    words = _NOTES["number"][language]
    return {"option": option, "rationale": words.format(key=key), "origin": "changed figure"}
