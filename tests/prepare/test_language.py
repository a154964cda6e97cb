import doctest

import pandas as pd
import pytest

from learnloop.prepare import language
from learnloop.prepare.language import detect, normalise_language, resolve_languages

PARAGRAPHS = {
    "en": (
        "The median is the middle value of a sorted list. When the list has an even number of values, "
        "the median lies halfway between the two in the middle. It hardly moves when one value is very "
        "large, which is why incomes are often described by it rather than by the mean of all of them "
        "together."
    ),
    "es": (
        "La mediana es el valor central de una lista ordenada. Cuando la lista tiene un número par de "
        "valores, la mediana está a medio camino entre los dos del centro. Apenas se mueve cuando un "
        "valor es muy grande, y por eso los ingresos se describen a menudo con ella y no con el promedio "
        "de todos."
    ),
    "fr": (
        "La médiane est la valeur centrale d'une liste triée. Quand la liste a un nombre pair de "
        "valeurs, la médiane se trouve à mi-chemin entre les deux du milieu. Elle bouge à peine quand "
        "une valeur est très grande, et c'est pourquoi on décrit souvent les revenus par elle plutôt que "
        "par la moyenne."
    ),
    "de": (
        "Der Median ist der mittlere Wert einer sortierten Liste. Hat die Liste eine gerade Anzahl von "
        "Werten, so liegt der Median in der Mitte zwischen den beiden mittleren. Er bewegt sich kaum, "
        "wenn ein Wert sehr groß ist, und deshalb werden Einkommen oft durch ihn und nicht durch den "
        "Durchschnitt beschrieben."
    ),
}


def test_the_examples_hold() -> None:
    result = doctest.testmod(language)
    assert result.attempted >= 2
    assert result.failed == 0


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ("en", "en"),
        ("en-GB", "en"),
        (" ES ", "es"),
        ("es_ES.UTF-8", "es"),
        ("fra", "fr"),
        ("ger", "de"),
        ("gsw", "gsw"),
        ("Français", "fr"),
        ("zh-Hans-CN", "zh"),
        ("und", None),
        ("", None),
        ("x-default", None),
        ("the language", None),
    ],
)
def test_declared_languages(declared: str, code: str | None) -> None:
    assert normalise_language(declared) == code


@pytest.mark.parametrize("code", PARAGRAPHS)
def test_paragraphs_are_told_apart(code: str) -> None:
    assert detect(PARAGRAPHS[code]) == code


@pytest.mark.parametrize("text", ["", "OK", "x = 3 + 4", "1234 5678 " * 50, "Taxi, Hotel, Radio"])
def test_short_or_unclear_texts_are_undetermined(text: str) -> None:
    assert detect(text) == "und"


def test_declarations_count_and_are_overruled_only_by_long_clear_texts() -> None:
    rows = [
        ("en-GB", PARAGRAPHS["en"], "en"),  # as declared
        ("en", PARAGRAPHS["es"], "es"),  # declared wrongly, and it shows
        ("en", "La mediana es el valor central de una lista ordenada.", "en"),  # too short to overrule
        ("sw", PARAGRAPHS["de"], "sw"),  # a language the detector does not know
        (None, PARAGRAPHS["fr"], "fr"),  # detected
        ("x-default", PARAGRAPHS["de"], "de"),  # declares nothing
        (None, "OK", "und"),
        (None, None, "und"),
    ]
    declared, texts, expected = (pd.Series(column, index=range(10, 18)) for column in zip(*rows, strict=True))
    found, confidence, repairs = resolve_languages(declared, texts)
    assert found.tolist() == expected.tolist()
    assert found.index.equals(declared.index)
    # how sure the detector is, where it was the one that decided
    assert confidence.notna().tolist() == [False, True, False, False, True, True, False, False]
    assert confidence.dropna().between(0.8, 1.0).all()
    assert repairs == {"language declared wrongly": 1, "language detected": 2}
