"""Is an answer the key but for its form? Case, accents where the language allows, articles, plural.

"The Leaves" is "leaf", "Fotosintesis" is "fotosíntesis", "it is 'oxygen'." is "oxygen"; "año" is not "ano".
"""

import re

from learnloop.assess import words

# What people say before a short answer.
_CARRIERS = {
    "en": r"(?:it is|it s|its|they are|this is|that is|the answer is|answer|i think it is|i think)",
    "es": r"(?:es|son|se llama|la respuesta es|respuesta|creo que es|creo que son)",
    "fr": r"(?:c est|ce sont|il s agit de|la réponse est|réponse|je pense que c est)",
    "de": r"(?:es ist|das ist|das sind|es sind|die antwort ist|antwort|ich glaube es ist)",
}
_TRUE = {
    "en": "true t yes right correct",
    "es": "verdadero v cierto sí si correcto",
    "fr": "vrai v oui exact juste",
    "de": "wahr w richtig r ja stimmt",
}
_FALSE = {
    "en": "false f no wrong incorrect",
    "es": "falso f no incorrecto",
    "fr": "faux f non incorrect",
    "de": "falsch f nein unwahr",
}
SHORT = 3  # letters up to which an accent tells words apart ("si", "sí"; "ou", "où")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_DEGREES = {"en": ("er", "est")}  # "higher" is no plural of "high"


def same_text(answer: str, key: str, language: str) -> bool:
    """Whether both are one in normal form, word by word and in the same order."""
    said, wanted = _form(answer, language), _form(key, language)
    if not wanted:
        return words.visible(answer) == words.visible(key)
    if _same(said, wanted, language):
        return True
    bare = _without_carrier(answer, language)
    return bare is not None and _same(_form(bare, language), wanted, language)


def same_word(one: str, other: str, language: str) -> bool:
    """Equal but for accents where these are free, and singular or plural.

    >>> same_word("leaves", "leaf", "en"), same_word("higher", "high", "en"), same_word("ano", "año", "es")
    (True, False, False)
    """
    if one == other or _unaccented(one, language) == _unaccented(other, language):
        return True
    if any(c.isdigit() for c in one + other):
        return False
    degrees = _DEGREES.get(language, ())
    if degrees and one.endswith(degrees) != other.endswith(degrees):
        return False
    first, second = (words.lemma_forms(word, language) for word in (one, other))
    shared = {_unaccented(form, language) for form in first} & {
        _unaccented(form, language) for form in second
    }
    plain = {_unaccented(word, language) for word in (one, other)}
    # one of the two is the dictionary form itself: two inflected forms of a verb are not one answer
    return bool(shared & plain) and one[:1] == other[:1]


def true_or_false(text: str, language: str) -> bool | None:
    """What a one-word answer to a true/false question says; "true" and "false" in every language."""
    said = " ".join(words.tokens(text, language))
    if said in ("true", *_TRUE.get(language, "").split()):
        return True
    return False if said in ("false", *_FALSE.get(language, "").split()) else None


def _form(text: str, language: str) -> list[str]:
    """Words without articles; the articles stay where there is nothing else ("La" of a musical note)."""
    found = words.tokens(text, language)
    kept = [word for word in found if word not in words.ARTICLES.get(language, frozenset())]
    signs = re.findall(r"(?<!\w)[-−](?=\d)|[+=<>²³√∞]", words.visible(text))
    return (kept or found) + signs


def _without_carrier(text: str, language: str) -> str | None:
    plain = re.sub(r"['’]", " ", words.visible(text).casefold())
    match = re.match(rf"{_CARRIERS.get(language, '(?!)')}\s*[:,]?\s+(.+)", plain)
    return match[1] if match else None


def _same(one: list[str], other: list[str], language: str) -> bool:
    return len(one) == len(other) and all(same_word(a, b, language) for a, b in zip(one, other, strict=True))


def _unaccented(word: str, language: str) -> str:
    """Spelt as on a plain keyboard. Spanish ñ stays, German umlauts become ae, oe, ue."""
    if language == "de":
        return words.without_accents(word.translate(_UMLAUTS))
    if len(word) <= SHORT and language in ("es", "fr"):
        return word
    return words.without_accents(word.replace("ñ", "\0")).replace("\0", "ñ")
