"""The words of stems and notes in the four languages; what a learner reads around the text's own words."""

from collections.abc import Mapping

STEMS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("cloze", "term"): {
        "en": "Complete the sentence: {body}",
        "es": "Completa la frase: {body}",
        "fr": "Complétez la phrase : {body}",
        "de": "Ergänzen Sie den Satz: {body}",
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
    ("short_answer", "number"): {
        "en": "Write the missing number: {body}",
        "es": "Escribe el número que falta: {body}",
        "fr": "Écrivez le nombre qui manque : {body}",
        "de": "Nennen Sie die fehlende Zahl: {body}",
    },
    ("short_answer", "quantity"): {
        "en": "Write the missing number with its unit: {body}",
        "es": "Escribe el número que falta con su unidad: {body}",
        "fr": "Écrivez le nombre qui manque avec son unité : {body}",
        "de": "Nennen Sie die fehlende Zahl mit ihrer Einheit: {body}",
    },
    ("short_answer", "year"): {
        "en": "Write the missing year: {body}",
        "es": "Escribe el año que falta: {body}",
        "fr": "Écrivez l’année qui manque : {body}",
        "de": "Nennen Sie das fehlende Jahr: {body}",
    },
    ("true_false", ""): {
        "en": "True or false? {body}",
        "es": "¿Verdadero o falso? {body}",
        "fr": "Vrai ou faux ? {body}",
        "de": "Richtig oder falsch? {body}",
    },
    ("ordering", "steps"): {
        "en": "Put the steps in order: {body}",
        "es": "Ordena los pasos: {body}",
        "fr": "Mettez les étapes dans l’ordre : {body}",
        "de": "Bringen Sie die Schritte in die richtige Reihenfolge: {body}",
    },
    ("ordering", "dates"): {
        "en": "Put the events in order, the earliest first.",
        "es": "Ordena los acontecimientos, del más antiguo al más reciente.",
        "fr": "Mettez les événements dans l’ordre, du plus ancien au plus récent.",
        "de": "Bringen Sie die Ereignisse in die zeitliche Reihenfolge, das früheste zuerst.",
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


def stem(kind: str, form: str, language: str, **parts: str) -> str:
    """The question with its instruction; `parts` are text of the lesson and stay as they are."""
    words = STEMS.get((kind, form)) or STEMS[kind, ""]
    return words[language].format(**parts)


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
