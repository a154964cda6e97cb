"""Syllables known from dictionaries, formulas on counted texts, harder texts above easier ones."""

import pytest

from learnloop.assess.reading_level import counts, reading_level, sentences, syllables
from learnloop.errors import BadInput

SYLLABLES = {
    "en": {"cat": 1, "water": 2, "table": 2, "photosynthesis": 5, "makes": 1, "baked": 1, "wanted": 2},
    "es": {"día": 2, "agua": 2, "murciélago": 4, "rey": 1, "guerra": 2, "cigüeña": 3, "país": 2, "y": 1},
    "fr": {"eau": 1, "école": 2, "table": 1, "travail": 2, "photosynthèse": 4, "parlent": 1, "idée": 2},
    "de": {"Haus": 1, "Wasser": 2, "Fotosynthese": 5, "Übung": 2, "Temperatur": 4, "Katze": 2},
}
EASY = {
    "en": "The cat sat on the mat. It is warm. The sun is up.",
    "es": "El gato duerme. El sol brilla. Hace calor en la casa.",
    "fr": "Le chat dort. Il est noir. Le soir il fait froid.",
    "de": "Die Katze schläft. Sie ist schwarz. Heute ist es warm.",
}
HARD = {
    "en": "Notwithstanding considerable experimental uncertainty, contemporary investigations demonstrate"
    " that photosynthetic organisms continuously optimise electromagnetic energy absorption.",
    "es": "La implementación de procedimientos administrativos extraordinarios requiere necesariamente la"
    " autorización correspondiente de las instituciones gubernamentales competentes.",
    "fr": "L'établissement des procédures administratives extraordinaires nécessite une considération"
    " particulière des responsabilités institutionnelles correspondantes.",
    "de": "Die Berücksichtigung verwaltungsrechtlicher Zuständigkeiten erfordert umfangreiche"
    " Auseinandersetzungen mit verfassungsrechtlichen Grundsatzfragen der Bundesrepublik.",
}


@pytest.mark.parametrize(
    ("language", "word", "n"),
    [(language, word, n) for language, known in SYLLABLES.items() for word, n in known.items()],
)
def test_syllables(language: str, word: str, n: int) -> None:
    assert syllables(word, language) == n


@pytest.mark.parametrize("language", EASY)
def test_hard_texts_lie_above_easy_ones(language: str) -> None:
    assert reading_level(EASY[language], language) < 5
    assert reading_level(HARD[language], language) > 12


def test_flesch_kincaid_by_hand() -> None:
    """Three sentences, 9 + 4 + 5 words of one syllable but for `water` and `river`."""
    text = "The cold water of the wide river ran fast. We sat by it. Then we all went home."
    found = counts(text, "en")
    assert (found.sentences, found.words, found.syllables) == (3, 18, 20)
    assert reading_level(text, "en") == pytest.approx(max(0.0, 0.39 * 18 / 3 + 11.8 * 20 / 18 - 15.59))


def test_the_vienna_formula_by_hand() -> None:
    text = "Das Wasser im Fluss ist kalt. Die Temperatur fällt in der Nacht."
    found = counts(text, "de")
    assert (found.words, found.long_words, found.short_words, found.many_letters) == (12, 1, 10, 1)
    by_hand = 0.1935 * 100 / 12 + 0.1672 * 6 + 0.1297 * 100 / 12 - 0.0327 * 1000 / 12 - 0.875
    assert reading_level(text, "de") == pytest.approx(max(0.0, by_hand))


def test_sentences() -> None:
    text = "Dr. Smith saw 3.5 cells, e.g. one. Really?! Yes…\n\nA heading\n\nThe end"
    assert sentences(text) == [
        "Dr. Smith saw 3.5 cells, e.g. one.", "Really?!", "Yes…", "A heading", "The end"
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "language"), [("", "en"), ("123 !", "en"), ("bonjour", "it")])
def test_what_has_no_level(text: str, language: str) -> None:
    with pytest.raises(BadInput):
        reading_level(text, language)
